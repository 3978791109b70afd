"""The negative binomial distribution."""

from __future__ import annotations

from typing import Any

import tritonnn as torch
from tritonnn._tensor import Tensor
from tritonnn.distributions import constraints
from tritonnn.distributions._parameters import BinaryParameter, one_of
from tritonnn.distributions.gamma import Gamma
from tritonnn.distributions.utils import Numbers, Shape, broadcast_all, lazy_property
from tritonnn.nn.functional import logsigmoid
from tritonnn.shape import Size

__all__ = ["NegativeBinomial"]


class NegativeBinomial(BinaryParameter):
    """How many trials succeed, each with probability `probs`, before `total_count` fail.

    >>> import tritonnn as torch
    >>> torch.distributions.NegativeBinomial(torch.tensor([3.]), torch.tensor([0.5])).mean
    tensor([3.])
    """

    arg_constraints = {
        "total_count": constraints.greater_than_eq(0), "probs": constraints.half_open_interval(0.0, 1.0),
        "logits": constraints.real,
    }  # fmt: skip
    support = constraints.nonnegative_integer
    _expands = {"total_count": 0, "probs": 0, "logits": 0}

    def __init__(
        self,
        total_count: Numbers,
        probs: Numbers | None = None,
        logits: Numbers | None = None,
        validate_args: bool | None = None,
    ) -> None:
        one_of(probs, logits)
        name, value = ("probs", probs) if logits is None else ("logits", logits)
        self.total_count, self.__dict__[name] = broadcast_all(total_count, value)
        self.total_count = self.total_count.type_as(self.__dict__[name])
        super().__init__(self._param.size(), validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.total_count * torch.exp(self.logits)

    @property
    def mode(self) -> Tensor:
        return ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0.0)

    @property
    def variance(self) -> Tensor:
        return self.mean / torch.sigmoid(-self.logits)

    @lazy_property
    def _gamma(self) -> Any:
        # of which the rates of a Poisson variable are drawn
        return Gamma(concentration=self.total_count, rate=torch.exp(-self.logits), validate_args=False)

    def sample(self, sample_shape: Shape = Size()) -> Tensor:
        with torch.no_grad():
            return torch.poisson(self._gamma.sample(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        n = self.total_count
        choices = torch.lgamma(n + value) - torch.lgamma(1.0 + value) - torch.lgamma(n)
        # none succeeds where none may fail
        choices = choices.masked_fill(n + value == 0.0, 0.0)
        return choices + n * logsigmoid(-self.logits) + value * logsigmoid(self.logits)
