"""Pickling with the storages left out, in PyTorch's names; what a file may name; unpickling that trusts the file."""

from __future__ import annotations

import _compat_pickle
import codecs
import importlib
import pickle
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from types import FunctionType
from typing import IO, Any

from tritonnn import _parameter
from tritonnn._parameter import Parameter
from tritonnn._tensor import Tensor
from tritonnn.device import device as Device
from tritonnn.dtypes import dtype as DType
from tritonnn.dtypes import uint8
from tritonnn.memory_format import layout
from tritonnn.serialization import _nested, _tensors
from tritonnn.serialization._budget import brief
from tritonnn.serialization._tensors import STORAGE_NAMES, StorageRef
from tritonnn.shape import Size
from tritonnn.storage.untyped import StorageBase

Name = tuple[str, str]


class StorageType:
    """A storage class of PyTorch (torch.FloatStorage, ...) in a pickle; dtype None: plain bytes."""

    def __init__(self, dtype: DType | None) -> None:
        self.dtype = dtype


_types = {dtype: StorageType(dtype) for dtype in (*STORAGE_NAMES, None)}

# What PyTorch calls the things that stand in every saved file.
_TORCH_NAMES: dict[object, Name] = {
    _tensors.rebuild_tensor_v2: ("torch._utils", "_rebuild_tensor_v2"),
    _tensors.rebuild_tensor_v3: ("torch._utils", "_rebuild_tensor_v3"),
    _tensors.rebuild_sparse: ("torch._utils", "_rebuild_sparse_tensor"),
    _tensors.rebuild_meta: ("torch._utils", "_rebuild_meta_tensor_no_storage"),
    _parameter._rebuild_parameter: ("torch._utils", "_rebuild_parameter"),
    _parameter._rebuild_parameter_with_state: ("torch._utils", "_rebuild_parameter_with_state"),
    _parameter._rebuild_from_type_v2: ("torch._tensor", "_rebuild_from_type_v2"),
    Parameter: ("torch.nn.parameter", "Parameter"),
    _tensors.layout_of: ("torch.serialization", "_get_layout"),
    Tensor: ("torch", "Tensor"),
    Size: ("torch", "Size"),
    Device: ("torch", "device"),
}
# Likewise, of functions that are imported where they are needed.
_TORCH_NAMES_OF_LATE: dict[Name, Name] = {
    ("tritonnn.nested._saving", "rebuild_jagged"): ("torch.nested._internal.nested_tensor", "_rebuild_njt"),
    ("tritonnn.nested._saving", "rebuild_strided"): ("torch._utils", "_rebuild_nested_tensor"),
}


def _torch_name(obj: Any) -> Name | None:
    if isinstance(obj, StorageType):
        return (
            ("torch.storage", "UntypedStorage") if obj.dtype is None else ("torch", STORAGE_NAMES[obj.dtype])
        )
    if isinstance(obj, DType):
        return "torch", obj.name
    if not isinstance(obj, (type, FunctionType)):
        return None
    return _TORCH_NAMES.get(obj) or _TORCH_NAMES_OF_LATE.get((obj.__module__, obj.__qualname__))


class Writer(pickle._Pickler):  # C's pickler cannot write a name it cannot import
    """Pickles an object; storages are left out and collected in ``storages``.

    Args:
        file: open for writing bytes.
        protocol: of the pickle.
        old: whether storages are referred to as before version 1.6.
    """

    def __init__(self, file: IO[bytes], protocol: int, old: bool = False) -> None:
        super().__init__(file, protocol)
        self.old = old
        self.storages: list[StorageRef] = []
        self._keys: dict[int, int] = {}  # id of a block of memory -> its place in `storages`

    def persistent_id(self, obj: Any) -> Any:
        """What stands for a storage: ('storage', type, key, location, number of elements)."""
        if isinstance(obj, StorageBase):
            obj = _tensors.storage_of(obj)
        if not isinstance(obj, StorageRef):
            return None
        key = self._keys.setdefault(id(obj.block), len(self.storages))
        if key == len(self.storages):
            self.storages.append(obj)
        known = self.storages[key]
        if known.dtype is not obj.dtype:
            raise RuntimeError(
                "Cannot save multiple tensors or storages that view the same data as different types: "
                f"{known.dtype} and {obj.dtype}. clone() one of them"
            )
        count = obj.base.numel() // (1 if obj.dtype is None else obj.dtype.itemsize)
        if self.old:  # which has no untyped storages; which part of another storage it is: none
            return "storage", _types[obj.dtype or uint8], str(key), obj.location, count, None
        return "storage", _types[obj.dtype], str(key), obj.location, count

    def reducer_override(self, obj: Any) -> Any:
        """dtypes by name, sizes and devices in PyTorch's way; everything else as it says itself."""
        if isinstance(obj, (DType, StorageType)):
            return _torch_name(obj)[1]  # type: ignore[index]
        if isinstance(obj, Size):
            return Size, (tuple(obj),)
        if isinstance(obj, Device):
            return Device, (obj.type,) if obj.index is None else (obj.type, obj.index)
        if isinstance(obj, layout):
            return _tensors.layout_of, (repr(obj),)
        return NotImplemented

    def save_global(self, obj: Any, name: str | None = None) -> None:
        """Writes a name; those that PyTorch has a name of its own for, under that."""
        torch_name = _torch_name(obj)
        if torch_name is None:
            super().save_global(obj, name)
            return
        self.write(pickle.GLOBAL + f"{torch_name[0]}\n{torch_name[1]}\n".encode())
        self.memoize(obj)

    # Functions and classes do not come to reducer_override's answer but to these.
    dispatch = {**pickle._Pickler.dispatch, type(_torch_name): save_global, type: pickle._Pickler.save_type}


def _known_globals() -> dict[Name, Any]:
    """What a file may name: containers, dtypes, storages, and the functions that rebuild tensors."""
    names: dict[Name, Any] = {
        ("collections", "OrderedDict"): OrderedDict,
        ("collections", "Counter"): Counter,
        ("collections", "defaultdict"): defaultdict,
        ("builtins", "set"): set,
        ("builtins", "frozenset"): frozenset,
        ("builtins", "complex"): complex,
        ("builtins", "bytearray"): bytearray,
        ("builtins", "slice"): slice,
        ("builtins", "range"): range,
        ("builtins", "dict"): dict,
        ("builtins", "list"): list,
        ("builtins", "int"): int,
        ("_codecs", "encode"): encode_text,
        ("torch", "Size"): Size,
        ("torch", "device"): device_or_name,
        ("torch", "Tensor"): Tensor,
        ("torch.storage", "UntypedStorage"): _types[None],
        ("torch._utils", "_rebuild_tensor_v2"): _tensors.rebuild_tensor_v2,
        ("torch._utils", "_rebuild_tensor_v3"): _tensors.rebuild_tensor_v3,
        ("torch._utils", "_rebuild_sparse_tensor"): _tensors.rebuild_sparse,
        ("torch._utils", "_rebuild_nested_tensor"): _nested.load_strided,
        ("torch.nested._internal.nested_tensor", "_rebuild_njt"): _nested.load_jagged,
        ("torch.nested._internal.nested_tensor", "NestedTensor"): Tensor,  # what is rebuilt has its class
        ("torch._utils", "_rebuild_tensor"): _tensors.rebuild_tensor,
        ("torch._utils", "_rebuild_parameter"): _parameter._rebuild_parameter,
        ("torch._utils", "_rebuild_parameter_with_state"): _parameter._rebuild_parameter_with_state,
        ("torch._tensor", "_rebuild_from_type_v2"): _parameter._rebuild_from_type_v2,
        ("torch._utils", "_rebuild_meta_tensor_no_storage"): _tensors.rebuild_meta,
        ("torch.nn.parameter", "Parameter"): Parameter,
        ("torch.serialization", "_get_layout"): _tensors.layout_of,
    }
    names.update((("torch", dtype.name), dtype) for dtype in DType._all.values())
    names.update((("torch", name), _types[dtype]) for dtype, name in STORAGE_NAMES.items())
    return names


def encode_text(text: str, encoding: str) -> bytes:
    """Bytes as protocol 2 writes them."""
    return codecs.encode(text, encoding)


def device_or_name(kind: str, index: int | None = None) -> Any:
    """A device; one this library does not know stays what it was called."""
    try:
        return Device(kind, index)
    except RuntimeError:
        return kind if index is None else f"{kind}:{index}"


_known: dict[Name, Any] = {}
_safe: dict[Name, Any] = {}


def known_globals() -> dict[Name, Any]:
    """The table of what a file may name, built when first needed."""
    if not _known:
        _known.update(_known_globals())
    return _known


def safe_name(item: Any) -> tuple[Name, Any]:
    """The name that ``item``, a class or function or a pair (it, 'module.name'), goes by in a file."""
    if isinstance(item, tuple):
        if len(item) != 2 or not isinstance(item[1], str):
            raise ValueError(f"Expected a global or a tuple (global, 'module.name'), but got {item}")
        module, _, name = item[1].rpartition(".")
        return (module, name), item[0]
    if not callable(item):
        raise TypeError(f"Expected a class or function, but got {item!r}")
    return (item.__module__, item.__qualname__), item


def safe_table() -> dict[Name, Any]:
    """What the program has declared safe."""
    return _safe


def _python3_name(module: str, name: str) -> Name:
    if (module, name) in _compat_pickle.NAME_MAPPING:
        return _compat_pickle.NAME_MAPPING[module, name]
    return _compat_pickle.IMPORT_MAPPING.get(module, module), name


def find_known(module: str, name: str) -> tuple[str, str, tuple[Any] | None]:
    """(module, name) as Python 3 calls them, and what files may mean by it; None for what they may not name."""
    module, name = _python3_name(module, name)
    for table in (_safe, known_globals()):
        if (module, name) in table:
            return module, name, (table[module, name],)
    return module, name, None


class Reader:
    """What both unpicklers share: storages by their key."""

    load_storage: Callable[[StorageType, str, str, int], StorageRef]

    def persistent_load(self, saved_id: object) -> StorageBase:
        """The storage that stands for ('storage', type, key, location, number of elements)."""
        return _tensors.storage_object(self.load_storage(*storage_of_id(saved_id)))


def is_module(saved_id: object) -> bool:
    """Whether it is ('module', class, file, source), as PyTorch before 1.6 wrote the classes of modules."""
    return isinstance(saved_id, tuple) and len(saved_id) == 4 and saved_id[0] in ("module", b"module")


def storage_of_id(saved_id: object) -> tuple[StorageType, str, str, int]:
    """(type, key, location, number of elements) of what stands for a storage.

    Raises:
        UnpicklingError: it is something else.
    """
    if not isinstance(saved_id, tuple) or not 5 <= len(saved_id) <= 6 or _text(saved_id[0]) != "storage":
        raise pickle.UnpicklingError(f"unknown persistent id: {brief(saved_id)}")
    _, kind, key, location, count = saved_id[:5]
    if len(saved_id) == 6 and saved_id[5] is not None:  # before 1.6: a storage that is a part of another one
        raise pickle.UnpicklingError("views of storages, which PyTorch wrote before 0.4, cannot be read")
    if not isinstance(kind, StorageType):
        raise pickle.UnpicklingError(f"{brief(kind)} is not a storage type")
    if type(count) is not int or not 0 <= count < 1 << 63:
        raise pickle.UnpicklingError(f"{brief(count)} is not a number of elements")
    return kind, _text(key), _text(location), count


def _text(value: object) -> str:
    """The text of a key or a place, which are short."""
    if isinstance(value, int) and 0 <= value < 1 << 63:
        return str(value)
    if not isinstance(value, (str, bytes)) or len(value) > 256:
        raise pickle.UnpicklingError(
            f"expected a short text in a storage's persistent id, got {brief(value)}"
        )
    return value.decode("ascii") if isinstance(value, bytes) else value


class FullUnpickler(Reader, pickle.Unpickler):
    """Python's unpickler, which runs any code a file contains; PyTorch's names give this library's things."""

    def __init__(self, file: IO[bytes], load_storage: Callable[..., StorageRef], encoding: str) -> None:
        super().__init__(file, encoding=encoding)
        self.load_storage = load_storage

    def persistent_load(self, saved_id: Any) -> Any:
        """A storage, or the class of a module; PyTorch also compared the module's source, which is not this one's."""
        return saved_id[1] if is_module(saved_id) else super().persistent_load(saved_id)

    def find_class(self, module: str, name: str) -> Any:
        """The object of that name; ``torch.x`` is looked up as ``tritonnn.x``."""
        known = known_globals().get((module, name))
        if known is not None:
            return known
        head, dot, rest = module.partition(".")
        if head == "torch":
            return _own(f"tritonnn{dot}{rest}", module, name)
        return super().find_class(module, name)


def _own(own_module: str, module: str, name: str) -> Any:
    try:
        value: Any = importlib.import_module(own_module)
        for part in name.split("."):
            value = getattr(value, part)
    except (ImportError, AttributeError):
        raise AttributeError(
            f"the file refers to {module}.{name}, and tritonnn has no {module}.{name}"
        ) from None
    return value


def add_names(items: Iterable[Any]) -> None:
    """Declares classes and functions safe."""
    _safe.update(safe_name(item) for item in list(items))
