"""Gamma variates: the rejection method of Marsaglia and Tsang, on the stream of `cpu_fallback/variates/gamma.py`."""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.buffer import Buffer
from tritonnn.kernels.check.case import Case
from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.strided import merged, offset_of, positions
from tritonnn.kernels.launch.launch import i64, launch, needs_int64
from tritonnn.kernels.random._philox import _open_unit64, start, words
from tritonnn.kernels.random.random import place

BLOCK = 256


@triton.jit
def _log_gamma_above_one(shape, pending, seed, counter):
    """Logarithms of gamma variates of shapes >= 1; attempt j draws from the counters' third word j.

    Source: G. Marsaglia and W. W. Tsang, "A simple method for generating gamma variables", 2000.
    """
    # lanes that draw nothing must not make NaN, for which the loop would never end
    d = tl.where(pending, shape, 1.0) - 0.3333333333333333
    c = 1.0 / tl.sqrt(9.0 * d)
    result = shape * 0.0
    third = counter.to(tl.uint32) * 0
    while tl.max(pending.to(tl.int32), 0) > 0:
        w0, w1, w2, w3 = words(seed, counter, third)
        first = (w0.to(tl.float64) + 0.5) * 2.3283064365386963e-10
        second = (w1.to(tl.float64) + 0.5) * 2.3283064365386963e-10
        normal = tl.sqrt(-2.0 * tl.log(first)) * tl.cos(6.283185307179586 * second)
        root = 1.0 + c * normal
        log_v = 3.0 * tl.log(tl.where(root > 0.0, root, 1.0))
        bound = 0.5 * normal * normal + d * (1.0 - tl.exp(log_v) + log_v)
        done = (root > 0.0) & (tl.log(_open_unit64(w2, w3)) < bound)
        result = tl.where(pending & done, tl.log(d) + log_v, result)
        pending = pending & ~done
        third += 1
    return result


@triton.jit(do_not_specialize=["seed", "first"])
def gamma_kernel(
    out, concentration, shape, strides, in_strides, n, seed: i64, first: i64, state,
    LOG: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """out[i] ~ Gamma(concentration[i], 1), or its logarithm, drawn from counter first + i."""
    seed, first = start(seed, first, state)
    i = positions(BLOCK, INT64)
    counter = first + i.to(tl.int64)
    a = tl.load(concentration + offset_of(i, shape, in_strides), mask=i < n, other=0.0).to(tl.float64)
    drawn = (a > 0.0) & (a < float("inf"))
    small = drawn & (a < 1.0)
    value = _log_gamma_above_one(tl.where(small, a + 1.0, a), drawn, seed, counter)
    # a variate of shape a + 1 times u^(1 / a) is one of shape a
    w0, w1, _w2, _w3 = words(seed, counter, counter.to(tl.uint32) * 0 + 0x80000000)
    boost = tl.log(_open_unit64(w0, w1)) / tl.where(small, a, 1.0)
    value = tl.where(small, value + boost, value)
    value = tl.where(drawn, value, tl.where(a == 0.0, float("-inf"), tl.where(a > 0.0, a, float("nan"))))
    dtype: tl.constexpr = out.dtype.element_ty
    if not LOG:
        SMALLEST: tl.constexpr = (
            6.103515625e-05 if dtype == tl.float16
            else 2.2250738585072014e-308 if dtype == tl.float64
            else 1.1754943508222875e-38
        )  # fmt: skip
        # none is 0, where the density may be infinite; NaN stays
        value = tl.exp(value)
        value = tl.where(value < SMALLEST, SMALLEST, value)
    tl.store(out + offset_of(i, shape, strides), convert(value, dtype), mask=i < n)


def philox_gamma(out: Buffer, concentration: Buffer, log: bool, seed: int, offset: int) -> None:
    """Gamma variates of rate 1 or their logarithms; element i draws from counter offset / 4 + i alone."""
    n = out.numel
    shape, strides, in_strides = merged(out.shape, out.strides, concentration.strides)
    launch(
        gamma_kernel, (-(-n // BLOCK),), out, concentration, shape, strides, in_strides, n, *place(seed, offset),
        LOG=bool(log), BLOCK=BLOCK, INT64=needs_int64(out, concentration),
    )  # fmt: skip


COMPILE = [
    *[
        Case(
            gamma_kernel, f"*{t} *{t} (i32:16) (i32=1) (i32=1) i32:16 i64 i64 None",
            {"LOG": log, "BLOCK": 256, "INT64": False}, label=f"{t}-{log}", spills=256,
        )
        for t, log in (("fp32", False), ("fp64", True), ("fp16", False), ("bf16", False))
    ],
    Case(
        gamma_kernel, "*fp32 *fp32 (i32 i32) (i32 i32) (i32 i32) i64 i64 i64 *i64",
        {"LOG": False, "BLOCK": 256, "INT64": True}, label="int64-in-a-graph", spills=256,
    ),
]  # fmt: skip
