"""Making tensors filled with one value or with none."""

from __future__ import annotations

from typing import Any

from tritonnn import dtypes
from tritonnn import shape as shapes
from tritonnn._tensor import Tensor
from tritonnn.device import device as Device
from tritonnn.device import resolve
from tritonnn.dispatch import allocate
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import fail
from tritonnn.memory_format import memory_format, preserve_format, strided, strides_as
from tritonnn.ops._table import NAMESPACES
from tritonnn.shape import Size

torch_names = NAMESPACES["torch"]


def _public(function: Any) -> Any:
    torch_names[function.__name__] = function
    return function


def _finish(tensor: Tensor, requires_grad: bool, pin_memory: bool = False, layout: Any = None) -> Tensor:
    if layout not in (None, strided):
        raise NotImplementedError(f"only torch.strided tensors exist here, got layout={layout}")
    if pin_memory:
        tensor = tensor.pin_memory()
    return tensor.requires_grad_() if requires_grad else tensor


def _fill(made: Tensor, value: Any) -> Tensor:
    from tritonnn.recording.grad_mode import no_grad

    with no_grad():
        made.fill_(value)
    made._storage.version = 0
    return made


def _into(out: Tensor | None, made_shape: Size, dtype: DType, device: Device) -> Tensor:
    if out is None:
        return allocate(made_shape, dtype, device)
    if out.shape != made_shape:
        out.resize_(made_shape)
    return out


def _copy_out(out: Tensor | None, made: Tensor) -> Tensor:
    return made if out is None else _into(out, made.shape, out.dtype, out.device).copy_(made)


@_public
def empty(
    *size: Any, out: Tensor | None = None, dtype: DType | None = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False, pin_memory: bool = False, memory_format: memory_format | None = None,
) -> Tensor:  # fmt: skip
    """An uninitialised tensor.

    >>> import tritonnn as torch
    >>> torch.empty(2, 3).shape
    torch.Size([2, 3])
    """
    shape = Size(shapes.as_size(size))
    if out is not None:
        return _into(out, shape, out.dtype, out.device)
    strides = memory_format.strides(shape) if memory_format is not None else None
    made = allocate(shape, dtype or dtypes.get_default_dtype(), resolve(device), strides)
    return _finish(made, requires_grad, pin_memory, layout)


def _filled(
    value: Any, size: Any, out: Any, dtype: Any, layout: Any, device: Any, requires_grad: bool, pin: bool
) -> Tensor:
    shape = Size(shapes.as_size(size))
    if out is not None:
        return _into(out, shape, out.dtype, out.device).fill_(value)
    made = _fill(allocate(shape, dtype or dtypes.get_default_dtype(), resolve(device)), value)
    return _finish(made, requires_grad, pin, layout)


@_public
def zeros(
    *size: Any, out: Tensor | None = None, dtype: DType | None = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """A tensor of zeros.

    >>> import tritonnn as torch
    >>> torch.zeros(2, dtype=torch.int64)
    tensor([0, 0])
    """
    return _filled(0, size, out, dtype, layout, device, requires_grad, pin_memory)


@_public
def ones(
    *size: Any, out: Tensor | None = None, dtype: DType | None = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """A tensor of ones.

    >>> import tritonnn as torch
    >>> torch.ones(2)
    tensor([1., 1.])
    """
    return _filled(1, size, out, dtype, layout, device, requires_grad, pin_memory)


@_public
def full(
    size: Any, fill_value: Any, *, out: Tensor | None = None, dtype: DType | None = None, layout: Any = None,
    device: Any = None, requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """A tensor filled with one value, of the dtype the value stands for.

    >>> import tritonnn as torch
    >>> torch.full((2,), 7)
    tensor([7, 7])
    """
    value = fill_value.item() if isinstance(fill_value, Tensor) else fill_value
    return _filled(
        value, (size,), out, dtype or dtypes.scalar_dtype(value), layout, device, requires_grad, pin_memory
    )


def _like(
    input: Tensor, dtype: Any, layout: Any, device: Any, format: memory_format | None, pin: bool = False
) -> Tensor:
    dtype = dtype or input.dtype
    target = input.device if device is None else resolve(device)
    strides: tuple[int, ...] | None
    if format is None or format is preserve_format:
        strides = strides_as(input)
    else:
        strides = format.strides(input.shape)
    return _finish(allocate(input.shape, dtype, target, strides), False, pin, layout)


@_public
def empty_like(
    input: Tensor, *, dtype: DType | None = None, layout: Any = None, device: Any = None, requires_grad: bool = False,
    pin_memory: bool = False, memory_format: memory_format | None = None,
) -> Tensor:  # fmt: skip
    """An uninitialised tensor of the shape, dtype and device of `input`."""
    return _finish(_like(input, dtype, layout, device, memory_format, pin_memory), requires_grad)


@_public
def zeros_like(
    input: Tensor, *, dtype: DType | None = None, layout: Any = None, device: Any = None, requires_grad: bool = False,
    pin_memory: bool = False, memory_format: memory_format | None = None,
) -> Tensor:  # fmt: skip
    """Zeros of the shape, dtype and device of `input`.

    >>> import tritonnn as torch
    >>> torch.zeros_like(torch.ones(2))
    tensor([0., 0.])
    """
    return _finish(_fill(_like(input, dtype, layout, device, memory_format, pin_memory), 0), requires_grad)


@_public
def ones_like(
    input: Tensor, *, dtype: DType | None = None, layout: Any = None, device: Any = None, requires_grad: bool = False,
    pin_memory: bool = False, memory_format: memory_format | None = None,
) -> Tensor:  # fmt: skip
    """Ones of the shape, dtype and device of `input`."""
    return _finish(_fill(_like(input, dtype, layout, device, memory_format, pin_memory), 1), requires_grad)


@_public
def full_like(
    input: Tensor, fill_value: Any, *, dtype: DType | None = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False, pin_memory: bool = False, memory_format: memory_format | None = None,
) -> Tensor:  # fmt: skip
    """One value in the shape, dtype and device of `input`."""
    return _finish(
        _fill(_like(input, dtype, layout, device, memory_format, pin_memory), fill_value), requires_grad
    )


@_public
def empty_strided(
    size: Any, stride: Any, *, dtype: DType | None = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """An uninitialised tensor with the given strides, in elements."""
    if len(size) != len(stride):
        raise RuntimeError(f"mismatch in length of strides and shape: {list(size)}, {list(stride)}")
    made = allocate(Size(size), dtype or dtypes.get_default_dtype(), resolve(device), tuple(stride))
    return _finish(made, requires_grad, pin_memory, layout)


def _new(fill: Any) -> Any:
    def method(
        self: Tensor,
        *size: Any,
        dtype: DType | None = None,
        device: Any = None,
        requires_grad: bool = False,
        layout: Any = None,
        pin_memory: bool = False,
    ) -> Tensor:
        made = allocate(
            Size(shapes.as_size(size)),
            dtype or self.dtype,
            self.device if device is None else resolve(device),
        )
        return _finish(made if fill is None else _fill(made, fill), requires_grad, pin_memory, layout)

    method.__doc__ = "A tensor of this one's dtype and device" + (
        "." if fill is None else f" filled with {fill}."
    )
    return method


def _new_full(self: Tensor, size: Any, fill_value: Any, **options: Any) -> Tensor:
    """One value in this tensor's dtype and device."""
    return _new(fill_value)(self, size, **options)


Tensor.new_empty, Tensor.new_zeros, Tensor.new_ones = _new(None), _new(0), _new(1)  # type: ignore[attr-defined]
Tensor.new_full = _new_full  # type: ignore[attr-defined]


@_public
def eye(
    n: int, m: int | None = None, *, out: Tensor | None = None, dtype: DType | None = None, layout: Any = None,
    device: Any = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """The identity matrix, n rows and m columns (default n).

    >>> import tritonnn as torch
    >>> torch.eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    m = n if m is None else m
    if n < 0 or m < 0:
        raise RuntimeError(f"n and m must be greater or equal to 0, got {n} and {m}")
    made = zeros(n, m, out=out, dtype=dtype, device=device)
    made.diagonal().fill_(1)
    return _finish(made, requires_grad, layout=layout)


@_public
def complex(real: Tensor, imag: Tensor, *, out: Tensor | None = None) -> Tensor:
    """real + i imag.

    >>> import tritonnn as torch
    >>> torch.complex(torch.tensor([1.]), torch.tensor([2.]))
    tensor([1.+2.j])
    """
    if real.dtype is not imag.dtype or real.dtype not in (dtypes.float32, dtypes.float64):
        raise fail(
            "complex", "expected both inputs to be Float or Double of the same dtype", real=real, imag=imag
        )
    return _copy_out(out, real + imag * 1j)
