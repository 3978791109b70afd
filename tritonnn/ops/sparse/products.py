"""Products of matrices of which some are sparse."""

from __future__ import annotations

from typing import Any

from tritonnn import dtypes
from tritonnn._compressed import CompressedTensor
from tritonnn._sparse import HINT, Sparse, SparseTensor, make_sparse
from tritonnn._tensor import Tensor
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import fail
from tritonnn.memory_format import sparse_csc, sparse_csr
from tritonnn.ops.creation.creation import zeros
from tritonnn.ops.creation.ranges import arange
from tritonnn.ops.elementwise.derived import view_as_complex, view_as_real
from tritonnn.ops.joining.joining import cat, stack
from tritonnn.ops.sparse._forms import need_tensors, sparse_form
from tritonnn.ops.sparse.arithmetic import coalesce
from tritonnn.ops.sparse.conversion import coo_to_compressed, recompress, to_coo
from tritonnn.ops.sparse.shape import transposed
from tritonnn.ops.sparse.spmm import lines_of, sddmm, spmm, starts_of
from tritonnn.shape import Size
from tritonnn.table.types import Number

BOTH = "coo compressed"
Rows = tuple[Tensor, Tensor, Tensor]  # values, where each row of them begins, their columns

# ---- the products, of real numbers and of complex ones -------------------------------------------------------


def times(values: Tensor, dense: Tensor, starts: Tensor, places: Tensor) -> Tensor:
    """`spmm` of any numbers: a complex product is two real ones of twice the columns."""
    if not values._dtype.is_complex:
        return spmm(values, dense, starts, places)
    parts = view_as_real(dense.resolve_conj()).reshape(len(dense), -1)
    pair = view_as_real(values.resolve_conj())
    real, imag = (
        spmm(pair[:, i], parts, starts, places).reshape(len(starts) - 1, dense._shape[1], 2) for i in range(2)
    )
    return view_as_complex(stack([real[..., 0] - imag[..., 1], real[..., 1] + imag[..., 0]], -1))


def sampled(a: Tensor, b: Tensor, lines: Tensor, places: Tensor, starts: Tensor) -> Tensor:
    """`sddmm` of any numbers: the elements (lines, places) of a @ b."""
    other = b.t()
    if not a._dtype.is_complex:
        return sddmm(a, other, lines, places, starts)
    ar, ai, br, bi = a.real, a.imag, other.real, other.imag
    one = [sddmm(x, y, lines, places, starts) for x, y in ((ar, br), (ai, bi), (ar, bi), (ai, br))]
    return view_as_complex(stack([one[0] - one[1], one[2] + one[3]], -1))


def rows_of(matrix: Sparse) -> Rows:
    """A sparse matrix by its rows."""
    if isinstance(matrix, SparseTensor):
        single = coalesce(matrix)
        lines, places = single._places
        return single._entries, starts_of(lines, matrix._shape[0]), places
    assert isinstance(matrix, CompressedTensor)
    if matrix._block is not None:
        return rows_of(to_coo(matrix))
    by_rows = recompress(matrix, sparse_csr, None)
    return by_rows._entries, by_rows._starts, by_rows._places


# ---- checks -------------------------------------------------------------------------------------------------


def _check_matrix(op: str, name: str, matrix: Tensor) -> None:
    dims = len(matrix._shape)
    if isinstance(matrix, SparseTensor):
        dims = len(matrix._places) if dims == 2 else dims
    given: Any = {name: matrix}
    if dims != 2 and not isinstance(matrix, CompressedTensor):
        raise fail(op, f"matrices expected, got {dims}D tensor", **given)
    if isinstance(matrix, CompressedTensor) and (dims != 2 or matrix._batch_dims + matrix.dense_dim()):
        raise fail(op, "matrices expected, got a batch, or values of several dimensions", **given)


def _check(op: str, a: Tensor, b: Tensor) -> None:
    need_tensors(op, mat1=a, mat2=b)
    _check_matrix(op, "input", a)
    _check_matrix(op, "other", b)
    if a._shape[1] != b._shape[0]:
        raise fail(
            op,
            f"mat1 and mat2 shapes cannot be multiplied ({a._shape[0]}x{a._shape[1]} and {b._shape[0]}x{b._shape[1]})",
            input=a, other=b,
        )  # fmt: skip
    if a._dtype is not b._dtype:
        words = f"input is {a._dtype.name} and other is {b._dtype.name}"
        raise fail(op, f"expected input and other to have the same dtype, but {words}", input=a, other=b)
    if a._dtype is dtypes.bool_:
        raise fail(op, 'not implemented for "Bool"', kind=NotImplementedError, input=a, other=b)
    if a._device is not b._device:
        raise fail(
            op, f"expected all tensors on one device, got {a._device} and {b._device}", input=a, other=b
        )


# ---- of two matrices ----------------------------------------------------------------------------------------


def matrix_product(op: str, a: Tensor, b: Tensor) -> Tensor:
    """a @ b: sparse where both are, else dense."""
    _check(op, a, b)
    if isinstance(a, Sparse) and isinstance(b, Sparse):
        return _both_sparse(op, a, b)
    if isinstance(a, Sparse):
        values, starts, places = rows_of(a)
        return times(values, b, starts, places)
    assert isinstance(b, Sparse)
    values, starts, places = rows_of(transposed(b, 0, 1))
    return times(values, a.t(), starts, places).t()


def _both_sparse(op: str, a: Sparse, b: Sparse) -> Tensor:
    """Row by row: each value of a meets the values of one row of b; what falls on the same place adds up."""
    if not (a._dtype.is_floating_point or a._dtype.is_complex):
        raise fail(
            op,
            f'"sparse_matmul" not implemented for {a._dtype.name}',
            kind=NotImplementedError,
            input=a,
            other=b,
        )
    values, starts, places = rows_of(a)
    others, begins, columns = rows_of(b)
    counts = (begins[1:] - begins[:-1])[places]  # how many values of b each of a meets
    total = int(counts.sum())
    of_a = arange(len(values), device=a._device).repeat_interleave(counts)
    firsts = counts.cumsum(0) - counts
    of_b = begins[places][of_a] + arange(total, device=a._device) - firsts[of_a]
    row = lines_of(starts, len(values))[of_a].to(dtypes.int64)
    column = columns[of_b].to(dtypes.int64)
    made = make_sparse(
        stack([row, column]), values[of_a] * others[of_b], Size((a._shape[0], b._shape[1])), False
    )
    made = coalesce(made)
    if isinstance(a, SparseTensor):
        return made
    both = all(isinstance(m, CompressedTensor) and m._layout is sparse_csc for m in (a, b))
    both_by_columns = both and op not in ("mm", "matmul")  # as in PyTorch
    return coo_to_compressed(made, sparse_csc if both_by_columns else sparse_csr, None)


@sparse_form("mm", of=BOTH)
def mm(input: Tensor, mat2: Tensor, out_dtype: DType | None = None) -> Tensor:
    """The product of two matrices; sparse where both are."""
    return matrix_product("mm", input, mat2)


@sparse_form("mv", of=BOTH)
def mv(input: Tensor, vec: Tensor) -> Tensor:
    """A sparse matrix times a vector."""
    need_tensors("mv", input=input, vec=vec)
    if isinstance(vec, Sparse) or len(vec._shape) != 1 or not isinstance(input, Sparse):
        raise fail(
            "mv", f"expected a sparse matrix and a dense vector, got a vector of {vec.dim()} dimensions"
        )
    return matrix_product("mv", input, vec.unsqueeze(1)).squeeze(1)


# ---- with something added -----------------------------------------------------------------------------------


def scaled_sum(op: str, input: Tensor, a: Tensor, b: Tensor, beta: Number, alpha: Number) -> Tensor:
    """beta * input + alpha * (a @ b); of beta 0 the input counts for nothing, not even its NaN."""
    need_tensors(op, input=input, mat1=a, mat2=b)
    if not isinstance(a, Sparse) and not isinstance(b, Sparse):
        raise NotImplementedError(f"{op} of a sparse tensor and the product of dense ones {HINT}")
    product = matrix_product(op, a, b)
    if isinstance(product, CompressedTensor) and not isinstance(input, Sparse):
        product = product.to_dense()
    if isinstance(product, Sparse) or isinstance(input, Sparse):
        if type(input) is not type(product) or input._shape != product._shape:
            raise fail(op, f"expected {input.layout} result tensor, got tensor with layout {product.layout}")
        product = product if alpha == 1 else product * alpha
        return product if not beta else (input * beta if beta != 1 else input) + product
    if alpha != 1:
        product = product * alpha
    if not beta:
        return product
    return (input if beta == 1 else input * beta) + product if input._shape else product + input * beta


@sparse_form("addmm", of=BOTH)
def addmm(
    input: Tensor,
    mat1: Tensor,
    mat2: Tensor,
    *,
    beta: Number = 1,
    alpha: Number = 1,
    out_dtype: DType | None = None,
) -> Tensor:
    """beta * input + alpha * (mat1 @ mat2)."""
    return scaled_sum("addmm", input, mat1, mat2, beta, alpha)


@sparse_form("addmm_", of=BOTH)
def addmm_(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
    """`addmm` in place."""
    made = scaled_sum("addmm_", input, mat1, mat2, beta, alpha)
    return input._replace(made) if isinstance(input, Sparse) else input.copy_(made)


@sparse_form("hspmm")
def hspmm(mat1: Tensor, mat2: Tensor) -> SparseTensor:
    """A sparse matrix (COO) times a dense one, of which only rows that are not empty are there.

    >>> import tritonnn as torch
    >>> torch.hspmm(torch.tensor([[0., 2.], [0., 0.]]).to_sparse(), torch.ones(2, 2))
    tensor(indices=tensor([[0]]),
           values=tensor([[2., 2.]]),
           size=(2, 2), nnz=1, layout=torch.sparse_coo)
    """
    need_tensors("hspmm", mat1=mat1, mat2=mat2)
    if not isinstance(mat1, SparseTensor) or isinstance(mat2, Sparse):
        raise NotImplementedError("hspmm: expected a matrix of layout torch.sparse_coo and a dense one")
    _check("hspmm", mat1, mat2)
    values, starts, places = rows_of(mat1)
    there = (starts[1:] > starts[:-1]).nonzero().reshape(-1)
    kept = _starts_at(starts, there)
    return make_sparse(
        there.unsqueeze(0), times(values, mat2, kept, places), Size((mat1._shape[0], mat2._shape[1])), False
    )


def _starts_at(starts: Tensor, lines: Tensor) -> Tensor:
    """Where the given lines begin, all others being empty."""
    return cat([starts[lines], starts[-1:]])


@sparse_form("smm")
def smm(input: Tensor, mat: Tensor) -> Tensor:
    """A sparse matrix (COO) times a dense one, as a sparse matrix of all elements of the rows that are not empty.

    >>> import tritonnn as torch
    >>> torch.smm(torch.eye(2).to_sparse(), torch.ones(2, 1)).to_dense()
    tensor([[1.],
            [1.]])
    """
    return sspaddmm(_nothing_of(input, mat), input, mat)


def _nothing_of(input: Tensor, mat: Tensor) -> Tensor:
    need_tensors("smm", input=input, mat=mat)
    if not isinstance(input, SparseTensor) or isinstance(mat, Sparse):
        raise NotImplementedError("smm: expected a matrix of layout torch.sparse_coo and a dense one")
    _check("smm", input, mat)
    return make_sparse(
        zeros(2, 0, dtype=dtypes.int64, device=input._device), input._entries.new_zeros(0),
        Size((input._shape[0], mat._shape[1])), True,
    )  # fmt: skip


@sparse_form("sspaddmm")
def sspaddmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
    """beta * input + alpha * (mat1 @ mat2) of sparse input and mat1 (COO) and dense mat2, as a sparse matrix.

    >>> import tritonnn as torch
    >>> s = torch.eye(2).to_sparse()
    >>> torch.sspaddmm(s, s, torch.ones(2, 2), beta=2).to_dense()
    tensor([[3., 1.],
            [1., 3.]])
    """
    need_tensors("sspaddmm", input=input, mat1=mat1, mat2=mat2)
    if not isinstance(input, SparseTensor) or not isinstance(mat1, SparseTensor) or isinstance(mat2, Sparse):
        raise NotImplementedError(
            "sspaddmm: expected input and mat1 of layout torch.sparse_coo, and a dense mat2"
        )
    _check("sspaddmm", mat1, mat2)
    product = hspmm(mat1, mat2)
    shape = Size((mat1._shape[0], mat2._shape[1]))
    if input._shape != shape:
        raise fail(
            "sspaddmm", f"expected input of the shape {list(shape)}, got {list(input._shape)}", input=input
        )
    width, lines = shape[1], product._places[0]
    row = lines.repeat_interleave(width)
    column = arange(width, device=input._device).repeat(len(lines))
    entries = product._entries.reshape(-1)
    return make_sparse(
        cat([input._places, stack([row, column])], 1),
        cat([input._entries * beta, entries * alpha]),
        shape,
        False,
    )
