"""The kernels of the losses; `loss.py` launches them.

An elementwise loss is a scalar function in one kernel that stores every element, or adds up what a program
of a persistent grid sees; a second launch adds the programs' sums in a fixed order. Cross-entropy reads
each row of scores once where it fits into registers, else with a running maximum, and never writes
probabilities; backward is elementwise, from two numbers saved for every row.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels import _math
from tritonnn.kernels._checks import report
from tritonnn.kernels._launch import fp64
from tritonnn.kernels._pointwise import convert
from tritonnn.kernels._reduce import place, tile_columns, tile_rows
from tritonnn.kernels._strided import offset_of

# ---- elementwise losses: functions of input, target, weight, weight of positives and a parameter
# ---------------


@triton.jit
def squared(x, y, weight, positive, parameter):
    """(x - y)^2."""
    d = x - y
    return d * d


@triton.jit
def absolute(x, y, weight, positive, parameter):
    """|x - y|."""
    return tl.abs(x - y)


@triton.jit
def huber(x, y, weight, positive, parameter):
    """A parabola up to the parameter, a line above."""
    d = tl.abs(x - y)
    m = _math.minimum(d, parameter)
    return m * (d - m * 0.5)


@triton.jit
def smooth(x, y, weight, positive, parameter):
    """huber divided by the parameter."""
    return huber(x, y, weight, positive, parameter) / parameter


@triton.jit
def binary(x, y, weight, positive, parameter):
    """-weight (y log x + (1 - y) log(1 - x)), logarithms not below -100; NaN outside [0, 1]."""
    log_x = _math.maximum(tl.log(x), tl.full(x.shape, -100.0, x.dtype))
    log_rest = _math.maximum(_math.log1p(-x), tl.full(x.shape, -100.0, x.dtype))
    loss = -(y * log_x + (1.0 - y) * log_rest)
    loss = tl.where((x >= 0.0) & (x <= 1.0), loss, float("nan"))
    if weight is not None:
        loss = loss * weight
    return loss


@triton.jit
def binary_of_scores(x, y, weight, positive, parameter):
    """weight ((1 - y) x + (1 + (positive - 1) y) log(1 + exp(-x)))."""
    log = _math.log1p(_math.exp(-tl.abs(x))) + _math.maximum(-x, x * 0.0)
    if positive is not None:
        log = log * (1.0 + (positive - 1.0) * y)
    loss = (1.0 - y) * x + log
    if weight is not None:
        loss = loss * weight
    return loss


@triton.jit
def _optional(pointer, i, mask, shape, strides, ACC: tl.constexpr):
    if pointer is not None:
        return convert(tl.load(pointer + offset_of(i, shape, strides), mask=mask, other=0.0), ACC)
    else:
        return None


@triton.jit
def loss_kernel(
    out, input, target, weight, positive, shape, out_strides, strides, n, parameter: fp64,
    FN: tl.constexpr, REDUCE: tl.constexpr, ACC: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """out[i] = FN of the i-th elements; with REDUCE out[program] = their sum over a persistent grid.

    Args:
        shape: extents of the merged dimensions; out_strides: the output's; strides: one tuple per operand.
    """
    pid = tl.program_id(0)
    step = tl.num_programs(0)
    total = tl.zeros((BLOCK,), ACC)
    for block in range(pid, tl.cdiv(n, BLOCK), step):
        i = block * BLOCK + tl.arange(0, BLOCK)
        if INT64:
            i = block.to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
        mask = i < n
        x = convert(tl.load(input + offset_of(i, shape, strides[0]), mask=mask, other=0.0), ACC)
        y = convert(tl.load(target + offset_of(i, shape, strides[1]), mask=mask, other=0.0), ACC)
        w = _optional(weight, i, mask, shape, strides[2], ACC)
        p = _optional(positive, i, mask, shape, strides[3], ACC)
        loss = FN(x, y, w, p, tl.full((BLOCK,), parameter, ACC))
        if REDUCE:
            total += tl.where(mask, loss, 0.0)
        else:
            tl.store(out + offset_of(i, shape, out_strides), convert(loss, out.dtype.element_ty), mask=mask)
    if REDUCE:
        tl.store(out + pid, tl.sum(total, axis=0))


@triton.jit
def finish_kernel(
    out, total_weight, parts, count, divisor: fp64,
    BY_WEIGHT: tl.constexpr, WEIGHTS: tl.constexpr, ACC: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """out = sum of the programs' sums / divisor.

    Args:
        out: or None, where only the weights are wanted.
        parts: (count), or with WEIGHTS (count, 2) with the sums of weights, which go to `total_weight`.
        BY_WEIGHT: divide by the sum of weights instead.
    """
    width: tl.constexpr = 2 if WEIGHTS else 1
    losses = tl.zeros((BLOCK,), ACC)
    weights = tl.zeros((BLOCK,), ACC)
    for first in range(0, count, BLOCK):
        i = first + tl.arange(0, BLOCK)
        losses += tl.load(parts + i * width, mask=i < count, other=0.0)
        if WEIGHTS:
            weights += tl.load(parts + i * width + 1, mask=i < count, other=0.0)
    one = tl.zeros((1,), tl.int32)
    weight = tl.sum(weights, axis=0)
    if WEIGHTS:
        tl.store(total_weight + one, weight)
    if out is not None:
        share = tl.full((1,), weight, ACC) if BY_WEIGHT else tl.full((1,), divisor, ACC)
        result = _math.divide(tl.full((1,), tl.sum(losses, axis=0), ACC), share)
        tl.store(out + one, convert(result, out.dtype.element_ty))


# ---- one class among many ---------------------------------------------------------------------------------


@triton.jit
def _classes(target, weight, flag, i, present, kept_shape, kept_target, classes, ignore, ACC: tl.constexpr):
    """The class of each sample (0 for those that do not count), its weight, whether it counts and is valid."""
    y = tl.load(target + place(i, kept_shape, kept_target), mask=present, other=0).to(tl.int64)
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
        tl.store(out + place(i, kept_shape, kept_out), convert(loss, out.dtype.element_ty), mask=present)
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
    x = tl.load(input + place(i, kept_shape, kept_in) + y * step, mask=valid, other=0.0)
    loss = tl.where(valid, -convert(x, ACC) * w, float("nan"))
    _emit(out, parts, i, counts, loss, w, kept_shape, kept_out, present, REDUCE)


@triton.jit
def _received(grad, total_weight, i, present, kept_shape, kept_grad, MEAN: tl.constexpr, ACC: tl.constexpr):
    """What each sample's loss receives of the incoming gradient."""
    g = convert(tl.load(grad + place(i, kept_shape, kept_grad), mask=present, other=0.0), ACC)
    if MEAN:
        g = g / tl.load(total_weight + i * 0)
    return g


@triton.jit
def nll_backward_kernel(
    grad_input, grad, target, weight, total_weight, kept_shape, kept_out, kept_target, kept_grad, step, samples,
    classes, ignore,
    MEAN: tl.constexpr, ACC: tl.constexpr, BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """The gradient of a tile of samples x classes: -w[y] at the class, else 0. Arguments as above."""
    columns = tl.cdiv(classes, BLOCK_R)
    i = (tl.program_id(0) // columns) * BLOCK_K + tl.arange(0, BLOCK_K)
    c = (tl.program_id(0) % columns) * BLOCK_R + tl.arange(0, BLOCK_R)
    if INT64:
        i, c = i.to(tl.int64), c.to(tl.int64)
    present = i < samples
    y, w, counts, valid = _classes(
        target, weight, None, i, present, kept_shape, kept_target, classes, ignore, ACC
    )
    g = _received(grad, total_weight, i, present, kept_shape, kept_grad, MEAN, ACC)
    at_class = tl.where(valid, -w * g, tl.where(counts, float("nan"), 0.0))
    hit = (c[None, :] == y[:, None]) & counts[:, None]
    value = tl.where(hit, at_class[:, None], 0.0)
    address = grad_input + place(i, kept_shape, kept_out)[:, None] + c[None, :] * step
    mask = present[:, None] & (c < classes)[None, :]
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
    source, weight, present, step, classes, SMOOTH: tl.constexpr, ACC: tl.constexpr, ONCE: tl.constexpr,
    BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """Of rows of scores: maximum, sum(exp(x - maximum)), sum(w (maximum - x)) and sum(w); the last two if SMOOTH."""
    spread = tl.zeros((BLOCK_K,), ACC)
    weights = tl.zeros((BLOCK_K,), ACC)
    if ONCE:
        c = tile_columns(0, BLOCK_R, INT64)[None, :]
        mask = present & (c < classes)
        x = convert(tl.load(source + c * step, mask=mask, other=0.0), ACC)
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
            x = convert(tl.load(source + c * step, mask=mask, other=0.0), ACC)
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
def cross_entropy_kernel(
    out, shift, sumexp, parts, flag, input, target, weight, kept_shape, kept_in, kept_target, kept_out, step,
    samples, classes, ignore, smoothing: fp64, SMOOTH: tl.constexpr, REDUCE: tl.constexpr, ACC: tl.constexpr,
    ONCE: tl.constexpr, BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """Cross-entropy of a block of samples, and shift and sum(exp(x - shift)) of each.

    Args:
        smoothing: share of the target that is spread over all classes, used if SMOOTH.
        ONCE: a row of scores fits into the tile. Others as of `nll_kernel`.
    """
    i = tile_rows(BLOCK_K, INT64)
    present = i < samples
    y, w, counts, valid = _classes(
        target, weight, flag, i, present, kept_shape, kept_target, classes, ignore, ACC
    )
    base = input + place(i, kept_shape, kept_in)
    top, total, spread, weights = _row_sums(
        base[:, None], weight, present[:, None], step, classes, SMOOTH, ACC, ONCE, BLOCK_K, BLOCK_R, INT64
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


@triton.jit
def cross_entropy_backward_kernel(
    grad_input, grad, input, target, weight, weight_sum, shift, sumexp, total_weight, kept_shape, kept_out,
    kept_in, kept_target, kept_grad, step, step_in, samples, classes, ignore, smoothing: fp64,
    SMOOTH: tl.constexpr, MEAN: tl.constexpr, ACC: tl.constexpr,
    BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """The gradient of a tile of samples x classes: softmax(x) a - onehot(y) b - w[c] d.

    Args:
        weight_sum: pointer to the sum of the classes' weights, or None where all are 1.
        step, step_in: distance of neighbouring classes in grad_input and input. Others as above.
    """
    columns = tl.cdiv(classes, BLOCK_R)
    i = (tl.program_id(0) // columns) * BLOCK_K + tl.arange(0, BLOCK_K)
    c = (tl.program_id(0) % columns) * BLOCK_R + tl.arange(0, BLOCK_R)
    if INT64:
        i, c = i.to(tl.int64), c.to(tl.int64)
    present = i < samples
    y, w, counts, valid = _classes(
        target, weight, None, i, present, kept_shape, kept_target, classes, ignore, ACC
    )
    g = _received(grad, total_weight, i, present, kept_shape, kept_grad, MEAN, ACC)
    at_class = tl.where(valid, g * w, float("nan"))
    at_all = g * 0.0
    scale = at_class
    if SMOOTH:
        at_class = at_class * (1.0 - smoothing.to(ACC))
        at_all = g * (smoothing.to(ACC) / classes.to(ACC))
        scale = at_class + at_all * (
            tl.load(weight_sum + i * 0) if weight_sum is not None else classes.to(ACC)
        )
    top = tl.load(shift + i, mask=present, other=0.0)
    total = tl.load(sumexp + i, mask=present, other=1.0)
    mask = present[:, None] & (c < classes)[None, :]
    source = input + place(i, kept_shape, kept_in)[:, None] + c[None, :] * step_in
    x = convert(tl.load(source, mask=mask, other=0.0), ACC)
    value = _math.exp(x - top[:, None]) * (scale / total)[:, None]
    value = tl.where(c[None, :] == y[:, None], value - at_class[:, None], value)
    if SMOOTH:
        value = value - at_all[:, None] * _class_weights(weight, c, classes, ACC)[None, :]
    value = tl.where(counts[:, None], value, 0.0)
    address = grad_input + place(i, kept_shape, kept_out)[:, None] + c[None, :] * step
    tl.store(address, convert(value, grad_input.dtype.element_ty), mask=mask)
