"""Cross-entropy of a linear layer's scores, which are made for a chunk of rows at a time and never all at once.

All scores would be (rows, classes): for 8,192 rows and 128,256 classes 2 GiB in bfloat16, and as much again
for their gradient. A chunk's scores are a product into a workspace that all chunks share; the kernel of
cross-entropy goes over it, and where gradients are wanted writes that of the scores over them, which two
further products turn into gradients of the chunk's input and of the layer's weight. The latter is added up in
place by the products themselves, chunk after chunk. So forward does three products a chunk and backward only
a scaling, instead of making the scores twice.
"""

from __future__ import annotations

from typing import Any

import triton
from triton import language as tl

from tritonnn.buffer import Buffer
from tritonnn.kernels import reduction as reductions
from tritonnn.kernels.check.case import Case
from tritonnn.kernels.device import math as _math
from tritonnn.kernels.device.moving import copy, fill
from tritonnn.kernels.device.pointwise import pointwise
from tritonnn.kernels.device.pointwise_cases import case
from tritonnn.kernels.launch.launch import empty
from tritonnn.kernels.launch.replay import replayed
from tritonnn.kernels.linalg import _kernels as _gemm
from tritonnn.kernels.linalg import linalg
from tritonnn.kernels.loss import loss
from tritonnn.kernels.tables.gemm import LEAN, TABLE, Gemm


@triton.jit
def plus(x, y):
    """x + y."""
    return x + y


@triton.jit
def times(x, grad):
    """x, multiplied by what the loss receives."""
    return x * grad


@triton.jit
def times_share(x, grad, total, counted):
    """x, multiplied by a sample's share of what the loss receives; 0 where nothing is counted."""
    return tl.where(counted != 0.0, x * _math.divide(grad, total), 0.0)


_plus, _times, _times_share = pointwise(plus), pointwise(times), pointwise(times_share)


@replayed
def fused_linear_cross_entropy(
    out: Buffer, shift: Buffer, sumexp: Buffer, total_weight: Buffer, grad_input: Buffer, grad_weight: Buffer,
    grad_bias: Buffer, input: Buffer, linear_weight: Buffer, linear_bias: Buffer | None, target: Buffer,
    weight: Buffer | None, ignore_index: int, label_smoothing: float, reduction: str, chunking: Any,
    mask: tuple[bool, bool, bool],
) -> None:  # fmt: skip
    """The loss; shift and sum(exp(x - shift)) of every row, the sum of the weights; gradients of the loss' sum."""
    unreduced = reduction == "none"
    scores, grad_scores = _workspaces(input, linear_weight, chunking, any(mask))
    gradients = _Gradients((grad_input, grad_weight, grad_bias), mask, linear_weight)
    weight_sum = loss.weight_sum_of(weight, label_smoothing, input) if any(mask) else None
    chunks = list(chunking.slices(input.shape[0]))
    programs = [loss.programs(_rows(scores, rows, 0), _rows(target, rows)) for rows in chunks]
    partials = empty((sum(programs), 2), total_weight.dtype, input)
    for k, rows in enumerate(chunks):
        x, dx, part = _rows(scores, rows, 0), _rows(grad_scores, rows, 0), _rows(input, rows)
        linalg.linear(x, part, linear_weight, linear_bias)
        loss.score_samples(
            _rows(out, rows) if unreduced else out, _rows(shift, rows), _rows(sumexp, rows),
            partials.as_strided((programs[k], 2), (2, 1), 2 * sum(programs[:k])), dx if any(mask) else None,
            x, _rows(target, rows), weight, weight_sum, ignore_index, label_smoothing, reduction,
            scores.strides[0],
        )  # fmt: skip
        if any(mask):
            gradients.add(dx, part, rows)
    gradients.store()
    loss.finish(out, total_weight, partials, sum(programs), reduction)


@replayed
def linear_cross_entropy_backward(
    grad_input: Buffer, grad_weight: Buffer, grad_bias: Buffer, grad: Buffer, input: Buffer,
    linear_weight: Buffer, linear_bias: Buffer | None, target: Buffer, weight: Buffer | None, shift: Buffer,
    sumexp: Buffer, total_weight: Buffer, ignore_index: int, label_smoothing: float, chunking: Any,
    mask: tuple[bool, bool, bool],
) -> None:  # fmt: skip
    """The gradients that `mask` asks for of every row's own loss."""
    scores, grad_scores = _workspaces(input, linear_weight, chunking, True)
    outputs, dtypes = (grad_weight, grad_bias), (chunking.sums, loss.statistics(input.dtype))
    sums = [
        out if out.dtype is dtype or not needed else empty(out.shape, dtype, out)
        for out, dtype, needed in zip(outputs, dtypes, mask[1:], strict=True)
    ]
    gradients = _Gradients((grad_input, *sums), mask, linear_weight)
    for rows in chunking.slices(input.shape[0]):
        x, dx, part = _rows(scores, rows, 0), _rows(grad_scores, rows, 0), _rows(input, rows)
        linalg.linear(x, part, linear_weight, linear_bias)
        loss.fused_cross_entropy_backward(
            dx, _rows(grad, rows), x, _rows(target, rows), weight, _rows(shift, rows), _rows(sumexp, rows),
            total_weight, ignore_index, label_smoothing, "none",
        )  # fmt: skip
        gradients.add(dx, part, rows)
    gradients.store()
    for out, total in zip(outputs, sums, strict=True):
        if out is not total:
            copy(out, total)


def scale_gradient(
    out: Buffer, sums: Buffer, grad: Buffer, total_weight: Buffer | None, counted: Buffer | None
) -> None:
    """out = sums * grad / total_weight, and 0 where `counted` is."""
    compute = loss.statistics(sums.dtype)
    if total_weight is None or counted is None:
        _times(out, sums, grad, compute=compute)
    else:
        _times_share(out, sums, grad, total_weight, counted, compute=compute)


class _Gradients:
    """Gradients of input, weight and bias while the chunks are added up; `mask` says which."""

    def __init__(self, sums: tuple[Buffer, ...], mask: tuple[bool, ...], linear_weight: Buffer) -> None:
        self.input, self.weight, self.bias = sums
        self.mask = mask
        self.linear_weight = linear_weight
        self.empty = True

    def add(self, dx: Buffer, x: Buffer, rows: slice) -> None:
        """Take the gradient of a chunk's scores into account."""
        if self.mask[0]:
            linalg.matmul_nd(_rows(self.input, rows), dx, self.linear_weight)
        if self.mask[1]:
            dx_t = dx.as_strided(dx.shape[::-1], dx.strides[::-1])
            # the first chunk writes: no pass to set the sums to zero
            if self.empty:
                linalg.matmul_nd(self.weight, dx_t, x)
            else:
                linalg.addmm(self.weight, self.weight, dx_t, x, 1, 1)
        if self.mask[2]:
            part = self.bias if self.empty else empty(self.bias.shape, self.bias.dtype, dx)
            reductions.sum(part, dx, (0,), False, part.dtype)
            if part is not self.bias:
                _plus(self.bias, self.bias, part, compute=part.dtype)
        self.empty = False

    def store(self) -> None:
        """Write 0 where there was nothing to add up."""
        if self.empty and self.mask[1]:
            fill(self.weight, 0)
        if self.empty and self.mask[2]:
            fill(self.bias, 0)


def _rows(buffer: Buffer, rows: slice, start: int | None = None) -> Buffer:
    """These rows, or as many from `start` on."""
    first = rows.start if start is None else start
    shape = (rows.stop - rows.start, *buffer.shape[1:])
    return buffer.as_strided(shape, buffer.strides, first * buffer.strides[0])


def _workspaces(input: Buffer, linear_weight: Buffer, chunking: Any, trains: bool) -> tuple[Buffer, Buffer]:
    """Memory for a chunk's scores and for their gradient: the same, unless products need the latter narrower."""
    scores = _workspace(input, linear_weight, chunking.rows, chunking.scores)
    if chunking.scores is input.dtype or not trains:
        return scores, scores
    return scores, _workspace(input, linear_weight, chunking.rows, input.dtype)


def _workspace(input: Buffer, linear_weight: Buffer, rows: int, dtype: Any) -> Buffer:
    """Memory for a chunk of scores; every row starts as aligned as the first."""
    classes, rows = linear_weight.shape[0], min(rows, input.shape[0])
    line = -(-classes // 16) * 16
    return empty((rows, line), dtype, input).as_strided((rows, classes), (line, 1))


def _weight_product(arch: str, config: Gemm, add: bool) -> Case:
    """The product that makes the gradient of the weight, or adds to it: a lies as (k, m), and sums stay float32."""
    constants = {
        "BLOCK_M": config.m, "BLOCK_N": config.n, "BLOCK_K": config.k, "GROUP": config.group,
        "ACC": tl.float32, "PRECISION": "ieee", "IMPRECISE": None, "ADD": 2 if add else 0, "AFFINE": False,
        "SCALED": 0, "EPILOGUE": None,
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
