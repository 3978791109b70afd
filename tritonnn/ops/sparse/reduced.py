"""Products of a CSR matrix and a dense one whose terms do not add up, but have a mean, a greatest, a smallest."""

from __future__ import annotations

from tritonnn import dtypes
from tritonnn._compressed import CompressedTensor
from tritonnn._sparse import Sparse
from tritonnn._tensor import Tensor
from tritonnn.memory_format import sparse_csr
from tritonnn.ops.creation.creation import zeros
from tritonnn.ops.sparse.products import matrix_product
from tritonnn.ops.sparse.spmm import lines_of

REDUCTIONS = ("sum", "prod", "mean", "amax", "amin")


def reduced_product(a: Tensor, b: Tensor, reduce: str) -> Tensor:
    """For every row and column the mean, greatest or smallest of the products; 0 of rows without values."""
    if reduce not in REDUCTIONS:
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}")
    if not isinstance(a, CompressedTensor) or a._layout is not sparse_csr or isinstance(b, Sparse):
        raise NotImplementedError(
            f"sparse.mm with reduce='{reduce}' takes a CSR matrix and a dense one, got {a.layout} and {b.layout}"
        )
    if reduce == "prod":
        raise RuntimeError(
            "sparse.mm: reduce type of prod has not been enabled. Hint: 'mean', 'amax' and 'amin' are"
        )
    starts = a._starts.to(dtypes.int64)
    counts = starts[1:] - starts[:-1]
    if reduce == "mean":
        return matrix_product("sparse.mm", a, b) / counts.clamp(1, None).to(b._dtype).unsqueeze(1)
    matrix_product("sparse.mm", a, b.detach())  # refuses what does not fit
    terms = a._entries.unsqueeze(1) * b[a._places]
    index = lines_of(starts, a._nnz()).unsqueeze(1).expand(terms._shape)
    base = zeros(a._shape[0], b._shape[1], dtype=terms._dtype, device=terms._device)
    return base.scatter_reduce(0, index, terms, reduce, include_self=False)
