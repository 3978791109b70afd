"""Segmentation networks, and the backbones of SSD, of the same weights give what torchvision's give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from vision_detectors import DETECTORS, OURS, THEIRS, images, layers, pair, targets

import tritonnn


def body(library: Any, vision: Any, names: dict[str, str]) -> Any:
    return vision.models._utils.IntermediateLayerGetter(layers(library), names)


def fcn(library: Any, vision: Any) -> Any:
    made = vision.models.segmentation.fcn
    return made.FCN(body(library, vision, {"2": "aux", "3": "out"}), made.FCNHead(24, 5), made.FCNHead(16, 5))


def deeplab(library: Any, vision: Any) -> Any:
    made = vision.models.segmentation.deeplabv3
    return made.DeepLabV3(body(library, vision, {"3": "out"}), made.DeepLabHead(24, 5, (2, 3)))


def lraspp(library: Any, vision: Any) -> Any:
    return vision.models.segmentation.LRASPP(body(library, vision, {"1": "low", "3": "high"}), 12, 24, 5, 16)


def mobile(name: str, **options: Any) -> Callable[[Any, Any], Any]:
    def build(library: Any, vision: Any) -> Any:
        return vision.models.get_model(name, weights=None, weights_backbone=None, num_classes=4, **options)

    return build


NETWORKS = {
    "fcn": fcn,
    "deeplab": deeplab,
    "lraspp": lraspp,
    "lraspp mobile": mobile("lraspp_mobilenet_v3_large"),
    "deeplab mobile": mobile("deeplabv3_mobilenet_v3_large", aux_loss=True),
}


def close(found: Any, expected: Any, scale: float) -> None:
    found, expected = found.detach().numpy(), expected.detach().numpy()
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=scale, atol=scale * np.abs(expected).max(initial=0))


@pytest.mark.parametrize("name", NETWORKS)
def test_scores(name: str) -> None:
    theirs, ours = (model.eval() for model in pair(NETWORKS[name]))
    picture = np.random.default_rng(1).random((2, 3, 40, 33), dtype=np.float32)
    with torch.no_grad(), tritonnn.no_grad():
        expected, found = theirs(torch.from_numpy(picture)), ours(tritonnn.from_numpy(picture))
    assert list(found) == list(expected)
    for key in expected:
        close(found[key], expected[key], 2e-5)


@pytest.mark.parametrize("name", ["fcn", "lraspp"])
def test_gradients(name: str) -> None:
    theirs, ours = pair(NETWORKS[name])
    picture = np.random.default_rng(1).random((2, 3, 40, 33), dtype=np.float32)
    for library, model in ((torch, theirs), (tritonnn, ours)):
        model.eval()
        sum((out**2).mean() for out in model(library.from_numpy(picture)).values()).backward()
    for (_, expected), (_, found) in zip(theirs.named_parameters(), ours.named_parameters()):
        close(found.grad, expected.grad, 1e-3)


def shallow_vgg(library: Any, vision: Any) -> Any:
    """What SSD takes of a VGG, with one convolution in the place of those that are before the third pool."""
    nn = library.nn
    first = nn.Conv2d(3, 512, 4, stride=4)
    features = nn.Sequential(first, *(nn.MaxPool2d(n, n) for n in (1, 1, 2, 2, 2)))
    return vision.models.detection.ssd.SSDFeatureExtractorVGG(features, highres=False)


def test_maps_of_ssd() -> None:
    theirs, ours = pair(shallow_vgg)
    picture = np.random.default_rng(1).random((1, 3, 296, 300), dtype=np.float32)
    with torch.no_grad(), tritonnn.no_grad():
        expected, found = theirs(torch.from_numpy(picture)), ours(tritonnn.from_numpy(picture))
    assert list(found) == list(expected)
    for key in expected:
        close(found[key], expected[key], 1e-4)


def test_predictions_of_ssdlite() -> None:
    """Not which are best: many are nearly equal."""
    theirs, ours = (model.eval() for model in pair(mobile("ssdlite320_mobilenet_v3_large")))
    outputs = []
    with torch.no_grad(), tritonnn.no_grad():
        for library, model in ((torch, theirs), (tritonnn, ours)):
            batch, _ = model.transform(images(library))
            maps = list(model.backbone(batch.tensors).values())
            outputs.append({**model.head(maps), "boxes": model.anchor_generator(batch, maps)[0]})
    for key, expected in outputs[0].items():
        close(outputs[1][key], expected, 1e-4)


def refused(library: Any, vision: Any) -> dict[str, Callable[[], Any]]:
    get = vision.models.get_model
    detection = vision.models.detection
    backbone = library.nn.Conv2d(3, 8, 3)
    named = library.nn.Conv2d(3, 8, 3)
    named.out_channels = 8
    generator = detection.anchor_utils.AnchorGenerator
    none = {"weights": None, "weights_backbone": None}
    predictor = library.nn.Linear(3, 3)
    masks = {"box_predictor": predictor, "mask_predictor": predictor}
    return {
        "aux of lraspp": lambda: get("lraspp_mobilenet_v3_large", aux_loss=True, **none),
        "classes of weights": lambda: get("fcn_resnet50", weights="DEFAULT", num_classes=3),
        "aux of weights": lambda: get("fcn_resnet50", weights="DEFAULT", aux_loss=False),
        "key points of weights": lambda: get("keypointrcnn_resnet50_fpn", weights="DEFAULT", num_keypoints=3),
        "weights of another": lambda: get("fcn_resnet50", weights=vision.models.ResNet50_Weights.DEFAULT),
        "no such weights": lambda: get("fcn_resnet50", weights="COCO_V1"),
        "nameless channels": lambda: detection.FasterRCNN(library.nn.Sequential(backbone), 2),
        "nameless channels of fcos": lambda: detection.FCOS(library.nn.Sequential(backbone), 2),
        "anchors of another type": lambda: detection.FasterRCNN(named, 2, rpn_anchor_generator=3),
        "pool of another type": lambda: detection.FasterRCNN(named, 2, box_roi_pool=3),
        "mask pool": lambda: detection.MaskRCNN(named, 2, mask_roi_pool=3),
        "no classes": lambda: detection.FasterRCNN(named),
        "classes twice": lambda: detection.FasterRCNN(named, 2, box_predictor=predictor),
        "mask classes twice": lambda: detection.MaskRCNN(named, 2, **masks),
        "points twice": lambda: detection.KeypointRCNN(named, 2, keypoint_predictor=predictor, num_keypoints=3),
        "two anchors of fcos": lambda: detection.FCOS(named, 2, anchor_generator=generator(((8, 9),), ((1.0,),))),
        "steps": lambda: detection.anchor_utils.DefaultBoxGenerator([[2], [2]], steps=[3]),
        "maps of ssd": lambda: detection.ssd.SSD(
            named, detection.anchor_utils.DefaultBoxGenerator([[2], [2]]), (32, 32), 2
        ),
        "thresholds": lambda: detection._utils.Matcher(0.3, 0.5),
        "no true boxes": lambda: detection._utils.Matcher(0.5, 0.3)(library.ones(0, 4)),
        "no proposals": lambda: detection._utils.Matcher(0.5, 0.3)(library.ones(4, 0)),
        "loss": lambda: detection._utils._box_loss("l3", None, None, None, None),
        "returned layers": lambda: detection.backbone_utils.resnet_fpn_backbone(
            backbone_name="resnet18", weights=None, returned_layers=[0, 1]
        ),
        "a row of four": lambda: detection.faster_rcnn.FastRCNNPredictor(3, 2)(library.ones(1, 3, 2, 2)),
        "maps not square": lambda: detection.roi_heads.keypointrcnn_loss(library.ones(1, 1, 2, 3), [], [], []),
        "no targets": lambda: detection.roi_heads.RoIHeads.select_training_samples(
            detection.FasterRCNN(named, 2).roi_heads, [library.ones(1, 4)], None
        ),
        "unknown option of the weights": lambda: get("fcos_resnet50_fpn", weights=None, weights_backbone="V9"),
    }  # fmt: skip


@pytest.mark.parametrize("case", refused(*THEIRS))
def test_refused(case: str) -> None:
    outcomes = []
    for library in (THEIRS, OURS):
        with library[0].device("meta"), pytest.raises(Exception) as caught:
            refused(*library)[case]()
        words = str(caught.value).replace("tritonnn.vision", "torchvision")
        outcomes.append((caught.type.__name__, "" if "FeatureP" in words or case == "maps of ssd" else words))
    assert outcomes[0] == outcomes[1]


def test_targets_of_the_caller_stay() -> None:
    model = pair(DETECTORS["mask_rcnn"])[1]
    given, before = targets(tritonnn), targets(tritonnn)
    model.train()(images(tritonnn), given)
    for one, other in zip(given, before):
        for key in other:
            assert tritonnn.equal(one[key], other[key])
