"""Making sparse tensors: of indices and values, of dense tensors, of others by a change of type or place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from tritonnn import dtypes
from tritonnn import shape as shapes
from tritonnn._sparse import make_sparse, spelled
from tritonnn._tensor import Tensor, host_array
from tritonnn.device import DeviceLike, resolve
from tritonnn.dtypes import dtype as DType
from tritonnn.memory_format import layout as Layout
from tritonnn.memory_format import sparse_coo
from tritonnn.ops._table import attach
from tritonnn.ops.creation.creation import empty
from tritonnn.ops.creation.from_data import tensor as as_tensor
from tritonnn.ops.sparse._forms import sparse_form
from tritonnn.ops.sparse.invariants import unchecked
from tritonnn.shape import Size


def sparse_coo_tensor(
    indices: Any = None, values: Any = None, size: Sequence[int] | None = None, *, dtype: DType | None = None,
    layout: Layout | None = None, device: DeviceLike | None = None, pin_memory: bool = False,
    requires_grad: bool = False, check_invariants: bool | None = None, is_coalesced: bool | None = None,
) -> Tensor:  # fmt: skip
    """A sparse tensor of indices and values; with `size` alone, one without entries.

    Args:
        indices: (sparse_dim, nnz), a tensor or nested sequences; equal indices add up.
        values: (nnz, *dense extents).
        size: the shape; by default the smallest that holds the indices.
        dtype, device: by default those of the values.
        layout: torch.sparse_coo.
        pin_memory: whether to put the parts into page-locked memory.
        requires_grad: whether to record what is computed with it. Of values that require grad, it requires grad anyway.
        check_invariants: False leaves out the look at the indices.
        is_coalesced: whether the indices are known to be sorted, each once.

    Raises:
        RuntimeError: parts that do not fit each other, an index outside of the size.

    >>> import tritonnn as torch
    >>> torch.sparse_coo_tensor([[0, 1], [2, 0]], [3., 4.], (2, 3)).to_dense()
    tensor([[0., 0., 3.],
            [4., 0., 0.]])
    """
    if layout not in (None, sparse_coo):
        raise RuntimeError(f"sparse_coo_tensor: layout must be Sparse but got {spelled(layout)}")
    if values is None:
        made = _without_entries(indices if size is None else size, dtype, device)
    else:
        made = _of_parts(indices, values, size, dtype, device, check_invariants, is_coalesced)
    made = made.pin_memory() if pin_memory else made
    return made.requires_grad_() if requires_grad else made


def _of_parts(
    indices: Any, values: Any, size: Sequence[int] | None, dtype: DType | None, device: DeviceLike | None,
    check_invariants: bool | None, is_coalesced: bool | None,
) -> Tensor:  # fmt: skip
    values = part_of(values, dtype, device)
    indices = part_of(indices, None, values.device).to(dtypes.int64)
    if len(indices.shape) != 2:
        raise RuntimeError(f"indices must be sparse_dim x nnz, but got: {list(indices.shape)}")
    nnz = indices.shape[1]
    if not values.shape:
        values = values.reshape(1)
    if len(values) != nnz:
        raise RuntimeError(
            f"indices and values must have same nnz, but got nnz from indices: {nnz}, nnz from values: {len(values)}"
        )
    shape = _inferred(indices, values) if size is None else Size(shapes.as_size((size,), "sparse_coo_tensor"))
    _check_sizes(shape, indices, values)
    if size is None or not unchecked(check_invariants):
        _check_indices(shape, indices)
        if is_coalesced and not _is_sorted(indices):
            raise RuntimeError(
                "cannot set is_coalesced to true if indices correspond to uncoalesced COO tensor"
            )
    return make_sparse(indices, values, shape, bool(is_coalesced))


def part_of(data: object, dtype: DType | None, device: DeviceLike | None) -> Tensor:
    """A tensor as it is where nothing changes, anything else as `torch.tensor` makes it."""
    if isinstance(data, Tensor):
        return data.to(resolve(device) if device is not None else data.device, dtype or data.dtype)
    return as_tensor(data, dtype=dtype, device=device)


def _without_entries(size: object, dtype: DType | None, device: DeviceLike | None) -> Tensor:
    shape = Size(shapes.as_size((size,), "sparse_coo_tensor"))
    if min(shape, default=0) < 0:
        raise RuntimeError(f"Trying to create tensor with negative dimension {min(shape)}: {list(shape)}")
    values = empty(0, dtype=dtype, device=device)
    return make_sparse(empty(len(shape), 0, dtype=dtypes.int64, device=values.device), values, shape, True)


def _inferred(indices: Tensor, values: Tensor) -> Size:
    if not indices.shape[1]:
        return Size((*[0] * len(indices), *values.shape[1:]))
    return Size((*[max(n, -1) + 1 for n in indices.amax(1).tolist()], *values.shape[1:]))


def _check_sizes(shape: Size, indices: Tensor, values: Tensor) -> None:
    sparse, dense = len(indices), len(values.shape) - 1
    if len(shape) != sparse + dense:
        raise RuntimeError(
            f"'len(size) == sparse_dim + dense_dim' is not satisfied: len(size) = {len(shape)}, sparse_dim = {sparse}, "
            f"dense_dim = {dense}"
        )
    if shape[sparse:] != values.shape[1:]:
        raise RuntimeError(
            f"values has incorrect size, expected {[len(values), *shape[sparse:]]}, got {list(values.shape)}"
        )


def _check_indices(shape: Size, indices: Tensor) -> None:
    if not indices.numel() or indices.is_meta:
        return
    for dim, (low, high) in enumerate(zip(indices.amin(1).tolist(), indices.amax(1).tolist(), strict=True)):
        if low < 0:
            raise RuntimeError(f"found negative index {low} for dim {dim}")
        if high >= shape[dim]:
            raise RuntimeError(
                f"size is inconsistent with indices: for dim {dim}, size is {shape[dim]} but found index {high}"
            )


def _is_sorted(indices: Tensor) -> bool:
    """Whether the columns increase strictly."""
    rows = host_array(indices)
    alike = np.ones(max(rows.shape[1] - 1, 0), np.bool_)
    less = ~alike
    for row in rows:
        less |= alike & (row[:-1] < row[1:])
        alike &= row[:-1] == row[1:]
    return bool(less.all())


# ---- of dense tensors -----------------------------------------------------------------------------------


def _dense(self: Tensor, dtype: DType | None = None, *, masked_grad: bool | None = None) -> Tensor:
    """All elements of a sparse tensor; of a dense one, itself."""
    if dtype is None:
        return self
    if not isinstance(dtype, DType):
        raise TypeError(
            f"to_dense(): argument 'dtype' (position 1) must be torch.dtype, not {type(dtype).__name__}"
        )
    return self.to(dtype)


def _sparse_dim(self: Tensor) -> int:
    """Number of dimensions with indices: none, of a dense tensor."""
    return 0


def _dense_dim(self: Tensor) -> int:
    """Number of dimensions without indices: all, of a dense tensor."""
    return len(self._shape)


for _method in (_dense, _sparse_dim, _dense_dim):  # the names by which Tensor has them
    _name = {"_dense": "to_dense"}.get(_method.__name__, _method.__name__.removeprefix("_"))
    _method.__name__ = _method.__qualname__ = _name


def _needs_sparse(name: str, text: str, kind: type[Exception] = RuntimeError) -> Callable[[Tensor], NoReturn]:
    def refuse(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        raise kind(f"{text} layout but got {spelled(self.layout)}")

    refuse.__name__ = refuse.__qualname__ = name
    refuse.__doc__ = f"Of sparse tensors; {kind.__name__} for others."
    return refuse


_COO = "expected sparse coordinate tensor"
_ROWS, _COLUMNS = (f"expected sparse {kind} compressed tensor" for kind in ("row", "column"))
attach(
    to_dense=_dense, sparse_dim=_sparse_dim, dense_dim=_dense_dim,
    indices=_needs_sparse("indices", f"indices {_COO}"),
    values=_needs_sparse("values", "values expected sparse tensor"),
    coalesce=_needs_sparse("coalesce", f"coalesce {_COO}"),
    is_coalesced=_needs_sparse("is_coalesced", f"is_coalesced {_COO}"),
    **{name: _needs_sparse(name, f"{name} {_COO}", NotImplementedError) for name in (
        "_nnz", "_indices", "_values", "sparse_resize_", "sparse_resize_and_clear_", "resize_as_sparse_")},
    **{name: _needs_sparse(name, f"{name} {_ROWS}") for name in ("crow_indices", "col_indices")},
    **{name: _needs_sparse(name, f"{name} {_COLUMNS}") for name in ("ccol_indices", "row_indices")},
)  # fmt: skip


for _name, _text in (
    ("crow_indices", _ROWS),
    ("col_indices", _ROWS),
    ("ccol_indices", _COLUMNS),
    ("row_indices", _COLUMNS),
):
    sparse_form(_name)(_needs_sparse(_name, f"{_name} {_text}"))
for _name in ("indices", "coalesce", "is_coalesced"):
    sparse_form(_name, of="compressed")(_needs_sparse(_name, f"{_name} {_COO}"))
for _name in ("_indices", "_values"):
    sparse_form(_name, of="compressed")(_needs_sparse(_name, f"{_name} {_COO}", NotImplementedError))
