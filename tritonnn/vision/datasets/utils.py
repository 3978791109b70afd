"""Files of datasets: downloaded, checked, unpacked, listed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlparse

from tritonnn.vision.datasets import _download
from tritonnn.vision.datasets._archives import decompress, kind_of, unpack
from tritonnn.vision.datasets._checks import calculate_md5, check_integrity, check_md5
from tritonnn.vision.datasets._download import USER_AGENT

__all__ = [
    "USER_AGENT", "calculate_md5", "check_integrity", "check_md5", "download_and_extract_archive",
    "download_file_from_google_drive", "download_url", "extract_archive", "iterable_to_str", "list_dir", "list_files",
    "verify_str_arg",
]  # fmt: skip

AnyPath = str | os.PathLike[str]
T = TypeVar("T", str, bytes)
#: gives the file itself, where a page that asks whether it is meant would come for a large one
DRIVE = "https://drive.usercontent.google.com/download?export=download&confirm=t&id={}"


def _drive_id(url: str) -> str | None:
    """The name of a file on Google Drive that a link to its page has; None for other URLs."""
    parts = urlparse(url)
    if re.fullmatch(r"(drive|docs)\.google\.com", parts.netloc) is None:
        return None
    found = re.match(r"/file/d/(?P<id>[^/]+)", parts.path)
    return found["id"] if found else None


def _place(root: AnyPath, filename: AnyPath) -> str:
    """The path of a file below a folder, which is made."""
    root = os.path.expanduser(root)
    os.makedirs(root, exist_ok=True)
    return os.path.join(root, filename)


def download_url(
    url: str,
    root: AnyPath,
    filename: AnyPath | None = None,
    md5: str | None = None,
    max_redirect_hops: int = 3,
) -> None:
    """Download a file to a folder, unless it is there with the right MD5.

    It is there afterwards as a whole, or not at all; an attempt that was cut off is carried on with by the next.

    Args:
        url: of file, http or https; a link to a page of Google Drive gives the file of that page.
        root: the folder, which is made where it is missing.
        filename: None: the last part of the URL.
        md5: of the file; None: not checked.
        max_redirect_hops: how many redirections are followed.

    Raises:
        RuntimeError: another MD5, or a page of Google Drive instead of the file.
        RecursionError: more redirections.
        urllib.error.URLError: it cannot be reached, or is not there.

    >>> import pathlib, tempfile
    >>> from tritonnn.vision.datasets.utils import download_url
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     source = pathlib.Path(folder, "a.txt")
    ...     _ = source.write_bytes(b"abc")
    ...     download_url(source.as_uri(), folder, "b.txt", md5="900150983cd24fb0d6963f7d28e17f72")
    ...     pathlib.Path(folder, "b.txt").read_bytes()
    b'abc'
    """
    path = _place(root, filename or os.path.basename(unquote(urlparse(url).path)) or os.path.basename(url))
    if check_integrity(path, md5):
        return
    drive = _drive_id(url)
    if drive is not None:
        download_file_from_google_drive(drive, root, os.path.basename(path), md5)
    else:
        _download.fetch(url, path, md5, hops=max_redirect_hops)


def download_file_from_google_drive(
    file_id: str, root: AnyPath, filename: AnyPath | None = None, md5: str | None = None
) -> None:
    """Download a file of Google Drive, unless it is there with the right MD5.

    Args:
        file_id: what its link has between `/d/` and the next slash.
        root: the folder, which is made where it is missing.
        filename: None: the id.
        md5: of the file; None: not checked.

    Raises RuntimeError where Google answers with a page, as it does for files that too many have asked for.
    """
    path = _place(root, filename or file_id)
    if check_integrity(path, md5):
        return
    try:
        _download.fetch(DRIVE.format(file_id), path, md5, hops=10, pages=False)
    except _download.Page as page:
        raise RuntimeError(
            f"{page}: too many may have asked for it. Save https://drive.google.com/file/d/{file_id}/view with a "
            f"browser as {path}"
        ) from None


def list_dir(root: AnyPath, prefix: bool = False) -> list[str]:
    """The folders in a folder, sorted; as paths with `prefix`, else as names."""
    root = os.path.expanduser(root)
    names = sorted(name for name in os.listdir(root) if os.path.isdir(os.path.join(root, name)))
    return [os.path.join(root, name) for name in names] if prefix else names


def list_files(root: AnyPath, suffix: str | tuple[str, ...], prefix: bool = False) -> list[str]:
    """The files in a folder that end with `suffix`, sorted; as paths with `prefix`, else as names."""
    root = os.path.expanduser(root)
    names = sorted(
        name
        for name in os.listdir(root)
        if name.endswith(suffix) and os.path.isfile(os.path.join(root, name))
    )
    return [os.path.join(root, name) for name in names] if prefix else names


def extract_archive(from_path: AnyPath, to_path: AnyPath | None = None, remove_finished: bool = False) -> Any:
    """Unpack a tar or zip file, or a file that is only compressed; the name says which it is.

    Args:
        from_path: the archive.
        to_path: the folder for its content; None: the one that it is in.
        remove_finished: remove the archive afterwards.

    Returns the folder, or the file for one that is only compressed, as a str where `from_path` is one.

    Raises RuntimeError for a name that does not tell, and for a member that would get outside the folder; then nothing
    is written.
    """
    target = Path(to_path if to_path is not None else os.path.dirname(from_path))
    suffix, archive, compression = kind_of(from_path)
    if archive is not None:
        unpack(from_path, target)
    else:
        assert compression is not None
        target = target / os.path.basename(from_path).replace(suffix, "")
        decompress(from_path, target, compression)
    if remove_finished:
        os.remove(from_path)
    return os.fspath(target) if isinstance(from_path, str) else target


def download_and_extract_archive(
    url: str,
    download_root: AnyPath,
    extract_root: AnyPath | None = None,
    filename: AnyPath | None = None,
    md5: str | None = None,
    remove_finished: bool = False,
) -> None:
    """`download_url`, then `extract_archive` to `extract_root`, which is `download_root` where it is None."""
    download_root = os.path.expanduser(download_root)
    name = filename or os.path.basename(url)
    download_url(url, download_root, name, md5)
    target = download_root if extract_root is None else extract_root
    extract_archive(os.path.join(download_root, name), target, remove_finished)


def iterable_to_str(iterable: Iterable[Any]) -> str:
    """Each in quotes, with commas between.

    >>> iterable_to_str(["train", "test"])
    "'train', 'test'"
    """
    return "'" + "', '".join(str(item) for item in iterable) + "'"


def verify_str_arg(
    value: T, arg: str | None = None, valid_values: Iterable[T] | None = None, custom_msg: str | None = None
) -> T:
    """The value, if it is a str and one of those that are valid.

    Args:
        value: what came.
        arg: the argument's name, for the message.
        valid_values: None: every str is.
        custom_msg: what is said of a str that is not valid.

    Raises ValueError.
    """
    if not isinstance(value, str):
        where = f" for argument {arg}" if arg is not None else ""
        raise ValueError(f"Expected type str{where}, but got type {type(value)}.")
    if valid_values is not None:
        valid = list(valid_values)
        if value not in valid:
            known = f"Valid values are {{{iterable_to_str(valid)}}}."
            raise ValueError(custom_msg or f"Unknown value '{value}' for argument {arg}. {known}")
    return value
