"""Feature extraction: what hooks see is what comes out, under the names that are listed."""

from __future__ import annotations

import copy
import pickle
import warnings
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

import tritonnn as torch
from tritonnn import nn
from tritonnn.vision import models
from tritonnn.vision.models.feature_extraction import create_feature_extractor, get_graph_node_names


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.layer_1 = nn.Linear(4, 4)
        self.layer_2 = nn.Linear(4, 4)
        self.act = nn.ReLU()

    def forward(self, x: Any) -> Any:
        y = self.act(self.first(x)) + 1
        y = self.act(self.layer_1(y)) + self.layer_2(y)
        return y + x if self.training else y


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(Block(), Block())
        self.unused = nn.Linear(4, 4)
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.blocks(x) * 2)


def test_names():
    """Repeated steps are counted within their module; a number in a module's own name counts as such."""
    with pytest.warns(UserWarning, match="eval mode are a subsequence of those obtained in train mode"):
        train, evaluation = get_graph_node_names(Net())
    block = ["first", "act", "add", "layer", "act_1", "layer_1", "add_1"]
    names = [f"blocks.{i}.{step}" for i in range(2) for step in block]
    assert evaluation == ["x", *names, "mul", "head"]
    assert [name for name in train if name not in evaluation] == ["blocks.0.add_2", "blocks.1.add_2"]


@pytest.fixture
def extracted() -> tuple[Net, Any]:
    model = Net().eval()
    nodes = {"blocks.0.layer": "inner", "blocks.1": "last", "blocks.1.add_1": "the same", "mul": "doubled"}
    return model, create_feature_extractor(model, nodes, suppress_diff_warning=True)


def hooked(model: nn.Module, names: list[str], x: Any) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    handles = [
        model.get_submodule(name).register_forward_hook(
            lambda m, a, out, name=name: seen.__setitem__(name, out.clone())
        )
        for name in names
    ]
    model(x)
    for handle in handles:
        handle.remove()
    return seen


def test_values(extracted):
    model, extractor = extracted
    x = torch.ones(3, 4)
    seen = hooked(model, ["blocks.0.layer_1", "blocks.1"], x)
    features = extractor(x)
    assert list(features) == ["inner", "last", "the same", "doubled"]
    assert (features["inner"] == seen["blocks.0.layer_1"]).all()
    assert (features["last"] == seen["blocks.1"]).all() and (features["the same"] == seen["blocks.1"]).all()
    assert (features["doubled"] == 2 * seen["blocks.1"]).all()


def test_training_is_another_graph(extracted):
    model, extractor = extracted
    x = torch.ones(3, 4)
    evaluated = extractor(x)["last"]
    trained = extractor.train()(x)["last"]
    assert model.blocks[0].first.training and not model.training  # what it shares follows
    assert (trained == hooked(model.train(), ["blocks.1"], x)["blocks.1"]).all()
    assert not (trained == evaluated).all()
    assert (extractor.eval()(x)["last"] == evaluated).all()


def test_parameters_are_shared_and_no_more_than_needed(extracted):
    model, extractor = extracted
    own = dict(extractor.named_parameters())
    assert own["blocks.0.first.weight"] is model.blocks[0].first.weight
    assert not [key for key in own if key.startswith(("head", "unused"))]
    extractor(torch.ones(3, 4))["last"].sum().backward()
    assert model.blocks[1].layer_2.weight.grad is not None and model.head.weight.grad is None


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))])
def test_copies(extracted, copied):
    model, extractor = extracted
    x = torch.ones(3, 4)
    other = copied(extractor)
    assert other.graph is other.eval_graph
    with torch.no_grad():
        model.blocks[0].first.weight.zero_()
    assert not (other(x)["last"] == extractor(x)["last"]).all()
    other.load_state_dict(extractor.state_dict())
    for training in (False, True, False):
        assert (other.train(training)(x)["last"] == extractor.train(training)(x)["last"]).all()


def test_modes_stay():
    """A part that somebody keeps in evaluation, as frozen normalisation, stays there."""
    model = Net()
    model.blocks[0].eval()
    for _ in range(2):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            extractor = create_feature_extractor(model, ["blocks.1"])
            get_graph_node_names(model)
        assert [m.training for m in (model, *model.blocks)] == [True, False, True]
        assert extractor.training
    with pytest.raises(ValueError, match=r"'blocks\.7' is not present"):
        create_feature_extractor(model, ["blocks.7"])
    assert [m.training for m in (model, *model.blocks)] == [True, False, True]


def test_arguments_of_the_tracer():
    options = {"leaf_modules": [Block]}
    names = get_graph_node_names(Net(), tracer_kwargs=options)[1]
    assert names == ["x", "blocks.0", "blocks.1", "mul", "head"]
    assert options == {"leaf_modules": [Block]}
    extractor = create_feature_extractor(Net(), ["blocks.0"], tracer_kwargs=options)
    assert isinstance(extractor.get_submodule("blocks.0"), Block)


class Chosen(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(2, 2), nn.Linear(2, 2)

    def forward(self, x: Any, deep: bool = False) -> Any:
        return self.b(self.a(x)) if deep else self.a(x)


def test_concrete_arguments():
    names = get_graph_node_names(Chosen(), concrete_args={"deep": True})[1]
    assert names == ["x", "deep", "eq", "_assert", "a", "b"]  # that it is True is checked
    extractor = create_feature_extractor(Chosen(), ["b"], concrete_args={"deep": True})
    assert extractor(torch.ones(1, 2), True)["b"].shape == (1, 2)


CONF = models.video.mvit.MSBlockConfig
KERNEL, ONCE = [3, 3, 3], [1, 1, 1]
BLOCKS = [CONF(1, 4, 8, KERNEL, KERNEL, ONCE, [1, 2, 2]), CONF(2, 8, 8, KERNEL, KERNEL, [1, 2, 2], ONCE)]


@pytest.mark.parametrize("relative", [False, True])
def test_what_is_added_in_place_is_not_lost(relative):
    """MViT adds positions and pooled queries in place: the graph keeps those steps."""
    model = models.video.MViT((16, 16), 4, BLOCKS, True, False, relative, relative, num_classes=3).eval()
    x = torch.from_numpy(np.random.default_rng(1).standard_normal((1, 3, 4, 16, 16)).astype(np.float32))
    seen = hooked(model, ["pos_encoding", "norm"], x)
    features = create_feature_extractor(model, OrderedDict(pos_encoding="tokens", norm="norm"))(x)
    for name, key in (("tokens", "pos_encoding"), ("norm", "norm")):
        np.testing.assert_array_equal(np.asarray(features[name].detach()), np.asarray(seen[key].detach()))
