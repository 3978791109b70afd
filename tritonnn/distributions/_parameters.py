"""Parameters that are given in one of two forms, of which the other follows."""

from __future__ import annotations

from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.distributions import constraints
from tritonnn.distributions.distribution import Distribution
from tritonnn.distributions.utils import (
    Numbers,
    broadcast_all,
    lazy_property,
    logits_to_probs,
    probs_to_logits,
)
from tritonnn.shape import Size


def one_of(probs: Any, logits: Any) -> None:
    """Refuse none or both of two forms."""
    if (probs is None) == (logits is None):
        raise ValueError("Either `probs` or `logits` must be specified, but not both.")


class GivenParameter(Distribution):
    """One of `probs` and `logits` is kept in the instance from the start."""

    @property
    def _param(self) -> Tensor:
        """The parameter in the form in which it was given."""
        return self.__dict__["probs"] if self._given_probs else self.__dict__["logits"]

    @property
    def _given_probs(self) -> bool:
        # the one that follows is kept behind the one that was given
        return next(name for name in self.__dict__ if name in ("probs", "logits")) == "probs"

    def _new(self, *args: Any, **kwargs: Any) -> Tensor:
        return self._param.new(*args, **kwargs)

    @property
    def param_shape(self) -> Size:
        """The shape of the parameter."""
        return self._param.size()


class BinaryParameter(GivenParameter):
    """The probability of a success, or its log odds."""

    arg_constraints: Any = {"probs": constraints.unit_interval, "logits": constraints.real}

    def _take(self, probs: Numbers | None, logits: Numbers | None) -> Size:
        """Keep the form that is given, and return the shape of the batch."""
        one_of(probs, logits)
        name, value = ("probs", probs) if logits is None else ("logits", logits)
        (self.__dict__[name],) = broadcast_all(value)
        return self._param.size()

    @lazy_property
    def probs(self) -> Any:
        """The probability of a success."""
        return logits_to_probs(self.logits, is_binary=True)

    @lazy_property
    def logits(self) -> Any:
        """log p / (1 - p)."""
        return probs_to_logits(self.probs, is_binary=True)


class CategoricalParameter(GivenParameter):
    """The probabilities of categories along the last dimension, or their logarithms up to a constant."""

    arg_constraints: Any = {"probs": constraints.simplex, "logits": constraints.real_vector}

    def _take(self, probs: Tensor | None, logits: Tensor | None) -> Size:
        """Keep the form that is given, normalised, and return the shape of the batch."""
        one_of(probs, logits)
        name, value = ("probs", probs) if logits is None else ("logits", logits)
        assert value is not None
        if value.dim() < 1:
            raise ValueError(f"`{name}` parameter must be at least one-dimensional.")
        self.__dict__[name] = (
            value / value.sum(-1, keepdim=True)
            if logits is None
            else value - value.logsumexp(-1, keepdim=True)
        )
        return value.shape[:-1]

    @lazy_property
    def probs(self) -> Any:
        """The probability of each category."""
        return logits_to_probs(self.logits)

    @lazy_property
    def logits(self) -> Any:
        """The logarithm of each probability."""
        return probs_to_logits(self.probs)
