"""Sparse tensors made of sparse tensors: of another type, on another device, copies, those of other values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any, NoReturn

from tritonnn import dtypes
from tritonnn._compressed import CompressedTensor
from tritonnn._sparse import HINT, Sparse, SparseTensor, attach, make_sparse, with_values
from tritonnn._tensor import Tensor
from tritonnn.device import CPU, DeviceLike, resolve
from tritonnn.device import device as Device
from tritonnn.dtypes import can_cast
from tritonnn.dtypes import dtype as DType
from tritonnn.memory_format import contiguous_format, preserve_format
from tritonnn.memory_format import memory_format as MemoryFormat
from tritonnn.ops.conversion._forms import parse_to
from tritonnn.ops.creation.creation import empty, full_like, zeros
from tritonnn.ops.sparse._forms import KINDS, mapped, sparse_form
from tritonnn.ops.sparse.likes import without_entries
from tritonnn.recording.grad_mode import state
from tritonnn.shape import Size, as_size
from tritonnn.table.sparse import write_out
from tritonnn.table.types import Number

BOTH = "coo compressed"


def _moved(self: Sparse, dtype: DType, device: Device, copy: bool, non_blocking: bool) -> Sparse:
    if not copy and dtype is self._dtype and device is self._device:
        return self
    values = self._entries.to(device, dtype, copy=copy, non_blocking=non_blocking)
    return mapped(self, lambda part: part.to(device, copy=copy, non_blocking=non_blocking), values)


@sparse_form("to", of=BOTH)
def _to(self: Sparse, *args: Any, **kwargs: Any) -> Sparse:
    dtype, device, non_blocking, copy, format = parse_to(args, kwargs)
    dtype = dtypes.OF_PYTHON.get(dtype, dtype) or self._dtype
    moved = _moved(self, dtype, self._device if device is None else resolve(device), copy, non_blocking)
    _check_format("to", self, format, moved is self)
    return moved


def _check_format(op: str, self: Sparse, format: MemoryFormat | None, same: bool = False) -> None:
    """Refuse orders of dimensions in memory; where nothing changes, that of rows is as good as any."""
    if format not in (None, preserve_format) and not (same and format is contiguous_format):
        raise RuntimeError(
            f"{op}(options): {self._layout_name()} only supports memory format Preserve, but got {format!r} instead: "
            "sparse tensors have no strides"
        )


def _typed(dtype: DType) -> Callable[..., Sparse]:
    def convert(self: Sparse, memory_format: MemoryFormat | None = None) -> Sparse:
        moved = _moved(self, dtype, self._device, False, False)
        _check_format("to", self, memory_format, moved is self)
        return moved

    return convert


@sparse_form("contiguous", of=BOTH)
def _contiguous(self: Sparse, memory_format: MemoryFormat | None = None) -> NoReturn:
    raise RuntimeError(
        f"contiguous: a tensor of layout {self.layout} has no strides: its parts lie as they do"
    )


@sparse_form("pin_memory", of=BOTH)
def _pin_memory(self: Sparse, device: DeviceLike | None = None) -> Sparse:
    """A copy of which all parts are in page-locked memory."""
    if self.is_pinned():
        return self
    return mapped(self, lambda part: part.pin_memory(), self._entries.pin_memory())


@sparse_form("is_pinned", of=BOTH)
def _is_pinned(self: Sparse, device: DeviceLike | None = None) -> bool:
    """Whether the values are in page-locked memory."""
    return self._entries.is_pinned()


for _name, _dtype in {
    **dtypes.ALIASES, "bfloat16": dtypes.bfloat16, "char": dtypes.int8, "byte": dtypes.uint8,
}.items():  # fmt: skip
    sparse_form(_name, of=BOTH)(_typed(_dtype))


@sparse_form("cpu", of=BOTH)
def _cpu(self: Sparse) -> Sparse:
    return _moved(self, self._dtype, CPU, False, False)


@sparse_form("cuda", of=BOTH)
def _cuda(self: Sparse, device: DeviceLike | None = None, non_blocking: bool = False) -> Sparse:
    return _moved(self, self._dtype, resolve("cuda" if device is None else device), False, non_blocking)


@sparse_form("type_as", of=BOTH)
def _type_as(self: Sparse, other: Tensor) -> Sparse:
    return _to(self, other)


@sparse_form("type", of=BOTH)
def _type(self: Sparse, dtype: DType | str | None = None, non_blocking: bool = False) -> str | Tensor:
    if dtype is not None:
        values = self._entries.type(dtype, non_blocking=non_blocking)
        return _moved(self, values._dtype, values._device, False, non_blocking)
    if not isinstance(self, SparseTensor):
        raise RuntimeError(
            f"type: tensors of layout {self.layout} have no name of a type. Hint: .dtype and .layout"
        )
    return self._entries.type().replace("torch.", "torch.sparse.")


@sparse_form("clone", of=BOTH)
def clone(self: Sparse, *, memory_format: MemoryFormat | None = None) -> Sparse:
    """A copy of indices and values."""
    _check_format("clone", self, memory_format)
    return mapped(self, lambda part: part.clone(), self._entries.clone())


@sparse_form("__deepcopy__", of=BOTH)
def _deep_copy(self: Sparse, memo: dict) -> Sparse:
    if id(self) not in memo:
        if self.requires_grad and not self._leaf:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at "
                "the moment."
            )
        copy = mapped(self, lambda part: deepcopy(part, memo), deepcopy(self._entries.detach(), memo))
        memo[id(self)] = copy
        if self._leaf:
            copy.requires_grad_()
            if self.grad is not None:
                copy.grad = deepcopy(self.grad, memo)
    return memo[id(self)]


# ---- questions ----------------------------------------------------------------------------------------------


def _bytes(self: Sparse) -> int:
    """Of a compressed tensor those of all its elements, as if it were dense."""
    if isinstance(self, SparseTensor):
        raise RuntimeError(
            "nbytes is not defined for sparse tensors. Hint: add those of the indices and the values"
        )
    return self.numel() * self.element_size()


def _no_memory(self: Sparse) -> NoReturn:
    raise NotImplementedError(
        f"a tensor of layout {self.layout} has no storage of its own. Hint: its parts have"
    )


for _cls in KINDS.values():
    attach("nbytes", property(_bytes), _cls)
    attach("storage_offset", lambda self: 0, _cls)
    for _name in ("untyped_storage", "storage"):
        attach(_name, _no_memory, _cls)


# ---- in place -------------------------------------------------------------------------------------------------


@sparse_form("zero_", of=BOTH)
def zero_(input: Sparse) -> Sparse:
    """Remove every entry, in place."""
    return input._replace(without_entries(input, input._shape, input._dtype, input._device))


@sparse_form("fill_", of="compressed")
def _fill_(input: CompressedTensor, value: Number | Tensor) -> CompressedTensor:
    if not isinstance(input, CompressedTensor) or (isinstance(value, Tensor) and value._shape):
        shape = list(value._shape) if isinstance(value, Tensor) else []
        raise RuntimeError(f"fill_: only supports 0-dimension value tensor but got tensor of shape {shape}")
    value = value.item() if isinstance(value, Tensor) else value
    return input._replace(with_values(input, full_like(input._entries, value)))


@sparse_form("fill", of="compressed")
def _fill(input: CompressedTensor, value: Any) -> CompressedTensor:
    if not isinstance(input, CompressedTensor):
        raise RuntimeError(f"fill: a tensor is filled with one number, got a tensor of layout {value.layout}")
    copy: Any = clone(input)
    return _fill_(copy, value)


@sparse_form("copy_", of=BOTH)
def copy_(self: Any, src: Tensor, non_blocking: bool = False) -> Any:
    """Take over the entries of a sparse tensor of the same layout."""
    if not isinstance(self, Sparse) or not isinstance(src, Sparse):
        raise NotImplementedError(f"copy_ between tensors of layout {self.layout} and {src.layout} {HINT}")
    if self.layout is not src.layout:
        raise RuntimeError(f"copy_: expected a tensor of layout {self.layout}, got {src.layout}")
    if self._shape != src._shape:
        raise RuntimeError(
            f"copy_: expected a tensor of the shape {list(self._shape)}, got {list(src._shape)}: copies of sparse "
            "tensors do not broadcast"
        )
    return self._replace(_moved(src, self._dtype, self._device, True, non_blocking))


@write_out
def _written(name: str, out: Any, result: Any) -> Any:
    """`out` with a result in it: a tensor of the result's layout."""
    if not isinstance(out, Tensor):
        raise TypeError(f"{name}(): argument 'out' must be Tensor, not {type(out).__name__}")
    if out.layout is not result.layout:
        raise RuntimeError(
            f"{name}: argument 'out' has layout {out.layout}, expected {result.layout}, that of the result"
        )
    if not can_cast(result.dtype, out.dtype):
        raise RuntimeError(
            f"{name}: result type {result.dtype.name} can't be cast to the desired output type {out.dtype.name}"
        )
    if state.enabled and (out.requires_grad or result.requires_grad):
        raise RuntimeError(
            f"{name}(): functions with out=... arguments don't support automatic differentiation, but one of the "
            "arguments requires grad."
        )
    if not isinstance(out, Sparse):
        return out.resize_(result.shape).copy_(result) if out.shape != result.shape else out.copy_(result)
    return out._replace(result.to(out.dtype))


@sparse_form("resize_as_sparse_", of=BOTH)
def _resize_as_sparse_(self: Any, the_template: Sparse, memory_format: MemoryFormat | None = None) -> Any:
    if type(self) is not type(the_template):
        raise RuntimeError("resize_as_sparse_: self and other tensor should have the same layout")
    if self._shape == the_template._shape:
        return self
    if isinstance(self, SparseTensor):
        return _resize_(self, the_template._shape, the_template.sparse_dim(), the_template.dense_dim())
    return self._replace(without_entries(the_template, the_template._shape, self._dtype, self._device))


def _resized(self: SparseTensor, name: str, size: Sequence[int], sparse_dim: int, dense_dim: int) -> Size:
    shape = Size(as_size((size,), name))
    if sparse_dim + dense_dim != len(shape):
        raise RuntimeError(
            f"'len(size) == sparse_dim + dense_dim' is not satisfied: len(size) = {len(shape)}, sparse_dim = "
            f"{sparse_dim}, dense_dim = {dense_dim}"
        )
    return shape


@sparse_form("sparse_resize_and_clear_")
def _resize_and_clear_(
    self: SparseTensor, size: Sequence[int], sparse_dim: int, dense_dim: int
) -> SparseTensor:
    """Another shape, and no entries."""
    shape = _resized(self, "sparse_resize_and_clear_", size, sparse_dim, dense_dim)
    return self._replace(
        make_sparse(
            empty(sparse_dim, 0, dtype=dtypes.int64, device=self._device),
            empty(0, *shape[sparse_dim:], dtype=self._dtype, device=self._device), shape, True,
        )
    )  # fmt: skip


@sparse_form("sparse_resize_")
def _resize_(self: SparseTensor, size: Sequence[int], sparse_dim: int, dense_dim: int) -> SparseTensor:
    """Another shape with the same entries; values that grow get zeros."""
    shape = _resized(self, "sparse_resize_", size, sparse_dim, dense_dim)
    values = self._entries
    if self._nnz():
        if sparse_dim != len(self._places):
            raise RuntimeError(
                "changing the number of sparse dimensions (from "
                f"{len(self._places)} to {sparse_dim}) on a non-empty sparse tensor is not supported."
            )
        if dense_dim != self.dense_dim():
            raise RuntimeError(
                "changing the number of dense dimensions (from "
                f"{self.dense_dim()} to {dense_dim}) on a non-empty sparse tensor is not supported."
            )
        for kind, low, high in (("sparse", 0, sparse_dim), ("dense", sparse_dim, len(shape))):
            if any(new < old for new, old in zip(shape[low:high], self._shape[low:high], strict=True)):
                raise RuntimeError(
                    f"shrinking the size of {kind} dimensions (from {list(self._shape[low:high])} to "
                    f"{list(shape[low:high])}) on a non-empty sparse tensor is not supported."
                )
        places = self._places
    else:
        places = empty(sparse_dim, 0, dtype=dtypes.int64, device=self._device)
    if values._shape[1:] != shape[sparse_dim:]:
        grown = zeros(self._nnz(), *shape[sparse_dim:], dtype=self._dtype, device=self._device)
        if values.numel():
            grown[tuple(slice(n) for n in values._shape)] = values.detach()
        values = grown
    return self._replace(make_sparse(places, values, shape, self._coalesced))
