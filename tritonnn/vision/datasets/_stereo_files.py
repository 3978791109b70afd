"""What the sets of stereo pictures have in common: pairs of files, and disparities out of each set's format."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from glob import glob
from pathlib import Path
from typing import Any

import numpy as np

from tritonnn.vision.datasets._flow_files import read_pfm
from tritonnn.vision.datasets._named import open_image
from tritonnn.vision.datasets.vision import VisionDataset

__all__ = ["StereoMatchingDataset", "chosen", "positive_pfm", "scaled"]

AnyPath = str | os.PathLike[str]
Function = Callable[..., Any]


class StereoMatchingDataset(ABC, VisionDataset[Any]):
    """Items are the left and the right picture, the disparity of the left one, and for some sets its valid pixels.

    Args:
        root: the folder.
        transforms: a function of the pictures, the disparities and the masks, which are pairs, and gives such.
    """

    _has_built_in_disparity_mask = False

    def __init__(self, root: AnyPath, transforms: Function | None = None) -> None:
        super().__init__(root=root, transforms=transforms)
        self._images: list[Any] = []
        self._disparities: list[Any] = []

    def _home(self, *names: str) -> Path:
        return Path(os.path.expanduser(self.root)).joinpath(*names)

    def _read_img(self, file_path: AnyPath) -> Any:
        return open_image(file_path, "RGB")

    def _scan_pairs(self, left: Path | str, right: Path | str | None = None) -> list[tuple[str, str | None]]:
        """The files that patterns fit, in pairs, in the order of their names; without `right`: each with None.

        Raises FileNotFoundError where there are none, ValueError where there are not as many of both.
        """
        lefts = sorted(glob(str(left)))
        rights: list[Any] = [None] * len(lefts) if right is None else sorted(glob(str(right)))
        for found, pattern in ((lefts, left), (rights, right)):
            if not found:
                raise FileNotFoundError(f"Could not find any files matching the patterns: {pattern}")
        if len(lefts) != len(rights):
            raise ValueError(
                f"Found {len(lefts)} left files but {len(rights)} right files using:\n "
                f"left pattern: {left}\nright pattern: {right}\n"
            )
        return list(zip(lefts, rights))

    @abstractmethod
    def _read_disparity(self, file_path: str) -> tuple[Any, Any]:
        """The disparity of a file, of 1, height, width, and its valid pixels or None; for None twice None."""

    def __getitem__(self, index: int) -> Any:
        images = tuple(self._read_img(path) for path in self._images[index])
        read = [self._read_disparity(path) for path in self._disparities[index]]
        disparities, masks = tuple(pair[0] for pair in read), tuple(pair[1] for pair in read)
        if self.transforms is not None:
            images, disparities, masks = self.transforms(images, disparities, masks)
        if self._has_built_in_disparity_mask or masks[0] is not None:
            return images[0], images[1], disparities[0], masks[0]
        return images[0], images[1], disparities[0]

    def __len__(self) -> int:
        return len(self._images)


def positive_pfm(path: str) -> Any:
    """The disparity in a picture of floats, whose sign says in which direction."""
    return np.abs(read_pfm(path, slice_channels=1))


def scaled(path: str, by: float, dtype: type[np.generic] | None = np.float32) -> np.ndarray:
    """The disparity in a picture of whole numbers."""
    pixels = np.asarray(open_image(path))
    return (pixels if dtype is None else pixels.astype(dtype))[None] / by


def chosen(value: str, both: tuple[str, str]) -> list[str]:
    """One name, or the two that "both" stands for."""
    return list(both) if value == "both" else [value]
