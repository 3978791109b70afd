"""A step of a graph: what is called, with what, and who uses the result."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from tritonnn.fx._naming import display_name, type_repr
from tritonnn.fx._naming import qualified_name as _get_qualified_name
from tritonnn.fx._naming import type_repr as _type_repr
from tritonnn.fx.immutable_collections import immutable_dict, immutable_list

if TYPE_CHECKING:
    from tritonnn.fx.graph import Graph

__all__ = ["Node", "_get_qualified_name", "_type_repr", "has_side_effect", "map_aggregate", "map_arg"]

#: what an argument of a node, and what a node calls, may be
Argument = Any
Target = Callable[..., Any] | str
F = TypeVar("F", bound=Callable[..., Any])

_legal_ops = frozenset((
    "placeholder", "call_method", "call_module", "call_function", "get_attr", "output", "root",
))  # fmt: skip
#: functions whose calls stay in a graph though nobody uses their results
_side_effectful_functions: set[Callable[..., Any]] = {operator.setitem}
#: functions that draw random numbers
_random_functions: set[Callable[..., Any]] = set()


def has_side_effect(fn: F) -> F:
    """Note that calls of a function stay in a graph though nobody uses their results.

    >>> import tritonnn as torch
    >>> torch.fx.has_side_effect(print) is print
    True
    """
    _side_effectful_functions.add(fn)
    return fn


def map_arg(a: Argument, fn: Callable[[Node], Argument]) -> Argument:
    """`a` with `fn(node)` in the place of each node, in lists, tuples, dictionaries and slices too."""
    assert callable(fn), "torch.fx.map_arg(a, fn): fn must be a callable"
    return map_aggregate(a, lambda x: fn(x) if isinstance(x, Node) else x)


def map_aggregate(a: Argument, fn: Callable[[Argument], Argument]) -> Argument:
    """`a` with `fn(leaf)` in the place of each leaf; lists and dictionaries become immutable ones.

    >>> from tritonnn.fx.node import map_aggregate
    >>> map_aggregate({"a": [1, (2, slice(3, 4))]}, lambda x: x and -x)
    {'a': [-1, (-2, slice(-3, -4, None))]}
    """
    if isinstance(a, tuple):
        parts = [map_aggregate(x, fn) for x in a]
        return type(a)(*parts) if hasattr(a, "_fields") else tuple(parts)
    if isinstance(a, list):
        return immutable_list([map_aggregate(x, fn) for x in a])
    if isinstance(a, dict):
        return immutable_dict({key: map_aggregate(value, fn) for key, value in a.items()})
    if isinstance(a, slice):
        return slice(map_aggregate(a.start, fn), map_aggregate(a.stop, fn), map_aggregate(a.step, fn))
    return fn(a)


def format_arg(arg: object) -> str:
    """An argument as graphs print it: nodes with a percent sign."""
    custom = getattr(arg, "_custom_fx_repr_fn", None)
    if custom is not None:
        return custom()
    if isinstance(arg, list):
        return f"[{', '.join(map(format_arg, arg))}]"
    if isinstance(arg, tuple):
        return f"({', '.join(map(format_arg, arg))}{',' if len(arg) == 1 else ''})"
    if isinstance(arg, dict):
        return f"{{{', '.join([f'{key}: {format_arg(value)}' for key, value in arg.items()])}}}"
    return f"%{arg}" if isinstance(arg, Node) else str(arg)


class Node:
    """A step of a graph.

    Attributes:
        op: "placeholder", "get_attr", "call_function", "call_method", "call_module" or "output".
        target: what is called: a function, or the name of a method, a module or an attribute.
        args, kwargs: its arguments, other nodes among them.
        users: the nodes that use its result.
        meta: what passes note about it.
    """

    _erased = False

    def __init__(
        self,
        graph: Graph,
        name: str,
        op: str,
        target: Any,
        args: tuple[Argument, ...],
        kwargs: dict[str, Argument],
        return_type: Any | None = None,
    ) -> None:
        assert op in _legal_ops, f"op {op!r} is not in _legal_ops: {sorted(_legal_ops)}"
        kind = "a Callable" if op == "call_function" else "a str"
        if not (callable(target) if op == "call_function" else isinstance(target, str)):
            raise ValueError(
                f"Node [graph = {graph}, name = {name!r}] target {target} has type {_kind(target)} but {kind} is "
                "expected"
            )
        self.graph, self.name, self.op, self.target, self.type = graph, name, op, target, return_type
        self._input_nodes: dict[Node, None] = {}
        self.users: dict[Node, None] = {}
        self._prev = self._next = self
        self._repr_fn: Callable[[Node], str] | None = None
        self.meta: dict[str, Any] = {}
        self._update(args, kwargs)

    # ---- its place ------------------------------------------------------------------------------------------

    @property
    def next(self) -> Node:
        """The node after it."""
        return self._next

    @property
    def prev(self) -> Node:
        """The node before it."""
        return self._prev

    def prepend(self, x: Node) -> None:
        """Move `x` of the same graph to the place before this node."""
        assert self.graph == x.graph, "Attempting to move a Node into a different Graph"
        if self is x:
            return
        x._remove_from_list()
        before = self._prev
        before._next, x._prev = x, before
        x._next, self._prev = self, x
        self.graph._changed()

    def append(self, x: Node) -> None:
        """Move `x` of the same graph to the place after this node."""
        if self._next is not x:
            self._next.prepend(x)

    def _remove_from_list(self) -> None:
        self._prev._next, self._next._prev = self._next, self._prev

    def __lt__(self, other: Node) -> bool:
        return self.graph._position(self) < self.graph._position(other)

    def __gt__(self, other: Node) -> bool:
        return other < self

    def __le__(self, other: Node) -> bool:
        return self is other or self < other

    def __ge__(self, other: Node) -> bool:
        return other <= self

    # ---- its arguments --------------------------------------------------------------------------------------

    @property
    def args(self) -> tuple[Argument, ...]:
        """Its positional arguments; assign a new tuple to change them."""
        return self._args

    @args.setter
    def args(self, a: tuple[Argument, ...]) -> None:
        self._update(a, self._kwargs)

    @property
    def kwargs(self) -> dict[str, Argument]:
        """Its keyword arguments; assign a new dictionary to change them."""
        return self._kwargs

    @kwargs.setter
    def kwargs(self, k: dict[str, Argument]) -> None:
        self._update(self._args, k)

    @property
    def all_input_nodes(self) -> list[Node]:
        """The nodes among its arguments, each once."""
        return list(self._input_nodes)

    def _update(self, args: Iterable[Argument], kwargs: Mapping[str, Argument]) -> None:
        for node in self._input_nodes:
            node.users.pop(self, None)
        self._input_nodes = {}

        def use(node: Node) -> Node:
            self._input_nodes.setdefault(node)
            node.users.setdefault(self)
            return node

        self._args = map_arg(tuple(args), use)
        self._kwargs = map_arg(dict(kwargs), use)
        self.graph._changed(order=False)

    def update_arg(self, idx: int, arg: Argument) -> None:
        """Replace the positional argument `idx`."""
        args = list(self.args)
        args[idx] = arg
        self.args = tuple(args)

    def insert_arg(self, idx: int, arg: Argument) -> None:
        """Put a positional argument before the one that is `idx` now."""
        assert 0 <= idx <= len(self.args), f"insert_arg index must be between 0 and {len(self.args)}"
        self.args = (*self.args[:idx], arg, *self.args[idx:])

    def update_kwarg(self, key: str, arg: Argument) -> None:
        """Replace, or add, the keyword argument `key`."""
        self.kwargs = {**self.kwargs, key: arg}

    def replace_all_uses_with(
        self,
        replace_with: Node,
        delete_user_cb: Callable[[Node], bool] | None = None,
        *,
        propagate_meta: bool = False,
    ) -> list[Node]:
        """Let all who use this node use another.

        Args:
            replace_with: the other.
            delete_user_cb: says of a user whether it changes over; default: all do.
            propagate_meta: copy `meta` to the other, which has none.

        Returns those who used it.
        """
        if propagate_meta:
            assert not replace_with.meta, (
                "Called node.replace_all_uses_with(replace_with, propagate_meta=True), but replace_with already "
                "has .meta keys"
            )
            replace_with.meta.update(self.meta)
        users = list(self.users)
        for user in users:
            if delete_user_cb is None or delete_user_cb(user):
                user.replace_input_with(self, replace_with)
        return users

    def replace_input_with(self, old_input: Node, new_input: Node) -> None:
        """Put one node in the place of another among the arguments."""
        for hook in getattr(self.graph.owning_module, "_replace_hooks", ()):
            hook(old=old_input, new=new_input.name, user=self)
        exchange = lambda node: new_input if node is old_input else node
        self._update(map_arg(self.args, exchange), map_arg(self.kwargs, exchange))

    def normalized_arguments(
        self,
        root: Any,
        arg_types: tuple[Any] | None = None,
        kwarg_types: dict[str, Any] | None = None,
        normalize_to_only_use_kwargs: bool = False,
    ) -> Any:
        """Its arguments by the names in the signature of what it calls; None where that has no signature."""
        from tritonnn.fx.operator_schemas import normalize_function, normalize_module

        if self.op == "call_function":
            return normalize_function(
                self.target, self.args, self.kwargs, arg_types, kwarg_types, normalize_to_only_use_kwargs
            )
        if self.op == "call_module":
            return normalize_module(root, self.target, self.args, self.kwargs, normalize_to_only_use_kwargs)
        return None

    # ---- what it does ---------------------------------------------------------------------------------------

    @property
    def stack_trace(self) -> str | None:
        """Where it was recorded, if that was noted."""
        return self.meta.get("stack_trace")

    @stack_trace.setter
    def stack_trace(self, trace: str | None) -> None:
        self.meta["stack_trace"] = trace

    def is_impure(self, impure_random: bool = True) -> bool:
        """Whether it does something that is seen though nobody uses its result.

        Args:
            impure_random: whether drawing random numbers counts, as it moves the generator on.
        """
        if self.op in ("placeholder", "output"):
            return True
        if self.op == "call_function":
            drawing = impure_random and self.target in _random_functions
            return drawing or self.target in _side_effectful_functions or _writes(self.target)
        if self.op == "call_module":
            module = self.graph.owning_module
            assert module is not None, "self.graph.owning_module not set for purity check"
            return getattr(module.get_submodule(self.target), "_is_impure", False)
        return False

    def _rename(self, candidate: str) -> None:
        if candidate != self.name:
            self.name = self.graph._graph_namespace.create_name(candidate, None)
            self.graph._graph_namespace._rename_object(self, self.name)

    # ---- printing -------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        return self._repr_fn(self) if self._repr_fn else self.name

    @staticmethod
    def _pretty_print_target(target: Any) -> str:
        if isinstance(target, str):
            return target
        return display_name(target)

    def format_node(
        self,
        placeholder_names: list[str] | None = None,
        maybe_return_typename: list[str] | None = None,
        *,
        include_tensor_metadata: bool = False,
    ) -> str | None:
        """The line of this node in the print of its graph; None of a placeholder that is noted elsewhere.

        Args:
            placeholder_names: takes the names of placeholders, which then have no line.
            maybe_return_typename: takes the type of what the graph returns.
            include_tensor_metadata: add dtype and shape where a pass noted them.
        """
        kind = f"{type_repr(self.type)} " if self.type else ""
        head = f"%{self.name} : {kind}[num_users={len(self.users)}] = {self.op}"
        if self.op == "placeholder":
            if placeholder_names is not None:
                placeholder_names.append(f"{self.target}: {kind}" if kind else str(self.target))
                return None
            default = f"(default={self.args[0]})" if self.args else ""
            line = f"{head}[target={self.target}]{default}"
        elif self.op == "get_attr":
            line = f"{head}[target={self._pretty_print_target(self.target)}]"
        elif self.op == "output":
            if self.type and maybe_return_typename is not None:
                maybe_return_typename[0] = f" -> {type_repr(self.type)}"
            return f"return {self.args[0]}"
        else:
            line = (
                f"{head}[target={self._pretty_print_target(self.target)}](args = {format_arg(self.args)}, "
                f"kwargs = {format_arg(self.kwargs)})"
            )
        known = self.meta.get("tensor_meta") if include_tensor_metadata else None
        return line if known is None else f"{line}  # {known.dtype}{list(known.shape)}"


def _kind(value: object) -> str:
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _writes(target: Any) -> bool:
    """Whether an operator of `torch.ops` writes into an argument."""
    schema = getattr(target, "_schema", None)
    return bool(getattr(schema, "is_mutable", False)) and not inspect.isfunction(target)


#: functions whose calls stay, and those that draw random numbers
_STAYING = "_assert _assert_async"
_DRAWING = (
    "bernoulli multinomial normal poisson rand rand_like randint randint_like randn randn_like randperm"
)


def register_functions(torch: Any) -> None:
    """Note which functions of the library do more than give a result."""
    for names, noted in ((_STAYING, _side_effectful_functions), (_DRAWING, _random_functions)):
        noted.update([getattr(torch, name) for name in names.split() if hasattr(torch, name)])
