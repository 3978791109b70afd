"""Products of complex matrices: one product of real matrices of twice the extents.

A complex matrix whose rows lie densely is in memory a real one with twice as many columns, each number's parts beside
each other. Times b it is that real matrix times one in which every number c + di of b stands as the block

     c  d
    -d  c

so that the work is the real kernels' own, with their configurations and their addend.
"""

from __future__ import annotations

from collections.abc import Callable

from tritonnn.buffer import Buffer
from tritonnn.kernels.complex_functions import mul, turned
from tritonnn.kernels.device.complex_pointwise import complex_pointwise
from tritonnn.kernels.device.moving import copy, real_part
from tritonnn.kernels.device.strided import contiguous, expand
from tritonnn.kernels.launch.launch import empty
from tritonnn.kernels.linalg._plan import with_batch

_scale, _turn = complex_pointwise(mul), complex_pointwise(turned)


def complex_product(
    run: Callable[..., None], out: Buffer, a: Buffer, b: Buffer, addend: Buffer | None = None, alpha: complex = 1,
    beta: complex = 1,
) -> None:  # fmt: skip
    """out = beta addend + alpha a @ b of complex matrices; `run(out, a, b, addend)` is that of real ones.

    Args:
        run: called with matrices of the very batch dimensions of out, and an addend of out's shape or None.
        out: (*batch, m, n).
        a: (*batch, m, k), or what broadcasts to that.
        b: (*batch, k, n), likewise.
        addend: what broadcasts to out's shape.
        alpha: a number.
        beta: a number.
    """
    batch = out.shape[:-2]
    result = out if _dense_rows(out) else empty(out.shape, out.dtype, like=out)
    if addend is not None:
        addend = expand(addend, out.shape)
        if beta != 1 or not _dense_rows(addend):
            scaled = empty(out.shape, out.dtype, like=out)
            copy(scaled, addend) if beta == 1 else _scale(scaled, addend, beta, compute=out.dtype)
            addend = scaled
        addend = as_real(addend)
    a = a if _dense_rows(a) else contiguous(a)
    run(as_real(result), with_batch(as_real(a), batch), with_batch(_blocks(b, alpha), batch), addend)
    if result is not out:
        copy(out, result)


def _dense_rows(matrix: Buffer) -> bool:
    return matrix.strides[-1] == 1 or matrix.shape[-1] == 1


def as_real(matrix: Buffer) -> Buffer:
    """A complex buffer whose last dimension lies densely as a real one of twice that extent."""
    real = real_part(matrix)
    return real.as_strided((*real.shape[:-1], 2 * real.shape[-1]), (*real.strides[:-1], 1))


def _blocks(b: Buffer, alpha: complex) -> Buffer:
    """The real matrix with twice the rows and columns of alpha b."""
    *batch, k, n = b.shape
    whole = empty((*batch, 2 * k, n), b.dtype, like=b)
    strides = (*whole.strides[:-2], 2 * n, 1)
    first = whole.as_strided(b.shape, strides)
    second = whole.as_strided(b.shape, strides, n if b.numel else 0)
    copy(first, b) if alpha == 1 else _scale(first, b, alpha, compute=b.dtype)
    _turn(second, first, compute=b.dtype)
    return as_real(whole)
