"""Segmentation and detection models: names, signatures, keys, what is trained, first weights, as torchvision's."""

from __future__ import annotations

import importlib
import inspect
import math
import types
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from vision_detectors import OURS, THEIRS

import tritonnn

MODULES = [
    "segmentation", "segmentation.fcn", "segmentation.deeplabv3", "segmentation.lraspp", "segmentation._utils",
    "detection", "detection._utils", "detection.anchor_utils", "detection.backbone_utils",
    "detection.faster_rcnn", "detection.fcos", "detection.generalized_rcnn", "detection.image_list",
    "detection.keypoint_rcnn", "detection.mask_rcnn", "detection.retinanet", "detection.roi_heads",
    "detection.rpn", "detection.ssd", "detection.ssdlite", "detection.transform",
]  # fmt: skip

#: what only traces for ONNX, or says that it did
LEFT_OUT = {"expand_masks_tracing_scale"}
#: private names that packages use
USED = {
    "_SimpleSegmentationModel", "_box_loss", "_topk_min", "_default_anchorgen", "_resnet_fpn_extractor",
    "_mobilenet_extractor", "_validate_trainable_layers", "_vgg_extractor", "_fcn_resnet", "_deeplabv3_resnet",
    "_deeplabv3_mobilenetv3", "_lraspp_mobilenetv3", "_xavier_init", "_normal_init", "_prediction_block",
    "_extra_block", "_sum", "_resize_image_and_masks", "_fasterrcnn_mobilenet_v3_large_fpn",
}  # fmt: skip


def module(name: str, ours: bool) -> types.ModuleType:
    return importlib.import_module(f"{'tritonnn.vision' if ours else 'torchvision'}.models.{name}")


def parameters(function: Any) -> list[tuple[str, Any, str]]:
    """Names, kinds and defaults; defaults by how they look, as each library has its own types."""
    return [
        (
            p.name,
            p.kind,
            str(p.default).replace("tritonnn.vision", "torchvision").replace("tritonnn", "torch"),
        )
        for p in inspect.signature(function).parameters.values()
    ]


@pytest.mark.parametrize("name", MODULES)
def test_signatures(name: str) -> None:
    theirs, ours = module(name, False), module(name, True)
    compared = 0
    for key in dir(theirs):
        value = getattr(theirs, key)
        if not callable(value) or not str(getattr(value, "__module__", "")).startswith(theirs.__name__):
            continue
        if (key.startswith("_") and key not in USED) or key in LEFT_OUT:
            continue
        found = getattr(ours, key)
        compared += 1
        if isinstance(value, type) and hasattr(value, "__members__"):
            continue
        assert parameters(found) == parameters(value), key
        for method, function in vars(value).items() if isinstance(value, type) else ():
            if inspect.isfunction(function) and not method.startswith("_"):
                assert parameters(getattr(found, method)) == parameters(function), f"{key}.{method}"
    assert compared
    if hasattr(theirs, "__all__"):
        assert set(ours.__all__) == set(theirs.__all__)


BUILDERS = sorted(
    name
    for kind in ("segmentation", "detection")
    for name in dir(module(kind, False))
    if hasattr(getattr(module(kind, False), name), "__wrapped__")
)


def built(name: str, ours: bool, **options: Any) -> Any:
    """On the meta device, as many of these are large."""
    library = tritonnn if ours else torch
    options = {"weights": None, "weights_backbone": None, **options}
    with library.device("meta"):
        found = [getattr(module(kind, ours), name, None) for kind in ("segmentation", "detection")]
        return next(builder for builder in found if builder)(**options)


def layout(model: Any) -> Any:
    state = [(key, tuple(value.shape), str(value.dtype)[-7:]) for key, value in model.state_dict().items()]
    return state, [(key, p.requires_grad) for key, p in model.named_parameters()], str(model)


def test_there_are_builders() -> None:
    assert len(BUILDERS) == 18


@pytest.mark.parametrize("name", BUILDERS)
def test_layout(name: str) -> None:
    theirs, ours = built(name, False), built(name, True)
    assert layout(ours) == layout(theirs)
    attributes = {key for key in vars(theirs) if not key.startswith("_")}
    assert attributes <= set(vars(ours))


@pytest.mark.parametrize(
    "name", ["fcn_resnet50", "deeplabv3_resnet50", "deeplabv3_mobilenet_v3_large", "deeplabv3_resnet101"]
)
def test_second_head(name: str) -> None:
    options = {"aux_loss": True, "num_classes": 5}
    assert layout(built(name, True, **options)) == layout(built(name, False, **options))


def extractors(library: Any, vision: Any) -> dict[str, tuple[int, Callable[[int], Any]]]:
    """How many stages each backbone has, and the backbone with some of them trained."""
    models = vision.models
    tools = models.detection.backbone_utils
    large = models.mobilenetv3.mobilenet_v3_large
    return {
        "resnet": (5, lambda n: tools._resnet_fpn_extractor(models.resnet18(), n, [2, 4])),
        "mobilenet pyramid": (6, lambda n: tools._mobilenet_extractor(large(), True, n, [0, 3, 5])),
        "mobilenet": (6, lambda n: tools._mobilenet_extractor(models.mobilenet_v2(), False, n)),
        "ssdlite": (6, lambda n: models.detection.ssdlite._mobilenet_extractor(large(), n, library.nn.BatchNorm2d)),
        "vgg": (5, lambda n: models.detection.ssd._vgg_extractor(models.vgg16(), n % 2 == 0, n)),
        "named resnet": (
            5, lambda n: tools.resnet_fpn_backbone(backbone_name="resnet34", weights=None, trainable_layers=n),
        ),
        "named mobilenet": (
            6, lambda n: tools.mobilenet_backbone(
                backbone_name="mobilenet_v3_large", weights=None, fpn=True, trainable_layers=n
            ),
        ),
    }  # fmt: skip


@pytest.mark.parametrize("name", extractors(*THEIRS))
def test_what_of_a_backbone_is_trained(name: str) -> None:
    stages = extractors(*THEIRS)[name][0]
    for trained in (1,) if name.startswith("named") else (0, 2, stages):
        with torch.device("meta"), tritonnn.device("meta"):
            theirs, ours = (extractors(*library)[name][1](trained) for library in (THEIRS, OURS))
        flags = [[(key, p.requires_grad) for key, p in model.named_parameters()] for model in (theirs, ours)]
        assert flags[0] == flags[1]
    for bad in (-1,) if name.startswith("named") else (-1, stages + 5):
        outcomes = []
        for library in (THEIRS, OURS):
            with library[0].device("meta"), pytest.raises((ValueError, AssertionError)) as caught:
                extractors(*library)[name][1](bad)
            outcomes.append((caught.type, str(caught.value)))
        assert outcomes[0] == outcomes[1] or outcomes[0][1].endswith("instead got {trainable_layers}")


@pytest.mark.parametrize(
    "options",
    [
        {"trainable_backbone_layers": 2}, {"num_classes": 0, "trainable_backbone_layers": 9},
    ],
)  # fmt: skip
def test_warnings(options: Any) -> None:
    said = []
    for ours in (False, True):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            built("ssdlite320_mobilenet_v3_large", ours, **options)
        said.append([(one.category, str(one.message)) for one in caught])
    assert said[0] == said[1] != []


def heads(library: Any, vision: Any) -> dict[str, Any]:
    """Modules with first weights of their own, small."""
    detection = vision.models.detection
    norm = library.nn.BatchNorm2d
    return {
        "rpn": detection.rpn.RPNHead(32, 3, 2),
        "convolutions": detection.faster_rcnn.FastRCNNConvFCHead((32, 3, 3), [24, 16], [32]),
        "normalised": detection.faster_rcnn.FastRCNNConvFCHead((32, 3, 3), [24, 16], [32], norm),
        "masks": detection.mask_rcnn.MaskRCNNHeads(32, (24, 24), 2),
        "mask": detection.mask_rcnn.MaskRCNNPredictor(32, 24, 5),
        "points": detection.keypoint_rcnn.KeypointRCNNHeads(32, (24, 24)),
        "point": detection.keypoint_rcnn.KeypointRCNNPredictor(32, 8),
        "retinanet": detection.retinanet.RetinaNetHead(32, 9, 4),
        "classes": detection.retinanet.RetinaNetClassificationHead(
            32, 9, 4, prior_probability=0.2, norm_layer=norm
        ),
        "fcos": detection.fcos.FCOSHead(32, 1, 8, 2),
        "ssd": detection.ssd.SSDHead([16, 32], [4, 6], 5),
        "ssdlite": detection.ssdlite.SSDLiteHead([16, 32], [4, 6], 5, norm),
        "extra": detection.ssdlite._extra_block(32, 64, norm),
        "fcn": vision.models.segmentation.fcn.FCNHead(64, 5),
        "deeplab": vision.models.segmentation.deeplabv3.ASPP(16, (2, 3), 32),
        "lraspp": vision.models.segmentation.lraspp.LRASPPHead(16, 32, 5, 24),
    }


@pytest.mark.parametrize("name", heads(*THEIRS))
def test_first_weights(name: str) -> None:
    """Constants are equal; what is drawn has the same spread and range."""
    torch.manual_seed(0), tritonnn.manual_seed(0)
    theirs, ours = heads(*THEIRS)[name].state_dict(), heads(*OURS)[name].state_dict()
    assert list(theirs) == list(ours)
    for key, value in theirs.items():
        expected, found = value.numpy(), ours[key].numpy()
        if len(np.unique(expected)) == 1:
            np.testing.assert_array_equal(found, expected, err_msg=key)
            continue
        room = 6 / math.sqrt(expected.size)
        assert abs(found.std() / expected.std() - 1) < room, key
        assert abs(found.mean() - expected.mean()) < room * expected.std(), key
        if expected.size > 200:  # uniform or normal
            assert abs(np.abs(found).max() / found.std() - np.abs(expected).max() / expected.std()) < 1.6, key


OLD_KEYS = {
    "rpn": ("RPNHead", {"conv.0.0.": "conv."}),
    "mask_rcnn": ("MaskRCNNHeads", {"0.0.": "mask_fcn1.", "1.0.": "mask_fcn2."}),
    "retinanet": ("RetinaNetRegressionHead", {f"conv.{i}.0.": f"conv.{2 * i}." for i in (3, 2, 1, 0)}),
}


@pytest.mark.parametrize("name", OLD_KEYS)
def test_weights_of_version_1(name: str) -> None:
    kind, renamed = OLD_KEYS[name]
    arguments = (8, (8, 8), 1) if kind == "MaskRCNNHeads" else (8, 3)
    model = getattr(module(f"detection.{name}", True), kind)(*arguments)
    old = {}
    for key, value in model.state_dict().items():
        for new, before in renamed.items():
            if key.startswith(new):
                key = before + key.removeprefix(new)
                break
        old[key] = value + 1
    again = getattr(module(f"detection.{name}", True), kind)(*arguments)
    theirs = getattr(module(f"detection.{name}", False), kind)(*arguments)
    theirs.load_state_dict({key: torch.from_numpy(value.numpy()) for key, value in old.items()})
    again.load_state_dict(old)
    for key, value in theirs.state_dict().items():
        np.testing.assert_array_equal(again.state_dict()[key].numpy(), value.numpy())
