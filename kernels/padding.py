"""Constant padding: a fill and a copy into the inside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tritonnn.buffer import Buffer
from tritonnn.kernels.device.moving import copy, fill
from tritonnn.kernels.launch.replay import replayed


def _cut(buffer: Buffer, margins: list[tuple[int, int]]) -> Buffer:
    """The buffer without its margins (before, after) of each dimension."""
    shape = tuple(n - before - after for n, (before, after) in zip(buffer.shape, margins, strict=True))
    pairs = zip(margins, buffer.strides, strict=True)
    offset = 0 if 0 in shape else sum(before * stride for (before, _), stride in pairs)
    return buffer.as_strided(shape, buffer.strides, offset)


@replayed
def constant_pad_nd(out: Buffer, input: Buffer, pad: Sequence[int], value: Any) -> None:
    """out = value, with input (less what negative margins cut off) inside."""
    margins = [(0, 0)] * (out.ndim - len(pad) // 2)
    margins += [(pad[i], pad[i + 1]) for i in range(len(pad) - 2, -1, -2)]
    inside = _cut(out, [(max(before, 0), max(after, 0)) for before, after in margins])
    part = _cut(input, [(max(-before, 0), max(-after, 0)) for before, after in margins])
    fill(out, value)
    if 0 not in inside.shape:
        copy(inside, part)
