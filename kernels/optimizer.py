"""Optimizer steps: all parameters of a call in one launch.

The parameters' addresses stand in a table on the device; a program looks up its tensor and its part of it. The
table is kept as long as the addresses stay the same. One parameter, and every parameter while a graph is captured
(a table would have to outlive the graph), is launched with its addresses as arguments instead.

Tensors that are dense in one common order of dimensions are walked as flat memory, whatever that order is; others
are made contiguous before and written back after.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import triton
import triton.language as tl

from tritonnn.buffer import Buffer
from tritonnn.dtypes import float64
from tritonnn.kernels._case import Case
from tritonnn.kernels._launch import fp64, launch
from tritonnn.kernels._tensor_lists import (
    TYPES,
    capturing,
    chunks_of,
    elements,
    flat,
    memory_at,
    table,
    table_entry,
)
from tritonnn.kernels.shape import copy

BLOCK = 2048
CHUNK = 8 * BLOCK  # elements a program updates
LARGEST = 9  # numbers that the kernels take


# ---- formulas -----------------------------------------------------------------------------------------------
#
# Each is the function of its name in tritonnn/optim for a block of elements, with the same names for what it takes:
# the states (None for one that is not kept), the numbers in double precision, the flags. It returns the new values
# of the parameter and of the states that are kept.


@triton.jit
def sgd(p, g, momentum_buffer, lr, momentum, dampening, nesterov: tl.constexpr, fresh: tl.constexpr):
    if momentum_buffer is None:
        return (p - g * lr.to(p.dtype),)
    else:
        if fresh:
            momentum_buffer = g
        else:
            momentum_buffer = momentum_buffer * momentum.to(p.dtype) + g * (1 - dampening).to(p.dtype)
        step = momentum_buffer
        if nesterov:
            step = g + momentum_buffer * momentum.to(p.dtype)
        return p - step * lr.to(p.dtype), momentum_buffer


@triton.jit
def adam(p, g, exp_avg, exp_avg_sq, max_exp_avg_sq, step, lr, beta1, beta2, eps):
    exp_avg += (g - exp_avg) * (1 - beta1).to(p.dtype)
    exp_avg_sq = exp_avg_sq * beta2.to(p.dtype) + g * g * (1 - beta2).to(p.dtype)
    largest, kept = exp_avg_sq, (exp_avg, exp_avg_sq)
    if max_exp_avg_sq is not None:
        largest = tl.maximum(max_exp_avg_sq, exp_avg_sq, propagate_nan=tl.PropagateNan.ALL)
        kept = kept + (largest,)
    root = tl.sqrt(1 - _power(beta2, step))
    rate = lr / (1 - _power(beta1, step)) * root
    p -= exp_avg / (tl.sqrt(largest) + (eps * root).to(p.dtype)) * rate.to(p.dtype)
    return (p,) + kept


@triton.jit
def adamax(p, g, exp_avg, exp_inf, step, lr, beta1, beta2, eps):
    exp_avg += (g - exp_avg) * (1 - beta1).to(p.dtype)
    size = tl.abs(g) + eps.to(p.dtype)
    exp_inf = tl.maximum(exp_inf * beta2.to(p.dtype), size, propagate_nan=tl.PropagateNan.ALL)
    rate = lr / (1 - _power(beta1, step))
    return p - exp_avg / exp_inf * rate.to(p.dtype), exp_avg, exp_inf


@triton.jit
def nadam(p, g, exp_avg, exp_avg_sq, step, lr, beta1, beta2, eps, mu, mu_next, mu_product):
    exp_avg += (g - exp_avg) * (1 - beta1).to(p.dtype)
    exp_avg_sq = exp_avg_sq * beta2.to(p.dtype) + g * g * (1 - beta2).to(p.dtype)
    ahead = g * ((1 - mu) / (1 - mu_product)).to(p.dtype)
    ahead += exp_avg * (mu_next / (1 - mu_product * mu_next)).to(p.dtype)
    root = tl.sqrt(1 - _power(beta2, step))
    p -= ahead / (tl.sqrt(exp_avg_sq) + (eps * root).to(p.dtype)) * (lr * root).to(p.dtype)
    return p, exp_avg, exp_avg_sq


@triton.jit
def radam(p, g, exp_avg, exp_avg_sq, step, lr, beta1, beta2, eps):
    exp_avg += (g - exp_avg) * (1 - beta1).to(p.dtype)
    exp_avg_sq = exp_avg_sq * beta2.to(p.dtype) + g * g * (1 - beta2).to(p.dtype)
    rest = 1 - _power(beta2, step)
    top = 2 / (1 - beta2) - 1
    rho = top - 2 * step * (1 - rest) / rest
    ahead = exp_avg * (lr / (1 - _power(beta1, step))).to(p.dtype)
    if rho > 5:
        factor = tl.sqrt((rho - 4) * (rho - 2) * top / ((top - 4) * (top - 2) * rho) * rest)
        ahead = ahead / (tl.sqrt(exp_avg_sq) + eps.to(p.dtype)) * factor.to(p.dtype)
    return p - ahead, exp_avg, exp_avg_sq


@triton.jit
def adagrad(p, g, sum, step, lr, lr_decay, eps):
    sum += g * g
    rate = lr / (1 + (step - 1) * lr_decay)
    return p - g / (tl.sqrt(sum) + eps.to(p.dtype)) * rate.to(p.dtype), sum


@triton.jit
def adadelta(p, g, square_avg, acc_delta, lr, rho, eps):
    square_avg = square_avg * rho.to(p.dtype) + g * g * (1 - rho).to(p.dtype)
    delta = tl.sqrt(acc_delta + eps.to(p.dtype)) / tl.sqrt(square_avg + eps.to(p.dtype)) * g
    acc_delta = acc_delta * rho.to(p.dtype) + delta * delta * (1 - rho).to(p.dtype)
    return p - delta * lr.to(p.dtype), square_avg, acc_delta


@triton.jit
def rmsprop(p, g, square_avg, momentum_buffer, grad_avg, lr, alpha, eps, momentum):
    square_avg = square_avg * alpha.to(p.dtype) + g * g * (1 - alpha).to(p.dtype)
    variance, kept = square_avg, (square_avg,)
    if grad_avg is not None:
        grad_avg += (g - grad_avg) * (1 - alpha).to(p.dtype)
        variance = square_avg - grad_avg * grad_avg
    step = g / (tl.sqrt(variance) + eps.to(p.dtype))
    if momentum_buffer is not None:
        step += momentum_buffer * momentum.to(p.dtype)
        kept = kept + (step,)
    if grad_avg is not None:
        kept = kept + (grad_avg,)
    return (p - step * lr.to(p.dtype),) + kept


@triton.jit
def rprop(p, g, prev, step_size, eta1, eta2, step_size1, step_size2):
    agreement = g * prev
    step_size *= tl.where(agreement > 0, eta2.to(p.dtype), tl.where(agreement < 0, eta1.to(p.dtype), 1.0))
    step_size = tl.minimum(tl.maximum(step_size, step_size1.to(p.dtype)), step_size2.to(p.dtype))
    g = tl.where(agreement < 0, 0.0, g)
    sign = (g > 0).to(p.dtype) - (g < 0).to(p.dtype)
    return p - sign * step_size, g, step_size


@triton.jit
def asgd(p, g, ax, lambd, eta, mu):
    p = p * (1 - lambd * eta).to(p.dtype) - g * eta.to(p.dtype)
    return p, tl.where(mu == 1, p, ax + (p - ax) * mu.to(p.dtype))


FORMULAS = {
    f.__name__: f
    for f in (sgd, adam, adamax, nadam, radam, adagrad, adadelta, rmsprop, rprop, asgd)
}  # fmt: skip


@triton.jit
def _power(beta, step):
    # In double precision: 1 - beta^t is a difference of nearly equal numbers. Of beta = 0 the power is 0.
    return tl.exp(step * tl.log(beta))


# ---- the kernels of all of them -----------------------------------------------------------------------------


@triton.jit
def _state(row, at, inside, PLACE: tl.constexpr, C: tl.constexpr):
    if PLACE is None:
        return None
    else:
        return tl.load(row[PLACE] + at, inside).to(C)


@triton.jit
def _step_block(
    row, at, inside, lr, weight_decay, numbers,
    FORMULA: tl.constexpr, PLACES: tl.constexpr, FLAGS: tl.constexpr, DECOUPLED: tl.constexpr,
    MAXIMIZE: tl.constexpr, C: tl.constexpr,
):  # fmt: skip
    p = tl.load(row[0] + at, inside).to(C)
    g = tl.load(row[1] + at, inside).to(C)
    if MAXIMIZE:
        g = -g
    if DECOUPLED:
        p *= (1 - lr * weight_decay).to(C)
    else:
        g += p * weight_decay.to(C)
    a = _state(row, at, inside, PLACES[0], C)
    if len(PLACES) == 1:
        results = FORMULA(p, g, a, *numbers, *FLAGS)
    else:
        b = _state(row, at, inside, PLACES[1], C)
        if len(PLACES) == 2:
            results = FORMULA(p, g, a, b, *numbers, *FLAGS)
        else:
            results = FORMULA(p, g, a, b, _state(row, at, inside, PLACES[2], C), *numbers, *FLAGS)
    tl.store(row[0] + at, results[0], inside)
    for k in tl.static_range(len(PLACES)):
        if PLACES[k] is not None:
            tl.store(row[PLACES[k]] + at, results[PLACES[k] - 1], inside)


@triton.jit
def _step_chunk(
    row, count, n, start, lr, weight_decay, given,
    FORMULA: tl.constexpr, PLACES: tl.constexpr, NUMBERS: tl.constexpr, FLAGS: tl.constexpr,
    DECOUPLED: tl.constexpr, MAXIMIZE: tl.constexpr, C: tl.constexpr, CHUNK: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    numbers = ()
    for k in tl.static_range(len(NUMBERS)):
        if NUMBERS[k] < 0:
            numbers = numbers + (tl.load(count).to(tl.float64),)
        else:
            numbers = numbers + (given[NUMBERS[k]],)
    stop = tl.minimum(n - start, CHUNK)
    whole = stop // BLOCK * BLOCK
    # Without a mask the accesses are 16 bytes wide whatever n is.
    for offset in range(0, whole, BLOCK):
        at = start + offset + tl.arange(0, BLOCK)
        _step_block(
            row, at, None, lr, weight_decay, numbers, FORMULA, PLACES, FLAGS, DECOUPLED, MAXIMIZE, C
        )  # fmt: skip
    if whole < stop:
        at = start + whole + tl.arange(0, BLOCK)
        _step_block(
            row, at, at < n, lr, weight_decay, numbers, FORMULA, PLACES, FLAGS, DECOUPLED, MAXIMIZE, C
        )  # fmt: skip


@triton.jit
def step_kernel(
    row, count, n, lr: fp64, decay: fp64, a: fp64, b: fp64, c: fp64, d: fp64, e: fp64, f: fp64, g: fp64,
    FORMULA: tl.constexpr, PLACES: tl.constexpr, NUMBERS: tl.constexpr, FLAGS: tl.constexpr,
    DECOUPLED: tl.constexpr, MAXIMIZE: tl.constexpr, C: tl.constexpr, CHUNK: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """One step of one parameter.

    Args:
        row: addresses of the parameter, its gradient and its states.
        count: address of the number of this step, where that stands on the device.
        n: number of elements.
        lr, decay: what decoupled weight decay takes.
        a, b, c, d, e, f, g: further numbers that the formula takes.
        FORMULA: the update.
        PLACES: where in the row each of its states is; None for one that is not kept.
        NUMBERS: which number each of its numbers is, counted from lr; -1 for the count.
        FLAGS: its flags.
    """
    start = tl.program_id(0).to(tl.int64) * CHUNK
    _step_chunk(
        row, count, n, start, lr, decay, (lr, a, b, c, d, e, f, g),
        FORMULA, PLACES, NUMBERS, FLAGS, DECOUPLED, MAXIMIZE, C, CHUNK, BLOCK,
    )  # fmt: skip


@triton.jit
def step_table_kernel(
    table, chunks, lr: fp64, decay: fp64, a: fp64, b: fp64, c: fp64, d: fp64, e: fp64, f: fp64, g: fp64,
    FORMULA: tl.constexpr, PLACES: tl.constexpr, NUMBERS: tl.constexpr, FLAGS: tl.constexpr,
    DECOUPLED: tl.constexpr, MAXIMIZE: tl.constexpr, C: tl.constexpr, CHUNK: tl.constexpr, BLOCK: tl.constexpr,
    STATES: tl.constexpr, P: tl.constexpr, G: tl.constexpr, S: tl.constexpr, ALIGN: tl.constexpr,
):  # fmt: skip
    entry, start = table_entry(table, chunks, STATES + 4, CHUNK, BLOCK)
    row = (memory_at(entry, P, ALIGN), memory_at(entry + 1, G, ALIGN))
    for k in tl.static_range(STATES):
        row = row + (memory_at(entry + 2 + k, S, ALIGN),)
    count = tl.load(entry + 2 + STATES).to(tl.pointer_type(tl.float32))
    n = tl.load(entry + 3 + STATES)
    _step_chunk(
        row, count, n, start, lr, decay, (lr, a, b, c, d, e, f, g),
        FORMULA, PLACES, NUMBERS, FLAGS, DECOUPLED, MAXIMIZE, C, CHUNK, BLOCK,
    )  # fmt: skip


def elementwise_step(
    params: Sequence[Buffer], grads: Sequence[Buffer], states: Sequence[Buffer], steps: Sequence[Buffer],
    formula: Callable[..., Any], kept: tuple[str, ...], options: dict[str, Any],
) -> None:  # fmt: skip
    """Parameters and states after one step, in place; the count of steps is an option, or `steps` per parameter."""
    number = len(params)
    rows = list(
        zip(params, grads, *[states[k * number : (k + 1) * number] for k in range(len(kept))], strict=True)
    )
    constants, numbers = _plan(FORMULAS[formula.__name__], kept, options, bool(steps))
    counts = steps or [None] * number
    _update(list(zip(rows, counts, strict=True)), numbers, constants)


def _plan(function: Any, kept: tuple[str, ...], options: dict[str, Any], counted: bool) -> tuple[dict, tuple]:
    """What the kernels need to know of a formula, and the numbers for it."""
    numbers = [float(options["lr"]), float(options.get("weight_decay", 0.0))]
    places, which, flags = [], [], []
    for name in function.arg_names[2:]:
        if name == "lr":
            which.append(0)
        elif name == "step" and counted:
            which.append(-1)
        elif isinstance(options.get(name), bool):
            flags.append(options[name])
        elif name in options:
            numbers.append(float(options[name]))
            which.append(len(numbers) - 2)
        else:
            places.append(2 + kept.index(name) if name in kept else None)
    constants = {
        "FORMULA": function, "PLACES": tuple(places), "NUMBERS": tuple(which), "FLAGS": tuple(flags),
        "DECOUPLED": bool(options.get("decoupled_weight_decay")), "MAXIMIZE": bool(options.get("maximize")),
    }  # fmt: skip
    return constants, (*numbers, *[0.0] * (LARGEST - len(numbers)))


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
    rows: list[tuple[tuple[Buffer, ...], Buffer | None]],
    numbers: tuple[float, ...],
    constants: dict[str, Any],
) -> None:
    """Run the update over every row of buffers, each with its count of steps where that stands on the device."""
    back: list[tuple[Buffer, Buffer]] = []
    kinds: dict[tuple, list[tuple[int, tuple[Buffer, ...], Buffer | None]]] = {}
    for row, count in rows:
        size = elements(row)
        if size is None:
            row = tuple(flat(row, (0, *range(2, len(row))), None, back))
            size = row[0].numel
        if size:
            kinds.setdefault(tuple([b.dtype for b in row[:3]]), []).append((size, row, count))
    for (p, g, *s), group in kinds.items():
        constants = {
            **constants, "C": tl.float64 if p is float64 else tl.float32, "CHUNK": CHUNK, "BLOCK": BLOCK,
            "num_warps": 8,
        }  # fmt: skip
        # A parameter that is listed twice is updated twice, one after the other.
        if len(group) == 1 or capturing() or len({row[0].ptr for _, row, _ in group}) < len(group):
            for size, row, count in group:
                launch(step_kernel, (-(-size // CHUNK),), row, count, size, *numbers, **constants)
            continue
        key = tuple([(*[b.ptr for b in row], count.ptr if count else 0, size) for size, row, count in group])
        rows_of = table(key, _lay_out, group[0][1][0])
        chunks = sum([-(-size // CHUNK) for size, _, _ in group])
        unaligned = 0
        for *pointers, _, _ in key:
            for pointer in pointers:
                unaligned |= pointer & 15
        types = {
            "STATES": len(group[0][1]) - 2, "P": TYPES[p.name], "G": TYPES[g.name],
            "S": TYPES[(s or [p])[0].name], "ALIGN": 1 if unaligned else 16,
        }  # fmt: skip
        launch(step_table_kernel, (chunks,), rows_of, chunks, *numbers, **constants, **types)
    for target, temporary in back:
        copy(target, temporary)


def _lay_out(key: tuple[tuple[int, ...], ...]) -> np.ndarray:
    """First (tensor, chunk) for every program, then every tensor's addresses and its number of elements."""
    rows = np.array(key, np.int64)
    return np.concatenate((chunks_of(rows[:, -1], CHUNK)[0], rows.reshape(-1)))


# What the compile check keeps of every formula: all its states.
STATES = {
    "sgd": ("momentum_buffer",), "adam": ("exp_avg", "exp_avg_sq", "max_exp_avg_sq"),
    "adamax": ("exp_avg", "exp_inf"), "nadam": ("exp_avg", "exp_avg_sq"), "radam": ("exp_avg", "exp_avg_sq"),
    "adagrad": ("sum",), "adadelta": ("square_avg", "acc_delta"),
    "rmsprop": ("square_avg", "momentum_buffer", "grad_avg"), "rprop": ("prev", "step_size"), "asgd": ("ax",),
}  # fmt: skip


def _constants(name: str, kept: tuple[str, ...], counted: bool = False, **flags: bool) -> dict[str, Any]:
    numbers = [n for n in FORMULAS[name].arg_names[2:] if n not in STATES[name]]
    options = {**dict.fromkeys(["lr", *numbers], 0.5), **flags}
    return {**_plan(FORMULAS[name], kept, options, counted)[0], "CHUNK": CHUNK, "BLOCK": BLOCK}


def COMPILE() -> list[Case]:
    """The cases of the compile check: every formula, with SGD's and Adam's in every type and by both kernels."""
    cases, numbers = [], " fp64" * LARGEST
    for name, kept in STATES.items():
        flags = {"nesterov": True, "fresh": False} if name == "sgd" else {}
        kinds = [tl.float32]
        if name in ("sgd", "adam"):
            kept, kinds = kept[:2], [tl.float32, tl.bfloat16, tl.float64]
            flags["decoupled_weight_decay"] = name == "adam"
        for kind in kinds:
            constants = {
                **_constants(name, kept, **flags), "C": tl.float64 if kind is tl.float64 else tl.float32,
                "STATES": len(kept), "P": kind, "G": kind, "S": kind, "ALIGN": 16,
            }  # fmt: skip
            label = f"{name},{kind}"
            cases.append(Case(step_table_kernel, "*i64 i32" + numbers, constants, label, 8, wide="both"))
    for name, row, counted in (("adam", "*fp32 " * 5, True), ("sgd", "*bf16 " * 3, False)):
        flags = {"nesterov": False, "fresh": True} if name == "sgd" else {}
        constants = {**_constants(name, STATES[name], counted, maximize=True, **flags), "C": tl.float32}
        signature = f"({row}) {'*fp32' if counted else 'None'} i32:16{numbers}"
        cases.append(Case(step_kernel, signature, constants, f"{name},one", 8, wide="both"))
    cases.append(Case(count_kernel, "*fp32"))
    cases.append(Case(count_table_kernel, "*i64 i32", {"P": tl.float32, "BLOCK": 128}))
    return cases
