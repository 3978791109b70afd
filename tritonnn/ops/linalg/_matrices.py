"""What the entries of decompositions and equations share: their types, checks, and a few forms of a matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tritonnn import dtypes
from tritonnn._levels import every
from tritonnn._tensor import Tensor, host_array
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import Invalid, LinAlgError, fail
from tritonnn.memory_format import strides_in_order
from tritonnn.ops.creation.creation import eye
from tritonnn.ops.indexing.triangles import tril, triu
from tritonnn.ops.linalg.linalg import _adjoint as adjoint
from tritonnn.ops.linalg.linalg import matmul_nd
from tritonnn.shape import broadcast_shapes
from tritonnn.table import Make

__all__ = [
    "DECOMPOSED", "adjoint", "by_columns", "check_info", "eye_like", "floating", "hermitian", "large", "matmul_nd",
    "matrices", "positive", "product", "real_type", "regular", "same_type", "solvable", "square", "triangle", "vectors",
    "zeros_of",
]  # fmt: skip

#: the types that LAPACK has
DECOMPOSED = (dtypes.float32, dtypes.float64, *dtypes.COMPLEX)
#: rows and columns of the largest matrices that GPU kernels factor
LARGEST = 32


def large(A: Tensor, *_: Any) -> str:
    """What factors matrices of a GPU that kernels do not (`host=`): those with more rows, and complex ones."""
    return "LAPACK" if A.shape[-1] > LARGEST or A.dtype.is_complex else ""


# ---- checks --------------------------------------------------------------------------------------------------


def matrices(A: Tensor, name: str = "A") -> None:
    """Refuse what is no batch of matrices."""
    if len(A.shape) < 2:
        raise Invalid(f"The input tensor {name} must have at least 2 dimensions, got {len(A.shape)}")


def square(A: Tensor, name: str = "A") -> None:
    """Refuse what is no batch of square matrices."""
    matrices(A, name)
    if A.shape[-1] != A.shape[-2]:
        rows, columns = A.shape[-2:]
        raise Invalid(f"{name} must be batches of square matrices, but they are {rows} by {columns} matrices")


def floating(A: Tensor) -> None:
    """Refuse whole numbers, and half precision, which LAPACK does not have."""
    if A.dtype in DECOMPOSED:
        return
    if A.dtype.kind < 2:
        raise Invalid(f"Expected a floating point or complex tensor as input. Got {A.dtype.name}")
    raise Invalid(
        f"not implemented for {A.dtype.name}: low precision dtypes are not supported",
        kind=NotImplementedError,
        hint="convert it with .float()",
    )


def same_type(A: Tensor, B: Tensor, names: str = "A and B") -> None:
    """Refuse operands of two types."""
    if A.dtype is not B.dtype:
        left, right = names.split(" and ")
        raise Invalid(
            f"Expected {names} to have the same dtype, but found {left} of type {A.dtype.name} "
            f"and {right} of type {B.dtype.name} instead"
        )


def vectors(A: Tensor, B: Tensor) -> bool:
    """Whether B is a batch of vectors: it is one, or has the shape of A without its last dimension."""
    return len(B.shape) == 1 or (len(A.shape) - 1 == len(B.shape) and B.shape == A.shape[:-1])


def solvable(A: Tensor, B: Tensor, left: bool) -> tuple[int, ...]:
    """The shape of the solution of A X = B, or X A = B, with leading dimensions broadcast."""
    matrices(B, "B")
    square(A)
    if A.shape[-1] != B.shape[-2 if left else -1]:
        (m, n), (k, r) = A.shape[-2:], B.shape[-2:]
        text = "AX = B" if left else "XA = B"
        raise Invalid(f"Incompatible shapes of A and B for the equation {text} ({m}x{n} and {k}x{r})")
    return (*broadcast_shapes(A.shape[:-2], B.shape[:-2]), *B.shape[-2:])


NO_INVERSE = (
    "The diagonal element {info} is zero, "
    "the inversion could not be completed because the input matrix is singular."
)


def check_info(
    name: str, info: Tensor, text: str, kind: type[Exception] = LinAlgError, **tensors: Any
) -> None:
    """Raise an error where a factorization failed.

    Args:
        info: for each matrix 0, or what `text` calls {info}.
        text: what is said of the first that failed.
    """
    codes = host_array(every(info).detach())
    if not codes.any():
        return
    where = int(codes.reshape(-1).nonzero()[0][0])
    batch = f"(Batch element {where}): " if codes.ndim else ""
    raise fail(name, batch + text.format(info=int(codes.reshape(-1)[where])), kind=kind, **tensors)


# ---- forms ---------------------------------------------------------------------------------------------------


def by_columns(shape: Sequence[int]) -> tuple[int, ...]:
    """Strides of matrices whose columns lie together, as LAPACK has them."""
    order = [*range(len(shape) - 2), len(shape) - 1, len(shape) - 2]
    return strides_in_order(shape, order)


def real_type(dtype: DType) -> DType:
    """The type of the sizes of numbers of a type."""
    return {dtypes.complex64: dtypes.float32, dtypes.complex128: dtypes.float64}.get(dtype, dtype)


def hermitian(X: Tensor) -> Tensor:
    """The Hermitian part."""
    return (X + adjoint(X)) * 0.5


def triangle(X: Tensor, upper: bool, without_diagonal: bool = False) -> Tensor:
    """One triangle of X, with or without its diagonal."""
    return triu(X, int(without_diagonal)) if upper else tril(X, -int(without_diagonal))


def eye_like(A: Tensor) -> Tensor:
    """The unit matrix of the size, type and device of A."""
    return eye(A.shape[-1], dtype=A.dtype, device=A.device)


def zeros_of(A: Tensor) -> Tensor:
    """Zeros in the shape of A, whose gradient is 0: what depends on A and not on its numbers."""
    return A.masked_fill(A.new_ones((), dtype=dtypes.bool_), 0)


def product(*factors: Tensor) -> Tensor:
    """Matrix products, from the left."""
    result = factors[0]
    for factor in factors[1:]:
        result = matmul_nd(result, factor)
    return result


# ---- samples -------------------------------------------------------------------------------------------------


def positive(make: Make, *shape: int) -> Tensor:
    """A positive definite matrix, or a batch of them; the last extent is that of both dimensions."""
    x = make(*shape, shape[-1])
    return _with_diagonal(x @ adjoint(x), 1.0)


def regular(make: Make, *shape: int) -> Tensor:
    """A matrix far from singular, or a batch of them."""
    return _with_diagonal(make(*shape, shape[-1]), 3.0 * shape[-1] ** 0.5)


def _with_diagonal(x: Tensor, value: float) -> Tensor:
    x = x.detach().clone()
    x.diagonal(dim1=-2, dim2=-1).add_(value)
    return x
