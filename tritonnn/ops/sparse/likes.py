"""Sparse tensors without values, or of one value: of a shape, and of the shape of another tensor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tritonnn import dtypes
from tritonnn._compressed import CompressedTensor, make_compressed
from tritonnn._sparse import Sparse, SparseTensor, make_sparse, spelled
from tritonnn._tensor import Tensor
from tritonnn.device import DeviceLike, resolve
from tritonnn.device import device as Device
from tritonnn.dtypes import dtype as DType
from tritonnn.memory_format import layout as Layout
from tritonnn.memory_format import memory_format as MemoryFormat
from tritonnn.memory_format import preserve_format, sparse_coo, sparse_csc, sparse_csr, strided
from tritonnn.ops.creation.creation import empty, full_like, zeros
from tritonnn.ops.sparse._forms import mapped, sparse_form
from tritonnn.shape import Size, as_size
from tritonnn.table.types import Number

BOTH = "coo compressed"


def _plain(op: str, self: Sparse, memory_format: MemoryFormat | None, layout: Layout | None) -> None:
    """Refuse what sparse tensors have no meaning for."""
    if memory_format not in (None, preserve_format):
        raise RuntimeError(
            f"{op}: memory format option is only supported by strided tensors, got {memory_format!r}"
        )
    if layout not in (None, self.layout):
        raise RuntimeError(
            f"{op} with different sparse layout is not supported (self is {self._layout_name()} but you requested "
            f"{spelled(layout)}). Hint: .to_sparse(layout=...) comes after"
        )


def nothing(op: str, shape: Size, dtype: DType, device: Device, layout: Layout) -> Any:
    """A tensor of a sparse layout without values: what `torch.zeros` and `torch.empty` make."""
    if layout is sparse_coo:
        places = empty(len(shape), 0, dtype=dtypes.int64, device=device)
        return make_sparse(places, empty(0, dtype=dtype, device=device), shape, True)
    if layout not in (sparse_csr, sparse_csc):
        raise RuntimeError(
            f"{op}: expected sparse compressed (non-block) tensor layout but got {spelled(layout)}: a layout of blocks "
            f"does not say how large they are. Hint: torch.{layout.name}_tensor makes one of its parts"
        )
    if len(shape) < 2:
        raise RuntimeError(f"{op}: a tensor of layout {layout} has rows and columns, got size {list(shape)}")
    lines = shape[-2] if layout is sparse_csr else shape[-1]
    index: Any = {"dtype": dtypes.int64, "device": device}
    return make_compressed(
        zeros(*shape[:-2], lines + 1, **index), empty(*shape[:-2], 0, **index),
        empty(*shape[:-2], 0, dtype=dtype, device=device), shape, layout,
    )  # fmt: skip


def without_entries(self: Sparse, shape: Size, dtype: DType, device: Device) -> Any:
    """A tensor of the same layout, and of a shape of as many dimensions, that has no values."""
    values = self._entries
    if isinstance(self, SparseTensor):
        dims = len(self._places)
        return make_sparse(
            empty(dims, 0, dtype=dtypes.int64, device=device),
            empty(0, *shape[dims:], dtype=dtype, device=device), shape, True,
        )  # fmt: skip
    assert isinstance(self, CompressedTensor)
    batch = self._batch_dims
    index: Any = {"dtype": self._starts._dtype, "device": device}
    return make_compressed(
        zeros(self._starts._shape, **index), empty(*shape[:batch], 0, **index),
        empty(*shape[:batch], 0, *values._shape[batch + 1 :], dtype=dtype, device=device), shape, self._layout,
    )  # fmt: skip


@sparse_form("zeros_like", "empty_like", of=BOTH)
def _zeros_like(
    input: Sparse, *, dtype: DType | None = None, layout: Layout | None = None, device: DeviceLike | None = None,
    requires_grad: bool = False, pin_memory: bool = False, memory_format: MemoryFormat | None = None,
) -> Tensor:  # fmt: skip
    """A sparse tensor of the same shape without entries."""
    kind, where = dtype or input._dtype, input._device if device is None else resolve(device)
    if layout is strided and isinstance(input, SparseTensor):
        return zeros(
            input._shape, dtype=kind, device=where, requires_grad=requires_grad, pin_memory=pin_memory
        )
    _plain("zeros_like", input, memory_format, layout)
    return _finished(without_entries(input, input._shape, kind, where), requires_grad, pin_memory)


def _finished(made: Any, requires_grad: bool, pin_memory: bool) -> Any:
    made = made.pin_memory() if pin_memory else made
    return made.requires_grad_() if requires_grad else made


def _filled(op: str) -> Callable[..., Tensor]:
    def like(
        input: CompressedTensor, *value: Any, fill_value: Number | None = None, dtype: DType | None = None,
        layout: Layout | None = None, device: DeviceLike | None = None, requires_grad: bool = False,
        pin_memory: bool = False, memory_format: MemoryFormat | None = None,
    ) -> Tensor:  # fmt: skip
        _plain(op, input, memory_format, layout)
        number: Any = 1 if op == "ones_like" else value[0] if value else fill_value
        values = full_like(input._entries, number, dtype=dtype or input._dtype, device=device)
        where = values._device
        return _finished(mapped(input, lambda part: part.to(where), values), requires_grad, pin_memory)

    like.__name__ = op
    return like


for _name in ("ones_like", "full_like"):
    sparse_form(_name, of="compressed")(_filled(_name))


@sparse_form("new_zeros", "new_empty", of=BOTH)
def _new(
    self: Sparse, *size: Any, dtype: DType | None = None, device: DeviceLike | None = None,
    requires_grad: bool = False, layout: Layout | None = None, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    shape, where = Size(as_size(size, "new_zeros")), self._device if device is None else resolve(device)
    kind, wanted = dtype or self._dtype, self.layout if layout is None else layout
    if wanted is strided:
        return zeros(shape, dtype=kind, device=where, requires_grad=requires_grad, pin_memory=pin_memory)
    return _finished(nothing("new_zeros", shape, kind, where, wanted), requires_grad, pin_memory)


@sparse_form("new_tensor")
def _new_tensor(
    self: SparseTensor, data: Any, *, dtype: DType | None = None, device: DeviceLike | None = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """A dense tensor of the same type, on the same device."""
    return self._entries.detach().new_tensor(data, dtype=dtype, device=device, requires_grad=requires_grad)
