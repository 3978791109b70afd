"""What composites check of their arguments before they compute, in the words of dispatch."""

from __future__ import annotations

from typing import Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import Invalid, fail
from tritonnn.shape import wrap_dim
from tritonnn.table.arguments import is_number


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


def dimension(op: str, input: Tensor, dim: int) -> int:
    """`dim` counted from the front, of a tensor that has dimensions.

    Raises:
        IndexError: it has none, or not that one.
    """
    whole_number(op, "dim", dim)
    rank = len(input.shape)
    if not rank:
        text = f"Dimension specified as {dim} but tensor has no dimensions"
        raise fail(op, text, kind=IndexError, input=input)
    try:
        return wrap_dim(dim, rank)
    except Invalid as invalid:
        raise fail(op, str(invalid), kind=invalid.kind, input=input) from None


def real_factor(name: str, value: Any, dtype: DType) -> None:
    """Refuse a complex factor of tensors that have no imaginary part, and what is no number."""
    if isinstance(value, complex) and not dtype.is_complex and value.imag:
        raise Invalid(f"value cannot be converted to type {dtype.name} without overflow: {name} is {value}")
    if not is_number(value):
        raise Invalid(f"argument '{name}' must be Number, not {type(value).__name__}", kind=TypeError)


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


def not_of_truth(input: Tensor, op: str, kind: type[Exception] = NotImplementedError) -> None:
    """Refuse truth values where their order is asked for.

    Raises:
        kind: they are of bool.
    """
    if input.dtype is dtypes.bool_:
        hint = "convert with .to(torch.uint8)"
        raise Invalid(f"{op} is not implemented for 'Bool'", hint=hint, kind=kind)


def multiplied(input: Tensor, other: Tensor) -> None:
    """Refuse truth values in products of matrices, but for those of which nothing is multiplied.

    Raises:
        NotImplementedError: they are of bool.
    """
    if input._dtype is dtypes.bool_ and 0 not in input.shape and 0 not in other.shape:
        raise Invalid(
            "not implemented for 'Bool'",
            hint="convert with .to(torch.int64) or .float()",
            kind=NotImplementedError,
        )
