"""Normalisation over rows (layer, RMS), over groups of channels and over the batch, in blocks that stay in
the cache.

Sums are matrix-vector products or `vecdot`, variances two-pass (those of parts are combined by the formula
of Chan et al., "Updating formulae and a pairwise algorithm for computing sample variances", 1979), and the
backward passes compute the normalised input again instead of keeping it. float16 and bfloat16 compute in
the type of the saved statistics, float32.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any, overload

import numpy as np

from tritonnn.cpu_fallback.common.blocks import Scratch, row_dots, row_products, short_buffer, steps
from tritonnn.cpu_fallback.common.pool import spread

Array = np.ndarray[Any, Any]
Mask = tuple[bool, bool, bool]


def native_layer_norm(
    out: Array,
    mean: Array,
    rstd: Array,
    input: Array,
    normalized_shape: tuple[int, ...],
    weight: Array | None,
    bias: Array | None,
    eps: float,
) -> None:
    """(x - mean) * rstd * weight + bias over the last dimensions; `mean` and `rstd` are (*leading, 1, ...,
    1).
    """
    n = prod(normalized_shape)
    if not n:
        mean[...], rstd[...] = 0, np.nan
        return
    y, x, mean_rows, rstd_rows = _writable(out, n), input.reshape(-1, n), mean.reshape(-1), rstd.reshape(-1)
    w, b = _flat(weight, mean.dtype), _flat(bias, mean.dtype)
    ones = np.ones(n, mean.dtype)
    scratch = Scratch(mean.dtype)

    def work(rows: slice) -> None:
        # in the output itself where its type is the one computed in: no scratch, and no copy at the end
        x_centred = _target(y[rows], scratch)
        x_block = _widened(x[rows], x_centred)
        # a product with ones: the fastest sum of rows that NumPy has
        mean_rows[rows] = row_products(x_block, ones) / n
        np.subtract(x_block, mean_rows[rows, None], out=x_centred)
        rstd_rows[rows] = 1 / np.sqrt(row_dots(x_centred, x_centred) / n + eps)
        np.multiply(x_centred, rstd_rows[rows, None], out=x_centred)
        _affine(x_centred, w, b)
        _store(y[rows], x_centred)

    _spread_rows(work, x)
    _finish(out, y)


def native_layer_norm_backward(
    grad_input: Array,
    grad_weight: Array,
    grad_bias: Array,
    grad: Array,
    input: Array,
    normalized_shape: tuple[int, ...],
    mean: Array,
    rstd: Array,
    weight: Array | None,
    output_mask: Mask,
) -> None:
    """Gradients of layer normalisation; `output_mask` says which are wanted, the others are left alone."""
    n = prod(normalized_shape)
    if not n:
        return
    dy, x, mean_rows, rstd_rows = (
        grad.reshape(-1, n),
        input.reshape(-1, n),
        mean.reshape(-1),
        rstd.reshape(-1),
    )
    dx = _writable(grad_input, n) if output_mask[0] else None
    w = np.ones(n, mean.dtype) if weight is None else _flat(weight, mean.dtype)
    parts: dict[int, tuple[Array, Array]] = {}  # the sums over each piece of rows, of dw and of db
    d_place, dy_place, t_place = (Scratch(mean.dtype) for _ in range(3))

    def work(rows: slice) -> None:
        dy_block, x_centred = _cast(dy[rows], dy_place), d_place(x[rows].shape)
        np.subtract(_widened(x[rows], x_centred), mean_rows[rows, None], out=x_centred)
        t = t_place(x_centred.shape) if dx is None else _target(dx[rows], t_place)
        np.multiply(dy_block, x_centred, out=t)
        # rstd belongs to the row: one factor in the product instead of one for every element
        parts[rows.start] = rstd_rows[rows] @ t, np.ones(len(dy_block), dy_block.dtype) @ dy_block
        if dx is None:
            return
        # dx = rstd * (dy w - mean(dy w) - d rstd^2 mean(dy w d)), d = x_centred = x - mean
        # both means of a row are products of the block with w: no array of dy w is needed for them
        np.multiply(x_centred, (row_products(t, w) * rstd_rows[rows] ** 2 / n)[:, None], out=x_centred)
        np.add(x_centred, (row_products(dy_block, w) / n)[:, None], out=x_centred)
        np.subtract(dy_block if weight is None else np.multiply(dy_block, w, out=t), x_centred, out=t)
        # rstd last, for all terms at once
        np.multiply(t, rstd_rows[rows, None], out=t)
        _store(dx[rows], t)

    _spread_rows(work, x)
    dw, db = (_added(parts, number, n, mean.dtype) for number in (0, 1))
    _finish_backward((grad_input, grad_weight, grad_bias), (dx, dw, db), output_mask)


def fused_rms_norm(
    out: Array, rstd: Array, input: Array, normalized_shape: tuple[int, ...], weight: Array | None, eps: float
) -> None:
    """x * rstd * weight with rstd = 1 / sqrt(mean(x^2) + eps) over the last dimensions."""
    n = prod(normalized_shape)
    if not n:
        # the mean of nothing, and no warning
        rstd[...] = np.nan
        return
    y, x, rstd_rows = _writable(out, n), input.reshape(-1, n), rstd.reshape(-1)
    w = _flat(weight, rstd.dtype)
    scratch = Scratch(rstd.dtype)

    def work(rows: slice) -> None:
        x_hat = _target(y[rows], scratch)
        x_block = _widened(x[rows], x_hat)
        # vecdot squares and sums a row in one read
        rstd_rows[rows] = 1 / np.sqrt(row_dots(x_block, x_block) / n + eps)
        np.multiply(x_block, rstd_rows[rows, None], out=x_hat)
        _affine(x_hat, w, None)
        _store(y[rows], x_hat)

    _spread_rows(work, x)
    _finish(out, y)


def fused_rms_norm_backward(
    grad_input: Array,
    grad_weight: Array,
    grad: Array,
    input: Array,
    normalized_shape: tuple[int, ...],
    rstd: Array,
    weight: Array | None,
    output_mask: tuple[bool, bool],
) -> None:
    """Gradients of RMS normalisation; `output_mask` says which are wanted."""
    n = prod(normalized_shape)
    if not n:
        return
    dy, x, rstd_rows = grad.reshape(-1, n), input.reshape(-1, n), rstd.reshape(-1)
    dx = _writable(grad_input, n) if output_mask[0] else None
    w = np.ones(n, rstd.dtype) if weight is None else _flat(weight, rstd.dtype)
    parts: dict[int, tuple[Array]] = {}
    d_place, dy_place, t_place = (Scratch(rstd.dtype) for _ in range(3))

    def work(rows: slice) -> None:
        dy_block, d = _cast(dy[rows], dy_place), d_place(x[rows].shape)
        x_block = _widened(x[rows], d)
        t = t_place(d.shape) if dx is None else _target(dx[rows], t_place)
        np.multiply(dy_block, x_block, out=t)
        parts[rows.start] = (rstd_rows[rows] @ t,)
        if dx is None:
            return
        # dx = rstd * (dy w - x rstd^2 mean(dy w x))
        np.multiply(x_block, (row_products(t, w) * rstd_rows[rows] ** 2 / n)[:, None], out=d)
        np.subtract(dy_block if weight is None else np.multiply(dy_block, w, out=t), d, out=t)
        np.multiply(t, rstd_rows[rows, None], out=t)
        _store(dx[rows], t)

    _spread_rows(work, x)
    _finish_backward((grad_input, grad_weight), (dx, _added(parts, 0, n, rstd.dtype)), output_mask)


PASSES = 6  # over an element, about


def _spread_rows(work: Callable[[slice], None], x: Array) -> None:
    """`work` for pieces of the rows of x, on several threads where that pays."""
    with short_buffer(x.shape[1], x.size):
        spread(work, [rows for (rows,) in steps(x.shape, -1)], PASSES * x.size)


def _added(parts: Mapping[int, tuple[Array, ...]], number: int, n: int, dtype: np.dtype[Any]) -> Array:
    """One of the sums that each piece left, added up in the order of the rows."""
    total = np.zeros(n, dtype)
    for first in sorted(parts):
        total += parts[first][number]
    return total


def native_group_norm(
    out: Array,
    mean: Array,
    rstd: Array,
    input: Array,
    num_groups: int,
    weight: Array | None,
    bias: Array | None,
    eps: float,
) -> None:
    """Normalise each sample's groups of channels; `mean` and `rstd` are (N, groups)."""
    batch, channels = input.shape[:2]
    if input.size == 0:
        mean[...], rstd[...] = 0, 0 if batch == 0 else 1 / np.sqrt(eps)
        return
    x = input.reshape(batch * num_groups, -1)
    n = x.shape[1]
    y, mean_rows, rstd_rows = _writable(out, n), mean.reshape(-1), rstd.reshape(-1)
    w, b = _per_channel(weight, channels, 1, mean.dtype), _per_channel(bias, channels, 0, mean.dtype)
    work = Scratch(mean.dtype)
    ones = np.ones(n, mean.dtype)
    width = channels // num_groups
    with short_buffer(n // width, x.size):
        for (rows,) in _samples(x, num_groups):
            x_centred = _target(y[rows], work)
            x_block = _widened(x[rows], x_centred)
            mean_rows[rows] = row_products(x_block, ones) / n
            np.subtract(x_block, mean_rows[rows, None], out=x_centred)
            rstd_rows[rows] = 1 / np.sqrt(row_dots(x_centred, x_centred) / n + eps)
            # One multiplication by weight * rstd; the samples of a block share the weights of the channels.
            scale = w.reshape(1, num_groups, width) * rstd_rows[rows].reshape(-1, num_groups, 1)
            planes = x_centred.reshape(-1, channels, n // width)
            np.multiply(planes, scale.reshape(-1, channels, 1), out=planes)
            if bias is not None:
                np.add(planes, b[:, None], out=planes)
            _store(y[rows], x_centred)
    _finish(out, y)


def native_group_norm_backward(
    grad_input: Array,
    grad_weight: Array,
    grad_bias: Array,
    grad: Array,
    input: Array,
    num_groups: int,
    mean: Array,
    rstd: Array,
    weight: Array | None,
    output_mask: Mask,
) -> None:
    """Gradients of group normalisation; `output_mask` says which are wanted."""
    channels = input.shape[1]
    dw, db = np.zeros(channels, mean.dtype), np.zeros(channels, mean.dtype)
    dx = None
    if input.size:
        x, dy = input.reshape(mean.size, -1), grad.reshape(mean.size, -1)
        n, width = x.shape[1], channels // num_groups
        dx = _writable(grad_input, n) if output_mask[0] else None
        mean_rows, rstd_rows = mean.reshape(-1), rstd.reshape(-1)
        w = _per_channel(weight, channels, 1, mean.dtype).reshape(num_groups, width)
        work, more, cast = Scratch(mean.dtype), Scratch(mean.dtype), Scratch(mean.dtype)
        ones = np.ones(n // width, mean.dtype)
        with short_buffer(n // width, x.size):
            for (rows,) in _samples(x, num_groups):
                dy_block, xc = _cast(dy[rows], cast), work(x[rows].shape)
                np.subtract(_widened(x[rows], xc), mean_rows[rows, None], out=xc)
                planes = dy_block.reshape(-1, n // width)
                sum_dy = row_products(planes, ones).reshape(-1, num_groups, width)
                sum_dy_x = row_dots(planes, xc.reshape(planes.shape)).reshape(sum_dy.shape)
                scale = rstd_rows[rows].reshape(-1, num_groups, 1)
                # one number for each plane so far: what follows is small
                dw += (sum_dy_x * scale).sum(axis=0).reshape(-1)
                db += sum_dy.sum(axis=0).reshape(-1)
                if dx is None:
                    continue
                # dx = rstd * (dy w - mean(dy w) - d rstd^2 mean(dy w d)), means over the group, d = xc = x - mean
                t = _target(dx[rows], more)
                np.multiply(planes, (w * scale).reshape(-1, 1), out=t.reshape(planes.shape))
                np.multiply(
                    xc, ((sum_dy_x * w).sum(axis=2).reshape(-1) * rstd_rows[rows] ** 3 / n)[:, None], out=xc
                )
                np.add(
                    xc,
                    ((sum_dy * w).sum(axis=2).reshape(-1) * rstd_rows[rows] / n)[:, None],
                    out=xc,
                )
                np.subtract(t, xc, out=t)
                _store(dx[rows], t)
    _finish_backward((grad_input, grad_weight, grad_bias), (dx, dw, db), output_mask)


def _writable(out: Array, n: int) -> Array:
    """Rows of n to compute into: the output itself, or memory that `_finish` copies to it."""
    result = out if out.flags.c_contiguous else np.empty(out.shape, out.dtype)
    return result.reshape(-1, n)


def _finish(out: Array, rows: Array) -> None:
    if not out.flags.c_contiguous:
        out[...] = rows.reshape(out.shape)


def _finish_backward(
    grads: tuple[Array, ...], outputs: tuple[Array | None, ...], mask: tuple[bool, ...]
) -> None:
    if outputs[0] is not None:
        _finish(grads[0], outputs[0])
    for grad, value, wanted in zip(grads[1:], outputs[1:], mask[1:], strict=True):
        if wanted:
            grad[...] = value.reshape(grad.shape)  # type: ignore[union-attr]


def _target(o: Array, work: Scratch) -> Array:
    """Where a block is computed: its place in the output, or scratch where that has another type."""
    return o if o.dtype == work.dtype else work(o.shape)


def _store(o: Array, d: Array) -> None:
    if d.dtype != o.dtype:
        o[...] = d


def _widened(x: Array, d: Array) -> Array:
    """`x` in the type of `d`: itself, or copied to `d`."""
    if x.dtype == d.dtype:
        return x
    np.copyto(d, x)
    return d


def _cast(x: Array, scratch: Scratch) -> Array:
    """`x` in the type of `scratch`, contiguous."""
    return x if x.dtype == scratch.dtype and x.flags.c_contiguous else _filled(scratch(x.shape), x)


def _filled(d: Array, x: Array) -> Array:
    np.copyto(d, x)
    return d


@overload
def _flat(weight: Array, dtype: np.dtype[Any]) -> Array: ...
@overload
def _flat(weight: None, dtype: np.dtype[Any]) -> None: ...
def _flat(weight: Array | None, dtype: np.dtype[Any]) -> Array | None:
    return None if weight is None else weight.reshape(-1).astype(dtype, copy=False)


def _per_channel(weight: Array | None, channels: int, default: float, dtype: np.dtype[Any]) -> Array:
    return np.full(channels, default, dtype) if weight is None else weight.astype(dtype, copy=False)


def _affine(d: Array, weight: Array | None, bias: Array | None) -> None:
    if weight is not None:
        np.multiply(d, weight, out=d)
    if bias is not None:
        np.add(d, bias, out=d)


def _samples(x: Array, groups: int) -> Any:
    """Blocks of rows that hold whole samples of `groups` rows each."""
    # a block's rows then share the weights of all channels, by broadcasting over its samples
    for (samples,) in steps((x.shape[0] // groups, groups * x.shape[1]), -1):
        yield (slice(samples.start * groups, samples.stop * groups),)
