"""Embedding tables: rows by index, their gradient, reductions of bags of rows; the kernels are in `_kernels.py`."""

from __future__ import annotations

from typing import Any, NamedTuple

from triton import language as tl

from tritonnn.buffer import Buffer
from tritonnn.dtypes import float32, float64, int32, int64
from tritonnn.errors import explained
from tritonnn.kernels.check.case import Case
from tritonnn.kernels.device.index_errors import watch, wrong
from tritonnn.kernels.device.moving import BITS, fill, moved, viewed
from tritonnn.kernels.device.strided import contiguous, flat, folded, merged, read
from tritonnn.kernels.embedding._kernels import (
    bag_kernel,
    chunk_sums_kernel,
    join_chunks_kernel,
    lookup_kernel,
)
from tritonnn.kernels.launch.launch import INTERPRET, empty, launch, needs_int64
from tritonnn.kernels.launch.replay import replayed
from tritonnn.kernels.sorting.sorting import sort
from tritonnn.kernels.tables.reduction import power_of_2

MODES = {"sum": 0, "mean": 1, "max": 2}
# Sorted indices a program adds up one after another; few, so that the simulated device takes the joins too.
CHUNK = 4 if INTERPRET else 32


class Lookup(NamedTuple):
    """Indices by features of a tile, and warps."""

    indices: int
    block: int
    warps: int


def choose_lookup(width: int) -> Lookup:
    """The tile that copies rows of this width."""
    block = min(1024, power_of_2(width))
    return Lookup(max(1, min(64, 2048 // block)), block, 4)


def row_warps(block: int, itemsize: int) -> int:
    """Warps of a program that walks along rows: each thread takes 16 bytes of the block's share of a row."""
    return max(1, min(4, block * itemsize // 512))


@replayed
def embedding_lookup(
    out: Buffer, weight: Buffer, indices: Buffer, padding_idx: int | None, scale_grad_by_freq: bool
) -> None:
    """weight[indices]; the last two arguments concern the gradient only."""
    out, weight = moved(out, weight)
    if weight.dtype.is_complex:  # two numbers are moved as one; complex128 is refused by the launch
        out, weight = (viewed(b, BITS[b.dtype.itemsize]) for b in (out, weight))
    rows, width = weight.shape
    shape, steps = merged(indices.shape, indices.strides)
    how = choose_lookup(width)
    flag = watch(weight)
    launch(
        lookup_kernel, folded(-(-indices.numel // how.indices), -(-width // how.block)), out, flag, weight, indices,
        shape, steps, *weight.strides, indices.numel, rows, width, BLOCK_I=how.indices, BLOCK_D=how.block,
        INT64=needs_int64(out, indices), num_warps=how.warps,
    )  # fmt: skip
    _refuse("embedding", flag, indices, rows, IndexError)


def _refuse(op: str, flag: Buffer | None, indices: Buffer, rows: int, kind: type[Exception]) -> None:
    bad = wrong(flag, indices)
    if bad is not None:
        raise explained(kind)(
            f"{op}: index out of range in self: index {bad[0]} of input takes value {bad[1]}, which "
            f"is not in the valid range [0, {rows})"
        )


def _accumulator(dtype: Any) -> tuple[Any, Any]:
    return (float64, tl.float64) if dtype is float64 else (float32, tl.float32)


@replayed
def embedding_backward(
    out: Buffer,
    grad: Buffer,
    indices: Buffer,
    num_weights: int,
    padding_idx: int | None,
    scale_grad_by_freq: bool,
) -> None:
    """Sum of the rows of `grad` by index; the row of `padding_idx` stays zero."""
    fill(out, 0.0)
    count, width = indices.numel, out.shape[1]
    if count == 0 or width == 0:
        return
    g, index = flat(grad), flat(indices)
    sorted_, order = empty((count,), indices.dtype, grad), empty((count,), int64, grad)
    sort(sorted_, order, index, 0, False, True)
    chunks = -(-count // CHUNK)
    dtype, acc = _accumulator(grad.dtype)
    parts, sizes = empty((chunks, 2, width), dtype, grad), empty((chunks, 2), int32, grad)
    block = min(1024, power_of_2(width))
    grid = folded(chunks, -(-width // block))
    common = dict(FREQUENCY=bool(scale_grad_by_freq), ACC=acc, CHUNK=CHUNK, BLOCK_D=block)
    warps = row_warps(block, grad.dtype.itemsize)
    sizes_of = (count, width, num_weights, -1 if padding_idx is None else padding_idx)
    launch(
        chunk_sums_kernel, grid, out, parts, sizes, g, order, sorted_, width, *sizes_of, num_warps=warps,
        **common,
    )  # fmt: skip
    launch(join_chunks_kernel, grid, out, parts, sizes, sorted_, *sizes_of, num_warps=warps, **common)


@replayed
def embedding_bag_lookup(
    out: Buffer, offset2bag: Buffer, bag_size: Buffer, max_indices: Buffer, weight: Buffer, indices: Buffer,
    offsets: Buffer, per_sample_weights: Buffer | None, mode: str, padding_idx: int | None,
    scale_grad_by_freq: bool, include_last_offset: bool,
) -> None:  # fmt: skip
    """Sum, mean or maximum of the rows of each bag; see the NumPy twin for the other results."""
    rows, width = weight.shape
    bags = offsets.shape[0] - bool(include_last_offset)
    flag = watch(weight)
    if flag is not None and offsets.shape[0]:
        _check_offsets(offsets, indices.shape[0])
    fill(offset2bag, -1)
    scale_step = 1 if per_sample_weights is None else per_sample_weights.strides[0]
    block = min(1024, power_of_2(max(width, 1)))
    launch(
        bag_kernel, folded(bags, max(1, -(-width // block))), out, offset2bag, bag_size, max_indices, flag, weight,
        indices, offsets, per_sample_weights, *weight.strides, indices.strides[0], offsets.strides[0], scale_step, bags,
        offsets.shape[0], indices.shape[0], rows, width, -1 if padding_idx is None else padding_idx,
        MODE=MODES[mode], ACC=_accumulator(weight.dtype)[1], BLOCK_D=block,
        num_warps=row_warps(block, weight.dtype.itemsize),
    )  # fmt: skip
    _refuse("embedding_bag", flag, indices, rows, RuntimeError)


def _check_offsets(offsets: Buffer, count: int) -> None:
    values = read(contiguous(offsets))
    if values[0] != 0:
        raise RuntimeError(
            "embedding_bag: offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to "
            f"start from position 0. However, got {values[0]}"
        )
    if values[-1] > count:
        raise RuntimeError(
            f"embedding_bag: offsets[-1] can not be greater than input's length {count}, but got {values[-1]}"
        )
    wrong = ((values < 0) | (values > count)).nonzero()[0]
    if wrong.size:
        raise RuntimeError(
            f"embedding_bag: offsets[{wrong[0]}] has to be in the range [0, {count}], but got {values[wrong[0]]}"
        )


def COMPILE() -> list[Case]:
    """Narrow and wide rows, gradients with and without frequencies, every mode of bags."""
    cases = []
    widths = [("fp32", 1 << k) for k in range(13)]
    for kind, width in (("bf16", 64), ("bf16", 1024), *widths):
        how = choose_lookup(width)
        size = "i32=1" if width == 1 else "i32" if width % 16 else "i32:16"
        cases.append(Case(
            lookup_kernel, f"*{kind} None *{kind} *i64 (i32) (i32=1) {size} i32=1 i32 i32 {size}",
            {"BLOCK_I": how.indices, "BLOCK_D": how.block, "INT64": False}, label=f"{kind},{width}",
            wide="both" if width % 16 == 0 else "",
        ))  # fmt: skip
    for kind, block in (("bf16", 64), ("bf16", 512), ("fp32", 1024)):
        for frequency in (False, True) if block != 512 else (False,):
            constants = {"FREQUENCY": frequency, "ACC": tl.float32, "CHUNK": 32, "BLOCK_D": block}
            label = f"{kind},{block}{',frequency' if frequency else ''}"
            warps = row_warps(block, 2 if kind == "bf16" else 4)
            cases += [
                Case(chunk_sums_kernel, f"*{kind} *fp32 *i32 *{kind} *i64 *i64 i32:16 i32 i32:16 i32 i32", constants,
                     label=label, num_warps=warps, wide="both" if block > 64 else ""),
                Case(join_chunks_kernel, f"*{kind} *fp32 *i32 *i64 i32 i32:16 i32 i32", constants, label=label,
                     num_warps=warps, wide="both" if block > 64 else ""),
            ]  # fmt: skip
    for mode in MODES.values():
        cases.append(Case(
            bag_kernel, "*fp32 *i64 *i64 *i64 None *fp32 *i64 *i64 *fp32 i32:16 i32=1 i32=1 i32=1 i32=1 i32 "
            "i32 i32 i32 i32:16 i32", {"MODE": mode, "ACC": tl.float32, "BLOCK_D": 256},
            num_warps=row_warps(256, 4), wide="both",
        ))  # fmt: skip
    return cases
