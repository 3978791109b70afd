"""What `torch.sparse` has by name and cannot do: refused with what to do instead."""

from __future__ import annotations

from typing import NoReturn

from tritonnn._sparse import Sparse
from tritonnn._tensor import Tensor

__all__ = ["spsolve", "to_sparse_semi_structured"]


def spsolve(input: Tensor, other: Tensor, *, left: bool = True) -> NoReturn:
    """The solution of input @ x = other for a sparse matrix: refused, as in PyTorch on the CPU.

    >>> import tritonnn as torch
    >>> torch.sparse.spsolve(torch.eye(2).to_sparse_csr(), torch.ones(2))
    Traceback (most recent call last):
    NotImplementedError: sparse.spsolve is not implemented for a matrix of layout torch.sparse_csr on cpu. Hint: \
torch.linalg.solve(input.to_dense(), other)
    """
    for name, value in (("input", input), ("other", other)):
        if not isinstance(value, Tensor):
            raise TypeError(f"spsolve(): argument '{name}' must be Tensor, not {type(value).__name__}")
    raise NotImplementedError(
        f"sparse.spsolve is not implemented for a matrix of layout {input.layout} on {input.device}. Hint: "
        f"torch.linalg.solve(input{'.to_dense()' if isinstance(input, Sparse) else ''}, other)"
    )


def to_sparse_semi_structured(original_tensor: Tensor, transposed: bool = False, alg_id: int = 0) -> NoReturn:
    """A matrix of which two of four neighbours are zero, in a compressed form: refused on every device.

    >>> import tritonnn as torch
    >>> torch.sparse.to_sparse_semi_structured(torch.eye(64).half())
    Traceback (most recent call last):
    RuntimeError: Error original_tensor.device= cpu is not supported! Only CUDA tensors are currently supported.
    """
    if not isinstance(original_tensor, Tensor):
        raise TypeError(
            "to_sparse_semi_structured(): argument 'original_tensor' must be Tensor, not "
            f"{type(original_tensor).__name__}"
        )
    if not original_tensor.is_cuda:
        raise RuntimeError(
            f"Error original_tensor.device= {original_tensor.device} is not supported! Only CUDA tensors are currently "
            "supported."
        )
    raise NotImplementedError(
        "to_sparse_semi_structured: the 2:4 layout is not implemented. Hint: .to_sparse_bsr(blocksize) keeps blocks "
        "that are not zero; a dense matrix with zeros computes the same"
    )
