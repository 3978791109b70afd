"""Layers of complex numbers, on the CPU and on the simulated GPU: results and gradients of PyTorch's layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch as reference

import tritonnn

LAYERS = {
    "linear": (lambda nn, kind: nn.Linear(5, 3, dtype=kind), (4, 5)),
    "linear without bias": (lambda nn, kind: nn.Linear(5, 3, bias=False, dtype=kind), (2, 3, 5)),
    "bilinear": (lambda nn, kind: _Square(nn, nn.Linear(4, 4, dtype=kind)), (3, 4)),
    "conv1d": (lambda nn, kind: nn.Conv1d(4, 6, 3, padding=1, groups=2, dtype=kind), (2, 4, 7)),
    "conv2d": (
        lambda nn, kind: nn.Conv2d(3, 4, 3, stride=2, padding=1, dilation=2, dtype=kind),
        (2, 3, 8, 7),
    ),
    "depthwise": (lambda nn, kind: nn.Conv2d(4, 4, 3, groups=4, bias=False, dtype=kind), (1, 4, 6, 5)),
    "conv3d": (lambda nn, kind: nn.Conv3d(2, 3, 2, dtype=kind), (1, 2, 4, 3, 3)),
    "transposed": (
        lambda nn, kind: nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2, dtype=kind),
        (2, 4, 4, 3),
    ),
    "transposed 1d": (
        lambda nn, kind: nn.ConvTranspose1d(3, 2, 4, stride=2, padding=1, dtype=kind),
        (2, 3, 5),
    ),
}


def _Square(nn: Any, inner: Any) -> Any:
    """A layer used as a product with itself, by way of a sequence."""
    return nn.Sequential(inner, nn.Tanh(), inner)


def outcome(
    library: Any, name: str, device: str, numbers: dict[str, np.ndarray], x: np.ndarray
) -> list[np.ndarray]:
    layer = LAYERS[name][0](library.nn, library.complex64)
    layer.load_state_dict({key: library.from_numpy(value.copy()) for key, value in numbers.items()})
    layer = layer.to(device)
    input = library.from_numpy(x.copy()).to(device).requires_grad_()
    result = layer(input)
    (result.abs() ** 2).sum().backward()
    found = [result, input.grad, *[p.grad for p in layer.parameters()]]
    return [t.detach().cpu().resolve_conj().numpy() for t in found]


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("name", LAYERS)
def test_layers(name: str, device: str) -> None:
    make, shape = LAYERS[name]
    rng = np.random.default_rng(0)
    some = lambda *sizes: (rng.standard_normal(sizes) + 1j * rng.standard_normal(sizes)).astype(np.complex64)
    state = make(reference.nn, reference.complex64).state_dict()
    numbers = {key: 0.5 * some(*value.shape) for key, value in state.items()}
    x = some(*shape)
    ours, theirs = outcome(tritonnn, name, device, numbers, x), outcome(reference, name, "cpu", numbers, x)
    for got, wanted in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-4 * np.abs(wanted).max())
