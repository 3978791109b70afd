"""Optimizer steps: all parameters of a call in one launch.

The parameters' addresses stand in a table on the device; a program looks up its tensor and its part of it. The
table is kept as long as the addresses stay the same, that of a captured graph as long as the graph. One parameter
alone is launched with its addresses as arguments instead.

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
from tritonnn.kernels.check.case import Case
from tritonnn.kernels.device.moving import copy
from tritonnn.kernels.launch.launch import fp64, launch
from tritonnn.kernels.optimizer._formulas import FORMULAS, STATES
from tritonnn.kernels.optimizer._tensor_lists import (
    TYPES,
    chunks_of,
    elements,
    flat,
    memory_at,
    table,
    table_entry,
)

BLOCK = 2048  # elements of a step: 8 a thread of 8 warps
CHUNK = 8 * BLOCK  # elements a program updates: it looks its tensor up once for all of them
LARGEST = 9  # numbers that the kernels take


@triton.jit
def _step_block(
    row, at, inside, inverse, lr, weight_decay, rest,
    FORMULA: tl.constexpr, PLACES: tl.constexpr, DECOUPLED: tl.constexpr, MAXIMIZE: tl.constexpr, C: tl.constexpr,
):  # fmt: skip
    """FORMULA on the elements at `at`, with weight decay before it; arguments as of `step_kernel`."""
    p = tl.load(row[0] + at, inside).to(C)
    g = tl.load(row[1] + at, inside).to(C)
    if inverse is not None:
        g *= inverse.to(C)
        tl.store(row[1] + at, g, inside)
    if MAXIMIZE:
        g = -g
    if DECOUPLED:
        # decoupled (AdamW): the parameter itself shrinks, the formula sees the plain gradient
        p *= (1 - lr * weight_decay).to(C)
    else:
        g += p * weight_decay.to(C)
    a = None if PLACES[0] is None else tl.load(row[PLACES[0]] + at, inside).to(C)
    if len(PLACES) == 1:
        results = FORMULA(p, g, a, *rest)
    else:
        b = None if PLACES[1] is None else tl.load(row[PLACES[1]] + at, inside).to(C)
        if len(PLACES) == 2:
            results = FORMULA(p, g, a, b, *rest)
        else:
            c = None if PLACES[2] is None else tl.load(row[PLACES[2]] + at, inside).to(C)
            results = FORMULA(p, g, a, b, c, *rest)
    tl.store(row[0] + at, results[0], inside)
    for k in tl.static_range(len(PLACES)):
        if PLACES[k] is not None:
            tl.store(row[PLACES[k]] + at, results[PLACES[k] - 1], inside)


@triton.jit
def _step_chunk(
    row, count, n, start, scale, found, lr, weight_decay, given,
    FORMULA: tl.constexpr, PLACES: tl.constexpr, NUMBERS: tl.constexpr, FLAGS: tl.constexpr,
    DECOUPLED: tl.constexpr, MAXIMIZE: tl.constexpr, C: tl.constexpr, CHUNK: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """CHUNK elements from `start` on: what the formula takes is put in its order, then block after block."""
    rest = ()
    for k in tl.static_range(len(NUMBERS)):
        if NUMBERS[k] < 0:
            rest = rest + (tl.load(count).to(tl.float64),)  # type: ignore[assignment]
        else:
            rest = rest + (given[NUMBERS[k]],)  # type: ignore[assignment]
    for k in tl.static_range(len(FLAGS)):
        rest = rest + (FLAGS[k],)  # type: ignore[assignment]
    inverse = None
    if scale is not None:
        # rounded once, as the scaler's own unscaling is
        inverse = (1.0 / tl.load(scale).to(tl.float64)).to(tl.float32)
    stop = tl.minimum(n - start, CHUNK)
    if found is not None:
        # the step is left out: nothing is looked at
        stop = tl.where(tl.load(found) != 0, 0, stop)
    whole = stop // BLOCK * BLOCK
    # Without a mask the accesses are 16 bytes wide whatever n is.
    for offset in range(0, whole, BLOCK):
        at = start + offset + tl.arange(0, BLOCK)
        _step_block(row, at, None, inverse, lr, weight_decay, rest, FORMULA, PLACES, DECOUPLED, MAXIMIZE, C)
    if whole < stop:
        at = start + whole + tl.arange(0, BLOCK)
        _step_block(row, at, at < n, inverse, lr, weight_decay, rest, FORMULA, PLACES, DECOUPLED, MAXIMIZE, C)


@triton.jit
def step_kernel(
    row, count, n, scale, found, lr: fp64, decay: fp64, a: fp64, b: fp64, c: fp64, d: fp64, e: fp64, f: fp64, g: fp64,
    FORMULA: tl.constexpr, PLACES: tl.constexpr, NUMBERS: tl.constexpr, FLAGS: tl.constexpr,
    DECOUPLED: tl.constexpr, MAXIMIZE: tl.constexpr, C: tl.constexpr, CHUNK: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """One step of one parameter.

    Args:
        row: addresses of the parameter, its gradient and its states.
        count: address of the number of this step, where that stands on the device.
        n: number of elements.
        scale: address of what the gradient was scaled by; it is unscaled in place. None where it was not.
        found: address of a number; where that is not 0 the step is left out.
        lr, decay: what decoupled weight decay takes.
        a, b, c, d, e, f, g: further numbers that the formula takes.
        FORMULA: the update.
        PLACES: where in the row each of its states is; None for one that is not kept.
        NUMBERS: which number each of its numbers is, counted from lr; -1 for the count.
        FLAGS: its flags.
    """
    start = tl.program_id(0).to(tl.int64) * CHUNK
    _step_chunk(
        row, count, n, start, scale, found, lr, decay, (lr, a, b, c, d, e, f, g),
        FORMULA, PLACES, NUMBERS, FLAGS, DECOUPLED, MAXIMIZE, C, CHUNK, BLOCK,
    )  # fmt: skip


@triton.jit
def step_table_kernel(
    table, chunks, scale, found, lr: fp64, decay: fp64, a: fp64, b: fp64, c: fp64, d: fp64, e: fp64, f: fp64, g: fp64,
    FORMULA: tl.constexpr, PLACES: tl.constexpr, NUMBERS: tl.constexpr, FLAGS: tl.constexpr,
    DECOUPLED: tl.constexpr, MAXIMIZE: tl.constexpr, C: tl.constexpr, CHUNK: tl.constexpr, BLOCK: tl.constexpr,
    STATES: tl.constexpr, P: tl.constexpr, G: tl.constexpr, S: tl.constexpr, ALIGN: tl.constexpr,
):  # fmt: skip
    """As `step_kernel`, of the parameter that the table names for this program; STATES are kept of each."""
    entry, start = table_entry(table, chunks, STATES + 4, CHUNK, BLOCK)
    row = (memory_at(entry, P, ALIGN), memory_at(entry + 1, G, ALIGN))
    for k in tl.static_range(STATES):
        row = row + (memory_at(entry + 2 + k, S, ALIGN),)  # type: ignore[assignment]
    count = tl.load(entry + 2 + STATES).to(tl.pointer_type(tl.float32))
    n = tl.load(entry + 3 + STATES)
    _step_chunk(
        row, count, n, start, scale, found, lr, decay, (lr, a, b, c, d, e, f, g),
        FORMULA, PLACES, NUMBERS, FLAGS, DECOUPLED, MAXIMIZE, C, CHUNK, BLOCK,
    )  # fmt: skip


def elementwise_step(
    params: Sequence[Buffer], grads: Sequence[Buffer], states: Sequence[Buffer], steps: Sequence[Buffer],
    formula: Callable[..., Any], kept: tuple[str, ...], options: dict[str, Any],
    grad_scale: Buffer | None, found_inf: Buffer | None,
) -> None:  # fmt: skip
    """Parameters and states after one step, in place; the count of steps is an option, or `steps` per parameter."""
    number = len(params)
    rows = list(
        zip(params, grads, *[states[k * number : (k + 1) * number] for k in range(len(kept))], strict=True)
    )
    constants, numbers = _plan(
        FORMULAS[formula.__name__.removesuffix("_formula")], kept, options, bool(steps)
    )
    counts: Sequence[Buffer | None] = steps or [None] * number
    _update(list(zip(rows, counts, strict=True)), (grad_scale, found_inf, *numbers), constants)


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
def count_kernel(step, found):
    """step += 1, unless this step is left out."""
    one = 1.0
    if found is not None:
        one = tl.where(tl.load(found) != 0, 0.0, 1.0)
    tl.store(step, tl.load(step) + one)


@triton.jit
def count_table_kernel(table, n, found, P: tl.constexpr, BLOCK: tl.constexpr):
    """As `count_kernel`, of the n counts whose addresses stand in the table."""
    one = 1.0
    if found is not None:
        one = tl.where(tl.load(found) != 0, 0.0, 1.0)
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    steps = tl.load(table + at, at < n, 0).to(tl.pointer_type(P))
    tl.store(steps, tl.load(steps, at < n) + one, at < n)


def advance_steps(steps: Sequence[Buffer], found_inf: Buffer | None) -> None:
    """Add one to every count of steps, in place, unless the step is left out."""
    for kind in dict.fromkeys(step.dtype for step in steps):
        same = [step for step in steps if step.dtype is kind]
        if len(same) == 1:
            launch(count_kernel, (1,), same[0], found_inf)
            continue
        counts = table(tuple(step.ptr for step in same), list, same[0])
        launch(
            count_table_kernel,
            (-(-len(same) // 128),),
            counts,
            len(same),
            found_inf,
            P=TYPES[kind.name],
            BLOCK=128,
        )


# ---- launching ----------------------------------------------------------------------------------------------


def _update(
    rows: list[tuple[tuple[Buffer, ...], Buffer | None]],
    given: tuple[Buffer | float | None, ...],
    constants: dict[str, Any],
) -> None:
    """Run the update over every row of buffers, each with its count of steps where that stands on the device.

    `given` is the scale and whether the step is left out, None where it is not said, and the kernels' numbers.
    """
    written = (0, 1) if given[0] is not None else (0,)
    back: list[tuple[Buffer, Buffer]] = []
    kinds: dict[tuple, list[tuple[int, tuple[Buffer, ...], Buffer | None]]] = {}
    for row, count in rows:
        size = elements(row)
        if size is None:
            row = tuple(flat(row, (*written, *range(2, len(row))), None, back))
            size = row[0].numel
        if size:
            kinds.setdefault(tuple([b.dtype for b in row[:3]]), []).append((size, row, count))
    for (p, g, *s), group in kinds.items():
        constants = {
            **constants, "C": tl.float64 if p is float64 else tl.float32, "CHUNK": CHUNK, "BLOCK": BLOCK,
            "num_warps": 8,
        }  # fmt: skip
        # A parameter that is listed twice is updated twice, one after the other.
        if len(group) == 1 or len({row[0].ptr for _, row, _ in group}) < len(group):
            for size, row, count in group:
                launch(step_kernel, (-(-size // CHUNK),), row, count, size, *given, **constants)
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
        launch(step_table_kernel, (chunks,), rows_of, chunks, *given, **constants, **types)
    for target, temporary in back:
        copy(target, temporary)


def _lay_out(key: tuple[tuple[int, ...], ...]) -> np.ndarray:
    """First (tensor, chunk) for every program, then every tensor's addresses and its number of elements."""
    rows = np.array(key, np.int64)
    return np.concatenate((chunks_of(rows[:, -1], CHUNK)[0], rows.reshape(-1)))


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
            cases.append(
                Case(step_table_kernel, "*i64 i32 None None" + numbers, constants, label, 8, wide="both")
            )
    fresh = {"nesterov": False, "fresh": True}
    alone: list[tuple[str, tuple[str, ...], str, bool, dict[str, bool]]] = [
        ("adam", STATES["adam"], "fp32", True, {}),
        ("sgd", STATES["sgd"], "bf16", False, fresh),
        ("sgd", (), "fp32", False, fresh),
        ("rmsprop", ("square_avg", "grad_avg"), "fp32", False, {}),
    ]
    for name, kept, type, counted, flags in alone:
        constants = {**_constants(name, kept, counted, maximize=True, **flags), "C": tl.float32}
        row = f"*{type} " * (2 + len(kept))
        scaled = "*fp32 *fp32" if counted else "None None"
        signature = f"({row}) {'*fp32' if counted else 'None'} i32:16 {scaled}{numbers}"
        cases.append(Case(step_kernel, signature, constants, f"{name},{len(kept)} states", 8, wide="both"))
    cases.append(Case(count_kernel, "*fp32 None"))
    cases.append(Case(count_table_kernel, "*i64 i32 *fp32", {"P": tl.float32, "BLOCK": 128}))
    return cases
