"""Probability distributions: sampling, densities, entropies, divergences, and maps between constrained numbers.

>>> import tritonnn as torch
>>> d = torch.distributions.Normal(torch.zeros(2), torch.ones(2))
>>> d.log_prob(torch.zeros(2))
tensor([-0.9189, -0.9189])
"""

from __future__ import annotations

from tritonnn.distributions import constraint_registry, constraints, transforms, utils
from tritonnn.distributions.bernoulli import Bernoulli
from tritonnn.distributions.categorical import Categorical
from tritonnn.distributions.constraint_registry import biject_to, transform_to
from tritonnn.distributions.distribution import Distribution
from tritonnn.distributions.exp_family import ExponentialFamily
from tritonnn.distributions.normal import Normal
from tritonnn.distributions.transforms import *
from tritonnn.distributions.uniform import Uniform

__all__ = [
    "Bernoulli", "Categorical", "Distribution", "ExponentialFamily", "Normal", "Uniform", "biject_to",
    "constraint_registry", "constraints", "transform_to", "transforms", "utils", *transforms.__all__,
]  # fmt: skip
