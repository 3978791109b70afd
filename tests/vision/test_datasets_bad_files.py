"""What is wrong with the files of a dataset: the message names the file, the type is torchvision's."""

from __future__ import annotations

import struct
import sys
import zlib

import pytest
from fake_files import picture
from PIL import Image, UnidentifiedImageError

from tritonnn.vision import datasets
from tritonnn.vision.datasets import CIFAR10, ImageFolder
from tritonnn.vision.datasets._named import naming, open_image
from tritonnn.vision.datasets.folder import default_loader


@pytest.mark.parametrize("ending", ["jpg", "png", "bmp", "ppm", "tif", "webp"])
def test_truncated_picture(ending, tmp_path):
    path = picture(tmp_path / "a" / f"photo.{ending}", (64, 48))
    folder = ImageFolder(tmp_path)
    assert folder[0][0].size == (64, 48)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises((OSError, ValueError), match=f"photo.{ending}"):
        folder[0]
    path.write_bytes(b"")
    with pytest.raises(UnidentifiedImageError, match=f"photo.{ending}"):
        folder[0]
    path.unlink()
    with pytest.raises(FileNotFoundError, match=f"photo.{ending}"):
        folder[0]


def test_damaged_png(tmp_path):
    path = picture(tmp_path / "a.png", (64, 48))
    data = bytearray(path.read_bytes())
    data[60:80] = bytes(20)
    path.write_bytes(data)
    with pytest.raises(Exception, match=r"a\.png") as error:
        open_image(path)
    assert isinstance(error.value, (OSError, SyntaxError, zlib.error))


def test_decompression_bomb(tmp_path):
    """A PNG of some bytes that says it has four billion pixels."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">2I5B", 65535, 65535, 8, 2, 0, 0, 0)
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b""))
    with pytest.raises(Image.DecompressionBombError, match=r"bomb\.png: Image size \(4294836225 pixels\)"):
        default_loader(path)


def test_folders(tmp_path):
    with pytest.raises(FileNotFoundError, match="none"):
        ImageFolder(tmp_path / "none")
    with pytest.raises(FileNotFoundError, match=f"Couldn't find any class folder in {tmp_path}"):
        ImageFolder(tmp_path)
    picture(tmp_path / "cat" / "1.png")
    (tmp_path / "dog").mkdir()
    (tmp_path / "dog" / "notes.txt").write_text("")
    with pytest.raises(
        FileNotFoundError, match=f"Found no valid file for the classes dog in {tmp_path}. .*\\.png"
    ):
        ImageFolder(tmp_path)
    assert ImageFolder(tmp_path, allow_empty=True).classes == ["cat", "dog"]
    (tmp_path / "cat" / "2.png").symlink_to(tmp_path / "cat" / "1.png")
    (tmp_path / "cow").symlink_to(tmp_path / "cat")
    assert ImageFolder(tmp_path, allow_empty=True).targets == [0, 0, 1, 1]


def test_damaged_files_are_named(tmp_path):
    folder = tmp_path / CIFAR10.base_folder
    with pytest.raises(RuntimeError, match=r"data_batch_1 is missing\. You can use download=True"):
        CIFAR10(tmp_path)
    folder.mkdir()
    for name, _ in CIFAR10.train_list:
        (folder / name).write_bytes(b"")
    with pytest.raises(RuntimeError, match=r"data_batch_1 has the MD5 d41d8cd9\w+, expected c99cafc1"):
        CIFAR10(tmp_path)


#: datasets, their arguments, and what the message of an empty folder says is not there
MISSING = {
    "STL10": "train_X.bin", "SVHN": "train_32x32.mat", "Omniglot": "images_background.zip", "Caltech256": "256_Object",
    "Food101": "food-101/meta", "DTD": "dtd/dtd", "EuroSAT": "eurosat/2750", "Country211": "country211",
    "GTSRB": "GTSRB/Training", "SUN397": "SUN397", "VOCDetection": "VOC2012", "Kitti": "image_2 or label_2",
    "OxfordIIITPet": "oxford-iiit-pet/images", "FGVCAircraft": "fgvc-aircraft-2013b", "Imagenette": "imagenette2",
    "WIDERFace": "WIDER_train", "LFWPeople": "lfw-funneled.tgz", "CelebA": "list_attr_celeba.txt", "USPS": "usps.bz2",
    "FER2013": "train.csv", "MovingMNIST": "mnist_test_seq.npy", "Places365": "categories_places365.txt",
    "RenderedSST2": "rendered-sst2/train", "CLEVRClassification": "CLEVR_v1.0", "INaturalist": "2021_train",
    "Cityscapes": "leftImg8bit_trainvaltest.zip", "ImageNet": "ILSVRC2012_devkit_t12", "Sintel": "training/clean",
    "CarlaStereo": "trainingF", "KittiFlow": "KittiFlow/training",
}  # fmt: skip


@pytest.mark.parametrize("name", MISSING)
def test_what_is_missing_is_named(name, tmp_path):
    with pytest.raises((RuntimeError, FileNotFoundError), match=MISSING[name]) as error:
        getattr(datasets, name)(str(tmp_path))
    assert str(tmp_path) in str(error.value)


@pytest.mark.parametrize(
    ("name", "library", "error"),
    [
        ("SBDataset", "scipy", RuntimeError),
        ("StanfordCars", "scipy", RuntimeError),
        ("PCAM", "h5py", RuntimeError),
    ],
)
def test_missing_libraries_are_named(name, library, error, tmp_path, monkeypatch):
    for module in [m for m in sys.modules if m.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.setattr("importlib.import_module", _missing)
    with pytest.raises(
        error, match=rf"torchvision.datasets.{name} needs {library}: pip install 'tritonnn\[datasets\]'"
    ):
        getattr(datasets, name)(tmp_path)


def _missing(name):
    raise ModuleNotFoundError(f"No module named {name!r}", name=name.partition(".")[0])


def test_naming():
    with pytest.raises(KeyError, match=r"a\.txt"), naming("a.txt"):
        raise KeyError("x")
    with pytest.raises(ValueError, match=r"a.txt: UnicodeDecodeError"), naming("a.txt"):
        b"\xff".decode()
    with pytest.raises(OSError, match=r"a\.txt: y") as error, naming("a.txt"):
        raise OSError("y")
    assert isinstance(error.value.__cause__, OSError)
    with pytest.raises(OSError, match=r"^already names a\.txt$"), naming("a.txt"):
        raise OSError("already names a.txt")
