"""Tensors for the pickle: how they are taken apart, put together, and placed on a device."""

from __future__ import annotations

import pickle
import sys
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from tritonnn._compressed import COMPRESSED, CompressedTensor
from tritonnn._conjugated import ConjugatedTensor, bits, memory, with_bits
from tritonnn._sparse import SparseTensor
from tritonnn._tensor import Tensor, from_array, host_array, make, make_view
from tritonnn.device import ABSENT, runtime
from tritonnn.device import device as Device
from tritonnn.dtypes import (
    bfloat16,
    bool_,
    complex64,
    complex128,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
)
from tritonnn.dtypes import dtype as DType
from tritonnn.memory import Storage
from tritonnn.memory_format import layout, sparse_coo, strided
from tritonnn.ops.creation.creation import empty, empty_strided
from tritonnn.ops.sparse.compressed import sparse_compressed_tensor
from tritonnn.ops.sparse.making import sparse_coo_tensor
from tritonnn.serialization._budget import WrongArgument
from tritonnn.shape import Size, contiguous_strides, extent_in_elements, numel
from tritonnn.storage.typed import TypedStorage
from tritonnn.storage.untyped import StorageBase, UntypedStorage

#: names of PyTorch's storage classes; a dtype without one is saved as untyped bytes
STORAGE_NAMES = {
    float32: "FloatStorage",
    float64: "DoubleStorage",
    float16: "HalfStorage",
    bfloat16: "BFloat16Storage",
    int64: "LongStorage",
    int32: "IntStorage",
    int16: "ShortStorage",
    int8: "CharStorage",
    uint8: "ByteStorage",
    bool_: "BoolStorage",
    complex64: "ComplexFloatStorage",
    complex128: "ComplexDoubleStorage",
}
# What PyTorch and NumPy can count, and show.
MOST, MOST_DIMENSIONS = (1 << 63) - 1, 64


class StorageRef:
    """The memory of a tensor: what stands in a pickle in place of the bytes.

    Attributes:
        base: all of the memory as a flat uint8 tensor.
        dtype: what the memory is a storage of, None for plain bytes.
    """

    __slots__ = ("__weakref__", "base", "dtype")

    def __init__(self, base: Tensor, dtype: DType | None) -> None:
        self.base = base
        self.dtype = dtype

    @property
    def block(self) -> Any:
        """The block of memory: views of one storage have the same."""
        return self.base._storage.block

    @property
    def location(self) -> str:
        """Device tag as PyTorch writes it: 'cpu', 'cuda:0'."""
        return str(self.base.device)

    def data(self) -> np.ndarray:
        """The bytes on the host."""
        return host_array(self.base).reshape(-1)

    def __reduce_ex__(self, protocol: Any) -> tuple:
        if reduce_storage is not None:
            return reduce_storage(self, protocol)
        array = self.data()
        data = pickle.PickleBuffer(array) if protocol >= 5 else array.tobytes()
        return _storage_from_bytes, (data, self.location, self.dtype)


#: what stands for a storage in a plain pickle, where that is something else
reduce_storage: Callable[[StorageRef, Any], tuple] | None = None


def _storage_from_bytes(data: Any, location: str, dtype: DType | None) -> StorageRef:
    array = np.frombuffer(data, np.uint8)
    if not array.flags.writeable:
        array = array.copy()
    return StorageRef(place(array, location, None), dtype)


# One reference per storage, so that two views in one plain pickle come back as two views of one storage.
_refs: weakref.WeakKeyDictionary[Storage, Any] = weakref.WeakKeyDictionary()


def storage_of(tensor: Any) -> StorageRef:
    """The memory of a tensor, as a storage of its dtype, or what a storage object of the program stands for."""
    block = tensor._memory if isinstance(tensor, StorageBase) else tensor._storage
    dtype = None if isinstance(tensor, UntypedStorage) else tensor.dtype
    dtype = dtype if dtype in STORAGE_NAMES else None
    known = _refs.get(block)
    ref = known() if known is not None else None
    if ref is None or ref.dtype is not dtype:
        size = Size((block.nbytes,))
        ref = StorageRef(make(block.buffer(size, (1,), 0, uint8), block, size, uint8, tensor.device), dtype)
        _refs[block] = weakref.ref(ref)
    return ref


def storage_object(ref: StorageRef) -> StorageBase:
    """What a program sees of a storage that stands in a file: `torch.FloatStorage`, `torch.UntypedStorage`."""
    memory = ref.base._storage
    shown = UntypedStorage(wrap=memory) if ref.dtype is None else TypedStorage(wrap=memory, dtype=ref.dtype)
    shown._ref = ref
    return shown


def _ref(storage: object) -> StorageRef | None:
    """What a tensor is made over; None for anything but a storage of the file."""
    if isinstance(storage, StorageBase):  # and of nothing else: a file may name a tensor's attributes
        return getattr(storage, "_ref", None)
    return storage if isinstance(storage, StorageRef) else None


def layout_of(name: str) -> layout:
    """The layout that goes by 'torch.strided'."""
    for known in (strided, sparse_coo, *COMPRESSED):
        if type(name) is str and name == repr(known):
            return known
    raise RuntimeError("load: an unknown layout of tensors: the file is corrupted")


def reduce_tensor(tensor: Tensor) -> tuple:
    """``Tensor.__reduce_ex__``: the function and the arguments that make an equal tensor.

    Example:
        >>> import pickle
        >>> import tritonnn as torch
        >>> pickle.loads(pickle.dumps(torch.tensor([1.0, 2.0])))
        tensor([1., 2.])
    """
    if isinstance(tensor, SparseTensor):
        parts = tensor._indices(), tensor._values(), Size(tensor.shape), tensor.is_coalesced()
        return rebuild_sparse, (tensor.layout, parts)
    if isinstance(tensor, CompressedTensor):
        held = tensor._starts, tensor._places, tensor._entries.detach(), Size(tensor.shape)
        return rebuild_sparse, (tensor.layout, held)
    geometry = tuple(tensor.shape), tuple(tensor.stride())
    if tensor.device.type == "meta":
        return rebuild_meta, (tensor.dtype, *geometry, tensor.requires_grad)
    if tensor.__class__ is ConjugatedTensor:
        function, given = reduce_tensor(memory(tensor))
        return function, (*given, bits(tensor))
    where = storage_of(tensor), tensor.storage_offset(), *geometry
    if where[0].dtype is None:
        return rebuild_tensor_v3, (*where, tensor.requires_grad, OrderedDict(), tensor.dtype)
    return rebuild_tensor_v2, (*where, tensor.requires_grad, OrderedDict())


def rebuild_tensor_v2(
    storage: StorageRef | TypedStorage,
    offset: int,
    size: object,
    stride: object,
    requires_grad: bool,
    hooks: object,
    metadata: object = None,
) -> Tensor:
    """A tensor over a typed storage, where it lies inside of it."""
    ref = _ref(storage)
    if ref is None or ref.dtype is None:
        raise RuntimeError("load: a tensor refers to a storage without a dtype: the file is corrupted")
    return rebuild_tensor_v3(storage, offset, size, stride, requires_grad, hooks, ref.dtype, metadata)


def rebuild_tensor_v3(
    storage: StorageRef | TypedStorage,
    offset: int,
    size: Any,
    stride: Any,
    requires_grad: bool,
    hooks: object,
    dtype: DType,
    metadata: object = None,
) -> Tensor:
    """A tensor over a storage of bytes, where it lies inside of it.

    Raises:
        RuntimeError: the geometry reaches beyond the storage.
    """
    ref = _ref(storage)
    if ref is None or not isinstance(dtype, DType):
        raise RuntimeError("load: a tensor does not refer to a storage: the file is corrupted")
    if ref.dtype is not dtype and (ref.dtype not in (None, uint8) or dtype is bool_):
        raise RuntimeError(f"load: a tensor of {dtype} refers to a storage of {ref.dtype or 'bytes'}")
    if type(requires_grad) is not bool or not (metadata is None or type(metadata) is dict):
        raise RuntimeError(
            "load: what a tensor says of its gradient or its bits is none: the file is corrupted"
        )
    _check_geometry(size, stride, offset, ref.base.numel() // dtype.itemsize)
    size, stride = tuple(size), tuple(stride)
    tensor = with_bits(_over(ref.base, Size(size), stride, offset, dtype), metadata or {})
    return tensor.requires_grad_(requires_grad) if requires_grad else tensor


def rebuild_sparse(kind: object, parts: object) -> Tensor:
    """A sparse tensor of its indices, its values, its shape, and of COO layout whether it is coalesced.

    Raises:
        RuntimeError: the parts do not fit each other, or the layout is no sparse one.
    """
    if kind is not sparse_coo and not any(kind is known for known in COMPRESSED):
        raise RuntimeError(f"load: sparse tensors of layout {kind} are not implemented")
    compressed = kind is not sparse_coo
    if type(parts) is not tuple or not (len(parts) == 4 or (len(parts) == 3 and not compressed)):
        raise RuntimeError("load: a sparse tensor has no indices, values and size: the file is corrupted")
    count = 3 if compressed else 2
    tensors: Any = parts[:count]
    size, coalesced = parts[count], None if compressed else (*parts, None)[3]
    plain = all(type(part) is Tensor for part in tensors) and type(size) in (Size, tuple, list)
    indices = (int64, int32) if compressed else (int64,)
    typed = plain and all(part.dtype in indices for part in tensors[:-1])
    if not typed or coalesced not in (None, True, False):
        raise RuntimeError("load: the parts of a sparse tensor are none: the file is corrupted")
    _check_numbers(size, contiguous_strides(size) if all(type(n) is int for n in size) else ())
    if compressed:
        options: Any = {"layout": kind, "device": tensors[-1].device, "check_invariants": True}
        build: Any = sparse_compressed_tensor
        return build(*tensors, size, **options)
    return sparse_coo_tensor(tensors[0], tensors[1], size, is_coalesced=coalesced, device=tensors[1].device)


def rebuild_tensor(storage: StorageRef | TypedStorage, offset: int, size: object, stride: object) -> Tensor:
    """A tensor as PyTorch wrote it before version 0.4."""
    return rebuild_tensor_v2(storage, offset, size, stride, False, None)


def computed_bytes(size: Any, stride: Any) -> int:
    """What a conjugated or negated tensor takes of its own; 0 for what `rebuild_tensor_v3` refuses."""
    _check_numbers(size, stride)
    return 16 * numel([extent for extent, step in zip(size, stride) if step])


def _check_numbers(size: Any, stride: Any, offset: object = 0) -> None:
    """Raises RuntimeError where a geometry is none."""
    kinds = (tuple, list, Size)
    if type(size) not in kinds or type(stride) not in kinds or max(len(size), len(stride)) > MOST_DIMENSIONS:
        raise RuntimeError("load: a tensor's shape and stride are no sequences: the file is corrupted")
    numbers = (offset, *size, *stride)
    if not all(type(n) is int and 0 <= n <= MOST for n in numbers) or len(size) != len(stride):
        raise RuntimeError(
            "load: a tensor whose shape and stride are no numbers of elements does not lie inside its storage: "
            "the file is corrupted"
        )
    if numel([n or 1 for n in size]) > MOST:
        raise RuntimeError("load: a tensor has more elements than can be counted: the file is corrupted")


def _check_geometry(size: Any, stride: Any, offset: int, room: int) -> None:
    _check_numbers(size, stride, offset)
    if (offset if 0 in size else offset + extent_in_elements(size, stride)) > room:
        raise RuntimeError(
            f"load: a tensor of shape {tuple(size)}, stride {tuple(stride)} and offset {offset} does not lie inside "
            f"its storage of {room} elements: the file is corrupted"
        )


def _over(base: Tensor, size: Size, stride: tuple[int, ...], offset: int, dtype: DType) -> Tensor:
    if offset == 0 and stride == contiguous_strides(size):
        block = base._storage
        return make(block.buffer(size, stride, 0, dtype), block, size, dtype, base.device)
    return make_view(base, size, stride, offset, dtype)


def rebuild_meta(dtype: DType, size: Any, stride: Any, requires_grad: bool) -> Tensor:
    """A tensor without memory."""
    if not isinstance(dtype, DType):
        raise RuntimeError("load: a tensor's dtype is none: the file is corrupted")
    _check_numbers(size, stride)
    meta = empty_strided(tuple(size), tuple(stride), dtype=dtype, device="meta")
    return meta.requires_grad_(requires_grad) if requires_grad else meta


# ---- where a storage goes -----------------------------------------------------------------------------

MapLocation = Callable[[Any, str], Any] | dict[str, Any] | Device | str | None


def check_map_location(map_location: object) -> None:
    """Refuse what is no ``map_location``."""
    if map_location is None or isinstance(map_location, (str, Device)) or callable(map_location):
        return
    if not isinstance(map_location, dict):
        raise WrongArgument(
            "load: map_location must be a device or its name, a dict, a function or None, "
            f"got {type(map_location).__name__}"
        )
    for location, place in map_location.items():
        if not isinstance(place, (str, Device)):
            raise WrongArgument(
                f"load: map_location must have names of devices as values, got {type(place).__name__} for {location!r}"
            )


def place(data: np.ndarray, location: str, map_location: MapLocation) -> Tensor:
    """The bytes of a storage as a flat uint8 tensor on the device that ``map_location`` says."""
    base = from_array(data, uint8)
    if map_location is None:
        return _to(base, location)
    if isinstance(map_location, dict):
        return _to(base, str(map_location.get(location, location)))
    if isinstance(map_location, (str, Device)):
        return _to(base, str(map_location))
    storage = base.untyped_storage()
    result = map_location(storage, location)
    if result is None:
        return _to(base, location)
    return base if result is storage else _from_storage(result)


def _to(base: Tensor, location: str) -> Tensor:
    if location == "cpu":
        return base
    try:
        device = Device(location)
    except (RuntimeError, ValueError):
        device = None
    if device is None or device.type in ABSENT:
        raise RuntimeError(
            f"don't know how to restore data location of a storage (tagged with {location}): "
            "give map_location, for example map_location='cpu'"
        )
    if device.type == "cuda":
        _check_cuda(device)
    return base.to(device)


def _check_cuda(device: Device) -> None:
    try:
        count = runtime().device_count() if runtime().is_available() else 0
    except RuntimeError:  # no driver
        count = 0
    if not count:
        raise RuntimeError(
            "Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False. If you are "
            "running on a CPU-only machine, please use torch.load with map_location=torch.device('cpu') to map your "
            "storages to the CPU."
        )
    if device.index is not None and device.index >= count:
        raise RuntimeError(
            f"Attempting to deserialize object on CUDA device {device.index} but torch.cuda.device_count() is {count}. "
            "Please use torch.load with map_location to map your storages to an existing device."
        )


def _from_storage(storage: object) -> Tensor:
    """The flat uint8 tensor over what a ``map_location`` function returned."""
    if not isinstance(storage, StorageBase):
        raise WrongArgument(
            f"load: the function map_location must return a storage or None, got {type(storage).__name__}"
        )
    return empty(0, dtype=uint8, device=storage.device).set_(storage)


def swapped(data: np.ndarray, dtype: DType | None, byteorder: str) -> np.ndarray:
    """The bytes of a storage in this machine's order; those of an untyped one have none."""
    if byteorder == sys.byteorder or dtype is None:
        return data
    size = dtype.itemsize // (2 if dtype.is_complex else 1)
    return data.reshape(-1, size)[:, ::-1].reshape(-1)


def truth(data: np.ndarray, dtype: DType | None) -> np.ndarray:
    """The bytes of a storage; those of truth values are 0 and 1, on which the backends rely.

    Raises:
        RuntimeError: they are not.
    """
    if dtype is bool_ and data.size and data.max() > 1:
        raise RuntimeError(f"truth values are the bytes 0 and 1, and it holds a {data.max()}")
    return data
