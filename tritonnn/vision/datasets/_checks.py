"""Whether a file is there and has the bytes that it should have."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from typing import Any

__all__ = ["calculate_md5", "check_integrity", "check_md5", "trouble"]


def calculate_md5(fpath: str | os.PathLike[str], chunk_size: int = 1024 * 1024) -> str:
    """The MD5 of a file in hexadecimal digits, read in chunks.

    It tells a damaged file; it protects from nobody who forges one.
    """
    md5 = hashlib.md5(usedforsecurity=False)
    with open(fpath, "rb") as file:
        while chunk := file.read(chunk_size):
            md5.update(chunk)
    return md5.hexdigest()


def check_md5(fpath: str | os.PathLike[str], md5: str, **kwargs: Any) -> bool:
    """Whether a file has this MD5; `kwargs` are those of `calculate_md5`."""
    return md5 == calculate_md5(fpath, **kwargs)


def check_integrity(fpath: str | os.PathLike[str], md5: str | None = None) -> bool:
    """Whether there is such a file, and with this MD5 where one is given."""
    return os.path.isfile(fpath) and (md5 is None or check_md5(fpath, md5))


def trouble(files: Iterable[tuple[str | os.PathLike[str], str | None]]) -> str:
    """What is wrong with the first of some files, each with its MD5 or None, that is not as it should be.

    >>> trouble([("there/is/none", None)])
    'there/is/none is missing'
    """
    for path, md5 in files:
        if not os.path.isfile(path):
            return f"{os.fspath(path)} is missing"
        if md5 is not None and (found := calculate_md5(path)) != md5:
            return f"{os.fspath(path)} has the MD5 {found}, expected {md5}"
    return "all files are there"
