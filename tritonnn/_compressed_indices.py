"""Rows of sorted places to where each row starts, and back."""

from __future__ import annotations

import tritonnn as torch
from tritonnn._tensor import Tensor, wrong
from tritonnn.dtypes import int32, int64

__all__ = ["_convert_indices_from_coo_to_csr", "_convert_indices_from_csr_to_coo"]

_OF_INDICES = (int32, int64)


def _checked(op: str, argument: str, given: object) -> Tensor:
    if not isinstance(given, Tensor):
        raise wrong(op, argument, "Tensor", given)
    if given.dtype not in _OF_INDICES:
        raise NotImplementedError(f"{op}: '{argument}' must be int32 or int64, got {given.dtype}")
    return given


def _convert_indices_from_coo_to_csr(input: Tensor, size: int, *, out_int32: bool = False) -> Tensor:
    """Where each of `size` rows starts among sorted row numbers, and the end.

    >>> import tritonnn as torch
    >>> torch._convert_indices_from_coo_to_csr(torch.tensor([0, 0, 2]), 4)
    tensor([0, 2, 2, 3, 3])
    """
    rows = _checked("_convert_indices_from_coo_to_csr", "input", input)
    starts = torch.arange(size + 1, dtype=rows.dtype, device=rows.device)
    return torch.searchsorted(rows.contiguous(), starts, out_int32=out_int32)


def _convert_indices_from_csr_to_coo(
    crow_indices: Tensor, col_indices: Tensor, *, out_int32: bool = False, transpose: bool = False
) -> Tensor:
    """Rows and columns of places that are given by where each row starts and by columns.

    >>> import tritonnn as torch
    >>> torch._convert_indices_from_csr_to_coo(torch.tensor([0, 2, 2, 3]), torch.tensor([1, 2, 0]))
    tensor([[0, 0, 2],
            [1, 2, 0]])
    """
    op = "_convert_indices_from_csr_to_coo"
    starts, columns = _checked(op, "crow_indices", crow_indices), _checked(op, "col_indices", col_indices)
    if starts.ndim != 1:
        raise NotImplementedError(f"{op}: 'crow_indices' must have 1 dimension, got {starts.ndim}")
    numbers = torch.arange(starts.shape[0] - 1, device=starts.device)
    rows = numbers.repeat_interleave(starts.diff(), output_size=columns.shape[0])
    kind = int32 if out_int32 else int64
    pair = [columns.to(kind), rows.to(kind)] if transpose else [rows.to(kind), columns.to(kind)]
    return torch.stack(pair)
