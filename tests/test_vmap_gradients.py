"""Gradients of every entry of the op table through vmap: of each sample, by rows, and along directions."""

from __future__ import annotations

from typing import Any

import pytest
from support import call, ops, tensors
from test_ops import NO_PLAIN_DERIVATIVE
from test_vmap_ops import DEPENDS, RANDOM, REFUSALS, SIZE, SOME, _quiet, drawn, filled, patterns  # noqa: F401

import tritonnn as torch
from tritonnn._tensor import Tensor
from tritonnn.ops._table import Op

# what has no second derivative, which derivatives along directions and rows in one pass are made of -> why
ONE_DERIVATIVE: dict[str, str] = {}


def cases() -> list[Any]:
    return [
        pytest.param(op, id=op.name)
        for op in ops()
        if op.samples and op.has_derivative and torch.float64 in op.dtypes and not op.recorded
        and op.name not in RANDOM and op.name not in DEPENDS
    ]  # fmt: skip


def function_of(op: Op, sample: Any, values: list[Tensor], places: list[int]) -> Any:
    """The op as a function of its floating tensors that returns one number, and the tensors."""

    def run(*given: Tensor) -> Tensor:
        full = list(values)
        for place, value in zip(places, given, strict=True):
            full[place] = value
        total: Any = 0.0
        for number, result in enumerate(tensors(call(op, filled(sample, full)))):
            if result.dtype.is_floating_point and result.requires_grad:
                total = total + (result * (number + 1)).sin().sum()
        return total

    return run, [values[place] for place in places]


def differentiable(op: Op, row: Any) -> list[int]:
    """The positions of the tensors that the op can differentiate by."""
    names = {id(value) for value in tensors(row[0])}
    constants = {id(v) for n, v in zip(op.names, row[0].args) if n in row[0].constants} & names
    constants |= {id(v) for n, v in row[0].kwargs.items() if n in row[0].constants}
    values = list(tensors(row[0]))
    return [i for i, v in enumerate(values) if v.dtype.is_floating_point and id(v) not in constants]


def close(a: Tensor, b: Tensor, what: Any) -> None:
    assert a.shape == b.shape, what
    scale = max(1.0, float(b.abs().max())) if b.numel() else 1.0
    assert bool(((a - b).abs() <= 1e-9 * scale).all()) or bool(
        (a.isnan() == b.isnan()).all() and a.isnan().any()
    ), what


def looped(op: Op, row: Any, places: list[int]) -> list[tuple[Tensor, ...]] | None:
    """The gradients of each sample; None where nothing is differentiable."""
    found = []
    for sample in row:
        run, given = function_of(op, row[0], [t.clone() for t in tensors(sample)], places)
        leaves = [t.clone().requires_grad_() for t in given]
        total = run(*leaves)
        if not isinstance(total, Tensor) or not total.requires_grad:
            return None
        found.append(torch.autograd.grad(total, leaves, allow_unused=True, materialize_grads=True))
    return found


@pytest.mark.parametrize("op", cases())
def test_per_sample(op):
    """vmap(grad) gives the gradients that a loop gives."""
    for row in drawn(op, "cpu", torch.float64):
        places = differentiable(op, row)
        wanted = looped(op, row, places) if places else None
        if wanted is None:
            continue
        stacked = [torch.stack(column) for column in zip(*[list(tensors(s)) for s in row], strict=True)]

        def one(*values: Tensor, of: Any = row[0], at: list[int] = places) -> Any:
            run, given = function_of(op, of, list(values), at)
            return torch.func.grad(run, argnums=tuple(range(len(given))))(*given)

        try:
            got = torch.vmap(one)(*stacked)
        except RuntimeError as error:
            if op.name in SOME and any(text in str(error) for text in REFUSALS):
                continue
            raise
        for number, value in enumerate(got):
            close(value, torch.stack([w[number] for w in wanted]), (row[0], number))


@pytest.mark.parametrize("op", cases())
def test_directions(op):
    """The derivative along a direction is the gradient times it; and rows in one pass are rows one by one."""
    if op.name in NO_PLAIN_DERIVATIVE:
        pytest.skip("its gradient is no derivative")
    for row in drawn(op, "cpu", torch.float64)[:3]:
        places = differentiable(op, row)
        wanted = looped(op, row, places) if places else None
        if wanted is None:
            continue
        run, given = function_of(op, row[0], [t.clone() for t in tensors(row[0])], places)
        directions = tuple([torch.linspace(-1, 1, t.numel(), dtype=t.dtype).view(t.shape) for t in given])
        try:
            along = torch.func.jvp(run, tuple(given), directions)[1]
        except RuntimeError as error:
            if op.name in SOME and any(text in str(error) for text in REFUSALS):
                continue
            raise
        expected = sum([(d * w).sum() for d, w in zip(directions, wanted[0], strict=True)])
        close(along, expected, row[0])
        value, pull = torch.func.vjp(run, *given)
        rows = torch.vmap(pull)(torch.tensor([1.0, -2.0], dtype=value.dtype))
        for got, w in zip(rows, wanted[0], strict=True):
            close(got, torch.stack([w, -2 * w]), row[0])
