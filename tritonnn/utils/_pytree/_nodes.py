"""The containers that count as nodes of a tree: how each is taken apart and put together, by its class."""

from __future__ import annotations

import dataclasses
import importlib
import threading
import warnings
from collections import OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any, NamedTuple

from tritonnn.utils._pytree._keys import GetAttrKey, KeyEntry, MappingKey, SequenceKey

PyTree = Any
Context = Any
DumpableContext = Any
FlattenFn = Callable[[PyTree], tuple[list[Any], Context]]
UnflattenFn = Callable[[Iterable[Any], Context], PyTree]
FlattenWithKeysFn = Callable[[PyTree], tuple[list[tuple[KeyEntry, Any]], Any]]
ToDumpableContextFn = Callable[[Context], DumpableContext]
FromDumpableContextFn = Callable[[DumpableContext], Context]


class NodeDef(NamedTuple):
    """How objects of a class are taken apart into children and a context, and made of them."""

    type: type
    flatten_fn: FlattenFn
    unflatten_fn: UnflattenFn
    flatten_with_keys_fn: FlattenWithKeysFn | None


class Dumping(NamedTuple):
    """How a class and its contexts are written as text; None for functions means JSON as it is."""

    name: str | None
    to_dumpable: ToDumpableContextFn | None
    from_dumpable: FromDumpableContextFn | None


SUPPORTED_NODES: dict[Any, NodeDef] = {}
DUMPING: dict[Any, Dumping] = {}
BY_NAME: dict[str, Any] = {}  # what a class is called in text -> class
CONSTANTS: set[type] = set()
_lock = threading.RLock()


def register_pytree_node(
    cls: type,
    flatten_fn: FlattenFn,
    unflatten_fn: UnflattenFn,
    *,
    serialized_type_name: str | None = None,
    to_dumpable_context: ToDumpableContextFn | None = None,
    from_dumpable_context: FromDumpableContextFn | None = None,
    flatten_with_keys_fn: FlattenWithKeysFn | None = None,
) -> None:
    """Let objects of a class be nodes of trees.

    Args:
        cls: the class; subclasses of it stay leaves.
        flatten_fn: object -> (children, context).
        unflatten_fn: (children, context) -> object.
        serialized_type_name: what `treespec_dumps` calls the class.
        to_dumpable_context, from_dumpable_context: between a context and what JSON can hold.
        flatten_with_keys_fn: object -> ([(key, child), ...], context), for the functions with paths.

    >>> from tritonnn.utils import _pytree as pytree
    >>> class Point:
    ...     def __init__(self, x, y):
    ...         self.x, self.y = x, y
    >>> pytree.register_pytree_node(Point, lambda p: ([p.x, p.y], None), lambda xy, _: Point(*xy))
    >>> pytree.tree_leaves([Point(1, 2), 3])
    [1, 2, 3]
    """
    with _lock:
        if cls in SUPPORTED_NODES:
            raise ValueError(f"{cls} is already registered as pytree node.")
        if (to_dumpable_context is None) is not (from_dumpable_context is None):
            raise ValueError(
                f"Both to_dumpable_context and from_dumpable_context for {cls} must be None or registered."
            )
        SUPPORTED_NODES[cls] = NodeDef(cls, flatten_fn, unflatten_fn, flatten_with_keys_fn)
        DUMPING[cls] = Dumping(serialized_type_name, to_dumpable_context, from_dumpable_context)
        if serialized_type_name is not None:
            BY_NAME[serialized_type_name] = cls


def _register_pytree_node(
    cls: type,
    flatten_fn: FlattenFn,
    unflatten_fn: UnflattenFn,
    to_str_fn: object = None,
    maybe_from_str_fn: object = None,
    **options: Any,
) -> None:
    """The older form of `register_pytree_node`, with two arguments that have lost their meaning."""
    warnings.warn(
        "`torch.utils._pytree._register_pytree_node` is deprecated. Please use "
        "`torch.utils._pytree.register_pytree_node` instead.",
        FutureWarning,
        stacklevel=2,
    )
    if to_str_fn is not None or maybe_from_str_fn is not None:
        warnings.warn(
            "`to_str_fn` and `maybe_from_str_fn` is deprecated. Please use `to_dumpable_context` and "
            "`from_dumpable_context` instead.",
            FutureWarning,
            stacklevel=2,
        )
    register_pytree_node(cls, flatten_fn, unflatten_fn, **options)


def _deregister_pytree_node(cls: type) -> None:
    """Undo `register_pytree_node`."""
    with _lock:
        del SUPPORTED_NODES[cls]
        name = DUMPING.pop(cls).name
        if name is not None:
            BY_NAME.pop(name, None)
        CONSTANTS.discard(cls)


def _register_namedtuple(cls: type, *, serialized_type_name: str) -> None:
    """Say what `treespec_dumps` calls a class of named tuples, which are nodes anyway."""
    DUMPING[cls] = Dumping(serialized_type_name, None, None)
    BY_NAME[serialized_type_name] = cls


# ---- classes that are registered by their fields, or as constants ------------------------------------------


def register_dataclass(
    cls: type,
    *,
    field_names: list[str] | None = None,
    drop_field_names: list[str] | None = None,
    serialized_type_name: str | None = None,
) -> None:
    """Let instances of a dataclass be nodes, whose children are the fields that are not None.

    Args:
        cls: a dataclass, or a class that is made of the named fields as keywords.
        field_names: the fields that are children; all that `__init__` takes by default.
        drop_field_names: fields that are left out, and have defaults.
        serialized_type_name: as of `register_pytree_node`.

    >>> import dataclasses
    >>> from tritonnn.utils import _pytree as pytree
    >>> @dataclasses.dataclass
    ... class Pair:
    ...     a: int
    ...     b: int
    >>> pytree.register_dataclass(Pair)
    >>> pytree.tree_map(lambda v: v + 1, Pair(1, 2))
    Pair(a=2, b=3)
    """
    names = _fields(cls, field_names, drop_field_names)

    def flatten_with_keys(value: object) -> tuple[list[tuple[KeyEntry, Any]], Any]:
        held = {name: getattr(value, name) for name in names}
        given = [name for name in names if held[name] is not None]
        absent = [name for name in names if held[name] is None]
        return [(GetAttrKey(name), held[name]) for name in given], [given, absent]

    def flatten(value: object) -> tuple[list[Any], Any]:
        children, context = flatten_with_keys(value)
        return [child for _, child in children], context

    def unflatten(values: Iterable[Any], context: Any) -> Any:
        given, absent = context
        return cls(**dict(zip(given, values, strict=True)), **dict.fromkeys(absent))

    register_pytree_node(
        cls,
        flatten,
        unflatten,
        serialized_type_name=serialized_type_name,
        flatten_with_keys_fn=flatten_with_keys,
    )


def _fields(cls: type, named: list[str] | None, dropped: list[str] | None) -> list[str]:
    if not dataclasses.is_dataclass(cls):
        if named is None:
            raise ValueError(
                f"field_names must be specified with a list of all fields used to initialize {cls}, as it is not a "
                "dataclass."
            )
        return named
    known = {field.name for field in dataclasses.fields(cls) if field.init}
    left_out = set(dropped or ())
    if named is None:
        return [field.name for field in dataclasses.fields(cls) if field.init and field.name not in left_out]
    if missing := known - set(named) - left_out:
        raise ValueError(
            "field_names does not include all dataclass fields.\n"
            f"Missing fields in `field_names`: {missing}. If you want to include these fields in the pytree, please "
            "add them to `field_names`, otherwise please add them to `drop_field_names`.\n"
        )
    if unknown := set(named) - known:
        raise ValueError(f"field_names contains fields that are not part of the dataclass {cls}: {unknown}\n")
    return named


@dataclasses.dataclass(frozen=True)
class ConstantNode:
    """The context that stands for a constant."""

    value: Any


def register_constant(cls: type) -> None:
    """Let instances of a class be part of the structure: nodes without leaves, compared by `==`.

    >>> import dataclasses
    >>> from tritonnn.utils import _pytree as pytree
    >>> @dataclasses.dataclass(frozen=True)
    ... class Config:
    ...     size: int
    >>> pytree.register_constant(Config)
    >>> pytree.tree_leaves([Config(3), 1])
    [1]
    """
    for name in ("__eq__", "__hash__"):
        if getattr(cls, name) in (getattr(object, name), None):
            raise TypeError(
                f"register_constant(cls) expects `cls` to have a non-default `{name}` implementation."
            )
    register_pytree_node(
        cls,
        lambda value: ([], ConstantNode(value)),
        lambda _, context: context.value,
        flatten_with_keys_fn=lambda value: ([], ConstantNode(value)),
    )
    CONSTANTS.add(cls)


def is_constant_class(cls: type) -> bool:
    """Whether a class was given to `register_constant`."""
    return cls in CONSTANTS


# ---- named tuples -------------------------------------------------------------------------------------------


def is_namedtuple_class(cls: object) -> bool:
    """Whether it is a class of named tuples."""
    fields = getattr(cls, "_fields", None)
    return (
        isinstance(cls, type)
        and issubclass(cls, tuple)
        and isinstance(fields, tuple)
        and all(isinstance(field, str) for field in fields)
        and callable(getattr(cls, "_make", None))
        and callable(getattr(cls, "_asdict", None))
    )


def is_namedtuple(obj: object) -> bool:
    """Whether it is a named tuple, or a class of them."""
    return is_namedtuple_class(obj if isinstance(obj, type) else type(obj))


def is_namedtuple_instance(obj: object) -> bool:
    """Whether it is a named tuple."""
    return is_namedtuple_class(type(obj))


def is_structseq_class(cls: object) -> bool:
    """Whether it is a class of Python's own records in C, such as `time.struct_time`."""
    counts = [getattr(cls, name, None) for name in ("n_fields", "n_sequence_fields", "n_unnamed_fields")]
    return (
        isinstance(cls, type)
        and cls.__bases__ == (tuple,)
        and all(isinstance(count, int) for count in counts)
    )


def is_structseq(obj: object) -> bool:
    """Whether it is such a record, or a class of them."""
    return is_structseq_class(obj if isinstance(obj, type) else type(obj))


def is_structseq_instance(obj: object) -> bool:
    """Whether it is such a record."""
    return is_structseq_class(type(obj))


def node_type(tree: object) -> Any:
    """What a tree's root is registered as: its class, and one key for all named tuples."""
    kind = type(tree)
    return namedtuple if kind not in SUPPORTED_NODES and is_namedtuple_class(kind) else kind


# ---- Python's own containers --------------------------------------------------------------------------------


def _keyed(flatten: FlattenFn, keys: Callable[[Any], Iterable[KeyEntry]]) -> FlattenWithKeysFn:
    def flatten_with_keys(value: object) -> tuple[list[tuple[KeyEntry, Any]], Any]:
        children, context = flatten(value)
        return list(zip(keys(value), children, strict=True)), context

    return flatten_with_keys


def _places(value: Any) -> Iterable[KeyEntry]:
    return map(SequenceKey, range(len(value)))


def _own(cls: Any, flatten: FlattenFn, unflatten: UnflattenFn, keys: Callable, *dumping: Any) -> None:
    name = f"{cls.__module__}.{cls.__qualname__}"
    to_dumpable, from_dumpable = dumping or (None, None)
    register_pytree_node(
        cls, flatten, unflatten, serialized_type_name=name, flatten_with_keys_fn=_keyed(flatten, keys),
        to_dumpable_context=to_dumpable, from_dumpable_context=from_dumpable,
    )  # fmt: skip


def _items(value: Any) -> tuple[list[Any], list[Any]]:
    return list(value.values()), list(value)


def _names(value: Any) -> Iterable[KeyEntry]:
    return map(GetAttrKey, value._fields)


def _dump_default(context: Any) -> dict[str, Any]:
    factory, keys = context
    where = {"default_factory_module": factory.__module__, "default_factory_name": factory.__qualname__}
    return {**where, "dict_context": keys}


def _load_default(dumped: Any) -> list[Any]:
    module = importlib.import_module(dumped["default_factory_module"])
    return [attrgetter(dumped["default_factory_name"])(module), dumped["dict_context"]]


def _dump_named(cls: type) -> str:
    known = DUMPING.get(cls)
    if known is None or known.name is None:
        raise NotImplementedError(
            f"Can't serialize TreeSpec of namedtuple class {cls} because we didn't register a serializated_type_name. "
            "Please register using `_register_namedtuple`."
        )
    return known.name


def _load_named(dumped: Any) -> Any:
    return BY_NAME[dumped]


_own(tuple, lambda v: (list(v), None), lambda values, _: tuple(values), _places)
_own(list, lambda v: (v, None), lambda values, _: list(values), _places)
_own(dict, _items, lambda values, keys: dict(zip(keys, values, strict=True)), lambda v: map(MappingKey, v))
_own(
    namedtuple,
    lambda v: (list(v), type(v)),
    lambda values, cls: cls(*values),
    _names,
    _dump_named,
    _load_named,
)
_own(
    OrderedDict,
    _items,
    lambda values, keys: OrderedDict(zip(keys, values, strict=True)),
    lambda v: map(MappingKey, v),
)
_own(
    defaultdict,
    lambda v: (list(v.values()), [v.default_factory, list(v)]),
    lambda values, context: defaultdict(context[0], zip(context[1], values, strict=True)),
    lambda v: map(MappingKey, v),
    _dump_default,
    _load_default,
)  # fmt: skip
_own(deque, lambda v: (list(v), v.maxlen), lambda values, maxlen: deque(values, maxlen=maxlen), _places)
