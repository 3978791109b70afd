"""The Kumaraswamy distribution."""

from __future__ import annotations

from typing import Any

import tritonnn as torch
from tritonnn._tensor import Tensor
from tritonnn.distributions import constraints
from tritonnn.distributions.transformed_distribution import TransformedDistribution
from tritonnn.distributions.transforms import AffineTransform, PowerTransform
from tritonnn.distributions.uniform import Uniform
from tritonnn.distributions.utils import Numbers, Shape, broadcast_all, euler_constant

__all__ = ["Kumaraswamy"]


class Kumaraswamy(TransformedDistribution):
    """On (0, 1), with the distribution function 1 - (1 - x^a)^b for a = `concentration1` and b = `concentration0`.

    Source: P. Kumaraswamy, "A generalized probability density function for double-bounded random processes", 1980.

    >>> import tritonnn as torch
    >>> torch.distributions.Kumaraswamy(torch.tensor([1.]), torch.tensor([3.])).mean
    tensor([0.2500])
    """

    arg_constraints = {"concentration1": constraints.positive, "concentration0": constraints.positive}
    support = constraints.unit_interval
    has_rsample = True

    def __init__(
        self, concentration1: Numbers, concentration0: Numbers, validate_args: bool | None = None
    ) -> None:
        self.concentration1, self.concentration0 = broadcast_all(concentration1, concentration0)
        one = torch.full_like(self.concentration0, 1)
        base = Uniform(torch.zeros_like(one), one, validate_args=validate_args)
        # x = (1 - u^(1/b))^(1/a)
        transforms = [
            PowerTransform(exponent=self.concentration0.reciprocal()), AffineTransform(loc=1.0, scale=-1.0),
            PowerTransform(exponent=self.concentration1.reciprocal()),
        ]  # fmt: skip
        super().__init__(base, transforms, validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: Any = None) -> Any:
        new = self._get_checked_instance(Kumaraswamy, _instance)
        new.concentration1 = self.concentration1.expand(batch_shape)
        new.concentration0 = self.concentration0.expand(batch_shape)
        return super().expand(batch_shape, new)

    def _moment(self, n: int) -> Tensor:
        """E x^n = b B(1 + n / a, b)."""
        b, shape = self.concentration0, 1 + n / self.concentration1
        return (b.log() + torch.lgamma(shape) + torch.lgamma(b) - torch.lgamma(shape + b)).exp()

    @property
    def mean(self) -> Tensor:
        return self._moment(1)

    @property
    def mode(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        log_mode = a.reciprocal() * (torch.log(a - 1) - torch.log(a * b - 1))
        return log_mode.exp().masked_fill((a < 1) | (b < 1), float("nan"))

    @property
    def variance(self) -> Tensor:
        return self._moment(2) - self.mean.pow(2)

    def entropy(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        harmonic = torch.digamma(b + 1) + euler_constant
        return (1 - 1 / b) + (1 - 1 / a) * harmonic - torch.log(a) - torch.log(b)
