"""Scaled dot-product attention; kernels are in `_forward.py`, `_specialised.py`, `_decode.py`, tiles in `tables/`."""

from __future__ import annotations

from tritonnn.buffer import Buffer
from tritonnn.kernels.attention._call import Call, replayed_without_dropout
from tritonnn.kernels.attention._decode_call import decode, is_decoding
from tritonnn.kernels.attention._descriptors import shared_head
from tritonnn.kernels.attention._forward_call import Forward, Options
from tritonnn.kernels.attention._forward_cases import forward_cases


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
    key, value = shared_head(key, value)
    call = Call(query, key, value, attn_mask, dropout_p, seed, offset, is_causal, scale)
    operands = (out, logsumexp, query, key, value, attn_mask)
    if is_decoding(call):
        decode(operands, call, scale)
        return
    forward = Forward(operands, call, scale, Options(ahead=0) if is_causal else Options())
    forward.run(forward.choose())


COMPILE = forward_cases
