"""The binomial distribution."""

from __future__ import annotations

from typing import Any

import tritonnn as torch
from tritonnn._tensor import Tensor
from tritonnn.distributions import constraints
from tritonnn.distributions._parameters import BinaryParameter, one_of
from tritonnn.distributions.utils import Numbers, Shape, broadcast_all
from tritonnn.nn.functional import softplus
from tritonnn.shape import Size

__all__ = ["Binomial"]


class Binomial(BinaryParameter):
    """How many of `total_count` trials succeed.

    >>> import tritonnn as torch
    >>> d = torch.distributions.Binomial(4, torch.tensor([0.5]))
    >>> d.mean, d.log_prob(torch.tensor([4.])).exp()
    (tensor([2.]), tensor([0.0625]))
    """

    arg_constraints = {
        "total_count": constraints.nonnegative_integer, "probs": constraints.unit_interval,
        "logits": constraints.real,
    }  # fmt: skip
    has_enumerate_support = True
    _expands = {"total_count": 0, "probs": 0, "logits": 0}

    def __init__(
        self,
        total_count: Numbers = 1,
        probs: Numbers | None = None,
        logits: Numbers | None = None,
        validate_args: bool | None = None,
    ) -> None:
        one_of(probs, logits)
        name, value = ("probs", probs) if logits is None else ("logits", logits)
        self.total_count, self.__dict__[name] = broadcast_all(total_count, value)
        self.total_count = self.total_count.type_as(self.__dict__[name])
        super().__init__(self._param.size(), validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Any:
        return constraints.integer_interval(0, self.total_count)

    @property
    def mean(self) -> Tensor:
        return self.total_count * self.probs

    @property
    def mode(self) -> Tensor:
        return ((self.total_count + 1) * self.probs).floor().clamp(max=self.total_count)

    @property
    def variance(self) -> Tensor:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Shape = Size()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        with torch.no_grad():
            return torch.binomial(self.total_count.expand(shape), self.probs.expand(shape))

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        n = self.total_count
        choices = torch.lgamma(n + 1) - torch.lgamma(value + 1) - torch.lgamma(n - value + 1)
        # log p^k (1 - p)^(n - k) = k logit - n log(1 + exp(logit))
        return choices + value * self.logits - n * softplus(self.logits)

    def entropy(self) -> Tensor:
        if not bool((self.total_count == self.total_count.max()).all()):
            raise NotImplementedError("Inhomogeneous total count not supported by `entropy`.")
        log_prob = self.log_prob(self.enumerate_support(False))
        return -(log_prob.exp() * log_prob).sum(0)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        total = int(self.total_count.max())
        if int(self.total_count.min()) != total:
            raise NotImplementedError("Inhomogeneous total count not supported by `enumerate_support`.")
        values = torch.arange(1 + total, dtype=self._param.dtype, device=self._param.device)
        values = values.view((-1,) + (1,) * len(self._batch_shape))
        return values.expand((-1, *self._batch_shape)) if expand else values
