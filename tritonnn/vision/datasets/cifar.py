"""CIFAR-10 and CIFAR-100: pickled batches of pictures of 32 by 32."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np

from tritonnn.vision._pillow import pillow
from tritonnn.vision.datasets._checks import trouble
from tritonnn.vision.datasets._items import Separate, numbered
from tritonnn.vision.datasets._pickles import read_pickle
from tritonnn.vision.datasets.utils import check_integrity, download_and_extract_archive

__all__ = ["CIFAR10", "CIFAR100"]


class CIFAR10(Separate):
    """60,000 pictures of ten kinds of things, in `root/cifar-10-batches-py`.

    Args:
        root: the folder.
        train: 50,000 pictures; False: the 10,000 others.
        transform: a function of the picture, which is one of Pillow's.
        target_transform: a function of the class's number.
        download: fetch the files where one is missing or damaged.

    `data` is a uint8 array of all pictures, channels last; `targets` a list of their classes.

    Raises RuntimeError, which names the file, where one is missing or damaged.
    """

    base_folder = "cifar-10-batches-py"
    url = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
    filename = "cifar-10-python.tar.gz"
    tgz_md5 = "c58f30108f718f92721af3b95e74349a"
    train_list = [
        ["data_batch_1", "c99cafc152244af753f735de768cd75f"],
        ["data_batch_2", "d4bba439e000b95fd0a9bffe97cbabec"],
        ["data_batch_3", "54ebc095f3ab1f0389bbae665268c751"],
        ["data_batch_4", "634d18415352ddfa80567beed471001a"],
        ["data_batch_5", "482c414d41f54cd18b22e5b47cb7c3cb"],
    ]
    test_list = [["test_batch", "40351d587109b95175f43aff81a1287e"]]
    meta = {
        "filename": "batches.meta",
        "key": "label_names",
        "md5": "5ff9c542aee3614f3951f8cda6e48888",
    }

    def __init__(
        self,
        root: str | os.PathLike[str],
        train: bool = True,
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[..., Any] | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.train = train
        if download:
            self.download()
        if not self._check_integrity():
            raise RuntimeError(
                f"Dataset not found or corrupted: {trouble(self._files())}. You can use download=True to download it"
            )
        batches = [self._batch(name) for name, _ in (self.train_list if train else self.test_list)]
        self.data = np.concatenate([data for data, _ in batches])
        self.targets = [label for _, labels in batches for label in labels]
        self._load_meta()

    def _path(self, name: str) -> str:
        return os.path.join(self.root, self.base_folder, name)

    def _files(self) -> list[tuple[str, str | None]]:
        return [(self._path(name), md5) for name, md5 in self.train_list + self.test_list]

    def _batch(self, name: str) -> tuple[Any, list[int]]:
        """The pictures of a file, channels last, and their classes."""
        path = self._path(name)
        entry = read_pickle(path)
        try:
            labels = entry["labels"] if "labels" in entry else entry["fine_labels"]
            data = np.asarray(entry["data"]).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        except (KeyError, TypeError, ValueError) as error:
            raise pickle.UnpicklingError(f"{path}: no batch of pictures: {error!r}") from error
        if len(data) != len(labels):
            raise RuntimeError(f"{path} has {len(data)} pictures and {len(labels)} labels")
        return data, labels

    def _load_meta(self) -> None:
        path = self._path(self.meta["filename"])
        if not check_integrity(path, self.meta["md5"]):
            raise RuntimeError(
                f"Dataset metadata file not found or corrupted: {trouble([(path, self.meta['md5'])])}. "
                "You can use download=True to download it"
            )
        self.classes = read_pickle(path)[self.meta["key"]]
        self.class_to_idx = numbered(self.classes)

    def _item(self, index: int) -> tuple[Any, Any]:
        return pillow("torchvision.datasets").fromarray(self.data[index]), self.targets[index]

    def __len__(self) -> int:
        return len(self.data)

    def _check_integrity(self) -> bool:
        return all(check_integrity(path, md5) for path, md5 in self._files())

    def download(self) -> None:
        """Fetch the archive and unpack it, unless all files are there."""
        if not self._check_integrity():
            download_and_extract_archive(self.url, self.root, filename=self.filename, md5=self.tgz_md5)

    def extra_repr(self) -> str:
        """The split."""
        return f"Split: {'Train' if self.train is True else 'Test'}"


class CIFAR100(CIFAR10):
    """60,000 pictures of a hundred kinds of things, in `root/cifar-100-python`; arguments are CIFAR10's."""

    base_folder = "cifar-100-python"
    url = "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"
    filename = "cifar-100-python.tar.gz"
    tgz_md5 = "eb9058c3a382ffc7106e4002c42a8d85"
    train_list = [["train", "16019d7e3df5f24257cddd939b257f8d"]]
    test_list = [["test", "f0ef6b0ae62326f3e7ffdfab6717acfc"]]
    meta = {"filename": "meta", "key": "fine_label_names", "md5": "7973b15100ade9c7d40fb424638fde48"}
