"""Mixtures of distributions of one family."""

from __future__ import annotations

from typing import Any

import tritonnn as torch
from tritonnn._tensor import Tensor
from tritonnn.distributions import constraints
from tritonnn.distributions.categorical import Categorical
from tritonnn.distributions.constraints import MixtureSameFamilyConstraint
from tritonnn.distributions.distribution import Distribution
from tritonnn.distributions.utils import Shape
from tritonnn.shape import Size

__all__ = ["MixtureSameFamily"]


class MixtureSameFamily(Distribution):
    """A value of one of the components along the last batch dimension, chosen by a categorical distribution.

    Raises:
        ValueError: the arguments are of other classes, or their shapes do not fit.

    >>> import tritonnn as torch
    >>> D = torch.distributions
    >>> mix = D.Categorical(torch.tensor([1., 3.]))
    >>> D.MixtureSameFamily(mix, D.Normal(torch.tensor([0., 4.]), 1.0)).mean
    tensor(3.)
    """

    arg_constraints: Any = {}
    has_rsample = False

    def __init__(
        self, mixture_distribution: Categorical, component_distribution: Distribution,
        validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        if not isinstance(mixture_distribution, Categorical):
            raise ValueError(
                " The Mixture distribution needs to be an instance of torch.distributions.Categorical, "
                f"got {type(mixture_distribution).__name__}"
            )
        if not isinstance(component_distribution, Distribution):
            raise ValueError(
                "The Component distribution need to be an instance of torch.distributions.Distribution, "
                f"got {type(component_distribution).__name__}"
            )
        self._mixture_distribution = mixture_distribution
        self._component_distribution = component_distribution
        batch_shape = component_distribution.batch_shape
        _fits(mixture_distribution, batch_shape)
        self._num_component = batch_shape[-1]
        self._event_ndims = len(component_distribution.event_shape)
        super().__init__(batch_shape[:-1], component_distribution.event_shape, validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: Any = None) -> MixtureSameFamily:
        new = self._get_checked_instance(MixtureSameFamily, _instance)
        batch_shape = Size(batch_shape)
        new._component_distribution = self._component_distribution.expand((*batch_shape, self._num_component))
        new._mixture_distribution = self._mixture_distribution.expand(batch_shape)
        new._num_component, new._event_ndims = self._num_component, self._event_ndims
        super(MixtureSameFamily, new).__init__(batch_shape, self._event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    @constraints.dependent_property
    def support(self) -> Any:
        return MixtureSameFamilyConstraint(self._component_distribution.support)

    @property
    def mixture_distribution(self) -> Categorical:
        """The distribution of the choice."""
        return self._mixture_distribution

    @property
    def component_distribution(self) -> Distribution:
        """The distributions to choose from."""
        return self._component_distribution

    def _weights(self) -> Tensor:
        """The probabilities of the components, with a dimension of extent 1 for each of an event's."""
        probs = self.mixture_distribution.probs
        return probs.reshape((*probs.shape, *[1] * self._event_ndims))

    def _mixed(self, values: Tensor) -> Tensor:
        return (self._weights() * values).sum(-1 - self._event_ndims)

    @property
    def mean(self) -> Tensor:
        return self._mixed(self.component_distribution.mean)

    @property
    def variance(self) -> Tensor:
        """The mean of the variances and the variance of the means."""
        component = self.component_distribution
        off = component.mean - self.mean.unsqueeze(-1 - self._event_ndims)
        return self._mixed(component.variance) + self._mixed(off.pow(2))

    def cdf(self, x: Tensor) -> Tensor:
        x = x.unsqueeze(-1 - self._event_ndims)
        return (self.component_distribution.cdf(x) * self.mixture_distribution.probs).sum(-1)

    def log_prob(self, x: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(x)
        log_prob = self.component_distribution.log_prob(x.unsqueeze(-1 - self._event_ndims))
        return torch.logsumexp(log_prob + torch.log_softmax(self.mixture_distribution.logits, -1), -1)

    def sample(self, sample_shape: Shape = Size()) -> Tensor:
        sample_shape = Size(sample_shape)
        with torch.no_grad():
            dim = len(sample_shape) + len(self._batch_shape)
            choice = self.mixture_distribution.expand(self._batch_shape).sample(sample_shape)
            samples = self.component_distribution.sample(sample_shape)
            choice = choice.reshape((*choice.shape, *[1] * (self._event_ndims + 1)))
            choice = choice.expand((*choice.shape[:dim], 1, *self._event_shape))
            return samples.gather(dim, choice).squeeze(dim)

    def __repr__(self) -> str:
        return f"MixtureSameFamily(\n  {self.mixture_distribution},\n  {self.component_distribution})"


def _fits(mixture: Categorical, components: Size) -> None:
    choices, number = mixture.logits.shape[-1], components[-1] if components else None
    for a, b in zip(reversed(mixture.batch_shape), reversed(components[:-1])):
        if a != 1 and b != 1 and a != b:
            raise ValueError(
                f"`mixture_distribution.batch_shape` ({mixture.batch_shape}) is not compatible with "
                f"`component_distribution.batch_shape`({components[:-1]})"
            )
    if choices != number:
        raise ValueError(
            f"`mixture_distribution component` ({choices}) does not equal `component_distribution.batch_shape[-1]` "
            f"({number})"
        )
