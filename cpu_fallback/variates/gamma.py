"""Gamma variates: the rejection method of Marsaglia and Tsang."""

from __future__ import annotations

import numpy as np

from tritonnn.cpu_fallback.common.philox import philox
from tritonnn.cpu_fallback.random import BLOCK, Array, _unit64

_WORD = 2.0**-32
_TWO_PI = 6.283185307179586
_BOOST = 0x80000000  # the counters' third word for the one number beside the attempts
# the smallest normal numbers; those of bfloat16 and float32 are the same
_SMALLEST = {np.dtype(np.float16): 2.0**-14, np.dtype(np.float64): 2.0**-1022}


def _log_gamma_above_one(shape: Array, seed: int, counters: Array) -> Array:
    """Logarithms of gamma variates of shapes >= 1; attempt j draws from the counters' third word j.

    Source: G. Marsaglia and W. W. Tsang, "A simple method for generating gamma variables", 2000.
    """
    d = shape - 1 / 3
    c = 1 / np.sqrt(9 * d)
    result = np.zeros_like(shape)
    open_ = np.arange(shape.size)
    attempt = 0
    while open_.size:
        words = philox(seed, counters[open_], attempt)
        first, second = ((words[:, i] + 0.5) * _WORD for i in (0, 1))
        normal = np.sqrt(-2 * np.log(first)) * np.cos(_TWO_PI * second)
        u = np.maximum(_unit64(words[:, 2:].reshape(-1)), 2.0**-54)
        dd = d[open_]
        root = 1 + c[open_] * normal
        log_v = 3 * np.log(np.where(root > 0, root, 1))
        done = root > 0
        done &= np.log(u) < 0.5 * normal * normal + dd * (1 - np.exp(log_v) + log_v)
        result[open_[done]] = (np.log(dd) + log_v)[done]
        open_ = open_[~done]  # only those that were refused draw again
        attempt += 1
    return result


def philox_gamma(out: Array, concentration: Array, log: bool, seed: int, offset: int) -> None:
    """Gamma variates of rate 1 or their logarithms; element i draws from counter offset / 4 + i alone."""
    flat = concentration.astype(np.float64).reshape(-1)
    first = offset >> 2
    values = np.empty(flat.size)
    for start in range(0, flat.size, BLOCK):
        shape = flat[start : start + BLOCK]
        counters = np.arange(first + start, first + start + shape.size, dtype=np.uint64)
        value = np.log(shape, where=shape >= 0, out=np.full_like(shape, np.nan))
        drawn = (shape > 0) & (shape < np.inf)
        small = drawn & (shape < 1)
        # a variate of shape a + 1 times u^(1 / a) is one of shape a
        value[drawn] = _log_gamma_above_one((shape + small)[drawn], seed, counters[drawn])
        boost = _unit64(philox(seed, counters[small], _BOOST)[:, :2].reshape(-1))
        value[small] += np.log(np.maximum(boost, 2.0**-54)) / shape[small]
        values[start : start + BLOCK] = value
    if not log:
        # none is 0, where the density may be infinite
        values = np.maximum(np.exp(values), _SMALLEST.get(out.dtype, 2.0**-126))
    out[...] = values.reshape(out.shape)
