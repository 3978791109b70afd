"""Definitions in NumPy of losses and normalisations; `reference=` of their entries."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = Any


def _reduced(
    loss: Array, reduction: str, size_average: bool | None = None, reduce: bool | None = None
) -> Array:
    """Mean, sum or the losses themselves; the older arguments override."""
    if size_average is not None or reduce is not None:
        reduction = "none" if reduce is False else "sum" if size_average is False else "mean"
    return loss if reduction == "none" else loss.sum() if reduction == "sum" else loss.sum() / loss.size


# ---- regression -------------------------------------------------------------------------------------------


def _weighted(loss: Array, weight: Array | None, reduction: str) -> Array:
    """A weighted mean divides by the weights' sum."""
    if weight is not None and reduction == "mean":
        return (loss * weight).sum() / weight.sum()
    return _reduced(loss if weight is None else loss * weight, reduction)


def mse_loss(input: Array, target: Array, reduction: str, weight: Array | None) -> Array:
    """(x - y)²."""
    return _weighted((input - target) ** 2, weight, reduction)


def l1_loss(input: Array, target: Array, reduction: str, weight: Array | None) -> Array:
    """|x - y|."""
    return _weighted(np.abs(input - target), weight, reduction)


def smooth_l1_loss(input: Array, target: Array, reduction: str, beta: float) -> Array:
    """d² / (2 beta) below beta, else d - beta / 2, of d = |x - y|."""
    d = np.abs(input - target)
    return _reduced(np.where(d < beta, d**2 / (2 * beta), d - beta / 2), reduction)


def huber_loss(input: Array, target: Array, reduction: str, delta: float, weight: Array | None) -> Array:
    """d² / 2 up to delta, else delta (d - delta / 2), of d = |x - y|; a weighted mean divides by the number."""
    d = np.abs(input - target)
    loss = np.where(d <= delta, d**2 / 2, delta * (d - delta / 2))
    return _reduced(loss if weight is None else loss * weight, reduction)


def poisson_nll_loss(
    input: Array, target: Array, log_input: bool, full: bool, eps: float, reduction: str
) -> Array:
    """Mean - y log(mean), and Stirling's y log y - y + log(2 π y) / 2 for log(y!) where y > 1."""
    loss = np.exp(input) - target * input if log_input else input - target * np.log(input + eps)
    if full:
        y = np.where(target > 1, target, 1)
        loss = loss + np.where(target > 1, y * np.log(y) - y + np.log(2 * math.pi * y) / 2, 0)
    return _reduced(loss, reduction)


def gaussian_nll_loss(
    input: Array, target: Array, var: Array | None, full: bool, eps: float, reduction: str
) -> Array:
    """-log of the normal density, without its constant unless `full`."""
    var = np.asarray(var)
    v = np.maximum(var[..., None] if var.shape == input.shape[:-1] and var.ndim else var, eps)
    return _reduced((np.log(v) + (input - target) ** 2 / v) / 2 + full * math.log(2 * math.pi) / 2, reduction)


# ---- margins ----------------------------------------------------------------------------------------------


def hinge_embedding_loss(input: Array, target: Array, margin: float, reduction: str) -> Array:
    """x where y is 1, max(0, margin - x) where y is -1."""
    return _reduced(np.where(target == 1, input, np.maximum(0, margin - input)), reduction)


def margin_ranking_loss(input1: Array, input2: Array, target: Array, margin: float, reduction: str) -> Array:
    """max(0, -y (x1 - x2) + margin)."""
    return _reduced(np.maximum(0, -target * (input1 - input2) + margin), reduction)


def cosine_embedding_loss(
    input1: Array, input2: Array, target: Array, margin: float, reduction: str
) -> Array:
    """1 - cos where y is 1, max(0, cos - margin) where y is -1."""
    sizes = np.linalg.norm(input1, axis=-1) * np.linalg.norm(input2, axis=-1)
    cosine = (input1 * input2).sum(-1) / sizes
    return _reduced(np.where(target == 1, 1 - cosine, np.maximum(0, cosine - margin)), reduction)


def soft_margin_loss(input: Array, target: Array, reduction: str) -> Array:
    """log(1 + exp(-y x))."""
    return _reduced(np.log(1 + np.exp(-target * input)), reduction)


def _samplewise(input: Array, loss_of: Any, reduction: str) -> Array:
    """The loss of every sample, `loss_of(place)`, reduced."""
    losses = np.array([loss_of(place) for place in np.ndindex(input.shape[:-1])])
    return _reduced(losses.reshape(input.shape[:-1]), reduction)


def multi_margin_loss(
    input: Array, target: Array, p: int, margin: float, weight: Array | None, reduction: str
) -> Array:
    """Σ_j≠y w[y] max(0, margin - x[y] + x[j])^p / C."""

    def loss_of(place: Any) -> float:
        x, y = input[place], int(target[place])
        w = 1 if weight is None else weight[y]
        return sum(w * max(0, margin - x[y] + x[j]) ** p for j in range(len(x)) if j != y) / len(x)

    return _samplewise(input, loss_of, reduction)


def multilabel_margin_loss(input: Array, target: Array, reduction: str) -> Array:
    """Σ_y Σ_j max(0, 1 - x[y] + x[j]) / C over the classes y before -1 and the classes j that are not among them."""

    def loss_of(place: Any) -> float:
        x, named = input[place], [*target[place], -1]
        named = named[: named.index(-1)]
        others = [j for j in range(len(x)) if j not in named]
        return sum(max(0, 1 - x[y] + x[j]) for y in named for j in others) / len(x)

    return _samplewise(input, loss_of, reduction)


def multilabel_soft_margin_loss(input: Array, target: Array, weight: Array | None, reduction: str) -> Array:
    """-Σ_c w_c (y log s + (1 - y) log(1 - s)) / C with s = 1 / (1 + exp(-x))."""
    s = 1 / (1 + np.exp(-input))
    loss = -(target * np.log(s) + (1 - target) * np.log(1 - s))
    return _reduced((loss if weight is None else loss * weight).sum(-1) / input.shape[-1], reduction)


def _triplet(distances: list[Array], margin: float, swap: bool, reduction: str) -> Array:
    near, far, swapped = distances
    return _reduced(np.maximum(0, near - (np.minimum(far, swapped) if swap else far) + margin), reduction)


def triplet_margin_loss(
    anchor: Array, positive: Array, negative: Array, margin: float, p: float, eps: float, swap: bool,
    reduction: str,
) -> Array:  # fmt: skip
    """max(0, d(a, p) - d(a, n) + margin) with d(x, y) = (Σ |x - y + eps|^p)^(1/p)."""
    distance = lambda x, y: (np.abs(x - y + eps) ** p).sum(-1) ** (1 / p)
    pairs = (anchor, positive), (anchor, negative), (positive, negative)
    return _triplet([distance(x, y) for x, y in pairs], margin, swap, reduction)


def triplet_margin_with_distance_loss(
    anchor: Array, positive: Array, negative: Array, distance_function: Any, margin: float, swap: bool,
    reduction: str,
) -> Array:  # fmt: skip
    """As `triplet_margin_loss`; the samples' distance is |x - y| summed."""
    if distance_function is None:
        return triplet_margin_loss(anchor, positive, negative, margin, 2, 1e-6, swap, reduction)
    pairs = (anchor, positive), (anchor, negative), (positive, negative)
    return _triplet([np.abs(x - y).sum(-1) for x, y in pairs], margin, swap, reduction)


# ---- classes ----------------------------------------------------------------------------------------------


def linear_cross_entropy(
    input: Array, linear_weight: Array, target: Array, linear_bias: Array | None, weight: Array | None, reduction: str,
    ignore_index: int | None, label_smoothing: float,
) -> Array:  # fmt: skip
    """-Σ_c w_c q_c log softmax(x W^T + b)_c, with q the target, smoothed; the mean is over the targets' weights."""
    classes = linear_weight.shape[0]
    scores = np.tensordot(input, linear_weight, ((-1,), (-1,))) + (0 if linear_bias is None else linear_bias)
    scores = np.moveaxis(scores, input.ndim - 1, -1)  # the classes last
    logs = scores - np.log(np.exp(scores).sum(-1, keepdims=True))
    w = np.ones(classes) if weight is None else weight
    if target.dtype.kind == "f":
        q = np.moveaxis(target, input.ndim - 1, -1)
        q = q * (1 - label_smoothing) + label_smoothing / classes
        losses = -(w * q * logs).sum(-1)
        return _reduced(losses, "sum") / losses.size if reduction == "mean" else _reduced(losses, reduction)
    kept = target != (-100 if ignore_index is None else ignore_index)
    one_hot = np.eye(classes)[np.where(kept, target, 0)]
    share = one_hot * (1 - label_smoothing) + label_smoothing / classes
    losses = np.where(kept, -(w * share * logs).sum(-1), 0)
    counted = np.where(kept, w[np.where(kept, target, 0)], 0)
    return losses.sum() / counted.sum() if reduction == "mean" else _reduced(losses, reduction)


# ---- normalisation ----------------------------------------------------------------------------------------


def layer_norm(
    input: Array, normalized_shape: Any, weight: Array | None, bias: Array | None, eps: float
) -> Array:
    """(x - E[x]) / √(E[(x - E[x])²] + eps) · weight + bias."""
    axes = tuple(range(-len(normalized_shape), 0))
    centred = input - input.mean(axes, keepdims=True)
    normal = centred / np.sqrt((centred**2).mean(axes, keepdims=True) + eps)
    return normal * (1 if weight is None else weight) + (0 if bias is None else bias)


def rms_norm(input: Array, normalized_shape: Any, weight: Array | None, eps: float | None) -> Array:
    """x / √(E[x²] + eps) · weight."""
    axes = tuple(range(-len(normalized_shape), 0))
    kind = np.float64 if input.dtype == np.float64 else np.float32
    eps = float(np.finfo(kind).eps) if eps is None else eps
    return input / np.sqrt((input**2).mean(axes, keepdims=True) + eps) * (1 if weight is None else weight)


def group_norm(input: Array, num_groups: int, weight: Array | None, bias: Array | None, eps: float) -> Array:
    """`layer_norm` of each group of channels."""
    grouped = input.reshape(input.shape[0], num_groups, -1)
    normal = layer_norm(grouped, grouped.shape[2:], None, None, eps).reshape(input.shape)
    channels = (-1, *[1] * (input.ndim - 2))
    normal = normal if weight is None else normal * weight.reshape(channels)
    return normal if bias is None else normal + bias.reshape(channels)
