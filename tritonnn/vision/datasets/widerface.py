"""Faces in crowds and in the distance, with boxes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import tritonnn as torch
from tritonnn.vision.datasets._items import Separate
from tritonnn.vision.datasets._named import naming, open_image
from tritonnn.vision.datasets.utils import (
    download_and_extract_archive,
    download_file_from_google_drive,
    extract_archive,
    verify_str_arg,
)

__all__ = ["WIDERFace"]

_COLUMNS = ("blur", "expression", "illumination", "occlusion", "pose", "invalid")


class WIDERFace(Separate):
    """Pictures in `root/widerface/WIDER_train` and so on, boxes in `root/widerface/wider_face_split`.

    Args:
        root: the folder.
        split: "train", "val" or "test"; targets of the last are None.
        transform: a function of the picture, which is one of Pillow's.
        target_transform: a function of the target, a dict: "bbox" (x, y, width, height) and six properties of faces.
        download: fetch the archives, which are on Google Drive, and unpack them.
    """

    BASE_FOLDER = "widerface"
    FILE_LIST = [
        ("15hGDLhsx8bLgLcIRD5DhYt5iBxnjNF1M", "3fedf70df600953d25982bcd13d91ba2", "WIDER_train.zip"),
        ("1GUCogbp16PMGa39thoMMeWxp7Rp5oM8Q", "dfa7d7e790efa35df3788964cf0bbaea", "WIDER_val.zip"),
        ("1HIfDbVEWKmsYKJZm4lchTBDLW5N7dY5T", "e5d8f4248ed24c334bbd12f49c29dd40", "WIDER_test.zip"),
    ]
    ANNOTATIONS_FILE = (
        "http://shuoyang1213.me/WIDERFACE/support/bbx_annotation/wider_face_split.zip",
        "0e3767bcf0e326556d407bf5bff5d27c",
        "wider_face_split.zip",
    )

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str = "train",
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[..., Any] | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(
            os.path.join(root, self.BASE_FOLDER), transform=transform, target_transform=target_transform
        )
        self.split = verify_str_arg(split, "split", ("train", "val", "test"))
        if download:
            self.download()
        missing = [name for name in self._folders() if not os.path.exists(os.path.join(self.root, name))]
        if missing:
            raise RuntimeError(
                f"Dataset not found or corrupted: {self.root} lacks {', '.join(missing)}. "
                "You can use download=True to download and prepare it"
            )
        self.img_info: list[dict[str, Any]] = []
        if split == "test":
            self.parse_test_annotations_file()
        else:
            self.parse_train_val_annotations_file()

    def _folders(self) -> list[str]:
        return [os.path.splitext(file[2])[0] for file in [*self.FILE_LIST, self.ANNOTATIONS_FILE]]

    def _rows(self, name: str) -> Iterator[str]:
        with open(os.path.join(self.root, "wider_face_split", name), encoding="utf-8") as file:
            for line in file:
                yield line.rstrip()

    def _image(self, name: str) -> str:
        return os.path.abspath(os.path.join(self.root, f"WIDER_{self.split}", "images", name))

    def parse_train_val_annotations_file(self) -> None:
        """Read the file of boxes: a picture's name, how many faces it has, and a line for each; for none a line too."""
        name = f"wider_face_{self.split}_bbx_gt.txt"
        with naming(os.path.join(self.root, "wider_face_split", name)):
            rows = self._rows(name)
            for image in rows:
                count = int(next(rows, ""))
                boxes = [[int(number) for number in next(rows, "").split()] for _ in range(max(count, 1))]
                table = torch.tensor(boxes)
                known = {key: table[:, 4 + i].clone() for i, key in enumerate(_COLUMNS)}
                known = {"bbox": table[:, :4].clone(), **known}
                self.img_info.append({"img_path": self._image(image), "annotations": known})

    def parse_test_annotations_file(self) -> None:
        """Read the list of the pictures that have no boxes."""
        self.img_info += [
            {"img_path": self._image(name)} for name in self._rows("wider_face_test_filelist.txt")
        ]

    def _item(self, index: int) -> tuple[Any, Any]:
        info = self.img_info[index]
        return open_image(info["img_path"]), info.get("annotations")

    def __len__(self) -> int:
        return len(self.img_info)

    def extra_repr(self) -> str:
        """The split."""
        return f"Split: {self.split}"

    def _check_integrity(self) -> bool:
        return all(os.path.exists(os.path.join(self.root, name)) for name in self._folders())

    def download(self) -> None:
        """Fetch the archives and unpack them, unless all folders are there."""
        if self._check_integrity():
            return
        for file_id, md5, name in self.FILE_LIST:
            download_file_from_google_drive(file_id, self.root, name, md5)
            extract_archive(os.path.join(self.root, name))
        url, md5, _ = self.ANNOTATIONS_FILE
        download_and_extract_archive(url, self.root, md5=md5)
