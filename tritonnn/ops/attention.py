"""Scaled dot-product attention."""

from __future__ import annotations

import math
from typing import Any

from tritonnn import dtypes
from tritonnn._levels import HOOKS, batching
from tritonnn._levels import state as transforms
from tritonnn._tensor import Tensor
from tritonnn.device import device as Device
from tritonnn.errors import Invalid, fail
from tritonnn.ops._arguments import tensors_only
from tritonnn.ops._attention_formula import formula_grads
from tritonnn.ops._definitions import layers as definitions
from tritonnn.ops._fused import Grads, on_demand, only_floating, statistics_dtype
from tritonnn.ops._table import FLOATING, Bad, Out, Sample, composite, primitive
from tritonnn.ops.creation.from_data import tensor as make_tensor
from tritonnn.recording.grad_mode import state
from tritonnn.shape import broadcast_shapes, numel
from tritonnn.table import Make
from tritonnn.table.types import Ints


def _attention_grads(
    g: Tensor, query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None, result: Tensor,
    logsumexp: Tensor, dropout_p: float, seed: int, offset: int, is_causal: bool, scale: float,
    needs: tuple[bool, ...],
) -> Grads:  # fmt: skip
    fixed = (None,) * 5
    if state.enabled or needs[3]:
        return *formula_grads(
            g, query, key, value, attn_mask, dropout_p, seed, offset, is_causal, scale, needs[3]
        ), *fixed
    mask = (needs[0], needs[1], needs[2])
    grads = attention_backward(
        g, query, key, value, attn_mask, result, logsumexp, dropout_p, seed, offset, is_causal, scale
    )
    return *[grad if wanted else None for grad, wanted in zip(grads, mask, strict=True)], None, *fixed


def _samples(make: Make) -> list[Sample]:
    def call(
        q: Ints, k: Ints, v: Ints, mask: Tensor | None = None, causal: bool = False, p: float = 0.0
    ) -> Sample:
        return Sample(make(q), make(k), make(v), mask, p, 5, 16, causal, 0.5)

    return [
        call((2, 2, 3, 4), (2, 2, 5, 4), (2, 2, 5, 3)), call((1, 2, 6, 4), (1, 2, 6, 4), (1, 2, 6, 4),
        causal=True),
        call((2, 4, 3, 4), (2, 2, 5, 4), (2, 2, 5, 4), make.bool(2, 4, 3, 5)),
        call((1, 2, 3, 4), (1, 2, 5, 4), (1, 2, 5, 4), make(1, 2, 3, 5)),
        call((1, 2, 5, 4), (1, 2, 6, 4), (1, 2, 6, 4), p=0.4),
        call((1, 1, 70, 8), (1, 1, 90, 8), (1, 1, 90, 8), causal=True),
    ]  # fmt: skip


@primitive(
    public="scaled_dot_product_attention",
    results=("result", "logsumexp"), non_differentiable=("logsumexp",), samples=_samples,
    preserved=("query", "key", "value", "attn_mask", "result"),
    backward=lambda g, query, key, value, attn_mask, result, logsumexp, dropout_p, seed, offset, is_causal,
    scale,
    needs: _attention_grads(g, query, key, value, attn_mask, result, logsumexp, dropout_p, seed, offset,
    is_causal,
                            scale, needs),
)  # fmt: skip
def attention(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None, dropout_p: float, seed: int,
    offset: int,
    is_causal: bool, scale: float,
) -> Any:  # fmt: skip
    """softmax(q kᵀ · scale + mask) v of (B, H, L, E), (B, Hk, S, E), (B, Hk, S, Ev) and the logsumexp of
    every row.
    """
    for name, tensor in (("query", query), ("key", key), ("value", value)):
        only_floating(tensor, name)
    rows = tuple(query.shape)[:3]
    if attn_mask is not None:
        attn_mask = attn_mask.expand(*rows, key.shape[2])
    outs = (Out((*rows, value.shape[3]), query.dtype), Out(rows, statistics_dtype(query.dtype)))
    return outs, (query, key, value, attn_mask, dropout_p, seed, offset, is_causal, scale)


@primitive(results=("grad_query", "grad_key", "grad_value"))
def attention_backward(
    grad: Tensor, query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None, out: Tensor,
    logsumexp: Tensor, dropout_p: float, seed: int, offset: int, is_causal: bool, scale: float,
) -> Any:  # fmt: skip
    """The gradients of attention with respect to query, key and value."""
    return on_demand(
        (query.shape, key.shape, value.shape), (True,) * 3, (query.dtype, key.dtype, value.dtype)
    )


def _packed_samples(make: Make) -> list[Sample]:
    def limits(*numbers: int) -> Tensor:
        return make_tensor(list(numbers), dtype=dtypes.int32, device=make.device)

    q, k, v = make(10, 4, 4), make(8, 2, 4), make(8, 2, 3)
    firsts = (limits(0, 2, 2, 7, 10), limits(0, 3, 4, 8, 8))
    return [
        Sample(q, k, v, *firsts, None, 5, 4, -1, -1, 0.0, 0.5),
        Sample(q, k, v, *firsts, limits(2, 1, 3, 0), 5, 4, -1, 0, 0.0, 0.5),
        Sample(q, k, v, *firsts, None, 8, 4, 1, 2, 0.0, 0.5), Sample(q, k, v, *firsts, None, 5, 4, -1, 0, 1.5, 0.5),
    ]  # fmt: skip


@primitive(results=("result", "logsumexp"), samples=_packed_samples)
def attention_packed(
    query: Tensor, key: Tensor, value: Tensor, first_query: Tensor, first_key: Tensor, used_keys: Tensor | None,
    longest_queries: int, longest_keys: int, behind: int, ahead: int, softcap: float, scale: float,
) -> Any:  # fmt: skip
    """Attention within sequences one after another, (T, H, E), (S, Hk, E), (S, Hk, Ev), and the logsumexp (H, T).

    `first_query`, `first_key`: where each sequence begins, and the last ends; `used_keys` of its keys are there. A
    query sees `behind` keys before its own and `ahead` after it, all for -1; the last query's own key is the last one.
    Scores are `softcap` tanh(score / softcap), where that is not 0.
    """
    rows, heads = tuple(query.shape)[:2]
    outs = (
        Out((rows, heads, value.shape[2]), query.dtype),
        Out((heads, rows), statistics_dtype(query.dtype)),
    )
    limits = (
        first_query.contiguous(),
        first_key.contiguous(),
        None if used_keys is None else used_keys.contiguous(),
    )
    return outs, (
        query, key, value, *limits, longest_queries, longest_keys, behind, ahead, float(softcap), float(scale)
    )  # fmt: skip


def _block_samples(make: Make) -> list[Sample]:
    """40 queries and 70 keys in blocks of 32: the first row sees some of block 0 and all of 1, the other some of 2."""
    q, k, v = make(2, 2, 40, 8), make(2, 1, 70, 8), make(2, 1, 70, 4)
    seen = make.bool(2, 1, 40, 70)
    block = [[[[True, False, False], [False, False, True]]]]
    listed = make_tensor(block, dtype=dtypes.bool_, device=make.device)
    listed = listed.repeat_interleave(32, 2).repeat_interleave(32, 3)[:, :, :40, :70]
    whole = make_tensor([[[[False, True, False], [False] * 3]]], dtype=dtypes.bool_, device=make.device)
    whole = whole.repeat_interleave(32, 2).repeat_interleave(32, 3)[:, :, :40, :70]

    def numbers(values: list[Any]) -> Tensor:
        return make_tensor([[values]], dtype=dtypes.int32, device=make.device)

    partly = (numbers([1, 1]), numbers([[0, 1, 2], [2, 0, 1]]))
    return [
        Sample(
            q,
            k,
            v,
            seen & listed | whole,
            *partly,
            numbers([1, 0]),
            numbers([[1, 0, 2], [0, 1, 2]]),
            32,
            32,
            0.2,
        ),
        Sample(q, k, v, seen & listed, *partly, None, None, 32, 32, 0.2),
        Sample(q, k, v, seen & listed, *partly, None, None, 33, 32, -0.2),
    ]


@primitive(results=("result", "logsumexp"), samples=_block_samples)
def attention_blocks(
    query: Tensor, key: Tensor, value: Tensor, seen: Tensor, some: Tensor, some_indices: Tensor, whole: Tensor | None,
    whole_indices: Tensor | None, rows: int, keys: int, scale: float,
) -> Any:  # fmt: skip
    """Attention to the keys that are `seen`, (B, H, L, S), whose blocks of `rows` queries and `keys` keys are listed.

    `some`, `whole` (B, H, rows of blocks): how many blocks the queries of a row see in part, and whole; `*_indices`
    (B, H, rows of blocks, places) which, no block twice. What a kernel skips is not seen, so lists change no result.
    """
    batch, heads, length = tuple(query.shape)[:3]
    outs = (Out((batch, heads, length, value.shape[3]), query.dtype),
            Out((batch, heads, length), statistics_dtype(query.dtype)))  # fmt: skip

    def lists(counts: Tensor | None, indices: Tensor | None) -> tuple[Any, Any]:
        if counts is None or indices is None:
            return None, None
        return (
            counts.to(dtypes.int32).expand(batch, heads, *counts.shape[2:]),
            indices.to(dtypes.int32).contiguous().expand(batch, heads, *indices.shape[2:]),
        )

    return outs, (
        query, key, value, seen.expand(batch, heads, length, key.shape[2]), *lists(some, some_indices),
        *lists(whole, whole_indices), rows, keys, float(scale),
    )  # fmt: skip


# ---- what users call --------------------------------------------------------------------------------------

_NAME = "scaled_dot_product_attention"


def _check(query: Tensor, key: Tensor, value: Tensor, mask: Any, dropout_p: float, is_causal: bool) -> None:
    if not (isinstance(query, Tensor) and isinstance(key, Tensor) and isinstance(value, Tensor)):
        tensors_only(_NAME, query=query, key=key, value=value)
    message = ""
    q, k, v = tuple(query.shape), tuple(key.shape), tuple(value.shape)
    if not query.dtype is key.dtype is value.dtype:
        message = "Expected query, key, and value to have the same dtype"
    elif not query.device is key.device is value.device:
        message = "Expected query, key, and value to have the same device type"
    elif len(q) < 2 or len(k) < 2 or len(v) < 2:
        message = "Expected query, key, and value to all be at least 2 dimensional"
    elif q[-1] != k[-1]:
        message = f"query has {q[-1]} features but key has {k[-1]}"
    elif k[-2] != v[-2]:
        message = f"key has {k[-2]} positions but value has {v[-2]}"
    elif not 0 <= dropout_p <= 1:
        message = f"dropout probability has to be between 0 and 1, but got {dropout_p}"
    elif mask is not None and is_causal:
        message = "Explicit attn_mask should not be set when is_causal=True"
    elif mask is not None and mask.dtype is not dtypes.bool_ and mask.dtype is not query.dtype:
        message = (
            "Expected attn_mask dtype to be bool or float or to match query dtype, but got attn_mask.dtype: "
            f"{mask.dtype} and query.dtype: {query.dtype}"
        )
    if message:
        raise fail(_NAME, message, query=query, key=key, value=value)


def _batched(x: Tensor, lead: tuple[int, ...]) -> Tensor:
    """(*, L, E) with its leading dimensions expanded to `lead` and brought to exactly two."""
    shape = tuple(x.shape)
    if shape[:-2] != lead:
        x = x.expand(*lead, *shape[-2:])
    if len(lead) == 2:
        return x
    if len(lead) < 2:
        return x.view(*(1,) * (2 - len(lead)), *x.shape)
    return x.reshape(numel(lead[:-1]), *x.shape[-3:])


def _lead_of_mask(mask: Tensor, lead: tuple[int, ...], rows: int, keys: int) -> Tensor:
    """A mask broadcast to (B, H, L, S) without copying where it can be."""
    try:
        full = mask.expand(*lead, rows, keys)
    except RuntimeError:
        raise fail(
            _NAME,
            f"attn_mask of shape {tuple(mask.shape)} does not broadcast to the scores' {(*lead, rows, keys)}",
            attn_mask=mask,
        ) from None  # fmt: skip
    return _batched(full, lead)


def _draw(words: int, device: Device) -> tuple[int, int]:
    """Seed and offset of that many words of the generator's stream."""
    from tritonnn.random import generator_for

    return generator_for(device).reserve(words)


def _call_samples(make: Make) -> list[Sample]:
    return [
        Sample(make(2, 3, 4, 8), make(2, 3, 5, 8), make(2, 3, 5, 6)), Sample(make(3, 4), make(5, 4), make(5,
        2)),
        Sample(make(2, 4, 8), make(2, 4, 8), make(2, 4, 8), is_causal=True),
        Sample(make(2, 4, 5, 8), make(2, 2, 6, 8), make(2, 2, 6, 8), enable_gqa=True, scale=0.3),
        Sample(make(2, 1, 4, 8), make(1, 3, 5, 8), make(1, 3, 5, 8), make(4, 5)),
        Sample(make(2, 2, 2, 3, 4), make(2, 2, 2, 3, 4), make(2, 2, 2, 3, 4), make.bool(2, 1, 1, 3, 3)),
    ]  # fmt: skip


def _call_errors(make: Make) -> list[Bad]:
    q = make(2, 3, 4)
    return [
        Bad(q, make(2, 3, 5), q, match="query has 4 features but key has 5"),
        Bad(q, make(2, 5, 4), q, match="key has 5 positions but value has 3"),
        Bad(q, q, q, make(3, 3), is_causal=True,
        match="Explicit attn_mask should not be set when is_causal=True"),
        Bad(q, q, q, make.int(3, 3), match="Expected attn_mask dtype to be bool or float"),
        Bad(q, q, q, make.bool(4, 4), match="does not broadcast"),
        Bad(q, q, q, dropout_p=1.5, match="between 0 and 1"),
        Bad(q, "a", q, error=TypeError, match="'key' .*must be Tensor, not str"),
        Bad(make(4), q, q, match="at least 2 dimensional"),
        Bad(make(1, 3, 3, 4), make(1, 2, 3, 4), make(1, 2, 3, 4), enable_gqa=True, match="divisible"),
    ]  # fmt: skip


@composite(
    api="functional",
    dtypes=FLOATING,
    samples=_call_samples,
    errors=_call_errors,
    reference=definitions.attention,
)
def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, dropout_p: float = 0.0,
    is_causal: bool = False, scale: float | None = None, enable_gqa: bool = False,
) -> Tensor:  # fmt: skip
    """softmax(q kᵀ · scale + mask) v (Vaswani et al. 2017), without the scores in memory (Dao et al. 2022).

    Args:
        query: (*, H, L, E).
        key: (*, H, S, E); leading dimensions broadcast.
        value: (*, H, S, Ev).
        attn_mask: broadcasts to (*, H, L, S); bool: True where a key is seen; else of the query's dtype,
        and added.
            A row that sees no key gives zeros.
        dropout_p: probability to drop a weight. It applies whenever it is not zero: pass 0 in evaluation.
        is_causal: query i sees keys up to i.
        scale: 1 / √E by default.
        enable_gqa: key and value may have fewer heads, a divisor of the query's; neighbouring heads share
        one.

    Returns:
        (*, H, L, Ev).

    Raises:
        RuntimeError: shapes, dtypes or devices that do not fit, or a mask together with `is_causal`.

    >>> import tritonnn as torch
    >>> q = k = v = torch.eye(2).view(1, 2, 2)
    >>> torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    tensor([[[1.0000, 0.0000],
             [0.3302, 0.6698]]])
    """
    stand_in: Any = getattr(
        attn_mask, "_in_attention", None
    )  # of a CausalBias, which stands above this floor
    if stand_in is not None:
        attn_mask, is_causal = stand_in(query, key, is_causal)
    _check(query, key, value, attn_mask, dropout_p, is_causal)
    *_, rows, features = query.shape
    keys, width = tuple(value.shape)[-2:]
    if scale is None:
        scale = 1 / math.sqrt(features) if features else 1.0
    lead, shared = _leads(query, key, value, enable_gqa)
    if attn_mask is not None:
        attn_mask = _lead_of_mask(attn_mask, lead, rows, keys)
    seed = offset = 0
    if dropout_p > 0:
        times = 1
        if transforms.stack and batching():
            query, times = HOOKS["unsure"](query)
        seed, offset = _draw(numel(lead) * rows * (-(-keys // 4) * 4) * times, query.device)
    result = attention(
        _batched(query, lead), _batched(key, shared), _batched(value, shared), attn_mask, float(dropout_p), seed,
        offset, bool(is_causal), float(scale),
    )[0]  # fmt: skip
    return result if len(lead) == 2 else result.view(*lead, rows, width)


def _leads(query: Tensor, key: Tensor, value: Tensor, gqa: bool) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The leading dimensions of the query and of key and value after broadcasting."""
    leads = [tuple(t.shape)[:-2] for t in (query, key, value)]
    if leads[0] == leads[1] == leads[2]:
        return leads[0], leads[0]
    tensors: dict[str, Any] = {"query": query, "key": key, "value": value}
    heads = [lead[-1] if lead else 1 for lead in leads]
    try:
        if gqa and heads[0] != heads[1]:
            if heads[1] != heads[2] or heads[1] == 0 or heads[0] % heads[1]:
                raise Invalid(
                    "the number of heads of the query must be divisible by that of key and value with "
                    f"enable_gqa, got {heads[0]}, {heads[1]} and {heads[2]}"
                )
            outer = broadcast_shapes(*[lead[:-1] for lead in leads])
            return (*outer, heads[0]), (*outer, heads[1])
        lead = tuple(broadcast_shapes(*leads))
    except Invalid as invalid:
        raise fail(_NAME, str(invalid), **tensors) from None
    return lead, lead
