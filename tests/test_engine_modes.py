"""Recording switched on and off: generators under a decorator, inference tensors."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

import tritonnn as torch


def steps(log: list) -> Any:
    """A generator that says how it was resumed, and whether it recorded then."""
    while True:
        try:
            sent = yield torch.is_grad_enabled()
            log.append((sent, torch.is_grad_enabled()))
        except KeyError as error:
            log.append((error.args[0], torch.is_grad_enabled()))
        except GeneratorExit:
            log.append(("closed", torch.is_grad_enabled()))
            raise


@pytest.mark.parametrize("switch", ["no_grad", "inference_mode", "set_grad_enabled"])
def test_whatever_resumes_a_generator_reaches_it_under_its_decorator(switch):
    log: list = []
    switched = getattr(torch, switch)(*[False] * (switch == "set_grad_enabled"))
    running = switched(steps)(log)
    assert next(running) is False
    assert running.send("sent") is False
    assert running.throw(KeyError("thrown")) is False
    assert torch.is_grad_enabled()
    running.close()
    assert log == [("sent", False), ("thrown", False), ("closed", False)]
    with pytest.raises(StopIteration):
        next(running)


def test_what_a_generator_does_not_catch_leaves_it():
    @torch.no_grad()
    def one():
        yield 1

    running = one()
    next(running)
    with pytest.raises(ValueError, match="mine"):
        running.throw(ValueError("mine"))
    assert torch.is_grad_enabled()


def test_a_generator_that_yields_when_closed_is_told_so():
    @torch.no_grad()
    def stubborn():
        try:
            yield 1
        except GeneratorExit:
            yield 2

    running = stubborn()
    next(running)
    with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
        running.close()


def test_a_context_manager_under_a_decorator_handles_errors():
    log = []

    @contextlib.contextmanager
    @torch.no_grad()
    def scope():
        try:
            yield
        except ValueError:
            log.append(torch.is_grad_enabled())

    with scope():
        raise ValueError
    assert log == [False]


def test_a_generator_returns_its_value_through_the_decorator():
    @torch.no_grad()
    def one():
        return (yield 1)

    running = one()
    next(running)
    with pytest.raises(StopIteration) as stopped:
        running.send(5)
    assert stopped.value.value == 5


# ---- inference tensors ----------------------------------------------------------------------------------


def made_in_inference_mode():
    with torch.inference_mode():
        return torch.ones(2)


SAVED = "Inference tensors cannot be saved for backward"
WRITTEN = "Inplace update to inference tensor outside InferenceMode is not allowed"
USES = {
    "mul": (lambda x, w: w * x, SAVED),
    "mul_": (lambda x, w: (w * 1).mul_(x), SAVED),
    "linear": (lambda x, w: torch.nn.functional.linear(x.view(1, 2), w.view(1, 2)), SAVED),
    "function": (lambda x, w: Keeping.apply(w, x), SAVED),
    "add_": (lambda x, w: x.add_(1), WRITTEN),
    "add_ of a view": (lambda x, w: x.view(-1).add_(1), WRITTEN),
    "zero_": (lambda x, w: x.zero_(), WRITTEN),
    "copy_": (lambda x, w: x.copy_(torch.ones(2)), WRITTEN),
    "setitem": (lambda x, w: x.__setitem__(0, 1), WRITTEN),
    "normal_": (lambda x, w: x.normal_(), WRITTEN),
    "resize_": (lambda x, w: x.resize_(1), WRITTEN),
    "out=": (lambda x, w: torch.add(torch.ones(2), 1, out=x), WRITTEN),
    "requires_grad_": (
        lambda x, w: x.requires_grad_(),
        "Setting requires_grad=True on inference tensor outside",
    ),
    "Parameter": (
        lambda x, w: torch.nn.Parameter(x),
        "Setting requires_grad=True on inference tensor outside",
    ),
    "_version": (lambda x, w: x._version, "Inference tensors do not track version counter"),
}


class Keeping(torch.autograd.Function):
    @staticmethod
    def forward(ctx, w, x):
        ctx.save_for_backward(x)
        return w * x

    @staticmethod
    def backward(ctx, g):
        return g * ctx.saved_tensors[0], None


@pytest.mark.parametrize("use", USES)
def test_inference_tensors_are_guarded(use):
    run, text = USES[use]
    w = torch.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match=text):
        run(made_in_inference_mode(), w)
    run(torch.ones(2), w)  # of a normal tensor nothing is wrong
    run(made_in_inference_mode().clone(), w)


def test_inference_tensors_are_told_from_normal_ones():
    x = made_in_inference_mode()
    assert [t.is_inference() for t in (x, x.view(-1), x.detach(), x.clone(), x * 1)] == [True] * 3 + [
        False
    ] * 2
    with torch.inference_mode():
        normal = torch.ones(1, requires_grad=True).detach()
        assert (normal + 1).is_inference()
    normal = torch.ones(2)
    with torch.inference_mode():
        normal.add_(1)
        assert not normal.is_inference() and not normal.view(-1).is_inference()
        x.add_(normal)
    assert normal._version == 1 and (normal * torch.ones(2, requires_grad=True)).requires_grad
    assert (torch.ones(2, requires_grad=True) + x).requires_grad  # nothing of x is saved


def test_inference_mode_switched_off_records():
    w = torch.ones(2, requires_grad=True)
    with torch.inference_mode():
        with torch.enable_grad():
            assert not (w * 2).requires_grad
        with torch.inference_mode(False):
            assert (w * 2).requires_grad and not torch.is_inference_mode_enabled()
            assert not torch.ones(1).is_inference()
        assert torch.ones(1).is_inference()
    assert not torch.ones(1).is_inference()


def test_grad_of_what_is_no_leaf_warns():
    w = torch.ones(2, requires_grad=True)
    y = w * 2
    with pytest.warns(UserWarning, match="grad attribute of a Tensor that is not a leaf Tensor"):
        assert y.grad is None
    y.retain_grad()
    assert y.grad is None and w.grad is None


def test_numpy_is_refused_only_while_recording():
    w = torch.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="requires grad"):
        w.numpy()
    with torch.no_grad():
        assert w.numpy().tolist() == [1, 1]
