"""Normalisation layers: layer and RMS here, batch and group in `batch_norm.py`; kernels in `_row_kernels.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from triton import language as tl

from tritonnn.buffer import Buffer
from tritonnn.dtypes import float64
from tritonnn.kernels.check.case import Case, elements, elements_of_long_rows
from tritonnn.kernels.device.strided import contiguous, contiguous_or_none
from tritonnn.kernels.launch.launch import architecture, empty, launch, multiprocessors, needs_int64
from tritonnn.kernels.launch.replay import replayed
from tritonnn.kernels.normalization._row_kernels import (
    add_parts_kernel,
    column_sums_kernel,
    long_row_backward_kernel,
    row_norm_backward_kernel,
    row_norm_kernel,
)
from tritonnn.kernels.normalization.batch_norm import cases as channel_cases
from tritonnn.kernels.tables.reduction import choose_rows, power_of_2
from tritonnn.shape import numel

LONGEST_ROW = 16384  # what one program holds of a row in forward
LONGEST_BACKWARD = 8192  # in backward, beside weight, gradient and two sums
COLUMNS = 128
REGISTERS = 128  # of a thread, so that programs of 16 warps together share a multiprocessor


class Backward(NamedTuple):
    """Rows and columns of a tile, warps, programs of the persistent grid, and stages of its pipeline."""

    rows: int
    block: int
    warps: int
    programs: int
    stages: int


def choose_backward(
    rows: int, length: int, processors: int, itemsize: int, pipelined: bool = True
) -> Backward:
    """How the gradients of `rows` rows of `length` elements (at most LONGEST_BACKWARD) are divided."""
    block_rows, block, warps = choose_rows(rows, length)
    # dy beside x, and sums for both gradients: half of forward's rows
    block_rows = max(1, block_rows // 2)
    if block >= 4096:
        warps = 16 if block > 4096 else 8
    resident = max(1, 16 // warps)  # programs that share a multiprocessor
    programs = max(1, min(-(-rows // block_rows), processors * resident))
    # shared memory for two more rows of dy and x, 128 KiB a multiprocessor at most; tiles of several short rows
    # would be put together anew from there, element by element
    stages = 1 if block_rows > 1 or itemsize > 4 or not pipelined else 3
    return Backward(block_rows, block, warps, programs, stages)


@replayed
def native_layer_norm(
    out: Buffer, mean: Buffer, rstd: Buffer, input: Buffer, normalized_shape: Sequence[int],
    weight: Buffer | None, bias: Buffer | None, eps: float,
) -> None:  # fmt: skip
    """(x - mean) / std * weight + bias over the last dimensions."""
    _forward(out, mean, rstd, input, numel(normalized_shape), weight, bias, eps)


@replayed
def fused_rms_norm(
    out: Buffer,
    rstd: Buffer,
    input: Buffer,
    normalized_shape: Sequence[int],
    weight: Buffer | None,
    eps: float,
) -> None:
    """x / root mean square * weight over the last dimensions."""
    _forward(out, None, rstd, input, numel(normalized_shape), weight, None, eps)


@replayed
def native_layer_norm_backward(
    grad_input: Buffer, grad_weight: Buffer, grad_bias: Buffer, grad: Buffer, input: Buffer,
    normalized_shape: Sequence[int], mean: Buffer, rstd: Buffer, weight: Buffer | None,
    output_mask: tuple[bool, bool, bool],
) -> None:  # fmt: skip
    """Gradients of layer normalisation that `output_mask` asks for."""
    grads = (grad_input, grad_weight, grad_bias)
    _backward(grads, grad, input, numel(normalized_shape), mean, rstd, weight, output_mask)


@replayed
def fused_rms_norm_backward(
    grad_input: Buffer, grad_weight: Buffer, grad: Buffer, input: Buffer, normalized_shape: Sequence[int],
    rstd: Buffer, weight: Buffer | None, output_mask: tuple[bool, bool],
) -> None:  # fmt: skip
    """Gradients of RMS normalisation that `output_mask` asks for."""
    grads = (grad_input, grad_weight, grad_weight)
    _backward(grads, grad, input, numel(normalized_shape), None, rstd, weight, (*output_mask, False))


def _rows(buffer: Buffer, length: int) -> tuple[Buffer, int]:
    """The buffer and the distance of its rows of `length` neighbours; a copy where there are no such rows."""
    if buffer.ndim == 2 and buffer.shape[1] == length and (buffer.strides[1] == 1 or length == 1):
        return buffer, buffer.strides[0]
    return contiguous(buffer), length


def _forward(
    out: Buffer, mean: Buffer | None, rstd: Buffer, input: Buffer, length: int, weight: Buffer | None,
    bias: Buffer | None, eps: float,
) -> None:  # fmt: skip
    rows = rstd.numel
    x, stride_x = _rows(input, length)
    once = length <= LONGEST_ROW
    block_rows, block, warps = choose_rows(rows, length) if once else (1, 8192, 16)
    launch(
        row_norm_kernel, (-(-rows // block_rows),), out, mean, rstd, x, contiguous_or_none(weight),
        contiguous_or_none(bias), stride_x, rows, length, float(eps), ACC=_acc(rstd), ONCE=once,
        BLOCK_K=block_rows, BLOCK_R=block,
        INT64=needs_int64(out, x), num_warps=warps,
    )  # fmt: skip


def _backward(
    grads: tuple[Buffer, ...], grad: Buffer, input: Buffer, length: int, mean: Buffer | None, rstd: Buffer,
    weight: Buffer | None, mask: tuple[bool, ...],
) -> None:  # fmt: skip
    rows, int64 = rstd.numel, needs_int64(grad, input)
    dy, stride_dy = _rows(grad, length)
    x, stride_x = _rows(input, length)
    operands = (dy, x, mean, rstd, contiguous_or_none(weight), stride_dy, stride_x)
    processors = multiprocessors(input)
    acc = _acc(rstd)
    if length <= LONGEST_BACKWARD:
        pipelined = not architecture().startswith("gfx")
        tile = choose_backward(rows, length, processors, input.dtype.itemsize, pipelined)
        partials = empty((tile.programs, 2, length), rstd.dtype, input)
        launch(
            row_norm_backward_kernel, (tile.programs,), grads[0], partials, *operands, rows, length,
            WANT_INPUT=mask[0], WANT_WEIGHT=mask[1], WANT_BIAS=mask[2], ACC=acc, BLOCK_K=tile.rows,
            BLOCK_R=tile.block, STAGES=tile.stages, INT64=int64, num_warps=tile.warps,
            **({"maxnreg": REGISTERS} if tile.stages > 1 else {}),
        )  # fmt: skip
        count = tile.programs
    else:
        if mask[0]:
            launch(
                long_row_backward_kernel, (rows,), grads[0], *operands, length, ACC=acc, BLOCK_R=4096,
                INT64=int64, num_warps=16,
            )  # fmt: skip
        strips = -(-length // COLUMNS)
        chunk = max(32, -(-rows * strips // (4 * processors)) // 32 * 32)
        count = -(-rows // chunk)
        partials = empty((count, 2, length), rstd.dtype, input)
        if mask[1] or mask[2]:
            launch(
                column_sums_kernel, (strips, count), partials, *operands[:4], *operands[5:], rows, length,
                chunk,
                ACC=acc, BLOCK_K=32, BLOCK_C=COLUMNS, INT64=int64, num_warps=4,
            )  # fmt: skip
    if mask[1] or mask[2]:
        launch(
            add_parts_kernel, (-(-length // COLUMNS),), grads[1], grads[2], partials, count, length,
            WANT_WEIGHT=mask[1], WANT_BIAS=mask[2], ACC=acc, BLOCK_P=min(32, power_of_2(count)),
            BLOCK_C=COLUMNS, num_warps=4,
        )  # fmt: skip


def _acc(saved: Buffer) -> Any:
    return tl.float64 if saved.dtype is float64 else tl.float32


def COMPILE() -> list[Case]:
    """Short, typical and long rows; LayerNorm in bf16 and fp32, RMSNorm in bf16."""
    cases = channel_cases()
    for kind, length in (
        ("bf16", 64),
        ("bf16", 4096),
        *[("fp32", 1 << k) for k in range(LONGEST_ROW.bit_length())],
        ("bf16", 100000),
    ):
        size = "i32=1" if length == 1 else "i32" if length % 16 else "i32:16"
        once = length <= LONGEST_ROW
        together, block, warps = choose_rows(8192, length) if once else (1, 8192, 16)
        constants = {"ACC": tl.float32, "ONCE": once, "BLOCK_K": together, "BLOCK_R": block, "INT64": False}
        for mean, bias in (("*fp32", f"*{kind}"), ("None", "None")):
            cases.append(Case(
                row_norm_kernel, f"*{kind} {mean} *fp32 *{kind} *{kind} {bias} {size} i32 {size} fp64",
                constants,
                label=f"{'rms' if mean == 'None' else 'layer'},{kind},{length}", num_warps=warps,
                wide="both" if length % 16 == 0 else "",
                spills=8 if length == LONGEST_ROW else 0,
                work=elements(together * block, 4 if kind == "bf16" else 8) if once and length >= 512 else None,
                 # a thread of 512 has 128 registers; before Triton 3.9
            ))  # fmt: skip
    lengths = [("fp32", 1 << k) for k in range(LONGEST_BACKWARD.bit_length())]
    for kind, length in (("bf16", 128), ("bf16", 4096), *lengths):
        size = "i32=1" if length == 1 else "i32" if length % 16 else "i32:16"
        loads, all_bytes = (4, 6) if kind == "bf16" else (8, 12)
        for pipelined, archs in ((True, ("sm_80", "sm_90", "sm_100")), (False, ("gfx942",))):
            how = choose_backward(8192, length, 132, 2 if kind == "bf16" else 4, pipelined)
            constants = {"WANT_INPUT": True, "WANT_WEIGHT": True, "WANT_BIAS": True, "ACC": tl.float32,
                         "BLOCK_K": how.rows, "BLOCK_R": how.block, "STAGES": how.stages, "INT64": False}  # fmt: skip
            cases.append(Case(
                row_norm_backward_kernel,
                f"*{kind} *fp32 *{kind} *{kind} *fp32 *fp32 *{kind} {size} {size} i32 {size}", constants,
                label=f"{kind},{length}", num_warps=how.warps, wide="both" if length >= 128 else "", archs=archs,
                work=elements_of_long_rows(loads, all_bytes, 1) if length >= 512 else None,
                maxnreg=REGISTERS if how.stages > 1 else None, spills=16,  # a thread has 128 registers
            ))  # fmt: skip
    rows = "*bf16 *bf16 *bf16 *fp32 *fp32 *bf16 i32:16 i32:16 i32:16"
    sums = "*fp32 *bf16 *bf16 *fp32 *fp32 i32:16 i32:16 i32 i32:16 i32:16"
    tile = {"ACC": tl.float32, "INT64": False}
    cases += [
        Case(long_row_backward_kernel, rows, {**tile, "BLOCK_R": 4096}, num_warps=16, wide="both"),
        Case(column_sums_kernel, sums, {**tile, "BLOCK_K": 32, "BLOCK_C": COLUMNS}, wide="loads"),
        Case(add_parts_kernel, "*bf16 *bf16 *fp32 i32 i32:16", {
            "WANT_WEIGHT": True, "WANT_BIAS": True, "ACC": tl.float32, "BLOCK_P": 32, "BLOCK_C": COLUMNS},
            wide="loads"),
    ]  # fmt: skip
    return cases
