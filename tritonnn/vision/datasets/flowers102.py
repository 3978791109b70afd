"""Flowers of 102 kinds that grow in Britain."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tritonnn.vision.datasets._checks import trouble
from tritonnn.vision.datasets._extras import extra
from tritonnn.vision.datasets._items import Files
from tritonnn.vision.datasets._named import naming
from tritonnn.vision.datasets.folder import default_loader
from tritonnn.vision.datasets.utils import (
    check_integrity,
    download_and_extract_archive,
    download_url,
    verify_str_arg,
)

__all__ = ["Flowers102"]


class Flowers102(Files):
    """Pictures in `root/flowers-102/jpg`, labels and splits in MATLAB files beside it, which SciPy reads.

    Args:
        root: the folder.
        split: "train", "val" or "test".
        transform: a function of the picture.
        target_transform: a function of the class's number.
        download: fetch the files that are missing.
        loader: reads a picture, given its path.
    """

    _download_url_prefix = "https://www.robots.ox.ac.uk/~vgg/data/flowers/102/"
    _file_dict = {
        "image": ("102flowers.tgz", "52808999861908f626f3c1f4e79d11fa"),
        "label": ("imagelabels.mat", "e0620be6f572b9609742df49c70aed4d"),
        "setid": ("setid.mat", "a5357ecc9cb78c4bef273ce3793fc85c"),
    }
    _splits_map = {"train": "trnid", "val": "valid", "test": "tstid"}
    classes: list[str] = json.loads(Path(__file__).with_suffix(".json").read_text())

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
        self._split = verify_str_arg(split, "split", ("train", "val", "test"))
        self._base_folder = Path(self.root) / "flowers-102"
        self._images_folder = self._base_folder / "jpg"
        if download:
            self.download()
        if not self._check_integrity():
            what = (
                trouble(self._tables())
                if self._images_folder.is_dir()
                else f"there is no {self._images_folder}"
            )
            raise RuntimeError(
                f"Dataset not found or corrupted: {what}. You can use download=True to download it"
            )
        numbers = self._column("setid", self._splits_map[split])
        labels = self._column("label", "labels")
        self._labels = [labels[number - 1] - 1 for number in numbers]
        self._image_files = [self._images_folder / f"image_{number:05d}.jpg" for number in numbers]
        self.loader = loader

    def _column(self, file: str, name: str) -> list[int]:
        """The numbers that a table has under a name."""
        path = self._base_folder / self._file_dict[file][0]
        with naming(path):
            table = extra("scipy.io", "torchvision.datasets.Flowers102").loadmat(path)
            return table[name].astype(int).reshape(-1).tolist()

    def _tables(self) -> list[tuple[Path, str | None]]:
        return [(self._base_folder / name, md5) for name, md5 in map(self._file_dict.get, ("label", "setid"))]  # type: ignore[misc]

    def _check_integrity(self) -> bool:
        return self._images_folder.is_dir() and all(
            check_integrity(path, md5) for path, md5 in self._tables()
        )

    def download(self) -> None:
        """Fetch the pictures and the tables, unless all are there."""
        if self._check_integrity():
            return
        name, md5 = self._file_dict["image"]
        download_and_extract_archive(self._download_url_prefix + name, self._base_folder, md5=md5)
        for path, checksum in self._tables():
            download_url(self._download_url_prefix + path.name, self._base_folder, md5=checksum)

    def extra_repr(self) -> str:
        """The split."""
        return f"split={self._split}"
