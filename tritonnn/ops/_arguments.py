"""What composites check of their arguments before they compute, in the words of dispatch."""

from __future__ import annotations

from typing import Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid


def not_a_tensor(op: str, name: str, value: Any) -> TypeError:
    return TypeError(f"{op}(): argument '{name}' must be Tensor, not {type(value).__name__}")


def tensors_only(op: str, **given: Any) -> None:
    """Refuse what is no tensor, by the name of the argument."""
    for name, value in given.items():
        if not isinstance(value, Tensor):
            raise not_a_tensor(op, name, value)


def whole_number(op: str, name: str, value: Any) -> None:
    """Refuse what is no int."""
    if not hasattr(type(value), "__index__"):
        raise TypeError(f"{op}(): argument '{name}' must be int, not {type(value).__name__}")


def ordered(input: Tensor, op: str) -> None:
    """Refuse numbers without an order.

    Raises:
        NotImplementedError: complex ones.
    """
    if input.dtype.kind == 3:
        raise Invalid(
            f"{op} is not implemented for {input.dtype.name}: complex numbers have no order",
            kind=NotImplementedError,
        )


def multiplied(input: Tensor) -> None:
    """Refuse truth values in products of matrices.

    Raises:
        NotImplementedError: they are of bool.
    """
    if input.dtype is dtypes.bool_ and 0 not in input.shape:
        raise Invalid(
            "not implemented for 'Bool'",
            hint="convert with .to(torch.int64) or .float()",
            kind=NotImplementedError,
        )
