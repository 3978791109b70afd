"""The kernels of embeddings; `embedding.py` launches them.

The gradient of a table sums rows by index without atomics. Indices are sorted, stably, and cut into chunks; a
program walks over a chunk, and what of it is a whole segment of one index goes straight to the table. The parts
of segments that reach over a border go to a workspace, two rows a chunk, from where the chunk in which a
segment starts adds them up.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.device.index_errors import report
from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.strided import offset_of


@triton.jit
def lookup_kernel(
    out, flag, weight, indices, shape, index_steps, row_step, column_step, count, rows, width,
    BLOCK_I: tl.constexpr, BLOCK_D: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """out[i, :] = weight[indices[i], :], NaN where there is no such row.

    Args:
        flag: see `_checks`. shape: extents of the indices' dimensions; index_steps: their strides.
        row_step, column_step: strides of weight. count: number of indices.
    """
    i = tl.program_id(0) * BLOCK_I + tl.arange(0, BLOCK_I)
    d = tl.program_id(1) * BLOCK_D + tl.arange(0, BLOCK_D)
    if INT64:
        i, d = tl.program_id(0).to(tl.int64) * BLOCK_I + tl.arange(0, BLOCK_I), d.to(tl.int64)
    present = i < count
    row = tl.load(indices + offset_of(i, shape, index_steps), mask=present, other=0).to(tl.int64)
    valid = present & (row >= 0) & (row < rows)
    report(flag, i, present & ~valid)
    inside = (d < width)[None, :]
    source = weight + row[:, None] * row_step + d[None, :] * column_step
    x = tl.load(source, mask=valid[:, None] & inside, other=0.0)
    x = tl.where(valid[:, None], x, convert(tl.full(x.shape, float("nan"), tl.float32), x.dtype))
    tl.store(out + i[:, None] * width + d[None, :], x, mask=present[:, None] & inside)


@triton.jit
def _flush(
    out, parts, sizes, chunk, slot, row, total, size, d, width, rows, padding,
    DIRECT: tl.constexpr, FREQUENCY: tl.constexpr,
):  # fmt: skip
    """Store a sum: to its row of the table, or to one of the chunk's two places in the workspace."""
    inside = d < width
    if DIRECT:
        if FREQUENCY:
            total = total / size.to(total.dtype)
        end = tl.where((row >= 0) & (row < rows) & (row != padding), width, 0)
        tl.store(out + row * width + d, convert(total, out.dtype.element_ty), mask=d < end)
    else:
        at = chunk.to(tl.int64) * 2 + slot
        tl.store(parts + at * width + d, total, mask=inside)
        tl.store(sizes + at, size)


@triton.jit
def chunk_sums_kernel(
    out, parts, sizes, grad, order, sorted_, grad_step, count, width, rows, padding,
    FREQUENCY: tl.constexpr, ACC: tl.constexpr, CHUNK: tl.constexpr, BLOCK_D: tl.constexpr,
):  # fmt: skip
    """Sums of the runs of equal indices in a chunk of the sorted indices.

    Args:
        parts, sizes: workspace (chunks, 2, width) and (chunks, 2): slot 0 holds the sum and length of the first
        run if its segment began in an earlier chunk, slot 1 those of the last run if only it reaches beyond.
        order: position in grad of every sorted index. grad_step: distance of grad's rows.
        padding: the row that gets nothing, or -1.
    """
    chunk = tl.program_id(0)
    d = tl.program_id(1) * BLOCK_D + tl.arange(0, BLOCK_D)
    first = chunk * CHUNK
    last = tl.minimum(first + CHUNK, count)
    row = tl.load(sorted_ + first).to(tl.int64)
    begun = first > 0
    if begun:
        begun = tl.load(sorted_ + first - 1).to(tl.int64) == row  # the current run began before this chunk
    total = tl.zeros((BLOCK_D,), ACC)
    size = tl.zeros((), tl.int32)
    for position in range(first, last):
        now = tl.load(sorted_ + position).to(tl.int64)
        if now != row:
            if begun:
                _flush(
                    out, parts, sizes, chunk, 0, row, total, size, d, width, rows, padding, False, FREQUENCY
                )
            else:
                _flush(
                    out, parts, sizes, chunk, 0, row, total, size, d, width, rows, padding, True, FREQUENCY
                )
            begun = begun & (now == row)
            row = now
            total = tl.zeros((BLOCK_D,), ACC)  # not total * 0, which keeps NaN
            size = size * 0
        source = grad + tl.load(order + position).to(tl.int64) * grad_step + d
        total += convert(tl.load(source, mask=d < width, other=0.0), ACC)
        size += 1
    goes_on = last < count
    if goes_on:
        goes_on = tl.load(sorted_ + last).to(tl.int64) == row
    if begun:
        _flush(out, parts, sizes, chunk, 0, row, total, size, d, width, rows, padding, False, FREQUENCY)
    elif goes_on:
        _flush(out, parts, sizes, chunk, 1, row, total, size, d, width, rows, padding, False, FREQUENCY)
    else:
        _flush(out, parts, sizes, chunk, 0, row, total, size, d, width, rows, padding, True, FREQUENCY)


@triton.jit
def join_chunks_kernel(
    out, parts, sizes, sorted_, count, width, rows, padding,
    FREQUENCY: tl.constexpr, ACC: tl.constexpr, CHUNK: tl.constexpr, BLOCK_D: tl.constexpr,
):  # fmt: skip
    """Put together the segment that starts in this chunk and reaches beyond it. Arguments as above."""
    chunk = tl.program_id(0)
    d = tl.program_id(1) * BLOCK_D + tl.arange(0, BLOCK_D)
    inside = d < width
    first = chunk * CHUNK
    last = first + CHUNK
    row = tl.load(sorted_ + tl.minimum(last, count) - 1).to(tl.int64)
    starts = last < count
    if starts:
        starts = tl.load(sorted_ + last).to(tl.int64) == row
    if starts & (first > 0):
        # not where the whole chunk continues an earlier one
        starts = tl.load(sorted_ + tl.maximum(first, 1) - 1).to(tl.int64) != row
    if starts:
        total = tl.load(parts + (chunk.to(tl.int64) * 2 + 1) * width + d, mask=inside, other=0.0)
        size = tl.load(sizes + chunk * 2 + 1)
        following = chunk + 1
        while following >= 0:
            total += tl.load(parts + following.to(tl.int64) * 2 * width + d, mask=inside, other=0.0)
            size += tl.load(sizes + following * 2)
            end = (following + 1) * CHUNK
            # the segment goes on if it fills this chunk and the next one begins with it
            on = end < count
            if on:
                on = tl.load(sorted_ + end).to(tl.int64) == row
            following = tl.where(on, following + 1, -1)
        _flush(out, parts, sizes, chunk, 0, row, total, size, d, width, rows, padding, True, FREQUENCY)


@triton.jit
def bag_kernel(
    out, offset2bag, bag_size, max_indices, flag, weight, indices, offsets, scale, row_step, column_step,
    index_step, offset_step, scale_step, bags, offset_count, count, rows, width, padding,
    MODE: tl.constexpr, ACC: tl.constexpr, BLOCK_D: tl.constexpr,
):  # fmt: skip
    """Sum (MODE 0), mean (1) or maximum (2) of a bag's rows; the bag of its indices, and how many count.

    Args:
        scale: a factor of every row, or None. index_step, offset_step, scale_step: strides of the vectors.
        offset_count: number of offsets; without an offset of its end the last bag ends at `count`.
        padding: the index that does not count, or -1. Others as of `lookup_kernel`.
    """
    bag = tl.program_id(0)
    d = tl.program_id(1) * BLOCK_D + tl.arange(0, BLOCK_D)
    inside = d < width
    first = tl.maximum(tl.load(offsets + bag * offset_step).to(tl.int64), 0)
    last = tl.zeros((), tl.int64) + count
    if bag + 1 < offset_count:
        last = tl.minimum(tl.load(offsets + (bag + 1) * offset_step).to(tl.int64), last)
    total = tl.zeros((BLOCK_D,), ACC)
    best = tl.full((BLOCK_D,), -1, tl.int64)
    size = tl.zeros((), tl.int64)
    for position in range(first, last):
        row = tl.load(indices + position * index_step).to(tl.int64)
        counts = row != padding
        valid = (row >= 0) & (row < rows)
        outside = tl.zeros((1,), tl.int64) + tl.where(valid, 0, 1)
        report(flag, tl.zeros((1,), tl.int64) + position, outside != 0)
        end = tl.where(valid, width, 0)
        x = convert(tl.load(weight + row * row_step + d * column_step, mask=d < end, other=float("nan")), ACC)
        if scale is not None:
            x = x * convert(tl.load(scale + position * scale_step), ACC)
        if MODE == 2:
            seen = tl.zeros((BLOCK_D,), tl.int64) + size
            better = (x > total) | (seen == 0)
            better = better & (tl.full((BLOCK_D,), 0, tl.int64) + tl.where(counts, 1, 0) != 0)
            total = tl.where(better, x, total)
            best = tl.where(better, row, best)
        else:
            total = tl.where(counts, total + x, total)
        size += counts.to(tl.int64)
        if tl.program_id(1) == 0:
            tl.store(offset2bag + position, tl.where(counts, bag, -1).to(tl.int64))
    if MODE == 1:
        total = total / tl.maximum(size, 1).to(ACC)
    tl.store(out + bag.to(tl.int64) * width + d, convert(total, out.dtype.element_ty), mask=inside)
    if MODE == 2:
        tl.store(max_indices + bag.to(tl.int64) * width + d, best, mask=inside)
    if tl.program_id(1) == 0:
        tl.store(bag_size + bag, size)
