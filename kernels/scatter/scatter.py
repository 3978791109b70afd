"""Writing elements by index or mask; the kernels of all that name positions are in `_entries.py`."""

from __future__ import annotations

from typing import Any

import triton
from triton import language as tl

from tritonnn.buffer import Buffer
from tritonnn.kernels.check.case import Case
from tritonnn.kernels.device.bounds import check_bounds
from tritonnn.kernels.device.moving import copy, imaginary_part, real_part
from tritonnn.kernels.device.moving import fill as fill_value
from tritonnn.kernels.device.pointwise import pointwise
from tritonnn.kernels.device.strided import (
    at_least_1d,
    contiguous,
    expand,
    flat,
    merged,
    offset_of,
    positions,
    reshaped,
)
from tritonnn.kernels.indexing import marked
from tritonnn.kernels.launch.launch import empty, launch, needs_int64
from tritonnn.kernels.launch.replay import replayed
from tritonnn.kernels.scatter._entries import MAX, MEAN, MIN, PROD, SUM, along, assign, at_dims, combine

BLOCK = 512


@triton.jit
def masked_kernel(
    out, input, source, ends, n, shape, out_strides, in_strides, BLOCK: tl.constexpr, INT64: tl.constexpr
):
    """out[i] = the next element of `source` where marked (ends[i] counts the marks up to i), else input[i]."""
    i = positions(BLOCK, INT64)
    mask = i < n
    end = tl.load(ends + i, mask=mask, other=0)
    # an element is marked where the running count goes up
    chosen = mask & (end != tl.load(ends + i - 1, mask=mask & (i > 0), other=0))
    kept = tl.load(input + offset_of(i, shape, in_strides), mask=mask & ~chosen)
    taken = tl.load(source + end - 1, mask=chosen)
    tl.store(out + offset_of(i, shape, out_strides), tl.where(chosen, taken, kept), mask=mask)


def _start(out: Buffer, input: Buffer) -> None:
    """The input's elements in the output, unless they are the same memory."""
    if out.ptr != input.ptr or out.strides != input.strides:
        copy(out, input)


def _number(value: Any, like: Buffer) -> Buffer:
    """A number as a buffer of one element."""
    number = empty((), like.dtype, like)
    fill_value(number, value)
    return number


@replayed
def scatter_src(out: Buffer, input: Buffer, dim: int, index: Buffer, src: Buffer) -> None:
    """The input with out[index[i][j]][j] = src[i][j] for dim 0, likewise for the others."""
    out, input, index, src = map(at_least_1d, (out, input, index, src))
    check_bounds("scatter", index, dim, input.shape[dim], RuntimeError)
    _start(out, input)
    assign(out, along(out, dim, index, src), src, single=False)


@replayed
def scatter_value(out: Buffer, input: Buffer, dim: int, index: Buffer, value: Any) -> None:
    """The input with one value at the positions the indices name."""
    out, input, index = map(at_least_1d, (out, input, index))
    check_bounds("scatter", index, dim, input.shape[dim], RuntimeError)
    _start(out, input)
    # one element under strides of 0: a tensor of values is not made
    source = expand(_number(value, out), index.shape)
    assign(out, along(out, dim, index, source), source, single=True)


@replayed
def scatter_add(out: Buffer, input: Buffer, dim: int, index: Buffer, src: Buffer) -> None:
    """The input with src[i][j] added at [index[i][j]][j] for dim 0, likewise for the others."""
    out, input, index, src = map(at_least_1d, (out, input, index, src))
    check_bounds("scatter_add", index, dim, input.shape[dim], RuntimeError)
    _start(out, input)
    combine("scatter_add", out, along(out, dim, index, src), src, SUM)


_KINDS = {"sum": SUM, "prod": PROD, "amax": MAX, "amin": MIN, "mean": MEAN}


@replayed
def scatter_reduce(
    out: Buffer, input: Buffer, dim: int, index: Buffer, src: Buffer, reduce: str, include_self: bool
) -> None:
    """Combine the source elements that land on one position by sum, prod, mean, amax or amin."""
    out, input, index, src = map(at_least_1d, (out, input, index, src))
    check_bounds("scatter_reduce", index, dim, input.shape[dim], RuntimeError)
    _start(out, input)
    entries = along(out, dim, index, src)
    combine("scatter_reduce", out, entries, src, _KINDS[reduce], include=include_self)


def _like_input(source: Buffer, input: Buffer) -> Buffer:
    """A 0-d source of a 0-d input as one element."""
    return at_least_1d(source) if input.ndim <= 1 else source


@replayed
def index_add(out: Buffer, input: Buffer, dim: int, index: Buffer, source: Buffer, alpha: Any) -> None:
    """The input with alpha * source[k] added to entry index[k] of `dim`."""
    source = _like_input(source, input)
    out, input, index = map(at_least_1d, (out, input, index))
    if not out.numel:
        return
    check_bounds("index_add", index, dim, input.shape[dim], RuntimeError)
    _start(out, input)
    combine("index_add", out, at_dims(out, [index], source, (dim,)), source, SUM, alpha)


@replayed
def index_copy(out: Buffer, input: Buffer, dim: int, index: Buffer, source: Buffer) -> None:
    """The input with source[k] in place of entry index[k] of `dim`."""
    source = _like_input(source, input)
    out, input, index = map(at_least_1d, (out, input, index))
    if not out.numel:
        return
    check_bounds("index_copy", index, dim, input.shape[dim], IndexError)
    _start(out, input)
    assign(out, at_dims(out, [index], source, (dim,)), source, single=False)


@replayed
def index_fill(out: Buffer, input: Buffer, dim: int, index: Buffer, value: Any) -> None:
    """The input with one value in the entries of `dim` that the indices name."""
    out, input, index = map(at_least_1d, (out, input, index))
    if not out.numel:
        return
    check_bounds("index_fill", index, dim, input.shape[dim], IndexError, wrap=True)
    _start(out, input)
    source = value if isinstance(value, Buffer) else _number(value, out)
    assign(out, at_dims(out, [index], source, (dim,)), source, single=True)


@triton.jit
def _choose(x, mask, value):
    return tl.where(mask != 0, value, x)


_choose_pointwise = pointwise(_choose)


def masked_fill(out: Buffer, input: Buffer, mask: Buffer, value: Any) -> None:
    """The input with one value where the mask holds; all broadcast to the output."""
    if not out.dtype.is_complex:
        _choose_pointwise(out, input, mask, value, compute=out.dtype)
        return
    for part, pick in ((real_part, lambda v: v.real), (imaginary_part, lambda v: v.imag)):
        number = part(value) if isinstance(value, Buffer) else pick(complex(value))
        view = part(out)
        _choose_pointwise(view, part(input), mask, number, compute=view.dtype)


def masked_scatter(out: Buffer, input: Buffer, mask: Buffer, source: Buffer) -> None:
    """The input with the source's elements, in order, where the mask holds."""
    ends, count = marked(expand(mask, out.shape))
    if count > source.numel:
        raise RuntimeError(
            f"masked_scatter: Number of elements of source < number of ones in mask: {source.numel} < {count}"
        )
    source, input = flat(source), expand(input, out.shape)
    # the mask and its counts serve both parts of complex numbers
    views = (real_part, imaginary_part) if out.dtype.is_complex else (lambda b: b,)
    n = out.numel
    for part in views:
        to, kept, taken = part(out), part(input), contiguous(part(source))
        shape, outs, ins = merged(out.shape, to.strides, kept.strides)
        launch(
            masked_kernel, (-(-n // BLOCK),), to, kept, taken, ends, n, shape, outs, ins, BLOCK=BLOCK,
            INT64=needs_int64(to, kept),
        )  # fmt: skip


@replayed
def put(out: Buffer, input: Buffer, index: Buffer, source: Buffer, accumulate: bool) -> None:
    """The input with the source's elements at positions of the flattened tensor, or added there."""
    check_bounds("put: out of range", index, 0, input.numel, IndexError, wrap=True)
    # positions count row-major, so the target must lie like that
    target = out if out.is_contiguous() else empty(out.shape, out.dtype, out)
    _start(target, input)
    entries, values = flat(index), flat(source)
    row = reshaped(target, (target.numel,))
    if accumulate:
        combine("put", row, at_dims(row, [entries], values, (0,)), values, SUM)
    else:
        assign(row, at_dims(row, [entries], values, (0,)), values, single=False)
    if target is not out:
        copy(out, target)


@replayed
def put_at(
    out: Buffer, input: Buffer, indices: list[Buffer], values: Buffer, dims: tuple[int, ...], accumulate: bool
) -> None:
    """The input with values at the positions that advanced indexing names, or added there."""
    if not out.numel:
        return
    for one, dim in zip(indices, dims, strict=True):
        check_bounds("index_put", one, dim, input.shape[dim], IndexError, wrap=True)
    _start(out, input)
    entries = at_dims(out, indices, values, dims)
    if accumulate:
        combine("index_put", out, entries, values, SUM)
    else:
        assign(out, entries, values, single=values.numel == 1)


COMPILE = [
    Case(
        masked_kernel,
        f"*{t} *{t} *{t} *i64 i32:16 (i32:16) (i32=1) (i32=1)",
        {"BLOCK": BLOCK, "INT64": False},
        label=t,
        wide="both" if t in ("fp32", "i64") else "loads",
    )
    for t in ("fp32", "bf16", "i64", "i1")
]
