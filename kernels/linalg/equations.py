"""Factorizations, equations and determinants of small real matrices; the kernels are in `_small.py`.

Larger ones, and complex ones, run through `kernels/libraries/` or on the host: `tritonnn/ops/linalg/_matrices.py:large`
says which.
"""

from __future__ import annotations

from typing import Any

from tritonnn.buffer import Buffer
from tritonnn.kernels.device.strided import expand, merged
from tritonnn.kernels.launch.launch import launch, needs_int64
from tritonnn.kernels.launch.replay import replayed
from tritonnn.kernels.linalg import _small
from tritonnn.kernels.linalg._small_cases import cases
from tritonnn.kernels.tables.linalg import choose_matrices
from tritonnn.shape import numel


def _turned(X: Buffer) -> Buffer:
    """The transposed matrices."""
    return X.as_strided(
        (*X.shape[:-2], X.shape[-1], X.shape[-2]), (*X.strides[:-2], X.strides[-1], X.strides[-2])
    )


def _over(X: Buffer, batch: tuple[int, ...]) -> Buffer:
    """The matrices, repeated over the leading dimensions `batch`."""
    return expand(X, (*batch, *X.shape[-2:]))


def _batches(batch: tuple[int, ...], matrices: list[Buffer], numbers: list[Buffer]) -> tuple[Any, ...]:
    """How many matrices there are, and their merged extents and strides; of those with one number each as well."""
    shape, *strides = merged(batch, *[X.strides[:-2] for X in matrices], *[x.strides for x in numbers])
    return numel(batch), shape, strides[: len(matrices)], strides[len(matrices) :]


def _steps(*matrices: Buffer) -> list[int]:
    """Strides of rows and columns of each."""
    return [stride for X in matrices for stride in X.strides[-2:]]


@replayed
def linalg_cholesky_ex(L: Buffer, info: Buffer, A: Buffer, upper: bool) -> None:
    """A = L L^T, or L^T L with `upper`; info: the order of the first leading minor that is not positive definite."""
    if upper:
        L, A = _turned(L), _turned(A)
    count, shape, (l_strides, a_strides), (info_strides,) = _batches(info.shape, [L, A], [info])
    n = A.shape[-1]
    tile = choose_matrices(count, n, 0, A.dtype.itemsize)
    launch(
        _small.cholesky_kernel, (-(-count // tile.matrices),), L, info, A, count, n, shape, l_strides, info_strides,
        a_strides, *_steps(L, A), M=tile.matrices, SIZE=tile.size, INT64=needs_int64(L, info, A), num_warps=tile.warps,
    )  # fmt: skip


@replayed
def solve_triangular(
    out: Buffer, input: Buffer, B: Buffer, upper: bool, left: bool, unitriangular: bool
) -> None:
    """input out = B, or out input = B, with one triangle of input."""
    if not left:
        out, input, B, upper = _turned(out), _turned(input), _turned(B), not upper
    batch, (n, columns) = out.shape[:-2], out.shape[-2:]
    if not out.numel:
        return
    A, B = _over(input, batch), _over(B, batch)
    count, shape, strides, _ = _batches(batch, [out, A, B], [])
    tile = choose_matrices(count, n, columns, out.dtype.itemsize)
    blocks = -(-columns // tile.columns)
    launch(
        _small.triangular_kernel, (-(-count // tile.matrices) * blocks,), out, A, B, count, n, columns, blocks, shape,
        *strides, *_steps(out, A, B), UPPER=upper, UNIT=unitriangular, M=tile.matrices, SIZE=tile.size,
        COLUMNS=tile.columns, INT64=needs_int64(out, A, B), num_warps=tile.warps,
    )  # fmt: skip


@replayed
def linalg_inv_ex(inverse: Buffer, info: Buffer, A: Buffer) -> None:
    """The inverse; info: one more than the place of the first zero in the diagonal of the LU factor."""
    _solve(inverse, info, A, None)


@replayed
def linalg_solve_ex(X: Buffer, info: Buffer, A: Buffer, B: Buffer, left: bool) -> None:
    """A X = B, or X A = B; info: one more than the place of the first zero in the diagonal of the LU factor."""
    if not left:
        X, A, B = _turned(X), _turned(A), _turned(B)
    if not X.numel:
        # A is factored even so: nothing but info is written
        X = B = A.as_strided((*A.shape[:-1], 0), A.strides)
    _solve(X, info, A, B)


def _solve(X: Buffer, info: Buffer, A: Buffer, B: Buffer | None) -> None:
    batch, (n, columns) = X.shape[:-2], X.shape[-2:]
    A, info = _over(A, batch), expand(info, batch)
    operand = A if B is None else _over(B, batch)
    count, shape, (x_strides, a_strides, b_strides), (info_strides,) = _batches(
        batch, [X, A, operand], [info]
    )
    tile = choose_matrices(count, n, columns, X.dtype.itemsize)
    blocks = max(1, -(-columns // tile.columns))
    launch(
        _small.solve_kernel, (-(-count // tile.matrices) * blocks,), X, info, A, None if B is None else operand,
        count, n, columns, blocks, shape, x_strides, info_strides, a_strides, b_strides, *_steps(X, A, operand),
        M=tile.matrices, SIZE=tile.size, COLUMNS=tile.columns, INT64=needs_int64(X, info, A, operand),
        num_warps=tile.warps,
    )  # fmt: skip


@replayed
def linalg_det(out: Buffer, A: Buffer) -> None:
    """The determinant."""
    _determinant(out, None, A)


@replayed
def linalg_slogdet(sign: Buffer, logabsdet: Buffer, A: Buffer) -> None:
    """The sign of the determinant and the logarithm of its size."""
    _determinant(sign, logabsdet, A)


def _determinant(det: Buffer, log: Buffer | None, A: Buffer) -> None:
    count, shape, (a_strides,), (det_strides, log_strides) = _batches(det.shape, [A], [det, log or det])
    n = A.shape[-1]
    tile = choose_matrices(count, n, 0, A.dtype.itemsize)
    launch(
        _small.determinant_kernel, (-(-count // tile.matrices),), det, log, A, count, n, shape, det_strides,
        log_strides, a_strides, *_steps(A), M=tile.matrices, SIZE=tile.size, INT64=needs_int64(det, log, A),
        num_warps=tile.warps,
    )  # fmt: skip


COMPILE = cases
