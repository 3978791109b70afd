"""Labeled faces in the wild: who is it, and are these two the same."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from tritonnn.vision.datasets._checks import trouble
from tritonnn.vision.datasets._items import Separate, lines, numbered
from tritonnn.vision.datasets._named import naming
from tritonnn.vision.datasets.folder import default_loader
from tritonnn.vision.datasets.utils import check_integrity, verify_str_arg
from tritonnn.vision.datasets.vision import VisionDataset

__all__ = ["LFWPairs", "LFWPeople"]

AnyPath = str | os.PathLike[str]
Function = Callable[..., Any]


class _LFW(VisionDataset[Any]):
    """Photographs by person, and lists of people or of pairs."""

    base_folder = "lfw-py"
    download_url_prefix = "http://vis-www.cs.umass.edu/lfw/"
    file_dict = {
        "original": ("lfw", "lfw.tgz", "a17d05bd522c52d84eca14327a23d494"),
        "funneled": ("lfw_funneled", "lfw-funneled.tgz", "1b42dfed7d15c9b2dd63d5e5840c86ad"),
        "deepfunneled": ("lfw-deepfunneled", "lfw-deepfunneled.tgz", "68331da3eb755a505a502b5aacb3c201"),
    }
    checksums = {
        "pairs.txt": "9f1ba174e4e1c508ff7cdf10ac338a7d",
        "pairsDevTest.txt": "5132f7440eb68cf58910c8a45a2ac10b",
        "pairsDevTrain.txt": "4f27cbf15b2da4a85c1907eb4181ad21",
        "people.txt": "450f0863dd89e85e73936a6d71a3474b",
        "peopleDevTest.txt": "e4bf5be0a43b5dcd9dc5ccfcb8fb19c5",
        "peopleDevTrain.txt": "54eaac34beb6d042ed3a7d883e247a21",
        "lfw-names.txt": "a6d0a479bd074669f656265a6e693f6d",
    }
    annot_file = {"10fold": "", "train": "DevTrain", "test": "DevTest"}
    names = "lfw-names.txt"

    def __init__(
        self,
        root: AnyPath,
        split: str,
        image_set: str,
        view: str,
        transform: Function | None = None,
        target_transform: Function | None = None,
        download: bool = False,
        loader: Callable[[str], Any] = default_loader,
    ) -> None:
        root = os.path.join(os.path.expanduser(root), self.base_folder)
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.image_set = verify_str_arg(image_set.lower(), "image_set", tuple(self.file_dict))
        images_dir, self.filename, self.md5 = self.file_dict[self.image_set]
        self.view = verify_str_arg(view.lower(), "view", ["people", "pairs"])
        self.split = verify_str_arg(split.lower(), "split", ["10fold", "train", "test"])
        self.labels_file = f"{self.view}{self.annot_file[self.split]}.txt"
        self.data: list[Any] = []
        if download:
            self.download()
        if not self._check_integrity():
            raise RuntimeError(
                f"Dataset not found or corrupted: {trouble(self._files())}. {_elsewhere(self.root)}"
            )
        self.images_dir = os.path.join(self.root, images_dir)
        self._loader = loader

    def _files(self) -> list[tuple[str, str | None]]:
        tables = [self.labels_file, *([self.names] if self.view == "people" else [])]
        files = [(self.filename, self.md5), *((name, self.checksums[name]) for name in tables)]
        return [(os.path.join(self.root, name), md5) for name, md5 in files]

    def _check_integrity(self) -> bool:
        return all(check_integrity(path, md5) for path, md5 in self._files())

    def download(self) -> None:
        """Raises ValueError: it can be downloaded by hand only."""
        raise ValueError(
            f"LFW dataset is no longer available for automatic download. {_elsewhere(self.root)}"
        )

    def _list(self) -> list[list[str]]:
        """The lines of the list, each as what stands between its tabs."""
        return [line.split("\t") for line in lines(os.path.join(self.root, self.labels_file))]

    def _get_path(self, identity: str, no: int | str) -> str:
        return os.path.join(self.images_dir, identity, f"{identity}_{int(no):04d}.jpg")

    def __len__(self) -> int:
        return len(self.data)

    def extra_repr(self) -> str:
        """How faces were aligned, and the split."""
        return f"Alignment: {self.image_set}\nSplit: {self.split}"


def _elsewhere(root: str) -> str:
    return (
        f"Please download it manually and place it in {root}; a commonly used mirror is "
        "https://www.kaggle.com/datasets/jessicali9530/lfw-dataset"
    )


class LFWPeople(_LFW, Separate):
    """Photographs in a folder of `root/lfw-py` such as `lfw_funneled`; targets are the numbers of people.

    Args:
        root: the folder.
        split: "10fold", "train" or "test".
        image_set: how faces were aligned: "original", "funneled" or "deepfunneled".
        transform: a function of the picture.
        target_transform: a function of the person's number.
        download: True raises ValueError: it can be downloaded by hand only.
        loader: reads a picture, given its path.
    """

    def __init__(
        self,
        root: AnyPath,
        split: str = "10fold",
        image_set: str = "funneled",
        transform: Function | None = None,
        target_transform: Function | None = None,
        download: bool = False,
        loader: Callable[[str], Any] = default_loader,
    ) -> None:
        super().__init__(root, split, image_set, "people", transform, target_transform, download, loader)
        with naming(os.path.join(self.root, self.labels_file)):
            names = [line.split()[0] for line in lines(os.path.join(self.root, self.names))]
            self.class_to_idx = numbered(names)
            self.data, self.targets = self._get_people()

    def _get_people(self) -> tuple[list[str], list[int]]:
        """The photographs and whose they are: for each fold how many people, and each with a number of photographs."""
        rows = self._list()
        people, place = [], int(self.split == "10fold")
        for _ in range(int(rows[0][0]) if self.split == "10fold" else 1):
            count = int(rows[place][0])
            people += rows[place + 1 : place + 1 + count]
            place += 1 + count
        photographs = [(name, i) for name, count in people for i in range(1, int(count) + 1)]
        data = [self._get_path(name, i) for name, i in photographs]
        return data, [self.class_to_idx[name] for name, _ in photographs]

    def _item(self, index: int) -> tuple[Any, Any]:
        return self._loader(self.data[index]), self.targets[index]

    def extra_repr(self) -> str:
        """How faces were aligned, the split, and how many people there are."""
        return f"{super().extra_repr()}\nClasses (identities): {len(self.class_to_idx)}"


class LFWPairs(_LFW):
    """Two photographs, and 1 where they show the same person, else 0; arguments are LFWPeople's."""

    def __init__(
        self,
        root: AnyPath,
        split: str = "10fold",
        image_set: str = "funneled",
        transform: Function | None = None,
        target_transform: Function | None = None,
        download: bool = False,
        loader: Callable[[str], Any] = default_loader,
    ) -> None:
        super().__init__(root, split, image_set, "pairs", transform, target_transform, download, loader)
        with naming(os.path.join(self.root, self.labels_file)):
            self.pair_names, self.data, self.targets = self._get_pairs()

    def _get_pairs(self) -> tuple[list[tuple[str, str]], list[tuple[str, str]], list[int]]:
        """The names, photographs and targets: in each fold as many pairs of one person as of two."""
        first, *rows = self._list()
        folds, count = (int(first[0]), int(first[1])) if self.split == "10fold" else (1, int(first[0]))
        names, data, targets = [], [], []
        for i, row in enumerate(rows[: 2 * folds * count]):
            same = i % (2 * count) < count
            one, other = (row[0], row[1]), ((row[0], row[2]) if same else (row[2], row[3]))
            names.append((one[0], other[0]))
            data.append((self._get_path(*one), self._get_path(*other)))
            targets.append(int(same))
        return names, data, targets

    def __getitem__(self, index: int) -> tuple[Any, Any, Any]:
        first, second = (self._loader(path) for path in self.data[index])
        target = self.targets[index]
        if self.transform is not None:
            first, second = self.transform(first), self.transform(second)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return first, second, target
