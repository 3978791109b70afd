"""Binomial variates, on the stream of `cpu_fallback/variates/binomial.py`."""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.buffer import Buffer
from tritonnn.kernels.check.case import Case
from tritonnn.kernels.device import math as _math
from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.strided import expand, merged, offset_of, positions
from tritonnn.kernels.launch.launch import i64, launch, needs_int64
from tritonnn.kernels.random._philox import _log_factorial, _unit64, start, words
from tritonnn.kernels.random.random import place

BLOCK = 256


@triton.jit
def _inverted(unit, count, p, mask):
    """The first k at which the cumulative probability reaches `unit`, for count * p < 10 and p <= 1/2."""
    count = tl.where(mask, count, 0.0)
    p = tl.where(mask, p, 0.0)
    k = count * 0.0
    term = tl.exp(count * _math.log1p(-p))
    total = term
    odds = p / (1.0 - p)
    step = 0
    continues = mask & (unit > total) & (k < count)
    while tl.max(continues.to(tl.int32), 0) > 0 and step < 199:
        step += 1
        term = term * (tl.maximum(count - (step - 1), 0.0) / step * odds)
        total = total + term
        k += continues.to(tl.float64)
        continues = continues & (unit > total) & (k < count)
    return k


@triton.jit
def _rejected(count, p, pending, seed, counter):
    """Transformed rejection for count * p >= 10 and p <= 1/2; attempt j draws from the counters' third word j.

    Source: W. Hoermann, "The generation of binomial random variates", algorithm BTRS, 1993.
    """
    # lanes that take the other way must not make NaN, for which the loop would never end
    count = tl.where(pending, count, 40.0)
    p = tl.where(pending, p, 0.5)
    spread = tl.sqrt(count * p * (1.0 - p))
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * p
    centre = count * p + 0.5
    alpha = (2.83 + 5.1 / b) * spread
    accept = 0.92 - 4.2 / b
    log_odds = tl.log(p / (1.0 - p))
    mode = tl.floor((count + 1.0) * p)
    peak = _log_factorial(mode) + _log_factorial(count - mode)
    result = count * 0.0
    third = counter.to(tl.uint32) * 0
    while tl.max(pending.to(tl.int32), 0) > 0:
        w0, w1, w2, w3 = words(seed, counter, third)
        u = _unit64(w0, w1) - 0.5
        v = _unit64(w2, w3)
        us = 0.5 - tl.abs(u)
        k = tl.floor((2.0 * a / us + b) * u + centre)
        inside = (k >= 0.0) & (k <= count)
        kept = tl.where(inside, k, 0.0)
        left = tl.log(v * alpha / (a / (us * us) + b))
        right = peak - _log_factorial(kept) - _log_factorial(count - kept) + (kept - mode) * log_odds
        done = inside & (((us >= 0.07) & (v <= accept)) | (left <= right))
        result = tl.where(pending & done, k, result)
        pending = pending & ~done
        third += 1
    return result


@triton.jit(do_not_specialize=["seed", "first"])
def binomial_kernel(
    out, count, prob, shape, strides, count_strides, prob_strides, n, seed: i64, first: i64, state,
    BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """out[i] ~ Binomial(count[i], prob[i]), drawn from counter first + i; NaN where a parameter is."""
    seed, first = start(seed, first, state)
    i = positions(BLOCK, INT64)
    counter = first + i.to(tl.int64)
    trials = tl.load(count + offset_of(i, shape, count_strides), mask=i < n, other=0.0).to(tl.float64)
    p = tl.load(prob + offset_of(i, shape, prob_strides), mask=i < n, other=0.0).to(tl.float64)
    turned = p > 0.5
    q = tl.where(turned, 1.0 - p, p)
    small = trials * q < 10.0
    large = trials * q >= 10.0
    w0, w1, _w2, _w3 = words(seed, counter, counter.to(tl.uint32) * 0)
    k = tl.where(
        small, _inverted(_unit64(w0, w1), trials, q, small), _rejected(trials, q, large, seed, counter)
    )
    k = tl.where(small | large, tl.where(turned, trials - k, k), float("nan"))
    tl.store(out + offset_of(i, shape, strides), convert(k, out.dtype.element_ty), mask=i < n)


def philox_binomial(out: Buffer, count: Buffer, prob: Buffer, seed: int, offset: int) -> None:
    """Numbers of successes; element i draws from counter offset / 4 + i alone. NaN where a parameter is."""
    n = out.numel
    count, prob = expand(count, out.shape), expand(prob, out.shape)
    geometry = merged(out.shape, out.strides, count.strides, prob.strides)
    launch(
        binomial_kernel, (-(-n // BLOCK),), out, count, prob, *geometry, n, *place(seed, offset),
        BLOCK=BLOCK, INT64=needs_int64(out, count, prob),
    )  # fmt: skip


COMPILE = [
    *[
        Case(
            binomial_kernel, f"*{t} *{t} *{t} (i32:16) (i32=1) (i32=1) (i32=1) i32:16 i64 i64 None",
            {"BLOCK": 256, "INT64": False}, label=t, spills=2048,
        )
        for t in ("fp32", "fp64", "fp16", "bf16")
    ],
    Case(
        binomial_kernel, "*fp32 *fp32 *fp32 (i32 i32) (i32 i32) (i32 i32) (i32 i32) i64 i64 i64 *i64",
        {"BLOCK": 256, "INT64": True}, label="int64-in-a-graph", spills=2048,
    ),
]  # fmt: skip
