"""torch.distributions by formulas and by samples: distribution functions, moments, one stream everywhere."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
from support import array

import tritonnn as torch
from tritonnn import distributions as D

DEVICES = ("cpu", "cuda")
N = 20_000


def t(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


# ---- samples follow the distribution function -------------------------------------------------------------


def lower_gamma(a: float, x: np.ndarray) -> np.ndarray:
    """P(a, x) by its power series (DLMF 8.7.1), for moderate x."""
    term = np.full_like(x, 1 / a)
    total = term.copy()
    for n in range(1, 400):
        term = term * x / (a + n)
        total += term
    return total * np.exp(a * np.log(x) - x - math.lgamma(a))


def by_density(log_density, low: float, high: float):
    """A distribution function by trapezoids between two ends."""
    grid = np.linspace(low, high, 400_001)
    with np.errstate(divide="ignore"):
        mass = np.exp(log_density(grid))
    mass[~np.isfinite(mass)] = 0
    total = np.concatenate([[0], np.cumsum((mass[1:] + mass[:-1]) / 2)])
    return lambda x: np.interp(x, grid, total / total[-1])


def normal_cdf(x: np.ndarray) -> np.ndarray:
    return np.array([0.5 * math.erfc(-v / math.sqrt(2)) for v in x.tolist()])


CONTINUOUS = {
    "Normal": (lambda: D.Normal(t(1.0), t(2.0)), lambda x: normal_cdf((x - 1) / 2)),
    "Uniform": (lambda: D.Uniform(t(-1.0), t(3.0)), lambda x: (x + 1) / 4),
    "Exponential": (lambda: D.Exponential(t(2.0)), lambda x: 1 - np.exp(-2 * x)),
    "Laplace": (
        lambda: D.Laplace(t(1.0), t(2.0)),
        lambda x: np.where(x < 1, np.exp((x - 1) / 2) / 2, 1 - np.exp((1 - x) / 2) / 2),
    ),
    "Cauchy": (lambda: D.Cauchy(t(1.0), t(2.0)), lambda x: np.arctan((x - 1) / 2) / np.pi + 0.5),
    "Gumbel": (lambda: D.Gumbel(t(1.0), t(2.0)), lambda x: np.exp(-np.exp((1 - x) / 2))),
    "HalfNormal": (lambda: D.HalfNormal(t(2.0)), lambda x: 2 * normal_cdf(x / 2) - 1),
    "HalfCauchy": (lambda: D.HalfCauchy(t(2.0)), lambda x: 2 * np.arctan(x / 2) / np.pi),
    "LogNormal": (lambda: D.LogNormal(t(1.0), t(0.5)), lambda x: normal_cdf((np.log(x) - 1) / 0.5)),
    "Weibull": (lambda: D.Weibull(t(2.0), t(1.5)), lambda x: 1 - np.exp(-((x / 2) ** 1.5))),
    "Pareto": (lambda: D.Pareto(t(2.0), t(1.5)), lambda x: 1 - (2 / x) ** 1.5),
    "GeneralizedPareto": (
        lambda: D.GeneralizedPareto(t(1.0), t(2.0), t(0.25)), lambda x: 1 - (1 + 0.25 * (x - 1) / 2) ** -4,
    ),
    "GeneralizedPareto-0": (lambda: D.GeneralizedPareto(t(1.0), t(2.0), t(0.0)), lambda x: 1 - np.exp((1 - x) / 2)),
    "GeneralizedPareto-below": (
        lambda: D.GeneralizedPareto(t(1.0), t(2.0), t(-0.5)), lambda x: 1 - (1 - 0.25 * (x - 1)) ** 2,
    ),
    "Kumaraswamy": (lambda: D.Kumaraswamy(t(2.0), t(3.0)), lambda x: 1 - (1 - x**2) ** 3),
    "ContinuousBernoulli": (lambda: D.ContinuousBernoulli(t(0.2)), lambda x: (0.25**x - 1) / (0.25 - 1)),
    "Gamma": (lambda: D.Gamma(t(0.7), t(2.0)), lambda x: lower_gamma(0.7, 2 * x)),
    "Chi2": (lambda: D.Chi2(t(3.0)), lambda x: lower_gamma(1.5, x / 2)),
    "InverseGamma": (lambda: D.InverseGamma(t(2.5), t(2.0)), lambda x: 1 - lower_gamma(2.5, 2 / x)),
    "Beta": (lambda: D.Beta(t(2.0), t(3.0)), lambda x: x**2 * (6 - 8 * x + 3 * x**2)),
    "StudentT": (
        lambda: D.StudentT(t(2.0), t(1.0), t(3.0)), lambda x: 0.5 + (z := (x - 1) / 3) / (2 * np.sqrt(2 + z**2)),
    ),
    "FisherSnedecor": (lambda: D.FisherSnedecor(t(2.0), t(4.0)), lambda x: 1 - (1 + x / 2) ** -2),
    "VonMises": (lambda: D.VonMises(t(0.5), t(2.0)), by_density(lambda x: 2 * np.cos(x - 0.5), -np.pi, np.pi)),
    "VonMises-flat": (lambda: D.VonMises(t(0.0), t(1e-8)), lambda x: (x + np.pi) / (2 * np.pi)),
    "RelaxedBernoulli": (
        lambda: D.RelaxedBernoulli(t(0.5), t(0.3)),
        lambda x: 1 / (1 + np.exp(-(0.5 * np.log(x / (1 - x)) - math.log(3 / 7)))),
    ),
    "MixtureSameFamily": (
        lambda: D.MixtureSameFamily(
            D.Categorical(t(0.25, 0.75).reshape(1, 2)), D.Normal(t(-2.0, 3.0).reshape(1, 2), 1.0)
        ),
        lambda x: 0.25 * normal_cdf(x + 2) + 0.75 * normal_cdf(x - 3),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CONTINUOUS)
def test_samples_follow_the_distribution_function(name):
    """Kolmogorov and Smirnov: 1.95 / sqrt(n) is the 0.1 % point."""
    make, cdf = CONTINUOUS[name]
    d = make()
    torch.manual_seed(11)
    x = array(d.sample((N,))).reshape(-1)
    expected = cdf(np.sort(x))
    steps = np.arange(N + 1) / N
    distance = max(np.abs(expected - steps[1:]).max(), np.abs(expected - steps[:-1]).max())
    assert distance < 1.95 / math.sqrt(N)
    # what the class says itself
    own = 0
    try:
        own = array(d.cdf(torch.tensor(np.sort(x)))).reshape(-1)
    except NotImplementedError:
        return
    np.testing.assert_allclose(own, expected, atol=1e-9)
    try:
        back = array(d.icdf(torch.tensor(own[::97])))
    except NotImplementedError:
        return
    np.testing.assert_allclose(array(d.cdf(torch.tensor(back))), own[::97], atol=1e-9)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_density_is_the_slope_of_the_distribution_function(name):
    make, cdf = CONTINUOUS[name]
    d = make()
    x = np.sort(array(d.sample((50,))).reshape(-1))[2:-2]
    h = 1e-4 * np.minimum(1, np.abs(x))
    h = np.minimum(h, 1e-3 * np.abs(1 - x)) if name in ("Beta", "Kumaraswamy", "RelaxedBernoulli") else h
    slope = (cdf(x + h) - cdf(x - h)) / (2 * h)
    rtol = 2e-4 if name.startswith("VonMises") else 1e-5
    np.testing.assert_allclose(
        np.exp(array(d.log_prob(torch.tensor(x)))).reshape(-1), slope, rtol=rtol, atol=1e-8
    )


DISCRETE = {
    "Bernoulli": (lambda: D.Bernoulli(t(0.3)), 2),
    "Binomial": (lambda: D.Binomial(7, t(0.3)), 8),
    "Categorical": (lambda: D.Categorical(t(0.2, 0.5, 0.3)), 3),
    "Geometric": (lambda: D.Geometric(t(0.3)), 80),
    "NegativeBinomial": (lambda: D.NegativeBinomial(t(3.0), t(0.4)), 60),
    "Poisson": (lambda: D.Poisson(t(2.5)), 40),
}


@pytest.mark.parametrize("name", DISCRETE)
def test_samples_have_their_probabilities(name):
    make, count = DISCRETE[name]
    d = make()
    k = torch.arange(count).double()
    mass = np.exp(array(d.log_prob(k if name == "Categorical" else k.unsqueeze(-1)))).reshape(-1)
    assert mass.sum() == pytest.approx(1, abs=1e-9)
    seen = np.bincount(array(d.sample((N,))).reshape(-1).astype(int), minlength=count) / N
    assert np.abs(np.cumsum(seen)[:count] - np.cumsum(mass)).max() < 1.95 / math.sqrt(N)
    if name != "Categorical":
        moments = [float(m.reshape(-1)[0]) for m in (d.mean, d.variance)]
        values = np.arange(count)
        assert moments[0] == pytest.approx((mass * values).sum(), abs=1e-6)
        assert moments[1] == pytest.approx((mass * values**2).sum() - moments[0] ** 2, abs=1e-5)
    try:
        entropy = float(d.entropy().reshape(-1)[0])
    except NotImplementedError:
        return
    assert entropy == pytest.approx(-(mass * np.log(np.maximum(mass, 1e-300))).sum(), abs=1e-6)


# ---- one stream on every device ---------------------------------------------------------------------------


def there(device: str, *values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64, device=device)


EVERYWHERE = {
    **{name: make for name, (make, _) in (CONTINUOUS | DISCRETE).items()},
    "Dirichlet": lambda: D.Dirichlet(t(0.5, 1.0, 4.0)),
    "LKJCholesky": lambda: D.LKJCholesky(3, t(0.8)),
    "LogisticNormal": lambda: D.LogisticNormal(t(0.0, 1.0), t(1.0, 2.0)),
    "LowRank": lambda: D.LowRankMultivariateNormal(t(0.0, 1.0), t(1.0, 2.0).unsqueeze(-1), t(1.0, 2.0)),
    "Multinomial": lambda: D.Multinomial(5, t(0.2, 0.3, 0.5)),
    "MultivariateNormal": lambda: D.MultivariateNormal(t(0.0, 1.0), t(2.0, 0.5, 0.5, 1.0).reshape(2, 2)),
    "OneHotCategorical": lambda: D.OneHotCategorical(t(0.2, 0.3, 0.5)),
    "RelaxedOneHotCategorical": lambda: D.RelaxedOneHotCategorical(t(0.7), t(0.2, 0.3, 0.5)),
    "Wishart": lambda: D.Wishart(t(4.0), t(2.0, 0.5, 0.5, 1.0).reshape(1, 2, 2)),
}


@pytest.mark.filterwarnings("ignore:.*through LAPACK on the host")
@pytest.mark.parametrize("name", EVERYWHERE)
def test_one_stream_on_every_device(name, monkeypatch):
    drawn = []
    for device in DEVICES:
        monkeypatch.setitem(globals(), "t", partial(there, device))
        torch.manual_seed(4)
        d = EVERYWHERE[name]()
        x = d.sample((7,))
        assert x.device.type == device
        drawn.append((array(x.cpu()), array(d.log_prob(x).cpu())))
    np.testing.assert_allclose(drawn[0][0], drawn[1][0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(drawn[0][1], drawn[1][1], rtol=1e-7, atol=1e-9)
