"""Feature extraction: the names of steps, what they are, and what is refused, beside torchvision."""

from __future__ import annotations

import copy
import importlib
import warnings
from typing import Any

import numpy as np
import pytest
import torch as reference
from reference_vision import torchvision
from vision_signatures import differences
from vision_small import SMALL, alike
from vision_weights import assert_near, pictures, twins

import tritonnn as torch
from tritonnn.vision import models as ours
from tritonnn.vision.models import feature_extraction

theirs = torchvision.models
oracle = importlib.import_module("torchvision.models.feature_extraction")


def test_signatures():
    found = differences(feature_extraction, oracle)
    assert found == {"DualGraphModule._deepcopy_init": "missing"}  # what its base class would call


# A member of each family; those of one differ in their numbers of blocks.
NAMED = (
    "alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "efficientnet_v2_s", "fcn_resnet50",
    "lraspp_mobilenet_v3_large", "mc3_18", "mnasnet0_5", "mobilenet_v2", "mobilenet_v3_small", "resnet18", "resnet50",
    "s3d", "shufflenet_v2_x0_5", "squeezenet1_1", "swin3d_t", "swin_t", "swin_v2_t", "vgg11_bn", "vit_b_32",
)  # fmt: skip
UNWEIGHTED = {
    "fcn_resnet50": {"weights_backbone": None},
    "lraspp_mobilenet_v3_large": {"weights_backbone": None},
}


@pytest.mark.parametrize("name", NAMED)
def test_names(name):
    with reference.device("meta"):
        wanted = oracle.get_graph_node_names(theirs.get_model(name, **UNWEIGHTED.get(name, {})))
    with torch.device("meta"):
        got = feature_extraction.get_graph_node_names(ours.get_model(name, **UNWEIGHTED.get(name, {})))
    assert got == wanted


@pytest.mark.parametrize("name", ["regnet y", "maxvit", "mvit", "mvit v2"])
def test_names_of_small_ones(name):
    wanted = oracle.get_graph_node_names(SMALL[name][0](theirs))
    assert feature_extraction.get_graph_node_names(SMALL[name][0](ours)) == wanted


@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_names_where_training_differs(name):
    with reference.device("meta"), pytest.warns(UserWarning, match="subsequence") as expected:
        wanted = oracle.get_graph_node_names(theirs.get_model(name, init_weights=False))
    with torch.device("meta"), pytest.warns(UserWarning, match="subsequence") as given:
        got = feature_extraction.get_graph_node_names(ours.get_model(name, init_weights=False))
    assert got == wanted and got[0] != got[1]
    assert [str(w.message) for w in given] == [str(w.message) for w in expected]
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("error")
        feature_extraction.get_graph_node_names(
            ours.get_model(name, init_weights=False), suppress_diff_warning=True
        )


def backbone(m: Any) -> Any:
    return m.detection.backbone_utils.resnet_fpn_backbone(backbone_name="resnet18", weights=None)


# MViT is not among them: torchvision drops what it adds in place, as nothing uses its result.
EXTRACTED: dict[str, tuple[Any, Any, tuple[int, ...]]] = {
    "resnet18": (
        lambda m: m.resnet18(num_classes=5),
        {"layer1": "one", "layer3.0.relu": "middle", "layer4.1.add": "sum", "flatten": "pooled"},
        (4, 3, 64, 64),
    ),
    "vit": (SMALL["vit"][0], ["encoder.layers.encoder_layer_0", "encoder.ln", "getitem_5"], (2, 3, 16, 16)),
    "swin v2": (SMALL["swin v2"][0], ["features.1.1.attn", "features.2", "permute"], (1, 3, 18, 14)),
    "backbone": (backbone, {"body.layer2": "body", "fpn": "pyramid"}, (1, 3, 64, 48)),
}


def equal(got: Any, wanted: Any) -> None:
    if isinstance(wanted, dict):
        assert list(got) == list(wanted)
        for key in wanted:
            equal(got[key], wanted[key])
    else:
        assert_near(got, wanted, share=1e-4)


@pytest.mark.parametrize("name", EXTRACTED)
def test_values(name):
    """In evaluation and in training, and of a copy."""
    build, nodes, shape = EXTRACTED[name]
    wanted, got = (twins if name in ("resnet18", "backbone") else alike)(build, theirs, ours)
    one = oracle.create_feature_extractor(wanted, nodes)
    other = feature_extraction.create_feature_extractor(got, nodes)
    assert list(other.state_dict()) == list(one.state_dict())
    assert [key for key, _ in other.named_modules()] == [key for key, _ in one.named_modules()]
    x = np.random.default_rng(2).standard_normal(shape).astype(np.float32)
    for training in (False, True):
        expected = one.train(training)(reference.from_numpy(x))
        for extractor in (copy.deepcopy(other), other):
            equal(extractor.train(training)(torch.from_numpy(x)), expected)


def test_parts_differ_between_training_and_evaluation():
    wanted, got = alike(
        lambda m: m.googlenet(init_weights=False, num_classes=5, dropout_aux=0.0), theirs, ours
    )
    nodes = {"train_return_nodes": ["aux1", "inception3b"], "eval_return_nodes": {"inception5b": "last"}}
    one = oracle.create_feature_extractor(wanted, suppress_diff_warning=True, **nodes)
    other = feature_extraction.create_feature_extractor(got, suppress_diff_warning=True, **nodes)
    x = pictures(2, 64)
    for training in (True, False, True):
        for extractor in (copy.deepcopy(other).train(training), other.train(training)):
            features = extractor(torch.from_numpy(x))
            assert list(features) == (["inception3b", "aux1"] if training else ["last"])
        equal(features, one.train(training)(reference.from_numpy(x)))


REFUSED = {
    "nothing chosen": {},
    "half chosen": {"train_return_nodes": ["features.3"]},
    "absent": {"return_nodes": ["features.3", "features.99"]},
    "part of a name": {"return_nodes": ["feature"]},
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    messages = []
    for module, models in ((oracle, theirs), (feature_extraction, ours)):
        with pytest.raises(ValueError) as refusal:
            module.create_feature_extractor(models.squeezenet1_1(num_classes=2), **REFUSED[name])
        messages.append(str(refusal.value))
    assert messages[0] == messages[1]


def test_choice_of_both_kinds_is_refused():
    for module, models in ((oracle, theirs), (feature_extraction, ours)):
        with pytest.raises(ValueError):
            module.create_feature_extractor(
                models.squeezenet1_1(num_classes=2), ["features"], ["features"], ["features"]
            )
