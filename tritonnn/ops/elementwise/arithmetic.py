"""Elementwise arithmetic of two and three tensors, and the operators of Tensor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tritonnn import dispatch, dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid, fail
from tritonnn.ops._numbers import as_number
from tritonnn.ops._table import ANY, FLOAT, NUMERIC, Bad, Sample, composite, expose, pointwise, written
from tritonnn.ops.creation.creation import zeros_like
from tritonnn.ops.elementwise.elementwise import NUMERIC_AND_COMPLEX, conjugate
from tritonnn.table import Make
from tritonnn.table.types import Number


def pairs(make: Make, low: float = -2, high: float = 2, **options: Any) -> list[Sample]:
    """Equal shapes, broadcasting both ways, a 0-d operand."""
    new = lambda *shape: make(*shape, low=low, high=high)
    return [
        Sample(new(3, 4), new(3, 4), **options), Sample(new(2, 3, 1), new(4), **options),
        Sample(new(3), new(()), **options),
    ]  # fmt: skip


def with_number(make: Make, number: Any = 2, low: float = -2, high: float = 2) -> list[Sample]:
    return [*pairs(make, low, high), Sample(make(3, 4, low=low, high=high), number)]


def misfits(make: Make) -> list[Bad]:
    return [
        Bad(make(2, 3), make(4), match=r"size of tensor a \(3\) must match the size of tensor b \(4\)"),
        Bad(make(2, 3), "a", error=TypeError, match="argument 'other' .*must be Tensor.*, not str"),
    ]


# ---- sums and products --------------------------------------------------------------------------------


def number(name: str, value: Any) -> Any:
    """A number, also where it is a tensor without dimensions."""
    if isinstance(value, Tensor) and not value.shape:
        return value.item()
    if not isinstance(value, (bool, int, float, complex, np.number)):
        raise Invalid(f"argument '{name}' must be Number, not {type(value).__name__}", kind=TypeError)
    return value


def _check_alpha(input: Any, other: Any, alpha: Any) -> tuple | None:
    if alpha.__class__ is int and 0 <= alpha < 128:
        return None
    alpha = number("alpha", alpha)
    if isinstance(alpha, bool) and dispatch.result_type(input, other) is not dtypes.bool_:
        raise Invalid("Boolean alpha only supported for Boolean results.")
    if isinstance(alpha, (float, complex)) and all(_is_whole(x) for x in (input, other)):
        raise Invalid("For integral input tensors, argument alpha must not be a floating point number.")
    if isinstance(alpha, complex) and not dispatch.result_type(input, other).is_complex:
        raise Invalid("For non-complex input tensors, argument alpha must not be a complex number.")
    if isinstance(alpha, float) and -128 < alpha < 128:
        return input, other, alpha
    dtype = dispatch.result_type(input, other)
    return input, other, as_number(dtype, alpha) if dtype.kind else alpha


def _is_whole(x: Any) -> bool:
    return x.dtype.kind < 2 if isinstance(x, Tensor) else isinstance(x, int)


def _number_before(args: tuple, kwargs: dict[str, Any]) -> tuple:
    """The old order `add(input, alpha, other)`."""
    if len(args) == 3:
        kwargs["alpha"] = args[1]
        return args[0], args[2]
    return args


_NO_BOOL_DIFFERENCE = (
    "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a mask, use "
    "the `~` or `logical_not()` operator instead."
)


def scaled(g: Tensor, alpha: Any) -> Tensor:
    return g if alpha == 1 else g * conjugate(alpha)


@pointwise(
    dtypes=ANY, check=_check_alpha, legacy=_number_before,
    grad={"input": lambda g: g, "other": lambda g, alpha: scaled(g, alpha)},
    samples=lambda make: [*with_number(make), *pairs(make, alpha=3)],
    errors=lambda make: [
        *misfits(make), Bad(make.int(2), make.int(2), alpha=1.5, match="alpha must not be a floating"),
        Bad(make(2), make(2), alpha="a", error=TypeError, match="'alpha' .*must be Number, not str"),
        Bad(make(2), make(2), alpha=1j, match="alpha must not be a complex number"),
        Bad(make(2), make(2), alpha=True, match="Boolean alpha only supported for Boolean results"),
    ],
    reference=lambda input, other, alpha: input + alpha * other,
)  # fmt: skip
def add(input: Tensor | Number, other: Tensor | Number, *, alpha: Number = 1) -> Any:
    """input + alpha * other.

    >>> import tritonnn as torch
    >>> torch.add(torch.tensor([1., 2.]), torch.tensor([10., 20.]), alpha=2)
    tensor([21., 42.])
    """


@pointwise(
    dtypes=NUMERIC_AND_COMPLEX, check=_check_alpha, legacy=_number_before, alias=("subtract",),
    grad={"input": lambda g: g, "other": lambda g, alpha: -scaled(g, alpha)},
    samples=lambda make: [*with_number(make), *pairs(make, alpha=3)],
    refuse={dtypes.bool_: _NO_BOOL_DIFFERENCE},
    errors=lambda make: [*misfits(make), Bad(make.bool(2), make(2), match="Subtraction, the `-` operator")],
    reference=lambda input, other, alpha: input - alpha * other,
)  # fmt: skip
def sub(input: Tensor | Number, other: Tensor | Number, *, alpha: Number = 1) -> Any:
    """input - alpha * other.

    >>> import tritonnn as torch
    >>> torch.tensor([1., 2.]) - torch.tensor([10., 20.])
    tensor([ -9., -18.])
    """


@pointwise(
    dtypes=NUMERIC_AND_COMPLEX, check=_check_alpha, legacy=_number_before, inplace=False,
    grad={"input": lambda g, alpha: -scaled(g, alpha), "other": lambda g: g},
    samples=lambda make: [*with_number(make), *pairs(make, alpha=3)],
    refuse={dtypes.bool_: _NO_BOOL_DIFFERENCE}, errors=misfits,
    reference=lambda input, other, alpha: other - alpha * input,
    order=lambda input, other, alpha: [x for x in (other, input) if isinstance(x, Tensor)],
)  # fmt: skip
def rsub(input: Tensor, other: Tensor | Number, alpha: Number = 1) -> Any:
    """other - alpha * input.

    >>> import tritonnn as torch
    >>> torch.rsub(torch.tensor([1., 2.]), 10)
    tensor([9., 8.])
    """


@pointwise(
    dtypes=ANY, alias=("multiply",), samples=with_number, errors=misfits,
    grad={"input": lambda g, other: g * conjugate(other), "other": lambda g, input: g * conjugate(input)},
    reference=np.multiply,
)  # fmt: skip
def mul(input: Tensor | Number, other: Tensor | Number) -> Any:
    """input * other.

    >>> import tritonnn as torch
    >>> torch.tensor([1., 2.]) * torch.tensor([10., 20.])
    tensor([10., 40.])
    """


# ---- quotients ----------------------------------------------------------------------------------------


def _quotient_samples(make: Make) -> list[Sample]:
    return [
        Sample(make(3, 4), make(3, 4, low=1, high=3)), Sample(make(2, 3, 1), make(4, low=1, high=3)),
        Sample(make(3, 4, low=-9, high=9), 2),
        *([Sample(make(3, 4, low=-9, high=9), make(4, low=-3, high=-1))] if make.dtype.is_signed else []),
    ]  # fmt: skip


@pointwise(
    FLOAT, name="div", api="", inplace=False, dtypes=ANY,
    samples=_quotient_samples,
    grad={
        "input": lambda g, other: g / conjugate(other),
        "other": lambda g, input, other: g * -conjugate(quotient(quotient(input, other), other)),
    },
    reference=np.true_divide,
    errors=misfits,
)  # fmt: skip
def quotient(input: Tensor | Number, other: Tensor | Number, rounding_mode: None = None) -> Any:
    """input / other, as floating point."""


@pointwise(
    dtypes=NUMERIC, samples=_quotient_samples,
    errors=lambda make: [*misfits(make), Bad(make.bool(2), make.bool(2), match="not implemented for bool")],
    reference=np.floor_divide,
)  # fmt: skip
def floor_divide(input: Tensor | Number, other: Tensor | Number) -> Any:
    """The quotient rounded down.

    Raises:
        RuntimeError: division of an integer by zero (on the CPU).

    >>> import tritonnn as torch
    >>> torch.tensor([7, -7]) // 2
    tensor([ 3, -4])
    """


@pointwise(
    dtypes=NUMERIC, api="", inplace=False, samples=_quotient_samples,
    grad={"input": lambda g: zeros_like(g), "other": lambda g: zeros_like(g)},
    reference=np.floor_divide,
)  # fmt: skip
def floor_quotient(input: Tensor | Number, other: Tensor | Number) -> Any:
    """`floor_divide` as `div` has it: with a derivative, which is 0."""


@pointwise(
    dtypes=NUMERIC, api="", inplace=False, samples=_quotient_samples,
    grad={"input": lambda g: zeros_like(g), "other": lambda g: zeros_like(g)},
    reference=lambda input, other: np.trunc(input / other),
)  # fmt: skip
def trunc_divide(input: Tensor | Number, other: Tensor | Number) -> Any:
    """The quotient rounded towards zero."""


_ROUNDED: dict = {None: np.asarray, "floor": np.floor, "trunc": np.trunc}
_ROUNDING = {None: quotient, "floor": floor_quotient, "trunc": trunc_divide}


def _rounded(rounding_mode: str | None) -> Callable[..., Any]:
    if rounding_mode not in _ROUNDING:
        raise fail(
            "div",
            f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found {rounding_mode!r}",
        )
    return _ROUNDING[rounding_mode]


@composite(
    name="public_div", public="div", alias=("divide",), api="torch tensor", dtypes=ANY,
    samples=lambda make: [
        Sample(*sample.args, rounding_mode=mode) for sample in _quotient_samples(make)
        for mode in ((None,) if make.dtype.is_complex or make.dtype is dtypes.bool_ else (None, "floor", "trunc"))
    ],
    errors=lambda make: [
        *misfits(make), Bad(make(2), 2, rounding_mode="up", match="rounding_mode to be one of None, 'trunc', or"),
        Bad(make(2, dtype=dtypes.complex64), 2, rounding_mode="floor", match="not implemented for complex64"),
    ],
    reference=lambda input, other, rounding_mode: _ROUNDED[rounding_mode](input / other),
)  # fmt: skip
def div(
    input: Tensor | Number,
    other: Tensor | Number,
    *,
    rounding_mode: str | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """The quotient: exact (integers become floating), or rounded down ('floor') or towards zero ('trunc').

    Raises:
        RuntimeError: an unknown rounding mode; a rounded division of an integer by zero (on the CPU).

    >>> import tritonnn as torch
    >>> x = torch.tensor([7, -7])
    >>> x.div(2), x.div(2, rounding_mode='floor'), x.div(2, rounding_mode='trunc')
    (tensor([ 3.5000, -3.5000]), tensor([ 3, -4]), tensor([ 3, -3]))
    """
    return _rounded(rounding_mode)(input, other, out=out)


@expose("tensor", "divide_", of=div)
def div_(input: Tensor, other: Tensor | Number, *, rounding_mode: str | None = None) -> Tensor:
    """In-place version of `div`."""
    op = _rounded(rounding_mode).op  # type: ignore[attr-defined]
    return written(op, (input, other) if rounding_mode else (input, other, None))


@composite(
    api="torch tensor", dtypes=ANY, samples=_quotient_samples, errors=misfits, reference=np.true_divide
)
def true_divide(input: Tensor | Number, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor:
    """`div` without rounding.

    >>> import tritonnn as torch
    >>> torch.true_divide(torch.tensor([1, 2]), 2)
    tensor([0.5000, 1.0000])
    """
    return quotient(input, other, out=out)


@expose("tensor", of=true_divide)
def true_divide_(input: Tensor, other: Tensor | Number) -> Tensor:
    """In-place version of `true_divide`."""
    return div_(input, other)


@pointwise(
    dtypes=NUMERIC, samples=_quotient_samples, errors=misfits,
    grad={"input": lambda g: g, "other": lambda g, input, other: g * -floor_quotient(input, other)},
    reference=np.remainder,
)  # fmt: skip
def remainder(input: Tensor | Number, other: Tensor | Number) -> Any:
    """input - other * floor(input / other): the remainder with the sign of the divisor, as Python's %.

    >>> import tritonnn as torch
    >>> torch.tensor([7, -7]) % 3
    tensor([1, 2])
    """


@pointwise(
    dtypes=NUMERIC, samples=_quotient_samples, errors=misfits,
    grad={"input": lambda g: g, "other": lambda g, input, other: g * -trunc_divide(input, other)},
    reference=np.fmod,
)  # fmt: skip
def fmod(input: Tensor, other: Tensor | Number) -> Any:
    """input - other * trunc(input / other): the remainder with the sign of the dividend, as C's fmod.

    >>> import tritonnn as torch
    >>> torch.fmod(torch.tensor([7, -7]), 3)
    tensor([ 1, -1])
    """
