"""Scenes of 397 kinds."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tritonnn.vision.datasets._items import Files, lines, numbered
from tritonnn.vision.datasets.folder import default_loader
from tritonnn.vision.datasets.utils import download_and_extract_archive

__all__ = ["SUN397"]


class SUN397(Files):
    """Pictures in `root/SUN397`, by the first letter of the class, and class; in the order of their paths.

    Args:
        root: the folder.
        transform: a function of the picture.
        target_transform: a function of the class's number.
        download: fetch the archive and unpack it.
        loader: reads a picture, given its path.
    """

    _DATASET_URL = "http://vision.princeton.edu/projects/2010/SUN/SUN397.tar.gz"
    _DATASET_MD5 = "8ca2778205c41d23104230ba66911c7a"

    def __init__(
        self,
        root: str | os.PathLike[str],
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[..., Any] | None = None,
        download: bool = False,
        loader: Callable[..., Any] = default_loader,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self._data_dir = Path(self.root) / "SUN397"
        if download:
            self._download()
        if not self._check_exists():
            raise RuntimeError(
                f"Dataset not found: there is no {self._data_dir}. You can use download=True to download it"
            )
        self.classes = [line[3:] for line in lines(self._data_dir / "ClassName.txt")]  # behind "/a/"
        self.class_to_idx = numbered(self.classes)
        self._image_files = sorted(self._data_dir.rglob("sun_*.jpg"))
        self._labels = [self.class_to_idx[self._class_of(path)] for path in self._image_files]
        self.loader = loader

    def _class_of(self, path: Path) -> str:
        return "/".join(path.relative_to(self._data_dir).parts[1:-1])

    def _check_exists(self) -> bool:
        return self._data_dir.is_dir()

    def _download(self) -> None:
        if not self._check_exists():
            download_and_extract_archive(self._DATASET_URL, self.root, md5=self._DATASET_MD5)
