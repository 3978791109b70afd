"""`SymInt` and its like: shapes are numbers but for ragged extents; and the functions that programs apply to either."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable, Sequence
from typing import NoReturn, TypeVar

T = TypeVar("T")


class _Symbolic:
    def __init__(self, node: object) -> None:
        raise NotImplementedError(
            f"{type(self).__name__}: tritonnn traces no symbolic shapes: sizes are plain numbers"
        )


class SymInt(_Symbolic):
    """What an int would be while shapes are traced; only ragged extents of nested tensors are (`torch.nested`).

    >>> import tritonnn as torch
    >>> isinstance(torch.ones(2).shape[0], torch.SymInt)
    False
    """


class SymFloat(_Symbolic):
    """What a float would be while shapes are traced; there are none.

    >>> import tritonnn as torch
    >>> isinstance(1.0, torch.SymFloat)
    False
    """


class SymBool(_Symbolic):
    """What a bool would be while shapes are traced; there are none.

    >>> import tritonnn as torch
    >>> isinstance(True, torch.SymBool)
    False
    """


def sym_int(a: float) -> int:
    """`a` rounded towards zero.

    >>> import tritonnn as torch
    >>> torch.sym_int(-3.7)
    -3
    """
    return math.floor(a) if a >= 0 else math.ceil(a)


def sym_float(a: float) -> float:
    """`a` as a float.

    >>> import tritonnn as torch
    >>> torch.sym_float(3)
    3.0
    """
    return builtins.float(a)


def _together(a: float, b: float, larger: bool) -> float:
    """The larger or smaller of two, a float where one of them is."""
    chosen = (max if larger else min)(a, b)
    if isinstance(a, builtins.float) != isinstance(b, builtins.float):
        return builtins.float(chosen)
    return chosen


def sym_max(a: float, b: float) -> float:
    """The larger one; a float where one of them is.

    >>> import tritonnn as torch
    >>> torch.sym_max(1, 2), torch.sym_max(3, 2.0)
    (2, 3.0)
    """
    return _together(a, b, True)


def sym_min(a: float, b: float) -> float:
    """The smaller one; a float where one of them is.

    >>> import tritonnn as torch
    >>> torch.sym_min(1, 2), torch.sym_min(1, 2.0)
    (1, 1.0)
    """
    return _together(a, b, False)


def sym_not(a: float) -> bool:
    """`not a`.

    >>> import tritonnn as torch
    >>> torch.sym_not(True)
    False
    """
    return not a


def sym_sqrt(a: float) -> float:
    """The square root.

    >>> import tritonnn as torch
    >>> torch.sym_sqrt(4)
    2.0
    """
    return math.sqrt(a)


def sym_sum(args: Sequence[float]) -> float:
    """The sum of a list or tuple.

    >>> import tritonnn as torch
    >>> torch.sym_sum([1, 2, 3])
    6
    """
    return sum(args)


def sym_ite(b: bool, t: T, f: T) -> T:
    """`t` if `b` else `f`, which must be of one type.

    >>> import tritonnn as torch
    >>> torch.sym_ite(True, 1, 2)
    1
    """
    if not isinstance(b, bool):
        raise AssertionError(f"sym_ite: expected SymBool or bool, got {type(b)}")
    if type(t) is not type(f):
        raise AssertionError(f"sym_ite: type mismatch: {type(t)} vs {type(f)}")
    return t if b else f


def sym_constrain_range(size: int, *, min: int | None = None, max: int | None = None) -> None:
    """Refuse a number outside [min, max].

    >>> import tritonnn as torch
    >>> torch.sym_constrain_range(3, min=0, max=5)
    """
    if (min is not None and size < min) or (max is not None and size > max):
        raise RuntimeError(f"sym_constrain_range: Invalid value range for {size} between [{min}, {max}].")


def sym_constrain_range_for_size(size: int, *, min: int | None = None, max: int | None = None) -> None:
    """`sym_constrain_range` of a size, which is not negative.

    >>> import tritonnn as torch
    >>> torch.sym_constrain_range_for_size(3)
    """
    sym_constrain_range(size, min=0 if min is None else min, max=max)


def sym_fresh_size(expr: int) -> int:
    """The number itself.

    >>> import tritonnn as torch
    >>> torch.sym_fresh_size(3)
    3
    """
    return expr


def _refused(
    name: str, kind: type[Exception], default: str, message: Callable[[], object] | None
) -> NoReturn:
    if message is not None and not callable(message):
        raise TypeError(f"{name}: message must be a callable, not {type(message).__name__}")
    raise kind(default if message is None else str(message()))


_DEFAULT = "Expected cond to be True, but got False. (Could this error message be improved?)"


def _check_with(
    kind: type[Exception], cond: bool, message: Callable[[], object] | None = None, name: str = "_check_with"
) -> None:
    """Raise `kind`, with the text that `message()` returns, where `cond` is False."""
    if not isinstance(cond, bool):
        raise TypeError(f"{name}: cond must be a bool, but got {type(cond)}")
    if not cond:
        _refused(name, kind, _DEFAULT, message)


def _check(cond: bool, message: Callable[[], object] | None = None) -> None:
    """Raise RuntimeError where `cond` is False."""
    _check_with(RuntimeError, cond, message, "_check")


def _check_is_size(
    i: float, message: Callable[[], object] | None = None, *, max: float | None = None
) -> None:
    """Raise RuntimeError where `i` is negative, or above `max`."""
    _check(i >= 0, message)
    if max is not None:
        _check(i <= max, message)


def _check_index(cond: bool, message: Callable[[], object] | None = None) -> None:
    """Raise IndexError where `cond` is False."""
    _check_with(IndexError, cond, message, "_check_index")


def _check_value(cond: bool, message: Callable[[], object] | None = None) -> None:
    """Raise ValueError where `cond` is False."""
    _check_with(ValueError, cond, message, "_check_value")


def _check_type(cond: bool, message: Callable[[], object] | None = None) -> None:
    """Raise TypeError where `cond` is False."""
    _check_with(TypeError, cond, message, "_check_type")


def _check_not_implemented(cond: bool, message: Callable[[], object] | None = None) -> None:
    """Raise NotImplementedError where `cond` is False."""
    _check_with(NotImplementedError, cond, message, "_check_not_implemented")
