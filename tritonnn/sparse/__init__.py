"""`torch.sparse`: what there is for sparse tensors.

They are made by `torch.sparse_coo_tensor`, `torch.sparse_csr_tensor` and their like and `Tensor.to_sparse`, and by
layers such as `nn.Embedding(..., sparse=True)` as gradients of their tables.
"""

from __future__ import annotations

from tritonnn._compressed import CompressedTensor
from tritonnn._sparse import Sparse, SparseTensor
from tritonnn._tensor import Tensor
from tritonnn.ops.sparse._forms import need_tensors
from tritonnn.ops.sparse.diagonals import spdiags
from tritonnn.ops.sparse.invariants import check_sparse_tensor_invariants
from tritonnn.ops.sparse.products import matrix_product, scaled_sum
from tritonnn.ops.sparse.reduced import reduced_product
from tritonnn.ops.sparse.reduction import log_softmax, softmax
from tritonnn.ops.sparse.reduction import sparse_sum as sum
from tritonnn.ops.sparse.sampling import sampled_addmm
from tritonnn.sparse._gradcheck import as_sparse_gradcheck
from tritonnn.sparse._refused import spsolve, to_sparse_semi_structured
from tritonnn.table.types import Number

__all__ = [
    "CompressedTensor", "SparseTensor", "addmm", "as_sparse_gradcheck", "check_sparse_tensor_invariants", "log_softmax",
    "mm", "sampled_addmm", "softmax", "spdiags", "spsolve", "sum", "to_sparse_semi_structured",
]  # fmt: skip


def mm(mat1: Tensor, mat2: Tensor, reduce: str = "sum") -> Tensor:
    """The product of two matrices; sparse where both are, else dense. Gradients of a sparse one are sparse.

    Args:
        mat1, mat2: sparse or dense.
        reduce: how the terms of an element become one, of a CSR matrix times a dense one: 'sum', 'mean', 'amax',
            'amin'.

    Raises:
        RuntimeError: matrices that do not fit, another word.

    >>> import tritonnn as torch
    >>> torch.sparse.mm(torch.tensor([[0., 2.], [1., 0.]]).to_sparse(), torch.tensor([[1.], [3.]]))
    tensor([[6.],
            [1.]])
    """
    need_tensors("sparse.mm", mat1=mat1, mat2=mat2)
    if reduce == "sum":
        return matrix_product("sparse.mm", mat1, mat2) if _any_sparse(mat1, mat2) else mat1.mm(mat2)
    return reduced_product(mat1, mat2, reduce)


def _any_sparse(*tensors: Tensor) -> bool:
    return any(isinstance(tensor, Sparse) for tensor in tensors)


def addmm(mat: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Number = 1.0, alpha: Number = 1.0) -> Tensor:
    """beta * mat + alpha * (mat1 @ mat2) of a sparse mat1. Its gradient is sparse.

    >>> import tritonnn as torch
    >>> torch.sparse.addmm(torch.ones(2, 1), torch.eye(2).to_sparse(), torch.ones(2, 1), alpha=3)
    tensor([[4.],
            [4.]])
    """
    need_tensors("sparse.addmm", mat=mat, mat1=mat1, mat2=mat2)
    if not _any_sparse(mat, mat1, mat2):
        return mat.addmm(mat1, mat2, beta=beta, alpha=alpha)
    return scaled_sum("sparse.addmm", mat, mat1, mat2, beta, alpha)


def __getattr__(name: str) -> object:
    if name.endswith("Tensor"):
        from tritonnn.sparse._legacy import TYPES

        if name in TYPES:
            return TYPES[name]
    raise AttributeError(f"tritonnn has no torch.sparse.{name}")
