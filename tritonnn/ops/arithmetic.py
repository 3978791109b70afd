"""Elementwise arithmetic of two and three tensors, and the operators of Tensor."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tritonnn import dispatch, dtypes
from tritonnn.errors import Invalid, fail
from tritonnn.ops import elementwise as ew
from tritonnn.ops._table import (
    ANY,
    FLOAT,
    FLOATING,
    FLOATING_AND_COMPLEX,
    NUMERIC,
    REAL,
    Bad,
    Sample,
    expose,
    pointwise,
)
from tritonnn.ops.creation import zeros_like
from tritonnn.ops.elementwise import NUMERIC_AND_COMPLEX, conjugate
from tritonnn.tensor import Tensor

FAMILY = "elementwise"  # the backend file
Number = Any


def _pairs(make: Any, low: float = -2, high: float = 2, **options: Any) -> list[Sample]:
    """Equal shapes, broadcasting both ways, a 0-d operand."""
    new = lambda *shape: make(*shape, low=low, high=high)
    return [
        Sample(new(3, 4), new(3, 4), **options), Sample(new(2, 3, 1), new(4), **options),
        Sample(new(3), new(()), **options),
    ]  # fmt: skip


def _with_number(make: Any, number: Any = 2, low: float = -2, high: float = 2) -> list[Sample]:
    return [*_pairs(make, low, high), Sample(make(3, 4, low=low, high=high), number)]


def _misfits(make: Any) -> list[Bad]:
    return [
        Bad(make(2, 3), make(4), match=r"size of tensor a \(3\) must match the size of tensor b \(4\)"),
        Bad(make(2, 3), "a", error=TypeError, match="argument 'other' .*must be Tensor.*, not str"),
    ]


# ---- sums and products --------------------------------------------------------------------------------


def _check_alpha(input: Any, other: Any, alpha: Any) -> None:
    if not isinstance(alpha, (bool, int, float, complex, np.number)):
        raise Invalid(f"argument 'alpha' must be Number, not {type(alpha).__name__}", kind=TypeError)
    if isinstance(alpha, float) and all(_is_whole(x) for x in (input, other)):
        raise Invalid("For integral input tensors, argument alpha must not be a floating point number.")


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


def _scaled(g: Tensor, alpha: Any) -> Tensor:
    return g if alpha == 1 else g * conjugate(alpha)


@pointwise(
    dtypes=ANY, check=_check_alpha, legacy=_number_before,
    grad={"input": lambda g: g, "other": lambda g, alpha: _scaled(g, alpha)},
    samples=lambda make: [*_with_number(make), *_pairs(make, alpha=3)],
    errors=lambda make: [
        *_misfits(make), Bad(make.int(2), make.int(2), alpha=1.5, match="alpha must not be a floating"),
        Bad(make(2), make(2), alpha="a", error=TypeError, match="'alpha' must be Number, not str"),
    ],
)  # fmt: skip
def add(input: Tensor | Number, other: Tensor | Number, *, alpha: Number = 1) -> Any:
    """input + alpha * other.

    >>> import tritonnn as torch
    >>> torch.add(torch.tensor([1., 2.]), torch.tensor([10., 20.]), alpha=2)
    tensor([21., 42.])
    """


@pointwise(
    dtypes=NUMERIC_AND_COMPLEX, check=_check_alpha, legacy=_number_before, alias=("subtract",),
    grad={"input": lambda g: g, "other": lambda g, alpha: -_scaled(g, alpha)},
    samples=lambda make: [*_with_number(make), *_pairs(make, alpha=3)],
    refuse={dtypes.bool_: _NO_BOOL_DIFFERENCE},
    errors=lambda make: [*_misfits(make), Bad(make.bool(2), make(2), match="Subtraction, the `-` operator")],
)  # fmt: skip
def sub(input: Tensor | Number, other: Tensor | Number, *, alpha: Number = 1) -> Any:
    """input - alpha * other.

    >>> import tritonnn as torch
    >>> torch.tensor([1., 2.]) - torch.tensor([10., 20.])
    tensor([ -9., -18.])
    """


@pointwise(
    dtypes=NUMERIC_AND_COMPLEX, check=_check_alpha, legacy=_number_before, inplace=False,
    grad={"input": lambda g, alpha: -_scaled(g, alpha), "other": lambda g: g},
    samples=lambda make: [*_with_number(make), *_pairs(make, alpha=3)],
    refuse={dtypes.bool_: _NO_BOOL_DIFFERENCE}, errors=_misfits,
)  # fmt: skip
def rsub(input: Tensor | Number, other: Tensor | Number, *, alpha: Number = 1) -> Any:
    """other - alpha * input.

    >>> import tritonnn as torch
    >>> torch.rsub(torch.tensor([1., 2.]), 10)
    tensor([9., 8.])
    """


@pointwise(
    dtypes=ANY, alias=("multiply",), samples=_with_number, errors=_misfits,
    grad={"input": lambda g, other: g * conjugate(other), "other": lambda g, input: g * conjugate(input)},
)  # fmt: skip
def mul(input: Tensor | Number, other: Tensor | Number) -> Any:
    """input * other.

    >>> import tritonnn as torch
    >>> torch.tensor([1., 2.]) * torch.tensor([10., 20.])
    tensor([10., 40.])
    """


# ---- quotients ----------------------------------------------------------------------------------------


def _quotient_samples(make: Any) -> list[Sample]:
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
        "other": lambda g, other, result: g * -conjugate(result / other),
    },
)  # fmt: skip
def quotient(input: Tensor | Number, other: Tensor | Number, rounding_mode: None = None) -> Any:
    """input / other, as floating point."""


@pointwise(
    dtypes=NUMERIC, samples=_quotient_samples,
    grad={"input": lambda g: zeros_like(g), "other": lambda g: zeros_like(g)},
    errors=lambda make: [*_misfits(make), Bad(make.bool(2), make.bool(2), match="not implemented for bool")],
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
)  # fmt: skip
def trunc_divide(input: Tensor | Number, other: Tensor | Number) -> Any:
    """The quotient rounded towards zero."""


_ROUNDING = {None: quotient, "floor": floor_divide, "trunc": trunc_divide}


def _rounded(rounding_mode: str | None) -> Callable[..., Any]:
    if rounding_mode not in _ROUNDING:
        raise fail(
            "div",
            f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found {rounding_mode!r}",
        )
    return _ROUNDING[rounding_mode]


@expose("torch tensor", "divide")
def div(
    input: Tensor, other: Tensor | Number, *, rounding_mode: str | None = None, out: Tensor | None = None
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


@expose("torch tensor", "divide_")
def div_(input: Tensor, other: Tensor | Number, *, rounding_mode: str | None = None) -> Tensor:
    """In-place version of `div`."""
    op = _rounded(rounding_mode).op  # type: ignore[attr-defined]
    return dispatch.inplace(op, (input, other) if rounding_mode else (input, other, None))


@expose("torch tensor")
def true_divide(input: Tensor, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor:
    """`div` without rounding.

    >>> import tritonnn as torch
    >>> torch.true_divide(torch.tensor([1, 2]), 2)
    tensor([0.5000, 1.0000])
    """
    return quotient(input, other, out=out)


@expose("tensor")
def true_divide_(input: Tensor, other: Tensor | Number) -> Tensor:
    """In-place version of `true_divide`."""
    return div_(input, other)


@pointwise(
    dtypes=NUMERIC, samples=_quotient_samples, errors=_misfits,
    grad={"input": lambda g: g, "other": lambda g, input, other: g * -floor_divide(input, other)},
)  # fmt: skip
def remainder(input: Tensor | Number, other: Tensor | Number) -> Any:
    """input - other * floor(input / other): the remainder with the sign of the divisor, as Python's %.

    >>> import tritonnn as torch
    >>> torch.tensor([7, -7]) % 3
    tensor([1, 2])
    """


@pointwise(
    dtypes=NUMERIC, samples=_quotient_samples, errors=_misfits,
    grad={"input": lambda g: g, "other": lambda g, input, other: g * -trunc_divide(input, other)},
)  # fmt: skip
def fmod(input: Tensor, other: Tensor | Number) -> Any:
    """input - other * trunc(input / other): the remainder with the sign of the dividend, as C's fmod.

    >>> import tritonnn as torch
    >>> torch.fmod(torch.tensor([7, -7]), 3)
    tensor([ 1, -1])
    """


# ---- powers -------------------------------------------------------------------------------------------


def _power_grad(g: Tensor, input: Tensor, exponent: Any) -> Tensor:
    if isinstance(exponent, Tensor):
        slope = conjugate(exponent * pow(input, exponent - 1))
        return ew.replaced(g * slope, exponent == 0)
    if exponent == 0:
        return zeros_like(g)
    if exponent == 2:
        return g * (conjugate(input) * 2)
    return g * conjugate(pow(input, exponent - 1) * exponent)


def _number_base_grad(g: Tensor, base: Any, exponent: Tensor, result: Tensor) -> Tensor:
    if base == 0:
        return ew.replaced(zeros_like(g), exponent < 0, math.nan)
    if isinstance(base, complex):
        import cmath

        return g * conjugate(result * cmath.log(base))
    return g * (result * (math.log(base) if base > 0 else math.nan))


def _exponent_grad(g: Tensor, input: Any, exponent: Tensor, result: Tensor) -> Tensor:
    if not isinstance(input, Tensor):
        return _number_base_grad(g, input, exponent, result)
    slope = conjugate(result * ew.log(input))
    nothing = input == 0 if input.dtype.is_complex else (input == 0) & (exponent >= 0)
    return g * ew.replaced(slope, nothing)


def _check_power(input: Any, exponent: Any) -> None:
    if isinstance(exponent, int) and exponent < 0 and isinstance(input, Tensor) and input.dtype.kind < 2:
        raise Invalid("Integers to negative integer powers are not allowed.", hint="convert with .float()")


@pointwise(
    dtypes=NUMERIC_AND_COMPLEX, check=_check_power,
    grad={
        "input": lambda g, input, exponent: _power_grad(g, input, exponent),
        "exponent": lambda g, input, exponent, result: _exponent_grad(g, input, exponent, result),
    },
    samples=lambda make: [
        *[Sample(make(3, 4, low=0.3, high=2), e) for e in (0, 1, 2, 3, 5)],
        Sample(make(3, 4, low=0.3, high=2), make(4, low=0, high=3)),
        Sample(2, make(3, low=0, high=3)),
        *([Sample(make(3, low=0.3, high=2), e) for e in (0.5, -0.5, -1, -2, 2.5)] if make.dtype.kind > 1 else []),
    ],
    errors=lambda make: [Bad(make.int(3), -1, match="Integers to negative integer powers are not allowed")],
)  # fmt: skip
def pow(input: Tensor | Number, exponent: Tensor | Number) -> Any:
    """input to the power exponent.

    Raises:
        RuntimeError: a negative whole number as exponent of an integer tensor.

    >>> import tritonnn as torch
    >>> torch.tensor([1., 2., 3.]) ** 2
    tensor([1., 4., 9.])
    """


@expose("torch tensor")
def float_power(input: Tensor | Number, exponent: Tensor | Number, *, out: Tensor | None = None) -> Tensor:
    """`pow` in float64 (complex128 where an operand is complex).

    >>> import tritonnn as torch
    >>> torch.float_power(torch.tensor([2, 3]), -1)
    tensor([0.5000, 0.3333], dtype=torch.float64)
    """
    kind = dtypes.complex128 if dispatch.result_type(input, exponent).is_complex else dtypes.float64
    wide = [x.to(kind) if isinstance(x, Tensor) else x for x in (input, exponent)]
    return pow(*wide, out=out)


@pointwise(
    FLOAT, dtypes=REAL,
    samples=lambda make: [*_pairs(make, 0.2, 2), Sample(make(3, 4, low=0.2, high=2), 2)],
    grad={
        "input": lambda g, input, other: g * _xlogy_slope(input, _tensor(other, g)),
        "other": lambda g, input, other: g * input / other,
    },
    api="torch tensor special",
)  # fmt: skip
def xlogy(input: Tensor | Number, other: Tensor | Number) -> Any:
    """input * log(other), and 0 where input is 0 (unless other is NaN).

    >>> import tritonnn as torch
    >>> torch.xlogy(torch.tensor([0., 2.]), torch.tensor([0., 1.]))
    tensor([0., 0.])
    """


def _xlogy_slope(input: Tensor, other: Tensor) -> Tensor:
    return ew.replaced(ew.log(other), (input == 0) & (other <= 0))


def _tensor(x: Any, like: Tensor) -> Tensor:
    return x if isinstance(x, Tensor) else like.new_full((), x)


# ---- distances and angles -----------------------------------------------------------------------------


@pointwise(
    FLOAT, dtypes=REAL, alias=("arctan2",), samples=lambda make: _pairs(make, 0.2, 2), errors=_misfits,
    grad={
        "input": lambda g, input, other: g * (other / (input * input + other * other)),
        "other": lambda g, input, other: g * (-input / (input * input + other * other)),
    },
)  # fmt: skip
def atan2(input: Tensor, other: Tensor) -> Any:
    """The angle in radians, in -pi..pi, of the point with ordinate `input` and abscissa `other`.

    >>> import tritonnn as torch
    >>> torch.atan2(torch.tensor([1., -1.]), torch.tensor([0., -1.]))
    tensor([ 1.5708, -2.3562])
    """


@pointwise(
    dtypes=FLOATING, samples=lambda make: _pairs(make, 0.2, 2), errors=_misfits,
    grad={
        "input": lambda g, input, result: g * (input / result),
        "other": lambda g, other, result: g * (other / result),
    },
)  # fmt: skip
def hypot(input: Tensor, other: Tensor) -> Any:
    """sqrt(input^2 + other^2) without overflow.

    >>> import tritonnn as torch
    >>> torch.hypot(torch.tensor([3.]), torch.tensor([4.]))
    tensor([5.])
    """


@pointwise(
    FLOAT, dtypes=REAL,
    samples=lambda make: [Sample(make(3, 4, low=0.2, high=2), make(4)), Sample(make(3, low=0.2), -1.0)],
    grad={
        "input": lambda g, input, result: g * ew.replaced(result / input, input == 0),
        "other": lambda g: zeros_like(g),
    },
)  # fmt: skip
def copysign(input: Tensor, other: Tensor | Number) -> Any:
    """The magnitude of `input` with the sign of `other`.

    >>> import tritonnn as torch
    >>> torch.copysign(torch.tensor([1., 2.]), torch.tensor([-0., 3.]))
    tensor([-1.,  2.])
    """


@pointwise(dtypes=FLOATING, samples=_pairs, errors=_misfits)
def nextafter(input: Tensor, other: Tensor) -> Any:
    """The next number after `input` in the direction of `other`.

    >>> import tritonnn as torch
    >>> torch.nextafter(torch.tensor([1.]), torch.tensor([2.])) - 1
    tensor([1.1921e-07])
    """


@pointwise(
    dtypes=FLOATING, samples=_pairs, errors=_misfits,
    grad={
        "input": lambda g, input, other: g * ew.sigmoid(input - other),
        "other": lambda g, input, other: g * ew.sigmoid(other - input),
    },
)  # fmt: skip
def logaddexp(input: Tensor, other: Tensor) -> Any:
    """log(exp(input) + exp(other)) without overflow.

    >>> import tritonnn as torch
    >>> torch.logaddexp(torch.tensor([0., 1000.]), torch.tensor([0., 0.]))
    tensor([6.9315e-01, 1.0000e+03])
    """


@pointwise(
    dtypes=FLOATING, samples=_pairs, errors=_misfits,
    grad={
        "input": lambda g, input, other: g / (ew.exp2(other - input) + 1),
        "other": lambda g, input, other: g / (ew.exp2(input - other) + 1),
    },
)  # fmt: skip
def logaddexp2(input: Tensor, other: Tensor) -> Any:
    """log2(2^input + 2^other) without overflow.

    >>> import tritonnn as torch
    >>> torch.logaddexp2(torch.tensor([2.]), torch.tensor([2.]))
    tensor([3.])
    """


@expose("torch tensor")
def ldexp(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """input * 2^other.

    >>> import tritonnn as torch
    >>> torch.ldexp(torch.tensor([1.5]), torch.tensor([3]))
    tensor([12.])
    """
    return mul(input, pow(2.0, other), out=out)


@pointwise(dtypes=dtypes.INTEGRAL, samples=lambda make: _pairs(make, 0, 40), errors=_misfits)
def gcd(input: Tensor, other: Tensor) -> Any:
    """Greatest common divisor of whole numbers, not negative.

    >>> import tritonnn as torch
    >>> torch.gcd(torch.tensor([12, 0]), torch.tensor([18, 5]))
    tensor([6, 5])
    """


@pointwise(dtypes=dtypes.INTEGRAL, samples=lambda make: _pairs(make, 0, 9), errors=_misfits)
def lcm(input: Tensor, other: Tensor) -> Any:
    """Least common multiple of whole numbers, not negative.

    >>> import tritonnn as torch
    >>> torch.lcm(torch.tensor([4]), torch.tensor([6]))
    tensor([12])
    """


@pointwise(
    FLOAT, api="special", inplace=False, dtypes=REAL,
    samples=lambda make: [Sample(3, make(3, 4, low=1, high=5)), Sample(2, make((), low=1, high=5))],
    grad={"other": lambda g, input, other: g * -input * zeta(input + 1, other)},
)  # fmt: skip
def zeta(input: Tensor | Number, other: Tensor | Number) -> Any:
    """Hurwitz's zeta function: the sum of (other + k)^-input over k = 0, 1, ...

    >>> import tritonnn as torch
    >>> torch.special.zeta(torch.tensor([2.]), torch.tensor([1.]))
    tensor([1.6449])
    """


# ---- three operands -----------------------------------------------------------------------------------


def _check_lerp(input: Any, end: Any, weight: Any) -> None:
    for name, x in (("end", end), ("weight", weight)):
        if isinstance(x, Tensor) and isinstance(input, Tensor) and x.dtype is not input.dtype and x.shape:
            raise Invalid(f"expected dtype {input.dtype.name} for `{name}` but got dtype {x.dtype.name}")


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


def _triples(make: Any, low: float = -2) -> list[Sample]:
    high = 2 if low < 0 else 3
    return [
        Sample(make(3, 4), make(3, 4), make(3, 4, low=low, high=high)),
        Sample(make(3, 4), make(3, 1), make(4, low=low, high=high), value=2),
    ]


@pointwise(
    dtypes=NUMERIC_AND_COMPLEX, legacy=_value_before, samples=_triples,
    grad={
        "input": lambda g: g,
        "tensor1": lambda g, tensor2, value: _scaled(g * conjugate(tensor2), value),
        "tensor2": lambda g, tensor1, value: _scaled(g * conjugate(tensor1), value),
    },
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
        "tensor1": lambda g, tensor2, value: _scaled(g / conjugate(tensor2), value),
        "tensor2": lambda g, tensor1, tensor2, value: -_scaled(g * conjugate(tensor1 / (tensor2 * tensor2)), value),
    },
)  # fmt: skip
def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Any:
    """input + value * tensor1 / tensor2.

    >>> import tritonnn as torch
    >>> torch.addcdiv(torch.ones(2), torch.tensor([1., 2.]), torch.tensor([2., 4.]), value=10)
    tensor([6., 6.])
    """
