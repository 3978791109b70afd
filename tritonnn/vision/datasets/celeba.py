"""CelebA: faces of celebrities with attributes, identities, boxes and landmarks."""

from __future__ import annotations

import csv
import os
from collections import namedtuple
from collections.abc import Callable
from typing import Any

import tritonnn as torch
from tritonnn.vision.datasets._checks import trouble
from tritonnn.vision.datasets._items import Separate, only
from tritonnn.vision.datasets._named import naming, open_image
from tritonnn.vision.datasets.utils import (
    check_integrity,
    download_file_from_google_drive,
    extract_archive,
    verify_str_arg,
)

__all__ = ["CSV", "CelebA"]

_SPLITS = {"train": 0, "valid": 1, "test": 2, "all": None}


#: a table: names of its columns, of its rows, and the numbers as a tensor
CSV = namedtuple("CSV", ["header", "index", "data"])


class CelebA(Separate):
    """Faces in `root/celeba/img_align_celeba`, and tables of what is known of them in `root/celeba`.

    Args:
        root: the folder.
        split: "train", "valid", "test" or "all".
        target_type: "attr" (40 times 0 or 1), "identity", "bbox" (x, y, width, height), "landmarks" (five points), or a
            list of these, which gives a tuple; of an empty list targets are None.
        transform: a function of the picture, which is one of Pillow's.
        target_transform: a function of the target.
        download: fetch the files from Google Drive.
    """

    base_folder = "celeba"
    file_list = [
        ("0B7EVK8r0v71pZjFTYXZWM3FlRnM", "00d2c5bc6d35e252742224ab0c1e8fcb", "img_align_celeba.zip"),
        ("0B7EVK8r0v71pblRyaVFSWGxPY0U", "75e246fa4810816ffd6ee81facbd244c", "list_attr_celeba.txt"),
        ("1_ee_0u7vcNLOfNLegJRHmolfH5ICW-XS", "32bd1bd63d3c78cd57e08160ec5ed1e2", "identity_CelebA.txt"),
        ("0B7EVK8r0v71pbThiMVRxWXZ4dU0", "00566efa6fedff7a56946cd1c10f1c16", "list_bbox_celeba.txt"),
        (
            "0B7EVK8r0v71pd0FJY3Blby1HUTQ",
            "cc24ecafdb5b50baae59b03474781f8c",
            "list_landmarks_align_celeba.txt",
        ),
        ("0B7EVK8r0v71pY0NSMzRuSXJEVkk", "d32c9cbf5e040fd4025c592c306e6668", "list_eval_partition.txt"),
    ]

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str = "train",
        target_type: list[str] | str = "attr",
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[..., Any] | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.split = split
        name = verify_str_arg(split.lower() if isinstance(split, str) else split, "split", tuple(_SPLITS))
        self.target_type = target_type if isinstance(target_type, list) else [target_type]
        if not self.target_type and self.target_transform is not None:
            raise RuntimeError("target_transform is specified but target_type is empty")
        for kind in self.target_type:
            if kind not in ("attr", "identity", "bbox", "landmarks"):
                raise ValueError(f'Target type "{kind}" is not recognized.')
        if download:
            self.download()
        if not self._check_integrity():
            raise RuntimeError(
                f"Dataset not found or corrupted: {trouble(self._files())}; {self._images} "
                f"{'is there' if os.path.isdir(self._images) else 'is missing'}. "
                "You can use download=True to download it"
            )
        self._load(_SPLITS[name])

    def _load(self, split: int | None) -> None:
        """Read the tables, and keep the rows of a split; of all where it is None."""
        splits = self._load_csv("list_eval_partition.txt")
        attributes = self._load_csv("list_attr_celeba.txt", header=1)
        chosen = [
            i for i, number in enumerate(splits.data[:, 0].tolist()) if split is None or number == split
        ]
        self.filename = [splits.index[i] for i in chosen]
        self.identity = self._load_csv("identity_CelebA.txt").data[chosen]
        self.bbox = self._load_csv("list_bbox_celeba.txt", header=1).data[chosen]
        self.landmarks_align = self._load_csv("list_landmarks_align_celeba.txt", header=1).data[chosen]
        self.attr = (attributes.data[chosen] + 1) // 2  # -1 and 1 in the file
        self.attr_names = attributes.header

    def _load_csv(self, filename: str, header: int | None = None) -> CSV:
        path = os.path.join(self.root, self.base_folder, filename)
        with naming(path), open(path) as file:
            rows = list(csv.reader(file, delimiter=" ", skipinitialspace=True))
            first = 0 if header is None else header + 1
            numbers = [[int(number) for number in row[1:]] for row in rows[first:]]
            names = [] if header is None else rows[header]
            return CSV(names, [row[0] for row in rows[first:]], torch.tensor(numbers))

    @property
    def _images(self) -> str:
        return os.path.join(self.root, self.base_folder, "img_align_celeba")

    def _files(self) -> list[tuple[str, str | None]]:
        folder = os.path.join(self.root, self.base_folder)
        return [(os.path.join(folder, name), md5) for _, md5, name in self.file_list if name.endswith(".txt")]

    def _check_integrity(self) -> bool:
        return all(check_integrity(path, md5) for path, md5 in self._files()) and os.path.isdir(self._images)

    def download(self) -> None:
        """Fetch the tables and the archive of the pictures, and unpack that, unless all is there."""
        if self._check_integrity():
            return
        folder = os.path.join(self.root, self.base_folder)
        for file_id, md5, name in self.file_list:
            download_file_from_google_drive(file_id, folder, name, md5)
        extract_archive(os.path.join(folder, "img_align_celeba.zip"))

    def _item(self, index: int) -> tuple[Any, Any]:
        known = {
            "attr": self.attr,
            "identity": self.identity,
            "bbox": self.bbox,
            "landmarks": self.landmarks_align,
        }
        targets = [known[kind][index] for kind in self.target_type]
        targets = [row[0] if kind == "identity" else row for kind, row in zip(self.target_type, targets)]
        return open_image(os.path.join(self._images, self.filename[index])), only(targets)

    def __len__(self) -> int:
        return len(self.attr)

    def extra_repr(self) -> str:
        """What targets are, and the split."""
        return f"Target type: {self.target_type}\nSplit: {self.split}"
