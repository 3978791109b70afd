"""How most datasets answer `dataset[index]`: read, then transform. Which functions transform is a matter of the class.

Both kinds look at their functions when an item is asked for, as programs set them later than the constructor does.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from tritonnn.vision.datasets.vision import VisionDataset

__all__ = ["Files", "Joint", "Samples", "Separate", "lines", "numbered", "only"]


class Separate(VisionDataset[tuple[Any, Any]]):
    """`transform` is for the picture, `target_transform` for the target; a subclass defines `_item`."""

    def _item(self, index: int) -> tuple[Any, Any]:
        raise NotImplementedError

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image, target = self._item(index)
        if self.transform is not None:
            image = self.transform(image)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return image, target


class Joint(VisionDataset[tuple[Any, Any]]):
    """`transforms` is for picture and target together; a subclass defines `_item`."""

    def _item(self, index: int) -> tuple[Any, Any]:
        raise NotImplementedError

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image, target = self._item(index)
        if self.transforms is not None:
            image, target = self.transforms(image, target)
        return image, target


class Files(Separate):
    """A list of files, `_image_files`, and one of labels, `_labels`; `loader` reads a file."""

    _image_files: Sequence[Any]
    _labels: Sequence[Any]
    loader: Callable[..., Any]

    def _item(self, index: int) -> tuple[Any, Any]:
        return self.loader(self._image_files[index]), self._labels[index]

    def __len__(self) -> int:
        return len(self._image_files)


class Samples(Separate):
    """A list of pairs of file and label, `_samples`; `loader` reads a file."""

    _samples: Sequence[tuple[Any, Any]]
    loader: Callable[..., Any]

    def _item(self, index: int) -> tuple[Any, Any]:
        path, label = self._samples[index]
        return self.loader(path), label

    def __len__(self) -> int:
        return len(self._samples)


def only(targets: Sequence[Any]) -> Any:
    """Targets of several types as a tuple, of one type as it is, of none as None."""
    if not targets:
        return None
    return tuple(targets) if len(targets) > 1 else targets[0]


def numbered(names: Sequence[str]) -> dict[str, int]:
    """Each name with its place."""
    return {name: i for i, name in enumerate(names)}


def lines(path: str | os.PathLike[str]) -> list[str]:
    """A text file's lines, without the blanks around them."""
    with open(path, encoding="utf-8") as file:
        return [line.strip() for line in file]
