"""Products of tensors of any number of dimensions, of which some are sparse: batches, vectors, linear layers."""

from __future__ import annotations

import math

from tritonnn._compressed import CompressedTensor
from tritonnn._sparse import HINT, Sparse, SparseTensor
from tritonnn._tensor import Tensor
from tritonnn.errors import fail
from tritonnn.ops.sparse._forms import need_tensors, sparse_form
from tritonnn.ops.sparse.arithmetic import coalesce
from tritonnn.ops.sparse.conversion import to_coo
from tritonnn.ops.sparse.products import matrix_product, mv, times
from tritonnn.ops.sparse.shape import transposed
from tritonnn.ops.sparse.spmm import starts_of

BOTH = "coo compressed"


@sparse_form("matmul", "__matmul__", of=BOTH)
def matmul(input: Tensor, other: Tensor) -> Tensor:
    """input @ other of matrices, vectors, and batches of matrices of which one operand is sparse."""
    need_tensors("matmul", input=input, other=other)
    dims = len(input._shape), len(other._shape)
    if dims == (2, 2):
        return matrix_product("matmul", input, other)
    if dims == (2, 1) and not isinstance(other, Sparse):
        return mv(input, other)
    if dims == (1, 2) and not isinstance(input, Sparse):
        return matrix_product("matmul", input.unsqueeze(0), other).squeeze(0)
    if min(dims) < 1:
        raise fail(
            "matmul",
            f"both arguments to matmul need to be at least 1D, but they are {dims[0]}D and {dims[1]}D",
        )
    if isinstance(input, Sparse) and not isinstance(other, Sparse) and dims[0] > 2:
        if dims[1] == 1:
            return matmul(input, other.unsqueeze(1)).squeeze(-1)
        if dims[1] == 2:
            other = other.expand(*input._shape[:-2], *other._shape)
        return _batched("matmul", input, other)
    if isinstance(other, Sparse) and not isinstance(input, Sparse) and dims[1] > 2 and dims[0] > 1:
        if dims[0] == 2:
            input = input.expand(*other._shape[:-2], *input._shape)
        return _batched("matmul", transposed(other, -2, -1), input.mT).mT
    raise NotImplementedError(f"matmul of {dims[0]} and {dims[1]} dimensions {HINT}")


@sparse_form("__rmatmul__", of=BOTH)
def _rmatmul(self: Sparse, other: Tensor) -> Tensor:
    return matmul(other, self)


@sparse_form("bmm", of=BOTH)
def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """Products of a batch of matrices with another, of which one is sparse."""
    need_tensors("bmm", input=input, mat2=mat2)
    if len(input._shape) != 3 or len(mat2._shape) != 3:
        raise fail("bmm", "bmm_sparse: expected batches of matrices (3D)", input=input, mat2=mat2)
    if isinstance(mat2, Sparse):
        if isinstance(input, Sparse):
            raise fail("bmm", "bmm_sparse: Tensor 'mat2' must be dense", input=input, mat2=mat2)
        return _batched("bmm", transposed(mat2, 1, 2), input.mT).mT
    return _batched("bmm", input, mat2)


def _batched(op: str, a: Tensor, b: Tensor) -> Tensor:
    """A batch of sparse matrices times one of dense ones: one product of all their rows."""
    single = coalesce(to_coo(a) if isinstance(a, CompressedTensor) else a)  # type: ignore[arg-type]
    if not isinstance(single, SparseTensor) or len(single._places) != len(single._shape):
        raise fail(op, "bmm_sparse: expected 3 sparse dimensions, and a dense tensor of 3", input=a, mat2=b)
    if a._shape[:-2] != b._shape[:-2]:
        raise fail(op, "bmm_sparse: 'self.size(0)' and 'mat2.size(0)' must match", input=a, mat2=b)
    if a._shape[-1] != b._shape[-2]:
        raise fail(op, "bmm_sparse: 'self.size(2)' and 'mat2.size(1)' must match", input=a, mat2=b)
    if a._dtype is not b._dtype:
        words = f"input is {a._dtype.name} and mat2 is {b._dtype.name}"
        raise fail(op, f"expected input and mat2 to have the same dtype, but {words}", input=a, mat2=b)
    outer, (rows, inner), width = a._shape[:-2], a._shape[-2:], b._shape[-1]
    count = math.prod(outer)
    *leading, row, column = single._places
    number = row * 0
    for place, extent in zip(leading, outer, strict=True):
        number = number * extent + place
    starts = starts_of(number * rows + row, count * rows)
    product = times(single._entries, b.reshape(count * inner, width), starts, number * inner + column)
    return product.reshape(*outer, rows, width)


@sparse_form("linear", of=BOTH)
def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input @ weight^T + bias of a sparse matrix as input, or a sparse weight."""
    need_tensors("linear", input=input, weight=weight)
    if not isinstance(input, Sparse) and not isinstance(weight, Sparse):
        raise NotImplementedError(f"linear with a bias of layout {getattr(bias, 'layout', None)} {HINT}")
    if isinstance(input, Sparse):
        product = matmul(input, weight.t())
    elif len(weight._shape) != 2:
        raise fail("linear", "expected a matrix as a sparse weight", input=input, weight=weight)
    else:
        rows = input.reshape(-1, input._shape[-1])
        product = matrix_product("linear", weight, rows.t()).t()
        product = product.reshape(*input._shape[:-1], weight._shape[0])
    return product if bias is None else product + bias
