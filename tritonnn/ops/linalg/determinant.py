"""Determinants and their logarithms."""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn._levels import every
from tritonnn._return_types import record
from tritonnn._tensor import Tensor, host_array
from tritonnn.ops._table import Bad, Out, Sample, composite, primitive
from tritonnn.ops.elementwise.derived import complex as complex_of
from tritonnn.ops.linalg import _matrices as m
from tritonnn.ops.linalg.inverse import linalg_inv_ex
from tritonnn.ops.linalg.singular import linalg_svd
from tritonnn.table import Make

_SAMPLES = lambda make: [
    Sample(make(3, 3)),
    Sample(make(2, 3, 3)),
    Sample(make(2, 1, 2, 2)),
    Sample(make(2, 0, 0)),
]


def _errors(make: Make) -> list[Bad]:
    return [
        Bad(make(3), match="A must have at least 2 dimensions"),
        Bad(make(3, 2), match="batches of square matrices, but they are 3 by 2"),
        Bad(make.int(3, 3), match="Expected a floating point or complex tensor"),
        Bad(make(3, 3).half(), error=NotImplementedError, match="not implemented for float16"),
    ]


def _by_minors(A: np.ndarray) -> Any:
    """The definition in NumPy: expansion by minors along the first row (Laplace)."""
    if not A.shape[-1]:
        return np.ones(A.shape[:-2], A.dtype)
    rest = A[..., 1:, :]
    terms = [(-1) ** j * A[..., 0, j] * _by_minors(np.delete(rest, j, axis=-1)) for j in range(A.shape[-1])]
    return sum(terms)


def _cofactors(A: Tensor, det: Tensor) -> Tensor:
    """The derivative of the determinant, conjugated: det(A)^* A^-H, and of singular matrices by another way.

    That way takes products of all singular values but one, so that it divides by nothing.
    """
    if (host_array(every(det).detach()) != 0).all():
        return det.conj().unsqueeze(-1).unsqueeze(-1) * m.adjoint(linalg_inv_ex(A)[0])
    U, S, Vh = linalg_svd(A, False)
    one = m.eye_like(A).abs()
    others = (S.unsqueeze(-2) * (1 - one) + one).prod(-1)
    phase = linalg_det(U) * linalg_det(Vh)
    return phase.conj().unsqueeze(-1).unsqueeze(-1) * m.product(U * others.unsqueeze(-2), Vh)


@primitive(
    host=m.large,
    dtypes=m.DECOMPOSED,
    samples=_SAMPLES,
    grad={"A": lambda g, A, result: g.unsqueeze(-1).unsqueeze(-1) * _cofactors(A, result)},
)
def linalg_det(A: Tensor) -> Any:
    """The determinant."""
    m.square(A)
    m.floating(A)
    return Out(A.shape[:-2], A.dtype)


_DET = dict(dtypes=m.DECOMPOSED, samples=_SAMPLES, errors=_errors)


@composite(**_DET, api="linalg", out=True, public="det", reference=lambda A: _by_minors(A))
def det_of(A: Tensor) -> Tensor:
    """The determinant of a square matrix.

    Args:
        A: (*, n, n).

    Raises:
        RuntimeError: no square matrices, or other types than float32, float64 and complex.

    >>> import tritonnn as torch
    >>> torch.linalg.det(torch.tensor([[2., 0.], [0., 3.]]))
    tensor(6.)
    """
    return linalg_det(A)


@composite(**_DET, api="torch tensor", reference=lambda input: _by_minors(input))
def det(input: Tensor) -> Tensor:
    """`linalg.det`.

    >>> import tritonnn as torch
    >>> torch.det(torch.tensor([[2., 0.], [0., 3.]]))
    tensor(6.)
    """
    return linalg_det(input)


def _slogdet_grad(g: Any, A: Tensor, sign: Tensor) -> Tensor:
    """(g_log + i Im(g_sign sign^*)) A^-H."""
    g_sign, g_log = g
    factor = g_log
    if sign.dtype.is_complex and g_sign is not None:
        turned = (g_sign * sign.conj()).imag
        factor = complex_of(turned * 0 if g_log is None else g_log, turned)
    if factor is None:
        return A * 0
    return factor.unsqueeze(-1).unsqueeze(-1) * m.adjoint(linalg_inv_ex(A)[0])


@primitive(
    host=m.large,
    dtypes=m.DECOMPOSED,
    results=("sign", "logabsdet"),
    samples=_SAMPLES,
    grad={"A": _slogdet_grad},
)
def linalg_slogdet(A: Tensor) -> Any:
    """The sign and the logarithm of the size of the determinant."""
    m.square(A)
    m.floating(A)
    return Out(A.shape[:-2], A.dtype), Out(A.shape[:-2], m.real_type(A.dtype))


def _sign_and_log(A: Any) -> Any:
    value = _by_minors(A)
    return value / np.abs(value), np.log(np.abs(value))


@composite(**_DET, api="linalg", out=True, public="slogdet", reference=lambda A: _sign_and_log(A))
def slogdet_of(A: Tensor) -> tuple[Tensor, Tensor]:
    """The sign of the determinant, and the logarithm of its absolute value.

    Args:
        A: (*, n, n).

    Returns:
        (sign, logabsdet): det(A) = sign exp(logabsdet); 0 and -inf of a singular matrix.

    >>> import tritonnn as torch
    >>> torch.linalg.slogdet(torch.tensor([[0., 1.], [1., 0.]])).sign
    tensor(-1.)
    """
    return linalg_slogdet(A)


@composite(**_DET, api="torch tensor", out=True, reference=lambda input: _sign_and_log(input))
def slogdet(input: Tensor) -> tuple[Tensor, Tensor]:
    """`linalg.slogdet`.

    >>> import tritonnn as torch
    >>> torch.slogdet(torch.tensor([[0., 1.], [1., 0.]])).logabsdet
    tensor(0.)
    """
    return record("slogdet")(linalg_slogdet(input))


def _log(A: Any) -> Any:
    with np.errstate(invalid="ignore"):
        return np.log(_by_minors(A))


@composite(
    dtypes=m.DECOMPOSED,
    api="torch tensor",
    samples=lambda make: [Sample(m.positive(make, 3)), Sample(m.positive(make, 2, 3)), Sample(make(2, 0, 0))],
    errors=_errors,
    reference=lambda input: _log(input),
)
def logdet(input: Tensor) -> Tensor:
    """The logarithm of the determinant; NaN of a negative one, -inf of 0.

    Args:
        input: (*, n, n).

    >>> import tritonnn as torch
    >>> torch.logdet(torch.eye(2))
    tensor(0.)
    """
    sign, size = linalg_slogdet(input)
    if sign.dtype.is_complex:
        return sign.log() + size
    return size.masked_fill(sign == -1, float("nan"))
