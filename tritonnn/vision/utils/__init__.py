"""Pictures made of tensors: grids, boxes, masks, key points, flow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tritonnn.vision.utils._boxes import draw_bounding_boxes
from tritonnn.vision.utils._colors import _generate_color_palette, _parse_colors
from tritonnn.vision.utils._flow import _make_colorwheel, _normalized_flow_to_image, flow_to_image
from tritonnn.vision.utils._grids import _Image_fromarray, make_grid, save_image
from tritonnn.vision.utils._keypoints import draw_keypoints
from tritonnn.vision.utils._masks import draw_segmentation_masks

__all__ = [
    "_Image_fromarray", "draw_bounding_boxes", "draw_keypoints", "draw_segmentation_masks", "flow_to_image",
    "make_grid", "save_image",
]  # fmt: skip


def _log_api_usage_once(obj: object) -> None:
    """Nothing: torchvision tells a logger of PyTorch's own builds, which published builds do not have either."""


def _make_ntuple(x: Any, n: int) -> tuple[Any, ...]:
    """What can be iterated as a tuple; anything else as a tuple that has it `n` times."""
    return tuple(x) if isinstance(x, Iterable) else (x,) * n
