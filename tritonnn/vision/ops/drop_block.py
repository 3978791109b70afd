"""DropBlock: dropout of whole squares or cubes (https://arxiv.org/abs/1810.12890)."""

from __future__ import annotations

import math

import tritonnn as torch
from tritonnn import Tensor, fx, nn
from tritonnn.nn import functional as F

__all__ = ["DropBlock2d", "DropBlock3d", "drop_block2d", "drop_block3d"]


def _drop_block(
    input: Tensor, p: float, block_size: int, inplace: bool, eps: float, training: bool, rank: int
) -> Tensor:
    if p < 0.0 or p > 1.0:
        raise ValueError(f"drop probability has to be between 0 and 1, but got {p}.")
    if input.ndim != rank + 2:
        raise ValueError(f"input should be {rank + 2} dimensional. Got {input.ndim} dimensions.")
    if not training or p == 0.0:
        return input
    sizes = input.shape[2:]
    block = min(block_size, *sizes)
    if block % 2 == 0:
        raise ValueError(f"block size should be odd. Got {block} which is even.")
    # Centres lie where the block fits; gamma is the chance of one with which a share p of all is dropped.
    centres = [size - block + 1 for size in sizes]
    gamma = p * math.prod(sizes) / (block**rank * math.prod(centres))
    noise = torch.empty((*input.shape[:2], *centres), dtype=input.dtype, device=input.device).bernoulli_(
        gamma
    )
    pool = F.max_pool2d if rank == 2 else F.max_pool3d
    dropped = pool(F.pad(noise, [block // 2] * (2 * rank)), kernel_size=block, stride=1, padding=block // 2)
    kept = 1 - dropped
    scale = kept.numel() / (eps + kept.sum())
    return input.mul_(kept).mul_(scale) if inplace else input * kept * scale


def drop_block2d(
    input: Tensor, p: float, block_size: int, inplace: bool = False, eps: float = 1e-06, training: bool = True
) -> Tensor:
    """Squares of zeros, at random, and the rest of the input larger, so that its mean stays.

    Args:
        input: of shape (N, C, H, W).
        p: the share of elements that become zeros.
        block_size: height and width of a square, odd.
        inplace: whether the input is overwritten.
        eps: added to what is divided by.
        training: False gives the input.

    >>> import tritonnn as torch
    >>> torch.vision.ops.drop_block2d(torch.ones(1, 1, 3, 3), 0.5, 3).unique().numel()
    1

    Raises ValueError for a p that is no probability, another rank, and an even size.
    """
    return _drop_block(input, p, block_size, inplace, eps, training, 2)


def drop_block3d(
    input: Tensor, p: float, block_size: int, inplace: bool = False, eps: float = 1e-06, training: bool = True
) -> Tensor:
    """Cubes of zeros in an input of shape (N, C, D, H, W): see `drop_block2d`.

    >>> import tritonnn as torch
    >>> torch.vision.ops.drop_block3d(torch.ones(1, 1, 3, 3, 3), 0.0, 3).sum()
    tensor(27.)

    Raises ValueError for a p that is no probability, another rank, and an even size.
    """
    return _drop_block(input, p, block_size, inplace, eps, training, 3)


fx.wrap("drop_block2d")
fx.wrap("drop_block3d")


class DropBlock2d(nn.Module):
    """`drop_block2d` as a layer.

    Args:
        p: the share of elements that become zeros.
        block_size: height and width of a square, odd.
        inplace: whether the input is overwritten.
        eps: added to what is divided by.

    >>> import tritonnn as torch
    >>> torch.vision.ops.DropBlock2d(0.1, 3)
    DropBlock2d(p=0.1, block_size=3, inplace=False)
    """

    def __init__(self, p: float, block_size: int, inplace: bool = False, eps: float = 1e-06) -> None:
        super().__init__()
        self.p = p
        self.block_size = block_size
        self.inplace = inplace
        self.eps = eps

    def forward(self, input: Tensor) -> Tensor:
        """Squares of zeros in training, the input otherwise."""
        return drop_block2d(input, self.p, self.block_size, self.inplace, self.eps, self.training)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self.p}, block_size={self.block_size}, inplace={self.inplace})"


class DropBlock3d(DropBlock2d):
    """`drop_block3d` as a layer: see `DropBlock2d`.

    >>> import tritonnn as torch
    >>> torch.vision.ops.DropBlock3d(0.1, 3)
    DropBlock3d(p=0.1, block_size=3, inplace=False)
    """

    def forward(self, input: Tensor) -> Tensor:
        """Cubes of zeros in training, the input otherwise."""
        return drop_block3d(input, self.p, self.block_size, self.inplace, self.eps, self.training)
