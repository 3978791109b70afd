"""`torch.overrides`: for objects that take calls of public functions over by `__torch_function__`, and for modes.

A subclass of Tensor, or any other class, that defines `__torch_function__` answers the calls that its objects are given
to. A `TorchFunctionMode` answers all calls within its block.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterable, Iterator
from functools import cache, wraps
from types import FunctionType
from typing import Any

from tritonnn import _overridable
from tritonnn._overriding import overloading, overridden, state, unconverted
from tritonnn._tensor import Tensor
from tritonnn.ops import whole
from tritonnn.table import NAMESPACES

__all__ = [
    "BaseTorchFunctionMode", "TorchFunctionMode", "get_default_nowrap_functions", "get_ignored_functions",
    "get_overridable_functions", "get_testing_overrides", "handle_torch_function", "has_torch_function",
    "has_torch_function_unary", "has_torch_function_variadic", "is_tensor_like", "is_tensor_method_or_property",
    "resolve_name", "wrap_torch_function",
]  # fmt: skip


def has_torch_function(relevant_args: Iterable[Any]) -> bool:
    """Whether one of the arguments, or a mode, takes the call over.

    >>> import tritonnn as torch
    >>> torch.overrides.has_torch_function((torch.ones(1), 2))
    False
    """
    return (
        overloading(tuple([arg for arg in relevant_args if not isinstance(arg, (tuple, list))])) is not None
    )


def has_torch_function_unary(arg: object) -> bool:
    """`has_torch_function` of one argument."""
    return has_torch_function((arg,))


def has_torch_function_variadic(*args: object) -> bool:
    """`has_torch_function` of arguments in line."""
    return has_torch_function(args)


def handle_torch_function(
    public_api: Callable, relevant_args: Iterable[Any], *args: object, **kwargs: object
) -> Any:
    """Let what takes the call over answer it.

    Args:
        public_api: the function that was called.
        relevant_args: what may take it over.
        args, kwargs: of the call.

    Raises:
        TypeError: none of them knows how.

    >>> import tritonnn as torch
    >>> class Named:
    ...     @classmethod
    ...     def __torch_function__(cls, func, types, args=(), kwargs=None):
    ...         return func.__name__
    >>> def double(x):
    ...     if torch.overrides.has_torch_function_unary(x):
    ...         return torch.overrides.handle_torch_function(double, (x,), x)
    ...     return 2 * x
    >>> double(Named()), double(3)
    ('double', 6)
    """
    found = overloading(tuple(relevant_args))
    return overridden(public_api, found or [], args, kwargs)


def wrap_torch_function(dispatcher: Callable) -> Callable[[Callable], Callable]:
    """A decorator: the function's calls are taken over by what `dispatcher` picks from the arguments.

    >>> import tritonnn as torch
    >>> @torch.overrides.wrap_torch_function(lambda x: (x,))
    ... def double(x):
    ...     return 2 * x
    >>> double(3)
    6
    """

    def decorate(func: Callable) -> Callable:
        @wraps(func)
        def wrapped(*args: object, **kwargs: object) -> Any:
            relevant = dispatcher(*args, **kwargs)
            if has_torch_function(relevant):
                return handle_torch_function(wrapped, relevant, *args, **kwargs)
            return func(*args, **kwargs)

        return wrapped

    return decorate


def is_tensor_like(inp: object) -> bool:
    """Whether it is a tensor, or of a class that has `__torch_function__`.

    >>> import tritonnn as torch
    >>> torch.overrides.is_tensor_like(torch.ones(1)), torch.overrides.is_tensor_like([1])
    (True, False)
    """
    return type(inp) is Tensor or hasattr(inp, "__torch_function__")


def get_default_nowrap_functions() -> set[Callable]:
    """The functions whose results `Tensor.__torch_function__` leaves as they are."""
    return unconverted()


# ---- what can be taken over ---------------------------------------------------------------------------------

# Public names that are not functions of tensors, or that are told to nobody.
_IGNORED_METHODS = frozenset(("as_subclass",))


@cache
def _by_name() -> dict[str, Callable]:
    """Every function that can be taken over, by what users call it: 'torch.add', 'torch.Tensor.shape.__get__'."""
    import tritonnn
    from tritonnn import autograd

    whole()
    found: dict[str, Callable] = {}
    places = {"torch": NAMESPACES["torch"] | vars(tritonnn), "torch.nn.functional": NAMESPACES["functional"]}
    places |= {f"torch.{place}": NAMESPACES[place] for place in ("linalg", "special")}
    for place, names in places.items():
        for name, value in names.items():
            if isinstance(value, FunctionType) and hasattr(value, "overridable"):
                found[f"{place}.{name}"] = value
    found |= {"torch.autograd.backward": autograd.backward, "torch.autograd.grad": autograd.grad}
    for name in [*vars(Tensor)]:
        member = getattr(Tensor, name)
        if isinstance(member, property) and (not name.startswith("_") or name == "_version"):
            for step in ("__get__", "__set__", "__delete__"):
                if step == "__get__" or _overridable.is_settable(name):
                    found[f"torch.Tensor.{name}.{step}"] = getattr(member, step)
        elif isinstance(member, FunctionType) and _overridable.is_told(name, member):
            found[f"torch.Tensor.{name}"] = member
    return found


def get_overridable_functions() -> dict[Any, list[Callable]]:
    """Module, or class -> the functions of it that can be taken over.

    >>> import tritonnn as torch
    >>> torch.add in torch.overrides.get_overridable_functions()[torch]
    True
    """
    import importlib

    found: dict[Any, list[Callable]] = {}
    for name, function in _by_name().items():
        place = name.removeprefix("torch").lstrip(".")
        if place.startswith("Tensor."):
            owner: Any = Tensor
        else:
            owner = importlib.import_module("tritonnn" + name.rpartition(".")[0].removeprefix("torch"))
        found.setdefault(owner, []).append(function)
    return found


def get_ignored_functions() -> set[Callable]:
    """Public functions that are never taken over: they are given no tensor, or tell what a tensor is.

    >>> import tritonnn as torch
    >>> torch.is_tensor in torch.overrides.get_ignored_functions()
    True
    """
    import tritonnn

    told = set(_by_name().values())
    names = [*vars(tritonnn).items(), *[(name, getattr(Tensor, name)) for name in vars(Tensor)]]
    public = [value for name, value in names if isinstance(value, FunctionType) and not name.startswith("_")]
    return {value for value in public if value not in told}


def get_testing_overrides() -> dict[Callable, Callable]:
    """Every function that can be taken over -> a lambda of the same signature that returns -1.

    >>> import tritonnn as torch
    >>> torch.overrides.get_testing_overrides()[torch.add](1, 2)
    -1
    """
    return {function: _stand_in(function) for function in _by_name().values()}


def _stand_in(function: Callable) -> Callable:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # of a property's __get__
        return lambda *args, **kwargs: -1
    stand_in: Any = lambda *args, **kwargs: (signature.bind(*args, **kwargs), -1)[1]
    stand_in.__signature__ = signature
    return stand_in


def is_tensor_method_or_property(func: Callable) -> bool:
    """Whether it is a method of Tensor, or the `__get__` of one of its properties.

    >>> import tritonnn as torch
    >>> is_method = torch.overrides.is_tensor_method_or_property
    >>> is_method(torch.Tensor.add), is_method(torch.add), is_method(torch.Tensor.shape.__get__)
    (True, False, True)
    """
    name = resolve_name(func)
    return (name is not None and name.startswith("torch.Tensor.")) or getattr(
        func, "__name__", ""
    ) == "__get__"


def resolve_name(f: Callable) -> str | None:
    """What users call a function that can be taken over; None for others.

    >>> import tritonnn as torch
    >>> torch.overrides.resolve_name(torch.nn.functional.relu)
    'torch.nn.functional.relu'
    """
    try:
        return _names().get(getattr(f, "__wrapped__", f)) or _names().get(f)
    except TypeError:  # it has no hash
        return None


@cache
def _names() -> dict[Callable, str]:
    names: dict[Callable, str] = {}
    for name, function in _by_name().items():
        known = names.setdefault(function, name)
        if name.rpartition(".")[2] == function.__name__ != known.rpartition(".")[2]:  # no alias of it
            names[function] = name
    return names


# ---- modes --------------------------------------------------------------------------------------------------


class TorchFunctionMode:
    """A block in which a function of the program's answers every call, with tensors or without.

    `__torch_function__(self, func, types, args, kwargs)` is overridden; within it the mode is off. Blocks nest: the
    innermost is asked first, and its calls go to the next.

    >>> import tritonnn as torch
    >>> class Names(torch.overrides.TorchFunctionMode):
    ...     def __torch_function__(self, func, types, args=(), kwargs=None):
    ...         print(func.__name__)
    ...         return func(*args, **(kwargs or {}))
    >>> with Names():
    ...     x = torch.ones(2).exp()
    ones
    exp
    """

    def __torch_function__(self, func: Callable, types: Any, args: tuple = (), kwargs: Any = None) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has to define __torch_function__")

    def __enter__(self) -> Any:
        _overridable.enter(self)
        return self

    def __exit__(self, *exc_info: object) -> None:
        _overridable.leave()

    @classmethod
    def push(cls, *args: object, **kwargs: object) -> Any:
        """Older form of making one."""
        return cls(*args, **kwargs)


class BaseTorchFunctionMode(TorchFunctionMode):
    """A mode that answers with what the function itself gives."""

    def __torch_function__(self, func: Callable, types: Any, args: tuple = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


def _get_current_function_mode() -> TorchFunctionMode | None:
    return state.modes[-1] if state.modes else None


def _get_current_function_mode_stack() -> list[TorchFunctionMode]:
    return list(state.modes)


@contextlib.contextmanager
def _pop_mode_temporarily() -> Iterator[TorchFunctionMode]:
    mode = _overridable.leave()
    try:
        yield mode
    finally:
        _overridable.enter(mode)
