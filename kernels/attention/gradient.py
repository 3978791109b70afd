"""Gradients of scaled dot-product attention; `_backward.py` explains the algorithm and names its kernels."""

from __future__ import annotations

from typing import Any, NamedTuple

from tritonnn.buffer import Buffer
from tritonnn.kernels.attention._backward import delta_kernel
from tritonnn.kernels.attention._backward_cases import backward_cases
from tritonnn.kernels.attention._backward_keys import keys_backward_kernel
from tritonnn.kernels.attention._backward_queries import queries_backward_kernel
from tritonnn.kernels.attention._call import NO_STRIDES, Call, replayed_without_dropout
from tritonnn.kernels.attention._layout import WIDEST_DESCRIBED, describable, tiles
from tritonnn.kernels.device.moving import fill
from tritonnn.kernels.launch.launch import architecture, empty, launch, needs_int64
from tritonnn.kernels.launch.replay import replayed
from tritonnn.kernels.tables.attention import (
    FOR_KEYS,
    FOR_QUERIES,
    MOST_QUERIES,
    choose_backward,
    heads_together,
    rows_of_delta,
)


@replayed_without_dropout
def attention_backward(
    grad_query: Buffer, grad_key: Buffer, grad_value: Buffer, grad: Buffer, query: Buffer, key: Buffer,
    value: Buffer, attn_mask: Buffer | None, out: Buffer, logsumexp: Buffer, dropout_p: float, seed: int,
    offset: int, is_causal: bool, scale: float,
) -> None:  # fmt: skip
    """Gradients of attention with respect to query, key and value."""
    operands = (grad_query, grad_key, grad_value, grad, query, key, value, attn_mask, out, logsumexp)
    compute(operands, dropout_p, seed, offset, is_causal, scale)


class Options(NamedTuple):
    """What a query sees, and how scores are changed.

    Attributes:
        behind, ahead: how many keys before and after its own a query sees, -1 for all. Its own key is that of its
            number; where sequences are packed, the last query's is the last key.
        softcap: scores become softcap tanh(score / softcap); 0 for none.
        firsts: the first row of each packed sequence of queries and of keys, and one after the last; memory is
            one batch.
        longest: queries and keys of the longest of them.
    """

    behind: int = -1
    ahead: int = -1
    softcap: float = 0.0
    firsts: tuple[Buffer, Buffer] | None = None
    longest: tuple[int, int] = (0, 0)


class Backward(Call):
    """A call with its options, as the kernels of the gradients take them."""

    def apply(self, options: Options) -> None:
        """Note what limits and changes the scores."""
        packed = options.firsts is not None
        self.firsts: tuple[Buffer | None, Buffer | None] = options.firsts or (None, None)
        self.sequences = options.firsts[0].shape[0] - 1 if options.firsts else self.batch
        self.longest = options.longest if packed else (self.seqlen_q, self.seqlen_k)
        # no limit is one beyond all positions, in 32 bits
        most = self.seqlen_q + self.seqlen_k
        window = [most if n < 0 else min(n, most) for n in (options.behind, options.ahead)]
        self.limits = (*window, self.scalars[0], options.softcap or 1.0, *self.scalars[1:])
        self.constants |= {
            "WINDOW": max(options.behind, options.ahead) >= 0, "SOFTCAP": options.softcap != 0.0, "PACKED": packed,
        }  # fmt: skip
        heads, group, _, _, head_dim, head_dim_v = self.sizes
        self.sizes = (heads, group, *self.longest, head_dim, head_dim_v)


def compute(
    operands: tuple[Any, ...], dropout_p: float, seed: int, offset: int, is_causal: bool, scale: float,
    options: Options = Options(),
) -> None:  # fmt: skip
    """`attention_backward` of its ten buffers with options."""
    grad_query, grad_key, grad_value, grad, query, key, value, attn_mask, out, logsumexp = operands
    if 0 in grad.shape or 0 in key.shape[:3]:
        for grad_input in (grad_query, grad_key, grad_value):
            fill(grad_input, 0.0)
        return
    call = Backward(query, key, value, attn_mask, dropout_p, seed, offset, is_causal, scale)
    call.apply(options)
    rows = _rows(call, out, grad, logsumexp)
    _for_keys(call, grad_key, grad_value, grad, query, key, value, attn_mask, rows)
    _for_queries(call, grad_query, grad, query, key, value, attn_mask, rows)


Rows = tuple[Buffer, Buffer, int]
"""The logsumexp as a power of 2 and delta, of every query, and how many rows of each a head has."""


def _rows(call: Backward, out: Buffer, grad: Buffer, logsumexp: Buffer) -> Rows:
    padded = -(-call.seqlen_q // MOST_QUERIES) * MOST_QUERIES
    heads = call.batch * call.heads
    # one workspace for both: an allocation costs as much as a launch
    both = empty((2, heads, padded), logsumexp.dtype, logsumexp)
    half = heads * padded * logsumexp.dtype.itemsize
    lse2, delta = (
        Buffer(both.ptr + at, (heads, padded), (padded, 1), both.dtype, both.device, both.owner)
        for at in (0, half)
    )
    block = rows_of_delta(call.constants["BLOCK_V"])
    launch(
        delta_kernel, (padded // block * heads,), lse2, delta, logsumexp, out, grad, out.strides, grad.strides,
        call.heads, call.seqlen_q, call.head_dim_v, padded, ACC=call.constants["ACC"], BLOCK_M=block,
        BLOCK_V=call.constants["BLOCK_V"], INT64=needs_int64(out, grad), num_warps=4,
    )  # fmt: skip
    return lse2, delta, padded


def _for_keys(
    call: Backward, grad_key: Buffer, grad_value: Buffer, grad: Buffer, query: Buffer, key: Buffer, value: Buffer,
    mask: Buffer | None, rows: Rows,
) -> None:  # fmt: skip
    constants = _constants(call, grad, query, grad_key, grad_value)
    walked, strides = _walked(call, constants, FOR_KEYS, (grad, "BLOCK_V"), (query, "BLOCK_D"))
    lse2, delta, padded = rows
    heads = call.sequences * call.kv_heads
    launch(
        keys_backward_kernel, (-(-call.longest[1] // constants["BLOCK_N"]) * heads,), grad_key, grad_value, *walked,
        key, value, mask, lse2, delta, *call.firsts, grad_key.strides, grad_value.strides, *strides, key.strides,
        value.strides, call.mask_strides, *call.sizes, padded, heads,
        heads_together(call.constants["CAUSAL"], heads, _bytes(grad, query)), *call.limits, **constants,
    )  # fmt: skip


def _for_queries(
    call: Backward, grad_query: Buffer, grad: Buffer, query: Buffer, key: Buffer, value: Buffer, mask: Buffer | None,
    rows: Rows,
) -> None:  # fmt: skip
    constants = _constants(call, grad, query, grad_query)
    walked, strides = _walked(call, constants, FOR_QUERIES, (key, "BLOCK_D"), (value, "BLOCK_V"))
    lse2, delta, padded = rows
    heads = call.sequences * call.heads
    launch(
        queries_backward_kernel, (-(-call.longest[0] // constants["BLOCK_M"]) * heads,), grad_query, grad, query,
        *walked, mask, lse2, delta, *call.firsts, grad_query.strides, grad.strides, query.strides, *strides,
        call.mask_strides, *call.sizes, padded, heads,
        heads_together(call.constants["CAUSAL"], heads, _bytes(key, value)), *call.limits, **constants,
    )  # fmt: skip


def _constants(call: Backward, *more: Buffer) -> dict[str, Any]:
    """The kernels' constants but for the tile; `more` operands beside the call's own."""
    int64 = call.constants["INT64"] or needs_int64(*more)
    return {**call.constants, "INT64": int64}


def _walked(
    call: Backward,
    constants: dict[str, Any],
    stage: int,
    first: tuple[Buffer, str],
    second: tuple[Buffer, str],
) -> tuple[tuple, tuple]:
    """The two operands that a kernel walks over, each with its block of features, and their strides as it takes them.

    Adds to the constants whether they come as descriptors, and the tile.
    """
    buffers, widths = (first[0], second[0]), (constants[first[1]], constants[second[1]])
    arch = architecture()
    described = max(widths) <= WIDEST_DESCRIBED and not constants["PACKED"] and describable(arch, *buffers)
    plain = described and not (constants["MASK"] or constants["DROPOUT"] or constants["SOFTCAP"])
    width = max(constants["BLOCK_D"], constants["BLOCK_V"])
    limited = constants["WINDOW"] or constants["PACKED"]
    tile = choose_backward(arch, call.kind, width, stage, plain, limited)
    constants |= {
        "DESCRIBED": described, "BLOCK_M": tile.queries, "BLOCK_N": tile.keys, "num_warps": tile.warps,
        "num_stages": tile.stages,
    }  # fmt: skip
    if not described:
        return buffers, (buffers[0].strides, buffers[1].strides)
    step = tile.queries if stage == FOR_KEYS else tile.keys
    return tuple(tiles(x, step, width) for x, width in zip(buffers, widths, strict=True)), (NO_STRIDES,) * 2


def _bytes(first: Buffer, second: Buffer) -> int:
    """What a program of a head walks over: the operands' bytes divided by their heads."""
    return sum(x.numel * x.dtype.itemsize // max(x.shape[0] * x.shape[1], 1) for x in (first, second))


@replayed
def attention_packed_backward(
    grad_query: Buffer, grad_key: Buffer, grad_value: Buffer, grad: Buffer, query: Buffer, key: Buffer, value: Buffer,
    out: Buffer, logsumexp: Buffer, first_query: Buffer, first_key: Buffer, longest_queries: int, longest_keys: int,
    behind: int, ahead: int, softcap: float, scale: float,
) -> None:  # fmt: skip
    """Gradients of `attention_packed`: query (T, H, E), key (S, Hk, E), value (S, Hk, Ev), logsumexp (H, T).

    `first_query`, `first_key`: where each sequence begins, and the last ends. A query sees `behind` keys before its own
    and `ahead` after it, all for -1; the last query's own key is the last one.
    """
    given = [_batch(x) for x in (grad_query, grad_key, grad_value, grad, query, key, value)]
    options = Options(behind, ahead, softcap, (first_query, first_key), (longest_queries, longest_keys))
    compute((*given, None, _batch(out), logsumexp), 0.0, 0, 0, False, scale, options)


def _batch(x: Buffer) -> Buffer:
    """(T, H, E) as (1, H, T, E)."""
    (rows, heads, width), (row, head, feature) = x.shape, x.strides
    return x.as_strided((1, heads, rows, width), (0, head, row, feature))


COMPILE = backward_cases
