"""Elementwise functions made of others, and the parts of complex numbers."""

from __future__ import annotations

import math
from typing import Any

from tritonnn import dtypes
from tritonnn.errors import fail
from tritonnn.ops import arithmetic as ar
from tritonnn.ops import comparison as cp
from tritonnn.ops import elementwise as ew
from tritonnn.ops._table import NAMESPACES, REAL, Sample, composite, expose
from tritonnn.tensor import Tensor

Number = Any


def _finished(result: Tensor, out: Tensor | None) -> Tensor:
    return result if out is None else ar.mul(result, 1, out=out)


@composite(api="torch tensor", dtypes=REAL, samples=lambda make: [Sample(make(3, 4))], inplace=True)
def deg2rad(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Degrees as radians.

    >>> import tritonnn as torch
    >>> torch.deg2rad(torch.tensor([180., 90.]))
    tensor([3.1416, 1.5708])
    """
    return ar.mul(input, math.pi / 180, out=out)


@composite(api="torch tensor", dtypes=REAL, samples=lambda make: [Sample(make(3, 4))], inplace=True)
def rad2deg(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Radians as degrees.

    >>> import tritonnn as torch
    >>> torch.rad2deg(torch.tensor([0., 1.]))
    tensor([ 0.0000, 57.2958])
    """
    return ar.mul(input, 180 / math.pi, out=out)


@expose("torch tensor")
def positive(input: Tensor) -> Tensor:
    """The tensor itself.

    Raises:
        RuntimeError: it is bool.
    """
    if input.dtype is dtypes.bool_:
        raise fail("positive", "The `+` operator, on a bool tensor is not supported.", input=input)
    return input


# ---- complex numbers ----------------------------------------------------------------------------------


@expose("torch tensor")
def conj(input: Tensor) -> Tensor:
    """The complex conjugate; a real tensor as it is.

    >>> import tritonnn as torch
    >>> torch.conj(torch.tensor([1 + 2j]))
    tensor([1.-2.j])
    """
    return ew.conj_physical(input) if input.dtype.is_complex else input


@expose("torch tensor")
def isreal(input: Tensor) -> Tensor:
    """Whether the imaginary part is 0.

    >>> import tritonnn as torch
    >>> torch.isreal(torch.tensor([1 + 1j, 2 + 0j]))
    tensor([False,  True])
    """
    if input.dtype.is_complex:
        return cp.eq(input.imag, 0)  # type: ignore[attr-defined]
    return cp.eq(input, input).logical_or_(cp.ne(input, input))


@expose("torch tensor")
def angle(input: Tensor) -> Tensor:
    """The angle of a complex number in radians; of real numbers 0, or pi below 0.

    >>> import tritonnn as torch
    >>> torch.angle(torch.tensor([1., -1.]))
    tensor([0.0000, 3.1416])
    """
    if input.dtype.is_complex:
        return ar.atan2(input.imag, input.real)  # type: ignore[attr-defined]
    if input.dtype.kind < 2:
        input = input.to(dtypes.get_default_dtype())  # type: ignore[attr-defined]
    flat = ew.choose(cp.lt(input, 0), math.pi, 0.0).to(input.dtype)  # type: ignore[attr-defined]
    return ew.replaced(flat, ew.isnan(input), math.nan)


# ---- special ------------------------------------------------------------------------------------------


@expose("special")
def entr(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """-x log(x): 0 at 0, -inf below.

    >>> import tritonnn as torch
    >>> torch.special.entr(torch.tensor([0.5, 0.]))
    tensor([0.3466, 0.0000])
    """
    value = ew.neg(ar.xlogy(input, input))
    return _finished(ew.replaced(value, cp.lt(input, 0), -math.inf), out)


@expose("special")
def xlog1py(input: Tensor | Number, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor:
    """input * log1p(other), and 0 where input is 0 (unless other is NaN).

    >>> import tritonnn as torch
    >>> torch.special.xlog1py(torch.tensor([0., 2.]), torch.tensor([-1., 0.]))
    tensor([0., 0.])
    """
    other = ar._tensor(other, input)
    value = ar.mul(input, ew.log1p(other))
    zero = cp.logical_and(cp.eq(ar._tensor(input, other), 0), ew.logical_not(ew.isnan(other)))
    return _finished(ew.replaced(value, zero), out)


@expose("special")
def ndtr(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Distribution function of the standard normal distribution.

    >>> import tritonnn as torch
    >>> torch.special.ndtr(torch.tensor([0., 1.96]))
    tensor([0.5000, 0.9750])
    """
    return ar.mul(ew.erfc(input * -math.sqrt(0.5)), 0.5, out=out)  # type: ignore[operator]


@expose("special")
def log_ndtr(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Logarithm of `ndtr`, accurate far below 0.

    >>> import tritonnn as torch
    >>> torch.special.log_ndtr(torch.tensor([-10., 0.]))
    tensor([-53.2313,  -0.6931])
    """
    scaled = input * -math.sqrt(0.5)  # type: ignore[operator]
    low = cp.lt(input, -1)
    tail = ew.log(ew.erfcx(ew.choose(low, scaled, 1.0)) * 0.5) - scaled * scaled
    near = ew.log1p(ew.erfc(ew.choose(low, 0.0, -scaled)) * -0.5)
    return _finished(ew.choose(low, tail, near), out)


@expose("torch tensor", "multigammaln")
def mvlgamma(input: Tensor, p: int, *, out: Tensor | None = None) -> Tensor:
    """Logarithm of the multivariate gamma function of dimension `p`.

    Raises:
        RuntimeError: p is below 1.

    >>> import tritonnn as torch
    >>> torch.mvlgamma(torch.tensor([3.]), 2)
    tensor([1.5502])
    """
    if p < 1:
        raise fail("mvlgamma", f"p has to be greater than or equal to 1, got {p}", input=input)
    total = ew.lgamma(input)
    for i in range(1, p):
        total = total + ew.lgamma(input - i / 2)  # type: ignore[operator]
    return ar.add(total, p * (p - 1) / 4 * math.log(math.pi), out=out)


NAMESPACES["special"].update(
    expit=ew.sigmoid, exp2=ew.exp2, expm1=ew.expm1, log1p=ew.log1p, psi=ew.digamma, gammaln=ew.lgamma,
    sinc=ew.sinc, round=ew.round, multigammaln=mvlgamma,
)  # fmt: skip
