"""Pickling with the storages left out, in PyTorch's names; unpickling that cannot run code."""

from __future__ import annotations

import _compat_pickle
import codecs
import importlib
import pickle
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from typing import IO, Any

from tritonnn._parameter import Parameter
from tritonnn._tensor import Tensor
from tritonnn.device import device as Device
from tritonnn.dtypes import dtype as DType
from tritonnn.serialization import _tensors
from tritonnn.serialization._tensors import STORAGE_NAMES, StorageRef
from tritonnn.shape import Size

Name = tuple[str, str]


class StorageType:
    """A storage class of PyTorch (torch.FloatStorage, ...) in a pickle; dtype None: plain bytes."""

    def __init__(self, dtype: DType | None) -> None:
        self.dtype = dtype


_types = {dtype: StorageType(dtype) for dtype in (*STORAGE_NAMES, None)}

# What PyTorch calls the things that stand in every saved file.
_TORCH_NAMES: dict[Name, Name] = {
    ("tritonnn.serialization._tensors", "rebuild_tensor_v2"): ("torch._utils", "_rebuild_tensor_v2"),
    ("tritonnn.serialization._tensors", "rebuild_tensor_v3"): ("torch._utils", "_rebuild_tensor_v3"),
    ("tritonnn.serialization._tensors", "rebuild_meta"): ("torch._utils", "_rebuild_meta_tensor_no_storage"),
    ("tritonnn._parameter", "_rebuild_parameter"): ("torch._utils", "_rebuild_parameter"),
    ("tritonnn._parameter", "Parameter"): ("torch.nn.parameter", "Parameter"),
    ("tritonnn._tensor", "Tensor"): ("torch", "Tensor"),
    ("tritonnn.shape", "Size"): ("torch", "Size"),
    ("tritonnn.device", "device"): ("torch", "device"),
}


def _torch_name(obj: Any) -> Name | None:
    if isinstance(obj, StorageType):
        return (
            ("torch.storage", "UntypedStorage") if obj.dtype is None else ("torch", STORAGE_NAMES[obj.dtype])
        )
    if isinstance(obj, DType):
        return "torch", obj.name
    return _TORCH_NAMES.get((getattr(obj, "__module__", ""), getattr(obj, "__qualname__", "")))


class Writer(pickle._Pickler):  # C's pickler cannot write a name it cannot import
    """Pickles an object; storages are left out and collected in ``storages``."""

    def __init__(self, file: IO[bytes], protocol: int) -> None:
        super().__init__(file, protocol)
        self.storages: list[StorageRef] = []
        self._keys: dict[int, int] = {}  # id of a block of memory -> its place in `storages`

    def persistent_id(self, obj: Any) -> Any:
        """What stands for a storage: ('storage', type, key, location, number of elements)."""
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
        return "storage", _types[obj.dtype], str(key), obj.location, count

    def reducer_override(self, obj: Any) -> Any:
        """dtypes by name, sizes and devices in PyTorch's way; everything else as it says itself."""
        if isinstance(obj, (DType, StorageType)):
            return _torch_name(obj)[1]  # type: ignore[index]
        if isinstance(obj, Size):
            return Size, (tuple(obj),)
        if isinstance(obj, Device):
            return Device, (obj.type,) if obj.index is None else (obj.type, obj.index)
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
        ("_codecs", "encode"): _encode,
        ("torch", "Size"): Size,
        ("torch", "device"): _device,
        ("torch", "Tensor"): Tensor,
        ("torch.storage", "UntypedStorage"): _types[None],
        ("torch._utils", "_rebuild_tensor_v2"): _tensors.rebuild_tensor_v2,
        ("torch._utils", "_rebuild_tensor_v3"): _tensors.rebuild_tensor_v3,
        ("torch._utils", "_rebuild_parameter"): _tensors.rebuild_parameter,
        ("torch._utils", "_rebuild_parameter_with_state"): _tensors.rebuild_parameter_with_state,
        ("torch._utils", "_rebuild_meta_tensor_no_storage"): _tensors.rebuild_meta,
        ("torch.nn.parameter", "Parameter"): Parameter,
    }
    names.update((("torch", dtype.name), dtype) for dtype in DType._all.values())
    names.update((("torch", name), _types[dtype]) for dtype, name in STORAGE_NAMES.items())
    return names


def _encode(text: str, encoding: str) -> bytes:
    """Bytes as protocol 2 writes them."""
    return codecs.encode(text, encoding)


def _device(kind: str, index: int | None = None) -> Any:
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


class _Reader:
    """What both unpicklers share: storages by their key."""

    load_storage: Callable[[StorageType, str, str, int], StorageRef]

    def persistent_load(self, saved_id: Any) -> StorageRef:
        """The storage that stands for ('storage', type, key, location, number of elements)."""
        if not isinstance(saved_id, tuple) or not 5 <= len(saved_id) <= 6 or _text(saved_id[0]) != "storage":
            raise pickle.UnpicklingError(f"unknown persistent id {saved_id!r:.80}")
        _, kind, key, location, count = saved_id[:5]
        if saved_id[5:] not in ((), (None,)):  # before 1.6: a storage that is a part of another one
            raise pickle.UnpicklingError("views of storages, which PyTorch wrote before 0.4, cannot be read")
        if not isinstance(kind, StorageType):
            raise pickle.UnpicklingError(f"{kind!r:.80} is not a storage type")
        return self.load_storage(kind, _text(key), _text(location), count)


def _text(value: Any) -> str:
    return value.decode("ascii") if isinstance(value, bytes) else str(value)


_OPCODES = (
    "PROTO FRAME STOP POP POP_MARK DUP MARK NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG LONG1 "
    "LONG4 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8 "
    "BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8 TUPLE EMPTY_TUPLE TUPLE1 TUPLE2 TUPLE3 LIST EMPTY_LIST "
    "APPEND APPENDS DICT EMPTY_DICT SETITEM SETITEMS EMPTY_SET ADDITEMS FROZENSET GET BINGET LONG_BINGET PUT "
    "BINPUT LONG_BINPUT MEMOIZE GLOBAL STACK_GLOBAL REDUCE NEWOBJ NEWOBJ_EX BUILD BINPERSID"
)
# APPEND, SETITEM and ADDITEMS call methods of the object below them: those of these are known.
_CONTAINERS = (list, dict, set, OrderedDict, defaultdict, Counter, bytearray)


class SafeUnpickler(_Reader, pickle._Unpickler):
    """Builds only what it knows to be harmless, and what the program has declared safe.

    Python's unpickler written in Python, with the opcodes that can do more taken out or checked: a name gives
    an entry of a table, only such an entry can be called or instantiated, and attributes are only set on
    instances of classes that the program has declared safe.
    """

    def __init__(self, file: IO[bytes], load_storage: Callable[..., StorageRef], encoding: str) -> None:
        super().__init__(file, encoding=encoding)
        self.load_storage = load_storage

    def find_class(self, module: str, name: str) -> Any:
        """The entry of the table under a name.

        Raises:
            UnpicklingError: there is none.
        """
        module, name = _python3_name(module, name)
        for table in (_safe, known_globals()):
            if (module, name) in table:
                return table[module, name]
        raise pickle.UnpicklingError(
            f"Weights only load failed. Unsupported global: GLOBAL {module}.{name} was not an allowed global "
            "by default, since calling it could run code. If you trust the file, either allow it with "
            f"torch.serialization.add_safe_globals([{name}]) (or the context manager "
            f"torch.serialization.safe_globals([{name}])), or load with weights_only=False, which can run "
            "any code that the file contains."
        )

    def _check_callable(self, function: Any) -> None:
        if not any(function is f for table in (_safe, known_globals()) for f in table.values()):
            raise pickle.UnpicklingError(f"Weights only load failed: {function!r:.80} may not be called")

    def load_reduce(self) -> None:
        """Calls a function of the table."""
        self._check_callable(self.stack[-2])
        pickle._Unpickler.load_reduce(self)

    def load_newobj(self) -> None:
        """Makes an instance of a class of the table."""
        self._check_class(self.stack[-2])
        pickle._Unpickler.load_newobj(self)

    def load_newobj_ex(self) -> None:
        """Makes an instance of a class of the table, with keyword arguments."""
        self._check_class(self.stack[-3])
        pickle._Unpickler.load_newobj_ex(self)

    def _check_class(self, cls: Any) -> None:
        if cls not in _CONTAINERS and not any(cls is c for c in _safe.values()):
            raise pickle.UnpicklingError(
                f"Weights only load failed: instances of {cls!r:.80} may not be made: allow the class with "
                "torch.serialization.add_safe_globals"
            )

    def load_build(self) -> None:
        """Sets the attributes of an instance of a class that was declared safe."""
        target = self.stack[-2]
        if type(target) is OrderedDict:
            state = self.stack.pop()
            if not isinstance(state, dict):
                raise pickle.UnpicklingError(
                    "Weights only load failed: an OrderedDict's state must be a dict"
                )
            target.__dict__.update(state)
            return
        if not any(type(target) is cls for cls in _safe.values()):
            raise pickle.UnpicklingError(
                f"Weights only load failed: attributes of a {type(target).__name__} may not be set: allow "
                "its class with torch.serialization.add_safe_globals"
            )
        pickle._Unpickler.load_build(self)

    def _on_container(self, target: Any, plain: Callable[[Any], None]) -> None:
        if type(target) not in _CONTAINERS and not any(type(target) is cls for cls in _safe.values()):
            raise pickle.UnpicklingError(
                f"Weights only load failed: items of a {type(target).__name__} may not be set"
            )
        plain(self)

    def load_append(self) -> None:
        """Appends to a list."""
        self._on_container(self.stack[-2], pickle._Unpickler.load_append)

    def load_appends(self) -> None:
        """Extends a list."""
        self._on_container(self.metastack[-1][-1], pickle._Unpickler.load_appends)

    def load_setitem(self) -> None:
        """Sets an item of a dict."""
        self._on_container(self.stack[-3], pickle._Unpickler.load_setitem)

    def load_setitems(self) -> None:
        """Sets items of a dict."""
        self._on_container(self.metastack[-1][-1], pickle._Unpickler.load_setitems)

    def load_additems(self) -> None:
        """Adds to a set."""
        self._on_container(self.metastack[-1][-1], pickle._Unpickler.load_additems)

    dispatch = {
        getattr(pickle, name)[0]: pickle._Unpickler.dispatch[getattr(pickle, name)[0]]
        for name in _OPCODES.split()
    }
    dispatch.update(
        {
            pickle.REDUCE[0]: load_reduce,
            pickle.NEWOBJ[0]: load_newobj,
            pickle.NEWOBJ_EX[0]: load_newobj_ex,
            pickle.BUILD[0]: load_build,
            pickle.APPEND[0]: load_append,
            pickle.APPENDS[0]: load_appends,
            pickle.SETITEM[0]: load_setitem,
            pickle.SETITEMS[0]: load_setitems,
            pickle.ADDITEMS[0]: load_additems,
        }
    )


class FullUnpickler(_Reader, pickle.Unpickler):
    """Python's unpickler, which runs any code a file contains; PyTorch's names give this library's things."""

    def __init__(self, file: IO[bytes], load_storage: Callable[..., StorageRef], encoding: str) -> None:
        super().__init__(file, encoding=encoding)
        self.load_storage = load_storage

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


def unpickle(unpickler: Any, label: str) -> Any:
    """Runs an unpickler; what a damaged pickle may cause becomes one kind of error.

    Raises:
        UnpicklingError: the pickle is damaged or names something that is not allowed.
    """
    try:
        return unpickler.load()
    except (
        KeyError,
        IndexError,
        ValueError,
        TypeError,
        EOFError,
        OverflowError,
        UnicodeDecodeError,
    ) as error:
        if not isinstance(unpickler, SafeUnpickler):
            raise
        raise pickle.UnpicklingError(
            f"load: {label} is corrupted or not a saved object: {type(error).__name__}: {error}"
        ) from error


def add_names(items: Iterable[Any]) -> None:
    """Declares classes and functions safe."""
    _safe.update(safe_name(item) for item in list(items))
