"""Random fills from the counter-based generator Philox 4x32-10.

Word `i` of a stream is output word `i % 4` of the block cipher at counter `i // 4` under the key `seed`, so
every device, block size and thread count draws the same numbers.
Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.

A fill starts at `offset` (in words, a multiple of four) and reads one word per value, two where the output is
float64 or the range of integers is wider than a word, and four for `philox_poisson`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tritonnn.cpu_fallback.common.philox import philox
from tritonnn.cpu_fallback.common.philox import words as philox_words

Array = np.ndarray[Any, Any]

# 4,096 counters keep the three work arrays in the second-level cache.
BLOCK = 16384
# The largest float32 for which 2**31 * scale stays below one; Triton's tl.rand uses it too.
_UNIT_SCALE = np.float32(4.6566127342e-10)
_SIGN = np.int32(31)
_TWO_PI = 6.283185307179586


def _fill(
    out: Array, seed: int, offset: int, per_value: int, values: Callable[[Array, slice], Array]
) -> None:
    """Write `values(words, where)` block by block; `where` is the slice of the flattened output."""
    flat = out.reshape(-1) if out.flags.c_contiguous else np.empty(out.size, out.dtype)
    # a block is a multiple of four words, so that every one starts at a whole counter
    step = BLOCK // per_value
    for start in range(0, flat.size, step):
        where = slice(start, min(start + step, flat.size))
        words = philox_words(seed, offset + start * per_value, (where.stop - start) * per_value)
        flat[where] = values(words, where)[: where.stop - start]
    if not out.flags.c_contiguous:
        out[...] = flat.reshape(out.shape)


def _per_value(out: Array) -> int:
    return 2 if out.dtype == np.float64 else 1


def _fold(words: Array) -> Array:
    """31 random bits as int32, folded as Triton does: the complement of a negative."""
    signed = words.view(np.int32)
    return signed ^ (signed >> _SIGN)


def _unit32(words: Array) -> Array:
    unit = _fold(words).astype(np.float32)
    unit *= _UNIT_SCALE
    return unit


def _unit64(words: Array) -> Array:
    # 27 and 26 bits: 53, as many as a float64 holds, so that no value is rounded to 1
    unit = (words[0::2] >> np.uint32(5)).astype(np.float64)
    unit *= 67108864.0
    unit += words[1::2] >> np.uint32(6)
    unit *= 2.0**-53
    return unit


def _unit(words: Array, dtype: np.dtype[Any]) -> Array:
    """Uniform on [0, 1): 53 bits for float64, 24 for float32, as many as the significand of 16-bit types."""
    if dtype.itemsize == 4:
        return _unit32(words)
    if dtype == np.float64:
        return _unit64(words)
    # A float32 just below one would round to one: draw only as many bits as the type holds.
    digits = 11 if dtype == np.float16 else 8
    unit = (_fold(words) >> np.int32(31 - digits)).astype(np.float32)
    unit *= np.float32(2.0**-digits)
    return unit


def _open_unit(words: Array, dtype: np.dtype[Any]) -> Array:
    """Uniform on (0, 1) in float32 or float64, safe under a logarithm."""
    if dtype == np.float64:
        # half the smallest step in place of 0, whose logarithm is infinite
        return np.maximum(_unit64(words), 2.0**-54)
    return np.maximum(_unit32(words), np.float32(2.0**-32))


def philox_uniform(out: Array, low: float, high: float, seed: int, offset: int) -> None:
    """Uniform on [low, high)."""

    def values(words: Array, where: slice | None) -> Array:
        unit = _unit(words, out.dtype)
        if low != 0 or high != 1:
            unit *= unit.dtype.type(high - low)
            unit += unit.dtype.type(low)
        return unit

    if (
        out.size == 1 and out.dtype.itemsize < 8
    ):  # the same operations on NumPy's numbers, without an array's cost
        out.fill(values(philox_words(seed, offset, 1)[0], None))
        return
    _fill(out, seed, offset, _per_value(out), values)


def _standard_normal(words: Array, dtype: np.dtype[Any]) -> Array:
    """Box-Muller on neighbouring uniforms (Box and Muller 1958): cosine first, then sine."""
    double = dtype == np.float64
    unit = _unit64(words) if double else _unit32(words)
    # arrays of their own for radius and angle: the results take the place of both uniforms
    radius = np.maximum(unit[0::2], unit.dtype.type(2.0**-54 if double else 1.0e-7))
    np.log(radius, radius)
    radius *= -2
    np.sqrt(radius, radius)
    angle = unit[1::2] * unit.dtype.type(_TWO_PI)
    np.multiply(radius, np.cos(angle), out=unit[0::2])
    np.multiply(radius, np.sin(angle), out=unit[1::2])
    return unit


def _normal(words: Array, dtype: np.dtype[Any], mean: float, std: float) -> Array:
    normal = _standard_normal(words, dtype)
    if mean != 0 or std != 1:
        normal *= normal.dtype.type(std)
        normal += normal.dtype.type(mean)
    return normal


def philox_normal(out: Array, mean: float, std: float, seed: int, offset: int) -> None:
    """Normal with this mean and standard deviation."""
    _fill(out, seed, offset, _per_value(out), lambda words, where: _normal(words, out.dtype, mean, std))


def philox_log_normal(out: Array, mean: float, std: float, seed: int, offset: int) -> None:
    """exp of a normal with this mean and standard deviation."""
    _fill(
        out, seed, offset, _per_value(out), lambda words, where: np.exp(_normal(words, out.dtype, mean, std))
    )


def philox_exponential(out: Array, rate: float, seed: int, offset: int) -> None:
    """Exponential: -log(u) / rate, above zero."""

    def values(words: Array, where: slice) -> Array:
        value = np.log(_open_unit(words, out.dtype))
        value *= value.dtype.type(-1.0 / rate)
        return value

    _fill(out, seed, offset, _per_value(out), values)


def philox_cauchy(out: Array, median: float, sigma: float, seed: int, offset: int) -> None:
    """Cauchy: median + sigma * tan(pi * (u - 1/2))."""

    def values(words: Array, where: slice) -> Array:
        unit = _open_unit(words, out.dtype)
        unit -= unit.dtype.type(0.5)
        unit *= unit.dtype.type(np.pi)
        np.tan(unit, unit)
        unit *= unit.dtype.type(sigma)
        unit += unit.dtype.type(median)
        return unit

    _fill(out, seed, offset, _per_value(out), values)


def philox_geometric(out: Array, p: float, seed: int, offset: int) -> None:
    """Number of trials up to the first success: ceil(log(u) / log(1 - p)), at least one."""
    scale = 1.0 / np.log1p(-p) if p < 1 else 0.0

    def values(words: Array, where: slice) -> Array:
        value = np.log(_open_unit(words, out.dtype))
        value *= value.dtype.type(scale)
        np.ceil(value, value)
        return np.maximum(value, value.dtype.type(1))

    _fill(out, seed, offset, _per_value(out), values)


def philox_randint(out: Array, low: int, high: int, seed: int, offset: int) -> None:
    """Integers uniform on [low, high), by multiplication up to 2**32 values and by remainder above."""
    span = high - low
    if span <= 1 << 32 and out.size == 1:
        out.fill(np.int64(low + (int(philox_words(seed, offset, 1)[0]) * span >> 32)))
        return
    if span <= 1 << 32:
        factor = np.uint64(span)

        def values(words: Array, where: slice) -> Array:
            # the high half of a product of 32 bits by the span: as even as a remainder, and faster
            wide = words * factor
            wide >>= np.uint64(32)
            # modulo 2^64: the pattern of a negative `low` adds as it should
            wide += np.uint64(low & 0xFFFFFFFFFFFFFFFF)
            return wide.view(np.int64)

        _fill(out, seed, offset, 1, values)
        return

    def wide_values(words: Array, where: slice) -> Array:
        wide = words[0::2].astype(np.uint64)
        wide <<= np.uint64(32)
        wide |= words[1::2]
        if span < 1 << 64:
            wide %= np.uint64(span)
        wide += np.uint64(low & 0xFFFFFFFFFFFFFFFF)
        return wide.view(np.int64)

    _fill(out, seed, offset, 2, wide_values)


def philox_bernoulli(out: Array, p: Array | float, seed: int, offset: int) -> None:
    """One with probability p (a number or an array broadcast to the output), else zero.

    Raises:
        RuntimeError: a probability is outside [0, 1].
    """
    if not isinstance(p, np.ndarray):
        bound = np.float32(p)
        _fill(out, seed, offset, 1, lambda words, where: _unit32(words) < bound)
        return
    if p.size and not ((p >= 0) & (p <= 1)).all():
        raise RuntimeError("bernoulli: Expected p_in >= 0 && p_in <= 1 to be true, but got false.")
    bounds = np.broadcast_to(p, out.shape).reshape(-1)

    def values(words: Array, where: slice) -> Array:
        count = where.stop - where.start
        return _unit32(words)[:count] < bounds[where].astype(np.float32)

    _fill(out, seed, offset, 1, values)


def native_dropout(out: Array, mask: Array, input: Array, p: float, seed: int, offset: int) -> None:
    """Zero with probability p and scale the rest by 1 / (1 - p); `mask` says what was kept."""
    threshold = np.uint32(min(round(p * 2.0**32), 0xFFFFFFFF))
    if p == 1:
        # the threshold of 2**32 does not fit a word
        mask[...] = False
    else:
        _fill(mask, seed, offset, 1, lambda words, where: words >= threshold)
    wide = np.promote_types(out.dtype, np.float32) if out.dtype.kind == "f" else np.dtype(np.float32)
    scale = wide.type(1.0 if p == 1 else 1.0 / (1.0 - p))
    if wide == out.dtype:
        np.multiply(input, mask, out=out)
        out *= scale
    else:
        out[...] = input.astype(wide) * mask * scale


def _log_factorial(k: Array) -> Array:
    """log(k!) by Stirling's series at k + 8, within 1e-13 for k >= 0."""
    shift = np.ones_like(k)
    for i in range(1, 8):
        shift *= k + i
    x = k + 8
    inverse = 1 / x
    square = inverse * inverse
    tail = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680)))
    return (x - 0.5) * np.log(x) - x + 0.9189385332046727 + tail - np.log(shift)


def _poisson_small(unit: Array, rate: Array) -> Array:
    """Inversion: the first k at which the cumulative probability reaches `unit`."""
    k = np.zeros_like(rate)
    term = np.exp(-rate)
    total = term.copy()
    # Past 200 terms of a rate below ten, what is left is far below the resolution of `unit`.
    for i in range(1, 200):
        above = unit > total
        if not above.any():
            break
        term *= rate / i
        total += term
        k += above
    return k


def _poisson_large(rate: Array, seed: int, counters: Array) -> Array:
    """Transformed rejection (Hoermann, "PTRS", 1993); attempt j draws from the counters' third word j."""
    root, log_rate = np.sqrt(rate), np.log(rate)
    b = 0.931 + 2.53 * root
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    accept = 0.9277 - 3.6224 / (b - 2)
    result = np.zeros_like(rate)
    open_ = np.arange(rate.size)
    attempt = 0
    while open_.size:
        unit = _unit64(philox(seed, counters[open_], attempt).reshape(-1))
        u, v = unit[0::2] - 0.5, unit[1::2]
        r, bb, aa = rate[open_], b[open_], a[open_]
        us = 0.5 - np.abs(u)
        with np.errstate(divide="ignore", invalid="ignore"):
            k = np.floor((2 * aa / us + bb) * u + r + 0.43)
            left = np.log(v) + np.log(inverse_alpha[open_]) - np.log(aa / (us * us) + bb)
            fits = left <= k * log_rate[open_] - r - _log_factorial(np.maximum(k, 0))
        done = (us >= 0.07) & (v <= accept[open_])
        done |= (k >= 0) & ~((us < 0.013) & (v > us)) & fits
        result[open_[done]] = k[done]
        # only those that were refused draw again, each from its own counter
        open_ = open_[~done]
        attempt += 1
    return result


def philox_poisson(out: Array, rate: Array, seed: int, offset: int) -> None:
    """Poisson with these rates; element i draws from counter offset / 4 + i alone.

    Raises:
        RuntimeError: a rate is negative.
    """
    if (rate < 0).any():
        raise RuntimeError("poisson: invalid Poisson rate, expected rate to be non-negative")
    flat = rate.astype(np.float64).reshape(-1)
    first = offset >> 2
    values = np.empty(flat.size)
    for start in range(0, flat.size, BLOCK):
        part = flat[start : start + BLOCK]
        counters = np.arange(first + start, first + start + part.size, dtype=np.uint64)
        unit = _unit64(philox(seed, counters)[:, :2].reshape(-1))
        # both ways draw from the element's own counter: the result does not depend on its neighbours
        small = part < 10
        block = values[start : start + BLOCK]
        block[small] = _poisson_small(unit[small], part[small])
        block[~small] = _poisson_large(part[~small], seed, counters[~small])
    out[...] = values.reshape(out.shape)
