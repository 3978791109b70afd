"""`make_fx`: the operators that a function calls with given tensors, as a graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.fx._codegen import CodeGen
from tritonnn.fx._symbolic_trace import Tracer
from tritonnn.fx.graph import Graph
from tritonnn.fx.graph_module import GraphModule
from tritonnn.fx.node import Node
from tritonnn.nn.module import Module
from tritonnn.utils._python_dispatch import TorchDispatchMode, _get_current_dispatch_mode_stack
from tritonnn.utils._pytree import tree_flatten, tree_map, tree_unflatten

__all__ = ["get_proxy_mode", "make_fx"]


class _Recording(TorchDispatchMode):
    """Notes each operator with the nodes that its tensors came from."""

    def __init__(self) -> None:
        super().__init__()
        self.graph = Graph(tracer_cls=Tracer)
        self.root = Module()
        self.known: dict[int, Node] = {}
        self.kept: list[Tensor] = []  # so that no other tensor gets the number of one that is gone

    def note(self, tensor: Tensor, node: Node) -> None:
        """Let a tensor stand for a node from now on."""
        self.known[id(tensor)] = node
        self.kept.append(tensor)

    def node(self, value: Any) -> Any:
        """What stands for a value in the graph."""
        if not isinstance(value, Tensor):
            return value
        if id(value) not in self.known:
            name = f"_tensor_constant{sum(key.startswith('_tensor_constant') for key in vars(self.root))}"
            while hasattr(self.root, name):
                name = f"_tensor_constant{int(name.removeprefix('_tensor_constant')) + 1}"
            setattr(self.root, name, value)
            self.note(value, self.graph.get_attr(name))
        return self.known[id(value)]

    def __torch_dispatch__(self, func: Callable, types: object, args: tuple = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        nodes = tree_map(self.node, (_listed(args), _listed(kwargs)))
        result = func(*args, **kwargs)
        name = str(getattr(func, "__name__", "call")).partition(".")[0]
        made = self.graph.call_function(func, tuple(nodes[0]), dict(nodes[1]), name=name)
        if isinstance(result, Tensor):
            self.note(result, made)
        elif isinstance(result, (tuple, list)):
            import operator

            for place, part in enumerate(result):
                if isinstance(part, Tensor):
                    self.note(part, self.graph.call_function(operator.getitem, (made, place)))
        return result


def _listed(value: Any) -> Any:
    """Arguments with lists where they have tuples, as PyTorch's operators have sizes."""
    if isinstance(value, dict):
        return {name: _inner(part) for name, part in value.items()}
    return tuple([_inner(part) for part in value])


def _inner(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def make_fx(
    f: Callable[..., Any],
    decomposition_table: Any = None,
    tracing_mode: str = "real",
    _allow_non_fake_inputs: bool = False,
    *,
    pre_dispatch: bool = False,
    record_module_stack: bool = False,
) -> Callable[..., GraphModule]:
    """A function that runs `f` with tensors and gives the operators it called as a GraphModule.

    What depends on the values of these tensors is as it was for them; gradients that `f` computes are part of it.

    Args:
        f: a function of tensors, or of what holds them.
        decomposition_table: refused: operators are noted as they are called.
        tracing_mode: "real", the only one: there are no tensors without data.

    Raises:
        NotImplementedError: an option that tritonnn does not have.

    >>> import tritonnn as torch
    >>> from tritonnn.fx.experimental.proxy_tensor import make_fx
    >>> print(make_fx(lambda x: torch.sin(x) + 1)(torch.ones(2)).code.strip())
    def forward(self, x_1):
        sin = torch.ops.aten.sin.default(x_1);  x_1 = None
        add = torch.ops.aten.add.Tensor(sin, 1);  sin = None
        return add
    """
    for name, value, only in (
        ("decomposition_table", decomposition_table or None, None),
        ("tracing_mode", tracing_mode, "real"),
        ("pre_dispatch", pre_dispatch, False),
        ("record_module_stack", record_module_stack, False),
    ):
        if value != only:
            raise NotImplementedError(f"make_fx: tritonnn has no {name}={value!r}, only {only!r}")

    def run(*args: Any) -> GraphModule:
        recording = _Recording()
        leaves, spec = tree_flatten(args)
        names = _names(f, args, len(leaves))
        inputs = []
        for name, leaf in zip(names, leaves, strict=True):
            node = recording.graph.placeholder(name)
            if isinstance(leaf, Tensor):
                leaf = leaf.detach().requires_grad_(leaf.requires_grad)
                recording.note(leaf, node)
            inputs.append(leaf)
        with recording:
            result = f(*tree_unflatten(inputs, spec))
        recording.graph.output(tree_map(recording.node, result))
        recording.graph.eliminate_dead_code(
            lambda node: node.op != "call_function" or node.is_impure() or _writes(node)
        )
        recording.graph.set_codegen(CodeGen())
        module = GraphModule(recording.root, recording.graph, getattr(f, "__name__", type(f).__name__))
        return module

    return run


def _writes(node: Node) -> bool:
    return str(node.target).split(".")[1:2] != [] and str(node.target).split(".")[1].endswith("_")


def _names(f: Callable[..., Any], args: tuple, count: int) -> list[str]:
    """x_1, y_1, ... after the parameters of `f`; arg0_1, ... where an argument holds several."""
    code = getattr(f, "__code__", None)
    if code is not None and count == len(args) == code.co_argcount:
        return [f"{name}_1" for name in code.co_varnames[:count]]
    return [f"arg{place}_1" for place in range(count)]


def get_proxy_mode() -> TorchDispatchMode | None:
    """The innermost `make_fx` that is recording; None outside of it."""
    modes = (mode for mode in reversed(_get_current_dispatch_mode_stack()) if isinstance(mode, _Recording))
    return next(modes, None)
