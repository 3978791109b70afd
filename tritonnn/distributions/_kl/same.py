"""Divergences within a family of numbers or of categories."""

from __future__ import annotations

import math
from typing import Any

import tritonnn as torch
from tritonnn._tensor import Tensor
from tritonnn.distributions._kl.registry import kl_divergence, register_kl
from tritonnn.distributions.bernoulli import Bernoulli
from tritonnn.distributions.beta import Beta
from tritonnn.distributions.binomial import Binomial
from tritonnn.distributions.categorical import Categorical
from tritonnn.distributions.cauchy import Cauchy
from tritonnn.distributions.continuous_bernoulli import ContinuousBernoulli
from tritonnn.distributions.dirichlet import Dirichlet
from tritonnn.distributions.exp_family import ExponentialFamily
from tritonnn.distributions.exponential import Exponential
from tritonnn.distributions.gamma import Gamma
from tritonnn.distributions.geometric import Geometric
from tritonnn.distributions.gumbel import Gumbel
from tritonnn.distributions.half_normal import HalfNormal
from tritonnn.distributions.independent import Independent
from tritonnn.distributions.laplace import Laplace
from tritonnn.distributions.normal import Normal
from tritonnn.distributions.one_hot_categorical import OneHotCategorical
from tritonnn.distributions.pareto import Pareto
from tritonnn.distributions.poisson import Poisson
from tritonnn.distributions.transformed_distribution import TransformedDistribution
from tritonnn.distributions.uniform import Uniform
from tritonnn.distributions.utils import euler_constant, sum_rightmost
from tritonnn.nn.functional import softplus


def _infinite(condition: Tensor, value: Tensor) -> Tensor:
    return torch.where(condition, torch.full_like(value, math.inf), value)


def _nothing(condition: Tensor, value: Tensor) -> Tensor:
    return torch.where(condition, torch.zeros_like(value), value)


@register_kl(Bernoulli, Bernoulli)
def _bernoulli(p: Bernoulli, q: Bernoulli) -> Tensor:
    # log p = -softplus(-logit), log (1 - p) = -softplus(logit)
    one = p.probs * (softplus(-q.logits) - softplus(-p.logits))
    zero = (1 - p.probs) * (softplus(q.logits) - softplus(p.logits))
    one = _nothing(p.probs == 0, _infinite(q.probs == 0, one))
    zero = _nothing(p.probs == 1, _infinite(q.probs == 1, zero))
    return one + zero


@register_kl(Beta, Beta)
def _beta(p: Beta, q: Beta) -> Tensor:
    return kl_divergence(p._dirichlet, q._dirichlet)


@register_kl(Binomial, Binomial)
def _binomial(p: Binomial, q: Binomial) -> Tensor:
    if bool((p.total_count < q.total_count).any()):
        raise NotImplementedError(
            "KL between Binomials where q.total_count > p.total_count is not implemented"
        )
    each = p.probs * (p.logits - q.logits) + (-p.probs).log1p() - (-q.probs).log1p()
    return _infinite(p.total_count > q.total_count, p.total_count * each)


@register_kl(Categorical, Categorical)
def _categorical(p: Categorical, q: Categorical) -> Tensor:
    term = p.probs * (p.logits - q.logits)
    term = _infinite((q.probs == 0).expand_as(term), term)
    return _nothing((p.probs == 0).expand_as(term), term).sum(-1)


@register_kl(OneHotCategorical, OneHotCategorical)
def _one_hot(p: OneHotCategorical, q: OneHotCategorical) -> Tensor:
    return _categorical(p._categorical, q._categorical)


@register_kl(Cauchy, Cauchy)
def _cauchy(p: Cauchy, q: Cauchy) -> Tensor:
    """F. Chyzak and F. Nielsen, "A closed-form formula for the KL divergence between Cauchy distributions", 2019."""
    squares = (p.scale + q.scale).pow(2) + (p.loc - q.loc).pow(2)
    return squares.log() - (4 * p.scale * q.scale).log()


@register_kl(ContinuousBernoulli, ContinuousBernoulli)
def _continuous_bernoulli(p: ContinuousBernoulli, q: ContinuousBernoulli) -> Tensor:
    def constant(d: ContinuousBernoulli) -> Tensor:
        return d._log_constant() + torch.log1p(-d.probs)

    return p.mean * (p.logits - q.logits) + constant(p) - constant(q)


@register_kl(Dirichlet, Dirichlet)
def _dirichlet(p: Dirichlet, q: Dirichlet) -> Tensor:
    a, b = p.concentration, q.concentration
    total = a.sum(-1)
    normalizers = total.lgamma() - b.sum(-1).lgamma() - (a.lgamma() - b.lgamma()).sum(-1)
    return normalizers + ((a - b) * (a.digamma() - total.digamma().unsqueeze(-1))).sum(-1)


@register_kl(Exponential, Exponential)
def _exponential(p: Exponential, q: Exponential) -> Tensor:
    ratio = q.rate / p.rate
    return ratio - 1 - ratio.log()


@register_kl(ExponentialFamily, ExponentialFamily)
def _exponential_family(p: Any, q: Any) -> Tensor:
    """F(eta_q) - F(eta_p) - (eta_q - eta_p) . F'(eta_p)."""
    if type(p) is not type(q):
        raise NotImplementedError(
            "The cross KL-divergence between different exponential families cannot be computed using Bregman "
            f"divergences: {type(p).__name__} and {type(q).__name__}"
        )
    natural = [x.detach().requires_grad_() for x in p._natural_params]
    others = q._natural_params
    with torch.enable_grad():
        own = p._log_normalizer(*natural)
        slopes = torch.autograd.grad(own.sum(), natural, create_graph=True)
    result = q._log_normalizer(*others) - own
    for mine, other, slope in zip(natural, others, slopes, strict=True):
        term = (other - mine) * slope
        result = result - sum_rightmost(term, term.dim() - result.dim())
    return result


@register_kl(Gamma, Gamma)
def _gamma(p: Gamma, q: Gamma) -> Tensor:
    a, b = p.concentration, q.concentration
    return (
        b * (p.rate / q.rate).log()
        + torch.lgamma(b)
        - torch.lgamma(a)
        + (a - b) * torch.digamma(a)
        + (q.rate - p.rate) * (a / p.rate)
    )


@register_kl(Gumbel, Gumbel)
def _gumbel(p: Gumbel, q: Gumbel) -> Tensor:
    ratio, off = p.scale / q.scale, (p.loc - q.loc) / q.scale
    mean_exp = torch.exp(torch.lgamma(1 + ratio) - off)
    return off + ratio * euler_constant + mean_exp - ratio.log() - (1 + euler_constant)


@register_kl(Geometric, Geometric)
def _geometric(p: Geometric, q: Geometric) -> Tensor:
    return -p.entropy() - torch.log1p(-q.probs) / p.probs - q.logits


@register_kl(HalfNormal, HalfNormal)
def _half_normal(p: HalfNormal, q: HalfNormal) -> Tensor:
    return _normal(p.base_dist, q.base_dist)


@register_kl(Laplace, Laplace)
def _laplace(p: Laplace, q: Laplace) -> Tensor:
    ratio, off = p.scale / q.scale, (p.loc - q.loc).abs()
    return ratio * torch.exp(-off / p.scale) + off / q.scale - ratio.log() - 1


@register_kl(Normal, Normal)
def _normal(p: Any, q: Any) -> Tensor:
    ratio = (p.scale / q.scale).pow(2)
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale).pow(2) - 1 - ratio.log())


@register_kl(Pareto, Pareto)
def _pareto(p: Pareto, q: Pareto) -> Tensor:
    ratio = q.alpha / p.alpha
    result = q.alpha * (p.scale / q.scale).log() - ratio.log() + ratio - 1
    return _infinite(p.scale < q.scale, result)


@register_kl(Poisson, Poisson)
def _poisson(p: Poisson, q: Poisson) -> Tensor:
    return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)


@register_kl(Uniform, Uniform)
def _uniform(p: Uniform, q: Uniform) -> Tensor:
    result = ((q.high - q.low) / (p.high - p.low)).log()
    return _infinite((q.low > p.low) | (q.high < p.high), result)


@register_kl(Independent, Independent)
def _independent(p: Independent, q: Independent) -> Tensor:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError(
            f"reinterpreted_batch_ndims differ: {p.reinterpreted_batch_ndims} and {q.reinterpreted_batch_ndims}"
        )
    return sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed(p: TransformedDistribution, q: TransformedDistribution) -> Tensor:
    """That of the bases, where the transforms are the same."""
    if p.transforms != q.transforms:
        raise NotImplementedError(f"the transforms differ: {p.transforms} and {q.transforms}")
    if p.event_shape != q.event_shape:
        raise NotImplementedError(f"the event shapes differ: {p.event_shape} and {q.event_shape}")
    base = kl_divergence(p.base_dist, q.base_dist)
    return sum_rightmost(base, len(p.event_shape) - len(p.base_dist.event_shape))
