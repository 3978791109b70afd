"""Memory shared with other array libraries without a copy: DLPack, both ways, and `__cuda_array_interface__`.

Source: the DLPack specification, https://dmlc.github.io/dlpack/latest/.

>>> import numpy as np, tritonnn as torch
>>> x = torch.arange(3)
>>> np.from_dlpack(x)[0] = 7
>>> torch.from_dlpack(np.ones(2)), x
(tensor([1., 1.], dtype=torch.float64), tensor([7, 1, 2]))
"""

from __future__ import annotations

import ctypes
import warnings
from ctypes import POINTER, Structure, c_int32, c_int64, c_uint8, c_uint16, c_uint32, c_uint64, c_void_p
from typing import Any

import numpy as np

from tritonnn import dtypes
from tritonnn._tensor import Tensor, make, make_view
from tritonnn.device import CPU, DeviceLike, resolve
from tritonnn.device import device as Device
from tritonnn.dtypes import dtype as DType
from tritonnn.memory import Storage
from tritonnn.shape import Size, contiguous_strides, extent_in_elements

__all__ = ["from_dlpack", "to_dlpack"]

ON_CPU, ON_CUDA = 1, 2
_CODES: dict[DType, int] = {
    dtypes.bool_: 6, dtypes.bfloat16: 4, dtypes.complex64: 5, dtypes.complex128: 5,
    dtypes.complex32: 5, dtypes.float8_e4m3fn: 10, dtypes.float8_e4m3fnuz: 11, dtypes.float8_e5m2: 12,
    dtypes.float8_e5m2fnuz: 13, dtypes.float8_e8m0fnu: 14,
    **{d: 2 for d in (dtypes.float16, dtypes.float32, dtypes.float64)},
    **{d: 0 if d.is_signed else 1 for d in (*dtypes.INTEGRAL, *dtypes.UNSIGNED)},
}  # fmt: skip
_DTYPES = {(code, dtype.itemsize * 8): dtype for dtype, code in _CODES.items()}
# Types whose bytes are given as those of another, or as several numbers each: code, bits, numbers.
_PACKED: dict[DType, tuple[int, int, int]] = {
    dtypes.float4_e2m1fn_x2: (17, 4, 2),
    **{d: (int(not d.is_signed), 8, 1) for d in dtypes.FEW_BITS},
}


class _Place(Structure):
    _fields_ = (("kind", c_int32), ("index", c_int32))


class _Type(Structure):
    _fields_ = (("code", c_uint8), ("bits", c_uint8), ("lanes", c_uint16))


class _View(Structure):
    _fields_ = (
        ("data", c_void_p),
        ("device", _Place),
        ("ndim", c_int32),
        ("dtype", _Type),
        ("shape", POINTER(c_int64)),
        ("strides", POINTER(c_int64)),
        ("byte_offset", c_uint64),
    )


_Deleter = ctypes.CFUNCTYPE(None, c_void_p)


class _Managed(Structure):
    """What a capsule named "dltensor" holds."""

    _fields_ = (("view", _View), ("context", c_void_p), ("deleter", _Deleter))


class _Versioned(Structure):
    """What a capsule named "dltensor_versioned" holds, of version 1 on: a flag says whether it is read-only."""

    _fields_ = (
        ("major", c_uint32), ("minor", c_uint32), ("context", c_void_p), ("deleter", _Deleter), ("flags", c_uint64),
        ("view", _View),
    )  # fmt: skip


_READ_ONLY = 1
_KINDS: tuple[tuple[bytes, type[_Managed] | type[_Versioned]], ...] = (
    (b"dltensor", _Managed), (b"dltensor_versioned", _Versioned)
)  # fmt: skip


_api = ctypes.pythonapi
_CapsuleDestructor = ctypes.CFUNCTYPE(None, c_void_p)
_new = ctypes.PYFUNCTYPE(ctypes.py_object, c_void_p, ctypes.c_char_p, _CapsuleDestructor)(
    ("PyCapsule_New", _api)
)
_named = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_char_p)(("PyCapsule_IsValid", _api))
_pointer = ctypes.PYFUNCTYPE(c_void_p, ctypes.py_object, ctypes.c_char_p)(("PyCapsule_GetPointer", _api))
_rename = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_char_p)(("PyCapsule_SetName", _api))
_dying = ctypes.PYFUNCTYPE(ctypes.c_int, c_void_p, ctypes.c_char_p)(("PyCapsule_IsValid", _api))
_dying_pointer = ctypes.PYFUNCTYPE(c_void_p, c_void_p, ctypes.c_char_p)(("PyCapsule_GetPointer", _api))
_USED = {b"dltensor": b"used_dltensor", b"dltensor_versioned": b"used_dltensor_versioned"}

# What others see of our memory, by address of its description: alive until they call the deleter.
_lent: dict[int, tuple[_Managed | _Versioned, Any, Tensor]] = {}


@_Deleter
def _give_back(address: int) -> None:
    _lent.pop(address, None)


@_CapsuleDestructor
def _unclaimed(capsule: int) -> None:
    for name, _ in _KINDS:
        if _dying(capsule, name):  # nobody took the memory over
            _give_back(_dying_pointer(capsule, name))


def to_dlpack(tensor: Tensor, versioned: bool = False) -> Any:
    """A capsule that another library's `from_dlpack` turns into an array over the same memory.

    Args:
        versioned: of version 1 of DLPack instead of the one before, which older libraries read.

    Raises:
        BufferError: the tensor requires grad, lies on the simulated or the meta device, or is of a dtype that
            DLPack does not know.

    >>> import tritonnn as torch
    >>> x = torch.ones(2)
    >>> y = torch.from_dlpack(torch.to_dlpack(x))
    >>> y.data_ptr() == x.data_ptr()
    True
    """
    if tensor.requires_grad:
        raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
    if tensor.dtype in dtypes.BITS:
        raise BufferError(f"Bit types are not supported by dlpack: {tensor.dtype.name}")
    kind, index = dlpack_device(tensor)
    geometry = (c_int64 * (2 * len(tensor.shape)))(*tensor.shape, *tensor.stride())
    shape = ctypes.cast(geometry, POINTER(c_int64))
    step = ctypes.cast(ctypes.addressof(geometry) + 8 * len(tensor.shape), POINTER(c_int64))
    data_type = _Type(*(_PACKED.get(tensor.dtype) or (_CODES[tensor.dtype], tensor.dtype.itemsize * 8, 1)))
    view = _View(tensor.data_ptr(), _Place(kind, index), len(tensor.shape), data_type, shape, step, 0)
    managed = _Versioned(1, 0, None, _give_back, 0, view) if versioned else _Managed(view, None, _give_back)
    address = ctypes.addressof(managed)
    _lent[address] = managed, geometry, tensor
    return _new(address, _KINDS[versioned][0], _unclaimed)


def dlpack_device(tensor: Tensor) -> tuple[int, int]:
    """DLPack's numbers of the kind of device and of the device: `Tensor.__dlpack_device__`."""
    if tensor.device.type == "cpu":
        return ON_CPU, 0
    from tritonnn.runtime.interface import is_simulated

    if tensor.device.type != "cuda" or is_simulated():
        raise BufferError(
            f"memory on {'the simulated GPU' if tensor.device.type == 'cuda' else tensor.device} cannot be shared "
            "with other libraries: use tensor.cpu()"
        )
    return ON_CUDA, tensor.get_device()


def export(
    tensor: Tensor,
    *,
    stream: int | None = -1,
    max_version: tuple[int, int] | None = None,
    dl_device: tuple[int, int] | None = None,
    copy: bool | None = None,
) -> Any:
    """`Tensor.__dlpack__`: a capsule; `from_dlpack` of any library calls it.

    Args:
        stream: handle of the consumer's CUDA stream, which waits for what this thread has queued; None is the
            default stream, -1 leaves order to the caller.
        max_version: the newest version of DLPack that the consumer reads; None: those before 1.
        dl_device: where the memory is wanted: where it is, or (1, 0), the host.
        copy: always (True) or never (False) copy.
    """
    where = dlpack_device(tensor)
    if dl_device is not None and tuple(dl_device) != where:
        if tuple(dl_device) != (ON_CPU, 0):
            raise BufferError(f"cannot share memory of {tensor.device} on DLPack device {tuple(dl_device)}")
        if copy is False:
            raise BufferError(f"memory of {tensor.device} cannot be seen on the host without a copy")
        tensor = tensor.cpu()
    elif copy:
        tensor = tensor.clone()
    if tensor.device.type == "cuda" and stream != -1:
        from tritonnn import cuda

        consumer = cuda.ExternalStream(0 if stream in (None, 1) else stream, tensor.device)
        consumer.wait_stream(cuda.current_stream(tensor.device))
    return to_dlpack(tensor, versioned=max_version is not None and max_version[0] >= 1)


class _Borrowed:
    """Another library's memory, given back when nothing here looks at it; the block of a GPU storage."""

    def __init__(self, managed: Any, ptr: int, nbytes: int) -> None:
        self._managed = managed
        self.ptr = ptr
        self.nbytes = nbytes
        self.op: str | None = None

    def record_stream(self, stream: int) -> None:
        """Its owner cannot be told of our streams."""
        raise RuntimeError("record_stream: the memory belongs to another library")

    def __del__(self) -> None:
        if self._managed.deleter:
            self._managed.deleter(ctypes.addressof(self._managed))


def from_dlpack(ext_tensor: Any, *, device: DeviceLike | None = None, copy: bool | None = None) -> Tensor:
    """A tensor over the memory of another library's array, which both then see.

    Args:
        ext_tensor: an object with `__dlpack__`, or a capsule.
        device: move it there (default: where it is).
        copy: always (True) or never (False) copy.

    Raises:
        TypeError: no DLPack object. BufferError: a device or an element type that is not known here.
        ValueError: `copy=False` where a copy is needed.

    >>> import numpy as np, tritonnn as torch
    >>> torch.from_dlpack(np.arange(3.0))
    tensor([0., 1., 2.], dtype=torch.float64)
    """
    capsule = ext_tensor
    if hasattr(ext_tensor, "__dlpack__"):
        capsule = _asked(ext_tensor)
    elif type(ext_tensor).__name__ != "PyCapsule":
        raise TypeError(
            f"from_dlpack(): expected an object with __dlpack__ or a capsule, got {type(ext_tensor).__name__}"
        )
    capsule_kind = next(((name, kind) for name, kind in _KINDS if _named(capsule, name)), None)
    if capsule_kind is None:
        raise RuntimeError("from_dlpack received an invalid capsule. A capsule can be consumed only once.")
    name, kind = capsule_kind
    result = _over(kind.from_address(_pointer(capsule, name)))
    _rename(capsule, _USED[name])
    target = result.device if device is None else resolve(device)
    if copy is False and target is not result.device:
        raise ValueError(
            f"cannot move the array from {result.device} to {target} without a copy (copy=False)"
        )
    return result.to(target, copy=bool(copy))


def _asked(array: Any) -> Any:
    """The capsule of an array; one on a GPU is made ready for this thread's current stream."""
    kind, index = array.__dlpack_device__()
    wanted: dict[str, Any] = {}
    if kind == ON_CUDA:
        from tritonnn import cuda

        wanted["stream"] = cuda.current_stream(int(index)).cuda_stream or 1
    try:
        return array.__dlpack__(max_version=(1, 0), **wanted)
    except TypeError:  # a library that knows no versions
        return array.__dlpack__(**wanted)


def _over(managed: Any) -> Tensor:
    """A tensor over what is described; takes the memory over once nothing can fail any more."""
    view = managed.view
    if type(managed) is _Versioned:
        if managed.major != 1:
            raise BufferError(f"from_dlpack: DLPack version {managed.major} is not known, only 1 and before")
        if managed.flags & _READ_ONLY:
            warnings.warn(
                "The given array is read-only; writing to the tensor is undefined behavior. Copy the array first, or "
                "make it writable.",
                stacklevel=3,
            )
    given = view.dtype
    dtype = _DTYPES.get((given.code, given.bits))
    pairs = (given.code, given.bits, given.lanes) == _PACKED[dtypes.float4_e2m1fn_x2]
    if pairs:
        dtype = dtypes.float4_e2m1fn_x2
    if dtype is None or (given.lanes != 1 and not pairs):
        raise BufferError(
            f"from_dlpack: element type with code {given.code}, {given.bits} bits and {given.lanes} lanes is unknown"
        )
    shape = Size(view.shape[: view.ndim])
    strides = tuple(view.strides[: view.ndim]) if view.strides else contiguous_strides(shape)
    if any(stride < 0 for stride in strides):
        raise BufferError("from_dlpack: negative strides are not supported: copy the array first")
    device = _device(view.device)
    ptr, nbytes = (view.data or 0) + view.byte_offset, extent_in_elements(shape, strides) * dtype.itemsize
    owner = _Borrowed(managed, ptr, nbytes)
    if device is not CPU:
        return _seen(owner, shape, strides, dtype, device)
    memory = (c_uint8 * nbytes).from_address(ptr) if nbytes else (c_uint8 * 0)()
    memory.owner = owner  # type: ignore[attr-defined]
    flat = np.frombuffer(memory, np.uint8) if nbytes else np.empty(0, np.uint8)
    storage = Storage(flat, CPU)
    whole = make(storage.buffer(shape, strides, 0, dtype), storage, shape, dtype, CPU)
    return make_view(whole, shape, strides, 0)


def _seen(block: Any, shape: Size, strides: tuple[int, ...], dtype: DType, device: Device) -> Tensor:
    """A GPU tensor over a block of memory."""
    storage = Storage(block, device)
    whole = make(storage.buffer(shape, strides, 0, dtype), storage, shape, dtype, device)
    return make_view(whole, shape, strides, 0)


def _device(place: _Place) -> Device:
    if place.kind == ON_CPU:
        return CPU
    from tritonnn.runtime.interface import is_simulated

    if place.kind != ON_CUDA or is_simulated():
        raise BufferError(
            f"from_dlpack: memory on DLPack device ({place.kind}, {place.index}) cannot be used here"
        )
    return resolve(f"cuda:{place.index}")


def cuda_array_interface(tensor: Tensor) -> dict[str, Any]:
    """Address and geometry for CuPy, Numba and other CUDA libraries (version 2); the order of work on streams is the
    caller's concern.

    Raises:
        AttributeError: not on a GPU. RuntimeError: requires grad.
    """
    if tensor.device.type != "cuda":
        raise AttributeError(
            f"__cuda_array_interface__: the tensor is a {tensor.type()}, not on a GPU; tensor.cuda() copies it there"
        )
    if tensor.requires_grad:
        raise RuntimeError(
            "__cuda_array_interface__: the tensor requires grad, which others cannot record; use tensor.detach()"
        )
    dlpack_device(tensor)  # refuses memory that is no GPU's
    size = tensor.dtype.itemsize
    return {
        "typestr": "<V2" if tensor.dtype is dtypes.bfloat16 else np.dtype(tensor.dtype.np).str,
        "shape": tuple(tensor.shape),
        "strides": None if tensor.is_contiguous() else tuple([stride * size for stride in tensor.stride()]),
        "data": (tensor.data_ptr(), False),
        "version": 2,
    }
