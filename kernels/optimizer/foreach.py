"""Lists of tensors in one launch: their norms, scaling and clamping them in place.

As in optimizer.py, the addresses stand in a table on the device, and a program looks up its tensor and its part of
it; one tensor is launched with its address as an argument.

A norm takes two launches: the first leaves a partial sum for every part of every tensor, the second adds those of a
tensor in a fixed order. The result depends on neither the number of tensors nor the hardware's scheduling.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import triton
import triton.language as tl

from tritonnn.buffer import Buffer
from tritonnn.dtypes import float32, float64
from tritonnn.kernels.check.case import Case
from tritonnn.kernels.device.math import power
from tritonnn.kernels.device.moving import copy
from tritonnn.kernels.launch.launch import empty, fp64, launch
from tritonnn.kernels.optimizer._tensor_lists import (
    TYPES,
    chunks_of,
    elements,
    flat,
    memory_at,
    table,
    table_entry,
)

BLOCK = 2048  # elements of a step: 8 a thread of 8 warps
CHUNK = 8 * BLOCK  # elements of a program
PARTIALS = 1024  # partial sums that a program of the second launch takes at a time

MODES = {2.0: "squares", 1.0: "sum", 0.0: "count", math.inf: "max", -math.inf: "min"}


# ---- norms --------------------------------------------------------------------------------------------------


@triton.jit
def _term(x, ord, MODE: tl.constexpr):
    """What an element adds to the norm."""
    if MODE == "squares":
        term = x * x
    elif MODE == "count":
        term = (x != 0).to(x.dtype)
    elif MODE == "power":
        term = power(tl.abs(x), tl.full(x.shape, 0.0, x.dtype) + ord.to(x.dtype))
    else:
        term = tl.abs(x)
    return term


@triton.jit
def _join(a, b, MODE: tl.constexpr):
    """Two partial results as one."""
    if MODE == "max":
        joined = tl.maximum(a, b, propagate_nan=tl.PropagateNan.ALL)
    elif MODE == "min":
        joined = tl.minimum(a, b, propagate_nan=tl.PropagateNan.ALL)
    else:
        joined = a + b
    return joined


@triton.jit
def _total(acc, MODE: tl.constexpr):
    """All of a block in one number."""
    if MODE == "max" or MODE == "min":
        # tl.max and tl.min drop NaN
        lost = tl.max((acc != acc).to(tl.int32), 0)
        best = tl.max(acc, 0) if MODE == "max" else tl.min(acc, 0)
        total = tl.where(lost != 0, float("nan"), best)
    else:
        total = tl.sum(acc, 0)
    return total


@triton.jit
def _norm_chunk(
    x, partial, n, start, ord, MODE: tl.constexpr, C: tl.constexpr, CHUNK: tl.constexpr, BLOCK: tl.constexpr
):
    """partial = the terms of this program's CHUNK elements, joined."""
    # 0 for the maximum too: terms are magnitudes
    NEUTRAL: tl.constexpr = float("inf") if MODE == "min" else 0.0
    acc = tl.full((BLOCK,), NEUTRAL, C)
    stop = tl.minimum(n - start, CHUNK)
    whole = stop // BLOCK * BLOCK
    # Without a mask the accesses are 16 bytes wide whatever n is.
    for offset in range(0, whole, BLOCK):
        at = start + offset + tl.arange(0, BLOCK)
        acc = _join(acc, _term(tl.load(x + at).to(C), ord, MODE), MODE)
    if whole < stop:
        at = start + whole + tl.arange(0, BLOCK)
        term = _term(tl.load(x + at, at < n, 0.0).to(C), ord, MODE)
        acc = _join(acc, tl.where(at < n, term, NEUTRAL), MODE)
    tl.store(partial, _total(acc, MODE))


@triton.jit
def norm_kernel(
    x, partials, n, first, ord: fp64,
    MODE: tl.constexpr, C: tl.constexpr, CHUNK: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """A partial result of one tensor of n elements; its own stand from `first` on."""
    start = tl.program_id(0).to(tl.int64) * CHUNK
    _norm_chunk(x, partials + first + tl.program_id(0), n, start, ord, MODE, C, CHUNK, BLOCK)


@triton.jit
def norm_table_kernel(
    table, partials, chunks, ord: fp64,
    MODE: tl.constexpr, C: tl.constexpr, T: tl.constexpr, ALIGN: tl.constexpr, CHUNK: tl.constexpr,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """As `norm_kernel`, of the tensor that the table names for this program."""
    row, start = table_entry(table, chunks, 3, CHUNK, BLOCK)
    x = memory_at(row, T, ALIGN)
    _norm_chunk(x, partials + tl.program_id(0), tl.load(row + 1), start, ord, MODE, C, CHUNK, BLOCK)


@triton.jit
def _finish(out, partials, count, ord, MODE: tl.constexpr, BLOCK: tl.constexpr):
    """out = the norm from `count` partial results, always joined in the same order."""
    NEUTRAL: tl.constexpr = float("inf") if MODE == "min" else 0.0
    C: tl.constexpr = partials.dtype.element_ty
    acc = tl.full((BLOCK,), NEUTRAL, C)
    for offset in range(0, count, BLOCK):
        at = offset + tl.arange(0, BLOCK)
        acc = _join(acc, tl.load(partials + at, at < count, NEUTRAL), MODE)
    total = _total(acc, MODE)
    if MODE == "squares":
        # in float64, whose root rounds correctly: for one number it costs nothing
        total = tl.sqrt(total.to(tl.float64)).to(C)
    elif MODE == "power":
        zero = tl.full((1,), 0.0, tl.float64)  # scalar functions take blocks
        total = tl.sum(power(zero + total.to(tl.float64), zero + 1.0 / ord), axis=0).to(C)
    tl.store(out, total.to(out.dtype.element_ty))


@triton.jit
def norm_finish_kernel(out, partials, first, count, ord: fp64, MODE: tl.constexpr, BLOCK: tl.constexpr):
    """The norm of one tensor."""
    _finish(out, partials + first, count, ord, MODE, BLOCK)


@triton.jit
def norm_finish_table_kernel(
    out, stride, table, partials, chunks, ord: fp64, MODE: tl.constexpr, CHUNK: tl.constexpr,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """The norms of all tensors, a program each."""
    row = table + 2 * chunks + 3 * tl.program_id(0)
    count = (tl.load(row + 1) + CHUNK - 1) // CHUNK
    at = tl.program_id(0).to(tl.int64) * stride
    _finish(out + at, partials + tl.load(row + 2), count, ord, MODE, BLOCK)


def foreach_norms(out: Buffer, tensors: Sequence[Buffer], ord: float) -> None:
    """The norm of each tensor; all of one floating type."""
    rows = flat_rows(tensors, [])
    kind = rows[0][0].dtype
    C, acc = (tl.float64, float64) if kind is float64 else (tl.float32, float32)
    mode = MODES.get(ord, "power")
    counts = [-(-n // CHUNK) for _, n in rows]
    chunks = sum(counts)
    partials = empty((max(chunks, 1),), acc, out)
    options = {"MODE": mode, "C": C, "CHUNK": CHUNK, "BLOCK": BLOCK, "num_warps": 8}
    finish = {"MODE": mode, "BLOCK": PARTIALS}
    if len(rows) == 1:
        b, n = rows[0]
        launch(norm_kernel, (chunks,), b, partials, n, 0, ord, **options)
        launch(norm_finish_kernel, (1,), out, partials, 0, chunks, ord, **finish)
        return
    key = tuple([(b.ptr, n) for b, n in rows])
    rows_of, align = table(key, lay_out, out), alignment(key)
    launch(
        norm_table_kernel, (chunks,), rows_of, partials, chunks, ord, T=TYPES[kind.name], ALIGN=align, **options
    )  # fmt: skip
    launch(
        norm_finish_table_kernel, (len(rows),), out, out.strides[0], rows_of, partials, chunks, ord, CHUNK=CHUNK,
        **finish,
    )  # fmt: skip


def flat_rows(tensors: Sequence[Buffer], back: list[tuple[Buffer, Buffer]]) -> list[tuple[Buffer, int]]:
    """The tensors as flat memory, with the numbers of their elements; `back`: what is to be copied back."""
    rows = []
    for b in tensors:
        count = elements((b,))
        if count is None:
            b = flat((b,), (0,), None, back)[0]
            count = b.numel
        rows.append((b, count))
    return rows


def alignment(key: tuple[tuple[int, int], ...]) -> int:
    unaligned = 0
    for pointer, _ in key:
        # one odd address takes the wide accesses from all: alignment is a constant of the binary
        unaligned |= pointer & 15
    return 1 if unaligned else 16


def lay_out(key: tuple[tuple[int, int], ...]) -> np.ndarray:
    """(tensor, chunk) for every program, then every tensor's address, number of elements and first chunk."""
    rows = np.array(key, np.int64)
    chunks, first = chunks_of(rows[:, 1], CHUNK)
    return np.concatenate((chunks, np.column_stack((rows, first)).reshape(-1)))


# ---- updates in place ---------------------------------------------------------------------------------------


@triton.jit
def _update_block(x, at, inside, factor, low, high, CLAMP: tl.constexpr, C: tl.constexpr):
    """Clamp or scale the elements at `at`, in the type C."""
    value = tl.load(x + at, inside).to(C)
    if CLAMP:
        value = tl.maximum(value, low.to(C), propagate_nan=tl.PropagateNan.ALL)
        value = tl.minimum(value, high.to(C), propagate_nan=tl.PropagateNan.ALL)
    else:
        value *= factor
    tl.store(x + at, value, inside)


@triton.jit
def _update_chunk(
    x, n, start, factor, low, high,
    CLAMP: tl.constexpr, C: tl.constexpr, CHUNK: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """CHUNK elements from `start` on: clamped, or times the factor, which is a tensor's element or `low`."""
    scale = low.to(C)
    if factor is not None:
        scale = tl.load(factor).to(C)
    stop = tl.minimum(n - start, CHUNK)
    whole = stop // BLOCK * BLOCK
    for offset in range(0, whole, BLOCK):
        _update_block(x, start + offset + tl.arange(0, BLOCK), None, scale, low, high, CLAMP, C)
    if whole < stop:
        at = start + whole + tl.arange(0, BLOCK)
        _update_block(x, at, at < n, scale, low, high, CLAMP, C)


@triton.jit
def update_kernel(
    x, n, factor, low: fp64, high: fp64,
    CLAMP: tl.constexpr, C: tl.constexpr, CHUNK: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """x = x times the factor, or x within [low, high], of one tensor of n elements."""
    start = tl.program_id(0).to(tl.int64) * CHUNK
    _update_chunk(x, n, start, factor, low, high, CLAMP, C, CHUNK, BLOCK)


@triton.jit
def update_table_kernel(
    table, chunks, factor, low: fp64, high: fp64,
    CLAMP: tl.constexpr, C: tl.constexpr, T: tl.constexpr, ALIGN: tl.constexpr, CHUNK: tl.constexpr,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """As `update_kernel`, of the tensor that the table names for this program."""
    row, start = table_entry(table, chunks, 3, CHUNK, BLOCK)
    x = memory_at(row, T, ALIGN)
    _update_chunk(x, tl.load(row + 1), start, factor, low, high, CLAMP, C, CHUNK, BLOCK)


def foreach_scale(tensors: Sequence[Buffer], factor: Buffer | float) -> None:
    """Every tensor times the factor, in place; all of one type."""
    scalar = isinstance(factor, Buffer)
    number = 1.0 if scalar else float(factor)  # type: ignore[arg-type]
    _update(tensors, factor if scalar else None, number, number, False)


def foreach_clamp(tensors: Sequence[Buffer], low: float, high: float) -> None:
    """Every element of every tensor brought into [low, high], in place; all of one type."""
    _update(tensors, None, float(low), float(high), True)


def _update(tensors: Sequence[Buffer], factor: Any, low: float, high: float, clamp: bool) -> None:
    back: list[tuple[Buffer, Buffer]] = []
    rows = [row for row in flat_rows(tensors, back) if row[1]]
    if not rows:
        return
    kind = rows[0][0].dtype
    C = tl.float64 if kind is float64 else tl.float32
    options: dict[str, Any] = {"CLAMP": clamp, "C": C, "CHUNK": CHUNK, "BLOCK": BLOCK, "num_warps": 8}
    # A tensor that is listed twice is updated twice, one after the other.
    if len(rows) == 1 or len({b.ptr for b, _ in rows}) < len(rows):
        for b, n in rows:
            launch(update_kernel, (-(-n // CHUNK),), b, n, factor, low, high, **options)
    else:
        key = tuple([(b.ptr, n) for b, n in rows])
        rows_of, align = table(key, lay_out, rows[0][0]), alignment(key)
        chunks = sum([-(-n // CHUNK) for _, n in rows])
        launch(
            update_table_kernel, (chunks,), rows_of, chunks, factor, low, high, T=TYPES[kind.name], ALIGN=align,
            **options,
        )  # fmt: skip
    for target, temporary in back:
        copy(target, temporary)


def COMPILE() -> list[Case]:
    """The cases of the compile check."""
    cases, warps = [], 8
    sizes = {"CHUNK": CHUNK, "BLOCK": BLOCK}
    modes = [*MODES.values(), "power"]
    for kind, c in (
        (tl.float32, tl.float32),
        (tl.float16, tl.float32),
        (tl.bfloat16, tl.float32),
        (tl.float64, tl.float64),
    ):
        types = {"C": c, "T": kind, "ALIGN": 16, **sizes}
        text = f"*{c.name}"
        for mode in modes if kind is tl.float32 else ("squares", "max"):
            signature = f"*i64 {text} i32 fp64"
            cases.append(
                Case(norm_table_kernel, signature, {"MODE": mode, **types}, num_warps=warps, wide="loads")
            )
        for clamp, factor in ((False, text), (False, "None"), (True, "None")):
            constants, label = {"CLAMP": clamp, **types}, f"{kind.name},CLAMP={clamp},factor={factor}"
            signature = f"*i64 i32 {factor} fp64 fp64"
            cases.append(Case(update_table_kernel, signature, constants, label, num_warps=warps, wide="both"))
    for mode in modes:
        constants = {"MODE": mode, "C": tl.float32, **sizes}
        cases.append(Case(norm_kernel, "*fp32 *fp32 i32 i32 fp64", constants, num_warps=warps, wide="loads"))
        constants = {"MODE": mode, "BLOCK": PARTIALS}
        cases.append(Case(norm_finish_kernel, "*fp32 *fp32 i32 i32 fp64", constants))
        constants = {"MODE": mode, "CHUNK": CHUNK, "BLOCK": PARTIALS}
        cases.append(Case(norm_finish_table_kernel, "*fp32 i32=1 *i64 *fp32 i32 fp64", constants))
    constants = {"CLAMP": False, "C": tl.float32, **sizes}
    cases.append(Case(update_kernel, "*bf16 i32 *bf16 fp64 fp64", constants, num_warps=warps, wide="both"))
    return cases
