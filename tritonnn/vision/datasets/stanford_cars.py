"""Cars of 196 models."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tritonnn.vision.datasets._extras import extra
from tritonnn.vision.datasets._items import Samples, numbered
from tritonnn.vision.datasets._named import naming
from tritonnn.vision.datasets.folder import default_loader
from tritonnn.vision.datasets.utils import verify_str_arg

__all__ = ["StanfordCars"]


class StanfordCars(Samples):
    """Pictures in `root/stanford_cars/cars_train` or `cars_test`, labels in MATLAB files, which SciPy reads.

    Args:
        root: the folder.
        split: "train" or "test".
        transform: a function of the picture.
        target_transform: a function of the class's number.
        download: True raises ValueError: where it was it is no more.
        loader: reads a picture, given its path.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str = "train",
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[..., Any] | None = None,
        download: bool = False,
        loader: Callable[..., Any] = default_loader,
    ) -> None:
        loadmat = extra("scipy.io", "torchvision.datasets.StanfordCars", RuntimeError).loadmat
        super().__init__(root, transform=transform, target_transform=target_transform)
        self._split = verify_str_arg(split, "split", ("train", "test"))
        self._base_folder = Path(self.root) / "stanford_cars"
        devkit = self._base_folder / "devkit"
        train = split == "train"
        self._annotations_mat_path = (
            devkit / "cars_train_annos.mat" if train else self._base_folder / "cars_test_annos_withlabels.mat"
        )
        self._images_base_path = self._base_folder / f"cars_{split}"
        if download:
            self.download()
        if not self._check_exists():
            raise RuntimeError(
                f"Dataset not found: it needs {devkit}, {self._annotations_mat_path} and {self._images_base_path}"
            )
        with naming(self._annotations_mat_path):
            table = loadmat(self._annotations_mat_path, squeeze_me=True)["annotations"].reshape(-1)
            self._samples = [(str(self._images_base_path / row["fname"]), row["class"] - 1) for row in table]
        with naming(devkit / "cars_meta.mat"):
            names = loadmat(devkit / "cars_meta.mat", squeeze_me=True)["class_names"]
            self.classes: list[str] = names.reshape(-1).tolist()
        self.class_to_idx = numbered(self.classes)
        self.loader = loader

    def _check_exists(self) -> bool:
        return (
            (self._base_folder / "devkit").is_dir()
            and self._annotations_mat_path.exists()
            and self._images_base_path.is_dir()
        )

    def download(self) -> None:
        """Raises ValueError: it can be downloaded nowhere."""
        raise ValueError(
            "The original URL is broken so the StanfordCars dataset cannot be downloaded anymore."
        )
