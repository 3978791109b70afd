"""as_strided that leaves the tensor it is taken of: gradients, second gradients and writes as PyTorch has them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch as reference

import tritonnn as torch

#: what the tensor is, of x (3, 4), and what is seen of its memory
TENSORS = {
    "whole": lambda x: x * 1,
    "column": lambda x: (x * 1)[:, -1],
    "rows": lambda x: (x * 1)[1:],
    "steps": lambda x: (x * 1)[::2, 1::2],
    "turned": lambda x: (x * 1).t(),
    "expanded": lambda x: (x * 1)[:, 1:2].expand(3, 3),
    "complex": lambda x: (x * 1).view(3, 2, 2)[1:, 1],
}
VIEWS = [
    ((2,), (1,), 0),
    ((2, 2), (4, 1), 1),
    ((3, 2), (1, 5), 2),
    ((4,), (0,), 6),
    ((2, 3), (1, 1), None),
]


def run(library: Any, tensor: str, view: tuple, device: str) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    x = library.from_numpy(rng.normal(size=(3, 4))).to(device).requires_grad_()
    seen = TENSORS[tensor](x).as_strided(*view)
    weight = library.from_numpy(rng.normal(size=tuple(seen.shape))).to(device)
    (first,) = library.autograd.grad((seen**3 * weight).sum(), x, create_graph=True)
    (second,) = library.autograd.grad((first**2).sum(), x)
    return [t.detach().cpu().numpy() for t in (seen, first, second)]


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("view", VIEWS, ids=str)
@pytest.mark.parametrize("tensor", TENSORS)
def test_gradients(tensor, view, device):
    for mine, theirs in zip(
        run(torch, tensor, view, device), run(reference, tensor, view, "cpu"), strict=True
    ):
        np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("view", [v for v in VIEWS if 0 not in v[1] and v[0] != (2, 3)], ids=str)
@pytest.mark.parametrize("tensor", ["whole", "column", "steps", "turned"])
def test_writes(tensor, view, device):
    """A write through the view, some of it beside the tensor: what the tensor and the value written get."""
    results = []
    for library, place in ((torch, device), (reference, "cpu")):
        rng = np.random.default_rng(0)
        x = library.from_numpy(rng.normal(size=(3, 4))).to(place).requires_grad_()
        y = TENSORS[tensor](x)
        value = library.from_numpy(rng.normal(size=view[0])).to(place).requires_grad_()
        y.as_strided(*view).mul_(value)
        (y**2).sum().backward()
        grads = [library.zeros_like(t) if t.grad is None else t.grad for t in (x, value)]
        results.append([t.detach().cpu().numpy() for t in (y, *grads)])
    for mine, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-14)
