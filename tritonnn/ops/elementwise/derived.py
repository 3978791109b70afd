"""Elementwise functions made of others, and the parts of complex numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tritonnn import dispatch, dtypes
from tritonnn._conjugated import ConjugatedTensor
from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid, fail
from tritonnn.memory_format import kept
from tritonnn.ops._arguments import tensors_only
from tritonnn.ops._table import ANY, NUMERIC, REAL, Bad, Sample, attach, composite, view
from tritonnn.ops.elementwise import arithmetic as ar
from tritonnn.ops.elementwise import comparison as cp
from tritonnn.ops.elementwise import elementwise as ew
from tritonnn.ops.elementwise import powers as pw
from tritonnn.ops.joining import joining, repeating
from tritonnn.table import Make


def finished(result: Tensor, out: Tensor | None) -> Tensor:
    return result if out is None else ar.mul(result, 1, out=out)


def no_tensor(make: Make) -> list[Bad]:
    return [Bad("a", error=TypeError, match="must be Tensor, not str")]


def _angle_errors(make: Make) -> list[Bad]:
    return [
        *no_tensor(make),
        Bad(make(2, dtype=dtypes.complex64), match="not supported for complex tensors"),
    ]


def _real_angle(op: str, input: Tensor) -> Tensor:
    tensors_only(op, input=input)
    if input.dtype.is_complex:
        raise fail(op, f"{op} is not supported for complex tensors.", input=input)
    return input


@composite(
    api="torch tensor", dtypes=REAL, samples=lambda make: [Sample(make(3, 4))], inplace=True, reference=np.deg2rad,
    errors=_angle_errors,
)  # fmt: skip
def deg2rad(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Degrees as radians.

    >>> import tritonnn as torch
    >>> torch.deg2rad(torch.tensor([180., 90.]))
    tensor([3.1416, 1.5708])
    """
    return ar.mul(_real_angle("deg2rad", input), math.pi / 180, out=out)


@composite(
    api="torch tensor", dtypes=REAL, samples=lambda make: [Sample(make(3, 4))], inplace=True, reference=np.rad2deg,
    errors=_angle_errors,
)  # fmt: skip
def rad2deg(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Radians as degrees.

    >>> import tritonnn as torch
    >>> torch.rad2deg(torch.tensor([0., 1.]))
    tensor([ 0.0000, 57.2958])
    """
    return ar.mul(_real_angle("rad2deg", input), 180 / math.pi, out=out)


@composite(
    api="torch tensor", dtypes=(*NUMERIC, *dtypes.COMPLEX), samples=lambda make: [Sample(make(3, 4))],
    errors=lambda make: [*no_tensor(make), Bad(make.bool(2), match="on a bool tensor is not supported")],
    reference=np.positive,
)  # fmt: skip
def positive(input: Tensor) -> Tensor:
    """The tensor itself.

    Raises:
        RuntimeError: it is bool.

    >>> import tritonnn as torch
    >>> torch.positive(torch.tensor([-1, 2]))
    tensor([-1,  2])
    """
    if input.dtype is dtypes.bool_:
        raise fail("positive", "The `+` operator, on a bool tensor is not supported.", input=input)
    return input


# ---- complex numbers ----------------------------------------------------------------------------------


@view(
    dtypes=dtypes.COMPLEX, samples=lambda make: [Sample(make(3, 4, dtype=dtypes.complex128))],
    reference=lambda input: np.stack([input.real, input.imag], -1),
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
    reference=lambda input: input[..., 0] + 1j * input[..., 1],
    grad={"input": lambda g: view_as_real(g)},
    errors=lambda make: [Bad(make(3), match="must have a last dimension of size 2")],
)  # fmt: skip
def view_as_complex(input: Tensor) -> Any:
    """Pairs of real numbers in the last dimension (of extent 2) as complex numbers over the same memory.

    >>> import tritonnn as torch
    >>> torch.view_as_complex(torch.tensor([[1., 2.]]))
    tensor([1.+2.j])
    """
    if input.dtype not in (dtypes.float16, dtypes.float32, dtypes.float64):
        raise Invalid(
            f"view_as_complex is only supported for half, float and double tensors, but got {input.dtype.name}"
        )
    if not input.shape or input.shape[-1] != 2:
        raise Invalid("Tensor must have a last dimension of size 2")
    *stride, last = input.stride()
    if last != 1 or input._offset % 2 or any(step % 2 for step in stride):
        raise Invalid(
            "Tensor must have a last dimension with stride 1 and even strides and offset in the others"
        )
    return input.shape[:-1], [step // 2 for step in stride], input._offset // 2, input.dtype.to_complex()


@composite(
    api="torch",
    dtypes=ANY,
    samples=lambda make: [Sample(make(3, 4))],
    errors=no_tensor,
    reference=lambda input: input.real,
)
def real(input: Tensor) -> Tensor:
    """The real parts, as a view; a real tensor itself.

    >>> import tritonnn as torch
    >>> torch.real(torch.tensor([1 + 2j]))
    tensor([1.])
    """
    return _part(input, False) if input.dtype.is_complex else input


@composite(
    api="torch", dtypes=dtypes.COMPLEX, samples=lambda make: [Sample(make(3, 4))], reference=lambda input: input.imag,
    errors=lambda make: [
        *no_tensor(make), Bad(make(2, dtype=dtypes.float32), match="not implemented for tensors with non-complex"),
    ],
)  # fmt: skip
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
    return _part(input, True)


def _part(input: Tensor, imaginary: bool) -> Tensor:
    """The real or imaginary parts, as a view; of what is conjugated when it is read, the latter negated."""
    if input.__class__ is ConjugatedTensor:
        return PARTS[0](input, imaginary)
    return view_as_real(input).select(-1, int(imaginary))


PARTS: list[Any] = []  # what takes them of a tensor that is conjugated when it is read


def _set_part(part: Any) -> Any:
    def assign(self: Tensor, value: Any) -> None:
        target = part(self)
        target.copy_(value) if isinstance(value, Tensor) else target.fill_(value)

    return assign


attach(real=property(real, _set_part(real)))
attach(imag=property(imag, _set_part(imag)))


def _part_errors(make: Make) -> list[Bad]:
    return [
        Bad(make(2), 1.0, error=TypeError, match="must be Tensor, not float"),
        Bad(make(2), make(2, dtype=dtypes.float32), match="Float or Double tensors of one dtype"),
        Bad(make.int(2), make.int(2), match="Float or Double tensors of one dtype"),
        Bad(make(2), make(3), match="must match the size"),
        Bad(make(2), make(2), out=make(2), match="can't be cast to the desired output type|dtype"),
    ]


# Half precision stays what it is under autocast, which would give a view the wide type.
_paired = dispatch.without_autocast(view_as_complex)


def _check_parts(op: str, **parts: Any) -> None:
    tensors_only(op, **parts)
    first, second = parts.values()
    if first.dtype is not second.dtype or first.dtype not in (dtypes.float16, dtypes.float32, dtypes.float64):
        raise fail(op, "Expected both inputs to be Half, Float or Double tensors of one dtype", **parts)


def _part_samples(make: Make) -> list[Sample]:
    return [Sample(make(3, 4), make(3, 4)), Sample(make(3, 1), make(4)), Sample(make(()), make(()))]


_PARTS: Any = dict(
    api="torch", dtypes=(dtypes.float32, dtypes.float64), samples=_part_samples, errors=_part_errors
)


@composite(**_PARTS, reference=lambda real, imag: real + 1j * imag)
def complex(real: Tensor, imag: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Complex numbers of two real tensors of one dtype.

    Raises:
        RuntimeError: the dtypes differ or are not float16, float32 or float64.

    >>> import tritonnn as torch
    >>> torch.complex(torch.tensor([1.]), torch.tensor([2.]))
    tensor([1.+2.j])
    """
    _check_parts("complex", real=real, imag=imag)
    if out is not None and out.dtype is not real.dtype.to_complex():
        text = f"Expected object of scalar type {real.dtype.to_complex().name} but got scalar type {out.dtype.name}"
        raise fail(
            "complex", f"{text} for argument 'out': parts and result have one dtype's precision", out=out
        )
    parts = repeating.broadcast_tensors(real, imag)
    strides = kept(parts[0].shape, (real, imag))
    if strides is None:
        return finished(_paired(joining.stack(parts, -1)), out)
    order = sorted(range(len(strides)), key=lambda d: -strides[d])  # the result lies as its parts do
    dense = _paired(joining.stack([part.permute(order) for part in parts], -1))
    return finished(dense.permute([order.index(d) for d in range(len(order))]), out)


@composite(**_PARTS, reference=lambda abs, angle: abs * np.exp(1j * angle))
def polar(abs: Tensor, angle: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Complex numbers of magnitudes and angles in radians.

    >>> import tritonnn as torch
    >>> torch.polar(torch.tensor([2.]), torch.tensor([0.]))
    tensor([2.+0.j])
    """
    _check_parts("polar", abs=abs, angle=angle)
    if abs.dtype is dtypes.float16:
        raise fail("polar", "not implemented for float16", kind=NotImplementedError, abs=abs, angle=angle)
    return complex(abs * ew.cos(angle), abs * ew.sin(angle), out=out)


_OF_ANY: Any = dict(
    api="torch tensor",
    dtypes=ANY,
    samples=lambda make: [Sample(make(3, 4)), Sample(make(()))],
    errors=no_tensor,
)


@composite(**_OF_ANY, reference=lambda input: np.isreal(input))
def isreal(input: Tensor) -> Tensor:
    """Whether the imaginary part is 0.

    >>> import tritonnn as torch
    >>> torch.isreal(torch.tensor([1 + 1j, 2 + 0j]))
    tensor([False,  True])
    """
    if input.dtype.is_complex:
        return cp.eq(input.imag, 0)
    return cp.eq(input, input).logical_or_(cp.ne(input, input))


@composite(out=True, **_OF_ANY, reference=lambda input: np.angle(input))
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
    flat = ew.abs(cp.clamp(ew.sign(input), None, 0)) * math.pi  # of derivative 0
    return ew.replaced(flat, ew.isnan(input), math.nan)
