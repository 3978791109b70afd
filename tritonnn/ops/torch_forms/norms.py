"""Older names of norms, and the norm over all dimensions but one."""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn._tensor import Tensor
from tritonnn.errors import fail
from tritonnn.ops._table import FLOATING_AND_COMPLEX, Bad, Sample, composite
from tritonnn.ops.linalg._matrices import DECOMPOSED
from tritonnn.ops.linalg.norms import matrix_norm, vector_norm
from tritonnn.ops.reduction.norms import norm
from tritonnn.table.types import Count, Dims, IntOrInts


def _except_definition(v: np.ndarray, pow: int, dim: int) -> Any:
    axes = tuple(i for i in range(v.ndim) if i != dim) if dim != -1 else None
    return (np.abs(v) ** pow).sum(axes, keepdims=dim != -1) ** (1 / pow)


@composite(
    api="torch", reference=_except_definition,
    samples=lambda make: [
        Sample(make(3, 4)), Sample(make(2, 3, 4), 2, 1), Sample(make(3, 4), 2, -1), Sample(make(2, 3, 4), 1, 2),
    ],
    errors=lambda make: [Bad(make(2, 3), 2, 5, error=IndexError, match="Dimension out of range")],
)  # fmt: skip
def norm_except_dim(v: Tensor, pow: Count = 2, dim: Count = 0) -> Tensor:
    """The norm over all dimensions but `dim`, which are kept with extent 1; over all of them for -1.

    >>> import tritonnn as torch
    >>> torch.norm_except_dim(torch.tensor([[3., 4.], [6., 8.]]))
    tensor([[ 5.],
            [10.]])
    """
    rank = len(v.shape)
    if dim == -1:
        return norm(v, pow)
    if not 0 <= dim < max(rank, 1):
        raise fail(
            "norm_except_dim", f"Dimension out of range (expected to be in range of [-1, {rank - 1}], but got {dim})",
            kind=IndexError, v=v,
        )  # fmt: skip
    if rank == 1:
        return v.abs()
    if dim:  # a copy, so that a write into v leaves the gradient right
        v = v.transpose(0, dim).contiguous()
    values = norm(v, pow, tuple(range(1, rank)), keepdim=True)
    return values.transpose(0, dim) if dim else values


def _frobenius_definition(input: np.ndarray, dim: Any, keepdim: bool) -> Any:
    dims = (dim,) if isinstance(dim, int) else tuple(dim)
    return np.sqrt((np.abs(input) ** 2).sum(dims or None, keepdims=keepdim))


@composite(
    api="torch", dtypes=FLOATING_AND_COMPLEX, reference=_frobenius_definition,
    samples=lambda make: [
        Sample(make(3, 4), (0,)), Sample(make(2, 3, 4), (0, 2)), Sample(make(3, 4), 1, True), Sample(make(3, 4), ()),
    ],
    errors=lambda make: [
        Bad(make(2, 3, 4), (0, 1, 2), match="Expected at most 2 dimensions, but got 3"),
        Bad(make(2, 3), (5,), error=IndexError, match="Dimension out of range"),
    ],
)  # fmt: skip
def frobenius_norm(input: Tensor, dim: IntOrInts, keepdim: bool = False) -> Tensor:
    """The square root of the sum of squares over one or two dimensions; over all of them for ().

    >>> import tritonnn as torch
    >>> torch.frobenius_norm(torch.tensor([[3., 4.], [6., 8.]]), 1)
    tensor([ 5., 10.])
    """
    dims = (dim,) if isinstance(dim, int) else tuple(dim)
    if len(dims) > 2:
        raise fail(
            "frobenius_norm",
            f"Expected at most 2 dimensions, but got {len(dims)} dimensions instead.",
            input=input,
        )
    return vector_norm(input, 2, dims or None, keepdim)


def _nuclear_definition(input: np.ndarray, dim: Any, keepdim: bool) -> Any:
    first, second = (0, 1) if dim is None else dim
    values = np.linalg.svd(np.moveaxis(input, (first, second), (-2, -1)), compute_uv=False).sum(-1)
    return np.expand_dims(values, tuple(d % input.ndim for d in (first, second))) if keepdim else values


@composite(
    api="torch", dtypes=DECOMPOSED, reference=_nuclear_definition,
    samples=lambda make: [Sample(make(3, 4)), Sample(make(2, 3, 4), (0, 2)), Sample(make(3, 4), (0, 1), True)],
    errors=lambda make: [Bad(make(2, 3), (1,), match="dim must be a 2-tuple")],
)  # fmt: skip
def nuclear_norm(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """The sum of the singular values of matrices: of the last two dimensions, or of those given.

    >>> import tritonnn as torch
    >>> torch.nuclear_norm(torch.tensor([[3., 0.], [0., 4.]]))
    tensor(7.)
    """
    if isinstance(dim, bool):  # `nuclear_norm(input, keepdim)`
        return matrix_norm(input, "nuc", (-2, -1), dim)
    dims = (-2, -1) if dim is None else (dim,) if isinstance(dim, int) else dim
    return matrix_norm(input, "nuc", dims, keepdim)
