"""The geometric distribution."""

from __future__ import annotations

import tritonnn as torch
from tritonnn._tensor import Tensor
from tritonnn.distributions import constraints
from tritonnn.distributions._parameters import BinaryParameter
from tritonnn.distributions.utils import Numbers, Shape, broadcast_all, open_uniform
from tritonnn.nn.functional import binary_cross_entropy_with_logits
from tritonnn.shape import Size

__all__ = ["Geometric"]


class Geometric(BinaryParameter):
    """How many trials fail before the first that succeeds.

    Raises:
        ValueError: a probability of 0 or outside of [0, 1].

    >>> import tritonnn as torch
    >>> torch.distributions.Geometric(torch.tensor([0.25])).mean
    tensor([3.])
    """

    support = constraints.nonnegative_integer
    _expands = {"probs": 0, "logits": 0}

    def __init__(
        self, probs: Numbers | None = None, logits: Numbers | None = None, validate_args: bool | None = None
    ) -> None:
        super().__init__(self._take(probs, logits), validate_args=validate_args)
        if self._validate_args and probs is not None and not bool((self.probs > 0).all()):
            raise ValueError(
                f"Expected parameter probs ({type(self.probs).__name__} of shape {tuple(self.probs.shape)}) of "
                f"distribution {self!r} to be positive but found invalid values:\n{self.probs[self.probs <= 0]}"
            )

    @property
    def mean(self) -> Tensor:
        return 1.0 / self.probs - 1.0

    @property
    def mode(self) -> Tensor:
        return torch.zeros_like(self.probs)

    @property
    def variance(self) -> Tensor:
        return (1.0 / self.probs - 1.0) / self.probs

    def sample(self, sample_shape: Shape = Size()) -> Tensor:
        with torch.no_grad():
            u = open_uniform(self._extended_shape(sample_shape), self.probs)
            return (u.log() / (-self.probs).log1p()).floor()

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        value, probs = broadcast_all(value, self.probs)
        # no failure has the probability 1 where every trial succeeds: 0 times the logarithm of 0
        return torch.special.xlog1py(value, -probs) + self.probs.log()

    def entropy(self) -> Tensor:
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none") / self.probs
