"""Aircraft of a hundred variants."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from tritonnn.vision.datasets._items import Files, lines, numbered
from tritonnn.vision.datasets._named import naming
from tritonnn.vision.datasets.folder import default_loader
from tritonnn.vision.datasets.utils import download_and_extract_archive, verify_str_arg

__all__ = ["FGVCAircraft"]

_TABLES = {"variant": "variants.txt", "family": "families.txt", "manufacturer": "manufacturers.txt"}


class FGVCAircraft(Files):
    """Pictures in `root/fgvc-aircraft-2013b/data/images`, lists beside it.

    Args:
        root: the folder.
        split: "train", "val", "trainval" or "test".
        annotation_level: classes are "variant", "family" or "manufacturer".
        transform: a function of the picture.
        target_transform: a function of the class's number.
        download: fetch the archive and unpack it.
        loader: reads a picture, given its path.
    """

    _URL = "https://www.robots.ox.ac.uk/~vgg/data/fgvc-aircraft/archives/fgvc-aircraft-2013b.tar.gz"

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str = "trainval",
        annotation_level: str = "variant",
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[..., Any] | None = None,
        download: bool = False,
        loader: Callable[[str], Any] = default_loader,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self._split = verify_str_arg(split, "split", ("train", "val", "trainval", "test"))
        self._annotation_level = verify_str_arg(annotation_level, "annotation_level", tuple(_TABLES))
        self._data_path = os.path.join(self.root, "fgvc-aircraft-2013b")
        if download:
            self._download()
        if not self._check_exists():
            raise RuntimeError(
                f"Dataset not found: there is no {self._data_path}. You can use download=True to download it"
            )
        data = os.path.join(self._data_path, "data")
        self.classes = lines(os.path.join(data, _TABLES[annotation_level]))
        self.class_to_idx = numbered(self.classes)
        listed = os.path.join(data, f"images_{annotation_level}_{split}.txt")
        with naming(listed):
            pairs = [line.split(" ", 1) for line in lines(listed)]
            self._image_files = [os.path.join(data, "images", f"{name}.jpg") for name, _ in pairs]
            self._labels = [self.class_to_idx[label] for _, label in pairs]
        self.loader = loader

    def _check_exists(self) -> bool:
        return os.path.isdir(self._data_path)

    def _download(self) -> None:
        if not self._check_exists():
            download_and_extract_archive(self._URL, self.root)
