"""Formats, clamping and sanitizing of boxes and points against torchvision, of plain tensors too."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch as theirs
from vision_v2_inputs import FORMATS, HEIGHT, WIDTH, boxes_of, made, outcome, same, their_tv, their_v2

import tritonnn as ours
from tritonnn.vision import tv_tensors as our_tv
from tritonnn.vision.transforms import v2 as our_v2
from tritonnn.vision.transforms.v2 import functional as F

R = their_v2.functional
CANVAS = (HEIGHT, WIDTH)
DTYPES = ("float32", "float64", "int64", "int32")


def both(format: str, dtype: str = "float64", count: int = 40) -> tuple[Any, Any]:
    numbers = boxes_of(format, count).astype(dtype)
    return theirs.from_numpy(numbers.copy()), ours.from_numpy(numbers.copy())


def exact(dtype: str, format: str) -> float:
    """Angles, in degrees, are large numbers; float32 has seven digits."""
    return 1e-3 if dtype == "float32" and format in FORMATS[3:] else 1e-4


@pytest.mark.parametrize(("old", "new"), [*itertools.product(FORMATS, repeat=2)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_convert(old: str, new: str, dtype: str) -> None:
    if "int" in dtype and old in FORMATS[3:]:
        return  # rotated boxes are floating-point numbers
    want, got = both(old, dtype)
    formats = their_tv.BoundingBoxFormat[old], their_tv.BoundingBoxFormat[new]
    wanted = outcome(R.convert_bounding_box_format, want, *formats)
    same(wanted, outcome(F.convert_bounding_box_format, got, old, new), exact(dtype, old))
    given = both(old, dtype)[1]
    written = outcome(F.convert_bounding_box_format, given, old, new.lower(), inplace=True)
    same(wanted, written, exact(dtype, old))
    if isinstance(written, ours.Tensor) and written.shape == given.shape:
        assert written.data_ptr() == given.data_ptr()


@pytest.mark.parametrize("mode", ["soft", "hard", None])
@pytest.mark.parametrize("format", FORMATS)
def test_clamp(format: str, mode: str | None) -> None:
    for dtype in DTYPES[:2] if format in FORMATS[3:] else DTYPES:
        want, got = both(format, dtype)
        wanted = R.clamp_bounding_boxes(want, their_tv.BoundingBoxFormat[format], CANVAS, mode)
        same(wanted, F.clamp_bounding_boxes(got, format, CANVAS, mode), exact(dtype, format))


#: boxes that stand upright or lie flat, reach out on several sides, or are outside
ODD = np.array([
    [5, 5, 8, 4, 0], [-3, 5, 8, 4, 0], [-3, 20, 8, 4, 90], [28, 20, 8, 4, 180], [-20, -20, 8, 4, 30],
    [10, 10, 60, 60, 45], [0, 0, 8, 4, 12], [15, -2, 8, 4, -90], [30, 10, 6, 6, 45], [-1, 11, 6, 6, -45],
], dtype=np.float64)  # fmt: skip


@pytest.mark.parametrize("mode", ["soft", "hard"])
@pytest.mark.parametrize("format", ["XYWHR", "CXCYWHR"])
def test_clamp_of_odd_boxes(format: str, mode: str) -> None:
    for dtype in ("float64", "float32"):
        numbers = ODD.astype(dtype)
        want = R.clamp_bounding_boxes(
            theirs.from_numpy(numbers), their_tv.BoundingBoxFormat[format], CANVAS, mode
        )
        got = F.clamp_bounding_boxes(ours.from_numpy(numbers), format, CANVAS, mode)
        same(want, got, 1e-2 if dtype == "float32" else 1e-6)


@pytest.mark.parametrize("mode", ["hard", None])
@pytest.mark.parametrize("format", FORMATS)
def test_geometry_clamps_as_boxes_say(format: str, mode: str | None) -> None:
    want, got = made(f"boxes {format}", clamping_mode=mode)
    for name, arguments in (
        ("rotate", {"angle": 20.0}),
        ("affine", {"angle": 5.0, "translate": [9, -8], "scale": 1.5, "shear": [3.0, 4.0]}),
        ("crop", {"top": 5, "left": 6, "height": 9, "width": 9}),
        ("pad", {"padding": [-5, 2, 3, -4]}),
        ("resize", {"size": [9, 40]}),
    ):
        same(getattr(R, name)(want, **arguments), getattr(F, name)(got, **arguments), 1e-4, name)


CALLS = {
    "no new format": lambda F, x, tv: F.convert_bounding_box_format(x, "XYXY"),
    "no old format": lambda F, x, tv: F.convert_bounding_box_format(x + 0, None, "XYXY"),
    "an old format": lambda F, x, tv: F.convert_bounding_box_format(x, "XYXY", "XYWH"),
    "not boxes": lambda F, x, tv: F.convert_bounding_box_format(tv.Mask([1]), None, "XYWH"),
    "no tensor": lambda F, x, tv: F.clamp_bounding_boxes(3),
    "mode": lambda F, x, tv: F.clamp_bounding_boxes(x, clamping_mode="firm"),
    "a canvas": lambda F, x, tv: F.clamp_bounding_boxes(x, canvas_size=(3, 3)),
    "auto of a tensor": lambda F, x, tv: F.clamp_bounding_boxes(x + 0, "XYXY", (3, 3)),
    "points of boxes": lambda F, x, tv: F.clamp_keypoints(x),
    "points of a tensor": lambda F, x, tv: F.clamp_keypoints(x + 0),
    "sanitize a tensor": lambda F, x, tv: F.sanitize_bounding_boxes(x + 0, "XYXY"),
    "sanitize with format": lambda F, x, tv: F.sanitize_bounding_boxes(x, "XYXY"),
    "sanitize a mask": lambda F, x, tv: F.sanitize_bounding_boxes(tv.Mask([1])),
    "sanitize points": lambda F, x, tv: F.sanitize_keypoints(x),
    "sanitize points of a tensor": lambda F, x, tv: F.sanitize_keypoints(x + 0),
    "rotated from straight": lambda F, x, tv: F.convert_bounding_box_format(x, new_format="XYWHR"),
}


@pytest.mark.parametrize("name", CALLS)
def test_refused(name: str) -> None:
    want, got = made("boxes XYXY")
    wanted = outcome(CALLS[name], R, want, their_tv)
    assert isinstance(wanted, type), wanted
    assert outcome(CALLS[name], F, got, our_tv) is wanted


@pytest.mark.parametrize("format", FORMATS[:3])
@pytest.mark.parametrize("least", [(1.0, 1.0), (5.0, 30.0)])
def test_sanitize(format: str, least: tuple[float, float]) -> None:
    want, got = made(f"boxes {format}")
    same(
        R.sanitize_bounding_boxes(want, None, None, *least),
        F.sanitize_bounding_boxes(got, None, None, *least),
    )
    plain = both(format)
    wanted = R.sanitize_bounding_boxes(plain[0], format.lower(), CANVAS, *least)
    same(wanted, F.sanitize_bounding_boxes(plain[1], format.lower(), CANVAS, *least))
    assert wanted[1].any() and not wanted[1].all()


@pytest.mark.parametrize("kind", ["points", "points of groups", "points int"])
def test_points(kind: str) -> None:
    want, got = made(kind)
    same(R.sanitize_keypoints(want), F.sanitize_keypoints(got))
    same(R.clamp_keypoints(want), F.clamp_keypoints(got))
    same(R.clamp_keypoints(want + 0, (7, 9)), F.clamp_keypoints(got + 0, (7, 9)))


@pytest.mark.parametrize("calls", ["class", "builtin", "functional", "name", "twice"])
def test_registering_is_checked(calls: str) -> None:
    for functional, tv, torch in ((R, their_tv, theirs), (F, our_tv, ours)):
        mine = type("Mine", (tv.TVTensor,), {})
        how = {
            "class": (functional.resize, torch.Tensor),
            "builtin": (functional.resize, tv.Image),
            "functional": (len, mine),
            "name": ("shrink", mine),
            "twice": (functional.resize, mine),
        }[calls]
        if calls == "twice":
            functional.register_kernel(*how)(lambda x, *args, **kwargs: x)
        with pytest.raises(ValueError):
            functional.register_kernel(*how)


def test_a_registered_kernel_is_called() -> None:
    for v2, tv, torch in ((their_v2, their_tv, theirs), (our_v2, our_tv, ours)):
        mine = type("Mine", (tv.TVTensor,), {})
        x = torch.ones(1, 4, 4).as_subclass(mine)
        with pytest.raises(TypeError, match="but got"):
            v2.functional.resize(x, [2, 2])
        assert v2.Resize((2, 2))(x) is x  # passes through
        v2.functional.register_kernel("resize", mine)(
            lambda inpt, size, tv=tv, **rest: tv.wrap(inpt[..., :1], like=inpt)
        )
        for result in (v2.functional.resize(x, [2, 2]), v2.Resize((2, 2))(x)):
            assert type(result) is mine and tuple(result.shape) == (1, 4, 1)


LABELLED = {
    "pair": lambda x, labels: (x, {"boxes": x, "labels": labels}),
    "any case": lambda x, labels: {"boxes": x, "LABELS": labels, "label": 3},
    "part of a word": lambda x, labels: {"boxes": x, "class_label": labels, "other_labels": labels + 1},
    "tensor": lambda x, labels: (x, labels),
    "none": lambda x, labels: {"boxes": x, "classes": labels},
    "a number": lambda x, labels: (x, 3),
    "numbers": lambda x, labels: {"boxes": x, "labels": [1, 2]},
    "too few": lambda x, labels: {"boxes": x, "labels": labels[1:]},
    "no boxes": lambda x, labels: {"labels": labels},
}


@pytest.mark.parametrize("name", LABELLED)
def test_labels_are_found(name: str) -> None:
    results = []
    for v2, torch, boxes in (
        (their_v2, theirs, made("boxes XYXY")[0]),
        (our_v2, ours, made("boxes XYXY")[1]),
    ):
        results.append(outcome(v2.SanitizeBoundingBoxes(), LABELLED[name](boxes, torch.arange(12))))
    same(*results, where=name)


def test_several_labels() -> None:
    results = []
    for v2, torch, boxes in (
        (their_v2, theirs, made("boxes XYXY")[0]),
        (our_v2, ours, made("boxes XYXY")[1]),
    ):
        sample = {
            "boxes": boxes,
            "labels": torch.arange(12),
            "crowd": torch.arange(12) % 2,
            "id": torch.tensor([3]),
        }
        sanitize = v2.SanitizeBoundingBoxes(labels_getter=lambda s: (s["labels"], s["crowd"]))
        results.append(sanitize(sample))
    same(*results)
    assert results[1]["labels"].shape == results[1]["crowd"].shape == results[1]["boxes"].shape[:1] < (12,)
