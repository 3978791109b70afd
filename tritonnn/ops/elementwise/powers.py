"""Powers, and functions of two tensors that are no arithmetic: angles, logarithms of sums, divisors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tritonnn import dispatch, dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid, fail
from tritonnn.ops._definitions import special as define
from tritonnn.ops._numbers import hold
from tritonnn.ops._table import (
    FLOAT,
    FLOATING,
    FLOATING_AND_COMPLEX,
    IN_PLACE,
    REAL,
    Bad,
    Sample,
    checked,
    composite,
    expose,
    pointwise,
)
from tritonnn.ops.creation.creation import zeros_like
from tritonnn.ops.elementwise import elementwise as ew
from tritonnn.ops.elementwise.arithmetic import misfits, mul, pairs
from tritonnn.ops.elementwise.elementwise import NUMERIC_AND_COMPLEX, conjugate
from tritonnn.recording.grad_mode import state
from tritonnn.recording.preserving import preserve
from tritonnn.table.types import Number

# ---- powers -------------------------------------------------------------------------------------------


def _power_grad(g: Tensor, input: Tensor, exponent: Any) -> Tensor:
    if isinstance(exponent, Tensor):
        slope = conjugate(exponent * pow(input, exponent - 1))
        return ew.replaced(g * slope, exponent == 0)
    if exponent == 0:
        return zeros_like(g)
    if exponent == 2 and not state.enabled:  # the general formula has all further derivatives
        return g * (conjugate(input) * 2)
    return g * conjugate(pow(input, exponent - 1) * exponent)


def _number_base_grad(g: Tensor, base: Any, exponent: Tensor, result: Tensor) -> Tensor:
    if base == 0:
        return g * ew.replaced(result * -math.inf, exponent >= 0)
    if isinstance(base, complex) or exponent.dtype.is_complex:
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
    hold((exponent,), input, exponent, exempt=dtypes.float32)


def _deciding(input: Any, exponent: Any) -> tuple[Tensor, ...]:
    """Powers of a number lie row-major."""
    if not isinstance(input, Tensor):
        return ()
    return (input, exponent) if isinstance(exponent, Tensor) else (input,)


@pointwise(
    dtypes=NUMERIC_AND_COMPLEX, check=_check_power,
    order=lambda input, exponent: _deciding(input, exponent),
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
    reference=lambda input, exponent: np.power(input, exponent),
)  # fmt: skip
def pow(input: Tensor | Number, exponent: Tensor | Number) -> Any:
    """input to the power exponent.

    Raises:
        RuntimeError: a negative whole number as exponent of an integer tensor.

    >>> import tritonnn as torch
    >>> torch.tensor([1., 2., 3.]) ** 2
    tensor([1., 4., 9.])
    """


@composite(
    api="torch tensor", dtypes=NUMERIC_AND_COMPLEX, inplace=True,
    reference=lambda input, exponent: np.float_power(input, exponent),
    samples=lambda make: [Sample(make(3, 4, low=0.3, high=2), e) for e in (-1, 0, 2.5)] + [
        Sample(make(3, 4, low=1, high=2), make(4)), Sample(2, make(3)),
    ],
    errors=lambda make: [
        misfits(make)[0], Bad(make(2), "a", error=TypeError, match="'exponent' .*not str"),
        Bad(make(2), make(2), out=make(2, dtype=dtypes.float32), match="requires dtype float64"),
    ],
)  # fmt: skip
def float_power(input: Tensor | Number, exponent: Tensor | Number, *, out: Tensor | None = None) -> Tensor:
    """`pow` in float64 (complex128 where an operand is complex).

    >>> import tritonnn as torch
    >>> torch.float_power(torch.tensor([2, 3]), -1)
    tensor([0.5000, 0.3333], dtype=torch.float64)
    """
    kind = dtypes.complex128 if dispatch.result_type(input, exponent).is_complex else dtypes.float64
    if out is not None and out.dtype is not kind:
        raise fail(
            "float_power",
            f"the output has dtype {out.dtype.name} but the operation's result requires dtype {kind.name}",
            out=out,
        )
    wide = [x.to(kind) if isinstance(x, Tensor) else x for x in (input, exponent)]
    return pow(*wide, out=out)


@expose("tensor", of=float_power)
@checked
def float_power_(input: Tensor, exponent: Tensor | Number) -> Tensor:
    """In-place version of `float_power`, of float64 (or complex128) alone."""
    kind = dtypes.complex128 if dispatch.result_type(input, exponent).is_complex else dtypes.float64
    if input.dtype is not kind:
        text = (
            f"the base given to float_power_ has dtype {input.dtype.name} but the operation's result requires"
        )
        raise fail("float_power_", f"{text} dtype {kind.name}", input=input)
    return IN_PLACE["float_power_"](input, exponent)


@pointwise(
    FLOAT, dtypes=REAL,
    samples=lambda make: [*pairs(make, 0.2, 2), Sample(make(3, 4, low=0.2, high=2), 2)],
    grad={
        "input": lambda g, input, other: g * _xlogy_slope(input, as_tensor(other, g)),
        "other": lambda g, input, other: g * input / other,
    },
    api="torch tensor special",
    reference=define.xlogy,
    errors=misfits,
)  # fmt: skip
def xlogy(input: Tensor | Number, other: Tensor | Number) -> Any:
    """input * log(other), and 0 where input is 0 (unless other is NaN).

    >>> import tritonnn as torch
    >>> torch.xlogy(torch.tensor([0., 2.]), torch.tensor([0., 1.]))
    tensor([0., 0.])
    """


def _xlogy_slope(input: Tensor, other: Tensor) -> Tensor:
    return ew.replaced(ew.log(other), (input == 0) & (other <= 0))


def as_tensor(x: Any, like: Any) -> Tensor:
    return x if isinstance(x, Tensor) else like.new_full((), x)


# ---- distances and angles -----------------------------------------------------------------------------


def _over_square(x: Tensor, input: Tensor, other: Tensor) -> Tensor:
    """x over the squared distance from the origin, where the angle has no slope: 0 there."""
    square = input * input + other * other
    return ew.replaced(x / square, square == 0)


@pointwise(
    FLOAT, dtypes=REAL, alias=("arctan2",), samples=lambda make: pairs(make, 0.2, 2), errors=misfits,
    grad={
        "input": lambda g, input, other: g * _over_square(other, input, other),
        "other": lambda g, input, other: g * _over_square(-input, input, other),
    },
    reference=np.arctan2,
)  # fmt: skip
def atan2(input: Tensor, other: Tensor) -> Any:
    """The angle in radians, in -pi..pi, of the point with ordinate `input` and abscissa `other`.

    >>> import tritonnn as torch
    >>> torch.atan2(torch.tensor([1., -1.]), torch.tensor([0., -1.]))
    tensor([ 1.5708, -2.3562])
    """


@pointwise(
    dtypes=FLOATING, samples=lambda make: pairs(make, 0.2, 2), errors=misfits,
    grad={
        "input": lambda g, input, result: g * (input / result),
        "other": lambda g, other, result: g * (other / result),
    },
    reference=lambda input, other: np.sqrt(input**2 + other**2),
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
    reference=np.copysign,
    errors=misfits,
)  # fmt: skip
def copysign(input: Tensor, other: Tensor | Number) -> Any:
    """The magnitude of `input` with the sign of `other`.

    >>> import tritonnn as torch
    >>> torch.copysign(torch.tensor([1., 2.]), torch.tensor([-0., 3.]))
    tensor([-1.,  2.])
    """


@pointwise(
    dtypes=FLOATING, samples=pairs, errors=misfits, reference=np.nextafter,
    grad={
        "input": lambda g, input, other: ew.replaced(g, input == other),
        "other": lambda g: zeros_like(g),
    },
)  # fmt: skip
def nextafter(input: Tensor, other: Tensor) -> Any:
    """The next number after `input` in the direction of `other`.

    >>> import tritonnn as torch
    >>> torch.nextafter(torch.tensor([1.]), torch.tensor([2.])) - 1
    tensor([1.1921e-07])
    """


@pointwise(
    inplace=False, dtypes=FLOATING_AND_COMPLEX, samples=pairs, errors=misfits,
    grad={
        "input": lambda g, input, other: g * conjugate(ew.sigmoid(input - other)),
        "other": lambda g, input, other: g * conjugate(ew.sigmoid(other - input)),
    },
    reference=lambda input, other: np.log(np.exp(input) + np.exp(other)),
)  # fmt: skip
def logaddexp(input: Tensor, other: Tensor) -> Any:
    """log(exp(input) + exp(other)) without overflow.

    >>> import tritonnn as torch
    >>> torch.logaddexp(torch.tensor([0., 1000.]), torch.tensor([0., 0.]))
    tensor([6.9315e-01, 1.0000e+03])
    """


@pointwise(
    inplace=False, dtypes=FLOATING, samples=pairs, errors=misfits,
    grad={
        "input": lambda g, input, other: g / (ew.exp2(other - input) + 1),
        "other": lambda g, input, other: g / (ew.exp2(input - other) + 1),
    },
    reference=lambda input, other: np.log2(2.0**input + 2.0**other),
)  # fmt: skip
def logaddexp2(input: Tensor, other: Tensor) -> Any:
    """log2(2^input + 2^other) without overflow.

    >>> import tritonnn as torch
    >>> torch.logaddexp2(torch.tensor([2.]), torch.tensor([2.]))
    tensor([3.])
    """


@composite(
    api="torch tensor", dtypes=REAL, samples=pairs, errors=lambda make: misfits(make)[:1], inplace=True,
    reference=lambda input, other: input * 2.0**other, out=True,
)  # fmt: skip
def ldexp(input: Tensor, other: Tensor) -> Tensor:
    """input * 2^other; of a whole exponent exactly, in the type of a floating input.

    >>> import tritonnn as torch
    >>> torch.ldexp(torch.tensor([1.5]), torch.tensor([3]))
    tensor([12.])
    """
    if other.dtype.kind >= 2 or not input.dtype.is_floating_point:
        return preserve(mul(input, pow(2.0, other)), "input")
    if input.dtype is not dtypes.float64:
        # 2^other is within float64 wherever the result is within a shorter type, and the product is rounded once
        return mul(input.to(dtypes.float64), _power_of_two(other.to(dtypes.int64).clamp(-1000, 1000))).to(
            input.dtype
        )
    other = other.to(dtypes.int64).clamp(-2200, 2200)
    third = other // 3
    step = _power_of_two(third)
    return input * step * step * _power_of_two(other - 2 * third)


def _power_of_two(exponent: Tensor) -> Tensor:
    return pow(2.0, exponent.to(dtypes.float64))


@pointwise(
    dtypes=dtypes.INTEGRAL,
    samples=lambda make: pairs(make, 0, 40),
    errors=misfits,
    reference=lambda input, other: np.vectorize(math.gcd)(input, other),
)
def gcd(input: Tensor, other: Tensor) -> Any:
    """Greatest common divisor of whole numbers, not negative.

    >>> import tritonnn as torch
    >>> torch.gcd(torch.tensor([12, 0]), torch.tensor([18, 5]))
    tensor([6, 5])
    """


@pointwise(
    dtypes=dtypes.INTEGRAL,
    samples=lambda make: pairs(make, 0, 9),
    errors=misfits,
    reference=lambda input, other: np.vectorize(math.lcm)(input, other),
)
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
    reference=define.zeta,
    errors=misfits,
)  # fmt: skip
def zeta(input: Tensor | Number, other: Tensor | Number) -> Any:
    """Hurwitz's zeta function: the sum of (other + k)^-input over k = 0, 1, ...

    >>> import tritonnn as torch
    >>> torch.special.zeta(torch.tensor([2.]), torch.tensor([1.]))
    tensor([1.6449])
    """
