"""Counting."""

from __future__ import annotations

from typing import Any

import triton
from triton import language as tl

from tritonnn.buffer import Buffer
from tritonnn.kernels.check.case import Case
from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.launch.launch import fp64, i64, launch

BLOCK = 1024


@triton.jit(do_not_specialize=["first", "first_step"])
def arange_kernel(
    out, stride, n, first: i64, first_step: i64, start: fp64, step: fp64,
    FLOATING: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """out[i] = start + i * step in float64 or, from `first` and `first_step`, in int64; rounded once."""
    i = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    if FLOATING:
        # a product for each element: a running sum would be off by one more rounding with every step
        value = start + i.to(tl.float64) * step
    else:
        value = first + i * first_step
    tl.store(out + i * stride, convert(value, out.dtype.element_ty), mask=i < n)


@triton.jit
def linspace_kernel(
    out, stride, n, start: fp64, end: fp64, step: fp64, log_base: fp64,
    POWER: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """out[i] between start and end, counted from the nearer end; POWER: the base to that power."""
    i = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    up = start + i.to(tl.float64) * step
    down = end - (n - 1 - i).to(tl.float64) * step
    # each half from its own end: start and end come out exact
    value = tl.where((i < n // 2) | (n == 1), up, down)
    if POWER:
        # base**value; the host refuses bases without a logarithm
        value = tl.exp(value * log_base)
    tl.store(out + i * stride, convert(value, out.dtype.element_ty), mask=i < n)


def arange_fill(out: Buffer, start: Any, step: Any, count: int, dtype: Any, device: Any) -> None:
    """out[i] = start + i * step, in int64 or float64 and rounded once."""
    whole = isinstance(start, int) and isinstance(step, int)
    integers = (start, step) if whole else (0, 0)
    reals = (0.0, 0.0) if whole else (float(start), float(step))
    stride = out.strides[0]
    launch(
        arange_kernel, (triton.cdiv(count, BLOCK),), out, stride, count, *integers, *reals,
        FLOATING=not whole, BLOCK=BLOCK,
    )  # fmt: skip


def linspace_fill(
    out: Buffer, start: Any, end: Any, steps: int, base: float | None, dtype: Any, device: Any
) -> None:
    """out[i] = start + i * (end - start) / (steps - 1), from the nearer end so that both ends are exact."""
    import math

    step = (end - start) / (steps - 1) if steps > 1 else 0.0
    if base is not None and base <= 0:
        raise NotImplementedError("logspace with a base <= 0 has no GPU kernel: see kernels/creation.py")
    log_base = 0.0 if base is None else math.log(base)
    launch(
        linspace_kernel, (triton.cdiv(steps, BLOCK),), out, out.strides[0], steps,
        float(start), float(end), step, log_base, POWER=base is not None, BLOCK=BLOCK,
    )  # fmt: skip


COMPILE = [
    Case(
        arange_kernel,
        "*i64 i32=1 i32:16 i64 i64 fp64 fp64",
        {"FLOATING": False, "BLOCK": BLOCK},
        wide="stores",
    ),
    Case(
        arange_kernel,
        "*fp32 i32=1 i32:16 i64 i64 fp64 fp64",
        {"FLOATING": True, "BLOCK": BLOCK},
        wide="stores",
    ),
    Case(
        linspace_kernel,
        "*fp32 i32=1 i32:16 fp64 fp64 fp64 fp64",
        {"POWER": False, "BLOCK": BLOCK},
        wide="stores",
    ),
    Case(
        linspace_kernel,
        "*fp32 i32=1 i32:16 fp64 fp64 fp64 fp64",
        {"POWER": True, "BLOCK": BLOCK},
        wide="stores",
    ),
]
