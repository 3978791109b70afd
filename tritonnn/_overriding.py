"""The `__torch_function__` protocol: tensors of subclasses, and other objects, that take calls of functions over.

A public function looks at the classes of its arguments, as it does anyway to refuse what does not fit. `overloading`
says what among them takes calls over, and `overridden` lets that answer. Calls with plain tensors ask two things more:
whether a class is one of `TENSORS`, and whether there is a mode in any thread (`MODES`).
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterable
from functools import wraps
from types import EllipsisType, FunctionType
from typing import Any, TypeVar

import numpy as np

from tritonnn._compressed import CompressedTensor
from tritonnn._conjugated import ConjugatedTensor, holds, with_own
from tritonnn._sparse import Sparse, SparseTensor
from tritonnn._tensor import Tensor
from tritonnn.device import device as Device
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import SparseOperand, explained
from tritonnn.memory_format import layout as Layout
from tritonnn.memory_format import memory_format as MemoryFormat
from tritonnn.shape import Size

F = TypeVar("F", bound=Callable)

#: classes of tensors that take nothing over; Parameter and Buffer join them where they are defined
TENSORS: set[type] = {Tensor, SparseTensor, CompressedTensor, ConjugatedTensor}
#: classes of values that take nothing over
VALUES: frozenset[type] = frozenset((
    int, float, bool, complex, str, bytes, type(None), slice, EllipsisType, FunctionType, Device, DType, Layout,
    MemoryFormat, Size, np.ndarray, np.float32, np.float64, np.int64, np.bool_, dict, range,
))  # fmt: skip
#: a place for each mode that is entered in any thread: asked for its truth at the beginning of each call
MODES: list[Any] = []


#: methods that do not look by themselves -> their form that does: what a mode is told that has others around it
LOOKING: dict[Callable, Callable] = {}


class _State(threading.local):
    """What a thread has."""

    modes: list[Any]

    def __init__(self) -> None:
        self.modes = []  # those that are entered, but for those that are answering
        self.off = 0  # 1: arguments take nothing over; 2: modes neither


state = _State()


def _disabled_torch_function_impl(
    func: Callable, types: Iterable[type], args: tuple = (), kwargs: dict[str, Any] | None = None
) -> Any:
    """The `__torch_function__` of classes whose tensors are as plain ones to all functions, such as Parameter."""
    with DisableTorchFunctionSubclass():
        return func(*args, **(kwargs or {}))


class _Off:
    level = 0

    def __enter__(self) -> None:
        self.before = state.off
        state.off = max(self.level, state.off)

    def __exit__(self, *exc_info: object) -> None:
        state.off = self.before


class DisableTorchFunctionSubclass(_Off):
    """A block in which no argument takes calls over; modes still do.

    >>> import tritonnn as torch
    >>> class Mine(torch.Tensor): ...
    >>> with torch.DisableTorchFunctionSubclass():
    ...     type(torch.ones(2).as_subclass(Mine) * 2) is torch.Tensor
    True
    """

    level = 1


class DisableTorchFunction(_Off):
    """A block in which nothing takes calls over.

    >>> import tritonnn as torch
    >>> class Mine(torch.Tensor): ...
    >>> with torch.DisableTorchFunction():
    ...     type(torch.ones(2).as_subclass(Mine) * 2) is torch.Tensor
    True
    """

    level = 2


# ---- what takes a call over ---------------------------------------------------------------------------------


def overloading(values: Iterable[Any]) -> list[Any] | None:
    """Those of the values, and of the items of lists and tuples among them, that take calls over: one of each class.

    None where nothing does: no value, and no mode.
    """
    for value in values:
        if value.__class__ not in TENSORS and value.__class__ not in VALUES:
            return _found(values)
    return modes_alone(values) if MODES else None


def _found(values: Iterable[Any]) -> list[Any] | None:
    found: list[Any] = []
    for value in values:
        kind = value.__class__
        if kind in TENSORS or kind in VALUES:
            continue
        if kind is tuple or kind is list:
            for item in value:
                if item.__class__ not in VALUES and item.__class__ not in TENSORS:
                    _add(found, item)
        else:
            _add(found, value)
    return found if found or (state.modes and state.off < 2) else None


def _add(found: list[Any], value: object) -> None:
    """Put a value where it belongs: subclasses before the classes above them, else as they come.

    Nested tensors have no other way to be computed with, and cannot be told not to take calls over.
    """
    kind = type(value)
    if state.off and not getattr(kind, "_always_overrides", False):
        return
    if not overrides(kind) or any([type(other) is kind for other in found]):
        return
    place = next((i for i, other in enumerate(found) if issubclass(kind, type(other))), len(found))
    found.insert(place, value)


def overrides(kind: type) -> bool:
    """Whether objects of a class take calls over."""
    implementation = None if kind in TENSORS else getattr(kind, "__torch_function__", None)
    return implementation is not None and implementation is not _disabled_torch_function_impl


def overridden(public: Callable, found: list[Any], args: tuple, kwargs: dict[str, Any]) -> Any:
    """Let the innermost mode, or what takes the call over, answer it.

    Raises:
        TypeError: none of them knows how.
    """
    types = tuple([type(value) for value in found])
    mode = None
    if state.modes and state.off < 2:
        mode = state.modes.pop()
        told = LOOKING.get(public, public) if state.modes else public
        try:
            result = mode.__torch_function__(told, types, args, kwargs)
        finally:
            state.modes.append(mode)
        if result is not NotImplemented:
            return result
    for value in found:
        implementation = value.__torch_function__
        if getattr(implementation, "__self__", None) is value:
            warnings.warn(
                "Defining your `__torch_function__` as a plain method is deprecated and will be an error in future, "
                "please define it as a classmethod.",
                DeprecationWarning,
                stacklevel=3,
            )
        result = implementation(public, types, args, kwargs)
        if result is not NotImplemented:
            return result
    error: Any = TypeError(_unimplemented(public, types, mode))
    error.unimplemented = True  # for operators, which leave the call to the other side
    raise error


def _unimplemented(public: Callable, types: tuple, mode: object) -> str:
    text = f"no implementation found for '{public_name(public)}' on types that implement __torch_function__"
    text = f"{text}: {list(types)}"
    return text if mode is None else f"{text} nor in mode {mode}"


def public_name(public: Any) -> str:
    """What users call a function: 'torch.add', 'torch.Tensor.add', 'torch.Tensor.shape.__get__'."""
    member = getattr(public, "__self__", None)
    if isinstance(member, property):
        name = next((name for name, value in vars(Tensor).items() if value is member), "?")
        return f"torch.Tensor.{name}.{public.__name__}"
    name = getattr(public, "__qualname__", repr(public))
    if name.startswith("Tensor."):
        return f"torch.{name}"
    module = getattr(public, "__module__", None) or ""
    if module.startswith("tritonnn.ops."):
        return f"torch.{name}"
    return f"{'torch' + module.removeprefix('tritonnn') if module.startswith('tritonnn') else module}.{name}"


def modes_alone(values: Iterable[Any]) -> list[Any] | None:
    """As `overloading`, of calls that no value takes over."""
    return [] if MODES and state.modes and state.off < 2 else None


def undisturbed(function: Callable) -> Callable:
    """The function, within which a tensor that it is given first takes nothing over."""

    def run(*args: object, **kwargs: object) -> Any:
        data = args[0] if args else None
        if data.__class__ in TENSORS or not isinstance(data, Tensor):
            return function(*args, **kwargs)
        with DisableTorchFunctionSubclass():
            return function(*args, **kwargs)

    return run


def _form_of(name: str, args: tuple, error: SparseOperand) -> Callable:
    """The method of this name that the first argument has, a sparse tensor.

    Raises:
        NotImplementedError: it has none.
    """
    first = args[0] if args else None
    if not isinstance(first, Sparse) or name not in type(first).known:
        raise explained(SparseOperand)(str(error).replace("this is", f"{name} is", 1)) from None
    return getattr(type(first), name)


def overridable(function: F) -> F:
    """A function behind a look for arguments that take its calls over."""

    @wraps(function)
    def public(*args: object, **kwargs: object) -> Any:
        found = overloading((*args, *kwargs.values()) if kwargs else args)
        if found is not None:
            return overridden(public, found, args, kwargs)
        try:
            return function(*args, **kwargs)
        except SparseOperand as error:
            if not holds((*args, *kwargs.values())):
                if not any(isinstance(value, Sparse) for value in (*args, *kwargs.values())):
                    raise
                form = _form_of(function.__name__, args, error)
                return form(*args, **kwargs)
        own = {name: with_own(value) for name, value in kwargs.items()}
        return function(*[with_own(arg) for arg in args], **own)

    public.overridable = True  # type: ignore[attr-defined]
    return public  # type: ignore[return-value]


def torch_function(
    cls: type, func: Callable, types: Iterable[type], args: tuple = (), kwargs: dict[str, Any] | None = None
) -> Any:
    """What subclasses of Tensor do with a call unless they say otherwise: its result becomes one of theirs."""
    if not all([issubclass(cls, kind) for kind in types]):
        return NotImplemented
    with DisableTorchFunctionSubclass():
        result = func(*args, **(kwargs or {}))
    return result if func in unconverted() else converted(result, cls)


def unconverted() -> set[Callable]:
    """The functions whose results stay what they are."""
    return {vars(Tensor)["grad"].__get__}


def converted(result: object, cls: type) -> Any:
    """The tensors of a result, in lists and tuples too, as tensors of a class."""
    if cls is Tensor:
        return result
    if isinstance(result, Tensor):
        return result if isinstance(result, cls) else result.as_subclass(cls)
    if isinstance(result, (tuple, list)) and not isinstance(result, Size):
        parts = [converted(part, cls) for part in result]
        return type(result)(*parts) if hasattr(result, "_fields") else type(result)(parts)
    return result
