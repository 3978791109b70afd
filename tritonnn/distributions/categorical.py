"""The categorical distribution."""

from __future__ import annotations

from typing import Any

import tritonnn as torch
from tritonnn._tensor import Tensor
from tritonnn.distributions import constraints
from tritonnn.distributions._parameters import CategoricalParameter
from tritonnn.distributions.utils import Shape
from tritonnn.shape import Size

__all__ = ["Categorical"]


class Categorical(CategoricalParameter):
    """One of the numbers 0 ... K - 1, with the probabilities or logits in the last dimension.

    >>> import tritonnn as torch
    >>> d = torch.distributions.Categorical(torch.tensor([1., 3.]))
    >>> d.probs, d.log_prob(torch.tensor(1)), d.mode
    (tensor([0.2500, 0.7500]), tensor(-0.2877), tensor(1))
    """

    has_enumerate_support = True
    _expands = {"probs": 1, "logits": 1}
    _carries = frozenset({"_num_events"})

    def __init__(
        self, probs: Tensor | None = None, logits: Tensor | None = None, validate_args: bool | None = None
    ) -> None:
        batch_shape = self._take(probs, logits)
        self._num_events = self._param.shape[-1]
        super().__init__(batch_shape, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Any:
        return constraints.integer_interval(0, self._num_events - 1)

    @property
    def mean(self) -> Tensor:
        return self._nothing()  # categories are names, not numbers

    variance = mean

    def _nothing(self) -> Tensor:
        return torch.full(self._batch_shape, float("nan"), dtype=self.probs.dtype, device=self.probs.device)

    @property
    def mode(self) -> Tensor:
        return self.probs.argmax(-1)

    def sample(self, sample_shape: Shape = Size()) -> Tensor:
        sample_shape = Size(sample_shape)
        rows = self.probs.detach().reshape(-1, self._num_events)
        drawn = torch.multinomial(rows, max(sample_shape.numel(), 1), True).T
        return drawn[: sample_shape.numel()].reshape(self._extended_shape(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        index = value.long().unsqueeze(-1)
        shape = torch.broadcast_shapes(index.shape[:-1], self.logits.shape[:-1])
        logits = self.logits.expand(shape + self.logits.shape[-1:])
        return logits.gather(-1, index.expand((*shape, 1))).squeeze(-1)

    def entropy(self) -> Tensor:
        # a probability of 0 has a logit of -inf, and a term of 0
        logits = self.logits.clamp(min=torch.finfo(self.logits.dtype).min)
        return -(logits * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        values = torch.arange(self._num_events, dtype=torch.long, device=self._param.device)
        values = values.view((-1,) + (1,) * len(self._batch_shape))
        return values.expand((-1, *self._batch_shape)) if expand else values
