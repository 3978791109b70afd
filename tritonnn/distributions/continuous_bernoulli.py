"""The continuous Bernoulli distribution."""

from __future__ import annotations

import math
from typing import Any

import tritonnn as torch
from tritonnn._tensor import Tensor
from tritonnn.distributions import constraints
from tritonnn.distributions._parameters import BinaryParameter
from tritonnn.distributions.exp_family import ExponentialFamily
from tritonnn.distributions.utils import (
    Numbers,
    Shape,
    broadcast_all,
    clamp_probs,
    lazy_property,
    probs_to_logits,
    uniform,
)
from tritonnn.distributions.utils import logits_to_probs as _to_probs
from tritonnn.nn.functional import binary_cross_entropy_with_logits
from tritonnn.shape import Size

__all__ = ["ContinuousBernoulli"]


class ContinuousBernoulli(BinaryParameter, ExponentialFamily):
    """On [0, 1], with a density in proportion to p ** x * (1 - p) ** (1 - x).

    Formulas with 1 - 2p in a denominator are Taylor's series where p lies between `lims`.
    Source: G. Loaiza-Ganem and J. P. Cunningham, "The continuous Bernoulli", arXiv:1907.06845.

    >>> import tritonnn as torch
    >>> torch.distributions.ContinuousBernoulli(torch.tensor([0.5])).mean
    tensor([0.5000])
    """

    support = constraints.unit_interval
    has_rsample = True
    _mean_carrier_measure = 0
    _expands = {"probs": 0, "logits": 0}
    _carries = frozenset({"_lims"})

    def __init__(
        self, probs: Numbers | None = None, logits: Numbers | None = None, lims: tuple[float, float] = (0.499, 0.501),
        validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        batch_shape = self._take(probs, logits)
        if self._given_probs:
            if validate_args is not None and not bool(self.arg_constraints["probs"].check(self.probs).all()):
                raise ValueError("The parameter probs has invalid values")
            self.probs = clamp_probs(self.probs)
        self._lims = lims
        super().__init__(batch_shape, validate_args=validate_args)

    @lazy_property
    def probs(self) -> Any:
        """p of the density."""
        return clamp_probs(_to_probs(self.logits, is_binary=True))

    @lazy_property
    def logits(self) -> Any:
        """log p / (1 - p)."""
        return probs_to_logits(self.probs, is_binary=True)

    def _outside(self) -> Tensor:
        return (self.probs <= self._lims[0]) | (self.probs > self._lims[1])

    def _away(self) -> Tensor:
        """p, or a limit where it is too near to 1/2 for the formulas."""
        return torch.where(self._outside(), self.probs, self._lims[0] * torch.ones_like(self.probs))

    def _log_constant(self) -> Tensor:
        """log of the factor 2 artanh(1 - 2p) / (1 - 2p)."""
        p = self._away()
        exact = torch.log(torch.abs(torch.log1p(-p) - torch.log(p))) - torch.log(torch.abs(1 - 2.0 * p))
        square = (self.probs - 0.5) ** 2
        taylor = math.log(2.0) + (4.0 / 3.0 + 104.0 / 45.0 * square) * square
        return torch.where(self._outside(), exact, taylor)

    @property
    def mean(self) -> Tensor:
        p = self._away()
        exact = p / (2.0 * p - 1.0) + 1.0 / (torch.log1p(-p) - torch.log(p))
        off = self.probs - 0.5
        return torch.where(self._outside(), exact, 0.5 + (1.0 / 3.0 + 16.0 / 45.0 * off**2) * off)

    @property
    def stddev(self) -> Tensor:
        return torch.sqrt(self.variance)

    @property
    def variance(self) -> Tensor:
        p = self._away()
        exact = p * (p - 1.0) / (1.0 - 2.0 * p) ** 2 + 1.0 / (torch.log1p(-p) - torch.log(p)) ** 2
        square = (self.probs - 0.5) ** 2
        taylor = 1.0 / 12.0 - (1.0 / 15.0 - 128.0 / 945.0 * square) * square
        return torch.where(self._outside(), exact, taylor)

    def rsample(self, sample_shape: Shape = Size()) -> Tensor:
        return self.icdf(uniform(self._extended_shape(sample_shape), self.probs))

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        return -binary_cross_entropy_with_logits(logits, value, reduction="none") + self._log_constant()

    def cdf(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        p = self._away()
        exact = (torch.pow(p, value) * torch.pow(1.0 - p, 1.0 - value) + p - 1.0) / (2.0 * p - 1.0)
        inside = torch.where(self._outside(), exact, value)
        return torch.where(
            value <= 0.0, torch.zeros_like(value), torch.where(value >= 1.0, torch.ones_like(value), inside)
        )

    def icdf(self, value: Tensor) -> Tensor:
        p = self._away()
        exact = (torch.log1p(-p + value * (2.0 * p - 1.0)) - torch.log1p(-p)) / (
            torch.log(p) - torch.log1p(-p)
        )
        return torch.where(self._outside(), exact, value)

    def entropy(self) -> Tensor:
        log_complement, log_p = torch.log1p(-self.probs), torch.log(self.probs)
        return self.mean * (log_complement - log_p) - self._log_constant() - log_complement

    @property
    def _natural_params(self) -> tuple[Tensor]:
        return (self.logits,)

    def _log_normalizer(self, x: Tensor) -> Tensor:
        # log (e^x - 1) / x, a series around 0
        near = (self._lims[0] - 0.5 < x) & (x < self._lims[1] - 0.5)
        away = torch.where(near, (self._lims[0] - 0.5) * torch.ones_like(x), x)
        exact = torch.log(torch.abs(torch.special.expm1(away))) - torch.log(torch.abs(away))
        taylor = 0.5 * x + torch.pow(x, 2) / 24.0 - torch.pow(x, 4) / 2880.0
        return torch.where(near, taylor, exact)
