"""COCO: pictures with what is to be seen in them, or with captions, out of one JSON file."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from tritonnn.vision.datasets._coco import index_of
from tritonnn.vision.datasets._items import Joint
from tritonnn.vision.datasets._named import open_image

__all__ = ["CocoCaptions", "CocoDetection"]


class CocoDetection(Joint):
    """Pictures of a folder, and a list of the annotations of each, in the order of the pictures' ids.

    Args:
        root: the folder of the pictures.
        annFile: the JSON file.
        transform: a function of the picture, which is one of Pillow's.
        target_transform: a function of the list.
        transforms: a function of both; not beside the others.

    `coco` is the index over the file: pycocotools' COCO where that is installed, else an object with its methods.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        annFile: str,
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[..., Any] | None = None,
        transforms: Callable[..., Any] | None = None,
    ) -> None:
        super().__init__(root, transforms, transform, target_transform)
        self.coco = index_of(annFile)
        self.ids = sorted(self.coco.imgs)

    def _load_image(self, id: int) -> Any:
        return open_image(os.path.join(self.root, self.coco.loadImgs(id)[0]["file_name"]), "RGB")

    def _load_target(self, id: int) -> list[Any]:
        return self.coco.loadAnns(self.coco.getAnnIds(id))

    def _item(self, index: int) -> tuple[Any, Any]:
        if not isinstance(index, int):
            raise ValueError(f"Index must be of type integer, got {type(index)} instead.")
        id = self.ids[index]
        return self._load_image(id), self._load_target(id)

    def __len__(self) -> int:
        return len(self.ids)


class CocoCaptions(CocoDetection):
    """Pictures of a folder, and a list of the captions of each; arguments are CocoDetection's."""

    def _load_target(self, id: int) -> list[str]:
        return [annotation["caption"] for annotation in super()._load_target(id)]
