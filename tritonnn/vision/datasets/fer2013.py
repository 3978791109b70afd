"""Faces with seven expressions: pixels as text in tables."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import tritonnn as torch
from tritonnn import Tensor
from tritonnn.vision._pillow import pillow
from tritonnn.vision.datasets._checks import trouble
from tritonnn.vision.datasets._items import Samples
from tritonnn.vision.datasets._named import naming
from tritonnn.vision.datasets.utils import check_integrity, verify_str_arg

__all__ = ["FER2013"]

_SITE = (
    "https://www.kaggle.com/c/challenges-in-representation-learning-facial-expression-recognition-challenge"
)


def _picture(pixels: Tensor) -> Any:
    return pillow("torchvision.datasets").fromarray(pixels.numpy())


class FER2013(Samples):
    """Faces of 48 by 48, in grey, out of the first of these files of `root/fer2013` that is there: `fer2013.csv`,
    `icml_face_data.csv`, or the split's `train.csv` or `test.csv`, of which the last has no labels.

    Args:
        root: the folder.
        split: "train" or "test".
        transform: a function of the picture, which is one of Pillow's.
        target_transform: a function of the class's number, or of None where there is no label.
    """

    _RESOURCES = {
        "train": ("train.csv", "3f0dfb3d3fd99c811a1299cb947e3131"),
        "test": ("test.csv", "b02c2298636a634e8c2faabbf3ea9a23"),
        "fer": ("fer2013.csv", "f8428a1edbd21e88f42c73edd2a14f95"),
        "icml": ("icml_face_data.csv", "b114b9e04e6949e5fe8b6a98b3892b1d"),
    }

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str = "train",
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[..., Any] | None = None,
    ) -> None:
        self._split = verify_str_arg(split, "split", ("train", "test"))
        super().__init__(root, transform=transform, target_transform=target_transform)
        folder = Path(self.root) / "fer2013"
        there = [kind for kind in ("fer", "icml") if (folder / self._RESOURCES[kind][0]).exists()]
        kind = there[0] if there else split
        name, md5 = self._RESOURCES[kind]
        if not check_integrity(folder / name, md5):
            raise RuntimeError(
                f"{name} not found in {folder} or corrupted: {trouble([(folder / name, md5)])}. "
                f"You can download it from {_SITE}"
            )
        self._samples = self._read(folder / name, kind)
        self.loader = _picture

    def _read(self, path: Path, kind: str) -> list[tuple[Any, int | None]]:
        """The pixels and labels of the split."""
        usages = ("Training",) if self._split == "train" else ("PublicTest", "PrivateTest")
        samples: list[tuple[Any, int | None]] = []
        with naming(path), open(path, newline="") as file:
            for raw in csv.DictReader(file):
                row = {key.strip(): value for key, value in raw.items()}  # some have blanks around the names
                if kind in ("fer", "icml") and row["Usage"] not in usages:
                    continue
                pixels = np.array(row["pixels"].split(), np.uint8).reshape(48, 48)
                label = None if kind == "test" else int(row["emotion"])
                samples.append((torch.from_numpy(pixels), label))
        return samples

    def extra_repr(self) -> str:
        """The split."""
        return f"split={self._split}"
