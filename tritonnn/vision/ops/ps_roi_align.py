"""Means of interpolated samples in the bins of regions, each bin in channels of its own."""

from __future__ import annotations

import tritonnn as torch
from tritonnn import Tensor, fx, nn
from tritonnn.vision.ops._utils import _regions, pair


def ps_roi_align(
    input: Tensor,
    boxes: Tensor,
    output_size: int,
    spatial_scale: float = 1.0,
    sampling_ratio: int = -1,
) -> Tensor:
    """`roi_align`, aligned, where each bin has channels of its own.

    Args:
        input: (N, C * bins, H, W).
        boxes: (K, 5) with the number of the image before x1, y1, x2, y2, or a list of (L, 4) for each image.
        output_size: bins down and across, or one number for both.
        spatial_scale: elements of the input for one of the boxes' units.
        sampling_ratio: samples of a bin along each dimension; 0 or less for about one an element.

    Returns (K, C, bins down, bins across).

    >>> import tritonnn as torch
    >>> image = torch.arange(16.0).reshape(1, 2, 2, 4)
    >>> torch.vision.ops.ps_roi_align(image, [torch.tensor([[0.0, 0, 2, 2]])], (2, 1))
    tensor([[[[ 0.5000],
              [12.5000]]]])

    Raises AssertionError for boxes of another shape. Source: https://arxiv.org/abs/1711.07264.
    """
    rois = _regions(boxes)
    return torch.ops.torchvision.ps_roi_align(
        input, rois, spatial_scale, *pair("output_size", output_size), sampling_ratio
    )[0]


fx.wrap("ps_roi_align")


class PSRoIAlign(nn.Module):
    """`ps_roi_align` as a layer, of the same arguments.

    >>> import tritonnn as torch
    >>> torch.vision.ops.PSRoIAlign(7, 0.25, 2)
    PSRoIAlign(output_size=7, spatial_scale=0.25, sampling_ratio=2)
    """

    def __init__(self, output_size: int, spatial_scale: float, sampling_ratio: int) -> None:
        super().__init__()
        self.output_size = output_size
        self.spatial_scale = spatial_scale
        self.sampling_ratio = sampling_ratio

    def forward(self, input: Tensor, rois: Tensor) -> Tensor:
        """The means of regions."""
        return ps_roi_align(input, rois, self.output_size, self.spatial_scale, self.sampling_ratio)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(output_size={self.output_size}, spatial_scale={self.spatial_scale}, "
            f"sampling_ratio={self.sampling_ratio})"
        )
