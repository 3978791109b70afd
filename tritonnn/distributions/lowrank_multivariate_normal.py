"""The multivariate normal distribution with a covariance of low rank and a diagonal."""

from __future__ import annotations

import math
from typing import Any

import tritonnn as torch
from tritonnn._tensor import Tensor
from tritonnn.distributions import constraints
from tritonnn.distributions.distribution import Distribution
from tritonnn.distributions.multivariate_normal import batch_mahalanobis, half_log_determinant
from tritonnn.distributions.utils import Shape, lazy_property, standard_normal
from tritonnn.shape import Size

__all__ = ["LowRankMultivariateNormal"]


class LowRankMultivariateNormal(Distribution):
    """Normal vectors with mean `loc` and covariance W Wᵀ + D of a thin W = `cov_factor` and a diagonal D = `cov_diag`.

    Inverse and determinant are those of the small matrix C = 1 + Wᵀ D^-1 W, by the formulas of Woodbury and of the
    determinant of such sums.

    Raises:
        ValueError: a parameter of too few dimensions, or shapes that do not fit.

    >>> import tritonnn as torch
    >>> d = torch.distributions.LowRankMultivariateNormal(torch.zeros(2), torch.tensor([[1.], [0.]]), torch.ones(2))
    >>> d.covariance_matrix
    tensor([[2., 0.],
            [0., 1.]])
    """

    arg_constraints = {
        "loc": constraints.real_vector, "cov_factor": constraints.independent(constraints.real, 2),
        "cov_diag": constraints.independent(constraints.positive, 1),
    }  # fmt: skip
    support = constraints.real_vector
    has_rsample = True
    _expands = {
        "loc": 1, "cov_factor": 2, "cov_diag": 1, "covariance_matrix": 2, "precision_matrix": 2, "scale_tril": 2,
    }  # fmt: skip
    _carries = frozenset({"_unbroadcasted_cov_factor", "_unbroadcasted_cov_diag", "_capacitance_tril"})

    def __init__(
        self, loc: Tensor, cov_factor: Tensor, cov_diag: Tensor, validate_args: bool | None = None
    ) -> None:
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        event_shape = loc.shape[-1:]
        if cov_factor.dim() < 2:
            raise ValueError(
                "cov_factor must be at least two-dimensional, with optional leading batch dimensions"
            )
        if cov_factor.shape[-2:-1] != event_shape:
            raise ValueError(
                f"cov_factor must be a batch of matrices with shape {event_shape[0]} x m, got {tuple(cov_factor.shape)}"
            )
        if cov_diag.shape[-1:] != event_shape:
            raise ValueError(
                f"cov_diag must be a batch of vectors with shape {event_shape}, got {tuple(cov_diag.shape)}"
            )
        try:
            shape = torch.broadcast_shapes(loc.shape[:-1], cov_factor.shape[:-2], cov_diag.shape[:-1])
        except RuntimeError as error:
            raise ValueError(
                f"Incompatible batch shapes: loc {loc.shape}, cov_factor {cov_factor.shape}, cov_diag {cov_diag.shape}"
            ) from error
        batch_shape = Size(shape)
        self.loc = loc.expand(batch_shape + event_shape)
        self.cov_factor = cov_factor.expand(batch_shape + cov_factor.shape[-2:])
        self.cov_diag = cov_diag.expand(batch_shape + event_shape)
        super().__init__(batch_shape, event_shape, validate_args=validate_args)
        self._unbroadcasted_cov_factor = cov_factor
        self._unbroadcasted_cov_diag = cov_diag
        self._capacitance_tril = capacitance_tril(cov_factor, cov_diag)

    @property
    def mean(self) -> Tensor:
        return self.loc

    mode = mean

    @lazy_property
    def variance(self) -> Any:
        factor = self._unbroadcasted_cov_factor
        return (factor.pow(2).sum(-1) + self._unbroadcasted_cov_diag).expand(
            self._batch_shape + self._event_shape
        )

    @lazy_property
    def scale_tril(self) -> Any:
        """The Cholesky factor of the covariance: D^1/2 times that of 1 + (D^-1/2 W)(D^-1/2 W)ᵀ."""
        factor, root = self._unbroadcasted_cov_factor, self._unbroadcasted_cov_diag.sqrt().unsqueeze(-1)
        scaled = factor / root
        one = torch.eye(self._event_shape[0], dtype=scaled.dtype, device=scaled.device)
        return self._whole(root * torch.linalg.cholesky(scaled @ scaled.mT + one))

    @lazy_property
    def covariance_matrix(self) -> Any:
        """The covariance."""
        factor = self._unbroadcasted_cov_factor
        return self._whole(factor @ factor.mT + torch.diag_embed(self._unbroadcasted_cov_diag))

    @lazy_property
    def precision_matrix(self) -> Any:
        """The inverse of the covariance: D^-1 - D^-1 W C^-1 Wᵀ D^-1."""
        diag = self._unbroadcasted_cov_diag
        rows = self._unbroadcasted_cov_factor.mT / diag.unsqueeze(-2)
        part = torch.linalg.solve_triangular(self._capacitance_tril, rows, upper=False)
        return self._whole(torch.diag_embed(diag.reciprocal()) - part.mT @ part)

    def _whole(self, matrix: Tensor) -> Tensor:
        return matrix.expand(self._batch_shape + self._event_shape + self._event_shape)

    def rsample(self, sample_shape: Shape = Size()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        thin = standard_normal(shape[:-1] + self.cov_factor.shape[-1:], self.loc)
        diagonal = standard_normal(shape, self.loc)
        low_rank = (self._unbroadcasted_cov_factor @ thin.unsqueeze(-1)).squeeze(-1)
        return self.loc + low_rank + self._unbroadcasted_cov_diag.sqrt() * diagonal

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        factor, diag, small = (
            self._unbroadcasted_cov_factor,
            self._unbroadcasted_cov_diag,
            self._capacitance_tril,
        )
        distance = low_rank_mahalanobis(factor, diag, value - self.loc, small)
        log_determinant = low_rank_log_determinant(diag, small)
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + log_determinant + distance)

    def entropy(self) -> Tensor:
        log_determinant = low_rank_log_determinant(self._unbroadcasted_cov_diag, self._capacitance_tril)
        entropy = 0.5 * (self._event_shape[0] * (1.0 + math.log(2 * math.pi)) + log_determinant)
        return entropy.expand(self._batch_shape)


def capacitance_tril(factor: Tensor, diag: Tensor) -> Tensor:
    """The Cholesky factor of 1 + Wᵀ D^-1 W."""
    one = torch.eye(factor.shape[-1], dtype=factor.dtype, device=factor.device)
    return torch.linalg.cholesky((factor.mT / diag.unsqueeze(-2)) @ factor + one)


def low_rank_log_determinant(diag: Tensor, small: Tensor) -> Tensor:
    """log det (W Wᵀ + D) = log det C + log det D."""
    return 2 * half_log_determinant(small) + diag.log().sum(-1)


def low_rank_mahalanobis(factor: Tensor, diag: Tensor, x: Tensor, small: Tensor) -> Tensor:
    """xᵀ (W Wᵀ + D)^-1 x = xᵀ D^-1 x - |chol(C)^-1 Wᵀ D^-1 x|²."""
    rows = (factor.mT / diag.unsqueeze(-2)) @ x.unsqueeze(-1)
    return (x.pow(2) / diag).sum(-1) - batch_mahalanobis(small, rows.squeeze(-1))
