"""Streams, events and graphs, on the GPU or the simulated one."""

from __future__ import annotations

import threading
import time

import pytest

import tritonnn as torch
from tritonnn.runtime.interface import runtime

cuda = torch.cuda
pytestmark = pytest.mark.skipif(not cuda.is_available(), reason="needs a GPU or the simulated one")


def test_current_stream_and_contexts() -> None:
    default, side = cuda.default_stream(), cuda.Stream()
    assert cuda.current_stream() == default and side != default and hash(side) != hash(default)
    with cuda.stream(side):
        assert cuda.current_stream() == side
        with cuda.stream(None):
            assert cuda.current_stream() == side
        with cuda.stream(default):
            assert cuda.current_stream() == default
        assert cuda.current_stream() == side
    assert cuda.current_stream() == default
    with side:
        assert cuda.current_stream() == side
    cuda.set_stream(side)
    assert cuda.current_stream() == side
    cuda.set_stream(default)
    assert "torch.cuda.Stream device=cuda:0" in repr(side)
    assert side.device == torch.device("cuda:0")
    assert (side.priority, cuda.Stream(priority=-1).priority) == (0, -1)
    outside = cuda.ExternalStream(side.cuda_stream)
    assert outside == side


def test_stream_is_restored_after_an_error() -> None:
    with pytest.raises(KeyError), cuda.stream(cuda.Stream()):
        raise KeyError
    assert cuda.current_stream() == cuda.default_stream()


def test_streams_are_per_thread() -> None:
    seen = []
    with cuda.stream(cuda.Stream()):
        thread = threading.Thread(target=lambda: seen.append(cuda.current_stream()))
        thread.start()
        thread.join()
    assert seen == [cuda.default_stream()]


def test_work_on_another_stream() -> None:
    side = cuda.Stream()
    x = torch.ones(1000, device="cuda")
    side.wait_stream(cuda.current_stream())
    with cuda.stream(side):
        y = torch.exp(x)
        done = side.record_event()
    cuda.current_stream().wait_event(done)
    z = y + 1
    side.synchronize()
    assert side.query() and done.query()
    assert z[0].item() == pytest.approx(3.718281828)


def test_events_measure_time() -> None:
    start, end = cuda.Event(enable_timing=True), cuda.Event(enable_timing=True)
    assert start.query() and start.device is None and "uninitialized" in repr(start)
    start.record()
    time.sleep(0.01)
    end.record()
    end.synchronize()
    cuda.synchronize()
    assert 5 < start.elapsed_time(end) < 1000
    assert start.device == torch.device("cuda:0")


def test_events_refuse_what_they_cannot_do() -> None:
    timed, plain = cuda.Event(enable_timing=True), cuda.Event()
    with pytest.raises(ValueError, match="enable_timing=True"):
        timed.elapsed_time(plain)
    with pytest.raises(ValueError, match="must be recorded"):
        timed.elapsed_time(cuda.Event(enable_timing=True))
    with pytest.raises(RuntimeError, match="interprocess=True"):
        plain.ipc_handle()
    with pytest.raises(ValueError, match="cannot time"):
        cuda.Event(enable_timing=True, interprocess=True)
    plain.wait()  # never recorded: nothing to wait for
    plain.synchronize()


def test_graph_replays_on_new_input() -> None:
    x = torch.tensor([1.0, 2.0, 3.0]).cuda()
    (x * 2 + 1).sum()  # compiled before the capture
    graph = cuda.CUDAGraph()
    with cuda.graph(graph):
        y = x * 2 + 1
        total = y.sum()
    for values in ([0.0, 0.0, 1.0], [5.0, 6.0, 7.0]):
        x.copy_(torch.tensor(values).cuda())
        graph.replay()
        cuda.synchronize()
        assert y.tolist() == [2 * v + 1 for v in values]
        assert total.item() == sum(2 * v + 1 for v in values)


def test_graph_has_memory_of_its_own() -> None:
    x = torch.ones(1000, device="cuda")
    torch.exp(x)
    before = cuda.memory_allocated()
    graph = cuda.CUDAGraph()
    with cuda.graph(graph):
        y = torch.exp(x)
        inner = torch.exp(y)
        address = inner.data_ptr()
        del inner
        again = torch.exp(y)
    assert again.data_ptr() == address  # reused inside the graph
    del again
    eager = torch.exp(x)
    assert eager.data_ptr() != address  # and never outside it
    del eager
    graph.reset()
    assert y.numel() == 1000
    del y
    assert cuda.memory_allocated() == before


def test_graphs_share_a_pool() -> None:
    x = torch.ones(100, device="cuda")
    torch.exp(x)
    first, second = cuda.CUDAGraph(), cuda.CUDAGraph()
    with cuda.graph(first):
        a = torch.exp(x)
        address = a.data_ptr()
        del a
    with cuda.graph(second, pool=first.pool()):
        b = torch.exp(x)
    assert b.data_ptr() == address
    first.reset()
    second.replay()
    assert b[0].item() == pytest.approx(2.718281828)


def test_graph_misuse_is_refused() -> None:
    graph = cuda.CUDAGraph()
    with pytest.raises(RuntimeError, match="non-default stream"):
        graph.capture_begin()
    with pytest.raises(RuntimeError, match="without a preceding successful capture"):
        graph.replay()
    with pytest.raises(RuntimeError, match="no capture is under way"):
        graph.capture_end()
    strict = cuda.graph(graph, capture_error_mode="strict")
    with pytest.raises(ValueError, match="capture_error_mode"), strict:
        pass
    assert not cuda.is_current_stream_capturing()


@pytest.mark.skipif(not runtime().simulated, reason="leaves a real stream unusable")
def test_reading_a_value_while_capturing_is_refused() -> None:
    x = torch.ones(3, device="cuda")
    graph = cuda.CUDAGraph()
    with pytest.raises(RuntimeError, match="not permitted when stream is capturing"), cuda.graph(graph):
        x.tolist()
    assert not cuda.is_current_stream_capturing()
    assert x.tolist() == [1, 1, 1]


def test_random_numbers_advance_in_a_graph() -> None:
    torch.rand(8, device="cuda")
    cuda.manual_seed(5)
    expected = [torch.rand(8, device="cuda").tolist() for _ in range(3)]
    cuda.manual_seed(5)
    graph = cuda.CUDAGraph()
    with cuda.graph(graph):
        x = torch.rand(8, device="cuda")
    seen = []
    for _ in range(3):
        graph.replay()
        seen.append(x.tolist())
    assert seen == expected  # the capture itself draws nothing
    cuda.manual_seed(5)
    graph.replay()
    assert x.tolist() == expected[0]


def test_training_step_in_a_graph() -> None:
    w = torch.tensor([[0.5, -1.0]], device="cuda", requires_grad=True)
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device="cuda")

    def step() -> torch.Tensor:
        loss = (x @ w.t()).pow(2).sum()
        loss.backward()
        with torch.no_grad():
            w.sub_(0.01 * w.grad)
            w.grad.zero_()
        return loss

    start = w.detach().clone()
    eager = [step().item() for _ in range(4)]
    with torch.no_grad():
        w.copy_(start)
    graph = cuda.CUDAGraph()
    with cuda.graph(graph):
        loss = step()
    replayed = []
    for _ in range(4):
        graph.replay()
        replayed.append(loss.item())
    assert replayed == pytest.approx(eager)


def test_graphed_callables_follow_function_and_module() -> None:
    def function(x: torch.Tensor) -> torch.Tensor:
        return (torch.exp(x) * 2).sum()

    sample = torch.ones(3, device="cuda", requires_grad=True)
    graphed = cuda.make_graphed_callables(function, (sample,))
    x = torch.tensor([0.0, 1.0, 2.0], device="cuda", requires_grad=True)
    y = x.detach().clone().requires_grad_()
    graphed(x).backward()
    function(y).backward()
    assert torch.equal(x.grad, y.grad)

    layer = torch.nn.Linear(3, 2).cuda()
    given = torch.randn(4, 3, device="cuda")
    expected = layer(given)
    (expected * expected).sum().backward()
    gradient = layer.weight.grad.clone()
    layer.zero_grad()
    cuda.make_graphed_callables(layer, (torch.randn(4, 3, device="cuda"),))
    got = layer(given)
    assert torch.allclose(got, expected)
    (got * got).sum().backward()
    assert torch.allclose(layer.weight.grad, gradient)
    layer.eval()
    assert torch.allclose(layer(given), expected)  # the graph is of the training mode: eager in this one
    with pytest.raises(TypeError, match="only tensors are taken"):
        cuda.make_graphed_callables(function, (3,))
    layer.register_forward_hook(lambda *args: None)
    with pytest.raises(RuntimeError, match="must not have hooks"):
        cuda.make_graphed_callables(layer, (given,))


def test_generators_of_a_graph() -> None:
    own = torch.Generator("cuda").manual_seed(3)
    expected = [torch.rand(4, device="cuda", generator=own).tolist() for _ in range(2)]
    own.manual_seed(3)
    graph = cuda.CUDAGraph()
    graph.register_generator_state(own)
    with cuda.graph(graph):
        x = torch.rand(4, device="cuda", generator=own)
    seen = []
    for _ in range(2):
        graph.replay()
        seen.append(x.tolist())
    assert seen == expected
    with pytest.raises(RuntimeError, match="before the capture"):
        graph.register_generator_state(own)
    with pytest.raises(RuntimeError, match="register_generator_state"), cuda.graph(cuda.CUDAGraph()):
        torch.rand(4, device="cuda", generator=own)
    assert not cuda.is_current_stream_capturing()


def test_random_state_of_the_device() -> None:
    cuda.manual_seed(11)
    assert cuda.initial_seed() == 11
    state = cuda.get_rng_state()
    first = torch.rand(5, device="cuda").tolist()
    assert torch.rand(5, device="cuda").tolist() != first
    cuda.set_rng_state(state)
    assert torch.rand(5, device="cuda").tolist() == first
    torch.manual_seed(11)
    assert torch.rand(5).tolist() == first  # one seed, the same numbers on every device
    assert len(cuda.get_rng_state_all()) == cuda.device_count()
    cuda.set_rng_state_all(cuda.get_rng_state_all())
    cuda.manual_seed_all(12)
    assert cuda.initial_seed() == 12
    cuda.seed_all()
    assert cuda.initial_seed() != 12
