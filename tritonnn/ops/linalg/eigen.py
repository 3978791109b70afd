"""Eigenvalues and eigenvectors.

Gradients: M. Giles, "Collected matrix derivative results for forward and reverse mode algorithmic differentiation",
2008; C. Boeddeker et al., "On the computation of complex-valued gradients with application to statistically optimum
beamforming", 2019.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn import dtypes
from tritonnn._levels import every
from tritonnn._tensor import Tensor, host_array
from tritonnn.errors import Invalid, LinAlgError, fail
from tritonnn.ops._table import Bad, Out, Sample, composite, primitive
from tritonnn.ops.linalg import _matrices as m
from tritonnn.ops.linalg.equations import solved_by
from tritonnn.ops.shape.diagonals import diag_embed
from tritonnn.recording.grad_mode import state

_ERRORS = lambda make: [
    Bad(make(3), match="A must have at least 2 dimensions"),
    Bad(make(3, 2), match="batches of square matrices, but they are 3 by 2"),
    Bad(make.int(3, 3), match="Expected a floating point or complex tensor"),
    Bad(make(3, 3).half(), error=NotImplementedError, match="not implemented for float16"),
    Bad(make(3, 3) * float("nan"), error=LinAlgError, match="contained non-finite values"),
    Bad(make(2, 3, 3) * float("nan"), error=LinAlgError, match=r"\(Batch element 0\)"),
]


def check_gauge(diagonal: Tensor, name: str, what: str) -> None:
    """Refuse the gradient of what depends on the phase of complex vectors, which nothing determines."""
    if not diagonal.dtype.is_complex:
        return
    diagonal = every(diagonal)
    phase = host_array(diagonal.detach().imag.abs())
    if phase.size and not phase.max() <= 1e-2 * max(1.0, float(diagonal.detach().abs().amax())):
        raise fail(
            f"{name}_backward",
            f"The {what} in the complex case are specified up to multiplication by e^{{i phi}}. The specified loss "
            "function depends on this quantity, so it is ill-defined.",
        )


def _differences(L: Tensor) -> Tensor:
    """L_j - L_i, with ones in the diagonal."""
    rows = L.unsqueeze(-2) - L.unsqueeze(-1)
    return rows + m.eye_like(rows)


def wanted(A: Tensor) -> bool:
    """Whether a gradient with respect to A may be asked for."""
    return state.enabled and A.requires_grad


# ---- Hermitian matrices --------------------------------------------------------------------------------------


def _eigh_grad(g: Any, eigenvalues: Tensor, eigenvectors: Tensor, compute_v: bool) -> Tensor:
    """V (diag(g_values) + skew(V^H g_vectors) / (l_j - l_i)) V^H, skew(X) = (X - X^H) / 2."""
    values, vectors = g
    V = eigenvectors
    if not compute_v:
        raise Invalid("the gradient of eigenvalues needs the eigenvectors, which were not computed")
    VH = m.adjoint(V)
    inner = None
    if vectors is not None:
        inner = m.product(VH, vectors)
        if inner.dtype.is_complex:
            check_gauge(inner.diagonal(dim1=-2, dim2=-1), "linalg_eigh", "eigenvectors")
        inner = (inner - m.adjoint(inner)) * 0.5 / _differences(eigenvalues)
        inner = inner - diag_embed(inner.diagonal(dim1=-2, dim2=-1))
    if values is not None:
        on_diagonal = diag_embed(values)
        inner = on_diagonal.to(V.dtype) if inner is None else inner + on_diagonal
    assert inner is not None
    return m.product(V, inner, VH)


def _uplo(UPLO: str) -> str:
    if not isinstance(UPLO, str) or UPLO.upper() not in ("L", "U"):
        raise Invalid(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    return UPLO.upper()


@primitive(
    host="LAPACK",
    dtypes=m.DECOMPOSED,
    results=("eigenvalues", "eigenvectors"),
    grad={"A": _eigh_grad},
    samples=lambda make: [Sample(m.hermitian(make(3, 3)), "L"), Sample(m.hermitian(make(2, 3, 3)), "U")],
)
def linalg_eigh(A: Tensor, UPLO: str = "L", compute_v: bool = True) -> Any:
    """Eigenvalues in ascending order, and eigenvectors in columns where they are wanted."""
    UPLO = _uplo(UPLO)
    m.square(A)
    m.floating(A)
    vectors = tuple(A.shape) if compute_v else (0,)
    return (
        Out(A.shape[:-1], m.real_type(A.dtype)),
        Out(vectors, A.dtype, strides=m.by_columns(vectors) if compute_v else None),
    ), (A, UPLO, compute_v)


_EIGH_SAMPLES = lambda make: [
    Sample(m.hermitian(make(3, 3))),
    Sample(m.hermitian(make(2, 3, 3)), "U"),
    Sample(m.hermitian(make(0, 0))),
]
_EIGH_ERRORS = lambda make: [
    *_ERRORS(make),
    Bad(make(3, 3), "X", match="Expected UPLO argument to be 'L' or 'U', but got X"),
]


@composite(
    api="linalg", out=True, dtypes=m.DECOMPOSED, samples=_EIGH_SAMPLES, errors=_EIGH_ERRORS,
)  # fmt: skip
def eigh(input: Tensor, UPLO: str = "L") -> tuple[Tensor, Tensor]:
    """Eigenvalues and eigenvectors of Hermitian matrices: A = V diag(values) V^H.

    Args:
        input: (*, n, n).
        UPLO: which triangle is read, 'L' or 'U'.

    Returns:
        (eigenvalues, eigenvectors): real and in ascending order; vectors of length 1 in columns.

    Raises:
        LinAlgError: NaN or infinity in a matrix.

    >>> import tritonnn as torch
    >>> torch.linalg.eigh(torch.tensor([[2., 0.], [0., 1.]])).eigenvalues
    tensor([1., 2.])
    """
    return linalg_eigh(input, UPLO)


def _by_polynomial(A: np.ndarray) -> Any:
    """The definition in NumPy: the roots of the characteristic polynomial (Faddeev-LeVerrier)."""
    n = A.shape[-1]
    values = np.zeros(A.shape[:-1], complex)
    for at in np.ndindex(*A.shape[:-2]):
        M, c = np.zeros_like(A[at]), [1.0]
        for k in range(1, n + 1):
            M = A[at] @ M + c[-1] * np.eye(n)
            c.append(-np.trace(A[at] @ M) / k)
        values[at] = np.roots(c)
    return values


@composite(
    api="linalg", out=True, dtypes=m.DECOMPOSED, samples=_EIGH_SAMPLES, errors=_EIGH_ERRORS,
    reference=lambda input: np.sort(_by_polynomial(input).real, -1),
)  # fmt: skip
def eigvalsh(input: Tensor, UPLO: str = "L") -> Tensor:
    """The eigenvalues of Hermitian matrices, in ascending order.

    Args:
        input: (*, n, n).
        UPLO: which triangle is read, 'L' or 'U'.

    Raises:
        LinAlgError: NaN or infinity in a matrix.

    >>> import tritonnn as torch
    >>> torch.linalg.eigvalsh(torch.tensor([[2., 0.], [0., 1.]]))
    tensor([1., 2.])
    """
    return linalg_eigh(input, UPLO, wanted(input))[0]


# ---- general matrices ----------------------------------------------------------------------------------------


def _eig_grad(g: Any, eigenvalues: Tensor, eigenvectors: Tensor, compute_v: bool) -> Tensor:
    """V^-H (diag(g_values) + (V^H g - V^H V Re diag(V^H g)) / conj(l_j - l_i)) V^H."""
    values, vectors = g
    if not compute_v:
        raise Invalid("the gradient of eigenvalues needs the eigenvectors, which were not computed")
    V, VH = eigenvectors, m.adjoint(eigenvectors)
    inner = None
    if vectors is not None:
        inner = m.product(VH, vectors)
        sizes = inner.diagonal(dim1=-2, dim2=-1)
        check_gauge(sizes, "linalg_eig", "eigenvectors")
        inner = inner - m.product(VH, V) * sizes.real.unsqueeze(-2)  # what would change the vectors' length
        inner = inner / _differences(eigenvalues).conj()
        inner = inner - diag_embed(inner.diagonal(dim1=-2, dim2=-1))
    if values is not None:
        on_diagonal = diag_embed(values)
        inner = on_diagonal if inner is None else inner + on_diagonal
    assert inner is not None
    return solved_by(VH, m.product(inner, VH))


@primitive(
    host="LAPACK",
    dtypes=m.DECOMPOSED,
    results=("eigenvalues", "eigenvectors"),
    grad={"A": _eig_grad},
    samples=lambda make: [Sample(make(3, 3)), Sample(make(2, 3, 3))],
)
def linalg_eig(A: Tensor, compute_v: bool = True) -> Any:
    """Complex eigenvalues, and eigenvectors in columns where they are wanted."""
    m.square(A)
    m.floating(A)
    wide = dtypes.complex64 if m.real_type(A.dtype) is dtypes.float32 else dtypes.complex128
    vectors = tuple(A.shape) if compute_v else (0,)
    return Out(A.shape[:-1], wide), Out(vectors, wide, strides=m.by_columns(vectors) if compute_v else None)


_EIG_SAMPLES = lambda make: [Sample(make(3, 3)), Sample(make(2, 3, 3)), Sample(make(0, 0))]


@composite(api="linalg", out=True, dtypes=m.DECOMPOSED, samples=_EIG_SAMPLES, errors=_ERRORS)
def eig(input: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues and eigenvectors of square matrices: A V = V diag(values).

    Args:
        input: (*, n, n).

    Returns:
        (eigenvalues, eigenvectors): complex, in no order; vectors of length 1 in columns.

    Raises:
        LinAlgError: NaN or infinity in a matrix.

    >>> import tritonnn as torch
    >>> torch.linalg.eig(torch.tensor([[2., 0.], [0., 1.]])).eigenvalues
    tensor([2.+0.j, 1.+0.j])
    """
    return linalg_eig(input)


@composite(api="linalg", out=True, dtypes=m.DECOMPOSED, samples=_EIG_SAMPLES, errors=_ERRORS)
def eigvals(input: Tensor) -> Tensor:
    """The eigenvalues of square matrices: complex, in no order.

    Args:
        input: (*, n, n).

    Raises:
        LinAlgError: NaN or infinity in a matrix.

    >>> import tritonnn as torch
    >>> torch.linalg.eigvals(torch.tensor([[0., 1.], [-1., 0.]])).imag.abs()
    tensor([1., 1.])
    """
    return linalg_eig(input, wanted(input))[0]
