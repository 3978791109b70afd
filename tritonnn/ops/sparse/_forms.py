"""How what is computed with sparse tensors gets its place: as a method, and behind the op of its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tritonnn._compressed import CompressedTensor
from tritonnn._sparse import SparseTensor, attach
from tritonnn.table.sparse import SPARSE

F = TypeVar("F", bound=Callable)
KINDS = {"coo": SparseTensor, "compressed": CompressedTensor}


def sparse_form(*names: str, of: str = "coo") -> Callable[[F], F]:
    """Put a function under the names that methods of sparse tensors, and ops with sparse operands, have.

    Args:
        of: the layouts it is for: "coo", "compressed", or both in a text.
    """

    def decorate(function: F) -> F:
        for kind in of.split():
            for name in names:
                SPARSE[kind][name] = function
                attach(name, function, KINDS[kind])
        return function

    return decorate
