"""Recurrent layers on every device: values by their formulas, packing, gradients, random numbers, graphs."""

from __future__ import annotations

import copy
import inspect
import pickle
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import tritonnn as torch
from tritonnn.batch_sizes import Run, before, steps
from tritonnn.ops._definitions import recurrent as definitions
from tritonnn.recording.grad_mode import state

nn = torch.nn
DEVICES = ("cpu", "cuda")
KINDS = ("RNN_TANH", "RNN_RELU", "LSTM", "GRU")
FUNCTIONS = {"RNN_TANH": "rnn_tanh", "RNN_RELU": "rnn_relu", "LSTM": "lstm", "GRU": "gru"}


def layer_of(mode: str, *args: Any, **options: Any) -> Any:
    if mode.startswith("RNN"):
        return nn.RNN(*args, nonlinearity=mode[4:].lower(), **options)
    return getattr(nn, mode)(*args, **options)


def leaf(*shape: int, seed: int = 0, device: str = "cpu") -> torch.Tensor:
    values = np.random.default_rng(seed).normal(size=shape)
    return torch.tensor(values, device=device).requires_grad_()


# ---- where states stand ---------------------------------------------------------------------------------------


def walked(sizes: tuple[int, ...], reverse: bool) -> list[tuple[bool, int]]:
    """Where the state before each row stands, by following every sequence."""
    first = np.concatenate([[0], np.cumsum(sizes)])
    places: dict[int, tuple[bool, int]] = {}
    for b in range(sizes[0]):
        rows = [int(first[t]) + b for t, n in enumerate(sizes) if n > b]
        rows = rows[::-1] if reverse else rows
        places[rows[0]] = (False, b)
        places.update({row: (True, last) for last, row in pairwise(rows)})
    return [places[row] for row in range(sum(sizes))]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("sizes", [(3, 3, 3), (3, 2, 2, 1), (1,), (4, 1, 1), (2, 2, 1), (5, 4, 3, 2, 1)])
def test_states_before_rows(sizes: tuple[int, ...], reverse: bool) -> None:
    runs = before(sizes, reverse)
    assert [(r.recorded, r.start + i) for r in runs for i in range(r.rows)] == walked(sizes, reverse)
    assert sorted(steps(sizes, reverse)) == sorted(zip(np.cumsum((0, *sizes[:-1])).tolist(), sizes))


def test_a_batch_without_packing_takes_two_runs() -> None:
    assert before((4, 4, 4), False) == (Run(False, 0, 4), Run(True, 0, 8))
    assert before((4, 4, 4), True) == (Run(True, 4, 8), Run(False, 0, 4))
    assert before((0, 0), False) == ()


# ---- values ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("mode", KINDS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_packed_is_each_sequence_by_itself(mode: str, device: str, bidirectional: bool) -> None:
    """Of several lengths in any order, against the formulas one sequence at a time."""
    layer = layer_of(mode, 3, 5, bidirectional=bidirectional).double()
    lengths = [2, 4, 1, 3]
    rng = np.random.default_rng(1)
    sequences = [torch.tensor(rng.normal(size=(n, 3))) for n in lengths]
    packed = nn.utils.rnn.pack_sequence(sequences, enforce_sorted=False)
    h = torch.tensor(rng.normal(size=(1 + bidirectional, 4, 5)))
    states = (h, h / 2) if mode == "LSTM" else h
    order = packed.sorted_indices.tolist()
    given = [np.asarray(s)[:, order] for s in ((h, h / 2) if mode == "LSTM" else (h,))]
    output, ends = layer.to(device)(packed.to(device), _moved(states, device))
    reference = getattr(definitions, FUNCTIONS[mode])
    wanted, *last = reference(
        packed.data.numpy(), packed.batch_sizes.numpy(), tuple(given) if mode == "LSTM" else given[0],
        [p.detach().cpu().numpy() for p in layer.parameters()], True, 1, 0.0, False, bidirectional,
    )  # fmt: skip
    np.testing.assert_allclose(output.data.detach().cpu().numpy(), wanted, rtol=1e-9, atol=1e-11)
    back = packed.unsorted_indices.tolist()
    for a, b in zip(ends if mode == "LSTM" else (ends,), last, strict=True):
        np.testing.assert_allclose(a.detach().cpu().numpy(), b[:, back], rtol=1e-9, atol=1e-11)
    padded, sizes = nn.utils.rnn.pad_packed_sequence(output)
    assert sizes.tolist() == lengths and padded.shape == (4, 4, 5 * (1 + bidirectional))


def _moved(states: Any, device: str) -> Any:
    return tuple([s.to(device) for s in states]) if isinstance(states, tuple) else states.to(device)


@pytest.mark.parametrize("device", DEVICES)
def test_large_numbers_saturate(device: str) -> None:
    """Gates of ±1000 are 0 or 1, without a NaN; so are their gradients."""
    for mode in ("LSTM", "GRU"):
        layer = layer_of(mode, 1, 2, device=device)
        with torch.no_grad():
            for p in layer.parameters():
                p.fill_(1000.0)
        x = torch.tensor([[1.0], [-1.0]], device=device, requires_grad=True)
        output, _ = layer(x)
        output.sum().backward()
        assert torch.isfinite(output).all() and torch.isfinite(x.grad).all()


@pytest.mark.parametrize("device", DEVICES)
def test_relu_passes_nan_on(device: str) -> None:
    layer = nn.RNN(1, 1, nonlinearity="relu", device=device)
    x = torch.tensor([[float("nan")]], device=device, requires_grad=True)
    output, _ = layer(x)
    output.sum().backward()
    assert output.isnan().all() and not x.grad.isnan().any() and (x.grad != 0).all()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_rounds_only_the_state(device: str, dtype: str) -> None:
    """Gates and cells are float32: over many steps the error stays that of a few roundings."""
    kind = getattr(torch, dtype)
    layer = nn.LSTM(4, 8).to(kind)
    x = torch.tensor(np.random.default_rng(0).normal(size=(12, 2, 4))).to(kind)
    wide = copy.deepcopy(layer).double()
    got = layer.to(device)(x.to(device))[0].double().cpu()
    assert float((got - wide(x.double())[0]).abs().max()) < 6 * torch.finfo(kind).eps


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("mode", ["RNN_TANH", "GRU"])
def test_the_state_is_handed_on_rounded(mode: str, device: str) -> None:
    """Half precision: all steps at once are what the steps one after another are, to the bit."""
    layer = layer_of(mode, 3, 4, device=device).half()
    rng = np.random.default_rng(2)
    with torch.no_grad():
        for p in layer.parameters():  # multiples of 1/8, whose sums are exact in every order
            p.copy_(torch.tensor(rng.integers(-8, 9, tuple(p.shape)) / 8))
    x = torch.tensor(rng.integers(-4, 5, (4, 2, 3)) / 4, device=device).half()
    h = None
    rows = []
    for row in x:
        output, h = layer(row.unsqueeze(0), h)
        rows.append(output)
    assert torch.equal(layer(x)[0], torch.cat(rows))


# ---- gradients ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [*KINDS, "LSTM_PROJ"])
def test_gradients_of_packed_sequences(mode: str) -> None:
    """By differences: of input, states and weights, where sequences end early. The entries' samples have the second."""
    options = {"proj_size": 1} if mode == "LSTM_PROJ" else {}
    mode = mode.removesuffix("_PROJ")
    layer = layer_of(mode, 1, 2, bidirectional=True, **options).double()
    packed = nn.utils.rnn.pack_sequence([torch.ones(n, 1).double() for n in (3, 1)])
    names = [name for name, _ in layer.named_parameters()]
    h = leaf(2, 2, options.get("proj_size", 2), seed=2)
    states = (h, leaf(2, 2, 2, seed=3)) if mode == "LSTM" else (h,)
    count = len(states)

    def run(data: Any, *rest: Any) -> Any:
        given = packed._replace(data=data)
        weights = dict(zip(names, rest[count:], strict=True))
        hx = rest[:count] if mode == "LSTM" else rest[0]
        function = getattr(torch, FUNCTIONS[mode])
        return function(
            given.data, given.batch_sizes, hx, [weights[n] for n in names], True, 1, 0.0, False, True
        )

    weights = [p.detach().requires_grad_() for p in layer.parameters()]
    assert torch.autograd.gradcheck(run, (leaf(4, 1, seed=1), *states, *weights))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("mode", KINDS)
def test_gradients_by_kernel_and_by_formula(mode: str, device: str) -> None:
    """The fused gradient is the one that second derivatives start from."""
    layer = layer_of(mode, 3, 4, bidirectional=device == "cpu").double().to(device)
    x = leaf(3, 2, 3, device=device)
    output, ends = layer(x)
    total = (output * output).sum() + sum([s.sum() for s in (ends if isinstance(ends, tuple) else (ends,))])
    leaves = [x, *layer.parameters()]
    plain = torch.autograd.grad(total, leaves, retain_graph=True)
    recorded = torch.autograd.grad(total, leaves, create_graph=True)
    assert all(g.requires_grad for g in recorded) and not state.inference
    for a, b in zip(plain, recorded, strict=True):
        np.testing.assert_allclose(a.cpu().numpy(), b.detach().cpu().numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("device", DEVICES)
def test_only_the_last_state_has_a_gradient(device: str) -> None:
    """What the output's gradient would add is left out, not read."""
    for mode in KINDS:
        layer = layer_of(mode, 2, 3).double().to(device)
        x = leaf(3, 2, 2, device=device)
        output, ends = layer(x)
        end = ends[0] if mode == "LSTM" else ends
        (by_end,) = torch.autograd.grad(end.sum(), x, retain_graph=True)
        (by_output,) = torch.autograd.grad(output[-1].sum(), x)
        np.testing.assert_allclose(by_end.cpu().numpy(), by_output.cpu().numpy(), rtol=1e-12)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("mode", KINDS)
def test_outputs_and_biases_may_be_written_before_backward(mode: str, device: str) -> None:
    layer = layer_of(mode, 2, 3).double().to(device)
    grads = []
    for write in (False, True):
        x = leaf(3, 2, 2, device=device)
        output, _ = layer(x)
        total = output.sum()
        if write:
            with torch.no_grad():
                output.zero_()
                layer.bias_hh_l0.add_(0)
        grads.append(torch.autograd.grad(total, x)[0].cpu().numpy())
    np.testing.assert_array_equal(*grads)


# ---- both devices -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", KINDS)
def test_dropout_between_layers_is_the_same_on_every_device(mode: str) -> None:
    results = []
    layer = layer_of(mode, 3, 6, 3, dropout=0.5)
    x = torch.tensor(np.random.default_rng(0).normal(size=(4, 2, 3)).astype(np.float32))
    for device in DEVICES:
        torch.manual_seed(11)
        given = x.detach().clone().to(device).requires_grad_()
        output, _ = copy.deepcopy(layer).to(device)(given)
        output.sum().backward()
        results.append((output.detach().cpu().numpy(), given.grad.cpu().numpy()))
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    torch.manual_seed(12)
    other = layer(x)[0].detach().numpy()
    assert not np.allclose(other, results[0][0])
    layer.eval()
    np.testing.assert_array_equal(layer(x)[0].detach().numpy(), layer(x)[0].detach().numpy())


def test_nothing_is_dropped_after_the_last_layer() -> None:
    layer = nn.GRU(
        3, 6, 2, dropout=1.0
    )  # the second layer sees zeros, and nothing is left out of what it makes
    output, _ = layer(torch.ones(4, 2, 3))
    zeros = torch.zeros(4, 2, 6)
    names = ("weight_ih_l1", "weight_hh_l1", "bias_ih_l1", "bias_hh_l1")
    weights = [getattr(layer, name) for name in names]
    wanted = torch.gru(zeros, torch.zeros(1, 2, 6), weights, True, 1, 0.0, False, False, False)[0]
    assert torch.equal(output, wanted)


@pytest.mark.parametrize("mode", ["RNN_TANH", "LSTM", "GRU"])
def test_captured_in_a_graph(mode: str) -> None:
    """Forward and backward wait for nothing: a captured step gives what a plain one gives, on other input."""
    layer = layer_of(mode, 3, 4, device="cuda")
    x = torch.zeros(2, 2, 3, device="cuda")

    def step() -> torch.Tensor:
        return torch.autograd.grad(layer(x)[0].sum(), list(layer.parameters()))[1]

    step()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured = step()
    x.copy_(torch.tensor(np.random.default_rng(4).normal(size=(2, 2, 3)).astype(np.float32)))
    graph.replay()
    np.testing.assert_allclose(captured.cpu().numpy(), step().cpu().numpy(), rtol=1e-5, atol=1e-7)


# ---- modules --------------------------------------------------------------------------------------------------------


def test_start_values_are_drawn_in_order() -> None:
    """One uniform draw for each weight in the order of its state, as other layers draw."""
    torch.manual_seed(3)
    layer = nn.LSTM(3, 4, 2, bidirectional=True, proj_size=2)
    torch.manual_seed(3)
    for name, weight in layer.named_parameters():
        assert torch.equal(weight, torch.empty(weight.shape).uniform_(-0.5, 0.5)), name


def test_pickled_and_copied() -> None:
    layer = nn.GRU(3, 4, 2, bidirectional=True)
    for again in (pickle.loads(pickle.dumps(layer)), copy.deepcopy(layer)):
        x = torch.ones(2, 1, 3)
        assert torch.equal(again(x)[0], layer(x)[0])
        assert again._flat_weights[0] is again.weight_ih_l0 is not layer.weight_ih_l0


def test_weights_may_be_replaced() -> None:
    """A weight that is given anew, or made by something else, is the one that is used."""
    layer = nn.RNN(2, 2, bias=False)
    layer.weight_ih_l0 = nn.Parameter(torch.zeros(2, 2))
    assert not layer(torch.ones(1, 1, 2))[0].any()
    del layer.weight_ih_l0
    layer.weight_ih_l0 = torch.ones(2, 2)
    assert torch.allclose(layer(torch.ones(1, 1, 2))[0], torch.tensor(2.0).tanh())


def test_what_is_refused_names_the_layer() -> None:
    net = nn.Sequential(nn.Identity(), nn.LSTM(3, 4))
    with pytest.raises(RuntimeError, match=r"(?s)Expected 3, got 5.*in module '1'"):
        net(torch.ones(2, 1, 5))
    rest = (nn.GRU(3, 4).all_weights[0], True, 1, 0.0, False, False)
    with pytest.raises(RuntimeError, match="batch_sizes must be positive and not increase"):
        torch.gru(torch.ones(3, 3), torch.tensor([1, 2]), torch.zeros(1, 1, 4), *rest)
    with pytest.raises(RuntimeError, match="batch_sizes has 3 rows but data 4"):
        torch.gru(torch.ones(4, 3), torch.tensor([2, 1]), torch.zeros(1, 2, 4), *rest)


def test_forward_takes_what_pytorch_takes() -> None:
    for kind in (nn.RNN, nn.LSTM, nn.GRU, nn.RNNCell, nn.LSTMCell, nn.GRUCell):
        assert list(inspect.signature(kind.forward).parameters) == ["self", "input", "hx"]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("cell", "mode"), [("RNNCell", "RNN_TANH"), ("LSTMCell", "LSTM"), ("GRUCell", "GRU")]
)
def test_cells_are_steps_of_layers(cell: str, mode: str, device: str) -> None:
    layer = layer_of(mode, 3, 4, device=device).double()
    one = getattr(nn, cell)(3, 4, device=device).double()
    one.load_state_dict({name.removesuffix("_l0"): value for name, value in layer.state_dict().items()})
    x = leaf(2, 2, 3, device=device)
    states: Any = None
    outputs = []
    for row in x:
        states = one(row, states)
        outputs.append(states[0] if mode == "LSTM" else states)
    wanted = layer(x)[0]
    np.testing.assert_allclose(
        torch.stack(outputs).detach().cpu().numpy(), wanted.detach().cpu().numpy(), rtol=1e-12
    )
