"""Activation checkpoints: same results and gradients, fewer saved tensors, told when the second run differs."""

from __future__ import annotations

import pytest

import tritonnn as torch
from tritonnn import nn
from tritonnn.utils import checkpoint as module
from tritonnn.utils.checkpoint import (
    CheckpointError,
    checkpoint,
    checkpoint_sequential,
    set_checkpoint_early_stop,
)


def network():
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Dropout(0.5), nn.Linear(8, 2))


def gradients(run):
    model = network()
    x = torch.linspace(-1, 1, 12).reshape(4, 3).requires_grad_()
    torch.manual_seed(7)
    y = run(model, x)
    (y * y).sum().backward()
    after = torch.rand(()).item()
    return [y.tolist(), x.grad.tolist(), [p.grad.tolist() for p in model.parameters()], after]


@pytest.mark.parametrize("reentrant", [False, True])
def test_results_gradients_and_random_numbers_are_those_without(reentrant):
    plain = gradients(lambda model, x: model(x))
    assert gradients(lambda model, x: checkpoint(model, x, use_reentrant=reentrant)) == plain
    assert gradients(lambda model, x: checkpoint_sequential(model, 2, x, use_reentrant=reentrant)) == plain


@pytest.mark.parametrize("reentrant", [False, True])
def test_without_the_random_state_the_second_run_draws_anew(reentrant):
    x = torch.ones(1000, requires_grad=True)
    drop = nn.Dropout(0.5)
    y = checkpoint(lambda t: drop(t) * t, x, use_reentrant=reentrant, preserve_rng_state=False)
    torch.manual_seed(99)
    y.sum().backward()
    assert x.grad.tolist() != [4.0 if v else 0.0 for v in y.tolist()]


def counted(calls):
    def function(x):
        calls.append(1)
        return (x * x).exp().sin() * x

    return function


def test_it_runs_twice_and_keeps_nothing_in_between():
    calls, saved = [], []
    x = torch.ones(3, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: saved.append(t) or t, lambda t: t):
        y = checkpoint(counted(calls), x, use_reentrant=False)
    assert calls == [1] and not saved
    y.sum().backward(retain_graph=True)
    first = x.grad.clone()
    y.sum().backward()
    assert len(calls) == 3 and x.grad.tolist() == (2 * first).tolist()


def test_nothing_is_computed_again_when_nobody_asks():
    calls = []
    x = torch.ones(3, requires_grad=True)
    y = checkpoint(counted(calls), x, use_reentrant=False)
    del y
    with torch.no_grad():
        checkpoint(counted(calls), x, use_reentrant=False)
    assert calls == [1, 1]


@pytest.mark.parametrize("stops", [True, False])
def test_early_stop(stops):
    reached = []

    def function(x):
        y = x * x * x
        reached.append(1)
        return y.sum()

    x = torch.ones(2, requires_grad=True)
    checkpoint(function, x, use_reentrant=False, early_stop=stops).backward()
    assert len(reached) == (1 if stops else 2)
    with set_checkpoint_early_stop(False):
        checkpoint(function, x, use_reentrant=False).backward()
    assert len(reached) == (3 if stops else 4) and module._early_stop


def test_nested_structures_keywords_and_grad():
    def function(pair, scale=1.0):
        return {"out": pair["a"] * pair["b"] * scale}

    a, b = torch.ones(2, requires_grad=True), torch.full((2,), 3.0, requires_grad=True)
    out = checkpoint(function, {"a": a, "b": b}, scale=2.0, use_reentrant=False)["out"]
    assert torch.autograd.grad(out.sum(), [a, b])[0].tolist() == [6, 6]


def test_second_derivatives():
    x = torch.tensor([2.0], dtype=torch.float64, requires_grad=True)
    (first,) = torch.autograd.grad(
        checkpoint(lambda t: t * t * t, x, use_reentrant=False), x, create_graph=True
    )
    (second,) = torch.autograd.grad(first, x)
    assert first.item() == 12 and second.item() == 12


def test_checkpoints_inside_of_checkpoints():
    x = torch.tensor([0.5], requires_grad=True)

    def inner(t):
        return checkpoint(lambda u: u.exp() * u, t, use_reentrant=False) * t

    checkpoint(inner, x, use_reentrant=False).backward()
    e = torch.tensor([0.5]).exp().item()
    assert x.grad.item() == pytest.approx(e * 0.25 + e * 2 * 0.5)


def test_contexts_of_both_runs():
    seen = []

    class Note:
        def __init__(self, name):
            self.name = name

        def __enter__(self):
            seen.append(self.name)

        def __exit__(self, *exc):
            pass

    x = torch.ones(1, requires_grad=True)
    y = checkpoint(lambda t: t * t, x, use_reentrant=False, context_fn=lambda: (Note("first"), Note("again")))
    assert seen == ["first"]
    y.backward()
    assert seen == ["first", "again"]


def test_a_second_run_that_differs_is_told():
    sizes = iter([2, 3])

    def function(x):
        return (x * torch.ones(next(sizes), 1)).exp().sum()

    x = torch.ones(1, requires_grad=True)
    y = checkpoint(function, x, use_reentrant=False)
    with pytest.raises(CheckpointError, match=r"different metadata.*\(2, 1\).*\(3, 1\)"):
        y.backward()
    runs = iter([True, False])
    y = checkpoint(lambda t: t.exp().sin() if next(runs) else t * 1, x, use_reentrant=False)
    with pytest.raises(CheckpointError, match="different number of tensors"):
        y.backward()


def test_arguments_are_checked():
    x = torch.ones(1, requires_grad=True)
    with pytest.warns(UserWarning, match="use_reentrant parameter should be passed"):
        checkpoint(torch.exp, x)
    with pytest.warns(UserWarning, match="None of the inputs have requires_grad"):
        checkpoint(torch.exp, torch.ones(1), use_reentrant=True)
    with pytest.raises(ValueError, match="Unexpected keyword arguments: scale"):
        checkpoint(torch.exp, x, use_reentrant=True, scale=2)
    with pytest.raises(ValueError, match="only supported when use_reentrant=False"):
        checkpoint(torch.exp, x, use_reentrant=True, context_fn=lambda: None)
    with pytest.raises(ValueError, match="determinism_check should be one of"):
        checkpoint(torch.exp, x, use_reentrant=False, determinism_check="strict")


def test_debug_shows_what_both_runs_called():
    runs = []

    def function(x):
        runs.append(1)
        return x.sin().cos() if len(runs) == 1 else x.exp()

    y = checkpoint(function, torch.ones(2, requires_grad=True), use_reentrant=False, debug=True)
    with pytest.raises(CheckpointError, match="original forward") as raised:
        y.sum().backward()
    first, second = str(raised.value).split("Operators of the recomputation")
    assert "1: torch.ops.aten.cos.default(float32[2])" in first and "exp" not in first
    assert "0: torch.ops.aten.exp.default(float32[2])" in second and "cos" not in second


def test_what_is_kept_is_offloaded_and_comes_back():
    policy = torch.utils.checkpoint.CheckpointPolicy.MUST_CPU_OFFLOAD
    contexts = torch.utils.checkpoint.create_selective_checkpoint_contexts
    calls = []
    for device in ("cpu", "cuda"):
        x = torch.linspace(0, 1, 4, device=device).requires_grad_()
        y = checkpoint(
            lambda t: t.exp().sin().cos(),
            x,
            use_reentrant=False,
            context_fn=lambda: contexts(lambda *a: policy),
        )
        with torch.dispatch.watch(lambda op, args, results: calls.append(op.name)):
            y.sum().backward()
        expected = torch.autograd.grad(x.exp().sin().cos().sum(), x)[0]
        assert torch.equal(x.grad, expected) and x.grad.device == x.device
    assert "exp" not in calls and "sin" in calls  # the derivative of cos


def test_reentrant_is_refused_where_gradients_are_asked_for_by_name():
    """Its inner pass would add to every parameter's .grad, and return none of those asked for."""
    layer = nn.Linear(2, 2)
    x = torch.ones(1, 2, requires_grad=True)
    y = checkpoint(layer, x, use_reentrant=True).sum()
    for ask in (lambda: torch.autograd.grad(y, x, retain_graph=True), lambda: y.backward(inputs=[x])):
        with pytest.raises(RuntimeError, match=r"use_reentrant=True.* is incompatible with .grad\(\)"):
            ask()
    assert layer.weight.grad is None and x.grad is None
