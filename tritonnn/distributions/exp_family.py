"""Exponential families: densities exp(t(x) . eta - F(eta) + k(x))."""

from __future__ import annotations

from typing import Any

import tritonnn as torch
from tritonnn._tensor import Tensor
from tritonnn.distributions.distribution import Distribution

__all__ = ["ExponentialFamily"]


class ExponentialFamily(Distribution):
    """A family with natural parameters eta and log normaliser F, from whose gradient the entropy follows.

    Source: F. Nielsen and R. Nock, "Entropies and cross-entropies of exponential families", ICIP 2010.

    >>> import tritonnn as torch
    >>> isinstance(torch.distributions.Normal(0., 1.), torch.distributions.ExponentialFamily)
    True
    """

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        raise NotImplementedError

    def _log_normalizer(self, *natural_params: Any) -> Tensor:
        raise NotImplementedError

    @property
    def _mean_carrier_measure(self) -> Any:
        """The mean of k(x)."""
        raise NotImplementedError

    def entropy(self) -> Tensor:
        """F(eta) - eta . F'(eta) - E k(x), by automatic differentiation."""
        natural = [p.detach().requires_grad_() for p in self._natural_params]
        with torch.enable_grad():
            log_normalizer = self._log_normalizer(*natural)
            gradients = torch.autograd.grad(log_normalizer.sum(), natural, create_graph=True)
        result = log_normalizer - self._mean_carrier_measure
        for parameter, gradient in zip(natural, gradients, strict=True):
            term = (parameter * gradient).reshape((*self._batch_shape, -1))
            result = result - term.sum(-1)
        return result
