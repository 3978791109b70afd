"""Digits written by eighty people: text with one digit a line."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from tritonnn.vision._pillow import pillow
from tritonnn.vision.datasets._checks import trouble
from tritonnn.vision.datasets._items import Separate
from tritonnn.vision.datasets._named import naming
from tritonnn.vision.datasets.utils import check_integrity, download_url

__all__ = ["SEMEION"]


class SEMEION(Separate):
    """1,593 digits of 16 by 16, white on black, in `root/semeion.data`.

    Args:
        root: the folder.
        transform: a function of the picture, which is one of Pillow's in grey.
        target_transform: a function of the digit.
        download: fetch the file where it is missing or damaged.

    `data` is a uint8 array of all pictures, `labels` one of their digits.
    """

    url = "http://archive.ics.uci.edu/ml/machine-learning-databases/semeion/semeion.data"
    filename = "semeion.data"
    md5_checksum = "cb545d371d2ce14ec121470795a77432"

    def __init__(
        self,
        root: str | os.PathLike[str],
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[..., Any] | None = None,
        download: bool = True,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        path = os.path.join(self.root, self.filename)
        if download:
            self.download()
        if not self._check_integrity():
            raise RuntimeError(
                f"Dataset not found or corrupted: {trouble([(path, self.md5_checksum)])}. "
                "You can use download=True to download it"
            )
        with naming(path):
            rows = np.loadtxt(path, ndmin=2)
            self.data = (rows[:, :256] * 255).astype(np.uint8).reshape(-1, 16, 16)
            self.labels = np.nonzero(rows[:, 256:])[1]  # behind the pixels: a one in the place of the digit

    def _item(self, index: int) -> tuple[Any, Any]:
        return pillow("torchvision.datasets").fromarray(self.data[index]), int(self.labels[index])

    def __len__(self) -> int:
        return len(self.data)

    def _check_integrity(self) -> bool:
        return check_integrity(os.path.join(self.root, self.filename), self.md5_checksum)

    def download(self) -> None:
        """Fetch the file, unless it is there."""
        if not self._check_integrity():
            download_url(self.url, self.root, self.filename, self.md5_checksum)
