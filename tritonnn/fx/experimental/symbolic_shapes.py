"""Questions that programs ask about sizes that may be symbols. Here every size is a number, which answers them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tritonnn._tensor import Tensor

__all__ = [
    "GuardOnDataDependentSymNode", "free_symbols", "free_unbacked_symbols", "guard_bool", "guard_float", "guard_int",
    "guard_or_false", "guard_or_true", "guard_scalar", "guard_size_oblivious", "has_free_symbols",
    "has_free_unbacked_symbols", "has_static_value", "has_symbolic_sizes_strides", "is_concrete_bool",
    "is_concrete_float", "is_concrete_int", "is_nested_int", "statically_known_false", "statically_known_true",
    "sym_and", "sym_eq", "sym_or",
]  # fmt: skip


class GuardOnDataDependentSymNode(RuntimeError):
    """What PyTorch raises where a program's way depends on a size that nobody knows; never raised here."""


def guard_or_false(a: Any) -> bool:
    """Whether it holds."""
    return bool(a)


def guard_or_true(a: Any) -> bool:
    """Whether it holds."""
    return bool(a)


def guard_size_oblivious(expr: Any) -> bool:
    """Whether it holds."""
    return bool(expr)


def guard_bool(a: Any) -> bool:
    """Whether it holds."""
    return bool(a)


def guard_int(a: Any) -> int:
    """The number.

    Raises:
        AssertionError: it is no whole number.
    """
    assert isinstance(a, int), type(a)
    return a


def guard_float(a: Any) -> float:
    """The number.

    Raises:
        AssertionError: it is no floating-point number.
    """
    assert isinstance(a, float), f"{a} is {type(a)}"
    return a


def guard_scalar(a: Any) -> Any:
    """The number, or truth value.

    Raises:
        AssertionError: it is neither.
    """
    assert isinstance(a, (bool, int, float)), f"unrecognized scalar {a}"
    return a


def statically_known_true(x: Any) -> bool:
    """Whether it holds."""
    assert isinstance(x, bool), f"expected a bool, but got {type(x).__name__}"
    return x


def statically_known_false(x: Any) -> bool:
    """Whether it does not hold."""
    return not statically_known_true(x)


def has_free_symbols(val: object) -> bool:
    """Whether a size, or a tensor's, is a symbol: no."""
    return False


def has_free_unbacked_symbols(x: object) -> bool:
    """Whether a size, or a tensor's, is a symbol: no."""
    return False


def has_symbolic_sizes_strides(elem: Tensor) -> bool:
    """Whether a size or stride is a symbol: no."""
    return False


def is_nested_int(s: object) -> bool:
    """Whether it is the size of a ragged dimension: no."""
    return False


def free_symbols(val: object) -> set[Any]:
    """The symbols in it: none."""
    return set()


def free_unbacked_symbols(x: object) -> set[Any]:
    """The symbols in it: none."""
    return set()


def _of(name: str, *kinds: type) -> Callable[[object], bool]:
    def known(a: object) -> bool:
        assert isinstance(a, kinds), f"expected {kinds[0].__name__}, but got {type(a).__name__}"
        return True

    known.__name__ = known.__qualname__ = name
    return known


is_concrete_int = _of("is_concrete_int", int)
is_concrete_float = _of("is_concrete_float", float)
is_concrete_bool = _of("is_concrete_bool", bool)
has_static_value = _of("has_static_value", int, float, bool)


def sym_and(x: Any, *others: Any) -> Any:
    """All of them."""
    return x if not others else x & sym_and(*others)


def sym_or(x: Any, *others: Any) -> Any:
    """One of them at least."""
    return x if not others else x | sym_or(*others)


def sym_eq(x: Any, y: Any) -> Any:
    """Whether two sizes, or rows of sizes, are equal.

    Raises:
        AssertionError: they are neither.
    """
    if isinstance(x, (tuple, list)) and isinstance(y, (tuple, list)):
        return len(x) == len(y) and all(sym_eq(a, b) for a, b in zip(x, y, strict=True))
    assert isinstance(x, (int, bool)) and isinstance(y, (int, bool)), (
        f"unexpected sym_eq between {type(x)} {type(y)}"
    )
    return x == y
