"""The names of the classes that weights were trained on: files in `_data`, one name a line."""

from __future__ import annotations

from functools import cache
from pathlib import Path

__all__ = ["names"]

DATA = Path(__file__).parent / "_data"


@cache
def names(of: str) -> list[str]:
    """The lines of `_data/{of}.txt`; one list for all who ask.

    >>> names("imagenet")[:2], len(names("coco"))
    (['tench', 'goldfish'], 91)
    """
    return (DATA / f"{of}.txt").read_text(encoding="utf-8").splitlines()


_IMAGENET_CATEGORIES = names("imagenet")
_COCO_CATEGORIES = names("coco")
_COCO_PERSON_CATEGORIES = names("coco_person")
_COCO_PERSON_KEYPOINT_NAMES = names("coco_person_keypoints")
_VOC_CATEGORIES = names("voc")
_KINETICS400_CATEGORIES = names("kinetics400")
