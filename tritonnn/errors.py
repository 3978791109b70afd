"""Errors that explain: what was given, what was expected, which argument, in which module."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from typing import Any

_invalid_types: dict[type[Exception], type[Invalid]] = {}


class Invalid(Exception):
    """Raised by an op's rule; dispatch completes it into the exception the user sees.

    Args:
        message: what was expected and what came, naming the arguments.
        kind: the exception type PyTorch raises there.
        hint: one thing to try.
    """

    def __new__(cls, message: str, *, kind: type[Exception] = RuntimeError, hint: str = "") -> Invalid:
        # Also an exception of that type, so that one raised outside a rule is caught as what it stands for.
        subclass = _invalid_types.get(kind)
        if subclass is None:
            subclass = type(kind.__name__, (Invalid, kind), {"__module__": kind.__module__})
            _invalid_types[kind] = subclass
        return Exception.__new__(subclass, message)

    def __init__(self, message: str, *, kind: type[Exception] = RuntimeError, hint: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.hint = hint


class LinAlgError(RuntimeError):
    """Raised where a matrix does not allow what was asked for: singular, not positive definite, no convergence.

    >>> import tritonnn as torch
    >>> try:
    ...     torch.linalg.inv(torch.zeros(2, 2))
    ... except torch.linalg.LinAlgError:
    ...     print("singular")
    singular
    """


LinAlgError.__module__ = "tritonnn.linalg"


class SparseOperand(NotImplementedError):
    """Raised where the elements of a sparse tensor are asked for as if it were dense.

    What publishes an op catches it, and looks for what the op has for sparse tensors (`table/sparse.py`).
    """


SparseOperand.__name__, SparseOperand.__module__ = "NotImplementedError", "builtins"  # what users see


class BatchedOperand(SparseOperand):
    """The same where a tensor inside `vmap` is asked for memory of its own (`tritonnn/_levels.py`)."""


class HalfComplexOperand(SparseOperand):
    """The same where an op would compute with complex32: it is called again with complex64."""


class ValueDependent(BatchedOperand):
    """The same where the value of one is asked for: an op that needs it is called with one sample at a time."""


BatchedOperand.__name__, BatchedOperand.__module__ = "NotImplementedError", "builtins"
ValueDependent.__name__, ValueDependent.__module__ = "RuntimeError", "builtins"


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the line of the program that called the library, however deep inside it the reason was found."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "tritonnn":
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


_always = False
_warned: set[str] = set()


def warn_once(key: str, message: str) -> None:
    """`warn`, once in a process for each key, or every time where `set_warn_always` asks for that."""
    if _always or key not in _warned:
        _warned.add(key)
        warn(message)


def set_warn_always(b: bool) -> None:
    """Whether warnings that are given once in a process are given every time; Python's own filters stay.

    >>> import tritonnn as torch
    >>> torch.set_warn_always(True)
    >>> torch.is_warn_always_enabled()
    True
    >>> torch.set_warn_always(False)
    """
    global _always
    if not isinstance(b, bool):
        raise RuntimeError(f"setWarnOnlyOnce expects a bool, but got {type(b).__name__}")
    _always = b


def is_warn_always_enabled() -> bool:
    """Whether `set_warn_always(True)` was called.

    >>> import tritonnn as torch
    >>> torch.is_warn_always_enabled()
    False
    """
    return _always


class _Explained:
    """Mixed into the exception types that ops raise, so that a Module can add its path to the text."""

    module_path: str | None = None
    module: Any = None  # the outermost module it has passed through so far
    module_named: bool = False  # whether the path is made of attribute names, not of a root's class


_types: dict[type[Exception], type[Exception]] = {}


def explained(kind: type[Exception]) -> type[Exception]:
    """The subclass of `kind` that can carry a module path; `except kind` catches it, tracebacks show `kind`."""
    subclass = _types.get(kind)
    if subclass is None:
        subclass = _types[kind] = type(kind.__name__, (_Explained, kind), {"__module__": kind.__module__})
    return subclass


def is_explained(error: BaseException) -> bool:
    """Whether an op raised it, so that it can carry a module path."""
    return isinstance(error, _Explained)


def add_module_path(error: BaseException, path: str) -> None:
    """Complete an op's error with the dotted path of the module whose forward raised it.

    Each enclosing module calls it again with a longer path, which replaces the one before.

    Args:
        error: any exception; those that no op raised are left alone.
        path: such as 'encoder.fc1', or the class name of a root module.
    """
    if isinstance(error, _Explained) and isinstance(error, Exception) and error.args:
        text = str(error.args[0])
        if error.module_path is not None:
            text = text.removesuffix(f"\n  in module '{error.module_path}'")
        error.module_path = path
        error.args = (f"{text}\n  in module '{path}'", *error.args[1:])


# What Python and NumPy raise of numbers that are too large for them, and what below an op does not know its name.
LEAKS = (OverflowError, MemoryError, Invalid)


def leaked(name: str, names: Sequence[str], args: Sequence[Any], error: Exception) -> Exception:
    """The exception a user sees where one of `LEAKS` was raised; what has been explained stays."""
    if isinstance(error, _Explained):
        return error
    if isinstance(error, Invalid):
        return complete(name, tuple(names), tuple(args), error)
    if isinstance(error, MemoryError):
        return explained(RuntimeError)(f"{name}: can't allocate memory: {error or 'too much was asked for'}")
    if (long := _too_long(name, names, args)) is not None:
        return long
    text = f"{name}: value cannot be converted to type int64_t without overflow ({error})"
    return explained(RuntimeError)(text + listed(names, args))


def _too_long(name: str, names: Sequence[str], args: Sequence[Any]) -> Exception | None:
    """What is said of the first whole number among the arguments that 64 bits do not hold; None without one."""
    for argument, value in zip(names, args, strict=False):
        for item in value if isinstance(value, (list, tuple)) else (value,):
            if item.__class__ is int and not -(2**63) <= item < 2**63:
                text = f"{name}: Overflow when unpacking long long: argument '{argument}' is {item}"
                return explained(ValueError)(text + listed(names, args))
    return None


def describe(value: object) -> str:
    """A tensor as 'shape dtype device', another value as its repr."""
    if hasattr(value, "dtype") and hasattr(value, "shape") and hasattr(value, "device"):
        shape = tuple(value.shape)
        return f"{shape} {value.dtype.name} {value.device}"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def complete(name: str, names: tuple[str, ...], args: tuple, invalid: Invalid) -> Exception:
    """The exception a user sees: op, message, every tensor argument, and one hint."""
    if invalid.kind is not OverflowError and (long := _too_long(name, names, args)) is not None:
        return long
    hint = f"\n  hint: {invalid.hint}" if invalid.hint else ""
    return explained(invalid.kind)(f"{name}: {invalid}{listed(names, args)}{hint}")


def refused(text: str, names: Sequence[str], args: Sequence[Any]) -> Exception:
    """The TypeError of a call whose arguments do not fit: the text, and every tensor among those known."""
    return explained(TypeError)(text + listed(names, args))


def listed(names: Sequence[str], args: Sequence[Any]) -> str:
    """A line with every tensor argument, by name and shape; nothing where there is none."""
    tensors = []
    for argument, value in zip(names, args, strict=False):
        if hasattr(value, "_storage"):
            tensors.append(f"{argument} {describe(value)}")
        elif isinstance(value, (list, tuple)):
            items = [(i, item) for i, item in enumerate(value[:8]) if hasattr(item, "_storage")]
            tensors += [f"{argument}[{i}] {describe(item)}" for i, item in items]
    return "\n  " + "    ".join(tensors) if tensors else ""


def fail(
    name: str, message: str, *, kind: type[Exception] = RuntimeError, hint: str = "", **values: object
) -> Exception:
    """Build (not raise) an explained error outside a rule: `raise fail("cat", "...", tensors=...)`."""
    return complete(name, tuple(values), tuple(values.values()), Invalid(message, kind=kind, hint=hint))
