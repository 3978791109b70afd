"""How what is computed with sparse tensors gets its place: as a method, and behind the op of its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tritonnn._sparse import attach
from tritonnn.table.sparse import SPARSE

F = TypeVar("F", bound=Callable)


def sparse_form(*names: str) -> Callable[[F], F]:
    """Put a function under the names that methods of sparse tensors, and ops with sparse operands, have."""

    def decorate(function: F) -> F:
        for name in names:
            SPARSE[name] = function
            attach(name, function)
        return function

    return decorate
