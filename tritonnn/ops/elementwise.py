"""Elementwise functions of one tensor: one entry a line or two.

Formulas of derivatives are written with other ops, so second derivatives follow. A function that is constant
between its jumps has the derivative 0, as in PyTorch, not none.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from tritonnn import dtypes
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import Invalid, fail
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
    expose,
    pointwise,
    unary,
)
from tritonnn.ops.creation import zeros_like
from tritonnn.tensor import Tensor

Number = Any
INTEGRAL_AND_BOOL = (dtypes.bool_, *dtypes.INTEGRAL)
NUMERIC_AND_COMPLEX = (*NUMERIC, *dtypes.COMPLEX)
_LN_2 = math.log(2)
_LN_10 = math.log(10)
_TWO_OVER_SQRT_PI = 2 / math.sqrt(math.pi)


def example(name: str, given: str, result: str) -> str:
    """The runnable example of a docstring."""
    return f"\n\n>>> import tritonnn as torch\n>>> torch.{name}(torch.tensor({given}))\ntensor({result})\n"


def _entry(
    name: str,
    doc: str,
    shown: tuple[str, str],
    result: Callable = FLOAT,
    grad: Callable | None = None,
    low: float = -2,
    high: float = 2,
    **options: Any,
) -> Callable:
    """An op of one tensor, with samples between `low` and `high` and an example (argument, result)."""
    options.setdefault("dtypes", ANY if result is FLOAT else REAL)
    options.setdefault("samples", lambda make: _within(make, low, high))
    prefix = "" if "torch" in options.get("api", "torch").split() else "special."
    return unary(name, doc + example(prefix + name, *shown), result, grad, **options)


def _within(make: Any, low: float, high: float) -> list[Sample]:
    """A matrix and a 0-d tensor with values between low and high, or for whole numbers the next ones outside."""
    if not make.dtype.is_floating_point and math.ceil(low) > math.floor(high):
        low, high = math.floor(low), math.ceil(high)
    return [Sample(make(3, 5, low=low, high=high)), Sample(make((), low=low, high=high))]


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


exp = _entry("exp", "e to the power of each element.", ("[0., 1.]", "[1.0000, 2.7183]"),
             grad=lambda g, result: g * conjugate(result))  # fmt: skip
exp2 = _entry("exp2", "2 to the power of each element.", ("[0., 3.]", "[1., 8.]"),
              grad=lambda g, result: g * (conjugate(result) * _LN_2))  # fmt: skip
expm1 = _entry("expm1", "exp(x) - 1, accurate near 0.", ("[0., 1.]", "[0.0000, 1.7183]"),
               grad=lambda g, result: g * (conjugate(result) + 1))  # fmt: skip
log = _entry("log", "Natural logarithm.", ("[1., 10.]", "[0.0000, 2.3026]"), low=0.3, high=3,
             grad=lambda g, input: g / conjugate(input))  # fmt: skip
log2 = _entry("log2", "Logarithm to the base 2.", ("[1., 8.]", "[0., 3.]"), low=0.3, high=3,
              grad=lambda g, input: g / (conjugate(input) * _LN_2))  # fmt: skip
log10 = _entry("log10", "Logarithm to the base 10.", ("[1., 100.]", "[0., 2.]"), low=0.3, high=3,
               grad=lambda g, input: g / (conjugate(input) * _LN_10))  # fmt: skip
log1p = _entry("log1p", "log(1 + x), accurate near 0.", ("[0., 1.]", "[0.0000, 0.6931]"), low=-0.8, high=3,
               grad=lambda g, input: g / (conjugate(input) + 1))  # fmt: skip
sqrt = _entry("sqrt", "Square root; NaN below 0.", ("[4., 9.]", "[2., 3.]"), low=0.3, high=3,
              grad=lambda g, result: g / (conjugate(result) * 2))  # fmt: skip
rsqrt = _entry("rsqrt", "1 / sqrt(x).", ("[4., 0.25]", "[0.5000, 2.0000]"), low=0.3, high=3,
               grad=lambda g, result: g * conjugate(result * result * result) * -0.5)  # fmt: skip
square = _entry("square", "x^2.", ("[-1., 3.]", "[1., 9.]"), _whole, dtypes=ANY,
                grad=lambda g, input: g * (conjugate(input) * 2))  # fmt: skip
reciprocal = _entry("reciprocal", "1 / x.", ("[2., 4.]", "[0.5000, 0.2500]"), low=0.3, high=3,
                    grad=lambda g, result: g * -conjugate(result * result))  # fmt: skip

# ---- trigonometric and hyperbolic ---------------------------------------------------------------------

sin = _entry("sin", "Sine of an angle in radians.", ("[0., 1.]", "[0.0000, 0.8415]"),
             grad=lambda g, input: g * conjugate(cos(input)))  # fmt: skip
cos: Any = _entry("cos", "Cosine of an angle in radians.", ("[0., 1.]", "[1.0000, 0.5403]"),
             grad=lambda g, input: g * -conjugate(sin(input)))  # fmt: skip
tan = _entry("tan", "Tangent of an angle in radians.", ("[0., 1.]", "[0.0000, 1.5574]"), low=-1, high=1,
             grad=lambda g, result: g * conjugate(result * result + 1))  # fmt: skip
asin = _entry("asin", "Angle in radians whose sine is x; NaN outside -1..1.", ("[0., 1.]", "[0.0000, 1.5708]"),
              low=-0.8, high=0.8, alias=("arcsin",),
              grad=lambda g, input: g * conjugate(rsqrt(1 - input * input)))  # fmt: skip
acos = _entry("acos", "Angle in radians whose cosine is x; NaN outside -1..1.", ("[1., 0.]", "[0.0000, 1.5708]"),
              low=-0.8, high=0.8, alias=("arccos",),
              grad=lambda g, input: g * -conjugate(rsqrt(1 - input * input)))  # fmt: skip
atan = _entry("atan", "Angle in radians whose tangent is x.", ("[0., 1.]", "[0.0000, 0.7854]"), alias=("arctan",),
              grad=lambda g, input: g / conjugate(input * input + 1))  # fmt: skip
sinh = _entry("sinh", "Hyperbolic sine.", ("[0., 1.]", "[0.0000, 1.1752]"),
              grad=lambda g, input: g * conjugate(cosh(input)))  # fmt: skip
cosh: Any = _entry("cosh", "Hyperbolic cosine.", ("[0., 1.]", "[1.0000, 1.5431]"),
              grad=lambda g, input: g * conjugate(sinh(input)))  # fmt: skip
tanh = _entry("tanh", "Hyperbolic tangent.", ("[0., 1.]", "[0.0000, 0.7616]"), api="torch tensor functional",
              grad=lambda g, result: tanh_backward(g, result))  # fmt: skip
asinh = _entry("asinh", "Inverse hyperbolic sine.", ("[0., 1.]", "[0.0000, 0.8814]"), alias=("arcsinh",),
               grad=lambda g, input: g * conjugate(rsqrt(input * input + 1)))  # fmt: skip
acosh = _entry("acosh", "Inverse hyperbolic cosine; NaN below 1.", ("[1., 2.]", "[0.0000, 1.3170]"),
               low=1.5, high=3, alias=("arccosh",),
               grad=lambda g, input: g * conjugate(rsqrt(input * input - 1)))  # fmt: skip
atanh = _entry("atanh", "Inverse hyperbolic tangent; NaN outside -1..1.", ("[0., 0.5]", "[0.0000, 0.5493]"),
               low=-0.8, high=0.8, alias=("arctanh",),
               grad=lambda g, input: g / conjugate(1 - input * input))  # fmt: skip
sinc = _entry("sinc", "sin(pi x) / (pi x), and 1 at 0.", ("[0., 0.5]", "[1.0000, 0.6366]"), low=0.2, high=1.8,
              dtypes=REAL, grad=lambda g, input, result: _sinc_grad(g, input, result))  # fmt: skip


def _sinc_grad(g: Tensor, input: Tensor, result: Tensor) -> Tensor:
    slope = (cos(input * math.pi) - result) / input
    return g * replaced(slope, input == 0)


# ---- rounding and sign --------------------------------------------------------------------------------

_NO_BOOL_NEGATION = (
    "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, use the `~` "
    "or `logical_not()` operator instead."
)


def _magnitude(common: DType) -> tuple[DType, DType]:
    return common, common.to_real()


abs = _entry("abs", "Magnitude.", ("[-1.5, 2.]", "[1.5000, 2.0000]"), _magnitude, low=0.2, high=2,
             dtypes=NUMERIC_AND_COMPLEX, alias=("absolute",), grad=lambda g, input: g * sgn(input))  # fmt: skip
neg = _entry("neg", "-x; of unsigned numbers modulo their range.", ("[-1., 2.]", "[ 1., -2.]"), PROMOTE,
             dtypes=NUMERIC_AND_COMPLEX, alias=("negative",), grad=lambda g: -g,
             refuse={dtypes.bool_: _NO_BOOL_NEGATION})  # fmt: skip
floor = _entry("floor", "Largest whole number not above x.", ("[-1.5, 1.5]", "[-2.,  1.]"), PROMOTE,
               dtypes=NUMERIC, grad=_zero)  # fmt: skip
ceil = _entry("ceil", "Smallest whole number not below x.", ("[-1.5, 1.5]", "[-1.,  2.]"), PROMOTE,
              dtypes=NUMERIC, grad=_zero)  # fmt: skip
trunc = _entry("trunc", "The whole part, towards 0.", ("[-1.5, 1.5]", "[-1.,  1.]"), PROMOTE,
               dtypes=NUMERIC, alias=("fix",), grad=_zero)  # fmt: skip
frac = _entry("frac", "x - trunc(x), with the sign of x.", ("[-1.5, 2.25]", "[-0.5000,  0.2500]"), PROMOTE,
              dtypes=FLOATING, low=0.2, high=0.8, grad=lambda g: g)  # fmt: skip
sign = _entry("sign", "-1, 0 or 1; 0 for NaN.", ("[-1.5, 0., 2.]", "[-1.,  0.,  1.]"), PROMOTE, low=0.2,
              grad=_zero)  # fmt: skip
sgn: Any = _entry("sgn", "sign(x); of a complex number x / |x|.", ("[-1.5, 0., 2.]", "[-1.,  0.,  1.]"), PROMOTE,
             low=0.2, dtypes=ANY, grad=lambda g, input, result: _sgn_grad(g, input, result))  # fmt: skip
signbit = _entry("signbit", "Whether the sign is negative, that of -0. included.",
                 ("[-1., 0., -0.]", "[ True, False,  True]"), BOOL)  # fmt: skip
bitwise_not = _entry("bitwise_not", "Every bit inverted; for bool, the other value.", ("[0, 5]", "[-1, -6]"), PROMOTE,
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
    return _entry(
        name, doc, ("[1., float('nan'), float('inf')]", shown), BOOL, dtypes=types, samples=_odd_values
    )


def _odd_values(make: Any) -> list[Sample]:
    x = make(3, 4)
    if not x.dtype.is_floating_point:
        return [Sample(x)]
    return [Sample(x / make.bool(3, 4).to(x.dtype)), Sample((x / 0) * make.bool(3, 4).to(x.dtype))]


isnan = _test("isnan", "Whether x is not a number.", "[False,  True, False]")
isinf = _test("isinf", "Whether x is infinite.", "[False, False,  True]")
isfinite = _test("isfinite", "Whether x is neither infinite nor NaN.", "[ True, False, False]")
isposinf = _test("isposinf", "Whether x is positive infinity.", "[False, False,  True]", REAL)
isneginf = _test("isneginf", "Whether x is negative infinity.", "[False, False, False]", REAL)
logical_not = _entry("logical_not", "Whether x is 0.", ("[0., 2.]", "[ True, False]"), BOOL, dtypes=ANY)

# ---- special functions --------------------------------------------------------------------------------

_SPECIAL: dict[str, Any] = {"api": "special", "dtypes": REAL, "inplace": False}
_BOTH: dict[str, Any] = {"api": "torch tensor special", "dtypes": REAL}

sigmoid = _entry("sigmoid", "1 / (1 + exp(-x)).", ("[0., 2.]", "[0.5000, 0.8808]"), dtypes=ANY,
                 api="torch tensor functional", grad=lambda g, result: sigmoid_backward(g, result))  # fmt: skip
erf = _entry("erf", "Error function: 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x.",
             ("[0., 1.]", "[0.0000, 0.8427]"), **_BOTH,
             grad=lambda g, input: g * (exp(-input * input) * _TWO_OVER_SQRT_PI))  # fmt: skip
erfc = _entry("erfc", "1 - erf(x), accurate where it is small.", ("[0., 1.]", "[1.0000, 0.1573]"), **_BOTH,
              grad=lambda g, input: g * (exp(-input * input) * -_TWO_OVER_SQRT_PI))  # fmt: skip
erfinv = _entry("erfinv", "x with erf(x) given; infinite at -1 and 1, NaN outside.",
                ("[0., 0.5]", "[0.0000, 0.4769]"), low=-0.8, high=0.8, **_BOTH,
                grad=lambda g, result: g * (exp(result * result) / _TWO_OVER_SQRT_PI))  # fmt: skip
erfcx = _entry("erfcx", "exp(x^2) erfc(x).", ("[0., 1.]", "[1.0000, 0.4276]"), **_SPECIAL,
               grad=lambda g, input, result: g * (2 * input * result - _TWO_OVER_SQRT_PI))  # fmt: skip
ndtri = _entry("ndtri", "Quantile of the standard normal distribution.", ("[0.5, 0.975]", "[0.0000, 1.9600]"),
               low=0.05, high=0.95, **_SPECIAL,
               grad=lambda g, result: g * (exp(result * result / 2) * math.sqrt(2 * math.pi)))  # fmt: skip
lgamma = _entry("lgamma", "Logarithm of the magnitude of the gamma function.", ("[1., 5.]", "[0.0000, 3.1781]"),
                low=0.3, high=5, dtypes=REAL, grad=lambda g, input: g * digamma(input))  # fmt: skip
digamma: Any = _entry("digamma", "Derivative of lgamma.", ("[1., 5.]", "[-0.5772,  1.5061]"), low=0.5, high=5,
                 **_BOTH, grad=lambda g, input: g * _polygamma(input, 1))  # fmt: skip
i0 = _entry("i0", "Modified Bessel function of the first kind, order 0.", ("[0., 1.]", "[1.0000, 1.2661]"), **_BOTH,
            grad=lambda g, input: g * i1(input))  # fmt: skip
i0e = _entry("i0e", "exp(-|x|) i0(x).", ("[0., 1.]", "[1.0000, 0.4658]"), **_SPECIAL, low=0.2,
             grad=lambda g, input, result: g * (i1e(input) - sgn(input) * result))  # fmt: skip
i1: Any = _entry("i1", "Modified Bessel function of the first kind, order 1.", ("[0., 1.]", "[0.0000, 0.5652]"),
            **_SPECIAL, low=0.2, grad=lambda g, input, result: g * (i0(input) - _over(result, input)))  # fmt: skip
i1e: Any = _entry("i1e", "exp(-|x|) i1(x).", ("[0., 1.]", "[0.0000, 0.2079]"), **_SPECIAL, low=0.2,
             grad=lambda g, input, result: g * (i0e(input) - result * sgn(input) - _over(result, input)))  # fmt: skip


def _over(result: Tensor, input: Tensor) -> Tensor:
    """I1(x) / x, which is 1/2 at 0."""
    return replaced(result / input, input == 0, 0.5)


@pointwise(
    FLOAT, name="polygamma", api="", inplace=False, dtypes=REAL,
    grad={"input": lambda g, input, n: g * _polygamma(input, n + 1)},
    samples=lambda make: [Sample(make(3, 4, low=0.5, high=5), n) for n in (0, 1, 2, 3)],
)  # fmt: skip
def _polygamma(input: Tensor, n: int) -> Any:
    """The derivative of order n + 1 of lgamma."""


@expose("torch special")
def polygamma(n: int, input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Derivative of order `n` of digamma.

    >>> import tritonnn as torch
    >>> torch.polygamma(1, torch.tensor([1., 0.5]))
    tensor([1.6449, 4.9348])
    """
    if n < 0:
        raise fail("polygamma", f"polygamma(n, x) does not support negative n, got n = {n}", input=input)
    return _polygamma(input, n, out=out)


Tensor.polygamma = lambda self, n: polygamma(n, self)  # type: ignore[attr-defined]


@pointwise(
    FLOAT, dtypes=REAL, api="torch tensor special",
    grad={"input": lambda g, input, eps: _logit_grad(g, input, eps)},
    samples=lambda make: [*_within(make, 0.1, 0.9), Sample(make(3, 4, low=-0.5, high=1.5), 0.2)],
)  # fmt: skip
def logit(input: Tensor, eps: float | None = None) -> Any:
    """log(x / (1 - x)), the inverse of sigmoid; x is first clamped to eps..1 - eps where `eps` is given.

    >>> import tritonnn as torch
    >>> torch.logit(torch.tensor([0.5, 0.8808]))
    tensor([0.0000, 2.0000])
    """


def _logit_grad(g: Tensor, input: Tensor, eps: float | None) -> Tensor:
    slope = g / (input * (1 - input))
    low, fill = (0.0, math.nan) if eps is None else (eps, 0.0)
    return replaced(slope, (input < low) | (input > 1 - low), fill)


@pointwise(
    name="nan_to_num", api="", dtypes=REAL,
    grad={"input": lambda g, input: g * isfinite(input)},
    samples=lambda make: [Sample(sample.args[0], 1.0, 2.0, -3.0) for sample in _odd_values(make)],
)  # fmt: skip
def _nan_to_num(input: Tensor, nan: float, posinf: float, neginf: float) -> Any:
    """NaN and infinities replaced by numbers."""


def _replacements(input: Tensor, nan: float | None, posinf: float | None, neginf: float | None) -> tuple:
    if input.dtype.kind < 2:
        return 0, 0, 0
    info = dtypes.finfo(input.dtype)
    return nan or 0.0, info.max if posinf is None else posinf, info.min if neginf is None else neginf


@expose("torch tensor")
def nan_to_num(
    input: Tensor,
    nan: float | None = None,
    posinf: float | None = None,
    neginf: float | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """NaN replaced by `nan` (0), infinities by `posinf` and `neginf` (the largest and smallest finite number).

    >>> import tritonnn as torch
    >>> torch.nan_to_num(torch.tensor([float('nan'), float('inf'), 1.]), posinf=5.)
    tensor([0., 5., 1.])
    """
    return _nan_to_num(input, *_replacements(input, nan, posinf, neginf), out=out)


_nan_to_num_in_place = Tensor.nan_to_num_  # type: ignore[attr-defined]


@expose("torch tensor")
def nan_to_num_(
    input: Tensor, nan: float | None = None, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """In-place version of `nan_to_num`."""
    return _nan_to_num_in_place(input, *_replacements(input, nan, posinf, neginf))


# ---- gradients that are ops ---------------------------------------------------------------------------


@pointwise(
    api="", inplace=False, dtypes=FLOATING_AND_COMPLEX,
    samples=lambda make: [Sample(make(3, 4), make(3, 4, low=0.1, high=0.9))],
    grad={
        "grad": lambda g, output: sigmoid_backward(g, output),
        "output": lambda g, grad, output: g * conjugate(grad) * conjugate(1 - 2 * output),
    },
)  # fmt: skip
def sigmoid_backward(grad: Tensor, output: Tensor) -> Any:
    """grad * output * (1 - output)."""


@pointwise(
    api="", inplace=False, dtypes=FLOATING_AND_COMPLEX,
    samples=lambda make: [Sample(make(3, 4), make(3, 4, low=-0.9, high=0.9))],
    grad={
        "grad": lambda g, output: tanh_backward(g, output),
        "output": lambda g, grad, output: g * conjugate(grad) * conjugate(-2 * output),
    },
)  # fmt: skip
def tanh_backward(grad: Tensor, output: Tensor) -> Any:
    """grad * (1 - output^2)."""


# ---- choosing -----------------------------------------------------------------------------------------


@pointwise(
    name="where", api="", inplace=False, dtypes=ANY, exempt=("condition",),
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


# ---- parts of complex numbers -------------------------------------------------------------------------


@pointwise(
    dtypes=ANY, grad={"input": lambda g: conjugate(g)}, samples=lambda make: [Sample(make(3, 4))],
)  # fmt: skip
def conj_physical(input: Tensor) -> Any:
    """The complex conjugate, as new memory.

    >>> import tritonnn as torch
    >>> torch.conj_physical(torch.tensor([1 + 2j]))
    tensor([1.-2.j])
    """
