"""What a file may call, with arguments of the kinds that honest files give and of the size that they have there.

Each takes the unpickler first: what copies is counted on its budget, and what is hashed is looked at before.
"""

from __future__ import annotations

import pickle
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable
from typing import Any, Protocol

from tritonnn._parameter import (
    Parameter,
    _rebuild_from_type_v2,
    _rebuild_parameter,
    _rebuild_parameter_with_state,
)
from tritonnn._tensor import Tensor
from tritonnn.serialization import _nested, _pickling, _tensors
from tritonnn.serialization._budget import Budget, Frozen, brief
from tritonnn.shape import Size


class Building(Protocol):
    """What the unpickler is for the functions of this file."""

    budget: Budget
    bytes: Budget
    frozen: Frozen

    def is_declared(self, item: object) -> bool: ...
    def call(self, function: object, args: object) -> Any: ...


_ITEMS = (list, tuple, set, frozenset, Size)
_ENCODINGS = frozenset({"latin1", "latin-1", "iso-8859-1", "utf-8", "utf8", "ascii"})
# What a defaultdict may make for keys that are not there.
FACTORIES = (None, list, dict, set, int, OrderedDict, Counter, defaultdict)


def _refuse(what: str, *args: object) -> Any:
    raise pickle.UnpicklingError(f"{what} cannot be made of ({', '.join(map(brief, args[:4]))})")


def _copied(reader: Building, what: str, *args: Any) -> Any:
    """The one argument, a container that the file holds already, whose items are about to be copied."""
    if len(args) != 1 or type(args[0]) not in _ITEMS:
        _refuse(what, *args)
    value = args[0]
    reader.budget.spend(8 * len(value), f"a {what}")
    return value


def _list(reader: Building, *args: object) -> list:
    return [] if not args else list(_copied(reader, "list", *args))


def _set(kind: type) -> Callable[..., Any]:
    def build(reader: Building, *args: object) -> Any:
        if not args:
            return kind()
        items = _copied(reader, kind.__name__, *args)
        reader.frozen.keys(items, items)
        built = kind(items)
        reader.frozen.note(built, items)
        return built

    return build


def _dict(kind: type) -> Callable[..., Any]:
    def build(reader: Building, *args: object) -> Any:
        built = kind()
        if args:
            _fill(reader, built, *args)
        return built

    return build


def _fill(reader: Building, built: dict, *args: object) -> None:
    items = args[0]
    if isinstance(items, dict) and len(args) == 1:
        reader.budget.spend(8 * len(items), f"a {type(built).__name__}")
        for key, value in items.items():
            built[key] = value
        return
    pairs = _copied(reader, type(built).__name__, *args)
    if type(built) is Counter or not all(type(pair) in (list, tuple) and len(pair) == 2 for pair in pairs):
        _refuse(type(built).__name__, items)
    reader.frozen.keys(built, (pair[0] for pair in pairs))
    for key, value in pairs:
        built[key] = value


def _defaultdict(reader: Building, factory: Any = None, *args: object) -> defaultdict:
    if not any(factory is known for known in FACTORIES) and not reader.is_declared(factory):
        _refuse("defaultdict", factory)
    built: defaultdict = defaultdict(factory)
    if args:
        _fill(reader, built, *args)
    return built


def _bytearray(reader: Building, *args: Any) -> bytearray:
    if args and type(args[0]) is str:
        return bytearray(_encode(reader, *args))
    if len(args) > 1 or (args and type(args[0]) not in (bytes, bytearray)):
        _refuse("bytearray", *args)
    if args:
        reader.budget.spend(len(args[0]), "a bytearray")
    return bytearray(*args)


def _encode(reader: Building, text: Any, encoding: Any = "utf-8") -> bytes:
    """Bytes as protocol 2 writes them."""
    if type(text) is not str or type(encoding) is not str or encoding not in _ENCODINGS:
        _refuse("bytes", text, encoding)
    reader.budget.spend(2 * len(text), "bytes")
    return text.encode(encoding)


def _numbers(kind: type, count: int, types: tuple[type, ...]) -> Callable[..., Any]:
    def build(reader: Building, *args: object) -> Any:
        if len(args) > count or not all(type(value) in types for value in args):
            _refuse(kind.__name__, *args)
        return kind(*args)

    return build


def _slice(reader: Building, *args: object) -> slice:
    built = slice(*args)
    reader.frozen.note(built, (built.start, built.stop, built.step))
    return built


def _size(reader: Building, *args: object) -> Size:
    built = Size(_copied(reader, "Size", *args)) if args else Size()
    if not all(type(extent) is int for extent in built):
        _refuse("Size", args[0])
    reader.frozen.note(built, built)
    return built


def _device(reader: Building, kind: Any, index: Any = None) -> Any:
    """A device; one this library does not know stays what it was called."""
    if not isinstance(kind, str) or len(kind) > 64 or not (index is None or type(index) is int):
        _refuse("device", kind, index)
    return _pickling.device_or_name(kind, index)


def _tensor(function: Callable[..., Any], metadata_at: int) -> Callable[..., Any]:
    def build(reader: Building, *args: object) -> Any:
        if metadata_at < len(args) and type(args[metadata_at]) is dict:
            reader.bytes.spend(_tensors.computed_bytes(*args[2:4]), "a conjugated or negated tensor")
        return function(*args)

    return build


def _of_tensor(function: Callable[..., Any]) -> Callable[..., Any]:
    def build(reader: Building, *args: object) -> Any:
        if not args or not isinstance(args[0], Tensor):
            _refuse("Parameter", *args)
        _spend_state(reader, args[3:])
        return function(*args)

    return build


def _typed(reader: Building, function: object, kind: object, args: Any, state: object) -> Any:
    """A tensor with attributes, or of a class that the program has declared safe."""
    if kind is not Tensor and kind is not Parameter and not reader.is_declared(kind):
        _refuse("a tensor with attributes", kind)
    if type(args) is not tuple:  # a range, or a tensor of one number, would become as many as it says
        _refuse("a tensor with attributes", args)
    _spend_state(reader, (state,))
    return _rebuild_from_type_v2(lambda *given: reader.call(function, given), kind, args, state)


def _strided(reader: Building, *args: Any) -> Any:
    if args and isinstance(args[0], Tensor):
        reader.bytes.spend(args[0].nbytes, "a nested tensor")  # its components may have to be copied
    return _nested.load_strided(*args)


def _spend_state(reader: Building, states: tuple) -> None:
    for state in states:
        for part in state if type(state) is tuple else (state,):
            if isinstance(part, dict):
                reader.budget.spend(8 * len(part), "the attributes of a tensor")


BUILDERS: dict[Any, Callable[..., Any]] = {
    list: _list,
    set: _set(set),
    frozenset: _set(frozenset),
    dict: _dict(dict),
    OrderedDict: _dict(OrderedDict),
    Counter: _dict(Counter),
    defaultdict: _defaultdict,
    bytearray: _bytearray,
    int: _numbers(int, 1, (int, bool, float)),
    complex: _numbers(complex, 2, (int, float)),
    range: _numbers(range, 3, (int,)),
    slice: _slice,
    Size: _size,
    _pickling.device_or_name: _device,
    _tensors.layout_of: lambda reader, *args: _tensors.layout_of(*args),
    Parameter: _of_tensor(Parameter),
    _pickling.encode_text: _encode,
    _tensors.rebuild_tensor: _tensor(_tensors.rebuild_tensor, 4),
    _tensors.rebuild_tensor_v2: _tensor(_tensors.rebuild_tensor_v2, 6),
    _tensors.rebuild_tensor_v3: _tensor(_tensors.rebuild_tensor_v3, 7),
    _tensors.rebuild_sparse: lambda reader, *args: _tensors.rebuild_sparse(*args),
    _nested.load_jagged: lambda reader, *args: _nested.load_jagged(*args),
    _nested.load_strided: _strided,
    _tensors.rebuild_meta: lambda reader, *args: _tensors.rebuild_meta(*args),
    _rebuild_parameter: _of_tensor(_rebuild_parameter),
    _rebuild_parameter_with_state: _of_tensor(_rebuild_parameter_with_state),
    _rebuild_from_type_v2: _typed,
}
