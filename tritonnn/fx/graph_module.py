"""A module whose `forward` is generated from a graph."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tritonnn._parameter import Parameter
from tritonnn._tensor import Tensor
from tritonnn.fx import _folders
from tritonnn.fx._codegen import PythonCode, _PyTreeCodeGen
from tritonnn.fx._generated import Call, execute, readable
from tritonnn.fx._naming import CUSTOM_BUILTINS
from tritonnn.fx.graph import Graph
from tritonnn.nn.module import Module

__all__ = ["GraphModule", "in_library", "reduce_graph_module"]


def in_library(module: object, part: str) -> bool:
    """Whether a module's class is of `torch.nn`, or another part."""
    place = type(module).__module__
    return place.startswith((f"tritonnn.{part}.", f"torch.{part}.")) or place in (
        f"tritonnn.{part}",
        f"torch.{part}",
    )


def _copy_attr(source: Any, target: Module, name: str) -> None:
    """Give `target` what `source` has under 'a.b.c', with plain modules on the way."""
    *path, last = name.split(".")
    for part in path:
        found = getattr(source, part)
        if found is getattr(target, part, None):
            return
        if not hasattr(target, part):
            setattr(target, part, Module())
        source, target = found, getattr(target, part)
    _set(target, last, getattr(source, last))


def _assign_attr(value: Any, target: Module, name: str) -> None:
    """Give `target` a value under 'a.b.c', with plain modules on the way."""
    *path, last = name.split(".")
    for part in path:
        if not hasattr(target, part):
            setattr(target, part, Module())
        target = getattr(target, part)
    _set(target, last, value)


def _set(target: Module, name: str, value: Any) -> None:
    if isinstance(value, Tensor) and not isinstance(value, Parameter):
        target.register_buffer(name, value)
    else:
        setattr(target, name, value)


class GraphModule(Module):
    """A module whose `forward` is generated from `graph`; assign a graph, or call `recompile`, after a change.

    Args:
        root: the module that has what the graph refers to, or a dictionary of it by path.
        graph: what it computes.
        class_name: what its class is called.

    Raises:
        RuntimeError: the graph refers to something that `root` lacks.

    >>> import tritonnn as torch
    >>> model = torch.fx.symbolic_trace(torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU()))
    >>> for node in model.graph.nodes:
    ...     if node.op == "call_module" and isinstance(model.get_submodule(node.target), torch.nn.ReLU):
    ...         with model.graph.inserting_after(node):
    ...             node.replace_all_uses_with(model.graph.call_function(torch.tanh, (node.args[0],)))
    ...         model.graph.erase_node(node)
    [output]
    >>> _ = model.recompile()
    >>> "torch.tanh" in model.code
    True
    """

    def __new__(cls, *args: object, **kwargs: object) -> GraphModule:
        for base in cls.__mro__:  # each object has a class of its own, as its forward is its own
            if "GraphModuleImpl" not in base.__qualname__.split("."):
                cls = base
                break

        class GraphModuleImpl(cls):  # type: ignore[valid-type, misc]
            pass

        GraphModuleImpl.__module__ = GraphModule.__module__
        return super().__new__(GraphModuleImpl)

    def __init__(self, root: Module | dict[str, Any], graph: Graph, class_name: str = "GraphModule") -> None:
        super().__init__()
        self.__class__.__name__ = class_name
        if isinstance(root, Module):
            if hasattr(root, "training"):
                self.training = root.training
            for node in graph.nodes:
                if node.op in ("get_attr", "call_module"):
                    _copy_attr(root, self, node.target)
        elif isinstance(root, dict):
            self._copy_entries(root, graph)
        else:
            raise RuntimeError(f"Unsupported type {root} passed for root!")
        self.graph = graph
        self._tracer_cls = None
        if graph._tracer_cls is not None and "<locals>" not in graph._tracer_cls.__qualname__:
            self._tracer_cls = graph._tracer_cls
        self._tracer_extras = graph._tracer_extras or {}
        self.meta: dict[str, Any] = {}
        self._replace_hooks: list[Callable[..., Any]] = []
        self._create_node_hooks: list[Callable[..., Any]] = []
        self._erase_node_hooks: list[Callable[..., Any]] = []
        self._deepcopy_hooks: list[Callable[..., Any]] = []

    def _copy_entries(self, root: dict[str, Any], graph: Graph) -> None:
        wanted = []
        for node in graph.nodes:
            if node.op in ("get_attr", "call_module"):
                if node.target not in root:
                    raise RuntimeError(
                        f"Node {node} referenced target {node.target} but that target was not provided in ``root``!"
                    )
                wanted.append(node.target)
        for name in sorted(wanted, key=lambda name: name.count(".")):
            _assign_attr(root[name], self, name)

    # ---- the graph ------------------------------------------------------------------------------------------

    @property
    def graph(self) -> Graph:
        """What it computes."""
        return self._graph

    @graph.setter
    def graph(self, g: Graph) -> None:
        if not isinstance(g, Graph):
            raise AssertionError(f"Expected a Graph instance, but got {type(g)}")
        self._graph = g
        g.owning_module = self
        self.recompile()

    @property
    def code(self) -> str:
        """The source of `forward`."""
        if not hasattr(self, "_code"):
            raise RuntimeError("Code has not been generated! Please report a bug to PyTorch")
        return self._code

    def recompile(self) -> PythonCode:
        """Generate `forward` anew, after the graph was changed."""
        if isinstance(self._graph._codegen, _PyTreeCodeGen):
            self._in_spec = self._graph._codegen.pytree_info.in_spec
            self._out_spec = self._graph._codegen.pytree_info.out_spec
        code = self._graph.python_code(root_module="self")
        self._code, self._lineno_map, self._prologue_start = code.src, code._lineno_map, code._prologue_start
        cls = type(self)
        cls.forward = execute(code.src, code.globals)
        own = vars(cls).get("__call__")
        if "_wrapped_call" not in vars(cls):
            cls._wrapped_call = Call(cls, own)  # type: ignore[attr-defined]

        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            return cls._wrapped_call(self, *args, **kwargs)  # type: ignore[attr-defined]

        cls.__call__ = call
        return code

    # ---- submodules -----------------------------------------------------------------------------------------

    def add_submodule(self, target: str, m: Module) -> bool:
        """Put a module at 'a.b.c', with plain modules on the way; returns whether that was possible."""
        *path, last = target.split(".")
        module: Module = self
        for part in path:
            found = getattr(module, part, None)
            if found is None:
                found = Module()
                setattr(module, part, found)
            if not isinstance(found, Module):
                return False
            module = found
        module.add_module(last, m)
        return True

    def delete_submodule(self, target: str) -> bool:
        """Remove the module at 'a.b.c'; returns whether there was one."""
        *path, last = target.split(".")
        module: Any = self
        for part in path:
            module = getattr(module, part, None)
            if not isinstance(module, Module):
                return False
        if not isinstance(getattr(module, last, None), Module):
            return False
        delattr(module, last)
        return True

    def delete_all_unused_submodules(self) -> None:
        """Remove the modules that no node calls or reads from."""
        used: set[str] = set()
        for node in self.graph.nodes:
            if node.op in ("call_module", "get_attr"):
                parts = node.target.split(".")
                used.update([".".join(parts[: end + 1]) for end in range(len(parts))])
                if node.op == "call_module":
                    try:
                        module = self.get_submodule(node.target)
                    except AttributeError:
                        continue
                    used.update([f"{node.target}.{name}" for name, _ in module.named_modules() if name])
        for name in [name for name, _ in self.named_modules() if name and name not in used]:
            self.delete_submodule(name)

    # ---- copies and files -----------------------------------------------------------------------------------

    def __deepcopy__(self, memo: dict[int, Any]) -> GraphModule:
        new = type(self).__new__(type(self))
        memo[id(self)] = new
        fake = Module()
        fake.__dict__ = copy.deepcopy({k: v for k, v in self.__dict__.items() if k not in _REMADE}, memo)
        graph = copy.deepcopy(self._graph)
        GraphModule.__init__(new, fake, graph)
        for name, value in fake.__dict__.items():
            if name not in new.__dict__:
                new.__dict__[name] = value
        for registry in ("_parameters", "_buffers", "_modules"):
            for name, value in fake.__dict__[registry].items():
                new.__dict__[registry].setdefault(name, value)
        for name in _HOOKS:
            new.__dict__[name] = fake.__dict__[name]
        new.meta = copy.copy(self.meta)
        for name in ("_replace_hooks", "_create_node_hooks", "_erase_node_hooks", "_deepcopy_hooks"):
            setattr(new, name, list(getattr(self, name)))
        for hook in self._deepcopy_hooks:
            hook(new)
        return new

    def __copy__(self) -> GraphModule:
        new = GraphModule(self, self.graph)
        new.meta = getattr(self, "meta", {})
        return new

    def __reduce__(self) -> tuple:
        state = self.__dict__.copy()
        state.pop("_graph")
        code = self.recompile()
        state["_code"] = code.src
        return reduce_graph_module, (state, _folders.import_block(code.globals))

    def to_folder(self, folder: str | Path, module_name: str = "FxModule") -> None:
        """Write it as a Python package that needs no tracing.

        Args:
            folder: the package; made if it is not there.
            module_name: what its class is called.
        """
        _folders.write(self, Path(folder), module_name)

    # ---- printing -------------------------------------------------------------------------------------------

    def __str__(self) -> str:
        hint = "# To see more debug info, please use `graph_module.print_readable()`"
        return f"{super().__repr__()}\n{self._code}\n{hint}"

    def __repr__(self) -> str:
        return super().__repr__()

    def print_readable(self, print_output: bool = True, **options: Any) -> str:
        """The code of this module and of those below, as one class inside another; printed unless told otherwise.

        Raises:
            TypeError: an option of PyTorch's that annotates the code.
        """
        on = [name for name, value in options.items() if value]
        if on:
            raise TypeError(f"GraphModule.print_readable: tritonnn has no annotated code, so no {on[0]}")
        text = readable(self, type(self).__name__)
        if print_output:
            print(text)
        return text

    @contextmanager
    def _set_replace_hook(self, f: Callable[..., Any]) -> Iterator[None]:
        self._replace_hooks.append(f)
        try:
            yield
        finally:
            self._replace_hooks.remove(f)

    def _register_create_node_hook(self, f: Callable[..., Any]) -> None:
        self._create_node_hooks.append(f)

    def _unregister_create_node_hook(self, f: Callable[..., Any]) -> None:
        self._create_node_hooks.remove(f)

    def _register_erase_node_hook(self, f: Callable[..., Any]) -> None:
        self._erase_node_hooks.append(f)

    def _unregister_erase_node_hook(self, f: Callable[..., Any]) -> None:
        self._erase_node_hooks.remove(f)


#: entry of `meta` with attributes that copies keep
_USER_PRESERVED_ATTRIBUTES_KEY = "_user_preserved_attributes"
_REMADE = ("_graph", "_code", "_in_spec", "_out_spec")
_HOOKS = (
    "_forward_hooks", "_forward_pre_hooks", "_forward_hooks_with_kwargs", "_forward_hooks_always_called",
    "_forward_pre_hooks_with_kwargs", "_backward_hooks", "_backward_pre_hooks", "_is_full_backward_hook",
    "_state_dict_hooks", "_state_dict_pre_hooks", "_load_state_dict_pre_hooks", "_load_state_dict_post_hooks",
    "_non_persistent_buffers_set", "training",
)  # fmt: skip


class _CodeOnlyModule(Module):
    """A module of entries that are there already, whose `forward` is set."""

    def __init__(self, body: dict[Any, Any]) -> None:
        super().__init__()
        self.__dict__ = dict(body)


def reduce_graph_module(body: dict[Any, Any], import_block: str) -> Module:
    """What unpickles a GraphModule: runs its source once, with proxies, to have the graph again.

    It runs the source that it is given, as unpickling does anyway; `torch.load` refuses it unless told otherwise.
    """
    source = body.get("_code") or body["code"]
    names: dict[str, Any] = {name: value for name, (_, value) in CUSTOM_BUILTINS.items()}
    exec(_folders.own_imports(import_block), names)
    forward = execute(source, names)
    return _restored(forward, body)


def _restored(forward: Callable[..., Any], body: dict[Any, Any]) -> Module:
    from tritonnn.fx._symbolic_trace import Tracer

    class CodeOnly(_CodeOnlyModule):
        pass

    CodeOnly.forward = forward
    com = CodeOnly(body)
    extras = body.get("_tracer_extras", {})
    tracer_cls = body.get("_tracer_cls") or Tracer

    class KeepModules(tracer_cls):  # type: ignore[valid-type, misc]
        def is_leaf_module(self, m: Module, module_qualified_name: str) -> bool:
            return True

    graph = KeepModules().trace(com, **extras)
    graph._tracer_cls = tracer_cls
    module = GraphModule(com, graph, class_name=body.get("_graphmodule_cls_name", "GraphModule"))
    for name, value in body.items():
        if name not in module.__dict__ and name not in ("_graphmodule_cls_name", "_code"):
            module.__dict__[name] = value
    for registry in ("_parameters", "_buffers", "_modules"):
        for name, value in body.get(registry, {}).items():
            module.__dict__[registry].setdefault(name, value)
    for name in _HOOKS:
        if name in body:
            module.__dict__[name] = body[name]
    module.meta = body.get("meta", {})
    return module
