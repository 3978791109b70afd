"""MNIST and the sets that have its format."""

from __future__ import annotations

import os
import shutil
import string
import warnings
from collections.abc import Callable
from typing import Any
from urllib.error import URLError

import tritonnn as torch
from tritonnn import Tensor
from tritonnn.vision._pillow import pillow
from tritonnn.vision.datasets._idx import (
    expect,
    read_image_file,
    read_label_file,
    read_sn3_pascalvincent_tensor,
)
from tritonnn.vision.datasets._items import Separate, numbered
from tritonnn.vision.datasets.utils import (
    check_integrity,
    download_and_extract_archive,
    extract_archive,
    verify_str_arg,
)

__all__ = [
    "EMNIST", "KMNIST", "MNIST", "QMNIST", "FashionMNIST", "read_image_file", "read_label_file",
    "read_sn3_pascalvincent_tensor",
]  # fmt: skip

AnyPath = str | os.PathLike[str]
Function = Callable[..., Any]
_NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_DIGITS = [f"{digit} - {name}" for digit, name in enumerate(_NAMES)]


def _array(values: Tensor | list[int]) -> Any:
    """A tensor as NumPy sees it, where one number costs a thirtieth; a list, as programs put there, as it is."""
    return values.numpy() if isinstance(values, Tensor) else values


def _picture(data: Tensor, index: int) -> Any:
    return pillow("torchvision.datasets").fromarray(_array(data)[index])


def _old_name(name: str, now: str) -> property:
    """A property that gives another and warns."""

    def value(self: Any) -> Any:
        warnings.warn(f"{name} has been renamed {now}")
        return getattr(self, now)

    return property(value)


class MNIST(Separate):
    """Handwritten digits, 28 by 28, in `root/MNIST/raw`, as four files of the IDX format, compressed or not.

    Args:
        root: the folder.
        train: 60,000 digits; False: 10,000 others.
        transform: a function of the picture, which is one of Pillow's in grey.
        target_transform: a function of the class's number.
        download: fetch what is missing.

    `data` is a uint8 tensor of all pictures, `targets` an int64 one of their classes.

    Raises RuntimeError where files are missing.
    """

    mirrors = ["https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/"]
    resources: Any = [
        ("train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        ("train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
        ("t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
        ("t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"),
    ]
    training_file = "training.pt"
    test_file = "test.pt"
    classes = _DIGITS
    train_labels = _old_name("train_labels", "targets")
    test_labels = _old_name("test_labels", "targets")
    train_data = _old_name("train_data", "data")
    test_data = _old_name("test_data", "data")

    def __init__(
        self,
        root: AnyPath,
        train: bool = True,
        transform: Function | None = None,
        target_transform: Function | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.train = train
        if self._check_legacy_exist():
            self.data, self.targets = self._load_legacy_data()
            return
        if download:
            self.download()
        if not self._check_exists():
            raise RuntimeError(
                f"Dataset not found: {self.raw_folder} lacks {' or '.join(self._missing())}. "
                "You can use download=True to download it"
            )
        self.data, self.targets = self._load_data()

    def _check_legacy_exist(self) -> bool:
        files = (self.training_file, self.test_file)
        return all(check_integrity(os.path.join(self.processed_folder, file)) for file in files)

    def _load_legacy_data(self) -> Any:
        file = self.training_file if self.train else self.test_file
        return torch.load(os.path.join(self.processed_folder, file), weights_only=True)

    def _names(self) -> list[str]:
        """The files that have to be there, without the suffix that says how they are compressed."""
        return [os.path.splitext(os.path.basename(name))[0] for name, _ in self.resources]

    def _pair(self) -> tuple[str, str]:
        """The paths of the images and of the labels."""
        part = "train" if self.train else "t10k"
        return self._path(f"{part}-images-idx3-ubyte"), self._path(f"{part}-labels-idx1-ubyte")

    def _path(self, name: str) -> str:
        """Where a file stands: as it is, or compressed where only that is there."""
        path = os.path.join(self.raw_folder, name)
        return f"{path}.gz" if not os.path.isfile(path) and os.path.isfile(f"{path}.gz") else path

    def _missing(self) -> list[str]:
        return [name for name in self._names() if not check_integrity(self._path(name))]

    def _check_exists(self) -> bool:
        return not self._missing()

    def _load_data(self) -> tuple[Tensor, Tensor]:
        images, labels = self._pair()
        data, targets = read_image_file(images), read_label_file(labels)
        if len(data) != len(targets):
            raise RuntimeError(f"{images} has {len(data)} pictures, {labels} has {len(targets)} labels")
        return data, targets

    def _item(self, index: int) -> tuple[Any, Any]:
        return _picture(self.data, index), int(_array(self.targets)[index])

    def __len__(self) -> int:
        return len(self.data)

    @property
    def raw_folder(self) -> str:
        """Where the files are."""
        return os.path.join(self.root, type(self).__name__, "raw")

    @property
    def processed_folder(self) -> str:
        """Where older versions put the tensors, from where they are read if they are there."""
        return os.path.join(self.root, type(self).__name__, "processed")

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The number of each class."""
        return numbered(self.classes)

    def download(self) -> None:
        """Fetch the files that are missing, from the first of the mirrors that has them."""
        if self._check_exists():
            return
        for filename, md5 in self.resources:
            errors = []
            for mirror in self.mirrors:
                try:
                    url = f"{mirror}{filename}"
                    download_and_extract_archive(url, self.raw_folder, filename=filename, md5=md5)
                    break
                except (RuntimeError, URLError, OSError) as error:
                    errors.append(f"Tried {mirror}, got:\n{error}\n")
            else:
                raise RuntimeError(f"Error downloading {filename}:\n{''.join(errors)}")

    def extra_repr(self) -> str:
        """The split."""
        return f"Split: {'Train' if self.train is True else 'Test'}"


class FashionMNIST(MNIST):
    """Pictures of clothes, in the place of MNIST's digits, in `root/FashionMNIST/raw`."""

    mirrors = ["http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"]
    resources = [
        ("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        ("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"),
        ("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"),
        ("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"),
    ]
    classes = [
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ]


class KMNIST(MNIST):
    """Handwritten hiragana, in the place of MNIST's digits, in `root/KMNIST/raw`."""

    mirrors = ["http://codh.rois.ac.jp/kmnist/dataset/kmnist/"]
    resources = [
        ("train-images-idx3-ubyte.gz", "bdb82020997e1d708af4cf47b453dcf7"),
        ("train-labels-idx1-ubyte.gz", "e144d726b3acfaa3e44228e80efcd344"),
        ("t10k-images-idx3-ubyte.gz", "5c965bf0a639b31b8f53240b1b52f4d7"),
        ("t10k-labels-idx1-ubyte.gz", "7320c461ea6c1c855c0b718fb2a4b134"),
    ]
    classes = ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"]


class EMNIST(MNIST):
    """Handwritten letters and digits, in `root/EMNIST/raw`.

    Args:
        root: the folder.
        split: "byclass", "bymerge", "balanced", "letters", "digits" or "mnist".
        kwargs: MNIST's other arguments.
    """

    url = "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip"
    md5 = "58c8d27c78d21e728a6bc7b3cc06412e"
    splits = ("byclass", "bymerge", "balanced", "letters", "digits", "mnist")
    _merged_classes = set("cijklmopsuvwxyz")  # letters that look alike in both cases
    _all_classes = set(string.digits + string.ascii_letters)
    classes_split_dict = {
        "byclass": sorted(_all_classes),
        "bymerge": sorted(_all_classes - _merged_classes),
        "balanced": sorted(_all_classes - _merged_classes),
        "letters": ["N/A", *string.ascii_lowercase],
        "digits": list(string.digits),
        "mnist": list(string.digits),
    }

    def __init__(self, root: AnyPath, split: str, **kwargs: Any) -> None:
        self.split = verify_str_arg(split, "split", self.splits)
        self.training_file = f"training_{split}.pt"
        self.test_file = f"test_{split}.pt"
        super().__init__(root, **kwargs)
        self.classes = self.classes_split_dict[self.split]

    @property
    def images_file(self) -> str:
        """The file with the pictures."""
        return self._path(self._names()[0])

    @property
    def labels_file(self) -> str:
        """The file with their classes."""
        return self._path(self._names()[1])

    def _names(self) -> list[str]:
        prefix = f"emnist-{self.split}-{'train' if self.train else 'test'}"
        return [f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte"]

    def _pair(self) -> tuple[str, str]:
        return self.images_file, self.labels_file

    def download(self) -> None:
        """Fetch the files of all splits."""
        if self._check_exists():
            return
        download_and_extract_archive(self.url, self.raw_folder, md5=self.md5)
        folder = os.path.join(self.raw_folder, "gzip")
        for name in os.listdir(folder):
            if name.endswith(".gz"):
                extract_archive(os.path.join(folder, name), self.raw_folder)
        shutil.rmtree(folder)


class QMNIST(MNIST):
    """MNIST with where each digit came from, and the 50,000 test digits that were lost, in `root/QMNIST/raw`.

    Args:
        root: the folder.
        what: "train", "test", "test10k", "test50k" or "nist"; None: what `train` says.
        compat: targets are classes; False: eight numbers each, of which the first is the class.
        train: "train"; False: "test".
        kwargs: MNIST's other arguments.
    """

    subsets = {"train": "train", "test": "test", "test10k": "test", "test50k": "test", "nist": "nist"}
    _prefix = "https://raw.githubusercontent.com/facebookresearch/qmnist/master/"
    resources = {
        "train": [
            (_prefix + "qmnist-train-images-idx3-ubyte.gz", "ed72d4157d28c017586c42bc6afe6370"),
            (_prefix + "qmnist-train-labels-idx2-int.gz", "0058f8dd561b90ffdd0f734c6a30e5e4"),
        ],
        "test": [
            (_prefix + "qmnist-test-images-idx3-ubyte.gz", "1394631089c404de565df7b7aeaf9412"),
            (_prefix + "qmnist-test-labels-idx2-int.gz", "5b5b05890a5e13444e108efe57b788aa"),
        ],
        "nist": [
            (_prefix + "xnist-images-idx3-ubyte.xz", "7f124b3b8ab81486c9d8c2749c17f834"),
            (_prefix + "xnist-labels-idx2-int.xz", "5ed0e788978e45d4a8bd4b7caec3d79d"),
        ],
    }

    def __init__(
        self, root: AnyPath, what: str | None = None, compat: bool = True, train: bool = True, **kwargs: Any
    ) -> None:
        what = ("train" if train else "test") if what is None else what
        self.what = verify_str_arg(what, "what", tuple(self.subsets))
        self.compat = compat
        self.data_file = f"{what}.pt"
        self.training_file = self.test_file = self.data_file
        super().__init__(root, train, **kwargs)

    @property
    def images_file(self) -> str:
        """The file with the pictures."""
        return self._path(self._names()[0])

    @property
    def labels_file(self) -> str:
        """The file with what is known of them."""
        return self._path(self._names()[1])

    def _names(self) -> list[str]:
        pair = self.resources[self.subsets[self.what]]
        return [os.path.splitext(os.path.basename(url))[0] for url, _ in pair]

    def _load_data(self) -> tuple[Tensor, Tensor]:
        data = expect(self.images_file, torch.uint8, 3)
        targets = read_sn3_pascalvincent_tensor(self.labels_file).long()
        if targets.dim() != 2:
            raise ValueError(f"{self.labels_file} should have 2 dimensions instead of {targets.dim()}")
        part = {"test10k": slice(0, 10000), "test50k": slice(10000, None)}.get(self.what)
        return (data, targets) if part is None else (data[part].clone(), targets[part].clone())

    def _item(self, index: int) -> tuple[Any, Any]:
        target = int(_array(self.targets)[index][0]) if self.compat else self.targets[index]
        return _picture(self.data, index), target

    def download(self) -> None:
        """Fetch the two files of this subset."""
        if self._check_exists():
            return
        for url, md5 in self.resources[self.subsets[self.what]]:
            download_and_extract_archive(url, self.raw_folder, md5=md5)

    def extra_repr(self) -> str:
        """The subset."""
        return f"Split: {self.what}"
