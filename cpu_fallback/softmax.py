"""Softmax along one dimension: block by block, so that the passes over a block read the cache.

Sums are matrix-vector products with ones, the fastest sum NumPy has. float16 and bfloat16 compute in float32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tritonnn.cpu_fallback.common.blocks import (
    Scratch,
    along,
    amax,
    asum,
    exp_shifted,
    short_buffer,
    steps,
    wide,
)
from tritonnn.cpu_fallback.common.pool import spread

Array = np.ndarray[Any, Any]


def softmax(out: Array, input: Array, dim: int) -> None:
    """exp(x) / sum(exp(x)) along `dim`, shifted by the maximum where it could overflow."""
    _forward(out, input, dim, _softmax_block)


def log_softmax(out: Array, input: Array, dim: int) -> None:
    """x - max - log(sum(exp(x - max))) along `dim`."""
    _forward(out, input, dim, _log_softmax_block)


def softmax_backward(out: Array, grad: Array, result: Array, dim: int) -> None:
    """y * (g - sum(g * y)) along `dim`, from the result y of softmax."""
    _backward(out, grad, result, dim, _softmax_backward_block)


def log_softmax_backward(out: Array, grad: Array, result: Array, dim: int) -> None:
    """g - exp(y) * sum(g) along `dim`, from the result y of log_softmax."""
    _backward(out, grad, result, dim, _log_softmax_backward_block)


def logsumexp_dims(out: Array, input: Array, dims: tuple[int, ...], keepdim: bool) -> None:
    """log(sum(exp(x))) over `dims`: -inf over nothing, and infinite where the maximum is."""
    if input.size == 0:
        out[...] = -np.inf
        return
    kept = tuple(d for d in range(input.ndim) if d not in dims)
    # what is reduced goes last, as rows
    rows = input.transpose(kept + dims) if dims != tuple(range(len(kept), input.ndim)) else input
    result = np.empty([input.shape[d] for d in kept], out.dtype)
    size = result.size
    flat = result.reshape(size)
    rows = rows.reshape(size, -1)
    work = Scratch(wide(input.dtype))
    ones = np.ones(rows.shape[1], work.dtype)
    with short_buffer(rows.shape[1], rows.size):
        for index in steps(rows.shape, -1):
            e = work(rows[index].shape)
            top = exp_shifted(rows[index], e, -1)
            total = asum(e, -1, ones)
            np.log(total, out=total)
            total += top
            if isinstance(top, np.ndarray):  # an infinite maximum is the answer, though it gave inf - inf
                np.copyto(total, top, where=np.isinf(top))
            flat[index] = total[:, 0]
    out[...] = result.reshape(out.shape)


EXPENSIVE = 4  # an element costs as much as so many of cheap arithmetic
SMALL = 4096  # elements that need no blocks


def _forward(out: Array, input: Array, dim: int, block: Callable[..., None]) -> None:
    if input.size == 0:
        return
    if block is _softmax_block and input.size <= SMALL and out.dtype.itemsize > 2 and input.ndim:
        # in the output itself, in one piece: cutting it into blocks would take longer than the arithmetic
        np.subtract(input, np.maximum.reduce(input, axis=dim, keepdims=True), out=out)
        np.exp(out, out=out)
        np.divide(out, np.add.reduce(out, axis=dim, keepdims=True), out=out)
        return
    result = out if out.flags.c_contiguous else np.empty(out.shape, out.dtype)
    axis, (x, y) = along(dim, input, result)
    work = Scratch(wide(input.dtype))
    ones = np.ones(x.shape[axis], work.dtype)
    with short_buffer(x.shape[axis], x.size):
        spread(
            lambda index: block(y[index], x[index], axis, ones, work),
            list(steps(x.shape, axis)), EXPENSIVE * x.size,
        )  # fmt: skip
    if result is not out:
        out[...] = result


def _backward(out: Array, grad: Array, result: Array, dim: int, block: Callable[..., None]) -> None:
    if grad.size == 0:
        return
    written = out if out.flags.c_contiguous else np.empty(out.shape, out.dtype)
    axis, (gx, g, y) = along(dim, written, grad, result)
    work, more = Scratch(wide(out.dtype)), Scratch(wide(out.dtype))
    ones = np.ones(g.shape[axis], work.dtype)
    with short_buffer(g.shape[axis], g.size):
        spread(
            lambda index: block(gx[index], g[index], y[index], axis, ones, work, more),
            list(steps(g.shape, axis)), EXPENSIVE * g.size,
        )  # fmt: skip
    if written is not out:
        out[...] = written


def _target(o: Array, work: Scratch) -> Array:
    """Where a block is computed: its place in the output if that is contiguous and of the type to compute
    in.
    """
    return o if o.dtype == work.dtype and o.flags.c_contiguous else work(o.shape)


def _softmax_block(o: Array, x: Array, axis: int, ones: Array, work: Scratch) -> None:
    e = _target(o, work)
    exp_shifted(x, e, axis)
    total = asum(e, axis, ones)
    # a division for each row, a product for each element
    np.reciprocal(total, out=total)
    np.multiply(e, total, out=e)
    if e is not o:
        o[...] = e


def _log_softmax_block(o: Array, x: Array, axis: int, ones: Array, work: Scratch) -> None:
    e = work(o.shape)
    # y is needed after its exponentials: two arrays, of which the output may be one
    y = o if o.dtype == work.dtype and o.flags.c_contiguous else np.empty_like(e)
    # The shift by the maximum is kept here in every case: it makes values close to zero exact.
    if x.dtype != y.dtype or not x.flags.c_contiguous:
        np.copyto(y, x)
        x = y
    np.subtract(x, amax(x, axis), out=y)
    np.exp(y, out=e)
    np.subtract(y, np.log(asum(e, axis, ones)), out=y)
    if y is not o:
        o[...] = y


def _softmax_backward_block(
    gx: Array, g: Array, y: Array, axis: int, ones: Array, work: Scratch, more: Scratch
) -> None:
    t = work(gx.shape)
    np.multiply(g, y, out=t, dtype=t.dtype)
    total = asum(t, axis, ones)
    u = gx if gx.dtype == t.dtype and gx.flags.c_contiguous else more(gx.shape)
    # y * (g - total), and not g * y - y * total: the difference of large products would cancel
    np.subtract(g, total, out=u, dtype=t.dtype)
    np.multiply(u, y, out=u, dtype=t.dtype)
    if u is not gx:
        gx[...] = u


def _log_softmax_backward_block(
    gx: Array, g: Array, y: Array, axis: int, ones: Array, work: Scratch, more: Scratch
) -> None:
    t = work(gx.shape)
    if g.dtype != t.dtype or not g.flags.c_contiguous:
        np.copyto(t, g)
        g = t
    total = asum(g, axis, ones)
    e = more(gx.shape)
    np.exp(y, out=e, dtype=e.dtype)
    np.multiply(e, total, out=e)
    u = gx if gx.dtype == e.dtype and gx.flags.c_contiguous else e
    np.subtract(g, e, out=u)
    if u is not gx:
        gx[...] = u
