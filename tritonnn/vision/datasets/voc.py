"""Pascal VOC of 2007 to 2012: pictures with objects in boxes (XML), or with a map of classes (PNG)."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from tritonnn.vision.datasets._items import Joint, lines
from tritonnn.vision.datasets._named import naming, open_image
from tritonnn.vision.datasets.utils import download_and_extract_archive, verify_str_arg

__all__ = ["VOCDetection", "VOCSegmentation"]


def _release(folder: str, filename: str, md5: str, base_dir: str) -> dict[str, str]:
    url = f"https://thor.robots.ox.ac.uk/pascal/VOC/{folder}/{filename}"
    return {"url": url, "filename": filename, "md5": md5, "base_dir": base_dir}


DATASET_YEAR_DICT = {
    year: _release(f"voc{year[:4]}", filename, md5, os.path.join(*above, "VOCdevkit", f"VOC{year[:4]}"))
    for year, filename, md5, *above in (
        ("2012", "VOCtrainval_11-May-2012.tar", "6cd6e144f989b92b3379bac3b3de84fd"),
        ("2011", "VOCtrainval_25-May-2011.tar", "6c3384ef61512963050cb5d687e5bf1e", "TrainVal"),
        ("2010", "VOCtrainval_03-May-2010.tar", "da459979d0c395079b5c75ee67908abb"),
        ("2009", "VOCtrainval_11-May-2009.tar", "a3e00b113cfcfebf17e343f59da3caa1"),
        ("2008", "VOCtrainval_14-Jul-2008.tar", "2629fa636546599198acfcfbfcf1904a"),
        ("2007", "VOCtrainval_06-Nov-2007.tar", "c52e279531787c972589f7e41ab4ae64"),
        ("2007-test", "VOCtest_06-Nov-2007.tar", "b6e924de25625d8de591ea690078ad9f"),
    )
}


class _VOC(Joint):
    """A list of pictures, `images`, and one of the files with what is known of them, `targets`."""

    _SPLITS_DIR: str
    _TARGET_DIR: str
    _TARGET_FILE_EXT: str

    def __init__(
        self,
        root: str | os.PathLike[str],
        year: str = "2012",
        image_set: str = "train",
        download: bool = False,
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[..., Any] | None = None,
        transforms: Callable[..., Any] | None = None,
    ) -> None:
        super().__init__(root, transforms, transform, target_transform)
        self.year = verify_str_arg(year, "year", [str(number) for number in range(2007, 2013)])
        sets = ["train", "trainval", "val", *(["test"] if year == "2007" else [])]
        self.image_set = verify_str_arg(image_set, "image_set", sets)
        release = DATASET_YEAR_DICT["2007-test" if image_set == "test" else year]
        self.url, self.filename, self.md5 = release["url"], release["filename"], release["md5"]
        if download:
            download_and_extract_archive(self.url, self.root, filename=self.filename, md5=self.md5)
        base = os.path.join(self.root, release["base_dir"])
        if not os.path.isdir(base):
            raise RuntimeError(
                f"Dataset not found or corrupted: there is no {base}. You can use download=True to download it"
            )
        names = lines(os.path.join(base, "ImageSets", self._SPLITS_DIR, f"{image_set}.txt"))
        self.images = [os.path.join(base, "JPEGImages", f"{name}.jpg") for name in names]
        self.targets = [os.path.join(base, self._TARGET_DIR, name + self._TARGET_FILE_EXT) for name in names]

    def __len__(self) -> int:
        return len(self.images)


class VOCSegmentation(_VOC):
    """Pictures, each with another that has a class for each pixel, in `root/VOCdevkit/VOC2012` (or the year's).

    Args:
        root: the folder.
        year: "2007" to "2012".
        image_set: "train", "trainval" or "val"; of 2007 also "test".
        download: fetch the archive where it is missing or damaged, and unpack it.
        transform: a function of the picture.
        target_transform: a function of the picture of classes.
        transforms: a function of both; not beside the others.
    """

    _SPLITS_DIR = "Segmentation"
    _TARGET_DIR = "SegmentationClass"
    _TARGET_FILE_EXT = ".png"

    @property
    def masks(self) -> list[str]:
        """The files with the classes of the pixels."""
        return self.targets

    def _item(self, index: int) -> tuple[Any, Any]:
        return open_image(self.images[index], "RGB"), open_image(self.masks[index])


class VOCDetection(_VOC):
    """Pictures, each with what its XML file says as a dict of dicts; arguments are VOCSegmentation's."""

    _SPLITS_DIR = "Main"
    _TARGET_DIR = "Annotations"
    _TARGET_FILE_EXT = ".xml"

    @property
    def annotations(self) -> list[str]:
        """The XML files."""
        return self.targets

    def _item(self, index: int) -> tuple[Any, Any]:
        image = open_image(self.images[index], "RGB")
        return image, self.parse_voc_xml(_read_xml(self.annotations[index]))

    @staticmethod
    def parse_voc_xml(node: Element) -> dict[str, Any]:
        """An element as a dict: text, or a dict of what it holds, with a list for what it holds several times.

        >>> from xml.etree.ElementTree import fromstring
        >>> tree = fromstring("<annotation><size>3</size><object><name>cat</name></object></annotation>")
        >>> VOCDetection.parse_voc_xml(tree)
        {'annotation': {'size': '3', 'object': [{'name': 'cat'}]}}
        """
        children = list(node)
        if not children:
            return {node.tag: node.text.strip()} if node.text else {}
        found: dict[str, list[Any]] = {}
        for child in children:
            for name, value in VOCDetection.parse_voc_xml(child).items():
                found.setdefault(name, []).append(value)
        inside: dict[str, Any] = {name: v[0] if len(v) == 1 else v for name, v in found.items()}
        if node.tag == "annotation":
            inside["object"] = found.get("object", [])  # a list, however many there are
        return {node.tag: inside}


def _read_xml(path: str) -> ElementTree.Element:
    """The root of an XML file.

    Raises ValueError for one that declares entities, which could make it arbitrarily large.
    """
    with naming(path):
        with open(path, "rb") as file:
            data = file.read()
        if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
            raise ValueError("an annotation with a document type declaration: refused")
        return ElementTree.fromstring(data)
