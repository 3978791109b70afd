"""Connectionist temporal classification: a program per sequence walks along time, in both directions.

A target of L labels has 2L + 1 states: blank, label, blank, ..., label, blank. A path stays in a state, goes on by one,
or by two where that skips a blank between different labels. alpha[t, s] is the log-probability of all beginnings of
paths that are in state s at time t. Read from its end, a target is a target again: beta is the same sum over the
reversed sequence, and the same kernel.

What other threads made of neighbouring states in the step before is taken from memory, behind a barrier, so a target
may have any length. A class's share of all paths is a sum over the states that spell it, taken by a program per frame
and block of classes in the order of the states: no atomics, and the same bits every time.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.buffer import Buffer
from tritonnn.kernels.check.case import Case
from tritonnn.kernels.device import math as _math
from tritonnn.kernels.device.index_errors import report, watch, wrong
from tritonnn.kernels.device.strided import contiguous, folded, second_program, wide
from tritonnn.kernels.launch.launch import empty, launch, needs_int64
from tritonnn.kernels.launch.replay import replayed
from tritonnn.kernels.tables.reduction import power_of_2

INF: tl.constexpr = tl.constexpr(float("inf"))
WIDEST = 1024  # states that a program handles at a time
STATES = 32  # states by classes of a tile of the gradient
CLASSES = 128


@triton.jit
def _label(targets, first, count, state, mask, REVERSE: tl.constexpr):
    """The label that an odd state spells; 0 where `mask` is not set."""
    number = state // 2
    if REVERSE:
        number = count - 1 - number
    return tl.load(targets + first + number, mask=mask, other=0)


@triton.jit
def _log_sum(a, b, c):
    """log(exp(a) + exp(b) + exp(c))."""
    high = tl.maximum(tl.maximum(a, b), c)
    high = tl.where(high == -INF, 0.0, high)  # -inf - -inf would be NaN
    return tl.log(_math.exp(a - high) + _math.exp(b - high) + _math.exp(c - high)) + high


@triton.jit
def _store_loss(loss, last, frames, count):
    """-log of the sum of all paths; `last` points to the last state of the last frame."""
    a = tl.load(last, mask=frames > 0, other=-INF)
    b = tl.load(last - 1, mask=(frames > 0) & (count > 0), other=-INF)
    total = _log_sum(a, b, tl.full((), -INF, a.dtype))
    # no frames spell nothing, with certainty
    total = tl.where((frames == 0) & (count == 0), 0.0, total)
    tl.store(loss, _math.negative(total))


@triton.jit
def ctc_walk_kernel(
    loss, paths, flag, log_probs, targets, lengths, stride_t, stride_n, stride_c, steps, batch, classes, states, blank,
    REVERSE: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """Log-probabilities of the beginnings (or with REVERSE, the ends) of all paths of a sequence, and the loss.

    Args:
        loss: None, or where -log of the sum of all paths goes.
        paths: (N, T, S); -inf where a sequence has no such frame or state.
        flag: None, or where the first label that is no class is noted.
        lengths: (3, N): frames of each sequence, labels of its target, and where those begin.
    """
    n = wide(tl.program_id(0), INT64)
    frames = tl.load(lengths + n).to(tl.int32)
    count = tl.load(lengths + batch + n).to(tl.int32)
    first = tl.load(lengths + batch + batch + n)
    end = count + count  # the last state
    paths += n * steps * states
    log_probs += n * stride_n
    for t in range(steps):
        reach = tl.where(t < frames, end + 1, 0)
        past = tl.where(t > 0, reach, 0)
        time = tl.where(t < frames, frames - 1 - t, t) if REVERSE else t
        now = paths + wide(time, INT64) * states
        before = now + states if REVERSE else now - states
        for start in range(0, states, BLOCK):
            s = start + tl.arange(0, BLOCK)
            spells = (s < reach) & (s % 2 == 1)
            label = _label(targets, first, count, s, spells, REVERSE)
            valid = (label >= 0) & (label < classes)
            if flag is not None:
                report(flag, first + s // 2, spells & (valid == 0))
            frame = log_probs + wide(time, INT64) * stride_t
            x = tl.load(
                frame + tl.where(spells, label, blank) * stride_c,
                mask=(s < reach) & valid,
                other=float("nan"),
            )
            place = end - s if REVERSE else s
            back = 1 if REVERSE else -1
            other = _label(targets, first, count, s - 2, spells & (s > 1), REVERSE)
            skips = spells & (s > 1) & (label != other)
            a = tl.load(before + place, mask=s < past, other=-INF)
            b = tl.load(before + place + back, mask=(s < past) & (s > 0), other=-INF)
            c = tl.load(before + place + back + back, mask=(s < past) & skips, other=-INF)
            y = tl.where(t == 0, tl.where(s < 2, x, -INF), _log_sum(a, b, c) + x)
            # states that there are not keep their places, behind those that there are
            place = tl.where(s <= end, place, s)
            tl.store(now + place, tl.where(s < reach, y, -INF), mask=s < states)
        tl.debug_barrier()  # the next step reads what other threads wrote
    if loss is not None:
        _store_loss(loss + n, paths + wide(frames - 1, INT64) * states + end, frames, count)


@triton.jit
def ctc_gradient_kernel(
    out, grad, stride_g, log_probs, targets, lengths, loss, log_alpha, log_beta, strides, stride_t, stride_n, stride_c,
    steps, batch, classes, states, blank,
    ZERO: tl.constexpr, BLOCK_C: tl.constexpr, BLOCK_S: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """The gradient of a block of classes of one frame.

    Args:
        strides: those of `out`. ZERO: an infinite loss has no gradient.
    """
    t = wide(tl.program_id(0) // batch, INT64)
    n = wide(tl.program_id(0) % batch, INT64)
    k = second_program(INT64) * BLOCK_C + tl.arange(0, BLOCK_C)
    frames = tl.load(lengths + n)
    count = tl.load(lengths + batch + n).to(tl.int32)
    first = tl.load(lengths + batch + batch + n)
    nll = tl.load(loss + n)
    if ZERO:
        frames = tl.where(nll == INF, 0, frames)
    reach = tl.where(t < frames, count + count + 1, 0)
    log_probs += t * stride_t + n * stride_n
    row = (n * steps + t) * states
    share = tl.zeros((BLOCK_C, BLOCK_S), out.dtype.element_ty)
    for start in range(0, reach, BLOCK_S):
        s = start + tl.arange(0, BLOCK_S)
        label = _label(targets, first, count, s, (s < reach) & (s % 2 == 1), False)
        kind = tl.where(s % 2 == 1, label, blank)
        inside = (s < reach) & (kind >= 0) & (kind < classes)
        x = tl.load(log_probs + kind * stride_c, mask=inside, other=0.0)
        a = tl.load(log_alpha + row + s, mask=inside, other=-INF)
        b = tl.load(log_beta + row + s, mask=inside, other=-INF)
        # both sums have the frame's own probability in them
        part = _math.exp(a + b - x + nll)
        share += tl.where((k[:, None] == kind[None, :]) & inside[None, :], part[None, :], 0.0)
    x = tl.load(log_probs + k * stride_c, mask=k < classes, other=0.0)
    total = tl.sum(share, 1)
    # what a sum of logarithms would give for all classes of an impossible target, or for an impossible class
    total = tl.where(x > -INF, total, float("nan"))
    total = tl.where(nll < INF, total, float("nan"))
    slope = (_math.exp(x) - total) * tl.load(grad + n * stride_g)
    slope = tl.where(t < frames, slope, 0.0)
    tl.store(out + t * strides[0] + n * strides[1] + k * strides[2], slope, mask=k < classes)


def _walk(
    loss: Buffer | None, paths: Buffer, flag: Buffer | None, log_probs: Buffer, targets: Buffer, lengths: Buffer,
    blank: int, reverse: bool,
) -> None:  # fmt: skip
    batch, steps, states = paths.shape
    block = walk_block(states)
    launch(
        ctc_walk_kernel, (batch,), loss, paths, flag, log_probs, targets, lengths, *log_probs.strides, steps, batch,
        log_probs.shape[2], states, blank,
        REVERSE=reverse, BLOCK=block, INT64=needs_int64(paths, log_probs), num_warps=walk_warps(block),
    )  # fmt: skip


def walk_block(states: int) -> int:
    """States that a program handles at a time."""
    return max(32, min(WIDEST, power_of_2(states)))


def walk_warps(block: int) -> int:
    """Warps of a walk: a thread for each state, up to 8 warps."""
    return max(1, min(8, block // 32))


@replayed
def ctc_paths(
    out: Buffer, log_alpha: Buffer, log_probs: Buffer, targets: Buffer, lengths: Buffer, blank: int, states: int,
    zero_infinity: bool,
) -> None:  # fmt: skip
    """-log of the probability of every target, and the log-probabilities of all beginnings of paths."""
    flag = watch(log_probs)
    targets = contiguous(targets)
    _walk(out, log_alpha, flag, log_probs, targets, contiguous(lengths), blank, False)
    bad = wrong(flag, targets)
    if bad is not None:
        raise IndexError(
            f"ctc_loss: Target {bad[1]} is out of bounds: the input has {log_probs.shape[2]} classes"
        )


@replayed
def ctc_backward(
    out: Buffer, grad: Buffer, log_probs: Buffer, targets: Buffer, lengths: Buffer, loss: Buffer, log_alpha: Buffer,
    blank: int, zero_infinity: bool,
) -> None:  # fmt: skip
    """exp(log_probs) less the share of each class in the probability of all paths, times what a loss receives."""
    batch, steps, states = log_alpha.shape
    classes = log_probs.shape[2]
    targets, lengths = contiguous(targets), contiguous(lengths)
    log_beta = empty(log_alpha.shape, log_alpha.dtype, log_alpha)
    _walk(None, log_beta, None, log_probs, targets, lengths, blank, True)
    block = max(32, min(CLASSES, power_of_2(classes)))
    launch(
        ctc_gradient_kernel, folded(steps * batch, -(-classes // block)), out, grad, grad.strides[0], log_probs,
        targets, lengths, contiguous(loss), contiguous(log_alpha), log_beta, out.strides, *log_probs.strides, steps,
        batch, classes, states, blank,
        ZERO=zero_infinity, BLOCK_C=block, BLOCK_S=STATES, INT64=needs_int64(out, log_probs, log_alpha), num_warps=4,
    )  # fmt: skip


_NUMBERS = "i32 i32 i32 i32 i32"


def _walk_case(kind: str, block: int, reverse: bool) -> Case:
    return Case(
        ctc_walk_kernel, f"{'None' if reverse else f'*{kind}'} *{kind} None *{kind} *i64 *i64 i32 i32 i32=1 {_NUMBERS}",
        {"REVERSE": reverse, "BLOCK": block, "INT64": False}, num_warps=walk_warps(block),
        label=f"{kind},{block}{',reverse' if reverse else ''}",
    )  # fmt: skip


def _gradient_case(kind: str, block: int, zero: bool, wide: bool = False) -> Case:
    strides = "(i64 i32 i32=1) i64 i32 i32=1" if wide else "(i32 i32 i32=1) i32 i32 i32=1"
    return Case(
        ctc_gradient_kernel,
        f"*{kind} *{kind} i32=1 *{kind} *i64 *i64 *{kind} *{kind} *{kind} {strides} {_NUMBERS}",
        {"ZERO": zero, "BLOCK_C": block, "BLOCK_S": STATES, "INT64": wide},
        label=f"{kind},{block}{',zero' if zero else ''}{',int64' if wide else ''}",
    )  # fmt: skip


def COMPILE() -> list[Case]:
    """Every number of states and classes that a program may take, both directions, types and widths of offsets."""
    blocks = [32, 64, 128, 256, 512, WIDEST]
    return [
        *[_walk_case("fp32", block, reverse) for block in blocks for reverse in (False, True)],
        _walk_case("fp64", 64, False), _walk_case("fp64", WIDEST, True),
        Case(
            ctc_walk_kernel, f"*fp32 *fp32 None *fp32 *i64 *i64 i64 i32 i32=1 {_NUMBERS}",
            {"REVERSE": False, "BLOCK": 64, "INT64": True}, num_warps=walk_warps(64), label="int64",
        ),
        *[_gradient_case("fp32", block, zero) for block in (32, 64, CLASSES) for zero in (False, True)],
        _gradient_case("fp64", CLASSES, True), _gradient_case("fp32", CLASSES, False, True),
    ]  # fmt: skip
