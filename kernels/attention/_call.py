"""What the calls of attention and of its gradient share."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from triton import language as tl

from tritonnn import precision
from tritonnn.buffer import Buffer
from tritonnn.dtypes import bool_, float32, float64
from tritonnn.kernels.launch.launch import architecture, launch, needs_int64
from tritonnn.kernels.launch.replay import replayed
from tritonnn.kernels.random.random import place
from tritonnn.kernels.tables.attention import FOR_KEYS, Tile, choose
from tritonnn.kernels.tables.reduction import power_of_2

NO_STRIDES = (0, 0, 0, 0)


class Call:
    """What forward and backward share: sizes, constants, and the arguments in the kernels' order."""

    def __init__(
        self, query: Buffer, key: Buffer, value: Buffer, mask: Buffer | None, dropout_p: float, seed: int,
        offset: int, is_causal: bool, scale: float,
    ) -> None:  # fmt: skip
        self.heads, self.seqlen_q, self.head_dim = query.shape[1:]
        self.kv_heads, self.seqlen_k = key.shape[1:3]
        self.head_dim_v = value.shape[3]
        self.batch = query.shape[0]
        # Words of 32 bits below the threshold are dropped: only dropout_p == 1 may reach 2**32, which drops
        # all.
        threshold = 1 << 32 if dropout_p == 1 else min(round(dropout_p * 2.0**32), 0xFFFFFFFF)
        dropout_scale = 0.0 if dropout_p == 1 else 1.0 / (1.0 - dropout_p)
        self.sizes = (
            self.heads,
            self.heads // self.kv_heads,
            self.seqlen_q,
            self.seqlen_k,
            self.head_dim,
            self.head_dim_v,
        )
        self.scalars = (float(scale), threshold, dropout_scale, *place(seed, offset))
        self.mask_strides = NO_STRIDES if mask is None else mask.strides
        self.kind = "single" if query.dtype is float32 else "double" if query.dtype is float64 else "half"
        # tl.dot takes no side below 16; what is added is masked
        block_d, block_v = (max(16, power_of_2(n)) for n in (self.head_dim, self.head_dim_v))
        self.constants: dict[str, Any] = {
            "CAUSAL": is_causal, "MASK": 0 if mask is None else 1 if mask.dtype is bool_ else 2,
            # scores and sums in float32 at least, whatever the operands are
            "DROPOUT": dropout_p > 0, "ACC": tl.float64 if self.kind == "double" else tl.float32,
            "PRECISION": precision.kernel_precision() if self.kind == "single" else "ieee",
            "BLOCK_D": block_d, "BLOCK_V": block_v, "INT64": needs_int64(query, key, value, mask),
        }  # fmt: skip

    def tile(self, stage: int) -> Tile:
        width = max(self.constants["BLOCK_D"], self.constants["BLOCK_V"])
        return choose(architecture(), self.kind, width, stage)

    def run(self, kernel: Any, stage: int, length: int, heads: int, *args: Any) -> None:
        """Launch a kernel with a program for each block of `length` queries or keys of every head."""
        tile = self.tile(stage)
        # one dimension of the grid for blocks and heads: the other two end at 65,535 programs
        block = tile.keys if stage == FOR_KEYS else tile.queries
        launch(
            kernel, (-(-length // block) * self.batch * heads,), *args, *self.sizes, *self.scalars,
            BLOCK_M=tile.queries, BLOCK_N=tile.keys, num_warps=tile.warps, num_stages=tile.stages,
            **self.constants,
        )  # fmt: skip


def replayed_without_dropout(run: Callable[..., None]) -> Callable[..., None]:
    """With dropout every call draws from another place of the random stream: there is nothing to repeat."""
    repeat = replayed(run)
    position = run.__code__.co_varnames.index("dropout_p")

    @wraps(run)
    def choose(*args: Any) -> None:
        (run if args[position] else repeat)(*args)

    return choose
