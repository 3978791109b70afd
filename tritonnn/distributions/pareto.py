"""The Pareto distribution."""

from __future__ import annotations

from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.distributions import constraints
from tritonnn.distributions.exponential import Exponential
from tritonnn.distributions.transformed_distribution import TransformedDistribution
from tritonnn.distributions.transforms import AffineTransform, ExpTransform
from tritonnn.distributions.utils import Numbers, Shape, broadcast_all

__all__ = ["Pareto"]


class Pareto(TransformedDistribution):
    """Above `scale`, with a share of (scale / x) ** alpha beyond x.

    >>> import tritonnn as torch
    >>> torch.distributions.Pareto(torch.tensor([1.]), torch.tensor([3.])).mean
    tensor([1.5000])
    """

    arg_constraints = {"alpha": constraints.positive, "scale": constraints.positive}

    def __init__(self, scale: Numbers, alpha: Numbers, validate_args: bool | None = None) -> None:
        self.scale, self.alpha = broadcast_all(scale, alpha)
        base = Exponential(self.alpha, validate_args=validate_args)
        super().__init__(
            base, [ExpTransform(), AffineTransform(loc=0, scale=self.scale)], validate_args=validate_args
        )

    def expand(self, batch_shape: Shape, _instance: Any = None) -> Any:
        new = self._get_checked_instance(Pareto, _instance)
        new.scale, new.alpha = self.scale.expand(batch_shape), self.alpha.expand(batch_shape)
        return super().expand(batch_shape, new)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        return constraints.greater_than_eq(self.scale)

    @property
    def mean(self) -> Tensor:
        alpha = self.alpha.clamp(min=1)  # infinite from there down
        return alpha * self.scale / (alpha - 1)

    @property
    def mode(self) -> Tensor:
        return self.scale

    @property
    def variance(self) -> Tensor:
        alpha = self.alpha.clamp(min=2)
        return self.scale.pow(2) * alpha / ((alpha - 1).pow(2) * (alpha - 2))

    def entropy(self) -> Tensor:
        return (self.scale / self.alpha).log() + (1 + self.alpha.reciprocal())
