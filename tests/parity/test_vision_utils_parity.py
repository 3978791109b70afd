"""Drawn pictures, pixel by pixel, and the signatures of torchvision's utils and io."""

from __future__ import annotations

import importlib
import inspect

import numpy as np
import pytest
import torch
from reference_vision import torchvision as reference

import tritonnn
from tritonnn.vision import io, utils

theirs = importlib.import_module("torchvision.utils")
their_io = importlib.import_module("torchvision.io")

RNG = np.random.default_rng(0)
IMAGE = RNG.integers(0, 256, (3, 60, 90), dtype=np.uint8)
IMAGES = {"uint8": IMAGE, "float32": (IMAGE / 255).astype(np.float32), "float64": IMAGE / 255}
BOXES = np.array([[10, 10, 50, 40], [30, 20, 80, 55.7], [-5, 3, 4, 70]])
ROTATED = np.array(
    [[10, 10, 60, 30, 50, 55, 5, 40], [60, 10, 85, 30, 70, 50, 55, 40], [0, 0, 9, 9, 5, 5, 3, 8]]
)


def public(module):
    return [name for name in module.__all__ if not name.startswith("_")]


@pytest.mark.parametrize(
    "name", [f"utils.{n}" for n in public(theirs)] + [f"io.{n}" for n in public(their_io)]
)
def test_signatures(name):
    home, _, name = name.partition(".")
    a, b = (
        getattr({"utils": utils, "io": io}[home], name),
        getattr({"utils": theirs, "io": their_io}[home], name),
    )
    if inspect.isclass(b):
        assert {k: v.value for k, v in a.__members__.items()} == {
            k: v.value for k, v in b.__members__.items()
        }
        return
    shown = [
        [(p.name, p.kind, str(p.default)) for p in inspect.signature(f).parameters.values()] for f in (a, b)
    ]
    assert shown[0] == shown[1]


def test_names():
    assert set(their_io.__all__) == set(io.__all__)
    assert set(theirs.__all__) <= set(utils.__all__)
    private = {
        "_parse_colors",
        "_generate_color_palette",
        "_make_colorwheel",
        "_log_api_usage_once",
        "_make_ntuple",
    }
    assert all(hasattr(utils, name) and hasattr(theirs, name) for name in private) and reference


def same(name, *arrays, levels=0.0, **options):
    given = [tritonnn.from_numpy(a) if isinstance(a, np.ndarray) else a for a in arrays]
    got = getattr(utils, name)(*given, **options).numpy()
    given = [torch.from_numpy(a) if isinstance(a, np.ndarray) else a for a in arrays]
    expected = getattr(theirs, name)(*given, **options).numpy()
    assert got.dtype == expected.dtype and got.shape == expected.shape
    assert np.abs(got.astype(np.float64) - expected).max() <= levels


LOOKS = [
    {}, {"width": 3}, {"labels": ["cat", "dog", None], "fill": True, "colors": ["red", (1, 2, 3), "#12aa00"]},
    {"labels": ["a", "b", "c"], "colors": "blue", "fill_labels": True},
    {"labels": ["a", "b", "c"], "label_colors": "white", "fill_labels": True, "width": 2,
     "label_background_colors": ["green", "red", (9, 9, 9)]},
    {"labels": ["a", "b", "c"], "label_colors": ["white", "red", "blue"]},
]  # fmt: skip


@pytest.mark.parametrize("look", range(len(LOOKS)))
@pytest.mark.parametrize("dtype", IMAGES)
def test_boxes(look, dtype):
    for boxes in (BOXES, BOXES.astype(np.int64), ROTATED):
        same("draw_bounding_boxes", IMAGES[dtype], boxes, **LOOKS[look])
        same("draw_bounding_boxes", IMAGES[dtype][:1], boxes, **LOOKS[look])


@pytest.mark.parametrize("dtype", IMAGES)
def test_masks_and_points(dtype):
    masks = RNG.random((3, 60, 90)) < 0.4
    for options in ({}, {"alpha": 0.3, "colors": "red"}, {"colors": ["red", "blue", (1, 2, 3)]}):
        same("draw_segmentation_masks", IMAGES[dtype], masks, levels=1e-6, **options)
    same("draw_segmentation_masks", IMAGES[dtype], masks[0])
    points = RNG.random((2, 5, 2)) * 60
    for options in (
        {}, {"colors": "red", "connectivity": [(0, 1), (1, 2)]},
        {"colors": (1, 2, 3), "radius": 4, "width": 1, "connectivity": [(0, 4)]},
    ):  # fmt: skip
        same("draw_keypoints", IMAGES[dtype], points, **options)


def test_visibility():
    points, seen = RNG.random((2, 5, 2)) * 60, RNG.random((2, 5)) < 0.5
    got = utils.draw_keypoints(
        tritonnn.from_numpy(IMAGE), tritonnn.from_numpy(points), [(0, 1), (2, 3), (3, 4)], "red",
        visibility=tritonnn.from_numpy(seen),
    )  # fmt: skip
    expected = theirs.draw_keypoints(
        torch.from_numpy(IMAGE), torch.from_numpy(points), [(0, 1), (2, 3), (3, 4)], "red",
        visibility=torch.from_numpy(seen),
    )  # fmt: skip
    assert np.array_equal(got.numpy(), expected.numpy())


def test_flow():
    for shape in ((2, 40, 50), (3, 2, 20, 30)):
        flow = RNG.standard_normal(shape).astype(np.float32)
        got = utils.flow_to_image(tritonnn.from_numpy(flow)).numpy()
        expected = theirs.flow_to_image(torch.from_numpy(flow)).numpy()
        assert got.shape == expected.shape and np.abs(got.astype(int) - expected).max() <= 1
        assert (got != expected).mean() < 1e-3  # a level is cut off, so the last bit of a float can change it
    assert utils._make_colorwheel().tolist() == theirs._make_colorwheel().tolist()


@pytest.mark.parametrize(
    "shape", [(7, 1, 9, 11), (5, 3, 6, 4), (3, 6, 4), (1, 6, 4), (6, 4), (2, 4, 5, 5), (1, 3, 4, 4)]
)
def test_grids(shape):
    pictures = RNG.standard_normal(shape).astype(np.float32)
    for options in (
        {}, {"nrow": 3, "padding": 1, "pad_value": 0.5}, {"normalize": True}, {"normalize": True, "scale_each": True},
        {"normalize": True, "value_range": (-1, 1)}, {"nrow": 1, "padding": 0},
    ):  # fmt: skip
        same("make_grid", pictures, levels=1e-6, **options)


def test_saved(tmp_path):
    pictures = RNG.random((5, 3, 9, 7)).astype(np.float32)
    utils.save_image(tritonnn.from_numpy(pictures), tmp_path / "a.png", nrow=2)
    theirs.save_image(torch.from_numpy(pictures), tmp_path / "b.png", nrow=2)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


ERRORS = [
    ("make_grid", (3,)), ("make_grid", ([1],)), ("draw_bounding_boxes", (IMAGE[None], BOXES)),
    ("draw_bounding_boxes", (IMAGE.astype(np.int32), BOXES)), ("draw_bounding_boxes", (3, BOXES)),
    ("draw_bounding_boxes", (IMAGE, BOXES[:, [2, 1, 0, 3]])), ("draw_bounding_boxes", (IMAGE, BOXES, ["a"])),
    ("draw_bounding_boxes", (IMAGE, BOXES, None, ["red"])), ("draw_bounding_boxes", (IMAGE, BOXES, None, 3.5)),
    ("draw_bounding_boxes", (IMAGE, BOXES, None, (1, 2))), ("draw_segmentation_masks", (IMAGE, IMAGE)),
    ("draw_segmentation_masks", (IMAGE, IMAGE[:, :5] > 3)), ("draw_segmentation_masks", (IMAGE[:1], IMAGE > 3)),
    ("draw_keypoints", (IMAGE, BOXES)), ("draw_keypoints", (IMAGE[:2], BOXES[None, :, :2])),
    ("flow_to_image", (BOXES,)), ("flow_to_image", (IMAGES["float32"],)),
]  # fmt: skip


@pytest.mark.parametrize("i", range(len(ERRORS)))
def test_errors(i):
    name, arguments = ERRORS[i]
    for module, library in ((theirs, torch), (utils, tritonnn)):
        given = [library.from_numpy(a.copy()) if isinstance(a, np.ndarray) else a for a in arguments]
        try:
            getattr(module, name)(*given)
        except Exception as error:
            if module is theirs:
                expected = type(error)
            else:
                assert type(error) is expected
        else:
            raise AssertionError(f"{name} of {module.__name__} took it")
