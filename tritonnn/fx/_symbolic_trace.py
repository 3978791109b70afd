"""Recording what a function or module does with values that are not there yet, as a graph."""

from __future__ import annotations

import collections
import contextlib
import functools
import inspect
import math
from collections.abc import Callable
from itertools import chain
from types import ModuleType
from typing import Any, TypeVar

from tritonnn._parameter import Parameter
from tritonnn._tensor import Tensor
from tritonnn.fx import _root_arguments
from tritonnn.fx._patching import Patches, autowrap, patch_wrapped, wrapped_functions, wrapped_methods
from tritonnn.fx._root_arguments import PH, PHBase, PHWithMeta, _assert_is_none
from tritonnn.fx.graph import Graph
from tritonnn.fx.graph_module import GraphModule, in_library
from tritonnn.fx.proxy import ParameterProxy, Proxy, Scope, ScopeContextManager, TracerBase, _CurrentScope
from tritonnn.nn.module import Module
from tritonnn.nn.modules.container import Sequential

__all__ = [
    "PH", "PHBase", "PHWithMeta", "ProxyableClassMeta", "Tracer", "_assert_is_none", "is_fx_symbolic_tracing",
    "is_fx_tracing", "symbolic_trace", "wrap",
]  # fmt: skip

T = TypeVar("T")
_wrapped_fns_to_patch = wrapped_functions
_wrapped_methods_to_patch = wrapped_methods
_proxyable_classes: set[type] = set()
_tracing = 0
_original_call = Module.__call__
_original_getattr = Module.__getattr__


def is_fx_tracing() -> bool:
    """Whether a program is being recorded.

    >>> from tritonnn.fx._symbolic_trace import is_fx_tracing
    >>> is_fx_tracing()
    False
    """
    return _tracing > 0


def is_fx_symbolic_tracing() -> bool:
    """Whether a program is being recorded."""
    return _tracing > 0


@contextlib.contextmanager
def _recording() -> Any:
    global _tracing
    _tracing += 1
    try:
        yield
    finally:
        _tracing -= 1


class ProxyableClassMeta(type):
    """The class of classes that may be made while a program is recorded: each object becomes a node."""

    def __init__(cls, name: str, bases: tuple, attrs: dict[str, Any]) -> None:
        _proxyable_classes.add(cls)
        super().__init__(name, bases, attrs)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        instance = cls.__new__(cls)  # type: ignore[call-overload]
        if not is_fx_tracing():
            cls.__init__(instance, *args, **kwargs)  # type: ignore[misc]
            return instance
        found: list[Proxy] = []

        def find(value: Any) -> None:
            for item in value if isinstance(value, (list, tuple)) else [value]:
                if isinstance(item, Proxy):
                    found.append(item)

        for value in (*args, *kwargs.values()):
            find(value)
        if found:
            return found[0].tracer.create_proxy("call_function", cls, args, kwargs)
        cls.__init__(instance, *args, **kwargs)  # type: ignore[misc]
        return instance


class Tracer(TracerBase):
    """Records a function or module as a graph; its methods say how, and are there to be overridden.

    Args:
        autowrap_modules: Python modules whose functions become one node each.
        autowrap_functions: functions that become one node each.
        param_shapes_constant: whether the shapes of parameters are numbers, not recorded.

    >>> import tritonnn as torch
    >>> class Deep(torch.fx.Tracer):
    ...     def is_leaf_module(self, m, module_qualified_name):
    ...         return False
    >>> print(Deep().trace(torch.nn.ReLU()))
    graph():
        %input_1 : torch.Tensor [num_users=1] = placeholder[target=input]
        %relu : [num_users=1] = call_function[target=torch.nn.functional.relu](args = (...), kwargs = {inplace: False})
        return relu
    """

    def __init__(
        self,
        autowrap_modules: tuple[ModuleType, ...] = (math,),
        autowrap_functions: tuple[Callable[..., Any], ...] = (),
        param_shapes_constant: bool = False,
    ) -> None:
        super().__init__()
        known = chain.from_iterable([vars(module).items() for module in autowrap_modules])
        self._autowrap_function_ids = {
            id(value) for name, value in known if not name.startswith("_") and callable(value)
        }
        self._autowrap_function_ids.update([id(function) for function in autowrap_functions])
        self._autowrap_search = list(autowrap_modules)
        self.param_shapes_constant = param_shapes_constant
        self.submodule_paths: dict[Module, str] | None = None
        self.root_module_name = ""
        self.scope = _CurrentScope()
        self.module_stack = collections.OrderedDict()
        self.num_calls: dict[str, int] = {}
        self.node_name_to_scope = {}

    # ---- what a subclass may say ----------------------------------------------------------------------------

    def is_leaf_module(self, m: Module, module_qualified_name: str) -> bool:
        """Whether a module becomes one node; the layers of `torch.nn` but containers do.

        Args:
            m: the module that is called.
            module_qualified_name: its path in the root, such as 'layer1.0.conv1'.
        """
        return in_library(m, "nn") and not isinstance(m, Sequential)

    def path_of_module(self, mod: Module) -> str:
        """The path of a module in the root.

        Raises:
            NameError: it is not in it.
        """
        if self.submodule_paths:
            path = self.submodule_paths.get(mod)
            if path is None:
                raise NameError("module is not installed as a submodule")
            return path
        path = next((name for name, module in self.root.named_modules() if module is mod), None)
        if path is None:
            raise NameError("module is not installed as a submodule")
        return path

    def call_module(
        self, m: Module, forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """What the call of a module gives: a node for a leaf, else what its `forward` does.

        Args:
            m: the module.
            forward: calls it without being recorded as a call of a module.
            args, kwargs: of the call.
        """
        path = self.path_of_module(m)
        with ScopeContextManager(self.scope, Scope(path, type(m))) as scope:
            calls = self.num_calls.get(path, 0)
            key = f"{scope.module_path}@{calls}" if calls else scope.module_path
            self.module_stack[key] = (path, scope.module_type)
            self.num_calls[path] = calls + 1
            try:
                if self.is_leaf_module(m, path):
                    return self.create_proxy("call_module", path, args, kwargs)
                return forward(*args, **kwargs)
            finally:
                self.module_stack.popitem(last=True)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        """What the reading of a module's attribute gives: a proxy for a parameter.

        Args:
            attr: its name.
            attr_val: its value.
            parameter_proxy_cache: the proxies there are, by path.
        """
        if isinstance(attr_val, Parameter):
            return self._attribute_proxy(attr_val, self.root.named_parameters(), parameter_proxy_cache)
        if self.proxy_buffer_attributes and isinstance(attr_val, Tensor):
            return self._attribute_proxy(attr_val, self.root.named_buffers(), parameter_proxy_cache)
        return attr_val

    def _attribute_proxy(self, value: Tensor, entries: Any, cache: dict[str, Any]) -> Any:
        name = next((name for name, entry in entries if entry is value), None)
        if name is None:
            return value
        if name not in cache:
            options: dict[str, Any] = {}  # of which overridden methods need not know
            if self.param_shapes_constant:
                options["proxy_factory_fn"] = lambda node: ParameterProxy(self, node, name, value)
            cache[name] = self.create_proxy("get_attr", name, (), {}, **options)
        return cache[name]

    def create_arg(self, a: Any) -> Any:
        """An argument of a call as the argument of a node: tensors of the module become nodes that read them."""
        if isinstance(a, Parameter):
            name = next((name for name, p in self.root.named_parameters() if p is a), None)
            if name is None:
                raise NameError("parameter is not a member of this module")
            return self.create_node("get_attr", name, (), {})
        if isinstance(a, Tensor):
            name = next((name for name, buffer in self.root.named_buffers() if buffer is a), None)
            return self.create_node("get_attr", name or self._constant(a), (), {})
        if isinstance(a, tuple) and hasattr(a, "_fields"):
            return self.create_node("call_function", a.__class__, tuple(map(self.create_arg, a)), {})
        if type(a) in _proxyable_classes:
            return self._constant_of(a, f"_{a.__class__.__name__}_constant_")
        return super().create_arg(a)

    def _constant(self, a: Tensor) -> str:
        """The path by which the root has a tensor; it gets one where it has none."""
        path = self.tensor_attrs.get(id(a))
        if path is None:
            path = self.get_fresh_qualname("_tensor_constant")
            self.tensor_attrs[id(a)] = path
            setattr(self.root, path, a)
        return path

    def _constant_of(self, a: Any, prefix: str) -> Any:
        path = self.get_fresh_qualname(prefix)
        setattr(self.root, path, a)
        return self.create_node("get_attr", path, (), {})

    def get_fresh_qualname(self, prefix: str) -> str:
        """The first name of the root that is free, of `prefix0`, `prefix1`, ..."""
        number = 0
        while hasattr(self.root, f"{prefix}{number}"):
            number += 1
        return f"{prefix}{number}"

    # ---- recording ------------------------------------------------------------------------------------------

    def create_args_for_root(
        self, root_fn: Callable[..., Any], is_module: bool, concrete_args: Any = None
    ) -> tuple[Callable[..., Any], list[Any]]:
        """The function to call, and what with: a proxy for each of its parameters.

        Args:
            root_fn: what is recorded.
            is_module: whether its first parameter is the module.
            concrete_args: parameter -> a value that it always has.
        """
        return _root_arguments.create_args_for_root(self, root_fn, is_module, concrete_args)

    def trace(self, root: Module | Callable[..., Any], concrete_args: dict[str, Any] | None = None) -> Graph:
        """Record a module or function.

        Args:
            root: what is recorded.
            concrete_args: parameter -> a value that it always has, so that `if`s on it can be followed.

        Raises:
            TraceError: what it does depends on values that are not there.
        """
        with _recording():
            fn = self._set_root(root)
            self.graph = Graph(tracer_cls=getattr(self, "__class__", None))
            self.tensor_attrs = _tensor_attributes(self.root)
            assert hasattr(fn, "__globals__"), f"expected a Python function, but got {type(fn).__name__}"
            names = fn.__globals__
            fn, args = self.create_args_for_root(fn, isinstance(root, Module), concrete_args)
            with Patches() as patches:
                self._patch(patches, names)
                result = self.create_arg(fn(*args))
                returned = _root_arguments.annotations_of(fn).get("return")
                self.create_node("output", "output", (result,), {}, type_expr=returned)
        self.submodule_paths = None
        return self.graph

    def _set_root(self, root: Module | Callable[..., Any]) -> Any:
        if not isinstance(root, Module):
            self.root = Module()
            return root
        self.root = root
        kind = type(root)
        assert hasattr(kind, self.traced_func_name), (
            f"traced_func_name={self.traced_func_name} doesn't exist in {kind.__name__}"
        )
        self.root_module_name = root._get_name()
        self.submodule_paths = {module: name for name, module in root.named_modules()}
        return getattr(kind, self.traced_func_name)

    def _patch(self, patches: Patches, names: dict[str, Any]) -> None:
        cache: dict[str, Any] = {}

        @functools.wraps(_original_getattr)
        def read(module: Module, attr: str) -> Any:
            return self.getattr(attr, _original_getattr(module, attr), cache)

        @functools.wraps(_original_call)
        def call(module: Module, *args: Any, **kwargs: Any) -> Any:
            autowrap(patches, self._globals_of(module), self._autowrap_function_ids)
            forward = lambda *args, **kwargs: _original_call(module, *args, **kwargs)
            return self.call_module(module, forward, args, kwargs)

        patches.method(Module, "__getattr__", read)
        patches.method(Module, "__call__", call)
        patch_wrapped(patches)
        autowrap(patches, names, self._autowrap_function_ids)
        for module in self._autowrap_search:
            autowrap(patches, vars(module), self._autowrap_function_ids)

    def _globals_of(self, module: Module) -> dict[str, Any]:
        function = getattr(getattr(module, "forward", module), "__globals__", None)
        return {} if function is None else function

    def __deepcopy__(self, memo: dict[int, Any]) -> Tracer:
        new = type(self).__new__(type(self))
        memo[id(self)] = new
        new.__dict__.update(self.__dict__)
        return new


def _tensor_attributes(root: Module) -> dict[int, str]:
    """Tensors that modules have as plain attributes, by id -> path."""
    found: dict[int, str] = {}
    for path, module in root.named_modules():
        for name, value in vars(module).items():
            if isinstance(value, Tensor):
                found[id(value)] = f"{path}.{name}".lstrip(".")
    return found


def wrap(fn_or_name: Any) -> Any:
    """Let the calls of a function of the module that this is called in become one node each.

    Args:
        fn_or_name: the function, as a decorator, or its name; also one of Python's own, such as 'len'.

    Raises:
        NotImplementedError: not called at the top level of a module.
        RuntimeError: neither a function nor a name.

    >>> import tritonnn as torch
    >>> torch.fx.wrap("len")
    'len'
    """
    if not callable(fn_or_name) and not isinstance(fn_or_name, str):
        raise RuntimeError("Unsupported type for global function! Must be either a callable or string name")
    name = fn_or_name.__name__ if callable(fn_or_name) else fn_or_name
    assert isinstance(name, str), f"expected a name, but got {name!r}"
    frame = inspect.currentframe()
    assert frame is not None and frame.f_back is not None
    frame = frame.f_back
    if frame.f_code.co_name != "<module>":
        raise NotImplementedError("wrap must be called at the top level of a module")
    wrapped_functions[id(frame.f_globals), name] = frame.f_globals
    return fn_or_name


def symbolic_trace(
    root: Module | Callable[..., Any], concrete_args: dict[str, Any] | None = None
) -> GraphModule:
    """A module or function as a GraphModule: its steps can be read and changed, and it computes the same.

    Args:
        root: the module or function.
        concrete_args: parameter -> a value that it always has, so that `if`s on it can be followed.

    Raises:
        TraceError: what it does depends on values that are not there.

    >>> import tritonnn as torch
    >>> model = torch.fx.symbolic_trace(lambda x: torch.relu(x) + 1)
    >>> print(model.code.strip())
    def forward(self, x):
        relu = torch.relu(x);  x = None
        add = relu + 1;  relu = None
        return add
    >>> model(torch.tensor([-1., 2.]))
    tensor([1., 3.])
    """
    tracer = Tracer()
    graph = tracer.trace(root, concrete_args)
    name = (
        root.__class__.__name__
        if isinstance(root, Module)
        else getattr(root, "__name__", type(root).__name__)
    )
    return GraphModule(tracer.root, graph, name)
