"""Cross-entropy of a linear layer's scores, which are made for a chunk of rows at a time and never all at once.

A chunk's scores are a product into a workspace that all chunks share; the kernels of cross-entropy go over it, and
in backward write the gradient over the scores, which two further products turn into gradients of the chunk's input
and of the layer's weight. The latter is added up in place by the products themselves, chunk after chunk.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import triton
from triton import language as tl

from tritonnn.buffer import Buffer
from tritonnn.kernels import _gemm, _math, linalg, loss
from tritonnn.kernels import reduction as reductions
from tritonnn.kernels._case import Case
from tritonnn.kernels._configs_gemm import LEAN, TABLE, Gemm
from tritonnn.kernels._launch import empty
from tritonnn.kernels._pointwise import pointwise
from tritonnn.kernels._pointwise_cases import case
from tritonnn.kernels._replay import replayed
from tritonnn.kernels.shape import copy, fill


@triton.jit
def plus(x, y):
    """x + y."""
    return x + y


@triton.jit
def times(x, grad):
    """x, multiplied by what the loss receives."""
    return x * grad


@triton.jit
def times_share(x, grad, total):
    """x, multiplied by a sample's share of what the loss receives; without any weight 0 stays 0."""
    return tl.where((x == 0.0) & (total == 0.0), 0.0, x * _math.divide(grad, total))


_plus, _times, _times_share = pointwise(plus), pointwise(times), pointwise(times_share)


@replayed
def fused_linear_cross_entropy(
    out: Buffer, shift: Buffer, sumexp: Buffer, total_weight: Buffer, input: Buffer, linear_weight: Buffer,
    linear_bias: Buffer | None, target: Buffer, weight: Buffer | None, ignore_index: int, label_smoothing: float,
    reduction: str, chunking: Any,
) -> None:  # fmt: skip
    """The loss, and for backward shift and sum(exp(x - shift)) of every row and the sum of the weights."""
    count, each = input.shape[0], reduction == "none"
    chunks = -(-count // chunking.rows)
    parts = empty((chunks, 2), total_weight.dtype, input)
    scores = _workspace(input, linear_weight, chunking.rows, chunking.scores)
    for k, (start, rows) in enumerate(_chunks(count, chunking.rows)):
        x = _rows(scores, 0, rows)
        linalg.linear(x, _rows(input, start, rows), linear_weight, linear_bias)
        loss.fused_cross_entropy(
            _rows(out, start, rows) if each else parts.as_strided((), (), 2 * k), _rows(shift, start, rows),
            _rows(sumexp, start, rows), parts.as_strided((), (), 2 * k + 1), x, _rows(target, start, rows), weight,
            ignore_index, label_smoothing, "none" if each else "sum",
        )  # fmt: skip
    loss.finish(out, total_weight, parts, chunks, reduction)


@replayed
def fused_linear_cross_entropy_backward(
    grad_input: Buffer, grad_weight: Buffer, grad_bias: Buffer, grad: Buffer, input: Buffer, linear_weight: Buffer,
    linear_bias: Buffer | None, target: Buffer, weight: Buffer | None, shift: Buffer, sumexp: Buffer,
    total_weight: Buffer, ignore_index: int, label_smoothing: float, reduction: str, chunking: Any,
    mask: tuple[bool, bool, bool],
) -> None:  # fmt: skip
    """The gradients that `mask` asks for, of the input, the layer's weight and its bias.

    With half precision and sums in float32, what a reduced loss receives is multiplied in at the very end: as a
    factor of every score's gradient it would make them underflow.
    """
    late = chunking.sums is not input.dtype and reduction != "none"
    received, how = grad, reduction
    if late:
        received, how = empty((), sumexp.dtype, grad), "sum"
        fill(received, 1)
    scores = _workspace(input, linear_weight, chunking.rows, chunking.scores)
    slopes = scores  # the gradient is written over them, unless it has to be narrower for the products
    if chunking.scores is not input.dtype:
        slopes = _workspace(input, linear_weight, chunking.rows, input.dtype)
    sums = _Sums(grad_input, grad_weight, grad_bias, input, linear_weight, chunking, late, mask)
    finish = (grad, total_weight, reduction) if late else None
    for start, rows in _chunks(input.shape[0], chunking.rows):
        x, d, part = _rows(scores, 0, rows), _rows(slopes, 0, rows), _rows(input, start, rows)
        linalg.linear(x, part, linear_weight, linear_bias)
        loss.fused_cross_entropy_backward(
            d, _rows(received, start, rows) if reduction == "none" else received, x, _rows(target, start, rows), weight,
            _rows(shift, start, rows), _rows(sumexp, start, rows), total_weight, ignore_index, label_smoothing, how,
        )  # fmt: skip
        sums.add(d, part, linear_weight, start, finish)
    sums.store(finish, input.shape[0] == 0)


class _Sums:
    """The gradients while they are added up."""

    def __init__(
        self, grad_input: Buffer, grad_weight: Buffer, grad_bias: Buffer, input: Buffer, linear_weight: Buffer,
        chunking: Any, late: bool, mask: tuple[bool, bool, bool],
    ) -> None:  # fmt: skip
        self.outs = (grad_input, grad_weight, grad_bias)
        self.mask = mask
        features, wide = input.shape[1], loss.statistics(input.dtype)
        classes = linear_weight.shape[0]
        self.input = empty((min(chunking.rows, input.shape[0]), features), wide, input) if late else None
        direct = grad_weight.dtype is chunking.sums or not mask[1]
        self.weight = grad_weight if direct else empty(linear_weight.shape, chunking.sums, input)
        self.bias = empty((2 if mask[2] else 0, classes), wide, input)

    def add(self, d: Buffer, x: Buffer, linear_weight: Buffer, start: int, finish: Any) -> None:
        """Take a chunk's gradient of the scores into account."""
        if self.mask[0]:
            target = _rows(self.outs[0], start, d.shape[0])
            if self.input is None:
                linalg.matmul_nd(target, d, linear_weight)
            else:
                wide = _rows(self.input, 0, d.shape[0])
                linalg.matmul_nd(wide, d, linear_weight)
                _store(target, wide, finish)
        if self.mask[1]:
            turned = d.as_strided(d.shape[::-1], d.strides[::-1])
            if start == 0:
                linalg.matmul_nd(self.weight, turned, x)
            else:
                linalg.addmm(self.weight, self.weight, turned, x, 1, 1)
        if self.mask[2]:
            total, more = self._bias_rows()
            reductions.sum(more if start else total, d, (0,), False, total.dtype)
            if start:
                _plus(total, total, more, compute=total.dtype)

    def _bias_rows(self) -> tuple[Buffer, Buffer]:
        classes = self.bias.shape[1]
        return self.bias.as_strided((classes,), (1,)), self.bias.as_strided((classes,), (1,), classes)

    def store(self, finish: Any, nothing: bool) -> None:
        """Write what is not in the results yet; 0 where there was `nothing` to add up."""
        if self.mask[1]:
            if nothing:
                fill(self.weight, 0)
            if finish is not None or self.weight is not self.outs[1]:
                _store(self.outs[1], self.weight, finish)
        if self.mask[2]:
            total = self._bias_rows()[0]
            if nothing:
                fill(total, 0)
            _store(self.outs[2], total, finish)


def _store(out: Buffer, sums: Buffer, finish: Any) -> None:
    """out = sums, times what the loss receives where that is left to do."""
    if finish is None:
        copy(out, sums)
        return
    grad, total_weight, reduction = finish
    if reduction == "mean":
        _times_share(out, sums, grad, total_weight, compute=sums.dtype)
    else:
        _times(out, sums, grad, compute=sums.dtype)


def _chunks(count: int, rows: int) -> Iterator[tuple[int, int]]:
    """The first row and the number of rows of every chunk."""
    for start in range(0, count, rows):
        yield start, min(rows, count - start)


def _rows(buffer: Buffer, start: int, count: int) -> Buffer:
    return buffer.as_strided((count, *buffer.shape[1:]), buffer.strides, start * buffer.strides[0])


def _workspace(input: Buffer, linear_weight: Buffer, rows: int, dtype: Any) -> Buffer:
    """Memory for a chunk of scores; every row starts as aligned as the first."""
    classes, rows = linear_weight.shape[0], min(rows, input.shape[0])
    line = -(-classes // 16) * 16
    return empty((rows, line), dtype, input).as_strided((rows, classes), (line, 1))


def _weight_product(arch: str, config: Gemm, add: bool) -> Case:
    """The product that makes the gradient of the weight, or adds to it: a lies as (k, m), and sums stay float32."""
    constants = {
        "BLOCK_M": config.m, "BLOCK_N": config.n, "BLOCK_K": config.k, "GROUP": config.group, "ACC": tl.float32,
        "PRECISION": "ieee", "IMPRECISE": None, "ADD": 2 if add else 0, "AFFINE": False, "SCALED": 0, "EPILOGUE": None,
    }  # fmt: skip
    pointers = f"*bf16 *bf16 *fp32 {'(*fp32)' if add else '()'}"
    full = config.m >= (64 if arch == "sm_90" else 128) or not arch.startswith(("sm_9", "sm_10"))
    promises: dict[str, Any] = {
        "label": f"{config.m}x{config.n}x{config.k},{config.warps}w,a^T{',add' if add else ''}",
        "num_warps": config.warps, "num_stages": config.stages, "spills": config.spills, "archs": (arch,),
        "matrix": True if full or arch.startswith("gfx") else "warp",
    }  # fmt: skip
    tail = "i32:16 i32=1 i32=1 i32=1"
    return Case(
        _gemm.gemm_kernel,
        f"{pointers} (i32=1) (i32:16) (i32:16) (i32:16) (i32:16) i32:16 i32:16 i32:16 i32:16 i32=1 i32:16 i32:16 i32=1 "
        f"i32:16 i32=1 {tail} i32:16 fp64 fp64",
        {**constants, "A_BITS": "", "B_BITS": "", "EVEN_K": True, "INT64": False}, **promises,
    )  # fmt: skip


def COMPILE() -> list[Case]:
    """The scalar functions, and the weight's gradient by every configuration that may be chosen for it."""
    cases = [
        case(plus), case(times), case(times, out="bf16"), case(times_share), case(times_share, out="bf16"),
    ]  # fmt: skip
    for arch in ("sm_80", "sm_90", "sm_100", "gfx942"):
        for config in TABLE[arch]["half"]:
            if config.persistent:  # not for a result in float32
                continue
            cases.append(_weight_product(arch, config, False))
            if config.m * config.n <= LEAN * config.warps:
                cases.append(_weight_product(arch, config, True))
    return cases
