"""Optimizer steps: many parameters in one call, in blocks that stay in the second-level cache.

The formula is the optimizer's own (tritonnn/optim), made into NumPy calls by _trace.py.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from tritonnn.cpu_fallback.common.blocks import BLOCK, pieces
from tritonnn.cpu_fallback.common.pool import spread
from tritonnn.cpu_fallback.optimizer._trace import Program

Formula = Callable[..., Any]
STEPS = 8  # of arithmetic on an element, about
SMALL = 4096  # elements from which on a walk over flat memory is worth finding

_local = threading.local()


def advance_steps(steps: list[np.ndarray], found_inf: np.ndarray | None) -> None:
    """Add one to every count of steps, in place, unless the step is left out."""
    if _left_out(found_inf):
        return
    for step in steps:
        np.add(step, 1, out=step)


def elementwise_step(
    params: list[np.ndarray],
    grads: list[np.ndarray],
    states: list[np.ndarray],
    steps: list[np.ndarray],
    formula: Formula,
    kept: tuple[str, ...],
    options: dict[str, Any],
    grad_scale: np.ndarray | None,
    found_inf: np.ndarray | None,
) -> None:
    """Parameters and states after one step, in place; the count of steps is an option, or `steps` per parameter."""
    if _left_out(found_inf):
        return
    # rounded once, as the scaler's own unscaling is
    inverse = None if grad_scale is None else float(np.float32(1 / np.float64(grad_scale.reshape(-1)[0])))
    written = _written(kept, inverse)
    program = None
    jobs: list[tuple[Program, list[np.ndarray] | tuple[np.ndarray, ...]]] = []
    for i, (p, g) in enumerate(zip(params, grads, strict=True)):
        # the count is one of a program's numbers: counts of their own need programs of their own
        if program is None or steps:
            counted = {**options, "step": float(steps[i])} if steps else options
            program = _program(formula, kept, tuple(counted.items()), inverse)
        arrays = (p, g, *states[i :: len(params)])
        jobs += [(program, views) for views in ([arrays] if p.size <= SMALL else pieces(arrays))]
    spread(lambda job: _run(*job, written), jobs, STEPS * sum([p.size for p in params]))


def _left_out(found_inf: np.ndarray | None) -> bool:
    return found_inf is not None and bool(found_inf.reshape(-1)[0])


def _written(kept: tuple[str, ...], inverse: float | None) -> tuple[int, ...]:
    """Which of (p, g, *states) a step writes."""
    return (0, *range(2 if inverse is None else 1, 2 + len(kept)))


@lru_cache(maxsize=64)
def _program(
    formula: Formula, kept: tuple[str, ...], options: tuple[tuple[str, Any], ...], inverse: float | None
) -> Program:
    """The formula's new values of a parameter and of the states in `kept`, as a program on (p, g, *states)."""

    def values(p: Any, g: Any, *states: Any) -> list[Any]:
        unscaled = g if inverse is None else g * inverse
        new = formula(p, unscaled, **dict(zip(kept, states, strict=True)), **dict(options))
        results = [v for v in new if v is not None]
        return results if inverse is None else [results[0], unscaled, *results[1:]]

    return Program(values, 2 + len(kept), _written(kept, inverse))


def _run(program: Program, views: Sequence[np.ndarray], written: tuple[int, ...]) -> None:
    """Run the program on a block, all in the dtype computed in."""
    work = np.dtype(views[0].dtype)
    if work.kind not in "fc" or work.itemsize < 4:
        work = np.dtype(np.float32)
    size, shape = views[0].size, views[0].shape
    scratch = [s[:size].reshape(shape) for s in _scratch(work, size, program.scratch)]
    if all([a.dtype == work for a in views]):
        program(views, scratch)
        return
    wide = [view.astype(work) for view in views]
    program(wide, scratch)
    for i in written:
        np.copyto(views[i], wide[i], casting="unsafe")


def _scratch(dtype: np.dtype, size: int, number: int) -> list[np.ndarray]:
    """So many arrays of `size` elements or more; kept, since fresh memory costs more than the sums."""
    if size > BLOCK:
        return [np.empty(size, dtype) for _ in range(number)]
    # of each thread its own: steps of several may run at a time
    by_dtype = _local.__dict__.setdefault("scratch", {})
    kept = by_dtype.get(dtype, ())
    if len(kept) < number or (number and kept[0].size < size):
        size = max(size, SMALL, kept[0].size if kept else 0)
        # never smaller than before: parameters of alternating sizes would else allocate at every step
        kept = by_dtype[dtype] = [np.empty(size, dtype) for _ in range(max(number, len(kept)))]
    return kept[:number]
