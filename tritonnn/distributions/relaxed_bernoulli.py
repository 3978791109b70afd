"""Bernoulli variables made continuous."""

from __future__ import annotations

from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.distributions import constraints
from tritonnn.distributions._parameters import BinaryParameter
from tritonnn.distributions.transformed_distribution import TransformedDistribution
from tritonnn.distributions.transforms import SigmoidTransform
from tritonnn.distributions.utils import Numbers, Shape, broadcast_all, open_uniform
from tritonnn.nn.functional import softplus
from tritonnn.shape import Size

__all__ = ["LogitRelaxedBernoulli", "RelaxedBernoulli"]


class LogitRelaxedBernoulli(BinaryParameter):
    """Log odds of a relaxed Bernoulli variable: logistic, with mean logits / temperature and scale 1 / temperature.

    Source: C. J. Maddison, A. Mnih and Y. W. Teh, "The concrete distribution", arXiv:1611.00712.

    >>> import tritonnn as torch
    >>> from tritonnn.distributions.relaxed_bernoulli import LogitRelaxedBernoulli
    >>> LogitRelaxedBernoulli(torch.tensor(1.), logits=torch.tensor(0.)).log_prob(torch.tensor(0.))
    tensor(-1.3863)
    """

    support = constraints.real
    has_rsample = True
    _expands = {"probs": 0, "logits": 0}
    _carries = frozenset({"temperature"})

    def __init__(
        self,
        temperature: Numbers,
        probs: Numbers | None = None,
        logits: Numbers | None = None,
        validate_args: bool | None = None,
    ) -> None:
        self.temperature = temperature
        super().__init__(self._take(probs, logits), validate_args=validate_args)

    def rsample(self, sample_shape: Shape = Size()) -> Tensor:
        u = open_uniform(self._extended_shape(sample_shape), self._param)
        return (u.log() - (-u).log1p() + self.logits) / self.temperature

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        off = logits - value.mul(self.temperature)
        temperature = self.temperature
        log_temperature = (
            temperature.log() if isinstance(temperature, Tensor) else off.new_tensor(temperature).log()
        )
        return log_temperature + off - 2 * softplus(off)


class RelaxedBernoulli(TransformedDistribution):
    """A number between 0 and 1 that is nearer to one of them the lower the temperature is.

    Source: C. J. Maddison, A. Mnih and Y. W. Teh, "The concrete distribution", arXiv:1611.00712.

    >>> import tritonnn as torch
    >>> d = torch.distributions.RelaxedBernoulli(torch.tensor(2.), torch.tensor([0.25]))
    >>> d.probs, d.sample().shape
    (tensor([0.2500]), torch.Size([1]))
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    has_rsample = True
    base_dist: LogitRelaxedBernoulli

    def __init__(
        self,
        temperature: Numbers,
        probs: Numbers | None = None,
        logits: Numbers | None = None,
        validate_args: bool | None = None,
    ) -> None:
        base = LogitRelaxedBernoulli(temperature, probs, logits)
        super().__init__(base, SigmoidTransform(), validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: Any = None) -> Any:
        return super().expand(batch_shape, self._get_checked_instance(RelaxedBernoulli, _instance))

    @property
    def temperature(self) -> Any:
        """How far values are from 0 and 1."""
        return self.base_dist.temperature

    @property
    def logits(self) -> Tensor:
        """log p / (1 - p)."""
        return self.base_dist.logits

    @property
    def probs(self) -> Tensor:
        """The probability of a value near to 1."""
        return self.base_dist.probs
