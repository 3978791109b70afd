"""Recurrent layers under autocast: types of results by those of inputs, states and weights."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import pytest
import torch as reference

import tritonnn as torch

KINDS = ("float32", "bfloat16", "float16")


def types(library: Any, name: str, kinds: tuple[str, str | None, str], packed: bool, options: dict) -> Any:
    given, state, weights = (None if kind is None else getattr(library, kind) for kind in kinds)
    cell = name.endswith("Cell")
    layer = getattr(library.nn, name)(4, 3, **options).to(weights)
    x = library.ones((2, 4) if cell else (3, 2, 4), dtype=given)
    shapes = [(2, 3) if cell else (1, 2, 3)] * (2 if name.startswith("LSTM") else 1)
    if "proj_size" in options:
        shapes[0] = (1, 2, 2)
    hx = [library.zeros(shape, dtype=state) for shape in shapes]
    if packed:
        x = library.nn.utils.rnn.pack_padded_sequence(x, [3, 2])
    found: list[str] = []

    def collect(value: Any) -> None:
        if isinstance(value, library.Tensor):
            found.append(str(value.dtype).split(".")[-1])
        elif isinstance(value, tuple):
            for item in value:
                collect(item)

    with library.autocast("cpu"):
        collect(layer(x, None if state is None else tuple(hx) if len(hx) == 2 else hx[0]))
    return [kind for kind in found if kind != "int64"]


CASES = [(name, packed, {}) for name in ("RNN", "GRU", "LSTM") for packed in (False, True)]
CASES += [(name, False, {}) for name in ("RNNCell", "GRUCell", "LSTMCell")]
CASES += [("LSTM", packed, {"proj_size": 2}) for packed in (False, True)]


@pytest.mark.parametrize(("name", "packed", "options"), CASES)
def test_types(name: str, packed: bool, options: dict) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's, of oneDNN
        for kinds in itertools.product(KINDS, (*KINDS, None), KINDS[:2]):
            assert types(torch, name, kinds, packed, options) == types(
                reference, name, kinds, packed, options
            ), kinds


def test_gradients_reach_the_weights_in_their_own_type() -> None:
    layer, x = torch.nn.GRU(4, 3), torch.ones(3, 2, 4)
    with torch.autocast("cpu"):
        output, _ = layer(x)
    output.sum().backward()
    assert {p.grad.dtype for p in layer.parameters()} == {torch.float32}


@pytest.mark.parametrize("device", ["mps", "xpu", "hpu", "xla", "mtia", "ipu"])
@pytest.mark.parametrize("enabled", [False, True])
def test_blocks_of_other_device_types(device: str, enabled: bool) -> None:
    def run(library: Any) -> tuple[Any, ...]:
        with library.autocast(device, enabled=enabled) as block:
            product = library.mm(library.ones(1, 1), library.ones(1, 1))
        known = library.amp.is_autocast_available(device), library.is_autocast_enabled(device)
        return str(block.fast_dtype).split(".")[-1], block._enabled, str(product.dtype).split(".")[-1], *known

    assert run(torch) == run(reference)
