"""Gradients of scaled dot-product attention; the kernels are in `_backward.py`."""

from __future__ import annotations

from tritonnn.buffer import Buffer
from tritonnn.kernels.attention._backward import delta_kernel, keys_backward_kernel, queries_backward_kernel
from tritonnn.kernels.attention._call import Call, replayed_without_dropout
from tritonnn.kernels.attention._cases import ROWS, backward_cases
from tritonnn.kernels.device.moving import fill
from tritonnn.kernels.launch.launch import empty, launch, needs_int64
from tritonnn.kernels.tables.attention import FOR_KEYS, FOR_QUERIES


@replayed_without_dropout
def attention_backward(
    grad_query: Buffer, grad_key: Buffer, grad_value: Buffer, grad: Buffer, query: Buffer, key: Buffer,
    value: Buffer, attn_mask: Buffer | None, out: Buffer, logsumexp: Buffer, dropout_p: float, seed: int,
    offset: int, is_causal: bool, scale: float,
) -> None:  # fmt: skip
    """Gradients of attention with respect to query, key and value."""
    if 0 in grad.shape or 0 in key.shape[:3]:
        for grad_input in (grad_query, grad_key, grad_value):
            fill(grad_input, 0.0)
        return
    call = Call(query, key, value, attn_mask, dropout_p, seed, offset, is_causal, scale)
    delta = empty(logsumexp.shape, logsumexp.dtype, query)
    launch(
        delta_kernel, (-(-call.seqlen_q // ROWS) * call.batch * call.heads,), delta, out, grad, out.strides,
        grad.strides, call.heads, call.seqlen_q, call.head_dim_v, ACC=call.constants["ACC"], BLOCK_M=ROWS,
        BLOCK_V=call.constants["BLOCK_V"], INT64=needs_int64(out, grad), num_warps=4,
    )  # fmt: skip
    saved = (grad, query, key, value, attn_mask, logsumexp, delta)
    strides = (grad.strides, query.strides, key.strides, value.strides, call.mask_strides)
    call.run(
        keys_backward_kernel, FOR_KEYS, call.seqlen_k, call.kv_heads, grad_key, grad_value, *saved,
        grad_key.strides, grad_value.strides, *strides,
    )  # fmt: skip
    call.run(
        queries_backward_kernel, FOR_QUERIES, call.seqlen_q, call.heads, grad_query, *saved,
        grad_query.strides, *strides,
    )  # fmt: skip


COMPILE = backward_cases
