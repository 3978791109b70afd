"""Gradients of every entry of a package: against central differences, between devices, of any strides."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

import tritonnn as torch
from tritonnn._tensor import Tensor
from tritonnn.ops._table import Op
from tritonnn.testing.generated.cases import NO_PLAIN_DERIVATIVE, SIMULATED, STEPS_BREAK_TIES, cases, few
from tritonnn.testing.generated.inputs import (
    along,
    assert_close,
    call,
    floating,
    leaves_of,
    mapped,
    moved,
    permuted,
    samples,
    strided,
    tensors,
)
from tritonnn.testing.generated.own_errors import allowed, own_errors


@cases((torch.float32,), keep=lambda op: op.kind != "view" and "as_strided" not in op.name)
def test_layouts(op, device, dtype):
    """Inputs that lie densely in another order give what row-major ones give; so do their gradients."""
    for sample in few(device, dtype, samples(op, device, dtype)):
        # The simulated device takes those whose channels can lie last: `test_noncontiguous` has the others.
        if all(len(t.shape) < (4 if device == "cuda" and SIMULATED else 2) for t in tensors(sample)):
            continue
        wanted = call(op, sample)
        errors = own_errors(op, partial(call, op), sample, wanted, trusted=True)
        assert_close(
            call(op, mapped(sample, permuted)), wanted, dtype, allowed(op, dtype), repr(sample), errors
        )
        if op.kind != "primitive" or not op.has_derivative or op.result_rule is not None:
            continue
        rows, row_leaves, row_results = differentiable(op, sample)
        other = mapped(rows, permuted)
        results = [r for r in floating(call(op, other)) if r.requires_grad]
        leaves = [t for t in floating(other) if t.requires_grad]
        if row_results:
            weights = [permuted(w).to(dtype) for w in directions(results, 3)]
            grads = torch.autograd.grad(weighted(results, weights), leaves, allow_unused=True)
            expected = torch.autograd.grad(weighted(row_results, weights), row_leaves, allow_unused=True)
            pairs = [(a, b) for a, b in zip(grads, expected, strict=True) if b is not None]
            assert_close([a for a, _ in pairs], [b for _, b in pairs], dtype, what=f"gradients of {sample}")


def directions(inputs: list[Tensor], seed: int) -> list[Tensor]:
    rng = np.random.default_rng(seed)
    return [torch.from_numpy(np.asarray(rng.standard_normal(tuple(t.shape)))).to(t.device) for t in inputs]


def weighted(results: list[Tensor], weights: list[Tensor]) -> Tensor:
    total: Any = None
    for result, weight in zip(results, weights, strict=True):
        term = (result * weight).sum()
        total = term if total is None else total + term
    return total


def differentiable(op: Op, sample: Any) -> tuple[Any, list[Tensor], list[Tensor]]:
    """The sample with leaves that require grad, those leaves that matter, and the results that depend on them."""
    leaves = leaves_of(op, sample)
    results = [r for r in floating(call(op, leaves)) if r.requires_grad]
    return leaves, [t for t in floating(leaves) if t.requires_grad], results


@cases((torch.float64,), ("cpu",), keep=lambda op: op.has_derivative and op.name not in NO_PLAIN_DERIVATIVE)
def test_grad(op, device, dtype):
    """The first derivative along a random direction agrees with central differences."""
    if op.name in STEPS_BREAK_TIES:
        pytest.skip("central differences break ties; tests/parity compares the gradient")
    for sample in samples(op, device, dtype):
        leaves, inputs, results = differentiable(op, sample)
        if not results or not any(t.numel() for t in inputs):  # no element to move
            continue
        weights = directions(results, 1)
        grads = torch.autograd.grad(weighted(results, weights), inputs, allow_unused=True)
        used = [(t, g) for t, g in zip(inputs, grads, strict=True) if g is not None]
        steps = along(op, sample, directions([t for t, _ in used], 2))
        analytic = sum(float((g * u).sum()) for (_, g), u in zip(used, steps, strict=True))
        numeric = central_difference(op, leaves, [t for t, _ in used], steps, weights)
        assert analytic == pytest.approx(numeric, rel=2e-5, abs=2e-6), repr(sample)


def central_difference(
    op: Op, leaves: Any, inputs: list[Tensor], steps: list[Tensor], weights: list[Tensor]
) -> float:
    eps = 1e-6
    values = []
    which = [r.requires_grad for r in floating(call(op, leaves))]
    with torch.no_grad():
        for sign in (1, -1):
            for t, u in zip(inputs, steps, strict=True):
                t.data = t.data + sign * eps * u
            results = [r for r, recorded in zip(floating(call(op, leaves)), which, strict=True) if recorded]
            values.append(float(weighted(results, weights)))
            for t, u in zip(inputs, steps, strict=True):
                t.data = t.data - sign * eps * u
    return (values[0] - values[1]) / (2 * eps)


def slope(op, leaves, inputs, weights) -> Tensor | None:
    """The gradients of the inputs, weighted along a random direction."""
    results = [r for r in floating(call(op, leaves)) if r.requires_grad]
    grads = torch.autograd.grad(weighted(results, weights), inputs, create_graph=True, allow_unused=True)
    used = [g for g in grads if g is not None]
    return weighted(used, directions(used, 3)) if used else None


@cases((torch.float64,), ("cpu",), keep=lambda op: op.has_derivative and op.name not in NO_PLAIN_DERIVATIVE)
def test_grad_of_grad(op, device, dtype):
    """The second derivative along random directions agrees with central differences of the first."""
    for sample in samples(op, device, dtype)[:4]:
        leaves, inputs, results = differentiable(op, sample)
        if not results:
            continue
        weights = directions(results, 1)
        first = slope(op, leaves, inputs, weights)
        if first is None or not first.requires_grad:
            continue
        grads = torch.autograd.grad(first, inputs, allow_unused=True)
        pairs = [(t, g) for t, g in zip(inputs, grads, strict=True) if g is not None]
        steps = along(op, sample, directions([t for t, _ in pairs], 4))
        analytic = sum(float((g * u).sum()) for (_, g), u in zip(pairs, steps, strict=True))
        eps, values = 1e-6, []
        for sign in (1, -1):
            for (t, _), u in zip(pairs, steps, strict=True):
                t.data = t.data + sign * eps * u
            values.append(float(slope(op, leaves, inputs, weights)))
            for (t, _), u in zip(pairs, steps, strict=True):
                t.data = t.data - sign * eps * u
        numeric = (values[0] - values[1]) / (2 * eps)
        assert analytic == pytest.approx(numeric, rel=1e-4, abs=1e-5), repr(sample)


@cases((torch.float32,), ("cuda",), keep=lambda op: op.has_derivative)
def test_grad_on_kernel(op, device, dtype):
    """Gradients on the GPU agree with those on the CPU."""
    run = partial(weighted_grads, op)
    for sample in few(device, dtype, samples(op, "cpu", dtype))[:2]:
        wanted = run(sample)
        if not wanted:
            continue
        got = run(moved(sample, device))
        assert [g is None for g in got] == [g is None for g in wanted]
        errors = own_errors(op, run, sample, wanted, trusted=True)
        assert_close(got, wanted, dtype, allowed(op, dtype), repr(sample), errors)


def weighted_grads(op: Op, sample: Any) -> list[Tensor | None]:
    """The gradients of a sample's inputs, the results weighted along a random direction."""
    _, inputs, results = differentiable(op, sample)
    if not results:
        return []
    weights = [w.float().to(r.dtype) for w, r in zip(directions(results, 1), results, strict=True)]
    return list(torch.autograd.grad(weighted(results, weights), inputs, allow_unused=True))


@cases((torch.float64,), ("cpu",), keep=lambda op: op.kind == "primitive" and op.has_derivative)
def test_strided_incoming_grad(op, device, dtype):
    """Backward takes gradients of any stride."""
    for sample in samples(op, device, dtype)[:3]:
        _, inputs, results = differentiable(op, sample)
        if not results:
            continue
        weights = directions(results, 1)
        dense = torch.autograd.grad(results, inputs, weights, retain_graph=True, allow_unused=True)
        gaps = torch.autograd.grad(results, inputs, [strided(w) for w in weights], allow_unused=True)
        assert_close(
            [g for g in gaps if g is not None], [g for g in dense if g is not None], dtype, what=repr(sample)
        )
