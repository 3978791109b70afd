"""Regions of interest out of a pyramid of maps: each from the map that fits its size."""

from __future__ import annotations

import math
from typing import Any

import tritonnn as torch
from tritonnn import Tensor, fx, nn
from tritonnn.vision.ops._utils import convert_boxes_to_roi_format
from tritonnn.vision.ops.boxes import box_area
from tritonnn.vision.ops.roi_align import roi_align


class LevelMapper:
    """Which map of a pyramid boxes are taken from: a map of half the size for boxes of twice the size.

    Args:
        k_min: the level of the largest map: its size is that of the image over 2**k_min.
        k_max: the level of the smallest map.
        canonical_scale: the size of a box of the canonical level.
        canonical_level: its level.
        eps: added before rounding down.

    >>> import tritonnn as torch
    >>> mapper = torch.vision.ops.poolers.LevelMapper(2, 5)
    >>> mapper([torch.tensor([[0.0, 0, 224, 224], [0, 0, 60, 60]])])
    tensor([2, 0])

    Source: equation 1 of https://arxiv.org/abs/1612.03144.
    """

    def __init__(
        self, k_min: int, k_max: int, canonical_scale: int = 224, canonical_level: int = 4, eps: float = 1e-6
    ) -> None:
        self.k_min = k_min
        self.k_max = k_max
        self.s0 = canonical_scale
        self.lvl0 = canonical_level
        self.eps = eps

    def __call__(self, boxlists: list[Tensor]) -> Tensor:
        """The number of the map of each box of a list of boxes (L, 4)."""
        size = torch.sqrt(torch.cat([box_area(boxes) for boxes in boxlists]))
        levels = torch.floor(self.lvl0 + torch.log2(size / self.s0) + self.eps)
        return levels.clamp(min=self.k_min, max=self.k_max).to(torch.int64) - self.k_min


def initLevelMapper(
    k_min: int, k_max: int, canonical_scale: int = 224, canonical_level: int = 4, eps: float = 1e-6
) -> LevelMapper:
    """A `LevelMapper` of these arguments.

    >>> import tritonnn as torch
    >>> torch.vision.ops.poolers.initLevelMapper(2, 5).k_max
    5
    """
    return LevelMapper(k_min, k_max, canonical_scale, canonical_level, eps)


def _infer_scale(feature: Tensor, original_size: list[int]) -> float:
    """The power of 2 that a map's height is of the image's."""
    return 2.0 ** round(math.log2(feature.shape[-2] / original_size[0]))


def _setup_scales(
    features: list[Tensor], image_shapes: list[tuple[int, int]], canonical_scale: int, canonical_level: int
) -> tuple[list[float], LevelMapper]:
    if not image_shapes:
        raise ValueError("images list should not be empty")
    size = [max(shape[d] for shape in image_shapes) for d in (0, 1)]
    scales = [_infer_scale(feature, size) for feature in features]
    first, last = (int(-math.log2(scale)) for scale in (scales[0], scales[-1]))
    return scales, initLevelMapper(first, last, canonical_scale, canonical_level)


def _filter_input(x: dict[str, Tensor], featmap_names: list[str]) -> list[Tensor]:
    return [feature for name, feature in x.items() if name in featmap_names]


def _multiscale_roi_align(
    x_filtered: list[Tensor],
    boxes: list[Tensor],
    output_size: list[int] | tuple[int, ...],
    sampling_ratio: int,
    scales: list[float] | None,
    mapper: LevelMapper | None,
) -> Tensor:
    """`roi_align` of each box from its map, in the order of the boxes."""
    if scales is None or mapper is None:
        raise ValueError("scales and mapper should not be None")
    rois = convert_boxes_to_roi_format(boxes)
    how: dict[str, Any] = {"output_size": output_size, "sampling_ratio": sampling_ratio}
    first = x_filtered[0]
    if len(x_filtered) == 1:
        return roi_align(first, rois, spatial_scale=scales[0], **how)
    levels = mapper(boxes)
    result = first.new_zeros((len(rois), first.shape[1], *output_size))
    for level, (feature, scale) in enumerate(zip(x_filtered, scales)):
        here = torch.where(levels == level)[0]
        part = roi_align(feature, rois[here], spatial_scale=scale, **how)
        result[here] = part.to(result.dtype)  # autocast may have made maps of different types
    return result


for _name in ("_setup_scales", "_filter_input", "_multiscale_roi_align"):
    fx.wrap(_name)


class MultiScaleRoIAlign(nn.Module):
    """`roi_align` of boxes of images from a pyramid of maps, each box from the map that fits its size.

    Args:
        featmap_names: of the maps that are used.
        output_size: bins down and across, or one number for both.
        sampling_ratio: samples of a bin along each dimension; 0 or less for about one an element.
        canonical_scale: the size of a box that is taken from the canonical level.
        canonical_level: which that is.

    How much smaller than the image a map is, is found out at the first call.

    >>> import tritonnn as torch
    >>> pooler = torch.vision.ops.MultiScaleRoIAlign(["a", "b"], 3, 2)
    >>> maps = {"a": torch.ones(1, 5, 64, 64), "b": torch.ones(1, 5, 16, 16)}
    >>> tuple(pooler(maps, [torch.tensor([[0.0, 0, 50, 50], [0, 0, 500, 500]])], [(512, 512)]).shape)
    (2, 5, 3, 3)
    """

    __annotations__ = {"scales": "list[float] | None", "map_levels": "LevelMapper | None"}

    def __init__(
        self,
        featmap_names: list[str],
        output_size: int | tuple[int] | list[int],
        sampling_ratio: int,
        *,
        canonical_scale: int = 224,
        canonical_level: int = 4,
    ) -> None:
        super().__init__()
        self.featmap_names = featmap_names
        self.sampling_ratio = sampling_ratio
        self.output_size = (output_size, output_size) if isinstance(output_size, int) else tuple(output_size)
        self.scales: list[float] | None = None
        self.map_levels: LevelMapper | None = None
        self.canonical_scale = canonical_scale
        self.canonical_level = canonical_level

    def forward(
        self, x: dict[str, Tensor], boxes: list[Tensor], image_shapes: list[tuple[int, int]]
    ) -> Tensor:
        """(K, C, bins down, bins across) of all boxes.

        Args:
            x: maps by name, all of C channels.
            boxes: (L, 4) of each image, in its elements.
            image_shapes: (height, width) of each image.
        """
        features = _filter_input(x, self.featmap_names)
        if self.scales is None or self.map_levels is None:
            self.scales, self.map_levels = _setup_scales(
                features, image_shapes, self.canonical_scale, self.canonical_level
            )
        return _multiscale_roi_align(
            features, boxes, self.output_size, self.sampling_ratio, self.scales, self.map_levels
        )

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(featmap_names={self.featmap_names}, output_size={self.output_size}, "
            f"sampling_ratio={self.sampling_ratio})"
        )
