"""The beta distribution."""

from __future__ import annotations

from typing import Any

import tritonnn as torch
from tritonnn._tensor import Tensor
from tritonnn.distributions import constraints
from tritonnn.distributions.dirichlet import Dirichlet
from tritonnn.distributions.exp_family import ExponentialFamily
from tritonnn.distributions.utils import Numbers, Shape, broadcast_all
from tritonnn.shape import Size

__all__ = ["Beta"]


class Beta(ExponentialFamily):
    """Beta: the first of two Dirichlet variates with these concentrations.

    >>> import tritonnn as torch
    >>> d = torch.distributions.Beta(torch.tensor([2.]), torch.tensor([6.]))
    >>> d.mean, d.mode
    (tensor([0.2500]), tensor([0.1667]))
    """

    arg_constraints = {"concentration1": constraints.positive, "concentration0": constraints.positive}
    support = constraints.unit_interval
    has_rsample = True
    _mean_carrier_measure = 0

    def __init__(
        self, concentration1: Numbers, concentration0: Numbers, validate_args: bool | None = None
    ) -> None:
        pair = torch.stack(broadcast_all(*_floating(concentration1, concentration0)), -1)
        # checked below, by the names that users gave
        self._dirichlet = Dirichlet(pair, validate_args=False)
        super().__init__(self._dirichlet._batch_shape, validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: Any = None) -> Beta:
        new = self._get_checked_instance(Beta, _instance)
        new._dirichlet = self._dirichlet.expand(Size(batch_shape))
        super(Beta, new).__init__(Size(batch_shape), validate_args=False)
        new._validate_args = self._validate_args
        return new

    @property
    def concentration1(self) -> Tensor:
        """The first concentration, of what pulls to 1."""
        return self._dirichlet.concentration[..., 0]

    @property
    def concentration0(self) -> Tensor:
        """The second concentration, of what pulls to 0."""
        return self._dirichlet.concentration[..., 1]

    @property
    def mean(self) -> Tensor:
        return self.concentration1 / (self.concentration1 + self.concentration0)

    @property
    def mode(self) -> Tensor:
        return self._dirichlet.mode[..., 0]

    @property
    def variance(self) -> Tensor:
        total = self.concentration1 + self.concentration0
        return self.concentration1 * self.concentration0 / (total.pow(2) * (total + 1))

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        return self._dirichlet.rsample(sample_shape).select(-1, 0)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        return self._dirichlet.log_prob(torch.stack([value, 1.0 - value], -1))

    def entropy(self) -> Tensor:
        return self._dirichlet.entropy()

    @property
    def _natural_params(self) -> tuple[Tensor, Tensor]:
        return self.concentration1, self.concentration0

    def _log_normalizer(self, x: Tensor, y: Tensor) -> Tensor:
        return torch.lgamma(x) + torch.lgamma(y) - torch.lgamma(x + y)


def _floating(*values: Any) -> list[Any]:
    """Numbers as floats, so that two whole numbers make a tensor of the default floating dtype."""
    return [value if isinstance(value, Tensor) else float(value) for value in values]
