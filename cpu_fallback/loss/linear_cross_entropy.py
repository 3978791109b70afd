"""Cross-entropy of a linear layer's scores, which are made for a chunk of rows at a time and never all at once.

Half precision is multiplied in float32. The layer's weight is widened a slab of classes at a time, and gradients
of it are added slab by slab: beside the chunk of scores nothing large is held.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tritonnn.cpu_fallback.common.blocks import wide
from tritonnn.cpu_fallback.linalg.linalg import ready
from tritonnn.cpu_fallback.loss import loss

Array = np.ndarray[Any, Any]

SLAB = 1 << 20  # elements of the layer's weight that are worked on at once


def fused_linear_cross_entropy(
    out: Array, shift: Array, sumexp: Array, total_weight: Array, grad_input: Array, grad_weight: Array,
    grad_bias: Array, input: Array, linear_weight: Array, linear_bias: Array | None, target: Array,
    weight: Array | None, ignore_index: int, label_smoothing: float, reduction: str, chunking: Any,
    mask: tuple[bool, bool, bool],
) -> None:  # fmt: skip
    """The loss; shift and sum(exp(x - shift)) of every row, the sum of the weights; gradients of the loss' sum."""
    each = reduction == "none"
    one = np.ones((), sumexp.dtype)
    scores = _workspace(input, linear_weight, chunking)
    gradients = _Gradients((grad_input, grad_weight, grad_bias), mask, linear_weight)
    loss_sum = weights = 0.0
    part = np.empty((2,))
    for rows in chunking.slices(len(input)):
        x, d = ready(input[rows]), scores[: rows.stop - rows.start]
        _score(d, x, linear_weight, linear_bias)
        loss.fused_cross_entropy(
            out[rows] if each else part[0, ...], shift[rows], sumexp[rows], part[1, ...], d, target[rows], weight,
            ignore_index, label_smoothing, "none" if each else "sum",
        )  # fmt: skip
        loss_sum += part[0]
        weights += part[1]
        if any(mask):
            loss.fused_cross_entropy_backward(
                d, one, d, target[rows], weight, shift[rows], sumexp[rows], total_weight, ignore_index,
                label_smoothing, "sum",
            )  # fmt: skip
            gradients.add(d, x, rows)
    gradients.store()
    total_weight[...] = weights
    if not each:
        out[...] = np.float64(loss_sum) / weights if reduction == "mean" else loss_sum


def linear_cross_entropy_backward(
    grad_input: Array, grad_weight: Array, grad_bias: Array, grad: Array, input: Array, linear_weight: Array,
    linear_bias: Array | None, target: Array, weight: Array | None, shift: Array, sumexp: Array,
    total_weight: Array, ignore_index: int, label_smoothing: float, chunking: Any, mask: tuple[bool, bool, bool],
) -> None:  # fmt: skip
    """The gradients that `mask` asks for of every row's own loss."""
    scores = _workspace(input, linear_weight, chunking)
    direct = grad_weight.dtype == chunking.sums.np or not mask[1]
    sums = grad_weight if direct else np.empty(linear_weight.shape, chunking.sums.np)
    gradients = _Gradients((grad_input, sums, grad_bias), mask, linear_weight)
    for rows in chunking.slices(len(input)):
        x, d = ready(input[rows]), scores[: rows.stop - rows.start]
        _score(d, x, linear_weight, linear_bias)
        loss.fused_cross_entropy_backward(
            d, grad[rows], d, target[rows], weight, shift[rows], sumexp[rows], total_weight, ignore_index,
            label_smoothing, "none",
        )  # fmt: skip
        gradients.add(d, x, rows)
    gradients.store()
    if not direct:
        np.copyto(grad_weight, sums, casting="unsafe")


def scale_gradient(
    out: Array, sums: Array, grad: Array, total_weight: Array | None, counted: Array | None
) -> None:
    """out = sums * grad / total_weight, a part at a time, and 0 where `counted` is."""
    kind = wide(sums.dtype)
    factor = grad.astype(kind) if total_weight is None else grad.astype(kind) / total_weight
    where = None if counted is None else np.broadcast_to(counted != 0, sums.shape)
    step = max(1, SLAB // max(1, sums[:1].size))
    for start in range(0, len(sums), step):
        part = slice(start, start + step)
        scaled = np.multiply(sums[part], factor, dtype=kind)
        # what does not count is 0 already, and stays so unless the factor is infinite or NaN
        if where is not None and not np.isfinite(factor):
            scaled[~where[part]] = 0
        np.copyto(out[part], scaled, casting="unsafe")


class _Gradients:
    """Gradients of input, weight and bias while the chunks are added up; `mask` says which."""

    def __init__(
        self, outs: tuple[Array, Array, Array], mask: tuple[bool, ...], linear_weight: Array
    ) -> None:
        self.input, self.weight, self.bias = outs
        self.mask = mask
        self.linear_weight = linear_weight
        # in float64: one number a class sums over all rows
        self.bias_sum = np.zeros(len(linear_weight) if mask[2] else 0)
        self.empty = True

    def add(self, d: Array, x: Array, rows: slice) -> None:
        """Take the gradient of a chunk's scores into account."""
        d = ready(d)
        if self.mask[0]:
            np.copyto(self.input[rows], _times_weight(d, self.linear_weight), casting="unsafe")
        if self.mask[1]:
            _add_products(self.weight, d, x, self.empty)
        if self.mask[2]:
            self.bias_sum += d.sum(axis=0, dtype=np.float64)
        self.empty = False

    def store(self) -> None:
        """Write what is not in the results yet."""
        if self.mask[1] and self.empty:
            self.weight[...] = 0
        if self.mask[2]:
            np.copyto(self.bias, self.bias_sum, casting="unsafe")


def _slabs(linear_weight: Array) -> Iterator[slice]:
    classes, features = linear_weight.shape
    step = max(1, SLAB // max(1, features))
    for start in range(0, classes, step):
        yield slice(start, min(start + step, classes))


def _workspace(input: Array, linear_weight: Array, chunking: Any) -> Array:
    return np.empty((min(len(input), chunking.rows), len(linear_weight)), chunking.scores.np)


def _score(scores: Array, x: Array, linear_weight: Array, bias: Array | None) -> None:
    """scores = x @ linear_weight.T + bias."""
    for classes in _slabs(linear_weight):
        part = scores[:, classes]
        same = part.dtype == x.dtype
        product = np.matmul(x, ready(linear_weight[classes]).T, out=part if same else None)
        if bias is not None:
            product += bias[classes].astype(x.dtype, copy=False)
        if not same:
            np.copyto(part, product, casting="unsafe")


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
