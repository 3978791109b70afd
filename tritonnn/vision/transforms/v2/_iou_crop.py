"""A crop for detection that keeps enough of some object."""

from __future__ import annotations

from typing import Any

import tritonnn as torch
from tritonnn.vision import tv_tensors
from tritonnn.vision._pillow import is_image
from tritonnn.vision._types import PictureT
from tritonnn.vision.ops.boxes import box_iou
from tritonnn.vision.transforms.v2 import functional as F
from tritonnn.vision.transforms.v2._transform import Transform
from tritonnn.vision.transforms.v2._utils import (
    get_bounding_boxes,
    has_all,
    has_any,
    is_pure_tensor,
    query_size,
)

__all__ = ["RandomIoUCrop"]


class RandomIoUCrop(Transform):
    """A random part of the sample of which at least one box takes enough, as SSD does, or the whole of it.

    Boxes whose centre lies outside of the part become empty: `SanitizeBoundingBoxes` after it leaves them out.

    Args:
        min_scale: the least part of width and height.
        max_scale: the largest.
        min_aspect_ratio: the least width by height.
        max_aspect_ratio: the largest.
        sampler_options: least intersections over union of the part with a box, of which one is chosen; from 1 on it is
            the whole sample. None: from 0 to 1.
        trials: how often a part is drawn before another option is.
    """

    def __init__(
        self,
        min_scale: float = 0.3,
        max_scale: float = 1.0,
        min_aspect_ratio: float = 0.5,
        max_aspect_ratio: float = 2.0,
        sampler_options: list[float] | None = None,
        trials: int = 40,
    ) -> None:
        super().__init__()
        self.min_scale = min_scale
        self.max_scale = max_scale
        self.min_aspect_ratio = min_aspect_ratio
        self.max_aspect_ratio = max_aspect_ratio
        self.options = [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0] if sampler_options is None else sampler_options
        self.trials = trials

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        if not has_all(flat_inputs, tv_tensors.BoundingBoxes) or not has_any(
            flat_inputs, is_image, tv_tensors.Image, is_pure_tensor
        ):
            raise TypeError(
                f"{type(self).__name__}() requires input sample to contain tensor or PIL images and bounding boxes. "
                "Sample can also contain masks."
            )

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        canvas_size = query_size(flat_inputs)
        given = get_bounding_boxes(flat_inputs)
        while True:
            least = self.options[int(torch.randint(low=0, high=len(self.options), size=(1,)))]
            if least >= 1.0:
                return {}
            boxes = F.convert_bounding_box_format(
                given.as_subclass(torch.Tensor), given.format, tv_tensors.BoundingBoxFormat.XYXY
            )
            for _ in range(self.trials):
                params = self._drawn(canvas_size, boxes, least)
                if params is not None:
                    return params

    def _drawn(
        self, canvas_size: tuple[int, ...], boxes: torch.Tensor, least: float
    ) -> dict[str, Any] | None:
        """A part of the canvas; None where it is not as it should be."""
        height, width = canvas_size
        r = self.min_scale + (self.max_scale - self.min_scale) * torch.rand(2)
        new_width, new_height = int(width * r[0]), int(height * r[1])
        if new_width == 0 or new_height == 0:
            return None
        if not self.min_aspect_ratio <= new_width / new_height <= self.max_aspect_ratio:
            return None
        r = torch.rand(2)
        left, top = int((width - new_width) * r[0]), int((height - new_height) * r[1])
        part = torch.tensor(
            [left, top, left + new_width, top + new_height], dtype=boxes.dtype, device=boxes.device
        )
        centres = 0.5 * (boxes[..., :2] + boxes[..., 2:])
        within = ((part[:2] < centres) & (centres < part[2:])).all(-1)
        if not within.any() or box_iou(boxes[within], part[None]).max() < least:
            return None
        place = {"top": top, "left": left, "height": new_height, "width": new_width}
        return {**place, "is_within_crop_area": within}

    def transform(self, inpt: PictureT, params: dict[str, Any]) -> PictureT:
        if not params:
            return inpt
        place = {name: params[name] for name in ("top", "left", "height", "width")}
        output = self._call_kernel(F.crop, inpt, **place)
        if isinstance(output, tv_tensors.BoundingBoxes):
            output[~params["is_within_crop_area"]] = 0
        return output
