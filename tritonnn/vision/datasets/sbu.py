"""A million photographs of Flickr's with captions, as far as they are still there."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from tritonnn.vision.datasets._checks import trouble
from tritonnn.vision.datasets._items import Separate, lines
from tritonnn.vision.datasets.folder import default_loader
from tritonnn.vision.datasets.utils import check_integrity, download_and_extract_archive, download_url

__all__ = ["SBU"]


class SBU(Separate):
    """Photographs in `root/dataset`, whose archive of addresses and captions is in `root`; targets are captions.

    Args:
        root: the folder.
        transform: a function of the picture.
        target_transform: a function of the caption.
        download: fetch the archive, and then each photograph; those that are gone are left out.
        loader: reads a picture, given its path.
    """

    url = "https://www.cs.rice.edu/~vo9/sbucaptions/SBUCaptionedPhotoDataset.tar.gz"
    filename = "SBUCaptionedPhotoDataset.tar.gz"
    md5_checksum = "9aec147b3488753cf758b4d493422285"

    def __init__(
        self,
        root: str | os.PathLike[str],
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[..., Any] | None = None,
        download: bool = True,
        loader: Callable[[str], Any] = default_loader,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.loader = loader
        if download:
            self.download()
        if not self._check_integrity():
            archive = os.path.join(self.root, self.filename)
            raise RuntimeError(
                f"Dataset not found or corrupted: {trouble([(archive, self.md5_checksum)])}. "
                "You can use download=True to download it"
            )
        there = set(os.listdir(self._folder))
        names = (os.path.basename(url) for url in lines(self._list("urls")))
        with open(self._list("captions"), encoding="utf-8") as file:
            pairs = [(name, caption.rstrip()) for name, caption in zip(names, file) if name in there]
        self.photos = [name for name, _ in pairs]
        self.captions = [caption for _, caption in pairs]

    @property
    def _folder(self) -> str:
        return os.path.join(self.root, "dataset")

    def _list(self, name: str) -> str:
        return os.path.join(self._folder, f"SBU_captioned_photo_dataset_{name}.txt")

    def _item(self, index: int) -> tuple[Any, Any]:
        return self.loader(os.path.join(self._folder, self.photos[index])), self.captions[index]

    def __len__(self) -> int:
        return len(self.photos)

    def _check_integrity(self) -> bool:
        return check_integrity(os.path.join(self.root, self.filename), self.md5_checksum)

    def download(self) -> None:
        """Fetch the archive, unless it is there, and then the photographs."""
        if self._check_integrity():
            return
        download_and_extract_archive(self.url, self.root, self.root, self.filename, self.md5_checksum)
        for url in lines(self._list("urls")):
            try:
                download_url(url, self._folder)
            except OSError:  # its owner has removed it
                continue
