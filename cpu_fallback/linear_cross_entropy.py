"""Cross-entropy of a linear layer's scores, which are made for a chunk of rows at a time and never all at once.

Half precision is multiplied in float32. The layer's weight is widened a slab of classes at a time, and gradients
of it are added slab by slab: beside the chunk of scores nothing large is held.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tritonnn.cpu_fallback import loss
from tritonnn.cpu_fallback._blocks import wide
from tritonnn.cpu_fallback.linalg import ready

Array = np.ndarray[Any, Any]

SLAB = 1 << 20  # elements of the layer's weight that are worked on at once


def fused_linear_cross_entropy(
    out: Array, shift: Array, sumexp: Array, total_weight: Array, input: Array, linear_weight: Array,
    linear_bias: Array | None, target: Array, weight: Array | None, ignore_index: int, label_smoothing: float,
    reduction: str, chunking: Any,
) -> None:  # fmt: skip
    """The loss, and for backward shift and sum(exp(x - shift)) of every row and the sum of the weights."""
    scores = _workspace(input, linear_weight, chunking)
    chunks = list(_slices(len(input), chunking.rows))
    sums = np.zeros((2, len(chunks)))
    for k, rows in enumerate(chunks):
        x = scores[: rows.stop - rows.start]
        _score(x, ready(input[rows]), linear_weight, linear_bias)
        each = reduction == "none"
        loss.fused_cross_entropy(
            out[rows] if each else sums[0, k, ...], shift[rows], sumexp[rows], sums[1, k, ...], x, target[rows],
            weight, ignore_index, label_smoothing, "none" if each else "sum",
        )  # fmt: skip
    total, weights = sums.sum(axis=1)
    total_weight[...] = weights
    if reduction != "none":
        out[...] = total / weights if reduction == "mean" else total


def fused_linear_cross_entropy_backward(
    grad_input: Array, grad_weight: Array, grad_bias: Array, grad: Array, input: Array, linear_weight: Array,
    linear_bias: Array | None, target: Array, weight: Array | None, shift: Array, sumexp: Array,
    total_weight: Array, ignore_index: int, label_smoothing: float, reduction: str, chunking: Any,
    mask: tuple[bool, bool, bool],
) -> None:  # fmt: skip
    """The gradients that `mask` asks for, of the input, the layer's weight and its bias.

    With half precision and sums in float32, what a reduced loss receives is multiplied in at the very end: as a
    factor of every score's gradient it would make them underflow.
    """
    late = chunking.sums.np.itemsize > input.itemsize and reduction != "none"
    received, how = (np.ones((), sumexp.dtype), "sum") if late else (grad, reduction)
    direct = grad_weight.dtype == chunking.sums.np and grad_weight.flags.c_contiguous
    added = grad_weight if direct else np.empty(linear_weight.shape if mask[1] else (0,), chunking.sums.np)
    bias_sum = np.zeros(len(linear_weight))
    scores = _workspace(input, linear_weight, chunking)
    for rows in _slices(len(input), chunking.rows):
        x = ready(input[rows])
        d = scores[: rows.stop - rows.start]
        _score(d, x, linear_weight, linear_bias)
        loss.fused_cross_entropy_backward(
            d, received[rows] if reduction == "none" else received, d, target[rows], weight, shift[rows],
            sumexp[rows], total_weight, ignore_index, label_smoothing, how,
        )  # fmt: skip
        d = ready(d)
        if mask[0]:
            _finish(grad_input[rows], _times_weight(d, linear_weight), grad, total_weight, reduction, late)
        if mask[1]:
            _add_products(added, d, x, rows.start == 0)
        if mask[2]:
            bias_sum += d.sum(axis=0, dtype=np.float64)
    if mask[1]:
        if not len(input):
            added[...] = 0
        if late or not direct:
            for classes in _slabs(linear_weight):
                _finish(grad_weight[classes], added[classes], grad, total_weight, reduction, late)
    if mask[2]:
        _finish(grad_bias, bias_sum, grad, total_weight, reduction, late)


def _slices(count: int, step: int) -> Iterator[slice]:
    for start in range(0, count, step):
        yield slice(start, min(start + step, count))


def _slabs(linear_weight: Array) -> Iterator[slice]:
    classes, features = linear_weight.shape
    return _slices(classes, max(1, SLAB // max(1, features)))


def _workspace(input: Array, linear_weight: Array, chunking: Any) -> Array:
    return np.empty((min(len(input), chunking.rows), len(linear_weight)), chunking.scores.np)


def _score(scores: Array, x: Array, linear_weight: Array, bias: Array | None) -> None:
    """scores = x @ linear_weight.T + bias."""
    for classes in _slabs(linear_weight):
        part = scores[:, classes]
        same = part.dtype == x.dtype
        made = np.matmul(x, ready(linear_weight[classes]).T, out=part if same else None)
        if bias is not None:
            made += bias[classes].astype(x.dtype, copy=False)
        if not same:
            np.copyto(part, made, casting="unsafe")


def _times_weight(d: Array, linear_weight: Array) -> Array:
    """d @ linear_weight."""
    total = np.zeros((len(d), linear_weight.shape[1]), d.dtype)
    for classes in _slabs(linear_weight):
        total += d[:, classes] @ ready(linear_weight[classes])
    return total


def _add_products(total: Array, d: Array, x: Array, first: bool) -> None:
    """total (+)= d.T @ x."""
    for classes in _slabs(total):
        part, a = total[classes], d[:, classes].T
        if first and part.dtype == d.dtype:
            np.matmul(a, x, out=part)
        elif first:
            np.copyto(part, a @ x, casting="unsafe")
        else:
            np.copyto(part, a @ x + part, casting="unsafe")


def _finish(out: Array, sums: Array, grad: Array, total_weight: Array, reduction: str, late: bool) -> None:
    """out = sums times what the loss receives, where the sums are without it."""
    if late:
        factor = grad.astype(wide(grad.dtype))
        if reduction == "mean":
            with np.errstate(divide="ignore", invalid="ignore"):
                factor = factor / total_weight
                # Without any weight every gradient is 0, and stays so.
                sums = np.where((sums == 0) & (total_weight == 0), 0, sums * factor)
        else:
            sums = sums * factor
    np.copyto(out, sums, casting="unsafe")
