"""Caltech 101 and 256: pictures in folders of categories."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from typing import Any

from tritonnn.vision.datasets._extras import extra
from tritonnn.vision.datasets._items import Separate, only
from tritonnn.vision.datasets._named import naming, open_image
from tritonnn.vision.datasets.utils import download_and_extract_archive, extract_archive, verify_str_arg

__all__ = ["Caltech101", "Caltech256"]

AnyPath = str | os.PathLike[str]
Function = Callable[..., Any]
#: categories whose annotations are in folders of other names
_ANNOTATED_AS = {
    "Faces": "Faces_2",
    "Faces_easy": "Faces_3",
    "Motorbikes": "Motorbikes_16",
    "airplanes": "Airplanes_Side_2",
}


class _Caltech(Separate):
    """Pictures numbered from 1 in each of the categories; `index` has the numbers, `y` the categories'."""

    categories: list[str]

    def _number(self, counts: list[int]) -> None:
        self.index = [i for count in counts for i in range(1, count + 1)]
        self.y = [category for category, count in enumerate(counts) for _ in range(count)]

    def _require(self, folder: str) -> None:
        if not os.path.exists(folder):
            raise RuntimeError(
                f"Dataset not found or corrupted: there is no {folder}. You can use download=True to download it"
            )

    def __len__(self) -> int:
        return len(self.index)


class Caltech101(_Caltech):
    """Pictures of 101 kinds of things in `root/caltech101/101_ObjectCategories`, outlines in `Annotations` beside it.

    Args:
        root: the folder.
        target_type: "category", "annotation" (an outline as an array; SciPy reads it), or a list: a tuple then.
        transform: a function of the picture, which is one of Pillow's.
        target_transform: a function of the target.
        download: fetch the archive and unpack it.
    """

    def __init__(
        self,
        root: AnyPath,
        target_type: list[str] | str = "category",
        transform: Function | None = None,
        target_transform: Function | None = None,
        download: bool = False,
    ) -> None:
        root = os.path.join(os.path.expanduser(root), "caltech101")
        super().__init__(root, transform=transform, target_transform=target_transform)
        types = [target_type] if isinstance(target_type, str) else target_type
        self.target_type = [verify_str_arg(t, "target_type", ("category", "annotation")) for t in types]
        self._folder = os.path.join(self.root, "101_ObjectCategories")
        if download:
            self.download()
        self._require(self._folder)
        self.categories = sorted(name for name in os.listdir(self._folder) if name != "BACKGROUND_Google")
        self.annotation_categories = [_ANNOTATED_AS.get(name, name) for name in self.categories]
        self._number([len(os.listdir(os.path.join(self._folder, name))) for name in self.categories])

    def _outline(self, category: str, number: int) -> Any:
        path = os.path.join(self.root, "Annotations", category, f"annotation_{number:04d}.mat")
        with naming(path):
            return extra("scipy.io", "torchvision.datasets.Caltech101").loadmat(path)["obj_contour"]

    def _item(self, index: int) -> tuple[Any, Any]:
        category, number = self.y[index], self.index[index]
        image = os.path.join(self._folder, self.categories[category], f"image_{number:04d}.jpg")
        targets = [
            category if kind == "category" else self._outline(self.annotation_categories[category], number)
            for kind in self.target_type
        ]
        return open_image(image), only(targets)

    def _check_integrity(self) -> bool:
        return os.path.exists(self._folder)

    def download(self) -> None:
        """Fetch the archive of archives and unpack all, unless it was."""
        if self._check_integrity():
            return
        url = "https://data.caltech.edu/records/mzrjq-6wc02/files/caltech-101.zip"
        md5 = "3138e1922a9193bfa496528edbbc45d0"
        download_and_extract_archive(url, self.root, filename="caltech-101.zip", md5=md5)
        inside = os.path.join(self.root, "caltech-101")
        for name in sorted(os.listdir(inside)):
            if name.endswith((".gz", ".tar")):
                extract_archive(os.path.join(inside, name), self.root)
        shutil.rmtree(inside)
        os.remove(os.path.join(self.root, "caltech-101.zip"))

    def extra_repr(self) -> str:
        """What targets are."""
        return f"Target type: {self.target_type}"


class Caltech256(_Caltech):
    """Pictures of 256 kinds of things, and of others, in `root/caltech256/256_ObjectCategories`.

    Args:
        root: the folder.
        transform: a function of the picture, which is one of Pillow's.
        target_transform: a function of the category's number.
        download: fetch the archive and unpack it.
    """

    def __init__(
        self,
        root: AnyPath,
        transform: Function | None = None,
        target_transform: Function | None = None,
        download: bool = False,
    ) -> None:
        root = os.path.join(os.path.expanduser(root), "caltech256")
        super().__init__(root, transform=transform, target_transform=target_transform)
        self._folder = os.path.join(self.root, "256_ObjectCategories")
        if download:
            self.download()
        self._require(self._folder)
        self.categories = sorted(os.listdir(self._folder))
        files = [os.listdir(os.path.join(self._folder, name)) for name in self.categories]
        self._number([sum(name.endswith(".jpg") for name in names) for names in files])

    def _item(self, index: int) -> tuple[Any, Any]:
        category = self.y[index]
        name = f"{category + 1:03d}_{self.index[index]:04d}.jpg"
        return open_image(os.path.join(self._folder, self.categories[category], name)), category

    def _check_integrity(self) -> bool:
        return os.path.exists(self._folder)

    def download(self) -> None:
        """Fetch the archive and unpack it, unless it was."""
        if self._check_integrity():
            return
        name = "256_ObjectCategories.tar"
        url = f"https://data.caltech.edu/records/nyy15-4j048/files/{name}"
        download_and_extract_archive(url, self.root, filename=name, md5="67b4f42ca05d46448c6bb8ecd2220f6d")
