"""The step down between the stages of Swin transformers: two by two tokens become one."""

from __future__ import annotations

from collections.abc import Callable

from tritonnn import Tensor, fx, nn
from tritonnn.nn import functional as F

Layer = Callable[..., nn.Module]


def _patch_merging_pad(x: Tensor) -> Tensor:
    """(..., H, W, C) to (..., H / 2, W / 2, 4 C); zeros behind an odd extent. A column of two is beside the other."""
    height, width, channels = x.shape[-3:]
    if height % 2 or width % 2:
        x = F.pad(x, (0, 0, 0, width % 2, 0, height % 2))
    x = x.reshape(*x.shape[:-3], (height + 1) // 2, 2, (width + 1) // 2, 2, channels)
    return x.transpose(-4, -3).transpose(-3, -2).flatten(-3)


fx.wrap("_patch_merging_pad")


class PatchMerging(nn.Module):
    """Four tokens become one, of twice as many channels."""

    def __init__(self, dim: int, norm_layer: Layer = nn.LayerNorm) -> None:
        super().__init__()
        self.dim = dim
        self.reduction = nn.Linear(4 * dim, 2 * dim, bias=False)
        self.norm = norm_layer(4 * dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.reduction(self.norm(_patch_merging_pad(x)))


class PatchMergingV2(nn.Module):
    """The same, normalised afterwards."""

    def __init__(self, dim: int, norm_layer: Layer = nn.LayerNorm) -> None:
        super().__init__()
        self.dim = dim
        self.reduction = nn.Linear(4 * dim, 2 * dim, bias=False)
        self.norm = norm_layer(2 * dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.reduction(_patch_merging_pad(x)))
