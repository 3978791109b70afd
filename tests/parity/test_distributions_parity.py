"""torch.distributions as PyTorch: what is computed of parameters and values, shapes, words, refusals, divergences."""

from __future__ import annotations

import inspect
import warnings
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch as reference
from distribution_cases import CASES, SECOND

import tritonnn as torch

LIBRARIES = (torch, reference)
MEMBERS = ("mean", "mode", "variance", "stddev", "entropy", "perplexity")
MESSAGES = "ignore::UserWarning"
# What PyTorch has wrong; tests/test_distributions.py has the right values.
WRONG = {
    ("Kumaraswamy", "mode"): "NaN where both concentrations are above 1, the only place of a mode",
    ("Weibull", "mode"): "NaN below a concentration of 1, where it is 0",
}
# Computed in float32, by both or by PyTorch's polynomials.
ROUNDED = {
    "Bernoulli-number": 1e-6, "Normal-numbers": 1e-6, "VonMises": 1e-6, "GeneralizedPareto": 1e-5,
    "GeneralizedPareto-exponential": 1e-5, "Multinomial": 1e-6,
}  # fmt: skip


def made(library: Any, name: str, case: Any = None, device: str = "cpu") -> Any:
    place = device if library is torch else "cpu"
    return (case or CASES[name][0])(
        library.distributions, lambda value: library.tensor(value, dtype=library.float64, device=place)
    )


def values(name: str) -> np.ndarray:
    given = CASES[name][1]
    if isinstance(given, str):
        reference.manual_seed(0)
        return made(reference, name).sample().numpy()
    return np.array(given)


def outcome(call: Any) -> Any:
    """The numbers a call returns, or the class of what it raises."""
    try:
        result = call()
    except Exception as error:
        return type(error)
    if isinstance(result, (reference.Tensor, torch.Tensor)):
        return result.detach().cpu().numpy() if hasattr(result, "detach") else result
    return result


def of(d: Any, member: str, *args: Any) -> Any:
    """A property, or what a method returns."""
    value = getattr(d, member)
    return value(*args) if callable(value) else value


def same(mine: Any, theirs: Any, rtol: float = 1e-8) -> None:
    if isinstance(theirs, np.ndarray):
        assert isinstance(mine, np.ndarray), mine
        assert mine.shape == theirs.shape and mine.dtype == theirs.dtype
        np.testing.assert_allclose(mine, theirs, rtol=rtol, atol=1e-10)
    else:
        assert mine == theirs


@pytest.mark.filterwarnings(MESSAGES)
@pytest.mark.parametrize("name", CASES)
def test_what_parameters_say(name):
    mine, theirs = (made(library, name) for library in LIBRARIES)
    for member in MEMBERS:
        if (name, member) not in WRONG:
            same(*[outcome(partial(of, d, member)) for d in (mine, theirs)], rtol=ROUNDED.get(name, 1e-8))
    assert tuple(mine.batch_shape) == tuple(theirs.batch_shape)
    assert tuple(mine.event_shape) == tuple(theirs.event_shape)
    assert repr(mine) == repr(theirs)
    assert (mine.has_rsample, mine.has_enumerate_support) == (
        theirs.has_rsample,
        theirs.has_enumerate_support,
    )
    assert {k: repr(v) for k, v in mine.arg_constraints.items()} == {
        k: repr(v) for k, v in theirs.arg_constraints.items()
    }
    for parameter in theirs.arg_constraints:
        same(*[outcome(partial(of, d, parameter)) for d in (mine, theirs)], rtol=ROUNDED.get(name, 1e-8))
    supports = [repr(d.support) for d in (mine, theirs)]
    assert supports[0].split("tensor")[0] == supports[1].split("tensor")[0]
    assert (mine.support.event_dim, mine.support.is_discrete) == (
        theirs.support.event_dim,
        theirs.support.is_discrete,
    )


@pytest.mark.filterwarnings(MESSAGES)
@pytest.mark.parametrize(
    ("name", "device"),
    # numbers lie on the host; on the simulated device, which is slow, some of the others
    [(name, "cpu") for name in CASES] + [(n, "cuda") for n in list(CASES)[::3] if "number" not in n],
)
def test_what_is_said_of_values(name, device):
    data = values(name)
    mine, theirs = made(torch, name, device=device), made(reference, name)
    x, y = (
        torch.tensor(data, dtype=torch.float64, device=device),
        reference.tensor(data, dtype=reference.float64),
    )
    rtol = ROUNDED.get(name, 1e-8)
    for member in ("log_prob", "cdf"):
        same(*[outcome(partial(of, d, member, v)) for d, v in ((mine, x), (theirs, y))], rtol=rtol)
    quantiles = np.full(data.shape, 0.3) + 0.1 * np.arange(data.size).reshape(data.shape) / max(data.size, 1)
    pair = (mine, torch.tensor(quantiles, device=device)), (theirs, reference.tensor(quantiles))
    same(*[outcome(partial(of, d, "icdf", v)) for d, v in pair], rtol=rtol)
    for expand in (True, False):
        same(*[outcome(partial(of, d, "enumerate_support", expand)) for d in (mine, theirs)])


@pytest.mark.filterwarnings(MESSAGES)
@pytest.mark.parametrize("name", CASES)
def test_gradients_of_log_prob(name):
    """Of the parameters, through every way in which they are given."""
    data, found = values(name), []
    for library in LIBRARIES:
        leaves: list[Any] = []

        def leaf(value: Any, library: Any = library, leaves: list[Any] = leaves) -> Any:
            leaves.append(library.tensor(value, dtype=library.float64, requires_grad=True))
            return leaves[-1]

        d = CASES[name][0](library.distributions, leaf)
        total = d.log_prob(library.tensor(data, dtype=library.float64)).sum()
        if not leaves:
            return
        grads = library.autograd.grad(total, leaves, allow_unused=True)
        found.append([None if g is None else g.detach().numpy() for g in grads])
    for mine, theirs in zip(*found, strict=True):
        if theirs is None or not theirs.any():
            assert mine is None or not mine.any()
        else:
            if (
                name.endswith("scale_tril") and mine.ndim == 3
            ):  # what lies above the diagonal is 0 whatever it is
                mine, theirs = np.tril(mine), np.tril(theirs)
            np.testing.assert_allclose(mine, theirs, rtol=max(1e-6, 10 * ROUNDED.get(name, 0)), atol=1e-9)


@pytest.mark.filterwarnings(MESSAGES)
@pytest.mark.parametrize("name", CASES)
def test_expanded(name):
    mine, theirs = (made(library, name) for library in LIBRARIES)
    shape = (2, *theirs.batch_shape)
    mine, theirs = mine.expand(shape), theirs.expand(shape)
    assert tuple(mine.batch_shape) == tuple(theirs.batch_shape) == shape
    assert type(mine).__name__ == type(theirs).__name__
    data = np.broadcast_to(values(name), shape + tuple(theirs.event_shape)).copy()
    same(
        outcome(lambda: mine.log_prob(torch.tensor(data, dtype=torch.float64))),
        outcome(lambda: theirs.log_prob(reference.tensor(data, dtype=reference.float64))),
        rtol=ROUNDED.get(name, 1e-8),
    )
    for member in MEMBERS[:3]:
        if (name, member) not in WRONG:
            same(*[outcome(partial(of, d, member)) for d in (mine, theirs)], rtol=ROUNDED.get(name, 1e-8))
    assert repr(mine) == repr(theirs)
    assert tuple(mine.sample((4,)).shape) == tuple(theirs.sample((4,)).shape)
    with pytest.raises(Exception) as error:
        theirs.expand((5, 7))
    with pytest.raises(type(error.value)):
        mine.expand((5, 7))


@pytest.mark.filterwarnings(MESSAGES)
@pytest.mark.parametrize("name", CASES)
def test_samples_have_shape_type_and_support(name):
    mine, theirs = (made(library, name) for library in LIBRARIES)
    for shape in ((), (3,), (2, 0)):
        x = mine.sample(shape)
        try:
            y = theirs.sample(shape)
        except RuntimeError:  # of none, where PyTorch asks multinomial for them
            assert name == "MixtureSameFamily" or shape == (
                2,
                0,
            )  # a choice for each of the batch is not broadcast
            assert tuple(x.shape) == (*shape, *theirs.batch_shape, *theirs.event_shape)
            continue
        assert tuple(x.shape) == tuple(y.shape) and str(x.dtype) == str(y.dtype)
        assert not x.requires_grad
        assert bool(mine.support.check(x).all())
    assert (outcome(lambda: mine.rsample().shape) is NotImplementedError) == (
        outcome(lambda: theirs.rsample().shape) is NotImplementedError
    )


PAIRS = [(p, q) for p in SECOND for q in SECOND]


@pytest.mark.filterwarnings(MESSAGES)
@pytest.mark.parametrize(("p", "q"), PAIRS)
def test_divergences(p, q):
    results = []
    for library in LIBRARIES:
        first, second = made(library, p), made(library, q, SECOND[q])
        results.append(outcome(lambda a=first, b=second, d=library.distributions: d.kl_divergence(a, b)))
    if (p, q) != ("Wishart", "Wishart"):  # PyTorch's adds up the batch
        same(*results, rtol=1e-6)


def test_every_registered_pair():
    from torch.distributions import kl

    own = {(p.__name__, q.__name__) for p, q in torch.distributions.kl._KL_REGISTRY}
    assert {(p.__name__, q.__name__) for p, q in kl._KL_REGISTRY} <= own


def test_names():
    assert set(reference.distributions.__all__) <= set(torch.distributions.__all__)
    for module in ("constraints", "transforms", "utils", "kl", "constraint_registry"):
        theirs = getattr(getattr(reference.distributions, module), "__all__", None)
        own = getattr(torch.distributions, module)
        assert not [name for name in theirs or () if not hasattr(own, name)], module


@pytest.mark.parametrize("name", reference.distributions.__all__)
def test_signatures(name):
    mine, theirs = (getattr(library.distributions, name) for library in LIBRARIES)
    if not inspect.isclass(theirs):
        return
    parameters = [
        [(p.name, p.default, p.kind) for p in inspect.signature(c.__init__).parameters.values()]
        for c in (mine, theirs)
    ]
    assert parameters[0] == parameters[1]
    public = {
        member for cls in theirs.__mro__[:-1] for member in vars(cls)
        if not member.startswith("_") and cls.__module__.startswith("torch")
    }  # fmt: skip
    assert not [member for member in public if not hasattr(mine, member) and member not in vars(mine)]


BAD = {
    "negative scale": lambda d, t: d.Normal(0.0, t([1.0, -1.0])),
    "NaN location": lambda d, t: d.Normal(float("nan"), 1.0),
    "probability above 1": lambda d, t: d.Bernoulli(t(1.5)),
    "both forms": lambda d, t: d.Bernoulli(t(0.5), t(0.0)),
    "no form": lambda d, t: d.Categorical(),
    "no dimension": lambda d, t: d.Categorical(t(0.5)),
    "no dimension of a Dirichlet": lambda d, t: d.Dirichlet(t(0.5)),
    "negative probability": lambda d, t: d.Categorical(t([-1.0, 2.0])),
    "a word": lambda d, t: d.Normal("a", 1.0),
    "low above high": lambda d, t: d.Uniform(1.0, 0.0),
    "shapes": lambda d, t: d.Normal(t([0.0, 0.0]), t([1.0, 1.0, 1.0])),
    "success of none": lambda d, t: d.Geometric(t(0.0)),
    "half a trial": lambda d, t: d.Binomial(t(1.5), t(0.5)),
    "inhomogeneous multinomial": lambda d, t: d.Multinomial(t([1.0]), t([0.5, 0.5])),
    "two covariances": lambda d, t: d.MultivariateNormal(t([0.0]), t([[1.0]]), t([[1.0]])),
    "no covariance": lambda d, t: d.MultivariateNormal(t([0.0])),
    "vector as covariance": lambda d, t: d.MultivariateNormal(t([0.0]), t([1.0])),
    "indefinite covariance": lambda d, t: d.MultivariateNormal(t([0.0, 0.0]), t([[1.0, 2.0], [2.0, 1.0]])),
    "asymmetric covariance": lambda d, t: d.MultivariateNormal(t([0.0, 0.0]), t([[1.0, 0.5], [0.0, 1.0]])),
    "number as location": lambda d, t: d.MultivariateNormal(t(0.0), t([[1.0]])),
    "factor of other rows": lambda d, t: d.LowRankMultivariateNormal(t([0.0, 0.0]), t([[1.0]]), t([1.0, 1.0])),
    "few degrees": lambda d, t: d.Wishart(t(0.5), t([[1.0, 0.0], [0.0, 1.0]])),
    "dimension 1": lambda d, t: d.LKJCholesky(1),
    "too many dimensions": lambda d, t: d.Independent(d.Normal(0.0, 1.0), 1),
    "no transform": lambda d, t: d.TransformedDistribution(d.Normal(0.0, 1.0), 3),
    "few dimensions": lambda d, t: d.TransformedDistribution(d.Normal(0.0, 1.0), d.StickBreakingTransform()),
    "no mixture": lambda d, t: d.MixtureSameFamily(d.Normal(0.0, 1.0), d.Normal(t([0.0]), 1.0)),
    "other number of components": lambda d, t: d.MixtureSameFamily(
        d.Categorical(t([0.5, 0.5])), d.Normal(t([0.0] * 3), 1.0)
    ),
    "value of NaN": lambda d, t: d.Normal(0.0, 1.0).log_prob(t(float("nan"))),
    "value outside": lambda d, t: d.Exponential(1.0).log_prob(t(-1.0)),
    "value of other shape": lambda d, t: d.Normal(t([0.0] * 3), 1.0).log_prob(t([0.0, 0.0])),
    "value of other event": lambda d, t: d.Dirichlet(t([1.0, 1.0])).log_prob(t([0.3, 0.3, 0.4])),
    "number as value": lambda d, t: d.Normal(0.0, 1.0).log_prob(3),
    "category beyond": lambda d, t: d.Categorical(t([0.5, 0.5])).log_prob(t(2.0)),
    "no cdf": lambda d, t: d.Poisson(1.0).cdf(t(1.0)),
    "no rsample": lambda d, t: d.Poisson(1.0).rsample(),
    "no support to list": lambda d, t: d.Normal(0.0, 1.0).enumerate_support(),
    "no divergence": lambda d, t: d.kl_divergence(d.Normal(0.0, 1.0), d.Cauchy(0.0, 1.0)),
    "no constraint": lambda d, t: d.biject_to(3),
    "constraint without transform": lambda d, t: d.biject_to(d.constraints.boolean),
    "constraint of another registry": lambda d, t: d.biject_to.register(3, lambda c: c),
    "dependent": lambda d, t: d.constraints.dependent.check(t(1.0)),
    "dependent event_dim": lambda d, t: d.constraints.dependent.event_dim,
    "cache": lambda d, t: d.ExpTransform(cache_size=2),
    "default validation": lambda d, t: d.Distribution.set_default_validate_args(3),
    "base": lambda d, t: d.Distribution(validate_args=False).mean,
}  # fmt: skip


@pytest.mark.filterwarnings(MESSAGES)
@pytest.mark.parametrize("name", BAD)
def test_refusals(name):
    errors = []
    for library in LIBRARIES:
        with pytest.raises(Exception) as caught:
            BAD[name](library.distributions, lambda v, lib=library: lib.tensor(v, dtype=lib.float64))
        errors.append(caught.value)
    assert type(errors[0]).__name__ == type(errors[1]).__name__
    # the words that PyTorch's users search for
    theirs = str(errors[1]).split("\n")[0][:60]
    if type(errors[1]) is ValueError and theirs.startswith("Expected"):
        assert str(errors[0]).startswith(theirs)


@pytest.mark.filterwarnings(MESSAGES)
def test_validation_can_be_switched_off():
    for library in LIBRARIES:
        d = library.distributions
        assert np.isnan(float(d.Normal(0.0, -1.0, validate_args=False).log_prob(library.tensor(1.0))))
        d.Distribution.set_default_validate_args(False)
        try:
            d.Normal(0.0, -1.0)
        finally:
            d.Distribution.set_default_validate_args(True)


def test_warnings():
    for library in LIBRARIES:
        d = library.distributions
        with pytest.warns(UserWarning, match="does not define `arg_constraints`"):
            d.Distribution()
        with pytest.warns(FutureWarning, match="sample_n"):
            d.Normal(0.0, 1.0).sample_n(2)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            d.Normal(0.0, 1.0).sample()
