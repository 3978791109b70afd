"""Textures of 47 kinds."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tritonnn.vision.datasets._items import Files, lines, numbered
from tritonnn.vision.datasets._named import naming
from tritonnn.vision.datasets.folder import default_loader
from tritonnn.vision.datasets.utils import download_and_extract_archive, verify_str_arg

__all__ = ["DTD"]


class DTD(Files):
    """Pictures in `root/dtd/dtd/images`, ten ways to split them in `root/dtd/dtd/labels`.

    Args:
        root: the folder.
        split: "train", "val" or "test".
        partition: which way, 1 to 10.
        transform: a function of the picture.
        target_transform: a function of the class's number.
        download: fetch the archive and unpack it.
        loader: reads a picture, given its path.
    """

    _URL = "https://www.robots.ox.ac.uk/~vgg/data/dtd/download/dtd-r1.0.1.tar.gz"
    _MD5 = "fff73e5086ae6bdbea199a49dfb8a4c1"

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str = "train",
        partition: int = 1,
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[..., Any] | None = None,
        download: bool = False,
        loader: Callable[..., Any] = default_loader,
    ) -> None:
        self._split = verify_str_arg(split, "split", ("train", "val", "test"))
        if not isinstance(partition, int) or not 1 <= partition <= 10:
            raise ValueError(
                f"Parameter 'partition' should be an integer with `1 <= partition <= 10`, but got {partition} instead"
            )
        self._partition = partition
        super().__init__(root, transform=transform, target_transform=target_transform)
        self._base_folder = Path(self.root) / type(self).__name__.lower()
        self._data_folder = self._base_folder / "dtd"
        self._meta_folder = self._data_folder / "labels"
        self._images_folder = self._data_folder / "images"
        if download:
            self._download()
        if not self._check_exists():
            raise RuntimeError(
                f"Dataset not found: there is no {self._data_folder}. You can use download=True to download it"
            )
        path = self._meta_folder / f"{split}{partition}.txt"
        with naming(path):
            pairs = [(kind, name) for kind, name in (line.split("/") for line in lines(path))]
        self._image_files = [self._images_folder / kind / name for kind, name in pairs]
        self.classes = sorted({kind for kind, _ in pairs})
        self.class_to_idx = numbered(self.classes)
        self._labels = [self.class_to_idx[kind] for kind, _ in pairs]
        self.loader = loader

    def _check_exists(self) -> bool:
        return self._data_folder.is_dir()

    def _download(self) -> None:
        if not self._check_exists():
            download_and_extract_archive(self._URL, self._base_folder, md5=self._MD5)

    def extra_repr(self) -> str:
        """The split, and which way it was made."""
        return f"split={self._split}, partition={self._partition}"
