"""Scaled dot-product attention in blocks of heads and queries whose scores stay in the cache.

Forward: p = exp(s - max) is not normalised; p @ v is divided by the sum of p instead (a head is narrower
than a row of scores). Only log(sum(exp(s))) is kept; backward computes p = exp(s - logsumexp) again.
Source: Vaswani et al., "Attention is all you need", 2017; Dao et al., "FlashAttention", 2022 (the
recomputation).

Dropout: the probability of key j for query row r (counted over batch, heads and queries) is dropped by word
j of the Philox stream that starts at offset + r * stride, stride being the number of keys rounded up to a
multiple of four.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tritonnn.cpu_fallback.common.blocks import BLOCK, amax, asum, short_buffer, wide
from tritonnn.cpu_fallback.common.philox import philox

Array = np.ndarray[Any, Any]

# Queries of a causal block (keys after its last query are not looked at), and the fewest of another one:
# thinner matrix products are slower than scores that leave the second-level cache.
_STEP = 128


def attention(
    out: Array,
    logsumexp: Array,
    query: Array,
    key: Array,
    value: Array,
    attn_mask: Array | None,
    dropout_p: float,
    seed: int,
    offset: int,
    is_causal: bool,
    scale: float,
) -> None:
    """softmax(q k^T * scale + mask) v with q (B, H, L, E), k (B, Hk, S, E), v (B, Hk, S, Ev), mask (B, H,
    L, S).

    Hk divides H: neighbouring query heads share a head of keys. A row that sees no key gives zeros and a
    logsumexp of -inf.
    """
    if key.shape[2] == 0 or out.size == 0:
        out[...], logsumexp[...] = 0, -np.inf
        return
    problem = _Problem(query, key, attn_mask, dropout_p, seed, offset, is_causal, scale)
    # heads are taken apart by reshaping, and results written to a copy of `out` would be lost
    o_dense = out if out.flags.c_contiguous else np.empty(out.shape, out.dtype)
    o, lse = _heads(o_dense), logsumexp.reshape(-1, problem.seqlen_q)
    with short_buffer(problem.seqlen_k, problem.workspace.size):
        for heads in problem.head_blocks():
            q, k, v = problem.scaled(query, heads), problem.kv(key, heads), problem.kv(value, heads)
            for rows, keys in problem.row_blocks():
                s = problem.scores(q, k, heads, rows, keys)
                row_max = amax(s, -1)
                # a row that sees no key: -inf - -inf would be NaN
                row_max[np.isneginf(row_max)] = 0
                np.subtract(s, row_max, out=s)
                np.exp(s, out=s)
                row_sum = asum(s, -1, np.ones(keys, s.dtype))
                lse[heads, rows] = (np.log(row_sum) + row_max)[..., 0]
                # and its output is 0 / 1
                row_sum[row_sum == 0] = 1
                # v is multiplied before the division: a row of features is shorter than one of keys
                acc = np.matmul(problem.drop(s, heads, rows), v[:, :keys])
                np.divide(acc, row_sum, out=o[heads, rows], casting="same_kind")
    if o_dense is not out:
        out[...] = o_dense


def attention_backward(
    grad_query: Array,
    grad_key: Array,
    grad_value: Array,
    grad: Array,
    query: Array,
    key: Array,
    value: Array,
    attn_mask: Array | None,
    out: Array,
    logsumexp: Array,
    dropout_p: float,
    seed: int,
    offset: int,
    is_causal: bool,
    scale: float,
) -> None:
    """Gradients of attention with respect to query, key and value."""
    if key.shape[2] == 0 or grad.size == 0:
        grad_query[...], grad_key[...], grad_value[...] = 0, 0, 0
        return
    problem = _Problem(query, key, attn_mask, dropout_p, seed, offset, is_causal, scale)
    dq = np.empty(query.shape, grad_query.dtype)
    dk, dv = np.zeros(key.shape, problem.dtype), np.zeros(value.shape, problem.dtype)
    lse = logsumexp.reshape(-1, problem.seqlen_q, 1)
    with short_buffer(problem.seqlen_k, problem.workspace.size):
        for heads in problem.head_blocks():
            do, o = problem.cast(_heads(grad)[heads]), problem.cast(_heads(out)[heads])
            # A row that saw nothing has no probabilities: exp(s - inf) is zero.
            lse_block = np.where(np.isneginf(lse[heads]), np.inf, lse[heads]).astype(
                problem.dtype, copy=False
            )
            operands = (
                problem.scaled(query, heads),
                problem.kv(key, heads),
                problem.kv(value, heads),
                do,
                lse_block,
                # delta: the sum of p dp over the keys, which out holds summed already
                np.vecdot(do, o)[..., None],
            )
            grads = [np.empty_like(operands[0]), np.zeros_like(operands[1]), np.zeros_like(operands[2])]
            for rows, keys in problem.row_blocks():
                _backward_block(problem, grads, operands, heads, rows, keys)
            _heads(dq)[heads] = grads[0]
            problem.add_kv_grad(_heads(dk), grads[1], heads)
            problem.add_kv_grad(_heads(dv), grads[2], heads)
    grad_query[...], grad_key[...], grad_value[...] = dq, dk, dv


def attention_packed(
    out: Array,
    logsumexp: Array,
    query: Array,
    key: Array,
    value: Array,
    first_query: Array,
    first_key: Array,
    used_keys: Array | None,
    longest_queries: int,
    longest_keys: int,
    behind: int,
    ahead: int,
    softcap: float,
    scale: float,
) -> None:
    """Attention within each of the sequences that lie one after another; (T, H, E), (S, Hk, E), (S, Hk, Ev).

    A query sees `behind` keys before its own and `ahead` after it, all for -1; the last query's own key is the
    last one.
    """
    for i in range(len(first_query) - 1):
        rows, keys = slice(first_query[i], first_query[i + 1]), slice(first_key[i], first_key[i + 1])
        if used_keys is not None:
            keys = slice(keys.start, min(keys.stop, keys.start + used_keys[i]))
        q, k, v, o = (x.swapaxes(0, 1)[None] for x in (query[rows], key[keys], value[keys], out[rows]))
        lse, (length, count) = logsumexp[None, :, rows], (q.shape[2], k.shape[2])
        place = np.arange(count) - np.arange(length)[:, None] - (count - length)
        after, before = (n if n >= 0 else count + length for n in (ahead, behind))
        seen = (place <= after) & (place >= -before)
        if softcap:
            _capped(o, lse, q, k, v, seen, softcap, scale)
            continue
        # a view of `lse` whose rows lie apart would be copied by attention, and the copy be lost
        dense = np.empty(lse.shape, lse.dtype)
        mask = None if seen.all() else np.broadcast_to(seen, (1, q.shape[1], length, count))
        attention(o, dense, q, k, v, mask, 0.0, 0, 0, False, scale)
        lse[...] = dense


def _capped(
    out: Array,
    logsumexp: Array,
    q: Array,
    k: Array,
    v: Array,
    seen: Array,
    softcap: float,
    scale: float,
) -> None:
    """Attention to the keys that are seen with scores softcap tanh(score / softcap), head by head."""
    dtype, group = wide(q.dtype), q.shape[1] // k.shape[1]
    for head in range(q.shape[1]):
        keys, values = (x[0, head // group].astype(dtype) for x in (k, v))
        s = q[0, head].astype(dtype) @ keys.T * dtype.type(scale / softcap)
        s = np.where(seen, np.tanh(s) * dtype.type(softcap), -np.inf)
        top = s.max(-1, keepdims=True, initial=-np.inf)
        top[np.isneginf(top)] = 0
        p = np.exp(s - top)
        total = p.sum(-1, keepdims=True)
        with np.errstate(divide="ignore"):
            logsumexp[0, head] = (np.log(total) + top)[..., 0]
        total[total == 0] = 1
        out[0, head] = p @ values / total


def attention_blocks(
    out: Array,
    logsumexp: Array,
    query: Array,
    key: Array,
    value: Array,
    seen: Array,
    some: Array,
    some_indices: Array,
    whole: Array | None,
    whole_indices: Array | None,
    rows: int,
    keys: int,
    scale: float,
) -> None:
    """Attention to the keys that are seen; the lists of blocks say nothing more, and here save nothing."""
    attention(out, logsumexp, query, key, value, seen, 0.0, 0, 0, False, scale)


def _backward_block(
    problem: _Problem, grads: list[Array], operands: tuple[Array, ...], heads: slice, rows: slice, keys: int
) -> None:
    """Fill in the gradients of a block's queries and add its share to those of keys and values."""
    q, k, v, do, lse, delta = operands
    s = problem.scores(q, k, heads, rows, keys)
    np.subtract(s, lse[:, rows], out=s)
    np.exp(s, out=s)
    p_drop = problem.drop(s, heads, rows)
    # the blocks of queries of a head come one after another, so the order of these sums is fixed
    grads[2][:, :keys] += np.matmul(p_drop.swapaxes(1, 2), do[:, rows])
    # ds = p * (keep / (1 - dropout_p) * dp - delta) with dp = do v^T; p * keep / (1 - dropout_p) is `p_drop`
    if p_drop is s:
        dp = np.matmul(do[:, rows], v[:, :keys].swapaxes(1, 2), out=problem.work(1, s.shape))
        np.subtract(dp, delta[:, rows], out=dp)
        np.multiply(s, dp, out=s)
    else:
        np.multiply(p_drop, np.matmul(do[:, rows], v[:, :keys].swapaxes(1, 2)), out=p_drop)
        np.multiply(s, delta[:, rows], out=s)
        np.subtract(p_drop, s, out=s)
    grads[1][:, :keys] += np.matmul(s.swapaxes(1, 2), q[:, rows])
    dq = np.matmul(s, k[:, :keys])
    np.multiply(dq, problem.dtype.type(problem.scale), out=grads[0][:, rows])


def _heads(x: Array) -> Array:
    """(B, H, L, E) as (B * H, L, E)."""
    return x.reshape(x.shape[0] * x.shape[1], *x.shape[2:])


class _Problem:
    """What forward and backward share: the arguments, the blocks, the scratch memory and the masks."""

    def __init__(
        self,
        query: Array,
        key: Array,
        mask: Array | None,
        dropout_p: float,
        seed: int,
        offset: int,
        is_causal: bool,
        scale: float,
    ) -> None:
        self.dtype = wide(query.dtype)
        self.heads, self.seqlen_q = query.shape[1], query.shape[2]
        self.count = query.shape[0] * self.heads
        self.seqlen_k = key.shape[2]
        self.group = self.heads // key.shape[1]
        self.causal, self.scale, self.mask = is_causal, scale, mask
        self.dropout_p, self.seed, self.offset = dropout_p, seed, offset
        self.step = min(self.seqlen_q, _STEP if is_causal else max(_STEP, BLOCK // self.seqlen_k))
        # as many heads as keep their scores in the cache; of long sequences one, and a step of its queries
        self.heads_per_block = min(max(1, BLOCK // (self.seqlen_q * self.seqlen_k)), self.count)
        self.workspace = np.empty((2, self.heads_per_block * self.step * self.seqlen_k), self.dtype)
        self.bias: Array | None = None
        self.causal_mask: tuple[slice, Array] | None = None

    def head_blocks(self) -> Iterator[slice]:
        for low in range(0, self.count, self.heads_per_block):
            yield slice(low, min(low + self.heads_per_block, self.count))

    def row_blocks(self) -> Iterator[tuple[slice, int]]:
        """Slices of queries, and the number of keys that any of them can see."""
        for low in range(0, self.seqlen_q, self.step):
            high = min(low + self.step, self.seqlen_q)
            yield slice(low, high), min(high, self.seqlen_k) if self.causal else self.seqlen_k

    def work(self, number: int, shape: tuple[int, ...]) -> Array:
        """Scratch for the scores of a block."""
        return self.workspace[number, : shape[0] * shape[1] * shape[2]].reshape(shape)

    def cast(self, x: Array) -> Array:
        """In the type to compute in, contiguous: fit for a matrix product."""
        return np.ascontiguousarray(x, dtype=self.dtype)

    def scaled(self, query: Array, heads: slice) -> Array:
        return _heads(query)[heads] * self.dtype.type(self.scale)

    def kv(self, x: Array, heads: slice) -> Array:
        """Keys or values of these query heads."""
        if self.group == 1:
            return self.cast(_heads(x)[heads])
        # a copy of the shared keys for every query head: the products are batched over these
        return self.cast(_heads(x)[np.arange(heads.start, heads.stop) // self.group])

    def add_kv_grad(self, total: Array, parts: Array, heads: slice) -> None:
        """Add the gradients of these query heads' keys or values where they belong."""
        if self.group == 1:
            total[heads] = parts
            return
        # head by head: one after another they add to the same keys
        for head, part in zip(range(heads.start, heads.stop), parts, strict=True):
            total[head // self.group] += part

    def scores(self, q: Array, k: Array, heads: slice, rows: slice, keys: int) -> Array:
        """Scaled and masked scores of a block; `q` is scaled already."""
        s = self.work(0, (len(q), rows.stop - rows.start, keys))
        np.matmul(q[:, rows], k[:, :keys].swapaxes(1, 2), out=s)
        if self.mask is not None:
            np.add(s, self._bias(heads, rows, keys), out=s)
        if self.causal:
            self._hide_future(s, rows, keys)
        return s

    def _hide_future(self, s: Array, rows: slice, keys: int) -> None:
        """Query i sees the keys up to i: before the block's first query there is nothing to hide."""
        first_key = min(rows.start, keys)
        if self.causal_mask is None or self.causal_mask[0] != rows:
            visible = np.tri(s.shape[1], keys - first_key, rows.start - first_key, dtype=bool)
            self.causal_mask = rows, np.where(visible, 0, -np.inf).astype(s.dtype)
        # added, not selected: one pass over a corner of the scores, and NaN stays NaN
        s[..., first_key:] += self.causal_mask[1]

    def _bias(self, heads: slice, rows: slice, keys: int) -> Array:
        """The mask as numbers to add; made once where all heads share it."""
        mask = self.mask
        assert mask is not None
        if (mask.strides[0] == 0 and mask.strides[1] == 0) or mask.shape[0] * mask.shape[1] == 1:
            if self.bias is None:
                self.bias = self._numbers(mask[0, 0])
            return self.bias[rows, :keys]
        number = np.arange(heads.start, heads.stop)
        return self._numbers(mask[number // self.heads, number % self.heads, rows, :keys])

    def _numbers(self, mask: Array) -> Array:
        if mask.dtype == np.bool_:
            mask = np.where(mask, self.dtype.type(0), self.dtype.type(-np.inf))
        return mask.astype(self.dtype, copy=False)

    def drop(self, p: Array, heads: slice, rows: slice) -> Array:
        """p with dropout applied, in the second work array; p itself where there is none."""
        if self.dropout_p == 0:
            return p
        p_drop = self.work(1, p.shape)
        if self.dropout_p == 1:
            p_drop.fill(0)
            return p_drop
        stride = -(-self.seqlen_k // 4)
        starts = (np.arange(heads.start, heads.stop) * self.seqlen_q + rows.start) * stride + (
            self.offset >> 2
        )
        # the same counters as on the GPU, a whole number of them a row of scores
        counters = starts[:, None] + np.arange(p.shape[1] * stride)
        words = philox(self.seed, counters.astype(np.uint64).reshape(-1))
        words = words.reshape(*p.shape[:2], stride * 4)[..., : p.shape[2]]
        keep = words >= np.uint32(min(round(self.dropout_p * 2.0**32), 0xFFFFFFFF))
        np.multiply(p, self.dtype.type(1 / (1 - self.dropout_p)), out=p_drop)
        np.multiply(p_drop, keep, out=p_drop)
        return p_drop
