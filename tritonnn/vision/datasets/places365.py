"""Places of 365 kinds."""

from __future__ import annotations

import os
from collections.abc import Callable
from os import path
from typing import Any

from tritonnn.vision.datasets._items import Joint, lines
from tritonnn.vision.datasets._named import naming
from tritonnn.vision.datasets.folder import default_loader
from tritonnn.vision.datasets.utils import check_integrity, download_and_extract_archive, verify_str_arg

__all__ = ["Places365"]


class Places365(Joint):
    """Pictures in a folder of `root` such as `val_large` or `data_256_standard`, lists of them in `root`.

    Args:
        root: the folder.
        split: "train-standard", "train-challenge", "val" or "test"; targets of the last are None.
        small: pictures of 256 by 256; False: of their own size.
        download: fetch the lists and the pictures where they are missing.
        transform: a function of the picture.
        target_transform: a function of the class's number.
        loader: reads a picture, given its path.
    """

    _SPLITS = ("train-standard", "train-challenge", "val", "test")
    _BASE_URL = "http://data.csail.mit.edu/places/places365/"
    _DEVKIT_META = {
        "standard": ("filelist_places365-standard.tar", "35a0585fee1fa656440f3ab298f8479c"),
        "challenge": ("filelist_places365-challenge.tar", "70a8307e459c3de41690a7c76c931734"),
    }
    _CATEGORIES_META = ("categories_places365.txt", "06c963b85866bd0649f97cb43dd16673")
    _FILE_LIST_META = {
        "train-standard": ("places365_train_standard.txt", "30f37515461640559006b8329efbed1a"),
        "train-challenge": ("places365_train_challenge.txt", "b2931dc997b8c33c27e7329c073a6b57"),
        "val": ("places365_val.txt", "e9f2fd57bfd9d07630173f4e8708e4b1"),
        "test": ("places365_test.txt", "2fce8233fe493576d724142e45d93653"),
    }
    _IMAGES_META = {  # by split, and whether they are small
        ("train-standard", False): ("train_large_places365standard.tar", "67e186b496a84c929568076ed01a8aa1"),
        ("train-challenge", False): (
            "train_large_places365challenge.tar",
            "605f18e68e510c82b958664ea134545f",
        ),
        ("val", False): ("val_large.tar", "9b71c4993ad89d2d8bcbdc4aef38042f"),
        ("test", False): ("test_large.tar", "41a4b6b724b1d2cd862fb3871ed59913"),
        ("train-standard", True): ("train_256_places365standard.tar", "53ca1c756c3d1e7809517cc47c5561c5"),
        ("train-challenge", True): ("train_256_places365challenge.tar", "741915038a5e3471ec7332404dfb64ef"),
        ("val", True): ("val_256.tar", "e27b17d8d44f4af9a78502beb927f808"),
        ("test", True): ("test_256.tar", "f532f6ad7b582262a2ec8009075e186b"),
    }

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str = "train-standard",
        small: bool = False,
        download: bool = False,
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[..., Any] | None = None,
        loader: Callable[..., Any] = default_loader,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.split = verify_str_arg(split, "split", self._SPLITS)
        self.small = small
        self.loader = loader
        self.classes, self.class_to_idx = self.load_categories(download)
        self.imgs, self.targets = self.load_file_list(download)
        if download:
            self.download_images()

    def _item(self, index: int) -> tuple[Any, Any]:
        file, target = self.imgs[index]
        return self.loader(file), target

    def __len__(self) -> int:
        return len(self.imgs)

    @property
    def variant(self) -> str:
        """ "challenge" or "standard"."""
        return "challenge" if "challenge" in self.split else "standard"

    @property
    def images_dir(self) -> str:
        """The folder of the pictures."""
        size = "256" if self.small else "large"
        name = f"data_{size}_{self.variant}" if self.split.startswith("train") else f"{self.split}_{size}"
        return path.join(self.root, name)

    def _listed(self, meta: tuple[str, str], download: bool) -> tuple[str, list[list[str]]]:
        """The path of a list, and the words of its lines; it is fetched where that is wanted."""
        name, md5 = meta
        file = path.join(self.root, name)
        if not self._check_integrity(file, md5, download):
            self.download_devkit()
        return file, [line.split() for line in lines(file)]

    def load_categories(self, download: bool = True) -> tuple[list[str], dict[str, int]]:
        """The names of the classes, sorted, and the number of each."""
        file, rows = self._listed(self._CATEGORIES_META, download)
        with naming(file):
            class_to_idx = {name: int(number) for name, number in rows}
        return sorted(class_to_idx), class_to_idx

    def load_file_list(self, download: bool = True) -> tuple[list[tuple[str, int | None]], list[int | None]]:
        """The pictures with their classes' numbers, and these alone."""
        file, rows = self._listed(self._FILE_LIST_META[self.split], download)
        with naming(file):
            images = [
                (path.join(self.images_dir, *row[0].strip("/").split("/")), int(row[1]) if row[1:] else None)
                for row in rows
            ]
        return images, [target for _, target in images]

    def download_devkit(self) -> None:
        """Fetch the lists."""
        name, md5 = self._DEVKIT_META[self.variant]
        download_and_extract_archive(self._BASE_URL + name, self.root, md5=md5)

    def download_images(self) -> None:
        """Fetch the pictures, unless their folder is there."""
        if path.exists(self.images_dir):
            return
        name, md5 = self._IMAGES_META[self.split, self.small]
        download_and_extract_archive(self._BASE_URL + name, self.root, md5=md5)
        if self.split.startswith("train"):
            os.rename(self.images_dir.rsplit("_", 1)[0], self.images_dir)

    def extra_repr(self) -> str:
        """The split, and the size."""
        return f"Split: {self.split}\nSmall: {self.small}"

    def _check_integrity(self, file: str, md5: str, download: bool) -> bool:
        whole = check_integrity(file, md5)
        if not whole and not download:
            raise RuntimeError(
                f"The file {file} does not exist or is corrupted. You can set download=True to download it."
            )
        return whole
