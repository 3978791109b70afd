"""Losses. The elementwise ones are reduced block by block, in float64 between the blocks.

Cross-entropy reads the scores once in each direction: forward keeps two numbers of every sample, a shift and
sum(exp(x - shift)), and backward computes the probabilities again from them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tritonnn.cpu_fallback.common.blocks import (
    BLOCK,
    Scratch,
    along,
    asum,
    exp_shifted,
    short_buffer,
    steps,
    wide,
)
from tritonnn.cpu_fallback.common.pool import spread

Array = np.ndarray[Any, Any]


# ---- elementwise losses ---------------------------------------------------------------------------------


def mse_reduced(out: Array, input: Array, target: Array, reduction: str) -> None:
    """(x - y)^2."""

    def block(d: Array, x: Array, y: Array) -> None:
        np.subtract(x, y, out=d)
        np.multiply(d, d, out=d)

    _reduced(out, block, (input, target), reduction)


def l1_reduced(out: Array, input: Array, target: Array, reduction: str) -> None:
    """|x - y|."""

    def block(d: Array, x: Array, y: Array) -> None:
        np.subtract(x, y, out=d)
        np.abs(d, out=d)

    _reduced(out, block, (input, target), reduction)


def huber_reduced(out: Array, input: Array, target: Array, reduction: str, delta: float) -> None:
    """(x - y)^2 / 2 where |x - y| < delta, else delta * (|x - y| - delta / 2)."""

    _reduced(out, _bounded(input, delta, 1.0), (input, target), reduction)


def smooth_l1_reduced(out: Array, input: Array, target: Array, reduction: str, beta: float) -> None:
    """(x - y)^2 / (2 beta) where |x - y| < beta, else |x - y| - beta / 2; |x - y| for beta 0."""
    if beta == 0:
        l1_reduced(out, input, target, reduction)
        return

    _reduced(out, _bounded(input, beta, 1 / beta), (input, target), reduction)


def _bounded(input: Array, bound: float, scale: float) -> Callable[[Array, Array, Array], None]:
    """Quadratic up to `bound`, linear above, times `scale`."""
    dtype = wide(input.dtype)
    size = min(input.size, BLOCK)
    limit = np.full(size, bound, dtype)  # minimum with an array is vectorised, with a number it is not
    small, half = np.empty(size, dtype), np.empty(size, dtype)

    def block(d: Array, x: Array, y: Array) -> None:
        m, h = small[: d.size], half[: d.size]
        np.subtract(x, y, out=d)
        np.abs(d, out=d)
        # With m = min(|d|, bound) both branches are m * (|d| - m / 2).
        np.minimum(d, limit[: d.size], out=m)
        np.multiply(m, dtype.type(0.5), out=h)
        np.subtract(d, h, out=d)
        # scaled before the product, which may be beyond the largest number where the scaled one is not
        if scale != 1:
            np.multiply(m, dtype.type(scale), out=m)
        np.multiply(d, m, out=d)

    return block


def bce_reduced(out: Array, input: Array, target: Array, weight: Array | None, reduction: str) -> None:
    """-w (y log x + (1 - y) log(1 - x)), logarithms not below -100.

    Raises:
        RuntimeError: an element of the input or the target is outside [0, 1].
    """
    for name, values in (("input", input), ("target", target)):
        if values.size and not (values.min() >= 0 and values.max() <= 1):
            bad = values[~((values >= 0) & (values <= 1))].reshape(-1)[0]
            raise RuntimeError(
                f"binary_cross_entropy: all elements of {name} should be between 0 and 1, but one is {bad}"
            )

    def block(d: Array, x: Array, y: Array, w: Array | None = None) -> None:
        # PyTorch's bound: losses of probabilities of 0 and 1 stay finite
        floor = d.dtype.type(-100)
        np.log(x, out=d)
        np.maximum(d, floor, out=d)
        d *= y
        log_1mx = np.log1p(-x)
        np.maximum(log_1mx, floor, out=log_1mx)
        log_1mx *= 1 - y
        d += log_1mx
        np.negative(d, out=d)
        if w is not None:
            d *= w

    _reduced(out, block, (input, target) if weight is None else (input, target, weight), reduction)


def bce_with_logits_reduced(
    out: Array, input: Array, target: Array, weight: Array | None, pos_weight: Array | None, reduction: str
) -> None:
    """w ((1 - y) x + (1 + (p - 1) y) log(1 + exp(-x))), which is stable for every x."""

    def block(d: Array, x: Array, y: Array, *more: Array) -> None:
        # log(1 + exp(-x)) = log1p(exp(-|x|)) + max(-x, 0)
        np.abs(x, out=d)
        np.negative(d, out=d)
        np.exp(d, out=d)
        np.log1p(d, out=d)
        d += np.maximum(-x, 0)
        if pos_weight is not None:
            d *= (more[-1] - 1) * y + 1
        d += (1 - y) * x
        if weight is not None:
            d *= more[0]

    extra = tuple(a for a in (weight, pos_weight) if a is not None)
    _reduced(out, block, (input, target, *extra), reduction)


def _reduced(out: Array, block: Callable[..., None], operands: tuple[Array, ...], reduction: str) -> None:
    """Apply `block(result, *operands)` to parts of equally shaped operands and store or sum the results."""
    dtype = wide(operands[0].dtype)
    flat = [np.ascontiguousarray(a).reshape(-1) for a in operands]
    size = flat[0].size
    if reduction == "none":
        target = out.reshape(-1) if out.flags.c_contiguous else np.empty(size, out.dtype)
    work = Scratch(dtype)
    total = 0.0
    for low in range(0, size, BLOCK):
        part = [a[low : low + BLOCK].astype(dtype, copy=False) for a in flat]
        d = work(part[0].shape)
        block(d, *part)
        if reduction == "none":
            target[low : low + BLOCK] = d
        else:
            # a float64 between blocks: rounding of a sum over millions stays that of a block
            total += float(d.sum())
    if reduction == "none":
        if not out.flags.c_contiguous:
            out[...] = target.reshape(out.shape)
    else:
        out[...] = total if reduction == "sum" else np.float64(total) / size


# ---- negative log-likelihood ----------------------------------------------------------------------------


def nll_loss(
    out: Array,
    total_weight: Array,
    input: Array,
    target: Array,
    weight: Array | None,
    ignore_index: int,
    reduction: str,
) -> None:
    """-w[y] x[y] of every sample; `total_weight` is the sum of w[y], by which "mean" divides.

    `input` is (C), (N, C) or (N, C, *), `target` (), (N) or (N, *).
    """
    x = _classes_last(input)
    y, w, ignored = _checked("nll_loss", target, x.shape[-1], weight, ignore_index, wide(input.dtype))
    picked = _pick(x, y[..., None], -1)[..., 0] if x.shape[-1] else np.zeros(y.shape)
    # in float64, in which the sum over all samples then runs
    losses = -picked.astype(np.float64) * w
    _finish(out, total_weight, losses, w, ignored, reduction)


def nll_loss_backward(
    out: Array,
    grad: Array,
    target: Array,
    weight: Array | None,
    total_weight: Array,
    shape: tuple[int, ...],
    ignore_index: int,
    reduction: str,
) -> None:
    """The gradient with respect to the input: -w[y] at every sample's class, else 0."""
    out[...] = 0
    gx = _classes_last(out)
    y, w, ignored = _checked("nll_loss", target, gx.shape[-1], weight, ignore_index, wide(out.dtype))
    if not out.size:
        return
    values = -w * _per_sample(grad, total_weight, reduction)
    if ignored is not None:
        values = np.where(ignored, 0, values)
    np.put_along_axis(gx, y[..., None], values[..., None].astype(out.dtype), -1)


PASSES = 5  # over an element, about


def fused_cross_entropy(
    out: Array,
    shift: Array,
    sumexp: Array,
    total_weight: Array,
    input: Array,
    target: Array,
    weight: Array | None,
    ignore_index: int,
    label_smoothing: float,
    reduction: str,
) -> None:
    """Cross-entropy of scores with classes: nll_loss of log_softmax, without the latter in memory.

    `shift` and `sumexp` give the logsumexp of every sample, shift + log(sumexp), without rounding it. With
    smoothing e every sample adds e / C * sum_c w[c] (logsumexp - x[c]) and the rest counts 1 - e.
    """
    axis, (x,) = along(1 if input.ndim > 1 else 0, input)
    dtype = sumexp.dtype
    classes = x.shape[axis]
    y, w, ignored = _checked("cross_entropy", target, classes, weight, ignore_index, dtype)
    if not x.size:
        shift[...] = sumexp[...] = 0
        _finish(out, total_weight, np.zeros(target.shape), w, ignored, reduction)
        return
    losses = np.empty(target.shape, np.float64)
    side = _side(x.shape, axis)
    ys, ws, ls = y.reshape(side), w.reshape(side), losses.reshape(side)
    shifts, sums = shift.reshape(side), sumexp.reshape(side)
    scratch = Scratch(dtype)
    ones = np.ones(classes, dtype)
    per_class = ones if weight is None else weight.astype(dtype)
    whole_class = per_class.sum(dtype=np.float64)

    def work(index: tuple[slice, ...]) -> None:
        xb = x[index]
        e = scratch(xb.shape)
        shifts[index] = exp_shifted(xb, e, axis)
        sums[index] = asum(e, axis, ones)
        # In float64 from here on: a small loss is a difference of large numbers.
        log = np.log(sums[index].astype(np.float64))
        top = shifts[index].astype(np.float64)
        # top - x first: the difference cancels without rounding
        difference = top - _pick(xb, ys[index], axis)
        loss = (log + difference) * ws[index]
        if label_smoothing:
            np.copyto(e, xb)
            smoothed = whole_class * (log + top) - asum(e, axis, per_class)
            loss = (1 - label_smoothing) * loss + label_smoothing / classes * smoothed
        ls[index] = loss

    with short_buffer(x.shape[-1], x.size):
        spread(work, list(steps(x.shape, axis)), PASSES * x.size)
    _finish(out, total_weight, losses, w, ignored, reduction)


def fused_cross_entropy_backward(
    out: Array, grad: Array, input: Array, target: Array, weight: Array | None, shift: Array, sumexp: Array,
    total_weight: Array, ignore_index: int, label_smoothing: float, reduction: str,
) -> None:  # fmt: skip
    """softmax(x) * a - onehot(y) * b - w * d with a, b and d numbers of each sample."""
    result = out if out.flags.c_contiguous else np.empty(out.shape, out.dtype)
    axis, (x, gx) = along(1 if input.ndim > 1 else 0, input, result)
    dtype = sumexp.dtype
    classes = x.shape[axis]
    y, w, ignored = _checked("cross_entropy", target, classes, weight, ignore_index, dtype)
    if not classes:
        return
    g = _per_sample(grad, total_weight, reduction).astype(dtype, copy=False)
    per_class = np.ones(classes, dtype) if weight is None else weight.astype(dtype)
    at_class = (1 - label_smoothing) * g * w
    at_all = np.broadcast_to(label_smoothing / max(classes, 1) * g, y.shape)
    side = _side(x.shape, axis)
    scale = (at_class + at_all * per_class.sum()) / sumexp
    per_sample: list[Array] = [v.reshape(side) for v in (y, shift, scale, at_class, at_all)]
    hidden = None if ignored is None else ignored.reshape(side)
    scratch = Scratch(dtype)

    def work(index: tuple[slice, ...]) -> None:
        ys, top, a, b, d = (v[index] for v in per_sample)
        o = gx[index]
        e = o if o.dtype == dtype and o.flags.c_contiguous else scratch(o.shape)
        # a shift of 0 throughout: scores that exp takes as they are (`exp_shifted`)
        if top.any():
            np.subtract(x[index], top, out=e, dtype=dtype)
            np.exp(e, out=e)
        else:
            np.exp(x[index], out=e, dtype=dtype)
        np.multiply(e, a, out=e)
        # one element of each sample: no array of onehot(y)
        np.put_along_axis(e, ys, _pick(e, ys, axis) - b, axis)
        if label_smoothing:
            e -= d * (per_class if axis == -1 else per_class[:, None])
        if hidden is not None:
            # overwritten, not multiplied: an ignored sample's scores may be NaN
            np.copyto(e, 0, where=hidden[index])
        if e is not o:
            o[...] = e

    with short_buffer(x.shape[-1], x.size):
        spread(work, list(steps(x.shape, axis)), PASSES * x.size)
    if result is not out:
        out[...] = result


def _pick(x: Array, classes: Array, axis: int) -> Array:
    """The element of each sample's class; the axis is kept."""
    if x.ndim == 2 and axis == -1:
        return x[np.arange(len(x)), classes[:, 0]][:, None]
    return np.take_along_axis(x, classes, axis)


def _side(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    """The shape of what is one number per sample beside blocks of `shape`."""
    return (*shape[:-1], 1) if axis == -1 else (shape[0], 1, shape[2])


def _classes_last(x: Array) -> Array:
    """(C), (N, C) or (N, C, *) as a view with the classes last."""
    return x if x.ndim < 2 else np.moveaxis(x, 1, -1)


def _checked(
    op: str, target: Array, classes: int, weight: Array | None, ignore_index: int, dtype: np.dtype[Any]
) -> tuple[Array, Array, Array | None]:
    """Classes with those to ignore set to 0, the weight of every sample, and which are ignored if any.

    Raises:
        IndexError: a target that is not ignored is no class.
    """
    is_ignored = target == ignore_index
    ignored = is_ignored if is_ignored.any() else None
    # 0 stands for the ignored: a class that can be looked up; their weight becomes 0 below
    y = (target if ignored is None else np.where(ignored, 0, target)).astype(np.int64, copy=False)
    if y.size and (y.min() < 0 or y.max() >= classes):
        bad = y[((y < 0) | (y >= classes)) & ~is_ignored].reshape(
            -1
        )  # 0 is no class either where there are none
        if bad.size:
            raise IndexError(f"{op}: Target {bad[0]} is out of bounds: the input has {classes} classes")
    w = (
        np.ones(y.shape, dtype)
        if weight is None or not classes
        else np.asarray(weight.astype(dtype, copy=False)[y])
    )
    return y, w if ignored is None else np.where(ignored, dtype.type(0), w), ignored


def _finish(
    out: Array, total_weight: Array, losses: Array, w: Array, ignored: Array | None, reduction: str
) -> None:
    if ignored is not None:  # whatever their scores are
        losses = np.where(ignored, 0, losses)
    total_weight[...] = total = w.sum(dtype=np.float64)
    if reduction == "none":
        out[...] = losses
    elif reduction == "sum":
        out[...] = losses.sum()
    else:
        out[...] = losses.sum() / total


def _per_sample(grad: Array, total_weight: Array, reduction: str) -> Array:
    """The incoming gradient of each sample's loss, or of all."""
    g = grad.astype(wide(grad.dtype), copy=False)
    return g / total_weight if reduction == "mean" else g
