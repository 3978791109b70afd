"""The Dirichlet distribution."""

from __future__ import annotations

from typing import Any

import tritonnn as torch
from tritonnn._tensor import Tensor
from tritonnn.autograd import Function
from tritonnn.distributions import constraints
from tritonnn.distributions.exp_family import ExponentialFamily
from tritonnn.distributions.utils import Shape

__all__ = ["Dirichlet"]


class _Variate(Function):
    """A Dirichlet variate, which moves with its concentrations as the distribution functions of its elements say."""

    @staticmethod
    def forward(ctx: Any, concentration: Tensor) -> Tensor:
        x = torch._sample_dirichlet(concentration)
        ctx.save_for_backward(x, concentration)
        return x

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        x, concentration = ctx.saved_tensors
        total = concentration.sum(-1, keepdim=True).expand(concentration.shape)
        slope = torch._dirichlet_grad(x, concentration, total)
        # an element that grows shrinks the others in proportion
        return slope * (grad - (x * grad).sum(-1, keepdim=True))


class Dirichlet(ExponentialFamily):
    """Probabilities along the last dimension, with the density prod x_i ** (concentration_i - 1).

    Raises:
        ValueError: `concentration` has no dimension.

    >>> import tritonnn as torch
    >>> d = torch.distributions.Dirichlet(torch.tensor([1., 3.]))
    >>> d.mean, d.event_shape
    (tensor([0.2500, 0.7500]), torch.Size([2]))
    """

    arg_constraints = {"concentration": constraints.independent(constraints.positive, 1)}
    support = constraints.simplex
    has_rsample = True
    _mean_carrier_measure = 0
    _expands = {"concentration": 1}

    def __init__(self, concentration: Tensor, validate_args: bool | None = None) -> None:
        if concentration.dim() < 1:
            raise ValueError("`concentration` parameter must be at least one-dimensional.")
        self.concentration = concentration
        super().__init__(concentration.shape[:-1], concentration.shape[-1:], validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.concentration / self.concentration.sum(-1, keepdim=True)

    @property
    def mode(self) -> Tensor:
        above = (self.concentration - 1).clamp(min=0.0)
        mode = above / above.sum(-1, keepdim=True)
        # with all concentrations below 1 it lies in the corner of the largest
        corner = torch.nn.functional.one_hot(self.concentration.argmax(-1), self._event_shape[-1]).to(mode)
        return torch.where((self.concentration < 1).all(-1, keepdim=True), corner, mode)

    @property
    def variance(self) -> Tensor:
        total = self.concentration.sum(-1, keepdim=True)
        return self.concentration * (total - self.concentration) / (total.pow(2) * (total + 1))

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        return _Variate.apply(self.concentration.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        a = self.concentration
        return torch.xlogy(a - 1.0, value).sum(-1) + torch.lgamma(a.sum(-1)) - torch.lgamma(a).sum(-1)

    def entropy(self) -> Tensor:
        a, k = self.concentration, self.concentration.shape[-1]
        total = a.sum(-1)
        return (
            torch.lgamma(a).sum(-1)
            - torch.lgamma(total)
            - (k - total) * torch.digamma(total)
            - ((a - 1.0) * torch.digamma(a)).sum(-1)
        )

    @property
    def _natural_params(self) -> tuple[Tensor]:
        return (self.concentration,)

    def _log_normalizer(self, x: Tensor) -> Tensor:
        return torch.lgamma(x).sum(-1) - torch.lgamma(x.sum(-1))
