"""Attention of few queries to many keys: whether a call is that, in how many parts, and its two launches."""

from __future__ import annotations

from typing import Any

from tritonnn.buffer import Buffer
from tritonnn.dtypes import bool_, float32
from tritonnn.kernels.attention._call import Call
from tritonnn.kernels.attention._decode import merge_parts_kernel, part_kernel
from tritonnn.kernels.launch.launch import architecture, empty, launch, multiprocessors
from tritonnn.kernels.tables.attention_decode import decode_rows, decode_tile, few_queries, part_size
from tritonnn.kernels.tables.reduction import power_of_2
from tritonnn.shape import contiguous_strides


def is_decoding(call: Call) -> bool:
    """Whether to take the keys in parts: causal attention of few queries sees few keys, and dropout is for training."""
    constants = call.constants
    return (
        not constants["CAUSAL"] and not constants["DROPOUT"]
        and few_queries(call.kind, call.seqlen_q, call.seqlen_k, max(constants["BLOCK_D"], constants["BLOCK_V"]))
    )  # fmt: skip


def decode(operands: tuple[Any, ...], call: Call, scale: float) -> None:
    """Launch for out, logsumexp, query, key, value and mask."""
    out, lse, query, key, value, mask = operands
    constants, group = call.constants, call.heads // call.kv_heads
    tile = decode_tile(architecture(), call.kind, max(constants["BLOCK_D"], constants["BLOCK_V"]))
    rows = decode_rows(group * call.seqlen_q)
    programs = call.batch * call.kv_heads * -(-group * call.seqlen_q // rows)
    size = part_size(programs, call.seqlen_k, tile.keys, multiprocessors(query))
    parts = -(-call.seqlen_k // size)
    partial, partial_lse, strides = out, lse, (0, *out.strides)
    if parts > 1:
        shape = (parts, *out.shape)
        partial, partial_lse = empty(shape, float32, query), empty(shape[:-1], float32, query)
        strides = contiguous_strides(shape)
    masked = 0 if mask is None else 1 if mask.dtype is bool_ else 2
    launch(
        part_kernel, (programs * parts,), partial, partial_lse, query, key, value, mask, query.strides, key.strides,
        value.strides, strides, call.mask_strides, call.batch, *call.sizes, parts, size, float(scale),
        MASK=masked, FOLD=masked != 2 and scale > 0,
        EVEN=(call.head_dim, call.head_dim_v) == (constants["BLOCK_D"], constants["BLOCK_V"]),
        BLOCK_M=rows, BLOCK_N=tile.keys, num_warps=tile.warps, num_stages=tile.stages,
        **{k: constants[k] for k in ("ACC", "PRECISION", "BLOCK_D", "BLOCK_V", "INT64")},
    )  # fmt: skip
    if parts > 1:
        _merge(out, lse, partial, partial_lse, call, parts)


def _merge(out: Buffer, lse: Buffer, partial: Buffer, partial_lse: Buffer, call: Call, parts: int) -> None:
    launch(
        merge_parts_kernel, (lse.numel,), out, lse, partial, partial_lse, out.strides, lse.numel, call.heads,
        call.seqlen_q, call.head_dim_v, parts, BLOCK_P=power_of_2(parts), BLOCK_V=call.constants["BLOCK_V"],
        num_warps=1,
    )  # fmt: skip
