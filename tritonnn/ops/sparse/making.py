"""Making sparse tensors: of indices and values, of dense tensors, of others by a change of type or place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any, NoReturn

import numpy as np

from tritonnn import dtypes
from tritonnn import shape as shapes
from tritonnn._sparse import HINT, SparseTensor, make_sparse
from tritonnn._tensor import Tensor, host_array
from tritonnn.device import CPU, DeviceLike, resolve
from tritonnn.device import device as Device
from tritonnn.dtypes import dtype as DType
from tritonnn.memory_format import layout as Layout
from tritonnn.memory_format import memory_format as MemoryFormat
from tritonnn.memory_format import preserve_format, sparse_coo, strided
from tritonnn.ops._table import attach
from tritonnn.ops.conversion._forms import parse_to
from tritonnn.ops.creation.creation import empty
from tritonnn.ops.creation.from_data import tensor as as_tensor
from tritonnn.ops.sparse._forms import sparse_form
from tritonnn.ops.sparse.arithmetic import to_dense
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
        pin_memory, requires_grad: must be False. Of values that require grad, the tensor requires grad.
        check_invariants: False leaves out the look at the indices.
        is_coalesced: whether the indices are known to be sorted, each once.

    Raises:
        RuntimeError: parts that do not fit each other, an index outside of the size.

    >>> import tritonnn as torch
    >>> torch.sparse_coo_tensor([[0, 1], [2, 0]], [3., 4.], (2, 3)).to_dense()
    tensor([[0., 0., 3.],
            [4., 0., 0.]])
    """
    if requires_grad or pin_memory or layout not in (None, sparse_coo):
        raise NotImplementedError(
            "sparse_coo_tensor: requires_grad=True, pin_memory=True and other layouts than torch.sparse_coo are not "
            "implemented. Hint: values that require grad make a sparse tensor that does"
        )
    if values is None:
        return _without_entries(indices if size is None else size, dtype, device)
    values = _part(values, dtype, device)
    indices = _part(indices, None, values.device).to(dtypes.int64)
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
    if size is None or check_invariants is not False:
        _check_indices(shape, indices)
        if is_coalesced and not _is_sorted(indices):
            raise RuntimeError(
                "cannot set is_coalesced to true if indices correspond to uncoalesced COO tensor"
            )
    return make_sparse(indices, values, shape, bool(is_coalesced))


def _part(data: object, dtype: DType | None, device: DeviceLike | None) -> Tensor:
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


def to_sparse(self: Tensor, sparse_dim: int | None = None, *, layout: Layout | None = None) -> Tensor:
    """The elements that are not zero, with their indices; `sparse_dim` leading dimensions have indices (all).

    >>> import tritonnn as torch
    >>> torch.tensor([[0., 2.], [0., 0.]]).to_sparse()
    tensor(indices=tensor([[0],
                           [1]]),
           values=tensor([2.]),
           size=(2, 2), nnz=1, layout=torch.sparse_coo)
    """
    if layout not in (None, sparse_coo):
        raise NotImplementedError(f"to_sparse: layout={layout} is not implemented")
    count = len(self.shape) if sparse_dim is None else sparse_dim
    if not isinstance(count, int) or isinstance(count, bool):
        raise TypeError(f"to_sparse(): argument 'sparse_dim' must be int, not {type(count).__name__}")
    if count == 0 and self.shape:
        raise RuntimeError("dense_to_sparse: sparse_dim argument must be in >0 when self.dim()>0")
    if not 0 <= count <= len(self.shape):
        raise RuntimeError(
            f"dense_to_sparse: sparse_dim argument must be in [0,{len(self.shape)}] range, but {count} is given"
        )
    if not self.shape:
        values = self.reshape(1)[self.reshape(1) != 0]
        return make_sparse(
            empty(0, len(values), dtype=dtypes.int64, device=self.device), values, self.shape, True
        )
    there = self.detach() != 0
    if count < len(self.shape):
        there = there.flatten(count).any(-1)
    places = there.nonzero().t().contiguous()
    return make_sparse(places, self[tuple(places)], self.shape, True)


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
    def refuse(self: Tensor) -> Any:
        raise kind(f"{text} layout but got Strided")

    refuse.__name__ = refuse.__qualname__ = name
    refuse.__doc__ = f"Of sparse tensors; {kind.__name__} for others."
    return refuse


_COO = "expected sparse coordinate tensor"
attach(
    to_sparse=to_sparse, to_dense=_dense, sparse_dim=_sparse_dim, dense_dim=_dense_dim,
    indices=_needs_sparse("indices", f"indices {_COO}"),
    values=_needs_sparse("values", "values expected sparse tensor"),
    coalesce=_needs_sparse("coalesce", f"coalesce {_COO}"),
    is_coalesced=_needs_sparse("is_coalesced", f"is_coalesced {_COO}"),
    **{name: _needs_sparse(name, f"{name} {_COO}", NotImplementedError) for name in ("_nnz", "_indices", "_values")},
)  # fmt: skip


# ---- of sparse tensors ----------------------------------------------------------------------------------


@sparse_form("to_sparse")
def _again(self: SparseTensor, sparse_dim: int | None = None, *, layout: Layout | None = None) -> Tensor:
    if layout not in (None, sparse_coo) or sparse_dim not in (None, len(self._places)):
        return to_sparse(to_dense(self), sparse_dim, layout=layout)
    return self


def _moved(self: SparseTensor, dtype: DType, device: Device, copy: bool, non_blocking: bool) -> SparseTensor:
    if not copy and dtype is self._dtype and device is self._device:
        return self
    places = self._places.to(device, copy=copy, non_blocking=non_blocking)
    values = self._entries.to(device, dtype, copy=copy, non_blocking=non_blocking)
    return make_sparse(places, values, self._shape, self._coalesced)


@sparse_form("to")
def _to(self: SparseTensor, *args: Any, **kwargs: Any) -> SparseTensor:
    dtype, device, non_blocking, copy, format = parse_to(args, kwargs)
    if format not in (None, preserve_format):
        raise NotImplementedError(f"to with a memory_format {HINT}")
    dtype = dtypes.OF_PYTHON.get(dtype, dtype) or self._dtype
    return _moved(self, dtype, self._device if device is None else resolve(device), copy, non_blocking)


def _typed(dtype: DType) -> Callable[[SparseTensor], SparseTensor]:
    return lambda self: _moved(self, dtype, self._device, False, False)


for _name, _dtype in {
    **dtypes.ALIASES, "bfloat16": dtypes.bfloat16, "char": dtypes.int8, "byte": dtypes.uint8,
}.items():  # fmt: skip
    sparse_form(_name)(_typed(_dtype))


@sparse_form("cpu")
def _cpu(self: SparseTensor) -> SparseTensor:
    return _moved(self, self._dtype, CPU, False, False)


@sparse_form("cuda")
def _cuda(self: SparseTensor, device: DeviceLike | None = None, non_blocking: bool = False) -> SparseTensor:
    return _moved(self, self._dtype, resolve("cuda" if device is None else device), False, non_blocking)


@sparse_form("type_as")
def _type_as(self: SparseTensor, other: Tensor) -> SparseTensor:
    return _to(self, other)


@sparse_form("type")
def _type(self: SparseTensor, dtype: DType | None = None, non_blocking: bool = False) -> str | Tensor:
    if dtype is not None:
        return _to(self, dtype, non_blocking=non_blocking)
    return self._entries.type().replace("torch.", "torch.sparse.")


@sparse_form("clone")
def _clone(self: SparseTensor, *, memory_format: MemoryFormat | None = None) -> SparseTensor:
    if memory_format not in (None, preserve_format):
        raise NotImplementedError(f"clone with a memory_format {HINT}")
    return make_sparse(self._places.clone(), self._entries.clone(), self._shape, self._coalesced)


@sparse_form("__deepcopy__")
def _deep_copy(self: SparseTensor, memo: dict) -> SparseTensor:
    if id(self) not in memo:
        places, values = deepcopy(self._places, memo), deepcopy(self._entries, memo)
        memo[id(self)] = make_sparse(places, values, self._shape, self._coalesced)
    return memo[id(self)]


@sparse_form("zeros_like", "empty_like")
def _zeros_like(
    input: SparseTensor, *, dtype: DType | None = None, layout: Layout | None = None, device: DeviceLike | None = None,
    requires_grad: bool = False, pin_memory: bool = False, memory_format: MemoryFormat | None = None,
) -> Tensor:  # fmt: skip
    """A sparse tensor of the same shape without entries."""
    if requires_grad or pin_memory or memory_format not in (None, preserve_format) or layout is strided:
        raise NotImplementedError(f"these options of zeros_like {HINT}")
    places, values = input._places, input._entries
    options: Any = {
        "dtype": dtype or input._dtype,
        "device": input._device if device is None else resolve(device),
    }
    return make_sparse(
        empty(len(places), 0, dtype=dtypes.int64, device=options["device"]),
        empty(0, *values.shape[1:], **options), input._shape, True,
    )  # fmt: skip
