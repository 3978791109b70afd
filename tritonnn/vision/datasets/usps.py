"""Digits of American letters: text with one digit a line."""

from __future__ import annotations

import bz2
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from tritonnn.vision._pillow import pillow
from tritonnn.vision.datasets._items import Separate
from tritonnn.vision.datasets._named import naming
from tritonnn.vision.datasets.utils import download_url

__all__ = ["USPS"]


class USPS(Separate):
    """Digits of 16 by 16, in `root/usps.bz2` and `root/usps.t.bz2`.

    Args:
        root: the folder.
        train: 7,291 digits; False: the 2,007 others.
        transform: a function of the picture, which is one of Pillow's in grey.
        target_transform: a function of the digit.
        download: fetch the file where it is missing.

    `data` is a uint8 array of all pictures, `targets` a list of their digits.
    """

    _site = "https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass/"
    split_list = {
        "train": [_site + "usps.bz2", "usps.bz2", "ec16c51db3855ca6c91edd34d0e9b197"],
        "test": [_site + "usps.t.bz2", "usps.t.bz2", "8ea070ee2aca1ac39742fdd1ef5ed118"],
    }

    def __init__(
        self,
        root: str | os.PathLike[str],
        train: bool = True,
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[..., Any] | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        url, filename, md5 = self.split_list["train" if train else "test"]
        path = os.path.join(self.root, filename)
        if download and not os.path.exists(path):
            download_url(url, self.root, filename, md5=md5)
        with naming(path), bz2.open(path, "rt", encoding="ascii") as file:
            rows = [line.split() for line in file]
            values = np.array([[pair.partition(":")[2] for pair in row[1:]] for row in rows], np.float32)
            self.data = ((values.reshape(-1, 16, 16) + 1) / 2 * 255).astype(
                np.uint8
            )  # from -1 to 1 in the file
            self.targets = [int(row[0]) - 1 for row in rows]

    def _item(self, index: int) -> tuple[Any, Any]:
        return pillow("torchvision.datasets").fromarray(self.data[index]), self.targets[index]

    def __len__(self) -> int:
        return len(self.data)
