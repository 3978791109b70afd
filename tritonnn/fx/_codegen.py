"""From a graph to the Python function that computes it."""

from __future__ import annotations

import enum
import types
import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from tritonnn.fx._naming import (
    CUSTOM_BUILTINS,
    _Namespace,
    is_from_torch,
    is_operator,
    lookup,
    qualified_name,
    type_repr,
)
from tritonnn.fx._operators import INPLACE_METHODS, MAGIC_METHODS
from tritonnn.fx.node import Node, map_arg
from tritonnn.utils._pytree import TreeSpec, tree_flatten, tree_unflatten

__all__ = ["CodeGen", "PythonCode"]

#: classes -> the older names of their types
_ORIGINS = {
    kind: getattr(typing, name)
    for kind, name in (
        (list, "List"), (dict, "Dict"), (set, "Set"), (frozenset, "FrozenSet"), (tuple, "Tuple"),
    )
}  # fmt: skip


@dataclass
class PythonCode:
    """The source of a function, and the objects that names in it stand for."""

    src: str
    globals: dict[str, Any]
    _lineno_map: dict[int, int | None] | None = None
    _prologue_start: int = 0


def format_target(base: str, target: str) -> str:
    """'self', 'seq.0' -> 'getattr(self.seq, "0")'."""
    for part in target.split("."):
        base = f"{base}.{part}" if part.isidentifier() else f'getattr({base}, "{part}")'
    return base


class _Writer:
    """Writes the body of one function."""

    def __init__(self, codegen: CodeGen, root: str, namespace: _Namespace) -> None:
        self.codegen, self.root, self.namespace = codegen, root, namespace
        self.globals: dict[str, Any] = {}
        self.wrapped: dict[str, None] = {}
        self.parameters: list[str] = []
        self.body: list[str] = []
        self.returns = ""

    def add_global(self, hint: str, obj: Any) -> str:
        """The name that an object has in the code."""
        if is_from_torch(obj) and obj is not CUSTOM_BUILTINS["device"][1]:
            name = hint if hint.startswith("torch.") else qualified_name(obj)
            if lookup(name) is obj or lookup(name) == obj:
                self.globals.setdefault("torch", CUSTOM_BUILTINS["torch"][1])
                return name
        name = hint.replace(".", "_")
        if name in self.globals and self.globals[name] is obj:
            return name
        name = self.namespace.create_name(name, obj if _hashable(obj) else None)
        self.globals[name] = obj
        return name

    def type_name(self, kind: Any) -> str:
        """A type as the code has it."""
        if kind == () or kind is None or kind is type(None):
            return "()" if kind == () else "NoneType"
        if isinstance(kind, types.UnionType):
            return "|".join([self.type_name(arg) for arg in kind.__args__])
        origin = getattr(kind, "__origin__", None)
        if origin is None:
            return self.add_global(type_repr(kind), kind)
        if not isinstance(kind, types.GenericAlias):
            origin = _ORIGINS.get(origin, origin)
        name = self.add_global(type_repr(origin), origin)
        args = [self.type_name(arg) if arg is not ... else "..." for arg in getattr(kind, "__args__", ())]
        return f"{name}[{','.join(args)}]" if args else name

    def value(self, arg: Any) -> str:
        """An argument as the code has it."""
        if isinstance(arg, Node):
            return repr(arg)
        if isinstance(arg, tuple) and hasattr(arg, "_fields"):
            name = self.add_global(qualified_name(type(arg)), type(arg))
            return f"{name}({', '.join(map(self.value, arg))})"
        if isinstance(arg, tuple):
            return f"({', '.join(map(self.value, arg))}{',' if len(arg) == 1 else ''})"
        if isinstance(arg, list):
            return f"[{', '.join(map(self.value, arg))}]"
        if isinstance(arg, dict):
            return f"{{{', '.join([f'{key!r}: {self.value(value)}' for key, value in arg.items()])}}}"
        if isinstance(arg, slice):
            return f"slice({self.value(arg.start)}, {self.value(arg.stop)}, {self.value(arg.step)})"
        if isinstance(arg, enum.Enum):
            return f"{self.add_global(qualified_name(type(arg)), type(arg))}.{arg.name}"
        if isinstance(arg, type) or callable(arg):
            return self.add_global(qualified_name(arg), arg)
        return repr(arg)

    def arguments(self, args: Iterable[Any], kwargs: dict[str, Any]) -> str:
        """The arguments of a call."""
        parts = [self.value(arg) for arg in args]
        return ", ".join([*parts, *[f"{name} = {self.value(value)}" for name, value in kwargs.items()]])

    # ---- a line per kind of node ----------------------------------------------------------------------------

    def placeholder(self, node: Node, kind: str) -> str:
        default = f" = {self.value(node.args[0])}" if node.args else ""
        self.parameters.append(f"{node.target}{kind}{default}")
        raw = node.target.replace("*", "")
        return "" if raw == repr(node) else f"{node!r} = {raw}"

    def call_method(self, node: Node, kind: str) -> str:
        target = format_target(self.value(node.args[0]), node.target)
        return f"{node!r}{kind} = {target}({self.arguments(node.args[1:], node.kwargs)})"

    def call_function(self, node: Node, kind: str) -> str:
        name = node.target.__name__ if is_operator(node.target) else ""
        if name in MAGIC_METHODS:
            assert not node.kwargs, f"{node.format_node()}: an operator takes no keyword arguments"
            return f"{node!r}{kind} = {MAGIC_METHODS[name].format(*map(self.value, node.args))}"
        if name in INPLACE_METHODS:
            assert not node.kwargs, f"{node.format_node()}: an operator takes no keyword arguments"
            written = INPLACE_METHODS[name].format(*map(self.value, node.args))
            return f"{written};  {node!r}{kind} = {self.value(node.args[0])}"
        called = self.add_global(qualified_name(node.target), node.target)
        if called == "getattr" and isinstance(node.args[1], str) and node.args[1].isidentifier():
            if len(node.args) == 2:
                return f"{node!r}{kind} = {format_target(self.value(node.args[0]), node.args[1])}"
        if node.meta.get("is_wrapped"):
            self.wrapped.setdefault(called)
        return f"{node!r}{kind} = {called}({self.arguments(node.args, node.kwargs)})"

    def call_module(self, node: Node, kind: str) -> str:
        called = format_target(self.root, node.target)
        return f"{node!r}{kind} = {called}({self.arguments(node.args, node.kwargs)})"

    def get_attr(self, node: Node, kind: str) -> str:
        return f"{node!r}{kind} = {format_target(self.root, node.target)}"

    def output(self, node: Node, kind: str) -> str:
        if node.type is not None:
            self.returns = f" -> {self.type_name(node.type)}"
        return self.codegen.generate_output(node.args[0], descs=None, write=self.value)

    def line(self, node: Node) -> str:
        """The statement of a node."""
        typed = node.type is not None and node.op != "output"
        return getattr(self, node.op)(node, f" : {self.type_name(node.type)}" if typed else "")


def _hashable(obj: Any) -> bool:
    try:
        hash(obj)
    except TypeError:
        return False
    return True


def _last_uses(nodes: Iterable[Node]) -> dict[Node, list[Node]]:
    """Node -> those that nobody uses after it."""
    seen: set[Node] = set()
    last: dict[Node, list[Node]] = {}
    for user in reversed(list(nodes)):
        found = last.setdefault(user, [])

        def note(node: Node, found: list[Node] = found) -> Node:
            if node not in seen:
                seen.add(node)
                found.append(node)
            return node

        map_arg((user.args, user.kwargs), note)
    return last


class CodeGen:
    """Writes the function of a graph; `Graph.set_codegen` puts a subclass in its place.

    A subclass says how the inputs of the function become those of the graph (`gen_fn_def`, `process_inputs`) and the
    outputs of the graph those of the function (`generate_output`, `process_outputs`).
    """

    def __init__(self) -> None:
        self._body_transformer: Callable[[list[str]], list[str]] | None = None
        self._func_name = "forward"

    def gen_fn_def(self, free_vars: list[str], maybe_return_annotation: str) -> str:
        """The line with `def`, and lines that begin the body.

        Args:
            free_vars: the inputs of the graph, with types and defaults.
            maybe_return_annotation: ' -> type', or nothing.
        """
        if not free_vars or free_vars[0] != "self":
            free_vars.insert(0, "self")
        return f"def {self._func_name}({', '.join(free_vars)}){maybe_return_annotation}:"

    def generate_output(
        self, output_args: Any, *, descs: object = None, write: Callable[[Any], str] = repr
    ) -> str:
        """The statement that returns.

        Args:
            output_args: what the graph returns.
            write: gives the text of a value.
        """
        return f"return {write(output_args)}"

    def process_inputs(self, *args: Any) -> Any:
        """The inputs of the graph, from those of the function."""
        return args

    def process_outputs(self, outputs: Any) -> Any:
        """The outputs of the function, from those of the graph."""
        return outputs

    def additional_globals(self) -> list[tuple[str, Any]]:
        """Names that the code uses besides those of the nodes, and what they stand for."""
        return []

    def _gen_python_code(self, nodes: Iterable[Node], root_module: str, namespace: _Namespace) -> PythonCode:
        nodes = list(nodes)
        writer, uses = _Writer(self, root_module, namespace), _last_uses(nodes)
        writer.globals.update({name: value for name, (_, value) in CUSTOM_BUILTINS.items()})
        for name, value in self.additional_globals():
            writer.add_global(name, value)
        body: list[str] = []
        for node in nodes:
            line = writer.line(node)
            if line:
                body.append(f"{line}{_deletion(node, uses[node])}\n")
        if self._body_transformer is not None:
            body = self._body_transformer(body)
        wraps = "\n".join([f'torch.fx._symbolic_trace.wrap("{name}")' for name in writer.wrapped])
        prologue = self.gen_fn_def(writer.parameters, writer.returns)
        lines = "".join(body or ["pass\n"]).split("\n")
        code = "\n".join([f"    {line}" for line in lines])
        head = f"\n{wraps}\n\n{prologue}\n"
        return PythonCode(head + code, writer.globals, {}, head.count("\n"))


def _deletion(node: Node, unused: list[Node]) -> str:
    """The rest of a line that lets go of what nobody needs any more."""
    if node.op in ("placeholder", "output"):
        return ""
    gone = [repr(n) for n in unused] + ([] if node.users else [repr(node)])
    return f";  {' = '.join([*gone, 'None'])}" if gone else ""


class _PyTreeInfo(NamedTuple):
    """How arguments that hold others are taken apart, and results put together."""

    orig_args: list[str]
    in_spec: TreeSpec
    out_spec: TreeSpec | None


class _PyTreeCodeGen(CodeGen):
    """Of graphs whose inputs are the leaves of what the function takes."""

    def __init__(self, pytree_info: _PyTreeInfo) -> None:
        super().__init__()
        self.pytree_info = pytree_info

    def process_inputs(self, *inputs: Any) -> Any:
        return tree_flatten(inputs)[0]

    def process_outputs(self, out: Any) -> Any:
        if self.pytree_info.out_spec is None:
            return out
        leaves = out if isinstance(out, (list, tuple)) else [out]
        return tree_unflatten(leaves, self.pytree_info.out_spec)

    def gen_fn_def(self, free_vars: list[str], maybe_return_annotation: str) -> str:
        names = list(self.pytree_info.orig_args)
        head = super().gen_fn_def(list(names), maybe_return_annotation)
        if not free_vars:
            return head
        inner = [var.partition(" : ")[0].partition(" = ")[0] for var in free_vars]
        given = [name for name in names if name != "self"]
        return (
            f"{head}\n    {', '.join(inner)}, = "
            f"fx_pytree.tree_flatten_spec([{', '.join(given)}], self._in_spec)"
        )

    def generate_output(
        self, output_args: Any, *, descs: object = None, write: Callable[[Any], str] = repr
    ) -> str:
        if self.pytree_info.out_spec is None:
            return super().generate_output(output_args, write=write)
        return f"return pytree.tree_unflatten({write(output_args)}, self._out_spec)"
