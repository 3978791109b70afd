"""The kernels of embeddings; `embedding.py` launches them.

- `lookup_kernel`: rows of the table by index.
- `chunk_sums_kernel`, `join_chunks_kernel`: the gradient of the table, sums of rows by index. Atomics would
  be slow where many indices are equal, and not reproducible. Instead indices are sorted, stably, and cut into
  chunks; a program walks over a chunk, and what of it is a whole segment of one index goes straight to the
  table. The parts of segments that reach over a border go to a workspace, two rows a chunk, from where the
  chunk in which a segment starts adds them up.
- `bag_kernel`: sum, mean or maximum of the rows of each bag, which are never written one by one.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.device.index_errors import report
from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.strided import offset_of, second_program


@triton.jit
def lookup_kernel(
    out_ptr, flag_ptr, w_ptr, indices_ptr, shape, index_strides, stride_row, stride_col, n_indices, n_rows,
    embedding_dim,
    BLOCK_I: tl.constexpr, BLOCK_D: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """out[i, :] = weight[indices[i], :], NaN where there is no such row.

    Args:
        flag_ptr: see `device/index_errors.py`. shape: extents of the indices' dimensions; index_strides:
        their strides. stride_row, stride_col: strides of weight. n_indices: number of indices.
    """
    offs_i = tl.program_id(0) * BLOCK_I + tl.arange(0, BLOCK_I)
    offs_d = second_program(False) * BLOCK_D + tl.arange(0, BLOCK_D)
    if INT64:
        offs_i, offs_d = tl.program_id(0).to(tl.int64) * BLOCK_I + tl.arange(0, BLOCK_I), offs_d.to(tl.int64)
    mask_i = offs_i < n_indices
    row = tl.load(indices_ptr + offset_of(offs_i, shape, index_strides), mask=mask_i, other=0).to(tl.int64)
    valid = mask_i & (row >= 0) & (row < n_rows)
    report(flag_ptr, offs_i, mask_i & ~valid)
    mask_d = (offs_d < embedding_dim)[None, :]
    w_ptrs = w_ptr + row[:, None] * stride_row + offs_d[None, :] * stride_col
    x = tl.load(w_ptrs, mask=valid[:, None] & mask_d, other=0.0)
    x = tl.where(valid[:, None], x, convert(tl.full(x.shape, float("nan"), tl.float32), x.dtype))
    tl.store(out_ptr + offs_i[:, None] * embedding_dim + offs_d[None, :], x, mask=mask_i[:, None] & mask_d)


@triton.jit
def _finish(
    out_ptr, row, acc, size, offs_d, embedding_dim, n_rows, padding_idx, FREQUENCY: tl.constexpr,
):  # fmt: skip
    """Store the sum of a whole segment to its row of the table."""
    if FREQUENCY:
        acc = acc / size.to(acc.dtype)
    # one comparison masks rows that get nothing and the columns behind the last at once
    end = tl.where((row >= 0) & (row < n_rows) & (row != padding_idx), embedding_dim, 0)
    tl.store(
        out_ptr + row * embedding_dim + offs_d, convert(acc, out_ptr.dtype.element_ty), mask=offs_d < end
    )


@triton.jit
def _keep(partial_ptr, sizes_ptr, chunk, slot, acc, size, offs_d, embedding_dim):
    """Store the sum of a part of a segment to one of the chunk's two places in the workspace."""
    entry = chunk.to(tl.int64) * 2 + slot
    tl.store(partial_ptr + entry * embedding_dim + offs_d, acc, mask=offs_d < embedding_dim)
    tl.store(sizes_ptr + entry, size)


@triton.jit
def chunk_sums_kernel(
    out_ptr, partial_ptr, sizes_ptr, grad_ptr, order_ptr, sorted_ptr, stride_grad, n_indices, embedding_dim,
    n_rows, padding_idx,
    FREQUENCY: tl.constexpr, ACC: tl.constexpr, CHUNK: tl.constexpr, BLOCK_D: tl.constexpr,
):  # fmt: skip
    """Sums of the runs of equal indices in a chunk of the sorted indices.

    Args:
        partial_ptr, sizes_ptr: workspace (chunks, 2, embedding_dim) and (chunks, 2): slot 0 holds the sum and
        length of the first run if its segment began in an earlier chunk, slot 1 those of the last run if only
        it reaches beyond.
        order_ptr: position in grad of every sorted index. stride_grad: distance of grad's rows.
        padding_idx: the row that gets nothing, or -1.
    """
    chunk = tl.program_id(0)
    offs_d = second_program(False) * BLOCK_D + tl.arange(0, BLOCK_D)
    chunk_start = chunk * CHUNK
    chunk_end = tl.minimum(chunk_start + CHUNK, n_indices)
    row = tl.load(sorted_ptr + chunk_start).to(tl.int64)
    began_before = chunk_start > 0  # whether the current run began in an earlier chunk
    if began_before:
        began_before = tl.load(sorted_ptr + chunk_start - 1).to(tl.int64) == row
    acc = tl.zeros((BLOCK_D,), ACC)
    size = tl.zeros((), tl.int32)
    for position in range(chunk_start, chunk_end):
        next_row = tl.load(sorted_ptr + position).to(tl.int64)
        if next_row != row:
            if began_before:
                _keep(partial_ptr, sizes_ptr, chunk, 0, acc, size, offs_d, embedding_dim)
            else:
                _finish(out_ptr, row, acc, size, offs_d, embedding_dim, n_rows, padding_idx, FREQUENCY)
            # False from here on, of the type that the loop carries
            began_before = began_before & (next_row == row)
            row = next_row
            acc = tl.zeros((BLOCK_D,), ACC)  # not acc * 0, which keeps NaN
            # likewise
            size = size * 0
        grad_ptrs = grad_ptr + tl.load(order_ptr + position).to(tl.int64) * stride_grad + offs_d
        acc += convert(tl.load(grad_ptrs, mask=offs_d < embedding_dim, other=0.0), ACC)
        size += 1
    continues = chunk_end < n_indices
    if continues:
        continues = tl.load(sorted_ptr + chunk_end).to(tl.int64) == row
    if began_before:
        _keep(partial_ptr, sizes_ptr, chunk, 0, acc, size, offs_d, embedding_dim)
    elif continues:
        _keep(partial_ptr, sizes_ptr, chunk, 1, acc, size, offs_d, embedding_dim)
    else:
        _finish(out_ptr, row, acc, size, offs_d, embedding_dim, n_rows, padding_idx, FREQUENCY)


@triton.jit
def join_chunks_kernel(
    out_ptr, partial_ptr, sizes_ptr, sorted_ptr, n_indices, embedding_dim, n_rows, padding_idx,
    FREQUENCY: tl.constexpr, ACC: tl.constexpr, CHUNK: tl.constexpr, BLOCK_D: tl.constexpr,
):  # fmt: skip
    """Put together the segment that starts in this chunk and reaches beyond it. Arguments as above."""
    chunk = tl.program_id(0)
    offs_d = second_program(False) * BLOCK_D + tl.arange(0, BLOCK_D)
    mask_d = offs_d < embedding_dim
    chunk_start = chunk * CHUNK
    chunk_end = chunk_start + CHUNK
    row = tl.load(sorted_ptr + tl.minimum(chunk_end, n_indices) - 1).to(tl.int64)
    starts = chunk_end < n_indices
    if starts:
        starts = tl.load(sorted_ptr + chunk_end).to(tl.int64) == row
    if starts & (chunk_start > 0):
        # not where the whole chunk continues an earlier one
        starts = tl.load(sorted_ptr + tl.maximum(chunk_start, 1) - 1).to(tl.int64) != row
    if starts:
        acc = tl.load(
            partial_ptr + (chunk.to(tl.int64) * 2 + 1) * embedding_dim + offs_d, mask=mask_d, other=0.0
        )
        size = tl.load(sizes_ptr + chunk * 2 + 1)
        # a segment may fill any number of chunks: -1 ends the walk
        next_chunk = chunk + 1
        while next_chunk >= 0:
            acc += tl.load(
                partial_ptr + next_chunk.to(tl.int64) * 2 * embedding_dim + offs_d, mask=mask_d, other=0.0
            )
            size += tl.load(sizes_ptr + next_chunk * 2)
            next_end = (next_chunk + 1) * CHUNK
            # the segment goes on if it fills this chunk and the next one begins with it
            continues = next_end < n_indices
            if continues:
                continues = tl.load(sorted_ptr + next_end).to(tl.int64) == row
            next_chunk = tl.where(continues, next_chunk + 1, -1)
        _finish(out_ptr, row, acc, size, offs_d, embedding_dim, n_rows, padding_idx, FREQUENCY)


@triton.jit
def bag_kernel(
    out_ptr, offset2bag_ptr, bag_size_ptr, max_indices_ptr, flag_ptr, w_ptr, indices_ptr, offsets_ptr,
    scale_ptr, stride_row, stride_col, stride_index, stride_offset, stride_scale, n_bags, n_offsets,
    n_indices, n_rows, embedding_dim, padding_idx,
    MODE: tl.constexpr, ACC: tl.constexpr, BLOCK_D: tl.constexpr,
):  # fmt: skip
    """Sum (MODE 0), mean (1) or maximum (2) of a bag's rows; the bag of its indices, and how many count.

    Args:
        scale_ptr: a factor of every row, or None. stride_index, stride_offset, stride_scale: of the vectors.
        n_offsets: number of offsets; without an offset of its end the last bag ends at `n_indices`.
        padding_idx: the index that does not count, or -1. Others as of `lookup_kernel`.
    """
    bag = tl.program_id(0)
    offs_d = second_program(False) * BLOCK_D + tl.arange(0, BLOCK_D)
    mask_d = offs_d < embedding_dim
    bag_start = tl.maximum(tl.load(offsets_ptr + bag * stride_offset).to(tl.int64), 0)
    bag_end = tl.zeros((), tl.int64) + n_indices
    if bag + 1 < n_offsets:
        bag_end = tl.minimum(tl.load(offsets_ptr + (bag + 1) * stride_offset).to(tl.int64), bag_end)
    acc = tl.zeros((BLOCK_D,), ACC)
    argmax = tl.full((BLOCK_D,), -1, tl.int64)
    size = tl.zeros((), tl.int64)
    for position in range(bag_start, bag_end):
        row = tl.load(indices_ptr + position * stride_index).to(tl.int64)
        counted = row != padding_idx
        valid = (row >= 0) & (row < n_rows)
        is_wrong = tl.zeros((1,), tl.int64) + tl.where(valid, 0, 1)
        report(flag_ptr, tl.zeros((1,), tl.int64) + position, is_wrong != 0)
        # one comparison masks wrong rows and the columns behind the last at once
        valid_end = tl.where(valid, embedding_dim, 0)
        x = convert(
            tl.load(
                w_ptr + row * stride_row + offs_d * stride_col, mask=offs_d < valid_end, other=float("nan")
            ),
            ACC,
        )
        if scale_ptr is not None:
            x = x * convert(tl.load(scale_ptr + position * stride_scale), ACC)
        if MODE == 2:
            n_seen = tl.zeros((BLOCK_D,), tl.int64) + size
            better = (x > acc) | (n_seen == 0)
            better = better & (tl.full((BLOCK_D,), 0, tl.int64) + tl.where(counted, 1, 0) != 0)
            acc = tl.where(better, x, acc)
            argmax = tl.where(better, row, argmax)
        else:
            # selected, not multiplied: the row of padding_idx may hold NaN
            acc = tl.where(counted, acc + x, acc)
        size += counted.to(tl.int64)
        if second_program(False) == 0:
            tl.store(offset2bag_ptr + position, tl.where(counted, bag, -1).to(tl.int64))
    if MODE == 1:
        acc = acc / tl.maximum(size, 1).to(ACC)
    tl.store(
        out_ptr + bag.to(tl.int64) * embedding_dim + offs_d, convert(acc, out_ptr.dtype.element_ty),
        mask=mask_d,
    )  # fmt: skip
    if MODE == 2:
        tl.store(max_indices_ptr + bag.to(tl.int64) * embedding_dim + offs_d, argmax, mask=mask_d)
    if second_program(False) == 0:
        tl.store(bag_size_ptr + bag, size)
