"""For each dataset of pictures with labels: a tiny one on disk, and arguments that it is read with."""

from __future__ import annotations

import bz2
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from fake_files import idx, mat, pickled, picture, random, shown, text

Cases = list[dict[str, Any]]
FAKES: dict[str, Callable[[Path], Cases]] = {}


def fake(name: str) -> Callable[[Callable[[Path], Cases]], Callable[[Path], Cases]]:
    """Registers what writes the files of a dataset below a folder, and returns the arguments besides the folder."""

    def register(function: Callable[[Path], Cases]) -> Callable[[Path], Cases]:
        FAKES[name] = function
        return function

    return register


def pictures(folder: Path, *names: str) -> None:
    """Small pictures of these names."""
    for name in names:
        picture(folder / name)


@fake("ImageFolder")
def _(root: Path) -> Cases:
    pictures(root, "cat/1.png", "cat/deeper/2.JPG", "dog/1.jpeg", "dog/3.bmp")
    text(root / "dog" / "notes.txt", "no picture")
    return [{}, {"is_valid_file": lambda path: path.endswith("1.png") or path.endswith("3.bmp")}]


@fake("DatasetFolder")
def _(root: Path) -> Cases:
    text(root / "a" / "1.txt", "one")
    (root / "b").mkdir()
    return [{"loader": lambda path: Path(path).read_text(), "extensions": ("txt",), "allow_empty": True}]


def _mnist(root: Path, name: str, labels: tuple[int, ...] = (3, 1, 9)) -> Cases:
    raw = root / name / "raw"
    for part, count in (("train", 3), ("t10k", 2)):
        idx(raw / f"{part}-images-idx3-ubyte", random(count, 28, 28))
        idx(raw / f"{part}-labels-idx1-ubyte", np.array(labels[:count], np.uint8))
    return [{}, {"train": False, "transform": np.asarray, "target_transform": shown}]


for _name in ("MNIST", "FashionMNIST", "KMNIST"):
    FAKES[_name] = lambda root, name=_name: _mnist(root, name)  # type: ignore[misc]


@fake("EMNIST")
def _(root: Path) -> Cases:
    for split in ("letters", "balanced"):
        for part in ("train", "test"):
            start = root / "EMNIST" / "raw" / f"emnist-{split}-{part}"
            idx(Path(f"{start}-images-idx3-ubyte"), random(2, 28, 28))
            idx(Path(f"{start}-labels-idx1-ubyte"), np.array([1, 2], np.uint8))
    return [{"split": "letters"}, {"split": "balanced", "train": False}]


@fake("QMNIST")
def _(root: Path) -> Cases:
    for name in ("qmnist-train", "qmnist-test", "xnist"):
        idx(root / "QMNIST" / "raw" / f"{name}-images-idx3-ubyte", random(3, 28, 28))
        idx(root / "QMNIST" / "raw" / f"{name}-labels-idx2-int", random(3, 8, high=10, dtype=np.int32))
    return [{}, {"what": "test10k"}, {"what": "test50k"}, {"what": "nist", "compat": False}, {"train": False}]


@fake("CIFAR10")
def _(root: Path) -> Cases:
    folder = root / "cifar-10-batches-py"
    for i, name in enumerate(["test_batch", *(f"data_batch_{i}" for i in range(1, 6))]):
        pickled(
            folder / name, {"data": random(2, 3072 + i)[:, :3072], "labels": [i, 9], "filenames": ["a", "b"]}
        )
    pickled(folder / "batches.meta", {"label_names": list("abcdefghij"), "num_vis": 3072})
    return [{}, {"train": False, "transform": np.asarray}]


@fake("CIFAR100")
def _(root: Path) -> Cases:
    for name in ("train", "test"):
        labels = {"fine_labels": [4, 99], "coarse_labels": [1, 2]}
        pickled(root / "cifar-100-python" / name, {"data": random(2, 3072), **labels})
    pickled(root / "cifar-100-python" / "meta", {"fine_label_names": [str(i) for i in range(100)]})
    return [{}, {"train": False}]


@fake("STL10")
def _(root: Path) -> Cases:
    folder = root / "stl10_binary"
    folder.mkdir()
    for name, count in (("train", 4), ("test", 2), ("unlabeled", 3)):
        random(count, 3, 96, 96).tofile(folder / f"{name}_X.bin")
        random(count, high=10).tofile(folder / f"{name}_y.bin")
    text(folder / "class_names.txt", *"abcdefghij")
    text(folder / "fold_indices.txt", *(f"{i % 4} {(i + 1) % 4}" for i in range(10)))
    return [
        {}, {"folds": 3}, {"split": "train+unlabeled", "folds": 1}, {"split": "unlabeled"}, {"split": "test"},
    ]  # fmt: skip


@fake("SVHN")
def _(root: Path) -> Cases:
    mat(root / "train_32x32.mat", X=random(32, 32, 3, 4), y=np.array([[10], [1], [9], [10]], np.uint8))
    return [{}]


@fake("USPS")
def _(root: Path) -> Cases:
    numbers = np.random.default_rng(0).uniform(-1, 1, (2, 256)).round(6)
    rows = [
        f"{9 + i} " + " ".join(f"{j + 1}:{x}" for j, x in enumerate(row)) for i, row in enumerate(numbers)
    ]
    for name in ("usps.bz2", "usps.t.bz2"):
        (root / name).write_bytes(bz2.compress("\n".join(rows).encode()))
    return [{}, {"train": False}]


@fake("SEMEION")
def _(root: Path) -> Cases:
    rows = [
        " ".join(["1.0000", "0.0000"] * 128 + [str(int(i == digit)) for i in range(10)]) for digit in (3, 0)
    ]
    text(root / "semeion.data", *rows)
    return [{"download": False}]


@fake("Caltech101")
def _(root: Path) -> Cases:
    base = root / "caltech101"
    for name in ("Faces", "accordion", "BACKGROUND_Google"):
        pictures(base / "101_ObjectCategories" / name, "image_0001.jpg", "image_0002.jpg")
    for name in ("Faces_2", "accordion"):
        for i in (1, 2):
            mat(base / "Annotations" / name / f"annotation_{i:04d}.mat", obj_contour=np.ones((2, 3)) * i)
    return [{}, {"target_type": ["category", "annotation"]}]


@fake("Caltech256")
def _(root: Path) -> Cases:
    base = root / "caltech256" / "256_ObjectCategories"
    pictures(base, "001.ak47/001_0001.jpg", "001.ak47/001_0002.jpg", "002.flag/002_0001.jpg")
    text(base / "001.ak47" / "RENAME2", "no picture")
    return [{}]


@fake("Flowers102")
def _(root: Path) -> Cases:
    base = root / "flowers-102"
    pictures(base / "jpg", *(f"image_{i:05d}.jpg" for i in range(1, 7)))
    mat(base / "imagelabels.mat", labels=np.array([[3, 1, 2, 102, 5, 6]], np.uint8))
    mat(base / "setid.mat", trnid=np.array([[1, 4]]), valid=np.array([[2, 3]]), tstid=np.array([[6, 5]]))
    return [{}, {"split": "val"}, {"split": "test", "target_transform": shown}]


@fake("Food101")
def _(root: Path) -> Cases:
    base = root / "food-101"
    names = {"waffles": ["waffles/1", "waffles/2"], "pho": ["pho/3"]}
    for split in ("train", "test"):
        text(base / "meta" / f"{split}.json", json.dumps(names))
    pictures(base / "images", *(f"{name}.jpg" for files in names.values() for name in files))
    return [{}, {"split": "test"}]


@fake("StanfordCars")
def _(root: Path) -> Cases:
    base = root / "stanford_cars"
    kind = [("fname", "U8"), ("class", "u1"), ("bbox_x1", "u1")]
    rows = np.array([("1.jpg", 2, 1), ("2.jpg", 1, 1)], kind)
    mat(base / "devkit" / "cars_train_annos.mat", annotations=rows)
    mat(base / "cars_test_annos_withlabels.mat", annotations=rows)
    names = np.empty(2, object)
    names[:] = ["Audi", "BMW X"]
    mat(base / "devkit" / "cars_meta.mat", class_names=names)
    for split in ("train", "test"):
        pictures(base / f"cars_{split}", "1.jpg", "2.jpg")
    return [{}, {"split": "test"}]


@fake("GTSRB")
def _(root: Path) -> Cases:
    base = root / "gtsrb"
    pictures(base / "GTSRB" / "Training", "00000/1.ppm", "00001/1.ppm", "00001/2.ppm")
    pictures(base / "GTSRB" / "Final_Test" / "Images", "00000.ppm", "00001.ppm")
    text(base / "GT-final_test.csv", "Filename;Width;ClassId", "00000.ppm;7;16", "00001.ppm;7;1")
    return [{}, {"split": "test"}]


@fake("PCAM")
def _(root: Path) -> Cases:
    import h5py

    (root / "pcam").mkdir()
    for part in ("train", "valid"):
        start = root / "pcam" / f"camelyonpatch_level_2_split_{part}"
        for name, value in (("x", random(2, 96, 96, 3)), ("y", random(2, 1, 1, 1, high=2))):
            with h5py.File(f"{start}_{name}.h5", "w") as file:
                file[name] = value
    return [{}, {"split": "val"}]


@fake("FER2013")
def _(root: Path) -> Cases:
    pixels = [" ".join(map(str, random(48, 48 + i)[:, :48].ravel())) for i in range(2)]
    text(root / "fer2013" / "train.csv", "emotion,pixels", f"3,{pixels[0]}", f"6,{pixels[1]}")
    text(root / "fer2013" / "test.csv", "pixels", *pixels)
    return [{}, {"split": "test"}]


@fake("DTD")
def _(root: Path) -> Cases:
    base = root / "dtd" / "dtd"
    names = ["zigzag/z_1.jpg", "banded/b_1.jpg", "zigzag/z_2.jpg"]
    pictures(base / "images", *names)
    for name in ("train1", "val7", "test10"):
        text(base / "labels" / f"{name}.txt", *names)
    return [{}, {"split": "val", "partition": 7}, {"split": "test", "partition": 10}]


@fake("EuroSAT")
def _(root: Path) -> Cases:
    pictures(root / "eurosat" / "2750", "Forest/Forest_1.jpg", "River/River_1.jpg")
    return [{}]


@fake("Country211")
def _(root: Path) -> Cases:
    for split in ("train", "valid", "test"):
        pictures(root / "country211" / split, "AD/1.jpg", "AE/2.jpg")
    return [{}, {"split": "valid"}]


@fake("CLEVRClassification")
def _(root: Path) -> Cases:
    base = root / "clevr" / "CLEVR_v1.0"
    for split in ("train", "val", "test"):
        names = [f"CLEVR_{split}_00000{i}.png" for i in range(2)]
        pictures(base / "images" / split, *names)
        scenes = [{"image_filename": name, "objects": [{}] * (3 + i)} for i, name in enumerate(names)]
        text(base / "scenes" / f"CLEVR_{split}_scenes.json", json.dumps({"scenes": scenes}))
    return [{}, {"split": "test"}]


@fake("FGVCAircraft")
def _(root: Path) -> Cases:
    data = root / "fgvc-aircraft-2013b" / "data"
    pictures(data / "images", "001.jpg", "002.jpg")
    for level, file, names in (
        ("variant", "variants", ["707-320", "737 Max"]), ("family", "families", ["B 707", "B 737"]),
        ("manufacturer", "manufacturers", ["Boeing"]),
    ):  # fmt: skip
        text(data / f"{file}.txt", *names)
        for split in ("trainval", "test"):
            text(data / f"images_{level}_{split}.txt", f"002 {names[-1]}", f"001 {names[0]}")
    return [{}, {"split": "test", "annotation_level": "family"}, {"annotation_level": "manufacturer"}]


@fake("Imagenette")
def _(root: Path) -> Cases:
    for name in ("imagenette2", "imagenette2-160"):
        for split in ("train", "val"):
            pictures(root / name / split, "n01440764/1.jpeg", "n03888257/2.jpeg")
    return [{}, {"split": "val", "size": "160px"}]


@fake("INaturalist")
def _(root: Path) -> Cases:
    for i, name in enumerate(("Animalia_Chordata_Aves_X_Y_Z_corvus", "Plantae_Chordata_Aves_X_Y_W_rosa")):
        pictures(root / "2021_valid" / f"{i:05d}_{name}", "1.jpg", "2.jpg")
    pictures(root / "2017", "Birds/Corvus/1.jpg", "Birds/Turdus/2.jpg", "Plants/Rosa/3.jpg")
    pictures(root / "2018", "Birds/1/1.jpg", "Birds/0/2.jpg", "Plants/2/3.jpg")
    return [
        {"version": "2021_valid"}, {"version": "2021_valid", "target_type": ["full", "kingdom", "genus"]},
        {"version": "2017", "target_type": "super"}, {"version": "2018", "target_type": ["super", "full"]},
    ]  # fmt: skip


@fake("RenderedSST2")
def _(root: Path) -> Cases:
    for split in ("train", "valid", "test"):
        pictures(root / "rendered-sst2" / split, "negative/0.png", "positive/1.png", "positive/2.png")
    return [{}, {"split": "val"}]


@fake("SUN397")
def _(root: Path) -> Cases:
    base = root / "SUN397"
    text(base / "ClassName.txt", "/a/abbey", "/a/apartment_building/outdoor")
    pictures(base / "a", "abbey/sun_1.jpg", "apartment_building/outdoor/sun_2.jpg", "abbey/sun_0.jpg")
    return [{}]


@fake("Places365")
def _(root: Path) -> Cases:
    text(root / "categories_places365.txt", "/a/airfield 0", "/a/abbey 1")
    text(root / "places365_train_standard.txt", "/a/airfield/1.jpg 0", "/a/abbey/2.jpg 1")
    text(root / "places365_val.txt", "v_1.jpg 1", "v_2.jpg 0")
    text(root / "places365_test.txt", "t_1.jpg")
    pictures(root / "data_large_standard" / "a", "airfield/1.jpg", "abbey/2.jpg")
    pictures(root / "val_256", "v_1.jpg", "v_2.jpg")
    pictures(root / "test_large", "t_1.jpg")
    return [{}, {"split": "val", "small": True, "transform": np.asarray}, {"split": "test"}]


@fake("ImageNet")
def _(root: Path) -> Cases:
    import tritonnn as torch

    words = {"n01": ("tench", "Tinca tinca"), "n02": ("goldfish",)}
    torch.save((words, ["n02", "n01"]), root / "meta.bin")
    for split in ("train", "val"):
        pictures(root / split, "n01/1.JPEG", "n02/2.JPEG", "n02/3.JPEG")
    return [{}, {"split": "val", "target_transform": shown}]


@fake("Omniglot")
def _(root: Path) -> Cases:
    for part in ("images_background", "images_evaluation"):
        base = root / "omniglot-py" / part
        for name in ("Greek/character01/1.png", "Greek/character02/2.png", "Latin/character01/3.png"):
            picture(base / name, mode="L")
        (root / "omniglot-py" / f"{part}.zip").write_bytes(b"")
    return [{}, {"background": False}, {"loader": lambda path: Path(path).name}]
