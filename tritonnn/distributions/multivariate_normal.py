"""The multivariate normal distribution."""

from __future__ import annotations

import math
from typing import Any

import tritonnn as torch
from tritonnn._tensor import Tensor
from tritonnn.distributions import constraints
from tritonnn.distributions.distribution import Distribution
from tritonnn.distributions.utils import Shape, lazy_property, standard_normal
from tritonnn.shape import Size

__all__ = ["MultivariateNormal"]


def batch_mahalanobis(lower: Tensor, x: Tensor) -> Tensor:
    """xᵀ (L Lᵀ)^-1 x = |L^-1 x|², for batches that broadcast."""
    return torch.linalg.solve_triangular(lower, x.unsqueeze(-1), upper=False).squeeze(-1).pow(2).sum(-1)


def precision_to_scale_tril(precision: Tensor) -> Tensor:
    """The Cholesky factor of the inverse of a matrix.

    With the factor of the matrix that is turned round in both dimensions, P = U Uᵀ with U upper triangular, and the
    inverse is U^-ᵀ U^-1, of which U^-ᵀ is lower triangular.
    """
    upper = torch.linalg.cholesky(precision.flip(-2, -1)).flip(-2, -1)
    one = torch.eye(precision.shape[-1], dtype=precision.dtype, device=precision.device)
    return torch.linalg.solve_triangular(upper.mT, one.expand(precision.shape), upper=False)


def half_log_determinant(lower: Tensor) -> Tensor:
    """log det L of a triangular matrix with a positive diagonal."""
    return lower.diagonal(dim1=-2, dim2=-1).log().sum(-1)


class OfCholesky:
    """The three ways to tell a covariance, from the Cholesky factor that is kept."""

    _unbroadcasted_scale_tril: Tensor

    def _whole(self, matrix: Tensor) -> Tensor:
        """A matrix for each distribution of the batch."""
        raise NotImplementedError

    @lazy_property
    def scale_tril(self) -> Any:
        """The Cholesky factor of the covariance."""
        return self._whole(self._unbroadcasted_scale_tril)

    @lazy_property
    def covariance_matrix(self) -> Any:
        """The covariance."""
        lower = self._unbroadcasted_scale_tril
        return self._whole(lower @ lower.mT)

    @lazy_property
    def precision_matrix(self) -> Any:
        """The inverse of the covariance."""
        return self._whole(torch.cholesky_inverse(self._unbroadcasted_scale_tril))


class MultivariateNormal(OfCholesky, Distribution):
    """Normal vectors with mean `loc` and one of: covariance, its inverse, its Cholesky factor.

    Raises:
        ValueError: none or several of the three, or one with too few dimensions.

    >>> import tritonnn as torch
    >>> d = torch.distributions.MultivariateNormal(torch.zeros(2), torch.tensor([[1., 0.5], [0.5, 1.]]))
    >>> d.log_prob(torch.zeros(2)), d.variance
    (tensor(-1.6940), tensor([1., 1.]))
    """

    arg_constraints = {
        "loc": constraints.real_vector, "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite, "scale_tril": constraints.lower_cholesky,
    }  # fmt: skip
    support = constraints.real_vector
    has_rsample = True
    _expands = {"loc": 1, "covariance_matrix": 2, "precision_matrix": 2, "scale_tril": 2}
    _carries = frozenset({"_unbroadcasted_scale_tril"})

    def __init__(
        self, loc: Tensor, covariance_matrix: Tensor | None = None, precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None, validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        forms = {
            "covariance_matrix": covariance_matrix, "precision_matrix": precision_matrix, "scale_tril": scale_tril,
        }  # fmt: skip
        given = [name for name, value in forms.items() if value is not None]
        if len(given) != 1:
            raise ValueError(
                "Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified."
            )
        name, matrix = given[0], forms[given[0]]
        assert matrix is not None
        if matrix.dim() < 2:
            raise ValueError(
                f"{name} must be at least two-dimensional, with optional leading batch dimensions"
            )
        batch_shape = Size(torch.broadcast_shapes(matrix.shape[:-2], loc.shape[:-1]))
        self.loc = loc.expand(batch_shape + loc.shape[-1:])
        self.__dict__[name] = matrix.expand(batch_shape + matrix.shape[-2:])
        super().__init__(batch_shape, self.loc.shape[-1:], validate_args=validate_args)
        # one factor for all of the batch that share it
        self._unbroadcasted_scale_tril = {
            "scale_tril": lambda m: m, "covariance_matrix": torch.linalg.cholesky,
            "precision_matrix": precision_to_scale_tril,
        }[name](matrix)  # fmt: skip

    def _whole(self, matrix: Tensor) -> Tensor:
        return matrix.expand(self._batch_shape + self._event_shape + self._event_shape)

    @property
    def mean(self) -> Tensor:
        return self.loc

    mode = mean

    @property
    def variance(self) -> Tensor:
        return self._unbroadcasted_scale_tril.pow(2).sum(-1).expand(self._batch_shape + self._event_shape)

    def rsample(self, sample_shape: Shape = Size()) -> Tensor:
        normal = standard_normal(self._extended_shape(sample_shape), self.loc)
        return self.loc + (self._unbroadcasted_scale_tril @ normal.unsqueeze(-1)).squeeze(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        lower = self._unbroadcasted_scale_tril
        distance = batch_mahalanobis(lower, value - self.loc)
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + distance) - half_log_determinant(lower)

    def entropy(self) -> Tensor:
        half = half_log_determinant(self._unbroadcasted_scale_tril)
        return (0.5 * self._event_shape[0] * (1.0 + math.log(2 * math.pi)) + half).expand(self._batch_shape)
