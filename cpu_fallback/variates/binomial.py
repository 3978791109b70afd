"""Binomial variates: inversion for small means, transformed rejection for others."""

from __future__ import annotations

import numpy as np

from tritonnn.cpu_fallback.common.philox import philox
from tritonnn.cpu_fallback.random import BLOCK, Array, _log_factorial, _unit64


def _inverted(unit: Array, count: Array, p: Array) -> Array:
    """The first k at which the cumulative probability reaches `unit`, for count * p < 10 and p <= 1/2."""
    k = np.zeros_like(count)
    term = np.exp(count * np.log1p(-p))
    total = term.copy()
    odds = p / (1 - p)
    # past 200 terms of a mean below ten, what is left is far below the resolution of `unit`
    for i in range(1, 200):
        above = (unit > total) & (k < count)
        if not above.any():
            break
        term = term * (np.maximum(count - (i - 1), 0) / i * odds)
        total += term
        k += above
    return k


def _rejected(count: Array, p: Array, seed: int, counters: Array) -> Array:
    """Transformed rejection for count * p >= 10 and p <= 1/2; attempt j draws from the counters' third word j.

    Source: W. Hoermann, "The generation of binomial random variates", algorithm BTRS, 1993.
    """
    spread = np.sqrt(count * p * (1 - p))
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * p
    centre = count * p + 0.5
    alpha = (2.83 + 5.1 / b) * spread
    accept = 0.92 - 4.2 / b
    log_odds = np.log(p / (1 - p))
    mode = np.floor((count + 1) * p)
    peak = _log_factorial(mode) + _log_factorial(count - mode)
    result = np.zeros_like(count)
    open_ = np.arange(count.size)
    attempt = 0
    while open_.size:
        unit = _unit64(philox(seed, counters[open_], attempt).reshape(-1))
        u, v = unit[0::2] - 0.5, unit[1::2]
        n, aa, bb = count[open_], a[open_], b[open_]
        us = 0.5 - np.abs(u)
        with np.errstate(divide="ignore", invalid="ignore"):
            k = np.floor((2 * aa / us + bb) * u + centre[open_])
            inside = (k >= 0) & (k <= n)
            kept = np.where(inside, k, 0)
            left = np.log(v * alpha[open_] / (aa / (us * us) + bb))
            right = peak[open_] - _log_factorial(kept) - _log_factorial(n - kept)
            right += (kept - mode[open_]) * log_odds[open_]
        done = inside & (((us >= 0.07) & (v <= accept[open_])) | (left <= right))
        result[open_[done]] = k[done]
        open_ = open_[~done]  # only those that were refused draw again, each from its own counter
        attempt += 1
    return result


def philox_binomial(out: Array, count: Array, prob: Array, seed: int, offset: int) -> None:
    """Numbers of successes; element i draws from counter offset / 4 + i alone. NaN where a parameter is."""
    counts, probs = (np.broadcast_to(x, out.shape).astype(np.float64).reshape(-1) for x in (count, prob))
    first = offset >> 2
    values = np.empty(counts.size)
    for start in range(0, counts.size, BLOCK):
        n, p = counts[start : start + BLOCK], probs[start : start + BLOCK]
        counters = np.arange(first + start, first + start + n.size, dtype=np.uint64)
        turned = p > 0.5
        q = np.where(turned, 1 - p, p)
        # both ways draw from the element's own counter: the result does not depend on its neighbours
        small, large = n * q < 10, n * q >= 10
        k = n * q + np.nan
        unit = _unit64(philox(seed, counters[small])[:, :2].reshape(-1))
        k[small] = _inverted(unit, n[small], q[small])
        k[large] = _rejected(n[large], q[large], seed, counters[large])
        values[start : start + BLOCK] = np.where(turned, n - k, k)
    out[...] = values.reshape(out.shape)
