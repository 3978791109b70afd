"""Accuracy of special functions against SciPy's, over the whole range: relative, or beside zeros of the amplitude."""

from __future__ import annotations

import numpy as np
import pytest

import tritonnn as torch

scipy = pytest.importorskip("scipy.special")

INF, NAN = float("inf"), float("nan")
_random = np.random.default_rng(5)
POSITIVE = np.concatenate(
    [10.0 ** _random.uniform(-8, 3, 400), _random.uniform(0, 30, 200), [0.0, -0.0, 1e-300]]
)
BOTH = np.concatenate([POSITIVE, -POSITIVE])
SPECIAL = torch.special
# name -> (SciPy's, arguments, relative error, error as a part of 1)
FUNCTIONS = {
    "bessel_j0": (scipy.j0, BOTH, 1e-13, 2e-13), "bessel_j1": (scipy.j1, BOTH, 1e-13, 2e-13),
    "bessel_y0": (scipy.y0, POSITIVE, 1e-13, 2e-13), "bessel_y1": (scipy.y1, POSITIVE, 1e-13, 2e-13),
    "modified_bessel_i0": (scipy.i0, BOTH, 1e-14, 0), "modified_bessel_i1": (scipy.i1, BOTH, 1e-14, 0),
    "modified_bessel_k0": (scipy.k0, POSITIVE, 1e-14, 0), "modified_bessel_k1": (scipy.k1, POSITIVE, 1e-14, 0),
    "scaled_modified_bessel_k0": (scipy.k0e, POSITIVE, 1e-14, 0),
    "scaled_modified_bessel_k1": (scipy.k1e, POSITIVE, 1e-14, 0),
    "spherical_bessel_j0": (lambda x: scipy.spherical_jn(0, x), BOTH, 1e-13, 1e-16),
    "airy_ai": (lambda x: scipy.airy(x)[0], BOTH[np.abs(BOTH) < 100], 3e-13, 2e-13),
    "digamma": (scipy.psi, BOTH[BOTH != 0], 1e-13, 2e-15), "gammaln": (scipy.gammaln, BOTH, 1e-13, 2e-15),
    "ndtri": (scipy.ndtri, _random.uniform(0, 1, 300), 1e-13, 1e-15), "erfcx": (scipy.erfcx, BOTH, 2e-13, 0),
    "i0e": (scipy.i0e, BOTH, 1e-14, 0), "i1e": (scipy.i1e, BOTH, 1e-14, 0),
    "log_ndtr": (scipy.log_ndtr, BOTH[np.abs(BOTH) < 30], 1e-13, 0), "entr": (scipy.entr, BOTH, 1e-15, 0),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_one_operand(name):
    theirs, x, relative, absolute = FUNCTIONS[name]
    with np.errstate(all="ignore"):
        wanted = theirs(x)
        got = getattr(SPECIAL, name)(torch.tensor(x)).numpy()
    # the angle of a wave far out has the error of its argument
    np.testing.assert_allclose(got, wanted, rtol=relative, atol=absolute)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_in_float32(name):
    """The float64 result, rounded."""
    x = FUNCTIONS[name][1].astype(np.float32)
    got = getattr(SPECIAL, name)(torch.tensor(x)).numpy()
    wanted = getattr(SPECIAL, name)(torch.tensor(x.astype(np.float64))).numpy()
    with np.errstate(all="ignore"):
        rounded = wanted.astype(np.float32)
    # made of others, whose arguments are rounded on the way
    rtol = 2e-5 if name == "log_ndtr" else 4e-7
    np.testing.assert_allclose(got, rounded, rtol=rtol, atol=1e-38)


ENDS = {
    "bessel_j0": {INF: 0, -INF: 0, NAN: NAN, 0.0: 1}, "bessel_j1": {INF: 0, NAN: NAN, 0.0: 0},
    "bessel_y0": {INF: 0, 0.0: -INF, -1.0: NAN, NAN: NAN}, "bessel_y1": {INF: 0, 0.0: -INF, -1.0: NAN, NAN: NAN},
    "modified_bessel_k0": {INF: 0, 0.0: INF, -1.0: NAN, NAN: NAN},
    "modified_bessel_k1": {INF: 0, 0.0: INF, -1.0: NAN, NAN: NAN},
    "airy_ai": {INF: 0, -INF: NAN, NAN: NAN}, "spherical_bessel_j0": {INF: 0, 0.0: 1, NAN: NAN},
}  # fmt: skip


@pytest.mark.parametrize("name", ENDS)
def test_ends(name):
    got = getattr(SPECIAL, name)(torch.tensor([*ENDS[name]], dtype=torch.float64)).numpy()
    np.testing.assert_array_equal(got, [*ENDS[name].values()])


def test_incomplete_gamma_functions():
    a = np.concatenate([10.0 ** _random.uniform(-3, 5, 600), _random.uniform(0.01, 60, 400)])
    x = np.concatenate([a[:600] * 10.0 ** _random.uniform(-0.5, 0.5, 600), _random.uniform(0, 80, 400)])
    for got, wanted in (
        (torch.igamma(torch.tensor(a), torch.tensor(x)), scipy.gammainc(a, x)),
        (torch.igammac(torch.tensor(a), torch.tensor(x)), scipy.gammaincc(a, x)),
    ):
        np.testing.assert_allclose(got.numpy(), wanted, rtol=2e-9, atol=1e-300)
    both = torch.igamma(torch.tensor(a), torch.tensor(x)) + torch.igammac(torch.tensor(a), torch.tensor(x))
    np.testing.assert_allclose(both.numpy(), 1, rtol=1e-14)


@pytest.mark.parametrize("s", [2.0, 3.0, 5.0, 1.5, 20.0])
def test_zeta(s):
    q = 10.0 ** _random.uniform(-3, 4, 200)
    got = SPECIAL.zeta(s, torch.tensor(q)).numpy()
    np.testing.assert_allclose(got, scipy.zeta(s, q), rtol=1e-13)


@pytest.mark.parametrize("s", [2, 3, 4, 7])
def test_zeta_of_negative_numbers(s):
    """ζ(s, q) is q^-s + ζ(s, q + 1), down from positive numbers."""
    q = _random.uniform(0.05, 0.95, 50)
    wanted = scipy.zeta(s, q)
    for steps in range(1, 60):
        wanted = wanted + (q - steps) ** -s
        got = SPECIAL.zeta(float(s), torch.tensor(q - steps)).numpy()
        np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-10 * np.abs(wanted).max())
    assert torch.isnan(SPECIAL.zeta(2.5, torch.tensor([-1.5], dtype=torch.float64))).all()
    assert torch.isnan(SPECIAL.zeta(torch.tensor([NAN, 0.5, NAN]), torch.tensor([1.0, 1.0, NAN]))).all()


POLYNOMIALS = {
    "chebyshev_polynomial_t": scipy.eval_chebyt, "chebyshev_polynomial_u": scipy.eval_chebyu,
    "shifted_chebyshev_polynomial_t": scipy.eval_sh_chebyt, "shifted_chebyshev_polynomial_u": scipy.eval_sh_chebyu,
    "hermite_polynomial_h": scipy.eval_hermite, "hermite_polynomial_he": scipy.eval_hermitenorm,
    "laguerre_polynomial_l": scipy.eval_laguerre, "legendre_polynomial_p": scipy.eval_legendre,
}  # fmt: skip


@pytest.mark.parametrize("name", POLYNOMIALS)
def test_polynomials(name):
    x, n = np.meshgrid(np.linspace(-1.0, 2.0, 61), np.arange(0, 40))
    got = getattr(SPECIAL, name)(torch.tensor(x), torch.tensor(n)).numpy()
    wanted = POLYNOMIALS[name](n, x)
    scale = np.maximum(np.abs(wanted), 1 if "hermite" not in name else np.abs(wanted).max(1, keepdims=True))
    np.testing.assert_allclose(got / scale, wanted / scale, atol=2e-11)


def test_degrees():
    x = torch.tensor([0.5, 0.5, 0.5, 2.0])
    got = SPECIAL.legendre_polynomial_p(x, torch.tensor([-1.0, 2.9, NAN, 1e30]))
    np.testing.assert_allclose(got.numpy(), [0, -0.125, 0, 0])
