"""Every layer with PyTorch's weights gives PyTorch's outputs, gradients, buffers, repr and state_dict."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch as reference
from nn_cases import LAYERS
from nn_inputs import Fixed
from nn_loss_cases import LOSSES
from nn_recurrent_cases import RECURRENT

import tritonnn as torch

CASES = [*LAYERS, *LOSSES, *RECURRENT]
pytestmark = pytest.mark.filterwarnings("ignore")


def leaves(library: Any, inputs: tuple) -> list[Any]:
    """The case's inputs as tensors of one library; floating ones require grad."""
    values = []
    for value in inputs:
        if isinstance(value, np.ndarray):
            differentiable = not isinstance(value, Fixed)
            value = library.tensor(value.tolist(), dtype=getattr(library, str(value.dtype))).reshape(
                value.shape
            )
            value.requires_grad_(value.is_floating_point() and differentiable)
        values.append(value)
    return values


def outputs(result: Any) -> list[Any]:
    """The tensors among what forward returned."""
    if isinstance(result, tuple):
        return [t for part in result for t in outputs(part)]
    return [] if result is None else [result]


def array(tensor: Any) -> np.ndarray:
    return np.asarray(tensor.detach().numpy())


def assert_same(got: Any, wanted: Any, what: str) -> None:
    assert (got is None) == (wanted is None), what
    if got is not None:
        assert str(got.dtype) == str(wanted.dtype), what
        values = array(wanted)
        largest = float(np.abs(values).max(initial=0, where=np.isfinite(values)))
        np.testing.assert_allclose(array(got), values, rtol=2e-4, atol=1e-5 * (1 + largest), err_msg=what)


def pair(case: Any) -> tuple[Any, Any]:
    """The layer in both libraries, with equal parameters."""
    theirs, ours = case.build(reference.nn), case.build(torch.nn)
    if case.name.startswith("Lazy"):
        for library, layer in ((reference, theirs), (torch, ours)):
            layer(*leaves(library, case.inputs))
            if hasattr(layer, "reset_running_stats"):
                layer.reset_running_stats()
    generator = np.random.default_rng(1)
    state = {}
    for name, value in theirs.state_dict().items():
        if value.is_floating_point() and "running" not in name and "weight" not in theirs._buffers:
            value = reference.from_numpy(generator.normal(size=tuple(value.shape)).astype(np.float32))
        state[name] = value
    theirs.load_state_dict(state)
    ours.load_state_dict(
        {
            name: torch.tensor(value.tolist(), dtype=getattr(torch, str(value.dtype)[6:])).reshape(
                tuple(value.shape)
            )
            for name, value in state.items()
        }
    )
    return theirs, ours


def run(library: Any, layer: Any, inputs: list[Any]) -> list[Any]:
    """Forward, and backward with fixed weights on every differentiable output."""
    results = outputs(layer(*inputs))
    total = 0
    for result in results:
        if result.requires_grad:
            weight = library.linspace(0.5, 1.5, max(result.numel(), 1), device=result.device)
            total = total + (result * weight[: result.numel()].reshape(result.shape)).sum()
    if results and any(result.requires_grad for result in results):
        total.backward()
    return results


@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_layer(case, mode):
    if mode == "train" and not case.deterministic:
        pytest.skip("draws random numbers")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs, ours = pair(case)
        getattr(theirs, mode)()
        getattr(ours, mode)()
        their_inputs, our_inputs = leaves(reference, case.inputs), leaves(torch, case.inputs)
        wanted, got = run(reference, theirs, their_inputs), run(torch, ours, our_inputs)
    assert len(got) == len(wanted)
    for i, (a, b) in enumerate(zip(got, wanted)):
        assert tuple(a.shape) == tuple(b.shape) and a.requires_grad == b.requires_grad
        assert_same(a, b, f"output {i}")
    for i, (a, b) in enumerate(zip(our_inputs, their_inputs)):
        if isinstance(a, torch.Tensor):
            assert_same(a.grad, b.grad, f"gradient of input {i}")
    for (name, a), b in zip(ours.named_parameters(), theirs.parameters()):
        assert_same(a.grad, b.grad, f"gradient of {name}")
    for (name, a), b in zip(ours.named_buffers(), theirs.buffers()):
        assert_same(a, b, f"buffer {name}")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_repr_and_state_dict(case):
    theirs, ours = case.build(reference.nn), case.build(torch.nn)
    assert repr(ours) == repr(theirs)
    if not case.name.startswith("Lazy"):
        wanted, got = theirs.state_dict(), ours.state_dict()
        assert list(got) == list(wanted)
        assert {k: (tuple(v.shape), str(v.dtype)) for k, v in got.items()} == {
            k: (tuple(v.shape), str(v.dtype)) for k, v in wanted.items()
        }
        assert got._metadata == wanted._metadata


def network(nn: Any) -> Any:
    return nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ModuleDict({"a": nn.Linear(2, 3, bias=False)})
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state.pop("0.weight"),
        lambda state: state.update(extra=state["0.bias"]),
        lambda state: state.update({"2.b.weight": state["0.bias"], "9": state["0.bias"]}),
        lambda state: state.update({"0.weight": state["0.bias"]}),
        lambda state: (
            state.pop("1.running_mean"),
            state.update({"2.a.weight": state["0.bias"], "1.more": state["0.bias"]}),
        ),
    ],
    ids=["missing", "unexpected", "nested", "size", "all"],
)
def test_load_state_dict_report(change):
    texts = []
    for library in (reference, torch):
        net = network(library.nn)
        state = net.state_dict()
        change(state)
        with pytest.raises(RuntimeError) as caught:
            net.load_state_dict(state)
        lenient = None
        if "size mismatch" not in str(caught.value):
            lenient = net.load_state_dict(state, strict=False)
            lenient = repr(lenient), lenient.missing_keys, lenient.unexpected_keys
        texts.append((str(caught.value), lenient))
    assert texts[0] == texts[1]


def test_layers_start_from_the_same_distributions():
    import math

    builds = [
        lambda nn: nn.Linear(50, 400), lambda nn: nn.Conv2d(8, 64, 5),
        lambda nn: nn.ConvTranspose1d(16, 32, 9),
        lambda nn: nn.Bilinear(20, 20, 30), lambda nn: nn.Embedding(200, 50),
        lambda nn: nn.MultiheadAttention(64, 4),
        lambda nn: nn.EmbeddingBag(200, 50), lambda nn: nn.PReLU(4), lambda nn: nn.BatchNorm1d(4),
        lambda nn: nn.Transformer(32, 2, 1, 1, 64),
    ]  # fmt: skip
    reference.manual_seed(0)
    torch.manual_seed(0)
    for build in builds:
        wanted, got = build(reference.nn).state_dict(), build(torch.nn).state_dict()
        for name, value in wanted.items():
            a, b = array(value).astype(np.float64), array(got[name]).astype(np.float64)
            slack = 5 / math.sqrt(a.size)
            scale = max(a.std(), 1e-12)
            assert abs(a.mean() - b.mean()) <= slack * scale, name
            assert abs(a.std() - b.std()) <= slack * scale, name
            uniform = abs(a).max() < 2 * scale  # a normal one is largest elsewhere at every draw
            assert abs(b).max() <= abs(a).max() * (1 + 2 * slack if uniform else 1.5) + 1e-6, name
