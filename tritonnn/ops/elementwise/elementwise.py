"""Elementwise functions of one tensor: one entry a line or two.

Formulas of derivatives are written with other ops, so second derivatives follow. A function that is constant
between its jumps has the derivative 0, as in PyTorch, not none.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import Invalid
from tritonnn.ops._definitions import elementwise as definitions
from tritonnn.ops._table import (
    ANY,
    BOOL,
    FLOAT,
    FLOATING,
    FLOATING_AND_COMPLEX,
    NUMERIC,
    PROMOTE,
    REAL,
    Bad,
    Sample,
    made,
    pointwise,
    unary,
)
from tritonnn.ops.creation.creation import zeros_like
from tritonnn.recording.grad_mode import state
from tritonnn.table import Make
from tritonnn.table.types import Number

INTEGRAL_AND_BOOL = (dtypes.bool_, *dtypes.INTEGRAL)
NUMERIC_AND_COMPLEX = (*NUMERIC, *dtypes.COMPLEX)
_LN_2 = math.log(2)
_LN_10 = math.log(10)


def example(name: str, given: str, result: str) -> str:
    """The runnable example of a docstring."""
    return f"\n\n>>> import tritonnn as torch\n>>> torch.{name}(torch.tensor({given}))\ntensor({result})\n"


def entry(
    name: str,
    doc: str,
    shown: tuple[str, str],
    result: Callable = FLOAT,
    grad: Callable | None = None,
    low: float = -2,
    high: float = 2,
    **options: Any,
) -> Callable:
    """An op of one tensor, with samples between `low` and `high` and an example (argument, result).

    Its definition is that of its name in `_definitions/elementwise.py`, or else NumPy's.
    """
    options.setdefault("dtypes", ANY if result is FLOAT else REAL)
    options.setdefault("samples", lambda make: within(make, low, high))
    options.setdefault("errors", refusals(name, options["dtypes"], result))
    options.setdefault("reference", made(_definition, name))
    prefix = "" if "torch" in options.get("api", "torch").split() else "special."
    return unary(name, doc + example(prefix + name, *shown), result, grad, **options)


def _definition(name: str) -> Callable | None:
    known = importlib.import_module("tritonnn.ops._definitions.elementwise")
    return getattr(known, name, None) or getattr(np, name, None)


def within(make: Make, low: float, high: float) -> list[Sample]:
    """A matrix and a 0-d tensor with values between low and high, or for whole numbers the next ones outside."""
    if not make.dtype.is_floating_point and math.ceil(low) > math.floor(high):
        low, high = math.floor(low), math.ceil(high)
    return [Sample(make(3, 5, low=low, high=high)), Sample(make((), low=low, high=high))]


def refusals(name: str, types: Any, result: Any = None) -> Callable[[Any], list[Bad]]:
    """Bad input of an op of one tensor: no tensor, a dtype that it lacks, an output that cannot hold the result."""
    lacking = next((d for d in (dtypes.complex64, dtypes.float32, dtypes.int64) if d not in types), None)

    def errors(make: Make) -> list[Bad]:
        cases = [Bad("a", error=TypeError, match=rf"{name}\(\): argument 'input' .* must be Tensor, not str")]
        if lacking is not None:
            cases.append(Bad(make(2, dtype=lacking), error=NotImplementedError, match="not implemented for"))
        if result is FLOAT:
            cases.append(Bad(make(2), out=make.int(2), match="can't be cast to the desired output type"))
        return cases

    return errors


def conjugate(x: Any) -> Any:
    """The conjugate of a complex tensor or number; anything real as it is. For derivatives of complex functions."""
    if isinstance(x, Tensor):
        return conj_physical(x) if x.dtype.is_complex else x
    return x.conjugate() if isinstance(x, complex) else x


def _zero(g: Tensor) -> Tensor:
    return zeros_like(g)


# ---- exponentials, logarithms, roots ------------------------------------------------------------------


def _whole(common: DType) -> tuple[DType, DType]:
    """Truth values count as 0 and 1 (in int64)."""
    common = dtypes.int64 if common is dtypes.bool_ else common
    return common, common


exp = entry("exp", "e to the power of each element.", ("[0., 1.]", "[1.0000, 2.7183]"),
             grad=lambda g, result: g * conjugate(result))  # fmt: skip
exp2 = entry("exp2", "2 to the power of each element.", ("[0., 3.]", "[1., 8.]"),
              grad=lambda g, result: g * (conjugate(result) * _LN_2))  # fmt: skip
expm1 = entry("expm1", "exp(x) - 1, accurate near 0.", ("[0., 1.]", "[0.0000, 1.7183]"),
               grad=lambda g, result: g * (conjugate(result) + 1))  # fmt: skip
log = entry("log", "Natural logarithm.", ("[1., 10.]", "[0.0000, 2.3026]"), low=0.3, high=3,
             grad=lambda g, input: g / conjugate(input))  # fmt: skip
log2 = entry("log2", "Logarithm to the base 2.", ("[1., 8.]", "[0., 3.]"), low=0.3, high=3,
              grad=lambda g, input: g / (conjugate(input) * _LN_2))  # fmt: skip
log10 = entry("log10", "Logarithm to the base 10.", ("[1., 100.]", "[0., 2.]"), low=0.3, high=3,
               grad=lambda g, input: g / (conjugate(input) * _LN_10))  # fmt: skip
log1p = entry("log1p", "log(1 + x), accurate near 0.", ("[0., 1.]", "[0.0000, 0.6931]"), low=-0.8, high=3,
               grad=lambda g, input: g / (conjugate(input) + 1))  # fmt: skip
sqrt = entry("sqrt", "Square root; NaN below 0.", ("[4., 9.]", "[2., 3.]"), low=0.3, high=3,
              grad=lambda g, result: g / (conjugate(result) * 2))  # fmt: skip
rsqrt = entry("rsqrt", "1 / sqrt(x).", ("[4., 0.25]", "[0.5000, 2.0000]"), low=0.3, high=3,
               grad=lambda g, result: g * conjugate(result * result * result) * -0.5)  # fmt: skip
square = entry("square", "x^2.", ("[-1., 3.]", "[1., 9.]"), _whole, dtypes=ANY,
                grad=lambda g, input: g * (conjugate(input) * 2))  # fmt: skip
reciprocal = entry("reciprocal", "1 / x.", ("[2., 4.]", "[0.5000, 0.2500]"), low=0.3, high=3,
                    grad=lambda g, result: g * -conjugate(result * result))  # fmt: skip

# ---- trigonometric and hyperbolic ---------------------------------------------------------------------

sin = entry("sin", "Sine of an angle in radians.", ("[0., 1.]", "[0.0000, 0.8415]"),
             grad=lambda g, input: g * conjugate(cos(input)))  # fmt: skip
cos: Any = entry("cos", "Cosine of an angle in radians.", ("[0., 1.]", "[1.0000, 0.5403]"),
             grad=lambda g, input: g * -conjugate(sin(input)))  # fmt: skip
tan = entry("tan", "Tangent of an angle in radians.", ("[0., 1.]", "[0.0000, 1.5574]"), low=-1, high=1,
             grad=lambda g, result: g * conjugate(result * result + 1))  # fmt: skip
asin = entry("asin", "Angle in radians whose sine is x; NaN outside -1..1.", ("[0., 1.]", "[0.0000, 1.5708]"),
              low=-0.8, high=0.8, alias=("arcsin",),
              grad=lambda g, input: g * conjugate(rsqrt(1 - input * input)))  # fmt: skip
acos = entry("acos", "Angle in radians whose cosine is x; NaN outside -1..1.", ("[1., 0.]", "[0.0000, 1.5708]"),
              low=-0.8, high=0.8, alias=("arccos",),
              grad=lambda g, input: g * -conjugate(rsqrt(1 - input * input)))  # fmt: skip
atan = entry("atan", "Angle in radians whose tangent is x.", ("[0., 1.]", "[0.0000, 0.7854]"), alias=("arctan",),
              grad=lambda g, input: g / conjugate(input * input + 1))  # fmt: skip
sinh = entry("sinh", "Hyperbolic sine.", ("[0., 1.]", "[0.0000, 1.1752]"),
              grad=lambda g, input: g * conjugate(cosh(input)))  # fmt: skip
cosh: Any = entry("cosh", "Hyperbolic cosine.", ("[0., 1.]", "[1.0000, 1.5431]"),
              grad=lambda g, input: g * conjugate(sinh(input)))  # fmt: skip
tanh = entry("tanh", "Hyperbolic tangent.", ("[0., 1.]", "[0.0000, 0.7616]"), api="torch tensor functional",
              grad=lambda g, result: tanh_backward(g, conjugate(result)))  # fmt: skip
asinh = entry("asinh", "Inverse hyperbolic sine.", ("[0., 1.]", "[0.0000, 0.8814]"), alias=("arcsinh",),
               grad=lambda g, input: g * conjugate(rsqrt(input * input + 1)))  # fmt: skip
acosh = entry("acosh", "Inverse hyperbolic cosine; NaN below 1.", ("[1., 2.]", "[0.0000, 1.3170]"),
               low=1.5, high=3, alias=("arccosh",),
               grad=lambda g, input: g * conjugate(rsqrt(input * input - 1)))  # fmt: skip
atanh = entry("atanh", "Inverse hyperbolic tangent; NaN outside -1..1.", ("[0., 0.5]", "[0.0000, 0.5493]"),
               low=-0.8, high=0.8, alias=("arctanh",),
               grad=lambda g, input: g / conjugate(1 - input * input))  # fmt: skip
sinc = entry("sinc", "sin(pi x) / (pi x), and 1 at 0.", ("[0., 0.5]", "[1.0000, 0.6366]"), low=0.2, high=1.8,
              grad=lambda g, input: _sinc_grad(g, input))  # fmt: skip


def _sinc_grad(g: Tensor, input: Tensor) -> Tensor:
    slope = (cos(input * math.pi) - sinc(input)) / input
    return g * conjugate(replaced(slope, input == 0))


# ---- rounding and sign --------------------------------------------------------------------------------

_NO_BOOL_NEGATION = (
    "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, use the `~` "
    "or `logical_not()` operator instead."
)


def _magnitude(common: DType) -> tuple[DType, DType]:
    return common, common.to_real()


abs = entry("abs", "Magnitude.", ("[-1.5, 2.]", "[1.5000, 2.0000]"), _magnitude, low=0.2, high=2,
             dtypes=NUMERIC_AND_COMPLEX, alias=("absolute",), grad=lambda g, input: g * sgn(input))  # fmt: skip
neg = entry("neg", "-x; of unsigned numbers modulo their range.", ("[-1., 2.]", "[ 1., -2.]"), PROMOTE,
             dtypes=NUMERIC_AND_COMPLEX, alias=("negative",), grad=lambda g: -g,
             refuse={dtypes.bool_: _NO_BOOL_NEGATION})  # fmt: skip
floor = entry("floor", "Largest whole number not above x.", ("[-1.5, 1.5]", "[-2.,  1.]"), PROMOTE,
               dtypes=NUMERIC, grad=_zero)  # fmt: skip
ceil = entry("ceil", "Smallest whole number not below x.", ("[-1.5, 1.5]", "[-1.,  2.]"), PROMOTE,
              dtypes=NUMERIC, grad=_zero)  # fmt: skip
trunc = entry("trunc", "The whole part, towards 0.", ("[-1.5, 1.5]", "[-1.,  1.]"), PROMOTE,
               dtypes=NUMERIC, alias=("fix",), grad=_zero)  # fmt: skip
frac = entry("frac", "x - trunc(x), with the sign of x.", ("[-1.5, 2.25]", "[-0.5000,  0.2500]"), PROMOTE,
              dtypes=FLOATING, low=0.2, high=0.8, grad=lambda g: g)  # fmt: skip
sign = entry("sign", "-1, 0 or 1; 0 for NaN.", ("[-1.5, 0., 2.]", "[-1.,  0.,  1.]"), PROMOTE, low=0.2,
              grad=_zero)  # fmt: skip
sgn: Any = entry("sgn", "sign(x); of a complex number x / |x|.", ("[-1.5, 0., 2.]", "[-1.,  0.,  1.]"), PROMOTE,
             low=0.2, dtypes=ANY, grad=lambda g, input, result: _sgn_grad(g, input, result))  # fmt: skip
signbit = entry("signbit", "Whether the sign is negative, that of -0. included.",
                 ("[-1., 0., -0.]", "[ True, False,  True]"), BOOL, inplace=False)  # fmt: skip
bitwise_not = entry("bitwise_not", "Every bit inverted; for bool, the other value.", ("[0, 5]", "[-1, -6]"), PROMOTE,
                     dtypes=INTEGRAL_AND_BOOL)  # fmt: skip


def _sgn_grad(g: Tensor, input: Tensor, result: Tensor) -> Tensor:
    if not input.dtype.is_complex:
        return zeros_like(g)
    along = (conjugate(g) * result).real * result
    return replaced((g - along) / abs(input), input == 0)


@pointwise(
    dtypes=NUMERIC, grad={"input": _zero},
    samples=lambda make: [Sample(make(3, 5)), Sample(make(3, dtype=dtypes.float32), decimals=1)],
    check=lambda input, decimals: _check_decimals(input, decimals),
    reference=definitions.round,
    errors=lambda make: [Bad(make.int(3), decimals=1, match="not implemented for int64", error=NotImplementedError)],
)  # fmt: skip
def round(input: Tensor, *, decimals: int = 0) -> Any:
    """The nearest whole number, halves to the even one; with `decimals`, the nearest multiple of 10^-decimals.

    >>> import tritonnn as torch
    >>> torch.round(torch.tensor([0.5, 1.5, 2.4]))
    tensor([0., 2., 2.])
    """


def _check_decimals(input: Tensor, decimals: int) -> None:
    if decimals and input.dtype.kind < 2:
        raise Invalid(f"decimals is not implemented for {input.dtype.name}", kind=NotImplementedError)


# ---- tests --------------------------------------------------------------------------------------------


def _test(name: str, doc: str, shown: str, types: Any = ANY) -> Callable:
    return entry(
        name,
        doc,
        ("[1., float('nan'), float('inf')]", shown),
        BOOL,
        dtypes=types,
        samples=odd_values,
        inplace=False,
    )


def odd_values(make: Make) -> list[Sample]:
    x = make(3, 4)
    if not x.dtype.is_floating_point:
        return [Sample(x)]
    return [Sample(x / make.bool(3, 4).to(x.dtype)), Sample((x / 0) * make.bool(3, 4).to(x.dtype))]


isnan = _test("isnan", "Whether x is not a number.", "[False,  True, False]", (*ANY, *dtypes.FLOAT8))
isinf = _test("isinf", "Whether x is infinite.", "[False, False,  True]")
isfinite = _test("isfinite", "Whether x is neither infinite nor NaN.", "[ True, False, False]")
isposinf = _test("isposinf", "Whether x is positive infinity.", "[False, False,  True]", REAL)
isneginf = _test("isneginf", "Whether x is negative infinity.", "[False, False, False]", REAL)
logical_not = entry("logical_not", "Whether x is 0.", ("[0., 2.]", "[ True, False]"), BOOL, dtypes=ANY)

# ---- sigmoid; gradients that are ops ------------------------------------------------------------------

sigmoid = entry("sigmoid", "1 / (1 + exp(-x)).", ("[0., 2.]", "[0.5000, 0.8808]"), dtypes=ANY,
                 api="torch tensor functional",
                 grad=lambda g, result: sigmoid_backward(g, conjugate(result)))  # fmt: skip


@pointwise(
    api="", inplace=False, dtypes=FLOATING_AND_COMPLEX,
    samples=lambda make: [Sample(make(3, 4), make(3, 4, low=0.1, high=0.9))],
    grad={
        "grad": lambda g, output: sigmoid_backward(g, conjugate(output)),
        "output": lambda g, grad, output: g * conjugate(grad) * conjugate(1 - 2 * output),
    },
)  # fmt: skip
def sigmoid_backward(grad: Tensor, output: Tensor) -> Any:
    """grad * output * (1 - output)."""


@pointwise(
    api="", inplace=False, dtypes=FLOATING_AND_COMPLEX,
    samples=lambda make: [Sample(make(3, 4), make(3, 4, low=-0.9, high=0.9))],
    grad={
        "grad": lambda g, output: tanh_backward(g, conjugate(output)),
        "output": lambda g, grad, output: g * conjugate(grad) * conjugate(-2 * output),
    },
)  # fmt: skip
def tanh_backward(grad: Tensor, output: Tensor) -> Any:
    """grad * (1 - output^2)."""


# ---- choosing -----------------------------------------------------------------------------------------


@pointwise(
    name="where", api="", inplace=False, dtypes=(*ANY, *dtypes.FLOAT8), exempt=("condition",),
    samples=lambda make: [
        Sample(make.bool(3, 4), make(3, 4), make(3, 4)), Sample(make.bool(3, 1), make(4), 2),
        Sample(make.bool(()), make(2), make(3, 1)),
    ],
    grad={
        "input": lambda g, condition: replaced(g, logical_not(condition)),
        "other": lambda g, condition: replaced(g, condition),
    },
)  # fmt: skip
def choose(condition: Tensor, input: Tensor | Number, other: Tensor | Number) -> Any:
    """input where the condition holds, other elsewhere."""


def replaced(x: Tensor, condition: Tensor, value: float = 0) -> Tensor:
    """x with `value` where the condition holds."""
    return choose(condition, value, x)


def in_pieces(slope: Tensor, argument: Tensor) -> Tensor:
    """The slope of what is linear in pieces: its derivative by the argument is 0, and not the lack of one."""
    return slope + sign(argument) * 0 if state.enabled and argument.requires_grad else slope


# ---- parts of complex numbers -------------------------------------------------------------------------


@pointwise(
    dtypes=ANY, grad={"input": lambda g: conjugate(g)}, samples=lambda make: [Sample(make(3, 4))],
    errors=refusals("conj_physical", ANY), reference=np.conjugate,
)  # fmt: skip
def conj_physical(input: Tensor) -> Any:
    """The complex conjugate, as new memory.

    >>> import tritonnn as torch
    >>> torch.conj_physical(torch.tensor([1 + 2j]))
    tensor([1.-2.j])
    """
