"""Eight threads at once over everything that is shared: caches, plans, grad mode, generators, first imports."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from fuzz.running import Run, facts, values_of
from fuzz.writing import write

import tritonnn as torch

THREADS = 8


@pytest.fixture(autouse=True)
def _often_switched() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def together(work: Callable[[int], Any]) -> list[Any]:
    """What `work(i)` returns in each of eight threads that begin at the same moment."""
    start = threading.Barrier(THREADS)
    results: list[Any] = [None] * THREADS
    errors: list[BaseException] = []

    def run(i: int) -> None:
        start.wait()
        try:
            results[i] = work(i)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads), "a thread hangs"
    if errors:
        raise errors[0]
    return results


def outcome(lines: list[str]) -> list[Any]:
    """All that a program leaves: errors, facts and values of its variables, gradients."""
    run = Run(torch)
    seen: list[Any] = [type(run.step(line)).__name__ for line in lines]
    seen.append(type(run.backward()).__name__)
    for name, tensor in run.tensors().items():
        seen.append((name, facts(tensor)))
        if "shape" in facts(tensor):
            seen.append(values_of(tensor).tobytes())
            seen.append(None if tensor.grad is None else values_of(tensor.grad).tobytes())
    return seen


@pytest.mark.filterwarnings("ignore")
def test_programs_give_what_they_give_alone() -> None:
    programs = [write(torch, seed, 25) for seed in range(16)]
    alone = [outcome(lines) for lines in programs]

    def work(i: int) -> list[Any]:
        order = np.random.default_rng(i).permutation(len(programs))
        found = {int(n): outcome(programs[n]) for n in order}
        return [found[n] for n in range(len(programs))]

    for results in together(work):
        assert results == alone


def test_grad_mode_belongs_to_the_thread() -> None:
    w = torch.ones(3, requires_grad=True)

    def work(i: int) -> set[bool]:
        seen = set()
        for _ in range(300):
            if i % 2:
                with torch.no_grad():
                    seen.add((w * 2).requires_grad)
            else:
                seen.add((w * 2).requires_grad)
        return seen

    assert together(work) == [{True}, {False}] * (THREADS // 2)


def test_generators_of_threads_do_not_mix() -> None:
    def draws(seed: int) -> bytes:
        generator = torch.Generator().manual_seed(seed)
        return b"".join(torch.rand(7, generator=generator).numpy().tobytes() for _ in range(50))

    alone = [draws(i) for i in range(THREADS)]
    assert together(draws) == alone


def test_the_shared_generator_gives_every_number_once() -> None:
    """Whoever draws, all draws together are the numbers that one thread would have drawn."""
    torch.manual_seed(5)
    alone = sorted(torch.rand(4).tolist()[0] for _ in range(THREADS * 50))
    torch.manual_seed(5)
    results = together(lambda i: [torch.rand(4).tolist()[0] for _ in range(50)])
    assert sorted(x for part in results for x in part) == alone


def test_modules_and_optimizers_of_threads() -> None:
    def train(seed: int) -> list[float]:
        generator = torch.Generator().manual_seed(seed)
        w = torch.randn(4, 4, generator=generator).requires_grad_()
        model = torch.nn.Linear(4, 2)
        with torch.no_grad():
            model.weight.copy_(torch.randn(2, 4, generator=generator))
            model.bias.zero_()
        optimizer = torch.optim.Adam([w, *model.parameters()], 0.05)
        losses = []
        for _ in range(30):
            loss = model(torch.tanh(w)).square().sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses

    alone = [train(i) for i in range(THREADS)]
    assert together(train) == alone


FIRST = """
import sys, threading
sys.setswitchinterval(1e-5)
import tritonnn as torch
from tritonnn.nn import functional as F

calls = [
    lambda: torch.ones(3, 3) @ torch.ones(3, 3), lambda: F.conv2d(torch.ones(1, 1, 4, 4), torch.ones(1, 1, 3, 3)),
    lambda: torch.ones(4).softmax(0), lambda: torch.ones(4).sort().values, lambda: F.layer_norm(torch.ones(2, 4), (4,)),
    lambda: torch.ones(4).cumsum(0), lambda: F.gelu(torch.ones(4)), lambda: torch.linalg.qr(torch.eye(3))[1],
    lambda: F.cross_entropy(torch.ones(2, 3), torch.tensor([0, 1])), lambda: torch.ones(4)[torch.tensor([0, 1])],
    lambda: F.max_pool2d(torch.ones(1, 1, 4, 4), 2), lambda: torch.ones(3, requires_grad=True).exp().sum().backward(),
]
errors, barrier = [], threading.Barrier(8)
def work(i):
    barrier.wait()
    for call in calls[i:] + calls[:i]:
        try:
            call()
        except Exception as error:
            errors.append(repr(error))
threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
sys.exit("; ".join(errors) or 0)
"""


def test_first_calls_come_together() -> None:
    """Backends are imported and looks at arguments are made at the first call, whichever thread it is."""
    done = subprocess.run(
        [sys.executable, "-c", FIRST], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
