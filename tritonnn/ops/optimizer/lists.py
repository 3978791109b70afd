"""`torch._foreach_*`: an operation on each tensor of a list, out of place and in place, made from one table.

Scaling, clamping and norms of a list are one launch for each device and type (`foreach.py`); all others call the
operation for one tensor after another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from tritonnn._overriding import overridable
from tritonnn._tensor import Tensor
from tritonnn.ops._aten_forms import FORMS
from tritonnn.ops.optimizer.foreach import REAL_FLOATS, _listed, _recorded, foreach_clamp, grouped
from tritonnn.table import NAMESPACES

__all__: list[str] = []

# Of one list: each has a form in place.
UNARY = [
    "abs", "acos", "asin", "atan", "ceil", "cos", "cosh", "erf", "erfc", "exp", "expm1", "floor", "frac",
    "lgamma", "log", "log10", "log1p", "log2", "neg", "reciprocal", "round", "rsqrt", "sigmoid", "sign", "sin",
    "sinh", "sqrt", "tan", "tanh", "trunc",
]  # fmt: skip


class Binary(NamedTuple):
    """Of a list with a number, a list of numbers, a list of tensors, or a tensor without dimensions."""

    method: str
    keywords: str = "scalar scalars other"
    alpha: bool = False
    tensor: bool = False  # a tensor stays one, on its device; else its number is taken


BINARY = {
    "add": Binary("add", alpha=True, tensor=True),
    "sub": Binary("sub", alpha=True),
    "mul": Binary("mul", tensor=True),
    "div": Binary("div", tensor=True),
    "pow": Binary("pow", "exponent"),
    **dict.fromkeys(("clamp_min", "maximum"), Binary("clamp_min")),
    **dict.fromkeys(("clamp_max", "minimum"), Binary("clamp_max")),
}
POINTWISE = ("addcmul", "addcdiv")
_MANY = ("Scalar", "List", "ScalarList")


def _wrong(name: str, *given: Any) -> TypeError:
    kinds = ", ".join(type(value).__name__ for value in given)
    return TypeError(
        f"{name}() received an invalid combination of arguments - got ({kinds}); expected a list of tensors, and a "
        "number, a list of numbers or a list of as many tensors for each other operand"
    )


def _same_length(tensors: Sequence[Tensor], others: Sequence[Any], of_tensors: bool = True) -> None:
    if len(tensors) != len(others):
        raise RuntimeError(
            f"Tensor lists must have the same number of tensors, got {len(tensors)} and {len(others)}"
            if of_tensors
            else "Tensor list must have same number of elements as scalar list."
        )


def _number(value: Any) -> bool:
    return isinstance(value, (int, float, complex))


def _operands(name: str, tensors: list[Tensor], other: Any, place: int, kept: bool = False) -> list[Any]:
    """An operand for each tensor.

    Args:
        place: of the argument, for messages.
        kept: a tensor without dimensions stays one.
    """
    if _number(other):
        return [other] * len(tensors)
    if isinstance(other, Tensor):
        if other.ndim or other.numel() != 1:
            if not kept:
                raise _wrong(name, tensors, other)
            raise RuntimeError(
                f"scalar tensor expected to be 0 dim but it has {other.ndim} dimensions and {other.numel()} elements."
            )
        return [other if kept else other.item()] * len(tensors)
    if not isinstance(other, (list, tuple)):
        raise _wrong(name, tensors, other)
    of_tensors = any(isinstance(value, Tensor) for value in other)
    for i, value in enumerate(other):
        if not (isinstance(value, Tensor) if of_tensors else _number(value)):
            raise TypeError(
                f"{name}(): expected Tensor as element {i} in argument {place}, but got {type(value).__name__}"
            )
    _same_length(tensors, other, of_tensors)
    return list(other)


def _one_of(name: str, keywords: str, given: tuple, named: dict[str, Any]) -> Any:
    """The one argument that stands behind others, or has one of several names."""
    for keyword in keywords.split():
        if keyword in named:
            given += (named.pop(keyword),)
    if len(given) != 1 or named:
        raise _wrong(name, *given, *named.values())
    return given[0]


def _done(results: list[Any], given: Any, in_place: bool) -> Any:
    return given if in_place else tuple(results)


def _unary(name: str, method: str, in_place: bool) -> Callable:
    def function(self: Any) -> Any:
        return _done([getattr(t, method)() for t in _listed(name, self)], self, in_place)

    return function


def _binary(name: str, form: Binary, in_place: bool) -> Callable:
    method = form.method + "_" * in_place

    def function(self: Any, *other: Any, alpha: Any = None, **named: Any) -> Any:
        operand = _one_of(name, form.keywords, other, named)
        if form.method == "pow" and _number(self) and not in_place:
            return tuple(t.__rpow__(self) for t in _listed(name, operand))
        tensors = _listed(name, self)
        more = {}
        if alpha is not None:
            if not form.alpha or _number(operand):
                raise _wrong(name, self, operand, alpha)
            more["alpha"] = alpha
            if isinstance(operand, (list, tuple)):
                _of_tensors(name, operand, 1)
        operands = _operands(name, tensors, operand, 1, form.tensor)
        if form.method == "add" and isinstance(
            operand, Tensor
        ):  # of tensors without dimensions its type would win
            operands = [o if t.ndim else o.item() for t, o in zip(tensors, operands, strict=True)]
        if in_place and form.method.startswith("clamp") and _clamped_together(tensors, operand, form.method):
            return self
        results = [getattr(t, method)(o, **more) for t, o in zip(tensors, operands, strict=True)]
        return _done(results, self, in_place)

    return function


def _clamped_together(tensors: list[Tensor], bound: Any, method: str) -> bool:
    """Bring all elements to one side of a number in one launch for each device and type, where that is possible."""
    fits = isinstance(bound, (int, float)) and bound == bound and all(t.dtype in REAL_FLOATS for t in tensors)
    if not fits or _recorded(tensors):
        return False
    low, high = (bound, float("inf")) if method == "clamp_min" else (float("-inf"), bound)
    for places in grouped(tensors):
        foreach_clamp([tensors[i] for i in places], float(low), float(high))
    return True


def _of_tensors(name: str, given: Any, place: int) -> list[Tensor]:
    if not isinstance(given, (list, tuple)):
        raise _wrong(name, given)
    for i, value in enumerate(given):
        if not isinstance(value, Tensor):
            raise TypeError(
                f"{name}(): expected Tensor as element {i} in argument {place}, but got {type(value).__name__}"
            )
    return list(given)


def _pointwise(name: str, method: str, in_place: bool) -> Callable:
    def function(self: Any, tensor1: Any, tensor2: Any, *value: Any, **named: Any) -> Any:
        tensors = _listed(name, self)
        first, second = _of_tensors(name, tensor1, 1), _of_tensors(name, tensor2, 2)
        _same_length(tensors, first)
        _same_length(tensors, second)
        scale = _one_of(name, "value scalars", value, named) if value or named else 1
        if isinstance(scale, Tensor):
            scale = _unpacked(scale, len(tensors))
        scales = _operands(name, tensors, scale, 3)
        rows = zip(tensors, first, second, scales, strict=True)
        return _done([getattr(t, method)(a, b, value=s) for t, a, b, s in rows], self, in_place)

    return function


def _unpacked(scalars: Tensor, count: int) -> list[Any]:
    if scalars.ndim != 1:
        raise RuntimeError(f"Expected packed scalar Tensor to be of dimension 1. Got {scalars.ndim} instead.")
    if len(scalars) != count:
        raise RuntimeError(
            f"Expected length of scalars to match input of length {count} but got {len(scalars)} instead."
        )
    return scalars.tolist()


def _lerp(name: str, method: str, in_place: bool) -> Callable:
    def function(self: Any, tensors1: Any, *weight: Any, **named: Any) -> Any:
        tensors, ends = _listed(name, self), _of_tensors(name, tensors1, 1)
        _same_length(tensors, ends)
        weights = _operands(name, tensors, _one_of(name, "weight weights", weight, named), 2)
        rows = zip(tensors, ends, weights, strict=True)
        return _done([getattr(t, method)(end, w) for t, end, w in rows], self, in_place)

    return function


def _foreach_zero_(self: Any) -> Any:
    for t in _listed("_foreach_zero_", self):
        t.zero_()
    return self


def _foreach_clone(self: Any, *, memory_format: Any = None) -> Any:
    more = {} if memory_format is None else {"memory_format": memory_format}
    return tuple(t.clone(**more) for t in _listed("_foreach_clone", self))


def _foreach_copy_(self: Any, src: Any, non_blocking: bool = False) -> Any:
    tensors, sources = _listed("_foreach_copy_", self), _of_tensors("_foreach_copy_", src, 1)
    _same_length(tensors, sources)
    for t, source in zip(tensors, sources, strict=True):
        t.copy_(source, non_blocking)
    return self


def _foreach_max(self: Any) -> Any:
    tensors = _listed("_foreach_max", self)
    if not all(t.numel() for t in tensors):
        raise RuntimeError(
            "_foreach_max cannot compute the maximum of an empty tensor; max over zero elements is undefined."
        )
    return tuple(t.max() for t in tensors)


def _foreach_mm(self: Any, mat2: Any) -> Any:
    tensors, others = _listed("_foreach_mm", self), _of_tensors("_foreach_mm", mat2, 1)
    if len(tensors) != len(others):
        raise RuntimeError("_foreach_mm: self and mat2 must have the same number of tensors")
    return tuple(a.mm(b) for a, b in zip(tensors, others, strict=True))


def _foreach_powsum(self: Any, ord: float = 2, dtype: Any = None) -> Any:
    tensors = _listed("_foreach_powsum", self)
    for t in tensors:
        if not (t.is_floating_point() or t.is_complex()):
            raise NotImplementedError(
                f"_foreach_powsum: not implemented for {t.dtype}; floating or complex is"
            )
    return tuple((t if dtype is None else t.to(dtype)).abs().pow(ord).sum() for t in tensors)


def _publish(name: str, function: Callable, overloads: Sequence[str], meaning: str) -> None:
    """Make a function one of torch, and of torch.ops.aten, whose results are lists, or nothing in place."""
    function.__name__ = function.__qualname__ = name
    function.__doc__ = meaning

    def operator(*args: Any, **kwargs: Any) -> Any:
        result = NAMESPACES["torch"][name](*args, **kwargs)
        return None if name.endswith("_") else list(result)

    if name != "_foreach_mul_":  # which is in foreach.py
        NAMESPACES["torch"][name] = overridable(function)
    FORMS[name] = (operator, tuple(overloads))


def _publish_all() -> None:
    rows: list[tuple[str, Callable, Any, Sequence[str]]] = []
    rows += [(method, _unary, method, ["default"]) for method in UNARY]
    for name, form in BINARY.items():
        rows.append((name, _binary, form, [*_MANY, "Tensor"] if form.tensor else _MANY))
    rows += [(method, _pointwise, method, ("Scalar", "ScalarList", "Tensor")) for method in POINTWISE]
    rows.append(("lerp", _lerp, "lerp", _MANY))
    for name, make, form, overloads in rows:
        for in_place in (False, True):
            public = f"_foreach_{name}" + "_" * in_place
            what = form + "_" * in_place if isinstance(form, str) else form
            meaning = f"`{name}` of each tensor of a list" + (
                ", in place; returns the list." if in_place else "."
            )
            more = ["ScalarAndTensor"] if public == "_foreach_pow" else []
            _publish(public, make(public, what, in_place), [*overloads, *more], meaning)
    _publish(
        "_foreach_zero_",
        _foreach_zero_,
        ["default"],
        "Set all elements of each tensor to 0; returns the list.",
    )
    _publish("_foreach_clone", _foreach_clone, ["default"], "A copy of each tensor.")
    _publish(
        "_foreach_copy_", _foreach_copy_, ["default"], "Copy each tensor of another list; returns the list."
    )
    _publish("_foreach_max", _foreach_max, ["default"], "The largest element of each tensor.")
    _publish("_foreach_mm", _foreach_mm, ["default"], "The matrix products of two lists.")
    _publish(
        "_foreach_powsum",
        _foreach_powsum,
        ["Scalar"],
        "The sum of the powers of each tensor's absolute values.",
    )


_publish_all()
