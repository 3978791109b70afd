"""Rendered scenes of cubes, balls and cylinders; how many of them there are is the class."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tritonnn.vision.datasets._items import Files
from tritonnn.vision.datasets._named import naming
from tritonnn.vision.datasets.folder import default_loader
from tritonnn.vision.datasets.utils import download_and_extract_archive, verify_str_arg

__all__ = ["CLEVRClassification"]


class CLEVRClassification(Files):
    """Pictures in `root/clevr/CLEVR_v1.0/images`, scenes beside it.

    Args:
        root: the folder.
        split: "train", "val" or "test"; labels of the last are None.
        transform: a function of the picture.
        target_transform: a function of the number of objects.
        download: fetch the archive and unpack it.
        loader: reads a picture, given its path.
    """

    _URL = "https://dl.fbaipublicfiles.com/clevr/CLEVR_v1.0.zip"
    _MD5 = "b11922020e72d0cd9154779b2d3d07d2"

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str = "train",
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[..., Any] | None = None,
        download: bool = False,
        loader: Callable[..., Any] = default_loader,
    ) -> None:
        self._split = verify_str_arg(split, "split", ("train", "val", "test"))
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.loader = loader
        self._base_folder = Path(self.root) / "clevr"
        self._data_folder = self._base_folder / "CLEVR_v1.0"
        if download:
            self._download()
        if not self._check_exists():
            raise RuntimeError(
                f"Dataset not found or corrupted: there is no {self._data_folder}. "
                "You can use download=True to download it"
            )
        self._image_files = sorted((self._data_folder / "images" / split).glob("*"))
        self._labels = [None] * len(self._image_files) if split == "test" else self._counts()

    def _counts(self) -> list[int]:
        """How many objects each picture has."""
        path = self._data_folder / "scenes" / f"CLEVR_{self._split}_scenes.json"
        with naming(path):
            scenes = json.loads(path.read_text(encoding="utf-8"))["scenes"]
            counts = {scene["image_filename"]: len(scene["objects"]) for scene in scenes}
            return [counts[file.name] for file in self._image_files]

    def _check_exists(self) -> bool:
        return self._data_folder.is_dir()

    def _download(self) -> None:
        if not self._check_exists():
            download_and_extract_archive(self._URL, self._base_folder, md5=self._MD5)

    def extra_repr(self) -> str:
        """The split."""
        return f"split={self._split}"
