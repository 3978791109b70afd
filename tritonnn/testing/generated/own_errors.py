"""An op's call in float64, and how exact its result can be in the call's own precision.

What needs more room than most says so in its entry (`larger_error=`, `at_least=`, `discontinuous=`); of the library's
own ops it stands in the tables below, which its tests fill.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import tritonnn as torch
from tritonnn._families import OWN
from tritonnn._tensor import Tensor, host_array
from tritonnn.ops._table import FLOAT, Op, Sample
from tritonnn.testing.generated.inputs import array, floating, mapped, tensors
from tritonnn.testing.generated.tolerance import ALLOWED, moved, own_error, parts, sizes

# Moving an input by one rounding moves their results by a step, which excuses nothing.
DISCONTINUOUS: set[str] = set()
# Ops that compute something else in float64.
NOT_WIDENED: dict[str, str] = {}
# op, or op and dtype -> (how many times the own error is allowed, why it needs more than two)
LARGER_ERROR: dict[str, tuple[float, str]] = {}
# op -> (the magnitude whose rounding its error is at least, why)
AT_LEAST: dict[str, tuple[float, str]] = {}


def allowed(op: Op, dtype: Any) -> float:
    """How many times its own error a result in a dtype may be off."""
    listed = LARGER_ERROR.get(f"{op.name} {dtype.name}"), LARGER_ERROR.get(op.name)
    for said in (*listed, op.options.get("larger_error")):
        if said is not None:
            return said[0]
    return ALLOWED


def at_least(op: Op) -> float:
    """The magnitude whose rounding the error of a result is at least."""
    said = op.options.get("at_least") or AT_LEAST.get(op.name)
    return 0.0 if said is None else said[0]


def seeds(op: Op, several: Sequence[int]) -> Sequence[int | None]:
    """Of the runs in float64: None for the inputs themselves, then those to move them by.

    Moved inputs excuse nothing where an element depends on one number, or jumps.
    """
    single = op.result_rule is not None and len(op.tensor_slots) == 1
    jumps = op.name in DISCONTINUOUS or op.options.get("discontinuous")
    return (None,) if single or jumps else (None, *several)


def whole_operands(op: Op, sample: Sample, fractions: Sequence[bool]) -> bool:
    """Whether whole numbers become fractions: in all results of an elementwise function of nothing else."""
    if op.package != OWN:
        return op.result_rule is FLOAT
    if op.family == "fft":
        return True
    if op.family != "elementwise" or op.result_rule is not None:
        return op.result_rule is FLOAT
    return all(fractions) and all(t.dtype.kind < 2 for t in tensors(sample))


def wide(op: Op, sample: Sample, seed: int | None = None, whole: bool = False) -> Sample:
    """The sample in float64; with a seed every number moved by one rounding of what it was.

    Args:
        op: the op.
        sample: the call.
        seed: of the moves.
        whole: whether whole numbers are operands, not places or truth values.
    """

    number = itertools.count()

    def change(t: Tensor) -> Tensor:
        if t.dtype.kind < 2 and not whole:
            return t.cpu()
        to = torch.complex128 if t.dtype.is_complex else torch.float64
        values = host_array(t.detach().to(to))
        if seed is not None and t.dtype.kind >= 2:
            values = moved(values, t.dtype.np, (seed, next(number)))
        laid = torch.empty_strided(tuple(t.shape), t.stride(), dtype=to)
        return laid.copy_(torch.from_numpy(np.ascontiguousarray(values).reshape(values.shape)))

    return mapped(sample, change)


def own_errors(
    op: Op, run: Callable[[Sample], Any], sample: Sample, low: Any, trusted: bool
) -> list[tuple[np.ndarray, np.ndarray]] | None:
    """By floating result its exact values and the own error of each; None where the op has no float64.

    Args:
        op: the op.
        run: what is computed of a sample, on the CPU: the op's results, or gradients.
        sample: the call in its own precision.
        low: its results.
        trusted: whether their errors are errors that the precision has of its own.
    """
    if torch.float64 not in op.dtypes or op.name in NOT_WIDENED:
        return None
    results = floating(low)
    whole = whole_operands(op, sample, [t.dtype.is_floating_point for t in tensors(low)])
    runs = [floating(run(wide(op, sample, seed, whole))) for seed in seeds(op, (1, 2))]
    if any([t.shape for t in r] != [t.shape for t in results] for r in runs):
        return None
    errors = []
    for i, result in enumerate(results):
        exact, *moves = [parts(array(r[i])) for r in runs]
        others = [parts(array(result))] if trusted else []
        size = np.maximum(sizes(array(runs[0][i])), at_least(op))
        errors.append((exact, own_error(exact, moves, others, result.dtype.np, size)))
    return errors
