"""Tensors that say what they are: pictures, masks, boxes, key points, videos.

The transforms of `torchvision.transforms.v2` treat each as what it is. To anything else they are tensors: what is
computed with them is a plain tensor, unless `set_return_type` says otherwise.
"""

from __future__ import annotations

from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.vision.tv_tensors._bounding_boxes import (
    BoundingBoxes,
    BoundingBoxFormat,
    is_rotated_bounding_format,
)
from tritonnn.vision.tv_tensors._image import Image
from tritonnn.vision.tv_tensors._keypoints import KeyPoints
from tritonnn.vision.tv_tensors._mask import Mask
from tritonnn.vision.tv_tensors._torch_function_helpers import set_return_type
from tritonnn.vision.tv_tensors._tv_tensor import TVTensor
from tritonnn.vision.tv_tensors._video import Video

__all__ = [
    "BoundingBoxFormat", "BoundingBoxes", "Image", "KeyPoints", "Mask", "TVTensor", "Video",
    "is_rotated_bounding_format", "set_return_type", "wrap",
]  # fmt: skip


def wrap(wrappee: Tensor, *, like: Tensor, **kwargs: Any) -> Any:
    """The tensor as one of the class of another, with what that says besides its elements.

    >>> import tritonnn as torch
    >>> from tritonnn.vision import tv_tensors
    >>> boxes = tv_tensors.BoundingBoxes([[0, 0, 4, 4]], format="XYXY", canvas_size=(8, 8))
    >>> tv_tensors.wrap(boxes + 1, like=boxes, canvas_size=(9, 9)).canvas_size
    (9, 9)

    Args:
        wrappee: the tensor.
        like: whose class and metadata the result has.
        kwargs: metadata that is to differ, such as `format`.
    """
    method = getattr(type(like), "wrap", None)
    return wrappee.as_subclass(type(like)) if method is None else method(wrappee, like, **kwargs)
