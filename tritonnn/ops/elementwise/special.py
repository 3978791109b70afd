"""Special functions: error, gamma and Bessel functions, logit, and the like."""

from __future__ import annotations

import math
from typing import Any

from tritonnn import dispatch, dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import fail
from tritonnn.ops._definitions import special as define
from tritonnn.ops._table import (
    ANY,
    FLOAT,
    IN_PLACE,
    REAL,
    Bad,
    Sample,
    attach,
    checked,
    composite,
    expose,
    named,
    pointwise,
)
from tritonnn.ops.elementwise.elementwise import entry, exp, isfinite, odd_values, replaced, sgn, within

_TWO_OVER_SQRT_PI = 2 / math.sqrt(math.pi)
_SPECIAL: dict[str, Any] = {"api": "special", "dtypes": REAL, "inplace": False}
_BOTH: dict[str, Any] = {"api": "torch tensor special", "dtypes": REAL}

erf = entry("erf", "Error function: 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x.",
             ("[0., 1.]", "[0.0000, 0.8427]"), **_BOTH,
             grad=lambda g, input: g * (exp(-input * input) * _TWO_OVER_SQRT_PI))  # fmt: skip
erfc = entry("erfc", "1 - erf(x), accurate where it is small.", ("[0., 1.]", "[1.0000, 0.1573]"), **_BOTH,
              grad=lambda g, input: g * (exp(-input * input) * -_TWO_OVER_SQRT_PI))  # fmt: skip
erfinv = entry("erfinv", "x with erf(x) given; infinite at -1 and 1, NaN outside.",
                ("[0., 0.5]", "[0.0000, 0.4769]"), low=-0.8, high=0.8, **_BOTH,
                grad=lambda g, input: g * (exp(erfinv(input) ** 2) / _TWO_OVER_SQRT_PI))  # fmt: skip
erfcx = entry("erfcx", "exp(x^2) erfc(x).", ("[0., 1.]", "[1.0000, 0.4276]"), **_SPECIAL,
               grad=lambda g, input, result: g * (2 * input * result - _TWO_OVER_SQRT_PI))  # fmt: skip
ndtri = entry("ndtri", "Quantile of the standard normal distribution.", ("[0.5, 0.975]", "[0.0000, 1.9600]"),
               low=0.05, high=0.95, **_SPECIAL,
               grad=lambda g, result: g * (exp(result * result / 2) * math.sqrt(2 * math.pi)))  # fmt: skip
lgamma = entry("lgamma", "Logarithm of the magnitude of the gamma function.", ("[1., 5.]", "[0.0000, 3.1781]"),
                low=0.3, high=5, dtypes=REAL, grad=lambda g, input: g * digamma(input))  # fmt: skip
digamma: Any = entry("digamma", "Derivative of lgamma.", ("[1., 5.]", "[-0.5772,  1.5061]"), low=0.5, high=5,
                 **_BOTH, grad=lambda g, input: g * _polygamma(input, 1))  # fmt: skip
i0 = entry("i0", "Modified Bessel function of the first kind, order 0.", ("[0., 1.]", "[1.0000, 1.2661]"), **_BOTH,
            grad=lambda g, input: g * i1(input))  # fmt: skip
i0e = entry("i0e", "exp(-|x|) i0(x).", ("[0., 1.]", "[1.0000, 0.4658]"), **_SPECIAL, low=0.2,
             grad=lambda g, input, result: g * (i1e(input) - sgn(input) * result))  # fmt: skip
i1: Any = entry("i1", "Modified Bessel function of the first kind, order 1.", ("[0., 1.]", "[0.0000, 0.5652]"),
            **_SPECIAL, low=0.2, grad=lambda g, input, result: g * (i0(input) - _over(result, input)))  # fmt: skip
i1e: Any = entry("i1e", "exp(-|x|) i1(x).", ("[0., 1.]", "[0.0000, 0.2079]"), **_SPECIAL, low=0.2,
             grad=lambda g, input, result: g * (i0e(input) - result * sgn(input) - _over(result, input)))  # fmt: skip


def _over(result: Tensor, input: Tensor) -> Tensor:
    """I1(x) / x, which rounds to 1/2 next to 0; the quotient of subnormal numbers would be 0 or 1 there."""
    return replaced(result / input, abs(input) < dtypes.finfo(input.dtype).eps, 0.5)


@pointwise(
    FLOAT, name="polygamma", api="", inplace=True, dtypes=REAL,
    grad={"input": lambda g, input, n: g * _polygamma(input, n + 1)},
    samples=lambda make: [Sample(make(3, 4, low=0.5, high=5), n) for n in (0, 1, 2, 3)],
)  # fmt: skip
def _polygamma(input: Tensor, n: int) -> Any:
    """The derivative of order n + 1 of lgamma."""


@composite(
    api="torch special", public="polygamma", name="polygamma_of_order", dtypes=REAL,
    reference=define.polygamma,
    samples=lambda make: [Sample(n, make(3, 4, low=0.5, high=5)) for n in (0, 1, 2, 3)],
    errors=lambda make: [
        Bad(-1, make(2), match="does not support negative n, got n = -1"),
        Bad(1.5, make(2), error=TypeError, match="'n' .position 1. must be int, not float"),
    ],
)  # fmt: skip
def polygamma(n: int, input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Derivative of order `n` of digamma.

    >>> import tritonnn as torch
    >>> torch.polygamma(1, torch.tensor([1., 0.5]))
    tensor([1.6449, 4.9348])
    """
    if not isinstance(n, int):
        raise TypeError(f"polygamma(): argument 'n' (position 1) must be int, not {type(n).__name__}")
    if n < 0:
        raise fail("polygamma", f"polygamma(n, x) does not support negative n, got n = {n}", input=input)
    if n >> 63:
        raise fail("polygamma", f"Overflow when unpacking long long: n = {n}", kind=ValueError, input=input)
    return _polygamma(input, n, out=out)


def _polygamma_of(input: Tensor, n: int) -> Tensor:
    """Derivative of order `n` of digamma."""
    return polygamma(n, input)


@expose("tensor", of=polygamma)
@checked
def polygamma_(input: Tensor, n: int) -> Tensor:
    """In-place version of `polygamma`."""
    if n < 0:
        raise fail("polygamma_", f"polygamma(n, x) does not support negative n, got n = {n}", input=input)
    return IN_PLACE["polygamma_"](input, n)


attach(polygamma=named("polygamma", _polygamma_of))


@pointwise(
    FLOAT, dtypes=REAL, api="torch tensor special",
    grad={"input": lambda g, input, eps: _logit_grad(g, input, eps)},
    samples=lambda make: [*within(make, 0.1, 0.9), Sample(make(3, 4, low=-0.5, high=1.5), 0.2)],
    reference=define.logit,
    errors=lambda make: [
        Bad("a", error=TypeError, match="not str"),
        Bad(make(2, dtype=dtypes.complex128), error=NotImplementedError, match="for complex128"),
    ],
)  # fmt: skip
def logit(input: Tensor, eps: float | None = None) -> Any:
    """log(x / (1 - x)), the inverse of sigmoid; x is first clamped to eps..1 - eps where `eps` is given.

    >>> import tritonnn as torch
    >>> torch.logit(torch.tensor([0.5, 0.8808]))
    tensor([0.0000, 2.0000])
    """


def _logit_grad(g: Tensor, input: Tensor, eps: float | None) -> Tensor:
    slope = g / (input * (1 - input) + 0.0)  # of -0 as of 0
    low, fill = (0.0, math.nan) if eps is None or eps < 0 else (eps, 0.0)
    return replaced(slope, (input < low) | (input > 1 - low), fill)


@pointwise(
    name="nan_to_num", api="", dtypes=REAL,
    grad={"input": lambda g, input: g * isfinite(input)},
    samples=lambda make: [Sample(sample.args[0], 1.0, 2.0, -3.0) for sample in odd_values(make)],
)  # fmt: skip
def _nan_to_num(input: Tensor, nan: float, posinf: float, neginf: float) -> Any:
    """NaN and infinities replaced by numbers."""


def _replacements(input: Tensor, nan: float | None, posinf: float | None, neginf: float | None) -> tuple:
    if nan is not None or posinf is not None or neginf is not None:
        for name, value in (("nan", nan), ("posinf", posinf), ("neginf", neginf)):
            if value is not None and not isinstance(value, (int, float)):
                raise TypeError(f"nan_to_num(): argument '{name}' must be float, not {type(value).__name__}")
    if input.dtype.kind < 2:
        return 0, 0, 0
    info = dtypes.finfo(input.dtype)
    return nan or 0.0, info.max if posinf is None else posinf, info.min if neginf is None else neginf


@composite(
    api="torch tensor", public="nan_to_num", name="nan_to_num_or_defaults", dtypes=ANY,
    reference=define.nan_to_num,
    samples=lambda make: [
        *[Sample(*sample.args).constant("input") for sample in odd_values(make)], Sample(make(3, 4)),
        Sample(odd_values(make)[0].args[0], 1.0, 2.0, -3.0),
    ],
    errors=lambda make: [
        Bad("a", error=TypeError, match="'input' .*must be Tensor, not str"),
        Bad(make(2), "a", error=TypeError, match="must be float, not str"),
    ],
)  # fmt: skip
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
    if input.dtype.is_complex:
        from tritonnn.ops.elementwise.derived import view_as_complex, view_as_real

        result = view_as_complex(nan_to_num(view_as_real(input), nan, posinf, neginf))
        return result if out is None else dispatch.deliver("nan_to_num", out, result)
    if input.dtype in dtypes.UNSIGNED:  # which hold nothing to replace
        return input.clone() if out is None else dispatch.deliver("nan_to_num", out, input)
    return _nan_to_num(input, *_replacements(input, nan, posinf, neginf), out=out)


_nan_to_num_in_place = IN_PLACE["nan_to_num_"]


@expose("torch tensor", of=nan_to_num)
def nan_to_num_(
    input: Tensor, nan: float | None = None, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """In-place version of `nan_to_num`.

    >>> import tritonnn as torch
    >>> torch.nan_to_num_(torch.tensor([float("nan"), 1.]), nan=7.)
    tensor([7., 1.])
    """
    if input.dtype.is_complex:
        return input.copy_(nan_to_num(input, nan, posinf, neginf))
    if input.dtype in dtypes.UNSIGNED:
        return input
    return _nan_to_num_in_place(input, *_replacements(input, nan, posinf, neginf))
