"""Detectors: they learn two pictures by heart, on either device, and say what is wrong with what they are given."""

from __future__ import annotations

import math
from typing import Any

import pytest

import tritonnn as torch
from tritonnn import nn
from tritonnn.vision import models
from tritonnn.vision.models import detection
from tritonnn.vision.models.detection.anchor_utils import AnchorGenerator
from tritonnn.vision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from tritonnn.vision.ops import FrozenBatchNorm2d, MultiScaleRoIAlign, box_iou


def small(min_size: int = 32, **options: Any) -> Any:
    """A Faster R-CNN with one feature map, of 3 classes."""
    backbone = nn.Sequential(nn.Conv2d(3, 16, 4, 4), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU())
    backbone.out_channels = 16
    return detection.FasterRCNN(
        backbone, min_size=min_size, max_size=64, rpn_anchor_generator=AnchorGenerator(((8, 16),), ((1.0,),)),
        box_roi_pool=MultiScaleRoIAlign(["0"], 4, 2), box_head=TwoMLPHead(16 * 16, 32),
        box_predictor=FastRCNNPredictor(32, 3), rpn_pre_nms_top_n_train=40, rpn_post_nms_top_n_train=20,
        rpn_pre_nms_top_n_test=30, rpn_post_nms_top_n_test=10, box_batch_size_per_image=16,
        rpn_batch_size_per_image=32, **options,
    )  # fmt: skip


BOXES = ([[2.0, 4, 14, 20], [18, 16, 30, 30]], [[10.0, 6, 26, 22]])
LABELS = ([1, 2], [2])


def pictures() -> list[Any]:
    """Noise, with a red or a green rectangle in the place of each box."""
    torch.manual_seed(3)
    made = []
    for boxes, labels in zip(BOXES, LABELS):
        picture = torch.rand(3, 32, 32) * 0.2
        for (x1, y1, x2, y2), label in zip(boxes, labels):
            picture[label - 1, int(y1) : int(y2), int(x1) : int(x2)] = 1.0
        made.append(picture)
    return made


def targets() -> list[dict[str, Any]]:
    return [{"boxes": torch.tensor(b), "labels": torch.tensor(n)} for b, n in zip(BOXES, LABELS)]


def test_two_pictures_are_learnt_by_heart() -> None:
    images, wanted = pictures(), targets()
    torch.manual_seed(1)
    model = small()
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    curve = []
    for _ in range(70):
        loss = sum(model(images, wanted).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        curve.append(loss.item())
    assert sum(curve[-5:]) / 5 < curve[0] / 4
    for found, target in zip(model.eval()(images), wanted):
        sure = found["scores"] > 0.5
        overlap = box_iou(target["boxes"], found["boxes"][sure])
        assert overlap.max(dim=1).values.min() > 0.7
        assert found["labels"][sure][overlap.argmax(dim=1)].tolist() == target["labels"].tolist()


@pytest.mark.slow
def test_both_devices_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """Losses, gradients and detections; the proposals that enter the losses are the same ones."""
    monkeypatch.setattr(torch, "randperm", lambda n, device=None: torch.arange(n, device=device))
    torch.manual_seed(0)
    model = small(box_score_thresh=0.0)
    model.rpn._pre_nms_top_n = model.rpn._post_nms_top_n = {"training": 4, "testing": 4}
    results = []
    for device in ("cpu", "cuda"):
        model.to(device).train().zero_grad()
        images = [image.to(device) for image in pictures()[1:]]
        wanted = [{name: value.to(device) for name, value in target.items()} for target in targets()[1:]]
        losses = model(images, wanted)
        sum(losses.values()).backward()
        with torch.no_grad():
            found = model.eval()(images)[0]
        gradient = model.rpn.head.conv[0][0].weight.grad
        results.append(
            [t.cpu().clone() for t in (*losses.values(), gradient, found["boxes"], found["scores"])]
        )
    for one, other in zip(*results):
        torch.testing.assert_close(other, one, rtol=1e-3, atol=1e-4)


def test_a_box_without_area_is_named() -> None:
    wanted = targets()
    wanted[1]["boxes"] = torch.tensor([[4.0, 6, 20, 22], [8, 3, 8, 9]])
    wanted[1]["labels"] = torch.tensor([1, 1])
    with pytest.raises(
        AssertionError, match=r"Found invalid box \[8.0, 3.0, 8.0, 9.0\] for target at index 1"
    ):
        small()(pictures(), wanted)
    wanted[1]["boxes"][1, 2] = math.nan
    with pytest.raises(AssertionError, match=r"Found invalid box \[8.0, 3.0, nan, 9.0\]"):
        small()(pictures(), wanted)


def test_targets_are_asked_for() -> None:
    with pytest.raises(AssertionError, match="targets should not be none when in training mode"):
        small()(pictures())
    with pytest.raises(IndexError, match="2 images have 1 targets"):
        small()(pictures(), targets()[:1])


def test_an_option_that_nothing_takes_is_refused() -> None:
    for name in ("fasterrcnn_mobilenet_v3_large_fpn", "fcos_resnet50_fpn", "ssd300_vgg16", "fcn_resnet50"):
        with torch.device("meta"), pytest.raises(TypeError, match="box_scor_thresh"):
            models.get_model(name, weights=None, weights_backbone=None, box_scor_thresh=0.1)


def test_images_without_anything_in_them() -> None:
    model = small()
    nothing = [{"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)}] * 2
    losses = model(pictures(), nothing)
    assert losses["loss_box_reg"] == 0 == losses["loss_rpn_box_reg"]
    sum(losses.values()).backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())
    model.roi_heads.score_thresh = 1.0
    assert [tuple(one["boxes"].shape) for one in model.eval()(pictures())] == [(0, 4), (0, 4)]


def test_true_boxes_are_proposals_in_training() -> None:
    """Without a proposal that overlaps, the heads still learn from one for each true box."""
    heads, wanted = small().roi_heads, targets()
    far = [torch.tensor([[0.0, 0, 1, 1], [30, 0, 31, 1]])] * 2
    proposals, matched, labels, codes = heads.select_training_samples(far, wanted)
    for i, target in enumerate(wanted):
        learnt = labels[i] > 0
        assert torch.equal(proposals[i][learnt], target["boxes"])
        assert torch.equal(labels[i][learnt], target["labels"])
        assert matched[i][learnt].tolist() == list(range(len(target["boxes"])))
        assert (labels[i] == 0).sum() == 2 and codes[i][learnt].abs().max() < 1e-6


BUILDERS = models.list_models(models.detection) + models.list_models(models.segmentation)


@pytest.mark.parametrize("name", BUILDERS)
def test_with_weights(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many parameters and classes as are published; the oldest weights want no epsilon."""
    loaded = []
    monkeypatch.setattr(models.WeightsEnum, "get_state_dict", lambda self, **options: (self, options))
    monkeypatch.setattr(nn.Module, "load_state_dict", lambda self, state: loaded.append((self, state)))
    for weights in models.get_model_weights(name):
        loaded.clear()
        with torch.device("meta"):
            model = models.get_model(name, weights=weights, progress=False)
        assert loaded == [(model, (weights, {"progress": False, "check_hash": True}))]
        assert sum(p.numel() for p in model.parameters()) == weights.meta["num_params"]
        eps = {layer.eps for layer in model.modules() if isinstance(layer, FrozenBatchNorm2d)}
        old = weights.name == "COCO_V1" and name in OLD
        assert eps == ({0.0} if old else {1e-5} if name in FROZEN else set())


OLD = (
    "fasterrcnn_resnet50_fpn",
    "maskrcnn_resnet50_fpn",
    "keypointrcnn_resnet50_fpn",
    "retinanet_resnet50_fpn",
)
FROZEN = (
    *OLD,
    "fcos_resnet50_fpn",
    "fasterrcnn_mobilenet_v3_large_fpn",
    "fasterrcnn_mobilenet_v3_large_320_fpn",
)


def test_only_the_last_stages_of_a_trained_backbone_are_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models.WeightsEnum, "get_state_dict", lambda self, **options: {})
    monkeypatch.setattr(nn.Module, "load_state_dict", lambda self, state: None)
    with torch.device("meta"):
        model = detection.fasterrcnn_resnet50_fpn(weights_backbone="DEFAULT", trainable_backbone_layers=2)
    trained = {key.split(".")[0] for key, p in model.backbone.body.named_parameters() if p.requires_grad}
    assert trained == {"layer3", "layer4"}
    with torch.device("meta"), pytest.raises(ValueError, match=r"in the range \[0,5\], got 6"):
        detection.fasterrcnn_resnet50_fpn(weights_backbone="DEFAULT", trainable_backbone_layers=6)


def test_sizes_of_the_batch() -> None:
    """The shorter side becomes min_size, unless the longer one would become more than max_size."""
    transform = detection.transform.GeneralizedRCNNTransform(40, 64, [0.0] * 3, [1.0] * 3, size_divisible=16)
    images, _ = transform.eval()([torch.ones(3, 20, 30), torch.ones(3, 10, 40)])
    assert images.image_sizes == [(40, 60), (16, 64)]
    assert images.tensors.shape == (2, 3, 48, 64)
    assert images.tensors[1].sum() == 3 * 16 * 64  # what is padded is 0
    assert math.isclose(images.tensors[0].sum().item(), 3 * 40 * 60, rel_tol=1e-5)


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.kernels)])
def test_no_proposals_are_no_detections(device: str) -> None:
    """None is sure enough, or none is a number."""
    images = [image.to(device) for image in pictures()]
    torch.manual_seed(0)
    unsure = small(rpn_score_thresh=2.0).to(device).eval()
    for found in (*unsure(images), *small().to(device).eval()([torch.full_like(images[0], math.nan)])):
        assert {name: tuple(value.shape) for name, value in found.items()} == {
            "boxes": (0, 4), "labels": (0,), "scores": (0,),
        }  # fmt: skip
    losses = unsure.train()(images, [{k: v.to(device) for k, v in target.items()} for target in targets()])
    assert all(math.isfinite(loss.item()) for loss in losses.values())


def test_no_images() -> None:
    with pytest.raises(IndexError, match="FasterRCNN: images is empty: at least one image was expected"):
        small().eval()([])
