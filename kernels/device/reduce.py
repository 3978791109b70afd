"""The kernels behind every reduction.

The input is seen as results x reduced elements; both sides may have several dimensions of any strides, merged
where they can be. A program holds a tile of both, walks along the reduced side with one accumulator for each
element of the tile, and combines the tile at the end: so rounding grows with the number of steps, not of
elements, and a contiguous side of either kind is read in whole lines. Few long reductions are shared by
several programs, whose partial results a second launch combines in a fixed order; there are no atomics.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.device import math as _math
from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.strided import offset_of, wide
from tritonnn.kernels.launch.launch import fp64


@triton.jit
def tile_rows(BLOCK_K: tl.constexpr, INT64: tl.constexpr):
    """The results this program works on."""
    pid = tl.program_id(0)
    if INT64:
        pid = pid.to(tl.int64)
    return pid * BLOCK_K + tl.arange(0, BLOCK_K)


@triton.jit
def tile_columns(start, BLOCK_R: tl.constexpr, INT64: tl.constexpr):
    """Indices of a step's reduced elements."""
    columns = start + tl.arange(0, BLOCK_R)
    if INT64:
        columns = columns.to(tl.int64)
    return columns


@triton.jit
def neutral(OP: tl.constexpr, dtype: tl.constexpr):
    """What leaves a result as it is."""
    if OP == "sum":
        return 0
    elif OP == "prod":
        return 1
    elif OP == "min":
        if dtype.is_floating():
            return float("inf")
        else:
            return (1 << (dtype.primitive_bitwidth - 1)) - 1
    else:
        if dtype.is_floating():
            return float("-inf")
        else:
            return -(1 << (dtype.primitive_bitwidth - 1))


@triton.jit
def combine(a, b, OP: tl.constexpr):
    """Two partial results as one, elementwise; NaN wins over numbers."""
    if OP == "sum":
        return a + b
    elif OP == "prod":
        return a * b
    elif OP == "min":
        return _math.minimum(a, b)
    else:
        return _math.maximum(a, b)


@triton.jit
def _times(a, b):
    return a * b


@triton.jit
def collect(tile, OP: tl.constexpr):
    """The tile's rows as one number each."""
    if OP == "sum":
        return tl.sum(tile, axis=1)
    elif OP == "prod":
        return tl.reduce(tile, 1, _times)
    else:
        lost = tl.max((tile != tile).to(tl.int32), axis=1)
        if OP == "min":
            best = tl.min(tl.where(tile != tile, neutral(OP, tile.dtype), tile), axis=1)
        else:
            best = tl.max(tl.where(tile != tile, neutral(OP, tile.dtype), tile), axis=1)
        return tl.where(lost != 0, float("nan"), best) if tile.dtype.is_floating() else best


@triton.jit
def prepare(x, number, TRUTH: tl.constexpr, ACC: tl.constexpr, MAP: tl.constexpr):
    """An element as the accumulator takes it; TRUTH: 1 where it is not 0; MAP: what a norm adds up."""
    if TRUTH:
        wide = x.to(tl.float32) if x.dtype.is_floating() and x.dtype.primitive_bitwidth < 32 else x
        return (wide != 0).to(ACC)
    value = convert(x, ACC)
    if MAP == "square":
        value = value * value
    elif MAP == "absolute":
        value = tl.abs(value)
    elif MAP == "power":
        value = _math.power(tl.abs(value), tl.full(value.shape, 0.0, ACC) + number.to(ACC))
    return value


@triton.jit
def root(total, number, MAP: tl.constexpr):
    """A norm of the sum of what `prepare` made."""
    if MAP == "square":
        return _math.sqrt(total)
    elif MAP == "power":
        return _math.power(total, 1.0 / (tl.full(total.shape, 0.0, total.dtype) + number.to(total.dtype)))
    else:
        return total


@triton.jit
def reduce_kernel(
    out, inp, kept_shape, kept_in, kept_out, red_shape, red_in, kept, reduced, chunk, split_stride,
    number: fp64, OP: tl.constexpr, TRUTH: tl.constexpr, ACC: tl.constexpr, DIVIDED: tl.constexpr,
    BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr, INT64: tl.constexpr, MAP: tl.constexpr = "",
    ROOT: tl.constexpr = "",
):  # fmt: skip
    """out[i] = OP over j of inp[i, j] for the j of this program's chunk.

    Args:
        kept_shape: extents of the results' dimensions; kept_in, kept_out: their strides in inp and out.
        red_shape: extents of the reduced dimensions; red_in: their strides.
        kept: number of results; reduced: elements of one; chunk: how many of them a program takes.
        split_stride: distance in `out` of the results of neighbouring chunks.
        number: what a DIVIDED result is divided by, or the order of a norm.
        OP: sum, prod, min or max. TRUTH: of elements as 0 or 1. ACC: the accumulator's type.
        MAP: of a norm, what is made of elements: square, absolute or power; and ROOT, which of them is undone.
    """
    i = tile_rows(BLOCK_K, INT64)
    present = i < kept
    rows = inp + offset_of(i, kept_shape, kept_in)[:, None]
    first = wide(tl.program_id(1), INT64) * chunk
    last = tl.minimum(first + chunk, reduced)
    empty = neutral(OP, ACC)
    total = tl.full((BLOCK_K, BLOCK_R), empty, ACC)
    whole = first + (last - first) // BLOCK_R * BLOCK_R
    for start in range(first, whole, BLOCK_R):
        j = tile_columns(start, BLOCK_R, INT64)
        x = tl.load(rows + offset_of(j, red_shape, red_in)[None, :], mask=present[:, None])
        total = combine(total, prepare(x, number, TRUTH, ACC, MAP), OP)
    if whole < last:
        j = tile_columns(whole, BLOCK_R, INT64)
        mask = present[:, None] & (j < last)[None, :]
        x = prepare(
            tl.load(rows + offset_of(j, red_shape, red_in)[None, :], mask=mask), number, TRUTH, ACC, MAP
        )
        total = combine(total, tl.where(mask, x, tl.full((BLOCK_K, BLOCK_R), empty, ACC)), OP)
    result = collect(total, OP)
    if DIVIDED:
        result = _math.divide(result, tl.full((BLOCK_K,), number, ACC))
    result = root(result, number, ROOT)
    target = out + offset_of(i, kept_shape, kept_out) + tl.program_id(1).to(tl.int64) * split_stride
    tl.store(target, convert(result, out.dtype.element_ty), mask=present)


@triton.jit
def beats(x, best, OP: tl.constexpr):
    """Whether x comes before the best so far; NaN comes before every number."""
    if OP == "min":
        better = x < best
    else:
        better = x > best
    return better | ((x != x) & (best == best))


@triton.jit
def extreme_kernel(
    values, indices, inp, positions, kept_shape, kept_in, kept_values, kept_indices, red_shape, red_in,
    kept, reduced, chunk, split_stride,
    OP: tl.constexpr, ACC: tl.constexpr, SECOND: tl.constexpr, VALUES: tl.constexpr,
    BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """The first smallest or largest element and where it is.

    Args:
        positions: in the SECOND stage, where each partial result was found.
        VALUES: whether the element itself is wanted. Others as of `reduce_kernel`.
    """
    i = tile_rows(BLOCK_K, INT64)
    present = i < kept
    rows = offset_of(i, kept_shape, kept_in)[:, None]
    first = wide(tl.program_id(1), INT64) * chunk
    last = tl.minimum(first + chunk, reduced)
    INDEX: tl.constexpr = tl.int64 if INT64 else tl.int32
    FAR: tl.constexpr = 9223372036854775807 if INT64 else 2147483647
    best = tl.full((BLOCK_K, BLOCK_R), neutral(OP, ACC), ACC)
    where = tl.full((BLOCK_K, BLOCK_R), FAR, INDEX)
    for start in range(first, last, BLOCK_R):
        j = tile_columns(start, BLOCK_R, INT64)
        mask = present[:, None] & (j < last)[None, :]
        offset = rows + offset_of(j, red_shape, red_in)[None, :]
        x = convert(tl.load(inp + offset, mask=mask), ACC)
        if SECOND:
            at = tl.load(positions + offset, mask=mask).to(INDEX)
        else:
            at = j[None, :]
        better = mask & (beats(x, best, OP) | (where == FAR))
        best = tl.where(better, x, best)
        where = tl.where(better, at, where)
    lost = (best != best) & (where != FAR)
    any_lost = tl.max(lost.to(tl.int32), axis=1) != 0
    number = tl.where(best != best, tl.full((BLOCK_K, BLOCK_R), neutral(OP, ACC), ACC), best)
    top = tl.min(number, axis=1) if OP == "min" else tl.max(number, axis=1)
    winner = tl.where(any_lost[:, None], lost, best == top[:, None])
    found = tl.min(tl.where(winner, where, FAR), axis=1)
    away = tl.program_id(1).to(tl.int64) * split_stride
    tl.store(indices + offset_of(i, kept_shape, kept_indices) + away, found.to(tl.int64), mask=present)
    if VALUES:
        top = tl.where(any_lost, float("nan"), top) if ACC.is_floating() else top
        result = convert(top, values.dtype.element_ty)
        tl.store(values + offset_of(i, kept_shape, kept_values) + away, result, mask=present)


@triton.jit
def moments_kernel(
    out, parts, inp, kept_shape, kept_in, kept_out, red_shape, red_in, kept, reduced, chunk, freedom: fp64,
    ACC: tl.constexpr, PARTS: tl.constexpr,
    BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """Variance by Welford's recurrence in every element of the tile, put together at the end.

    Args:
        parts: with PARTS, mean and sum of squared deviations of this chunk go there, as (chunk, 2, result).
        freedom: what the sum of squared deviations is divided by. Others as of `reduce_kernel`.
    """
    i = tile_rows(BLOCK_K, INT64)
    present = i < kept
    rows = inp + offset_of(i, kept_shape, kept_in)[:, None]
    first = wide(tl.program_id(1), INT64) * chunk
    last = tl.minimum(first + chunk, reduced)
    mean = tl.zeros((BLOCK_K, BLOCK_R), ACC)
    squares = tl.zeros((BLOCK_K, BLOCK_R), ACC)
    steps = 0.0
    whole = first + (last - first) // BLOCK_R * BLOCK_R
    for start in range(first, whole, BLOCK_R):
        j = tile_columns(start, BLOCK_R, INT64)
        x = convert(tl.load(rows + offset_of(j, red_shape, red_in)[None, :], mask=present[:, None]), ACC)
        steps += 1.0
        away = x - mean
        mean += away * (1.0 / steps.to(ACC))
        squares += away * (x - mean)
    if whole < last:
        j = tile_columns(whole, BLOCK_R, INT64)
        mask = present[:, None] & (j < last)[None, :]
        x = convert(tl.load(rows + offset_of(j, red_shape, red_in)[None, :], mask=mask), ACC)
        steps += 1.0
        away = tl.where(mask, x - mean, 0.0)
        mean += away * (1.0 / steps.to(ACC))
        squares += away * tl.where(mask, x - mean, 0.0)
    lane = tl.arange(0, BLOCK_R)
    seen = ((last - first - lane + BLOCK_R - 1) // BLOCK_R).to(ACC)[None, :]  # elements behind each column
    seen = tl.where(seen > 0.0, seen, 0.0)
    count = (last - first).to(ACC)
    centre = tl.sum(mean * seen, axis=1) / count
    apart = mean - centre[:, None]
    total = tl.sum(squares + apart * apart * seen, axis=1)
    if PARTS:
        target = parts + tl.program_id(1).to(tl.int64) * 2 * kept + i
        tl.store(target, centre, mask=present)
        tl.store(target + kept, total, mask=present)
    else:
        result = total / tl.full((1,), freedom, ACC)
        tl.store(
            out + offset_of(i, kept_shape, kept_out), convert(result, out.dtype.element_ty), mask=present
        )


@triton.jit
def merge_moments_kernel(
    out, parts, kept_shape, kept_out, kept, reduced, chunk, splits, freedom: fp64,
    ACC: tl.constexpr, BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr,
):  # fmt: skip
    """Variance from mean and sum of squared deviations of every chunk."""
    i = tl.program_id(0) * BLOCK_K + tl.arange(0, BLOCK_K)
    c = tl.arange(0, BLOCK_R)
    mask = (i < kept)[:, None] & (c < splits)[None, :]
    source = parts + c.to(tl.int64)[None, :] * 2 * kept + i[:, None]
    mean = tl.load(source, mask=mask, other=0.0)
    squares = tl.load(source + kept, mask=mask, other=0.0)
    seen = tl.maximum(tl.minimum(reduced - c * chunk, chunk), 0).to(ACC)[None, :]
    centre = tl.sum(mean * seen, axis=1) / reduced.to(ACC)
    apart = mean - centre[:, None]
    total = tl.sum(tl.where(mask, squares + apart * apart * seen, 0.0), axis=1)
    result = total / tl.full((1,), freedom, ACC)
    tl.store(out + offset_of(i, kept_shape, kept_out), convert(result, out.dtype.element_ty), mask=i < kept)


@triton.jit
def logsumexp_kernel(
    out, parts, inp, kept_shape, kept_in, kept_out, red_shape, red_in, kept, reduced, chunk,
    ACC: tl.constexpr, PARTS: tl.constexpr,
    BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """log(sum(exp(x))) with a running maximum in every element of the tile.

    Args:
        parts: with PARTS, the logarithm of this chunk goes there, as (chunk, result), in ACC.
    """
    i = tile_rows(BLOCK_K, INT64)
    present = i < kept
    rows = inp + offset_of(i, kept_shape, kept_in)[:, None]
    first = wide(tl.program_id(1), INT64) * chunk
    last = tl.minimum(first + chunk, reduced)
    top = tl.full((BLOCK_K, BLOCK_R), float("-inf"), ACC)
    total = tl.zeros((BLOCK_K, BLOCK_R), ACC)
    for start in range(first, last, BLOCK_R):
        j = tile_columns(start, BLOCK_R, INT64)
        mask = present[:, None] & (j < last)[None, :]
        x = convert(tl.load(rows + offset_of(j, red_shape, red_in)[None, :], mask=mask), ACC)
        x = tl.where(mask, x, float("-inf"))
        higher = _math.maximum(top, x)
        finite = (higher != float("-inf")) & (higher != float("inf"))
        shift = tl.where(finite, higher, 0.0)
        total = tl.where(finite, total * _math.exp(top - shift) + _math.exp(x - shift), 0.0)
        top = higher
    lost = tl.max((top != top).to(tl.int32), axis=1) != 0
    peak = tl.max(tl.where(top == top, top, float("-inf")), axis=1)
    finite = (peak != float("-inf")) & (peak != float("inf"))
    shift = tl.where(finite, peak, 0.0)
    whole = tl.sum(total * _math.exp(top - shift[:, None]), axis=1)
    result = tl.where(finite, tl.log(whole) + shift, peak)
    result = tl.where(lost, float("nan"), result)
    if PARTS:
        tl.store(parts + tl.program_id(1).to(tl.int64) * kept + i, result, mask=present)
    else:
        tl.store(
            out + offset_of(i, kept_shape, kept_out), convert(result, out.dtype.element_ty), mask=present
        )
