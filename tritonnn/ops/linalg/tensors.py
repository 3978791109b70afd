"""Products of vectors, and equations of tensors, as torch.linalg has them."""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid
from tritonnn.ops._table import ANY, FLOATING_AND_COMPLEX, NUMERIC, Bad, Sample, composite
from tritonnn.ops.elementwise.elementwise import conjugate
from tritonnn.ops.joining.joining import cat
from tritonnn.ops.linalg import _matrices as m
from tritonnn.ops.linalg.equations import solve
from tritonnn.ops.linalg.inverse import inv
from tritonnn.ops.linalg.linalg import PRODUCTS, matmul
from tritonnn.ops.linalg.products import cross
from tritonnn.ops.scan.scan import cumprod
from tritonnn.ops.shape.parts import diagonal
from tritonnn.shape import numel, wrap_dim

_NUMBERS = (*NUMERIC, *dtypes.COMPLEX)


@composite(
    api="linalg",
    public="matmul",
    out=True,
    dtypes=PRODUCTS,
    samples=lambda make: [Sample(make(2, 3), make(3, 4)), Sample(make(3), make(2, 3, 4))],
    errors=lambda make: [Bad(make(2, 3), make(2, 3), match="cannot be multiplied")],
    reference=lambda input, other: np.matmul(input, other),
)
def linalg_matmul(input: Tensor, other: Tensor) -> Tensor:
    """`torch.matmul`.

    >>> import tritonnn as torch
    >>> torch.linalg.matmul(torch.eye(2), torch.ones(2))
    tensor([1., 1.])
    """
    return matmul(input, other)


@composite(
    api="linalg",
    public="diagonal",
    dtypes=ANY,
    samples=lambda make: [Sample(make(3, 4)), Sample(make(2, 3, 4), offset=-1, dim1=0)],
    errors=lambda make: [Bad(make(3, 3), dim1=1, dim2=1, match="cannot be identical")],
    reference=lambda A, offset, dim1, dim2: np.diagonal(A, offset, dim1, dim2),
)
def linalg_diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """The diagonals of matrices, as a last dimension; a view.

    Args:
        A: at least two dimensions.
        offset: which diagonal, above the main one where positive.
        dim1: the dimension of rows.
        dim2: the dimension of columns.

    >>> import tritonnn as torch
    >>> torch.linalg.diagonal(torch.tensor([[1, 2], [3, 4]]))
    tensor([1, 4])
    """
    return diagonal(A, offset, dim1, dim2)


def _cross(a: np.ndarray, b: np.ndarray, dim: int) -> np.ndarray:
    """The definition in NumPy: components of the antisymmetric product."""
    a, b = (np.moveaxis(x, dim, 0) for x in np.broadcast_arrays(a, b))
    parts = [a[(i + 1) % 3] * b[(i + 2) % 3] - a[(i + 2) % 3] * b[(i + 1) % 3] for i in range(3)]
    return np.stack(parts, dim)


@composite(
    api="linalg",
    public="cross",
    out=True,
    dtypes=_NUMBERS,
    samples=lambda make: [Sample(make(2, 3), make(2, 3)), Sample(make(3, 4), make(3, 1), dim=0)],
    errors=lambda make: [
        Bad(make(2), make(2), match="inputs dimension -1 must have length 3. Got 2 and 2"),
        Bad(make(2, 3), make(3), match="must have the same number of dimensions"),
        Bad(make(3), make(3), dim=1, error=IndexError, match="Dimension out of range"),
    ],
    reference=lambda input, other, dim: _cross(input, other, dim),
)
def linalg_cross(input: Tensor, other: Tensor, *, dim: int = -1) -> Tensor:
    """Cross product of vectors of three elements along `dim`.

    Args:
        input: vectors of three elements.
        other: as many dimensions; they broadcast.
        dim: which dimension has the three.

    Raises:
        RuntimeError: other than three elements, or another number of dimensions.

    >>> import tritonnn as torch
    >>> torch.linalg.cross(torch.tensor([1, 0, 0]), torch.tensor([0, 1, 0]))
    tensor([0, 0, 1])
    """
    if len(input.shape) != len(other.shape):
        raise Invalid("linalg.cross: inputs must have the same number of dimensions.")
    axis = wrap_dim(dim, len(input.shape))
    first, second = input.shape[axis], other.shape[axis]
    if (first, second) != (3, 3):
        raise Invalid(f"linalg.cross: inputs dimension {dim} must have length 3. Got {first} and {second}")
    return cross(input, other, axis)


@composite(
    api="linalg",
    out=True,
    dtypes=FLOATING_AND_COMPLEX,
    samples=lambda make: [
        Sample(make(3), make(3)), Sample(make(2, 3), make(4, 1, 3)), Sample(make(3, 2), make(3, 1), dim=0),
    ],
    errors=lambda make: [
        Bad(make(3), make(2), match="must match the size"),
        Bad(make.int(3), make.int(3), match="Expected a floating point or complex tensor"),
        Bad(make(3), make(3), dim=1, error=IndexError, match="Dimension out of range"),
    ],
    reference=lambda x, y, dim: (np.conj(x) * y).sum(dim),
)  # fmt: skip
def vecdot(x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
    """Inner products of vectors along `dim`, the first conjugated.

    Args:
        x: vectors.
        y: vectors; they broadcast.
        dim: along which dimension.

    Raises:
        RuntimeError: extents that do not broadcast, or whole numbers.

    >>> import tritonnn as torch
    >>> torch.linalg.vecdot(torch.tensor([1., 2.]), torch.tensor([3., 4.]))
    tensor(11.)
    """
    if x.dtype.kind < 2:
        raise Invalid(
            f"linalg.vecdot: Expected a floating point or complex tensor as input. Got {x.dtype.name}"
        )
    m.same_type(x, y, "x and y")
    return (conjugate(x) * y).sum(dim)


@composite(
    api="linalg",
    public="vander",
    dtypes=tuple(kind for kind in _NUMBERS if kind not in (dtypes.float16, dtypes.bfloat16)),
    samples=lambda make: [Sample(make(3)), Sample(make(2, 3), N=5), Sample(make(3), N=2)],
    errors=lambda make: [
        Bad(make(()), match="N must be greater than 1|at least one dimension"),
        Bad(make(3), N=0, match="N must be greater than 1"),
    ],
    reference=lambda x, N: x[..., None] ** np.arange(x.shape[-1] if N is None else N),
)
def linalg_vander(x: Tensor, *, N: int | None = None) -> Tensor:
    """Vandermonde matrices: the powers 0 to N - 1 of each element, in a row.

    Args:
        x: vectors, (*, n).
        N: how many powers; default: n.

    Raises:
        RuntimeError: fewer than two powers.

    >>> import tritonnn as torch
    >>> torch.linalg.vander(torch.tensor([1, 2, 3])).tolist()
    [[1, 1, 1], [1, 2, 4], [1, 3, 9]]
    """
    x = x.unsqueeze(0) if not x.shape else x
    if (x.shape[-1] if N is None else N) < 2:
        raise Invalid("N must be greater than 1.")
    if x.dtype in (dtypes.float16, dtypes.bfloat16):
        raise Invalid(
            f"linalg.vander supports floating point, complex, and integer tensors, but got {x.dtype.name}"
        )
    count = x.shape[-1] if N is None else N
    if x.dtype.kind < 2:
        x = x.to(dtypes.int64)
    first = x.new_ones((*x.shape, 1))
    return cat([first, cumprod(x.unsqueeze(-1).expand(*x.shape, count - 1), -1)], -1)


@composite(
    api="linalg",
    out=True,
    dtypes=m.DECOMPOSED,
    samples=lambda make: [
        Sample(m.regular(make, 6).reshape(2, 3, 6), 2),
        Sample(m.regular(make, 4).reshape(4, 2, 2), 1),
    ],
    errors=lambda make: [
        Bad(make(3, 2), 1, match=r"prod\(self.shape\[ind:\]\) == prod\(self.shape\[:ind\]\), but got 2 != 3"),
        Bad(make(3, 3), 0, match="Expected a strictly positive integer for 'ind', but got 0"),
    ],
    reference=lambda input, ind: np.linalg.tensorinv(input, ind),
)
def tensorinv(input: Tensor, ind: int = 2) -> Tensor:
    """The inverse of `tensordot`: X with tensordot(X, tensordot(A, B)) = B.

    Args:
        input: a tensor whose first `ind` extents have the same product as the others.
        ind: how many dimensions are the rows.

    Raises:
        RuntimeError: extents that do not fit, or a singular tensor.

    >>> import tritonnn as torch
    >>> torch.linalg.tensorinv(torch.eye(6).reshape(6, 2, 3), 1).shape
    torch.Size([2, 3, 6])
    """
    if ind <= 0:
        raise Invalid(f"Expected a strictly positive integer for 'ind', but got {ind}")
    if ind > len(input.shape):
        raise Invalid(
            f"Expected 'ind' to be at most the number of dimensions, {len(input.shape)}, but got {ind}"
        )
    rows, columns = numel(input.shape[:ind]), numel(input.shape[ind:])
    if rows != columns:
        raise Invalid(
            "Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), but got "
            f"{columns} != {rows}"
        )
    return inv(input.reshape(rows, columns)).reshape(*input.shape[ind:], *input.shape[:ind])


@composite(
    api="linalg",
    out=True,
    dtypes=m.DECOMPOSED,
    samples=lambda make: [
        Sample(m.regular(make, 6).reshape(2, 3, 6), make(2, 3)),
        Sample(m.regular(make, 4).reshape(2, 2, 4).movedim(-1, 0), make(2, 2), (0,)),
    ],
    errors=lambda make: [
        Bad(make(3, 2), make(3), match=r"prod\(self.shape\[:other.ndim\]\), but got 2 != 3"),
    ],
    reference=lambda input, other, dims: np.linalg.tensorsolve(input, other, dims),
)
def tensorsolve(input: Tensor, other: Tensor, dims: Any = None) -> Tensor:
    """X with tensordot(A, X, X.ndim) = B.

    Args:
        input: a tensor whose first B.ndim extents have the same product as the others.
        other: the right side.
        dims: dimensions of A to move to its end before.

    Raises:
        RuntimeError: extents that do not fit.

    >>> import tritonnn as torch
    >>> torch.linalg.tensorsolve(torch.eye(6).reshape(2, 3, 6), torch.ones(2, 3)).shape
    torch.Size([6])
    """
    if dims is not None:
        dims = tuple(dims)
        input = input.movedim(dims, tuple(range(len(input.shape) - len(dims), len(input.shape))))
    ndim = len(other.shape)
    rows, columns = numel(input.shape[:ndim]), numel(input.shape[ndim:])
    if rows != columns:
        raise Invalid(
            "Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == "
            f"prod(self.shape[:other.ndim]), but got {columns} != {rows}"
        )
    return solve(input.reshape(rows, columns), other.reshape(-1)).reshape(input.shape[ndim:])
