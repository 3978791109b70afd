"""Making tensors from numbers, sequences, arrays and buffers."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from tritonnn import dispatch, dtypes
from tritonnn._tensor import Tensor, from_array
from tritonnn.device import CPU, DeviceLike, resolve
from tritonnn.dispatch import check_dtype, to_device
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import fail, warn, warn_once
from tritonnn.ops._numbers import bounds, elements
from tritonnn.ops._table import ANY, Bad, Sample, attach, composite, named
from tritonnn.ops.creation._nested import gather_classes, irregular, leaves
from tritonnn.ops.creation.creation import _finish
from tritonnn.table import Make


def _infer_array(data: Any, typed: bool = False) -> tuple[np.ndarray, DType]:
    """Numbers, sequences or arrays as an ndarray of the dtype PyTorch infers."""
    if isinstance(data, (np.ndarray, np.generic)):
        array = np.asarray(data)
        return array, dtypes.from_numpy_dtype(array.dtype)
    known: list[DType] = []
    if isinstance(data, (list, tuple)):
        classes: set[type] = set()
        gather_classes(data, classes)
        if any(issubclass(kind, _TYPED) for kind in classes):
            _gather_dtypes(data, known)
            data = _numbers_of(data)
    try:
        array = np.array(data)
    except (ValueError, OverflowError) as error:
        text = f"tensor(): could not make a tensor of {type(data).__name__}: {error}"
        raise (irregular(data) or ValueError(text)) from None
    kind = array.dtype.kind
    if known and kind in "biufcO" and (kind != "O" or not array.size):
        return array, reduce(dtypes.promote_types, known)
    if kind in "biufc" and array.size:
        dtype = {"b": dtypes.bool_, "i": dtypes.int64, "u": dtypes.int64, "f": None, "c": None}[kind]
        default = dtypes.get_default_dtype()
        dtype = dtype or (default if kind == "f" else default.to_complex())
        return array, dtype
    if array.size == 0 and kind in "fiO":
        return array.astype(np.float32), dtypes.get_default_dtype()
    if kind == "O" and array.size and all(isinstance(v, int) for v in array.flat):
        return array, dtypes.int64
    if kind == "V":
        return array, dtypes.from_numpy_dtype(array.dtype)
    if kind in "US":
        held = next(v for v in leaves(data) if isinstance(v, (str, bytes)))
        text = f"'{type(held).__name__}': cannot make a tensor of {type(data).__name__} holding one"
        if isinstance(data, (list, tuple)) and held is next(leaves(data)):
            raise ValueError(f"tensor(): too many dimensions {text}")
        raise TypeError(f"tensor(): invalid data type {text}")
    odd = next((v for v in array.flat if not isinstance(v, (bool, int, float, complex))), data)
    if typed:
        raise TypeError(f"tensor(): must be real number, not {type(odd).__name__}")
    raise RuntimeError(f"tensor(): Could not infer dtype of {type(odd).__name__}")


_TYPED = (Tensor, np.ndarray, np.generic)  # what has a dtype of its own


def _gather_dtypes(data: Any, known: list[DType]) -> None:
    """The dtypes, each once, of the numbers in nested sequences: their own, or those that Python's have."""
    for part in data:
        if isinstance(part, (list, tuple)):
            _gather_dtypes(part, known)
        elif (kind := _dtype_of(part)) is not None and kind not in known:
            known.append(kind)


def _dtype_of(number: Any) -> DType | None:
    if isinstance(number, Tensor):
        return number.dtype
    if isinstance(number, (np.ndarray, np.generic)):
        if number.dtype.kind in "USO":
            return None  # refused with the words for what is no number
        return dtypes.from_numpy_dtype(number.dtype.newbyteorder("="))
    default = dtypes.get_default_dtype()
    kinds = ((bool, dtypes.bool_), (int, dtypes.int64), (float, default), (complex, default.to_complex()))
    return next((dtype for kind, dtype in kinds if isinstance(number, kind)), None)


def _numbers_of(data: Any) -> Any:
    if isinstance(data, _TYPED):
        return data.tolist()
    return [_numbers_of(v) for v in data] if isinstance(data, (list, tuple)) else data


def _array(data: Any, dtype: DType | None) -> np.ndarray:
    """The definition in NumPy."""
    return np.array(data) if dtype is None else np.array(data).astype(dtype.np)


def _from_buffer(buffer: Any, dtype: DType, count: int, offset: int) -> np.ndarray:
    """The definition of frombuffer in NumPy."""
    import struct

    code = {"float64": "d", "int64": "q"}[dtype.name]
    size = struct.calcsize(code)
    count = (len(buffer) - offset) // size if count < 0 else count
    return np.array(struct.unpack(f"={count}{code}", bytes(buffer[offset : offset + count * size])))


def _given(make: Make) -> list[Sample]:
    numbers: list = [[1, 0, 2], [[1, 0], [0, 1]], 1, [], True, [1.5, 2.0]]
    return [
        Sample(data, dtype=make.dtype, device=make.device) for data in (*numbers, np.eye(2), np.float64(1))
    ]


def _given_errors(make: Make) -> list[Bad]:
    return [
        Bad([[1], [2, 3]], error=ValueError, match=r"expected sequence of length 1 at dim 1 \(got 2\)"),
        Bad("a", error=TypeError, match="invalid data type 'str'"),
        Bad(["a"], error=ValueError, match="too many dimensions 'str'"),
        Bad([1, "a"], error=TypeError, match="invalid data type 'str'"),
        Bad([[1], 2], error=TypeError, match="not a sequence: a int"),
        Bad([1, [2]], error=TypeError, match="'list' object cannot be"),
        Bad([1, None], match="Could not infer dtype of NoneType"), Bad({1: 2}, match="Could not infer dtype of dict"),
        Bad([1], dtype=1, error=TypeError, match="'dtype' .*must be torch.dtype, not int"),
        Bad([1], device="gpu", match="Expected one of cpu, cuda, meta device type"),
        Bad(1j, dtype=dtypes.float32, error=TypeError, match="must be real number, not complex"),
        Bad([300], dtype=dtypes.uint8, match="cannot be converted to type uint8 without overflow"),
        Bad([1 << 70], error=ValueError, match="Overflow when unpacking long long"),
    ]  # fmt: skip


_FROM_DATA: Any = dict(api="torch", dtypes=ANY, samples=_given, errors=_given_errors)


@composite(**_FROM_DATA, data=True, reference=_array)
def tensor(
    data: Any,
    *,
    dtype: DType | None = None,
    device: DeviceLike | None = None,
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
        warn(
            "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
            "sourceTensor.detach().clone().requires_grad_(True), rather than torch.tensor(sourceTensor)."
        )
        result = data.detach().to(device or data.device, dtype or data.dtype, copy=True)
        return _finish(result, requires_grad, pin_memory)
    return _finish(_tensor(data, dtype, device), requires_grad, pin_memory)


def _tensor(data: Any, dtype: DType | None, device: DeviceLike | None) -> Tensor:
    if hasattr(data, "__array__") and not isinstance(data, (np.ndarray, np.generic)):
        data = np.asarray(data)
    if dtype is dtypes.uint64 and not isinstance(data, (np.ndarray, np.generic)):
        data = _beyond_int64(data)
    array, inferred = _infer_array(data, dtype is not None)
    if dtype is not None:
        check_dtype(dtype)
        if dtype in dtypes.SHELLS:
            raise RuntimeError(
                f"tensor(): no numbers can be stored as {dtype.name}: make it of bytes, by .view(dtype)"
            )
    dtype = dtype or inferred
    if array is not data and array.size:
        array = _fitted(array, dtype)
    token = dispatch.quiet_set(dispatch.QUIET)
    result = from_array(elements(array, dtype), dtype)
    dispatch.quiet_reset(token)
    target = resolve(device)
    if target is CPU:
        return result
    return to_device(result, target)


def _beyond_int64(data: Any) -> Any:
    """Whole numbers of Python, some of them beyond int64, as uint64; other data as they are."""
    numbers = list(leaves(data))
    if all(number.__class__ is int for number in numbers) and any(number >= 2**63 for number in numbers):
        try:
            return np.array(data, np.uint64)
        except OverflowError:
            raise fail(
                "tensor",
                "value cannot be converted to type uint64: int too big to convert",
                kind=OverflowError,
            ) from None
    return data


def _fitted(array: np.ndarray, dtype: DType) -> np.ndarray:
    """Numbers that Python gave, none of which the dtype cannot hold.

    Raises:
        TypeError: complex numbers for a real dtype.
        ValueError: an integer of more than 64 bits for an integral one.
        OverflowError: a negative one for uint64.
        RuntimeError: another number beyond its range.
    """
    kind = array.dtype.kind
    if kind == "c" and dtype.kind in (1, 2):
        raise TypeError("tensor(): must be real number, not complex. Hint: give dtype=torch.complex64")
    long = kind == "O" or (kind == "u" and array.max() > np.iinfo(np.int64).max)
    if dtype.kind == 1 and kind != "b":
        if dtype is dtypes.uint64 and kind == "i" and (array < 0).any():  # narrower ones wrap
            raise fail("tensor", "can't convert negative int to unsigned", kind=OverflowError)
        if long:
            raise ValueError("tensor(): Overflow when unpacking long long: an integer does not fit int64")
        low, high = bounds(dtype, kind != "f")
        # As a float, int64's largest number is one more than it is.
        if not ((array >= low) & (array <= high) & (array < 2.0**63 if kind == "f" else True)).all():
            raise RuntimeError(f"tensor(): value cannot be converted to type {dtype.name} without overflow")
    return array.astype(np.float64) if long else array


@composite(**_FROM_DATA, data=True, reference=_array)
def as_tensor(data: Any, dtype: DType | None = None, device: DeviceLike | None = None) -> Tensor:
    """`data` as a tensor, sharing its memory where dtype and device allow it.

    >>> import tritonnn as torch
    >>> torch.as_tensor([1, 2])
    tensor([1, 2])
    """
    if isinstance(data, Tensor):
        return data.to(device or data.device, dtype or data.dtype)
    if isinstance(data, np.ndarray):
        shared = from_numpy(data)
        return shared.to(resolve(device), dtype or shared.dtype)
    return _tensor(data, dtype, device)


@composite(
    api="torch", dtypes=ANY, reference=lambda ndarray: ndarray,
    samples=lambda make: [Sample(np.arange(6).reshape(2, 3).astype(make.dtype.np).T),
                          Sample(np.ones((), make.dtype.np))],
    errors=lambda make: [
        Bad([1], error=TypeError, match=r"expected np.ndarray \(got list\)"),
        Bad(np.array(["a"]), error=TypeError, match="can't convert np.ndarray of type"),
        Bad(np.ones(3)[::-1], error=ValueError, match="stride in the given numpy array is negative"),
        Bad(np.ones(2, ">f8"), error=ValueError, match="byte order different from the native"),
    ],
)  # fmt: skip
def from_numpy(ndarray: np.ndarray) -> Tensor:
    """A CPU tensor that shares an ndarray's memory.

    Raises:
        TypeError: not an ndarray, or of a type without counterpart.
        ValueError: a negative or fractional stride.

    >>> import numpy as np, tritonnn as torch
    >>> torch.from_numpy(np.arange(3))
    tensor([0, 1, 2])
    """
    array = ndarray
    if not isinstance(array, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(array).__name__})")
    if not array.dtype.isnative:
        raise ValueError(
            "given numpy array has byte order different from the native byte order. "
            "Conversion between byte orders is currently not supported."
        )
    dtype = dtypes.from_numpy_dtype(array.dtype)
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
        warn_once(
            "from_numpy",
            "The given NumPy array is not writable; writing to the tensor is undefined behavior. Copy the array to "
            "protect its data or make it writable.",
        )
    return from_array(array, dtype)


@composite(
    api="torch", dtypes=(*dtypes.INTEGRAL, *dtypes.FLOATING), reference=_from_buffer,
    samples=lambda make: [
        Sample(bytearray(range(48)), dtype=make.dtype), Sample(bytearray(48), dtype=make.dtype, count=2, offset=16),
    ],
    errors=lambda make: [
        Bad(bytearray(4), dtype=dtypes.int32, offset=5, error=ValueError, match="no greater than buffer length"),
        Bad(bytearray(5), dtype=dtypes.int32, error=ValueError, match="must be a multiple of element size"),
        Bad(bytearray(4), dtype=dtypes.int32, count=2, error=ValueError, match="requested 2 elements of 4 bytes"),
        Bad(1, dtype=dtypes.int32, error=ValueError, match="does not implement Python buffer protocol"),
        Bad(bytearray(4), dtype=1, error=TypeError, match="'dtype' .*must be torch.dtype, not int"),
    ],
)  # fmt: skip
def frombuffer(
    buffer: Any, *, dtype: DType, count: int = -1, offset: int = 0, requires_grad: bool = False
) -> Tensor:
    """A 1-d CPU tensor that shares the memory of an object with the buffer protocol.

    >>> import tritonnn as torch
    >>> torch.frombuffer(bytearray(b'ab'), dtype=torch.uint8)
    tensor([97, 98], dtype=torch.uint8)
    """
    check_dtype(dtype)
    try:
        view = np.frombuffer(buffer, np.uint8)
    except TypeError:
        raise ValueError("object does not implement Python buffer protocol.") from None
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


@composite(
    api="torch", dtypes=ANY, data=True,
    samples=lambda make: [*_given(make), Sample(make(3)), Sample(make(3), copy=True)],
    reference=lambda obj, dtype: _array(obj, dtype),
    errors=lambda make: [
        *_given_errors(make), Bad([1], copy=False, error=ValueError, match="can't alias"),
        Bad(make(2), copy=False, dtype=dtypes.int8, error=ValueError, match="can't alias"),
    ],
)  # fmt: skip
def asarray(
    obj: Any,
    *,
    dtype: DType | None = None,
    device: DeviceLike | None = None,
    copy: bool | None = None,
    requires_grad: bool | None = None,
) -> Tensor:
    """`obj` as a tensor; shares memory where possible unless `copy` is True, never copies where it is False.

    >>> import tritonnn as torch
    >>> import numpy as np
    >>> array = np.zeros(2)
    >>> x = torch.asarray(array)  # the same memory
    >>> array[0] = 1
    >>> x
    tensor([1., 0.], dtype=torch.float64)
    """
    result = as_tensor(obj, dtype, device)
    shares = result is obj or (isinstance(obj, (np.ndarray, Tensor)) and result.data_ptr() == _address(obj))
    if copy and shares:
        result = result.clone()
    if copy is False and not shares:
        raise ValueError("can't alias the given object without a copy (copy=False)")
    return result.requires_grad_() if requires_grad else result


def _address(obj: Any) -> int:
    return obj.data_ptr() if isinstance(obj, Tensor) else obj.ctypes.data


def _new_tensor(
    self: Tensor, data: Any, *, dtype: DType | None = None, device: DeviceLike | None = None,
    requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """A copy of `data` in this tensor's dtype and device."""
    target = self.device if device is None else resolve(device)
    result = as_tensor(data, dtype or self.dtype).detach().to(target, copy=True)
    return _finish(result, requires_grad, pin_memory)


attach(new_tensor=named("new_tensor", _new_tensor))
