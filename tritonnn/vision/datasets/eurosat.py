"""Land as Sentinel-2 sees it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from tritonnn.vision.datasets.folder import ImageFolder, default_loader
from tritonnn.vision.datasets.utils import download_and_extract_archive

__all__ = ["EuroSAT"]

_URL = "https://huggingface.co/datasets/torchgeo/eurosat/resolve/c877bcd43f099cd0196738f714544e355477f3fd/EuroSAT.zip"
_MD5 = "c8fa014336c82ac7804f0398fcb19387"


class EuroSAT(ImageFolder):
    """Pictures of ten kinds of land, in `root/eurosat/2750`.

    Args:
        root: the folder.
        transform: a function of the picture.
        target_transform: a function of the class's number.
        download: fetch the archive and unpack it.
        loader: reads a picture, given its path.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[..., Any] | None = None,
        download: bool = False,
        loader: Callable[[str], Any] = default_loader,
    ) -> None:
        self.root = os.path.expanduser(root)
        self._base_folder = os.path.join(self.root, "eurosat")
        self._data_folder = os.path.join(self._base_folder, "2750")
        if download:
            self.download()
        if not self._check_exists():
            raise RuntimeError(
                f"Dataset not found: there is no {self._data_folder}. You can use download=True to download it"
            )
        super().__init__(self._data_folder, transform, target_transform, loader)
        self.root = os.path.expanduser(root)

    def _check_exists(self) -> bool:
        return os.path.exists(self._data_folder)

    def download(self) -> None:
        """Fetch the archive and unpack it, unless it was."""
        if not self._check_exists():
            download_and_extract_archive(_URL, self._base_folder, md5=_MD5)
