"""Singular values and vectors, and what is made of them.

Gradients: J. Townsend, "Differentiating the singular value decomposition", 2016; G. Golub and V. Pereyra, "The
differentiation of pseudo-inverses and nonlinear least squares problems whose variables separate", 1973.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid, LinAlgError
from tritonnn.ops._table import Bad, Out, Sample, composite, primitive
from tritonnn.ops.linalg import _matrices as m
from tritonnn.ops.linalg.eigen import check_gauge, linalg_eigh, wanted
from tritonnn.ops.shape.diagonals import diag_embed
from tritonnn.table import Make

_ERRORS = lambda make: [
    Bad(make(3), match="A must have at least 2 dimensions"),
    Bad(make.int(3, 3), match="Expected a floating point or complex tensor"),
    Bad(make(3, 3).half(), error=NotImplementedError, match="not implemented for float16"),
    Bad(make(3, 3) * float("nan"), error=LinAlgError, match="contained non-finite values"),
    Bad(make(2, 3, 3) * float("nan"), error=LinAlgError, match=r"\(Batch element 0\)"),
]


def _svd_grad(g: Any, U: Tensor, S: Tensor, Vh: Tensor, compute_uv: bool) -> Tensor:
    """Of the vectors that belong to singular values; those that complete the bases have no gradient."""
    gU, gS, gVh = g
    if not compute_uv:
        raise Invalid("the gradient of singular values needs the vectors, which were not computed")
    k, rows, columns = S.shape[-1], U.shape[-2], Vh.shape[-1]
    U, Vh = U[..., :, :k], Vh[..., :k, :]
    UH, V = m.adjoint(U), m.adjoint(Vh)
    if gU is None and gVh is None:
        return m.product(U * gS.unsqueeze(-2), Vh)
    gU = U * 0 if gU is None else gU[..., :, :k]
    gV = V * 0 if gVh is None else m.adjoint(gVh[..., :k, :])
    left, right = m.product(UH, gU), m.product(Vh, gV)
    left, right = left - m.adjoint(left), right - m.adjoint(right)
    squares = S * S
    gaps = squares.unsqueeze(-2) - squares.unsqueeze(-1) + m.eye_like(S.unsqueeze(-1) * S.unsqueeze(-2))
    inner = left / gaps * S.unsqueeze(-2) + S.unsqueeze(-1) * (right / gaps)
    inner = inner - diag_embed(inner.diagonal(dim1=-2, dim2=-1))
    if left.dtype.is_complex:
        phases = left.diagonal(dim1=-2, dim2=-1)
        check_gauge(phases + right.diagonal(dim1=-2, dim2=-1), "svd", "singular vectors")
        inner = inner + diag_embed(phases / (2 * S))
    if gS is not None:
        inner = inner + diag_embed(gS)
    result = m.product(U, inner, Vh)
    if rows > k:  # what of g lies outside the space of U
        result = result + m.product((gU - m.product(U, UH, gU)) / S.unsqueeze(-2), Vh)
    if columns > k:
        outside = m.adjoint(gV - m.product(V, Vh, gV))
        result = result + m.product(U / S.unsqueeze(-2), outside)
    return result


@primitive(
    host="LAPACK",
    dtypes=m.DECOMPOSED,
    results=("U", "S", "Vh"),
    grad={"A": _svd_grad},
    samples=lambda make: [
        Sample(make(3, 3)),
        Sample(make(2, 4, 3), False),
        Sample(make(3, 4), False),
    ],
)
def linalg_svd(A: Tensor, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Singular vectors and values; empty U and Vh where vectors are not wanted."""
    m.matrices(A)
    m.floating(A)
    *batch, rows, columns = A.shape
    k = min(rows, columns)
    left = (*batch, rows, rows if full_matrices else k) if compute_uv else (0,)
    right = (*batch, columns if full_matrices else k, columns) if compute_uv else (0,)
    return (
        Out(left, A.dtype, strides=m.by_columns(left) if compute_uv else None),
        Out((*batch, k), m.real_type(A.dtype)),
        Out(right, A.dtype, strides=m.by_columns(right) if compute_uv else None),
    )


def _no_driver(A: Tensor, driver: str | None) -> None:
    if driver is None:
        return
    if A.is_cuda:
        raise Invalid(
            "keyword argument `driver=` must be None: gesvdj for several matrices of up to 32 rows and columns, and "
            "gesvd for others, are what runs where cuSOLVER is installed"
        )
    raise Invalid("keyword argument `driver=` is only supported on CUDA inputs with cuSOLVER backend.")


@composite(
    api="linalg", out=True, dtypes=m.DECOMPOSED,
    samples=lambda make: [Sample(make(3, 3)), Sample(make(2, 4, 3), False), Sample(make(3, 4), full_matrices=False),
                          Sample(make(0, 3))],
    errors=lambda make: [*_ERRORS(make), Bad(make(3, 3), driver="gesvd", match="keyword argument `driver=")],
)  # fmt: skip
def svd(A: Tensor, full_matrices: bool = True, *, driver: str | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """A = U diag(S) Vh with orthonormal columns of U and rows of Vh.

    Args:
        A: (*, m, n).
        full_matrices: make U and Vh square; else they have min(m, n) columns and rows.
        driver: must be None.

    Returns:
        (U, S, Vh): the singular values S in descending order.

    Raises:
        LinAlgError: NaN or infinity in a matrix.

    >>> import tritonnn as torch
    >>> torch.linalg.svd(torch.tensor([[0., 2.], [1., 0.]])).S
    tensor([2., 1.])
    """
    _no_driver(A, driver)
    return linalg_svd(A, full_matrices, True)


def _by_gram(A: np.ndarray) -> Any:
    """The definition in NumPy: roots of the eigenvalues of A A^H or A^H A, of whichever is smaller."""
    H = np.swapaxes(A, -1, -2).conj()
    gram = A @ H if A.shape[-2] <= A.shape[-1] else H @ A
    return np.sqrt(np.maximum(np.linalg.eigvalsh(gram)[..., ::-1], 0))


@composite(
    api="linalg",
    out=True,
    dtypes=m.DECOMPOSED,
    samples=lambda make: [Sample(make(3, 3)), Sample(make(2, 4, 3)), Sample(make(3, 4)), Sample(make(0, 3))],
    errors=lambda make: [
        *_ERRORS(make),
        Bad(make(3, 3), driver="gesvd", match="keyword argument `driver="),
    ],
    reference=lambda A: _by_gram(A),
)
def svdvals(A: Tensor, *, driver: str | None = None) -> Tensor:
    """The singular values, in descending order.

    Args:
        A: (*, m, n).
        driver: must be None.

    Raises:
        LinAlgError: NaN or infinity in a matrix.

    >>> import tritonnn as torch
    >>> torch.linalg.svdvals(torch.tensor([[0., 2.], [1., 0.]]))
    tensor([2., 1.])
    """
    _no_driver(A, driver)
    return linalg_svd(A, False, wanted(A))[1]


# ---- rank and pseudo-inverse ---------------------------------------------------------------------------------


def _bounds(A: Tensor, atol: Any, rtol: Any) -> tuple[Tensor, Tensor]:
    """Absolute and relative bounds as tensors: by default eps max(m, n) times the largest value."""
    kind = m.real_type(A.dtype)
    eps = float(np.finfo(kind.np).eps) * max(A.shape[-2:])

    def bound(value: Any) -> Tensor:
        if isinstance(value, Tensor):
            if value.dtype.is_complex:
                raise Invalid(f"tolerances of complex type are not supported, got {value.dtype.name}")
            return value.to(kind)
        return A.new_full((), value, dtype=kind)

    absolute = bound(0.0 if atol is None else atol)
    if rtol is None:
        return absolute, (absolute <= 0).to(kind) * eps
    return absolute, bound(rtol)


def pinv_grad(g: Tensor, A: Tensor, result: Tensor) -> Tensor:
    """-P^H g P^H + (1 - A P) g^H P P^H + P^H P g^H (1 - P A)."""
    P, PH, gH = result, m.adjoint(result), m.adjoint(g)
    outside_left = m.product(gH, P) - m.product(A, P, gH, P)
    outside_right = m.product(P, gH) - m.product(P, gH, P, A)
    return m.product(outside_left, PH) + m.product(PH, outside_right) - m.product(PH, g, PH)


@primitive(
    host="LAPACK",
    dtypes=m.DECOMPOSED,
    grad={"A": pinv_grad},
    samples=lambda make: [
        Sample(make(*shape), *[make((), dtype=make.dtype.to_real()) * 0] * 2).constant("atol", "rtol")
        for shape in ((4, 3), (2, 3, 4))
    ],
)
def linalg_pinv(A: Tensor, atol: Tensor, rtol: Tensor, hermitian: bool = False) -> Any:
    """The pseudo-inverse, of the singular values above max(atol, rtol times the largest)."""
    return Out((*A.shape[:-2], A.shape[-1], A.shape[-2]), A.dtype)


def _pinv_errors(make: Make) -> list[Bad]:
    return [
        Bad(make(3), match="expected a tensor with 2 or more dimensions"),
        Bad(make.int(3, 3), match="expected a tensor with 2 or more dimensions of float"),
        Bad(make(3, 3).half(), match="of float, double, cfloat or cdouble types"),
    ]


_PINV_SAMPLES = lambda make: [Sample(make(4, 3)), Sample(make(2, 3, 4)), Sample(make(0, 3))]


def _by_normal_equations(A: np.ndarray) -> Any:
    """The definition in NumPy, of full rank: (A^H A)^-1 A^H, or A^H (A A^H)^-1."""
    H = np.swapaxes(A, -1, -2).conj()
    if A.shape[-2] >= A.shape[-1]:
        return np.linalg.inv(H @ A) @ H
    return H @ np.linalg.inv(A @ H)


@composite(
    api="linalg",
    out=True,
    dtypes=m.DECOMPOSED,
    samples=lambda make: [
        *_PINV_SAMPLES(make),
        Sample(make(4, 3), 1e-6),
        Sample(make(4, 3), atol=1e-6, rtol=1e-6),
        Sample(m.hermitian(m.regular(make, 3)), hermitian=True),
    ],
    errors=lambda make: [
        *_pinv_errors(make),
        Bad(make(3, 2), hermitian=True, match="batches of square matrices"),
    ],
    reference=lambda input: _by_normal_equations(input),
)
def pinv(
    input: Tensor, rcond: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None
) -> Tensor:
    """The pseudo-inverse of Moore and Penrose.

    Args:
        input: (*, m, n).
        rcond: an older name of `rtol`.
        hermitian: A is Hermitian; its lower triangle is read.
        atol: singular values up to this one are taken as 0, a number or a tensor of the batch's shape.
        rtol: those up to this times the largest; by default eps max(m, n), or 0 where `atol` is given.

    Raises:
        RuntimeError: no matrices, or other types than float32, float64 and complex.

    >>> import tritonnn as torch
    >>> torch.linalg.pinv(torch.tensor([[2., 0.], [0., 0.]])).tolist()
    [[0.5, 0.0], [0.0, 0.0]]
    """
    if len(input.shape) < 2 or input.dtype not in m.DECOMPOSED:
        text = "expected a tensor with 2 or more dimensions of float, double, cfloat or cdouble types"
        raise Invalid(f"linalg.pinv({input.dtype.name}{[*input.shape]}): {text}")
    if hermitian:
        m.square(input)
    absolute, relative = _bounds(input, atol, rcond if rtol is None else rtol)
    return linalg_pinv(input, absolute, relative, hermitian)


@composite(
    api="torch tensor", dtypes=m.DECOMPOSED, samples=_PINV_SAMPLES, errors=_pinv_errors,
    reference=lambda input: _by_normal_equations(input),
)  # fmt: skip
def pinverse(input: Tensor, rcond: float = 1e-15) -> Tensor:
    """`linalg.pinv`.

    Args:
        input: (*, m, n).
        rcond: singular values up to this times the largest are taken as 0.

    >>> import tritonnn as torch
    >>> torch.pinverse(torch.tensor([[2., 0.], [0., 0.]])).tolist()
    [[0.5, 0.0], [0.0, 0.0]]
    """
    return pinv(input, rcond)


@composite(
    api="linalg",
    out=True,
    dtypes=m.DECOMPOSED,
    no_derivative=True,
    samples=lambda make: [
        Sample(make(4, 3)),
        Sample(make(2, 3, 1) @ make(2, 1, 3)),
        Sample(m.hermitian(make(3, 3)), hermitian=True),
        Sample(make(3, 3), 1e9),
        Sample(make(3, 3), atol=1e-6, rtol=1e-6),
    ],
    errors=lambda make: [
        Bad(make(3), match="must have at least 2 dimensions"),
        Bad(make(3, 2), hermitian=True, match="batches of square matrices"),
        Bad(make.int(3, 3), match="floating point or complex"),
    ],
    reference=lambda input, tol, atol: np.linalg.matrix_rank(input, tol=tol if atol is None else atol),
)
def matrix_rank(
    input: Tensor, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None
) -> Tensor:
    """The number of singular values that are not taken as 0.

    Args:
        input: (*, m, n).
        tol: an older name of `atol`, with `rtol=0`.
        hermitian: A is Hermitian; its lower triangle is read.
        atol: singular values up to this one are taken as 0.
        rtol: those up to this times the largest; by default eps max(m, n), or 0 where `atol` is given.

    Raises:
        RuntimeError: no matrices.

    >>> import tritonnn as torch
    >>> torch.linalg.matrix_rank(torch.ones(3, 3))
    tensor(1)
    """
    m.matrices(input, "input")
    m.floating(input)
    if tol is not None:
        atol, rtol = tol, 0.0
    input = input.detach()
    absolute, relative = _bounds(input, atol, rtol)
    values = linalg_eigh(input, "L", False)[0].abs() if hermitian else svdvals(input)
    if not values.shape[-1]:
        return input.new_zeros(input.shape[:-2], dtype=dtypes.int64)
    bound = (relative * values.amax(-1)).maximum(absolute)
    return (values > bound.unsqueeze(-1)).sum(-1)
