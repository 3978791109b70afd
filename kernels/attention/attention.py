"""Scaled dot-product attention; the kernel is in `_forward.py`, its tiles in `tables/attention.py`."""

from __future__ import annotations

from tritonnn.buffer import Buffer
from tritonnn.kernels.attention._call import Call, replayed_without_dropout
from tritonnn.kernels.attention._cases import forward_cases
from tritonnn.kernels.attention._forward import attention_kernel
from tritonnn.kernels.tables.attention import FORWARD


@replayed_without_dropout
def attention(
    out: Buffer, logsumexp: Buffer, query: Buffer, key: Buffer, value: Buffer, attn_mask: Buffer | None,
    dropout_p: float, seed: int, offset: int, is_causal: bool, scale: float,
) -> None:  # fmt: skip
    """softmax(q k^T * scale + mask) v with q (B, H, L, E), k (B, Hk, S, E), v (B, Hk, S, Ev), mask (B, H,
    L, S).

    Hk divides H: neighbouring query heads share a head of keys. A row that sees no key gives zeros and a
    logsumexp of -inf.
    """
    if key.shape[1] == 0 or query.shape[1] == 0:
        return
    call = Call(query, key, value, attn_mask, dropout_p, seed, offset, is_causal, scale)
    call.run(
        attention_kernel, FORWARD, call.seqlen_q, call.heads, out, logsumexp, query, key, value, attn_mask,
        query.strides, key.strides, value.strides, out.strides, call.mask_strides,
    )  # fmt: skip


COMPILE = forward_cases
