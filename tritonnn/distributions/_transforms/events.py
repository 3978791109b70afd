"""Transforms of vectors and matrices."""

from __future__ import annotations

from math import log
from typing import Any

import tritonnn as torch
from tritonnn._tensor import Tensor
from tritonnn.distributions import constraints
from tritonnn.distributions._transforms.base import Transform
from tritonnn.distributions.utils import tril_matrix_to_vec, vec_to_tril_matrix
from tritonnn.nn.functional import logsigmoid, pad

__all__ = [
    "CorrCholeskyTransform", "LowerCholeskyTransform", "PositiveDefiniteTransform", "SoftmaxTransform",
    "StickBreakingTransform",
]  # fmt: skip

_real_matrix = constraints.independent(constraints.real, 2)


class _Plain(Transform):
    """A transform without parameters: all of a class are equal."""

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self)

    __hash__ = object.__hash__


def _at_least(shape: tuple[int, ...], dims: int) -> None:
    if len(shape) < dims:
        raise ValueError(f"Too few dimensions on input: {len(shape)}, expected at least {dims}")


class SoftmaxTransform(_Plain):
    """Vectors to probabilities by softmax; not a bijection, as a shift of all elements changes nothing.

    >>> import tritonnn as torch
    >>> torch.distributions.transforms.SoftmaxTransform()(torch.zeros(2))
    tensor([0.5000, 0.5000])
    """

    domain = constraints.real_vector
    codomain = constraints.simplex

    def _call(self, x: Tensor) -> Tensor:
        return torch.softmax(x, -1)

    def _inverse(self, y: Tensor) -> Tensor:
        return y.log()

    def forward_shape(self, shape: tuple[int, ...]) -> Any:
        _at_least(shape, 1)
        return shape

    inverse_shape = forward_shape


class StickBreakingTransform(_Plain):
    """Vectors of n elements to n + 1 probabilities, each a share of what the ones before it left.

    Zeros go to equal probabilities. Source: Stan reference manual, "Unit simplex".

    >>> import tritonnn as torch
    >>> torch.distributions.transforms.StickBreakingTransform()(torch.zeros(3))
    tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """

    domain = constraints.real_vector
    codomain = constraints.simplex
    bijective = True

    @staticmethod
    def _log_left(like: Tensor) -> Tensor:
        """Logarithms of how many elements follow each."""
        return torch.arange(like.shape[-1], 0, -1, dtype=like.dtype, device=like.device).log()

    def _call(self, x: Tensor) -> Tensor:
        info = torch.finfo(x.dtype)
        share = torch.sigmoid(x - self._log_left(x)).clamp(min=info.tiny, max=1.0 - info.eps)
        left = (1 - share).cumprod(-1)
        return pad(share, [0, 1], value=1.0) * pad(left, [1, 0], value=1.0)

    def _inverse(self, y: Tensor) -> Tensor:
        first = y[..., :-1]
        left = (1 - first.cumsum(-1)).clamp(min=torch.finfo(y.dtype).tiny)
        return first.log() - left.log() + self._log_left(first)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        # triangular, with y_k (1 - share_k) on the diagonal
        return (logsigmoid(self._log_left(x) - x) + y[..., :-1].log()).sum(-1)

    def forward_shape(self, shape: tuple[int, ...]) -> Any:
        _at_least(shape, 1)
        return shape[:-1] + (shape[-1] + 1,)

    def inverse_shape(self, shape: tuple[int, ...]) -> Any:
        _at_least(shape, 1)
        return shape[:-1] + (shape[-1] - 1,)


class LowerCholeskyTransform(_Plain):
    """Matrices to lower triangular ones with a positive diagonal: the exponential of theirs.

    >>> import tritonnn as torch
    >>> torch.distributions.transforms.LowerCholeskyTransform()(torch.tensor([[0., 5.], [2., 0.]]))
    tensor([[1., 0.],
            [2., 1.]])
    """

    domain = _real_matrix
    codomain = constraints.lower_cholesky

    def _call(self, x: Tensor) -> Tensor:
        return x.tril(-1) + x.diagonal(dim1=-2, dim2=-1).exp().diag_embed()

    def _inverse(self, y: Tensor) -> Tensor:
        return y.tril(-1) + y.diagonal(dim1=-2, dim2=-1).log().diag_embed()


class PositiveDefiniteTransform(_Plain):
    """Matrices to positive definite ones, L Lᵀ with L by LowerCholeskyTransform.

    >>> import tritonnn as torch
    >>> torch.distributions.transforms.PositiveDefiniteTransform()(torch.zeros(2, 2))
    tensor([[1., 0.],
            [0., 1.]])
    """

    domain = _real_matrix
    codomain = constraints.positive_definite

    def _call(self, x: Tensor) -> Tensor:
        lower = LowerCholeskyTransform()(x)
        return lower @ lower.mT

    def _inverse(self, y: Tensor) -> Tensor:
        return LowerCholeskyTransform().inv(torch.linalg.cholesky(y))


class CorrCholeskyTransform(_Plain):
    """Vectors of n (n - 1) / 2 elements to Cholesky factors of correlation matrices.

    tanh of an element is a partial correlation, a share of what is left of the unit length of its row.
    Source: Stan reference manual, "Cholesky factors of correlation matrices".

    >>> import tritonnn as torch
    >>> torch.distributions.transforms.CorrCholeskyTransform()(torch.zeros(1))
    tensor([[1., 0.],
            [0., 1.]])
    """

    domain = constraints.real_vector
    codomain = constraints.corr_cholesky
    bijective = True

    def _call(self, x: Tensor) -> Tensor:
        edge = 1 - torch.finfo(x.dtype).eps
        partial = vec_to_tril_matrix(torch.tanh(x).clamp(min=-edge, max=edge), diag=-1)
        left = (1 - partial * partial).sqrt().cumprod(-1)
        one = torch.eye(partial.shape[-1], dtype=partial.dtype, device=partial.device)
        return (partial + one) * pad(left[..., :-1], [1, 0], value=1.0)

    def _inverse(self, y: Tensor) -> Tensor:
        left = pad((1 - (y * y).cumsum(-1))[..., :-1], [1, 0], value=1.0)
        partial = tril_matrix_to_vec(y, diag=-1) / tril_matrix_to_vec(left, diag=-1).sqrt()
        return torch.atanh(partial)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        left = 1 - (y * y).cumsum(-1)
        n = y.shape[-1]
        lengths = 0.5 * tril_matrix_to_vec(left, diag=-2).log().sum(-1) if n > 2 else 0.0
        return lengths + (logsigmoid(2.0 * x) + logsigmoid(-2.0 * x) + 2.0 * log(2.0)).sum(-1)

    def forward_shape(self, shape: tuple[int, ...]) -> Any:
        _at_least(shape, 1)
        count = shape[-1]
        n = round((0.25 + 2 * count) ** 0.5 + 0.5)
        if n * (n - 1) // 2 != count:
            raise ValueError(f"Input is not a flattened lower-diagonal number: {count} elements")
        return shape[:-1] + (n, n)

    def inverse_shape(self, shape: tuple[int, ...]) -> Any:
        _at_least(shape, 2)
        if shape[-2] != shape[-1]:
            raise ValueError(f"Input is not square: {tuple(shape[-2:])}")
        n = shape[-1]
        return shape[:-2] + (n * (n - 1) // 2,)
