"""What weights do with an input before the network: torchvision's numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch as reference
from PIL import Image
from reference_vision import torchvision
from vision_signatures import differences

import tritonnn as torch
from tritonnn.vision import models as ours
from tritonnn.vision.transforms import InterpolationMode, _presets

theirs = torchvision.models
wanted_presets = torchvision.transforms._presets

RNG = np.random.default_rng(11)
PIXELS = RNG.integers(0, 256, (70, 90, 3), np.uint8)
WAVES = np.sin(np.arange(70)[:, None, None] / 9 + np.arange(3)) * np.cos(np.arange(90)[:, None] / 13)
SMOOTH = (WAVES * 120 + 127).astype(np.uint8)


def shrunk(transforms: Any) -> Any:
    """With sizes at which a test is quick."""
    for name in ("crop_size", "resize_size"):
        size = getattr(transforms, name, None)
        if size is not None:
            setattr(transforms, name, [length // 5 for length in size])
    return transforms


WEIGHTS = [
    "AlexNet_Weights.DEFAULT", "ResNet50_Weights.IMAGENET1K_V1", "ResNet50_Weights.IMAGENET1K_V2",
    "Inception_V3_Weights.DEFAULT", "VGG16_Weights.IMAGENET1K_FEATURES", "RegNet_Y_16GF_Weights.IMAGENET1K_SWAG_E2E_V1",
    "EfficientNet_B0_Weights.DEFAULT",
]  # fmt: skip


@pytest.mark.parametrize("kind", ["picture", "grey picture", "uint8", "float", "batch"])
@pytest.mark.parametrize("name", WEIGHTS)
def test_classification(name, kind):
    """Bytes that are resized may differ by one level, of 255 and divided by the deviation."""
    results = []
    for models, library in ((ours, torch), (theirs, reference)):
        transforms = shrunk(models.get_weight(name).transforms())
        tensor = library.from_numpy(np.ascontiguousarray(SMOOTH.transpose(2, 0, 1)))
        image = {
            "picture": Image.fromarray(SMOOTH), "uint8": tensor, "float": tensor / 255,
            "batch": library.stack([tensor, tensor.flip(-1)]), "grey picture": Image.fromarray(SMOOTH[..., 0]),
        }[kind]  # fmt: skip
        if kind == "grey picture":
            image = image.convert("RGB")
        results.append(np.asarray(transforms(image)))
    got, wanted = results
    assert got.shape == wanted.shape and got.dtype == wanted.dtype == np.float32
    step = 1 / (255 * min(ours.get_weight(name).transforms().std))
    assert np.abs(got - wanted).max() <= (
        1e-4 if kind in ("picture", "float", "grey picture") else 1.01 * step
    )


PRESETS = {
    "detection": lambda p, mode: p.ObjectDetection(),
    "flow": lambda p, mode: p.OpticalFlow(),
    "segmentation": lambda p, mode: p.SemanticSegmentation(resize_size=40),
    "segmentation as it is": lambda p, mode: p.SemanticSegmentation(
        resize_size=None, mean=(0.1,) * 3, std=(2.0,) * 3
    ),
    "nearest": lambda p, mode: p.SemanticSegmentation(
        resize_size=40, interpolation=mode.NEAREST, antialias=None
    ),
    "bicubic": lambda p, mode: p.ImageClassification(
        crop_size=32, resize_size=40, interpolation=mode.BICUBIC
    ),
    "larger crop": lambda p, mode: p.ImageClassification(crop_size=80, resize_size=60),
}


@pytest.mark.parametrize("kind", ["picture", "float"])
@pytest.mark.parametrize("name", PRESETS)
def test_presets(name, kind):
    results = []
    modes = {torch: InterpolationMode, reference: torchvision.transforms.InterpolationMode}
    for presets, library in ((_presets, torch), (wanted_presets, reference)):
        transforms = PRESETS[name](presets, modes[library])
        tensor = library.from_numpy(np.ascontiguousarray(PIXELS.transpose(2, 0, 1))) / 255
        image = Image.fromarray(PIXELS) if kind == "picture" else tensor
        found = transforms(image, image) if name == "flow" else (transforms(image),)
        results.append([np.asarray(one) for one in found])
        assert name != "flow" or all(one.is_contiguous() for one in found)
    for got, wanted in zip(*results, strict=True):
        assert got.shape == wanted.shape and got.dtype == wanted.dtype
        np.testing.assert_allclose(got, wanted, atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize("batch", [(), (2,)])
def test_video(batch):
    frames = RNG.integers(0, 256, (*batch, 4, 3, 24, 30), np.uint8)
    results = []
    for presets, library in ((_presets, torch), (wanted_presets, reference)):
        transforms = presets.VideoClassification(crop_size=(12, 10), resize_size=(16, 20))
        results.append(np.asarray(transforms(library.from_numpy(frames))))
    got, wanted = results
    assert got.shape == wanted.shape == (*batch, 3, 4, 12, 10)
    assert np.abs(got - wanted).max() <= 1.01 / (255 * 0.216989)


def test_signatures_and_texts():
    assert differences(_presets, wanted_presets) == {}
    for name in PRESETS:
        got = PRESETS[name](_presets, InterpolationMode)
        wanted = PRESETS[name](wanted_presets, torchvision.transforms.InterpolationMode)
        assert repr(got) == repr(wanted)
        assert all(str(size) in got.describe() for size in getattr(got, "crop_size", None) or ())


def test_settings_by_position_are_refused():
    for presets in (_presets, wanted_presets):
        with pytest.raises(TypeError):
            presets.ImageClassification(224)
        with pytest.raises(TypeError):
            presets.VideoClassification(crop_size=(1, 1))
