"""Semantic boundaries: pictures of Pascal VOC 2011 with MATLAB files of what is where."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from typing import Any

import numpy as np

from tritonnn.vision._pillow import pillow
from tritonnn.vision.datasets._extras import extra
from tritonnn.vision.datasets._items import Joint, lines
from tritonnn.vision.datasets._named import naming, open_image
from tritonnn.vision.datasets.utils import download_and_extract_archive, download_url, verify_str_arg

__all__ = ["SBDataset"]


class SBDataset(Joint):
    """Pictures in `root/img`, and in `root/cls` what is where; SciPy reads that.

    Args:
        root: the folder.
        image_set: "train", "val", or "train_noval", which has no picture that VOC 2012 validates with.
        mode: targets are "boundaries", an array of 20 masks, or "segmentation", a picture of classes.
        download: fetch the archive and unpack it.
        transforms: a function of picture and target.
    """

    url = (
        "https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/semantic_contours/benchmark.tgz"
    )
    md5 = "82b4d87ceb2ed10f6038a1cba92111cb"
    filename = "benchmark.tgz"
    voc_train_url = "https://www.cs.cornell.edu/~bharathh/train_noval.txt"
    voc_split_filename = "train_noval.txt"
    voc_split_md5 = "79bff800c5f0b1ec6b21080a3c066722"

    def __init__(
        self,
        root: str | os.PathLike[str],
        image_set: str = "train",
        mode: str = "boundaries",
        download: bool = False,
        transforms: Callable[..., Any] | None = None,
    ) -> None:
        extra("scipy.io", "torchvision.datasets.SBDataset", RuntimeError)
        super().__init__(root, transforms)
        self.image_set = verify_str_arg(image_set, "image_set", ("train", "val", "train_noval"))
        self.mode = verify_str_arg(mode, "mode", ("segmentation", "boundaries"))
        self.num_classes = 20
        if download:
            self._download()
        if not os.path.isdir(self.root):
            raise RuntimeError(
                f"Dataset not found or corrupted: there is no {self.root}. You can use download=True to download it"
            )
        names = lines(os.path.join(self.root, f"{image_set}.txt"))
        self.images = [os.path.join(self.root, "img", f"{name}.jpg") for name in names]
        self.masks = [os.path.join(self.root, "cls", f"{name}.mat") for name in names]

    def _download(self) -> None:
        if not os.path.isdir(os.path.join(self.root, "cls")):
            download_and_extract_archive(self.url, self.root, filename=self.filename, md5=self.md5)
            inside = os.path.join(self.root, "benchmark_RELEASE", "dataset")
            for name in ("img", "inst", "train.txt", "val.txt", "cls"):
                shutil.move(os.path.join(inside, name), os.path.join(self.root, name))
        if self.image_set == "train_noval":
            download_url(self.voc_train_url, self.root, self.voc_split_filename, self.voc_split_md5)

    def _target(self, path: str) -> Any:
        with naming(path):
            classes = extra("scipy.io", "torchvision.datasets.SBDataset").loadmat(path)["GTcls"][0]
            if self.mode == "segmentation":
                return pillow("torchvision.datasets").fromarray(classes["Segmentation"][0])
            return np.stack([classes["Boundaries"][0][i][0].toarray() for i in range(self.num_classes)])

    def _item(self, index: int) -> tuple[Any, Any]:
        return open_image(self.images[index], "RGB"), self._target(self.masks[index])

    def __len__(self) -> int:
        return len(self.images)

    def extra_repr(self) -> str:
        """The split, and what targets are."""
        return f"Image set: {self.image_set}\nMode: {self.mode}"
