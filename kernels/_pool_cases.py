"""What the compile check compiles of pooling: every kernel, for the element types that compute differently."""

from __future__ import annotations

from triton import language as tl

from tritonnn.kernels import _adaptive_pool, _pool
from tritonnn.kernels._case import Case

_THREE = "(i32 i32 i32)"
_FIVE = "(i32 i32 i32 i32 i32=1)"
_TAPS = {"KD": 1, "KH": 3, "KW": 3}
_END = {"BLOCK": 256, "INT64": False}


def _sliding(kind: str, compute: tl.dtype) -> list[Case]:
    pointers, shapes = f"*{kind} *i64 *{kind} i32 i32", f"{_THREE} {_FIVE} {_FIVE} {_THREE} {_FIVE}"
    window, mean = f"{_THREE} {_THREE} {_THREE}", {"COUNT_PADDING": False, "OVERRIDE": False, "SUM": compute}
    single = f"{_THREE} {_FIVE} {_THREE} {_FIVE}"
    return [
        Case(
            _pool.max_pool_kernel,
            f"{pointers} {shapes} {window}",
            {**_TAPS, "COMPUTE": compute, **_END},
            label=kind,
        ),
        Case(
            _pool.max_pool_gather_kernel,
            f"*{kind} *{kind} *i32 i32 i32 {_THREE} {_FIVE} {_THREE} {_FIVE} {_FIVE} {window}",
            {**_TAPS, "SUM": compute, **_END},
            label=kind,
        ),
        *[
            Case(
                kernel,
                f"*{kind} *{kind} i32 i32 {single} {_THREE} {_THREE} i32",
                {**_TAPS, **mean, **_END},
                label=kind,
            )
            for kernel in (_pool.avg_pool_kernel, _pool.avg_pool_gather_kernel)
        ],
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
            {**_TAPS, "PLANAR": True, "COMPUTE": compute, **_END},
            label=kind,
        ),
        Case(_adaptive_pool.fractional_gather_kernel, f"{gather} {steps}", {**_TAPS, **end}, label=kind),
    ]


def cases() -> list[Case]:
    """Every pooling kernel in half, single and double precision; the windows of int64 too."""
    made = _sliding("i64", tl.int64)[:3]
    for kind, compute in (("bf16", tl.float32), ("fp32", tl.float32), ("fp64", tl.float64)):
        made += _sliding(kind, compute) + _bins(kind, compute)
    return made
