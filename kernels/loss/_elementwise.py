"""The kernels of the elementwise losses; `loss.py` launches them.

An elementwise loss is a scalar function (FN) in one kernel, `loss_kernel`, that stores every element, or with
REDUCE adds up what a program of a persistent grid sees, so that the losses are never written; `finish_kernel`
adds the programs' sums in a fixed order. Atomics would save that launch, but not give the same bits twice.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.device import math as _math
from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.strided import offset_of
from tritonnn.kernels.launch.launch import fp64

BLOCK = 1024  # elements of a step of `loss_kernel`

# ---- functions of input, target, weight, weight of positives and a parameter ------------------------------


@triton.jit
def squared(x, y, weight, pos_weight, parameter):
    """(x - y)^2."""
    d = x - y
    return d * d


@triton.jit
def absolute(x, y, weight, pos_weight, parameter):
    """|x - y|."""
    return tl.abs(x - y)


@triton.jit
def huber(x, y, weight, pos_weight, parameter):
    """A parabola up to the parameter, a line above."""
    d = tl.abs(x - y)
    m = _math.minimum(d, parameter)
    return m * (d - m * 0.5)


@triton.jit
def smooth(x, y, weight, pos_weight, parameter):
    """huber divided by the parameter."""
    d = tl.abs(x - y)
    m = _math.minimum(d, parameter)
    # divided before the product, which may be beyond the largest number where the quotient is not
    return m / parameter * (d - m * 0.5)


@triton.jit
def binary(x, y, weight, pos_weight, parameter):
    """-weight (y log x + (1 - y) log(1 - x)), logarithms not below -100; NaN where x or y is outside [0, 1]."""
    # PyTorch's bound: the loss, and so its gradient, stays finite at probabilities of 0 and 1
    log_x = _math.maximum(tl.log(x), tl.full(x.shape, -100.0, x.dtype))
    log_1mx = _math.maximum(_math.log1p(-x), tl.full(x.shape, -100.0, x.dtype))
    loss = -(y * log_x + (1.0 - y) * log_1mx)
    within = (x >= 0.0) & (x <= 1.0) & (y >= 0.0) & (y <= 1.0)
    loss = tl.where(within, loss, float("nan"))
    if weight is not None:
        loss = loss * weight
    return loss


@triton.jit
def binary_of_scores(x, y, weight, pos_weight, parameter):
    """weight ((1 - y) x + (1 + (pos_weight - 1) y) log(1 + exp(-x)))."""
    # log(1 + exp(-x)) without overflow: exp only of what is not positive
    softplus = _math.log1p(_math.exp(-tl.abs(x))) + tl.where(x < 0.0, -x, 0.0)
    if pos_weight is not None:
        softplus = softplus * (1.0 + (pos_weight - 1.0) * y)
    loss = (1.0 - y) * x + softplus
    if weight is not None:
        loss = loss * weight
    return loss


@triton.jit
def _load_as(ptr, offs, mask, shape, strides, ACC: tl.constexpr):
    return convert(tl.load(ptr + offset_of(offs, shape, strides), mask=mask, other=0.0), ACC)


@triton.jit
def loss_kernel(
    out_ptr, x_ptr, y_ptr, w_ptr, pos_weight_ptr, shape, out_strides, operand_strides, numel, parameter: fp64,
    FN: tl.constexpr, REDUCE: tl.constexpr, ACC: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """out[i] = FN of the i-th elements; with REDUCE out[program] = their sum over a persistent grid.

    Args:
        shape: extents of the merged dimensions; operand_strides: one tuple per operand.
    """
    pid = tl.program_id(0)
    num_programs = tl.num_programs(0)
    acc = tl.zeros((BLOCK,), ACC)
    for block in range(pid, tl.cdiv(numel, BLOCK), num_programs):
        offs = block * BLOCK + tl.arange(0, BLOCK)
        if INT64:
            offs = block.to(tl.int64) * BLOCK + tl.arange(0, BLOCK)  # type: ignore[attr-defined]
        mask = offs < numel
        x = _load_as(x_ptr, offs, mask, shape, operand_strides[0], ACC)
        y = _load_as(y_ptr, offs, mask, shape, operand_strides[1], ACC)
        w, pos_weight = w_ptr, pos_weight_ptr
        if w_ptr is not None:
            w = _load_as(w_ptr, offs, mask, shape, operand_strides[2], ACC)
        if pos_weight_ptr is not None:
            pos_weight = _load_as(pos_weight_ptr, offs, mask, shape, operand_strides[3], ACC)
        loss = FN(x, y, w, pos_weight, tl.full((BLOCK,), parameter, ACC))
        if REDUCE:
            acc += tl.where(mask, loss, 0.0)
        else:
            tl.store(
                out_ptr + offset_of(offs, shape, out_strides), convert(loss, out_ptr.dtype.element_ty),
                mask=mask,
            )  # fmt: skip
    if REDUCE:
        tl.store(out_ptr + pid, tl.sum(acc, axis=0))


@triton.jit
def finish_kernel(
    out_ptr, total_weight_ptr, partial_ptr, n_partials, divisor: fp64,
    BY_WEIGHT: tl.constexpr, WEIGHTS: tl.constexpr, ACC: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """out = sum of the programs' sums / divisor.

    Args:
        out_ptr: or None, where only the weights are wanted.
        partial_ptr: (n_partials), or with WEIGHTS (n_partials, 2) with the sums of weights, which go to
        `total_weight_ptr`.
        BY_WEIGHT: divide by the sum of weights instead.
    """
    width: tl.constexpr = 2 if WEIGHTS else 1
    acc_loss = tl.zeros((BLOCK,), ACC)
    acc_weight = tl.zeros((BLOCK,), ACC)
    for start in range(0, n_partials, BLOCK):
        offs = start + tl.arange(0, BLOCK)
        acc_loss += tl.load(partial_ptr + offs * width, mask=offs < n_partials, other=0.0)
        if WEIGHTS:
            acc_weight += tl.load(partial_ptr + offs * width + 1, mask=offs < n_partials, other=0.0)
    offs_0 = tl.zeros((1,), tl.int32)
    weight = tl.sum(acc_weight, axis=0)
    if WEIGHTS:
        tl.store(total_weight_ptr + offs_0, weight)
    if out_ptr is not None:
        denominator = tl.full((1,), weight, ACC) if BY_WEIGHT else tl.full((1,), divisor, ACC)
        result = _math.divide(tl.full((1,), tl.sum(acc_loss, axis=0), ACC), denominator)
        tl.store(out_ptr + offs_0, convert(result, out_ptr.dtype.element_ty))
