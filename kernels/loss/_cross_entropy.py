"""The kernels of the losses of one class among many; `loss.py` launches them.

With m the maximum of a row of scores and s = sum(exp(x - m)), cross-entropy is log s + m - x[y], and its
gradient exp(x - m) / s - onehot(y), times the class's weight. Probabilities are never written.

- `cross_entropy_kernel` reads each row once where it fits into registers, else with an online softmax (see
  `device/exponentials.py`), and saves m and s: two numbers a row instead of a row of log-probabilities. Where the
  gradient of a sum is known to be wanted it goes over the row again while the cache holds it, and writes the
  gradient, in place of the scores if need be (`linear_cross_entropy.py` lives on that).
- `cross_entropy_backward_kernel` is elementwise, from m and s.
- `nll_kernel`, `nll_backward_kernel`: from log-probabilities, one gathered element a sample.

Sums over samples are a partial sum a program, added up by `finish_kernel` in a fixed order: no atomics.

Source: Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.device.exponentials import class_weights, exp_for, exp_in_sum, row_sums
from tritonnn.kernels.device.index_errors import report
from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.strided import offset_of, offsets_from, positions, wide
from tritonnn.kernels.launch.launch import fp64


@triton.jit
def _load_target(
    target_ptr, w_ptr, flag_ptr, offs, mask, sample_shape, target_strides, n_classes, ignore_index,
    ACC: tl.constexpr,
):  # fmt: skip
    """The class of each sample (0 for uncounted ones), its weight, whether it counts and is valid."""
    y = tl.load(target_ptr + offset_of(offs, sample_shape, target_strides), mask=mask, other=0).to(tl.int64)
    counted = mask & (y != ignore_index)
    valid = counted & (y >= 0) & (y < n_classes)
    report(flag_ptr, offs, counted & ~valid)
    # a wrong class must not be used as an address, even where its flag is not read
    y = tl.where(valid, y, 0)
    if w_ptr is not None:
        w = convert(tl.load(w_ptr + y, mask=valid, other=0.0), ACC)
    else:
        w = tl.full(y.shape, 1.0, ACC)
    return y, tl.where(counted, w, 0.0), counted, valid


@triton.jit
def _store_loss(
    out_ptr, partial_ptr, offs, counted, loss, w, sample_shape, out_strides, mask, REDUCE: tl.constexpr
):
    """Store the samples' losses, or their sum; and the sum of the weights."""
    loss = tl.where(counted, loss, 0.0)
    partial_ptrs = partial_ptr + tl.program_id(0).to(tl.int64) * 2
    if REDUCE:
        tl.store(partial_ptrs, tl.sum(loss, axis=0))
    else:
        tl.store(
            out_ptr + offset_of(offs, sample_shape, out_strides), convert(loss, out_ptr.dtype.element_ty),
            mask=mask,
        )  # fmt: skip
        tl.store(partial_ptrs, 0.0)
    tl.store(partial_ptrs + 1, tl.sum(w, axis=0))


@triton.jit
def nll_kernel(
    out_ptr, partial_ptr, flag_ptr, x_ptr, target_ptr, w_ptr, sample_shape, x_strides, target_strides,
    out_strides, stride_c, n_samples, n_classes,
    ignore_index, REDUCE: tl.constexpr, ACC: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """-w[y] x[y] of a block of samples.

    Args:
        partial_ptr: (program, 2): sums of losses and of weights. flag_ptr: see `device/index_errors.py`.
        sample_shape: extents of the samples' dimensions; x_strides, target_strides, out_strides: strides
        along them. stride_c: distance of neighbouring classes in the input. ignore_index: the class that does
        not count.
    """
    offs = positions(BLOCK, INT64)
    mask = offs < n_samples
    y, w, counted, valid = _load_target(
        target_ptr, w_ptr, flag_ptr, offs, mask, sample_shape, target_strides, n_classes, ignore_index, ACC
    )
    x = tl.load(x_ptr + offset_of(offs, sample_shape, x_strides) + y * stride_c, mask=valid, other=0.0)
    loss = tl.where(valid, -convert(x, ACC) * w, float("nan"))
    _store_loss(out_ptr, partial_ptr, offs, counted, loss, w, sample_shape, out_strides, mask, REDUCE)


@triton.jit
def _load_dloss(
    dloss_ptr,
    total_weight_ptr,
    offs,
    mask,
    sample_shape,
    dloss_strides,
    MEAN: tl.constexpr,
    ACC: tl.constexpr,
):
    """What each sample's loss receives of the incoming gradient."""
    dloss = convert(
        tl.load(dloss_ptr + offset_of(offs, sample_shape, dloss_strides), mask=mask, other=0.0), ACC
    )
    if MEAN:
        # the one number for every lane
        dloss = dloss / tl.load(total_weight_ptr + offs * 0)
    return dloss


@triton.jit
def _program_tile(n_samples, n_classes, BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr, INT64: tl.constexpr):
    """This program's samples, which of them there are, and its classes in a row."""
    num_pid_c = tl.cdiv(n_classes, BLOCK_R)
    offs = (tl.program_id(0) // num_pid_c) * BLOCK_K + tl.arange(0, BLOCK_K)
    cols = (tl.program_id(0) % num_pid_c) * BLOCK_R + tl.arange(0, BLOCK_R)
    if INT64:
        offs, cols = offs.to(tl.int64), cols.to(tl.int64)
    return offs, offs < n_samples, cols[None, :]


@triton.jit
def nll_backward_kernel(
    dx_ptr, dloss_ptr, target_ptr, w_ptr, total_weight_ptr, sample_shape, dx_strides, target_strides,
    dloss_strides, stride_c, n_samples, n_classes, ignore_index,
    MEAN: tl.constexpr, ACC: tl.constexpr, BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """The gradient of a tile of samples x classes: -w[y] at the class, else 0. Arguments as above."""
    offs, sample_mask, cols = _program_tile(n_samples, n_classes, BLOCK_K, BLOCK_R, INT64)
    y, w, counted, valid = _load_target(
        target_ptr, w_ptr, None, offs, sample_mask, sample_shape, target_strides, n_classes, ignore_index, ACC
    )
    dloss = _load_dloss(
        dloss_ptr, total_weight_ptr, offs, sample_mask, sample_shape, dloss_strides, MEAN, ACC
    )
    dx_target = tl.where(valid, -w * dloss, tl.where(counted, float("nan"), 0.0))
    is_target = (cols == y[:, None]) & counted[:, None]
    dx = tl.where(is_target, dx_target[:, None], 0.0)
    dx_ptrs = dx_ptr + offset_of(offs, sample_shape, dx_strides)[:, None] + cols * stride_c
    mask = sample_mask[:, None] & (cols < n_classes)
    tl.store(dx_ptrs, convert(dx, dx_ptr.dtype.element_ty), mask=mask)


@triton.jit
def _row_statistics(
    x_ptrs, w_ptr, row_mask, stride_c, n_classes, extent, lead, SMOOTH: tl.constexpr, ACC: tl.constexpr,
    ONCE: tl.constexpr, REPEATS: tl.constexpr, NEIGHBOURS: tl.constexpr, BLOCK_K: tl.constexpr,
    BLOCK_R: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """Of rows of scores: m, sum(exp(x - m)), and if SMOOTH sum(w (m - x)) and sum(w)."""
    smooth_sum = tl.zeros((BLOCK_K,), ACC)
    w_sum = tl.zeros((BLOCK_K,), ACC)
    if ONCE:
        cols = offsets_from(0, BLOCK_R, INT64)[None, :]
        mask = row_mask & (cols < n_classes)
        # the load may read on to `extent`, so that its vectors are whole; the padding is masked afterwards
        readable = row_mask & (cols < (n_classes if extent is None else extent))
        x = convert(tl.load(x_ptrs + cols * stride_c, mask=readable, other=0.0), ACC)
        m = tl.max(tl.where(mask, x, float("-inf")), axis=1)
        sumexp = tl.sum(tl.where(mask, exp_in_sum(x - m[:, None]), 0.0), axis=1)
        if SMOOTH:
            w = class_weights(w_ptr, cols, n_classes, ACC)
            smooth_sum = tl.sum(tl.where(mask, w * (m[:, None] - x), 0.0), axis=1)
            w_sum = tl.sum(w + tl.zeros((BLOCK_K, BLOCK_R), ACC), axis=1)
    else:
        m, sumexp, sum_wx, w_sum = row_sums(
            x_ptrs, row_mask, stride_c, n_classes, extent, lead, w_ptr, SMOOTH, ACC, REPEATS, NEIGHBOURS, BLOCK_K,
            BLOCK_R, INT64,
        )  # fmt: skip
        sumexp = tl.where(m == float("inf"), float("nan"), sumexp)  # inf - inf
        smooth_sum = w_sum * m - sum_wx
    return m, sumexp, smooth_sum, w_sum


@triton.jit
def _gradient_terms(
    dloss, w, valid, sumexp, weight_sum_ptr, n_classes, smoothing, SMOOTH: tl.constexpr, ACC: tl.constexpr
):
    """Scale, target_term and smooth_term of dx = exp(x - m) scale - onehot(y) target_term - w[c] smooth_term.

    Args:
        dloss: what the samples receive. sumexp: the samples' sum(exp(x - m)).
        weight_sum_ptr: the sum of the classes' weights, or None where all are 1.
    """
    target_term = tl.where(valid, dloss * w, float("nan"))
    smooth_term = dloss * 0.0
    # what a row's targets sum to, which is what its probabilities are multiplied by
    scale = target_term
    if SMOOTH:
        target_term = target_term * (1.0 - smoothing.to(ACC))
        smooth_term = dloss * (smoothing.to(ACC) / n_classes.to(ACC))
        scale = target_term + smooth_term * (
            tl.load(weight_sum_ptr) if weight_sum_ptr is not None else n_classes.to(ACC)
        )
    return (scale / sumexp)[:, None], target_term[:, None], smooth_term[:, None]


@triton.jit
def _store_gradient(
    x_ptrs, dx_ptrs, mask, cols, y, counted, m, scale, target_term, smooth_term, w_ptr, n_classes,
    SMOOTH: tl.constexpr, ACC: tl.constexpr,
):  # fmt: skip
    """Store the gradient of a tile of scores; what is one number per sample comes as a column."""
    x = convert(tl.load(x_ptrs, mask=mask, other=0.0), ACC)
    dx = exp_for(x - m, dx_ptrs.dtype.element_ty) * scale
    dx = tl.where(cols == y.to(cols.dtype), dx - target_term, dx)
    if SMOOTH:
        dx = dx - smooth_term * class_weights(w_ptr, cols, n_classes, ACC)
    # selected, not multiplied: an ignored sample's scores may be NaN
    dx = tl.where(counted, dx, 0.0)
    tl.store(dx_ptrs, convert(dx, dx_ptrs.dtype.element_ty), mask=mask)


@triton.jit
def cross_entropy_kernel(
    out_ptr, m_ptr, sumexp_ptr, partial_ptr, dx_ptr, flag_ptr, x_ptr, target_ptr, w_ptr, weight_sum_ptr,
    sample_shape, x_strides, target_strides, out_strides, dx_strides, stride_c, n_samples, n_classes, extent,
    ignore_index, smoothing: fp64,
    SMOOTH: tl.constexpr, REDUCE: tl.constexpr, ACC: tl.constexpr,
    ONCE: tl.constexpr, SHIFTED: tl.constexpr, REPEATS: tl.constexpr, NEIGHBOURS: tl.constexpr,
    BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """Cross-entropy of a block of samples, and m and sum(exp(x - m)) of each.

    Args:
        dx_ptr: None, or where the gradient of the sum goes, with classes as far apart as in the input; it may
        be the input.
        weight_sum_ptr: as of `_gradient_terms`, for dx.
        dx_strides: strides along the samples' dimensions.
        extent: None, or how many elements of a row may be read, and of dx written: classes rounded up to a
        multiple of 16, so that accesses are wide whatever their number.
        smoothing: share of the target that is spread over all classes, used if SMOOTH.
        ONCE: a row of scores fits into the tile.
        SHIFTED: rows start anywhere, and are read from the last aligned element before them on.
        REPEATS, NEIGHBOURS: which elements of the tile a thread holds. Others as of `nll_kernel`.
    """
    offs = positions(BLOCK_K, INT64)
    sample_mask = offs < n_samples
    y, w, counted, valid = _load_target(
        target_ptr, w_ptr, flag_ptr, offs, sample_mask, sample_shape, target_strides, n_classes, ignore_index,
        ACC,
    )  # fmt: skip
    x_base = x_ptr + offset_of(offs, sample_shape, x_strides)
    x_ptrs, lead = x_base[:, None], None
    if SHIFTED:
        offset = wide(tl.program_id(0), INT64) * x_strides[0]
        aligned = offset // NEIGHBOURS * NEIGHBOURS
        x_ptrs, lead = x_ptr + aligned + tl.zeros((1, 1), tl.int32), offset - aligned
    m, sumexp, smooth_sum, w_sum = _row_statistics(
        x_ptrs, w_ptr, sample_mask[:, None], stride_c, n_classes, extent, lead, SMOOTH, ACC, ONCE, REPEATS,
        NEIGHBOURS, BLOCK_K, BLOCK_R, INT64,
    )  # fmt: skip
    log_sumexp = tl.log(sumexp)
    x_target = convert(tl.load(x_base + y * stride_c, mask=valid, other=0.0), ACC)
    # m - x first: both are large where log_sumexp is not
    loss = tl.where(valid, (log_sumexp + (m - x_target)) * w, float("nan"))
    if SMOOTH:
        smoothing_per_class = smoothing.to(ACC) / n_classes.to(ACC)
        smooth_loss = (w_sum * log_sumexp + smooth_sum) * smoothing_per_class
        loss = loss * (1.0 - smoothing.to(ACC)) + smooth_loss
    tl.store(m_ptr + offs, m, mask=sample_mask)
    tl.store(sumexp_ptr + offs, sumexp, mask=sample_mask)
    _store_loss(out_ptr, partial_ptr, offs, counted, loss, w, sample_shape, out_strides, sample_mask, REDUCE)
    if dx_ptr is not None:
        tl.debug_barrier()  # the class's score has been read before a gradient may take its place
        one = tl.full(sumexp.shape, 1.0, ACC)
        scale, target_term, smooth_term = _gradient_terms(
            one, w, valid, sumexp, weight_sum_ptr, n_classes, smoothing, SMOOTH, ACC
        )
        dx_base = dx_ptr + offset_of(offs, sample_shape, dx_strides)
        for start in range(0, n_classes, BLOCK_R):
            cols = offsets_from(start, BLOCK_R, INT64)[None, :]
            mask = sample_mask[:, None] & (cols < (n_classes if extent is None else extent))
            _store_gradient(
                x_base[:, None] + cols * stride_c, dx_base[:, None] + cols * stride_c, mask, cols,
                y[:, None], counted[:, None], m[:, None], scale, target_term, smooth_term, w_ptr, n_classes,
                SMOOTH, ACC,
            )  # fmt: skip


@triton.jit
def cross_entropy_backward_kernel(
    dx_ptr, dloss_ptr, x_ptr, target_ptr, w_ptr, weight_sum_ptr, m_ptr, sumexp_ptr, total_weight_ptr,
    sample_shape, dx_strides, x_strides, target_strides, dloss_strides, stride_dx, stride_x, n_samples,
    n_classes, ignore_index, smoothing: fp64,
    SMOOTH: tl.constexpr, MEAN: tl.constexpr, ACC: tl.constexpr,
    BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """The gradient of a tile of samples x classes.

    Args:
        weight_sum_ptr: as of `_gradient_terms`.
        stride_dx, stride_x: distance of neighbouring classes in dx and x. Others as above.
    """
    offs, sample_mask, cols = _program_tile(n_samples, n_classes, BLOCK_K, BLOCK_R, INT64)
    y, w, counted, valid = _load_target(
        target_ptr, w_ptr, None, offs, sample_mask, sample_shape, target_strides, n_classes, ignore_index, ACC
    )
    dloss = _load_dloss(
        dloss_ptr, total_weight_ptr, offs, sample_mask, sample_shape, dloss_strides, MEAN, ACC
    )
    m = tl.load(m_ptr + offs, mask=sample_mask, other=0.0)
    # 1, because lanes beyond the last sample divide by it as well
    sumexp = tl.load(sumexp_ptr + offs, mask=sample_mask, other=1.0)
    scale, target_term, smooth_term = _gradient_terms(
        dloss, w, valid, sumexp, weight_sum_ptr, n_classes, smoothing, SMOOTH, ACC
    )
    _store_gradient(
        x_ptr + offset_of(offs, sample_shape, x_strides)[:, None] + cols * stride_x,
        dx_ptr + offset_of(offs, sample_shape, dx_strides)[:, None] + cols * stride_dx,
        sample_mask[:, None] & (cols < n_classes), cols, y[:, None], counted[:, None], m[:, None], scale,
        target_term, smooth_term, w_ptr, n_classes, SMOOTH, ACC,
    )  # fmt: skip
