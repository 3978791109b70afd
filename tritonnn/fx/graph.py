"""A program as a list of steps, in the order in which they run."""

from __future__ import annotations

import contextlib
import copy
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from tritonnn._parameter import Parameter
from tritonnn._tensor import Tensor
from tritonnn.fx import _graph_checks
from tritonnn.fx._codegen import CodeGen, PythonCode, _PyTreeCodeGen, _PyTreeInfo
from tritonnn.fx._naming import _Namespace
from tritonnn.fx._naming import is_from_torch as _is_from_torch
from tritonnn.fx._naming import snake_case as _snake_case
from tritonnn.fx._node_list import _node_list
from tritonnn.fx._operators import INPLACE_METHODS as inplace_methods
from tritonnn.fx._operators import MAGIC_METHODS as magic_methods
from tritonnn.fx._operators import REFLECTABLE as reflectable_magic_methods
from tritonnn.fx.node import Node, map_arg

__all__ = [
    "CodeGen", "Graph", "PythonCode", "_Namespace", "_PyTreeCodeGen", "_PyTreeInfo", "_is_from_torch", "_snake_case",
    "inplace_methods", "magic_methods", "reflectable_magic_methods",
]  # fmt: skip


class Graph:
    """A program as a list of nodes.

    >>> import tritonnn as torch
    >>> graph = torch.fx.Graph()
    >>> x = graph.placeholder("x")
    >>> y = graph.call_function(torch.add, (x, 1))
    >>> _ = graph.output(y)
    >>> print(graph)
    graph():
        %x : [num_users=1] = placeholder[target=x]
        %add : [num_users=1] = call_function[target=torch.add](args = (%x, 1), kwargs = {})
        return add
    >>> torch.fx.GraphModule(torch.nn.Module(), graph)(torch.ones(2))
    tensor([2., 2.])

    Args:
        owning_module: the GraphModule that has it.
        tracer_cls: the class that recorded it.
        tracer_extras: arguments of that class, to record it again after unpickling.
    """

    def __init__(
        self,
        owning_module: Any = None,
        tracer_cls: type | None = None,
        tracer_extras: dict[str, Any] | None = None,
    ) -> None:
        self._graph_namespace = _Namespace()
        self._order: dict[Node, int] | None = None
        self._len = 0
        self._root = Node(self, "", "root", "", (), {})
        self._insert: Callable[[Node], None] = self._root.prepend
        self._owning_module: Any = owning_module
        self._owners = 0
        self._tracer_cls = tracer_cls
        self._tracer_extras = tracer_extras
        self._codegen = CodeGen()

    @property
    def owning_module(self) -> Any:
        """The GraphModule that has it; None where several do."""
        return self._owning_module

    @owning_module.setter
    def owning_module(self, module: Any) -> None:
        if module is not None:
            self._owning_module = module if not self._owners else None
            self._owners += 1

    @property
    def nodes(self) -> _node_list:
        """The nodes, in the order in which they run."""
        return _node_list(self)

    def _changed(self, order: bool = True) -> None:
        if order:
            self._order = None

    def _position(self, node: Node) -> int:
        if self._order is None:
            self._order = {node: place for place, node in enumerate(self.nodes)}
        return self._order.get(node, -1)

    def find_nodes(self, *, op: str, target: Any = None, sort: bool = True) -> list[Node]:
        """The nodes of a kind, in order.

        Args:
            op: their kind.
            target: what they call; needed for functions.
            sort: kept for programs that pass it; they always come in order.
        """
        if op == "call_function":
            assert target is not None, "target must not be None for call_function op"
        return [n for n in self.nodes if n.op == op and (target is None or n.target == target)]

    def output_node(self) -> Node:
        """The node that returns."""
        return next(n for n in reversed(self.nodes) if n.op == "output")

    # ---- adding nodes ---------------------------------------------------------------------------------------

    def create_node(
        self,
        op: str,
        target: Any,
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
        name: str | None = None,
        type_expr: Any | None = None,
    ) -> Node:
        """Add a node at the place of insertion, the end unless said otherwise.

        Args:
            op: its kind.
            target: what it calls.
            args, kwargs: what with.
            name: what it should be called; a number is added to one that is taken.
            type_expr: the type of its result.
        """
        args, kwargs = () if args is None else args, {} if kwargs is None else kwargs
        assert isinstance(args, tuple), f"args must be a tuple, got {type(args)}"
        assert isinstance(kwargs, dict), f"kwargs must be a dict, got {type(kwargs)}"
        wanted = name if name is not None else self._target_to_str(target)
        node = Node(
            self, self._graph_namespace.create_name(wanted, None), op, target, args, kwargs, type_expr
        )
        self._graph_namespace.associate_name_with_obj(node.name, node)
        for hook in getattr(self.owning_module, "_create_node_hooks", ()):
            hook(node)
        self._insert(node)
        self._len += 1
        return node

    def _target_to_str(self, target: Any) -> str:
        if callable(target):
            text = getattr(target, "__name__", None) or type(target).__name__
        else:
            text = target[2:-2] if target.startswith("__") and target.endswith("__") else target
        return _snake_case(text)

    def placeholder(self, name: str, type_expr: Any | None = None, default_value: Any = Ellipsis) -> Node:
        """Add an input. Its name may begin with one or two stars; `default_value` makes it optional."""
        args = () if default_value is Ellipsis else (default_value,)
        return self.create_node("placeholder", name, args=args, type_expr=type_expr)

    def get_attr(self, qualified_name: str, type_expr: Any | None = None) -> Node:
        """Add what reads a parameter, buffer or other attribute of the module."""
        module = self.owning_module
        if module is not None and not _graph_checks.has_attribute(module, qualified_name):
            warnings.warn(_graph_checks.unreferenced("get_attr", "attribute", "add_parameter"), stacklevel=2)
        return self.create_node("get_attr", qualified_name, type_expr=type_expr)

    def call_module(
        self,
        module_name: str,
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
        type_expr: Any | None = None,
    ) -> Node:
        """Add a call of a submodule, by its name."""
        module = self.owning_module
        if module is not None and not _graph_checks.has_module(module, module_name):
            warnings.warn(_graph_checks.unreferenced("call_module", "module", "add_submodule"), stacklevel=2)
        return self.create_node("call_module", module_name, args, kwargs, type_expr=type_expr)

    def call_method(
        self,
        method_name: str,
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
        type_expr: Any | None = None,
    ) -> Node:
        """Add a call of a method of the first argument."""
        return self.create_node("call_method", method_name, args, kwargs, type_expr=type_expr)

    def call_function(
        self,
        the_function: Callable[..., Any],
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
        type_expr: Any | None = None,
        name: str | None = None,
    ) -> Node:
        """Add a call of a function."""
        return self.create_node("call_function", the_function, args, kwargs, name=name, type_expr=type_expr)

    def output(self, result: Any, type_expr: Any | None = None) -> Node:
        """Add what returns."""
        return self.create_node("output", "output", args=(result,), type_expr=type_expr)

    @contextlib.contextmanager
    def _inserting(self, insert: Callable[[Node], None]) -> Iterator[None]:
        before, self._insert = self._insert, insert
        try:
            yield
        finally:
            self._insert = before

    def inserting_before(self, n: Node | None = None) -> contextlib.AbstractContextManager[None]:
        """A block in which nodes are added before `n`; before all nodes without it."""
        if n is None:
            return self.inserting_after(self._root)
        assert n.graph == self, "Node to insert before is not in graph."
        return self._inserting(n.prepend)

    def inserting_after(self, n: Node | None = None) -> contextlib.AbstractContextManager[None]:
        """A block in which nodes are added behind `n`, in the order of the calls; at the end without it."""
        if n is None:
            return self.inserting_before(self._root)
        assert n.graph == self, "Node to insert after is not in graph."
        return self._inserting(n._next.prepend)

    # ---- copying and removing -------------------------------------------------------------------------------

    def node_copy(self, node: Node, arg_transform: Callable[[Node], Any] = lambda x: x) -> Node:
        """Add a copy of a node of another graph.

        Args:
            node: the other's.
            arg_transform: says which node of this graph stands for an argument.
        """
        args = map_arg(node.args, arg_transform)
        kwargs = map_arg(node.kwargs, arg_transform)
        assert isinstance(args, tuple) and isinstance(kwargs, dict)
        copied = self.create_node(node.op, node.target, args, kwargs, node.name, node.type)
        copied.meta = copy.copy(node.meta)
        return copied

    def graph_copy(self, g: Graph, val_map: dict[Node, Any], return_output_node: bool = False) -> Any:
        """Add copies of all nodes of another graph but its output.

        Args:
            g: the other.
            val_map: node of the other -> node here; nodes that it has already are not copied, all others join it.
            return_output_node: return the other's output node beside its copied value.

        Returns the value that the other returns, in nodes of this graph.
        """
        for node in g.nodes:
            if node in val_map:
                continue
            if node.op == "output":
                result = map_arg(node.args[0], lambda n: val_map[n])
                return (result, node) if return_output_node else result
            val_map[node] = self.node_copy(node, lambda n: val_map[n])
        return None

    def erase_node(self, to_erase: Node) -> None:
        """Remove a node that nobody uses.

        Raises:
            RuntimeError: it has users, or is of another graph.
        """
        if to_erase.users:
            raise RuntimeError(
                f"Tried to erase Node {to_erase} but it still had {len(to_erase.users)} users in the graph: "
                f"{to_erase.users}!"
            )
        if to_erase.graph != self:
            raise RuntimeError(f"Attempting to remove {to_erase} from wrong graph!")
        if to_erase._erased:
            warnings.warn(f"erase_node({to_erase}) on an already erased node", stacklevel=2)
            return
        for hook in getattr(self.owning_module, "_erase_node_hooks", ()):
            hook(to_erase)
        to_erase._remove_from_list()
        to_erase._update((), {})
        to_erase._erased = True
        self._len -= 1
        self._changed()

    def eliminate_dead_code(self, is_impure_node: Callable[[Node], bool] | None = None) -> bool:
        """Remove the nodes that nobody uses and that do nothing else; returns whether there were any.

        Calls of methods, such as `add_`, count as doing nothing else.

        Args:
            is_impure_node: says which nodes stay; default: inputs, outputs, and functions such as `torch._assert`.
        """
        self.lint()
        stays = is_impure_node or (lambda node: node.is_impure())
        changed = False
        for node in reversed(self.nodes):
            if not node.users and not stays(node):
                self.erase_node(node)
                changed = True
        return changed

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Graph:
        graph = Graph(tracer_cls=self._tracer_cls)
        val_map: dict[Node, Any] = {}
        found = graph.graph_copy(self, val_map, return_output_node=True)
        graph._codegen = copy.deepcopy(self._codegen)
        if found is not None:
            value, old = found
            new = graph.output(value, type_expr=getattr(old, "type", None))
            new.meta = copy.copy(old.meta)
        for old, new in val_map.items():
            if isinstance(new, Node):
                new.meta = {
                    key: value if isinstance(value, (Tensor, Parameter)) else copy.copy(value)
                    for key, value in old.meta.items()
                }
        return graph

    # ---- code -----------------------------------------------------------------------------------------------

    def set_codegen(self, codegen: CodeGen) -> None:
        """Say what writes the function."""
        self._codegen = codegen

    def process_inputs(self, *args: Any) -> Any:
        """The inputs of the nodes, from those of the function."""
        return self._codegen.process_inputs(*args)

    def process_outputs(self, out: Any) -> Any:
        """The outputs of the function, from those of the nodes."""
        return self._codegen.process_outputs(out)

    def on_generate_code(self, make_transformer: Callable[[Any], Any]) -> Any:
        """Let the lines of the body go through `make_transformer(the transformer so far)`.

        Takes effect at once; as a context manager, until the end of its block.
        """
        before = self._codegen._body_transformer
        self._codegen._body_transformer = make_transformer(before)
        codegen = self._codegen

        @contextlib.contextmanager
        def until_the_end() -> Iterator[None]:
            try:
                yield
            finally:
                codegen._body_transformer = before

        return until_the_end()

    def python_code(self, root_module: str, **options: Any) -> PythonCode:
        """The function as source.

        Args:
            root_module: the name of the module that it is a method of, usually 'self'.

        Raises:
            TypeError: an option of PyTorch's that changes how the code is annotated.
        """
        on = [name for name, value in options.items() if value]
        if on:
            raise TypeError(
                f"Graph.python_code: tritonnn does not annotate code, so {on[0]} is not available"
            )
        names = _Namespace()
        saved = {node: node._repr_fn for node in self.nodes}
        for node in saved:
            node._repr_fn = lambda n: names.create_name(n.name, n)
        try:
            return self._codegen._gen_python_code(self.nodes, root_module, names)
        finally:
            for node, function in saved.items():
                node._repr_fn = function

    def __str__(self) -> str:
        lines = [node.format_node() for node in self.nodes]
        return "\n    ".join(["graph():", *[text for text in lines if text]])

    def print_tabular(self) -> None:
        """Print the nodes as a table. Needs the package tabulate."""
        print(_graph_checks.table(self.nodes))

    def lint(self) -> None:
        """Check that the graph is sound.

        Raises:
            RuntimeError: a name occurs twice, an argument is of another graph or computed later, or a target is missing
                in the module.
        """
        _graph_checks.check(self)
