"""What an argument may be, read off the annotations of an entry, and what is said of one that is something else.

The check looks at the class of what is given, which nearly always is one of a few; only another class is looked at more
closely, and what stands for a plain value (NumPy's numbers, tensors of no dimensions, members of an IntEnum, Python's
own types for dtypes) is handed on as that, so that no op has to know of them. Whether a value of the right type makes
sense is for the op's rule to say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from numbers import Number as AnyNumber
from operator import index
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tritonnn._overriding import TENSORS, VALUES
from tritonnn._tensor import Tensor
from tritonnn.device import device as Device
from tritonnn.dtypes import OF_PYTHON
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import refused
from tritonnn.memory_format import layout as Layout
from tritonnn.memory_format import memory_format as MemoryFormat
from tritonnn.shape import Size

if TYPE_CHECKING:
    from tritonnn.table.op import Op

_NONE = type(None)


class Kind(NamedTuple):
    """A type of argument: its name in PyTorch's messages, classes that are taken at once, a look at other values.

    Attributes:
        plain: an accepted value of another class -> what ops are given for it.
        items: classes of items; a list or tuple of nothing else is taken at once.
    """

    name: str
    classes: frozenset[type]
    accepts: Callable[[Any], bool]
    plain: Callable[[Any], Any] = lambda value: value
    items: frozenset[type] = frozenset()


def is_int(value: object) -> bool:
    """An integer, NumPy's and 0-d integer tensors included; no truth value."""
    if value.__class__ is int:
        return True
    if isinstance(value, (bool, np.bool_)):
        return False
    if isinstance(value, Tensor):
        return not value.shape and value.dtype.kind == 1
    return hasattr(value, "__index__")


def is_float(value: object) -> bool:
    """A real number, of Python or NumPy, or a tensor of no dimensions."""
    if isinstance(value, Tensor):
        return not value.shape and value.dtype.kind < 3
    return isinstance(value, (int, float, np.bool_, np.integer, np.floating)) or _is_real(value)


def _is_real(value: object) -> bool:
    return isinstance(value, AnyNumber) and not isinstance(value, complex) and hasattr(value, "__float__")


def is_number(value: object) -> bool:
    """A number, complex ones included, or a tensor of no dimensions."""
    return (
        isinstance(value, (complex, np.number))
        or is_float(value)
        or (isinstance(value, Tensor) and not value.shape)
    )


def is_count(value: object) -> bool:
    """As `is_int`, and integer tensors of one element, whatever their dimensions."""
    if isinstance(value, Tensor):
        return value.dtype.kind == 1 and value.numel() == 1
    return value.__class__ is int or is_int(value)


def is_ints(value: object) -> bool:
    """A sequence of integers, which may be tensors of one element each; no tensor itself."""
    if isinstance(value, np.ndarray) and not value.shape:
        return False
    if not isinstance(value, (list, tuple, range, np.ndarray)):
        return False
    return all([item.__class__ is int or is_count(item) for item in value])


def is_int_or_ints(value: object) -> bool:
    """One integer, a tensor of one among them, or a sequence of integers."""
    return is_count(value) or is_ints(value)


def is_tensors(value: object) -> bool:
    """A sequence, of tensors as the call's own check says, which names the one that is none."""
    return hasattr(value, "__iter__") and not isinstance(value, (str, bytes, dict, Tensor))


def plain_number(value: object) -> Any:
    """The Python number that a value accepted as one stands for; other values stay."""
    if isinstance(value, (np.generic, np.ndarray, Tensor)):
        return value.item()
    if isinstance(value, int):
        return int(value)
    if isinstance(value, (float, complex)) or not isinstance(value, AnyNumber):
        return value
    return float(value)  # type: ignore[arg-type]  # such as a Fraction


def plain_int(value: Any) -> int:
    """The integer that one of NumPy's, a tensor or a member of an IntEnum stands for."""
    return index(value)


def plain_float(value: object) -> Any:
    """As `plain_number`, and a float of what is a truth value."""
    return float(plain_number(value))


def plain_ints(value: Any) -> Any:
    """One integer, or a tuple of integers (None stays)."""
    if (value.__class__ is tuple or value.__class__ is list) and all([v.__class__ is int for v in value]):
        return value
    if is_count(value):
        return index(value)
    return tuple([item if item is None else index(item) for item in value])


def plain_floats(value: Any) -> Any:
    """One number, or a tuple of numbers."""
    return plain_number(value) if is_float(value) else tuple(map(plain_number, value))


def _class(name: str, *classes: type) -> Kind:
    return Kind(name, frozenset(classes), lambda value: isinstance(value, classes))


_INT = Kind("int", frozenset((int,)), is_int, plain_int)
_COUNT = Kind("int", frozenset((int,)), is_count, plain_int)
_FLOAT = Kind("float", frozenset((float, int)), is_float, plain_float)
_BOOL = Kind("bool", frozenset((bool,)), lambda value: isinstance(value, np.bool_), bool)
_STR = _class("str", str)
_INTS = Kind("tuple of ints", frozenset((Size,)), is_ints, plain_ints, frozenset((int,)))
_INT_OR_INTS = Kind("tuple of ints", frozenset((int, Size)), is_int_or_ints, plain_ints, frozenset((int,)))
_OPTIONAL_INTS = Kind(
    "tuple of ints", frozenset((int, Size)),
    lambda value: is_count(value)
    or (isinstance(value, (list, tuple)) and all(v is None or is_count(v) for v in value)),
    plain_ints, frozenset((int,)),
)  # fmt: skip
_FLOATS = Kind(
    "tuple of floats", frozenset((float, int)),
    lambda value: is_float(value) or (isinstance(value, (list, tuple)) and all(map(is_float, value))),
    plain_floats, frozenset((float, int)),
)  # fmt: skip
_BOOLS = Kind(
    "tuple of bools", frozenset(),
    lambda value: isinstance(value, (list, tuple)) and all(isinstance(v, bool) for v in value),
)  # fmt: skip

# Annotation (of a union, a part of it) -> kind; None stands for what anything may be.
KINDS: dict[str, Kind | None] = {
    "Tensor": _class("Tensor", Tensor), "Tensors": Kind("tuple of Tensors", frozenset((list, tuple)), is_tensors),
    "Number": Kind("Number", frozenset((int, float, bool, complex)), is_number, plain_number),
    "int": _INT, "Count": _COUNT, "float": _FLOAT, "bool": _BOOL, "str": _STR,
    "Ints": _INTS, "Sequence[int]": _INTS, "tuple[int, ...]": _INTS, "Size": _INTS,
    "IntOrInts": _INT_OR_INTS, "Dims": _INT_OR_INTS, "OptionalSize": _OPTIONAL_INTS,
    "Sequence[float]": _FLOATS, "tuple[float, float]": _FLOATS,
    "tuple[bool, bool, bool]": _BOOLS, "tuple[bool, bool]": _BOOLS,
    "DType": Kind(
        "torch.dtype", frozenset((DType,)), lambda value: isinstance(value, type) and value in OF_PYTHON,
        OF_PYTHON.__getitem__,
    ),
    "Generator": Kind("torch.Generator", frozenset(), lambda value: hasattr(value, "reserve")),  # stands further up
    "Device": _class("torch.device", Device, str, int),
    "DeviceLike": None,  # whose words and types are those of what reads it
    "Layout": _class("torch.layout", Layout),
    **dict.fromkeys(("MemoryFormat", "memory_format"), _class("torch.memory_format", MemoryFormat)),
    "None": Kind("None", frozenset((_NONE,)), lambda _: False),
    "Any": None,
}  # fmt: skip
_SEQUENCES = frozenset(("Ints", "Sequence[int]", "tuple[int, ...]", "Size"))
_OPTIONAL = ("Dims", "OptionalSize")  # whose None needs no word in the annotation

# Flags for which None is False, and those that PyTorch's functions in Python only ask for their truth.
_FLAGS_OR_NONE = frozenset(("pin_memory", "requires_grad", "stable"))
_TRUTHS = frozenset((
    "antialias", "full", "hard", "include_last_offset", "inplace", "recompute_scale_factor", "reduce", "return_indices",
    "size_average", "swap",
))  # fmt: skip


@cache
def kind_of(annotation: str, optional: bool = False) -> Kind | None:
    """The kind that an annotation such as 'int | None' stands for; None where anything may come.

    Args:
        optional: None is taken whatever the annotation says.
    """
    parts = [part.strip() for part in annotation.split(" | ")]
    if not _SEQUENCES.isdisjoint(parts):  # one beside several
        parts = ["Count" if part == "int" else part for part in parts]
    kinds = [KINDS.get(part) for part in parts]
    if not annotation or any(kind is None for kind in kinds):
        return None
    known = sorted([kind for kind in kinds if kind is not None], key=lambda kind: kind.name != "Tensor")
    classes = frozenset().union(*[kind.classes for kind in known])
    if optional or any(part in _OPTIONAL for part in parts):
        classes |= {_NONE}
    name = " or ".join(dict.fromkeys(kind.name for kind in known if kind.name != "None"))

    looks = [kind for kind in known if kind.name != "None"]
    if len(looks) == 1:
        return Kind(name, classes, *looks[0][2:])

    def first(value: object) -> Kind | None:
        return next((kind for kind in looks if kind.accepts(value)), None)

    def plain(value: object) -> Any:
        kind = first(value)
        return value if kind is None else kind.plain(value)

    return Kind(name, classes, lambda value: first(value) is not None, plain)


def kind_of_argument(
    name: str, annotation: str, optional: bool = False, functional: bool = False
) -> Kind | None:
    """The kind of an argument of an entry, by what it is called where PyTorch is more lenient with some.

    Args:
        optional: its default is None.
        functional: the entry is one of nn.functional.
    """
    if annotation == "bool" and name in _FLAGS_OR_NONE:
        annotation = "bool | None"
    kind = kind_of(annotation, optional)
    if kind is not None and kind.name == "bool" and functional and name in _TRUTHS:
        return Kind("bool", kind.classes | {_NONE}, _is_truth, bool)
    return kind


def taken_at_once(kind: Kind | None, listed: bool) -> frozenset[type]:
    """The classes of an argument that need no closer look; lists of tensors do, for what is in them."""
    if kind is None:
        return frozenset((*VALUES, *TENSORS))
    if listed:
        return kind.classes - {list, tuple}
    return kind.classes | TENSORS if Tensor in kind.classes else kind.classes


def _is_truth(value: object) -> bool:
    return is_number(value) or isinstance(value, np.bool_)


def verify(op: Op, args: Sequence[Any], first: int = 0) -> Sequence[Any]:
    """The arguments as ops know them; refuse those of another type than the entry's annotations say.

    Args:
        first: the position that the look begins at.

    Raises:
        TypeError: naming the op, the argument, what came and what was expected.
    """
    plain: list[Any] | None = None
    kinds = op.kinds
    for i in range(first, min(len(kinds), len(args))):
        kind, value = kinds[i], args[i]
        if kind is None or (given := value.__class__) in kind.classes:
            continue
        if (given is tuple or given is list) and kind.items and kind.items.issuperset(map(type, value)):
            continue
        if not kind.accepts(value):
            raise wrong_type(op, i, kind, value, args)
        if (known := kind.plain(value)) is not value:
            plain = list(args) if plain is None else plain
            plain[i] = known
    return args if plain is None else plain


def verify_named(op: Op, kwargs: dict[str, Any]) -> None:
    """`verify` of arguments given by name, made plain in place; unknown names are for the call to refuse."""
    for name, value in kwargs.items():
        place = op.places.get(name)
        kind = None if place is None else op.kinds[place]
        if kind is not None and value.__class__ not in kind.classes:
            if not kind.accepts(value):
                raise wrong_type(op, op.places[name], kind, value, [kwargs.get(name) for name in op.names])
            kwargs[name] = kind.plain(value)


def wrong_type(op: Op, place: int, kind: Kind, value: object, args: Sequence[Any]) -> Exception:
    """What is said of an argument of another type, in PyTorch's words; `args` are those known, in order."""
    if (
        op.names[place] == "reduction" and "str" in kind.name
    ):  # PyTorch compares the value before it looks at the type
        text = f"{value} is not a valid value for reduction: use 'none', 'mean' or 'sum'"
        return ValueError(f"{op.public_name}(): {text}")
    where = f" (position {place + 1})" if place < op.n_positional else ""
    text = f"{op.public_name}(): argument '{op.names[place]}'{where} must be {kind.name}"
    got = type(value).__name__
    if isinstance(value, (list, tuple)) and value and "tuple of" in kind.name:
        element = KINDS["float"] if "floats" in kind.name else KINDS["Count"]
        assert element is not None
        place, item = next(((i, v) for i, v in enumerate(value) if not element.accepts(v)), (0, value[0]))
        text = f"{text}, but found element of type {type(item).__name__} at pos {place}"
    else:
        text = f"{text}, not {got}"
    return refused(text, op.names, args)
