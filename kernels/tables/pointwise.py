"""How elementwise ops walk over memory: merged dimensions, and the walk that suits them. Pure arithmetic.

The walks are described in `device/pointwise.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tritonnn.buffer import Buffer
from tritonnn.kernels.tables.reduction import power_of_2
from tritonnn.shape import numel

FLAT, LINEAR, TILE = 0, 1, 2


class Geometry(NamedTuple):
    """Merged dimensions of an elementwise op: extents, and strides per operand (the output first; 0:
    broadcast)."""

    shape: tuple[int, ...]
    strides: tuple[tuple[int, ...], ...]


class Walk(NamedTuple):
    """How a geometry is walked."""

    mode: int
    block_m: int
    block_n: int
    warps: int
    grid: int


def collapse(shape: Sequence[int], strides: Sequence[Sequence[int]]) -> Geometry:
    """Reorder dimensions after the first operand's strides, drop those of extent 1, and merge neighbours.

    Args:
        shape: common extents.
        strides: per operand, in elements; 0 where it is broadcast.
    """
    # the output's order of memory: its elements are all written, where an input may be broadcast
    order = sorted((d for d in range(len(shape)) if shape[d] != 1), key=lambda d: -abs(strides[0][d]))
    extents: list[int] = []
    merged: list[list[int]] = []
    for d in order:
        now = [s[d] for s in strides]
        if extents and all(before == s * shape[d] for before, s in zip(merged[-1], now, strict=True)):
            extents[-1] *= shape[d]
            merged[-1] = now
        else:
            extents.append(shape[d])
            merged.append(now)
    if not extents:
        extents, merged = [1], [[1] * len(strides)]
    return Geometry(tuple(extents), tuple(zip(*merged, strict=True)))


def choose_walk(geometry: Geometry, itemsize: int) -> tuple[Geometry, Walk]:
    """The walk for a geometry, and the geometry in the order the walk wants.

    Args:
        geometry: merged dimensions.
        itemsize: of the widest operand, in bytes.
    """
    shape, strides = geometry
    total = numel(shape)
    block = flat_block(itemsize)
    if len(shape) == 1 and all(s[0] in (0, 1) for s in strides):
        return geometry, Walk(FLAT, 1, block, 4, -(-total // block))
    # a transposed operand first: no order of rows alone reads it along its own
    crossing = _transposed_dimension(geometry)
    if crossing is not None:
        geometry = _second_to_last(geometry, crossing)
        shape = geometry.shape
        # square tiles: both the rows of the output and those of the transposed operand are whole lines
        walk = _tile(shape, min(64, power_of_2(shape[-2])), min(64, power_of_2(shape[-1])))
        # tiles that are mostly empty cost more than accesses that are not neighbours
        if _used(walk, total) > 0.5:
            return geometry, walk
    elif len(shape) > 1 and shape[-1] >= 32:
        columns = min(block, power_of_2(shape[-1]))
        walk = _tile(shape, max(1, min(block // columns, power_of_2(shape[-2]))), columns)
        if _used(walk, total) > 0.7:
            return geometry, walk
    block = 1024
    return geometry, Walk(LINEAR, 1, block, 4, -(-total // block))


def flat_block(itemsize: int) -> int:
    """Elements of a program of 128 threads: each thread's share is at least one access of 16 bytes."""
    return 1024 if itemsize >= 4 else 2048


def _tile(shape: tuple[int, ...], rows: int, columns: int) -> Walk:
    # at most 16 elements a thread of 4 or 8 warps
    grid = -(-shape[-1] // columns) * -(-shape[-2] // rows)
    for extent in shape[:-2]:
        grid *= extent
    return Walk(TILE, rows, columns, 8 if rows * columns > 2048 else 4, grid)


def _used(walk: Walk, total: int) -> float:
    """Share of the tiles' elements that exist."""
    return total / (walk.grid * walk.block_m * walk.block_n)


def _transposed_dimension(geometry: Geometry) -> int | None:
    """The dimension, not the innermost, along which an input is contiguous, where both are worth tiles."""
    shape, strides = geometry
    last = len(shape) - 1
    for operand in strides[1:]:
        for d in range(last):
            if operand[d] == 1 and shape[d] >= 8 and shape[last] >= 8 and operand[last] != 0:
                return d
    return None


def _second_to_last(geometry: Geometry, d: int) -> Geometry:
    order = [k for k in range(len(geometry.shape) - 1) if k != d] + [d, len(geometry.shape) - 1]
    return Geometry(
        tuple(geometry.shape[k] for k in order), tuple(tuple(s[k] for k in order) for s in geometry.strides)
    )


def broadcast_strides(buffer: Buffer, shape: Sequence[int]) -> tuple[int, ...]:
    """Strides that read `buffer` as if it had `shape`."""
    missing = len(shape) - len(buffer.shape)
    own = tuple(
        0 if extent == 1 and wanted != 1 else stride
        for extent, stride, wanted in zip(buffer.shape, buffer.strides, shape[missing:], strict=True)
    )
    return (0,) * missing + own


def reach(geometry: Geometry, walk: Walk) -> int:
    """Upper bound of every index and offset the kernel computes, tails of blocks included."""
    furthest = walk.grid * walk.block_m * walk.block_n
    for operand in geometry.strides:
        # a masked block computes addresses beyond the end, which must not wrap around either
        total = sum((extent + 1024) * abs(s) for extent, s in zip(geometry.shape, operand, strict=True))
        furthest = max(furthest, total)
    return furthest
