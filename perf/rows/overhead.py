"""What a call costs beside its arithmetic: host time of small ops, launches, graph replays and the import."""

from __future__ import annotations

from _rows import Call, row

HOST = {"unit": "host", "quick": True}


@row("overhead", "add, 8 elements", **HOST)
def _add(lib, make):
    x, y = make(8), make(8)
    return lambda: x + y


@row("overhead", "add, 8 elements, graph recorded", **HOST)
def _add_recorded(lib, make):
    x, y = make(8, requires_grad=True), make(8)
    return lambda: x + y


@row("overhead", "sum of 8 elements", **HOST)
def _sum(lib, make):
    x = make(8)
    return lambda: x.sum()


@row("overhead", "matmul 8x8", **HOST)
def _matmul(lib, make):
    x, y = make(8, 8), make(8, 8)
    return lambda: x @ y


@row("overhead", "transpose (a view)", **HOST)
def _view(lib, make):
    x = make(8, 8)
    return lambda: x.transpose(0, 1)


@row("overhead", "empty(8)", compare="shape", **HOST)
def _empty(lib, make):
    device = make.device
    return lambda: lib.empty(8, device=device)


@row("overhead", "forward and backward of (x * y).sum(), 8 elements", **HOST)
def _backward(lib, make):
    x, y = make(8, requires_grad=True), make(8)

    def step():
        x.grad = None
        (x * y).sum().backward()

    return Call(step, lambda _: x.grad)


@row("overhead", "replay of a graph of 20 small ops", unit="host", devices=("cuda",), quick=True)
def _replay(lib, make):
    x = make(1024)
    lib.relu(x * 1.5 + 1.0)  # compiled before the capture
    lib.cuda.synchronize()
    graph = lib.cuda.CUDAGraph()
    with lib.cuda.graph(graph):
        y = x
        for _ in range(20):
            y = lib.relu(y * 1.5 + 1.0)
    return Call(graph.replay, lambda _: y)


@row("overhead", "import", unit="import", devices=("cpu",), quick=True)
def _import(lib, make):
    raise NotImplementedError("measured by starting Python, not by a call")
