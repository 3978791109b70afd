"""Means of the bins of regions, each bin in channels of its own."""

from __future__ import annotations

import tritonnn as torch
from tritonnn import Tensor, fx, nn
from tritonnn.vision.ops._utils import _regions, pair


def ps_roi_pool(input: Tensor, boxes: Tensor, output_size: int, spatial_scale: float = 1.0) -> Tensor:
    """The mean of each bin of regions, in channels of the bin's own; an empty bin is 0.

    Args:
        input: (N, C * bins, H, W).
        boxes: (K, 5) with the number of the image before x1, y1, x2, y2, or a list of (L, 4) for each image.
        output_size: bins down and across, or one number for both.
        spatial_scale: elements of the input for one of the boxes' units.

    Returns (K, C, bins down, bins across).

    >>> import tritonnn as torch
    >>> image = torch.arange(18.0).reshape(1, 2, 3, 3)
    >>> torch.vision.ops.ps_roi_pool(image, [torch.tensor([[0.0, 0, 2, 2]])], (2, 1))
    tensor([[[[ 0.5000],
              [12.5000]]]])

    Raises AssertionError for boxes of another shape. Source: https://arxiv.org/abs/1605.06409.
    """
    return torch.ops.torchvision.ps_roi_pool(
        input, _regions(boxes), spatial_scale, *pair("output_size", output_size)
    )[0]


fx.wrap("ps_roi_pool")


class PSRoIPool(nn.Module):
    """`ps_roi_pool` as a layer, of the same arguments.

    >>> import tritonnn as torch
    >>> torch.vision.ops.PSRoIPool(7, 0.25)
    PSRoIPool(output_size=7, spatial_scale=0.25)
    """

    def __init__(self, output_size: int, spatial_scale: float) -> None:
        super().__init__()
        self.output_size = output_size
        self.spatial_scale = spatial_scale

    def forward(self, input: Tensor, rois: Tensor) -> Tensor:
        """The means of regions."""
        return ps_roi_pool(input, rois, self.output_size, self.spatial_scale)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(output_size={self.output_size}, spatial_scale={self.spatial_scale})"
