"""Pieces that kernels over strided elements share: addresses, merged geometries, values read back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import triton
from triton import language as tl

from tritonnn import dtypes
from tritonnn.buffer import Buffer
from tritonnn.kernels.launch.replay import thread, unrepeatable
from tritonnn.shape import contiguous_strides, numel


@triton.jit
def positions(BLOCK: tl.constexpr, INT64: tl.constexpr):
    """The row-major positions that this program of a one-dimensional grid handles."""
    pid = tl.program_id(0)
    if INT64:
        # before the product, which is what passes 2**31
        pid = pid.to(tl.int64)
    return pid * BLOCK + tl.arange(0, BLOCK)


@triton.jit
def offsets_from(start, BLOCK: tl.constexpr, INT64: tl.constexpr):
    """The BLOCK indices from `start` on."""
    offs = start + tl.arange(0, BLOCK)
    if INT64:
        offs = offs.to(tl.int64)
    return offs


@triton.jit
def wide(x, INT64: tl.constexpr):
    """A number that a stride is multiplied by, in 64 bits where offsets need them."""
    if INT64:
        return tl.cast(x, tl.int64)
    else:
        return x


@triton.jit
def second_program(INT64: tl.constexpr):
    """This program's number along the second axis of a `folded` grid."""
    return wide(tl.program_id(2), INT64) * tl.num_programs(1) + tl.program_id(1)


@triton.jit
def offset_of(position, shape, strides):
    """Offset in elements of a row-major position."""
    rank: tl.constexpr = len(shape)
    # of the position's own type: a plain 0 would be a scalar, and 32-bit
    offset = position * 0
    for k in tl.static_range(rank - 1):
        extent = shape[rank - 1 - k]
        offset += (position % extent) * strides[rank - 1 - k]
        position = position // extent
    return offset + position * strides[0]


@triton.jit
def comparable(x):
    """The value in a type that has comparisons: float32 for the 16-bit ones."""
    if x.dtype.is_floating() and x.dtype.primitive_bitwidth < 32:
        return x.to(tl.float32)
    else:
        return x


MOST_PROGRAMS = 65535  # along the second and third axis of a grid; along the first 2**31 - 1


def folded(first: int, second: int) -> tuple[int, int, int]:
    """A grid of first x second programs, whose second axis goes on along the third where it is too long for one.

    Up to MOST_PROGRAMS programs of each number along the first axis may lie beyond `second`: they must be masked.

    >>> folded(5, 65535), folded(5, 100_001)
    ((5, 65535, 1), (5, 50001, 2))
    """
    layers = max(1, -(-second // MOST_PROGRAMS))
    return first, -(-second // layers), layers


def merged(shape: Sequence[int], *strides: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """Extents and strides per operand with neighbouring dimensions merged where all operands allow it.

    The row-major order of the elements is kept, and there is at least one dimension.
    """
    extents: list[int] = []
    steps: list[list[int]] = []
    for d, extent in enumerate(shape):
        now = [s[d] for s in strides]
        if extent == 1:
            continue
        # the outer dimension goes on where this one ends
        if extents and all(before == s * extent for before, s in zip(steps[-1], now, strict=True)):
            extents[-1] *= extent
            steps[-1] = now
        else:
            extents.append(extent)
            steps.append(now)
    if not extents:
        extents, steps = [1], [[1] * len(strides)]
    return tuple(extents), *(tuple(column) for column in zip(*steps, strict=True))


def row_geometry(*buffers: Buffer) -> tuple[Any, ...]:
    """Of buffers as rows along the last dimension: their number, merged row extents, strides per buffer."""
    shape, *strides = merged(buffers[0].shape[:-1], *(b.strides[:-1] for b in buffers))
    return numel(shape), shape, *strides


def expand(buffer: Buffer, shape: Sequence[int]) -> Buffer:
    """The buffer broadcast to `shape`."""
    lead = len(shape) - len(buffer.shape)
    # with a stride of 0 one element is read again and again
    own = [
        0 if have == 1 and wanted != 1 else stride
        for have, stride, wanted in zip(buffer.shape, buffer.strides, shape[lead:], strict=True)
    ]
    return buffer.as_strided(tuple(shape), (0,) * lead + tuple(own))


def permute(buffer: Buffer, order: Sequence[int]) -> Buffer:
    """The buffer with its dimensions reordered."""
    return buffer.as_strided(
        tuple([buffer.shape[d] for d in order]), tuple([buffer.strides[d] for d in order])
    )


def last(buffer: Buffer, dim: int) -> Buffer:
    """The buffer with `dim` moved to the end; a 0-d buffer has one dimension of extent 1."""
    if not buffer.shape:
        return buffer.as_strided((1,), (1,))
    return permute(buffer, [d for d in range(buffer.ndim) if d != dim] + [dim])


def at_least_1d(buffer: Buffer) -> Buffer:
    """A 0-d buffer as its one element."""
    return buffer if buffer.shape else buffer.as_strided((1,), (1,))


def flat(buffer: Buffer) -> Buffer:
    """All elements in a row; copied where the strides demand it."""
    return contiguous(buffer).as_strided((buffer.numel,), (1,))


def reshaped(buffer: Buffer, shape: tuple[int, ...]) -> Buffer:
    """A contiguous buffer in another shape."""
    return buffer.as_strided(shape, contiguous_strides(shape))


def contiguous(buffer: Buffer) -> Buffer:
    """The buffer, or a row-major copy of it."""
    if buffer.is_contiguous():
        return buffer
    from tritonnn.kernels.device.moving import copy
    from tritonnn.kernels.launch.launch import empty

    dense = empty(buffer.shape, buffer.dtype, buffer)
    copy(dense, buffer)
    return dense


def contiguous_or_none(buffer: Buffer | None) -> Buffer | None:
    """A row-major copy of an operand that may be absent."""
    return None if buffer is None else contiguous(buffer)


_PARTS = {dtypes.complex64: dtypes.float32, dtypes.complex128: dtypes.float64}


def parts(buffer: Buffer) -> Buffer:
    """A complex buffer as its real and imaginary parts along a new last dimension; others as they are.

    Triton has no complex numbers; moving and adding them is moving and adding their parts.
    """
    real = _PARTS.get(buffer.dtype)
    if real is None:
        return buffer
    # a complex number is two neighbours: all distances double
    strides = (*[2 * s for s in buffer.strides], 1)
    return Buffer(buffer.ptr, (*buffer.shape, 2), strides, real, buffer.device, buffer.owner)


def read(buffer: Buffer) -> np.ndarray[Any, Any]:
    """The elements of a contiguous buffer on the host. Waits for the device."""
    # what depends on data must not be replayed from notes
    unrepeatable()
    from tritonnn.runtime.interface import runtime

    array = np.empty(buffer.shape, buffer.dtype.np)
    if array.size:
        runtime().download(array, buffer.ptr, buffer.device.index)
    return array


def fill(buffer: Buffer, byte: int) -> Buffer:
    """Set every byte of a contiguous buffer; returns it."""
    if thread.notes is not None:
        thread.notes.fill(buffer, byte)
        return buffer
    from tritonnn.runtime.interface import runtime

    runtime().memset(buffer.ptr, byte, buffer.numel * buffer.dtype.itemsize, buffer.device.index)
    return buffer
