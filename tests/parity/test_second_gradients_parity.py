"""Second derivatives of what is linear in pieces: PyTorch gives zeros, which is not the same as no gradient.

`autograd.grad` refuses an input without gradient, and an optimizer passes over a parameter whose `.grad` is None where
zeros would let its moments decay.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch as reference

import tritonnn

FORMULAS = """
x.relu()
F.relu6(x)
F.leaky_relu(x)
F.hardtanh(x, -0.2, 0.4)
F.threshold(x, 0.3, 0.1)
F.hardshrink(x, 0.3)
F.softshrink(x, 0.3)
F.prelu(x, w[0, :1])
F.prelu(x, w[0])
F.rrelu(x, training=False)
x % w
x.fmod(w)
x.abs()
x.clamp(-0.2, 0.4)
x.maximum(w)
x.sign() * x
F.hardswish(x * 4)
F.elu(x)
F.l1_loss(x, w)
F.smooth_l1_loss(x, w)
x.max()
F.dropout(x, 0.0)
F.max_pool1d(x, 2)
F.max_pool1d(x, 2, return_indices=True)[0]
F.max_pool2d(x[None], 2)
F.max_pool3d(x[None, None], (1, 2, 2))
F.adaptive_max_pool1d(x, 2)
F.adaptive_max_pool2d(x[None], 2)
F.avg_pool1d(x, 2)
F.avg_pool2d(x[None], 2, ceil_mode=True)
F.avg_pool3d(x[None, None], 1)
F.adaptive_avg_pool1d(x, 2)
F.adaptive_avg_pool2d(x[None], 1)
F.adaptive_avg_pool3d(x[None, None], (1, 2, 3))
F.pad(x, (1, 2), mode="reflect")
F.pad(x[None], (1, 2, 1, 0), mode="replicate")
F.pad(x, (1, 2), mode="circular")
F.nll_loss(x, (x[:, 0] * 0).long())
F.nll_loss(x[0], (x[0, 0] * 0).long(), reduction="sum")
F.nll_loss(x[None, None].transpose(1, 2), (x[None, :1] * 0).long())
"""


def second(lib: Any, formula: str, device: str) -> list[Any]:
    """The gradients of x, w and a weight of the result through the first gradients of x and of w."""
    rng = np.random.default_rng(0)
    x, w = (lib.tensor(rng.uniform(-1, 1, (3, 4)), device=device, requires_grad=True) for _ in range(2))
    y = eval(formula, {"x": x, "w": w, "F": lib.nn.functional})
    scale = lib.ones(y.shape, dtype=y.dtype, device=device, requires_grad=True)
    found: list[Any] = []
    for first in lib.autograd.grad((y * scale).sum(), (x, w), create_graph=True, allow_unused=True):
        if first is not None:
            weighted = (first * first.detach()).sum()
            found += lib.autograd.grad(weighted, (x, w, scale), retain_graph=True, allow_unused=True)
    return [None if g is None else (g + 0).cpu().detach().tolist() for g in found]


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("formula", FORMULAS.strip().splitlines())
def test_second_gradients_are_there(formula: str, device: str) -> None:
    wanted, got = second(reference, formula, "cpu"), second(tritonnn, formula, device)
    assert [g is None for g in got] == [g is None for g in wanted]
    for mine, its in zip(got, wanted, strict=True):
        if its is not None:
            np.testing.assert_allclose(mine, its, atol=1e-12)


def penalty(lib: Any) -> list[Any]:
    """A gradient penalty alone, as critics are trained with: the bias gets zeros, and so does the input."""
    weights = [lib.linspace(-1, 1, 12).view(4, 3), lib.zeros(4), lib.linspace(1, 2, 4).view(1, 4)]
    first, bias, last = (w.requires_grad_() for w in weights)
    x = lib.linspace(-2, 2, 6).view(2, 3).requires_grad_()
    F = lib.nn.functional
    score = F.linear(F.leaky_relu(F.linear(x, first, bias), 0.2), last)
    (slope,) = lib.autograd.grad(score.sum(), x, create_graph=True)
    ((slope.norm(2, dim=1) - 1) ** 2).mean().backward()
    return [t.grad.tolist() for t in (first, bias, last, x)]


def test_gradient_penalty_reaches_every_parameter() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for mine, its in zip(penalty(tritonnn), penalty(reference), strict=True):
            np.testing.assert_allclose(mine, its, rtol=1e-5, atol=1e-6)
