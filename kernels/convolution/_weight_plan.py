"""How a weight gradient is launched: through tensor descriptors or by addresses, and the sum of its parts."""

from __future__ import annotations

from itertools import product
from math import gcd
from typing import NamedTuple

from triton.tools.tensor_descriptor import TensorDescriptor

from tritonnn import dtypes
from tritonnn.buffer import Buffer
from tritonnn.kernels.convolution._described import box_strides, describable
from tritonnn.kernels.convolution._geometry import TRITON, Ints, Window, precision
from tritonnn.kernels.convolution._reduce import sum_splits_kernel
from tritonnn.kernels.convolution._weight import weight_kernel
from tritonnn.kernels.convolution._weight_boxes import weight_boxes_kernel
from tritonnn.kernels.device.strided import permute
from tritonnn.kernels.launch.launch import architecture, empty, launch, needs_int64
from tritonnn.kernels.tables.convolution import Tile
from tritonnn.kernels.tables.convolution_weight import (
    WASTE,
    Patch,
    WeightChoice,
    choose_patch,
    columns_of,
    has_boxes,
    is_one_tap,
    patches_of,
)
from tritonnn.kernels.tables.reduction import power_of_2
from tritonnn.shape import numel

BOX_POSITIONS = 64  # of a step through descriptors: the depth of every tile
REDUCED = 2048  # elements that a program of the last sum holds: 16 a thread
MOST_PARTS = 32  # rows of that tile


class Problem(NamedTuple):
    """Operands of three spatial dimensions, channels innermost in `grad` and `x`, and where they meet."""

    out: Buffer
    grad: Buffer
    x: Buffer
    window: Window
    groups: int

    @property
    def sizes(self) -> tuple[int, int, int, int]:
        """Batch and spatial sizes of `grad`."""
        n, _, d, h, w = self.grad.shape
        return n, d, h, w


class Phase(NamedTuple):
    """Of one dimension the taps first, first + step, ... that meet the same inputs: phase, phase + stride, ...

    Output o meets tap number t of these at input number begin + o + t * spread of those.
    """

    first: int
    step: int
    taps: int
    phase: int
    begin: int
    spread: int


def phases(taps: int, start: int, stride: int, dilation: int) -> list[Phase]:
    """The phases of one dimension, where output `o` and tap `t` meet at start + o * stride + t * dilation.

    >>> phases(3, -1, 2, 1)
    [Phase(first=0, step=2, taps=2, phase=1, begin=-1, spread=1), \
Phase(first=1, step=2, taps=1, phase=0, begin=0, spread=1)]
    """
    common = gcd(stride, dilation)
    step, spread = stride // common, dilation // common
    return [
        Phase(t, step, -(-(taps - t) // step), (start + t * dilation) % stride,
              (start + t * dilation) // stride, spread)
        for t in range(min(taps, step))
    ]  # fmt: skip


def combined(p: Problem) -> list[tuple[Phase, ...]]:
    """The phases of all three dimensions."""
    return list(product(*[phases(*axis) for axis in zip(p.out.shape[2:], *p.window)]))


def inputs_of(p: Problem, phase: tuple[Phase, ...]) -> Buffer:
    """What taps of a phase meet of x: a view with larger strides."""
    shape, strides, offset = list(p.x.shape), list(p.x.strides), 0
    for dim, (axis, stride) in enumerate(zip(phase, p.window.stride), start=2):
        shape[dim] = max(0, -(-(shape[dim] - axis.phase) // stride))
        offset += axis.phase * strides[dim]
        strides[dim] *= stride
    return p.x.as_strided(tuple(shape), tuple(strides), offset if 0 not in shape else 0)


def box_patch(p: Problem) -> Patch | None:
    """The patches of the road through descriptors; None where it cannot be taken, or covers much more than there is."""
    size = p.x.dtype.itemsize
    channels, depth = p.out.shape[0] // p.groups, p.out.shape[1]
    whole = 16 // size  # of channels, where groups begin
    if not has_boxes(architecture(), size) or not is_one_tap(depth, numel(p.out.shape[2:])):
        return None
    if p.groups > 1 and (channels % whole or depth % whole):
        return None
    views = [(phase, inputs_of(p, phase)) for phase in combined(p)]
    if not all(x.numel and describable(x, 1) for x in (p.grad, *[x for _, x in views])):
        return None
    # whether an input lies where a position past the end of grad would meet it
    ends = [
        any(n + phase[k].begin < x.shape[2 + k] for phase, x in views)
        for k, n in enumerate(p.sizes[1:])
    ]  # fmt: skip
    patch = choose_patch(BOX_POSITIONS, p.sizes, (ends[0], ends[1], ends[2]), True)
    if patch is None:
        return None
    closest = choose_patch(BOX_POSITIONS, p.sizes, (False, False, False), False)
    assert closest is not None
    return patch if patches_of(p.sizes, patch) <= WASTE * patches_of(p.sizes, closest) else None


def run(p: Problem, choice: WeightChoice, patch: Patch | None) -> None:
    """Compute `out` by a choice; through descriptors in boxes of `patch`."""
    if not choice.boxes:
        patch = choose_patch(choice.tile.depth, p.sizes, (False, False, False), False)
    assert patch is not None
    total = patches_of(p.sizes, patch)
    each = -(-total // choice.splits)
    splits = -(-total // each)
    if splits == 1:
        # one part writes the gradient itself, in its own dtype and layout: no workspace, no second launch
        target = p.out.as_strided((1, *p.out.shape), (0, *p.out.strides))
    else:
        target = workspace(p.out, splits)
    (_by_boxes if choice.boxes else _by_address)(p, target, choice.tile, patch, total, each)
    if splits > 1:
        reduce(p.out, target)


def workspace(out: Buffer, splits: int) -> Buffer:
    """Memory for the parts of a sum, (splits, *out.shape), channels in innermost, which neighbouring threads hold."""
    # parts in the accumulator's type: only the whole is rounded
    compute = dtypes.float64 if out.dtype is dtypes.float64 else dtypes.float32
    c, i, *taps = out.shape
    return permute(empty((splits, c, *taps, i), compute, out), (0, 1, 5, 2, 3, 4))


def reduce(out: Buffer, partial: Buffer) -> None:
    """out = sum over the first dimension of `partial`, whose memory is dense in some order."""
    splits = partial.shape[0]
    order = sorted(range(out.ndim), key=lambda d: (-partial.strides[1 + d], d))
    parts = min(MOST_PARTS, power_of_2(splits))
    block = REDUCED // parts
    launch(
        sum_splits_kernel, (-(-out.numel // block),), out, partial, out.numel, splits,
        tuple([out.shape[d] for d in order]), tuple([out.strides[d] for d in order]),
        PARTS=parts, BLOCK=block, COMPUTE=TRITON[partial.dtype], INT64=needs_int64(out, partial),
    )  # fmt: skip


def boxes(x: Buffer, patch: Patch, channels: int, rank: int) -> TensorDescriptor:
    """`x`, (batch, channels, depth, height, width), in boxes of a patch of positions by channels.

    Args:
        x: describable; of four dimensions, `rank`, there is no depth.
        patch: images, depth, height and width of a box.
    """
    dims = (0, 2, 3, 4, 1) if rank == 5 else (0, 3, 4, 1)
    shape = tuple([x.shape[d] for d in dims])
    strides = box_strides(shape, tuple([x.strides[d] for d in dims]), x.dtype.itemsize)
    assert strides is not None
    block = [*(patch if rank == 5 else (patch[0], *patch[2:])), channels]
    return TensorDescriptor(x, list(shape), list(strides), block)


def _grouped(target: Buffer, channels: int) -> Ints:
    """Strides of (split, group, channel out, channel in, taps...)."""
    return (target.strides[0], channels * target.strides[1], *target.strides[1:])


def _by_boxes(p: Problem, target: Buffer, tile: Tile, patch: Patch, total: int, each: int) -> None:
    channels, depth = p.out.shape[0] // p.groups, p.out.shape[1]
    views = [(phase, inputs_of(p, phase)) for phase in combined(p)]
    deep = p.grad.shape[2] > 1 or any(x.shape[2] > 1 or phase[0].taps > 1 for phase, x in views)
    rank = 5 if deep else 4
    dy = boxes(p.grad, patch, tile.rows, rank)
    counts = tuple([-(-n // extent) for n, extent in zip(p.sizes[1:], patch[1:])])
    for phase, x in views:
        taps, begin, spread = [
            tuple([getattr(axis, name) for axis in phase]) for name in ("taps", "begin", "spread")
        ]
        part = _of_phase(target, phase)
        tiles = -(-channels // tile.rows) * numel(taps) * -(-depth // tile.columns) * p.groups
        launch(
            weight_boxes_kernel, (tiles, -(-total // each)), part, dy, boxes(x, patch, tile.columns, rank),
            _grouped(part, channels), channels, depth, p.groups, counts, total, each, taps, begin, spread,
            RANK=rank, IMAGES=patch[0], DEPTH=patch[1], HEIGHT=patch[2], WIDTH=patch[3], BLOCK_M=tile.rows,
            BLOCK_N=tile.columns, INT64=needs_int64(target), num_warps=tile.warps, num_stages=tile.stages,
        )  # fmt: skip


def _of_phase(target: Buffer, phase: tuple[Phase, ...]) -> Buffer:
    """Of (split, channels, channels, taps...) the taps of a phase."""
    shape, strides, offset = list(target.shape), list(target.strides), 0
    for dim, axis in enumerate(phase, start=3):
        shape[dim] = axis.taps
        offset += axis.first * strides[dim]
        strides[dim] *= axis.step
    return target.as_strided(tuple(shape), tuple(strides), offset)


def _by_address(p: Problem, target: Buffer, tile: Tile, patch: Patch, total: int, each: int) -> None:
    channels, depth, kernel = p.out.shape[0] // p.groups, p.out.shape[1], p.out.shape[2:]
    unit, x_unit = unit_of(p.grad, channels), unit_of(p.x, depth)
    counts = tuple([-(-n // extent) for n, extent in zip(p.sizes[1:], patch[1:])])
    compute = dtypes.float64 if p.out.dtype is dtypes.float64 else dtypes.float32
    launch(
        weight_kernel, (-(-channels // tile.rows) * columns_of(depth, numel(kernel), tile) * p.groups,
        -(-total // each)), target, p.grad, p.x, p.sizes[0], p.sizes[1:], _positions(p.grad, unit),
        tuple(p.x.shape[2:]), _positions(p.x, x_unit), _grouped(target, channels), channels // unit,
        depth // x_unit, p.groups, counts, total, each, *p.window,
        KD=kernel[0], KH=kernel[1], KW=kernel[2], IMAGES=patch[0], HEIGHT=patch[2], WIDTH=patch[3],
        BLOCK_M=tile.rows, BLOCK_N=tile.columns, DY_UNIT=unit, X_UNIT=x_unit,
        ONE_TAP=is_one_tap(depth, numel(kernel)), EVEN=patches_of(p.sizes, patch) * tile.depth == numel(p.sizes),
        PRECISION=precision(p.x), COMPUTE=TRITON[compute], INT64=needs_int64(target, p.grad, p.x),
        num_warps=tile.warps, num_stages=tile.stages,
    )  # fmt: skip


def unit_of(x: Buffer, channels: int) -> int:
    """How many elements one access can load, a power of 2 of at most 16 bytes, wherever positions and groups begin."""
    numbers = [channels, *[s for k, (n, s) in enumerate(zip(x.shape, x.strides)) if k != 1 and n > 1]]
    unit = 16 // x.dtype.itemsize if not x.ptr % 16 else 1
    while any(n % unit for n in numbers):
        unit //= 2
    return unit


def _positions(x: Buffer, unit: int) -> Ints:
    """Strides of (batch, spatial...) in units; a stride that nothing is multiplied by is 0."""
    return tuple([0 if n == 1 else s // unit for k, (n, s) in enumerate(zip(x.shape, x.strides)) if k != 1])
