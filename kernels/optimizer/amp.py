"""Unscaling gradients, with a look whether all are finite, and the scale's update: what a gradient scaler runs.

As in foreach.py, the addresses of the gradients stand in a table on the device; nothing comes back to the host.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import triton
import triton.language as tl

from tritonnn.buffer import Buffer
from tritonnn.dtypes import float64
from tritonnn.kernels.check.case import Case
from tritonnn.kernels.device.moving import copy
from tritonnn.kernels.launch.launch import fp64, launch
from tritonnn.kernels.optimizer._tensor_lists import TYPES, memory_at, table, table_entry
from tritonnn.kernels.optimizer.foreach import BLOCK, CHUNK, alignment, flat_rows, lay_out


@triton.jit
def _unscale_block(x, at, inside, inverse, C: tl.constexpr):
    """Unscale the elements at `at`; 1 where one of them is not finite, else 0."""
    value = tl.load(x + at, inside).to(C)
    # of infinities and NaN the difference is NaN
    odd = value - value != 0
    if inside is not None:
        odd &= inside
    tl.store(x + at, value * inverse, inside)
    return tl.max(odd.to(tl.int32), 0)


@triton.jit
def _unscale_chunk(
    x, n, start, found, inv_scale, C: tl.constexpr, CHUNK: tl.constexpr, BLOCK: tl.constexpr
):  # fmt: skip
    """CHUNK elements from `start` on, times the inverse; `found` becomes 1 where one of them was not finite."""
    inverse = tl.load(inv_scale).to(C)
    stop = tl.minimum(n - start, CHUNK)
    whole = stop // BLOCK * BLOCK
    bad = 0
    for offset in range(0, whole, BLOCK):
        bad |= _unscale_block(x, start + offset + tl.arange(0, BLOCK), None, inverse, C)
    if whole < stop:
        at = start + whole + tl.arange(0, BLOCK)
        bad |= _unscale_block(x, at, at < n, inverse, C)
    if bad != 0:
        tl.atomic_max(found, 1.0)


@triton.jit
def unscale_kernel(
    x, n, found, inv_scale, C: tl.constexpr, CHUNK: tl.constexpr, BLOCK: tl.constexpr
):  # fmt: skip
    """One gradient of n elements."""
    start = tl.program_id(0).to(tl.int64) * CHUNK
    _unscale_chunk(x, n, start, found, inv_scale, C, CHUNK, BLOCK)


@triton.jit
def unscale_table_kernel(
    table, chunks, found, inv_scale,
    C: tl.constexpr, T: tl.constexpr, ALIGN: tl.constexpr, CHUNK: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """As `unscale_kernel`, of the gradient that the table names for this program."""
    row, start = table_entry(table, chunks, 3, CHUNK, BLOCK)
    x = memory_at(row, T, ALIGN)
    _unscale_chunk(x, tl.load(row + 1), start, found, inv_scale, C, CHUNK, BLOCK)


def amp_unscale(grads: Sequence[Buffer], found_inf: Buffer, inv_scale: Buffer) -> None:
    """Every gradient times the inverse, in place; all of one type."""
    back: list[tuple[Buffer, Buffer]] = []
    rows = [row for row in flat_rows(grads, back) if row[1]]
    if not rows:
        return
    kind = rows[0][0].dtype
    C = tl.float64 if kind is float64 else tl.float32
    options: dict[str, Any] = {"C": C, "CHUNK": CHUNK, "BLOCK": BLOCK, "num_warps": 8}
    # A tensor that is listed twice is unscaled twice, one after the other.
    if len(rows) == 1 or len({b.ptr for b, _ in rows}) < len(rows):
        for b, n in rows:
            launch(unscale_kernel, (-(-n // CHUNK),), b, n, found_inf, inv_scale, **options)
    else:
        key = tuple([(b.ptr, n) for b, n in rows])
        chunks = sum([-(-n // CHUNK) for _, n in rows])
        launch(
            unscale_table_kernel, (chunks,), table(key, lay_out, rows[0][0]), chunks, found_inf, inv_scale,
            T=TYPES[kind.name], ALIGN=alignment(key), **options,
        )  # fmt: skip
    for target, temporary in back:
        copy(target, temporary)


@triton.jit
def update_scale_kernel(scale, tracker, found, growth: fp64, backoff: fp64, interval):
    """The next scale: smaller where something was not finite, larger after `interval` times that nothing was."""
    old, count = tl.load(scale), tl.load(tracker)
    bad = tl.load(found) != 0
    # in double precision, as the factors are; rounded once
    grown = (old.to(tl.float64) * growth).to(tl.float32)
    shrunk = (old.to(tl.float64) * backoff).to(tl.float32)
    # what would overflow stays as it is
    grown = tl.where(grown - grown == 0, grown, old)
    due = count + 1 == interval
    tl.store(scale, tl.where(bad, shrunk, tl.where(due, grown, old)))
    tl.store(tracker, tl.where(bad | due, 0, count + 1))


def amp_update(
    scale: Buffer, growth_tracker: Buffer, found_inf: Buffer, growth: float, backoff: float, interval: int
) -> None:
    """The scale and the number of good steps in a row, brought up to date in place."""
    launch(
        update_scale_kernel,
        (1,),
        scale,
        growth_tracker,
        found_inf,
        float(growth),
        float(backoff),
        int(interval),
    )


def COMPILE() -> list[Case]:
    """The cases of the compile check."""
    cases, sizes = [], {"CHUNK": CHUNK, "BLOCK": BLOCK}
    for kind, c in (
        (tl.float32, tl.float32),
        (tl.float16, tl.float32),
        (tl.bfloat16, tl.float32),
        (tl.float64, tl.float64),
    ):
        constants = {"C": c, "T": kind, "ALIGN": 16, **sizes}
        cases.append(
            Case(unscale_table_kernel, "*i64 i32 *fp32 *fp32", constants, kind.name, num_warps=8, wide="both")
        )
    constants = {"C": tl.float32, **sizes}
    cases.append(Case(unscale_kernel, "*fp32 i32 *fp32 *fp32", constants, num_warps=8, wide="both"))
    cases.append(Case(update_scale_kernel, "*fp32 *i32 *fp32 fp64 fp64 i32"))
    return cases
