"""`download=True`: from the files as they are published to a dataset that is read."""

from __future__ import annotations

import gzip
import os
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path
from urllib.error import URLError

import fake_sets
import fake_structures  # noqa: F401 (registers more)
import numpy as np
import pytest
from fake_files import picture, text

from tritonnn.vision import datasets
from tritonnn.vision.datasets import _download

#: datasets, arguments, and what is published: archives with what is at which place in them, and files
PUBLISHED: dict[str, tuple[dict, dict[str, dict[str, str] | str]]] = {
    "CIFAR10": ({}, {"cifar-10-python.tar.gz": {"cifar-10-batches-py": "cifar-10-batches-py"}}),
    "STL10": ({"split": "test"}, {"stl10_binary.tar.gz": {"stl10_binary": "stl10_binary"}}),
    "USPS": ({}, {"usps.bz2": "usps.bz2"}),
    "SEMEION": ({}, {"semeion.data": "semeion.data"}),
    "QMNIST": (
        {"what": "train"},
        {f"qmnist-train-{x}.gz": f"QMNIST/raw/qmnist-train-{x}" for x in ("images-idx3-ubyte", "labels-idx2-int")},
    ),
    "Omniglot": ({}, {"images_background.zip": {"omniglot-py/images_background": "images_background"}}),
    "Food101": ({}, {"food-101.tar.gz": {"food-101": "food-101"}}),
    "DTD": ({}, {"dtd-r1.0.1.tar.gz": {"dtd/dtd": "dtd"}}),
    "EuroSAT": ({}, {"EuroSAT.zip": {"eurosat/2750": "2750"}}),
    "Country211": ({}, {"country211.tgz": {"country211": "country211"}}),
    "CLEVRClassification": ({}, {"CLEVR_v1.0.zip": {"clevr/CLEVR_v1.0": "CLEVR_v1.0"}}),
    "FGVCAircraft": ({}, {"fgvc-aircraft-2013b.tar.gz": {"fgvc-aircraft-2013b": "fgvc-aircraft-2013b"}}),
    "Imagenette": ({}, {"imagenette2.tgz": {"imagenette2": "imagenette2"}}),
    "RenderedSST2": ({}, {"rendered-sst2.tgz": {"rendered-sst2": "rendered-sst2"}}),
    "SUN397": ({}, {"SUN397.tar.gz": {"SUN397": "SUN397"}}),
    "OxfordIIITPet": (
        {},
        {f"{x}.tar.gz": {f"oxford-iiit-pet/{x}": x} for x in ("images", "annotations")},
    ),
    "GTSRB": (
        {"split": "test"},
        {
            "GTSRB_Final_Test_Images.zip": {"gtsrb/GTSRB/Final_Test": "GTSRB/Final_Test"},
            "GTSRB_Final_Test_GT.zip": {"gtsrb/GT-final_test.csv": "GT-final_test.csv"},
        },
    ),
    "Caltech256": ({}, {"256_ObjectCategories.tar": {"caltech256/256_ObjectCategories": "256_ObjectCategories"}}),
    "VOCDetection": ({}, {"VOCtrainval_11-May-2012.tar": {"VOCdevkit": "VOCdevkit"}}),
    "Kitti": (
        {},
        {
            "data_object_image_2.zip": {f"Kitti/raw/{x}/image_2": f"{x}/image_2" for x in ("training", "testing")},
            "data_object_label_2.zip": {"Kitti/raw/training/label_2": "training/label_2"},
        },
    ),
    "MovingMNIST": ({}, {"mnist_test_seq.npy": "MovingMNIST/mnist_test_seq.npy"}),
    "CelebA": (
        {},
        {"img_align_celeba.zip": {"celeba/img_align_celeba": "img_align_celeba"}}
        | {name: f"celeba/{name}" for _, _, name in datasets.CelebA.file_list if name.endswith("txt")},
    ),
    "WIDERFace": (
        {},
        {f"{x}.zip": {f"widerface/{x}": x} for x in ("WIDER_train", "WIDER_val", "WIDER_test", "wider_face_split")},
    ),
    "INaturalist": ({"version": "2021_valid"}, {"2021_valid.tgz": {"2021_valid": "val"}}),
    "Places365": (
        {},
        {
            "filelist_places365-standard.tar": {
                x: x for x in ("categories_places365.txt", "places365_train_standard.txt")
            },
            "train_large_places365standard.tar": {"data_large_standard": "data_large"},
        },
    ),
    "PhotoTour": ({"name": "liberty"}, {"liberty.zip": {"liberty": ""}}),
    "SBU": (
        {},
        {
            "SBUCaptionedPhotoDataset.tar.gz": {
                f"dataset/SBU_captioned_photo_dataset_{x}.txt": f"dataset/SBU_captioned_photo_dataset_{x}.txt"
                for x in ("urls", "captions")
            },
            "1.jpg": "dataset/1.jpg",
            "3.jpg": "dataset/3.jpg",
        },
    ),
    "SVHN": ({}, {"train_32x32.mat": "train_32x32.mat"}),
    "Flowers102": (
        {},
        {"102flowers.tgz": {"flowers-102/jpg": "jpg"}}
        | {f"{x}.mat": f"flowers-102/{x}.mat" for x in ("imagelabels", "setid")},
    ),
    "SBDataset": (
        {},
        {
            "benchmark.tgz": {
                x: f"benchmark_RELEASE/dataset/{x}" for x in ("img", "cls", "inst", "train.txt", "val.txt")
            }
        },
    ),
    "PCAM": (
        {},
        {
            f"camelyonpatch_level_2_split_train_{x}.h5.gz": f"pcam/camelyonpatch_level_2_split_train_{x}.h5"
            for x in "xy"
        },
    ),
}  # fmt: skip
NEED = {"SVHN": "scipy", "Flowers102": "scipy", "SBDataset": "scipy", "PCAM": "h5py"}


def publish(site: Path, data: Path, files: dict[str, dict[str, str] | str]) -> None:
    """Make the archives and files of a site out of what a dataset is on disk."""
    site.mkdir()
    for name, content in files.items():
        if isinstance(content, str):
            raw = (data / content).read_bytes()
            packed = name.endswith(".gz") and not content.endswith(".gz")
            (site / name).write_bytes(gzip.compress(raw) if packed else raw)
        elif name.endswith(".zip"):
            with zipfile.ZipFile(site / name, "w") as archive:
                for source, place in content.items():
                    for file in [data / source, *(data / source).rglob("*")]:
                        if file.is_file():
                            inside = Path(place) / file.relative_to(data / source)
                            archive.write(file, inside if file != data / source else place)
        else:
            mode = "w:gz" if name.endswith("gz") else "w"
            with tarfile.open(site / name, mode) as archive:
                for source, place in content.items():
                    archive.add(data / source, place)


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder that all addresses lead to, by the name of the file; tiny files have not the MD5 of the real ones."""
    folder, asked = tmp_path / "site", []

    def fetch(url, path, md5=None, hops=3, pages=True):
        asked.append(url)
        source = folder / os.path.basename(path)
        if not source.exists():
            raise URLError(f"there is no {source}")
        shutil.copy(source, path)

    monkeypatch.setattr(_download, "fetch", fetch)
    for name, module in list(sys.modules.items()):
        if name.startswith("tritonnn.vision.datasets") and hasattr(module, "check_integrity"):
            monkeypatch.setattr(module, "check_integrity", lambda path, md5=None: os.path.isfile(path))
    return folder, asked


@pytest.mark.parametrize("name", PUBLISHED)
def test_fetched(name, tmp_path, site):
    if name in NEED:
        pytest.importorskip(NEED[name])
    arguments, files = PUBLISHED[name]
    data, new = tmp_path / "data", tmp_path / "new"
    data.mkdir()
    fake_sets.FAKES[name](data)
    if name == "SBDataset":
        (data / "inst").mkdir()
        text(data / "val.txt", "1")
    publish(site[0], data, files)
    with_download = {"download": True}
    expected = getattr(datasets, name)(
        data, **arguments, **({"download": False} if name in ("SEMEION", "SBU") else {})
    )
    fetched = getattr(datasets, name)(new, **arguments, **with_download)
    assert len(fetched) == len(expected) > 0
    assert repr(fetched).replace(str(new), str(data)) == repr(expected)
    for i in range(len(expected)):
        assert str(fetched[i][1:]) == str(expected[i][1:])
    count = len(site[1])
    assert len(getattr(datasets, name)(new, **arguments, **with_download)) == len(expected)
    assert len(site[1]) == count, "what is there was fetched once more"
    assert not [
        path for path in new.rglob("*") if path.name.startswith(".extracting") or path.suffix == ".part"
    ]


def test_emnist(tmp_path, site):
    data = tmp_path / "data"
    fake_sets.FAKES["EMNIST"](data)
    site[0].mkdir()
    with zipfile.ZipFile(site[0] / "gzip.zip", "w") as archive:
        for file in (data / "EMNIST" / "raw").iterdir():
            archive.writestr(f"gzip/{file.name}.gz", gzip.compress(file.read_bytes()))
    assert len(datasets.EMNIST(tmp_path / "new", split="letters", download=True)) == 2
    assert len(datasets.EMNIST(tmp_path / "new", split="balanced", train=False)) == 2


def test_caltech101(tmp_path, site):
    base = tmp_path / "data"
    picture(base / "101_ObjectCategories" / "ant" / "image_0001.jpg")
    picture(base / "101_ObjectCategories" / "BACKGROUND_Google" / "image_0001.jpg")
    text(base / "Annotations" / "ant" / "annotation_0001.mat", "x")
    site[0].mkdir()
    for name, mode in (("101_ObjectCategories.tar.gz", "w:gz"), ("Annotations.tar", "w")):
        with tarfile.open(tmp_path / name, mode) as archive:
            archive.add(base / name.partition(".")[0], name.partition(".")[0])
    with zipfile.ZipFile(site[0] / "caltech-101.zip", "w") as archive:
        for name in ("101_ObjectCategories.tar.gz", "Annotations.tar"):
            archive.write(tmp_path / name, f"caltech-101/{name}")
    things = datasets.Caltech101(tmp_path / "new", download=True)
    assert things.categories == ["ant"] and sorted(os.listdir(things.root)) == [
        "101_ObjectCategories",
        "Annotations",
    ]


def test_imagenet(tmp_path, site):
    io = pytest.importorskip("scipy.io")
    kit = tmp_path / "ILSVRC2012_devkit_t12" / "data"
    kit.mkdir(parents=True)
    kind = [
        ("ILSVRC2012_ID", object),
        ("WNID", object),
        ("words", object),
        ("gloss", object),
        ("num_children", object),
    ]
    rows = [(1, "n02", "goldfish, Carassius", "", 0), (2, "n01", "tench", "", 0), (3, "n09", "fish", "", 2)]
    io.savemat(kit / "meta.mat", {"synsets": np.array([list(rows)[i] for i in range(3)], kind)})
    text(kit / "ILSVRC2012_validation_ground_truth.txt", "2", "1", "1")
    root = tmp_path / "root"
    root.mkdir()
    with tarfile.open(root / "ILSVRC2012_devkit_t12.tar.gz", "w:gz") as archive:
        archive.add(kit.parent, kit.parent.name)
    with tarfile.open(root / "ILSVRC2012_img_train.tar", "w") as archive:
        for wnid in ("n01", "n02"):
            with tarfile.open(tmp_path / f"{wnid}.tar", "w") as inner:
                inner.add(picture(tmp_path / f"{wnid}_1.JPEG"), f"{wnid}_1.JPEG")
            archive.add(tmp_path / f"{wnid}.tar", f"{wnid}.tar")
    with tarfile.open(root / "ILSVRC2012_img_val.tar", "w") as archive:
        for i in (3, 1, 2):
            archive.add(picture(tmp_path / f"val_{i}.JPEG"), f"val_{i}.JPEG")
    train, val = datasets.ImageNet(root), datasets.ImageNet(root, "val")
    assert train.classes == [("tench",), ("goldfish", "Carassius")] and train.wnids == ["n01", "n02"]
    assert train.class_to_idx == {"tench": 0, "goldfish": 1, "Carassius": 1} and len(train) == 2
    assert [(os.path.basename(path), i) for path, i in val.samples] == [
        ("val_1.JPEG", 0), ("val_2.JPEG", 1), ("val_3.JPEG", 1),
    ]  # fmt: skip
    assert not [name for name in os.listdir(root) if name.startswith(".")]
    shutil.rmtree(root / "val")
    text(root / "short.txt")
    with pytest.raises(RuntimeError, match="has 3 pictures where 1 classes are known"):
        datasets.imagenet.parse_val_archive(root, wnids=["n01"])
    assert not (root / "val").exists()


def test_kinetics(tmp_path, site):
    site[0].mkdir()
    for part in ("1", "2"):
        with tarfile.open(site[0] / f"part_{part}.tar.gz", "w:gz") as archive:
            archive.add(text(tmp_path / "clip.mp4", part), f"video{part}_000010_000020.mp4")
    text(site[0] / "k400_val_path.txt", *(f"https://s3.amazonaws.com/part_{i}.tar.gz" for i in "12"))
    rows = ["riding (a mule),video1,10,20,val", "doing aerobics,video2,10,20,val", "lost,video3,1,2,val"]
    text(site[0] / "val.csv", "label,youtube_id,time_start,time_end,split", *rows)
    known = {"video_paths": [], "video_pts": [], "video_fps": []}
    arguments = {"frames_per_clip": 1, "split": "val", "_precomputed_metadata": known}
    with pytest.raises(FileNotFoundError, match="lost"):
        datasets.Kinetics(tmp_path / "new", download=True, **arguments)
    folder = tmp_path / "new" / "val"
    assert sorted(str(p.relative_to(folder)) for p in folder.rglob("*.mp4")) == [
        "doing_aerobics/video2_000010_000020.mp4", "riding_a_mule/video1_000010_000020.mp4",
    ]  # fmt: skip


def test_middlebury(tmp_path, site):
    site[0].mkdir()
    with zipfile.ZipFile(site[0] / "MiddEval3-data-F.zip", "w") as archive:
        for scene in datasets.Middlebury2014Stereo.splits["test"]:
            for name in ("im0.png", "im1.png"):
                archive.write(picture(tmp_path / name), f"MiddEval3/testF/{scene}/{name}")
    arguments = {"split": "test", "calibration": None, "download": True}
    assert len(datasets.Middlebury2014Stereo(tmp_path / "new", **arguments)) == 15
    assert os.listdir(tmp_path / "new" / "Middlebury2014") == ["test"] and len(site[1]) == 1
    assert len(datasets.Middlebury2014Stereo(tmp_path / "new", **arguments)) == 15 and len(site[1]) == 1
