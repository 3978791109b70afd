"""Methods and properties of Tensor for those who take calls over.

A subclass of Tensor whose `__torch_function__` takes calls over has the class `Overridable` among its bases, before
Tensor. It holds every public method and property that does not look at its arguments by itself, behind such a look.
While there is a mode, in any thread, the same members stand in Tensor. So plain tensors pay nothing.
"""

from __future__ import annotations

import threading
from functools import wraps
from types import FunctionType, MethodType
from typing import Any

from tritonnn._overriding import LOOKING, MODES, overloading, overridden, overrides, state, torch_function
from tritonnn._tensor import Tensor


class Method:
    """A method behind the look; of the class it is the method itself, which is the function that others are told."""

    __slots__ = ("function", "looking")

    def __init__(self, function: FunctionType) -> None:
        self.function, self.looking = function, _looking(function)

    def __get__(self, obj: object, owner: type | None = None) -> Any:
        return self.function if obj is None else MethodType(self.looking, obj)


class Property:
    """A property behind the look; others are told its `__get__`, `__set__` and `__delete__`."""

    __slots__ = ("delete", "get", "member", "set")

    def __init__(self, member: Any) -> None:
        self.member = member
        self.get, self.set, self.delete = map(_looking, (member.__get__, member.__set__, member.__delete__))

    def __get__(self, obj: object, owner: type | None = None) -> Any:
        return self.member if obj is None else self.get(obj)

    def __set__(self, obj: object, value: object) -> None:
        self.set(obj, value)

    def __delete__(self, obj: object) -> None:
        self.delete(obj)


def _looking(function: Any) -> Any:
    """The function behind the look; others are told the function itself."""

    @wraps(function)
    def looking(*args: Any, **kwargs: Any) -> Any:
        found = overloading((*args, *kwargs.values()))
        return function(*args, **kwargs) if found is None else overridden(function, found, args, kwargs)

    LOOKING[function] = looking
    return looking


# What else is told of what Python asks of objects.
_DUNDERS = frozenset((
    "__array__", "__bool__", "__complex__", "__contains__", "__cuda_array_interface__", "__deepcopy__", "__delitem__",
    "__dir__", "__dlpack__", "__dlpack_device__", "__float__", "__format__", "__index__", "__int__", "__len__",
    "__reduce_ex__", "__repr__",
))  # fmt: skip
# The operators of two operands, which `ops/operators.py` puts behind a look of their own.
_BINARY = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor", "lshift", "rshift"]
OPERATORS = frozenset(
    [f"__{way}{name}__" for name in _BINARY for way in ("", "r", "i")]
    + [f"__{name}__" for name in ["eq", "ne", "lt", "le", "gt", "ge"]]
)
_IGNORED = frozenset(("as_subclass", "index_at", "put_at"))  # the latter two are no users' names
_PRIVATE = frozenset(("_version",))


def is_told(name: str, member: FunctionType) -> bool:
    """Whether calls of a method of Tensor can be taken over: it looks by itself, or is put behind the look."""
    if name in _IGNORED or (name.startswith("_") and not name.startswith("__")):
        return False
    return hasattr(member, "overridable") or name in _DUNDERS or name in OPERATORS or not name.startswith("_")


def is_settable(name: str) -> bool:
    """Whether a property of Tensor can be assigned."""
    return name in ("data", "grad", "real", "imag", "requires_grad")


def _members() -> dict[str, Any]:
    """The members of Tensor that have to be put behind the look."""
    found: dict[str, Any] = {}
    for name, member in vars(Tensor).items():
        if isinstance(member, property) and (
            name in _PRIVATE or not name.startswith("_") or name in _DUNDERS
        ):
            found[name] = Property(member)
        elif isinstance(member, FunctionType) and name not in OPERATORS and is_told(name, member):
            if not hasattr(member, "overridable"):
                found[name] = Method(member)
    return found


class Overridable(Tensor):
    """Never instantiated: a base of the subclasses that take calls over."""

    __slots__ = ()


TOLD: list[Any] = []  # functions that are told each new subclass of Tensor
_MEMBERS: dict[str, Any] = {}
_ORIGINALS: dict[str, Any] = {}
_lock = threading.RLock()


def _subclassed(cls: type, **options: object) -> None:
    """Give a new subclass of Tensor the members behind the look, where it takes calls over."""
    super(Tensor, cls).__init_subclass__(**options)  # type: ignore[misc]
    for tell in TOLD:
        tell(cls)
    if cls is Overridable or Overridable in cls.__mro__ or not overrides(cls):
        return
    with _lock:
        _prepare()
    bases = list(cls.__bases__)
    bases.insert(bases.index(Tensor) if Tensor in bases else len(bases), Overridable)
    cls.__bases__ = tuple(bases)


def _prepare() -> None:
    if not _MEMBERS:
        _MEMBERS.update(_members())
        _ORIGINALS.update({name: vars(Tensor)[name] for name in _MEMBERS})
        for name, member in _MEMBERS.items():
            setattr(Overridable, name, member)


def enter(mode: object) -> None:
    """Let a mode answer the calls of this thread."""
    with _lock:
        _prepare()
        MODES.append(mode)
        if len(MODES) == 1:
            _exchange(_MEMBERS)
    state.modes.append(mode)


def leave() -> Any:
    """Undo the innermost `enter` of this thread; returns its mode."""
    mode = state.modes.pop()
    with _lock:
        MODES.pop()
        if not MODES:
            _exchange(_ORIGINALS)
    return mode


def _exchange(members: dict[str, Any]) -> None:
    for name, member in members.items():
        setattr(Tensor, name, member)


def attach() -> None:
    """To be called once all methods are there."""
    Tensor.__init_subclass__ = classmethod(_subclassed)  # type: ignore[assignment]
    Tensor.__torch_function__ = classmethod(torch_function)  # type: ignore[attr-defined]
