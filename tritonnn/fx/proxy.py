"""What stands for values while a program is recorded: each use of one becomes a node."""

from __future__ import annotations

import collections
import dataclasses
import inspect
import operator
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from tritonnn._tensor import Tensor
from tritonnn.device import device as Device
from tritonnn.dtypes import dtype as DType
from tritonnn.fx import _frames
from tritonnn.fx import traceback as fx_traceback
from tritonnn.fx._naming import qualified_name
from tritonnn.fx._operators import MAGIC_METHODS, REFLECTABLE
from tritonnn.fx._torch_arguments import as_pytorch_hands_on
from tritonnn.fx.graph import Graph
from tritonnn.fx.node import Node, map_aggregate
from tritonnn.memory_format import layout as Layout
from tritonnn.memory_format import memory_format as MemoryFormat
from tritonnn.ops._namespaces import OpOverload, OpOverloadPacket
from tritonnn.overrides import is_tensor_method_or_property

__all__ = [
    "Attribute", "GraphAppendingTracer", "ParameterProxy", "Proxy", "Scope", "ScopeContextManager", "TraceError",
    "TracerBase",
]  # fmt: skip

#: classes of values that stand in a graph as they are
base_types = (
    str, int, float, bool, complex, bytes, DType, Device, MemoryFormat, Layout, Tensor, type(None), type(Ellipsis),
)  # fmt: skip


class TraceError(ValueError):
    """The program does something with a recorded value that only a number could answer."""


class Scope(NamedTuple):
    """The module that is being called: its path and its class."""

    module_path: str
    module_type: Any


class ScopeContextManager:
    """A block in which a tracer's scope is another."""

    def __init__(self, scope: Any, current_scope: Scope) -> None:
        self._before = Scope(scope.module_path, scope.module_type)
        scope.module_path, scope.module_type = current_scope
        self._scope = scope

    def __enter__(self) -> Any:
        return self._scope

    def __exit__(self, *args: object) -> None:
        self._scope.module_path, self._scope.module_type = self._before


@dataclasses.dataclass
class _CurrentScope:
    module_path: str = ""
    module_type: Any = None


class TracerBase:
    """What records: makes nodes, and turns the arguments of calls into those of nodes."""

    graph: Graph
    record_stack_traces: bool = False
    check_mutable_operations: bool = False
    trace_asserts: bool = False
    proxy_buffer_attributes: bool = False
    traced_func_name: str = "forward"
    scope: Any
    module_stack: collections.OrderedDict[str, tuple[str, Any]]
    node_name_to_scope: dict[str, tuple[str, type]]

    def create_node(
        self,
        kind: str,
        target: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        name: str | None = None,
        type_expr: Any | None = None,
    ) -> Node:
        """Add a node to the graph, and note by which module it was called."""
        if kind == "call_function" and self.check_mutable_operations:
            from tritonnn.fx.operator_schemas import check_for_mutable_operation

            check_for_mutable_operation(target, args, kwargs)
        node = self.graph.create_node(kind, target, args, kwargs, name, type_expr)
        self.node_name_to_scope[node.name] = (self.scope.module_path, self.scope.module_type)
        if fx_traceback.has_preserved_node_meta():
            node.meta.update(fx_traceback.get_current_meta())
        elif self.module_stack:
            node.meta["nn_module_stack"] = collections.OrderedDict(self.module_stack)
        if self.record_stack_traces and node.stack_trace is None:
            node.stack_trace = "".join(_frames.users_frames()) or None
        return node

    def proxy(self, node: Node) -> Proxy:
        """What stands for the value of a node."""
        return Proxy(node, self)

    def create_proxy(
        self,
        kind: str,
        target: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        name: str | None = None,
        type_expr: Any | None = None,
        proxy_factory_fn: Callable[[Node], Proxy] | None = None,
    ) -> Proxy:
        """Add a node and return what stands for its value.

        Args:
            kind: "call_function", ... as `Node.op`.
            target, args, kwargs: what is called, and with what; values that are recorded as proxies.
            name, type_expr: of the node.
            proxy_factory_fn: makes the proxy; default: `self.proxy`.
        """
        args_, kwargs_ = self.create_arg(args), self.create_arg(kwargs)
        assert isinstance(args_, tuple) and isinstance(kwargs_, dict)
        node = self.create_node(kind, target, args_, kwargs_, name, type_expr)
        return (proxy_factory_fn or self.proxy)(node)

    def create_arg(self, a: Any) -> Any:
        """An argument of a call as the argument of a node.

        Raises:
            NotImplementedError: values of its class cannot stand in a graph.
            RuntimeError: a recorded value is the key of a dictionary.
        """
        if isinstance(a, Proxy):
            return a.node
        if hasattr(type(a), "__fx_create_arg__"):
            return a.__fx_create_arg__(self)
        if isinstance(a, tuple):
            parts = [self.create_arg(part) for part in a]
            return type(a)(*parts) if hasattr(a, "_fields") else tuple(parts)
        if isinstance(a, list):
            return [self.create_arg(part) for part in a]
        if isinstance(a, dict):
            return _dictionary(self, a)
        if isinstance(a, slice):
            return slice(self.create_arg(a.start), self.create_arg(a.stop), self.create_arg(a.step))
        if isinstance(a, range):
            return range(self.create_arg(a.start), self.create_arg(a.stop), self.create_arg(a.step))
        if isinstance(a, base_types) or a is ... or _is_operator_of_torch(a):
            return a
        if dataclasses.is_dataclass(a) and not isinstance(a, type):
            fields = {field.name: self.create_arg(getattr(a, field.name)) for field in dataclasses.fields(a)}
            return self.create_node("call_function", a.__class__, (), fields)
        if isinstance(a, type) or (callable(a) and inspect.isbuiltin(a)):
            return a
        raise NotImplementedError(f"argument of type: {type(a)}")

    def to_bool(self, obj: Proxy) -> bool:
        """Whether a recorded value is true, which nobody knows; a subclass may answer."""
        raise TraceError("symbolically traced variables cannot be used as inputs to control flow")

    def iter(self, obj: Any) -> Iterator[Any]:
        """What a loop over a recorded value gives; `a, b = value` is answered by two items."""
        frame = inspect.currentframe()
        frame = frame.f_back.f_back if frame is not None and frame.f_back is not None else None
        count = _frames.unpacked(frame)
        if count is not None:
            return (obj[i] for i in range(count))
        raise TraceError(
            "Proxy object cannot be iterated. This can be attempted when the Proxy is used in a loop or as a *args or "
            "**kwargs function argument. Hint: `a, b = value` can be traced, as can value[i]"
        )

    def keys(self, obj: Proxy) -> Any:
        """What `**value` asks a recorded value for."""
        return Attribute(obj, "keys")()


def _dictionary(tracer: TracerBase, a: dict[Any, Any]) -> dict[Any, Any]:
    result = {}
    for key, value in a.items():
        key = tracer.create_arg(key)

        def no_node(leaf: Any, key: Any = key) -> Any:
            if isinstance(leaf, Node):
                raise RuntimeError(
                    f"Keys for dictionaries used as an argument cannot contain a Node. Got key: {key}"
                )
            return leaf

        map_aggregate(key, no_node)
        result[key] = tracer.create_arg(value)
    return result


def _is_operator_of_torch(value: object) -> bool:
    return type(value).__module__.endswith("library._operator")


class GraphAppendingTracer(TracerBase):
    """Records into a graph that exists already."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.graph = graph
        self.scope = _CurrentScope()
        self.module_stack = collections.OrderedDict()
        self.node_name_to_scope = {}


class Proxy:
    """Stands for the value of a node: what is done with it is recorded.

    >>> import tritonnn as torch
    >>> graph = torch.fx.Graph()
    >>> x = torch.fx.Proxy(graph.placeholder("x"))
    >>> torch.relu(x + 1).sum(dim=0)
    Proxy(sum_1)
    >>> [node.name for node in graph.nodes]
    ['x', 'add', 'relu', 'sum_1']

    Args:
        node: whose value it is.
        tracer: what records; default: one that adds to the graph of the node.
    """

    def __init__(self, node: Node, tracer: TracerBase | None = None) -> None:
        self.tracer = GraphAppendingTracer(node.graph) if tracer is None else tracer
        self.node = node

    def __repr__(self) -> str:
        return f"Proxy({self.node.name})"

    def __getattr__(self, k: str) -> Any:
        return Attribute(self, k)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ = state

    def __deepcopy__(self, memo: dict[int, Any]) -> Proxy:
        import copy

        new = type(self).__new__(type(self))
        memo[id(self)] = new
        new.__dict__.update({key: copy.deepcopy(value, memo) for key, value in self.__dict__.items()})
        return new

    def __call__(self, *args: Any, **kwargs: Any) -> Proxy:
        return self.tracer.create_proxy("call_method", "__call__", (self, *args), kwargs)

    def __iter__(self) -> Iterator[Proxy]:
        return self.tracer.iter(self)

    def __abs__(self) -> Proxy:
        return self.tracer.create_proxy("call_function", operator.abs, (self,), {})

    def __bool__(self) -> bool:
        message = _frames.asserted(sys._getframe(1)) if self.tracer.trace_asserts else None
        if message is not None:
            import tritonnn

            self.tracer.create_proxy("call_function", tritonnn._assert, (self, message), {})
            return True
        return self.tracer.to_bool(self)

    def __len__(self) -> int:
        raise RuntimeError(
            "'len' is not supported in symbolic tracing by default. If you want this call to be recorded, please call "
            "torch.fx.wrap('len') at module scope"
        )

    def keys(self) -> Any:
        """What `**value` asks for; the tracer answers."""
        return self.tracer.keys(self)

    @classmethod
    def __torch_function__(
        cls, orig_method: Any, types: object, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        tracers: dict[TracerBase, None] = {}
        map_aggregate((args, kwargs), lambda a: tracers.setdefault(a.tracer) if isinstance(a, Proxy) else a)
        if len(tracers) > 1:
            raise RuntimeError(
                f"Found multiple different tracers {list(tracers)} while trying to trace operations {orig_method}"
            )
        tracer = next(iter(tracers))
        if is_tensor_method_or_property(orig_method):
            name = orig_method.__name__
            return tracer.create_proxy("call_method", _SHORTER.get(name, name), args, kwargs)
        args, kwargs = as_pytorch_hands_on(orig_method, args, kwargs)
        is_operator = isinstance(orig_method, (OpOverload, OpOverloadPacket))
        plain = orig_method.__name__ if is_operator else qualified_name(orig_method).rpartition(".")[2]
        name = tracer.graph._target_to_str(plain)
        return tracer.create_proxy("call_function", orig_method, args, kwargs, name=name)


#: methods of tensors that PyTorch's graphs call by their plain names
_SHORTER = {f"__{name}__": name for name in ("eq", "ge", "gt", "le", "lt", "ne", "pow")}


class Attribute(Proxy):
    """`value.name`, which is only recorded as the reading of an attribute where it is not called as a method."""

    def __init__(self, root: Proxy, attr: str) -> None:
        self.root, self.attr = root, attr
        self.tracer = root.tracer
        self._node: Node | None = None

    @property
    def node(self) -> Node:  # type: ignore[override]
        """The node that reads it."""
        if self._node is None:
            self._node = self.tracer.create_proxy("call_function", getattr, (self.root, self.attr), {}).node
        return self._node

    def __call__(self, *args: Any, **kwargs: Any) -> Proxy:
        return self.tracer.create_proxy("call_method", self.attr, (self.root, *args), kwargs)


class ParameterProxy(Proxy):
    """Stands for a parameter, whose shape is known."""

    def __init__(self, tracer: TracerBase, node: Node, name: str, param: Tensor) -> None:
        super().__init__(node, tracer)
        assert isinstance(param, Tensor)
        self.param = param
        self.name = name

    def __repr__(self) -> str:
        return f"ParameterProxy({self.name})"

    @property
    def shape(self) -> Any:
        """Of the parameter."""
        return self.param.shape

    @property
    def ndim(self) -> int:
        """Of the parameter."""
        return self.param.ndim

    def size(self, *args: Any) -> Any:
        """Of the parameter."""
        return self.param.size(*args)

    def dim(self) -> int:
        """Of the parameter."""
        return self.param.dim()

    def numel(self) -> int:
        """Of the parameter."""
        return self.param.numel()

    def nelement(self) -> int:
        """Of the parameter."""
        return self.param.nelement()


def _recorded(method: str, reflected: bool = False) -> Callable[..., Any]:
    function = getattr(operator, method)

    def record(self: Proxy, *rest: Any) -> Any:
        args = (rest[0], self) if reflected else (self, *rest)
        return self.tracer.create_proxy("call_function", function, args, {})

    stem = method.rstrip("_")
    record.__name__ = f"__r{stem}__" if reflected else f"__{stem}__"
    return record


for _name in MAGIC_METHODS:
    if hasattr(operator, _name):
        setattr(Proxy, f"__{_name.rstrip('_')}__", _recorded(_name))
for _name in REFLECTABLE:
    setattr(Proxy, f"__r{_name.rstrip('_')}__", _recorded(_name, reflected=True))
Proxy.__hash__ = object.__hash__
