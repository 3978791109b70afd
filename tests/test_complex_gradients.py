"""Gradients with respect to complex numbers: of a real result L, dL/d(real part) + i dL/d(imaginary part)."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from support import ANY_PHASE, along, call, leaves_of, ops, samples, tensors

import tritonnn as torch
from tritonnn._tensor import Tensor
from tritonnn.ops._table import Op

STEP = 1e-6
WITH_GRADIENTS = [
    op
    for op in ops()
    if torch.complex128 in op.dtypes
    and op.has_derivative
    and op.family != "random"
    and op.name not in ANY_PHASE
]


def floating(value: Any) -> list[Tensor]:
    return [t for t in tensors(value) if t.dtype.is_floating_point or t.dtype.is_complex]


def numbers(like: list[Tensor], seed: int) -> list[Tensor]:
    rng = np.random.default_rng(seed)
    tensors = []
    for t in like:
        values = rng.standard_normal(tuple(t.shape))
        if t.dtype.is_complex:
            values = values + 1j * rng.standard_normal(tuple(t.shape))
        tensors.append(torch.from_numpy(np.asarray(values)).to(t.dtype))
    return tensors


def product(results: list[Tensor], weights: list[Tensor]) -> Tensor:
    """The real part of the inner product: a real number that every part of the results takes part in."""
    total = torch.zeros((), dtype=torch.float64)
    for result, weight in zip(results, weights, strict=True):
        terms = result * weight.conj()
        total = total + (terms.real if terms.dtype.is_complex else terms).sum()
    return total


@pytest.mark.parametrize("op", [pytest.param(op, id=op.name) for op in WITH_GRADIENTS])
def test_gradient_along_a_direction(op: Op) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for sample in samples(op, "cpu", torch.complex128):
            leaves = leaves_of(op, sample, complex=True)
            inputs = [t for t in floating(leaves) if t.requires_grad]
            results = [r for r in floating(call(op, leaves)) if r.requires_grad]
            if not results or not any(t.numel() for t in inputs):
                continue
            weights = numbers(results, 1)
            grads = torch.autograd.grad(product(results, weights), inputs, allow_unused=True)
            used = [(t, g) for t, g in zip(inputs, grads, strict=True) if g is not None]
            steps = along(op, sample, numbers([t for t, _ in used], 2))
            slope = float(product([g for _, g in used], steps))
            values = []
            which = [r.requires_grad for r in floating(call(op, leaves))]
            with torch.no_grad():
                for sign in (1, -1):
                    for (t, _), step in zip(used, steps, strict=True):
                        t.data = t.data + sign * STEP * step
                    moved = zip(floating(call(op, leaves)), which, strict=True)
                    values.append(float(product([r for r, recorded in moved if recorded], weights)))
                    for (t, _), step in zip(used, steps, strict=True):
                        t.data = t.data - sign * STEP * step
            wanted = (values[0] - values[1]) / (2 * STEP)
            assert slope == pytest.approx(wanted, rel=2e-5, abs=2e-6), repr(sample)
