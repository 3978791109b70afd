"""The boxes that detectors start with: some of different sizes and shapes around every point of the feature maps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import tritonnn as torch
from tritonnn import Tensor, nn
from tritonnn import dtype as DType
from tritonnn.device import DeviceLike
from tritonnn.vision.models.detection.image_list import ImageList

__all__ = ["AnchorGenerator", "DefaultBoxGenerator"]


class AnchorGenerator(nn.Module):
    """Anchors of given sizes and aspect ratios, around every point of every feature map.

    Args:
        sizes: for each feature map, the sizes in pixels (the square root of the area).
        aspect_ratios: for each feature map, heights divided by widths. Plain numbers are taken for all maps.

    >>> import tritonnn as torch
    >>> anchors = AnchorGenerator(((32,), (64,)), ((0.5, 1.0, 2.0),) * 2)
    >>> anchors.num_anchors_per_location()
    [3, 3]
    >>> maps = [torch.zeros(1, 8, 4, 4), torch.zeros(1, 8, 2, 2)]
    >>> anchors(ImageList(torch.zeros(1, 3, 64, 64), [(64, 64)]), maps)[0].shape
    torch.Size([60, 4])
    """

    def __init__(
        self,
        sizes: Sequence[Any] = ((128, 256, 512),),
        aspect_ratios: Sequence[Any] = ((0.5, 1.0, 2.0),),
    ) -> None:
        super().__init__()
        if not isinstance(sizes[0], (list, tuple)):
            sizes = tuple((size,) for size in sizes)
        if not isinstance(aspect_ratios[0], (list, tuple)):
            aspect_ratios = (aspect_ratios,) * len(sizes)
        self.sizes = sizes
        self.aspect_ratios = aspect_ratios
        self.cell_anchors = [self.generate_anchors(*pair) for pair in zip(sizes, aspect_ratios)]

    def generate_anchors(
        self,
        scales: Sequence[float],
        aspect_ratios: Sequence[float],
        dtype: DType = torch.float32,
        device: DeviceLike = torch.device("cpu"),
    ) -> Tensor:
        """The anchors around the point 0, 0; their corners are whole numbers."""
        sizes = torch.as_tensor(scales, dtype=dtype, device=device)
        height_ratios = torch.sqrt(torch.as_tensor(aspect_ratios, dtype=dtype, device=device))
        widths = ((1 / height_ratios)[:, None] * sizes).flatten()
        heights = (height_ratios[:, None] * sizes).flatten()
        return (torch.stack((-widths, -heights, widths, heights), dim=1) / 2).round()

    def set_cell_anchors(self, dtype: DType, device: DeviceLike) -> None:
        self.cell_anchors = [anchors.to(dtype=dtype, device=device) for anchors in self.cell_anchors]

    def num_anchors_per_location(self) -> list[int]:
        """For each feature map, how many anchors a point has."""
        return [len(sizes) * len(ratios) for sizes, ratios in zip(self.sizes, self.aspect_ratios)]

    def grid_anchors(
        self, grid_sizes: Sequence[Sequence[int]], strides: Sequence[Sequence[Any]]
    ) -> list[Tensor]:
        """The anchors of each feature map, those of a point beside each other.

        Args:
            grid_sizes: height and width of each map.
            strides: how many pixels lie between two points of each map, down and to the right.
        """
        maps = len(grid_sizes), len(strides), len(self.cell_anchors)
        torch._assert(
            len(set(maps)) == 1,
            f"Anchors need sizes and aspect ratios for each feature map: {maps[0]} maps with {maps[1]} strides came, "
            f"and there are sizes for {maps[2]}",
        )
        return [
            _around_points(anchors, *size, *stride)
            for size, stride, anchors in zip(grid_sizes, strides, self.cell_anchors)
        ]

    def forward(self, image_list: ImageList, feature_maps: Sequence[Tensor]) -> list[Tensor]:
        """All anchors, for each image: in pixels of the padded images, which are alike."""
        grid_sizes = [feature_map.shape[-2:] for feature_map in feature_maps]
        height, width = image_list.tensors.shape[-2:]
        self.set_cell_anchors(feature_maps[0].dtype, feature_maps[0].device)
        strides = [(height // rows, width // columns) for rows, columns in grid_sizes]
        anchors = torch.cat(self.grid_anchors(grid_sizes, strides))
        return [anchors for _ in image_list.image_sizes]


def _around_points(
    anchors: Tensor, rows: int, columns: int, down: int | Tensor, right: int | Tensor
) -> Tensor:
    """Anchors, moved to every point of a map."""
    x = torch.arange(columns, dtype=torch.int32, device=anchors.device) * right
    y = torch.arange(rows, dtype=torch.int32, device=anchors.device) * down
    y, x = (axis.flatten() for axis in torch.meshgrid(y, x, indexing="ij"))
    return (torch.stack((x, y, x, y), dim=1)[:, None] + anchors).flatten(0, 1)


class DefaultBoxGenerator(nn.Module):
    """The default boxes of SSD: for each feature map two squares, and for each aspect ratio a wide and a high box.

    Args:
        aspect_ratios: for each feature map, widths divided by heights.
        min_ratio: the size on the first feature map, as a part of the image's; unless `scales` are given.
        max_ratio: the size on the last feature map.
        scales: a size for each feature map, and one more; default: between min_ratio and max_ratio, and 1.
        steps: pixels between two points of each map; default: as the sizes of image and map say.
        clip: make no box larger than the image.

    >>> import tritonnn as torch
    >>> boxes = DefaultBoxGenerator([[2], [2, 3]])
    >>> boxes.num_anchors_per_location()
    [4, 6]
    >>> maps = [torch.zeros(1, 8, 4, 4), torch.zeros(1, 8, 2, 2)]
    >>> boxes(ImageList(torch.zeros(1, 3, 64, 64), [(64, 64)]), maps)[0].shape
    torch.Size([88, 4])
    """

    def __init__(
        self,
        aspect_ratios: list[list[int]],
        min_ratio: float = 0.15,
        max_ratio: float = 0.9,
        scales: list[float] | None = None,
        steps: list[int] | None = None,
        clip: bool = True,
    ) -> None:
        super().__init__()
        if steps is not None and len(aspect_ratios) != len(steps):
            raise ValueError("aspect_ratios and steps should have the same length")
        self.aspect_ratios = aspect_ratios
        self.steps = steps
        self.clip = clip
        maps = len(aspect_ratios)
        if scales is not None:
            self.scales = scales
        elif maps > 1:
            between = max_ratio - min_ratio
            self.scales = [min_ratio + between * k / (maps - 1.0) for k in range(maps)] + [1.0]
        else:
            self.scales = [min_ratio, max_ratio]
        self._wh_pairs = self._generate_wh_pairs(maps)

    def _generate_wh_pairs(
        self, num_outputs: int, dtype: DType = torch.float32, device: DeviceLike = torch.device("cpu")
    ) -> list[Tensor]:
        """For each feature map, widths and heights of the boxes of a point, as parts of the image's."""
        pairs = []
        for k in range(num_outputs):
            size = self.scales[k]
            between = math.sqrt(size * self.scales[k + 1])
            shapes = [[size, size], [between, between]]
            for ratio in self.aspect_ratios[k]:
                root = math.sqrt(ratio)
                shapes += [[size * root, size / root], [size / root, size * root]]
            pairs.append(torch.as_tensor(shapes, dtype=dtype, device=device))
        return pairs

    def num_anchors_per_location(self) -> list[int]:
        """For each feature map, how many boxes a point has."""
        return [2 + 2 * len(ratios) for ratios in self.aspect_ratios]

    def _grid_default_boxes(
        self, grid_sizes: Sequence[Sequence[int]], image_size: Sequence[int], dtype: DType = torch.float32
    ) -> Tensor:
        """Middles, widths and heights of all boxes, as parts of the image's size."""
        boxes = []
        for k, (rows, columns) in enumerate(grid_sizes):
            pairs = self._wh_pairs[k].clamp(0, 1) if self.clip else self._wh_pairs[k]
            down: float = image_size[0] / self.steps[k] if self.steps is not None else rows
            right: float = image_size[1] / self.steps[k] if self.steps is not None else columns
            x = ((torch.arange(columns, device=pairs.device) + 0.5) / right).to(dtype)
            y = ((torch.arange(rows, device=pairs.device) + 0.5) / down).to(dtype)
            y, x = (axis.flatten() for axis in torch.meshgrid(y, x, indexing="ij"))
            middles = torch.stack((x, y), dim=1).repeat_interleave(len(pairs), dim=0)
            boxes.append(torch.cat((middles, pairs.repeat(rows * columns, 1)), dim=1))
        return torch.cat(boxes)

    def extra_repr(self) -> str:
        return (
            f"aspect_ratios={self.aspect_ratios}, clip={self.clip}, scales={self.scales}, steps={self.steps}"
        )

    def forward(self, image_list: ImageList, feature_maps: Sequence[Tensor]) -> list[Tensor]:
        """All boxes, for each image, by their corners, in pixels."""
        grid_sizes = [feature_map.shape[-2:] for feature_map in feature_maps]
        height, width = image_list.tensors.shape[-2:]
        dtype, device = feature_maps[0].dtype, feature_maps[0].device
        boxes = self._grid_default_boxes(grid_sizes, (height, width), dtype=dtype).to(device)
        pixels = torch.tensor((width, height), device=device)
        middles, halves = boxes[:, :2], 0.5 * boxes[:, 2:]
        corners = torch.cat(((middles - halves) * pixels, (middles + halves) * pixels), dim=-1)
        return [corners for _ in image_list.image_sizes]
