"""Tables of many tensors: what can be seen as flat memory, and the parts of tensors that programs take."""

from __future__ import annotations

import numpy as np
import pytest
from buffers import buffer

import tritonnn as torch
from tritonnn.kernels.optimizer import _tensor_lists, foreach, optimizer
from tritonnn.kernels.optimizer._tensor_lists import chunks_of, elements
from tritonnn.kernels.optimizer.optimizer import CHUNK
from tritonnn.ops.optimizer.foreach import foreach_norms, foreach_scale
from tritonnn.ops.optimizer.optimizer import elementwise_step


def test_programs_take_the_parts_of_tensors_in_order():
    counts, chunk = [5, 0, 8, 1, 17], 4
    wanted = [(i, part) for i, n in enumerate(counts) for part in range(-(-n // chunk))]
    table, first = chunks_of(counts, chunk)
    assert table.reshape(-1, 2).tolist() == [list(pair) for pair in wanted]
    assert first.tolist() == [0, 2, 2, 4, 5]
    assert chunks_of([0], chunk)[0].size == 0


@pytest.mark.parametrize(
    ("arrays", "count"),
    [
        ([np.zeros((3, 4)), np.zeros((3, 4))], 12),
        ([np.zeros((3, 4)).T, np.zeros((3, 4)).T], 12),  # dense, in one order
        ([np.zeros((3, 4)).T, np.zeros((4, 3))], None),  # dense, in two orders
        ([np.zeros((3, 8))[:, ::2], np.zeros((3, 8))[:, ::2]], None),
        ([np.broadcast_to(np.zeros(4), (3, 4))] * 2, None),
        ([np.zeros(()), np.zeros(())], 1),
        ([np.zeros((0, 4)), np.zeros((0, 4))], 0),
        ([np.zeros((2, 2), np.complex64)] * 2, None),
    ],
)
def test_what_is_flat_memory_as_it_is(arrays, count):
    assert elements(tuple(buffer(a) for a in arrays)) == count


def test_a_single_number_beside_the_tensors_may_lie_anywhere():
    row = (buffer(np.zeros((3, 4))), buffer(np.zeros((3, 4))), buffer(np.zeros(())))
    assert elements(row, single=2) == 12
    assert elements(row) is None


def parameters(device, dtype=torch.float32):
    """Tensors of several sizes, one of them longer than what a program updates, one of them twice."""
    rng = np.random.default_rng(0)
    tensors = [torch.from_numpy(rng.standard_normal(n)).to(device, dtype) for n in (5, CHUNK + 77, 2048, 1)]
    return [*tensors, tensors[0]]


def adam_twice(device):
    """Two steps in which one parameter, with its moments, is listed twice; the second time with another gradient."""
    params, moments, squares, grads = (parameters(device) for _ in range(4))
    grads[-1] = grads[0] * 3
    squares = [s.abs() for s in squares[:-1]]
    squares.append(squares[0])
    kept, options = ("exp_avg", "exp_avg_sq"), {"lr": 0.1, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8}
    options |= {"weight_decay": 0.1, "decoupled_weight_decay": True}
    for step in (1.0, 2.0):
        elementwise_step(
            params, grads, moments + squares, [], torch.optim.Adam._update, kept, options | {"step": step}
        )
    return [*params, *moments, *squares]


def sgd_twice(device):
    params, buffers, grads = (parameters(device) for _ in range(3))
    grads[-1] = grads[0] * 3
    options = {"lr": 0.1, "weight_decay": 0.1, "momentum": 0.9, "dampening": 0.0, "nesterov": True}
    for fresh in (True, False):
        elementwise_step(
            params,
            grads,
            buffers,
            [],
            torch.optim.SGD._update,
            ("momentum_buffer",),
            options | {"fresh": fresh},
        )
    return [*params, *buffers]


def scaled_twice(device):
    tensors = parameters(device)
    foreach_scale(tensors, 3.0)
    foreach_scale(tensors, torch.tensor(0.5, device=device))
    return [*tensors, *foreach_norms(tensors, 2.0)]


@pytest.mark.parametrize("steps", [adam_twice, sgd_twice, scaled_twice])
def test_a_tensor_listed_twice_is_updated_twice(steps):
    for a, b in zip(steps("cuda"), steps("cpu"), strict=True):
        np.testing.assert_allclose(a.cpu().numpy(), b.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("steps", [adam_twice, sgd_twice, scaled_twice])
def test_no_launch_updates_one_tensor_twice(steps, monkeypatch):
    """On the simulated device programs run one after another; on a GPU they would overwrite each other."""
    launched = []
    for module in (foreach, optimizer):
        monkeypatch.setattr(
            module, "launch", lambda kernel, *rest, **options: launched.append(kernel.__name__)
        )
    steps("cuda")
    assert len(launched) >= 10
    assert not {"step_table_kernel", "update_table_kernel"} & set(launched)


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW"])
def test_steps_in_a_graph(name):
    """A replayed graph updates the tensors of the capture, by a table that lives as long as the graph."""
    values = []
    for device in ("cpu", "cuda"):
        options = {"momentum": 0.9} if name == "SGD" else {"capturable": device == "cuda"}
        params = [p.requires_grad_() for p in parameters(device)[:-1]]
        # with gaps, so that it is copied before and back: the copies' addresses stand in the table of the graph
        params.append(torch.ones(6, 4, device=device)[:, ::2].detach().requires_grad_())
        for p in params:
            p.grad = p.detach() * 0.5
        optimizer = getattr(torch.optim, name)(params, lr=0.1, **options)
        step = optimizer.step
        step()  # states are made before the capture
        if device == "cuda":
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                step()
            _tensor_lists._tables.clear()
            step = graph.replay
        for _ in range(2):
            step()
        values.append([p.detach().cpu().numpy() for p in params])
    for a, b in zip(*values, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
