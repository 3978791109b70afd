"""Rearrangements between channels and space, and of dimensions by NumPy's names."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from tritonnn._tensor import Tensor
from tritonnn.errors import fail
from tritonnn.memory_format import format_of
from tritonnn.ops._definitions import shape as define
from tritonnn.ops._table import ANY, Bad, Sample, composite
from tritonnn.ops.shape.shape import transpose
from tritonnn.table.types import Count


def _check(op: str, input: Tensor, factor: int, name: str) -> None:
    if len(input.shape) < 3:
        raise fail(
            op,
            f"expects input to have at least 3 dimensions, but got input with {len(input.shape)} dimension(s)",
            input=input,
        )  # fmt: skip
    if factor <= 0:
        raise fail(op, f"expects a positive {name}, but got {factor}", input=input)


@composite(
    api="functional torch", dtypes=ANY,
    samples=lambda make: [Sample(make(1, 8, 2, 3), 2), Sample(make(9, 2, 1), 3),
        Sample(make(2, 1, 4, 2, 2), 2)],
    errors=lambda make: [Bad(make(1, 3, 2, 2), 2, match="divisible"),
        Bad(make(4, 2), 2, match="at least 3 dimensions")],
    reference=define.pixel_shuffle,
)  # fmt: skip
def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """(*, C·r², H, W) -> (*, C, H·r, W·r): channel c·r² + i·r + j goes to place (i, j) of each cell.

    Source: Shi et al. 2016, arXiv:1609.05158.

    >>> import tritonnn as torch
    >>> torch.nn.functional.pixel_shuffle(torch.arange(4.).view(1, 4, 1, 1), 2)
    tensor([[[[0., 1.],
              [2., 3.]]]])
    """
    r = upscale_factor
    _check("pixel_shuffle", input, r, "upscale_factor")
    *batch, channels, height, width = input.shape
    if channels % (r * r):
        raise fail(
            "pixel_shuffle",
            "expects its input's 'channel' dimension to be divisible by the square of upscale_factor, but "
            f"input.size(-3)={channels} is not divisible by {r * r}",
            input=input,
        )
    x: Any = input
    count = channels // (r * r)
    x = x.reshape(prod(batch), count, r, r, height, width).permute(0, 1, 4, 2, 5, 3)
    return x.reshape(*batch, count, height * r, width * r).contiguous(format_of(input))


@composite(
    api="functional torch", dtypes=ANY,
    samples=lambda make: [Sample(make(1, 2, 4, 6), 2), Sample(make(1, 6, 3), 3)],
    errors=lambda make: [Bad(make(1, 1, 3, 2), 2, match="height to be divisible"),
        Bad(make(1, 1, 2, 3), 2, match="width to be divisible")],
    reference=define.pixel_unshuffle,
)  # fmt: skip
def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """(*, C, H·r, W·r) -> (*, C·r², H, W); undoes `pixel_shuffle`.

    >>> import tritonnn as torch
    >>> torch.nn.functional.pixel_unshuffle(torch.arange(4.).view(1, 1, 2, 2), 2).flatten()
    tensor([0., 1., 2., 3.])
    """
    r = downscale_factor
    _check("pixel_unshuffle", input, r, "downscale_factor")
    *batch, channels, height, width = input.shape
    for name, extent, place in (("height", height, -2), ("width", width, -1)):
        if extent % r:
            raise fail(
                "pixel_unshuffle",
                f"expects {name} to be divisible by downscale_factor, but input.size({place})={extent} is "
                f"not divisible by {r}",
                input=input,
            )
    x: Any = input
    x = x.reshape(prod(batch), channels, height // r, r, width // r, r).permute(0, 1, 3, 5, 2, 4)
    return x.reshape(*batch, channels * r * r, height // r, width // r).contiguous(format_of(input))


@composite(
    api="functional torch", dtypes=ANY, alias=("native_channel_shuffle",),
    samples=lambda make: [Sample(make(1, 4, 2, 2), 2), Sample(make(2, 6, 3), 3)],
    errors=lambda make: [Bad(make(1, 3, 2, 2), 2, match="divisible by groups"),
        Bad(make(4, 2), 2, match="> 2 dims")],
    reference=define.channel_shuffle,
)  # fmt: skip
def channel_shuffle(input: Tensor, groups: Count) -> Tensor:
    """Deal the channels of (N, C, *) out over groups: the C channels seen as (g, C/g) become (C/g, g).

    Source: Zhang et al. 2017, arXiv:1707.01083.

    >>> import tritonnn as torch
    >>> torch.nn.functional.channel_shuffle(torch.arange(4.).view(1, 4, 1), 2).flatten()
    tensor([0., 2., 1., 3.])
    """
    if len(input.shape) < 3:
        raise fail("channel_shuffle", f"expects input with > 2 dims, but got {len(input.shape)}", input=input)
    batch, channels, *space = input.shape
    if groups <= 0 or channels % groups:
        raise fail(
            "channel_shuffle",
            f"Number of channels must be divisible by groups. Got {channels} channels and {groups} groups.",
            input=input,
        )
    x: Any = input
    x = x.reshape(batch, groups, channels // groups, *space).transpose(1, 2).reshape(input.shape)
    return x.contiguous(format_of(input))


__all__ = ["channel_shuffle", "pixel_shuffle", "pixel_unshuffle"]


@composite(
    api="torch tensor", dtypes=ANY, samples=lambda make: [Sample(make(2, 3, 4), 0, -1)],
    errors=lambda make: [Bad(make(2, 3), 0, 2, error=IndexError, match="Dimension out of range")],
    reference=lambda input, axis0, axis1: np.swapaxes(input, axis0, axis1),
)  # fmt: skip
def swapaxes(input: Tensor, axis0: int, axis1: int) -> Tensor:
    """`transpose` by NumPy's name.

    >>> import tritonnn as torch
    >>> torch.zeros(2, 3).swapaxes(0, 1).shape
    torch.Size([3, 2])
    """
    return transpose(input, axis0, axis1)


@composite(
    api="torch tensor", dtypes=ANY, samples=lambda make: [Sample(make(2, 3, 4), 0, -1)],
    errors=lambda make: [Bad(make(2, 3), 0, 2, error=IndexError, match="Dimension out of range")],
    reference=lambda input, dim0, dim1: np.swapaxes(input, dim0, dim1),
)  # fmt: skip
def swapdims(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """`transpose` by another name.

    >>> import tritonnn as torch
    >>> torch.zeros(2, 3).swapdims(0, 1).shape
    torch.Size([3, 2])
    """
    return transpose(input, dim0, dim1)
