"""The Wishart distribution."""

from __future__ import annotations

import math
from typing import Any

import tritonnn as torch
from tritonnn._tensor import Tensor
from tritonnn.distributions import constraints
from tritonnn.distributions.chi2 import Chi2
from tritonnn.distributions.exp_family import ExponentialFamily
from tritonnn.distributions.multivariate_normal import (
    OfCholesky,
    half_log_determinant,
    precision_to_scale_tril,
)
from tritonnn.distributions.utils import Numbers, Shape, standard_normal
from tritonnn.errors import warn
from tritonnn.shape import Size

__all__ = ["Wishart"]


def _log_det(matrix: Tensor) -> Tensor:
    """Of positive definite matrices."""
    return 2 * half_log_determinant(torch.linalg.cholesky(matrix))


class Wishart(OfCholesky, ExponentialFamily):
    """Sums of x xᵀ of `df` normal vectors of mean 0 and of a covariance: given so, inverted, or by its Cholesky factor.

    Sampling is Bartlett's decomposition (M. S. Bartlett, "On the theory of statistical regression", 1933).

    Raises:
        ValueError: none or several forms of the covariance, or `df` not above the number of dimensions minus 1.

    >>> import tritonnn as torch
    >>> torch.distributions.Wishart(torch.tensor(3.), torch.eye(2)).mean
    tensor([[3., 0.],
            [0., 3.]])
    """

    support = constraints.positive_definite
    has_rsample = True
    _mean_carrier_measure = 0
    _expands = {"df": 0, "covariance_matrix": 2, "precision_matrix": 2, "scale_tril": 2}
    _carries = frozenset({"_unbroadcasted_scale_tril"})

    def __init__(
        self, df: Numbers, covariance_matrix: Tensor | None = None, precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None, validate_args: bool | None = None,
    ) -> None:  # fmt: skip
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
                "scale_tril must be at least two-dimensional, with optional leading batch dimensions"
            )
        df = df if isinstance(df, Tensor) else torch.tensor(df, dtype=matrix.dtype, device=matrix.device)
        batch_shape = Size(torch.broadcast_shapes(df.shape, matrix.shape[:-2]))
        event_shape = matrix.shape[-2:]
        self.df = df.expand(batch_shape)
        if bool((self.df <= event_shape[-1] - 1).any()):
            raise ValueError(
                f"Value of df={df} expected to be greater than ndim - 1 = {event_shape[-1] - 1}."
            )
        self.__dict__[name] = matrix.expand(batch_shape + event_shape)
        super().__init__(batch_shape, event_shape, validate_args=validate_args)
        if bool((self.df <= event_shape[-1]).any()):
            warn(
                "Low df values detected. Singular samples are highly likely to occur for ndim - 1 < df < ndim."
            )
        self._unbroadcasted_scale_tril = {
            "scale_tril": lambda m: m, "covariance_matrix": torch.linalg.cholesky,
            "precision_matrix": precision_to_scale_tril,
        }[name](matrix)  # fmt: skip
        self._after_expand()

    @property
    def arg_constraints(self) -> dict[str, Any]:
        return {
            "covariance_matrix": constraints.positive_definite, "precision_matrix": constraints.positive_definite,
            "scale_tril": constraints.lower_cholesky, "df": constraints.greater_than(self._event_shape[-1] - 1),
        }  # fmt: skip

    def _after_expand(self) -> None:
        # the squares of the diagonal of Bartlett's factor, of falling degrees of freedom
        n = self._event_shape[-1]
        steps = torch.arange(n, dtype=self.df.dtype, device=self.df.device).expand((*self._batch_shape, n))
        self._dist_chi2 = Chi2(df=self.df.unsqueeze(-1) - steps, validate_args=False)

    def _whole(self, matrix: Tensor) -> Tensor:
        return matrix.expand(self._batch_shape + self._event_shape)

    @property
    def mean(self) -> Tensor:
        return self.df.view((*self._batch_shape, 1, 1)) * self.covariance_matrix

    @property
    def mode(self) -> Tensor:
        factor = (self.df - self._event_shape[-1] - 1).view((*self._batch_shape, 1, 1))
        return (factor * self.covariance_matrix).masked_fill(factor <= 0, float("nan"))

    @property
    def variance(self) -> Tensor:
        covariance = self.covariance_matrix
        diagonal = covariance.diagonal(dim1=-2, dim2=-1)
        products = diagonal.unsqueeze(-1) * diagonal.unsqueeze(-2)
        return self.df.view((*self._batch_shape, 1, 1)) * (covariance.pow(2) + products)

    def _bartlett(self, sample_shape: Size) -> Tensor:
        root = self._dist_chi2.rsample(sample_shape).clamp(min=torch.finfo(self.df.dtype).tiny).sqrt()
        below = standard_normal(self._extended_shape(sample_shape), self.df).tril(-1)
        factor = self._unbroadcasted_scale_tril @ (root.diag_embed() + below)
        return factor @ factor.mT

    def rsample(self, sample_shape: Shape = Size(), max_try_correction: int | None = None) -> Tensor:
        """Samples; those that rounding made singular are drawn again, up to `max_try_correction` times."""
        sample_shape = Size(sample_shape)
        sample = self._bartlett(sample_shape)
        tries = (10 if self._batch_shape else 3) if max_try_correction is None else max_try_correction
        for _ in range(tries):
            singular = ~self.support.check(sample.detach())
            if not bool(singular.any()):
                return sample
            again = self._bartlett(sample_shape)
            sample = torch.where(singular[..., None, None], again, sample)
        if bool((~self.support.check(sample.detach())).any()):
            warn("Singular sample detected.")
        return sample

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        nu, p, lower = self.df, self._event_shape[-1], self._unbroadcasted_scale_tril
        trace = torch.cholesky_solve(value, lower.expand(value.shape)).diagonal(dim1=-2, dim2=-1).sum(-1)
        return (
            -nu * (p * math.log(2) / 2 + half_log_determinant(lower))
            - torch.mvlgamma(nu / 2, p)
            + (nu - p - 1) / 2 * _log_det(value)
            - trace / 2
        )

    def entropy(self) -> Tensor:
        nu, p = self.df, self._event_shape[-1]
        half = nu / 2
        return (
            (p + 1) * (p * math.log(2) / 2 + half_log_determinant(self._unbroadcasted_scale_tril))
            + torch.mvlgamma(half, p)
            - (nu - p - 1) / 2 * _mvdigamma(half, p)
            + nu * p / 2
        )

    @property
    def _natural_params(self) -> tuple[Tensor, Tensor]:
        return -self.precision_matrix / 2, (self.df - self._event_shape[-1] - 1) / 2

    def _log_normalizer(self, x: Tensor, y: Tensor) -> Tensor:
        p = self._event_shape[-1]
        shape = y + (p + 1) / 2
        return shape * (p * math.log(2) - _log_det(-2 * x)) + torch.mvlgamma(shape, p)


def _mvdigamma(x: Tensor, p: int) -> Tensor:
    """The derivative of mvlgamma: the sum of digamma(x - i / 2)."""
    halves = torch.arange(p, dtype=x.dtype, device=x.device) / 2
    return torch.digamma(x.unsqueeze(-1) - halves).sum(-1)
