"""Cityscapes: streets of German cities with a class, and an instance, for each pixel."""

from __future__ import annotations

import json
import os
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tritonnn.vision.datasets._items import Joint, only
from tritonnn.vision.datasets._named import naming, open_image
from tritonnn.vision.datasets.utils import extract_archive, iterable_to_str, verify_str_arg

__all__ = ["Cityscapes"]

_ENDINGS = {
    "instance": "instanceIds.png",
    "semantic": "labelIds.png",
    "color": "color.png",
    "polygon": "polygons.json",
}
CityscapesClass = namedtuple(
    "CityscapesClass",
    ["name", "id", "train_id", "category", "category_id", "has_instances", "ignore_in_eval", "color"],
)


def _classes() -> list[CityscapesClass]:
    rows = json.loads(Path(__file__).with_suffix(".json").read_text())
    return [CityscapesClass._make([*row[:-1], tuple(row[-1])]) for row in rows]


class Cityscapes(Joint):
    """Pictures in `root/leftImg8bit`, annotations in `root/gtFine` or `root/gtCoarse`, by split and city.

    Args:
        root: the folder; the archives are unpacked where only these are there.
        split: "train", "val", and "test" or, for "coarse", "train_extra".
        mode: "fine" or "coarse".
        target_type: "instance", "semantic" or "color" (pictures), "polygon" (a dict), or a list of these: a tuple then.
        transform: a function of the picture.
        target_transform: a function of the target.
        transforms: a function of both; not beside the others.

    Pictures are in the order of cities and of names.
    """

    CityscapesClass = CityscapesClass
    classes = _classes()

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str = "train",
        mode: str = "fine",
        target_type: list[str] | str = "instance",
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[..., Any] | None = None,
        transforms: Callable[..., Any] | None = None,
    ) -> None:
        super().__init__(root, transforms, transform, target_transform)
        verify_str_arg(mode, "mode", ("fine", "coarse"))
        splits = ("train", "test", "val") if mode == "fine" else ("train", "train_extra", "val")
        known = f"Valid values are {{{iterable_to_str(splits)}}}."
        says = f"Unknown value '{split}' for argument split if mode is '{mode}'. {known}"
        self.split = verify_str_arg(split, "split", splits, says)
        self.mode = "gtFine" if mode == "fine" else "gtCoarse"
        types = target_type if isinstance(target_type, list) else [target_type]
        self.target_type = [verify_str_arg(value, "target_type", tuple(_ENDINGS)) for value in types]
        self.images_dir = os.path.join(self.root, "leftImg8bit", split)
        self.targets_dir = os.path.join(self.root, self.mode, split)
        if not os.path.isdir(self.images_dir) or not os.path.isdir(self.targets_dir):
            self._unpack()
        self.images: list[str] = []
        self.targets: list[list[str]] = []
        for city in sorted(os.listdir(self.images_dir)):
            for name in sorted(os.listdir(os.path.join(self.images_dir, city))):
                place = os.path.join(self.targets_dir, city, name.split("_leftImg8bit")[0])
                self.images.append(os.path.join(self.images_dir, city, name))
                self.targets.append([f"{place}_{self.mode}_{_ENDINGS[kind]}" for kind in self.target_type])

    def _unpack(self) -> None:
        """Make the folders out of the archives that the project's site has."""
        part = "trainextra" if self.split == "train_extra" else "trainvaltest"
        names = [
            f"leftImg8bit_{part}.zip",
            f"{self.mode}{'_trainvaltest' if self.mode == 'gtFine' else ''}.zip",
        ]
        archives = [os.path.join(self.root, name) for name in names]
        if not all(os.path.isfile(archive) for archive in archives):
            raise RuntimeError(
                "Dataset not found or incomplete. Please make sure all required folders for the specified "
                f'"split" and "mode" are inside the "root" directory: {self.images_dir} and {self.targets_dir}, or the '
                f"archives {' and '.join(names)}"
            )
        for archive in archives:
            extract_archive(archive, self.root)

    def _target(self, kind: str, path: str) -> Any:
        if kind != "polygon":
            return open_image(path)
        with naming(path), open(path, encoding="utf-8") as file:
            return json.load(file)

    def _item(self, index: int) -> tuple[Any, Any]:
        targets = [self._target(kind, path) for kind, path in zip(self.target_type, self.targets[index])]
        return open_image(self.images[index], "RGB"), only(targets)

    def __len__(self) -> int:
        return len(self.images)

    def extra_repr(self) -> str:
        """The split, and what targets are."""
        return f"Split: {self.split}\nMode: {self.mode}\nType: {self.target_type}"
