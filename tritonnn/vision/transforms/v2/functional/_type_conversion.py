"""Between pictures of Pillow, arrays and tensors."""

from __future__ import annotations

import numpy as np

import tritonnn as torch
from tritonnn.vision import tv_tensors
from tritonnn.vision._pillow import is_image
from tritonnn.vision._types import Picture
from tritonnn.vision.transforms.functional import pil_to_tensor, to_pil_image

__all__ = ["pil_to_tensor", "to_image", "to_pil_image"]


def to_image(inpt: Picture | np.ndarray) -> tv_tensors.Image:
    """A tensor, an array of (height, width, channels), or a picture of Pillow's as an Image; its values stay.

    >>> import numpy, tritonnn as torch
    >>> from tritonnn.vision.transforms.v2 import functional as F
    >>> F.to_image(numpy.zeros((4, 5, 3), dtype=numpy.uint8)).shape
    torch.Size([3, 4, 5])
    """
    if isinstance(inpt, np.ndarray):
        return tv_tensors.Image(torch.from_numpy(np.atleast_3d(inpt)).permute(2, 0, 1).contiguous())
    if isinstance(inpt, torch.Tensor) or is_image(inpt):
        return tv_tensors.Image(inpt)
    raise TypeError(
        f"Input can either be a pure Tensor, a numpy array, or a PIL image, but got {type(inpt)} instead."
    )
