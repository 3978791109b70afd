"""Optimizer steps: all parameters of a call in one launch.

The parameters' addresses stand in a table on the device; a program looks up its tensor and its part of it. The
table is kept as long as the addresses stay the same. One parameter, and every parameter while a graph is captured
(a table would have to outlive the graph), is launched with its addresses as arguments instead.

Tensors that are dense in one common order of dimensions are walked as flat memory, whatever that order is; others
are made contiguous before and written back after.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import triton
import triton.language as tl

from tritonnn.buffer import Buffer
from tritonnn.dtypes import float64
from tritonnn.kernels.check.case import Case
from tritonnn.kernels.device.moving import copy
from tritonnn.kernels.launch.launch import fp64, launch
from tritonnn.kernels.optimizer._tensor_lists import (
    TYPES,
    capturing,
    chunks_of,
    elements,
    flat,
    memory_at,
    table,
    table_entry,
)

BLOCK = 2048
CHUNK = 8 * BLOCK  # elements a program updates


# ---- SGD ----------------------------------------------------------------------------------------------------


@triton.jit
def _sgd_block(
    p, g, m, at, inside, lr, decay, momentum, dampening,
    BUFFER: tl.constexpr, FRESH: tl.constexpr, NESTEROV: tl.constexpr, MAXIMIZE: tl.constexpr, C: tl.constexpr,
):  # fmt: skip
    weight = tl.load(p + at, inside).to(C)
    grad = tl.load(g + at, inside).to(C)
    if MAXIMIZE:
        grad = -grad
    grad += weight * decay.to(C)
    if BUFFER:
        if FRESH:
            buffer = grad
        else:
            buffer = tl.load(m + at, inside).to(C) * momentum.to(C) + grad * (1 - dampening).to(C)
        tl.store(m + at, buffer, inside)
        if NESTEROV:
            grad += buffer * momentum.to(C)
        else:
            grad = buffer
    tl.store(p + at, weight - grad * lr.to(C), inside)


@triton.jit
def _sgd_chunk(
    p, g, m, n, start, lr, decay, momentum, dampening,
    BUFFER: tl.constexpr, FRESH: tl.constexpr, NESTEROV: tl.constexpr, MAXIMIZE: tl.constexpr, C: tl.constexpr,
    CHUNK: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    stop = tl.minimum(n - start, CHUNK)
    whole = stop // BLOCK * BLOCK
    # Without a mask the accesses are 16 bytes wide whatever n is.
    for offset in range(0, whole, BLOCK):
        at = start + offset + tl.arange(0, BLOCK)
        _sgd_block(p, g, m, at, None, lr, decay, momentum, dampening, BUFFER, FRESH, NESTEROV, MAXIMIZE, C)
    if whole < stop:
        at = start + whole + tl.arange(0, BLOCK)
        _sgd_block(p, g, m, at, at < n, lr, decay, momentum, dampening, BUFFER, FRESH, NESTEROV, MAXIMIZE, C)


@triton.jit
def sgd_kernel(
    p, g, m, n, lr: fp64, decay: fp64, momentum: fp64, dampening: fp64,
    BUFFER: tl.constexpr, FRESH: tl.constexpr, NESTEROV: tl.constexpr, MAXIMIZE: tl.constexpr, C: tl.constexpr,
    CHUNK: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    start = tl.program_id(0).to(tl.int64) * CHUNK
    _sgd_chunk(
        p, g, m, n, start, lr, decay, momentum, dampening, BUFFER, FRESH, NESTEROV, MAXIMIZE, C, CHUNK, BLOCK
    )


@triton.jit
def sgd_table_kernel(
    table, chunks, lr: fp64, decay: fp64, momentum: fp64, dampening: fp64,
    BUFFER: tl.constexpr, FRESH: tl.constexpr, NESTEROV: tl.constexpr, MAXIMIZE: tl.constexpr, C: tl.constexpr,
    P: tl.constexpr, G: tl.constexpr, S: tl.constexpr, ALIGN: tl.constexpr,
    CHUNK: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    row, start = table_entry(table, chunks, 4, CHUNK, BLOCK)
    p = memory_at(row, P, ALIGN)
    g = memory_at(row + 1, G, ALIGN)
    m = memory_at(row + 2, S, ALIGN)
    n = tl.load(row + 3)
    _sgd_chunk(
        p, g, m, n, start, lr, decay, momentum, dampening, BUFFER, FRESH, NESTEROV, MAXIMIZE, C, CHUNK, BLOCK
    )


def sgd_step(
    params: Sequence[Buffer], grads: Sequence[Buffer], momentum_buffers: Sequence[Buffer], lr: float,
    weight_decay: float, momentum: float, dampening: float, nesterov: bool, maximize: bool, fresh: bool,
) -> None:  # fmt: skip
    """Parameters and momentum buffers after one step, in place; `fresh` buffers start as the gradient."""
    has_buffer = bool(momentum_buffers)
    rows = zip(params, grads, momentum_buffers if has_buffer else params, strict=True)
    constants = {"BUFFER": has_buffer, "FRESH": fresh, "NESTEROV": nesterov, "MAXIMIZE": maximize}
    scalars = tuple(map(float, (lr, weight_decay, momentum, dampening)))
    _update(sgd_kernel, sgd_table_kernel, list(rows), (0, 2) if has_buffer else (0,), scalars, constants)


# ---- Adam ---------------------------------------------------------------------------------------------------


@triton.jit
def _adam_block(
    p, g, m, v, top, at, inside, lr, beta1, beta2, eps, decay, scale, root,
    AMSGRAD: tl.constexpr, DECOUPLED: tl.constexpr, MAXIMIZE: tl.constexpr, C: tl.constexpr,
):  # fmt: skip
    weight = tl.load(p + at, inside).to(C)
    grad = tl.load(g + at, inside).to(C)
    mean = tl.load(m + at, inside).to(C)
    square = tl.load(v + at, inside).to(C)
    if MAXIMIZE:
        grad = -grad
    if DECOUPLED:
        weight *= (1 - lr * decay).to(C)
    else:
        grad += weight * decay.to(C)
    mean += (grad - mean) * (1 - beta1).to(C)
    square = square * beta2.to(C) + grad * grad * (1 - beta2).to(C)
    tl.store(m + at, mean, inside)
    tl.store(v + at, square, inside)
    if AMSGRAD:
        square = tl.maximum(tl.load(top + at, inside).to(C), square)
        tl.store(top + at, square, inside)
    # The bias correction of the square is taken out of the root, as in the CPU twin.
    tl.store(p + at, weight - mean / (tl.sqrt(square) + (eps * root).to(C)) * scale.to(C), inside)


@triton.jit
def _adam_chunk(
    p, g, m, v, top, step, n, start, lr, beta1, beta2, log_beta1, log_beta2, eps, decay, scale, root,
    AMSGRAD: tl.constexpr, DECOUPLED: tl.constexpr, MAXIMIZE: tl.constexpr, COUNTED: tl.constexpr, C: tl.constexpr,
    CHUNK: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    if COUNTED:
        # In double precision: 1 - beta2^t is a difference of nearly equal numbers.
        t = tl.load(step).to(tl.float64)
        root = tl.sqrt(1 - tl.exp(t * log_beta2))
        scale = lr / (1 - tl.exp(t * log_beta1)) * root
    stop = tl.minimum(n - start, CHUNK)
    whole = stop // BLOCK * BLOCK
    for offset in range(0, whole, BLOCK):
        at = start + offset + tl.arange(0, BLOCK)
        _adam_block(
            p, g, m, v, top, at, None, lr, beta1, beta2, eps, decay, scale, root,
            AMSGRAD, DECOUPLED, MAXIMIZE, C,
        )  # fmt: skip
    if whole < stop:
        at = start + whole + tl.arange(0, BLOCK)
        _adam_block(
            p, g, m, v, top, at, at < n, lr, beta1, beta2, eps, decay, scale, root,
            AMSGRAD, DECOUPLED, MAXIMIZE, C,
        )  # fmt: skip


@triton.jit
def adam_kernel(
    p, g, m, v, top, step, n, lr: fp64, beta1: fp64, beta2: fp64, log_beta1: fp64, log_beta2: fp64, eps: fp64,
    decay: fp64, scale: fp64, root: fp64,
    AMSGRAD: tl.constexpr, DECOUPLED: tl.constexpr, MAXIMIZE: tl.constexpr, COUNTED: tl.constexpr, C: tl.constexpr,
    CHUNK: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    start = tl.program_id(0).to(tl.int64) * CHUNK
    _adam_chunk(
        p, g, m, v, top, step, n, start, lr, beta1, beta2, log_beta1, log_beta2, eps, decay, scale, root,
        AMSGRAD, DECOUPLED, MAXIMIZE, COUNTED, C, CHUNK, BLOCK,
    )  # fmt: skip


@triton.jit
def adam_table_kernel(
    table, chunks, lr: fp64, beta1: fp64, beta2: fp64, log_beta1: fp64, log_beta2: fp64, eps: fp64, decay: fp64,
    scale: fp64, root: fp64,
    AMSGRAD: tl.constexpr, DECOUPLED: tl.constexpr, MAXIMIZE: tl.constexpr, COUNTED: tl.constexpr, C: tl.constexpr,
    P: tl.constexpr, G: tl.constexpr, S: tl.constexpr, ALIGN: tl.constexpr,
    CHUNK: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    row, start = table_entry(table, chunks, 7, CHUNK, BLOCK)
    p = memory_at(row, P, ALIGN)
    g = memory_at(row + 1, G, ALIGN)
    m = memory_at(row + 2, S, ALIGN)
    v = memory_at(row + 3, S, ALIGN)
    top = memory_at(row + 4, S, ALIGN)
    step = tl.load(row + 5).to(tl.pointer_type(tl.float32))
    n = tl.load(row + 6)
    _adam_chunk(
        p, g, m, v, top, step, n, start, lr, beta1, beta2, log_beta1, log_beta2, eps, decay, scale, root,
        AMSGRAD, DECOUPLED, MAXIMIZE, COUNTED, C, CHUNK, BLOCK,
    )  # fmt: skip


def adam_step(
    params: Sequence[Buffer], grads: Sequence[Buffer], exp_avgs: Sequence[Buffer], exp_avg_sqs: Sequence[Buffer],
    max_exp_avg_sqs: Sequence[Buffer], steps: Sequence[Buffer], step: float, lr: float, beta1: float, beta2: float,
    eps: float, weight_decay: float, decoupled: bool, maximize: bool,
) -> None:  # fmt: skip
    """Parameters and moments after one step, in place; the count of steps is `step`, or `steps` per parameter."""
    amsgrad, counted = bool(max_exp_avg_sqs), bool(steps)
    rows = zip(
        params, grads, exp_avgs, exp_avg_sqs, max_exp_avg_sqs if amsgrad else exp_avgs,
        steps if counted else params, strict=True,
    )  # fmt: skip
    root = scale = 0.0
    if not counted:
        root = (1 - beta2**step) ** 0.5
        scale = lr / (1 - beta1**step) * root
    scalars = (lr, beta1, beta2, _log(beta1), _log(beta2), eps, weight_decay, scale, root)
    constants = {"AMSGRAD": amsgrad, "DECOUPLED": decoupled, "MAXIMIZE": maximize, "COUNTED": counted}
    written = (0, 2, 3, 4) if amsgrad else (0, 2, 3)
    _update(adam_kernel, adam_table_kernel, list(rows), written, tuple(map(float, scalars)), constants, 5)


def _log(beta: float) -> float:
    return float(np.log(beta)) if beta else -1e30  # beta^t is 0 for every t


# ---- counting -----------------------------------------------------------------------------------------------


@triton.jit
def count_kernel(step):
    tl.store(step, tl.load(step) + 1)


@triton.jit
def count_table_kernel(table, n, P: tl.constexpr, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    steps = tl.load(table + at, at < n, 0).to(tl.pointer_type(P))
    tl.store(steps, tl.load(steps, at < n) + 1, at < n)


def advance_steps(steps: Sequence[Buffer]) -> None:
    """Add one to every count of steps, in place."""
    for kind in dict.fromkeys(step.dtype for step in steps):
        same = [step for step in steps if step.dtype is kind]
        if len(same) == 1 or capturing():
            for step in same:
                launch(count_kernel, (1,), step)
            continue
        counts = table(tuple(step.ptr for step in same), list, same[0])
        launch(
            count_table_kernel,
            (-(-len(same) // 128),),
            counts,
            len(same),
            P=TYPES[kind.name],
            BLOCK=128,
        )


# ---- launching ----------------------------------------------------------------------------------------------


def _update(
    kernel: Any, table_kernel: Any, rows: list[tuple[Buffer, ...]], written: tuple[int, ...],
    scalars: tuple[float, ...], constants: dict[str, Any], single: int | None = None,
) -> None:  # fmt: skip
    """Run the update over every row of buffers; `single` is the place of one that holds a single number."""
    back: list[tuple[Buffer, Buffer]] = []
    kinds: dict[tuple, list[tuple[int, tuple[Buffer, ...]]]] = {}
    for row in rows:
        count = elements(row, single)
        if count is None:
            row = tuple(flat(row, written, single, back))
            count = row[0].numel
        if count:
            kinds.setdefault((row[0].dtype, row[1].dtype, row[2].dtype), []).append((count, row))
    for (p, g, s), group in kinds.items():
        constants = {
            **constants, "C": tl.float64 if p is float64 else tl.float32, "CHUNK": CHUNK, "BLOCK": BLOCK,
            "num_warps": 8,
        }  # fmt: skip
        # A parameter that is listed twice is updated twice, one after the other.
        if len(group) == 1 or capturing() or len({row[0].ptr for _, row in group}) < len(group):
            for count, row in group:
                launch(kernel, (-(-count // CHUNK),), *row, count, *scalars, **constants)
            continue
        key = tuple([(*[b.ptr for b in row], count) for count, row in group])
        rows_of = table(key, _lay_out, group[0][1][0])
        chunks = sum([-(-count // CHUNK) for count, _ in group])
        unaligned = 0
        for *pointers, _ in key:
            for pointer in pointers:
                unaligned |= pointer & 15
        types = {"P": TYPES[p.name], "G": TYPES[g.name], "S": TYPES[s.name], "ALIGN": 1 if unaligned else 16}
        launch(table_kernel, (chunks,), rows_of, chunks, *scalars, **constants, **types)
    for target, temporary in back:
        copy(target, temporary)


def _lay_out(key: tuple[tuple[int, ...], ...]) -> np.ndarray:
    """First (tensor, chunk) for every program, then every tensor's addresses and its number of elements."""
    rows = np.array(key, np.int64)
    return np.concatenate((chunks_of(rows[:, -1], CHUNK)[0], rows.reshape(-1)))


def COMPILE() -> list[Case]:
    """The cases of the compile check."""
    cases, warps = [], {"num_warps": 8}
    sizes = {"CHUNK": CHUNK, "BLOCK": BLOCK}
    adam, sgd = " fp64" * 9, " fp64" * 4
    for kind, c in ((tl.float32, tl.float32), (tl.bfloat16, tl.float32), (tl.float64, tl.float64)):
        types = {"P": kind, "G": kind, "S": kind, "ALIGN": 16, "C": c, **sizes}
        flags = {"AMSGRAD": False, "DECOUPLED": True, "MAXIMIZE": False, "COUNTED": False}
        cases.append(Case(adam_table_kernel, "*i64 i32" + adam, {**flags, **types}, **warps, wide="both"))
        flags = {"BUFFER": True, "FRESH": False, "NESTEROV": True, "MAXIMIZE": False}
        cases.append(Case(sgd_table_kernel, "*i64 i32" + sgd, {**flags, **types}, **warps, wide="both"))
    flags = {"AMSGRAD": True, "DECOUPLED": False, "MAXIMIZE": True, "COUNTED": True, "C": tl.float32, **sizes}
    cases.append(Case(adam_kernel, "*fp32 " * 6 + "i32:16" + adam, flags, **warps, wide="both"))
    flags = {"BUFFER": True, "FRESH": True, "NESTEROV": False, "MAXIMIZE": True, "C": tl.float32, **sizes}
    cases.append(Case(sgd_kernel, "*bf16 *bf16 *bf16 i32" + sgd, flags, **warps, wide="both"))
    cases.append(Case(count_kernel, "*fp32"))
    cases.append(Case(count_table_kernel, "*i64 i32", {"P": tl.float32, "BLOCK": 128}))
    return cases
