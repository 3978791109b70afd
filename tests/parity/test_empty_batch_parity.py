"""Every layer on a batch of nothing: shapes, gradients and running statistics are PyTorch's, or it refuses as well."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch as reference
from nn_cases import LAYERS
from nn_loss_cases import LOSSES
from reference_ops import outcome
from test_nn_parity import assert_same, leaves, pair, run

import tritonnn as torch

pytestmark = pytest.mark.filterwarnings("ignore")
# layer -> what is left open of it on a batch of nothing, and why
FIRST = "PyTorch looks at the first of no instances"
ROWS = "PyTorch gives another shape to nothing than to something, and refuses its gradient"
UNWRITTEN = "PyTorch never writes the mean over nothing"
OPEN: dict[str, str] = {
    **dict.fromkeys(("InstanceNorm2d", "LazyInstanceNorm1d"), FIRST),
    **dict.fromkeys(("PixelShuffle", "PixelUnshuffle"), ROWS),
    **{f"Multi{kind}Loss_{how}": UNWRITTEN for kind in ("LabelMargin", "Margin") for how in ("mean", "sum")},
}


def emptied(inputs: tuple) -> tuple:
    return tuple(v[:0] if isinstance(v, np.ndarray) and v.ndim else v for v in inputs)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize("case", [*LAYERS, *LOSSES], ids=lambda case: case.name)
def test_batch_of_nothing(case: Any, mode: str, device: str) -> None:
    if (mode == "train" and not case.deterministic) or case.name in OPEN:
        pytest.skip(OPEN.get(case.name, "draws random numbers"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs, ours = pair(case)
        getattr(theirs, mode)()
        getattr(ours, mode)()
        ours.to(device)
        their_inputs = leaves(reference, emptied(case.inputs))
        our_inputs = [
            v.detach().to(device).requires_grad_(v.requires_grad) if isinstance(v, torch.Tensor) else v
            for v in leaves(torch, emptied(case.inputs))
        ]
        wanted = outcome(lambda: run(reference, theirs, their_inputs))
        got = outcome(lambda: run(torch, ours, our_inputs))
    if isinstance(wanted, Exception):
        assert isinstance(got, Exception), f"PyTorch: {wanted!r}"
        return
    assert not isinstance(got, Exception), repr(got)
    for i, (a, b) in enumerate(zip(got, wanted, strict=True)):
        assert tuple(a.shape) == tuple(b.shape) and a.requires_grad == b.requires_grad
        assert_same(a.cpu(), b, f"output {i}")
    for i, (a, b) in enumerate(zip(our_inputs, their_inputs, strict=True)):
        if isinstance(a, torch.Tensor):
            assert_same(a.grad if a.grad is None else a.grad.cpu(), b.grad, f"gradient of input {i}")
    for (name, a), b in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert_same(a.grad if a.grad is None else a.grad.cpu(), b.grad, f"gradient of {name}")
    for (name, a), b in zip(ours.named_buffers(), theirs.buffers(), strict=True):
        assert_same(a.cpu(), b, f"buffer {name}")


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("shape", [(0, 3, 4, 5), (2, 3, 0, 5), (2, 0, 4, 5)])
@pytest.mark.parametrize("name", ["BatchNorm2d", "InstanceNorm2d"])
def test_nothing_moves_no_statistics(name: str, shape: tuple, device: str) -> None:
    layer = getattr(torch.nn, name)(shape[1], affine=True, track_running_stats=True, device=device)
    x = torch.zeros(shape, device=device, requires_grad=True)
    layer(x).sum().backward()
    assert x.grad.shape == shape
    assert layer.weight.grad.tolist() == layer.running_mean.tolist() == [0.0] * shape[1]
    assert layer.running_var.tolist() == [1.0] * shape[1]
