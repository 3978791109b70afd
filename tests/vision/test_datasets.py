"""Datasets of pictures: what they have in common, folders, noise, worker processes."""

from __future__ import annotations

import importlib
import pickle
import shutil
import sys
from pathlib import Path
from typing import Any

import fake_sets
import fake_structures
import numpy as np
import pytest
from fake_files import picture, shown
from PIL import Image

import tritonnn as torch
from tritonnn.utils.data import DataLoader, Dataset
from tritonnn.vision import datasets
from tritonnn.vision.datasets import DatasetFolder, FakeData, ImageFolder, VisionDataset, samplers
from tritonnn.vision.datasets.folder import find_classes, is_image_file, make_dataset
from tritonnn.vision.datasets.utils import iterable_to_str, list_dir, list_files, verify_str_arg
from tritonnn.vision.datasets.vision import StandardTransform


class Numbers(VisionDataset):
    def __getitem__(self, index):
        return index

    def __len__(self):
        return 3

    def extra_repr(self):
        return "Split: all\nMore: yes"


class Lines:
    def __repr__(self):
        return "Two(\n)"


def test_base():
    both = Numbers("~/pictures", transform=Lines(), target_transform=Lines())
    assert isinstance(both, Dataset) and both.root == str(Path.home() / "pictures")
    assert repr(both).splitlines() == [
        "Dataset Numbers", "    Number of datapoints: 3", f"    Root location: {both.root}", "    Split: all",
        "    More: yes", "    StandardTransform", "Transform: Two(", "           )", "Target transform: Two(",
        "                  )",
    ]  # fmt: skip
    assert repr(Numbers()).splitlines()[2] == "    Split: all"
    assert Numbers(Path("~")).root == Path("~")
    joint = Numbers(transforms=len)
    assert joint.transforms is len and joint.transform is None
    with pytest.raises(ValueError, match="Only transforms or transform/target_transform"):
        Numbers(transforms=len, target_transform=len)
    assert StandardTransform(str, abs)(1, -2) == ("1", 2) and StandardTransform()(1, 2) == (1, 2)
    for method in (lambda: VisionDataset("x")[0], lambda: len(VisionDataset("x"))):
        with pytest.raises(NotImplementedError, match="VisionDataset must define"):
            method()


def test_folder(tmp_path):
    for i, name in enumerate(("b/2.png", "a/1.JPG", "a/x/0.png", "a/notes.txt", "c/3.gif")):
        Image.new("L", (3, 2), i).save(tmp_path / "s.png")
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((tmp_path / "s.png").read_bytes())
    assert find_classes(tmp_path) == (["a", "b", "c"], {"a": 0, "b": 1, "c": 2})
    folder = ImageFolder(tmp_path, allow_empty=True, transform=np.asarray, target_transform=shown)
    names = [str(Path(path).relative_to(tmp_path)) for path, _ in folder.samples]
    assert names == ["a/1.JPG", "a/x/0.png", "b/2.png"] and folder.targets == [0, 0, 1]
    assert folder.imgs is folder.samples and folder.classes == ["a", "b", "c"]
    image, target = folder[2]
    assert image.shape == (2, 3, 3) and image.max() == 0 and target == "<1>"
    folder.transform = None
    assert folder[-1][0].mode == "RGB"
    valid = ImageFolder(tmp_path, is_valid_file=lambda path: path.endswith(("txt", "gif", "2.png")))
    assert len(valid) == 3 and valid.extensions is None
    assert make_dataset(tmp_path, {"b": 7}, ".png") == [(str(tmp_path / "b" / "2.png"), 7)]
    assert is_image_file("x.WebP") and not is_image_file("x.gif")
    for arguments, says in (
        ({"class_to_idx": {}}, "at least one entry"), ({}, "cannot be None or not None"),
        ({"extensions": "png", "is_valid_file": bool}, "cannot be None or not None"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=says):
            make_dataset(tmp_path, **arguments)
    with pytest.raises(ValueError, match="cannot be None"):
        DatasetFolder.make_dataset(tmp_path, None)


class OnlyA(DatasetFolder):
    def find_classes(self, directory):
        return ["a"], {"a": 5}


def test_own_classes(tmp_path):
    picture(tmp_path / "a" / "1.png")
    picture(tmp_path / "b" / "1.png")
    assert OnlyA(tmp_path, str, ("png",)).samples == [(str(tmp_path / "a" / "1.png"), 5)]


def test_helpers(tmp_path):
    picture(tmp_path / "b" / "1.png")
    picture(tmp_path / "a.png")
    assert list_dir(tmp_path) == ["b"] and list_dir(tmp_path, prefix=True) == [str(tmp_path / "b")]
    assert (
        list_files(tmp_path, ".png") == ["a.png"]
        and list_files(tmp_path / "b", ("jpg", "png"), True)[0][-5:] == "1.png"
    )
    assert iterable_to_str([1, "x"]) == "'1', 'x'" and verify_str_arg("a") == "a"
    for arguments, says in (
        ((3,), "Expected type str, but got type <class 'int'>"), ((3, "split"), "str for argument split, but"),
        (("a", "split", ["b"]), r"Unknown value 'a' for argument split. Valid values are \{'b'\}"),
        (("a", "split", ["b"], "no"), "^no$"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=says):
            verify_str_arg(*arguments)


def test_noise():
    noise = FakeData(5, (3, 6, 4), 7, transform=np.asarray, random_offset=3)
    assert len(noise) == 5 and noise[0][0].shape == (6, 4, 3) and noise[0][0].dtype == np.uint8
    before = torch.get_rng_state()
    again = [noise[i] for i in (1, 0, 1)]
    assert torch.equal(torch.get_rng_state(), before), "asking changes no random numbers"
    assert np.array_equal(again[0][0], again[2][0]) and not np.array_equal(again[0][0], again[1][0])
    other = FakeData(5, (3, 6, 4), 7, transform=np.asarray, random_offset=4)
    assert np.array_equal(other[0][0], noise[1][0]) and other[0][1] == noise[1][1]
    targets = [FakeData(200, (1, 1, 1), 3)[i][1] for i in range(200)]
    assert set(targets) == {0, 1, 2} and all(type(target) is int for target in targets)
    with pytest.raises(IndexError, match="FakeData index out of range"):
        noise[5]


def as_tensor(image: Any) -> Any:
    return torch.from_numpy(np.asarray(image).copy())


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_workers(context, tmp_path):
    """Pictures that are read by other processes are those that this one reads."""
    for i in range(10):
        picture(tmp_path / f"{i % 3}" / f"{i}.png")
    folder = ImageFolder(tmp_path, transform=as_tensor)
    loader = DataLoader(folder, batch_size=4, num_workers=2, multiprocessing_context=context)
    images, labels = (torch.cat(parts) for parts in zip(*loader))
    assert (
        torch.equal(images, torch.stack([image for image, _ in folder])) and labels.tolist() == folder.targets
    )


def test_a_damaged_picture_is_named_by_workers(tmp_path):
    for i in range(4):
        picture(tmp_path / "a" / f"{i}.png")
    (tmp_path / "a" / "2.png").write_bytes(b"no picture")
    loader = DataLoader(ImageFolder(tmp_path, transform=as_tensor), batch_size=2, num_workers=2)
    with pytest.raises(Exception, match=r"2\.png"):
        list(loader)


#: datasets that are sent to other processes, and what they need
SENT = {
    "MNIST": None, "CIFAR10": None, "VOCDetection": None, "FER2013": None, "OxfordIIITPet": None, "LFWPeople": None,
    "PhotoTour": None, "PCAM": "h5py", "LSUN": "lmdb", "CocoDetection": None, "Places365": None,
}  # fmt: skip


@pytest.mark.parametrize("name", SENT)
def test_sent_to_another_process(name, tmp_path, monkeypatch):
    if SENT[name]:
        pytest.importorskip(SENT[name])
    monkeypatch.chdir(tmp_path)
    for module in ("cifar", "mnist", "fer2013", "lfw", "places365"):
        loaded = importlib.import_module(f"tritonnn.vision.datasets.{module}")
        monkeypatch.setattr(loaded, "check_integrity", lambda path, md5=None: Path(path).is_file())
    root = tmp_path / "data"
    root.mkdir()
    arguments = {k: v for k, v in fake_sets.FAKES[name](root)[0].items() if "transform" not in k}
    dataset = getattr(datasets, name)(root, **arguments)
    batches = DataLoader(dataset, batch_size=None, num_workers=2)
    found = [_seen(item) for item in batches]
    assert found == [_seen(dataset[i]) for i in range(len(dataset))]
    if name == "LSUN":
        for database in dataset.dbs:
            database.env.close()
    copied = pickle.loads(pickle.dumps(dataset))
    assert [_seen(copied[i]) for i in range(len(copied))] == found


def _seen(item: Any) -> str:
    return str([part.tobytes()[:50] if isinstance(part, Image.Image) else part for part in item])


def test_coco_without_its_library(tmp_path, monkeypatch):
    for module in ("pycocotools", "pycocotools.coco"):
        monkeypatch.setitem(sys.modules, module, None)
    file = fake_structures.coco(tmp_path)
    found = datasets.CocoDetection(tmp_path, file)
    assert found.ids == [1, 2, 3] and [[a["id"] for a in target] for _, target in found] == [[7, 6], [5], []]
    assert datasets.CocoCaptions(tmp_path, file)[0][1] == ["a dog", "a man"]
    assert found.coco.annToMask(found.coco.anns[5]).sum() == 10
    wrapped = datasets.wrap_dataset_for_transforms_v2(found, target_keys=["masks", "boxes"])
    target = wrapped[0][1]
    assert target["masks"].shape == (2, 5, 7) and target["boxes"].tolist() == [[1, 1, 5.5, 3.5], [0, 0, 3, 3]]
    with pytest.raises(ValueError, match="Index must be of type integer, got <class 'str'>"):
        found["1"]
    for text in ("[]", "{", '{"images": 3}'):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(ValueError, match=r"bad\.json"):
            datasets.CocoDetection(tmp_path, str(tmp_path / "bad.json"))


def test_instances_of_cityscapes(tmp_path):
    """Classes with instances are 1000 times the class and a number."""
    fake_sets.FAKES["Cityscapes"](tmp_path)
    values = np.array([[7, 26001, 26002], [7, 7, 26001]], np.uint16)
    file = datasets.Cityscapes(tmp_path).targets[0][0]
    Image.fromarray(values).save(file)
    target = datasets.wrap_dataset_for_transforms_v2(datasets.Cityscapes(tmp_path))[0][1]
    assert target["labels"].tolist() == [7, 26, 26]
    assert target["masks"][1, 0].tolist() == (values == 26001).tolist()


def test_cityscapes_out_of_its_archives(tmp_path):
    fake_sets.FAKES["Cityscapes"](tmp_path)
    for name, folder in (("leftImg8bit_trainvaltest", "leftImg8bit"), ("gtFine_trainvaltest", "gtFine")):
        shutil.make_archive(str(tmp_path / name), "zip", tmp_path, folder)
        shutil.rmtree(tmp_path / folder)
    assert len(datasets.Cityscapes(tmp_path, "val")) == 2


def test_distributed_sampler_shuffles():
    shares = [samplers.DistributedSampler(range(10), 2, rank, shuffle=True, group_size=2) for rank in (0, 1)]
    first = [list(share) for share in shares]
    assert sorted(first[0] + first[1]) != list(range(10)) and set(first[0] + first[1]) == set(range(10))
    for share in shares:
        share.set_epoch(1)
    assert [list(share) for share in shares] != first and len(shares[0]) == 6
    with pytest.raises(ValueError, match="multiplier of group size"):
        samplers.DistributedSampler(range(5), 1, 0, group_size=2)
    with pytest.raises(RuntimeError, match="distributed package"):
        samplers.DistributedSampler(range(5))
    outer = samplers.DistributedSampler(samplers.DistributedSampler(range(4), 2, 1), 1, 0)
    assert list(outer) == [1, 3]
