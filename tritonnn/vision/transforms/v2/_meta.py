"""Transforms of what boxes and points say of themselves."""

from __future__ import annotations

from typing import Any

from tritonnn import Tensor
from tritonnn.vision import tv_tensors
from tritonnn.vision.transforms.v2 import functional as F
from tritonnn.vision.transforms.v2._transform import Transform

__all__ = ["ClampBoundingBoxes", "ClampKeyPoints", "ConvertBoundingBoxFormat", "SetClampingMode"]


class ConvertBoundingBoxFormat(Transform):
    """Boxes in another format.

    >>> from tritonnn.vision import tv_tensors
    >>> from tritonnn.vision.transforms import v2
    >>> boxes = tv_tensors.BoundingBoxes([[2, 3, 6, 8]], format="XYXY", canvas_size=(10, 10))
    >>> v2.ConvertBoundingBoxFormat("XYWH")(boxes).tolist()
    [[2, 3, 4, 5]]

    Args:
        format: a BoundingBoxFormat or its name.
    """

    _transformed_types = (tv_tensors.BoundingBoxes,)

    def __init__(self, format: str | tv_tensors.BoundingBoxFormat) -> None:
        super().__init__()
        self.format = format

    def transform(self, inpt: tv_tensors.BoundingBoxes, params: dict[str, Any]) -> Tensor:
        return F.convert_bounding_box_format(inpt, new_format=self.format)


class ClampBoundingBoxes(Transform):
    """Boxes brought back into their canvas.

    Args:
        clamping_mode: "soft", "hard", None, or "auto", which is that of the boxes.
    """

    _transformed_types = (tv_tensors.BoundingBoxes,)

    def __init__(self, clamping_mode: str | None = "auto") -> None:
        super().__init__()
        self.clamping_mode = clamping_mode

    def transform(self, inpt: tv_tensors.BoundingBoxes, params: dict[str, Any]) -> Tensor:
        return F.clamp_bounding_boxes(inpt, clamping_mode=self.clamping_mode)


class ClampKeyPoints(Transform):
    """Points brought back onto the pixels of their canvas."""

    _transformed_types = (tv_tensors.KeyPoints,)

    def transform(self, inpt: tv_tensors.KeyPoints, params: dict[str, Any]) -> Tensor:
        return F.clamp_keypoints(inpt)


class SetClampingMode(Transform):
    """Boxes that later transforms clamp in another way.

    Args:
        clamping_mode: "soft", "hard" or None.
    """

    _transformed_types = (tv_tensors.BoundingBoxes,)

    def __init__(self, clamping_mode: str | None) -> None:
        super().__init__()
        if clamping_mode not in (None, "soft", "hard"):
            raise ValueError(f"clamping_mode must be soft, hard or None, got {clamping_mode}")
        self.clamping_mode = clamping_mode

    def transform(self, inpt: tv_tensors.BoundingBoxes, params: dict[str, Any]) -> Tensor:
        output: Any = inpt.clone()
        output.clamping_mode = self.clamping_mode
        return output
