"""Masks of segmentation and detection."""

from __future__ import annotations

from typing import Any

import tritonnn as torch
from tritonnn.vision.tv_tensors._image import _elements
from tritonnn.vision.tv_tensors._tv_tensor import TVTensor


class Mask(TVTensor):
    """A mask of classes, (height, width), or one for each object, (objects, height, width).

    >>> import tritonnn as torch
    >>> from tritonnn.vision import tv_tensors
    >>> tv_tensors.Mask(torch.zeros(2, 4, 4, dtype=torch.bool)).shape
    torch.Size([2, 4, 4])

    Args:
        data: what `torch.as_tensor` takes, or a picture of Pillow's.
        dtype: of the elements; of None that of the data.
        device: of None that of the data.
        requires_grad: of None that of the data.
    """

    def __new__(
        cls,
        data: Any,
        *,
        dtype: torch.dtype | None = None,
        device: torch.device | str | int | None = None,
        requires_grad: bool | None = None,
    ) -> Mask:
        tensor = cls._to_tensor(_elements(data), dtype=dtype, device=device, requires_grad=requires_grad)
        return tensor.as_subclass(cls)
