"""Omniglot: characters of fifty alphabets, each drawn by twenty people."""

from __future__ import annotations

import os
from collections.abc import Callable
from os.path import join
from typing import Any

from tritonnn.vision.datasets._checks import trouble
from tritonnn.vision.datasets._items import Separate
from tritonnn.vision.datasets._named import open_image
from tritonnn.vision.datasets.utils import check_integrity, download_and_extract_archive, list_dir, list_files

__all__ = ["Omniglot"]


class Omniglot(Separate):
    """Characters in `root/omniglot-py`, by alphabet and character, which are numbered in the order of their names.

    Args:
        root: the folder.
        background: the alphabets to learn from; False: those to evaluate with.
        transform: a function of the picture, which is one of Pillow's in grey.
        target_transform: a function of the character's number.
        download: fetch the archive and unpack it.
        loader: reads a picture, given its path; None: Pillow, in grey.
    """

    folder = "omniglot-py"
    download_url_prefix = "https://raw.githubusercontent.com/brendenlake/omniglot/master/python"
    zips_md5 = {
        "images_background": "68d2efa1b9178cc56df9314c21c6e718",
        "images_evaluation": "6b91aef0f799c5bb55b94e3f2daec811",
    }

    def __init__(
        self,
        root: str | os.PathLike[str],
        background: bool = True,
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[..., Any] | None = None,
        download: bool = False,
        loader: Callable[..., Any] | None = None,
    ) -> None:
        super().__init__(join(root, self.folder), transform=transform, target_transform=target_transform)
        self.background = background
        if download:
            self.download()
        name, md5 = self._archive()
        if not self._check_integrity():
            raise RuntimeError(
                f"Dataset not found or corrupted: {trouble([(join(self.root, f'{name}.zip'), md5)])}. "
                "You can use download=True to download it"
            )
        self.target_folder = join(self.root, name)
        self._alphabets = list_dir(self.target_folder)
        self._characters = [
            join(alphabet, character)
            for alphabet in self._alphabets
            for character in list_dir(join(self.target_folder, alphabet))
        ]
        self._character_images = [
            [(image, number) for image in list_files(join(self.target_folder, character), ".png")]
            for number, character in enumerate(self._characters)
        ]
        self._flat_character_images = [pair for images in self._character_images for pair in images]
        self.loader = loader

    def _archive(self) -> tuple[str, str]:
        """The name of the archive, which is that of its folder too, and its MD5."""
        name = "images_background" if self.background else "images_evaluation"
        return name, self.zips_md5[name]

    def _item(self, index: int) -> tuple[Any, Any]:
        name, number = self._flat_character_images[index]
        path = join(self.target_folder, self._characters[number], name)
        return open_image(path, "L") if self.loader is None else self.loader(path), number

    def __len__(self) -> int:
        return len(self._flat_character_images)

    def _check_integrity(self) -> bool:
        name, md5 = self._archive()
        return check_integrity(join(self.root, f"{name}.zip"), md5)

    def download(self) -> None:
        """Fetch the archive and unpack it, unless it is there."""
        if self._check_integrity():
            return
        name, md5 = self._archive()
        url = f"{self.download_url_prefix}/{name}.zip"
        download_and_extract_archive(url, self.root, filename=f"{name}.zip", md5=md5)
