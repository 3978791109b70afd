"""Boxes around objects, along the axes or rotated."""

from __future__ import annotations

from enum import Enum
from typing import Any

import tritonnn as torch
from tritonnn.vision.tv_tensors._tv_tensor import TVTensor

CLAMPING_MODE_TYPE = str | None


class BoundingBoxFormat(Enum):
    """What the numbers of a box are: X and Y of corners, C of the centre, W and H its size, R its angle in degrees.

    The corners of XYXY are the upper left and the lower right one; those of XYXYXYXY are upper left, upper right, lower
    right and lower left before the rotation, which is against the clock.

    >>> from tritonnn.vision import tv_tensors
    >>> tv_tensors.BoundingBoxFormat("CXCYWH").name
    'CXCYWH'
    """

    XYXY = "XYXY"
    XYWH = "XYWH"
    CXCYWH = "CXCYWH"
    XYWHR = "XYWHR"
    CXCYWHR = "CXCYWHR"
    XYXYXYXY = "XYXYXYXY"


_ROTATED = ("XYWHR", "CXCYWHR", "XYXYXYXY")


def is_rotated_bounding_format(format: BoundingBoxFormat | str) -> bool:
    """Whether boxes of the format may be rotated.

    >>> from tritonnn.vision import tv_tensors
    >>> tv_tensors.is_rotated_bounding_format("XYWHR")
    True
    """
    if not isinstance(format, (BoundingBoxFormat, str)):
        raise ValueError(f"format should be str or BoundingBoxFormat, got {type(format)}")
    return (format if isinstance(format, str) else format.value) in _ROTATED


class BoundingBoxes(TVTensor):
    """Boxes of one picture: a tensor of a row of 4 numbers for each, 5 or 8 of rotated ones.

    >>> from tritonnn.vision import tv_tensors
    >>> tv_tensors.BoundingBoxes([[2, 3, 6, 8]], format="XYXY", canvas_size=(10, 12))
    BoundingBoxes([[2, 3, 6, 8]], format=BoundingBoxFormat.XYXY, canvas_size=(10, 12), clamping_mode=soft)

    Args:
        data: what `torch.as_tensor` takes; of rotated boxes floating-point numbers.
        format: a BoundingBoxFormat or its name.
        canvas_size: height and width of the picture.
        clamping_mode: how transforms bring boxes back into the picture: None does not; of rotated boxes, "hard" keeps
            every corner inside, "soft" the part of the box that is inside.
        dtype: of the elements; of None that of the data.
        device: of None that of the data.
        requires_grad: of None that of the data.
    """

    format: BoundingBoxFormat
    canvas_size: tuple[int, int]
    clamping_mode: CLAMPING_MODE_TYPE
    _metadata = ("format", "canvas_size", "clamping_mode")

    def __new__(
        cls,
        data: Any,
        *,
        format: BoundingBoxFormat | str,
        canvas_size: tuple[int, int],
        clamping_mode: CLAMPING_MODE_TYPE = "soft",
        dtype: torch.dtype | None = None,
        device: torch.device | str | int | None = None,
        requires_grad: bool | None = None,
    ) -> BoundingBoxes:
        tensor = cls._to_tensor(data, dtype=dtype, device=device, requires_grad=requires_grad)
        if is_rotated_bounding_format(format) and not tensor.is_floating_point():
            raise ValueError(f"Rotated bounding boxes should be floating point tensors, got {tensor.dtype}.")
        return cls._wrap(tensor, format=format, canvas_size=canvas_size, clamping_mode=clamping_mode)

    @classmethod
    def _wrap(
        cls,
        tensor: torch.Tensor,
        *,
        format: BoundingBoxFormat | str,
        canvas_size: tuple[int, int],
        clamping_mode: CLAMPING_MODE_TYPE = "soft",
        check_dims: bool = True,
    ) -> BoundingBoxes:
        if check_dims and tensor.ndim not in (1, 2):
            raise ValueError(f"Expected a 1D or 2D tensor, got {tensor.ndim}D")
        if clamping_mode not in (None, "hard", "soft"):
            raise ValueError(f"clamping_mode must be None, hard or soft, got {clamping_mode}.")
        boxes = (tensor.unsqueeze(0) if check_dims and tensor.ndim == 1 else tensor).as_subclass(cls)
        boxes.format = BoundingBoxFormat[format.upper()] if isinstance(format, str) else format
        boxes.canvas_size, boxes.clamping_mode = canvas_size, clamping_mode
        return boxes

    @classmethod
    def wrap(cls, tensor: torch.Tensor, like: BoundingBoxes, **kwargs: Any) -> BoundingBoxes:
        """The tensor as boxes of the format, canvas size and clamping mode of others, unless given."""
        return cls._wrap(tensor, **{name: kwargs.get(name, getattr(like, name)) for name in cls._metadata})

    def __repr__(self, *, tensor_contents: object = None) -> str:
        return self._make_repr(
            format=self.format, canvas_size=self.canvas_size, clamping_mode=self.clamping_mode
        )
