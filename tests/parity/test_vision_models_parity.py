"""Classifiers have torchvision's layers, keys and outputs."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
import torch as reference
from reference_vision import torchvision
from vision_signatures import differences
from vision_weights import assert_near, pictures, twins

import tritonnn as torch
from tritonnn.vision import models as ours

theirs = torchvision.models

MODULES = (
    "alexnet", "densenet", "googlenet", "inception", "mnasnet", "mobilenetv2", "mobilenetv3", "resnet",
    "shufflenetv2", "squeezenet", "vgg",
)  # fmt: skip
BUILDERS = sorted(
    name for name, builder in theirs._api.BUILTIN_MODELS.items()
    if builder.__module__.removeprefix("torchvision.models.") in MODULES
)  # fmt: skip
UNFILLED = {"googlenet": {"init_weights": False}, "inception_v3": {"init_weights": False}}
SMALL = {"inception_v3": 75}


def module(library: str, name: str) -> Any:
    return importlib.import_module(f"{library}.models.{name}")


def test_every_builder_is_here():
    assert len(BUILDERS) == 38


@pytest.mark.parametrize("name", MODULES)
def test_signatures(name):
    got, wanted = module("tritonnn.vision", name), module("torchvision", name)
    assert differences(got, wanted) == {}
    assert set(wanted.__all__) <= set(got.__all__)


@pytest.mark.parametrize("name", BUILDERS)
def test_layers_and_keys(name):
    with reference.device("meta"):
        wanted = getattr(theirs, name)(**UNFILLED.get(name, {}))
    with torch.device("meta"):
        got = getattr(ours, name)(**UNFILLED.get(name, {}))
    keys = [(key, tuple(value.shape), str(value.dtype)) for key, value in got.state_dict().items()]
    assert keys == [(key, tuple(value.shape), str(value.dtype)) for key, value in wanted.state_dict().items()]
    assert [key for key, _ in got.named_parameters()] == [key for key, _ in wanted.named_parameters()]
    assert repr(got) == repr(wanted)
    assert sum(p.numel() for p in got.parameters()) == sum(p.numel() for p in wanted.parameters())
    own = {key for key in vars(wanted) if not key.startswith("_")}
    assert own <= set(vars(got))


VARIANTS = {
    "resnet18 zero": lambda m: m.resnet18(zero_init_residual=True),
    "resnet50 dilated": lambda m: m.resnet50(replace_stride_with_dilation=[False, True, True]),
    "resnet18 groups": lambda m: m.resnet18(norm_layer=lambda c: m.resnet.nn.GroupNorm(4, c)),
    "mobilenet_v2 narrow": lambda m: m.mobilenet_v2(width_mult=0.35, round_nearest=4),
    "mobilenet_v3 dilated": lambda m: m.mobilenet_v3_large(dilated=True, reduced_tail=True, width_mult=0.75),
    "densenet drop": lambda m: m.densenet121(drop_rate=0.3, memory_efficient=True, num_classes=7),
    "googlenet bare": lambda m: m.googlenet(aux_logits=False, init_weights=False),
    "inception bare": lambda m: m.inception_v3(aux_logits=False, init_weights=False, transform_input=True),
    "vgg 3": lambda m: m.vgg.VGG(m.vgg.make_layers([4, "M", 512, "M"], True), 3, False, 0.1),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_variants(name):
    with reference.device("meta"):
        wanted = VARIANTS[name](theirs)
    with torch.device("meta"):
        got = VARIANTS[name](ours)
    assert repr(got) == repr(wanted)
    assert [(k, tuple(v.shape)) for k, v in got.state_dict().items()] == [
        (k, tuple(v.shape)) for k, v in wanted.state_dict().items()
    ]


EVALUATED = (
    "alexnet", "densenet121", "googlenet", "inception_v3", "mnasnet0_5", "mobilenet_v2", "mobilenet_v3_small",
    "resnet18", "resnext50_32x4d", "shufflenet_v2_x0_5", "squeezenet1_0", "squeezenet1_1", "vgg11_bn",
)  # fmt: skip


@pytest.mark.parametrize("name", EVALUATED)
def test_outputs(name):
    wanted, got = twins(lambda m: getattr(m, name)(**UNFILLED.get(name, {})), theirs, ours)
    images = pictures(2, SMALL.get(name, 64))
    with reference.no_grad(), torch.no_grad():
        assert_near(got.eval()(torch.from_numpy(images)), wanted.eval()(reference.from_numpy(images)))


@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_heads_of_training(name):
    options: dict[str, Any] = {"init_weights": False, "transform_input": True, "dropout": 0.0}
    if name == "googlenet":
        options["dropout_aux"] = 0.0
    wanted, got = twins(lambda m: getattr(m, name)(**options), theirs, ours)
    images = pictures(2, {"googlenet": 64}.get(name, 299))
    with reference.no_grad(), torch.no_grad():
        outputs = got.train()(torch.from_numpy(images))
        expected = wanted.train()(reference.from_numpy(images))
    assert type(outputs).__name__ == type(expected).__name__ and outputs._fields == expected._fields
    for one, other in zip(outputs, expected):
        assert_near(one, other, share=1e-3)


TRAINED = {
    "resnet18": lambda m: m.resnet18(num_classes=5),
    "densenet": lambda m: m.DenseNet(8, (2, 3), 16, num_classes=5),
    "memory efficient densenet": lambda m: m.DenseNet(8, (2, 3), 16, num_classes=5, memory_efficient=True),
    "mobilenet v3": lambda m: m.mobilenet_v3_small(num_classes=5, dropout=0.0, width_mult=0.25),
}


@pytest.mark.parametrize("name", TRAINED)
def test_gradients(name):
    wanted, got = twins(TRAINED[name], theirs, ours)
    images, classes = pictures(4, 32), np.array([0, 2, 4, 1])
    for library, model in ((reference, wanted), (torch, got)):
        scores = model.train()(library.from_numpy(images))
        library.nn.functional.cross_entropy(scores, library.from_numpy(classes)).backward()
    largest = max(p.grad.abs().max().item() for p in wanted.parameters())
    for (key, one), other in zip(got.named_parameters(), wanted.parameters()):
        assert one.grad is not None, key
        off = np.abs(np.asarray(one.grad) - other.grad.numpy()).max()
        assert off <= 1e-3 * max(other.grad.abs().max().item(), 1e-2 * largest), key
    for one, other in zip(got.buffers(), wanted.buffers()):
        np.testing.assert_allclose(np.asarray(one), other.numpy(), rtol=1e-4, atol=1e-5)


# A member of each way to fill layers; the largest layers of others would take seconds.
FILLED = {
    "resnet": lambda m: m.resnet18(num_classes=10, zero_init_residual=True),
    "squeezenet": lambda m: m.squeezenet1_1(),
    "densenet": lambda m: m.DenseNet(32, (2, 2), 64, num_classes=1000),
    "mnasnet": lambda m: m.mnasnet0_5(),
    "mobilenet v2": lambda m: m.mobilenet_v2(width_mult=0.5),
    "mobilenet v3": lambda m: m.mobilenet_v3_small(),
    "shufflenet": lambda m: m.shufflenet_v2_x0_5(),
    "googlenet": lambda m: m.googlenet(init_weights=True, num_classes=10, aux_logits=False),
    "heads": lambda m: m.inception.InceptionAux(768, 1000),
}


@pytest.mark.parametrize("name", FILLED)
def test_initial_weights(name):
    wanted, got = FILLED[name](theirs), FILLED[name](ours)
    for (key, one), other in zip(got.named_parameters(), wanted.parameters()):
        one, other = np.asarray(one.detach()), other.detach().numpy()
        if np.ptp(other) == 0:
            assert (one == other).all(), key
            continue
        # Of n numbers the deviation is known to 1 / sqrt(2 n), for six times as much only one in 10^9 is unlucky.
        room = 6 / (2 * one.size) ** 0.5 + 6 / (2 * other.size) ** 0.5
        assert abs(one.std() / other.std() - 1) < room, key
        assert abs(one.mean() - other.mean()) < 12 * other.std() / one.size**0.5, key
