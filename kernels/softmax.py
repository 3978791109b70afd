"""Softmax along one dimension, and its gradient.

A program holds whole rows in registers, several of them where they are short, and so reads and writes every
element once. Longer rows are walked twice: once for maximum and sum, which are kept up to date on the way,
once to write. Along a dimension that is not contiguous the tile is as wide as it takes to read whole lines.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import triton
from triton import language as tl

from tritonnn.buffer import Buffer
from tritonnn.dtypes import float64
from tritonnn.kernels.check.case import Case
from tritonnn.kernels.device import math as _math
from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.reduce import tile_columns, tile_rows
from tritonnn.kernels.device.strided import offset_of
from tritonnn.kernels.launch.launch import Plan, Slot, needs_int64, planned
from tritonnn.kernels.reduction import logsumexp, merge
from tritonnn.kernels.tables.reduction import choose_rows, power_of_2
from tritonnn.shape import numel

LONGEST_ROW = 32768
LONGEST_PAIR = 16384  # rows of which two are held
LONG_BLOCK = 8192  # elements of a step over rows that are longer


@triton.jit
def softmax_kernel(
    out, inp, kept_shape, kept_in, kept_out, stride_in, stride_out, kept, length,
    LOG: tl.constexpr, ACC: tl.constexpr, ONCE: tl.constexpr,
    BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """out[i, :] = softmax or log_softmax of inp[i, :].

    Args:
        kept_shape: extents of the other dimensions; kept_in, kept_out: their strides.
        stride_in: distance of neighbours along the dimension; stride_out: in the output.
        kept: number of rows; length: elements of one.
        LOG: the logarithm is wanted. ACC: the type computed in. ONCE: a row fits into the tile.
    """
    i = tile_rows(BLOCK_K, INT64)
    present = (i < kept)[:, None]
    source = inp + offset_of(i, kept_shape, kept_in)[:, None]
    target = out + offset_of(i, kept_shape, kept_out)[:, None]
    if ONCE:
        j = tile_columns(0, BLOCK_R, INT64)[None, :]
        mask = present & (j < length)
        x = convert(tl.load(source + j * stride_in, mask=mask), ACC)
        x = tl.where(mask, x, float("-inf"))
        x = x - tl.max(x, axis=1)[:, None]
        e = _math.exp(x)
        total = tl.sum(e, axis=1)[:, None]
        result = x - tl.log(total) if LOG else e / total
        tl.store(target + j * stride_out, convert(result, out.dtype.element_ty), mask=mask)
    else:
        top = tl.full((BLOCK_K, BLOCK_R), float("-inf"), ACC)
        part = tl.zeros((BLOCK_K, BLOCK_R), ACC)
        for start in range(0, length, BLOCK_R):
            j = tile_columns(start, BLOCK_R, INT64)[None, :]
            mask = present & (j < length)
            x = convert(tl.load(source + j * stride_in, mask=mask), ACC)
            x = tl.where(mask, x, float("-inf"))
            higher = _math.maximum(top, x)
            shift = tl.where(higher == float("-inf"), 0.0, higher)
            part = part * _math.exp(top - shift) + _math.exp(x - shift)
            top = higher
        peak = tl.max(top, axis=1)[:, None]
        total = tl.sum(part * _math.exp(top - peak), axis=1)[:, None]
        for start in range(0, length, BLOCK_R):
            j = tile_columns(start, BLOCK_R, INT64)[None, :]
            mask = present & (j < length)
            x = convert(tl.load(source + j * stride_in, mask=mask), ACC) - peak
            result = x - tl.log(total) if LOG else _math.exp(x) / total
            tl.store(target + j * stride_out, convert(result, out.dtype.element_ty), mask=mask)


@triton.jit
def _gradient(g, y, total, LOG: tl.constexpr):
    if LOG:
        return g - _math.exp(y) * total
    else:
        return (g - total) * y


@triton.jit
def softmax_backward_kernel(
    out, grad, result, kept_shape, kept_grad, kept_result, kept_out, stride_grad, stride_result, stride_out,
    kept, length, LOG: tl.constexpr, ACC: tl.constexpr, ONCE: tl.constexpr,
    BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """out = y (g - sum(g y)) of softmax or g - exp(y) sum(g) of log_softmax, from the result y.

    Arguments as of `softmax_kernel`.
    """
    i = tile_rows(BLOCK_K, INT64)
    present = (i < kept)[:, None]
    grads = grad + offset_of(i, kept_shape, kept_grad)[:, None]
    results = result + offset_of(i, kept_shape, kept_result)[:, None]
    target = out + offset_of(i, kept_shape, kept_out)[:, None]
    if ONCE:
        j = tile_columns(0, BLOCK_R, INT64)[None, :]
        mask = present & (j < length)
        g = convert(tl.load(grads + j * stride_grad, mask=mask, other=0.0), ACC)
        y = convert(tl.load(results + j * stride_result, mask=mask, other=0.0), ACC)
        total = tl.sum(g if LOG else g * y, axis=1)[:, None]
        value = convert(_gradient(g, y, total, LOG), out.dtype.element_ty)
        tl.store(target + j * stride_out, value, mask=mask)
    else:
        part = tl.zeros((BLOCK_K, BLOCK_R), ACC)
        for start in range(0, length, BLOCK_R):
            j = tile_columns(start, BLOCK_R, INT64)[None, :]
            mask = present & (j < length)
            g = convert(tl.load(grads + j * stride_grad, mask=mask, other=0.0), ACC)
            if LOG:
                part += g
            else:
                part += g * convert(tl.load(results + j * stride_result, mask=mask, other=0.0), ACC)
        total = tl.sum(part, axis=1)[:, None]
        for start in range(0, length, BLOCK_R):
            j = tile_columns(start, BLOCK_R, INT64)[None, :]
            mask = present & (j < length)
            g = convert(tl.load(grads + j * stride_grad, mask=mask, other=0.0), ACC)
            y = convert(tl.load(results + j * stride_result, mask=mask, other=0.0), ACC)
            value = convert(_gradient(g, y, total, LOG), out.dtype.element_ty)
            tl.store(target + j * stride_out, value, mask=mask)


class Walk(NamedTuple):
    """A tile of rows by elements, whether a row fits into it, and warps."""

    rows: int
    block: int
    once: bool
    warps: int


def choose_walk(rows: int, length: int, contiguous: bool, longest: int) -> Walk:
    """The tile for `rows` rows of `length` elements.

    Args:
        rows: number of rows.
        length: elements of one.
        contiguous: whether a row's elements are neighbours in memory (else those of neighbouring rows are).
        longest: what a program can hold of one row.
    """
    if contiguous:
        if length <= longest:
            together, block, warps = choose_rows(rows, length)
            return Walk(together, block, True, warps)
        return Walk(1, LONG_BLOCK, False, 16)
    width = min(32, power_of_2(rows))
    block = power_of_2(length)
    if block * width <= longest:
        while width > 8 and block * width > LONG_BLOCK:
            width //= 2
        return Walk(width, block, True, 8 if block * width > 4096 else 4)
    return Walk(width, max(1, LONG_BLOCK // width), False, 8)


def softmax(out: Buffer, input: Buffer, dim: int) -> None:
    """exp(x) / sum(exp(x)) along `dim`."""
    _forward(out, input, dim, False)


def log_softmax(out: Buffer, input: Buffer, dim: int) -> None:
    """x - log(sum(exp(x))) along `dim`."""
    _forward(out, input, dim, True)


def softmax_backward(out: Buffer, grad: Buffer, result: Buffer, dim: int) -> None:
    """y (g - sum(g y)) along `dim`, from the result y of softmax."""
    _backward(out, grad, result, dim, False)


def log_softmax_backward(out: Buffer, grad: Buffer, result: Buffer, dim: int) -> None:
    """g - exp(y) sum(g) along `dim`, from the result y of log_softmax."""
    _backward(out, grad, result, dim, True)


def logsumexp_dims(out: Buffer, input: Buffer, dim: Sequence[int], keepdim: bool) -> None:
    """log(sum(exp(x))) over dim."""
    logsumexp(out, input, tuple(dim))


def _rows(dim: int, *buffers: Buffer) -> tuple[Any, tuple[int, ...], int]:
    """The other dimensions merged (extents, strides per buffer), the strides along `dim`, its extent."""
    first = buffers[0]
    if not first.shape:
        return ((1,), *[(1,)] * len(buffers)), (1,) * len(buffers), 1
    others = [d for d in range(first.ndim) if d != dim]
    sides = [(first.shape[d], *[b.strides[d] for b in buffers]) for d in others]
    return merge(sides, 1 + len(buffers)), tuple([b.strides[dim] for b in buffers]), first.shape[dim]


@planned
def _forward(out: Buffer, input: Buffer, dim: int, log: bool) -> Callable[..., None]:
    (shape, from_input, to_out), (step_in, step_out), length = _rows(dim, input, out)
    rows = numel(shape)
    how = choose_walk(rows, length, abs(step_in) <= abs(from_input[-1]) or rows == 1, LONGEST_ROW)
    return Plan(
        softmax_kernel, (-(-rows // how.rows) if length else 0,), Slot(0), Slot(1), shape, from_input, to_out,
        step_in, step_out, rows, length, LOG=log, ACC=tl.float64 if input.dtype is float64 else tl.float32,
        ONCE=how.once, BLOCK_K=how.rows, BLOCK_R=how.block,
        INT64=needs_int64(out, input) or rows + how.rows >= 2**31, num_warps=how.warps,
    )  # fmt: skip


@planned
def _backward(out: Buffer, grad: Buffer, result: Buffer, dim: int, log: bool) -> Callable[..., None]:
    (shape, g, y, to_out), steps, length = _rows(dim, grad, result, out)
    rows = numel(shape)
    how = choose_walk(rows, length, abs(steps[1]) <= abs(y[-1]) or rows == 1, LONGEST_PAIR)
    return Plan(
        softmax_backward_kernel, (-(-rows // how.rows) if length else 0,), Slot(0), Slot(1), Slot(2), shape, g, y,
        to_out, *steps, rows, length, LOG=log, ACC=tl.float64 if result.dtype is float64 else tl.float32,
        ONCE=how.once, BLOCK_K=how.rows, BLOCK_R=how.block,
        INT64=needs_int64(out, grad, result) or rows + how.rows >= 2**31, num_warps=how.warps,
    )  # fmt: skip


def _case(kernel: Any, kind: str, length: int, log: bool, contiguous: bool = True) -> Case:
    backward = kernel is softmax_backward_kernel
    how = choose_walk(8192, length, contiguous, LONGEST_PAIR if backward else LONGEST_ROW)
    buffers = 3 if backward else 2
    size = "i32=1" if length == 1 else "i32" if length % 16 else "i32:16"
    row, step = (f"({size})", "i32=1") if contiguous else ("(i32:16 i32=1)", "i32:16")
    shape = "(i32:16)" if contiguous else "(i32:16 i32:16)"
    return Case(
        kernel,
        " ".join([f"*{kind}"] * buffers + [shape] + [row] * buffers + [step] * buffers + ["i32:16", size]),
        {"LOG": log, "ACC": tl.float32, "ONCE": how.once, "BLOCK_K": how.rows, "BLOCK_R": how.block,
         "INT64": False},
        label=f"{'log,' if log else ''}{kind},{length}{'' if contiguous else ',channels'}",
        num_warps=how.warps, wide="both" if length % 16 == 0 else "",
    )  # fmt: skip


def COMPILE() -> list[Case]:
    """Every tile of rows and of columns, and rows of two passes."""
    cases = []
    for kernel in (softmax_kernel, softmax_backward_kernel):
        longest = LONGEST_ROW if kernel is softmax_kernel else LONGEST_PAIR
        cases += [_case(kernel, "fp32", 1 << k, False) for k in range(longest.bit_length())]
        cases.append(_case(kernel, "fp32", 131072, False))
        cases += [_case(kernel, "bf16", n, False) for n in (1024, longest)]
        cases += [_case(kernel, "fp32", n, True) for n in (1024, 131072)]
        walks = {choose_walk(8192, 1 << k, False, longest): 1 << k for k in range(longest.bit_length())}
        cases += [_case(kernel, "fp32", length, False, contiguous=False) for length in walks.values()]
    return cases
