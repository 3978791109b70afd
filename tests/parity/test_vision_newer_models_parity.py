"""EfficientNet, RegNet, ConvNeXt, transformers and networks for videos have torchvision's layers, keys and outputs."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
import torch as reference
from reference_vision import torchvision
from vision_signatures import differences
from vision_small import SMALL, alike
from vision_weights import assert_near, twins

import tritonnn as torch
from tritonnn.vision import models as ours

theirs = torchvision.models

MODULES = (
    "convnext", "efficientnet", "maxvit", "optical_flow._utils", "optical_flow.raft", "regnet", "swin_transformer",
    "video.mvit", "video.resnet", "video.s3d", "video.swin_transformer", "vision_transformer",
)  # fmt: skip
BUILDERS = sorted(
    name for name, builder in theirs._api.BUILTIN_MODELS.items()
    if builder.__module__.removeprefix("torchvision.models.") in MODULES
)  # fmt: skip


def test_every_builder_is_here():
    assert len(BUILDERS) == 53


@pytest.mark.parametrize("name", MODULES)
def test_signatures(name):
    got = importlib.import_module(f"tritonnn.vision.models.{name}")
    wanted = importlib.import_module(f"torchvision.models.{name}")
    assert differences(got, wanted) == {}
    assert set(getattr(wanted, "__all__", ())) <= set(getattr(got, "__all__", ()))


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> None:
    """torchvision computes the widths of a RegNet with tensors, which therefore need numbers."""
    params = theirs.regnet.BlockParams
    make = params.from_init_params

    def on_the_cpu(*args: Any, **kwargs: Any) -> Any:
        with reference.device("cpu"):
            return make(*args, **kwargs)

    monkeypatch.setattr(params, "from_init_params", on_the_cpu)


@pytest.mark.parametrize("name", BUILDERS)
def test_layers_and_keys(name, computed):
    with reference.device("meta"):
        wanted = theirs.get_model(name, num_classes=1000) if "raft" not in name else theirs.get_model(name)
    with torch.device("meta"):
        got = ours.get_model(name, num_classes=1000) if "raft" not in name else ours.get_model(name)
    keys = [(key, tuple(value.shape), str(value.dtype)) for key, value in got.state_dict().items()]
    assert keys == [(key, tuple(value.shape), str(value.dtype)) for key, value in wanted.state_dict().items()]
    assert [key for key, _ in got.named_parameters()] == [key for key, _ in wanted.named_parameters()]
    assert repr(got) == repr(wanted)
    assert {key for key in vars(wanted) if not key.startswith("_")} <= set(vars(got))


def inputs(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(3).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("name", SMALL)
def test_outputs_and_gradients(name):
    """In evaluation, and in training: then also the gradients of all parameters, and the statistics."""
    build, shape = SMALL[name]
    wanted, got = alike(build, theirs, ours)
    x = inputs(shape)
    with reference.no_grad(), torch.no_grad():
        assert_near(got.eval()(torch.from_numpy(x)), wanted.eval()(reference.from_numpy(x)), share=1e-4)
    factor = inputs((shape[0], 5))
    for library, model in ((reference, wanted), (torch, got)):
        (model.train()(library.from_numpy(x)) * library.from_numpy(factor)).sum().backward()
    largest = max(p.grad.abs().max().item() for p in wanted.parameters() if p.grad is not None)
    for (key, one), other in zip(got.named_parameters(), wanted.parameters()):
        if other.grad is None:
            assert one.grad is None, key
            continue
        off = np.abs(np.asarray(one.grad) - other.grad.numpy()).max()
        assert off <= 2e-3 * max(other.grad.abs().max().item(), 1e-2 * largest), key
    for (key, one), other in zip(got.named_buffers(), wanted.buffers()):
        np.testing.assert_allclose(np.asarray(one), other.numpy(), rtol=1e-4, atol=1e-5, err_msg=key)


EVALUATED = {
    "efficientnet_b0": (2, 3, 40, 32), "regnet_x_400mf": (2, 3, 32, 32),
    "convnext_tiny": (1, 3, 32, 32), "mc3_18": (1, 3, 3, 24, 20), "r2plus1d_18": (1, 3, 2, 16, 16),
    "s3d": (1, 3, 9, 48, 40),
}  # fmt: skip


@pytest.mark.parametrize("name", EVALUATED)
def test_outputs(name, computed):
    wanted, got = twins(lambda m: m.get_model(name), theirs, ours)
    x = inputs(EVALUATED[name])
    if name == "s3d":  # it pools 2 x 7 x 7 of what is left, which takes a large video
        wanted.avgpool, got.avgpool = reference.nn.Identity(), torch.nn.Identity()
    with reference.no_grad(), torch.no_grad():
        assert_near(got.eval()(torch.from_numpy(x)), wanted.eval()(reference.from_numpy(x)), share=1e-4)


# Each way to fill layers.
FILLED = {
    **{name: build for name, (build, _) in SMALL.items() if name != "bottlenecks"},
    "bottlenecks from zero": lambda m: m.video.VideoResNet(
        m.video.resnet.BasicBlock,
        [m.video.resnet.Conv3DNoTemporal] * 4,
        [1] * 4,
        m.video.resnet.BasicStem,
        40,
        True,
    ),
    "s3d block": lambda m: importlib.import_module(f"{m.__name__}.video.s3d").SepInceptionBlock3D(
        16, 8, 8, 16, 8, 16, 8, m.convnext.nn.BatchNorm3d
    ),
    "raft encoder": lambda m: m.optical_flow.raft.FeatureEncoder(layers=(8, 8, 16, 16, 24)),
}


@pytest.mark.parametrize("name", FILLED)
def test_initial_weights(name):
    wanted, got = FILLED[name](theirs), FILLED[name](ours)
    for (key, one), other in zip(got.named_parameters(), wanted.parameters()):
        one, other = np.asarray(one.detach()), other.detach().numpy()
        if np.ptp(other) == 0:
            assert np.ptp(one) == 0 and one.flat[0] == other.flat[0], key
            continue
        if one.size < 8:  # two numbers that happen to lie close together say nothing
            continue
        # Of n numbers the deviation is known to 1 / sqrt(2 n), for six times as much only one in 10^9 is unlucky.
        room = 12 / (2 * one.size) ** 0.5
        assert abs(one.std() / other.std() - 1) < room, key
        assert abs(one.mean() - other.mean()) < 12 * other.std() / one.size**0.5, key
        if one.size > 100:  # normal, truncated or uniform
            assert 1 / 2 < np.ptp(one) / np.ptp(other) < 2, key
