"""Methods that make tensors of another's dtype and device: new_empty, new_zeros, new_ones, new_full."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tritonnn import shape as shapes
from tritonnn._tensor import Tensor
from tritonnn.device import DeviceLike, resolve
from tritonnn.dispatch import allocate
from tritonnn.dtypes import dtype as DType
from tritonnn.memory_format import layout as Layout
from tritonnn.ops._table import attach, checked, named
from tritonnn.ops.conversion.overwriting import fill_fresh, uninitialised
from tritonnn.ops.creation.creation import _finish, _one_number, empty_strided
from tritonnn.shape import Size, by_name
from tritonnn.table.types import Number


def _new(name: str, fill: Number | None) -> Any:
    def method(
        self: Tensor, *sizes: int | Sequence[int], size: Sequence[int] | None = None, dtype: DType | None = None,
        device: DeviceLike | None = None, requires_grad: bool = False, layout: Layout | None = None,
        pin_memory: bool = False,
    ) -> Tensor:  # fmt: skip
        _ = self._buf  # what has no memory of its own is refused: of a sample, the batch has one like it
        tensor = allocate(
            Size(shapes.as_size(sizes or by_name(name, "size", size), name)),
            dtype or self.dtype,
            self.device if device is None else resolve(device),
        )
        tensor = uninitialised(tensor) if fill is None else fill_fresh(tensor, fill, name)
        return _finish(tensor, requires_grad, pin_memory, layout)

    filled = "." if fill is None else f" filled with {fill}."
    method.__doc__ = "A tensor of this one's dtype and device" + filled
    return named(name, method)


def new_full(
    self: Tensor, size: Sequence[int], fill_value: Number, *, dtype: DType | None = None,
    layout: Layout | None = None, device: DeviceLike | None = None, requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """One value in this tensor's dtype and device."""
    options = {"dtype": dtype, "layout": layout, "device": device, "requires_grad": requires_grad}
    value = _one_number("new_full", fill_value)
    return _new("new_full", value)(self, size=size, pin_memory=pin_memory, **options)


for _name, _fill in (("new_empty", None), ("new_zeros", 0), ("new_ones", 1)):
    attach(**{_name: checked(_new(_name, _fill))})
attach(new_full=checked(new_full))


def new_empty_strided(
    self: Tensor, size: Sequence[int], stride: Sequence[int], dtype: DType | None = None, *,
    layout: Layout | None = None, device: DeviceLike | None = None, requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """An uninitialised tensor with the given strides in this tensor's dtype and device."""
    return empty_strided(
        size, stride, dtype=dtype or self.dtype, layout=layout, device=self.device if device is None else device,
        requires_grad=requires_grad, pin_memory=pin_memory,
    )  # fmt: skip


attach(new_empty_strided=checked(new_empty_strided))
