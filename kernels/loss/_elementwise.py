"""The kernels of the elementwise losses; `loss.py` launches them.

An elementwise loss is a scalar function in one kernel that stores every element, or adds up what a program
of a persistent grid sees; a second launch adds the programs' sums in a fixed order.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.device import math as _math
from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.strided import offset_of
from tritonnn.kernels.launch.launch import fp64

# ---- functions of input, target, weight, weight of positives and a parameter ------------------------------


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
def _at(pointer, i, mask, shape, strides, ACC: tl.constexpr):
    return convert(tl.load(pointer + offset_of(i, shape, strides), mask=mask, other=0.0), ACC)


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
        x = _at(input, i, mask, shape, strides[0], ACC)
        y = _at(target, i, mask, shape, strides[1], ACC)
        w, p = weight, positive
        if weight is not None:
            w = _at(weight, i, mask, shape, strides[2], ACC)
        if positive is not None:
            p = _at(positive, i, mask, shape, strides[3], ACC)
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
