"""Norms of matrices, and condition numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tritonnn._tensor import Tensor
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import Invalid
from tritonnn.ops._table import FLOATING_AND_COMPLEX, Bad, Sample, composite
from tritonnn.ops.linalg import _matrices as m
from tritonnn.ops.linalg.inverse import linalg_inv_ex
from tritonnn.ops.linalg.singular import svdvals
from tritonnn.ops.reduction.norms import vector_norm
from tritonnn.shape import wrap_dim
from tritonnn.table.types import Dims

_OF_SINGULAR_VALUES = ("nuc", 2, -2)


def _matrix_norm(A: Tensor, ord: Any, dims: tuple[int, int], keepdim: bool) -> Tensor:
    """The norm over two dimensions that are known to be good."""
    if ord == "fro":
        return vector_norm(A, 2, dims, keepdim)
    if (
        not isinstance(ord, str) and ord > 0 and 0 in (A.shape[dims[0]], A.shape[dims[1]])
    ):  # the largest of nothing
        return vector_norm(A, 2, dims, keepdim)
    if ord not in _OF_SINGULAR_VALUES:  # of sums along one of them
        along, over = dims if abs(ord) == 1 else dims[::-1]
        sums = vector_norm(A, 1, along, True)
        value = (sums.amax if ord > 0 else sums.amin)(over, True)
        return value if keepdim else value.squeeze(dims)
    values = svdvals(A.movedim(dims, (-2, -1)))
    value = values.sum(-1) if ord == "nuc" else (values.amax if ord > 0 else values.amin)(-1)
    if keepdim:
        for d in sorted(d % len(A.shape) for d in dims):
            value = value.unsqueeze(d)
    return value


def _known(ord: Any) -> None:
    if not (ord in ("fro", "nuc") if isinstance(ord, str) else abs(ord) in (1, 2, math.inf)):
        raise Invalid(f"linalg.matrix_norm: Order {ord} not supported.")


def _typed(A: Tensor, dtype: DType | None, op: str) -> Tensor:
    if A.dtype.kind < 2:
        raise Invalid(
            f"linalg.{op}: Expected a floating point or complex tensor as input. Got {A.dtype.name}"
        )
    if dtype is None:
        return A
    if dtype.kind < 2:
        raise Invalid(f"linalg.{op}: dtype should be floating point or complex. Got {dtype.name}")
    if A.dtype.is_complex and not dtype.is_complex:
        raise Invalid(f"linalg.{op}: dtype should be complex for complex inputs. Got {dtype.name}")
    if not A.dtype.is_complex and dtype.is_complex:
        raise Invalid(f"linalg.{op}: dtype should be real for real inputs. Got {dtype.name}")
    if np.promote_types(A.dtype.np, dtype.np) != dtype.np:
        raise Invalid(f"linalg.{op}: the dtype of the input ({A.dtype.name}) should be convertible without narrowing "
                      f"to the specified dtype ({dtype.name})")  # fmt: skip
    return A.to(dtype)


def _by_numpy(A: Any, ord: Any, dim: Any = (-2, -1), keepdim: bool = False) -> Any:
    """The definition in NumPy."""
    if ord is None and (dim is None or isinstance(dim, int) or len(dim) != 2):
        return np.sqrt(
            (np.abs(A) ** 2).sum(dim if dim is None or isinstance(dim, int) else tuple(dim), keepdims=keepdim)
        )
    return np.linalg.norm(A, ord, dim if dim is None or isinstance(dim, int) else tuple(dim), keepdim)


@composite(
    api="linalg",
    out=True,
    dtypes=FLOATING_AND_COMPLEX,
    samples=lambda make: [
        Sample(make(3, 4)),
        *[
            Sample(make(2, 3, 4), ord, keepdim=keep)
            for ord, keep in ((1, False), (-1, True), (math.inf, True), (-math.inf, False))
        ],
        Sample(make(3, 2, 4), 1, (0, -1)),
        *[
            Sample(make(2, 3, 4), ord, (0, 2), keep)
            for ord, keep in (("nuc", False), (2, True), (-2, False))
            if make.dtype in m.DECOMPOSED
        ],
    ],
    errors=lambda make: [
        Bad(make(3), match="A must have at least 2 dimensions"),
        Bad(make(3, 3), 3, match="Order 3 not supported"),
        Bad(make(3, 3), "x", match="Order x not supported"),
        Bad(make(3, 3), "nuc", (0, 0), match=r"dims must be different. Got \(0, 0\)"),
        Bad(make(3, 3), "fro", (0,), match="dim must be a 2-tuple"),
        Bad(make.int(3, 3), match="Expected a floating point or complex tensor"),
        Bad(make(3, 3), 1, (0, 2), error=IndexError, match="Dimension out of range"),
    ],
    reference=lambda input, ord, dim, keepdim: _by_numpy(input, ord, dim, keepdim),
)  # fmt: skip
def matrix_norm(
    input: Tensor, ord: Any = "fro", dim: Sequence[int] = (-2, -1), keepdim: bool = False, *, dtype: DType | None = None
) -> Tensor:  # fmt: skip
    """A norm of matrices.

    Args:
        input: at least two dimensions.
        ord: 'fro' (the root of the sum of squares), 'nuc' (the sum of singular values), inf and -inf (the largest and
            smallest sum of sizes in a row), 1 and -1 (in a column), 2 and -2 (the largest and smallest singular value).
        dim: the dimensions of rows and columns.
        keepdim: keep them with extent 1.
        dtype: to compute in.

    Raises:
        RuntimeError: another `ord`, or other dimensions.

    >>> import tritonnn as torch
    >>> torch.linalg.matrix_norm(torch.tensor([[3., 0.], [0., 4.]]))
    tensor(5.)
    """
    m.matrices(input)
    if len(dim) != 2:
        raise Invalid(f"linalg.matrix_norm: dim must be a 2-tuple. Got {' '.join(map(str, dim))}")
    _known(ord)
    rows, columns = (wrap_dim(d, len(input.shape)) for d in dim)
    if rows == columns:
        raise Invalid(f"linalg.matrix_norm: dims must be different. Got ({dim[0]}, {dim[1]})")
    return _matrix_norm(_typed(input, dtype, "matrix_norm"), ord, (rows, columns), keepdim)


@composite(
    api="linalg",
    public="norm",
    out=True,
    dtypes=FLOATING_AND_COMPLEX,
    samples=lambda make: [
        Sample(make(3, 4)),
        Sample(make(5), 3),
        Sample(make(3, 4), 1),
        Sample(make(3, 4), None, 1),
        Sample(make(3, 4), math.inf, 1, True),
        Sample(make(2, 3, 4), "fro", (0, 1)),
        Sample(make(2, 3, 4), None, (0, 1), True),
    ],
    errors=lambda make: [
        Bad(make(3, 3), "nuc", 0, match="dim must be a 2-tuple. Got 0"),
        Bad(make(3, 3, 3), "nuc", match="must have dim as a 2-tuple|the input must be 1D or 2D. Got 3D"),
        Bad(make.int(3), match="floating point"),
        Bad(make(3), 2, 1, error=IndexError, match="Dimension out of range"),
    ],
    reference=lambda input, ord, dim, keepdim: _by_numpy(input, ord, dim, keepdim),
)
def linalg_norm(
    input: Tensor, ord: Any = None, dim: Dims = None, keepdim: bool = False, *, dtype: DType | None = None
) -> Tensor:
    """A norm of vectors or matrices.

    Args:
        input: any shape.
        ord: of vectors the degree, of matrices as `matrix_norm` takes it; default: the root of the sum of squares.
        dim: one dimension for norms of vectors, two for matrices; default: all, which have to be one or two where `ord`
            is given.
        keepdim: keep them with extent 1.
        dtype: to compute in.

    Raises:
        RuntimeError: an `ord` that there is not.

    >>> import tritonnn as torch
    >>> torch.linalg.norm(torch.tensor([[3., 0.], [0., 4.]]), "nuc")
    tensor(7.)
    """
    if isinstance(ord, str):
        if (dim is None and len(input.shape) > 2) or len(input.shape) < 2:
            raise Invalid(
                f"linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got {len(input.shape)}D."
            )
        if isinstance(dim, int):
            raise Invalid(f"linalg.matrix_norm: dim must be a 2-tuple. Got {dim}")
        return matrix_norm(input, ord, (0, 1) if dim is None else dim, keepdim, dtype=dtype)
    if ord is not None:
        if dim is None and len(input.shape) not in (1, 2):
            raise Invalid(
                f"linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got {len(input.shape)}D."
            )
        if (dim is None and len(input.shape) == 2) or (
            dim is not None and not isinstance(dim, int) and len(dim) == 2
        ):
            return matrix_norm(input, ord, (0, 1) if dim is None else dim, keepdim, dtype=dtype)
    return vector_norm(_typed(input, dtype, "norm"), 2 if ord is None else ord, dim, keepdim)


def _condition(A: np.ndarray, p: Any = None) -> Any:
    """The definition in NumPy: of singular values, or a norm times that of the inverse."""
    if p in (None, 2, -2):
        s = np.sqrt(np.linalg.eigvalsh(np.swapaxes(A, -1, -2).conj() @ A))
        return s[..., 0] / s[..., -1] if p == -2 else s[..., -1] / s[..., 0]
    return np.linalg.norm(A, p, (-2, -1)) * np.linalg.norm(np.linalg.inv(A), p, (-2, -1))


@composite(
    api="linalg",
    out=True,
    dtypes=m.DECOMPOSED,
    samples=lambda make: [
        Sample(make(3, 3)),
        Sample(make(2, 4, 3)),
        Sample(make(4, 3), -2),
        *[Sample(make(3, 3), p) for p in (1, -math.inf, "fro", "nuc")],
    ],
    errors=lambda make: [
        Bad(make(3), match="must have at least 2 dimensions"),
        Bad(make(3, 2), 1, match="batches of square matrices"),
        Bad(make(3, 3), "x", match="got an invalid norm type: x"),
        Bad(make(3, 3), 7, match="got an invalid norm type: 7"),
        Bad(make.int(3, 3), match="floating point or complex"),
    ],
    reference=lambda input, p: _condition(input, p),
)
def cond(input: Tensor, p: Any = None) -> Tensor:
    """The condition number: a norm of the matrix times that of its inverse; infinite of a singular matrix.

    Args:
        input: (*, m, n); square but for p of None, 2 and -2.
        p: which norm, as `matrix_norm` takes it; None is 2.

    Raises:
        RuntimeError: an unknown norm, or matrices that are not square.

    >>> import tritonnn as torch
    >>> torch.linalg.cond(torch.tensor([[2., 0.], [0., 4.]]))
    tensor(2.)
    """
    m.matrices(input, "")
    m.floating(input)
    if not (p is None or (p in ("fro", "nuc") if isinstance(p, str) else abs(p) in (1, 2, math.inf))):
        raise Invalid(f"linalg.cond got an invalid norm type: {p}")
    if p in (None, 2, -2):
        values = svdvals(input)
        if not values.shape[-1]:
            return values.new_zeros(values.shape[:-1])
        first, last = values[..., 0], values[..., -1]
        return last / first if p == -2 else first / last
    m.square(input)
    if not input.numel():
        return input.new_zeros(input.shape[:-2], dtype=m.real_type(input.dtype))
    inverse, info = linalg_inv_ex(input)
    singular = info != 0
    inverse = inverse.masked_fill(singular.unsqueeze(-1).unsqueeze(-1), 0)
    result = matrix_norm(input, p) * matrix_norm(inverse, p)
    return result.masked_fill(singular | (result != result), math.inf)
