"""Kullback-Leibler divergences, by the classes of the two distributions."""

from __future__ import annotations

# the files register their pairs when they are read
from tritonnn.distributions._kl import cross as cross
from tritonnn.distributions._kl import multivariate as multivariate
from tritonnn.distributions._kl import same as same
from tritonnn.distributions._kl.registry import _KL_REGISTRY as _KL_REGISTRY
from tritonnn.distributions._kl.registry import _dispatch as _dispatch
from tritonnn.distributions._kl.registry import kl_divergence, register_kl

__all__ = ["kl_divergence", "register_kl"]
