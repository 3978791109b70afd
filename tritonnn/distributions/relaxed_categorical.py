"""One-hot vectors made continuous."""

from __future__ import annotations

from typing import Any

import tritonnn as torch
from tritonnn._tensor import Tensor
from tritonnn.distributions import constraints
from tritonnn.distributions.categorical import Categorical
from tritonnn.distributions.distribution import Distribution
from tritonnn.distributions.transformed_distribution import TransformedDistribution
from tritonnn.distributions.transforms import ExpTransform
from tritonnn.distributions.utils import Numbers, Shape, broadcast_all, open_uniform
from tritonnn.shape import Size

__all__ = ["ExpRelaxedCategorical", "RelaxedOneHotCategorical"]


class ExpRelaxedCategorical(Distribution):
    """Logarithms of relaxed one-hot vectors: log softmax((logits + Gumbel noise) / temperature).

    Source: C. J. Maddison, A. Mnih and Y. W. Teh, "The concrete distribution", arXiv:1611.00712.

    >>> import tritonnn as torch
    >>> from tritonnn.distributions.relaxed_categorical import ExpRelaxedCategorical
    >>> ExpRelaxedCategorical(torch.tensor(1.), torch.tensor([0.5, 0.5])).event_shape
    torch.Size([2])
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    # vectors whose exponentials add up to 1: PyTorch calls for no more than real ones
    support = constraints.real_vector
    has_rsample = True

    def __init__(
        self, temperature: Numbers, probs: Tensor | None = None, logits: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        self._categorical = Categorical(probs, logits)
        self.temperature = temperature
        super().__init__(
            self._categorical.batch_shape, self._categorical.param_shape[-1:], validate_args=validate_args
        )

    def expand(self, batch_shape: Shape, _instance: Any = None) -> ExpRelaxedCategorical:
        new = self._get_checked_instance(ExpRelaxedCategorical, _instance)
        batch_shape = Size(batch_shape)
        new.temperature = self.temperature
        new._categorical = self._categorical.expand(batch_shape)
        super(ExpRelaxedCategorical, new).__init__(batch_shape, self._event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    def _new(self, *args: Any, **kwargs: Any) -> Tensor:
        return self._categorical._new(*args, **kwargs)

    @property
    def param_shape(self) -> Size:
        """The shape of the parameter."""
        return self._categorical.param_shape

    @property
    def logits(self) -> Tensor:
        """The logarithm of each probability."""
        return self._categorical.logits

    @property
    def probs(self) -> Tensor:
        """The probability of each category."""
        return self._categorical.probs

    def rsample(self, sample_shape: Shape = Size()) -> Tensor:
        u = open_uniform(self._extended_shape(sample_shape), self.logits)
        return torch.log_softmax((self.logits - (-u.log()).log()) / self.temperature, -1)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        n = self._categorical._num_events
        logits, value = broadcast_all(self.logits, value)
        temperature = self.temperature
        if not isinstance(temperature, Tensor):
            temperature = torch.tensor(temperature, dtype=logits.dtype, device=logits.device)
        # (n - 1)! t^(n - 1) prod p_i y_i^-t / (sum p_i y_i^-t)^n, with y = exp(value) and its Jacobian
        score = logits - value.mul(temperature)
        score = (score - score.logsumexp(-1, keepdim=True)).sum(-1)
        constant = -torch.full_like(temperature, float(n)).lgamma() + temperature.log().mul(-(n - 1))
        return score - constant


class RelaxedOneHotCategorical(TransformedDistribution):
    """Probabilities that are nearer to a one-hot vector the lower the temperature is.

    Source: C. J. Maddison, A. Mnih and Y. W. Teh, "The concrete distribution", arXiv:1611.00712.

    >>> import tritonnn as torch
    >>> d = torch.distributions.RelaxedOneHotCategorical(torch.tensor(1.), torch.tensor([0.25, 0.75]))
    >>> d.sample().shape, d.event_shape
    (torch.Size([2]), torch.Size([2]))
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.simplex
    has_rsample = True
    base_dist: ExpRelaxedCategorical

    def __init__(
        self, temperature: Numbers, probs: Tensor | None = None, logits: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        base = ExpRelaxedCategorical(temperature, probs, logits, validate_args=validate_args)
        super().__init__(base, ExpTransform(), validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: Any = None) -> Any:
        return super().expand(batch_shape, self._get_checked_instance(RelaxedOneHotCategorical, _instance))

    @property
    def temperature(self) -> Any:
        """How far values are from one-hot vectors."""
        return self.base_dist.temperature

    @property
    def logits(self) -> Tensor:
        """The logarithm of each probability."""
        return self.base_dist.logits

    @property
    def probs(self) -> Tensor:
        """The probability of each category."""
        return self.base_dist.probs
