"""German traffic signs."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tritonnn.vision.datasets._items import Samples
from tritonnn.vision.datasets._named import naming
from tritonnn.vision.datasets.folder import make_dataset, pil_loader
from tritonnn.vision.datasets.utils import download_and_extract_archive, verify_str_arg

__all__ = ["GTSRB"]

_SITE = "https://sid.erda.dk/public/archives/daaeac0d7ce1152aea9b61d9f1e19370/"
_ARCHIVES = {
    "train": [("GTSRB-Training_fixed.zip", "513f3c79a4c5141765e10e952eaa2478")],
    "test": [
        ("GTSRB_Final_Test_Images.zip", "c7e4e6327067d32654124b0fe9e82185"),
        ("GTSRB_Final_Test_GT.zip", "fe31e9c9270bbcd7b84b7f21a9d9d9e5"),
    ],
}


class GTSRB(Samples):
    """Pictures of 43 kinds of signs in `root/gtsrb/GTSRB`.

    Args:
        root: the folder.
        split: "train" or "test".
        transform: a function of the picture, which is one of Pillow's.
        target_transform: a function of the class's number.
        download: fetch the archives and unpack them.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str = "train",
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[..., Any] | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self._split = verify_str_arg(split, "split", ("train", "test"))
        self._base_folder = Path(self.root) / "gtsrb"
        inside = "Training" if split == "train" else "Final_Test/Images"
        self._target_folder = self._base_folder / "GTSRB" / inside
        if download:
            self.download()
        if not self._check_exists():
            raise RuntimeError(
                f"Dataset not found: there is no {self._target_folder}. You can use download=True to download it"
            )
        if split == "train":
            self._samples = make_dataset(self._target_folder, extensions=(".ppm",))
        else:
            self._samples = self._listed(self._base_folder / "GT-final_test.csv")
        self.loader = pil_loader

    def _listed(self, table: Path) -> list[tuple[str, int]]:
        with naming(table), open(table, newline="") as file:
            rows = csv.DictReader(file, delimiter=";", skipinitialspace=True)
            return [(str(self._target_folder / row["Filename"]), int(row["ClassId"])) for row in rows]

    def _check_exists(self) -> bool:
        return self._target_folder.is_dir()

    def download(self) -> None:
        """Fetch the split's archives and unpack them, unless its folder is there."""
        if self._check_exists():
            return
        for name, md5 in _ARCHIVES[self._split]:
            download_and_extract_archive(_SITE + name, self._base_folder, md5=md5)
