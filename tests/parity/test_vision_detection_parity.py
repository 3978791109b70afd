"""Detectors of the same weights find the same, and learn the same, as torchvision's."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
from vision_detectors import BOXES, DETECTORS, images, pair, permutation, targets

import tritonnn

MODELS: dict[str, Any] = {}


def models(name: str) -> Any:
    """Built once, as a pair; those who change it give it back as it was."""
    if name not in MODELS:
        MODELS[name] = pair(DETECTORS[name])
    return MODELS[name]


@pytest.fixture(autouse=True)
def same_draws(monkeypatch: Any) -> None:
    monkeypatch.setattr(torch, "randperm", permutation(torch))
    monkeypatch.setattr(tritonnn, "randperm", permutation(tritonnn))


def close(found: Any, expected: Any, scale: float = 1e-4) -> None:
    found, expected = found.detach().numpy(), expected.detach().numpy()
    assert found.shape == expected.shape and found.dtype == expected.dtype
    np.testing.assert_allclose(
        found, expected, rtol=scale, atol=scale * max(1.0, np.abs(expected).max(initial=0))
    )


@pytest.mark.parametrize("name", DETECTORS)
def test_detections(name: str) -> None:
    theirs, ours = models(name)
    with torch.no_grad(), tritonnn.no_grad():
        expected, found = theirs.eval()(images(torch)), ours.eval()(images(tritonnn))
    assert [list(one) for one in found] == [list(one) for one in expected]
    for one, other in zip(found, expected):
        assert len(other["boxes"]) > 3, "nothing is compared"
        assert one["labels"].tolist() == other["labels"].tolist()
        for key in other:
            close(one[key], other[key], 3e-5)


def losses_of(model: Any, library: Any, boxes: Any, classes: int) -> dict[str, Any]:
    model.train().zero_grad()
    losses = model(images(library), targets(library, boxes, classes=classes))
    sum(losses.values()).backward()
    return losses


@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.parametrize("boxes", [BOXES, (BOXES[0], []), ([], [])], ids=["all", "one empty", "both empty"])
def test_losses_and_gradients(name: str, boxes: Any) -> None:
    theirs, ours = models(name)
    classes = {"keypoint_rcnn": 2, "faster_rcnn_one_map": 3}.get(name, 4)
    before = {key: value.clone() for key, value in ours.state_dict().items() if "running" in key}
    expected, found = losses_of(theirs, torch, boxes, classes), losses_of(ours, tritonnn, boxes, classes)
    ours.load_state_dict(before, strict=False)
    theirs.load_state_dict(
        {key: torch.from_numpy(value.numpy()) for key, value in before.items()}, strict=False
    )
    assert list(found) == list(expected)
    for key in expected:
        close(found[key], expected[key])
    gradients = dict(theirs.named_parameters())
    for key, parameter in ours.named_parameters():
        wanted = gradients[key].grad
        assert (parameter.grad is None) == (wanted is None), key
        if wanted is not None:
            close(parameter.grad, wanted, 2e-3)


@pytest.mark.parametrize("name", ["faster_rcnn", "ssd"])
def test_gradients_of_images(name: str) -> None:
    theirs, ours = models(name)
    gradients = []
    for library, model in ((torch, theirs), (tritonnn, ours)):
        given = [image.requires_grad_() for image in images(library)]
        found = model.eval()(given)
        sum(one["boxes"].sum() + one["scores"].sum() for one in found).backward()
        gradients.append([image.grad for image in given])
    for expected, found in zip(*gradients):
        close(found, expected, 1e-3)


def outcome(model: Any, library: Any, images: Any, targets: Any) -> Any:
    """What is raised: the type and the words, without those that differ by who says it."""
    try:
        model(images, targets)
    except Exception as error:
        return type(error).__name__, re.sub(r"<class '[\w.]+'>|tritonnn|torch", "", str(error))
    return "accepted", ""


def bad_inputs(library: Any) -> dict[str, tuple[bool, Any, Any]]:
    """Whether in training, images, targets."""
    good = targets(library)
    flat = [good[0], {**good[1], "boxes": library.tensor([[3.0, 4, 3, 40], [1, 2, 5, 6]])}]
    low = [{**good[0], "boxes": library.tensor([[3.0, 4, 5, 40], [1, 6, 5, 6], [0, 0, 1, 1]])}, good[1]]
    turned = [{**good[0], "boxes": library.tensor([[30.0, 4, 5, 40], [1, 6, 5, 7], [0, 0, 1, 1]])}, good[1]]
    return {
        "no targets": (True, images(library), None),
        "width 0": (True, images(library), flat),
        "height 0": (True, images(library), low),
        "negative width": (True, images(library), turned),
        "in evaluation": (False, images(library), flat),
        "boxes of five": (True, images(library), [good[0], {**good[1], "boxes": library.ones(2, 5)}]),
        "one box alone": (True, images(library), [{**good[0], "boxes": library.ones(4)}, good[1]]),
        "boxes no tensor": (True, images(library), [{**good[0], "boxes": [[1, 2, 3, 4]]}, good[1]]),
        "no boxes": (True, images(library), [good[0], {"labels": good[1]["labels"]}]),
        "bytes": (False, [(image * 255).to(library.uint8) for image in images(library)], None),
        "a batch": (False, [library.rand(1, 3, 8, 8)], None),
        "a row": (False, [library.rand(3)], None),
        "too few targets": (True, images(library), good[:1]),
        "no labels": (True, images(library), [{"boxes": target["boxes"]} for target in good]),
        "labels of int32": (True, images(library), [{**t, "labels": t["labels"].to(library.int32)} for t in good]),
        "boxes of int64": (True, images(library), [{**t, "boxes": t["boxes"].to(library.int64)} for t in good]),
        "other channels": (False, [library.rand(5, 8, 8)], None),
    }  # fmt: skip


OWN_WORDS = {
    "boxes no tensor", "no boxes", "too few targets", "no labels", "other channels", "boxes of five", "one box alone",
    "labels of int32",
}  # fmt: skip


@pytest.mark.parametrize("name", ["faster_rcnn", "retinanet", "fcos", "ssd"])
@pytest.mark.parametrize("case", bad_inputs(torch))
def test_refused(name: str, case: str) -> None:
    theirs, ours = models(name)
    expected, found = (
        outcome(model.train(bad_inputs(library)[case][0]), library, *bad_inputs(library)[case][1:])
        for model, library in ((theirs, torch), (ours, tritonnn))
    )
    assert found[0] == expected[0]
    assert found == expected or case in OWN_WORDS


@pytest.mark.parametrize("name", ["mask_rcnn", "keypoint_rcnn"])
def test_refused_by_heads(name: str) -> None:
    theirs, ours = models(name)
    for missing in ("masks", "keypoints"):
        made = [
            [{k: v for k, v in one.items() if k != missing} for one in targets(library, classes=2)]
            for library in (torch, tritonnn)
        ]
        if (missing == "masks") != (name == "mask_rcnn"):
            continue
        expected = outcome(theirs.train(), torch, images(torch), made[0])
        assert outcome(ours.train(), tritonnn, images(tritonnn), made[1]) == expected


@pytest.mark.parametrize("name", DETECTORS)
def test_nothing_found(name: str) -> None:
    theirs, ours = models(name)
    thresholds = []
    for model in (theirs, ours):
        owner = getattr(model, "roi_heads", model)
        thresholds.append((owner, owner.score_thresh))
        owner.score_thresh = 2.0
    expected, found = theirs.eval()(images(torch)), ours.eval()(images(tritonnn))
    for owner, threshold in thresholds:
        owner.score_thresh = threshold
    for one, other in zip(found, expected):
        assert list(one) == list(other)
        assert [tuple(v.shape) for v in one.values()] == [tuple(v.shape) for v in other.values()]
        assert [str(v.dtype).split(".")[1] for v in one.values()] == [
            str(v.dtype).split(".")[1] for v in other.values()
        ]
