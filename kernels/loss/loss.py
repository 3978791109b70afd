"""Losses; the kernels are in `_elementwise.py` and `_cross_entropy.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from triton import language as tl

from tritonnn.buffer import Buffer
from tritonnn.dtypes import float32, float64
from tritonnn.kernels import reduction as reductions
from tritonnn.kernels.check.case import Case
from tritonnn.kernels.device.index_errors import watch, wrong
from tritonnn.kernels.device.strided import contiguous, merged
from tritonnn.kernels.launch.launch import empty, launch, multiprocessors, needs_int64
from tritonnn.kernels.launch.replay import replayed
from tritonnn.kernels.loss import _cross_entropy
from tritonnn.kernels.loss import _elementwise as _loss
from tritonnn.kernels.reduction import merge
from tritonnn.kernels.softmax import LONGEST_ROW, Walk, choose_walk
from tritonnn.kernels.tables.reduction import power_of_2
from tritonnn.shape import numel

BLOCK = 1024
TILE = 2048


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


def finish(out: Buffer, total_weight: Buffer, parts: Buffer, count: int, reduction: str) -> None:
    """The loss and the sum of the weights from `parts`, (count, 2) sums of losses and of weights."""
    launch(
        _loss.finish_kernel, (1,), None if reduction == "none" else out, total_weight, parts, count, 1.0,
        BY_WEIGHT=reduction == "mean", WEIGHTS=True, ACC=_accumulator(parts.dtype)[1],
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
    shape, to_out, *steps = merged(first.shape, first.strides if reduce else out.strides, *strides)
    dtype, acc = _accumulator(first.dtype)
    blocks = -(-n // BLOCK)
    programs = max(1, min(blocks, 8 * multiprocessors(first)) if reduce else blocks)
    result = empty((programs,), dtype, first) if reduce else out
    launch(
        _loss.loss_kernel, (programs,), result, *operands, shape, to_out, tuple(steps), n, float(parameter),
        FN=function, REDUCE=reduce, ACC=acc, BLOCK=BLOCK, INT64=needs_int64(*operands, result), num_warps=4,
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
        found = wrong(flag, self.target)
        if found is not None:
            raise IndexError(
                f"{op}: Target {found[1]} is out of bounds: the input has {self.classes} classes"
            )


def _flat(weight: Buffer | None) -> Buffer | None:
    return None if weight is None else contiguous(weight)


@replayed
def nll_loss(
    out: Buffer, total_weight: Buffer, input: Buffer, target: Buffer, weight: Buffer | None, ignore_index: int,
    reduction: str,
) -> None:  # fmt: skip
    """-w[y] x[y] of every sample, reduced, and the sum of the weights."""
    view = _Samples(input, target)
    rows, step = view.along(input)
    to_out = view.nothing() if reduction != "none" else out.strides
    dtype, acc = _accumulator(input.dtype)
    programs = -(-view.count // 256)
    parts = empty((programs, 2), dtype, input)
    flag = watch(input)
    launch(
        _cross_entropy.nll_kernel, (programs,), out, parts, flag, input, target, _flat(weight),
        *view.merged(rows, view.target.strides, to_out), step, view.count, view.classes, ignore_index,
        REDUCE=reduction != "none", ACC=acc, BLOCK=256, INT64=needs_int64(input), num_warps=4,
    )  # fmt: skip
    view.check("nll_loss", flag)
    finish(out, total_weight, parts, programs, reduction)


@replayed
def nll_loss_backward(
    out: Buffer, grad: Buffer, target: Buffer, weight: Buffer | None, total_weight: Buffer, shape: Sequence[int],
    ignore_index: int, reduction: str,
) -> None:  # fmt: skip
    """-w[y] at every sample's class times what its loss receives, else 0."""
    view = _Samples(out, target)
    rows, step = view.along(out)
    block_k, block_r = _tile(view, step)
    launch(
        _cross_entropy.nll_backward_kernel, (-(-view.count // block_k) * -(-view.classes // block_r),),
        out, grad, target, _flat(weight), total_weight,
        *view.merged(rows, view.target.strides, grad.strides or view.nothing()), step, view.count,
        view.classes, ignore_index, MEAN=reduction == "mean", ACC=_accumulator(out.dtype)[1],
        BLOCK_K=block_k, BLOCK_R=block_r, INT64=needs_int64(out), num_warps=4,
    )  # fmt: skip


def _tile(view: _Samples, step: int) -> tuple[int, int]:
    """Samples and classes of an elementwise tile: wide where neighbours are."""
    if step == 1 or view.count == 1:
        block_r = min(TILE, power_of_2(view.classes))
        return max(1, min(TILE // block_r, power_of_2(view.count))), block_r
    block_k = min(128, power_of_2(view.count))
    return block_k, max(1, min(TILE // block_k, power_of_2(view.classes)))


@replayed
def fused_cross_entropy(
    out: Buffer, shift: Buffer, sumexp: Buffer, total_weight: Buffer, input: Buffer, target: Buffer,
    weight: Buffer | None, ignore_index: int, label_smoothing: float, reduction: str,
) -> None:  # fmt: skip
    """Cross-entropy of scores with classes, reduced; shift and sum(exp(x - shift)) of every sample."""
    view = _Samples(input, target)
    programs = view.programs(input)
    parts = empty((programs, 2), statistics(input.dtype), input)
    score_samples(
        out, shift, sumexp, parts, None, input, target, weight, None, ignore_index, label_smoothing, reduction
    )
    finish(out, total_weight, parts, programs, reduction)


def score_samples(
    out: Buffer, shift: Buffer, sumexp: Buffer, parts: Buffer, slopes: Buffer | None, input: Buffer, target: Buffer,
    weight: Buffer | None, weight_sum: Buffer | None, ignore_index: int, label_smoothing: float, reduction: str,
    extent: int | None = None,
) -> None:  # fmt: skip
    """Cross-entropy as above but for the last sums, and perhaps the gradient of the sum.

    Args:
        parts: (programs, 2), see `programs`: sums of losses and of weights.
        slopes: None, or where the gradient goes, with classes as far apart as in the input; it may be the input.
        weight_sum: see `weight_sum_of`; only for slopes.
        extent: elements of a row of scores and of slopes that there is memory for, where that is more than classes.
    """
    view = _Samples(input, target)
    rows, step = view.along(input)
    to_out = view.nothing() if reduction != "none" else out.strides
    to_slopes = view.nothing() if slopes is None else view.along(slopes)[0]
    how = view.walk(input)
    flag = watch(input)
    launch(
        _cross_entropy.cross_entropy_kernel, (view.programs(input),), out, shift, sumexp, parts, slopes, flag, input,
        target, _flat(weight), weight_sum, *view.merged(rows, view.target.strides, to_out, to_slopes), step,
        view.count, view.classes, extent, ignore_index, float(label_smoothing),
        SMOOTH=label_smoothing > 0, REDUCE=reduction != "none", ACC=_accumulator(input.dtype)[1], ONCE=how.once,
        BLOCK_K=how.rows, BLOCK_R=how.block, INT64=needs_int64(input, slopes), num_warps=how.warps,
    )  # fmt: skip
    view.check("cross_entropy", flag)


def programs(input: Buffer, target: Buffer) -> int:
    """How many programs `score_samples` runs."""
    return _Samples(input, target).programs(input)


def weight_sum_of(weight: Buffer | None, label_smoothing: float, like: Buffer) -> Buffer | None:
    """The sum of the classes' weights, where smoothing needs it."""
    if weight is None or not label_smoothing > 0:
        return None
    dtype = statistics(like.dtype)
    made = empty((), dtype, like)
    reductions.sum(made, weight, (0,), False, dtype)
    return made


@replayed
def fused_cross_entropy_backward(
    out: Buffer, grad: Buffer, input: Buffer, target: Buffer, weight: Buffer | None, shift: Buffer,
    sumexp: Buffer, total_weight: Buffer, ignore_index: int, label_smoothing: float, reduction: str,
) -> None:  # fmt: skip
    """The gradient of cross-entropy with respect to the scores."""
    view = _Samples(input, target)
    (to_out, step), (rows, step_in) = view.along(out), view.along(input)
    weight_sum = weight_sum_of(weight, label_smoothing, input)
    block_k, block_r = _tile(view, step)
    dims = view.merged(to_out, rows, view.target.strides, grad.strides or view.nothing())
    launch(
        _cross_entropy.cross_entropy_backward_kernel, (-(-view.count // block_k) * -(-view.classes // block_r),),
        out, grad, input, target, _flat(weight), weight_sum, shift, sumexp, total_weight, *dims, step, step_in,
        view.count, view.classes, ignore_index, float(label_smoothing), SMOOTH=label_smoothing > 0,
        MEAN=reduction == "mean", ACC=_accumulator(input.dtype)[1],
        BLOCK_K=block_k, BLOCK_R=block_r, INT64=needs_int64(out, input), num_warps=4,
    )  # fmt: skip


_COMMON: dict[str, Any] = {"ACC": tl.float32, "INT64": False}


def _class_cases(
    kind: str, classes: int, rows: bool, smooth: bool, slopes: Sequence[bool] = ()
) -> list[Case]:
    """Cross-entropy of rows or of channel-first scores: backward, and forward with and without slopes as given."""
    how = choose_walk(8192, classes, rows, LONGEST_ROW)
    size = "i32=1" if classes == 1 else "i32" if classes % 16 else "i32:16"
    row, step = (f"({size})", "i32=1") if rows else ("(i32:16 i32=1)", "i32:16")
    shape, flat = ("(i32:16)", "(i32=1)") if rows else ("(i32:16 i32:16)", "(i32:16 i32=1)")
    promise = "both" if size == "i32:16" or (not rows and classes >= 16) else ""  # odd rows start anywhere
    label = f"{kind},{classes}{'' if rows else ',channels'}{',smooth' if smooth else ''}"
    made = [
        Case(
            _cross_entropy.cross_entropy_kernel, f"*fp32 *fp32 *fp32 *fp32 {f'*{kind}' if sloped else None} "
            f"None *{kind} *i64 *{kind} {'*fp32' if sloped and smooth else None} {shape} {row} {flat} {flat} "
            f"{row} {step} i32:16 {size} None i32 fp64", {**_COMMON, "SMOOTH": smooth, "REDUCE": True,
            "ONCE": how.once, "BLOCK_K": how.rows, "BLOCK_R": how.block}, num_warps=how.warps,
            label=f"{label}{',slopes' if sloped else ''}",
            wide=promise if sloped else promise and "loads",
            spills=16,  # ptxas takes 40 registers and no more for odd rows; others before Triton 3.9
        )
        for sloped in slopes or (False,)
    ]  # fmt: skip
    if slopes:
        blocks = {"BLOCK_K": 1, "BLOCK_R": 2048} if rows else {"BLOCK_K": 128, "BLOCK_R": 16}
        made.append(Case(
            _cross_entropy.cross_entropy_backward_kernel,
            f"*{kind} *fp32 *{kind} *i64 *{kind} *fp32 *fp32 *fp32 *fp32 {shape} "
            f"{row} {row} {flat} {flat} {step} {step} i32:16 {size} i32 fp64", {**_COMMON, **blocks, "SMOOTH": smooth,
            "MEAN": True}, label=label, wide=promise,
        ))  # fmt: skip
    return made


def _padded_case(kind: str, to: str, classes: int) -> Case:
    """Rows of any number of classes that lie 16-byte-aligned, with slopes: of linear_cross_entropy."""
    how = choose_walk(2048, classes, True, LONGEST_ROW)
    return Case(
        _cross_entropy.cross_entropy_kernel, f"*fp32 *fp32 *fp32 *fp32 *{to} None *{kind} *i64 None None (i32:16) "
        "(i32:16) (i32=1) (i32=1) (i32:16) i32=1 i32:16 i32 i32:16 i32 fp64", {**_COMMON, "SMOOTH": False,
        "REDUCE": True, "ONCE": how.once, "BLOCK_K": how.rows, "BLOCK_R": how.block}, num_warps=how.warps,
        label=f"{kind},{to},{classes},padded", wide="both",
        spills=48 if how.once else 8,  # a row of 64 scores a thread with two ends; ptxas takes 128 registers, or 64
    )  # fmt: skip


def COMPILE() -> list[Case]:
    """Each elementwise loss, and cross-entropy of rows and of channel-first scores by every tile."""
    acc = _COMMON
    made = []
    for name in ("squared", "absolute", "huber", "smooth", "binary", "binary_of_scores"):
        for reduce in (True, False):
            made.append(Case(
                _loss.loss_kernel, "*fp32 *fp32 *fp32 *fp32 *fp32 (i32:16) (i32=1) ((i32=1) (i32=1) (i32=1) (i32=1)) "
                "i32:16 fp64", {**acc, "FN": getattr(_loss, name), "REDUCE": reduce, "BLOCK": BLOCK},
                label=f"{name},{'sum' if reduce else 'each'}", wide="loads" if reduce else "both",
            ))  # fmt: skip
        made.append(Case(  # without weights
            _loss.loss_kernel, "*fp32 *fp32 *fp32 None None (i32:16) (i32=1) ((i32=1) (i32=1) (i32=1) (i32=1)) "
            "i32:16 fp64", {**acc, "FN": getattr(_loss, name), "REDUCE": True, "BLOCK": BLOCK},
            label=f"{name},alone", wide="loads",
        ))  # fmt: skip
    made.append(Case(_loss.finish_kernel, "*fp32 *fp32 *fp32 i32 fp64", {
        "BY_WEIGHT": True, "WEIGHTS": True, "ACC": tl.float32, "BLOCK": 1024}))  # fmt: skip
    for smooth in (False, True):
        for kind, classes in (("bf16", 1024), ("fp32", 1000), ("bf16", 131072)):
            made += _class_cases(kind, classes, True, smooth, (False, True))
        made += _class_cases("fp32", 21, False, smooth, (False,))
    made += [
        _padded_case(kind, to, classes)
        for kind, to in (("bf16", "bf16"), ("fp32", "fp32"), ("fp32", "bf16"))
        for classes in (30522, 50257)
    ]
    for rows in (True, False):
        walks = {choose_walk(8192, 1 << k, rows, LONGEST_ROW): 1 << k for k in range(17)}
        for classes in walks.values():
            made += _class_cases("fp32", classes, rows, False)
    made += [
        Case(_cross_entropy.nll_kernel,
        "*fp32 *fp32 *i64 *fp32 *i64 *fp32 (i32) (i32:16) (i32=1) (i32=1) i32=1 i32 i32 i32",
             {**acc, "REDUCE": True, "BLOCK": 256}),
        Case(_cross_entropy.nll_backward_kernel,
        "*fp32 *fp32 *i64 *fp32 *fp32 (i32) (i32:16) (i32=1) (i32) i32=1 i32 i32:16 i32",
             {**acc, "MEAN": True, "BLOCK_K": 1, "BLOCK_R": 2048}, wide="stores"),
    ]  # fmt: skip
    return made
