"""Means of interpolated samples in the bins of regions."""

from __future__ import annotations

import tritonnn as torch
from tritonnn import Tensor, fx, nn
from tritonnn.vision.ops._utils import _regions, pair


def roi_align(
    input: Tensor,
    boxes: Tensor | list[Tensor],
    output_size: int | tuple[int, int],
    spatial_scale: float = 1.0,
    sampling_ratio: int = -1,
    aligned: bool = False,
) -> Tensor:
    """The mean of each bin of regions: samples on a grid within the bin, interpolated between elements.

    Args:
        input: (N, C, H, W).
        boxes: (K, 5) with the number of the image before x1, y1, x2, y2, or a list of (L, 4) for each image.
        output_size: bins down and across, or one number for both.
        spatial_scale: elements of the input for one of the boxes' units.
        sampling_ratio: samples of a bin along each dimension; 0 or less for about one an element.
        aligned: the centre of the first element is at 0.5; else at 0, and regions are at least one element large.

    Returns (K, C, bins down, bins across). The gradient is the same from run to run on every device.

    >>> import tritonnn as torch
    >>> image = torch.arange(16.0).reshape(1, 1, 4, 4)
    >>> torch.vision.ops.roi_align(image, [torch.tensor([[1.0, 1, 3, 3]])], 1, aligned=True)
    tensor([[[[7.5000]]]])

    Raises AssertionError for boxes of another shape. Source: https://arxiv.org/abs/1703.06870.
    """
    return torch.ops.torchvision.roi_align(
        input, _regions(boxes), spatial_scale, *pair("output_size", output_size), sampling_ratio, aligned
    )


fx.wrap("roi_align")


class RoIAlign(nn.Module):
    """`roi_align` as a layer, of the same arguments.

    >>> import tritonnn as torch
    >>> torch.vision.ops.RoIAlign(7, 0.25, 2)
    RoIAlign(output_size=7, spatial_scale=0.25, sampling_ratio=2, aligned=False)
    """

    def __init__(
        self,
        output_size: int | tuple[int, int],
        spatial_scale: float,
        sampling_ratio: int,
        aligned: bool = False,
    ) -> None:
        super().__init__()
        self.output_size = output_size
        self.spatial_scale = spatial_scale
        self.sampling_ratio = sampling_ratio
        self.aligned = aligned

    def forward(self, input: Tensor, rois: Tensor | list[Tensor]) -> Tensor:
        """The means of regions."""
        return roi_align(input, rois, self.output_size, self.spatial_scale, self.sampling_ratio, self.aligned)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(output_size={self.output_size}, spatial_scale={self.spatial_scale}, "
            f"sampling_ratio={self.sampling_ratio}, aligned={self.aligned})"
        )
