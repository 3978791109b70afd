"""The kernel: one pair of numbers a thread, turned by its angle, or back."""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.library.kernels import (
    Buffer,
    Case,
    expand,
    flat_block,
    launch,
    merged,
    needs_int64,
    offset_of,
    positions,
    replayed,
)


@triton.jit
def rotary_kernel(
    out, input, cos, sin, n, out_step, in_step, shape, out_strides, in_strides, cos_strides, sin_strides,
    BACK: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """(x, y) becomes (x cos - y sin, y cos + x sin), with -sin on the way back; y lies `in_step` behind x."""
    i = positions(BLOCK, INT64)
    here = input + offset_of(i, shape, in_strides)
    there = out + offset_of(i, shape, out_strides)
    x, y = tl.load(here, mask=i < n), tl.load(here + in_step, mask=i < n)
    c = tl.load(cos + offset_of(i, shape, cos_strides), mask=i < n)
    s = tl.load(sin + offset_of(i, shape, sin_strides), mask=i < n)
    kind = tl.float64 if x.dtype == tl.float64 else tl.float32
    x, y, c, s = x.to(kind), y.to(kind), c.to(kind), s.to(kind)
    if BACK:
        s = -s
    tl.store(there, x * c - y * s, mask=i < n)
    tl.store(there + out_step, y * c + x * s, mask=i < n)


@replayed
def rotary(out: Buffer, input: Buffer, cos: Buffer, sin: Buffer, interleaved: bool) -> None:
    """Turn each pair."""
    _turn(out, input, cos, sin, interleaved, False)


@replayed
def rotary_backward(out: Buffer, input: Buffer, cos: Buffer, sin: Buffer, interleaved: bool) -> None:
    """Turn each pair back."""
    _turn(out, input, cos, sin, interleaved, True)


def _turn(out: Buffer, input: Buffer, cos: Buffer, sin: Buffer, interleaved: bool, back: bool) -> None:
    half = input.shape[-1] // 2
    pairs = (*input.shape[:-1], half)
    n, block = input.numel // 2, flat_block(input.dtype.itemsize)
    (out_pairs, out_step), (in_pairs, in_step) = (_pairs(b.strides, half, interleaved) for b in (out, input))
    shape, *strides = merged(pairs, out_pairs, in_pairs, *[expand(b, pairs).strides for b in (cos, sin)])
    launch(
        rotary_kernel, (-(-n // block),), out, input, cos, sin, n, out_step, in_step, shape, *strides,
        BACK=back, BLOCK=block, INT64=needs_int64(out, input, cos, sin),
    )  # fmt: skip


def _pairs(strides: tuple[int, ...], half: int, interleaved: bool) -> tuple[tuple[int, ...], int]:
    """The strides from pair to pair, and how far the second number of a pair lies behind the first."""
    last = strides[-1]
    return ((*strides[:-1], 2 * last), last) if interleaved else (strides, half * last)


_N = "i32:16 i32:16 i32:16 (i32 i32:16) (i32:16 i32=1) (i32:16 i32=1) (i32:16 i32=1) (i32:16 i32=1)"
_APART = "i32:16 i32=1 i32=1 (i32 i32:16) (i32:16 i32) (i32:16 i32) (i32:16 i32=1) (i32:16 i32=1)"
_TYPES = (("fp32", "fp32", 1024), ("bf16", "fp32", 2048), ("fp16", "fp16", 2048), ("fp64", "fp64", 512))
COMPILE = [
    *[
        Case(
            rotary_kernel, f"*{t} *{t} *{turns} *{turns} {layout}", {"BACK": back, "BLOCK": block, "INT64": False},
            wide="" if layout is _APART else "both",
            label=f"{t} {turns}{' interleaved' if layout is _APART else ''}{' back' if back else ''}",
        )
        for t, turns, block in _TYPES
        for layout in (_N, _APART)
        for back in (False, True)
    ],
    Case(
        rotary_kernel, "*fp32 *fp32 *fp32 *fp32 i64 i64 i64 (i32 i32) (i64 i64) (i64 i64) (i64 i64) (i64 i64)",
        {"BACK": False, "BLOCK": 1024, "INT64": True}, label="int64",
    ),
]  # fmt: skip
