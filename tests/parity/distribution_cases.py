"""Distributions to compare: how each is made by a library, and values of it.

A case is written once for both libraries: `lib` is one of them, `t` makes a double tensor of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Case = Callable[[Any, Callable[[Any], Any]], Any]

RNG = np.random.default_rng(0)
_POSITIVE = RNG.uniform(0.3, 3.0, (4, 3, 2)).tolist()
P, Q, R, S = _POSITIVE
REAL = RNG.normal(size=(3, 2)).tolist()
UNIT = RNG.uniform(0.05, 0.95, (3, 2)).tolist()
SIMPLEX = RNG.dirichlet([1.0, 2.0, 0.7], size=4).tolist()
LOGITS = RNG.normal(size=(4, 3)).tolist()
_ROOT = np.tril(RNG.normal(size=(2, 3, 3))) + 2 * np.eye(3)
LOWER = (_ROOT * np.where(np.eye(3) > 0, np.sign(_ROOT), 1)).tolist()
COVARIANCE = (np.array(LOWER) @ np.swapaxes(LOWER, -1, -2)).tolist()
VECTOR = RNG.normal(size=(2, 3)).tolist()
FACTOR = RNG.normal(size=(2, 3, 2)).tolist()
DIAGONAL = RNG.uniform(0.5, 2, (2, 3)).tolist()

# name: (how it is made, values on its support: numbers in a nested list, or "sample" for what PyTorch draws)
CASES: dict[str, tuple[Case, Any]] = {
    "Bernoulli": (lambda d, t: d.Bernoulli(t(UNIT)), [[1.0, 0.0]] * 3),
    "Bernoulli-logits": (lambda d, t: d.Bernoulli(logits=t(REAL)), [[1.0, 0.0]] * 3),
    "Bernoulli-number": (lambda d, t: d.Bernoulli(0.3), 1.0),
    "Beta": (lambda d, t: d.Beta(t(P), t(Q)), UNIT),
    "Binomial": (lambda d, t: d.Binomial(5, t(UNIT)), [[1.0, 5.0]] * 3),
    "Binomial-logits": (lambda d, t: d.Binomial(t([4.0, 2.0]), logits=t(REAL)), [[1.0, 2.0]] * 3),
    "Categorical": (lambda d, t: d.Categorical(t(SIMPLEX)), [0.0, 2.0, 1.0, 1.0]),
    "Categorical-logits": (lambda d, t: d.Categorical(logits=t(LOGITS)), [0.0, 2.0, 1.0, 1.0]),
    "Cauchy": (lambda d, t: d.Cauchy(t(REAL), t(P)), REAL[::-1]),
    "Chi2": (lambda d, t: d.Chi2(t(P)), Q),
    "ContinuousBernoulli": (lambda d, t: d.ContinuousBernoulli(t(UNIT)), UNIT[::-1]),
    "ContinuousBernoulli-half": (lambda d, t: d.ContinuousBernoulli(t([0.5, 0.4995])), [0.3, 0.8]),
    "Dirichlet": (lambda d, t: d.Dirichlet(t(P)), [[0.3, 0.7]] * 3),
    "Exponential": (lambda d, t: d.Exponential(t(P)), Q),
    "FisherSnedecor": (lambda d, t: d.FisherSnedecor(t(P), t(Q) + 3.5), R),
    "Gamma": (lambda d, t: d.Gamma(t(P), t(Q)), R),
    "GeneralizedPareto": (
        lambda d, t: d.GeneralizedPareto(t(REAL).float(), t(P).float(), t([0.3, -0.4]).float()), "sample",
    ),
    "GeneralizedPareto-exponential": (
        lambda d, t: d.GeneralizedPareto(t([0.0]).float(), t([2.0]).float(), t([0.0]).float()), [1.5],
    ),
    "Geometric": (lambda d, t: d.Geometric(t(UNIT)), [[0.0, 3.0]] * 3),
    "Geometric-logits": (lambda d, t: d.Geometric(logits=t(REAL)), [[0.0, 3.0]] * 3),
    "Gumbel": (lambda d, t: d.Gumbel(t(REAL), t(P)), REAL[::-1]),
    "HalfCauchy": (lambda d, t: d.HalfCauchy(t(P)), Q),
    "HalfNormal": (lambda d, t: d.HalfNormal(t(P)), Q),
    "Independent": (lambda d, t: d.Independent(d.Normal(t(REAL), t(P)), 1), REAL[::-1]),
    "InverseGamma": (lambda d, t: d.InverseGamma(t(P), t(Q)), R),
    "Kumaraswamy": (lambda d, t: d.Kumaraswamy(t(P), t(Q)), UNIT),
    "LKJCholesky": (lambda d, t: d.LKJCholesky(3, t([0.7, 2.0])), "sample"),
    "Laplace": (lambda d, t: d.Laplace(t(REAL), t(P)), REAL[::-1]),
    "LogNormal": (lambda d, t: d.LogNormal(t(REAL), t(P)), Q),
    "LogisticNormal": (lambda d, t: d.LogisticNormal(t(REAL), t(P)), [[0.2, 0.3, 0.5]] * 3),
    "LowRankMultivariateNormal": (
        lambda d, t: d.LowRankMultivariateNormal(t(VECTOR), t(FACTOR), t(DIAGONAL)), VECTOR[::-1],
    ),
    "MixtureSameFamily": (
        lambda d, t: d.MixtureSameFamily(d.Categorical(t(SIMPLEX[0])), d.Normal(t(VECTOR), t(DIAGONAL))), [0.3, -1.0],
    ),
    "MixtureSameFamily-vectors": (
        lambda d, t: d.MixtureSameFamily(
            d.Categorical(t(SIMPLEX[:2])), d.Independent(d.Normal(t([[[0.5, 1.0]] * 3] * 2), t(P)), 1)
        ),
        [[0.1, 0.7], [-1.0, 2.0]],
    ),
    "Multinomial": (lambda d, t: d.Multinomial(5, t(SIMPLEX)), [[1.0, 0.0, 4.0]] * 4),
    "MultivariateNormal": (lambda d, t: d.MultivariateNormal(t(VECTOR), t(COVARIANCE)), VECTOR[::-1]),
    "MultivariateNormal-precision": (
        lambda d, t: d.MultivariateNormal(t(VECTOR), precision_matrix=t(COVARIANCE)), VECTOR[::-1],
    ),
    "MultivariateNormal-scale_tril": (
        lambda d, t: d.MultivariateNormal(t(VECTOR[0]), scale_tril=t(LOWER)), VECTOR[::-1],
    ),
    "NegativeBinomial": (lambda d, t: d.NegativeBinomial(t(P), t(UNIT)), [[0.0, 3.0]] * 3),
    "NegativeBinomial-logits": (lambda d, t: d.NegativeBinomial(4, logits=t(REAL)), [[0.0, 3.0]] * 3),
    "Normal": (lambda d, t: d.Normal(t(REAL), t(P)), REAL[::-1]),
    "Normal-numbers": (lambda d, t: d.Normal(0.5, 2.0), 1.25),
    "OneHotCategorical": (lambda d, t: d.OneHotCategorical(t(SIMPLEX)), [[0.0, 1.0, 0.0]] * 4),
    "OneHotCategoricalStraightThrough": (
        lambda d, t: d.OneHotCategoricalStraightThrough(t(SIMPLEX)), [[0.0, 1.0, 0.0]] * 4,
    ),
    "Pareto": (lambda d, t: d.Pareto(t(P), t(Q)), (np.array(P) + R).tolist()),
    "Poisson": (lambda d, t: d.Poisson(t(P)), [[0.0, 3.0]] * 3),
    "RelaxedBernoulli": (lambda d, t: d.RelaxedBernoulli(t(0.7), t(UNIT)), UNIT[::-1]),
    "RelaxedOneHotCategorical": (lambda d, t: d.RelaxedOneHotCategorical(t(0.7), t(SIMPLEX)), SIMPLEX[::-1]),
    "StudentT": (lambda d, t: d.StudentT(t(P), t(REAL), t(Q)), REAL[::-1]),
    "TransformedDistribution": (
        lambda d, t: d.TransformedDistribution(
            d.Normal(t(REAL), t(P)), [d.AffineTransform(t([1.0, 2.0]), -0.5), d.SigmoidTransform()]
        ),
        UNIT,
    ),
    "TransformedDistribution-events": (
        lambda d, t: d.TransformedDistribution(d.Normal(t(REAL), t(P)), d.StickBreakingTransform()),
        [[0.2, 0.3, 0.5]] * 3,
    ),
    "Uniform": (lambda d, t: d.Uniform(t(REAL), t(REAL) + t(P)), (np.array(REAL) + 0.4 * np.array(P)).tolist()),
    "VonMises": (lambda d, t: d.VonMises(t(REAL), t(P)), REAL[::-1]),
    "Weibull": (lambda d, t: d.Weibull(t(P), t(Q)), R),
    "Wishart": (lambda d, t: d.Wishart(t([4.5, 3.5]), t(COVARIANCE)), COVARIANCE[::-1]),
    "Wishart-precision": (lambda d, t: d.Wishart(t([4.5, 3.5]), precision_matrix=t(COVARIANCE)), COVARIANCE[::-1]),
    "Wishart-scale_tril": (lambda d, t: d.Wishart(t(4.5), scale_tril=t(LOWER)), COVARIANCE[::-1]),
}  # fmt: skip

# the second of a pair of divergences, and families beside the first that have rows of their own
SECOND: dict[str, Case] = {
    "Bernoulli": lambda d, t: d.Bernoulli(t([[0.2, 0.7]] * 3)),
    "Beta": lambda d, t: d.Beta(t(R), t(S)),
    "Binomial": lambda d, t: d.Binomial(5, t([[0.2, 0.7]] * 3)),
    "Categorical": lambda d, t: d.Categorical(t([0.2, 0.3, 0.5])),
    "Cauchy": lambda d, t: d.Cauchy(t([0.2, -0.3]), t(R)),
    "ContinuousBernoulli": lambda d, t: d.ContinuousBernoulli(t([[0.2, 0.7]] * 3)),
    "Dirichlet": lambda d, t: d.Dirichlet(t(R)),
    "Exponential": lambda d, t: d.Exponential(t(R)),
    "Gamma": lambda d, t: d.Gamma(t(R), t(S)),
    "Geometric": lambda d, t: d.Geometric(t([[0.2, 0.7]] * 3)),
    "Gumbel": lambda d, t: d.Gumbel(t([0.2, -0.3]), t(R)),
    "HalfNormal": lambda d, t: d.HalfNormal(t(R)),
    "Independent": lambda d, t: d.Independent(d.Normal(t([0.2, -0.3]), t(R)), 1),
    "Laplace": lambda d, t: d.Laplace(t([0.2, -0.3]), t(R)),
    "LogNormal": lambda d, t: d.LogNormal(t([0.2, -0.3]), t(R)),
    "LowRankMultivariateNormal": lambda d, t: d.LowRankMultivariateNormal(
        t(VECTOR[1]), t(FACTOR[::-1]), t(DIAGONAL[0])
    ),
    "MultivariateNormal": lambda d, t: d.MultivariateNormal(t(VECTOR[1]), t(COVARIANCE[::-1])),
    "Normal": lambda d, t: d.Normal(t([0.2, -0.3]), t(R)),
    "OneHotCategorical": lambda d, t: d.OneHotCategorical(t([0.2, 0.3, 0.5])),
    "Pareto": lambda d, t: d.Pareto(t([0.35, 0.2]), t(S)),
    "Poisson": lambda d, t: d.Poisson(t(R)),
    "Uniform": lambda d, t: d.Uniform(t([[-0.5, 0.1]] * 3), t([[5.0, 0.9]] * 3)),
    "Wishart": lambda d, t: d.Wishart(t(5.0), t(COVARIANCE[0])),
}
