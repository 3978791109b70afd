"""Divergences of families from others, as the cross entropy without the entropy.

What log q needs of p are a few means: of x, x², log x, log (1 - x) and exp(-t x). So that a pair is a row of a table.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import tritonnn as torch
from tritonnn._tensor import Tensor
from tritonnn.distributions._kl.registry import register_kl
from tritonnn.distributions.bernoulli import Bernoulli
from tritonnn.distributions.beta import Beta
from tritonnn.distributions.binomial import Binomial
from tritonnn.distributions.continuous_bernoulli import ContinuousBernoulli
from tritonnn.distributions.exponential import Exponential
from tritonnn.distributions.gamma import Gamma
from tritonnn.distributions.gumbel import Gumbel
from tritonnn.distributions.laplace import Laplace
from tritonnn.distributions.normal import Normal
from tritonnn.distributions.pareto import Pareto
from tritonnn.distributions.poisson import Poisson
from tritonnn.distributions.uniform import Uniform
from tritonnn.distributions.utils import euler_constant

# ---- means under p ----------------------------------------------------------------------------------------


def _integral_of_log(x: Tensor) -> Tensor:
    """x log x - x, which is 0 at 0."""
    return torch.special.xlogy(x, x) - x


def _uniform_mean_log(low: Tensor, high: Tensor) -> Tensor:
    return (_integral_of_log(high) - _integral_of_log(low)) / (high - low)


_MEAN_LOG: dict[type, Callable[[Any], Tensor]] = {
    Beta: lambda p: torch.digamma(p.concentration1) - torch.digamma(p.concentration1 + p.concentration0),
    Exponential: lambda p: -euler_constant - p.rate.log(),
    Gamma: lambda p: torch.digamma(p.concentration) - p.rate.log(),
    Pareto: lambda p: p.scale.log() + p.alpha.reciprocal(),
    Uniform: lambda p: _uniform_mean_log(p.low, p.high),
}
#: the mean of exp(-t x)
_LAPLACE_TRANSFORM: dict[type, Callable[[Any, Any], Tensor]] = {
    Exponential: lambda p, t: p.rate / (p.rate + t),
    Gamma: lambda p, t: (1 + t / p.rate).pow(-p.concentration),
    Normal: lambda p, t: torch.exp(0.5 * (t * p.scale) ** 2 - t * p.loc),
    Uniform: lambda p, t: (torch.exp(-t * p.low) - torch.exp(-t * p.high)) / (t * (p.high - p.low)),
}


def _mean_of(table: dict[type, Any], p: Any, *args: Any) -> Tensor:
    return next(table[kind] for kind in type(p).__mro__ if kind in table)(p, *args)


# ---- the mean of -log q under p ---------------------------------------------------------------------------


def _against_normal(p: Any, q: Normal) -> Tensor:
    square = p.variance + (p.mean - q.loc) ** 2
    return 0.5 * (math.log(2 * math.pi) + square / q.scale**2) + q.scale.log()


def _against_exponential(p: Any, q: Exponential) -> Tensor:
    return q.rate * p.mean - q.rate.log()


def _against_gamma(p: Any, q: Gamma) -> Tensor:
    a = q.concentration
    return torch.lgamma(a) - a * q.rate.log() - (a - 1) * _mean_of(_MEAN_LOG, p) + q.rate * p.mean


def _against_gumbel(p: Any, q: Gumbel) -> Tensor:
    t = q.scale.reciprocal()
    return q.scale.log() + (p.mean - q.loc) * t + torch.exp(q.loc * t) * _mean_of(_LAPLACE_TRANSFORM, p, t)


def _against_laplace(p: Normal, q: Laplace) -> Tensor:
    """The mean of |x - m| is that of a folded normal variable."""
    z = (p.loc - q.loc) / p.scale
    folded = math.sqrt(2 / math.pi) * torch.exp(-0.5 * z**2) + z * torch.erf(z * math.sqrt(0.5))
    return torch.log(2 * q.scale) + p.scale * folded / q.scale


def _against_continuous_bernoulli(p: Any, q: ContinuousBernoulli) -> Tensor:
    return -(p.mean * q.logits + torch.log1p(-q.probs) + q._log_constant())


def _against_pareto(p: Any, q: Pareto) -> Tensor:
    return (q.alpha + 1) * _mean_of(_MEAN_LOG, p) - q.alpha.log() - q.alpha * q.scale.log()


def _against_uniform(p: object, q: Uniform) -> Tensor:
    return torch.log(q.high - q.low)


def _against_beta(p: Uniform, q: Beta) -> Tensor:
    a, b = q.concentration1, q.concentration0
    normalizer = torch.lgamma(a) + torch.lgamma(b) - torch.lgamma(a + b)
    # of 1 - x, which is uniform from 1 - high to 1 - low
    other = _uniform_mean_log(1 - p.high, 1 - p.low)
    return normalizer - (a - 1) * _mean_of(_MEAN_LOG, p) - (b - 1) * other


def _against_poisson(p: Bernoulli, q: Poisson) -> Tensor:
    # the factorials of 0 and 1 are 1
    return q.rate - p.mean * q.rate.log()


# ---- where p has values that q does not have --------------------------------------------------------------


def _unit_outside(p: object, q: Uniform) -> Tensor:
    return (q.low > 0) | (q.high < 1)


def _uniform_beyond_unit(p: Uniform, q: object) -> Tensor:
    return (p.low < 0) | (p.high > 1)


def _uniform_below_zero(p: Uniform, q: object) -> Tensor:
    return p.low < 0


def _uniform_below_scale(p: Uniform, q: Pareto) -> Tensor:
    return p.low < q.scale


def _endless_mean(p: Pareto, q: object) -> Tensor:
    return p.alpha <= 1


def _endless_variance(p: Pareto, q: object) -> Tensor:
    return p.alpha <= 2


_Outside = Callable[..., Tensor] | None
_PAIRS: list[tuple[type, type, Callable[..., Tensor], _Outside]] = [
    (Bernoulli, Poisson, _against_poisson, None),
    (Beta, ContinuousBernoulli, _against_continuous_bernoulli, None),
    (Beta, Exponential, _against_exponential, None),
    (Beta, Gamma, _against_gamma, None),
    (Beta, Normal, _against_normal, None),
    (Beta, Uniform, _against_uniform, _unit_outside),
    (ContinuousBernoulli, Exponential, _against_exponential, None),
    (ContinuousBernoulli, Normal, _against_normal, None),
    (ContinuousBernoulli, Uniform, _against_uniform, _unit_outside),
    (Exponential, Gamma, _against_gamma, None),
    (Exponential, Gumbel, _against_gumbel, None),
    (Exponential, Normal, _against_normal, None),
    (Gamma, Exponential, _against_exponential, None),
    (Gamma, Gumbel, _against_gumbel, None),
    (Gamma, Normal, _against_normal, None),
    (Gumbel, Normal, _against_normal, None),
    (Laplace, Normal, _against_normal, None),
    (Normal, Gumbel, _against_gumbel, None),
    (Normal, Laplace, _against_laplace, None),
    (Pareto, Exponential, _against_exponential, _endless_mean),
    (Pareto, Gamma, _against_gamma, _endless_mean),
    (Pareto, Normal, _against_normal, _endless_variance),
    (Uniform, Beta, _against_beta, _uniform_beyond_unit),
    (Uniform, ContinuousBernoulli, _against_continuous_bernoulli, _uniform_beyond_unit),
    (Uniform, Exponential, _against_exponential, _uniform_below_zero),
    (Uniform, Gamma, _against_gamma, _uniform_below_zero),
    (Uniform, Gumbel, _against_gumbel, None),
    (Uniform, Normal, _against_normal, None),
    (Uniform, Pareto, _against_pareto, _uniform_below_scale),
]
# p always has values that q does not have
_INFINITE: dict[type, tuple[type, ...]] = {
    Beta: (Pareto,),
    ContinuousBernoulli: (Pareto,),
    Exponential: (Beta, ContinuousBernoulli, Pareto, Uniform),
    Gamma: (Beta, ContinuousBernoulli, Pareto, Uniform),
    Gumbel: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Laplace: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Normal: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Pareto: (Beta, ContinuousBernoulli, Uniform),
    Poisson: (Bernoulli, Binomial),
}


def _register(type_p: type, type_q: type, against: Any, outside: _Outside) -> None:
    @register_kl(type_p, type_q)
    def divergence(p: Any, q: Any) -> Tensor:
        result = against(p, q) - p.entropy()
        if outside is None:
            return result
        return torch.where(outside(p, q), torch.full_like(result, math.inf), result)


def _register_infinite(type_p: type, type_q: type) -> None:
    @register_kl(type_p, type_q)
    def divergence(p: Any, q: Any) -> Tensor:
        shape = torch.broadcast_shapes(p.batch_shape, q.batch_shape)
        return torch.full_like(p.mean.detach(), math.inf).expand(shape).clone()


for _row in _PAIRS:
    _register(*_row)
for _p, _others in _INFINITE.items():
    for _q in _others:
        _register_infinite(_p, _q)
