"""The generalized Pareto distribution."""

from __future__ import annotations

from typing import Any

import tritonnn as torch
from tritonnn._tensor import Tensor
from tritonnn.distributions import constraints
from tritonnn.distributions.distribution import Distribution
from tritonnn.distributions.utils import Numbers, Shape, broadcast_all, uniform
from tritonnn.shape import Size

__all__ = ["GeneralizedPareto"]


class GeneralizedPareto(Distribution):
    """What exceeds a high threshold: of (x - loc) / scale = z a share of (1 + c z) ** (-1 / c) lies beyond.

    c is `concentration`; at 0 that is the exponential distribution, and below 0 values end at loc - scale / c.
    Source: J. Pickands, "Statistical inference using extreme order statistics", 1975.

    >>> import tritonnn as torch
    >>> torch.distributions.GeneralizedPareto(torch.tensor([1.]), torch.tensor([2.]), torch.tensor([0.5])).mean
    tensor([5.])
    """

    arg_constraints = {
        "loc": constraints.real, "scale": constraints.positive, "concentration": constraints.real,
    }  # fmt: skip
    has_rsample = True
    _expands = {"loc": 0, "scale": 0, "concentration": 0}

    def __init__(
        self, loc: Numbers, scale: Numbers, concentration: Numbers, validate_args: bool | None = None
    ) -> None:
        self.loc, self.scale, self.concentration = broadcast_all(loc, scale, concentration)
        super().__init__(self.loc.size(), validate_args=validate_args)

    @property
    def _is_exponential(self) -> Tensor:
        return torch.isclose(self.concentration, torch.zeros_like(self.concentration))

    @property
    def _nonzero(self) -> Tensor:
        """The concentration, with 1 where it is 0, so that unused branches have finite gradients."""
        return torch.where(self._is_exponential, torch.ones_like(self.concentration), self.concentration)

    def _log_survival(self, value: Tensor) -> Tensor:
        """The logarithm of the share beyond `value`."""
        z = (value - self.loc) / self.scale
        return torch.where(self._is_exponential, -z, -torch.log1p(self._nonzero * z) / self._nonzero)

    def rsample(self, sample_shape: Shape = Size()) -> Tensor:
        return self.icdf(uniform(self._extended_shape(sample_shape), self.loc))

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        # where the concentration is 0 the factor is 1 as well
        return (1 + torch.where(self._is_exponential, 0.0, self.concentration)) * self._log_survival(
            value
        ) - torch.log(self.scale)

    def log_survival_function(self, value: Tensor) -> Tensor:
        """The logarithm of the probability of what is above `value`."""
        if self._validate_args:
            self._validate_sample(value)
        return self._log_survival(value)

    def log_cdf(self, value: Tensor) -> Tensor:
        """The logarithm of the probability of what is at most `value`."""
        return torch.log1p(-torch.exp(self.log_survival_function(value)))

    def cdf(self, value: Tensor) -> Tensor:
        return -torch.expm1(self.log_survival_function(value))

    def icdf(self, value: Tensor) -> Tensor:
        log_beyond = torch.log1p(-value)
        c = self._nonzero
        return self.loc + self.scale * torch.where(
            self._is_exponential, -log_beyond, torch.expm1(-c * log_beyond) / c
        )

    def _below(self, limit: float, formula: Tensor) -> Tensor:
        """A moment, which is infinite from a concentration on."""
        return torch.where(self.concentration < limit, formula, torch.full_like(formula, float("inf")))

    @property
    def mean(self) -> Tensor:
        return self._below(1.0, self.loc + self.scale / (1 - self.concentration))

    @property
    def variance(self) -> Tensor:
        c = self.concentration
        return self._below(0.5, self.scale**2 / ((1 - c) ** 2 * (1 - 2 * c)))

    @property
    def mode(self) -> Tensor:
        return self.loc

    def entropy(self) -> Tensor:
        return torch.log(self.scale) + self.concentration + 1

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        end = self.loc - self.scale / self.concentration.clamp(max=-torch.finfo(self.loc.dtype).tiny)
        end = torch.where(self.concentration < 0, end, torch.full_like(end, float("inf")))
        return constraints.interval(self.loc, end)
