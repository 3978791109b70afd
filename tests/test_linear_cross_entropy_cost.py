"""What the fused linear layer and cross-entropy costs: products and memory."""

from __future__ import annotations

import gc
import os
import tracemalloc

import pytest
from test_linear_cross_entropy import DEVICES, ROWS, problem

import tritonnn as torch
import tritonnn.nn.functional as F
from tritonnn.nn import LinearCrossEntropyOptions as Options

pytestmark = pytest.mark.exhaustive

SIMULATED = os.environ.get("TRITON_INTERPRET") == "1"


def _count_host_products(monkeypatch):
    from tritonnn.cpu_fallback.loss import linear_cross_entropy as family

    calls = []
    for name in ("_score", "_times_weight", "_add_products"):
        run = getattr(family, name)

        def counted(*args, run=run, name=name):
            calls.append(name)
            return run(*args)

        monkeypatch.setattr(family, name, counted)
    return calls


def _count_device_products(monkeypatch):
    from tritonnn.kernels.launch.interpreter import Interpreted

    calls = []
    run = Interpreted.__call__

    def counted(self, grid, *args):
        name = self.kernel.__name__
        if "gemm" in name:
            calls.append(name)
        run(self, grid, *args)

    monkeypatch.setattr(Interpreted, "__call__", counted)
    return calls


@pytest.mark.parametrize(
    ("reduction", "wanted", "forward", "backward"),
    [
        ("mean", (0, 1, 2), 3, 0),
        ("sum", (0,), 2, 0),
        ("mean", (1,), 2, 0),
        ("mean", (2,), 1, 0),
        ("mean", (), 1, 0),
        ("none", (0, 1, 2), 1, 3),
    ],
)
@pytest.mark.parametrize("device", DEVICES)
def test_number_of_products(monkeypatch, device, reduction, wanted, forward, backward):
    """Of a reduced loss three products for each chunk, all in forward, and only those that are needed."""
    if device == "cuda" and not SIMULATED:
        pytest.skip("launches are counted on the simulated device")
    chunk = 8
    leaves = problem(device, torch.float32)
    x, w, b = (t.detach().requires_grad_(i in wanted) for i, t in enumerate(leaves[:3]))
    calls = (_count_host_products if device == "cpu" else _count_device_products)(monkeypatch)
    options = Options(batch_chunk_size=chunk, allow_retain_graph=True)
    loss = F.linear_cross_entropy(x, w, leaves[3], linear_bias=b, reduction=reduction, options=options).sum()
    torch.cuda.synchronize()
    chunks = -(-ROWS // chunk)
    assert len(calls) == forward * chunks
    if wanted:
        for _ in range(2):
            calls.clear()
            loss.backward(retain_graph=True)
            torch.cuda.synchronize()
            assert len(calls) == backward * chunks


# ---- memory -----------------------------------------------------------------------------------------------


def _step(device, dtype, backward, rows, classes, chunk, **given):
    x, w, b, target, _ = problem(device, dtype, rows, 4, classes)

    def run():
        loss = F.linear_cross_entropy(
            x, w, target, linear_bias=b, options=Options(batch_chunk_size=chunk), **given
        )
        if backward:
            loss.sum().backward()
        return loss

    return run


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU or the simulated one")
@pytest.mark.parametrize("backward", [False, True], ids=["forward", "backward"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=lambda d: d.name)
def test_device_memory_stays_near_a_chunk(dtype, backward):
    rows, classes = 64, 1024
    run = _step("cuda", dtype, backward, rows, classes, 8)
    gc.collect()
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    loss = run()
    torch.cuda.synchronize()
    assert (
        torch.cuda.max_memory_allocated() - before < rows * classes * 4 // 3
    )  # gradients and their sums included
    assert bool(loss.isfinite())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU or the simulated one")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=lambda d: d.name)
def test_backward_scales_in_place(dtype):
    """Only a gradient narrower than its float32 sum needs memory of its own, unless the graph is kept."""
    rows, features, classes = 16, 64, 512
    x, w, _, target, _ = problem("cuda", dtype, rows, features, classes)
    for keep in (True, False):
        loss = F.linear_cross_entropy(x, w, target)
        torch.cuda.synchronize()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        grads = torch.autograd.grad(loss, [x, w], retain_graph=keep)
        torch.cuda.synchronize()
        more = torch.cuda.max_memory_allocated() - before
        gradient = classes * features * dtype.itemsize
        if keep or dtype is torch.bfloat16:
            assert gradient <= more < 1.25 * gradient
        else:
            assert more < 0.1 * gradient
        del grads, loss


@pytest.mark.parametrize("reduction", ["mean", "none"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=lambda d: d.name)
def test_host_memory_stays_near_a_chunk(dtype, reduction):
    rows, classes = 2048, 4096
    run = _step("cpu", dtype, True, rows, classes, 64, reduction=reduction)
    run()  # imports and caches
    tracemalloc.start()
    try:
        run()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < rows * classes * 4 // 8
