"""KITTI: what a car's cameras saw, with the objects in it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from tritonnn.vision.datasets._items import Joint, lines
from tritonnn.vision.datasets._named import naming, open_image
from tritonnn.vision.datasets.utils import download_and_extract_archive

__all__ = ["Kitti"]


def _object(line: str) -> dict[str, Any]:
    """What a line says of an object."""
    kind, *words = line.split()
    numbers = [float(word) for word in words]
    return {
        "type": kind,
        "truncated": numbers[0],
        "occluded": int(words[1]),
        "alpha": numbers[2],
        "bbox": numbers[3:7],
        "dimensions": numbers[7:10],
        "location": numbers[10:13],
        "rotation_y": numbers[13],
    }


class Kitti(Joint):
    """Pictures in `root/Kitti/raw/training/image_2`, objects in `label_2` beside it; those to test on in `testing`.

    Args:
        root: the folder.
        train: pictures with a list of objects, a dict each; False: others, whose targets are None.
        transform: a function of the picture, which is one of Pillow's.
        target_transform: a function of the list.
        transforms: a function of both; not beside the others.
        download: fetch the archives and unpack them.

    Pictures are in the order of their names.
    """

    data_url = "https://s3.eu-central-1.amazonaws.com/avg-kitti/"
    resources = ["data_object_image_2.zip", "data_object_label_2.zip"]
    image_dir_name = "image_2"
    labels_dir_name = "label_2"

    def __init__(
        self,
        root: str | os.PathLike[str],
        train: bool = True,
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[..., Any] | None = None,
        transforms: Callable[..., Any] | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transforms, transform, target_transform)
        self.train = train
        self._location = "training" if train else "testing"
        if download:
            self.download()
        if not self._check_exists():
            raise RuntimeError(
                f"Dataset not found: {self._folder('')} lacks {' or '.join(self._parts())}. "
                "You may use download=True to download it."
            )
        names = sorted(os.listdir(self._folder(self.image_dir_name)))
        labels = self._folder(self.labels_dir_name)
        self.images = [os.path.join(self._folder(self.image_dir_name), name) for name in names]
        self.targets = [os.path.join(labels, f"{name.split('.')[0]}.txt") for name in names] if train else []

    @property
    def _raw_folder(self) -> str:
        return os.path.join(self.root, type(self).__name__, "raw")

    def _folder(self, name: str) -> str:
        return os.path.join(self._raw_folder, self._location, name)

    def _parts(self) -> list[str]:
        return [self.image_dir_name, *([self.labels_dir_name] if self.train else [])]

    def _item(self, index: int) -> tuple[Any, Any]:
        return open_image(self.images[index]), self._parse_target(index) if self.train else None

    def _parse_target(self, index: int) -> list[dict[str, Any]]:
        with naming(self.targets[index]):
            return [_object(line) for line in lines(self.targets[index]) if line]

    def __len__(self) -> int:
        return len(self.images)

    def _check_exists(self) -> bool:
        return all(os.path.isdir(self._folder(name)) for name in self._parts())

    def download(self) -> None:
        """Fetch the archives and unpack them, unless the folders are there."""
        if self._check_exists():
            return
        for name in self.resources:
            download_and_extract_archive(f"{self.data_url}{name}", self._raw_folder, filename=name)
