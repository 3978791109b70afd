"""Scalar functions for results of 16 bits on every number that 16 bits hold, against the definition in float64."""

from __future__ import annotations

import math

import ml_dtypes
import numpy as np
import pytest
from buffers import run

from tritonnn import dtypes
from tritonnn.kernels import implementation
from tritonnn.kernels.activation import gelu, gelu_backward

BF16 = ml_dtypes.bfloat16
TYPES = {np.float16: dtypes.float16, BF16: dtypes.bfloat16}


def each(function):
    """A function of one Python float on arrays; NaN and infinities where it says so."""
    return lambda x: np.array([function(v) for v in x.tolist()])


def _cdf(v):
    return 0.5 * math.erfc(-v / math.sqrt(2)) if v == v else math.nan


def _sigmoid(v):
    return 1 / (1 + math.exp(-v)) if v > -700 else math.exp(max(v, -800)) if v == v else math.nan


def _exp(v):
    return math.exp(v) if v < 700 or v != v else math.inf


def _u(v):
    return math.sqrt(2 / math.pi) * (v + 0.044715 * v**3) if abs(v) < 1e30 else v


def _gelu_erf_slope(v):
    return _cdf(v) + v * math.exp(-0.5 * v * v) / math.sqrt(2 * math.pi) if abs(v) < 1e30 else float(v > 0)


def _gelu_tanh_slope(v):
    if not abs(v) < 1e30:
        return float(v > 0)
    s = _sigmoid(2 * _u(v))
    return s + v * s * _sigmoid(-2 * _u(v)) * 2 * math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * v * v)


def _silu_slope(v):
    return _sigmoid(v) + v * _sigmoid(v) * _sigmoid(-v) if abs(v) < 1e30 else float(v > 0)


# -inf times 0 is what PyTorch has of -inf, too
VALUES = {
    "exp": _exp,
    "tanh": math.tanh,
    "sigmoid": _sigmoid,
    "erf": math.erf,
    "silu": lambda v: v * _sigmoid(v),
    "gelu_erf": lambda v: v * _cdf(v),
    "gelu_tanh": lambda v: v * _sigmoid(2 * _u(v)),
}
SLOPES = {
    "silu_backward": _silu_slope,
    "gelu_erf_backward": _gelu_erf_slope,
    "gelu_tanh_backward": _gelu_tanh_slope,
}


def all_numbers(kind):
    return np.arange(1 << 16, dtype=np.uint16).view(kind)


def call(name, x):
    compute = TYPES[x.dtype.type]
    out = np.empty_like(x)
    if name.startswith("gelu"):
        approximate = "none" if "erf" in name else "tanh"
        if name.endswith("backward"):
            return run(gelu_backward, out, np.ones_like(x), x, approximate, compute=compute)
        return run(gelu, out, x, approximate, compute=compute)
    family = "activation" if name.startswith("silu") else "elementwise"
    operands = (np.ones_like(x), x) if name.endswith("backward") else (x,)
    return run(implementation(family, name), out, *operands, compute=compute)


def unit(values, kind):
    """The distance of neighbours of the type about each value."""
    info = ml_dtypes.finfo(kind)
    exponent = np.floor(np.log2(np.maximum(np.abs(values), float(info.smallest_normal))))
    return np.exp2(exponent) * float(info.eps)


@pytest.mark.parametrize("kind", TYPES, ids=["float16", "bfloat16"])
@pytest.mark.parametrize("name", VALUES)
def test_every_number(name, kind):
    x = all_numbers(kind)
    with np.errstate(all="ignore"):
        wide = x.astype(np.float64)
        exact = each(VALUES[name])(wide)
        wanted = exact.astype(kind)
        got = call(name, x)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(wanted))
    np.testing.assert_array_equal(np.isinf(got), np.isinf(wanted))
    finite = np.isfinite(wanted)
    # half a unit of rounding, and a quarter before it
    error = np.abs(got[finite].astype(np.float64) - exact[finite]) / unit(exact[finite], kind)
    assert error.max() <= 0.75, (x[finite][error.argmax()], error.max())
    assert (got[finite] != wanted[finite]).mean() < 0.02


@pytest.mark.parametrize("kind", TYPES, ids=["float16", "bfloat16"])
@pytest.mark.parametrize("name", SLOPES)
def test_every_slope(name, kind):
    """Where a slope passes 0 its terms cancel, and what they were off by stays: as in float32."""
    x = all_numbers(kind)
    with np.errstate(all="ignore"):
        x = x[np.abs(x.astype(np.float32)) < 1e18]  # whose squares are float32
        exact = each(SLOPES[name])(x.astype(np.float64))
        got = call(name, x).astype(np.float64)
    np.testing.assert_array_less(np.abs(got - exact), 0.6 * unit(exact, kind) + 2e-6)
