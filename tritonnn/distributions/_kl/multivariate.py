"""Divergences of multivariate normal distributions, with a full covariance or one of low rank."""

from __future__ import annotations

from typing import Any

import tritonnn as torch
from tritonnn._tensor import Tensor
from tritonnn.distributions._kl.registry import register_kl
from tritonnn.distributions.lowrank_multivariate_normal import (
    LowRankMultivariateNormal,
    low_rank_log_determinant,
    low_rank_mahalanobis,
)
from tritonnn.distributions.multivariate_normal import (
    MultivariateNormal,
    batch_mahalanobis,
    half_log_determinant,
)


def _log_determinant(d: Any) -> Tensor:
    """log det of the covariance."""
    if isinstance(d, LowRankMultivariateNormal):
        return low_rank_log_determinant(d._unbroadcasted_cov_diag, d._capacitance_tril)
    return 2 * half_log_determinant(d._unbroadcasted_scale_tril)


def _distance(d: Any, x: Tensor) -> Tensor:
    """xᵀ S^-1 x, with S the covariance."""
    if isinstance(d, LowRankMultivariateNormal):
        factor, diag = d._unbroadcasted_cov_factor, d._unbroadcasted_cov_diag
        return low_rank_mahalanobis(factor, diag, x, d._capacitance_tril)
    return batch_mahalanobis(d._unbroadcasted_scale_tril, x)


def _roots(d: Any) -> list[Tensor]:
    """Matrices R whose R Rᵀ add up to the covariance."""
    if isinstance(d, LowRankMultivariateNormal):
        return [d._unbroadcasted_cov_factor, torch.diag_embed(d._unbroadcasted_cov_diag.sqrt())]
    return [d._unbroadcasted_scale_tril]


def _squares(matrix: Tensor) -> Tensor:
    return matrix.pow(2).sum((-2, -1))


def _trace(d: Any, root: Tensor) -> Tensor:
    """tr S^-1 R Rᵀ, with S the covariance."""
    if isinstance(d, LowRankMultivariateNormal):
        diag = d._unbroadcasted_cov_diag
        rows = (d._unbroadcasted_cov_factor.mT / diag.unsqueeze(-2)) @ root
        part = torch.linalg.solve_triangular(d._capacitance_tril, rows, upper=False)
        return _squares(root / diag.sqrt().unsqueeze(-1)) - _squares(part)
    return _squares(torch.linalg.solve_triangular(d._unbroadcasted_scale_tril, root, upper=False))


def _divergence(p: Any, q: Any) -> Tensor:
    if p.event_shape != q.event_shape:
        raise ValueError(
            "KL-divergence between two multivariate normals with different event shapes cannot be computed: "
            f"{p.event_shape} and {q.event_shape}"
        )
    trace = sum((_trace(q, root) for root in _roots(p)[1:]), _trace(q, _roots(p)[0]))
    determinants = _log_determinant(q) - _log_determinant(p)
    return 0.5 * (determinants + trace + _distance(q, q.loc - p.loc) - p.event_shape[0])


for _p in (MultivariateNormal, LowRankMultivariateNormal):
    for _q in (MultivariateNormal, LowRankMultivariateNormal):
        register_kl(_p, _q)(_divergence)
