"""What an argument may be, read off the annotations of an entry, and what is said of one that is something else.

The check looks at the class of what is given, which nearly always is one of a few; only another class is looked at more
closely. Whether a value of the right type makes sense is for the op's rule to say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from numbers import Number as AnyNumber
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tritonnn._tensor import Tensor
from tritonnn.device import device as Device
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import refused
from tritonnn.memory_format import memory_format as MemoryFormat
from tritonnn.shape import Size

if TYPE_CHECKING:
    from tritonnn.table.op import Op

_NONE = type(None)


class Kind(NamedTuple):
    """A type of argument: its name in PyTorch's messages, classes that are taken at once, a look at other values."""

    name: str
    classes: frozenset[type]
    accepts: Callable[[Any], bool]


def is_int(value: Any) -> bool:
    """An integer, NumPy's and 0-d integer tensors included; no truth value."""
    if isinstance(value, (bool, np.bool_)):
        return False
    if isinstance(value, Tensor):
        return not value.shape and value.dtype.kind == 1
    return hasattr(value, "__index__")


def is_float(value: Any) -> bool:
    """A real number, of Python or NumPy, or a tensor of no dimensions."""
    if isinstance(value, Tensor):
        return not value.shape and value.dtype.kind < 3
    return isinstance(value, (int, float, np.bool_, np.integer, np.floating)) or _is_real(value)


def _is_real(value: Any) -> bool:
    return isinstance(value, AnyNumber) and not isinstance(value, complex) and hasattr(value, "__float__")


def is_number(value: Any) -> bool:
    """A number, complex ones included, or a tensor of no dimensions."""
    return (
        isinstance(value, (complex, np.number))
        or is_float(value)
        or (isinstance(value, Tensor) and not value.shape)
    )


def is_ints(value: Any) -> bool:
    """A sequence of integers."""
    return isinstance(value, (list, tuple, range, np.ndarray, Tensor)) and all(map(is_int, value))


def is_tensors(value: Any) -> bool:
    """A sequence, of tensors as the call's own check says, which names the one that is none."""
    return hasattr(value, "__iter__") and not isinstance(value, (str, bytes, dict))


def _class(name: str, *classes: type) -> Kind:
    return Kind(name, frozenset(classes), lambda value: isinstance(value, classes))


_INT = Kind("int", frozenset((int,)), is_int)
_FLOAT = Kind("float", frozenset((float, int)), is_float)
_BOOL = _class("bool", bool, np.bool_)
_STR = _class("str", str)
_INTS = Kind("tuple of ints", frozenset((Size,)), is_ints)
_INT_OR_INTS = Kind("tuple of ints", frozenset((int, Size)), lambda value: is_int(value) or is_ints(value))
_OPTIONAL_INTS = Kind(
    "tuple of ints", frozenset((int, Size)),
    lambda value: is_int(value) or (isinstance(value, (list, tuple)) and all(v is None or is_int(v) for v in value)),
)  # fmt: skip
_FLOATS = Kind(
    "tuple of floats", frozenset((float, int)),
    lambda value: is_float(value) or (isinstance(value, (list, tuple)) and all(map(is_float, value))),
)  # fmt: skip
_BOOLS = Kind(
    "tuple of bools", frozenset(),
    lambda value: isinstance(value, (list, tuple)) and all(isinstance(v, bool) for v in value),
)  # fmt: skip

# Annotation (of a union, a part of it) -> kind; None stands for what anything may be.
KINDS: dict[str, Kind | None] = {
    "Tensor": _class("Tensor", Tensor), "Tensors": Kind("tuple of Tensors", frozenset((list, tuple)), is_tensors),
    "Number": Kind("Number", frozenset((int, float, bool, complex)), is_number),
    "int": _INT, "float": _FLOAT, "bool": _BOOL, "str": _STR,
    "Ints": _INTS, "Sequence[int]": _INTS, "tuple[int, ...]": _INTS, "Size": _INTS,
    "IntOrInts": _INT_OR_INTS, "Dims": _INT_OR_INTS, "OptionalSize": _OPTIONAL_INTS,
    "Sequence[float]": _FLOATS, "tuple[float, float]": _FLOATS,
    "tuple[bool, bool, bool]": _BOOLS, "tuple[bool, bool]": _BOOLS,
    "DType": _class("torch.dtype", DType, type), "Device": _class("torch.device", Device, str, int),
    "DeviceLike": None, "Layout": None,  # whose words and types are those of what reads them
   
    **dict.fromkeys(("MemoryFormat", "memory_format"), _class("torch.memory_format", MemoryFormat)),
    "None": Kind("None", frozenset((_NONE,)), lambda _: False),
    "Any": None,
}  # fmt: skip
_OPTIONAL = ("Dims", "OptionalSize")  # whose None needs no word in the annotation


@cache
def kind_of(annotation: str, optional: bool = False) -> Kind | None:
    """The kind that an annotation such as 'int | None' stands for; None where anything may come.

    Args:
        optional: None is taken whatever the annotation says.
    """
    parts = [part.strip() for part in annotation.split(" | ")]
    kinds = [KINDS.get(part) for part in parts]
    if not annotation or any(kind is None for kind in kinds):
        return None
    known = [kind for kind in kinds if kind is not None]
    classes = frozenset().union(*[kind.classes for kind in known])
    if optional or any(part in _OPTIONAL for part in parts):
        classes |= {_NONE}
    looks = [kind.accepts for kind in known]
    name = " or ".join(dict.fromkeys(kind.name for kind in known if kind.name != "None"))
    return Kind(
        name, classes, looks[0] if len(looks) == 1 else lambda value: any(look(value) for look in looks)
    )


def verify(op: Op, args: Sequence[Any], first: int = 0) -> None:
    """Refuse arguments of another type than the entry's annotations say, from position `first` on.

    Raises:
        TypeError: naming the op, the argument, what came and what was expected.
    """
    for i, (kind, value) in enumerate(zip(op.kinds[first:], args[first:]), first):
        if kind is not None and value.__class__ not in kind.classes and not kind.accepts(value):
            raise wrong_type(op, i, kind, value, args)


def verify_named(op: Op, kwargs: dict[str, Any]) -> None:
    """`verify` of arguments given by name; unknown names are for the call to refuse."""
    for name, value in kwargs.items():
        place = op.places.get(name)
        kind = None if place is None else op.kinds[place]
        if kind is not None and value.__class__ not in kind.classes and not kind.accepts(value):
            raise wrong_type(op, op.places[name], kind, value, [kwargs.get(name) for name in op.names])


def wrong_type(op: Op, place: int, kind: Kind, value: Any, args: Sequence[Any]) -> Exception:
    """What is said of an argument of another type, in PyTorch's words; `args` are those known, in order."""
    where = f" (position {place + 1})" if place < op.n_positional else ""
    text = f"{op.public_name}(): argument '{op.names[place]}'{where} must be {kind.name}"
    got = type(value).__name__
    if isinstance(value, (list, tuple)) and value and "tuple of" in kind.name:
        element = KINDS["float"] if "floats" in kind.name else KINDS["int"]
        assert element is not None
        place, item = next(((i, v) for i, v in enumerate(value) if not element.accepts(v)), (0, value[0]))
        text = f"{text}, but found element of type {type(item).__name__} at pos {place}"
    else:
        text = f"{text}, not {got}"
    return refused(text, op.names, args)
