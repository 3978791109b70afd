"""The operators of Tensor: `x + y`, `x < y`, `x @ y`, `x += y` and their like."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tritonnn import dispatch
from tritonnn._overriding import (
    MODES,
    TENSORS,
    overloading,
    overridable,
    overridden,
    overrides,
)
from tritonnn._tensor import Tensor
from tritonnn.errors import SparseOperand
from tritonnn.ops.creation.from_data import from_numpy
from tritonnn.ops.elementwise import arithmetic as ar
from tritonnn.ops.elementwise import comparison as cp
from tritonnn.ops.elementwise import derived  # noqa: F401  # has `positive`
from tritonnn.ops.elementwise import elementwise as ew
from tritonnn.ops.elementwise import logic as lg
from tritonnn.ops.elementwise import powers as pw
from tritonnn.table import Entry
from tritonnn.table.sparse import with_sparse
from tritonnn.table.types import Number, Operand

_OPERANDS = (Tensor, bool, int, float, complex, np.number, np.bool_)
_NUMBERS = frozenset((bool, int, float, complex))
_Plain = Callable[[Tensor, Any], Tensor]

# What those who take operators over are told, where it is a method of another name.
_TOLD = {
    "__add__": "add", "__radd__": "add", "__sub__": "sub", "__mul__": "mul", "__rmul__": "mul", "__truediv__": "div",
    "__mod__": "remainder", "__rand__": "bitwise_and", "__ror__": "bitwise_or", "__rxor__": "bitwise_xor",
    "__lt__": "lt", "__le__": "le", "__gt__": "gt", "__ge__": "ge",
}  # fmt: skip


def _operator(name: str, plain: _Plain) -> Callable[[Tensor, Operand], Tensor]:
    """`plain` as the operator of a name, which leaves operands it does not know to the other side."""

    def operate(self: Tensor, other: Operand) -> Tensor:
        kind = other.__class__
        if (kind in TENSORS or kind in _NUMBERS) and self.__class__ in TENSORS and not MODES:
            return plain(self, other)
        return _unusual(name, plain, self, other)

    return operate


def _straight(name: str, function: Any) -> Callable[[Tensor, Operand], Tensor]:
    """`_operator` for an entry whose further arguments have defaults: without the step through the function."""
    op, run = function.op, dispatch.pointwise
    tail = tuple(op.defaults.values())

    def plain(self: Tensor, other: Any) -> Tensor:
        try:
            return run(op, (self, other, *tail))
        except SparseOperand:
            pass
        return with_sparse(op, (self, other), {})

    def operate(self: Tensor, other: Operand) -> Tensor:
        kind = other.__class__
        if (kind in TENSORS or kind in _NUMBERS) and self.__class__ in TENSORS and not MODES:
            try:
                return run(op, (self, other, *tail))
            except SparseOperand:
                pass
            return with_sparse(op, (self, other), {})
        return _unusual(name, plain, self, other)

    return operate


def _unusual(name: str, plain: _Plain, self: Tensor, other: Any) -> Any:
    """An operator with an operand of another class than a plain tensor's or number's."""
    found = overloading((self, other))
    if found is not None:
        try:
            return overridden(vars(Tensor)[_TOLD.get(name, name)], found, (self, other), {})
        except TypeError as error:
            if hasattr(error, "unimplemented"):
                return NotImplemented
            raise
    if not isinstance(self, Tensor):
        raise TypeError(
            f"descriptor '{name}' for 'Tensor' objects doesn't apply to a '{type(self).__name__}' object"
        )
    if isinstance(other, np.ndarray):
        other = from_numpy(other)
    return plain(self, other) if isinstance(other, _OPERANDS) else NotImplemented


def _swapped(function: Any) -> _Plain:
    return lambda self, other: function(other, self)


def _in_place(name: str) -> Callable[[Tensor, Operand], Tensor]:
    method = getattr(Tensor, name)

    def operate(self: Tensor, other: Operand) -> Tensor:
        if isinstance(other, np.ndarray):
            other = from_numpy(other)
        known = isinstance(other, _OPERANDS) or overrides(type(other))
        return method(self, other) if known else NotImplemented

    return operate


def _invert(self: Tensor) -> Tensor:
    if self.dtype.kind > 1:
        raise TypeError("~ (operator.invert) is only implemented on integer and Boolean-type tensors")
    return ew.bitwise_not(self)


def _divided_into(self: Tensor, other: Tensor | Number) -> Tensor:
    return ew.reciprocal(self) if not isinstance(other, Tensor) and other == 1 else ar.quotient(other, self)


_STRAIGHT: dict[str, Entry] = {
    "add": ar.add, "sub": ar.sub, "mul": ar.mul, "truediv": ar.quotient, "floordiv": ar.floor_divide,
    "mod": ar.remainder, "and": lg.bitwise_and, "or": lg.bitwise_or, "xor": lg.bitwise_xor,
    "lshift": lg.bitwise_left_shift, "rshift": lg.bitwise_right_shift,
    "eq": cp.eq, "ne": cp.ne, "lt": cp.lt, "le": cp.le, "gt": cp.gt, "ge": cp.ge,
}  # fmt: skip
_COMMUTATIVE = ("add", "mul", "and", "or", "xor")
_REVERSED: dict[str, Entry] = {
    "floordiv": ar.floor_divide, "mod": ar.remainder, "pow": pw.pow,
    "lshift": lg.bitwise_left_shift, "rshift": lg.bitwise_right_shift,
}  # fmt: skip
_IN_PLACE = {
    "iadd": "add_", "isub": "sub_", "imul": "mul_", "itruediv": "div_", "ifloordiv": "floor_divide_",
    "imod": "remainder_", "ipow": "pow_", "iand": "bitwise_and_", "ior": "bitwise_or_", "ixor": "bitwise_xor_",
    "ilshift": "bitwise_left_shift_", "irshift": "bitwise_right_shift_",
}  # fmt: skip


_OTHERS: dict[str, Callable] = {
    "__rsub__": _straight("__rsub__", ar.rsub), "__pow__": _operator("__pow__", pw.pow),
    "__rtruediv__": _operator("__rtruediv__", _divided_into), "__rdiv__": _operator("__rdiv__", _divided_into),
    "__invert__": overridable(_invert),
    **{f"__{name}__": vars(Tensor)[method] for name, method in (("neg", "neg"), ("abs", "abs"), ("pos", "positive"))},
}  # fmt: skip


def _attach() -> None:
    for name, function in _STRAIGHT.items():
        setattr(Tensor, f"__{name}__", _straight(f"__{name}__", function))
    for name in _COMMUTATIVE:
        setattr(Tensor, f"__r{name}__", _straight(f"__r{name}__", _STRAIGHT[name]))
    for name, function in _REVERSED.items():
        setattr(Tensor, f"__r{name}__", _operator(f"__r{name}__", _swapped(function)))
    for name, method in _IN_PLACE.items():
        setattr(Tensor, f"__{name}__", _in_place(method))
    for name, operate in _OTHERS.items():
        setattr(Tensor, name, operate)


_attach()
