"""The kernels of the losses of one class among many; `loss.py` launches them.

Cross-entropy reads each row of scores once where it fits into registers, else with a running maximum, and never
writes probabilities; backward is elementwise, from two numbers saved for every row. Where the gradient of a sum is
known to be wanted, forward goes over the row again while the cache holds it, and writes the gradient.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.device import math as _math
from tritonnn.kernels.device.index_errors import report
from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.reduce import tile_columns, tile_rows
from tritonnn.kernels.device.strided import offset_of
from tritonnn.kernels.launch.launch import fp64


@triton.jit
def _classes(target, weight, flag, i, present, kept_shape, kept_target, classes, ignore, ACC: tl.constexpr):
    """The class of each sample (0 for those that do not count), its weight, whether it counts and is valid."""
    y = tl.load(target + offset_of(i, kept_shape, kept_target), mask=present, other=0).to(tl.int64)
    counts = present & (y != ignore)
    valid = counts & (y >= 0) & (y < classes)
    report(flag, i, counts & ~valid)
    y = tl.where(valid, y, 0)
    if weight is not None:
        w = convert(tl.load(weight + y, mask=valid, other=0.0), ACC)
    else:
        w = tl.full(y.shape, 1.0, ACC)
    return y, tl.where(counts, w, 0.0), counts, valid


@triton.jit
def _emit(out, parts, i, counts, loss, w, kept_shape, kept_out, present, REDUCE: tl.constexpr):
    """Store the samples' losses, or their sum; and the sum of the weights."""
    loss = tl.where(counts, loss, 0.0)
    target = parts + tl.program_id(0).to(tl.int64) * 2
    if REDUCE:
        tl.store(target, tl.sum(loss, axis=0))
    else:
        tl.store(out + offset_of(i, kept_shape, kept_out), convert(loss, out.dtype.element_ty), mask=present)
        tl.store(target, 0.0)
    tl.store(target + 1, tl.sum(w, axis=0))


@triton.jit
def nll_kernel(
    out, parts, flag, input, target, weight, kept_shape, kept_in, kept_target, kept_out, step, samples, classes,
    ignore, REDUCE: tl.constexpr, ACC: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """-w[y] x[y] of a block of samples.

    Args:
        parts: (program, 2): sums of losses and of weights. flag: see `_checks`.
        kept_shape: extents of the samples' dimensions; kept_in, kept_target, kept_out: strides along them.
        step: distance of neighbouring classes in the input. ignore: the class that does not count.
    """
    i = tile_rows(BLOCK, INT64)
    present = i < samples
    y, w, counts, valid = _classes(
        target, weight, flag, i, present, kept_shape, kept_target, classes, ignore, ACC
    )
    x = tl.load(input + offset_of(i, kept_shape, kept_in) + y * step, mask=valid, other=0.0)
    loss = tl.where(valid, -convert(x, ACC) * w, float("nan"))
    _emit(out, parts, i, counts, loss, w, kept_shape, kept_out, present, REDUCE)


@triton.jit
def _received(grad, total_weight, i, present, kept_shape, kept_grad, MEAN: tl.constexpr, ACC: tl.constexpr):
    """What each sample's loss receives of the incoming gradient."""
    g = convert(tl.load(grad + offset_of(i, kept_shape, kept_grad), mask=present, other=0.0), ACC)
    if MEAN:
        g = g / tl.load(total_weight + i * 0)
    return g


@triton.jit
def _tile(samples, classes, BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr, INT64: tl.constexpr):
    """This program's samples, which of them there are, and its classes in a row."""
    columns = tl.cdiv(classes, BLOCK_R)
    i = (tl.program_id(0) // columns) * BLOCK_K + tl.arange(0, BLOCK_K)
    c = (tl.program_id(0) % columns) * BLOCK_R + tl.arange(0, BLOCK_R)
    if INT64:
        i, c = i.to(tl.int64), c.to(tl.int64)
    return i, i < samples, c[None, :]


@triton.jit
def nll_backward_kernel(
    grad_input, grad, target, weight, total_weight, kept_shape, kept_out, kept_target, kept_grad, step, samples,
    classes, ignore,
    MEAN: tl.constexpr, ACC: tl.constexpr, BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """The gradient of a tile of samples x classes: -w[y] at the class, else 0. Arguments as above."""
    i, present, c = _tile(samples, classes, BLOCK_K, BLOCK_R, INT64)
    y, w, counts, valid = _classes(
        target, weight, None, i, present, kept_shape, kept_target, classes, ignore, ACC
    )
    g = _received(grad, total_weight, i, present, kept_shape, kept_grad, MEAN, ACC)
    at_class = tl.where(valid, -w * g, tl.where(counts, float("nan"), 0.0))
    hit = (c == y[:, None]) & counts[:, None]
    value = tl.where(hit, at_class[:, None], 0.0)
    address = grad_input + offset_of(i, kept_shape, kept_out)[:, None] + c * step
    mask = present[:, None] & (c < classes)
    tl.store(address, convert(value, grad_input.dtype.element_ty), mask=mask)


@triton.jit
def _class_weights(weight, c, classes, ACC: tl.constexpr):
    """The weights of the classes c, 0 outside."""
    if weight is not None:
        return convert(tl.load(weight + c, mask=c < classes, other=0.0), ACC)
    else:
        return (c < classes).to(ACC)


@triton.jit
def _row_sums(
    source, weight, present, step, classes, extent, SMOOTH: tl.constexpr, ACC: tl.constexpr, ONCE: tl.constexpr,
    BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """Of rows of scores: maximum, sum(exp(x - maximum)), sum(w (maximum - x)) and sum(w); the last two if SMOOTH."""
    spread = tl.zeros((BLOCK_K,), ACC)
    weights = tl.zeros((BLOCK_K,), ACC)
    if ONCE:
        c = tile_columns(0, BLOCK_R, INT64)[None, :]
        mask = present & (c < classes)
        x = convert(tl.load(source + c * step, mask=present & (c < extent), other=0.0), ACC)
        top = tl.max(tl.where(mask, x, float("-inf")), axis=1)
        total = tl.sum(tl.where(mask, _math.exp(x - top[:, None]), 0.0), axis=1)
        if SMOOTH:
            share = _class_weights(weight, c, classes, ACC)
            spread = tl.sum(tl.where(mask, share * (top[:, None] - x), 0.0), axis=1)
            weights = tl.sum(share + tl.zeros((BLOCK_K, BLOCK_R), ACC), axis=1)
    else:
        highest = tl.full((BLOCK_K, BLOCK_R), float("-inf"), ACC)
        part = tl.zeros((BLOCK_K, BLOCK_R), ACC)
        sum_x = tl.zeros((BLOCK_K, BLOCK_R), ACC)
        shares = tl.zeros((BLOCK_K, BLOCK_R), ACC)
        for start in range(0, classes, BLOCK_R):
            c = tile_columns(start, BLOCK_R, INT64)[None, :]
            mask = present & (c < classes)
            x = convert(tl.load(source + c * step, mask=present & (c < extent), other=0.0), ACC)
            higher = tl.maximum(highest, tl.where(mask, x, float("-inf")))
            kept = tl.where(higher == float("-inf"), 0.0, higher)
            part = part * _math.exp(highest - kept) + tl.where(mask, _math.exp(x - kept), 0.0)
            highest = higher
            if SMOOTH:
                share = _class_weights(weight, c, classes, ACC)
                sum_x += tl.where(mask, share * x, 0.0)
                shares += share
        top = tl.max(highest, axis=1)
        total = tl.sum(part * _math.exp(highest - top[:, None]), axis=1)
        if SMOOTH:
            weights = tl.sum(shares, axis=1)
            spread = weights * top - tl.sum(sum_x, axis=1)
    return top, total, spread, weights


@triton.jit
def _shares(g, w, valid, total, weight_sum, classes, smoothing, SMOOTH: tl.constexpr, ACC: tl.constexpr):
    """a, b and d of the gradient exp(x - shift) a - onehot(y) b - w[c] d of samples that receive g.

    Args:
        total: the samples' sum(exp(x - shift)).
        weight_sum: pointer to the sum of the classes' weights, or None where all are 1.
    """
    at_class = tl.where(valid, g * w, float("nan"))
    at_all = g * 0.0
    scale = at_class
    if SMOOTH:
        at_class = at_class * (1.0 - smoothing.to(ACC))
        at_all = g * (smoothing.to(ACC) / classes.to(ACC))
        scale = at_class + at_all * (tl.load(weight_sum) if weight_sum is not None else classes.to(ACC))
    return (scale / total)[:, None], at_class[:, None], at_all[:, None]


@triton.jit
def _slopes(
    source, to, mask, c, y, counts, shift, scale, at_class, at_all, weight, classes,
    SMOOTH: tl.constexpr, ACC: tl.constexpr,
):  # fmt: skip
    """Store the gradient of a tile of scores; what is one number per sample comes as a column."""
    x = convert(tl.load(source, mask=mask, other=0.0), ACC)
    value = _math.exp(x - shift) * scale
    value = tl.where(c == y, value - at_class, value)
    if SMOOTH:
        value = value - at_all * _class_weights(weight, c, classes, ACC)
    value = tl.where(counts, value, 0.0)
    tl.store(to, convert(value, to.dtype.element_ty), mask=mask)


@triton.jit
def cross_entropy_kernel(
    out, shift, sumexp, parts, slopes, flag, input, target, weight, weight_sum, kept_shape, kept_in, kept_target,
    kept_out, kept_slopes, step, samples, classes, extent, ignore, smoothing: fp64,
    SMOOTH: tl.constexpr, REDUCE: tl.constexpr, ACC: tl.constexpr,
    ONCE: tl.constexpr, BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """Cross-entropy of a block of samples, and shift and sum(exp(x - shift)) of each.

    Args:
        slopes: None, or where the gradient of the sum goes, with classes as far apart as in the input; it may be
            the input.
        weight_sum: as of `_shares`, for slopes.
        kept_slopes: strides along the samples' dimensions.
        extent: None, or how many elements of a row may be read, and of its slopes written: classes rounded up to a
            multiple of 16, so that accesses are wide whatever their number.
        smoothing: share of the target that is spread over all classes, used if SMOOTH.
        ONCE: a row of scores fits into the tile. Others as of `nll_kernel`.
    """
    i = tile_rows(BLOCK_K, INT64)
    present = i < samples
    y, w, counts, valid = _classes(
        target, weight, flag, i, present, kept_shape, kept_target, classes, ignore, ACC
    )
    if extent is None:
        extent = classes
    base = input + offset_of(i, kept_shape, kept_in)
    top, total, spread, weights = _row_sums(
        base[:, None],
        weight,
        present[:, None],
        step,
        classes,
        extent,
        SMOOTH,
        ACC,
        ONCE,
        BLOCK_K,
        BLOCK_R,
        INT64,
    )
    log = tl.log(total)
    at_class = convert(tl.load(base + y * step, mask=valid, other=0.0), ACC)
    loss = tl.where(valid, (log + (top - at_class)) * w, float("nan"))
    if SMOOTH:
        part_of_all = smoothing.to(ACC) / classes.to(ACC)
        smooth_loss = (weights * log + spread) * part_of_all
        loss = loss * (1.0 - smoothing.to(ACC)) + smooth_loss
    tl.store(shift + i, top, mask=present)
    tl.store(sumexp + i, total, mask=present)
    _emit(out, parts, i, counts, loss, w, kept_shape, kept_out, present, REDUCE)
    if slopes is not None:
        tl.debug_barrier()  # the class's score has been read before a gradient may take its place
        one = tl.full(total.shape, 1.0, ACC)
        scale, b, d = _shares(one, w, valid, total, weight_sum, classes, smoothing, SMOOTH, ACC)
        to = slopes + offset_of(i, kept_shape, kept_slopes)
        for start in range(0, classes, BLOCK_R):
            c = tile_columns(start, BLOCK_R, INT64)[None, :]
            mask = present[:, None] & (c < extent)
            _slopes(
                base[:, None] + c * step, to[:, None] + c * step, mask, c, y[:, None], counts[:, None],
                top[:, None], scale, b, d, weight, classes, SMOOTH, ACC,
            )  # fmt: skip


@triton.jit
def cross_entropy_backward_kernel(
    grad_input, grad, input, target, weight, weight_sum, shift, sumexp, total_weight, kept_shape, kept_out,
    kept_in, kept_target, kept_grad, step, step_in, samples, classes, ignore, smoothing: fp64,
    SMOOTH: tl.constexpr, MEAN: tl.constexpr, ACC: tl.constexpr,
    BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """The gradient of a tile of samples x classes.

    Args:
        weight_sum: as of `_shares`.
        step, step_in: distance of neighbouring classes in grad_input and input. Others as above.
    """
    i, present, c = _tile(samples, classes, BLOCK_K, BLOCK_R, INT64)
    y, w, counts, valid = _classes(
        target, weight, None, i, present, kept_shape, kept_target, classes, ignore, ACC
    )
    g = _received(grad, total_weight, i, present, kept_shape, kept_grad, MEAN, ACC)
    top = tl.load(shift + i, mask=present, other=0.0)
    total = tl.load(sumexp + i, mask=present, other=1.0)
    scale, b, d = _shares(g, w, valid, total, weight_sum, classes, smoothing, SMOOTH, ACC)
    _slopes(
        input + offset_of(i, kept_shape, kept_in)[:, None] + c * step_in,
        grad_input + offset_of(i, kept_shape, kept_out)[:, None] + c * step,
        present[:, None] & (c < classes), c, y[:, None], counts[:, None], top[:, None], scale, b, d, weight,
        classes, SMOOTH, ACC,
    )  # fmt: skip
