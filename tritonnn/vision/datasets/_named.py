"""Errors of readers that know nothing of files get the file's name, and keep their type."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tritonnn.vision._pillow import pillow

__all__ = ["naming", "open_image"]


@contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Whatever is raised inside names the file.

    >>> with naming("a.idx"):
    ...     raise ValueError("too short")
    Traceback (most recent call last):
    ValueError: a.idx: too short
    """
    try:
        yield
    except Exception as error:
        if os.fspath(path) in str(error):  # as errors of the file system do
            raise
        try:
            named: Exception = type(error)(f"{os.fspath(path)}: {error}")
        except TypeError:  # a type that is made of more than a message
            named = ValueError(f"{os.fspath(path)}: {type(error).__name__}: {error}")
        raise named from error


def open_image(path: str | os.PathLike[str], mode: str | None = None) -> Any:
    """The picture of a file, read to its end so that what is wrong with it shows here and the file is closed.

    Args:
        path: of the file.
        mode: what it is converted to, such as "RGB"; None leaves it as it is.

    Raises what Pillow raises, with the file's name: UnidentifiedImageError, OSError for a truncated one,
    DecompressionBombError for one that is too large to be meant.
    """
    module = pillow("torchvision.datasets")
    with naming(path), module.open(path) as image:
        image.load()
        return image if mode is None else image.convert(mode)
