"""Complex numbers in kernels: pairs of real ones."""

from __future__ import annotations

import cmath
import math

import numpy as np
import pytest
from buffers import run, strided

import tritonnn as torch
from tritonnn import dtypes
from tritonnn.kernels import complex_functions as functions
from tritonnn.kernels import complex_scan, implementation, reduction, scan
from tritonnn.kernels.device import complex_pointwise
from tritonnn.kernels.device.complex_pointwise import complex_pointwise as of_pairs
from tritonnn.kernels.launch.launch import forget_plans
from tritonnn.kernels.launch.replay import forget_notes

INF, NAN = math.inf, math.nan
ONE = (
    "exp", "log", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh", "asin", "acos", "atan", "asinh", "acosh",
    "atanh",
)  # fmt: skip
# What C99 leaves open, and the device and CPython chose differently: NaN in the whole result, or in one part
OPEN = {
    "tanh": lambda z: z.real == 0 and cmath.isnan(z),
    "tan": lambda z: z.imag == 0 and cmath.isnan(z),
    "acosh": lambda z: z.real == 0 and cmath.isnan(z),
}
NUMBERS = (0.0, -0.0, 1.0, -1.0, 2.5, -0.3, INF, -INF, NAN, 1000.0, -1000.0, 1e-30, 3e38, 1e-45, -2e20)


def some(*shape: int, kind: type = np.complex64, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(kind)


def on_device(name: str, *operands: np.ndarray) -> np.ndarray:
    return getattr(torch, name)(*[torch.from_numpy(x).to("cuda") for x in operands]).cpu().numpy()


@pytest.mark.parametrize("kind", [np.complex64, np.complex128])
@pytest.mark.parametrize("name", ONE)
def test_functions_are_those_of_c(name, kind):
    """Values of CPython's cmath, which has a table of C99's (annex G), for special and for plain numbers."""
    grid = np.array([complex(a, b) for a in NUMBERS for b in NUMBERS]).astype(kind)
    points = np.concatenate(
        [grid, some(60, kind=kind), 1e-3 * some(20, kind=kind), 1 + 1e-4 * some(20, kind=kind)]
    )
    got = on_device(name, points)
    for z, result in zip(points.tolist(), got.tolist(), strict=True):
        try:
            wanted = getattr(cmath, name)(z)
        except (ValueError, OverflowError):  # no value, or a result beyond float64
            continue
        if OPEN.get(name, lambda z: False)(z):
            continue
        with np.errstate(over="ignore"):
            wanted = complex(kind(wanted))
        parts = [(result.real, wanted.real), (result.imag, wanted.imag)]
        size = max([abs(b) for _, b in parts if math.isfinite(b)], default=0.0)
        for a, b in parts:
            # beside a NaN C99 leaves the sign of the other part open
            known = not cmath.isnan(wanted)
            a, b = (a, b) if known else (abs(a), abs(b))
            exact = (a == b and math.copysign(1, a) == math.copysign(1, b)) or (a != a and b != b)
            near = abs(a - b) <= (4e-7 if kind is np.complex64 else 2e-15) * size and a != 0
            assert exact or near, f"{name}({z}) is {result}, not {wanted}"


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div"])
def test_arithmetic_by_its_definition(name):
    a, b = some(64, seed=1), some(64, seed=2)
    x, y = a.astype(complex), b.astype(complex)
    wanted = {"add": x + y, "sub": x - y, "mul": x * y, "div": x / y}[name]
    np.testing.assert_allclose(on_device(name, a, b), wanted, rtol=1e-6)


@pytest.mark.parametrize("z", [3e38 + 3e38j, 1e-44 + 1e-44j, 1e30 - 1e-30j])
def test_quotients_neither_overflow_nor_vanish(z):
    x = np.array([z], np.complex64)
    np.testing.assert_allclose(on_device("div", x, x), [1])
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(on_device("abs", x), np.float32([abs(complex(x[0]))]), rtol=1e-6)


def test_division_by_zero_has_infinite_parts():
    x = np.array([1 - 2j, 0, complex(0, 3)], np.complex64)
    got = on_device("div", x, np.zeros(3, np.complex64))
    np.testing.assert_array_equal(got.real, [INF, NAN, NAN])
    np.testing.assert_array_equal(got.imag, [-INF, NAN, INF])


def test_sums_keep_infinities():
    """A factor alpha of 1 is no product, in which an infinity times 0i would be NaN."""
    x = np.array([complex(INF, 1), complex(1, -INF)], np.complex64)
    np.testing.assert_array_equal(on_device("add", np.zeros(2, np.complex64), x), x)
    np.testing.assert_array_equal(on_device("sub", np.zeros(2, np.complex64), x), -x)


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, -1, 0.5, -2.5, 2j, 1 - 1j])
@pytest.mark.parametrize("kind", [np.complex64, np.complex128])
def test_powers(exponent, kind):
    x = some(50, kind=kind, seed=3)
    got = torch.pow(torch.from_numpy(x).to("cuda"), exponent).cpu().numpy()
    np.testing.assert_allclose(
        got, [complex(z) ** exponent for z in x], rtol=2e-6 if kind is np.complex64 else 5e-15
    )


def test_powers_of_zero():
    zero = torch.zeros(1, dtype=torch.complex64, device="cuda")
    assert torch.pow(zero, 0).item() == 1
    assert torch.pow(zero, 1 + 1j).item() == 0
    assert math.isnan(torch.pow(zero, -1 + 1j).item().real)
    assert torch.pow(0, zero + 2).item() == 0


def test_operands_of_every_kind():
    """Strided, transposed, broadcast, real and whole operands, and numbers, into strides."""
    add = implementation("elementwise", "add")
    x, y = some(3, 4), some(4)
    out = strided(np.empty((3, 4), np.complex64))
    for other in (y, strided(some(3, 4, seed=4)), some(4, 3).T, np.arange(4.0, dtype=np.float32), np.arange(4),
                  np.array([True, False, True, True]), some(3, 1), some(), 2 - 1j, 3.0, 2):  # fmt: skip
        got = run(add, out, strided(x), other, 1 + 0.5j, compute=dtypes.complex64)
        np.testing.assert_allclose(got, x + (1 + 0.5j) * np.asarray(other), rtol=1e-5)
    got = run(add, np.empty((3, 4), np.complex128), 1j, x, 1.0, compute=dtypes.complex64)
    np.testing.assert_allclose(got, x + 1j, rtol=1e-6)


def test_a_result_may_be_written_over_an_operand():
    z = torch.from_numpy(some(700, seed=5)).to("cuda")
    wanted = (z.cpu().numpy().astype(complex)) ** 2
    z.mul_(z)
    np.testing.assert_allclose(z.cpu().numpy(), wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("wide", [False, True])
def test_offsets_of_both_widths(monkeypatch, wide):
    """What takes 64 bits beyond 2**31 numbers gives the same below."""
    forget_plans(), forget_notes()
    if wide:
        monkeypatch.setattr(complex_pointwise, "FURTHEST", 0)
        monkeypatch.setattr(complex_scan, "needs_int64", lambda *_: True)
    x = some(5, 30, seed=6)
    multiply = of_pairs(functions.mul)
    np.testing.assert_allclose(
        run(multiply, np.empty_like(x), strided(x), x[0], compute=dtypes.complex64),
        x * x[0],
        rtol=1e-5,
        atol=1e-6,
    )
    np.testing.assert_allclose(
        run(scan.cumprod, np.empty_like(x), strided(x), 0), np.cumprod(x, 0), rtol=1e-5
    )
    forget_plans(), forget_notes()


@pytest.mark.parametrize("shape", [(3, 7), (2, 1300), (1100, 3)])
def test_products_run_over_chunks(shape):
    x = some(*shape, kind=np.complex128, seed=7)
    x /= np.abs(x)
    for dim in (0, 1):
        wanted = np.cumprod(x, dim)
        np.testing.assert_allclose(run(scan.cumprod, np.empty_like(x), x, dim), wanted, rtol=1e-11)
        end = np.empty(shape[1 - dim], np.complex128)
        np.testing.assert_allclose(
            run(reduction.prod_dims, end, x, (dim,), False, None), x.prod(dim), rtol=1e-11
        )
    every = run(reduction.prod_dims, np.empty((), np.complex128), strided(x), (0, 1), False, None)
    np.testing.assert_allclose(every, x.prod(), rtol=1e-11)


def test_products_of_nothing_and_of_infinities():
    nothing = run(
        reduction.prod_dims, np.empty(3, np.complex64), np.empty((3, 0), np.complex64), (1,), False, None
    )
    np.testing.assert_array_equal(nothing, np.ones(3))
    x = np.array([1, complex(INF, 1), 1], np.complex64)
    assert run(reduction.prod_dims, np.empty((), np.complex64), x, (0,), False, None).real == INF


def test_truth_and_counts_look_at_both_parts():
    x = np.array([[0, 1j, 2], [0, 0, 0], [1, 1, 1j]], np.complex64)
    np.testing.assert_array_equal(run(reduction.any, np.empty(3, bool), x, (1,), False), [True, False, True])
    np.testing.assert_array_equal(run(reduction.all, np.empty(3, bool), x, (1,), False), [False, False, True])
    np.testing.assert_array_equal(run(reduction.count_nonzero, np.empty(3, np.int64), x, (1,)), [2, 0, 3])
    assert torch.from_numpy(x).to("cuda").nonzero().tolist() == np.argwhere(x).tolist()


def test_variance_is_that_of_both_parts():
    x = some(4, 9, seed=8)
    got = run(reduction.var_dims, np.empty(4, np.float32), x, (1,), 1, False)
    np.testing.assert_allclose(got, x.real.var(1, ddof=1) + x.imag.var(1, ddof=1), rtol=1e-5)
