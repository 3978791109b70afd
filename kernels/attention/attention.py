"""Scaled dot-product attention; the kernels are in `_kernels.py`, their tiles in `tables/attention.py`."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from triton import language as tl

from tritonnn import precision
from tritonnn.buffer import Buffer
from tritonnn.dtypes import bool_, float32, float64
from tritonnn.kernels.attention._kernels import (
    attention_kernel,
    delta_kernel,
    keys_backward_kernel,
    queries_backward_kernel,
)
from tritonnn.kernels.check.case import Case
from tritonnn.kernels.device.moving import fill
from tritonnn.kernels.launch.launch import architecture, empty, launch, needs_int64
from tritonnn.kernels.launch.replay import replayed
from tritonnn.kernels.random.random import place
from tritonnn.kernels.tables.attention import FOR_KEYS, FOR_QUERIES, FORWARD, WIDEST, Tile, choose
from tritonnn.kernels.tables.reduction import power_of_2

NO_STRIDES = (0, 0, 0, 0)
ROWS = 32  # queries of a program of `delta_kernel`


class _Call:
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


def _replayed_without_dropout(run: Callable[..., None]) -> Callable[..., None]:
    """With dropout every call draws from another place of the random stream: there is nothing to repeat."""
    repeat = replayed(run)
    position = run.__code__.co_varnames.index("dropout_p")

    @wraps(run)
    def choose(*args: Any) -> None:
        (run if args[position] else repeat)(*args)

    return choose


@_replayed_without_dropout
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
    call = _Call(query, key, value, attn_mask, dropout_p, seed, offset, is_causal, scale)
    call.run(
        attention_kernel, FORWARD, call.seqlen_q, call.heads, out, logsumexp, query, key, value, attn_mask,
        query.strides, key.strides, value.strides, out.strides, call.mask_strides,
    )  # fmt: skip


@_replayed_without_dropout
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
    call = _Call(query, key, value, attn_mask, dropout_p, seed, offset, is_causal, scale)
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


_ROW = "(i32:16 i32:16 i32:16 i32=1)"
_SCALARS = "i32 i32 i32 i32 i32:16 i32:16 fp64 i64 fp64 i64 i64 None"


def _case(kernel: Any, stage: int, arch: str, kind: str, width: int, **options: Any) -> Case:
    pointer = {"half": "*bf16", "single": "*fp32", "double": "*fp64"}[kind]
    saved = "*fp64" if kind == "double" else "*fp32"
    tile = choose(arch, kind, width, stage)
    masked = options.get("MASK", 0)
    mask = {0: "None", 1: "*i1", 2: pointer}[masked]
    mask_strides = _ROW if masked else "(i32 i32 i32 i32)"
    if stage == FORWARD:
        text = f"{pointer} {saved} {pointer} {pointer} {pointer} {mask} {_ROW} {_ROW} {_ROW} {_ROW} {mask_strides}"
    else:
        grads, rows = (2, 6) if stage == FOR_KEYS else (1, 5)
        text = " ".join([pointer] * (grads + 4) + [mask, saved, saved] + [_ROW] * rows + [mask_strides])
    constants = {
        "CAUSAL": False, "MASK": masked, "DROPOUT": False, "PRECISION": "ieee", "INT64": False,
        "ACC": tl.float64 if kind == "double" else tl.float32, "BLOCK_M": tile.queries, "BLOCK_N": tile.keys,
        "BLOCK_D": width, "BLOCK_V": width, **options,
    }  # fmt: skip
    label = ",".join([kind, str(width), *[f"{k}={int(v)}" for k, v in options.items()]])
    # Wide heads' tiles and float64 only suit the instructions of single warps; NVIDIA has none for float32
    # "ieee".
    small = (stage == FOR_KEYS and width > 128) or kind != "half" or tile is WIDEST
    none = kind == "single" and not arch.startswith("gfx")
    return Case(
        kernel, f"{text} {_SCALARS}", constants, label=label, num_warps=tile.warps, num_stages=tile.stages,
        matrix="none" if none else "warp" if small else True, archs=(arch,),
        # a row of the widest heads is more than the registers of float32 products by multiply-adds hold
        spills=256 if tile is WIDEST else 64 if stage == FOR_KEYS else 24,
    )  # fmt: skip


def COMPILE() -> list[Case]:
    """Every tile of every architecture, plain, causal, masked and with dropout."""
    cases = []
    stages = (
        (attention_kernel, FORWARD),
        (keys_backward_kernel, FOR_KEYS),
        (queries_backward_kernel, FOR_QUERIES),
    )
    for arch in ("sm_80", "sm_90", "sm_100", "gfx942"):
        for kernel, stage in stages:
            cases += [_case(kernel, stage, arch, "half", width) for width in (64, 128, 256, 512)]
            cases += [_case(kernel, stage, arch, "half", 64, CAUSAL=True)]
            cases += [
                _case(kernel, stage, arch, "half", 64, MASK=1),
                _case(kernel, stage, arch, "half", 64, MASK=2),
            ]
            cases += [_case(kernel, stage, arch, "half", 64, DROPOUT=True)]
            cases += [_case(kernel, stage, arch, "half", 64, INT64=True)]
            cases += [_case(kernel, stage, arch, "single", width) for width in (64, 128, 256)]
            cases += [_case(kernel, stage, arch, "double", 64)]
    strides = f"{_ROW} {_ROW}"
    cases.append(Case(delta_kernel, f"*fp32 *bf16 *bf16 {strides} i32 i32 i32:16", {
        "ACC": tl.float32, "BLOCK_M": ROWS, "BLOCK_V": 128, "INT64": False}))  # fmt: skip
    return cases
