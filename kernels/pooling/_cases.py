"""What the compile check compiles of pooling: every kernel, for the element types that compute differently."""

from __future__ import annotations

from typing import Any

from triton import language as tl

from tritonnn.kernels.check.case import Case
from tritonnn.kernels.pooling import _adaptive_kernels as _adaptive_pool
from tritonnn.kernels.pooling import _kernels as _pool

_THREE = "(i32 i32 i32)"
_FIVE = "(i32 i32 i32 i32 i32=1)"
_TAPS = {"KD": 1, "KH": 3, "KW": 3}
_END = {"LAST": False, "BLOCK": 256, "INT64": False}
_FRACTIONAL = {"BLOCK": 256, "INT64": False}
_BLOCKS = {"bf16": 1024, "fp32": 512}
# Channels last: strides of images of a multiple of 16 channels.
_LAST = "(i32:16 i32=1 i32:16 i32:16 i32:16)"


def _sliding(kind: str, compute: tl.dtype, last: bool = False) -> list[Case]:
    """Windows on row-major planes, or on a multiple of 16 channels that lie `last`."""
    five, count = (_LAST, "i32:16 i32:16") if last else (_FIVE, "i32 i32")
    end = {**_END, "LAST": True, "BLOCK": _BLOCKS[kind]} if last else _END
    shapes, window = f"{_THREE} {five} {five} {_THREE} {five}", f"{_THREE} {_THREE} {_THREE}"
    mean = {"COUNT_PADDING": False, "OVERRIDE": False, "SUM": compute}
    gather = f"*{kind} *{kind} *i32 {count} {_THREE} {five} {_THREE} {five} {five} {window}"
    both = f"*{kind} *{kind} {count} {_THREE} {five} {_THREE} {five} {_THREE} {_THREE} i32"
    kernels: list[tuple[Any, str, dict[str, Any]]] = [
        (_pool.max_pool_kernel, f"*{kind} *i64 *{kind} {count} {shapes} {window}", {"COMPUTE": compute}),
        (_pool.max_pool_gather_kernel, gather, {"SUM": compute}),
        (_pool.avg_pool_kernel, both, mean),
        (_pool.avg_pool_gather_kernel, both, mean),
    ]
    return [
        Case(
            kernel,
            signature,
            {**_TAPS, **constants, **end},
            label=f"{kind}-last" if last else kind,
            wide="both" if last else "",
        )
        for kernel, signature, constants in kernels
    ]


def _bins(kind: str, compute: tl.dtype) -> list[Case]:
    pair = f"*{kind} *{kind} i32 i32 {_THREE} {_FIVE} {_THREE} {_FIVE}"
    gather = f"*{kind} *{kind} *i64 i32 i32 {_THREE} {_FIVE} {_THREE} {_FIVE} {_FIVE}"
    maxima = f"*{kind} *i64 *{kind}"
    shapes = f"i32 i32 {_THREE} {_FIVE} {_FIVE} {_THREE} {_FIVE}"
    steps, end = "fp64 fp64 fp64", {"SUM": compute, **_END}
    return [
        Case(_adaptive_pool.adaptive_avg_kernel, f"{pair} {_THREE}", end, label=kind),
        Case(
            _adaptive_pool.adaptive_gather_kernel, f"{gather} {_THREE}", end, label=f"{kind}-max", spills=32
        ),
        Case(
            _adaptive_pool.adaptive_gather_kernel,
            f"*{kind} *{kind} None i32 i32 {_THREE} {_FIVE} {_THREE} {_FIVE} {_FIVE} {_THREE}",
            end,
            label=f"{kind}-mean",
            spills=32,
        ),
        Case(
            _adaptive_pool.adaptive_max_kernel,
            f"{maxima} {shapes} {_THREE}",
            {"COMPUTE": compute, **_END},
            label=kind,
            spills=32,
        ),
        Case(
            _adaptive_pool.fractional_max_kernel,
            f"{maxima} *{kind} {shapes} (i32 i32 i32=1) {steps}",
            {**_TAPS, "PLANAR": True, "COMPUTE": compute, **_FRACTIONAL},
            label=kind,
        ),
        Case(
            _adaptive_pool.fractional_gather_kernel,
            f"{gather} {steps}",
            {**_TAPS, "SUM": compute, **_FRACTIONAL},
            label=kind,
        ),
    ]


def cases() -> list[Case]:
    """Every pooling kernel in half, single and double precision; the windows of int64 too."""
    entries = _sliding("i64", tl.int64)[:3]
    for kind, compute in (("bf16", tl.float32), ("fp32", tl.float32), ("fp64", tl.float64)):
        entries += _sliding(kind, compute) + _bins(kind, compute)
    for kind in ("bf16", "fp32"):
        entries += _sliding(kind, tl.float32, last=True)
    return entries
