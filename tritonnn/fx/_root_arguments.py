"""A proxy for each parameter of what is recorded, or for each leaf of values that hold others."""

from __future__ import annotations

import inspect
import types
import warnings
from collections.abc import Callable
from itertools import chain
from typing import TYPE_CHECKING, Any

from tritonnn.fx._codegen import _PyTreeCodeGen, _PyTreeInfo
from tritonnn.fx._naming import is_from_torch
from tritonnn.fx.node import Node
from tritonnn.utils._pytree import tree_flatten, tree_map, tree_unflatten

if TYPE_CHECKING:
    from tritonnn.fx._symbolic_trace import Tracer


class PHBase:
    """Stands in `concrete_args` for a value that is recorded."""

    def __repr__(self) -> str:
        return "PH"


PH = PHBase()


class PHWithMeta(PHBase):
    """As `PHBase`, with a key for a pass."""

    def __init__(self, ph_key: str | None = None) -> None:
        super().__init__()
        self.ph_key = ph_key


def _assert_is_none(value: object, msg: str) -> None:
    assert value is None, msg


def create_args_for_root(
    tracer: Tracer, root_fn: Callable[..., Any], is_module: bool, concrete_args: Any
) -> tuple[Callable[..., Any], list[Any]]:
    """The function to call and its arguments."""
    analysed = inspect.unwrap(root_fn)
    code = analysed.__code__
    count = code.co_argcount + code.co_kwonlyargcount
    names = list(code.co_varnames)
    args: list[Any] = []
    if is_module:
        if count == 0:
            raise RuntimeError("``self`` argument cannot be part of *args expansion!")
        args.append(tracer.root)
    own = names[len(args) : count]
    signature = inspect.signature(analysed)
    if isinstance(concrete_args, tuple):
        if len(own) != len(concrete_args):
            raise RuntimeError(
                f"Tracing expected {len(own)} arguments but got {len(concrete_args)} concrete arguments"
            )
        concrete_args = dict(zip(own, concrete_args, strict=True))
    make = _Inputs(tracer, concrete_args, analysed, signature)
    args.extend([make(name) for name in own])
    stars = [(code.co_flags & inspect.CO_VARARGS, "*"), (code.co_flags & inspect.CO_VARKEYWORDS, "**")]
    held = concrete_args is not None and any(_holds(value) for value in concrete_args.values())
    if any([flag for flag, _ in stars]):
        if held:
            raise NotImplementedError("torch.fx: concrete_args of functions that take *args or **kwargs")
        rest = iter(names[count:])
        args.extend([make(star + next(rest)) for flag, star in stars if flag])
        return _with_stars(analysed, code), args
    if held:
        return _flattened(tracer, root_fn, args, names[:count], int(is_module)), args
    return _by_name(root_fn, code), args


def _holds(value: Any) -> bool:
    """Whether a value that is always the same has something recorded inside."""
    return any([isinstance(leaf, PHBase) for leaf in tree_flatten(value)[0]])


def _by_name(function: Callable[..., Any], code: Any) -> Callable[..., Any]:
    """A function that takes its keyword-only parameters by position."""
    if not code.co_kwonlyargcount:
        return function
    plain = code.co_argcount
    named = code.co_varnames[plain : plain + code.co_kwonlyargcount]

    def call(*values: Any) -> Any:
        return function(*values[:plain], **dict(zip(named, values[plain:], strict=True)))

    call.__annotations__ = dict(getattr(function, "__annotations__", {}))
    return call


def _with_stars(function: Any, code: Any) -> Callable[..., Any]:
    """A function that takes all its parameters by position, `*args` and `**kwargs` as one value each."""
    stars = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS
    count = code.co_argcount + code.co_kwonlyargcount + (code.co_flags & stars).bit_count()
    plain = code.replace(
        co_flags=code.co_flags & ~stars, co_argcount=count, co_kwonlyargcount=0, co_posonlyargcount=0
    )
    bare = types.FunctionType(plain, function.__globals__, function.__name__, (), function.__closure__)
    bare.__annotations__ = dict(function.__annotations__)
    return bare


def annotations_of(function: Any) -> dict[str, Any]:
    """Parameter -> type; of this library's functions, whose annotations are texts, those that have a meaning."""
    types = dict(getattr(function, "__annotations__", {}))
    if is_from_torch(function):
        for name, text in [(name, text) for name, text in types.items() if isinstance(text, str)]:
            try:
                types[name] = eval(text, dict(function.__globals__))
            except Exception:  # of names that only type checkers import
                del types[name]
            if types.get(name) is Any:
                del types[name]
    return types


class _Inputs:
    """Makes the proxy of a parameter."""

    def __init__(self, tracer: Any, concrete: dict[str, Any] | None, function: Any, signature: Any) -> None:
        self.tracer, self.concrete, self.signature = tracer, concrete, signature
        self.types = annotations_of(function)
        self.count = 0

    def __call__(self, name: str) -> Any:
        if self.concrete is not None and name in self.concrete:
            self.count = 0
            default = self._default(name)
            return tree_map(lambda leaf: self._leaf(name, leaf, default), self.concrete[name])
        default = () if name.startswith("*") else self._default(name)
        return self.tracer.create_proxy("placeholder", name, default, {}, type_expr=self.types.get(name))

    def _default(self, name: str) -> tuple:
        default = self.signature.parameters[name].default
        return () if default is inspect.Parameter.empty else (default,)

    def _leaf(self, name: str, value: Any, default: tuple) -> Any:
        self.count += 1
        out = self.tracer.create_proxy("placeholder", f"{name}_{self.count}", default, {})
        if isinstance(value, PHBase):
            if isinstance(value, PHWithMeta):
                out.node.meta.update({k: v for k, v in vars(value).items() if k not in out.node.meta})
                out.node.meta["ph_key"] = value.ph_key
            return out
        import tritonnn

        message = f"{name} has been specialized to have value {value} but got another value"
        if type(value) is bool or isinstance(value, (int, float, str)):
            self.tracer.create_proxy("call_function", tritonnn._assert, (out == value, message), {})
        elif value is None:
            self.tracer.create_proxy("call_function", _assert_is_none, (out, message), {})
        else:
            warnings.warn(
                f"Was not able to add assertion to guarantee correct input {name} to specialized function. It is up "
                "to the user to make sure that your inputs match the inputs you specialized the function with.",
                stacklevel=2,
            )
        return value


def _flattened(
    tracer: Tracer, function: Callable[..., Any], args: list[Any], names: list[str], first: int
) -> Callable[..., Any]:
    """A function of the leaves of its arguments; the graph then takes those apart itself."""
    _, spec = tree_flatten(tuple(args))
    _, in_spec = tree_flatten(tuple(args[first:]))
    placeholders = [node for node in tracer.graph.nodes if node.op == "placeholder"]
    _restore_types(placeholders)

    def flat(*leaves: Any) -> Any:
        out = function(*tree_unflatten(list(leaves), spec))
        found, out_spec = tree_flatten(out)
        assert isinstance(tracer.graph._codegen, _PyTreeCodeGen)
        tracer.graph._codegen.pytree_info = tracer.graph._codegen.pytree_info._replace(out_spec=out_spec)
        return found

    flat.__annotations__ = {}
    tracer.graph._codegen = _PyTreeCodeGen(_PyTreeInfo(names[first:], in_spec, None))
    args[:] = list(chain.from_iterable([tree_flatten(arg)[0] for arg in args]))
    return flat


def _restore_types(nodes: list[Node]) -> None:
    for node in nodes:
        node.type = None
