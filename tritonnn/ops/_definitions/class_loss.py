"""Definitions in NumPy of the losses of classes: cross-entropies, divergence, and the sum over all alignments."""

from __future__ import annotations

import itertools
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = Any


def reduced(losses: Array, reduction: str, count: Any = None) -> Array:
    """'none', 'sum', or 'mean': the sum divided by `count` (default: the number of losses)."""
    if reduction == "none":
        return losses
    return losses.sum() / ({"sum": 1, "mean": losses.size}[reduction] if count is None else count)


def _rows(scores: Array) -> Array:
    """Scores (C), (N, C) or (N, C, *) with the classes last."""
    return scores if scores.ndim == 1 else np.moveaxis(scores, 1, -1)


def nll_loss(
    input: Array, target: Array, weight: Array | None, ignore_index: int, reduction: str,
    label_smoothing: float = 0.0,
) -> Array:  # fmt: skip
    """-w[y] x[y], a share of it spread over all classes; a mean divides by the sum of w[y]."""
    rows = _rows(input)
    classes = rows.shape[-1]
    factors = np.ones(classes) if weight is None else weight
    losses, weights = np.zeros(target.shape), np.zeros(target.shape)
    for at in np.ndindex(*target.shape):
        y = target[at]
        if y != ignore_index:
            weights[at] = factors[y]
            even = (factors * rows[at]).sum() * label_smoothing / classes
            losses[at] = -(1 - label_smoothing) * factors[y] * rows[at][y] - even
    return reduced(losses, reduction, weights.sum() if reduction == "mean" else None)


def cross_entropy(
    input: Array, target: Array, weight: Array | None, ignore_index: int, reduction: str,
    label_smoothing: float,
) -> Array:  # fmt: skip
    """-log softmax(x)[y], or -sum of p log softmax(x) of class probabilities p."""
    rows = _rows(input)
    logs = rows - np.log(np.exp(rows).sum(-1, keepdims=True))
    if target.shape != input.shape:
        logs = logs if input.ndim == 1 else np.moveaxis(logs, -1, 1)
        return nll_loss(logs, target, weight, ignore_index, reduction, label_smoothing)
    shares = _rows(target) * (1 - label_smoothing) + label_smoothing / rows.shape[-1]
    return reduced(-(logs * shares * (1 if weight is None else weight)).sum(-1), reduction)


def kl_div(input: Array, target: Array, reduction: str, log_target: bool) -> Array:
    y = np.exp(target) if log_target else target
    losses = y * (np.log(np.where(y > 0, y, 1)) - input)  # 0 log 0 is 0
    if reduction == "batchmean":
        return losses.sum() / len(input)
    return reduced(losses, reduction)


def binary_cross_entropy(input: Array, target: Array, weight: Array | None, reduction: str) -> Array:
    logs = [np.maximum(np.log(p), -100) for p in (input, 1 - input)]
    losses = -(target * logs[0] + (1 - target) * logs[1])
    return reduced(losses if weight is None else losses * weight, reduction)


def binary_cross_entropy_with_logits(
    input: Array, target: Array, weight: Array | None, pos_weight: Array | None, reduction: str
) -> Array:
    p = 1 / (1 + np.exp(-input))
    losses = -((1 if pos_weight is None else pos_weight) * target * np.log(p) + (1 - target) * np.log(1 - p))
    return reduced(losses if weight is None else losses * weight, reduction)


def ctc_loss(
    log_probs: Array, targets: Array, input_lengths: Any, target_lengths: Any, blank: int, reduction: str,
    zero_infinity: bool,
) -> Array:  # fmt: skip
    """Every path of labels and blanks that spells the target, one by one."""
    batched = log_probs.ndim == 3
    frames = log_probs if batched else log_probs[:, None]
    losses = []
    for n, (steps, length) in enumerate(zip(input_lengths, target_lengths, strict=True)):
        first = sum(target_lengths[:n])
        target = tuple(targets[n][:length] if targets.ndim == 2 else targets[first : first + length])
        total = 0.0
        for path in itertools.product(range(frames.shape[2]), repeat=steps):
            if tuple(label for label, _ in itertools.groupby(path) if label != blank) == target:
                total += np.exp(sum(frames[t, n, label] for t, label in enumerate(path)))
        losses.append(-np.log(total) if total or not zero_infinity else 0.0)
    per_sample = np.array(losses)
    if reduction == "mean":
        per_sample = per_sample / np.maximum(target_lengths, 1)
    return reduced(per_sample if batched else per_sample[0], reduction)
