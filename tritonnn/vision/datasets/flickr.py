"""Photographs of Flickr's with five captions each."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

from tritonnn.vision.datasets._items import Separate
from tritonnn.vision.datasets._named import naming
from tritonnn.vision.datasets.folder import default_loader

__all__ = ["Flickr8k", "Flickr8kParser", "Flickr30k"]

AnyPath = str | os.PathLike[str]
Function = Callable[..., Any]


class Flickr8kParser(HTMLParser):
    """Reads the page with the captions: a table whose rows have a link to the photograph, and a list.

    Args:
        root: the folder of the photographs, whose names begin with the number in the link.
    """

    def __init__(self, root: AnyPath) -> None:
        super().__init__()
        self.root = root
        self.annotations: dict[str, list[str]] = {}
        self.in_table = False
        self.current_tag: str | None = None
        self.current_img: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the tag."""
        self.current_tag = tag
        self.in_table = self.in_table or tag == "table"

    def handle_endtag(self, tag: str) -> None:
        """Note that there is none."""
        self.current_tag = None
        self.in_table = self.in_table and tag != "table"

    def handle_data(self, data: str) -> None:
        """Take text that is a link to a photograph, or a caption."""
        if not self.in_table:
            return
        if data == "Image Not Found":
            self.current_img = None
        elif self.current_tag == "a":
            self.current_img = self._photograph(data.split("/")[-2])
            self.annotations[self.current_img] = []
        elif self.current_tag == "li" and self.current_img:
            self.annotations[self.current_img].append(data.strip())

    def _photograph(self, number: str) -> str:
        pattern = os.path.join(glob.escape(os.fspath(self.root)), glob.escape(number) + "_*.jpg")
        found = glob.glob(pattern)
        if not found:
            raise IndexError(f"there is no photograph {pattern}")
        return found[0]


class _Captions(Separate):
    """`annotations` has the captions by photograph, `ids` the photographs in turn."""

    def __init__(
        self,
        root: AnyPath,
        ann_file: str,
        transform: Function | None = None,
        target_transform: Function | None = None,
        loader: Callable[[str], Any] = default_loader,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.ann_file = os.path.expanduser(ann_file)
        with naming(self.ann_file), open(self.ann_file, encoding="utf-8") as file:
            self.annotations = self._read(file.read())
        self.ids = sorted(self.annotations)
        self.loader = loader

    def _read(self, text: str) -> dict[str, list[str]]:
        raise NotImplementedError

    def _item(self, index: int) -> tuple[Any, Any]:
        name = self.ids[index]
        return self.loader(os.path.join(self.root, name)), self.annotations[name]

    def __len__(self) -> int:
        return len(self.ids)


class Flickr8k(_Captions):
    """Photographs of a folder, with captions out of the set's web page.

    Args:
        root: the folder of the photographs.
        ann_file: the page, in HTML.
        transform: a function of the picture.
        target_transform: a function of the list of captions.
        loader: reads a picture, given its path.
    """

    def _read(self, text: str) -> dict[str, list[str]]:
        parser = Flickr8kParser(self.root)
        parser.feed(text)
        return parser.annotations

    def _item(self, index: int) -> tuple[Any, Any]:
        path = self.ids[index]
        return self.loader(path), self.annotations[path]


class Flickr30k(_Captions):
    """Photographs of a folder, with captions out of a text file: name, `#`, number, tab, caption.

    Args:
        root: the folder of the photographs.
        ann_file: the text file.
        transform: a function of the picture.
        target_transform: a function of the list of captions.
        loader: reads a picture, given its path.
    """

    def _read(self, text: str) -> dict[str, list[str]]:
        captions: dict[str, list[str]] = {}
        for line in text.rstrip("\n").split("\n"):
            name, caption = line.strip().split("\t")
            captions.setdefault(name[:-2], []).append(caption)
        return captions
