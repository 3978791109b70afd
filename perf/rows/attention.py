"""Attention on the GPU: whole, causal, and one query against a long past."""

from __future__ import annotations

from _entries import Entry, add
from _goals import Goal

# batch, heads, length, width
NARROW = {"small": [(2, 8, 256, 64)], "typical": [(4, 16, 4096, 64)]}
WIDE = {"typical": [(4, 16, 4096, 128)], "huge": [(1, 16, 16384, 128)]}
# batch, heads, heads of keys and values, keys, width
DECODE = {"typical": [(16, 32, 32, 8192, 128), (16, 32, 4, 8192, 128)]}


def _of(name, causal, sizes, forward):
    def operations(b, h, n, d):
        return 4 * b * h * n * n * d * (0.5 if causal else 1)

    return Entry(
        name,
        lambda lib, q, k, v: lib.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal),
        lambda make, b, h, n, d: tuple(make(b, h, n, d) for _ in range(3)),
        sizes,
        lambda w, b, h, n, d: 4 * w * b * h * n * d,
        lambda w, b, h, n, d: 8 * w * b * h * n * d,
        operations,
        lambda b, h, n, d: 2.5 * operations(b, h, n, d),  # the scores are computed again
        grads=(0, 1, 2),
        goals={"forward": Goal(ratio=forward), "backward": Goal(ratio=1.0)},
    )


def _decode(lib, q, k, v):
    grouped = q.shape[1] != k.shape[1]
    return lib.nn.functional.scaled_dot_product_attention(q, k, v, enable_gqa=grouped)


add(
    "attention",
    *(_of(name, causal, NARROW, 1.2) for name, causal in (("full", False), ("causal", True))),
    *(_of(name, causal, WIDE, 1.1) for name, causal in (("full", False), ("causal", True))),
    Entry(
        "decode",
        _decode,
        lambda make, b, h, g, n, d: (make(b, h, 1, d), make(b, g, n, d), make(b, g, n, d)),
        DECODE,
        lambda w, b, h, g, n, d: 2 * w * b * (g * n * d + h * d),
        None,
        dtypes=("bfloat16", "float16"),
        goals={"forward": Goal(ratio=1.0)},
    ),
)
