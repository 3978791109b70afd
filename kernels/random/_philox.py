"""Random fills from Philox 4x32-10, the same stream as `cpu_fallback/random.py` draws.

Philox is counter-based: number i of a fill is a pure function of the seed and i, so programs need no state
and no order, and block sizes do not show in the numbers. A program handles a block of counters; each counter
gives four words, and so four values (two where a value takes two words). Values are interleaved before the
store, so that a block of counters writes consecutive elements.

Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011.
"""

from __future__ import annotations

from typing import Any

import triton
from triton import language as tl

from tritonnn.kernels.check.case import Case
from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.strided import offset_of, positions
from tritonnn.kernels.launch.launch import fp64, i64


@triton.jit
def words(seed, counter, third):
    """The four words of each 64-bit counter."""
    low = counter.to(tl.uint32)
    # always a counter of 64 bits: Triton gives another stream for one of 32
    return tl.philox(seed, low, (counter >> 32).to(tl.uint32), third, low * 0)


@triton.jit
def start(seed, first, state):
    """The seed and the first counter. Inside a CUDA graph `state` points to the seed of the replay and to how
    far the stream has gone since the capture; elsewhere it is None."""
    if state is not None:
        seed = tl.load(state)
        first = first + tl.load(state + 1)
    return seed, first


@triton.jit
def _fold(word):
    """31 random bits, folded as tl.rand does: the complement of a negative."""
    x = word.to(tl.int32, bitcast=True)
    # the negative would have no counterpart for the smallest integer
    return tl.where(x < 0, ~x, x)


@triton.jit
def _unit(word):
    return _fold(word).to(tl.float32) * 4.6566127342e-10


@triton.jit
def _unit64(first, second):
    # 27 and 26 bits: 53, as many as a float64 holds, so that no value is rounded to 1
    return ((first >> 5).to(tl.float64) * 67108864.0 + (second >> 6).to(tl.float64)) * 1.1102230246251565e-16


@triton.jit
def _open_unit(word):
    # half the smallest step: 0 would have an infinite logarithm
    return tl.maximum(_unit(word), 2.3283064365386963e-10)


@triton.jit
def _open_unit64(first, second):
    return tl.maximum(_unit64(first, second), 5.551115123125783e-17)


@triton.jit
def _each(w0, w1, w2, w3, a, b, FN: tl.constexpr, DOUBLE: tl.constexpr):
    """FN of the open unit interval, of one word for float32 and of two for float64."""
    if DOUBLE:
        return FN(_open_unit64(w0, w1), a, b), FN(_open_unit64(w2, w3), a, b)
    else:
        x, y = a.to(tl.float32), b.to(tl.float32)
        return (
            FN(_open_unit(w0), x, y), FN(_open_unit(w1), x, y), FN(_open_unit(w2), x, y), FN(_open_unit(w3),
            x, y)
        )  # fmt: skip


@triton.jit
def _uniform(w0, w1, w2, w3, a, b, dtype: tl.constexpr):
    if dtype == tl.float64:
        return _unit64(w0, w1) * a + b, _unit64(w2, w3) * a + b
    else:
        if dtype == tl.float32:
            u0, u1, u2, u3 = _unit(w0), _unit(w1), _unit(w2), _unit(w3)
        else:
            # A float32 just below one would round to one: draw only as many bits as the type holds.
            DIGITS: tl.constexpr = 11 if dtype == tl.float16 else 8
            SCALE: tl.constexpr = 1.0 / (1 << DIGITS)
            u0 = (_fold(w0) >> (31 - DIGITS)).to(tl.float32) * SCALE
            u1 = (_fold(w1) >> (31 - DIGITS)).to(tl.float32) * SCALE
            u2 = (_fold(w2) >> (31 - DIGITS)).to(tl.float32) * SCALE
            u3 = (_fold(w3) >> (31 - DIGITS)).to(tl.float32) * SCALE
        x, y = a.to(tl.float32), b.to(tl.float32)
        return u0 * x + y, u1 * x + y, u2 * x + y, u3 * x + y


@triton.jit
def _pair(u, v, floor, mean, std):
    """Box-Muller."""
    # the floor keeps the logarithm finite where u is 0
    radius = tl.sqrt(-2.0 * tl.log(tl.maximum(u, floor)))
    angle = 6.283185307179586 * v
    return radius * tl.cos(angle) * std + mean, radius * tl.sin(angle) * std + mean


@triton.jit
def _normal(w0, w1, w2, w3, a, b, dtype: tl.constexpr):
    if dtype == tl.float64:
        return _pair(_unit64(w0, w1), _unit64(w2, w3), 5.551115123125783e-17, a, b)
    else:
        mean, std = a.to(tl.float32), b.to(tl.float32)
        n0, n1 = _pair(_unit(w0), _unit(w1), 1.0e-7, mean, std)
        n2, n3 = _pair(_unit(w2), _unit(w3), 1.0e-7, mean, std)
        return n0, n1, n2, n3


@triton.jit
def _log_normal(w0, w1, w2, w3, a, b, dtype: tl.constexpr):
    if dtype == tl.float64:
        n0, n1 = _normal(w0, w1, w2, w3, a, b, dtype)
        return tl.exp(n0), tl.exp(n1)
    else:
        n0, n1, n2, n3 = _normal(w0, w1, w2, w3, a, b, dtype)
        return tl.exp(n0), tl.exp(n1), tl.exp(n2), tl.exp(n3)


@triton.jit
def _exponential_of(u, a, b):
    # a = -1 / rate
    return tl.log(u) * a


@triton.jit
def _exponential(w0, w1, w2, w3, a, b, dtype: tl.constexpr):
    return _each(w0, w1, w2, w3, a, b, _exponential_of, dtype == tl.float64)


@triton.jit
def _cauchy_of(u, a, b):
    angle = (u - 0.5) * 3.141592653589793
    return tl.sin(angle) / tl.cos(angle) * b + a


@triton.jit
def _cauchy(w0, w1, w2, w3, a, b, dtype: tl.constexpr):
    return _each(w0, w1, w2, w3, a, b, _cauchy_of, dtype == tl.float64)


@triton.jit
def _geometric_of(u, a, b):
    # a = 1 / log(1 - p)
    return tl.maximum(tl.ceil(tl.log(u) * a), 1.0)


@triton.jit
def _geometric(w0, w1, w2, w3, a, b, dtype: tl.constexpr):
    return _each(w0, w1, w2, w3, a, b, _geometric_of, dtype == tl.float64)


@triton.jit
def _below(w0, w1, w2, w3, a, b, dtype: tl.constexpr):
    bound = a.to(tl.float32)
    return _unit(w0) < bound, _unit(w1) < bound, _unit(w2) < bound, _unit(w3) < bound


@triton.jit
def _interleave(values, VALUES: tl.constexpr):
    """The values of each counter side by side."""
    if VALUES == 4:
        return tl.interleave(tl.interleave(values[0], values[2]), tl.interleave(values[1], values[3]))
    else:
        return tl.interleave(values[0], values[1])


@triton.jit(do_not_specialize=["a", "b", "seed", "first"])
def fill_kernel(
    out, shape, strides, n, a: fp64, b: fp64, seed: i64, first: i64, state,
    FN: tl.constexpr, VALUES: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """out[i] = FN(words of the stream, a, b).

    Args:
        out: pointer to the output, with `shape` and `strides` of its merged dimensions.
        n: number of elements.
        first: counter of the first elements; `state` as `start` takes it.
        FN: gives VALUES values of the four words of a counter.
    """
    seed, first = start(seed, first, state)
    # in 64 bits whatever the tensor's size: it counts from the start of the stream
    counter = first + positions(BLOCK, True)
    w0, w1, w2, w3 = words(seed, counter, tl.zeros((BLOCK,), tl.uint32))
    dtype: tl.constexpr = out.dtype.element_ty
    values = _interleave(FN(w0, w1, w2, w3, a, b, dtype), VALUES)
    i = positions(BLOCK * VALUES, INT64)
    tl.store(out + offset_of(i, shape, strides), convert(values, dtype), mask=i < n)


def fill_warps(function: Any) -> int:
    """Warps of a fill: one counter a thread where two would not leave registers for sines and cosines."""
    return 8 if function in (_normal, _log_normal) else 4


@triton.jit(do_not_specialize=["low", "span", "seed", "first"])
def randint_kernel(
    out, shape, strides, n, low: i64, span: i64, seed: i64, first: i64, state,
    WIDE: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """out[i] = low + an integer below span (as unsigned; 0 stands for 2**64)."""
    seed, first = start(seed, first, state)
    counter = first + positions(BLOCK, True)
    w0, w1, w2, w3 = words(seed, counter, tl.zeros((BLOCK,), tl.uint32))
    bound = span.to(tl.uint64, bitcast=True)
    if WIDE:
        values = tl.interleave(
            (w0.to(tl.uint64) << 32) | w1.to(tl.uint64), (w2.to(tl.uint64) << 32) | w3.to(tl.uint64)
        )
        if span != 0:
            # biased by less than span / 2**64
            values = values % bound
        i = positions(BLOCK * 2, INT64)
    else:
        # a product instead of a remainder: faster, and as even for spans below 2**32
        values = (_interleave((w0, w1, w2, w3), 4).to(tl.uint64) * bound) >> 32
        i = positions(BLOCK * 4, INT64)
    values = values.to(tl.int64, bitcast=True) + low
    tl.store(out + offset_of(i, shape, strides), convert(values, out.dtype.element_ty), mask=i < n)


@triton.jit(do_not_specialize=["seed", "first"])
def bernoulli_kernel(
    out, p, flag, shape, strides, p_strides, n, seed: i64, first: i64, state,
    BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """out[i] = uniform < p[i]; the flag is set where a probability is outside [0, 1]."""
    seed, first = start(seed, first, state)
    w0, w1, w2, w3 = words(seed, first + positions(BLOCK, True), tl.zeros((BLOCK,), tl.uint32))
    unit = _interleave((_unit(w0), _unit(w1), _unit(w2), _unit(w3)), 4)
    i = positions(BLOCK * 4, INT64)
    bound = tl.load(p + offset_of(i, shape, p_strides), mask=i < n, other=0.0)
    valid = (bound >= 0) & (bound <= 1)
    tl.store(flag + i * 0, 1, mask=(i < n) & ~valid)
    drawn = unit < bound.to(tl.float32)
    tl.store(out + offset_of(i, shape, strides), convert(drawn, out.dtype.element_ty), mask=i < n)


@triton.jit(do_not_specialize=["threshold", "scale", "seed", "first"])
def dropout_kernel(
    out, keep, input, shape, out_strides, keep_strides, in_strides, n, threshold: i64, scale: fp64,
    seed: i64, first: i64, state, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """keep[i] = word >= threshold; out[i] = input[i] * keep[i] * scale."""
    seed, first = start(seed, first, state)
    w0, w1, w2, w3 = words(seed, first + positions(BLOCK, True), tl.zeros((BLOCK,), tl.uint32))
    # whole words are compared, so that p is met to 2**-32, and p = 1 by a threshold of 2**32
    kept = _interleave((w0, w1, w2, w3), 4).to(tl.int64) >= threshold
    i = positions(BLOCK * 4, INT64)
    x = tl.load(input + offset_of(i, shape, in_strides), mask=i < n)
    compute: tl.constexpr = tl.float64 if x.dtype == tl.float64 else tl.float32
    x = x.to(compute) * kept.to(compute) * scale.to(compute)
    tl.store(out + offset_of(i, shape, out_strides), convert(x, out.dtype.element_ty), mask=i < n)
    tl.store(keep + offset_of(i, shape, keep_strides), kept, mask=i < n)


@triton.jit
def _log_factorial(k):
    """log(k!) by Stirling's series at k + 8."""
    shift = k * 0 + 1.0
    for j in tl.static_range(1, 8):
        shift = shift * (k + j)
    x = k + 8.0
    inverse = 1.0 / x
    square = inverse * inverse
    tail = inverse * (1.0 / 12 - square * (1.0 / 360 - square * (1.0 / 1260 - square / 1680)))
    return (x - 0.5) * tl.log(x) - x + 0.9189385332046727 + tail - tl.log(shift)


@triton.jit
def _poisson_small(unit, rate, mask):
    """Inversion: the first k at which the cumulative probability reaches `unit`."""
    k = rate * 0
    probability = tl.exp(-rate)
    cumulative = probability
    step = 0
    continues = mask & (unit > cumulative)
    # a rate below 10 never gets so far; a NaN must not loop for ever
    while tl.max(continues.to(tl.int32), 0) > 0 and step < 199:
        step += 1
        k += continues.to(tl.float64)
        probability = probability * (rate / step)
        cumulative = cumulative + probability
        continues = continues & (unit > cumulative)
    return k


@triton.jit
def _poisson_large(rate, pending, seed, counter):
    """Transformed rejection (Hoermann, "PTRS", 1993); attempt j draws from the counters' third word j."""
    # lanes that take the other way must not make NaN, for which the loop would never end
    rate = tl.where(pending, rate, 10.0)
    root = tl.sqrt(rate)
    b = 0.931 + 2.53 * root
    a = -0.059 + 0.02483 * b
    inverse_alpha = tl.log(1.1239 + 1.1328 / (b - 3.4))
    accept = 0.9277 - 3.6224 / (b - 2.0)
    result = rate * 0
    third = counter.to(tl.uint32) * 0
    while tl.max(pending.to(tl.int32), 0) > 0:
        w0, w1, w2, w3 = words(seed, counter, third)
        u = _unit64(w0, w1) - 0.5
        v = _unit64(w2, w3)
        us = 0.5 - tl.abs(u)
        k = tl.floor((2.0 * a / us + b) * u + rate + 0.43)
        log_v = tl.log(v) + inverse_alpha - tl.log(a / (us * us) + b)
        accepted = log_v <= k * tl.log(rate) - rate - _log_factorial(tl.maximum(k, 0.0))
        done = (us >= 0.07) & (v <= accept)
        done = done | ((k >= 0) & ~((us < 0.013) & (v > us)) & accepted)
        result = tl.where(pending & done, k, result)
        pending = pending & ~done
        third += 1
    return result


@triton.jit(do_not_specialize=["seed", "first"])
def poisson_kernel(
    out, rate, flag, shape, strides, rate_strides, n, seed: i64, first: i64, state,
    BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """out[i] ~ Poisson(rate[i]), drawn from counter first + i; the flag is set where a rate is negative."""
    seed, first = start(seed, first, state)
    i = positions(BLOCK, INT64)
    counter = first + i.to(tl.int64)
    r = tl.load(rate + offset_of(i, shape, rate_strides), mask=i < n, other=0.0).to(tl.float64)
    tl.store(flag + i * 0, 1, mask=(i < n) & (r < 0))
    w0, w1, _w2, _w3 = words(seed, counter, counter.to(tl.uint32) * 0)
    k = _poisson_small(_unit64(w0, w1), r, r < 10)
    k = tl.where(r < 10, k, _poisson_large(r, r >= 10, seed, counter))
    tl.store(out + offset_of(i, shape, strides), convert(k, out.dtype.element_ty), mask=i < n)


_TYPES = ("fp32", "fp64", "fp16", "bf16")
# Sine and cosine keep the digits of an angle beyond 100 000 in local memory, which no angle here is; Triton
# 3.9 does without for float32.
_DIGITS = 32
COMPILE = [
    *[
        Case(
            fill_kernel, f"*{t} (i32:16) (i32=1) i32:16 fp64 fp64 i64 i64 None",
            {"FN": f, "VALUES": 2 if t == "fp64" else 4, "BLOCK": 256, "INT64": False},
            label=f"{f.__name__}-{t}", num_warps=fill_warps(f), spills=48 if t == "fp64" else _DIGITS,
            wide="" if f in (_normal, _log_normal) and t in ("fp16", "bf16") else "stores", fusion=False,
        )
        for f in (_uniform, _normal, _log_normal, _exponential, _cauchy, _geometric) for t in _TYPES
    ],
    Case(
        fill_kernel, "*fp32 (i32 i32) (i32 i32) i64 fp64 fp64 i64 i64 None",
        {"FN": _uniform, "VALUES": 4, "BLOCK": 256, "INT64": True}, label="uniform-int64",
    ),
    Case(
        fill_kernel, "*fp32 (i32:16) (i32=1) i32:16 fp64 fp64 i64 i64 *i64",
        {"FN": _normal, "VALUES": 4, "BLOCK": 256, "INT64": False}, label="normal-in-a-graph",
        num_warps=fill_warps(_normal), spills=_DIGITS, wide="stores",
    ),
    *[
        Case(
            randint_kernel, f"*{t} (i32:16) (i32=1) i32:16 i64 i64 i64 i64 None",
            {"WIDE": w, "BLOCK": 256, "INT64": False}, label=f"{t}-{w}", wide="stores",
        )
        for t in ("i64", "i32", "fp32") for w in (False, True)
    ],
    Case(
        bernoulli_kernel, "*fp32 *fp32 *i32 (i32:16) (i32=1) (i32=1) i32:16 i64 i64 None",
        {"BLOCK": 256, "INT64": False}, wide="both",
    ),
    *[
        Case(
            dropout_kernel, f"*{t} *i1 *{t} (i32:16) (i32=1) (i32=1) (i32=1) i32:16 i64 fp64 i64 i64 None",
            {"BLOCK": 256, "INT64": False}, label=t, wide="both",
        )
        for t in _TYPES
    ],
    Case(poisson_kernel, "*fp32 *fp32 *i32 (i32:16) (i32=1) (i32=1) i32:16 i64 i64 None",
        {"BLOCK": 256, "INT64": False}),
]  # fmt: skip
