"""Making tensors: from data, filled, counted; and converting them to other dtypes, devices and layouts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tritonnn import dispatch, dtypes
from tritonnn import shape as shapes
from tritonnn import storage as storages
from tritonnn.device import CPU, resolve
from tritonnn.device import device as Device
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import fail
from tritonnn.memory_format import memory_format, preserve_format, strided
from tritonnn.ops._table import NAMESPACES, NUMERIC, Out, primitive
from tritonnn.shape import Size
from tritonnn.tensor import Tensor, from_array, make, make_view

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


# ---- from data ------------------------------------------------------------------------------------------


def _infer_array(data: Any) -> tuple[np.ndarray, DType]:
    """Numbers, sequences or arrays as an ndarray of the dtype PyTorch infers."""
    if isinstance(data, (np.ndarray, np.generic)):
        array = np.asarray(data)
        wide = dtypes._WIDENED.get(array.dtype)
        if wide is not None:
            raise TypeError(
                f"can't convert np.ndarray of type {array.dtype}: convert it first, for example with "
                f".astype(np.{wide.name})"
            )
        return array, dtypes.from_numpy_dtype(array.dtype)
    if isinstance(data, (list, tuple)) and _holds_tensors(data):
        data = _numbers_of(data)
    try:
        array = np.array(data)
    except (ValueError, OverflowError) as error:
        raise ValueError(
            f"tensor(): could not make a tensor of {type(data).__name__}: {_ragged(data) or error}"
        ) from None
    kind = array.dtype.kind
    if kind in "biufc" and array.size:
        found = {"b": dtypes.bool_, "i": dtypes.int64, "u": dtypes.int64, "f": None, "c": None}[kind]
        if kind == "u" and array.max() > np.iinfo(np.int64).max:
            raise OverflowError(f"tensor(): {array.max()} does not fit int64")
        default = dtypes.get_default_dtype()
        found = found or (default if kind == "f" else default.to_complex())
        return array, found
    if array.size == 0 and kind in "fiO":
        return array.astype(np.float32), dtypes.get_default_dtype()
    if kind == "O" and array.size and all(isinstance(v, int) for v in array.flat):
        raise OverflowError("tensor(): an integer does not fit int64")
    if kind == "V":
        return array, dtypes.from_numpy_dtype(array.dtype)
    raise TypeError(f"tensor(): cannot make a tensor of {type(data).__name__} holding {_first_leaf(data)!r}")


def _holds_tensors(data: Any) -> bool:
    return any(
        isinstance(v, (Tensor, np.ndarray)) or (isinstance(v, (list, tuple)) and _holds_tensors(v))
        for v in data
    )


def _numbers_of(data: Any) -> Any:
    if isinstance(data, (Tensor, np.ndarray)):
        return data.tolist()
    return [_numbers_of(v) for v in data] if isinstance(data, (list, tuple)) else data


def _ragged(data: Any, depth: int = 0) -> str:
    if not isinstance(data, (list, tuple)):
        return ""
    lengths = {len(v) if isinstance(v, (list, tuple)) else -1 for v in data}
    if len(lengths) > 1:
        sizes = sorted(lengths)
        return f"expected sequences of equal length at dim {depth + 1}, got lengths {sizes}"
    return next((text for v in data if (text := _ragged(v, depth + 1))), "")


def _first_leaf(data: Any) -> Any:
    while isinstance(data, (list, tuple)) and data:
        data = data[0]
    return data


@_public
def tensor(
    data: Any,
    *,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A new tensor holding a copy of `data`: a number, nested sequences, an ndarray or a tensor.

    Args:
        dtype: default: int64, bool or the default floating dtype as the numbers are; that of an array.
        device: default: the default device (that of `data` where it is a tensor).
        requires_grad: record operations on it.
        pin_memory: put it into page-locked host memory.

    Raises:
        ValueError: sequences of unequal length. TypeError: something that is no number.

    >>> import tritonnn as torch
    >>> torch.tensor([[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]])
    """
    if isinstance(data, Tensor):
        import warnings

        warnings.warn(
            "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
            "sourceTensor.detach().clone().requires_grad_(True), rather than torch.tensor(sourceTensor).",
            stacklevel=2,
        )
        made = data.detach().to(device or data.device, dtype or data.dtype, copy=True)
        return _finish(made, requires_grad, pin_memory)
    return _finish(_tensor(data, dtype, device), requires_grad, pin_memory)


def _tensor(data: Any, dtype: DType | None, device: Any) -> Tensor:
    if hasattr(data, "__array__") and not isinstance(data, (np.ndarray, np.generic)):
        data = np.asarray(data)
    array, inferred = _infer_array(data)
    dtype = dtype or inferred
    token = dispatch.quiet_set(dispatch.QUIET)
    made = from_array(np.array(array, dtype=dtype.np, order="C"), dtype)
    dispatch.quiet_reset(token)
    target = resolve(device)
    if target is CPU:
        return made
    from tritonnn.ops.conversion import to_device

    return to_device(made, target)


@_public
def as_tensor(data: Any, dtype: DType | None = None, device: Any = None) -> Tensor:
    """`data` as a tensor, sharing its memory where dtype and device allow it.

    >>> import tritonnn as torch
    >>> torch.as_tensor([1, 2])
    tensor([1, 2])
    """
    if isinstance(data, Tensor):
        return data.to(device or data.device, dtype or data.dtype)
    if isinstance(data, np.ndarray) and data.dtype not in dtypes._WIDENED:
        made = from_numpy(data)
        return made.to(resolve(device), dtype or made.dtype)
    return _tensor(data, dtype, device)


@_public
def from_numpy(array: np.ndarray) -> Tensor:
    """A CPU tensor that shares an ndarray's memory.

    Raises:
        TypeError: not an ndarray, or of a type without counterpart.
        ValueError: a negative or fractional stride.

    >>> import numpy as np, tritonnn as torch
    >>> torch.from_numpy(np.arange(3))
    tensor([0, 1, 2])
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(array).__name__})")
    dtype = dtypes.from_numpy_dtype(array.dtype)
    if not array.dtype.isnative:
        raise ValueError(
            "given numpy array has byte order different from the native byte order. "
            "Conversion between byte orders is currently not supported."
        )
    if any(stride < 0 for stride in array.strides):
        raise ValueError(
            "At least one stride in the given numpy array is negative, and tensors with negative strides are not "
            "currently supported. (You can probably work around this by making a copy of your array with array.copy().)"
        )
    if any(stride % array.itemsize for stride in array.strides):
        raise ValueError(
            "given numpy array strides not a multiple of the element byte size. "
            "Copy the numpy array to reallocate the memory."
        )
    if not array.flags.writeable:
        import warnings

        warnings.warn(
            "The given NumPy array is not writable; writing to the tensor is undefined behavior. Copy the array to "
            "protect its data or make it writable.",
            stacklevel=2,
        )
    return from_array(array, dtype)


@_public
def frombuffer(
    buffer: Any, *, dtype: DType, count: int = -1, offset: int = 0, requires_grad: bool = False
) -> Tensor:
    """A 1-d CPU tensor that shares the memory of an object with the buffer protocol.

    >>> import tritonnn as torch
    >>> torch.frombuffer(bytearray(b'ab'), dtype=torch.uint8)
    tensor([97, 98], dtype=torch.uint8)
    """
    view = np.frombuffer(buffer, np.uint8)
    room = view.nbytes - offset
    if offset < 0 or room < 0:
        raise ValueError(
            f"offset ({offset} bytes) must be non-negative and no greater than buffer length ({view.nbytes} bytes)"
        )
    if count < 0:
        if room % dtype.itemsize:
            raise ValueError(
                f"buffer length ({room} bytes) after offset ({offset} bytes) must be a multiple of "
                f"element size ({dtype.itemsize})"
            )
        count = room // dtype.itemsize
    if count * dtype.itemsize > room or count == 0:
        raise ValueError(
            f"requested {count} elements of {dtype.itemsize} bytes but the buffer holds {room} bytes"
        )
    flat = view[offset : offset + count * dtype.itemsize]
    return _finish(from_array(flat.view(dtype.np), dtype), requires_grad)


@_public
def asarray(
    obj: Any,
    *,
    dtype: DType | None = None,
    device: Any = None,
    copy: bool | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """`obj` as a tensor; shares memory where possible unless `copy` is True, never copies where it is False."""
    made = as_tensor(obj, dtype, device)
    shares = made is obj or (isinstance(obj, (np.ndarray, Tensor)) and made.data_ptr() == _address(obj))
    if copy and shares:
        made = made.clone()
    if copy is False and not shares:
        raise ValueError("can't alias the given object without a copy (copy=False)")
    return made.requires_grad_() if requires_grad else made


def _address(obj: Any) -> int:
    return obj.data_ptr() if isinstance(obj, Tensor) else obj.ctypes.data


# ---- filled ---------------------------------------------------------------------------------------------


def allocate(shape: Size, dtype: DType, device: Device, strides: tuple[int, ...] | None = None) -> Tensor:
    """An uninitialised tensor; `strides` (in elements) describe a dense permutation where they are not row-major."""
    if any(extent < 0 for extent in shape):
        negative = next(extent for extent in shape if extent < 0)
        raise RuntimeError(f"Trying to create tensor with negative dimension {negative}: {list(shape)}")
    if strides is None or strides == shapes.contiguous_strides(shape):
        return make(*storages.empty(tuple(shape), dtype, device, "empty"), shape, dtype, device)
    flat = allocate(Size((shapes.extent_in_elements(shape, strides),)), dtype, device)
    return make_view(flat, shape, strides, 0)


def _fill(made: Tensor, value: Any) -> Tensor:
    from tritonnn.autograd.grad_mode import no_grad

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
        strides = dense_strides(input)
    else:
        strides = format.strides(input.shape)
    return _finish(allocate(input.shape, dtype, target, strides), False, pin, layout)


def dense_strides(input: Tensor) -> tuple[int, ...] | None:
    """Strides of a fresh tensor in the input's order of dimensions; None for row-major."""
    if input._stride is None:
        return None
    pairs = sorted(
        (d for d in range(len(input.shape)) if input.shape[d] != 1),
        key=lambda d: (-input._stride[d], d),  # type: ignore[index]
    )
    step, strides = 1, list(shapes.contiguous_strides(input.shape))
    for dim in reversed(pairs):
        if input._stride[dim] != step:  # gaps or overlaps: row-major instead, as PyTorch does
            return None
        strides[dim] = step
        step *= input.shape[dim]
    return tuple(strides)


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


def _new_tensor(
    self: Tensor, data: Any, *, dtype: DType | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A copy of `data` in this tensor's dtype and device."""
    target = self.device if device is None else resolve(device)
    return _finish(as_tensor(data).detach().to(target, dtype or self.dtype, copy=True), requires_grad)


Tensor.new_empty, Tensor.new_zeros, Tensor.new_ones = _new(None), _new(0), _new(1)  # type: ignore[attr-defined]
Tensor.new_full, Tensor.new_tensor = _new_full, _new_tensor  # type: ignore[attr-defined]


# ---- counted --------------------------------------------------------------------------------------------


@primitive(dtypes=NUMERIC)
def arange_fill(start: Any, step: Any, count: int, dtype: DType, device: Device) -> Out:
    """start + i * step for i < count."""
    return Out((count,), dtype, device)


@_public
def arange(
    start: Any, end: Any = None, step: Any = 1, *, out: Tensor | None = None, dtype: DType | None = None,
    layout: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """start, start + step, ... below `end`; integers where all three are.

    >>> import tritonnn as torch
    >>> torch.arange(1, 7, 2)
    tensor([1, 3, 5])
    """
    if end is None:
        start, end = 0, start
    start, end, step = (v.item() if isinstance(v, (Tensor, np.generic)) else v for v in (start, end, step))
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if not (math.isfinite(start) and math.isfinite(end)):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if (end - start) * step < 0:
        raise RuntimeError(
            f"upper bound and lower bound inconsistent with step sign: {start} to {end} by {step}"
        )
    whole = all(isinstance(v, int) for v in (start, end, step))
    if whole:
        count = max(0, -(-(end - start) // step))
    else:
        count = max(0, math.ceil((end - start) / step))
    dtype = dtype or (out.dtype if out is not None else dtypes.int64 if whole else dtypes.get_default_dtype())
    made = dispatch.call(
        arange_fill.op, (start, step, count, dtype, out.device if out is not None else resolve(device))
    )
    return _finish(_copy_out(out, made), requires_grad, pin_memory, layout)


def _copy_out(out: Tensor | None, made: Tensor) -> Tensor:
    return made if out is None else _into(out, made.shape, out.dtype, out.device).copy_(made)


@primitive(dtypes=NUMERIC)
def linspace_fill(start: Any, end: Any, steps: int, base: float | None, dtype: DType, device: Device) -> Out:
    """`steps` numbers from start to end, evenly spaced; as exponents of `base` where it is given."""
    return Out((steps,), dtype, device)


def _spaced(
    start: Any, end: Any, steps: int, base: float | None, out: Any, dtype: Any, device: Any
) -> Tensor:
    start, end = (v.item() if isinstance(v, Tensor) else v for v in (start, end))
    if not isinstance(steps, int):
        steps = int(steps)
    if steps < 0:
        raise RuntimeError(f"number of steps must be non-negative, got {steps}")
    dtype = dtype or (out.dtype if out is not None else dtypes.get_default_dtype())
    made = dispatch.call(
        linspace_fill.op, (start, end, steps, base, dtype, out.device if out is not None else resolve(device))
    )
    return _copy_out(out, made)


@_public
def linspace(
    start: Any, end: Any, steps: int = 100, *, out: Tensor | None = None, dtype: DType | None = None,
    layout: Any = None, device: Any = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """`steps` numbers from start to end, both included.

    >>> import tritonnn as torch
    >>> torch.linspace(0, 1, 5)
    tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
    """
    return _finish(_spaced(start, end, steps, None, out, dtype, device), requires_grad, layout=layout)


@_public
def logspace(
    start: Any, end: Any, steps: int = 100, base: float = 10.0, *, out: Tensor | None = None,
    dtype: DType | None = None, layout: Any = None, device: Any = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """`steps` numbers from base**start to base**end, evenly spaced in the exponent."""
    return _finish(_spaced(start, end, steps, base, out, dtype, device), requires_grad, layout=layout)


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
