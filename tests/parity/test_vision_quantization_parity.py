"""The networks of torchvision.models.quantization in floating point, beside torchvision."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
import torch as reference
from reference_vision import torchvision
from vision_signatures import differences
from vision_weights import assert_near, twins

import tritonnn as torch
from tritonnn.vision import models as ours

theirs = torchvision.models

MODULES = (
    "googlenet",
    "inception",
    "mobilenet",
    "mobilenetv2",
    "mobilenetv3",
    "resnet",
    "shufflenetv2",
    "utils",
)
UNFILLED = {"googlenet": {"init_weights": False}, "inception_v3": {"init_weights": False}}
BUILDERS = sorted(
    name.removeprefix("quantized_") for name in theirs._api.BUILTIN_MODELS if name.startswith("quantized_")
)


@pytest.mark.parametrize("name", MODULES)
def test_signatures(name):
    got = importlib.import_module(f"tritonnn.vision.models.quantization.{name}")
    wanted = importlib.import_module(f"torchvision.models.quantization.{name}")
    assert differences(got, wanted) == {}
    assert set(getattr(wanted, "__all__", ())) <= set(getattr(got, "__all__", ()))


def build(name: str) -> Any:
    return lambda m: getattr(m.quantization, name)(**UNFILLED.get(name, {}))


def described(model: Any) -> Any:
    keys = [(key, tuple(value.shape)) for key, value in model.state_dict().items()]
    return keys, [(key, type(module).__name__) for key, module in model.named_modules()]


@pytest.mark.parametrize("name", BUILDERS)
def test_layers_and_keys(name):
    with reference.device("meta"):
        wanted = build(name)(theirs)
    with torch.device("meta"):
        got = build(name)(ours)
    assert described(got)[0] == described(wanted)[0]
    assert sorted(described(got)[1]) == sorted(described(wanted)[1])


COMPUTED = {
    "googlenet": 40, "inception_v3": 80, "mobilenet_v2": 32, "mobilenet_v3_large": 32, "resnet18": 32, "resnet50": 32,
    "shufflenet_v2_x0_5": 32,
}  # fmt: skip


@pytest.mark.parametrize("name", COMPUTED)
def test_outputs_and_fused_layers(name):
    wanted, got = twins(build(name), theirs, ours)
    x = np.random.default_rng(1).standard_normal((2, 3, COMPUTED[name], COMPUTED[name])).astype(np.float32)
    wanted.eval(), got.eval()
    with reference.no_grad(), torch.no_grad():
        expected = wanted(reference.from_numpy(x))
        assert_near(got(torch.from_numpy(x)), expected, share=1e-4)
        wanted.fuse_model()
        got.fuse_model()
        assert described(got) == described(wanted)
        assert_near(got(torch.from_numpy(x)), expected, share=1e-4)


def test_enumerations():
    for name in theirs.quantization.__dict__:
        if name.endswith("QuantizedWeights"):
            got, wanted = getattr(ours.quantization, name), getattr(theirs.quantization, name)
            assert list(got.__members__) == list(wanted.__members__)
            for one, other in zip(got, wanted):
                assert one.url == other.url
                facts = {
                    key: value for key, value in other.meta.items() if key not in ("_docs", "unquantized")
                }
                assert {key: one.meta[key] for key in facts} == facts
                assert repr(one.meta["unquantized"]) == repr(other.meta["unquantized"])
                assert isinstance(one.meta["unquantized"], ours.WeightsEnum)


@pytest.mark.parametrize("name", BUILDERS)
def test_quantised_ones_are_refused(name):
    with pytest.raises(NotImplementedError, match="tritonnn has no quantised tensors"):
        getattr(ours.quantization, name)(quantize=True)
