"""From a call of attention to a launch: which way keys and values come, with which tile, and the arguments."""

from __future__ import annotations

from typing import Any, NamedTuple

from tritonnn.buffer import Buffer
from tritonnn.dtypes import bool_
from tritonnn.kernels.attention._call import Call
from tritonnn.kernels.attention._descriptors import describable, steps, tiles
from tritonnn.kernels.attention._forward import FROM_HOST, POINTERS, attention_kernel
from tritonnn.kernels.attention._specialised import specialised_attention_kernel
from tritonnn.kernels.launch.autotune import pick
from tritonnn.kernels.launch.launch import architecture, launch
from tritonnn.kernels.tables.attention import Tile
from tritonnn.kernels.tables.attention_forward import Described, kind_of, section, ways


class Options(NamedTuple):
    """What a query sees, and how scores are changed.

    Attributes:
        ahead, behind: how many keys after and before its own a query sees; None for all. Its own key is that of its
            number; where sequences are packed, the last query's is the last key.
        softcap: scores become softcap tanh(score / softcap); 0 for none.
        limits: where queries and keys of packed sequences begin, and numbers of keys or None; memory is one batch.
        sequences: how many are packed. longest: queries of the longest.
    """

    ahead: int | None = None
    behind: int | None = None
    softcap: float = 0.0
    limits: tuple[Buffer, Buffer, Buffer | None] | None = None
    sequences: int = 0
    longest: int = 0


class Forward:
    """A call of the forward kernels; `run` launches it with a tile.

    Args:
        operands: out, logsumexp, query, key, value, mask.
        call: sizes and constants.
        scale: of the scores.
    """

    def __init__(self, operands: tuple[Any, ...], call: Call, scale: float, options: Options) -> None:
        self.out, self.lse, self.query, self.key, self.value, self.mask = operands
        self.call = call
        self.scale = float(scale)
        self.options = options
        packed = options.limits is not None
        self.batch = options.sequences if packed else call.batch
        self.queries = options.longest if packed else call.seqlen_q
        plain = (
            options == Options() and self.mask is None and not call.constants["DROPOUT"] and self.scale > 0
        )
        self.unmasked_keys = call.seqlen_k if plain else None
        self.describable = all(describable(x) for x in (self.query, self.key, self.value))

    def choose(self) -> Tile | Described:
        """The measured way where there is one, else the table's first."""
        call, c = self.call, self.call.constants
        width = max(c["BLOCK_D"], c["BLOCK_V"])
        kind = kind_of(self.mask is not None, c["DROPOUT"], self.options.behind is not None)
        able = ways(architecture(), call.kind, kind, width, self.describable, self.unmasked_keys)
        if len(able) == 1:
            return able[0]
        problem = (
            kind, self.batch, call.heads, call.kv_heads, self.queries, call.seqlen_k, call.head_dim, call.head_dim_v,
            self.options.ahead is not None, self.options.behind is not None, self.options.softcap > 0,
        )  # fmt: skip
        return pick(attention_kernel, problem, able[0], able, lambda tile: lambda: self.run(tile))

    def run(self, tile: Tile | Described) -> None:
        """Launch with a tile, a program for each block of queries of every head."""
        # one dimension of the grid for blocks and heads: the other two end at 65,535 programs
        grid = (-(-self.queries // tile.queries) * self.batch * self.call.heads,)
        if isinstance(tile, Described) and tile.specialize:
            return self._specialised(tile, grid)
        call, options = self.call, self.options
        keys, values, way = self.key, self.value, POINTERS
        if isinstance(tile, Described):
            keys = tiles(self.key, tile.keys, call.constants["BLOCK_D"])
            values = tiles(self.value, tile.keys, call.constants["BLOCK_V"])
            way = FROM_HOST
        nbytes = call.seqlen_k * (call.head_dim + call.head_dim_v) * self.key.dtype.itemsize
        group = call.heads // call.kv_heads
        mask = 0 if self.mask is None else 1 if self.mask.dtype is bool_ else 2
        launch(
            attention_kernel, grid, self.out, self.lse, self.query, keys, values, self.mask, options.limits,
            self.query.strides, self.key.strides, self.value.strides, self.out.strides, call.mask_strides, self.batch,
            call.heads, group, self.queries, call.seqlen_k, call.head_dim, call.head_dim_v,
            section(self.batch * call.heads, group, nbytes), options.ahead or 0, options.behind or 0, self.scale,
            float(options.softcap), *call.scalars[1:],
            CAUSAL=options.ahead is not None, WINDOW=options.behind is not None, SOFTCAP=options.softcap > 0, MASK=mask,
            PACKED=options.limits is not None, FOLD=mask != 2 and (options.softcap > 0 or self.scale > 0),
            EVEN=(call.head_dim, call.head_dim_v) == (call.constants["BLOCK_D"], call.constants["BLOCK_V"]),
            DESCRIBED=way.value, BLOCK_M=tile.queries, BLOCK_N=tile.keys, num_warps=tile.warps, num_stages=tile.stages,
            **{k: call.constants[k] for k in ("DROPOUT", "ACC", "PRECISION", "BLOCK_D", "BLOCK_V", "INT64")},
        )  # fmt: skip
        return None

    def _specialised(self, tile: Described, grid: tuple[int]) -> None:
        call = self.call
        launch(
            specialised_attention_kernel, grid, self.out, self.lse, self.query, self.key, self.value,
            *[steps(x) for x in (self.query, self.key, self.value)], self.out.strides, *call.sizes, self.scale,
            BLOCK_M=tile.queries, BLOCK_N=tile.keys, SPECIALIZE=True, num_warps=tile.warps, num_stages=tile.stages,
            **{k: call.constants[k] for k in ("ACC", "BLOCK_D", "BLOCK_V", "INT64")},
        )  # fmt: skip
