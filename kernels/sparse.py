"""Products with sparse matrices, whose rows are given by where in the list of values each begins (CSR).

- `spmm_kernel`: sparse times dense. A program adds up one row's values times the rows of the dense matrix that they
  name, for a block of columns, in the order in which they stand: no atomics, the same bits on every run.
- `sddmm_kernel`: of a product of two dense matrices only the elements that a sparse one has.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import triton
from triton import language as tl

from tritonnn.buffer import Buffer
from tritonnn.dtypes import float64
from tritonnn.kernels.check.case import Case
from tritonnn.kernels.device.moving import fill
from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.strided import contiguous, folded, second_program
from tritonnn.kernels.launch.autotune import pick
from tritonnn.kernels.launch.launch import launch
from tritonnn.kernels.launch.replay import replayed
from tritonnn.kernels.tables.reduction import power_of_2


class Tile(NamedTuple):
    """Values of a row that are read at a time, by columns (or by terms of a sum); warps."""

    entries: int
    block: int
    warps: int


def choose_spmm(mean: int, columns: int) -> Tile:
    """The tile for rows of `mean` values on average and so many columns of the dense matrix."""
    block = min(256, max(16, power_of_2(columns)))
    entries = max(1, min(16, power_of_2(mean), 4096 // block))
    return Tile(entries, block, 4 if entries * block >= 1024 else 1)


def spmm_candidates(columns: int) -> list[Tile]:
    """What `autotune` measures."""
    widest = min(512, max(16, power_of_2(columns)))
    blocks = [b for b in (16, 32, 64, 128, 256, 512) if b <= widest]
    return [Tile(e, b, w) for b in blocks[-3:] for e in (1, 4, 16) for w in (1, 4)]


def choose_sddmm(terms: int) -> Tile:
    """The tile for sums of so many terms."""
    block = min(128, max(16, power_of_2(terms)))
    return Tile(max(1, min(64, 2048 // block)), block, 4)


@triton.jit
def spmm_kernel(
    out_ptr, values_ptr, dense_ptr, starts_ptr, places_ptr, n_columns, n_rows,
    ACC: tl.constexpr, BLOCK_E: tl.constexpr, BLOCK_N: tl.constexpr,
):  # fmt: skip
    """out[r, :] = sum of values[e] * dense[places[e], :] over the entries e of row r.

    Args:
        n_columns: of dense and out, which are contiguous. n_rows: of dense; what names none of them adds nothing.
    """
    row = tl.program_id(0).to(tl.int64)
    offs_n = second_program(True) * BLOCK_N + tl.arange(0, BLOCK_N)
    mask_n = offs_n < n_columns
    begin = tl.load(starts_ptr + row).to(tl.int64)
    end = tl.load(starts_ptr + row + 1).to(tl.int64)
    acc = tl.zeros((BLOCK_N,), ACC)
    for first in range(begin, end, BLOCK_E):
        entry = first + tl.arange(0, BLOCK_E)
        place = tl.load(places_ptr + entry, mask=entry < end, other=0).to(tl.int64)
        valid = (entry < end) & (place >= 0) & (place < n_rows)
        value = convert(tl.load(values_ptr + entry, mask=valid, other=0), ACC)
        x_ptrs = dense_ptr + place[:, None] * n_columns + offs_n[None, :]
        x = convert(tl.load(x_ptrs, mask=valid[:, None] & mask_n[None, :], other=0), ACC)
        acc += tl.sum(value[:, None] * x, axis=0)
    tl.store(out_ptr + row * n_columns + offs_n, convert(acc, out_ptr.dtype.element_ty), mask=mask_n)


@triton.jit
def sddmm_kernel(
    out_ptr, a_ptr, b_ptr, lines_ptr, places_ptr, n_entries, n_terms, a_rows, b_rows,
    ACC: tl.constexpr, BLOCK_E: tl.constexpr, BLOCK_K: tl.constexpr,
):  # fmt: skip
    """out[e] = sum over k of a[lines[e], k] * b[places[e], k]; a and b are contiguous."""
    entry = tl.program_id(0).to(tl.int64) * BLOCK_E + tl.arange(0, BLOCK_E)
    mask_e = entry < n_entries
    line = tl.load(lines_ptr + entry, mask=mask_e, other=0).to(tl.int64)
    place = tl.load(places_ptr + entry, mask=mask_e, other=0).to(tl.int64)
    valid = mask_e & (line >= 0) & (line < a_rows) & (place >= 0) & (place < b_rows)
    acc = tl.zeros((BLOCK_E,), ACC)
    for first in range(0, n_terms, BLOCK_K):
        offs_k = first + tl.arange(0, BLOCK_K)
        mask = valid[:, None] & (offs_k < n_terms)[None, :]
        x = convert(tl.load(a_ptr + line[:, None] * n_terms + offs_k[None, :], mask=mask, other=0), ACC)
        y = convert(tl.load(b_ptr + place[:, None] * n_terms + offs_k[None, :], mask=mask, other=0), ACC)
        acc += tl.sum(x * y, axis=1)
    tl.store(out_ptr + entry, convert(acc, out_ptr.dtype.element_ty), mask=mask_e)


def _accumulator(dtype: Any) -> Any:
    if dtype is float64:
        return tl.float64
    return tl.float32 if dtype.is_floating_point else tl.int64


@replayed
def spmm(out: Buffer, values: Buffer, dense: Buffer, starts: Buffer, places: Buffer) -> None:
    """out = the sparse matrix @ dense."""
    rows, columns = out.shape
    if not out.numel:
        return
    if not values.numel or not dense.numel:
        fill(out, 0)
        return
    buffers = tuple(map(contiguous, (values, dense, starts, places)))
    mean = values.shape[0] // rows

    def build(tile: Tile) -> Any:
        return lambda: launch(
            spmm_kernel, folded(rows, -(-columns // tile.block)), out, *buffers, columns, dense.shape[0],
            ACC=_accumulator(out.dtype), BLOCK_E=tile.entries, BLOCK_N=tile.block, num_warps=tile.warps,
        )  # fmt: skip

    problem = (out.dtype.name, rows, columns, mean)
    build(pick(spmm_kernel, problem, choose_spmm(mean, columns), spmm_candidates(columns), build))()


@replayed
def sddmm(out: Buffer, a: Buffer, b: Buffer, lines: Buffer, places: Buffer, starts: Buffer) -> None:
    """The elements (lines, places) of a @ b^T; the last argument concerns the gradient only."""
    if not out.numel:
        return
    if not a.numel or not b.numel:
        fill(out, 0)
        return
    buffers = tuple(map(contiguous, (a, b, lines, places)))
    tile = choose_sddmm(a.shape[1])
    launch(
        sddmm_kernel, (-(-out.numel // tile.entries),), out, *buffers, out.numel, *a.shape[::-1], b.shape[0],
        ACC=_accumulator(out.dtype), BLOCK_E=tile.entries, BLOCK_K=tile.block, num_warps=tile.warps,
    )  # fmt: skip


def COMPILE() -> list[Case]:
    """Every tile of both, in the types that differ."""
    kinds = (("fp32", tl.float32), ("bf16", tl.float32), ("fp64", tl.float64), ("i64", tl.int64))
    tiles = [choose_spmm(mean, 1 << k) for mean in (1, 4, 64) for k in (4, 6, 8)]
    cases = []
    for kind, acc in kinds:
        for tile in dict.fromkeys((*tiles, *spmm_candidates(512))) if kind == "fp32" else tiles[-1:]:
            cases.append(Case(
                spmm_kernel, f"*{kind} *{kind} *{kind} *i64 *i64 i32:16 i32",
                {"ACC": acc, "BLOCK_E": tile.entries, "BLOCK_N": tile.block},
                label=f"{kind},{tile.entries},{tile.block},{tile.warps}", num_warps=tile.warps,
            ))  # fmt: skip
        for tile in [choose_sddmm(1 << k) for k in (4, 5, 6, 7)] if kind == "fp32" else [choose_sddmm(128)]:
            cases.append(Case(
                sddmm_kernel, f"*{kind} *{kind} *{kind} *i64 *i64 i32 i32:16 i32 i32",
                {"ACC": acc, "BLOCK_E": tile.entries, "BLOCK_K": tile.block},
                label=f"{kind},{tile.entries},{tile.block}", num_warps=tile.warps,
            ))  # fmt: skip
    return cases
