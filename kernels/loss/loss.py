"""Losses; the kernels are in `_elementwise.py` and `_cross_entropy.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from triton import language as tl

from tritonnn.buffer import Buffer
from tritonnn.dtypes import float32, float64
from tritonnn.kernels import reduction as reductions
from tritonnn.kernels.device.index_errors import watch, wrong
from tritonnn.kernels.device.strided import contiguous_or_none, merged
from tritonnn.kernels.launch.launch import empty, launch, multiprocessors, needs_int64, threads_of_a_warp
from tritonnn.kernels.launch.replay import replayed
from tritonnn.kernels.loss import _cross_entropy
from tritonnn.kernels.loss import _elementwise as _loss
from tritonnn.kernels.loss._cases import cases
from tritonnn.kernels.softmax import LONGEST_ROW, Walk, choose_walk, read_again, shift
from tritonnn.kernels.tables.reduction import choose_group, merge, power_of_2
from tritonnn.shape import numel

TILE = 4096  # elements of a tile of backward: 32 a thread of 4 warps


# ---- elementwise ----------------------------------------------------------------------------------------


@replayed
def mse_reduced(out: Buffer, input: Buffer, target: Buffer, reduction: str) -> None:
    """(x - y)^2, reduced."""
    _elementwise(_loss.squared, out, (input, target, None, None), reduction)


@replayed
def l1_reduced(out: Buffer, input: Buffer, target: Buffer, reduction: str) -> None:
    """|x - y|, reduced."""
    _elementwise(_loss.absolute, out, (input, target, None, None), reduction)


@replayed
def huber_reduced(out: Buffer, input: Buffer, target: Buffer, reduction: str, delta: float) -> None:
    """A parabola that continues as a line from delta on, reduced."""
    _elementwise(_loss.huber, out, (input, target, None, None), reduction, delta)


@replayed
def smooth_l1_reduced(out: Buffer, input: Buffer, target: Buffer, reduction: str, beta: float) -> None:
    """|x - y| with a parabola below beta, reduced."""
    _elementwise(_loss.smooth if beta else _loss.absolute, out, (input, target, None, None), reduction, beta)


@replayed
def bce_reduced(out: Buffer, input: Buffer, target: Buffer, weight: Buffer | None, reduction: str) -> None:
    """Cross-entropy of probabilities and probabilities of true, reduced."""
    _elementwise(_loss.binary, out, (input, target, weight, None), reduction)


@replayed
def bce_with_logits_reduced(
    out: Buffer,
    input: Buffer,
    target: Buffer,
    weight: Buffer | None,
    pos_weight: Buffer | None,
    reduction: str,
) -> None:
    """Cross-entropy of sigmoid(x) and probabilities of true, reduced."""
    _elementwise(_loss.binary_of_scores, out, (input, target, weight, pos_weight), reduction)


def statistics(dtype: Any) -> Any:
    """The dtype that sums of such elements have."""
    return _accumulator(dtype)[0]


def finish(out: Buffer, total_weight: Buffer, partials: Buffer, count: int, reduction: str) -> None:
    """The loss and the sum of the weights from `partials`, (count, 2) sums of losses and of weights."""
    launch(
        _loss.finish_kernel, (1,), None if reduction == "none" else out, total_weight, partials, count, 1.0,
        BY_WEIGHT=reduction == "mean", WEIGHTS=True, ACC=_accumulator(partials.dtype)[1],
        BLOCK=min(1024, power_of_2(max(count, 1))), num_warps=4,
    )  # fmt: skip


def _accumulator(dtype: Any) -> tuple[Any, Any]:
    return (float64, tl.float64) if dtype is float64 else (float32, tl.float32)


def _elementwise(
    function: Any, out: Buffer, operands: Sequence[Buffer | None], reduction: str, parameter: float = 0.0
) -> None:
    first = operands[0]
    assert first is not None
    reduce = reduction != "none"
    n = first.numel
    strides = [first.strides if b is None else b.strides for b in operands]
    shape, out_strides, *operand_strides = merged(
        first.shape, first.strides if reduce else out.strides, *strides
    )
    dtype, acc = _accumulator(first.dtype)
    blocks = -(-n // _loss.BLOCK)
    programs = max(1, min(blocks, 8 * multiprocessors(first)) if reduce else blocks)
    result = empty((programs,), dtype, first) if reduce else out
    launch(
        _loss.loss_kernel, (programs,), result, *operands, shape, out_strides, tuple(operand_strides), n,
        float(parameter),
        FN=function, REDUCE=reduce, ACC=acc, BLOCK=_loss.BLOCK, INT64=needs_int64(*operands, result), num_warps=4,
    )  # fmt: skip
    if reduce:
        launch(
            _loss.finish_kernel, (1,), out, None, result, programs, float(n if reduction == "mean" else 1),
            BY_WEIGHT=False, WEIGHTS=False, ACC=acc, BLOCK=min(1024, power_of_2(programs)), num_warps=4,
        )  # fmt: skip


# ---- one class among many -------------------------------------------------------------------------------


class _Samples:
    """Scores (C), (N, C) or (N, C, *) as samples x classes."""

    def __init__(self, input: Buffer, target: Buffer) -> None:
        self.dim = 1 if input.ndim > 1 else 0
        self.classes = input.shape[self.dim]
        self.shape = (*input.shape[: self.dim], *input.shape[self.dim + 1 :])
        self.target = target if target.ndim == len(self.shape) else target.as_strided((), ())
        self.count = numel(self.shape)

    def along(self, buffer: Buffer) -> tuple[tuple[int, ...], int]:
        """Strides of scores along the samples' dimensions, and between classes."""
        strides = buffer.strides
        return (*strides[: self.dim], *strides[self.dim + 1 :]), strides[self.dim]

    def merged(self, *strides: Sequence[int]) -> tuple[tuple[int, ...], ...]:
        """The samples' extents and strides, in row-major order."""
        return merge(list(zip(self.shape, *strides, strict=True)), 1 + len(strides), sort=False)

    def walk(self, input: Buffer) -> Walk:
        """How a kernel goes over the samples' scores."""
        return choose_walk(
            self.count, self.classes, self.along(input)[1] == 1 or self.count == 1, LONGEST_ROW
        )

    def programs(self, input: Buffer) -> int:
        """How many programs that takes."""
        return -(-self.count // self.walk(input).rows)

    def nothing(self) -> tuple[int, ...]:
        """Strides of what all samples share."""
        return (0,) * len(self.shape)

    def check(self, op: str, flag: Buffer | None) -> None:
        """Raise what the CPU raises for a class that there is not."""
        bad = wrong(flag, self.target)
        if bad is not None:
            raise IndexError(f"{op}: Target {bad[1]} is out of bounds: the input has {self.classes} classes")


@replayed
def nll_loss(
    out: Buffer, total_weight: Buffer, input: Buffer, target: Buffer, weight: Buffer | None,
    ignore_index: int, reduction: str,
) -> None:  # fmt: skip
    """-w[y] x[y] of every sample, reduced, and the sum of the weights."""
    samples = _Samples(input, target)
    x_strides, stride_c = samples.along(input)
    out_strides = samples.nothing() if reduction != "none" else out.strides
    dtype, acc = _accumulator(input.dtype)
    programs = -(-samples.count // 256)
    partials = empty((programs, 2), dtype, input)
    flag = watch(input)
    launch(
        _cross_entropy.nll_kernel, (programs,), out, partials, flag, input, target,
        contiguous_or_none(weight), *samples.merged(x_strides, samples.target.strides, out_strides),
        stride_c, samples.count, samples.classes, ignore_index,
        REDUCE=reduction != "none", ACC=acc, BLOCK=256, INT64=needs_int64(input), num_warps=4,
    )  # fmt: skip
    samples.check("nll_loss", flag)
    finish(out, total_weight, partials, programs, reduction)


@replayed
def nll_loss_backward(
    out: Buffer, grad: Buffer, target: Buffer, weight: Buffer | None, total_weight: Buffer,
    shape: Sequence[int], ignore_index: int, reduction: str,
) -> None:  # fmt: skip
    """-w[y] at every sample's class times what its loss receives, else 0."""
    samples = _Samples(out, target)
    dx_strides, stride_c = samples.along(out)
    block_k, block_r = _tile(samples, stride_c)
    launch(
        _cross_entropy.nll_backward_kernel, (-(-samples.count // block_k) * -(-samples.classes // block_r),),
        out, grad, target, contiguous_or_none(weight), total_weight,
        *samples.merged(dx_strides, samples.target.strides, grad.strides or samples.nothing()), stride_c,
        samples.count, samples.classes, ignore_index, MEAN=reduction == "mean",
        ACC=_accumulator(out.dtype)[1],
        BLOCK_K=block_k, BLOCK_R=block_r, INT64=needs_int64(out), num_warps=4,
    )  # fmt: skip


def _tile(samples: _Samples, stride_c: int) -> tuple[int, int]:
    """Samples and classes of an elementwise tile: wide where neighbours are."""
    if stride_c == 1 or samples.count == 1:
        block_r = min(TILE, power_of_2(samples.classes))
        return max(1, min(TILE // block_r, power_of_2(samples.count))), block_r
    block_k = min(128, power_of_2(samples.count))
    return block_k, max(1, min(TILE // block_k, power_of_2(samples.classes)))


@replayed
def fused_cross_entropy(
    out: Buffer, shift: Buffer, sumexp: Buffer, total_weight: Buffer, input: Buffer, target: Buffer,
    weight: Buffer | None, ignore_index: int, label_smoothing: float, reduction: str,
) -> None:  # fmt: skip
    """Cross-entropy of scores with classes, reduced; shift and sum(exp(x - shift)) of every sample."""
    samples = _Samples(input, target)
    programs = samples.programs(input)
    partials = empty((programs, 2), statistics(input.dtype), input)
    score_samples(
        out, shift, sumexp, partials, None, input, target, weight, None, ignore_index, label_smoothing,
        reduction,
    )  # fmt: skip
    finish(out, total_weight, partials, programs, reduction)


def score_samples(
    out: Buffer, row_max: Buffer, sumexp: Buffer, partials: Buffer, grad_input: Buffer | None, input: Buffer,
    target: Buffer, weight: Buffer | None, weight_sum: Buffer | None, ignore_index: int,
    label_smoothing: float, reduction: str,
    extent: int | None = None,
) -> None:  # fmt: skip
    """Cross-entropy as above but for the last sums, and perhaps the gradient of the sum.

    Args:
        partials: (programs, 2), see `programs`: sums of losses and of weights.
        grad_input: None, or where the gradient goes, with classes as far apart as in the input; it may be
        that.
        weight_sum: see `weight_sum_of`; only for gradients.
        extent: elements of a row of scores and gradients that there is memory for, where more than classes.
    """
    samples = _Samples(input, target)
    x_strides, stride_c = samples.along(input)
    out_strides = samples.nothing() if reduction != "none" else out.strides
    dx_strides = samples.nothing() if grad_input is None else samples.along(grad_input)[0]
    along_rows = stride_c == 1 or samples.count == 1
    dims = samples.merged(x_strides, samples.target.strides, out_strides, dx_strides)
    walk, shifted = samples.walk(input), False
    if grad_input is not None:
        walk = read_again(walk)
    elif extent is None:
        walk, shifted = shift(walk, samples.classes, (stride_c,), (dims[1],), (input.dtype,))
    itemsize = min(b.dtype.itemsize for b in (input, grad_input) if b is not None)
    group = choose_group(walk.rows, walk.block, walk.warps, along_rows, itemsize, threads_of_a_warp())
    flag = watch(input)
    whole = [b if b is None or extent is None else _widened(b, extent) for b in (grad_input, input)]
    launch(
        _cross_entropy.cross_entropy_kernel, (samples.programs(input),), out, row_max, sumexp, partials,
        whole[0], flag, whole[1], target, contiguous_or_none(weight), weight_sum,
        *dims, stride_c, samples.count, samples.classes, extent, ignore_index, float(label_smoothing),
        SMOOTH=label_smoothing > 0, REDUCE=reduction != "none", ACC=_accumulator(input.dtype)[1],
        ONCE=walk.once, SHIFTED=shifted, REPEATS=group[0], NEIGHBOURS=group[1],
        BLOCK_K=walk.rows, BLOCK_R=walk.block, INT64=needs_int64(input, grad_input), num_warps=walk.warps,
    )  # fmt: skip
    samples.check("cross_entropy", flag)


def _widened(rows: Buffer, extent: int) -> Buffer:
    """Rows with all the elements there is memory for."""
    return rows.as_strided((rows.shape[0], extent), rows.strides)


def programs(input: Buffer, target: Buffer) -> int:
    """How many programs `score_samples` runs."""
    return _Samples(input, target).programs(input)


def weight_sum_of(weight: Buffer | None, label_smoothing: float, like: Buffer) -> Buffer | None:
    """The sum of the classes' weights, where smoothing needs it."""
    if weight is None or not label_smoothing > 0:
        return None
    dtype = statistics(like.dtype)
    weight_sum = empty((), dtype, like)
    reductions.sum(weight_sum, weight, (0,), False, dtype)
    return weight_sum


@replayed
def fused_cross_entropy_backward(
    out: Buffer, grad: Buffer, input: Buffer, target: Buffer, weight: Buffer | None, shift: Buffer,
    sumexp: Buffer, total_weight: Buffer, ignore_index: int, label_smoothing: float, reduction: str,
) -> None:  # fmt: skip
    """The gradient of cross-entropy with respect to the scores."""
    samples = _Samples(input, target)
    (dx_strides, stride_dx), (x_strides, stride_x) = samples.along(out), samples.along(input)
    weight_sum = weight_sum_of(weight, label_smoothing, input)
    block_k, block_r = _tile(samples, stride_dx)
    dims = samples.merged(dx_strides, x_strides, samples.target.strides, grad.strides or samples.nothing())
    launch(
        _cross_entropy.cross_entropy_backward_kernel,
        (-(-samples.count // block_k) * -(-samples.classes // block_r),), out, grad, input, target,
        contiguous_or_none(weight), weight_sum, shift, sumexp, total_weight, *dims, stride_dx, stride_x,
        samples.count, samples.classes, ignore_index, float(label_smoothing), SMOOTH=label_smoothing > 0,
        MEAN=reduction == "mean", ACC=_accumulator(input.dtype)[1],
        BLOCK_K=block_k, BLOCK_R=block_r, INT64=needs_int64(out, input), num_warps=4,
    )  # fmt: skip


COMPILE = cases
