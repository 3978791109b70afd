"""Optimizers with fused=True under a GradScaler: they unscale, and leave steps out, without a wait for the device."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import tritonnn as torch
from tritonnn.amp import GradScaler

BOTH = pytest.mark.parametrize("device", ("cpu", "cuda"))


FUSED = [
    ("SGD", {}), ("SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    ("Adam", {"amsgrad": True, "maximize": True}), ("AdamW", {}), ("Adagrad", {"lr_decay": 0.1}),
    ("Adam", {"lr": "tensor"}),
]  # fmt: skip


def scaled_run(device, name, options, fused, dtype, unscaled=False):
    """Parameters, gradients and states of a run in which some steps are left out."""
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=shape) for shape in ((3, 4), (2, 0))]
    params = [torch.tensor(a, dtype=dtype, device=device).requires_grad_() for a in arrays]
    params.append(torch.tensor(arrays[0], dtype=dtype, device=device)[:, ::2].detach().requires_grad_())
    options = {"lr": 0.125, **options}
    if options["lr"] == "tensor":
        options["lr"] = torch.tensor(0.125, device=device)
    optimizer = getattr(torch.optim, name)(params, fused=fused, **options)
    scaler, seen = GradScaler(device, init_scale=8.0), []
    for factor in (np.inf, 1.0, np.nan, 3.0):
        optimizer.zero_grad()
        loss = sum((p * p * factor).sum() for p in params)
        scaler.scale(loss).backward()
        if unscaled:
            scaler.unscale_(optimizer)
        yield
        scaler.step(optimizer)
        yield
        scaler.update()
        for p in params:
            state = optimizer.state[p]
            seen.append([p.tolist(), *[state[k].tolist() for k in sorted(state) if state[k] is not None]])
            if np.isfinite(factor):
                seen[-1].append(p.grad.tolist())
    return seen


def finished(run):
    """What a generator returns."""
    try:
        while True:
            next(run)
    except StopIteration as end:
        return end.value


@BOTH
@pytest.mark.parametrize(
    ("dtype", "unscaled"), [(torch.float32, False), (torch.float64, True), (torch.bfloat16, False)]
)
@pytest.mark.parametrize(("name", "options"), FUSED)
def test_a_fused_step_does_what_unscaling_and_stepping_do(device, name, options, dtype, unscaled):
    got = finished(scaled_run(device, name, options, True, dtype, unscaled))
    wanted = finished(scaled_run(device, name, options, False, dtype, unscaled))
    tolerance = {"rtol": 1e-2, "atol": 1e-2} if dtype is torch.bfloat16 else {"rtol": 1e-5, "atol": 1e-6}
    for i, (a, b) in enumerate(zip(got, wanted, strict=True)):
        if i < 3:  # the first step is left out: beside it there is no state at all
            assert not any(np.any(state) for state in a[1:])
            del a[1:], b[1:]
        for x, y in zip(a, b, strict=True):
            np.testing.assert_allclose(np.array(x, float), np.array(y, float), **tolerance)


@pytest.mark.parametrize(("name", "options"), FUSED)
def test_a_fused_step_does_not_wait_for_the_device(monkeypatch, name, options):
    waits = []
    for read in ("item", "tolist", "__bool__", "cpu", "__float__"):
        method = getattr(torch.Tensor, read)
        wait = lambda self, *given, method=method: waits.append(1) or method(self, *given)
        monkeypatch.setattr(torch.Tensor, read, wait)
    run = scaled_run("cuda", name, options, True, torch.float32)
    next(run)
    waits.clear()  # the constructor looks at a learning rate that is a tensor
    next(run)
    assert not waits


def test_only_fused_groups_take_what_a_scaler_leaves_to_them():
    w, scaler = torch.tensor([1.0, -2.0], requires_grad=True), GradScaler("cpu")
    optimizer = torch.optim.Adam([{"params": [w], "fused": None}], fused=True)
    scaler.scale(w.sum()).backward()
    with pytest.raises(AssertionError, match="groups with fused=True, but a group has fused=None"):
        scaler.step(optimizer)
    assert w.tolist() == [1.0, -2.0] and not optimizer.state


def test_a_fused_optimizer_without_any_gradient():
    w, scaler = torch.tensor([1.0, -2.0], requires_grad=True), GradScaler("cpu")
    optimizer = torch.optim.Adam([w], fused=True)
    scaler.scale(w.sum())
    scaler.step(optimizer)
    with pytest.raises(AssertionError, match="No inf checks were recorded prior to update"):
        scaler.update()


@BOTH
def test_unpickled_a_fused_optimizer_still_unscales(device):
    optimizer = torch.optim.Adam([torch.ones(1, device=device)], fused=True)
    assert pickle.loads(pickle.dumps(optimizer))._step_supports_amp_scaling
    assert not hasattr(torch.optim.Adam([torch.ones(1)]), "_step_supports_amp_scaling")
