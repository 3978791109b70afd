"""Optimizer steps: many parameters in one call, in blocks that stay in the second-level cache."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import numpy as np

from tritonnn.cpu_fallback.common.blocks import BLOCK, pieces

_local = threading.local()


def advance_steps(steps: list[np.ndarray]) -> None:
    """Add one to every count of steps, in place."""
    for step in steps:
        np.add(step, 1, out=step)


def sgd_step(
    params: list[np.ndarray],
    grads: list[np.ndarray],
    momentum_buffers: list[np.ndarray],
    lr: float,
    weight_decay: float,
    momentum: float,
    dampening: float,
    nesterov: bool,
    maximize: bool,
    fresh: bool,
) -> None:
    """Parameters and momentum buffers after one step, in place; `fresh` buffers start as the gradient."""

    def update(p: np.ndarray, g: np.ndarray, *rest: np.ndarray) -> None:
        *buffer, a, b = rest
        g = _with_decay(p, g, weight_decay, maximize, a)
        if buffer:
            m = buffer[0]
            if fresh:
                np.copyto(m, g)
            else:
                np.multiply(m, momentum, out=m)
                np.add(m, np.multiply(g, 1 - dampening, out=b) if dampening else g, out=m)
            if nesterov:
                np.multiply(m, momentum, out=b)
                g = np.add(g, b, out=b)
            else:
                g = m
        np.subtract(p, np.multiply(g, lr, out=b), out=p)

    for arrays in _aligned(params, grads, momentum_buffers):
        _run(update, arrays, (0, 2) if momentum_buffers else (0,))


def adam_step(
    params: list[np.ndarray],
    grads: list[np.ndarray],
    exp_avgs: list[np.ndarray],
    exp_avg_sqs: list[np.ndarray],
    max_exp_avg_sqs: list[np.ndarray],
    steps: list[np.ndarray],
    step: float,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    decoupled: bool,
    maximize: bool,
) -> None:
    """Parameters and moments after one step, in place; steps so far are `step`, or `steps` per parameter."""
    scale = root = 0.0

    def update(p: np.ndarray, g: np.ndarray, m: np.ndarray, v: np.ndarray, *rest: np.ndarray) -> None:
        *largest, a, b = rest
        if decoupled and weight_decay:
            np.multiply(p, 1 - lr * weight_decay, out=p)
        g = _with_decay(p, g, 0.0 if decoupled else weight_decay, maximize, a)
        np.subtract(g, m, out=b)
        np.add(m, np.multiply(b, 1 - beta1, out=b), out=m)
        np.multiply(g, g, out=b)
        np.multiply(b, 1 - beta2, out=b)
        np.add(np.multiply(v, beta2, out=v), b, out=v)
        if largest:
            np.maximum(largest[0], v, out=largest[0])
            v = largest[0]
        # The bias correction sqrt(1 - beta2^t) is taken out of the root: it costs two numbers, not a pass.
        np.add(np.sqrt(v, out=b), eps * root, out=b)
        np.multiply(np.divide(m, b, out=b), scale, out=b)
        np.subtract(p, b, out=p)

    written = (0, 2, 3, 4) if max_exp_avg_sqs else (0, 2, 3)
    for i, arrays in enumerate(_aligned(params, grads, exp_avgs, exp_avg_sqs, max_exp_avg_sqs)):
        t = float(steps[i]) if steps else step
        root = (1 - beta2**t) ** 0.5
        scale = lr / (1 - beta1**t) * root
        _run(update, arrays, written)


def _with_decay(p: np.ndarray, g: np.ndarray, decay: float, maximize: bool, out: np.ndarray) -> np.ndarray:
    """The gradient of what is minimised, with that of the L2 penalty: `g` itself or `out`."""
    if decay:
        np.multiply(p, decay, out=out)
        return np.subtract(out, g, out=out) if maximize else np.add(out, g, out=out)
    return np.negative(g, out=out) if maximize else g


def _aligned(*lists: list[np.ndarray]) -> Iterator[tuple[np.ndarray, ...]]:
    """The arrays of one parameter after another; lists that are empty are left out."""
    return zip(*[arrays for arrays in lists if arrays], strict=True)


def _run(update: Callable[..., None], arrays: tuple[np.ndarray, ...], written: tuple[int, ...]) -> None:
    """Call `update` on block after block of `arrays` and two scratch blocks, all in the dtype computed in."""
    work = np.dtype(arrays[0].dtype)
    if work.kind not in "fc" or work.itemsize < 4:
        work = np.dtype(np.float32)
    for views in pieces(arrays):
        scratch = [s[: views[0].size].reshape(views[0].shape) for s in _scratch(work, views[0].size)]
        if all(view.dtype == work for view in views):
            update(*views, *scratch)
            continue
        wide = [view.astype(work) for view in views]
        update(*wide, *scratch)
        for i in written:
            np.copyto(views[i], wide[i], casting="unsafe")


def _scratch(dtype: np.dtype, size: int) -> list[np.ndarray]:
    """Two scratch arrays of `size` elements or more; kept, since fresh memory costs more than the sums."""
    kept = _local.__dict__.setdefault("scratch", {})
    found = kept.get(dtype)
    if found is None or found[0].size < size:
        found = [np.empty(max(size, 4096), dtype) for _ in range(2)]
        if size <= BLOCK:
            kept[dtype] = found
    return found
