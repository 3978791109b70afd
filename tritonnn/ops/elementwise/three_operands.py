"""Elementwise arithmetic of three tensors."""

from __future__ import annotations

from typing import Any

from tritonnn import dispatch, dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid
from tritonnn.ops._numbers import as_number
from tritonnn.ops._table import FLOATING_AND_COMPLEX, Bad, Sample, pointwise
from tritonnn.ops.elementwise.arithmetic import number, scaled
from tritonnn.ops.elementwise.elementwise import NUMERIC_AND_COMPLEX, conjugate
from tritonnn.table import Make
from tritonnn.table.types import Number


def _check_lerp(input: Any, end: Any, weight: Any) -> None:
    if isinstance(input, Tensor) and input.dtype.kind < 2:
        raise Invalid(
            f"not implemented for {input.dtype.name}", kind=NotImplementedError, hint="input.float()"
        )
    if isinstance(weight, complex) and isinstance(input, Tensor) and not input.dtype.is_complex:
        raise Invalid(
            f"weight {weight} is complex, and cannot be converted to type {input.dtype.name} of input"
        )
    for name, x in (("end", end), ("weight", weight)):
        if not (isinstance(x, Tensor) and isinstance(input, Tensor)) or x.dtype is input.dtype:
            continue
        if x.shape or name == "end":
            raise Invalid(f"expected dtype {input.dtype.name} for `{name}` but got dtype {x.dtype.name}")
    if isinstance(input, Tensor) and input.dtype.kind < 2:
        raise Invalid(
            f"not implemented for {input.dtype.name}", kind=NotImplementedError, hint="input.float()"
        )


@pointwise(
    dtypes=FLOATING_AND_COMPLEX, check=_check_lerp,
    grad={
        "input": lambda g, weight: g * conjugate(1 - weight),
        "end": lambda g, weight: g * conjugate(weight),
        "weight": lambda g, input, end: g * conjugate(end - input),
    },
    samples=lambda make: [
        Sample(make(3, 4), make(3, 4), 0.3), Sample(make(3, 4), make(4), 0.75),
        Sample(make(3, 4), make(4), make(3, 1, low=0, high=1)),
    ],
    reference=lambda input, end, weight: (1 - weight) * input + weight * end,
    errors=lambda make: [
        Bad(make(2), make(3), 0.5, match="must match the size"),
        Bad(make(2), make(2, dtype=dtypes.float16), 0.5, match="expected dtype float64 for `end` but got dtype"),
        Bad(make(2), make(2), "a", error=TypeError, match="argument 'weight' .* must be Tensor or Number, not str"),
    ],
)  # fmt: skip
def lerp(input: Tensor, end: Tensor, weight: Tensor | Number) -> Any:
    """input + weight * (end - input).

    >>> import tritonnn as torch
    >>> torch.lerp(torch.tensor([1., 2.]), torch.tensor([3., 6.]), 0.5)
    tensor([2., 4.])
    """


def _value_before(args: tuple, kwargs: dict[str, Any]) -> tuple:
    """The old order `addcmul(input, value, tensor1, tensor2)`."""
    if len(args) == 4 and isinstance(args[2], Tensor) and isinstance(args[3], Tensor):
        kwargs["value"] = args[1]
        return args[0], args[2], args[3]
    return args


def _check_value(input: Any, tensor1: Any, tensor2: Any, value: Any) -> tuple | None:
    """The factor in the category of the result."""
    if value.__class__ is float and isinstance(input, Tensor) and input.dtype.kind == 2:
        return None
    value = number("value", value)
    tensors = [x for x in (input, tensor1, tensor2) if isinstance(x, Tensor)]
    return (
        input,
        tensor1,
        tensor2,
        as_number(dispatch.result_type(*tensors), value, False) if tensors else value,
    )


def _triple_errors(make: Make) -> list[Bad]:
    return [
        Bad(make(2), make(3), make(2), match="must match the size"),
        Bad(make(2), make(2), "a", error=TypeError, match="argument 'tensor2' .* must be Tensor, not str"),
        Bad(make(2), make(2), make(2), value="a", error=TypeError, match="'value' .*must be Number, not str"),
        Bad(make(2), make(2), make(2), value=1j, match="cannot be converted to type double without overflow"),
    ]


def _triples(make: Make, low: float = -2) -> list[Sample]:
    high = 2 if low < 0 else 3
    return [
        Sample(make(3, 4), make(3, 4), make(3, 4, low=low, high=high)),
        Sample(make(3, 4), make(3, 1), make(4, low=low, high=high), value=2),
        Sample(make(3), make(3), make(3, low=low, high=high), value=make.int((), low=2)),
    ]


@pointwise(
    dtypes=NUMERIC_AND_COMPLEX, legacy=_value_before, samples=_triples,
    grad={
        "input": lambda g: g,
        "tensor1": lambda g, tensor2, value: scaled(g * conjugate(tensor2), value),
        "tensor2": lambda g, tensor1, value: scaled(g * conjugate(tensor1), value),
    },
    reference=lambda input, tensor1, tensor2, value: input + value * tensor1 * tensor2,
    check=_check_value,
    errors=_triple_errors,
)  # fmt: skip
def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Any:
    """input + value * tensor1 * tensor2.

    >>> import tritonnn as torch
    >>> torch.addcmul(torch.ones(2), torch.tensor([1., 2.]), torch.tensor([3., 4.]), value=10)
    tensor([31., 81.])
    """


@pointwise(
    dtypes=FLOATING_AND_COMPLEX, legacy=_value_before, samples=lambda make: _triples(make, 1),
    grad={
        "input": lambda g: g,
        "tensor1": lambda g, tensor2, value: scaled(g / conjugate(tensor2), value),
        "tensor2": lambda g, tensor1, tensor2, value: -scaled(g * conjugate(tensor1 / (tensor2 * tensor2)), value),
    },
    reference=lambda input, tensor1, tensor2, value: input + value * tensor1 / tensor2,
    check=_check_value,
    errors=lambda make: [
        *_triple_errors(make), Bad(make.int(2), make.int(2), make.int(2), match="not implemented for int64"),
    ],
)  # fmt: skip
def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Any:
    """input + value * tensor1 / tensor2.

    >>> import tritonnn as torch
    >>> torch.addcdiv(torch.ones(2), torch.tensor([1., 2.]), torch.tensor([2., 4.]), value=10)
    tensor([6., 6.])
    """
