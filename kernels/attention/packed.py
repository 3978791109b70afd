"""Attention within sequences that lie one after another in one tensor, in one launch."""

from __future__ import annotations

from tritonnn.buffer import Buffer
from tritonnn.kernels.attention._call import Call
from tritonnn.kernels.attention._forward_call import Forward, Options
from tritonnn.kernels.launch.replay import replayed


@replayed
def attention_packed(
    out: Buffer, logsumexp: Buffer, query: Buffer, key: Buffer, value: Buffer, first_query: Buffer, first_key: Buffer,
    used_keys: Buffer | None, longest_queries: int, longest_keys: int, behind: int, ahead: int, softcap: float,
    scale: float,
) -> None:  # fmt: skip
    """softmax(q k^T * scale) v of each sequence; query (T, H, E), key (S, Hk, E), value (S, Hk, Ev).

    `first_query`, `first_key`: where each sequence begins, and the last ends. A query sees `behind` keys before its own
    and `ahead` after it, all for -1; the last query's own key is the last one. The logsumexp is (H, T).
    """
    sequences = first_query.shape[0] - 1
    if 0 in out.shape or not sequences:
        return
    o, q, k, v = (_batch(x) for x in (out, query, key, value))
    call = Call(q, k, v, None, 0.0, 0, 0, False, scale)
    options = Options(
        None if ahead < 0 else ahead, None if behind < 0 else behind, softcap, (first_query, first_key, used_keys),
        sequences, longest_queries,
    )  # fmt: skip
    forward = Forward((o, logsumexp, q, k, v, None), call, scale, options)
    forward.run(forward.choose())


def _batch(x: Buffer) -> Buffer:
    """(T, H, E) as (1, H, T, E)."""
    (rows, heads, width), (row, head, feature) = x.shape, x.strides
    return x.as_strided((1, heads, rows, width), (0, head, row, feature))
