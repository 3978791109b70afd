"""How what is computed with sparse tensors gets its place: as a method, and behind the op of its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from tritonnn._compressed import CompressedTensor, make_compressed
from tritonnn._sparse import SparseTensor, attach, make_sparse
from tritonnn._tensor import Tensor
from tritonnn.table.arguments import is_number
from tritonnn.table.sparse import SPARSE

F = TypeVar("F", bound=Callable)
KINDS = {"coo": SparseTensor, "compressed": CompressedTensor}


OPERATORS = frozenset(
    f"__{way}{name}__"
    for name in ("add", "sub", "mul", "truediv", "floordiv", "pow", "matmul")
    for way in ("", "r", "i")
)


def _operator(function: Callable, name: str) -> Callable:
    """What Python calls for an operator: other things than tensors and numbers answer themselves."""
    numbers = "matmul" not in name

    def operate(self: Any, other: Any) -> Any:
        if not isinstance(other, Tensor) and not (numbers and is_number(other)):
            return NotImplemented
        return function(self, other)

    operate.__name__ = operate.__qualname__ = name
    return operate


def need_tensors(op: str, **named: object) -> None:
    """Refuse arguments that are no tensors.

    Raises:
        TypeError: naming the op and the argument.
    """
    for name, value in named.items():
        if not isinstance(value, Tensor):
            raise TypeError(f"{op}(): argument '{name}' must be Tensor, not {type(value).__name__}")


def sparse_form(*names: str, of: str = "coo") -> Callable[[F], F]:
    """Put a function under the names that methods of sparse tensors, and ops with sparse operands, have.

    Args:
        of: the layouts it is for: "coo", "compressed", or both in a text.
    """

    def decorate(function: F) -> F:
        for kind in of.split():
            for name in names:
                SPARSE[kind][name] = function
                attach(name, _operator(function, name) if name in OPERATORS else function, KINDS[kind])
        return function

    return decorate


def mapped(self: Any, change: Callable[[Tensor], Tensor], values: Tensor) -> Any:
    """The tensor with its index tensors changed by a function, and other values."""
    if isinstance(self, SparseTensor):
        return make_sparse(change(self._places), values, self._shape, False)._coalesced_(self._coalesced)
    return make_compressed(change(self._starts), change(self._places), values, self._shape, self._layout)
