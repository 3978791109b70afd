"""Making tensors from numbers, sequences, arrays and buffers."""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn import dispatch, dtypes
from tritonnn._tensor import Tensor, from_array
from tritonnn.device import CPU, resolve
from tritonnn.dispatch import to_device
from tritonnn.dtypes import dtype as DType
from tritonnn.ops._numbers import bounds
from tritonnn.ops.creation.creation import _finish, _public


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
        default = dtypes.get_default_dtype()
        found = found or (default if kind == "f" else default.to_complex())
        return array, found
    if array.size == 0 and kind in "fiO":
        return array.astype(np.float32), dtypes.get_default_dtype()
    if kind == "O" and array.size and all(isinstance(v, int) for v in array.flat):
        return array, dtypes.int64
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
    if array is not data and array.size:
        array = _fitted(array, dtype)
    if dtype is dtypes.float8_e4m3fn:  # what is too large becomes the largest, as in a conversion
        array = np.clip(np.asarray(array, np.float64), -448, 448)
    token = dispatch.quiet_set(dispatch.QUIET)
    made = from_array(np.array(array, dtype=dtype.np, order="C"), dtype)
    dispatch.quiet_reset(token)
    target = resolve(device)
    if target is CPU:
        return made
    return to_device(made, target)


def _fitted(array: np.ndarray, dtype: DType) -> np.ndarray:
    """Numbers that Python gave, none of which the dtype cannot hold.

    Raises:
        TypeError: complex numbers for a real dtype.
        ValueError: an integer of more than 64 bits for an integral one.
        RuntimeError: another number beyond its range.
    """
    kind = array.dtype.kind
    if kind == "c" and dtype.kind in (1, 2):
        raise TypeError("tensor(): must be real number, not complex. Hint: give dtype=torch.complex64")
    long = kind == "O" or (kind == "u" and array.max() > np.iinfo(np.int64).max)
    if dtype.kind == 1:
        if long:
            raise ValueError("tensor(): Overflow when unpacking long long: an integer does not fit int64")
        low, high = bounds(dtype, kind != "f")
        # As a float, int64's largest number is one more than it is.
        if not ((array >= low) & (array <= high) & (array < 2.0**63 if kind == "f" else True)).all():
            raise RuntimeError(f"tensor(): value cannot be converted to type {dtype.name} without overflow")
    return array.astype(np.float64) if long else array


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


def _new_tensor(
    self: Tensor, data: Any, *, dtype: DType | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A copy of `data` in this tensor's dtype and device."""
    target = self.device if device is None else resolve(device)
    return _finish(as_tensor(data).detach().to(target, dtype or self.dtype, copy=True), requires_grad)


Tensor.new_tensor = _new_tensor  # type: ignore[attr-defined]
