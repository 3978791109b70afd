"""wrap_dataset_for_transforms_v2 beside torchvision's, over tiny datasets in the real formats."""

from __future__ import annotations

import importlib
import os
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from reference_vision import torchvision

sys.path.insert(0, str(Path(__file__).parents[1] / "vision"))
import fake_sets
import fake_structures
from fake_files import picture

import tritonnn
import tritonnn.vision.datasets as ours

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")  # of pycocotools
theirs = importlib.import_module("torchvision.datasets")
importlib.import_module("torchvision.transforms.v2")
wrappers = (theirs.wrap_dataset_for_transforms_v2, ours.wrap_dataset_for_transforms_v2)

#: datasets, their arguments, and the keys that are asked for
CASES: list[tuple[str, dict[str, Any], Any]] = [
    ("ImageFolder", {}, None), ("MNIST", {}, None), ("CIFAR10", {}, None), ("GTSRB", {}, None),
    ("Caltech101", {}, None),
    ("VOCSegmentation", {}, None), ("VOCDetection", {}, None), ("VOCDetection", {}, "all"),
    ("VOCDetection", {}, ["labels"]), ("SBDataset", {"mode": "segmentation"}, None),
    ("CelebA", {"target_type": ["bbox", "identity"]}, None), ("CelebA", {"target_type": "bbox"}, None),
    ("Kitti", {}, None), ("Kitti", {}, "all"), ("Kitti", {}, ("boxes", "alpha")), ("Kitti", {"train": False}, None),
    ("OxfordIIITPet", {"target_types": ["category", "segmentation"]}, None),
    ("OxfordIIITPet", {"target_types": "segmentation"}, None), ("OxfordIIITPet", {"target_types": []}, None),
    ("Cityscapes", {"target_type": ["semantic", "instance"]}, None), ("WIDERFace", {}, None),
    ("WIDERFace", {}, {"bbox", "pose"}), ("WIDERFace", {"split": "test"}, None),
    ("Cityscapes", {"target_type": "color"}, None), ("Caltech101", {"target_type": "annotation"}, None),
    ("CelebA", {}, None), ("SBDataset", {}, None), ("MNIST", {}, "all"), ("Kitti", {}, ["nothing"]), ("Kitti", {}, 3),
    ("DTD", {}, None), ("Kitti", {}, "boxes"),
]  # fmt: skip


def plain(value: Any) -> Any:
    """A value of either library, with the kind of tensor and what it knows of itself."""
    if isinstance(value, Image.Image):
        return (value.mode, value.size, value.tobytes())
    if hasattr(value, "detach"):
        known = [str(getattr(value, name, None)) for name in ("format", "canvas_size")]
        array = np.asarray(value.detach().as_subclass(tensor_of(value)).numpy())
        return (type(value).__name__, *known, str(array.dtype), array.shape, array.tolist())
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def tensor_of(value: Any) -> Any:
    return tritonnn.Tensor if isinstance(value, tritonnn.Tensor) else importlib.import_module("torch").Tensor


@pytest.fixture(autouse=True)
def files_are_taken_as_they_are(monkeypatch):
    for package in ("torchvision", "tritonnn.vision"):
        for name, module in list(sys.modules.items()):
            if name.startswith(f"{package}.datasets") and hasattr(module, "check_integrity"):
                monkeypatch.setattr(module, "check_integrity", lambda path, md5=None: os.path.isfile(path))
    listdir = os.listdir
    monkeypatch.setattr(os, "listdir", lambda *path: sorted(listdir(*path)))


def outcome(library: Any, wrap: Any, root: Path, name: str, arguments: dict[str, Any], keys: Any) -> Any:
    """The items of a wrapped dataset, or the type of what is raised."""
    dataset = getattr(library, name)(str(root), **arguments)
    try:
        wrapped = wrap(dataset, keys)
    except Exception as error:
        return type(error)
    assert isinstance(wrapped, getattr(library, name)) and len(wrapped) == len(dataset)
    return type(wrapped).__name__, [plain(wrapped[i]) for i in range(len(wrapped))]


@pytest.mark.parametrize(
    ("name", "arguments", "keys"), CASES, ids=[f"{i}-{c[0]}" for i, c in enumerate(CASES)]
)
def test_wrapped_alike(name, arguments, keys, tmp_path):
    fake_sets.FAKES[name](tmp_path)
    for file in tmp_path.rglob("*_instanceIds.png"):  # of 16 bits in truth, which PyTorch cannot compare
        picture(file, mode="L", high=200)
    expected, found = (
        outcome(library, wrap, tmp_path, name, arguments, keys)
        for library, wrap in zip((theirs, ours), wrappers)
    )
    assert found == expected


def test_coco(tmp_path):
    """torchvision needs pycocotools for all of it, and uses it for the masks."""
    pytest.importorskip("pycocotools")
    file = fake_structures.coco(tmp_path)
    for keys in (None, "all", ["masks", "area"]):
        results = [
            outcome(library, wrap, tmp_path, "CocoDetection", {"annFile": file}, keys)
            for library, wrap in zip((theirs, ours), wrappers)
        ]
        assert results[1] == results[0]


def test_own_index_is_pycocotools(tmp_path):
    coco = pytest.importorskip("pycocotools.coco")
    from tritonnn.vision.datasets._coco import Coco

    file = fake_structures.coco(tmp_path)
    reference, own = coco.COCO(file), Coco(file)
    questions = [
        ("getAnnIds", {}), ("getAnnIds", {"imgIds": 1}), ("getAnnIds", {"imgIds": [1, 2], "catIds": [1]}),
        ("getAnnIds", {"areaRng": [9.5, 12]}), ("getAnnIds", {"iscrowd": True}), ("getCatIds", {}),
        ("getCatIds", {"catNms": ["dog"]}), ("getCatIds", {"supNms": "person"}), ("getCatIds", {"catIds": [18]}),
        ("getImgIds", {}), ("getImgIds", {"catIds": 18}), ("getImgIds", {"imgIds": [1, 3], "catIds": [1, 18]}),
        ("loadAnns", {"ids": [5, 7]}), ("loadCats", {"ids": 1}), ("loadImgs", {"ids": [2, 3]}),
    ]  # fmt: skip
    for name, arguments in questions:
        expected, found = (getattr(index, name)(**arguments) for index in (reference, own))
        assert sorted(map(str, found)) == sorted(map(str, expected)), (name, arguments)
    for annotation in own.anns.values():
        assert np.array_equal(own.annToMask(annotation), reference.annToMask(annotation))


def test_outlines_are_filled_as_pycocotools_fills_them():
    mask = pytest.importorskip("pycocotools.mask")
    from tritonnn.vision.datasets._masks import mask_of

    generator = np.random.default_rng(0)
    for _ in range(100):
        height, width = generator.integers(1, 30, 2).tolist()
        points = generator.uniform(-3, 1.2 * max(height, width), (2, generator.integers(3, 8), 2))
        polygons = [np.round(p * 2).ravel() / 2 if generator.integers(2) else p.ravel() for p in points]
        polygons = [polygon.tolist() for polygon in polygons]
        packed = mask.merge(mask.frPyObjects(polygons, height, width))
        expected = mask.decode(packed)
        assert np.array_equal(mask_of(polygons, height, width), expected)
        assert np.array_equal(mask_of(packed, height, width), expected)


def test_transforms_and_pickles(tmp_path):
    fake_sets.FAKES["Kitti"](tmp_path)
    dataset = ours.Kitti(str(tmp_path), transforms=_count)
    wrapped = ours.wrap_dataset_for_transforms_v2(dataset)
    assert wrapped[0] == ((7, 5), 1) and dataset.transforms is None
    assert pickle.loads(pickle.dumps(wrapped))[1] == ((7, 5), 2)
    with pytest.raises(TypeError, match="VisionDataset"):
        ours.wrap_dataset_for_transforms_v2([1, 2])
    assert torchvision is not None


def _count(image: Any, target: Any) -> Any:
    return image.size, len(target["labels"])
