"""Maxima of the bins of regions."""

from __future__ import annotations

import tritonnn as torch
from tritonnn import Tensor, fx, nn
from tritonnn.vision.ops._utils import _regions, pair


def roi_pool(
    input: Tensor,
    boxes: Tensor | list[Tensor],
    output_size: int | tuple[int, int],
    spatial_scale: float = 1.0,
) -> Tensor:
    """The maximum of each bin of regions whose borders are rounded to whole elements; an empty bin is 0.

    Args:
        input: (N, C, H, W).
        boxes: (K, 5) with the number of the image before x1, y1, x2, y2, or a list of (L, 4) for each image.
        output_size: bins down and across, or one number for both.
        spatial_scale: elements of the input for one of the boxes' units.

    Returns (K, C, bins down, bins across).

    >>> import tritonnn as torch
    >>> image = torch.arange(16.0).reshape(1, 1, 4, 4)
    >>> torch.vision.ops.roi_pool(image, [torch.tensor([[1.0, 1, 2, 2]])], 1)
    tensor([[[[10.]]]])

    Raises AssertionError for boxes of another shape. Source: https://arxiv.org/abs/1504.08083.
    """
    return torch.ops.torchvision.roi_pool(
        input, _regions(boxes), spatial_scale, *pair("output_size", output_size)
    )[0]


fx.wrap("roi_pool")


class RoIPool(nn.Module):
    """`roi_pool` as a layer, of the same arguments.

    >>> import tritonnn as torch
    >>> torch.vision.ops.RoIPool(7, 0.25)
    RoIPool(output_size=7, spatial_scale=0.25)
    """

    def __init__(self, output_size: int | tuple[int, int], spatial_scale: float) -> None:
        super().__init__()
        self.output_size = output_size
        self.spatial_scale = spatial_scale

    def forward(self, input: Tensor, rois: Tensor | list[Tensor]) -> Tensor:
        """The maxima of regions."""
        return roi_pool(input, rois, self.output_size, self.spatial_scale)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(output_size={self.output_size}, spatial_scale={self.spatial_scale})"
