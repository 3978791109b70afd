"""Convolutions of stride 1 through tensor descriptors: when they can be, and how `patches_kernel` is launched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from tritonnn import dtypes
from tritonnn.buffer import Buffer
from tritonnn.kernels.convolution._geometry import Finish, Ints, Window, channels_last, precision
from tritonnn.kernels.convolution._patches import patches_kernel
from tritonnn.kernels.device.moving import copy, fill, narrow
from tritonnn.kernels.launch.autotune import pick
from tritonnn.kernels.launch.descriptors import Tiles
from tritonnn.kernels.launch.launch import Plan, Slot, architecture, empty, multiprocessors, needs_int64
from tritonnn.kernels.tables.convolution import Tile, choose_patch, has_patches, patches_candidates
from tritonnn.shape import numel

FEWEST_CHANNELS = 16  # with fewer, taps and channels share an index (`correlate_kernel`)
LONGEST = 1 << 31  # coordinates are 32-bit


def box_strides(shape: Ints, strides: Ints, itemsize: int) -> Ints | None:
    """Strides as a descriptor takes them, innermost dimension last; None where it cannot have them.

    The innermost one must be 1, the others positive multiples of 16 bytes; those of dimensions of one element
    count for nothing.

    >>> box_strides((2, 1, 5, 8), (40, 3, 8, 1), 2)
    (40, 40, 8, 1)
    >>> box_strides((2, 5, 7), (35, 7, 1), 2)
    """
    if (strides[-1] != 1 and shape[-1] > 1) or max(shape) >= LONGEST:
        return None
    steps, inner = [1], -(-shape[-1] * itemsize // 16) * 16 // itemsize
    for extent, stride in zip(shape[-2::-1], strides[-2::-1], strict=True):
        step = inner if extent == 1 else stride
        if step <= 0 or step * itemsize % 16:
            return None
        steps.append(step)
        inner = max(inner, step * extent)
    return tuple(reversed(steps))


def describable(buffer: Buffer, channels_at: int) -> bool:
    """Whether a descriptor can hold the buffer, given as (a, b, spatial...) with its channels at 0 or 1."""
    return buffer.ptr % 16 == 0 and _boxes(buffer, channels_at) is not None


def _boxes(buffer: Buffer, channels_at: int) -> tuple[Ints, Ints] | None:
    """Shape and strides with the channels innermost, all three spatial dimensions included."""
    order = (1 - channels_at, 2, 3, 4, channels_at)
    shape, strides = (tuple([values[d] for d in order]) for values in (buffer.shape, buffer.strides))
    steps = box_strides(shape, strides, buffer.dtype.itemsize)
    return None if steps is None else (shape, steps)


def padded_copy(buffer: Buffer, channels_at: int, multiple: int, zeros: bool = False) -> Buffer:
    """A copy with channels innermost, and room for a multiple of so many; with `zeros` they are channels, too."""
    order = (1 - channels_at, 2, 3, 4, channels_at)
    shape = tuple([buffer.shape[d] for d in order])
    room = -(-shape[-1] // multiple) * multiple
    wide = empty((*shape[:-1], room), buffer.dtype, buffer)
    if zeros and room > shape[-1]:
        fill(wide, 0)
    inside = narrow(wide, 4, 0, shape[-1])
    copy(inside, buffer.as_strided(shape, tuple([buffer.strides[d] for d in order])))
    kept = wide if zeros else inside
    back = [order.index(d) for d in range(5)]
    return kept.as_strided(tuple([kept.shape[d] for d in back]), tuple([kept.strides[d] for d in back]))


def _forwards(weight: Buffer) -> tuple[Buffer, bool] | None:
    """The weight with its taps in the order of memory, and whether that turns them around."""
    steps = [s for n, s in zip(weight.shape[2:], weight.strides[2:], strict=True) if n > 1]
    if all(s > 0 for s in steps):
        return weight, False
    if any(s > 0 for s in steps):
        return None
    first = sum((n - 1) * s for n, s in zip(weight.shape[2:], weight.strides[2:], strict=True) if n > 1)
    strides = (*weight.strides[:2], *map(abs, weight.strides[2:]))
    return weight.as_strided(weight.shape, strides, first), True


def suits_patches(out: Buffer, x: Buffer, weight: Buffer, window: Window) -> bool:
    """Whether the kernel can do it, perhaps after copies of x and the weight to another layout.

    Args:
        out, x: (batch, channels, three spatial dimensions). weight: (channels out, channels in, taps).
    """
    # without an input there is nothing to describe
    half = x.dtype in (dtypes.float16, dtypes.bfloat16)
    return (
        has_patches(architecture())
        and (half or (x.dtype is dtypes.float32 and precision(x) == "tf32"))
        and window.stride == (1, 1, 1)
        and weight.shape[1] >= FEWEST_CHANNELS
        and x.numel > 0
        and max(*out.shape, *x.shape, *weight.shape) < LONGEST
    )


class _Operands(NamedTuple):
    """What the launch reads, each in a layout that a descriptor can hold."""

    x: Buffer
    weight: Buffer
    across: bool
    turned: bool


def _operands(x: Buffer, weight: Buffer) -> _Operands:
    """The inputs themselves where descriptors can hold them, else copies."""
    multiple = 16 // x.dtype.itemsize
    if not describable(x, 1):
        x = padded_copy(x, 1, multiple)
    forwards = _forwards(weight)
    if forwards is not None:
        # matrix units take 16-bit operands either way, wider ones only along the channels that are summed
        for channels_at in (1, 0) if x.dtype.itemsize == 2 else (1,):
            if describable(forwards[0], channels_at):
                return _Operands(x, forwards[0], channels_at == 0, forwards[1])
    return _Operands(x, padded_copy(weight, 1, multiple), False, False)


def patches_convolution(out: Buffer, x: Buffer, weight: Buffer, window: Window, finish: Finish) -> None:
    """out = finish(correlation of x with the weight); arguments as of `suits_patches`, which must hold."""
    operands = _operands(x, weight)
    sizes = (out.shape[0], *out.shape[2:])
    tiles = patches_candidates(
        sizes, weight.shape[0], weight.shape[1], x.dtype.itemsize, architecture(), multiprocessors(out)
    )
    given = [out, operands.x, operands.weight, *[b for b in (finish.bias, finish.residual) if b is not None]]

    def build(tile: Tile) -> Callable[[], None]:
        plan = patches_plan(out, operands, window, finish, tile)
        return lambda: plan(*given)

    problem = (*sizes, *weight.shape, x.dtype.itemsize, operands.across, channels_last(out))
    build(pick(patches_kernel, problem, tiles[0], tiles, build))()


def patches_plan(out: Buffer, operands: _Operands, window: Window, finish: Finish, tile: Tile) -> Plan:
    """The launch, to be called with out, x, the weight, and bias and residual where there are such."""
    x, weight, across, turned = operands
    sizes, kernel = (out.shape[0], *out.shape[2:]), weight.shape[2:]
    patch = choose_patch(tile.rows, sizes)
    rank = 5 if out.shape[2] > 1 or x.shape[2] > 1 or kernel[0] > 1 else 4
    counts = [-(-size // extent) for size, extent in zip(sizes, patch, strict=True)]
    residual = finish.residual
    channels, depth = weight.shape[:2]
    place = 3 + (finish.bias is not None)
    on_chip = describable(out, 1) and (residual is None or describable(residual, 1))
    ends: list[Any] = [Slot(0), None if residual is None else Slot(place)]
    if on_chip:
        ends[0] = _tiles(0, out, 1, patch, tile.columns, rank)
        ends[1] = None if residual is None else _tiles(place, residual, 1, patch, tile.columns, rank)
    ones, box = (1, 1, 1, 1), (tile.depth, tile.columns)
    outer, inner = box if across else box[::-1]
    return Plan(
        patches_kernel, (numel(counts) * -(-channels // tile.columns),),
        _tiles(1, x, 1, patch, tile.depth, rank),
        _tiles(2, weight, 0 if across else 1, (outer, *ones[1:]), inner, rank), *ends,
        None if finish.bias is None else Slot(3), finish.bias_stride, channels, depth, sizes,
        tuple(counts[1:]), out.strides, (residual or out).strides, window.start, window.dilation, finish.alpha,
        KD=kernel[0], KH=kernel[1], KW=kernel[2], IMAGES=patch[0], DEPTH=patch[1], HEIGHT=patch[2],
        WIDTH=patch[3], BLOCK_N=tile.columns, BLOCK_K=tile.depth, RANK=rank, ACROSS=across, TURNED=turned,
        DESCRIBED=on_chip, OUT_LAST=channels_last(out), EPILOGUE=finish.epilogue, PRECISION=precision(x),
        INT64=needs_int64(out, residual, finish.bias), num_warps=tile.warps, num_stages=tile.stages,
    )  # fmt: skip


def _tiles(index: int, buffer: Buffer, channels_at: int, patch: Ints, channels: int, rank: int) -> Tiles:
    """A descriptor with the channels innermost, in boxes of a patch of positions by so many channels."""
    boxes = _boxes(buffer, channels_at)
    assert boxes is not None
    shape, strides = boxes
    block = (*patch, channels)
    if rank == 4:  # without the depth, which is 1
        shape, strides, block = (values[:1] + values[2:] for values in (shape, strides, block))
    return Tiles(index, buffer.dtype, shape, strides, block)
