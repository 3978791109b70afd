"""Datasets beside torchvision's: tiny ones in the real formats, read by both; names and signatures."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import pathlib
import random
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from reference_vision import torchvision

sys.path.insert(0, str(Path(__file__).parents[1] / "vision"))
import fake_sets
import fake_stereo  # noqa: F401
import fake_structures  # noqa: F401

import tritonnn.vision.datasets as ours
import tritonnn.vision.datasets.samplers as our_samplers
from tritonnn.vision.datasets import _coco

theirs = importlib.import_module("torchvision.datasets")
their_samplers = importlib.import_module("torchvision.datasets.samplers")
FAKES = fake_sets.FAKES  # with those of the other two files
EXTRAS = {"LSUN": "lmdb", "PCAM": "h5py"}
#: datasets without a tiny one here, and why
NOT_READ = {
    "VisionDataset": "abstract; tests/vision/test_datasets.py",
    "FakeData": "other random numbers; tests/vision/test_datasets.py",
    "LSUNClass": "a part of LSUN",
    "HMDB51": "below, as far as torchcodec is not needed",
    "UCF101": "below, as far as torchcodec is not needed",
    "Kinetics": "below, as far as torchcodec is not needed",
    "wrap_dataset_for_transforms_v2": "tests/parity/test_vision_wrapped_datasets_parity.py",
}
#: private attributes that programs use
PRIVATE = ("_image_files", "_labels", "_samples", "_images", "_disparities", "_image_list", "_flow_list")
#: attributes that are compared in another way or are not there
UNLIKE = {
    "LSUN": {"dbs": "the databases' own class"},
    "CocoDetection": {"coco": "the index is of the same class"},
    "CocoCaptions": {"coco": "the index is of the same class"},
}


def plain(value: Any) -> Any:
    """A value of either library as what can be compared."""
    if isinstance(value, Image.Image):
        return ("picture", value.mode, value.size, value.tobytes())
    if isinstance(value, np.ndarray):
        return ("array", str(value.dtype), value.shape, value.tolist())
    if hasattr(value, "numpy") and hasattr(value, "detach"):
        array = value.detach().numpy()
        return ("tensor", str(array.dtype), array.shape, array.tolist())
    if isinstance(value, np.generic):
        return ("array", str(value.dtype), (), value.item())
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (types.ModuleType, types.FunctionType, type)):
        return value.__name__
    return repr(value) if hasattr(value, "__dict__") else value


@pytest.fixture
def files_are_taken_as_they_are(monkeypatch):
    """Tiny files have not the MD5 of the real ones; folders are listed in order by both libraries."""
    for package in ("torchvision", "tritonnn.vision"):
        for name, module in list(sys.modules.items()):
            if name.startswith(f"{package}.datasets") and hasattr(module, "check_integrity"):
                monkeypatch.setattr(module, "check_integrity", lambda path, md5=None: os.path.isfile(path))
    listdir, rglob = os.listdir, pathlib.Path.rglob
    monkeypatch.setattr(os, "listdir", lambda *path: sorted(listdir(*path)))
    monkeypatch.setattr(pathlib.Path, "rglob", lambda self, pattern: sorted(rglob(self, pattern)))


def seen(dataset: Any, attributes: list[str]) -> dict[str, Any]:
    """All that a dataset shows."""
    items = []
    for i in range(len(dataset)):
        random.seed(i)
        items.append(plain(dataset[i]))
    return {"repr": repr(dataset), "items": items, **{a: plain(getattr(dataset, a)) for a in attributes}}


@pytest.fixture
def an_index_for_coco(monkeypatch):
    """torchvision has none of its own: where pycocotools is not installed it gets tritonnn's."""
    if importlib.util.find_spec("pycocotools") is None:
        module = types.ModuleType("pycocotools.coco")
        module.COCO = _coco.Coco  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "pycocotools", types.ModuleType("pycocotools"))
        monkeypatch.setitem(sys.modules, "pycocotools.coco", module)


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # torchvision leaves files open
@pytest.mark.filterwarnings("ignore:Image.Image.getdata")
@pytest.mark.parametrize("name", FAKES)
def test_read_alike(name, tmp_path, monkeypatch, files_are_taken_as_they_are, an_index_for_coco):
    if name in EXTRAS:
        pytest.importorskip(EXTRAS[name])
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "data"
    root.mkdir()
    for arguments in FAKES[name](root):
        reference = getattr(theirs, name)(str(root), **arguments)
        attributes = [a for a in vars(reference) if not a.startswith("_") or a in PRIVATE]
        attributes = [a for a in attributes if a not in UNLIKE.get(name, {})]
        expected = seen(reference, attributes)
        for database in getattr(reference, "dbs", []):  # LMDB opens one only once
            database.env.close()
        found = seen(getattr(ours, name)(str(root), **arguments), attributes)
        assert expected["items"] or arguments == {"what": "test50k"}  # those behind the 10,000th
        for what, value in expected.items():
            assert found[what] == value, (arguments, what)


def test_all_are_read():
    assert set(theirs.__all__) - set(FAKES) == set(NOT_READ)
    assert set(ours.__all__) == set(theirs.__all__)


def signature(function: Any) -> list[tuple[str, Any, Any]]:
    """Names, kinds and defaults of parameters."""
    parameters = inspect.signature(function).parameters.values()
    return [(p.name, p.kind, getattr(p.default, "__name__", p.default)) for p in parameters]


def public(module: Any) -> dict[str, Any]:
    """The functions and classes that a module defines."""
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_")
        and callable(value)
        and getattr(value, "__module__", None) == module.__name__
    }


MODULES = sorted(name for name in sys.modules if name.startswith("torchvision.datasets."))
#: what torchvision's modules define that is not here, and why
ABSENT = {
    "torchvision.datasets.folder": {"accimage_loader": "set_image_backend says that it is not used"},
    "torchvision.datasets.mnist": {"get_int": "a step of reading an IDX file"},
}
#: methods of other signatures, and why
OTHER_METHODS = {
    "_scan_pairs": "private", "_read_img": "private",
}  # fmt: skip


@pytest.mark.parametrize("module", MODULES)
def test_names_and_signatures(module):
    reference = public(sys.modules[module])
    own = importlib.import_module(module.replace("torchvision", "tritonnn.vision"))
    assert not [name for name in reference if not hasattr(own, name) and name not in ABSENT.get(module, {})]
    for name, value in reference.items():
        if name in ABSENT.get(module, {}):
            continue
        assert signature(getattr(own, name)) == signature(value), name
        if not isinstance(value, type):
            continue
        for method, function in vars(value).items():
            if not method.startswith("_") and inspect.isfunction(function):
                assert signature(getattr(getattr(own, name), method)) == signature(function), (name, method)
            elif not method.startswith("_") and not callable(function):
                assert hasattr(getattr(own, name), method), (name, method)


@pytest.mark.parametrize("name", [name for name in theirs.__all__ if isinstance(getattr(theirs, name), type)])
def test_facts(name):
    """Addresses, hashes, names of classes: the attributes of the classes."""
    reference, own = getattr(theirs, name), getattr(ours, name)
    for attribute, value in inspect.getmembers(reference):
        facts = isinstance(value, (str, list, tuple, dict, set, int)) and not attribute.startswith("__")
        if facts and attribute not in ("_abc_impl", "__doc__") and hasattr(own, attribute):
            assert plain(getattr(own, attribute)) == plain(value), attribute
        if facts and not attribute.startswith("_"):
            assert hasattr(own, attribute), attribute


def clip_metadata(library: Any, lengths: tuple[int, ...] = (10, 3, 25)) -> dict[str, Any]:
    return {
        "video_paths": [f"{i}.avi" for i in range(len(lengths))],
        "video_pts": [library.arange(length) for length in lengths],
        "video_fps": [30.0, 24.0, 25.0],
    }


@pytest.mark.filterwarnings("ignore:There aren't enough frames")
@pytest.mark.parametrize("rate", [None, 10, 12.5, 60])
@pytest.mark.parametrize(("size", "step"), [(5, 1), (4, 6), (1, 2)])
def test_clips(size, step, rate):
    import torch
    import torchvision.datasets.video_utils as reference

    import tritonnn
    import tritonnn.vision.datasets.video_utils as own

    clips = [
        module.VideoClips(
            clip_metadata(library)["video_paths"],
            size,
            step,
            rate,
            _precomputed_metadata=clip_metadata(library),
        )
        for library, module in ((torch, reference), (tritonnn, own))
    ]
    assert plain(clips[1].clips) == plain(clips[0].clips)
    assert plain(clips[1].resampling_idxs) == plain(clips[0].resampling_idxs)
    assert clips[1].cumulative_sizes == clips[0].cumulative_sizes and len(clips[1]) == len(clips[0])
    assert [clips[1].get_clip_location(i) for i in range(len(clips[1]))] == [
        clips[0].get_clip_location(i) for i in range(len(clips[0]))
    ]
    uniform = [module.UniformClipSampler(c, 3) for module, c in zip((their_samplers, our_samplers), clips)]
    if all(len(c) for c in clips[0].clips):
        assert list(uniform[1]) == list(uniform[0])
    assert len(uniform[1]) == len(uniform[0])


@pytest.mark.parametrize("name", ["HMDB51", "UCF101", "Kinetics"])
def test_videos_are_found(name, tmp_path):
    import torch

    import tritonnn

    base = tmp_path / "train" if name == "Kinetics" else tmp_path / "videos"
    for video in ("run/v_run_1.avi", "run/v_run_2.avi", "sit/v_sit_1.avi"):
        (base / video).parent.mkdir(parents=True, exist_ok=True)
        (base / video).write_bytes(b"")
    lists = tmp_path / "lists"
    lists.mkdir()
    (lists / "run_test_split1.txt").write_text("v_run_1.avi 1 \nv_run_2.avi 2 \n")
    (lists / "sit_test_split1.txt").write_text("v_sit_1.avi 1 \n")
    (lists / "trainlist01.txt").write_text("run/v_run_1.avi 1\nsit/v_sit_1.avi 2\n")
    (lists / "testlist01.txt").write_text("run/v_run_2.avi\n")
    for train in (True, False):
        sets = []
        for library, module in ((torch, theirs), (tritonnn, ours)):
            arguments = {"frames_per_clip": 2, "_precomputed_metadata": clip_metadata(library)}
            if name != "Kinetics":
                arguments |= {"annotation_path": str(lists), "train": train}
            paths = [str(base / p) for p in ("run/v_run_1.avi", "run/v_run_2.avi", "sit/v_sit_1.avi")]
            arguments["_precomputed_metadata"]["video_paths"] = paths
            sets.append(getattr(module, name)(str(tmp_path if name == "Kinetics" else base), **arguments))
        assert repr(sets[1]) == repr(sets[0]) and sets[1].samples == sets[0].samples
        assert getattr(sets[1], "indices", 0) == getattr(sets[0], "indices", 0)
        assert plain(sets[1].metadata) == plain(sets[0].metadata) and sets[1].classes == sets[0].classes


@pytest.mark.parametrize(
    "arguments", [(3, 0, False, 1), (3, 2, False, 2), (2, 1, False, 3), (5, 4, False, 1)]
)
def test_distributed_sampler(arguments):
    data = list(range(12))
    samplers = [module.DistributedSampler(data, *arguments) for module in (their_samplers, our_samplers)]
    assert list(samplers[1]) == list(samplers[0]) and len(samplers[1]) == len(samplers[0])
    assert torchvision is not None


BAD = [
    ("ImageFolder", {}, ()),
    ("ImageFolder", {}, ("empty/",)),
    ("ImageFolder", {"is_valid_file": 3}, ("a/1.png",)),
    ("DatasetFolder", {"loader": str}, ("a/1.png",)),
    ("MNIST", {}, ()), ("EMNIST", {"split": "none"}, ()), ("EMNIST", {"split": "letters"}, ()),
    ("QMNIST", {"what": "none"}, ()), ("CIFAR10", {}, ()), ("CIFAR100", {"train": False}, ()), ("STL10", {}, ()),
    ("STL10", {"folds": 10}, ()), ("STL10", {"folds": "1"}, ()), ("STL10", {"split": "val"}, ()), ("SVHN", {}, ()),
    ("SVHN", {"split": 3}, ()), ("LSUN", {"classes": "bed"}, ()), ("LSUN", {"classes": 3}, ()),
    ("LSUN", {"classes": ["bed_train"]}, ()), ("LSUN", {"classes": ["tower_all"]}, ()), ("ImageNet", {}, ()),
    ("ImageNet", {"split": "test"}, ()), ("VOCDetection", {}, ()), ("VOCDetection", {"year": "2006"}, ()),
    ("VOCSegmentation", {"image_set": "test"}, ()), ("VOCDetection", {"year": 2012}, ()), ("SBDataset", {}, ()),
    ("SBDataset", {"mode": "edges"}, ()), ("Cityscapes", {}, ()), ("Cityscapes", {"split": "all"}, ()),
    ("Cityscapes", {"mode": "rough"}, ()), ("Cityscapes", {"target_type": "box"}, ()), ("Omniglot", {}, ()),
    ("CelebA", {}, ()), ("CelebA", {"target_type": [], "target_transform": str}, ()), ("Caltech101", {}, ()),
    ("Caltech101", {"target_type": "x"}, ()), ("Caltech256", {}, ()), ("Flowers102", {}, ()),
    ("OxfordIIITPet", {}, ()), ("OxfordIIITPet", {"target_types": "x"}, ()), ("Food101", {}, ()),
    ("StanfordCars", {}, ()), ("StanfordCars", {"download": True}, ()), ("Places365", {}, ()),
    ("Places365", {"split": "train"}, ()), ("SBU", {"download": False}, ()), ("USPS", {}, ()),
    ("SEMEION", {"download": False}, ()), ("WIDERFace", {}, ()), ("Kitti", {}, ()), ("GTSRB", {}, ()),
    ("FER2013", {}, ()), ("DTD", {}, ()), ("EuroSAT", {}, ()), ("Country211", {}, ()), ("CLEVRClassification", {}, ()),
    ("FGVCAircraft", {}, ()), ("FGVCAircraft", {"annotation_level": "x"}, ()), ("Imagenette", {}, ()),
    ("Imagenette", {"size": "1px"}, ()), ("INaturalist", {}, ()), ("INaturalist", {"version": "2020"}, ()),
    ("LFWPeople", {}, ()), ("LFWPairs", {"download": True}, ()), ("RenderedSST2", {}, ()), ("SUN397", {}, ()),
    ("MovingMNIST", {}, ()), ("MovingMNIST", {"split_ratio": 0}, ()), ("MovingMNIST", {"split_ratio": 1.0}, ()),
    ("PhotoTour", {"name": "rome"}, ()), ("Sintel", {}, ()), ("Sintel", {"pass_name": "x"}, ()), ("KittiFlow", {}, ()),
    ("FlyingChairs", {}, ()), ("FlyingThings3D", {}, ()), ("HD1K", {}, ()), ("CarlaStereo", {}, ()),
    ("Middlebury2014Stereo", {}, ()), ("Middlebury2014Stereo", {"calibration": None}, ()),
    ("Middlebury2014Stereo", {"split": "test"}, ()),
    ("HMDB51", {"annotation_path": "", "frames_per_clip": 1, "fold": 4}, ()),
    ("Kinetics", {"frames_per_clip": 1, "num_classes": "500"}, ()),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "arguments", "files"), BAD, ids=[f"{i}-{row[0]}" for i, row in enumerate(BAD)]
)
def test_errors_are_of_the_same_types(name, arguments, files, tmp_path):
    if name == "LSUN":
        pytest.importorskip("lmdb")
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).mkdir() if file.endswith("/") and not (tmp_path / file).exists() else None
        if not file.endswith("/"):
            (tmp_path / file).write_bytes(b"")
    raised = []
    for library in (theirs, ours):
        with pytest.raises(Exception) as error:
            getattr(library, name)(str(tmp_path), **arguments)
        raised.append(error.value)
    assert type(raised[1]) is type(raised[0]), raised
