"""STL-10: pictures of 96 by 96 in raw bytes."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from tritonnn.vision._pillow import pillow
from tritonnn.vision.datasets._checks import trouble
from tritonnn.vision.datasets._items import Separate, lines
from tritonnn.vision.datasets._named import naming
from tritonnn.vision.datasets.utils import check_integrity, download_and_extract_archive, verify_str_arg

__all__ = ["STL10"]


class STL10(Separate):
    """Pictures of ten kinds of things, and 100,000 without a label, in `root/stl10_binary`.

    Args:
        root: the folder.
        split: "train", "test", "unlabeled" or "train+unlabeled"; pictures without a label have -1.
        folds: which of the ten folds of the training set, 0 to 9; None: all of it.
        transform: a function of the picture, which is one of Pillow's.
        target_transform: a function of the class's number.
        download: fetch the files where one is missing or damaged.

    `data` is a uint8 array of all pictures, channels first; `labels` one of their classes.
    """

    base_folder = "stl10_binary"
    url = "http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz"
    filename = "stl10_binary.tar.gz"
    tgz_md5 = "91f7769df0f17e558f3565bffb0c7dfb"
    class_names_file = "class_names.txt"
    folds_list_file = "fold_indices.txt"
    train_list = [
        ["train_X.bin", "918c2871b30a85fa023e0c44e0bee87f"],
        ["train_y.bin", "5a34089d4802c674881badbb80307741"],
        ["unlabeled_X.bin", "5242ba1fed5e4be9e1e742405eb56ca4"],
    ]
    test_list = [
        ["test_X.bin", "7f263ba9f9e0b06b93213547f721ac82"],
        ["test_y.bin", "36f9794fa4beb8a2c72628de14fa638e"],
    ]
    splits = ("train", "train+unlabeled", "unlabeled", "test")

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str = "train",
        folds: int | None = None,
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[..., Any] | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.split = verify_str_arg(split, "split", self.splits)
        self.folds = self._verify_folds(folds)
        if download:
            self.download()
        if not self._check_integrity():
            raise RuntimeError(
                f"Dataset not found or corrupted: {trouble(self._files())}. You can use download=True to download it"
            )
        parts = [self._part(name) for name in split.split("+")]
        self.data = parts[0][0] if len(parts) == 1 else np.concatenate([data for data, _ in parts])
        self.labels = parts[0][1] if len(parts) == 1 else np.concatenate([labels for _, labels in parts])
        if os.path.isfile(self._path(self.class_names_file)):
            self.classes = lines(self._path(self.class_names_file))

    def _verify_folds(self, folds: int | None) -> int | None:
        if folds is not None and not isinstance(folds, int):
            raise ValueError(f"Expected type None or int for argument folds, but got type {type(folds)}.")
        if folds is not None and folds not in range(10):
            raise ValueError(f"Value for argument folds should be in the range [0, 10), but got {folds}.")
        return folds

    def _path(self, name: str) -> str:
        return os.path.join(self.root, self.base_folder, name)

    def _files(self) -> list[tuple[str, str | None]]:
        return [(self._path(name), md5) for name, md5 in self.train_list + self.test_list]

    def _part(self, name: str) -> tuple[Any, Any]:
        """The pictures and labels of "train", "test" or "unlabeled"."""
        path = self._path(f"{name}_X.bin")
        with naming(path):
            data = np.fromfile(path, np.uint8).reshape(-1, 3, 96, 96).transpose(0, 1, 3, 2)
        if name == "unlabeled":
            return data, np.full(len(data), -1)
        labels = np.fromfile(self._path(f"{name}_y.bin"), np.uint8) - np.uint8(1)
        if name == "train" and self.folds is not None:
            chosen = [int(i) for i in lines(self._path(self.folds_list_file))[self.folds].split()]
            return data[chosen], labels[chosen]
        return data, labels

    def _item(self, index: int) -> tuple[Any, Any]:
        image = pillow("torchvision.datasets").fromarray(self.data[index].transpose(1, 2, 0))
        return image, int(self.labels[index])

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
        return f"Split: {self.split}"
