"""Backward on several threads: leaves, graphs and retained gradients that they share."""

from __future__ import annotations

import sys
import threading

import pytest

import tritonnn as torch

THREADS = 4


@pytest.fixture
def often():
    """Threads change places as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def together(run):
    """Call `run(number)` on some threads at once; what one raises is raised."""
    barrier, raised = threading.Barrier(THREADS), []

    def body(number):
        barrier.wait()
        try:
            run(number)
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=body, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]


@pytest.mark.parametrize("start", ["none", "zeros"])
def test_leaves_that_threads_share_lose_nothing(often, start):
    layer = torch.nn.Linear(64, 64)
    x = torch.ones(2, 64)
    for _ in range(50):
        layer.zero_grad()
        if start == "zeros":
            layer.weight.grad, layer.bias.grad = torch.zeros(64, 64), torch.zeros(64)
        together(lambda number: [layer(x).sum().backward() for _ in range(3)])
        assert layer.bias.grad.tolist() == [2.0 * 3 * THREADS] * 64
        assert (layer.weight.grad == 2.0 * 3 * THREADS).all()


def test_leaves_lose_nothing_where_addition_is_slow(monkeypatch):
    """The add of one thread is held up until another had every chance to come between."""
    weight = torch.zeros(3, requires_grad=True)
    plain = torch.Tensor.add_

    def slow(self, other):
        import time

        before = self.clone()
        time.sleep(0.01)
        return self.copy_(before + other) if self is weight.grad else plain(self, other)

    weight.grad = torch.zeros(3)
    monkeypatch.setattr(torch.Tensor, "add_", slow)
    together(lambda number: (weight * 2).sum().backward())
    assert weight.grad.tolist() == [2.0 * THREADS] * 3


def test_a_graph_that_threads_share(often):
    weight = torch.full((16,), 3.0, requires_grad=True)
    for _ in range(50):
        weight.grad = None
        middle = weight * weight
        middle.retain_grad()
        out = (middle.exp() * 0 + middle * middle).sum()
        together(lambda number, out=out: out.backward(retain_graph=True))
        assert middle.grad.tolist() == [2 * 9.0 * THREADS] * 16
        assert weight.grad.tolist() == [6 * 2 * 9.0 * THREADS] * 16


def test_a_retained_gradient_loses_nothing_where_addition_is_slow(monkeypatch):
    """Two threads that read the gradient, and then write their sums, would lose one of them."""
    middle = torch.ones(3, requires_grad=True) * 2
    middle.retain_grad()
    out = middle.sum()
    plain = torch.Tensor.__add__

    def slow(self, other):
        import time

        total = plain(self, other)
        if self is middle.grad:
            time.sleep(0.01)
        return total

    middle.sum().backward(retain_graph=True)
    monkeypatch.setattr(torch.Tensor, "__add__", slow)
    together(lambda number: out.backward(retain_graph=True))
    assert middle.grad.tolist() == [1.0 + THREADS] * 3


def test_a_graph_that_another_thread_frees_is_refused_not_wrong(often):
    for _ in range(30):
        weight = torch.full((4,), 3.0, requires_grad=True)
        out = weight
        for _ in range(20):
            out = out * 1.5
        out, refused = (out * out).sum(), []

        def run(number, out=out, refused=refused):
            try:
                out.backward()
            except RuntimeError as error:
                refused.append(str(error))

        together(run)
        assert all("backward through the graph a second time" in text for text in refused)
        whole = 2 * 3.0 * 1.5**40
        assert 1 <= round(weight.grad[0].item() / whole) == THREADS - len(refused)
