"""What classes are called while tritonnn is served: what PyTorch calls its own."""

from __future__ import annotations

import importlib
import inspect

import pytest
import torch as reference

import tritonnn
from tritonnn._identity import public_module

MODULES = [
    f"torch.{name}".removesuffix(".")
    for name in (
        "", "nn", "nn.parameter", "nn.modules.module", "nn.utils.parametrize", "nn.utils.rnn", "nn.utils.prune",
        "nn.parallel", "nn.attention.flex_attention", "optim", "optim.lr_scheduler", "optim.swa_utils", "utils.data",
        "utils.checkpoint", "utils.flop_counter", "utils._python_dispatch", "autograd", "autograd.profiler",
        "autograd.function", "autograd.graph", "cuda", "cuda.amp", "amp", "distributions", "profiler", "futures",
        "overrides", "storage", "sparse", "accelerator", "fx", "fx.node", "fx.graph", "fx.graph_module", "fx.proxy",
        "fx.interpreter", "fx._symbolic_trace", "fx.immutable_collections", "fx.passes.shape_prop",
        "multiprocessing", "quasirandom", "types", "serialization",
    )
]  # fmt: skip
# Classes that PyTorch keeps in modules which only it has, or (Future) moves about.
ELSEWHERE = {"CustomOpDef", "DeviceType", "Future", "ProfilerActivity", "PyTorchFileReader", "ScriptModule"}


def pairs(name: str):
    """(name, tritonnn's class, PyTorch's) of a module."""
    theirs = importlib.import_module(name)
    mine = importlib.import_module("tritonnn" + name.removeprefix("torch"))
    for attribute in dir(theirs):
        classes = getattr(mine, attribute, None), getattr(theirs, attribute)
        if all(map(inspect.isclass, classes)) and classes[0].__module__.partition(".")[0] == "tritonnn":
            yield attribute, *classes


@pytest.mark.parametrize("name", MODULES)
def test_classes_are_called_alike(name):
    wrong = [
        f"{attribute}: {public_module(mine.__module__, mine.__name__)}, wanted {theirs.__module__}"
        for attribute, mine, theirs in pairs(name)
        if public_module(mine.__module__, mine.__name__) != theirs.__module__ and attribute not in ELSEWHERE
    ]
    assert not wrong


@pytest.mark.parametrize("name", MODULES)
def test_classes_are_found_under_their_names(name):
    """Otherwise `pickle` could not write them."""
    for attribute, mine, _ in pairs(name):
        place = public_module(mine.__module__, mine.__name__)
        if attribute not in ELSEWHERE:
            home = importlib.import_module("tritonnn" + place.removeprefix("torch"))
            assert getattr(home, mine.__name__, None) is mine, (attribute, place)


def test_the_version_is_that_of_the_oracle():
    assert tritonnn.version.served.partition("+")[0] == reference.__version__.partition("+")[0]
