"""The logistic normal distribution."""

from __future__ import annotations

from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.distributions import constraints
from tritonnn.distributions.normal import Normal
from tritonnn.distributions.transformed_distribution import TransformedDistribution
from tritonnn.distributions.transforms import StickBreakingTransform
from tritonnn.distributions.utils import Numbers, Shape

__all__ = ["LogisticNormal"]


class LogisticNormal(TransformedDistribution):
    """Probabilities that stick-breaking makes of independent normal variables along the last dimension.

    >>> import tritonnn as torch
    >>> torch.distributions.LogisticNormal(torch.zeros(3), torch.ones(3)).event_shape
    torch.Size([4])
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.simplex
    has_rsample = True

    def __init__(self, loc: Numbers, scale: Numbers, validate_args: bool | None = None) -> None:
        base = Normal(loc, scale, validate_args=validate_args)
        if not base.batch_shape:
            base = base.expand([1])
        super().__init__(base, StickBreakingTransform(), validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: Any = None) -> Any:
        return super().expand(batch_shape, self._get_checked_instance(LogisticNormal, _instance))

    @property
    def loc(self) -> Tensor:
        """The means of the normal variables."""
        return self.base_dist.base_dist.loc

    @property
    def scale(self) -> Tensor:
        """The standard deviations of the normal variables."""
        return self.base_dist.base_dist.scale
