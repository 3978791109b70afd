"""Attention to the blocks of keys that a block mask lists; the kernel is in `_blocks.py`."""

from __future__ import annotations

from tritonnn.buffer import Buffer
from tritonnn.kernels.attention._blocks import listed_attention_kernel
from tritonnn.kernels.attention._call import Call
from tritonnn.kernels.attention._descriptors import describable, tiles
from tritonnn.kernels.attention.attention import attention
from tritonnn.kernels.launch.launch import architecture, launch
from tritonnn.kernels.launch.replay import replayed
from tritonnn.kernels.tables.attention import Tile
from tritonnn.kernels.tables.attention_forward import MASKED, Described, ways


def fitting(usable: list[Described | Tile], rows: int, keys: int) -> Described | Tile | None:
    """The first tile that blocks of so many rows and keys consist of."""
    return next((tile for tile in usable if rows % tile.queries == 0 and keys % tile.keys == 0), None)


@replayed
def attention_blocks(
    out: Buffer, logsumexp: Buffer, query: Buffer, key: Buffer, value: Buffer, seen: Buffer, some: Buffer,
    some_indices: Buffer, whole: Buffer | None, whole_indices: Buffer | None, rows: int, keys: int, scale: float,
) -> None:  # fmt: skip
    """softmax(q k^T * scale) v over the keys that are `seen` (B, H, L, S), of which lists name the blocks.

    `some`, `whole` (B, H, rows of blocks): how many blocks of `keys` keys the queries of a row of `rows` see in part,
    or whole, and `*_indices` (B, H, rows of blocks, places) which; no block twice.
    """
    if 0 in out.shape:
        return
    call = Call(query, key, value, seen, 0.0, 0, 0, False, scale)
    c = call.constants
    able = all(describable(x) for x in (query, key, value))
    tile = fitting(
        list(ways(architecture(), call.kind, MASKED, max(c["BLOCK_D"], c["BLOCK_V"]), able, None)), rows, keys
    )
    if tile is None or not call.seqlen_k:
        attention(out, logsumexp, query, key, value, seen, 0.0, 0, 0, False, scale)
        return
    from_host = isinstance(tile, Described)
    launch(
        listed_attention_kernel, (-(-call.seqlen_q // tile.queries) * call.batch * call.heads,), out, logsumexp, query,
        tiles(key, tile.keys, c["BLOCK_D"]) if from_host else key,
        tiles(value, tile.keys, c["BLOCK_V"]) if from_host else value, seen, (some, some_indices),
        None if whole is None else (whole, whole_indices), query.strides, key.strides, value.strides, out.strides,
        seen.strides, (some.strides, some_indices.strides),
        None if whole is None or whole_indices is None else (whole.strides, whole_indices.strides), *call.sizes,
        float(scale), ROWS=rows, KEYS=keys, WHOLE=whole is not None, RAGGED=call.seqlen_k % keys != 0, FOLD=scale > 0,
        EVEN=(call.head_dim, call.head_dim_v) == (c["BLOCK_D"], c["BLOCK_V"]), DESCRIBED=from_host,
        BLOCK_M=tile.queries, BLOCK_N=tile.keys, num_warps=tile.warps, num_stages=tile.stages,
        **{k: c[k] for k in ("ACC", "PRECISION", "BLOCK_D", "BLOCK_V", "INT64")},
    )  # fmt: skip
