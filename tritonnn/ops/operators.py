"""The operators of Tensor: `x + y`, `x < y`, `x @ y`, `x += y` and their like."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tritonnn import dispatch
from tritonnn._tensor import Tensor
from tritonnn.errors import SparseOperand
from tritonnn.ops.creation.from_data import from_numpy
from tritonnn.ops.elementwise import arithmetic as ar
from tritonnn.ops.elementwise import comparison as cp
from tritonnn.ops.elementwise import derived
from tritonnn.ops.elementwise import elementwise as ew
from tritonnn.ops.elementwise import logic as lg
from tritonnn.ops.elementwise import powers as pw
from tritonnn.table import Entry
from tritonnn.table.sparse import with_sparse
from tritonnn.table.types import Number, Operand

_OPERANDS = (Tensor, bool, int, float, complex, np.number, np.bool_)


def _operator(function: Any, swapped: bool = False) -> Callable[[Tensor, Operand], Tensor]:
    """`function` as a method that leaves operands it does not know to the other side."""

    def operate(self: Tensor, other: Operand) -> Tensor:
        if not isinstance(other, _OPERANDS):
            if not isinstance(other, np.ndarray):
                return NotImplemented
            other = from_numpy(other)
        return function(other, self) if swapped else function(self, other)

    return operate


def _straight(function: Any) -> Callable[[Tensor, Operand], Tensor]:
    """`_operator` for an entry whose further arguments have defaults: without the step through the function."""
    op, run = function.op, dispatch.pointwise
    tail = tuple(op.defaults.values())

    def operate(self: Tensor, other: Operand) -> Tensor:
        if not isinstance(other, _OPERANDS):
            if not isinstance(other, np.ndarray):
                return NotImplemented
            other = from_numpy(other)
        try:
            return run(op, (self, other, *tail))
        except SparseOperand:
            pass
        return with_sparse(op, (self, other), {})

    return operate


def _in_place(name: str) -> Callable[[Tensor, Operand], Tensor]:
    method = getattr(Tensor, name)

    def operate(self: Tensor, other: Operand) -> Tensor:
        if isinstance(other, np.ndarray):
            other = from_numpy(other)
        return method(self, other) if isinstance(other, _OPERANDS) else NotImplemented

    return operate


def _invert(self: Tensor) -> Tensor:
    if self.dtype.kind > 1:
        raise TypeError("~ (operator.invert) is only implemented on integer and Boolean-type tensors")
    return ew.bitwise_not(self)


def _divided_into(self: Tensor, other: Number) -> Tensor:
    return ew.reciprocal(self) if other == 1 else ar.quotient(other, self)


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
    "__rsub__": _straight(ar.rsub), "__pow__": _operator(pw.pow), "__rtruediv__": _operator(_divided_into),
    "__invert__": _invert, "__neg__": ew.neg, "__abs__": ew.abs, "__pos__": derived.positive,
}  # fmt: skip


def _attach() -> None:
    for name, function in _STRAIGHT.items():
        setattr(Tensor, f"__{name}__", _straight(function))
    for name in _COMMUTATIVE:
        setattr(Tensor, f"__r{name}__", _straight(_STRAIGHT[name]))
    for name, function in _REVERSED.items():
        setattr(Tensor, f"__r{name}__", _operator(function, swapped=True))
    for name, method in _IN_PLACE.items():
        setattr(Tensor, f"__{name}__", _in_place(method))
    for name, operate in _OTHERS.items():
        setattr(Tensor, name, operate)


_attach()
