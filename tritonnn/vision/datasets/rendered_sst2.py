"""Sentences of film reviews as pictures: do they praise."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tritonnn.vision.datasets._items import Samples
from tritonnn.vision.datasets.folder import default_loader, make_dataset
from tritonnn.vision.datasets.utils import download_and_extract_archive, verify_str_arg

__all__ = ["RenderedSST2"]


class RenderedSST2(Samples):
    """Pictures in `root/rendered-sst2`, by split and class.

    Args:
        root: the folder.
        split: "train", "val" or "test".
        transform: a function of the picture.
        target_transform: a function of the class's number.
        download: fetch the archive and unpack it.
        loader: reads a picture, given its path.
    """

    _URL = "https://openaipublic.azureedge.net/clip/data/rendered-sst2.tgz"
    _MD5 = "2384d08e9dcfa4bd55b324e610496ee5"

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str = "train",
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[..., Any] | None = None,
        download: bool = False,
        loader: Callable[[str], Any] = default_loader,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self._split = verify_str_arg(split, "split", ("train", "val", "test"))
        self._base_folder = Path(self.root) / "rendered-sst2"
        self._folder = self._base_folder / ("valid" if split == "val" else split)
        self.classes = ["negative", "positive"]
        self.class_to_idx = {"negative": 0, "positive": 1}
        if download:
            self._download()
        if not self._check_exists():
            raise RuntimeError(
                f"Dataset not found: {self._folder} lacks negative or positive. "
                "You can use download=True to download it"
            )
        self._samples = make_dataset(self._folder, extensions=("png",))
        self.loader = loader

    def _check_exists(self) -> bool:
        return all((self._folder / name).is_dir() for name in self.classes)

    def _download(self) -> None:
        if not self._check_exists():
            download_and_extract_archive(self._URL, self.root, md5=self._MD5)

    def extra_repr(self) -> str:
        """The split."""
        return f"split={self._split}"
