"""Recurrent layers on the GPU: all steps in one launch, or step by step, to the same numbers."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from support import Make, assert_close, call, mapped, moved, strided, tensors
from test_ops import weighted_grads
from widened import allowed, own_errors

import tritonnn as torch
from tritonnn.batch_sizes import spans, steps
from tritonnn.kernels.launch import interpreter
from tritonnn.kernels.recurrent import _whole, layers
from tritonnn.kernels.tables.recurrent import PER_PROCESSOR, choose_resident, weight_bytes
from tritonnn.ops._definitions import recurrent as definitions
from tritonnn.ops._table import OPS, Sample

ROADS = ("whole", "step by step")
LAYERS = ("lstm_layer", "gru_layer", "rnn_layer")
NETS = ("lstm", "gru", "rnn_tanh", "rnn_relu")
GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}


@pytest.fixture
def road(request, monkeypatch, forget_launches):
    """The road that layers take, and that they take it."""
    taken: set[str] = set()
    run, product = _whole._run, layers.linear

    def noted_run(*args: Any, **options: Any) -> None:
        taken.add("whole")
        run(*args, **options)

    def noted_product(*args: Any) -> None:
        taken.add("step by step")
        product(*args)

    monkeypatch.setattr(_whole, "_run", noted_run)
    monkeypatch.setattr(layers, "linear", noted_product)
    if request.param == "step by step":
        monkeypatch.setattr(_whole, "choose_resident", lambda *_: None)
    yield request.param
    assert taken == {request.param}


both_roads = pytest.mark.parametrize("road", ROADS, indirect=True)

# sizes, units, reverse, width of a projection
SHAPES = [
    ((1,), 4, False, None),  # a single step
    ((1,) * 5, 5, True, None),  # a single sequence
    ((17, 17), 3, False, None),  # more sequences than a tile has rows
    ((2, 2), 20, True, 17),  # units that are no power of 2, beyond the smallest tile
    ((3, 2, 2, 1), 16, False, 4),  # sequences that end early
    ((4, 4, 1, 1, 1), 17, True, 9),  # and that begin late
]


def sample(name: str, dtype: Any, sizes: Any, units: int, reverse: bool, width: int | None) -> Sample:
    make, rows, batch = Make(name, "cpu", dtype), sum(sizes), sizes[0]
    if name == "rnn_layer":
        return Sample(
            make(rows, units), make(batch, units), make(units, units), sizes, reverse, bool(rows % 2)
        )
    if name == "gru_layer":
        bias = make(3 * units) if rows % 2 else None
        return Sample(make(rows, 3 * units), make(batch, units), make(3 * units, units), bias, sizes, reverse)
    h, projection = (units, None) if width is None else (width, make(width, units))
    weights = make(4 * units, h), projection
    return Sample(make(rows, 4 * units), make(batch, h), make(batch, units), *weights, sizes, reverse)


@both_roads
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", LAYERS)
def test_kernels_match_the_twin(name: str, dtype: Any, road: str) -> None:
    """Results and gradients, within what the precision allows."""
    op = OPS[name]
    for shape in SHAPES:
        given = sample(name, dtype, *shape)
        for run in (partial(call, op), partial(weighted_grads, op)):
            wanted, got = run(given), run(moved(given, "cuda"))
            errors = own_errors(op, run, given, wanted, trusted=True)
            assert_close(got, wanted, dtype, allowed(op, dtype), repr(given), errors)


@both_roads
@pytest.mark.parametrize("name", LAYERS)
def test_kernels_match_the_twin_in_double_precision(name: str, road: str) -> None:
    """By one tolerance: where 1 - tanh² cancels, a last place of tanh is many of a gradient's."""
    op = OPS[name]
    for shape in SHAPES[2:]:
        given = sample(name, torch.float64, *shape)
        for run in (partial(call, op), partial(weighted_grads, op)):
            for a, b in zip(tensors(run(moved(given, "cuda"))), tensors(run(given)), strict=True):
                np.testing.assert_allclose(
                    a.detach().cpu().numpy(), b.detach().numpy(), rtol=1e-9, atol=1e-12
                )


@both_roads
@pytest.mark.parametrize("name", LAYERS)
def test_weights_and_states_may_lie_anywhere(name: str, road: str) -> None:
    given = moved(sample(name, torch.float32, (3, 3), 5, False, 2), "cuda")
    for a, b in zip(
        tensors(call(OPS[name], mapped(given, strided))), tensors(call(OPS[name], given)), strict=True
    ):
        np.testing.assert_allclose(a.cpu().numpy(), b.cpu().numpy(), rtol=1e-6, atol=1e-6)


@both_roads
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(("batch", "length", "units", "proj"), [(1, 1, 1, 0), (2, 5, 5, 2)])
@pytest.mark.parametrize("name", NETS)
def test_values_by_the_formulas(
    name: str, batch: int, length: int, units: int, proj: int, bidirectional: bool, road: str
) -> None:
    """One sequence and one step at a time, in NumPy."""
    rng = np.random.default_rng(length)
    proj = proj if name == "lstm" else 0
    rows, width, ways = GATES[name] * units, proj or units, 1 + bidirectional
    shapes = [(rows, 3), (rows, width), (rows,), (rows,), *([(proj, units)] if proj else [])] * ways
    params, x = [rng.normal(size=s) for s in shapes], rng.normal(size=(length, batch, 3))
    h = rng.normal(size=(ways, batch, width))
    states = (h, rng.normal(size=(ways, batch, units))) if name == "lstm" else h
    rest = (True, 1, 0.0, False, bidirectional, False)

    def on_gpu(value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return type(value)([on_gpu(v) for v in value])
        return torch.tensor(value, device="cuda")

    wanted = getattr(definitions, name)(x, states, params, *rest)
    got = getattr(torch, name)(on_gpu(x), on_gpu(states), on_gpu(params), *rest)
    for a, b in zip(got, wanted, strict=True):
        np.testing.assert_allclose(a.cpu().numpy(), b, rtol=1e-9, atol=1e-11)


@both_roads
@pytest.mark.parametrize("name", LAYERS)
def test_the_second_derivative(name: str, road: str) -> None:
    """As on the CPU, where the entries' samples are differentiated by differences."""
    given = sample(name, torch.float64, (2, 1), 3, True, 2)
    results = []
    for device in ("cpu", "cuda"):
        leaves = mapped(moved(given, device), lambda t: t.detach().requires_grad_())
        inputs = list(tensors(leaves))
        output = call(OPS[name], leaves)[0]
        first = torch.autograd.grad((output * output).sum(), inputs, create_graph=True, allow_unused=True)
        total = sum([(g * g).sum() for g in first if g is not None])
        results.append([g.cpu().numpy() for g in torch.autograd.grad(total, inputs)])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


@both_roads
@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_what_is_beyond_a_layer_touches_nothing(value: float, relu: bool, road: str) -> None:
    """Tiles are wider than three units and two sequences: an infinite state times their zeros would be NaN."""
    x = torch.zeros(3, 2, 3)
    x[0, 0, 1] = value if relu else 0.0  # tanh makes 1 of it, and its slope 0
    weight = torch.tensor([[1.0, 0.5, 0.0], [0.5, 1.0, 0.5], [1.0, 1.0, 1.0]])
    results = []
    for device in ("cpu", "cuda"):
        rows = x.to(device).reshape(6, 3).requires_grad_()
        w, h = weight.to(device), torch.ones(2, 3, device=device)
        output, _ = OPS["rnn_layer"].function(rows, h, w, (2, 2, 2), False, relu)
        output.backward(torch.tensor([[1.0, value, 2.0]] * 6, device=device))
        results.append([t.detach().cpu().numpy() for t in (output, rows.grad)])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4)


# ---- launches -------------------------------------------------------------------------------------------------


@pytest.fixture
def launches(monkeypatch, forget_launches):
    """The names of the kernels that are launched on the simulated device."""
    names: list[str] = []
    run = interpreter.Interpreted.__call__

    def noted(self: Any, grid: Any, *args: Any) -> None:
        names.append(self.kernel.__name__)
        run(self, grid, *args)

    monkeypatch.setattr(interpreter.Interpreted, "__call__", noted)
    return names


@pytest.mark.parametrize(
    ("kind", "options"), [("LSTM", {}), ("LSTM", {"proj_size": 2}), ("GRU", {}), ("RNN", {})]
)
def test_a_small_layer_is_one_launch_however_long(kind: str, options: Any, launches: list[str]) -> None:
    layer = getattr(torch.nn, kind)(3, 4, device="cuda", **options)
    counts = []
    for length in (2, 9):
        layer.zero_grad()
        launches.clear()
        output, _ = layer(torch.ones(length, 2, 3, device="cuda"))
        output.sum().backward()
        counts.append(len(launches))
        assert [n for n in launches if "_steps_" in n] == [
            f"{kind.lower()}_steps{b}_kernel" for b in ("", "_backward")
        ]
    assert counts[0] == counts[1]


def test_a_packed_batch_is_a_launch_for_each_number_of_sequences(launches: list[str]) -> None:
    layer = torch.nn.GRU(3, 4, device="cuda")
    packed = torch.nn.utils.rnn.pack_sequence([torch.ones(n, 3, device="cuda") for n in (7, 4, 4)])
    layer(packed)
    assert launches.count("gru_steps_kernel") == 2


def test_a_large_layer_goes_step_by_step(launches: list[str]) -> None:
    layer = torch.nn.LSTM(3, 65, device="cuda")
    layer(torch.ones(3, 2, 3, device="cuda"))
    assert launches.count("lstm_kernel") == 3 and "lstm_steps_kernel" not in launches


# ---- which road -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("sizes", [(3, 3, 3), (3, 2, 2, 1), (1,), (4, 1, 1), (0, 0)])
def test_spans_are_all_steps_in_their_order(sizes: tuple[int, ...], reverse: bool) -> None:
    order = [
        (low + count * (length - 1 - k if reverse else k), count)
        for low, count, length in spans(sizes, reverse)
        for k in range(length)
    ]
    assert tuple(order) == steps(sizes, reverse)


@pytest.mark.parametrize(
    ("gates", "itemsize", "largest"),
    [(4, 2, 128), (4, 4, 64), (4, 8, 32), (3, 2, 128), (3, 4, 64), (1, 2, 256), (1, 4, 128), (1, 8, 64)],
)
def test_the_largest_layers_that_fit(gates: int, itemsize: int, largest: int) -> None:
    """64 KiB of registers, or 128 KiB of shared memory for matrix instructions, hold gates · units² numbers."""

    def fits(units: int, batch: int = 1) -> bool:
        nbytes = weight_bytes(gates, units, units, False, itemsize)
        return choose_resident("sm_90", nbytes, units, itemsize, batch, 132) is not None

    assert gates * largest**2 * itemsize <= (128 if itemsize == 2 else 64) * 1024
    assert fits(1) and fits(largest) and not fits(largest + 1)
    rows = PER_PROCESSOR * 132 * (16 if itemsize == 2 else 1)
    assert fits(largest, rows) and not fits(largest, rows + 1)


def test_wide_offsets_change_nothing(offsets_of_width: Any) -> None:
    for name in LAYERS:
        given = moved(sample(name, torch.float32, (3, 3, 1), 5, True, 2), "cuda")

        def results(name: str = name, given: Sample = given) -> Any:
            return [*tensors(call(OPS[name], given)), *weighted_grads(OPS[name], given)]

        halves = (offsets_of_width(_whole, wide, results) for wide in (False, True))
        for a, b in zip(*halves, strict=True):
            np.testing.assert_array_equal(a.detach().cpu().numpy(), b.detach().cpu().numpy())
