"""Convolutions with residual and ReLU in their kernel: values, gradients, and the layers that use them."""

from __future__ import annotations

import numpy as np
import pytest

import tritonnn as torch
from tritonnn.ao.nn import intrinsic
from tritonnn.kernels.convolution import _forward

F = torch.nn.functional

# x, w, stride, padding, groups: product, descriptors, addresses, depthwise
CASES = [
    ((2, 8, 3, 5), (6, 8, 1, 1), 1, 0, 1),
    ((2, 16, 5, 6), (24, 16, 3, 3), 1, 1, 1),
    ((2, 16, 5, 6), (20, 16, 3, 3), 1, 1, 1),
    ((2, 6, 5, 7), (4, 3, 3, 2), 2, 1, 2),
    ((1, 4, 5, 5), (8, 1, 3, 3), 1, 1, 4),
    ((1, 16, 3, 4, 3), (16, 16, 2, 2, 2), 1, 1, 1),
]


def numbers(shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("residual", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_fused_is_apart(case, residual, last, device):
    x_shape, w_shape, stride, padding, groups = case
    n, dtype = len(x_shape) - 2, torch.float16 if device == "cuda" else torch.float64
    form = {2: torch.channels_last, 3: torch.channels_last_3d}[n] if last else torch.contiguous_format

    def given(shape, seed, requires_grad=True):
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        tensor = numbers(shape, seed).to(device, dtype)
        tensor = tensor.contiguous(memory_format=form) if len(shape) > 3 else tensor
        return tensor.requires_grad_(requires_grad)

    def results(run):
        x, w, b = given(x_shape, 0), given(w_shape, 1), given(w_shape[0], 2)
        z = given(getattr(F, f"conv{n}d")(x, w, b, stride, padding, 1, groups).shape, 3) if residual else None
        out = run(x, w, b, z)
        leaves = [x, w, b] + ([z] if residual else [])
        return out, *torch.autograd.grad(out, leaves, given(out.shape, 4, False))

    def apart(x, w, b, z):
        out = getattr(F, f"conv{n}d")(x, w, b, stride, padding, 1, groups)
        return (out if z is None else out + 0.5 * z).relu()

    def fused(x, w, b, z):
        geometry = ([stride] * n, [padding] * n, [1] * n, groups)
        if z is None:
            return torch.cudnn_convolution_relu(x, w, b, *geometry)
        return torch.cudnn_convolution_add_relu(x, w, z, 0.5, b, *geometry)

    wanted, got = results(apart), results(fused)
    # a sum that is rounded once may be just on the other side of 0, where its gradient begins
    close = {"rtol": 1e-2, "atol": 5e-2} if dtype is torch.float16 else {"rtol": 1e-12, "atol": 1e-12}
    for a, b in zip(got, wanted, strict=True):
        assert a.stride() == b.stride()
        np.testing.assert_allclose(
            a.detach().cpu().double().numpy(), b.detach().cpu().double().numpy(), **close
        )


def test_nan_stays_and_nothing_is_negative():
    x, w = torch.tensor([[[[float("nan"), 1.0, -1.0]]]]), torch.ones(1, 1, 1, 1)
    for device in ("cpu", "cuda"):
        out = torch.cudnn_convolution_relu(x.to(device), w.to(device), None, [1, 1], [0, 0], [1, 1], 1)
        np.testing.assert_array_equal(out.cpu().numpy().ravel(), [np.nan, 1, 0])


@pytest.mark.parametrize("hooked", [False, True])
def test_a_fused_layer_runs_one_kernel(hooked, monkeypatch, forget_launches):
    conv, seen = torch.nn.Conv2d(16, 16, 3, padding=1).to("cuda", torch.float16), []
    layer = intrinsic.ConvReLU2d(conv, torch.nn.ReLU()).to(memory_format=torch.channels_last)
    if hooked:
        conv.register_forward_hook(lambda module, given, result: seen.append(float(result.min())))
    finishes = []
    monkeypatch.setattr(
        _forward, "patches_convolution",
        lambda *args, run=_forward.patches_convolution: (finishes.append(args[-1].epilogue), run(*args))[1],
    )  # fmt: skip
    x = numbers((1, 16, 4, 4)).to("cuda", torch.float16).contiguous(memory_format=torch.channels_last)
    out = layer(x)
    np.testing.assert_allclose(
        out.detach().cpu().numpy(), F.relu(conv(x)).detach().cpu().numpy(), rtol=1e-2, atol=1e-2
    )
    assert (finishes[0] is None) == hooked
    assert bool(seen) == hooked


def test_bad_input_launches_nothing(monkeypatch, forget_launches):
    launched = []
    monkeypatch.setattr(_forward, "launch", lambda kernel, *_, **__: launched.append(kernel))
    x, w = torch.ones(1, 4, 5, 5, device="cuda"), torch.ones(4, 3, 3, 3, device="cuda")
    one = [1, 1]
    with pytest.raises(RuntimeError, match=r"weight of size \[4, 3, 3, 3\].*to have 3 channels, but got 4"):
        F.conv2d(x, w)
    with pytest.raises(RuntimeError, match=r"Kernel size can't be greater than actual input size"):
        F.conv2d(x, torch.ones(4, 4, 6, 3, device="cuda"))
    with pytest.raises(RuntimeError, match=r"to have 3 channels, but got 4"):
        torch.cudnn_convolution_relu(x, w, None, one, one, one, 1)
    with pytest.raises(RuntimeError, match=r"expected z to be float32 of size \[1, 4, 5, 5\]"):
        torch.cudnn_convolution_add_relu(x, x.new_ones(4, 4, 1, 1), x[:, :1], 1, None, one, [0, 0], one, 1)
    assert not launched
