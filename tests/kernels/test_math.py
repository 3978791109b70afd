"""Accuracy of the scalar functions, against float64 and against identities where float64 has nothing better."""

from __future__ import annotations

import math

import numpy as np
import pytest
from buffers import run

from tritonnn import dtypes
from tritonnn.kernels import implementation

SPECIAL = [0.0, -0.0, 1, -1, np.inf, -np.inf, np.nan, 0.5, -0.5, 2, -2, 1e-8, 88.5, -88.5, 100, -100, 1e10, -1e10,
           1e-30, 2.5, 1.5, -1.5, -2.5, 1e30, -103, 710, -745]  # fmt: skip


def points(kind):
    rng = np.random.default_rng(0)
    usual = [rng.normal(size=300) * 3, rng.uniform(-1, 1, 300), rng.normal(size=100) * 30]
    return np.concatenate([SPECIAL, *usual]).astype(kind)


def elementwise(name, *args, kind=None, family="elementwise"):
    arrays = [a for a in args if isinstance(a, np.ndarray)]
    out = np.empty(np.broadcast_shapes(*[a.shape for a in arrays]), kind or arrays[0].dtype)
    return run(implementation(family, name), out, *args, compute=dtypes.from_numpy_dtype(arrays[0].dtype))


def units(got, wanted):
    """Error in units in the last place of the type of `got`."""
    wanted = np.asarray(wanted)
    with np.errstate(all="ignore"):
        rounded = wanted.astype(got.dtype)
        tiny = np.finfo(got.dtype).smallest_normal
        same = (
            (got == rounded)
            | (np.isnan(got) & np.isnan(rounded))
            | ((np.abs(got) < tiny) & (np.abs(wanted) < tiny))
        )
        error = np.abs(got.astype(np.float64) - wanted) / np.spacing(np.abs(rounded)).astype(np.float64)
    return np.where(same, 0.0, error)


NUMPY = {
    "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "log": np.log, "log2": np.log2, "log10": np.log10,
    "log1p": np.log1p, "sqrt": np.sqrt, "rsqrt": lambda x: 1 / np.sqrt(x), "reciprocal": lambda x: 1 / x, "sin": np.sin,
    "cos": np.cos, "tan": np.tan, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "sinh": np.sinh,
    "cosh": np.cosh, "tanh": np.tanh, "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "erf": np.vectorize(math.erf), "erfc": np.vectorize(math.erfc),
    "floor": np.floor, "ceil": np.ceil, "trunc": np.trunc, "abs": np.abs, "square": np.square,
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(NUMPY))
def test_float32(name):
    x = points(np.float32)
    with np.errstate(all="ignore"):
        error = units(elementwise(name, x), NUMPY[name](x.astype(np.float64)))
    worst = int(np.argmax(error))
    assert error[worst] <= 4, (x[worst], error[worst])


@pytest.mark.parametrize("name", sorted(set(NUMPY) - {"square", "sigmoid", "rsqrt"}))
def test_float64(name):
    x = points(np.float64)
    with np.errstate(all="ignore"):
        error = units(elementwise(name, x), NUMPY[name](x))
    worst = int(np.argmax(error))
    assert error[worst] <= 8, (x[worst], error[worst])


@pytest.mark.parametrize(
    ("name", "function"),
    [("atan2", np.arctan2), ("hypot", np.hypot), ("copysign", np.copysign), ("nextafter", np.nextafter),
     ("maximum", np.maximum), ("minimum", np.minimum), ("fmax", np.fmax), ("fmin", np.fmin), ("fmod", np.fmod),
     ("remainder", np.remainder), ("pow", np.power), ("eq", np.equal), ("lt", np.less), ("logaddexp", None)],
)  # fmt: skip
def test_pairs_of_special_values(name, function):
    x, y = (a.ravel() for a in np.meshgrid(np.array(SPECIAL, np.float32), np.array(SPECIAL, np.float32)))
    function = function or np.logaddexp
    near = np.abs(y) > 1e-20  # the quotient x / y must fit into float64 for an exact remainder
    keep = near | (x == 0) if name in ("fmod", "remainder") else np.ones(x.shape, bool)
    exact = (x, y) if name == "nextafter" else (x.astype(np.float64), y.astype(np.float64))
    with np.errstate(all="ignore"):
        wanted = function(*exact)
        got = elementwise(name, x, y, kind=bool if wanted.dtype == bool else np.float32)
        error = units(got.astype(np.float32), wanted.astype(np.float64))[keep]
    worst = int(np.argmax(error))
    assert error[worst] <= 4, (x[keep][worst], y[keep][worst], got[keep][worst])


@pytest.mark.parametrize("exponent", [-2, -1, -0.5, 0, 0.5, 1, 2, 3, 4, 2.5, -7])
def test_powers_by_a_number(exponent):
    x = points(np.float32)
    with np.errstate(all="ignore"):
        wanted = x.astype(np.float64) ** exponent
        wanted = np.where((x == -np.inf) & (exponent == 0.5), np.nan, wanted)  # the short way is sqrt
        got = elementwise("pow", x, exponent)
        error = units(got, wanted)
    error[np.isinf(x) | (x == 0)] = 0  # signs of zeros and infinities: rsqrt and sqrt differ from C's pow
    assert error.max() <= 4


def test_zero_has_a_sign():
    x = np.array([0.0, -0.0], np.float32)
    odd = (
        "sin",
        "tan",
        "asin",
        "atan",
        "sinh",
        "tanh",
        "asinh",
        "atanh",
        "expm1",
        "log1p",
        "trunc",
        "ceil",
        "floor",
    )
    for name in odd:
        np.testing.assert_array_equal(np.signbit(elementwise(name, x)), [False, True], err_msg=name)
    got = elementwise("atan2", x, np.array([-1.0, -1.0], np.float32))
    np.testing.assert_array_equal(got, np.float32([np.pi, -np.pi]))
    assert np.signbit(elementwise("neg", x)).tolist() == [True, False]
    assert elementwise("digamma", x).tolist() == [-np.inf, np.inf]
    cubes = elementwise("pow", x, np.array([3.0, 3.0], np.float32))
    assert np.signbit(cubes).tolist() == [False, True]


@pytest.mark.parametrize(
    ("value", "wanted"), [(0.5, 0), (1.5, 2), (2.5, 2), (-0.5, -0.0), (1e20, 1e20), (-3.49, -3)]
)
def test_halves_round_to_even(value, wanted):
    for kind in (np.float32, np.float64):
        assert elementwise("round", np.array([value], kind), 0)[0] == kind(wanted)


def test_special_functions():
    x = np.random.default_rng(1).uniform(0.01, 20, 300)
    assert np.abs(elementwise("lgamma", x) - np.vectorize(math.lgamma)(x)).max() < 1e-13
    step = elementwise("digamma", x + 1) - elementwise("digamma", x)
    np.testing.assert_allclose(step, 1 / x, rtol=1e-11)
    assert abs(elementwise("digamma", np.array([1.0]))[0] + 0.5772156649015329) < 1e-15
    np.testing.assert_allclose(elementwise("polygamma", np.array([1.0]), 1), math.pi**2 / 6, rtol=1e-14)
    np.testing.assert_allclose(
        elementwise("zeta", np.array([2.0]), np.array([1.0])), math.pi**2 / 6, rtol=1e-14
    )
    y = np.linspace(-0.999, 0.999, 201)
    np.testing.assert_allclose(np.vectorize(math.erf)(elementwise("erfinv", y)), y, rtol=1e-14, atol=1e-16)
    np.testing.assert_array_equal(elementwise("erfinv", np.array([1.0, -1.0])), [np.inf, -np.inf])
    np.testing.assert_allclose(elementwise("i0", np.array([1.0])), 1.2660658777520084, rtol=1e-14)
    np.testing.assert_allclose(elementwise("i1", np.array([10.0])), 2670.988303701255, rtol=1e-14)
    assert elementwise("lgamma", np.array([-3.0]))[0] == np.inf


@pytest.mark.parametrize("kind", ["int8", "uint8", "int16", "int32", "int64"])
def test_integers(kind):
    rng, limits = np.random.default_rng(2), np.iinfo(kind)
    x = rng.integers(limits.min, limits.max, 300, endpoint=True).astype(kind)
    y = rng.integers(max(limits.min, -9), 9, 300).astype(kind)
    y[y == 0] = 3
    np.testing.assert_array_equal(elementwise("floor_divide", x, y), x // y)
    np.testing.assert_array_equal(elementwise("remainder", x, y), x % y)
    np.testing.assert_array_equal(elementwise("fmod", x, y), np.fmod(x, y))
    np.testing.assert_array_equal(elementwise("gcd", x, y), np.gcd(x, y))
    np.testing.assert_array_equal(elementwise("bitwise_not", x), ~x)
    np.testing.assert_array_equal(elementwise("sign", x), np.sign(x))
    power = np.abs(y).astype(kind)
    np.testing.assert_array_equal(elementwise("pow", y, power), y**power)
    wide = limits.bits
    np.testing.assert_array_equal(
        elementwise("bitwise_left_shift", x, np.full(300, wide, kind)), np.zeros(300, kind)
    )
    got = elementwise("bitwise_right_shift", x, np.full(300, wide, kind))
    np.testing.assert_array_equal(got, np.where(x < 0, -1, 0).astype(kind))


def test_bool():
    x, y = np.array([True, False, True]), np.array([True, True, False])
    np.testing.assert_array_equal(elementwise("bitwise_not", x), [False, True, False])
    np.testing.assert_array_equal(elementwise("logical_xor", x, y), [False, True, True])
    np.testing.assert_array_equal(elementwise("maximum", x, y), [True, True, True])


GRADIENTS = [("gelu", ("none",)), ("gelu", ("tanh",)), ("silu", ()), ("mish", ()), ("softplus", (2.0, 20.0)),
             ("logsigmoid", ()), ("hardsigmoid", ()), ("hardswish", ()), ("leaky_relu", (0.1,)),
             ("hardtanh", (-1.0, 1.5)), ("elu", (1.3,))]  # fmt: skip


@pytest.mark.parametrize(("name", "params"), GRADIENTS)
def test_gradients_of_activations(name, params):
    rng = np.random.default_rng(3)
    x, g, step = rng.uniform(-5, 5, 400), rng.standard_normal(400), 1e-6
    x = x[np.abs(x - np.round(x)) > 1e-3]  # away from kinks, which lie at whole numbers and at 1.5
    x = x[np.abs(x - 1.5) > 1e-3]
    g = g[: x.size]
    more = (*params, 1.0, 1.0) if name == "elu" else params
    up, down = (elementwise(name, x + s, *params, family="activation") for s in (step, -step))
    got = elementwise(name + "_backward", g, x, *more, family="activation")
    np.testing.assert_allclose(got, g * (up - down) / (2 * step), rtol=1e-6, atol=1e-8)
