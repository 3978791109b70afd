"""Enumerations of weights, the registry and older ways to ask for weights, beside torchvision's."""

from __future__ import annotations

import copy
import enum
import functools
import importlib
import pickle
import types
import warnings
from typing import Any

import numpy as np
import pytest
import torch as reference
from reference_vision import torchvision
from vision_signatures import differences
from vision_weights import NUMBERS

import tritonnn as torch
from tritonnn.vision import models as ours

theirs = torchvision.models
PACKAGES = ("", ".detection", ".segmentation", ".video", ".optical_flow", ".quantization")
ENUMS = {
    f"{value.__module__.removeprefix('torchvision.models.')}:{name}": value
    for package in PACKAGES
    for name, value in vars(importlib.import_module(f"torchvision.models{package}")).items()
    if isinstance(value, type) and issubclass(value, theirs.WeightsEnum) and value is not theirs.WeightsEnum
}


def described(transforms: Any) -> Any:
    if not isinstance(transforms, functools.partial):
        return transforms.__name__
    keywords = {k: v.value if isinstance(v, enum.Enum) else v for k, v in transforms.keywords.items()}
    return transforms.func.__name__, transforms.args, keywords


def test_there_are_enumerations():
    assert len(ENUMS) == 121


@pytest.mark.parametrize("name", ENUMS)
def test_members(name):
    """All that is known of weights; `_docs`, which is prose, is left out."""
    family, _, enumeration = name.partition(":")
    got = getattr(importlib.import_module(f"tritonnn.vision.models.{family}"), enumeration)
    wanted = ENUMS[name]
    assert getattr(importlib.import_module(got.__module__.rpartition(".")[0]), enumeration) is got
    assert (got.__name__, got.__module__) == (enumeration, f"tritonnn.vision.models.{family}")
    assert [(key, m.name) for key, m in got.__members__.items()] == [
        (key, m.name) for key, m in wanted.__members__.items()
    ]
    for member in wanted:
        mine = got[member.name]
        meta = {key: value for key, value in member.meta.items() if key != "_docs"}
        assert mine.url == member.url and mine.meta.keys() == meta.keys()
        assert repr({key: mine.meta[key] for key in meta}) == repr(meta)  # by text: some numbers are NaN
        assert described(mine.transforms) == described(member.transforms)
        assert repr(mine) == repr(member)


def test_list_models():
    assert ours.list_models() == theirs.list_models()
    for package in PACKAGES:
        mine = importlib.import_module(f"tritonnn.vision.models{package}")
        assert ours.list_models(mine) == theirs.list_models(
            importlib.import_module(f"torchvision.models{package}")
        )
    for options in (
        {"include": "resnet*"}, {"include": ["*18", "vgg1?"]}, {"exclude": "*resnet*"}, {"include": ()},
        {"include": "res*", "exclude": ["*50*", "*18"]}, {"include": "none"},
    ):  # fmt: skip
        assert ours.list_models(**options) == theirs.list_models(**options), options


def test_every_network_has_its_weights():
    for name in ours.list_models():
        assert ours.get_model_weights(name).__name__ == theirs.get_model_weights(name).__name__
        assert ours.get_model_builder(name) is ours.get_model_builder(name.upper())


@pytest.mark.parametrize("name", ["_api", "_utils"])
def test_signatures(name):
    got = importlib.import_module(f"tritonnn.vision.models.{name}")
    assert differences(got, importlib.import_module(f"torchvision.models.{name}")) == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_names_of_packages(package):
    got = importlib.import_module(f"tritonnn.vision.models{package}")
    wanted = importlib.import_module(f"torchvision.models{package}")
    public = {name for name in vars(wanted) if not name.startswith("_")}
    assert public <= set(dir(got))
    for name in public:
        assert isinstance(getattr(got, name), types.ModuleType) == isinstance(
            getattr(wanted, name), types.ModuleType
        )
    # programs look builders up in `models.__dict__`
    builders = {name for name in public if name.islower() and callable(getattr(wanted, name))}
    assert builders <= {name for name in vars(got) if callable(vars(got)[name])}


def outcome(run: Any, models: Any, library: Any, monkeypatch: Any) -> Any:
    """What a call gives or raises, and what it warns of."""
    loaded: list[str] = []

    def load(url: str, *args: Any, **kwargs: Any) -> Any:
        loaded.append(url)
        assert not args and kwargs.keys() <= {"progress", "check_hash"}
        state = models.squeezenet1_1().state_dict()
        for index, value in enumerate(state.values()):
            value.copy_(library.from_numpy(np.resize(NUMBERS[index:], tuple(value.shape))))
        return state

    place = "tritonnn.vision._internally_replaced_utils" if library is torch else "torchvision.models._api"
    monkeypatch.setattr(f"{place}.load_state_dict_from_url", load)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = run(models)
        except Exception as error:
            result = type(error)
    if hasattr(result, "state_dict"):
        first = next(iter(result.parameters())).detach().flatten()[:3]
        result = type(result).__name__, np.round(np.asarray(first) if loaded else np.zeros(3), 5).tolist()
    return (
        result,
        loaded,
        [(type(w.message), str(w.message)[:60]) for w in caught if "deprecated" in str(w.message)],
    )


def named(weights: str) -> Any:
    return lambda m: m.squeezenet1_1(weights=m.get_weight(weights))


ASKED = {
    "name": lambda m: m.squeezenet1_1(weights="IMAGENET1K_V1"),
    "default": lambda m: m.squeezenet1_1(weights="DEFAULT", progress=False),
    "full name": lambda m: m.squeezenet1_1(weights="SqueezeNet1_1_Weights.DEFAULT"),
    "member": named("SqueezeNet1_1_Weights.IMAGENET1K_V1"),
    "another's": named("SqueezeNet1_0_Weights.IMAGENET1K_V1"),
    "unknown name": lambda m: m.squeezenet1_1(weights="IMAGENET1K_V9"),
    "number": lambda m: m.squeezenet1_1(weights=3),
    "classes": lambda m: m.squeezenet1_1(weights="DEFAULT", num_classes=10),
    "the same classes": lambda m: m.squeezenet1_1(weights="DEFAULT", num_classes=1000),
    "pretrained": lambda m: m.squeezenet1_1(pretrained=True),
    "not pretrained": lambda m: m.squeezenet1_1(pretrained=False),
    "both": lambda m: m.squeezenet1_1(pretrained=True, weights=None),
    "positional": lambda m: m.squeezenet1_1(True),
    "positional no": lambda m: m.squeezenet1_1(False, True),
    "positional name": lambda m: m.squeezenet1_1("DEFAULT"),
    "weights true": lambda m: m.squeezenet1_1(weights=True),
    "legacy": lambda m: m.squeezenet1_1(weights="legacy"),
    "unknown argument": lambda m: m.squeezenet1_1(no_such=1),
    "get_model": lambda m: m.get_model("SqueezeNet1_1", weights="DEFAULT"),
    "get_model unknown": lambda m: m.get_model("no_such_network"),
    "get_weight": lambda m: repr(m.get_weight("ResNet50_Weights.DEFAULT")),
    "get_weight malformed": lambda m: m.get_weight("ResNet50_Weights"),
    "get_weight three": lambda m: m.get_weight("a.b.c"),
    "get_weight unknown": lambda m: m.get_weight("NoSuch_Weights.DEFAULT"),
    "get_weight member": lambda m: m.get_weight("ResNet50_Weights.NO_SUCH"),
    "get_model_weights": lambda m: m.get_model_weights(m.resnet50).__name__,
    "get_model_weights unknown": lambda m: m.get_model_weights("no_such"),
    "get_model_weights without": lambda m: m.get_model_weights(lambda progress: None),
    "get_model_weights unannotated": lambda m: m.get_model_weights(lambda weights: None),
    "register": lambda m: m._api.register_model("resnet18")(lambda: None),
    "keyword only": lambda m: m._utils.kwonly_to_pos_or_kw(lambda a: a),
    "urls": lambda m: m._utils._ModelURLs(a="b")["a"],
    "groups": lambda m: m.resnext50_32x4d(groups=2),
    "width": lambda m: m.wide_resnet50_2(width_per_group=None),
    "basic groups": lambda m: m.resnet.BasicBlock(8, 8, groups=2),
    "basic dilation": lambda m: m.resnet.BasicBlock(8, 8, dilation=2),
    "dilations": lambda m: m.resnet18(replace_stride_with_dilation=[True]),
    "version": lambda m: m.SqueezeNet("2_0"),
    "alpha": lambda m: m.MNASNet(0.0),
    "mnasnet stride": lambda m: m.mnasnet._InvertedResidual(4, 4, 3, 3, 2),
    "mnasnet kernel": lambda m: m.mnasnet._InvertedResidual(4, 4, 4, 1, 2),
    "mnasnet repeats": lambda m: m.mnasnet._stack(4, 4, 3, 1, 2, 0, 0.1),
    "stages": lambda m: m.ShuffleNetV2([1, 1], [1, 2, 3, 4, 5]),
    "stage channels": lambda m: m.ShuffleNetV2([1, 1, 1], [1, 2, 3, 4]),
    "shuffle stride": lambda m: m.shufflenetv2.InvertedResidual(4, 4, 4),
    "shuffle channels": lambda m: m.shufflenetv2.InvertedResidual(4, 8, 1),
    "mobile setting": lambda m: m.MobileNetV2(inverted_residual_setting=[]),
    "mobile row": lambda m: m.MobileNetV2(inverted_residual_setting=[[1, 2, 3]]),
    "mobile stride": lambda m: m.mobilenetv2.InvertedResidual(8, 8, 3, 1),
    "v3 empty": lambda m: m.MobileNetV3([], 3),
    "v3 type": lambda m: m.MobileNetV3([3], 3),
    "v3 name": lambda m: m.mobilenetv3._mobilenet_v3_conf("mobilenet_v3_medium"),
    "googlenet blocks": lambda m: m.GoogLeNet(blocks=[1, 2], init_weights=False),
    "inception blocks": lambda m: m.Inception3(inception_blocks=[1, 2], init_weights=False),
    "getter": lambda m: m._utils.IntermediateLayerGetter(m.squeezenet1_1(), {"fc": "x"}),
}  # fmt: skip


@pytest.mark.parametrize("name", ASKED)
def test_asking_for_weights(name, monkeypatch):
    got = outcome(ASKED[name], ours, torch, monkeypatch)
    assert got == outcome(ASKED[name], theirs, reference, monkeypatch)


def test_a_future_default_warns():
    for models, library in ((ours, torch), (theirs, reference)):
        for make in (models.googlenet, models.inception_v3):
            with library.device("meta"), pytest.warns(FutureWarning, match="weight initialization"):
                make(num_classes=2, aux_logits=False)


def test_members_are_themselves_after_a_copy():
    for models in (ours, theirs):
        member = models.ResNet18_Weights.IMAGENET1K_V1
        assert copy.deepcopy(member) is member and pickle.loads(pickle.dumps(member)) is member
        assert copy.deepcopy(member.value) == member.value != models.ResNet34_Weights.DEFAULT.value
        assert member.value != 3


def test_intermediate_layers():
    shapes = []
    for models, library in ((theirs, reference), (ours, torch)):
        getter = models._utils.IntermediateLayerGetter(
            models.squeezenet1_1().features, {"1": "first", "4": "last"}
        )
        found = getter(library.zeros(1, 3, 32, 32))
        assert list(getter) == ["0", "1", "2", "3", "4"] and getter.return_layers == {
            "1": "first",
            "4": "last",
        }
        shapes.append([(key, tuple(value.shape)) for key, value in found.items()])
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("divisor,least", [(8, None), (4, None), (8, 16), (10, 3)])
def test_multiples(divisor, least):
    for value in (0.1, 3, 4, 11.9, 12, 15.2, 16.3, 17, 83, 84, 1000.5):
        wanted = theirs._utils._make_divisible(value, divisor, least)
        assert ours._utils._make_divisible(value, divisor, least) == wanted
