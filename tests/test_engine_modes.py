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


@pytest.mark.parametrize("switch", [torch.no_grad(), torch.inference_mode(), torch.set_grad_enabled(False)])
def test_whatever_resumes_a_generator_reaches_it_under_its_decorator(switch):
    torch.set_grad_enabled(True)
    log: list = []
    running = switch(steps)(log)
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
