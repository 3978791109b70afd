"""Cats and dogs of 37 breeds, with a map of where they are."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tritonnn.vision.datasets._items import Joint, lines, numbered, only
from tritonnn.vision.datasets._named import open_image
from tritonnn.vision.datasets.utils import download_and_extract_archive, verify_str_arg

__all__ = ["OxfordIIITPet"]


class OxfordIIITPet(Joint):
    """Pictures in `root/oxford-iiit-pet/images`, what is known of them in `root/oxford-iiit-pet/annotations`.

    Args:
        root: the folder.
        split: "trainval" or "test".
        target_types: "category" (the breed), "binary-category" (cat or dog), "segmentation" (a picture: pet, ground,
            border), or several: a tuple then.
        transforms: a function of picture and target; not beside the others.
        transform: a function of the picture.
        target_transform: a function of the target.
        download: fetch the archives and unpack them.
    """

    _RESOURCES = (
        ("https://www.robots.ox.ac.uk/~vgg/data/pets/data/images.tar.gz", "5c4f3ee8e5d25df40f4fd59a7f44e54c"),
        (
            "https://www.robots.ox.ac.uk/~vgg/data/pets/data/annotations.tar.gz",
            "95a8c909bbe2e81eed6a22bccdf3f68f",
        ),
    )
    _VALID_TARGET_TYPES = ("category", "binary-category", "segmentation")

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str = "trainval",
        target_types: Sequence[str] | str = "category",
        transforms: Callable[..., Any] | None = None,
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[..., Any] | None = None,
        download: bool = False,
    ) -> None:
        self._split = verify_str_arg(split, "split", ("trainval", "test"))
        types = [target_types] if isinstance(target_types, str) else target_types
        self._target_types = [verify_str_arg(t, "target_types", self._VALID_TARGET_TYPES) for t in types]
        super().__init__(root, transforms=transforms, transform=transform, target_transform=target_transform)
        self._base_folder = Path(self.root) / "oxford-iiit-pet"
        self._images_folder = self._base_folder / "images"
        self._anns_folder = self._base_folder / "annotations"
        self._segs_folder = self._anns_folder / "trimaps"
        if download:
            self._download()
        if not self._check_exists():
            raise RuntimeError(
                f"Dataset not found: there is no {self._images_folder} or no {self._anns_folder}. "
                "You can use download=True to download it"
            )
        rows = [line.split() for line in lines(self._anns_folder / f"{split}.txt") if line]
        self._labels = [int(row[1]) - 1 for row in rows]
        self._bin_labels = [int(row[2]) - 1 for row in rows]
        self._images = [self._images_folder / f"{row[0]}.jpg" for row in rows]
        self._segs = [self._segs_folder / f"{row[0]}.png" for row in rows]
        breeds = {(label, row[0].rsplit("_", 1)[0]) for label, row in zip(self._labels, rows)}
        self.classes = [" ".join(word.title() for word in name.split("_")) for _, name in sorted(breeds)]
        self.class_to_idx = numbered(self.classes)
        self.bin_classes = ["Cat", "Dog"]
        self.bin_class_to_idx = numbered(self.bin_classes)

    def _target(self, kind: str, index: int) -> Any:
        if kind == "segmentation":
            return open_image(self._segs[index])
        return (self._labels if kind == "category" else self._bin_labels)[index]

    def _item(self, index: int) -> tuple[Any, Any]:
        targets = [self._target(kind, index) for kind in self._target_types]
        return open_image(self._images[index], "RGB"), only(targets)

    def __len__(self) -> int:
        return len(self._images)

    def _check_exists(self) -> bool:
        return self._images_folder.is_dir() and self._anns_folder.is_dir()

    def _download(self) -> None:
        if not self._check_exists():
            for url, md5 in self._RESOURCES:
                download_and_extract_archive(url, self._base_folder, md5=md5)
