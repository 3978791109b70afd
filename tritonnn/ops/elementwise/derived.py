"""Elementwise functions made of others, and the parts of complex numbers."""

from __future__ import annotations

import math
from typing import Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid, fail
from tritonnn.ops._table import NAMESPACES, REAL, Bad, Sample, composite, expose, view
from tritonnn.ops.elementwise import arithmetic as ar
from tritonnn.ops.elementwise import comparison as cp
from tritonnn.ops.elementwise import elementwise as ew
from tritonnn.ops.elementwise import logic as lg
from tritonnn.ops.elementwise import powers as pw
from tritonnn.ops.elementwise import special as sf
from tritonnn.ops.joining import joining

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


@view(
    dtypes=dtypes.COMPLEX, samples=lambda make: [Sample(make(3, 4, dtype=dtypes.complex128))],
    grad={"input": lambda g: view_as_complex(g.contiguous())},
    errors=lambda make: [Bad(make(2, dtype=dtypes.float32), match="only supported for complex tensors")],
)  # fmt: skip
def view_as_real(input: Tensor) -> Any:
    """A complex tensor's memory as real numbers: real and imaginary part in a last dimension of extent 2.

    >>> import tritonnn as torch
    >>> torch.view_as_real(torch.tensor([1 + 2j]))
    tensor([[1., 2.]])
    """
    if not input.dtype.is_complex:
        raise Invalid("view_as_real is only supported for complex tensors")
    stride = (*[step * 2 for step in input.stride()], 1)
    return (*input.shape, 2), stride, input._offset * 2, input.dtype.to_real()


@view(
    dtypes=(dtypes.float32, dtypes.float64), samples=lambda make: [Sample(make(3, 2))],
    grad={"input": lambda g: view_as_real(g)},
    errors=lambda make: [Bad(make(3), match="must have a last dimension of size 2")],
)  # fmt: skip
def view_as_complex(input: Tensor) -> Any:
    """Pairs of real numbers in the last dimension (of extent 2) as complex numbers over the same memory.

    >>> import tritonnn as torch
    >>> torch.view_as_complex(torch.tensor([[1., 2.]]))
    tensor([1.+2.j])
    """
    if input.dtype not in (dtypes.float32, dtypes.float64):
        raise Invalid(
            f"view_as_complex is only supported for float and double tensors, but got {input.dtype.name}"
        )
    if not input.shape or input.shape[-1] != 2:
        raise Invalid("Tensor must have a last dimension of size 2")
    *stride, last = input.stride()
    if last != 1 or input._offset % 2 or any(step % 2 for step in stride):
        raise Invalid(
            "Tensor must have a last dimension with stride 1 and even strides and offset in the others"
        )
    return input.shape[:-1], [step // 2 for step in stride], input._offset // 2, input.dtype.to_complex()


@expose("torch")
def real(input: Tensor) -> Tensor:
    """The real parts, as a view; a real tensor itself.

    >>> import tritonnn as torch
    >>> torch.real(torch.tensor([1 + 2j]))
    tensor([1.])
    """
    return view_as_real(input).select(-1, 0) if input.dtype.is_complex else input


@expose("torch")
def imag(input: Tensor) -> Tensor:
    """The imaginary parts, as a view.

    Raises:
        RuntimeError: the tensor is real.

    >>> import tritonnn as torch
    >>> torch.imag(torch.tensor([1 + 2j]))
    tensor([2.])
    """
    if not input.dtype.is_complex:
        raise fail("imag", "imag is not implemented for tensors with non-complex dtypes.", input=input)
    return view_as_real(input).select(-1, 1)


def _set_part(part: Any) -> Any:
    def assign(self: Tensor, value: Any) -> None:
        target = part(self)
        target.copy_(value) if isinstance(value, Tensor) else target.fill_(value)

    return assign


Tensor.real = property(real, _set_part(real))  # type: ignore[attr-defined]
Tensor.imag = property(imag, _set_part(imag))  # type: ignore[attr-defined]


@expose("torch")
def complex(real: Tensor, imag: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Complex numbers of two real tensors of one dtype.

    Raises:
        RuntimeError: the dtypes differ or are not float32 or float64.

    >>> import tritonnn as torch
    >>> torch.complex(torch.tensor([1.]), torch.tensor([2.]))
    tensor([1.+2.j])
    """
    if real.dtype is not imag.dtype or real.dtype not in (dtypes.float32, dtypes.float64):
        raise fail(
            "complex", "Expected both inputs to be Float or Double tensors of one dtype", real=real, imag=imag
        )
    return _finished(view_as_complex(joining.stack(joining.broadcast_tensors(real, imag), -1)), out)


@expose("torch")
def polar(abs: Tensor, angle: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Complex numbers of magnitudes and angles in radians.

    >>> import tritonnn as torch
    >>> torch.polar(torch.tensor([2.]), torch.tensor([0.]))
    tensor([2.+0.j])
    """
    return complex(abs * ew.cos(angle), abs * ew.sin(angle), out=out)


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
        return cp.eq(input.imag, 0)
    return cp.eq(input, input).logical_or_(cp.ne(input, input))


@expose("torch tensor")
def angle(input: Tensor) -> Tensor:
    """The angle of a complex number in radians; of real numbers 0, or pi below 0.

    >>> import tritonnn as torch
    >>> torch.angle(torch.tensor([1., -1.]))
    tensor([0.0000, 3.1416])
    """
    if input.dtype.is_complex:
        return pw.atan2(input.imag, input.real)
    if input.dtype.kind < 2:
        input = input.to(dtypes.get_default_dtype())
    flat = ew.choose(cp.lt(input, 0), math.pi, 0.0).to(input.dtype)
    return ew.replaced(flat, ew.isnan(input), math.nan)


# ---- special ------------------------------------------------------------------------------------------


@expose("special")
def entr(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """-x log(x): 0 at 0, -inf below.

    >>> import tritonnn as torch
    >>> torch.special.entr(torch.tensor([0.5, 0.]))
    tensor([0.3466, 0.0000])
    """
    value = ar.rsub(pw.xlogy(input, input), 0)
    return _finished(ew.replaced(value, cp.lt(input, 0), -math.inf), out)


@expose("special")
def xlog1py(input: Tensor | Number, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor:
    """input * log1p(other), and 0 where input is 0 (unless other is NaN).

    >>> import tritonnn as torch
    >>> torch.special.xlog1py(torch.tensor([0., 2.]), torch.tensor([-1., 0.]))
    tensor([0., 0.])
    """
    other = pw.as_tensor(other, input)
    value = ar.mul(input, ew.log1p(other))
    zero = lg.logical_and(cp.eq(pw.as_tensor(input, other), 0), ew.logical_not(ew.isnan(other)))
    return _finished(ew.replaced(value, zero), out)


@expose("special")
def ndtr(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Distribution function of the standard normal distribution.

    >>> import tritonnn as torch
    >>> torch.special.ndtr(torch.tensor([0., 1.96]))
    tensor([0.5000, 0.9750])
    """
    return ar.mul(sf.erfc(input * -math.sqrt(0.5)), 0.5, out=out)


@expose("special")
def log_ndtr(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Logarithm of `ndtr`, accurate far below 0.

    >>> import tritonnn as torch
    >>> torch.special.log_ndtr(torch.tensor([-10., 0.]))
    tensor([-53.2313,  -0.6931])
    """
    scaled = input * -math.sqrt(0.5)
    low = cp.lt(input, -1)
    tail = ew.log(sf.erfcx(ew.choose(low, scaled, 1.0)) * 0.5) - scaled * scaled
    near = ew.log1p(sf.erfc(ew.choose(low, 0.0, -scaled)) * -0.5)
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
    total = sf.lgamma(input)
    for i in range(1, p):
        total = total + sf.lgamma(input - i / 2)
    return ar.add(total, p * (p - 1) / 4 * math.log(math.pi), out=out)


NAMESPACES["special"].update(
    expit=ew.sigmoid, exp2=ew.exp2, expm1=ew.expm1, log1p=ew.log1p, psi=sf.digamma, gammaln=sf.lgamma,
    sinc=ew.sinc, round=ew.round, multigammaln=mvlgamma,
)  # fmt: skip
