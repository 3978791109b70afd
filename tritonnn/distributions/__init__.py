"""Probability distributions: sampling, densities, entropies, divergences, and maps between constrained numbers.

>>> import tritonnn as torch
>>> d = torch.distributions.Normal(torch.zeros(2), torch.ones(2))
>>> d.log_prob(torch.zeros(2))
tensor([-0.9189, -0.9189])
"""

from __future__ import annotations

from tritonnn.distributions import constraint_registry, constraints, kl, transforms, utils
from tritonnn.distributions.bernoulli import Bernoulli
from tritonnn.distributions.beta import Beta
from tritonnn.distributions.binomial import Binomial
from tritonnn.distributions.categorical import Categorical
from tritonnn.distributions.cauchy import Cauchy
from tritonnn.distributions.chi2 import Chi2
from tritonnn.distributions.constraint_registry import biject_to, transform_to
from tritonnn.distributions.continuous_bernoulli import ContinuousBernoulli
from tritonnn.distributions.dirichlet import Dirichlet
from tritonnn.distributions.distribution import Distribution
from tritonnn.distributions.exp_family import ExponentialFamily
from tritonnn.distributions.exponential import Exponential
from tritonnn.distributions.fishersnedecor import FisherSnedecor
from tritonnn.distributions.gamma import Gamma
from tritonnn.distributions.generalized_pareto import GeneralizedPareto
from tritonnn.distributions.geometric import Geometric
from tritonnn.distributions.gumbel import Gumbel
from tritonnn.distributions.half_cauchy import HalfCauchy
from tritonnn.distributions.half_normal import HalfNormal
from tritonnn.distributions.independent import Independent
from tritonnn.distributions.inverse_gamma import InverseGamma
from tritonnn.distributions.kl import kl_divergence, register_kl
from tritonnn.distributions.kumaraswamy import Kumaraswamy
from tritonnn.distributions.laplace import Laplace
from tritonnn.distributions.lkj_cholesky import LKJCholesky
from tritonnn.distributions.log_normal import LogNormal
from tritonnn.distributions.logistic_normal import LogisticNormal
from tritonnn.distributions.lowrank_multivariate_normal import LowRankMultivariateNormal
from tritonnn.distributions.mixture_same_family import MixtureSameFamily
from tritonnn.distributions.multinomial import Multinomial
from tritonnn.distributions.multivariate_normal import MultivariateNormal
from tritonnn.distributions.negative_binomial import NegativeBinomial
from tritonnn.distributions.normal import Normal
from tritonnn.distributions.one_hot_categorical import OneHotCategorical, OneHotCategoricalStraightThrough
from tritonnn.distributions.pareto import Pareto
from tritonnn.distributions.poisson import Poisson
from tritonnn.distributions.relaxed_bernoulli import RelaxedBernoulli
from tritonnn.distributions.relaxed_categorical import RelaxedOneHotCategorical
from tritonnn.distributions.studentT import StudentT
from tritonnn.distributions.transformed_distribution import TransformedDistribution
from tritonnn.distributions.transforms import *
from tritonnn.distributions.uniform import Uniform
from tritonnn.distributions.von_mises import VonMises
from tritonnn.distributions.weibull import Weibull
from tritonnn.distributions.wishart import Wishart

__all__ = [
    "Bernoulli", "Beta", "Binomial", "Categorical", "Cauchy", "Chi2", "ContinuousBernoulli", "Dirichlet",
    "Distribution", "Exponential", "ExponentialFamily", "FisherSnedecor", "Gamma", "GeneralizedPareto", "Geometric",
    "Gumbel", "HalfCauchy", "HalfNormal", "Independent", "InverseGamma", "Kumaraswamy", "LKJCholesky", "Laplace",
    "LogNormal", "LogisticNormal", "LowRankMultivariateNormal", "MixtureSameFamily", "Multinomial",
    "MultivariateNormal", "NegativeBinomial", "Normal", "OneHotCategorical", "OneHotCategoricalStraightThrough",
    "Pareto", "Poisson", "RelaxedBernoulli", "RelaxedOneHotCategorical", "StudentT", "TransformedDistribution",
    "Uniform", "VonMises", "Weibull", "Wishart", "biject_to", "constraint_registry", "constraints", "kl",
    "kl_divergence", "register_kl", "transform_to", "transforms", "utils", *transforms.__all__,
]  # fmt: skip
