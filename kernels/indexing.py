"""Reading elements by index or mask: gather, index_select, take, advanced indexing, nonzero.

One kernel reads through any number of index tensors: gather, index_select, take and advanced indexing differ
only in the strides they give it. Indices are checked first; the check waits for the device, so that an error
is raised where it happened, with the text the CPU gives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import triton
from triton import language as tl

from tritonnn import dtypes
from tritonnn.buffer import Buffer
from tritonnn.kernels.check.case import Case
from tritonnn.kernels.device.bounds import check_bounds
from tritonnn.kernels.device.moving import moved, truth
from tritonnn.kernels.device.strided import (
    at_least_1d,
    comparable,
    expand,
    flat,
    merged,
    offset_of,
    parts,
    positions,
    read,
)  # fmt: skip
from tritonnn.kernels.launch.launch import empty, launch, needs_int64
from tritonnn.kernels.launch.replay import replayed
from tritonnn.kernels.scan import cumsum

BLOCK = 512
MOVED = 1024  # elements of a program that only moves them: 16 bytes a thread of 16-bit ones
Alloc = Callable[..., Buffer]


@triton.jit
def indexed_offset(i, mask, indices, shape, index_strides, steps, sizes, ROWS: tl.constexpr):
    """Sum over the index tensors of index * step, and where all are in bounds; negatives count back.

    ROWS: every 16 neighbours, counted from the first element, share their indices.
    """
    offset = tl.zeros_like(i).to(tl.int64)
    valid = mask
    for k in tl.static_range(len(indices)):
        j = tl.load(indices[k] + offset_of(i, shape, index_strides[k]), mask=mask, other=0).to(tl.int64)
        if ROWS:
            # lets the compiler see that 16 neighbours read 16 neighbours, and so 16 bytes at a time
            j = tl.max_constancy(j, 16)
        j = tl.where(j < 0, j + sizes[k], j)
        valid = valid & (j >= 0) & (j < sizes[k])
        offset += j * steps[k]
    return offset, valid


@triton.jit
def read_kernel(
    out, input, indices, n, shape, out_strides, in_strides, index_strides, steps, sizes,
    ROWS: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """out[i] = input[position i of the dimensions that are kept, and the indices' values in the others].

    Args:
        indices: pointers to the index tensors, broadcast to the output's shape by `index_strides`.
        in_strides: the input's strides along the output's dimensions; 0 where an index decides.
        steps: per index tensor, the input's stride of the dimension it indexes; sizes: that dimension's
        extent. ROWS: as of `indexed_offset`.
    """
    i = positions(BLOCK, INT64)
    mask = i < n
    offset, valid = indexed_offset(i, mask, indices, shape, index_strides, steps, sizes, ROWS)
    source = input + offset_of(i, shape, in_strides) + offset
    if input.dtype.element_ty.is_floating():
        # where nobody checks indices, NaN shows that one was wrong
        x = tl.load(source, mask=valid, other=float("nan"))
    else:
        x = tl.load(source, mask=valid, other=0)
    tl.store(out + offset_of(i, shape, out_strides), x, mask=mask)


@triton.jit
def true_kernel(marks, mask_, n, shape, strides, BLOCK: tl.constexpr, INT64: tl.constexpr):
    """marks[i] = 1 where the element is not zero."""
    i = positions(BLOCK, INT64)
    # NaN is not zero, and counts
    x = comparable(tl.load(mask_ + offset_of(i, shape, strides), mask=i < n))
    tl.store(marks + i, (x != 0).to(tl.int64), mask=i < n)


@triton.jit
def compact_kernel(out, input, ends, n, shape, in_strides, BLOCK: tl.constexpr, INT64: tl.constexpr):
    """Write the marked elements one after another; ends[i] counts the marks up to i."""
    i = positions(BLOCK, INT64)
    mask = i < n
    end = tl.load(ends + i, mask=mask, other=0)
    # an element is marked where the running count goes up
    marked = mask & (end != tl.load(ends + i - 1, mask=mask & (i > 0), other=0))
    x = tl.load(input + offset_of(i, shape, in_strides), mask=marked)
    tl.store(out + end - 1, x, mask=marked)


@triton.jit
def coordinates_kernel(out, ends, n, count, last, shape, BLOCK: tl.constexpr, INT64: tl.constexpr):
    """Write the coordinates of the `count` marked elements, one row a dimension; the last begins at `last`."""
    i = positions(BLOCK, INT64)
    mask = i < n
    end = tl.load(ends + i, mask=mask, other=0)
    marked = mask & (end != tl.load(ends + i - 1, mask=mask & (i > 0), other=0))
    rank: tl.constexpr = len(shape)
    rest = i.to(tl.int64)
    place = end - 1 + last
    for k in tl.static_range(rank):  # the last dimension first, as divisions bring the coordinates out
        extent = shape[rank - 1 - k]
        tl.store(out + place, rest % extent, mask=marked)
        rest = rest // extent
        place -= count


@triton.jit
def triangle_kernel(
    out, input, n, rows, columns, diagonal, shape, out_strides, in_strides,
    LOWER: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """The part of the matrices on one side of a diagonal, zero on the other."""
    i = positions(BLOCK, INT64)
    column = i % columns
    row = (i // columns) % rows
    keep = (column - row <= diagonal) if LOWER else (column - row >= diagonal)
    x = tl.load(input + offset_of(i, shape, in_strides), mask=(i < n) & keep, other=0)
    tl.store(out + offset_of(i, shape, out_strides), x, mask=i < n)


def _read(
    out: Buffer, input: Buffer, in_strides: Sequence[int], indices: Sequence[Buffer], steps: Sequence[int],
    sizes: Sequence[int],
) -> None:  # fmt: skip
    """Launch `read_kernel` with neighbouring dimensions merged; `indices` have the output's shape."""
    n = out.numel
    shape, outs, ins, *rest = merged(out.shape, out.strides, in_strides, *(b.strides for b in indices))
    rows = shape[-1] % 16 == 0 and all(s[-1] == 0 for s in rest)
    block = MOVED if rows else BLOCK
    launch(
        read_kernel, (-(-n // block),), out, input, tuple(indices), n, shape, outs, ins, tuple(rest),
        tuple(steps), tuple(sizes), ROWS=rows, BLOCK=block, INT64=needs_int64(out, input, *indices),
    )  # fmt: skip


@replayed
def gather(out: Buffer, input: Buffer, dim: int, index: Buffer) -> None:
    """out[i][j] = input[index[i][j]][j] for dim 0, likewise for the others."""
    out, input, index = at_least_1d(out), at_least_1d(input), at_least_1d(index)
    check_bounds("gather", index, dim, input.shape[dim], RuntimeError)
    step, size = input.strides[dim], input.shape[dim]
    kept = tuple(0 if d == dim else s for d, s in enumerate(input.strides))
    if out.dtype.is_complex:
        out, input = parts(out), parts(input)
        index, step = index.as_strided((*index.shape, 2), (*index.strides, 0)), 2 * step
        kept = (*(2 * s for s in kept), 1)
    _read(out, input, kept, [index], [step], [size])


@replayed
def index_select(out: Buffer, input: Buffer, dim: int, index: Buffer) -> None:
    """The entries of `dim` that a vector of indices names."""
    out, input, index = at_least_1d(out), at_least_1d(input), at_least_1d(index)
    check_bounds("index_select: index out of range in self", index, dim, input.shape[dim], IndexError)
    read_through(out, input, [index], (dim,))


@replayed
def take(out: Buffer, input: Buffer, index: Buffer) -> None:
    """The elements of the flattened input that the indices name."""
    source = flat(input)
    check_bounds("take: out of range", index, 0, source.numel, IndexError, wrap=True)
    read_through(out, source, [index], (0,))


def placed_indices(
    shape: Sequence[int], indices: Sequence[Buffer], dims: tuple[int, ...], result: Sequence[int]
) -> tuple[list[Buffer], list[int | None]]:
    """Index buffers broadcast to the result's shape, and for each of its dimensions the indexed array's.

    The index dimensions stand where the first indexed one was if those are neighbours, else in front.
    """
    common = len(result) - (len(shape) - len(dims))
    at = dims[0] if dims[-1] - dims[0] + 1 == len(dims) else 0
    kept: list[int | None] = [d for d in range(len(shape)) if d not in dims]
    places = kept[:at] + [None] * common + kept[at:]
    placed = []
    for index in indices:
        wide = expand(index, result[at : at + common])
        strides = (0,) * at + wide.strides + (0,) * (len(kept) - at)
        placed.append(index.as_strided(tuple(result), strides))
    return placed, places


def read_through(out: Buffer, input: Buffer, indices: Sequence[Buffer], dims: tuple[int, ...]) -> None:
    """Advanced indexing without a check of the bounds."""
    out, input = moved(out, input)
    steps = [input.strides[d] for d in dims]
    sizes = [input.shape[d] for d in dims]
    placed, places = placed_indices(input.shape, indices, dims, out.shape)
    kept = tuple(0 if d is None else input.strides[d] for d in places)
    if out.dtype.is_complex:
        out, input = parts(out), parts(input)
        placed = [b.as_strided((*b.shape, 2), (*b.strides, 0)) for b in placed]
        steps, kept = [2 * s for s in steps], (*(2 * s for s in kept), 1)
    _read(out, input, kept, placed, steps, sizes)


@replayed
def index_at(out: Buffer, input: Buffer, indices: list[Buffer], dims: tuple[int, ...]) -> None:
    """Advanced indexing: `dims` are indexed by arrays that broadcast against each other, the others kept."""
    if not out.numel:
        return
    for one, dim in zip(indices, dims, strict=True):
        check_bounds("index", one, dim, input.shape[dim], IndexError, wrap=True)
    read_through(out, input, indices, dims)


def marked(mask: Buffer) -> tuple[Buffer, int]:
    """How many elements up to each one are not zero, and how many there are. Waits for the device."""
    n, mask = mask.numel, truth(mask)
    marks, ends = empty((n,), dtypes.int64, mask), empty((n,), dtypes.int64, mask)
    shape, strides = merged(mask.shape, mask.strides)
    launch(
        true_kernel, (-(-n // BLOCK),), marks, mask, n, shape, strides, BLOCK=BLOCK, INT64=needs_int64(mask)
    )
    cumsum(ends, marks, 0)
    return ends, int(read(ends.as_strided((1,), (1,), n - 1))[0]) if n else 0


def masked_select(alloc: Alloc, input: Buffer, mask: Buffer) -> Buffer:
    """The elements under a broadcast mask, in row-major order."""
    from tritonnn.shape import broadcast_shapes

    shape = tuple(broadcast_shapes(input.shape, mask.shape))
    input, mask = expand(input, shape), expand(mask, shape)
    ends, count = marked(mask)
    out = alloc((count,), input.dtype)
    if out.dtype.is_complex:
        return _select_complex(out, input, ends)
    n = input.numel
    extents, strides = merged(shape, input.strides)
    launch(
        compact_kernel, (-(-n // BLOCK),), *moved(out, input), ends, n, extents, strides, BLOCK=BLOCK,
        INT64=needs_int64(input),
    )  # fmt: skip
    return out


def _select_complex(out: Buffer, input: Buffer, ends: Buffer) -> Buffer:
    """As `compact_kernel`, through the positions of what is selected."""
    where = empty((out.numel,), dtypes.int64, out)
    n = input.numel
    launch(
        coordinates_kernel, (-(-n // BLOCK),), where, ends, n, out.numel, 0, (n,), BLOCK=BLOCK,
        INT64=needs_int64(input),
    )  # fmt: skip
    read_through(out, flat(input), [where], (0,))
    return out


def nonzero_coordinates(alloc: Alloc, input: Buffer) -> Buffer:
    """(ndim, n) indices of the elements that are not zero, in row-major order."""
    ends, count = marked(input)
    out = alloc((input.ndim, count), dtypes.int64)
    if input.ndim:
        launch(
            coordinates_kernel, (-(-input.numel // BLOCK),), out, ends, input.numel, count,
            (input.ndim - 1) * count, tuple(input.shape), BLOCK=BLOCK, INT64=needs_int64(input),
        )  # fmt: skip
    return out


def _triangle(out: Buffer, input: Buffer, diagonal: int, lower: bool) -> None:
    rows, columns = input.shape[-2:]
    if out.dtype.is_complex:
        # The parts become a leading dimension, so that the matrices stay last.
        two = (out, input)
        out, input = (
            b.as_strided((2, *b.shape[:-1]), (b.strides[-1], *b.strides[:-1])) for b in map(parts, two)
        )
    n = out.numel
    # Any diagonal beyond the corners is the corner's: it must fit an int32.
    diagonal = max(-rows - 1, min(diagonal, columns + 1))
    shape, outs, ins = merged(out.shape, out.strides, input.strides)
    launch(
        triangle_kernel, (-(-n // MOVED),), out, input, n, rows, columns, diagonal, shape, outs, ins,
        LOWER=lower, BLOCK=MOVED, INT64=needs_int64(out, input),
    )  # fmt: skip


@replayed
def tril(out: Buffer, input: Buffer, diagonal: int) -> None:
    """The last two dimensions on and below a diagonal, zero above."""
    _triangle(out, input, diagonal, True)


@replayed
def triu(out: Buffer, input: Buffer, diagonal: int) -> None:
    """The last two dimensions on and above a diagonal, zero below."""
    _triangle(out, input, diagonal, False)


_B: dict[str, Any] = {"BLOCK": BLOCK, "INT64": False}
COMPILE = [
    *[
        Case(
            read_kernel, f"*{t} *{t} (*i64) i32:16 (i32:16 i32:16) (i32:16 i32=1) (i32:16 i32=1) ((i32=1 i32:16)) "
            "(i32:16) (i32)",
            {"ROWS": True, "BLOCK": MOVED, "INT64": False}, label=t,
            wide="both" if t not in ("i1", "u8") else "",  # of bytes a thread moves 8
        )
        for t in ("fp32", "bf16", "fp64", "i64", "i1", "u8")
    ],
    Case(
        read_kernel,
        "*fp32 *fp32 (*i64 *i64) i32 (i32 i32 i32) (i32 i32 i32=1) (i32 i32 i32=1) "
        "((i32 i32 i32) (i32 i32 i32)) (i32 i32) (i32 i32)",
        {"ROWS": False, "BLOCK": BLOCK, "INT64": True}, label="two-int64",
    ),
    *[
        Case(true_kernel, f"*i64 *{t} i32:16 (i32:16) (i32=1)", _B, label=t, wide="stores")
        for t in ("i1", "fp32", "bf16", "i64")
    ],
    *[
        Case(compact_kernel, f"*{t} *{t} *i64 i32:16 (i32:16) (i32=1)", _B, label=t, wide="loads")
        for t in ("i1", "fp32", "bf16", "i64")
    ],
    Case(coordinates_kernel, "*i64 *i64 i32:16 i32 i32 (i32 i32 i32:16)", _B, wide="loads"),
    *[
        Case(
            triangle_kernel, f"*{t} *{t} i32:16 i32 i32:16 i32 (i32:16) (i32=1) (i32=1)",
            {"LOWER": low, **_B, "BLOCK": MOVED}, label=f"{t}-{low}", wide="stores" if t != "i1" else "",
        )
        for t in ("i1", "fp32", "bf16", "i64") for low in (False, True)
    ],
]  # fmt: skip
