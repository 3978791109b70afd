"""torch.distributions: gradients through samples, vectors and matrices, divergences, messages, copies."""

from __future__ import annotations

import copy
import math
import pickle
import subprocess
import sys

import numpy as np
import pytest
from support import array

import tritonnn as torch
from tritonnn import distributions as D

N = 20_000


def t(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


# ---- gradients through samples ----------------------------------------------------------------------------

# name: (made of its parameters, their values, the mean of x² as a function of them)
MEANS = {
    "Normal": (D.Normal, (1.0, 2.0), lambda m, s: m**2 + s**2),
    "Gamma": (D.Gamma, (1.5, 2.0), lambda a, r: a * (a + 1) / r**2),
    "Gamma-small": (D.Gamma, (0.2, 2.0), lambda a, r: a * (a + 1) / r**2),
    "Beta": (D.Beta, (0.6, 2.5), lambda a, b: a * (a + 1) / ((a + b) * (a + b + 1))),
    "Exponential": (D.Exponential, (2.0,), lambda r: 2 / r**2),
    "Laplace": (D.Laplace, (1.0, 2.0), lambda m, s: m**2 + 2 * s**2),
    "Chi2": (D.Chi2, (3.0,), lambda k: k * (k + 2)),
    "InverseGamma": (D.InverseGamma, (9.0, 2.0), lambda a, r: r**2 / ((a - 1) * (a - 2))),
    "StudentT": (D.StudentT, (12.0, 1.0, 2.0), lambda k, m, s: m**2 + s**2 * k / (k - 2)),
    "LogNormal": (D.LogNormal, (0.5, 0.4), lambda m, s: (2 * m + 2 * s**2).exp()),
    "Uniform": (D.Uniform, (1.0, 3.0), lambda a, b: (a**2 + a * b + b**2) / 3),
    "Kumaraswamy": (
        D.Kumaraswamy, (2.0, 3.0),
        lambda a, b: b * (torch.lgamma(1 + 2 / a) + torch.lgamma(b) - torch.lgamma(1 + 2 / a + b)).exp(),
    ),
    "Weibull": (D.Weibull, (2.0, 1.5), lambda s, k: s**2 * torch.lgamma(1 + 2 / k).exp()),
}  # fmt: skip


@pytest.mark.parametrize("name", MEANS)
def test_gradients_through_samples_have_the_right_mean(name):
    make, values, mean = MEANS[name]
    leaves = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in values]
    wanted = torch.autograd.grad(mean(*leaves), leaves)
    torch.manual_seed(7)
    n = 40_000
    rows = [leaf.detach().expand(n).clone().requires_grad_() for leaf in leaves]
    samples = make(*rows).rsample()
    for grad, exact in zip(torch.autograd.grad((samples**2).sum(), rows), wanted, strict=True):
        each = array(grad)
        assert each.mean() == pytest.approx(float(exact), abs=5 * each.std() / math.sqrt(n) + 1e-9)


def test_gradients_through_dirichlet_samples():
    a = t(0.5, 2.0, 3.0)
    exact_leaf = a.clone().requires_grad_()
    total = exact_leaf.sum()
    second = exact_leaf * (exact_leaf + 1) / (total * (total + 1))
    weights = t(1.0, -2.0, 3.0)
    (wanted,) = torch.autograd.grad((second * weights).sum(), exact_leaf)
    n = 40_000
    rows = a.expand(n, 3).clone().requires_grad_()
    x = D.Dirichlet(rows).rsample()
    (grad,) = torch.autograd.grad((x**2 * weights).sum(), rows)
    each = array(grad)
    assert np.abs(each.mean(0) - array(wanted)).max() < 5 * (each.std(0) / math.sqrt(n)).max()
    # the elements keep adding up to 1
    x = D.Dirichlet(a.requires_grad_()).rsample()
    assert float(torch.autograd.grad(x.sum(), a)[0].abs().max()) < 1e-12


def test_gradients_of_matrix_samples():
    """Of Wishart samples, whose mean is df times the covariance."""
    lower = t(1.5, 0.0, 0.4, 0.8).reshape(2, 2).requires_grad_()
    df = t(5.0).squeeze().requires_grad_()
    weights = t(1.0, 2.0, 2.0, -1.0).reshape(2, 2)
    exact = torch.autograd.grad((df * (lower @ lower.mT) * weights).sum(), (df, lower))
    x = D.Wishart(df, scale_tril=lower).rsample((4000,))
    got = torch.autograd.grad((x * weights).sum((-2, -1)).mean(), (df, lower))
    assert float(got[0]) == pytest.approx(float(exact[0]), rel=0.1)
    np.testing.assert_allclose(array(got[1].tril()), array(exact[1].tril()), rtol=0.1, atol=0.3)


# ---- densities of vectors and matrices ---------------------------------------------------------------------


def test_multivariate_normal_forms_agree():
    rng = np.random.default_rng(0)
    factor, diag = rng.normal(size=(3, 2)), rng.uniform(0.5, 2, 3)
    covariance = factor @ factor.T + np.diag(diag)
    loc, x = rng.normal(size=3), rng.normal(size=(5, 3))
    wanted = -0.5 * np.einsum("ni,ij,nj->n", x - loc, np.linalg.inv(covariance), x - loc)
    wanted -= 0.5 * (np.linalg.slogdet(covariance)[1] + 3 * math.log(2 * math.pi))
    loc, cov = torch.tensor(loc), torch.tensor(covariance)
    forms = [
        D.MultivariateNormal(loc, cov),
        D.MultivariateNormal(loc, precision_matrix=torch.tensor(np.linalg.inv(covariance))),
        D.MultivariateNormal(loc, scale_tril=torch.tensor(np.linalg.cholesky(covariance))),
        D.LowRankMultivariateNormal(loc, torch.tensor(factor), torch.tensor(diag)),
    ]
    for d in forms:
        np.testing.assert_allclose(array(d.log_prob(torch.tensor(x))), wanted, rtol=1e-9)
        np.testing.assert_allclose(array(d.covariance_matrix), covariance, rtol=1e-9)
        np.testing.assert_allclose(array(d.precision_matrix), np.linalg.inv(covariance), rtol=1e-8)
        np.testing.assert_allclose(array(d.scale_tril), np.linalg.cholesky(covariance), rtol=1e-9)
        seen = np.cov(array(d.sample((N,))).T)
        np.testing.assert_allclose(seen, covariance, atol=0.15)
        assert float(D.kl_divergence(d, forms[0])) == pytest.approx(0, abs=1e-9)


def test_wishart_divergence():
    """In closed form: T. M. Cover and J. A. Thomas's way, by the means of log det and of the trace."""
    p, q = (
        D.Wishart(t(4.0, 6.0), torch.eye(2).double()),
        D.Wishart(t(5.0, 3.5), t(2.0, 0.3, 0.3, 1.0).reshape(2, 2)),
    )
    ratio = torch.linalg.inv(q.covariance_matrix) @ p.covariance_matrix
    log_det = torch.linalg.slogdet(ratio)[1]
    trace = ratio.diagonal(dim1=-2, dim2=-1).sum(-1)
    halves = p.df.unsqueeze(-1) / 2 - torch.arange(2).double() / 2
    wanted = (
        -q.df / 2 * log_det
        + p.df / 2 * (trace - 2)
        + torch.mvlgamma(q.df / 2, 2)
        - torch.mvlgamma(p.df / 2, 2)
    )
    wanted = wanted + (p.df - q.df) / 2 * torch.digamma(halves).sum(-1)
    np.testing.assert_allclose(array(D.kl_divergence(p, q)), array(wanted), rtol=1e-9)


def test_lkj_density():
    """For 2 x 2 the correlation r has the density (1 - r²)^(c - 1), for c = 1 of 3 x 3 that of all matrices alike."""
    r, c = np.linspace(-0.95, 0.95, 9), 1.7
    lower = np.zeros((9, 2, 2))
    lower[:, 0, 0], lower[:, 1, 0], lower[:, 1, 1] = 1, r, np.sqrt(1 - r**2)
    normalizer = math.exp(math.lgamma(c)) ** 2 / math.exp(math.lgamma(2 * c)) * 2 ** (2 * c - 1)
    # per unit of r, which is the free element of the factor
    wanted = (c - 1) * np.log(1 - r**2) - math.log(normalizer)
    np.testing.assert_allclose(
        array(D.LKJCholesky(2, t(c).squeeze()).log_prob(torch.tensor(lower))), wanted, rtol=1e-9
    )
    samples = array(D.LKJCholesky(2, t(c).squeeze()).sample((N,)))[:, 1, 0]
    assert samples.mean() == pytest.approx(0, abs=0.03) and samples.var() == pytest.approx(
        1 / (2 * c + 1), rel=0.05
    )


def test_modes():
    assert float(D.Kumaraswamy(2.0, 3.0).mode) == pytest.approx((1 / 5) ** 0.5)
    assert float(D.Weibull(2.0, 0.5).mode) == 0
    assert D.Dirichlet(torch.tensor([0.5, 0.8])).mode.tolist() == [0.0, 1.0]


def test_a_mixture_of_a_batch_draws_each_choice():
    d = D.MixtureSameFamily(
        D.Categorical(t(0.5, 0.5)), D.Normal(t(0.0, 100.0, 1000.0, 5000.0).reshape(2, 2), 1e-3)
    )
    x = d.sample((50,))
    assert x.shape == (50, 2) and len({round(v) for v in x[:, 0].tolist()}) == 2
    assert {round(v) for v in x[:, 1].tolist()} == {1000, 5000}


# ---- divergences by samples -------------------------------------------------------------------------------

PAIRS = [
    (lambda: D.Gumbel(t(1.0), t(2.0)), lambda: D.Gumbel(t(0.0), t(3.0))),
    (lambda: D.Exponential(t(2.0)), lambda: D.Gumbel(t(0.5), t(1.5))),
    (lambda: D.Uniform(t(0.2), t(0.9)), lambda: D.Beta(t(2.0), t(1.5))),
    (lambda: D.Uniform(t(2.0), t(4.0)), lambda: D.Pareto(t(1.0), t(1.5))),
    (lambda: D.Normal(t(1.0), t(0.7)), lambda: D.Laplace(t(0.3), t(1.5))),
    (lambda: D.Gamma(t(2.0), t(3.0)), lambda: D.Gumbel(t(0.5), t(1.5))),
    (lambda: D.Pareto(t(1.0), t(6.0)), lambda: D.Gamma(t(2.0), t(1.5))),
    (lambda: D.Cauchy(t(1.0), t(0.7)), lambda: D.Cauchy(t(0.3), t(1.5))),
    (lambda: D.Geometric(t(0.3)), lambda: D.Geometric(t(0.5))),
]


@pytest.mark.parametrize(("make_p", "make_q"), PAIRS)
def test_divergence_is_the_mean_of_the_difference(make_p, make_q):
    p, q = make_p(), make_q()
    x = p.sample((4 * N,))
    terms = array(p.log_prob(x) - q.log_prob(x))
    assert float(D.kl_divergence(p, q)) == pytest.approx(terms.mean(), abs=5 * terms.std() / math.sqrt(4 * N))


# ---- what classes do --------------------------------------------------------------------------------------


def test_messages_name_parameter_constraint_and_value():
    with pytest.raises(ValueError, match=r"(?s)parameter scale .*Normal.*GreaterThan.*at \(1,\): -1.0"):
        D.Normal(0.0, torch.tensor([1.0, -1.0]))
    with pytest.raises(ValueError, match=r"(?s)within the support .*Interval.*at \(0,\): 1.5"):
        D.Beta(torch.ones(1), 1.0).log_prob(torch.tensor([1.5]))
    with pytest.raises(ValueError, match="not int"):
        D.Normal(0.0, 1.0).log_prob(3)
    with pytest.raises(TypeError, match="expected type_p to be a class of distributions but got 3"):
        D.register_kl(3, D.Normal)


def test_a_base_of_distributions_may_stand_for_them():
    class Base:
        pass

    class Mine(D.Distribution, Base):
        arg_constraints = {}

    D.register_kl(Mine, Base)(lambda p, q: "Mine, Base")
    try:
        assert D.kl_divergence(Mine(), Mine()) == "Mine, Base"
    finally:
        del D.kl._KL_REGISTRY[Mine, Base]


def test_subclasses_with_an_init_of_their_own_need_expand():
    class Mine(D.Normal):
        def __init__(self, loc):
            super().__init__(loc, 1.0)

    with pytest.raises(
        NotImplementedError, match=r"Mine of Normal that defines a custom __init__ .* \.expand\(\)"
    ):
        Mine(0.0).expand((2,))


def test_the_nearest_pair_of_classes_decides():
    class A(D.Normal):
        pass

    class B(A):
        pass

    D.register_kl(A, D.Normal)(lambda p, q: "A, Normal")
    D.register_kl(D.Normal, B)(lambda p, q: "Normal, B")
    try:
        assert D.kl_divergence(B(0.0, 1.0), A(0.0, 1.0)) == "A, Normal"
        with pytest.warns(RuntimeWarning, match=r"Ambiguous kl_divergence\(B, B\)"):
            assert D.kl_divergence(B(0.0, 1.0), B(0.0, 1.0)) == "A, Normal"
    finally:
        for pair in ((A, D.Normal), (D.Normal, B)):
            del D.kl._KL_REGISTRY[pair]
        D.kl._dispatch.cache_clear()


@pytest.mark.parametrize("family", [D.Normal, D.Gumbel, D.Beta])
def test_pickle_and_copy(family):
    d = family(t(1.0), 2.0)
    x = d.sample()
    for other in (pickle.loads(pickle.dumps(d)), copy.deepcopy(d)):
        assert torch.equal(other.log_prob(x), d.log_prob(x)) and repr(other) == repr(d)


def test_import_is_left_for_later():
    code = "import sys, tritonnn; assert 'tritonnn.distributions' not in sys.modules; tritonnn.distributions.Normal"
    subprocess.run([sys.executable, "-c", code], check=True)
