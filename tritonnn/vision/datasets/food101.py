"""Dishes of 101 kinds."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tritonnn.vision.datasets._items import Files, numbered
from tritonnn.vision.datasets._named import naming
from tritonnn.vision.datasets.folder import default_loader
from tritonnn.vision.datasets.utils import download_and_extract_archive, verify_str_arg

__all__ = ["Food101"]


class Food101(Files):
    """Pictures in `root/food-101/images`, splits in `root/food-101/meta`.

    Args:
        root: the folder.
        split: "train" or "test".
        transform: a function of the picture.
        target_transform: a function of the class's number.
        download: fetch the archive and unpack it.
        loader: reads a picture, given its path.
    """

    _URL = "http://data.vision.ee.ethz.ch/cvl/food-101.tar.gz"
    _MD5 = "85eeb15f3717b99a5da872d97d918f87"

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str = "train",
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[..., Any] | None = None,
        download: bool = False,
        loader: Callable[..., Any] = default_loader,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self._split = verify_str_arg(split, "split", ("train", "test"))
        self._base_folder = Path(self.root) / "food-101"
        self._meta_folder = self._base_folder / "meta"
        self._images_folder = self._base_folder / "images"
        if download:
            self._download()
        if not self._check_exists():
            raise RuntimeError(
                f"Dataset not found: there is no {self._meta_folder} or no {self._images_folder}. "
                "You can use download=True to download it"
            )
        path = self._meta_folder / f"{split}.json"
        with naming(path):
            names: dict[str, list[str]] = json.loads(path.read_text(encoding="utf-8"))
        self.classes = sorted(names)
        self.class_to_idx = numbered(self.classes)
        self._image_files = [
            self._images_folder / f"{name}.jpg" for files in names.values() for name in files
        ]
        self._labels = [self.class_to_idx[label] for label, files in names.items() for _ in files]
        self.loader = loader

    def _check_exists(self) -> bool:
        return self._meta_folder.is_dir() and self._images_folder.is_dir()

    def _download(self) -> None:
        if not self._check_exists():
            download_and_extract_archive(self._URL, self.root, md5=self._MD5)

    def extra_repr(self) -> str:
        """The split."""
        return f"split={self._split}"
