"""The gradients of attention from matrix products, which have derivatives of their own."""

from __future__ import annotations

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.ops._fused import Grads, raised

MINUS_INFINITY = float("-inf")


def formula_grads(
    g: Tensor, query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None, dropout_p: float,
    seed: int,
    offset: int, is_causal: bool, scale: float, mask_wanted: bool,
) -> Grads:  # fmt: skip
    """The gradients from matrix products, with derivatives of their own, and that of a mask to add."""
    g, q, k, v = raised(g, query, key, value)
    group = q.shape[1] // max(k.shape[1], 1)
    k, v = _repeat_heads(k, group), _repeat_heads(v, group)
    p = _probabilities(q, k, attn_mask, is_causal, scale)
    keep = _kept(q, k, dropout_p, seed, offset)
    dropped = p if keep is None else p * keep
    gp = g @ v.transpose(-2, -1)
    if keep is not None:
        gp = gp * keep
    gs = p * (gp - (gp * p).sum(-1, True))
    grads = (gs @ k * scale, gs.transpose(-2, -1) @ q * scale, dropped.transpose(-2, -1) @ g)
    return grads[0], _sum_heads(grads[1], group), _sum_heads(grads[2], group), gs if mask_wanted else None


def _probabilities(q: Tensor, k: Tensor, attn_mask: Tensor | None, is_causal: bool, scale: float) -> Tensor:
    scores = q @ k.transpose(-2, -1) * scale
    if is_causal:
        seen = scores.detach().new_ones(scores.shape[-2:], dtype=dtypes.bool_).tril()
        scores = scores.masked_fill(seen.logical_not(), MINUS_INFINITY)
    if attn_mask is not None:
        if attn_mask.dtype is dtypes.bool_:
            scores = scores.masked_fill(attn_mask.logical_not(), MINUS_INFINITY)
        else:
            scores = scores + attn_mask
    if is_causal or attn_mask is not None:  # rows that see nothing have no probabilities
        fully_masked = (scores.detach() == MINUS_INFINITY).all(-1, True)
        return scores.masked_fill(fully_masked, 0.0).softmax(-1).masked_fill(fully_masked, 0.0)
    return scores.softmax(-1)


def _kept(q: Tensor, k: Tensor, dropout_p: float, seed: int, offset: int) -> Tensor | None:
    """Zero or 1 / (1 - p) for every probability, drawn as the fused implementation draws."""
    if dropout_p == 0:
        return None
    from tritonnn.ops.random.dropout import native_dropout

    keys = k.shape[-2]
    ones = q.detach().new_ones((*q.shape[:-1], -(-keys // 4) * 4))
    return native_dropout(ones, dropout_p, seed, offset)[0].narrow(-1, 0, keys)


def _repeat_heads(x: Tensor, group: int) -> Tensor:
    if group == 1:
        return x
    batch, heads, length, width = x.shape
    wide = x.unsqueeze(2).expand(batch, heads, group, length, width)
    return wide.reshape(batch, heads * group, length, width)


def _sum_heads(x: Tensor, group: int) -> Tensor:
    if group == 1:
        return x
    batch, heads, length, width = x.shape
    return x.reshape(batch, heads // group, group, length, width).sum(2)
