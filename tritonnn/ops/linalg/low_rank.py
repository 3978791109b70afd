"""Decompositions of matrices of low rank, and a few eigenvalues of large ones.

N. Halko, P.-G. Martinsson and J. Tropp, "Finding structure with randomness", 2009; A. Knyazev, "Toward the optimal
preconditioned eigensolver: locally optimal block preconditioned conjugate gradient method", 2001.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tritonnn._tensor import Tensor, host_array
from tritonnn.errors import Invalid, fail
from tritonnn.ops._table import Bad, Out, Sample, composite, primitive
from tritonnn.ops.joining.joining import cat
from tritonnn.ops.linalg import _matrices as m
from tritonnn.ops.linalg.cholesky import linalg_cholesky
from tritonnn.ops.linalg.decomposition import qr
from tritonnn.ops.linalg.eigen import linalg_eigh, wanted
from tritonnn.ops.linalg.equations import solved_by
from tritonnn.ops.linalg.linalg import matmul
from tritonnn.ops.linalg.singular import linalg_svd
from tritonnn.ops.linalg.triangular import solved
from tritonnn.ops.random.random import randn
from tritonnn.ops.shape.diagonals import diag_embed
from tritonnn.recording.grad_mode import no_grad


def _basis(A: Tensor, q: int, niter: int) -> Tensor:
    """Orthonormal columns that span nearly what A does (Halko et al., algorithm 4.4)."""
    H = m.adjoint(A)
    Q = qr(matmul(A, randn(A.shape[-1], q, dtype=A.dtype, device=A.device)))[0]
    for _ in range(niter):
        Q = qr(matmul(H, Q))[0]
        Q = qr(matmul(A, Q))[0]
    return Q


class LowRank(NamedTuple):
    """What `svd_lowrank` and `pca_lowrank` return."""

    U: Tensor
    S: Tensor
    V: Tensor


def _svd(A: Tensor, q: int, niter: int) -> tuple[Tensor, Tensor, Tensor]:
    if A.shape[-2] < A.shape[-1]:
        V, S, U = _svd(m.adjoint(A), q, niter)
        return LowRank(U, S, V)
    Q = _basis(A, q, niter)
    U, S, Vh = linalg_svd(m.product(m.adjoint(Q), A), False)
    return LowRank(m.product(Q, U), S, m.adjoint(Vh))


def _check(name: str, A: Tensor, q: int, niter: int) -> None:
    m.matrices(A)
    m.floating(A)
    if not 0 <= q <= min(A.shape[-2:]):
        text = f"q(={q}) must be non-negative integer and not greater than min(m, n)={min(A.shape[-2:])}"
        raise fail(name, text, kind=ValueError, A=A)
    if niter < 0:
        raise fail(name, f"niter(={niter}) must be non-negative integer", kind=ValueError, A=A)


@composite(
    api="torch",
    dtypes=m.DECOMPOSED,
    samples=lambda make: [Sample(make(5, 4), 3), Sample(make(2, 3, 5), 3, 1)],
    errors=lambda make: [
        Bad(make(3), match="A must have at least 2 dimensions"),
        Bad(make(5, 3), -1, error=ValueError, match=r"q\(=-1\) must be non-negative integer"),
        Bad(make(5, 3), 2, -1, error=ValueError, match=r"niter\(=-1\) must be non-negative integer"),
    ],
)
def svd_lowrank(
    A: Tensor, q: int | None = 6, niter: int = 2, M: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """The q largest singular values and their vectors, nearly, of A or of A - M.

    Args:
        A: (*, m, n).
        q: how many, a few more than the rank; no more than there are.
        niter: how often to refine.
        M: what is subtracted; broadcasts.

    Returns:
        (U, S, V): A is nearly U diag(S) V^H. The method draws random numbers.

    Raises:
        ValueError: a negative q or `niter`.

    >>> import tritonnn as torch
    >>> torch.svd_lowrank(torch.ones(4, 3), 1)[1].square().round()
    tensor([12.])
    """
    m.matrices(A)
    q = min(6 if q is None else q, *A.shape[-2:])
    _check("svd_lowrank", A, q, niter)
    return _svd(A if M is None else A - M, q, niter)


@composite(
    api="torch",
    dtypes=m.DECOMPOSED,
    samples=lambda make: [Sample(make(5, 4), 3), Sample(make(2, 5, 3)), Sample(make(5, 4), 2, False, 1)],
    errors=lambda make: [
        Bad(make(3), match="A must have at least 2 dimensions"),
        Bad(make(5, 3), 9, error=ValueError, match=r"q\(=9\) must be non-negative integer and not greater"),
        Bad(make(5, 3), 2, True, -1, error=ValueError, match=r"niter\(=-1\) must be non-negative integer"),
    ],
)
def pca_lowrank(
    A: Tensor, q: int | None = None, center: bool = True, niter: int = 2
) -> tuple[Tensor, Tensor, Tensor]:
    """Principal components: `svd_lowrank` of a matrix less the means of its columns.

    Args:
        A: (*, m, n), samples in rows.
        q: how many components; default: 6, or less where there are no more.
        center: subtract the means.
        niter: how often to refine.

    Returns:
        (U, S, V): the principal directions are the columns of V. The method draws random numbers.

    Raises:
        ValueError: a q beyond the extents, or a negative `niter`.

    >>> import tritonnn as torch
    >>> torch.pca_lowrank(torch.tensor([[1., 0.], [3., 0.]]), 1)[1].square().round()
    tensor([2.])
    """
    m.matrices(A)
    q = min(6, *A.shape[-2:]) if q is None else q
    _check("pca_lowrank", A, q, niter)
    return _svd(A - A.mean(-2, True) if center else A, q, niter)


# ---- a few eigenvalues ---------------------------------------------------------------------------------------


def _ritz(A: Tensor, B: Tensor | None, S: Tensor, k: int, largest: bool) -> tuple[Tensor, Tensor]:
    """The k outermost eigenvalues of A in the space of S, and their vectors, of length 1 with respect to B."""
    Q = qr(S)[0]
    if B is not None:
        L = linalg_cholesky(m.hermitian(m.product(m.adjoint(Q), matmul(B, Q))))
        Q = m.adjoint(solved(L, m.adjoint(Q), False))
    values, vectors = linalg_eigh(m.hermitian(m.product(m.adjoint(Q), matmul(A, Q))))
    if largest:
        values, vectors = values.flip(-1), vectors.flip(-1)
    return values[..., :k], m.product(Q, vectors[..., :k])


def _iterate(
    A: Tensor, B: Tensor | None, X: Tensor, iK: Tensor | None, niter: int, tol: float, largest: bool
) -> tuple[Tensor, Tensor]:
    k = X.shape[-1]
    values, X = _ritz(A, B, X, k, largest)
    P = None
    size = float(A.abs().amax()) * A.shape[-1] ** 0.5
    for _ in range(niter):
        R = matmul(A, X) - (X if B is None else matmul(B, X)) * values.unsqueeze(-2)
        if float(host_array((R * R).sum(-2).sqrt().amax())) <= tol * size:
            break
        if iK is not None:
            R = matmul(iK, R)
        space = [X, R] if P is None else [X, R, P]
        values, new = _ritz(A, B, cat(space, -1), k, largest)
        P = new - m.product(X, m.product(m.adjoint(X), new if B is None else matmul(B, new)))
        X = new
    return values, X


def _eigenpairs_grad(
    g: Any, A: Tensor, B: Tensor | None, eigenvalues: Tensor, eigenvectors: Tensor
) -> Tensor:
    """Of k eigenpairs of a symmetric matrix: that of `eigh` in the space U of the vectors, and beyond it, for each
    vector, the solution of (value - A) x = its gradient."""
    if B is not None:
        raise Invalid("lobpcg.backward does not support backward with B != I yet.", kind=ValueError)
    of_values, of_vectors = g
    U, UT = eigenvectors, m.adjoint(eigenvectors)
    if of_vectors is None:
        return m.product(U, diag_embed(of_values), UT)
    gaps = eigenvalues.unsqueeze(-2) - eigenvalues.unsqueeze(-1)
    within = m.product(UT, of_vectors)
    inner = within / (gaps + m.eye_like(gaps)) * (1 - m.eye_like(gaps))
    inner = inner if of_values is None else inner + diag_embed(of_values)
    outside = of_vectors - m.product(U, within)
    size = (
        eigenvalues.detach().abs().amax() + 1
    )  # in the space of U the matrix below is this times the identity
    columns = []
    for i in range(U.shape[-1]):
        value = eigenvalues[..., i : i + 1, None]
        filled = m.product(U * (eigenvalues.unsqueeze(-2) - value + size), UT)
        shifted = m.eye_like(A) * value - m.hermitian(A) + filled
        columns.append(solved_by(shifted, outside[..., i : i + 1]))
    beyond = cat(columns, -1)
    beyond = beyond - m.product(U, UT, beyond)
    return m.hermitian(m.product(U, inner, UT) + m.product(beyond, UT))


@primitive(
    dtypes=m.DECOMPOSED[:2],
    public="lobpcg",
    results=("eigenvalues", "eigenvectors"),
    grad={"A": _eigenpairs_grad, "B": _eigenpairs_grad},
)
def given_eigenpairs(A: Tensor, B: Tensor | None, values: Tensor, vectors: Tensor) -> Any:
    """The eigenpairs of A that were found without being recorded, with their gradient."""
    return Out(values.shape, values.dtype), Out(vectors.shape, vectors.dtype)


@composite(
    api="torch",
    dtypes=m.DECOMPOSED[:2],
    samples=lambda make: [
        Sample(m.positive(make, 9), 2, None, make(9, 2).detach(), niter=40, tol=1e-13).constant("X"),
        Sample(
            m.positive(make, 2, 7), 1, None, make(2, 7, 1).detach(), niter=40, tol=1e-13, largest=False
        ).constant("X"),
        Sample(m.positive(make, 9), 1, m.positive(make, 9), niter=200).constant("A", "B"),
    ],
    errors=lambda make: [
        Bad(make(3), match="A must have at least 2 dimensions"),
        Bad(make(9, 8), match="batches of square matrices"),
        Bad(m.positive(make, 4), 2, error=ValueError, match="at least 3 times as many rows"),
        Bad(
            m.positive(make, 9),
            method="x",
            error=ValueError,
            match="method must be 'basic' or 'ortho', got 'x'",
        ),
    ],
)
def lobpcg(
    A: Tensor, k: int | None = None, B: Tensor | None = None, X: Tensor | None = None, n: int | None = None,
    iK: Tensor | None = None, niter: int | None = None, tol: float | None = None, largest: bool | None = None,
    method: str | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """The largest, or smallest, eigenvalues of a large symmetric matrix, by products with it alone.

    Args:
        A: (*, m, m), symmetric.
        k: how many eigenvalues; default: the columns of X, or 1.
        B: (*, m, m), positive definite: solve A x = value B x.
        X: (*, m, n), where to begin; default: random numbers.
        n: how many columns X is to have where it is not given.
        iK: (*, m, m), an approximate inverse of A, which speeds up convergence.
        niter: at most so many steps; default: 1000, and a negative number also.
        tol: the size of residuals, relative to A's, that is small enough; default: the root of eps.
        largest: whether the largest are wanted (the default).
        method: 'basic' or 'ortho'; the basis is made orthonormal in either.

    Returns:
        (values, vectors): the outermost value first. The gradient is that of the symmetric part of A; with B there is
        none.

    Raises:
        ValueError: a matrix that is too small, which `linalg.eigh` solves.

    >>> import tritonnn as torch
    >>> torch.lobpcg(torch.diag(torch.arange(1., 10.)), 1)[0].round()
    tensor([9.])
    """
    m.square(A)
    m.floating(A)
    if method not in (None, "basic", "ortho"):
        raise fail("lobpcg", f"method must be 'basic' or 'ortho', got {method!r}", kind=ValueError)
    if X is not None and X.shape[:-1] != A.shape[:-1]:
        text = f"X shape mismatch: got {tuple(X.shape)}, expected columns of {tuple(A.shape[:-1])}"
        raise fail("lobpcg", text, kind=AssertionError, A=A, X=X)
    columns = X.shape[-1] if X is not None else n or k or 1
    k = columns if k is None else k
    if A.shape[-1] < 3 * columns:
        text = (
            f"A has to have at least 3 times as many rows as X has columns, {3 * columns}, got {A.shape[-1]}"
        )
        raise fail("lobpcg", text, kind=ValueError, hint="linalg.eigh solves small problems", A=A)
    of_A, of_B = wanted(A), B is not None and wanted(B)
    with no_grad():
        start = A.new_empty((*A.shape[:-1], columns)).normal_() if X is None else X.detach()
        steps = 1000 if niter is None or niter < 0 else niter
        small = float(np.finfo(A.dtype.np).eps) ** 0.5 if tol is None else tol
        symmetric = m.hermitian(A.detach()) if of_A else A.detach()
        values, vectors = _iterate(symmetric, B, start, iK, steps, small, largest is not False)
    values, vectors = values[..., :k], vectors[..., :k]
    return given_eigenpairs(A, B, values, vectors) if of_A or of_B else (values, vectors)
