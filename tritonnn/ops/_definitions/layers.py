"""Definitions in NumPy of layers: batch norms, attention, embeddings, distances."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = Any

# ---- normalisation --------------------------------------------------------------------------------------


def _per_channel(values: Any, x: Array) -> Any:
    return values.reshape(1, -1, *[1] * (x.ndim - 2))


def _standardised(
    x: Array, mean: Array, var: Array, weight: Array | None, bias: Array | None, eps: float
) -> Array:
    normalised = (x - mean) / np.sqrt(var + eps)
    normalised = normalised if weight is None else normalised * _per_channel(weight, x)
    return normalised if bias is None else normalised + _per_channel(bias, x)


def _over(
    dims: tuple[int, ...], x: Array, own: bool, mean: Array | None, var: Array | None, weight: Array | None,
    bias: Array | None, eps: float,
) -> Array:  # fmt: skip
    if own:
        mean, var = x.mean(dims, keepdims=True), x.var(dims, keepdims=True)
    else:
        mean, var = _per_channel(mean, x), _per_channel(var, x)
    return _standardised(x, mean, var, weight, bias, eps)


def batch_norm(
    input: Array, weight: Array | None, bias: Array | None, running_mean: Array | None,
    running_var: Array | None, training: bool, eps: float,
) -> Array:  # fmt: skip
    dims = (0, *range(2, input.ndim))
    return _over(dims, input, training, running_mean, running_var, weight, bias, eps)


def instance_norm(
    input: Array, weight: Array | None, bias: Array | None, running_mean: Array | None,
    running_var: Array | None, use_input_stats: bool, eps: float,
) -> Array:  # fmt: skip
    dims = tuple(range(2, input.ndim))
    return _over(dims, input, use_input_stats, running_mean, running_var, weight, bias, eps)


def local_response_norm(input: Array, size: int, alpha: float, beta: float, k: float) -> Array:
    """b[c] = a[c] / (k + alpha / size sum of a[j]^2 over channels c - size // 2 <= j < c + (size + 1) // 2)^beta."""
    result = np.empty_like(input)
    for c in range(input.shape[1]):
        near = input[:, max(c - size // 2, 0) : c + (size + 1) // 2]
        result[:, c] = input[:, c] / (k + alpha / size * (near**2).sum(1)) ** beta
    return result


# ---- attention ------------------------------------------------------------------------------------------


def attention(
    query: Array, key: Array, value: Array, attn_mask: Array | None, is_causal: bool, scale: float | None,
    enable_gqa: bool,
) -> Array:  # fmt: skip
    """softmax(q k^T scale + mask) v (Vaswani et al. 2017); a query that sees no key gets zeros."""
    if enable_gqa:
        key, value = (np.repeat(x, query.shape[-3] // x.shape[-3], -3) for x in (key, value))
    scores = query @ np.swapaxes(key, -2, -1) * (1 / np.sqrt(query.shape[-1]) if scale is None else scale)
    if is_causal:
        scores = np.where(np.tri(*scores.shape[-2:]) > 0, scores, -np.inf)
    if attn_mask is not None:
        scores = np.where(attn_mask, scores, -np.inf) if attn_mask.dtype == bool else scores + attn_mask
    shares = np.exp(scores)
    total = shares.sum(-1, keepdims=True)
    return np.where(total > 0, shares / total, 0) @ value


# ---- embeddings -----------------------------------------------------------------------------------------


_BAGS: dict[str, Any] = {"sum": np.sum, "mean": np.mean, "max": np.max}


def embedding_bag(
    input: Array, weight: Array, offsets: Array | None, mode: str, per_sample_weights: Array | None,
    include_last_offset: bool, padding_idx: int | None,
) -> Array:  # fmt: skip
    """The sum, mean or maximum of the rows of each bag but those of `padding_idx`; zeros for an empty one."""
    if input.ndim == 2:
        bags = [range(i * input.shape[1], (i + 1) * input.shape[1]) for i in range(len(input))]
    else:
        first = [] if offsets is None else list(offsets)
        ends = first if include_last_offset else [*first, len(input)]
        bags = [range(a, b) for a, b in pairwise(ends)]
    flat = input.reshape(-1)
    factors = np.ones(flat.size) if per_sample_weights is None else per_sample_weights.reshape(-1)
    output = np.zeros((len(bags), weight.shape[1]))
    for row, bag in enumerate(bags):
        rows = [weight[flat[i]] * factors[i] for i in bag if flat[i] != padding_idx]
        if rows:
            output[row] = _BAGS[mode](rows, 0)
    return output


# ---- distances ------------------------------------------------------------------------------------------


def norm(x: Array, p: float, dim: int = -1, keepdim: bool = False) -> Array:
    """(sum of |x|^p)^(1 / p)."""
    return (np.abs(x) ** p).sum(dim, keepdims=keepdim) ** (1 / p)


def pairwise_distance(x1: Array, x2: Array, p: float, eps: float, keepdim: bool) -> Array:
    return norm(x1 - x2 + eps, p, -1, keepdim)


def cosine_similarity(x1: Array, x2: Array, dim: int, eps: float) -> Array:
    a, b = np.broadcast_arrays(x1, x2)
    return (a * b).sum(dim) / (np.maximum(norm(a, 2, dim), eps) * np.maximum(norm(b, 2, dim), eps))


def normalize(input: Array, p: float, dim: int, eps: float) -> Array:
    return input / np.maximum(norm(input, p, dim, True), eps)


def cdist(x1: Array, x2: Array, p: float) -> Array:
    return norm(x1[..., :, None, :] - x2[..., None, :, :], p)


def pdist(input: Array, p: float) -> Array:
    count = len(input)
    return np.array([norm(input[i] - input[j], p) for i in range(count) for j in range(i + 1, count)])
