"""Photographs of 211 countries."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tritonnn.vision.datasets.folder import ImageFolder, default_loader
from tritonnn.vision.datasets.utils import download_and_extract_archive, verify_str_arg

__all__ = ["Country211"]


class Country211(ImageFolder):
    """Photographs in `root/country211`, by split and country.

    Args:
        root: the folder.
        split: "train", "valid" or "test".
        transform: a function of the picture.
        target_transform: a function of the country's number.
        download: fetch the archive and unpack it.
        loader: reads a picture, given its path.
    """

    _URL = "https://openaipublic.azureedge.net/clip/data/country211.tgz"
    _MD5 = "84988d7644798601126c29e9877aab6a"

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str = "train",
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[..., Any] | None = None,
        download: bool = False,
        loader: Callable[[str], Any] = default_loader,
    ) -> None:
        self._split = verify_str_arg(split, "split", ("train", "valid", "test"))
        self.root = os.path.expanduser(root)
        self._base_folder = Path(self.root) / "country211"
        if download:
            self._download()
        if not self._check_exists():
            raise RuntimeError(
                f"Dataset not found: there is no {self._base_folder}. You can use download=True to download it"
            )
        super().__init__(str(self._base_folder / split), transform, target_transform, loader)
        self.root = os.path.expanduser(os.fspath(root))

    def _check_exists(self) -> bool:
        return self._base_folder.is_dir()

    def _download(self) -> None:
        if not self._check_exists():
            download_and_extract_archive(self._URL, self.root, md5=self._MD5)
