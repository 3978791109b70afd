"""House numbers as Google's cars saw them: MATLAB files."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from tritonnn.vision._pillow import pillow
from tritonnn.vision.datasets._checks import trouble
from tritonnn.vision.datasets._extras import extra
from tritonnn.vision.datasets._items import Separate
from tritonnn.vision.datasets._named import naming
from tritonnn.vision.datasets.utils import check_integrity, download_url, verify_str_arg

__all__ = ["SVHN"]


class SVHN(Separate):
    """Digits of house numbers, 32 by 32, in one MATLAB file for each split in `root`; SciPy reads it.

    Args:
        root: the folder.
        split: "train", "test" or "extra".
        transform: a function of the picture, which is one of Pillow's.
        target_transform: a function of the digit.
        download: fetch the file where it is missing or damaged.

    `data` is a uint8 array of all pictures, channels first; `labels` one of their digits.
    """

    _site = "http://ufldl.stanford.edu/housenumbers/"
    split_list = {
        "train": [_site + "train_32x32.mat", "train_32x32.mat", "e26dedcc434d2e4c54c9b2d4a06d8373"],
        "test": [_site + "test_32x32.mat", "test_32x32.mat", "eb5a983be6a315427106f1b164d9cef3"],
        "extra": [_site + "extra_32x32.mat", "extra_32x32.mat", "a93ce644f1a588dc4d68dda5feec44a7"],
    }

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str = "train",
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[..., Any] | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.split = verify_str_arg(split, "split", tuple(self.split_list))
        self.url, self.filename, self.file_md5 = self.split_list[split]
        path = os.path.join(self.root, self.filename)
        if download:
            self.download()
        if not self._check_integrity():
            raise RuntimeError(
                f"Dataset not found or corrupted: {trouble([(path, self.file_md5)])}. "
                "You can use download=True to download it"
            )
        loadmat = extra("scipy.io", "torchvision.datasets.SVHN").loadmat
        with naming(path):
            file = loadmat(path)
            self.labels = file["y"].astype(np.int64).reshape(-1) % 10  # the digit 0 is stored as 10
            self.data = file["X"].transpose(3, 2, 0, 1)

    def _item(self, index: int) -> tuple[Any, Any]:
        image = pillow("torchvision.datasets").fromarray(self.data[index].transpose(1, 2, 0))
        return image, int(self.labels[index])

    def __len__(self) -> int:
        return len(self.data)

    def _check_integrity(self) -> bool:
        return check_integrity(os.path.join(self.root, self.filename), self.file_md5)

    def download(self) -> None:
        """Fetch the file of this split, unless it is there."""
        download_url(self.url, self.root, self.filename, self.file_md5)

    def extra_repr(self) -> str:
        """The split."""
        return f"Split: {self.split}"
