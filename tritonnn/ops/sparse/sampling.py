"""The elements of a product of dense matrices at the places of a sparse one."""

from __future__ import annotations

from tritonnn import dtypes
from tritonnn._compressed import CompressedTensor
from tritonnn._sparse import Sparse, with_values
from tritonnn._tensor import Tensor
from tritonnn.errors import fail
from tritonnn.memory_format import sparse_csr
from tritonnn.ops.creation.ranges import arange
from tritonnn.ops.joining.joining import cat
from tritonnn.ops.sparse._forms import need_tensors
from tritonnn.ops.sparse.conversion import batches
from tritonnn.ops.sparse.conversion import flat_places as places_of
from tritonnn.ops.sparse.products import sampled
from tritonnn.table.types import Number


def sampled_addmm(
    input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Number = 1.0, alpha: Number = 1.0
) -> Tensor:
    """beta * input + alpha * (mat1 @ mat2) at the places of a CSR matrix, and at no others.

    Raises:
        RuntimeError: input is of another layout, matrices do not fit.

    >>> import tritonnn as torch
    >>> s = torch.eye(2).to_sparse_csr()
    >>> torch.sparse.sampled_addmm(s, torch.ones(2, 3), torch.ones(3, 2)).values()
    tensor([4., 4.])
    """
    need_tensors("sampled_addmm", input=input, mat1=mat1, mat2=mat2)
    if not isinstance(input, CompressedTensor) or input._layout is not sparse_csr:
        raise NotImplementedError("sampled_addmm: Expected self to have sparse csr layout")
    for name, mat in (("mat1", mat1), ("mat2", mat2)):
        if isinstance(mat, Sparse):
            raise RuntimeError(f"sampled_addmm: Expected {name} to have strided layout, but got {mat.layout}")
    if not len(mat1._shape) == len(mat2._shape) == len(input._shape) or len(mat1._shape) < 2:
        raise fail("sampled_addmm", "expected as many dimensions of all, two or more", mat1=mat1, mat2=mat2)
    if not mat1._shape[:-2] == mat2._shape[:-2] == input._shape[:-2]:
        raise fail(
            "sampled_addmm", "Expected mat1 and mat2 to have the same batch size", mat1=mat1, mat2=mat2
        )
    if mat1._shape[-1] != mat2._shape[-2]:
        raise fail(
            "sampled_addmm",
            f"mat1 and mat2 shapes cannot be multiplied ({mat1._shape[-2]}x{mat1._shape[-1]} and "
            f"{mat2._shape[-2]}x{mat2._shape[-1]})", mat1=mat1, mat2=mat2,
        )  # fmt: skip
    if input._shape[-2:] != (mat1._shape[-2], mat2._shape[-1]):
        raise fail(
            "sampled_addmm",
            f"self.shape[-2] must match mat1.shape[-2] and self.shape[-1] mat2.shape[-1], got {list(input._shape)}",
            mat1=mat1, mat2=mat2,
        )  # fmt: skip
    if not input._dtype is mat1._dtype is mat2._dtype:
        raise fail("sampled_addmm", f"expected all of one type, got {input._dtype.name}, {mat1._dtype.name} and "
                   f"{mat2._dtype.name}", mat1=mat1, mat2=mat2)  # fmt: skip
    values = _elements(input, mat1, mat2) * alpha
    return with_values(input, values if not beta else values + input._entries * beta)


def _elements(pattern: CompressedTensor, a: Tensor, b: Tensor) -> Tensor:
    """The elements of a @ b at the places of a CSR matrix, or of each matrix of a batch."""
    number, lines, places = places_of(pattern)
    rows, inner, columns = *a._shape[-2:], b._shape[-1]
    nnz, count = pattern._nnz(), batches(pattern)
    begins = pattern._starts.reshape(count, rows + 1).to(dtypes.int64)[:, :-1]
    begins = (begins + arange(count, device=a._device).unsqueeze(1) * nnz).reshape(-1)
    starts = cat([begins, begins.new_full((1,), count * nnz)])
    if pattern._batch_dims:
        a, b = a.reshape(-1, inner), b.movedim(-2, 0).reshape(inner, -1)
        lines, places = number * rows + lines, number * columns + places
    return sampled(a, b, lines, places, starts).reshape(pattern._entries._shape)
