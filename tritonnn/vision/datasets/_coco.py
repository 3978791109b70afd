"""An index over a file of COCO annotations, with the methods that pycocotools' has."""

from __future__ import annotations

import importlib
import json
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from tritonnn.vision.datasets import _masks
from tritonnn.vision.datasets._named import naming

__all__ = ["Coco", "index_of"]

#: one id or name, or several; an empty list leaves all in
Ids: TypeAlias = int | str | Iterable[int | str]


def index_of(path: str | os.PathLike[str]) -> Any:
    """The index over a file: pycocotools' COCO where that is installed, as evaluation asks for it; else `Coco`."""
    try:
        module = importlib.import_module("pycocotools.coco")
    except ImportError:
        return Coco(path)
    return module.COCO(path)


def _several(value: object) -> list[Any]:
    """One or several, as several."""
    return list(value) if isinstance(value, Iterable) and not isinstance(value, str) else [value]


class Coco:
    """Pictures, annotations and categories by id.

    Args:
        annotation_file: JSON with "images", and "annotations" and "categories" where there are any.

    Raises ValueError, which names the file, for one that has no pictures.
    """

    def __init__(self, annotation_file: str | os.PathLike[str]) -> None:
        with naming(annotation_file), open(annotation_file, encoding="utf-8") as file:
            self.dataset = json.load(file)
            if not isinstance(self.dataset, dict) or not isinstance(self.dataset.get("images", []), list):
                raise ValueError("no COCO annotations: a JSON object with a list of images was expected")
        self.imgs = {image["id"]: image for image in self.dataset.get("images", [])}
        self.anns = {annotation["id"]: annotation for annotation in self.dataset.get("annotations", [])}
        self.cats = {category["id"]: category for category in self.dataset.get("categories", [])}
        self.imgToAnns: dict[Any, list[Any]] = defaultdict(list)
        self.catToImgs: dict[Any, list[Any]] = defaultdict(list)
        for annotation in self.dataset.get("annotations", []):
            self.imgToAnns[annotation["image_id"]].append(annotation)
            if "categories" in self.dataset:
                self.catToImgs[annotation["category_id"]].append(annotation["image_id"])

    def getAnnIds(
        self, imgIds: Ids = (), catIds: Ids = (), areaRng: Sequence[float] = (), iscrowd: bool | None = None
    ) -> list[Any]:
        """The ids of annotations of these pictures, categories and sizes; of all where a list is empty."""
        images, categories = _several(imgIds), set(_several(catIds))
        found = (
            [annotation for image in images for annotation in self.imgToAnns.get(image, [])]
            if images
            else self.dataset.get("annotations", [])
        )
        return [
            annotation["id"]
            for annotation in found
            if (not categories or annotation["category_id"] in categories)
            and (not areaRng or areaRng[0] < annotation["area"] < areaRng[1])
            and (iscrowd is None or annotation["iscrowd"] == iscrowd)
        ]

    def getCatIds(self, catNms: Ids = (), supNms: Ids = (), catIds: Ids = ()) -> list[Any]:
        """The ids of categories of these names, names of the groups above them, and ids."""
        wanted = (("name", _several(catNms)), ("supercategory", _several(supNms)), ("id", _several(catIds)))
        return [
            category["id"]
            for category in self.dataset.get("categories", [])
            if all(not values or category[key] in values for key, values in wanted)
        ]

    def getImgIds(self, imgIds: Ids = (), catIds: Ids = ()) -> list[Any]:
        """The ids of those of these pictures that have all of these categories."""
        images = set(_several(imgIds)) or set(self.imgs)
        for category in _several(catIds):
            images &= set(self.catToImgs.get(category, []))
        return list(images)

    def loadAnns(self, ids: Ids = ()) -> list[Any]:
        """The annotations with these ids."""
        return [self.anns[id] for id in _several(ids)]

    def loadCats(self, ids: Ids = ()) -> list[Any]:
        """The categories with these ids."""
        return [self.cats[id] for id in _several(ids)]

    def loadImgs(self, ids: Ids = ()) -> list[Any]:
        """What the file says of the pictures with these ids."""
        return [self.imgs[id] for id in _several(ids)]

    def annToMask(self, ann: Mapping[str, Any]) -> np.ndarray:
        """An annotation's pixels, as a uint8 array of the size of its picture."""
        image = self.imgs[ann["image_id"]]
        return _masks.mask_of(ann["segmentation"], image["height"], image["width"])
