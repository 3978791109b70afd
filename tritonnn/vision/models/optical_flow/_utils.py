"""Sampling and enlarging of optical flow."""

from __future__ import annotations

import tritonnn as torch
from tritonnn import Tensor
from tritonnn.nn import functional as F


def grid_sample(
    img: Tensor, absolute_grid: Tensor, mode: str = "bilinear", align_corners: bool | None = None
) -> Tensor:
    """`nn.functional.grid_sample` at places (x, y) that are given in pixels."""
    h, w = img.shape[-2:]
    x, y = absolute_grid.split([1, 1], dim=-1)
    x = 2 * x / (w - 1) - 1
    if h > 1:  # a row of pixels has no extent to divide by
        y = 2 * y / (h - 1) - 1
    return F.grid_sample(img, torch.cat([x, y], dim=-1), mode=mode, align_corners=align_corners)


def make_coords_grid(batch_size: int, h: int, w: int, device: torch.device | str = "cpu") -> Tensor:
    """The place (x, y) of each pixel: (batch, 2, h, w)."""
    ys, xs = torch.meshgrid(torch.arange(h, device=device), torch.arange(w, device=device), indexing="ij")
    return torch.stack([xs, ys], dim=0).float()[None].repeat(batch_size, 1, 1, 1)


def upsample_flow(flow: Tensor, up_mask: Tensor | None = None, factor: int = 8) -> Tensor:
    """A flow for pixels `factor` times as fine.

    Args:
        flow: (batch, channels, h, w).
        up_mask: (batch, 9 * factor * factor, h, w): logits of how much each of the 3x3 pixels around counts in each of
            the new ones (appendix B of https://arxiv.org/abs/2003.12039); None for bilinear interpolation.
        factor: how much finer.
    """
    batch_size, channels, h, w = flow.shape
    new_h, new_w = h * factor, w * factor
    if up_mask is None:
        return factor * F.interpolate(flow, size=(new_h, new_w), mode="bilinear", align_corners=True)
    weights = torch.softmax(up_mask.view(batch_size, 1, 9, factor, factor, h, w), dim=2)
    around = F.unfold(factor * flow, kernel_size=3, padding=1).view(batch_size, channels, 9, 1, 1, h, w)
    fine = torch.sum(weights * around, dim=2)
    return fine.permute(0, 1, 4, 2, 5, 3).reshape(batch_size, channels, new_h, new_w)
