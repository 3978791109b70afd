"""Unpacking: into a folder of its own first, from where it is moved when all of it is there.

So an extraction that was interrupted leaves nothing that could be taken for a dataset. No member gets outside the
folder: neither by its name, nor through a link of the archive.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import shutil
import tarfile
import tempfile
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tritonnn.vision.datasets._named import naming

__all__ = ["decompress", "kind_of", "unpack"]

_OPENERS: dict[str, Callable[..., Any]] = {".bz2": bz2.open, ".gz": gzip.open, ".xz": lzma.open}
_ARCHIVES = (".tar", ".zip")
_ALIASES = {".tbz": (".tar", ".bz2"), ".tbz2": (".tar", ".bz2"), ".tgz": (".tar", ".gz")}


def kind_of(file: str | os.PathLike[str]) -> tuple[str, str | None, str | None]:
    """What a name says: the suffixes that do, the archive's and the compression's, or None.

    >>> kind_of("a.tar.gz"), kind_of("b.tgz"), kind_of("c.zip"), kind_of("d.csv.xz")
    (('.tar.gz', '.tar', '.gz'), ('.tgz', '.tar', '.gz'), ('.zip', '.zip', None), ('.xz', None, '.xz'))

    Raises RuntimeError for a name that says nothing.
    """
    suffixes = Path(file).suffixes
    if not suffixes:
        raise RuntimeError(
            f"File '{file}' has no suffixes that could be used to detect the archive type and compression."
        )
    last = suffixes[-1]
    if last in _ALIASES:
        return (last, *_ALIASES[last])
    if last in _ARCHIVES:
        return last, last, None
    if last in _OPENERS:
        inner = suffixes[-2] if len(suffixes) > 1 else ""
        return (inner + last, inner, last) if inner in _ARCHIVES else (last, None, last)
    known = sorted({*_ALIASES, *_ARCHIVES, *_OPENERS})
    raise RuntimeError(f"Unknown compression or archive type: '{last}'.\nKnown suffixes are: '{known}'.")


def decompress(path: str | os.PathLike[str], target: str | os.PathLike[str], compression: str) -> None:
    """The content of a compressed file, written when it is whole."""
    part = f"{os.fspath(target)}.{uuid.uuid4().hex}.part"  # other processes may do the same
    try:
        with naming(path), _OPENERS[compression](path, "rb") as source, open(part, "wb") as file:
            shutil.copyfileobj(source, file, 1 << 20)
        os.replace(part, target)
    finally:
        if os.path.exists(part):
            os.remove(part)


def _owner() -> tuple[int, int]:
    """Whose the files become: the user's, also where that is root and the archive names others."""
    return (os.getuid(), os.getgid()) if hasattr(os, "getuid") else (0, 0)


class _Room:
    """The folder that an archive is unpacked in, and what may stand there."""

    def __init__(self, archive: str, folder: str) -> None:
        self.archive, self.folder = archive, os.path.realpath(folder)
        self.links: list[str] = []

    def refuse(self, member: str, why: str) -> RuntimeError:
        return RuntimeError(f"{self.archive}: its member {member!r} {why}: refused")

    def check(self, member: str) -> str:
        """The path of a member, which lies inside, and has no link above it."""
        name = member.replace("\\", "/") if os.sep == "\\" else member
        steps = [step for step in name.split("/") if step not in ("", ".")]
        if name.startswith("/") or ".." in steps or os.path.splitdrive(name)[0]:
            raise self.refuse(member, "would be written outside of the folder")
        path = self.folder
        for step in steps[:-1]:
            path = os.path.join(path, step)
            if os.path.islink(path):
                raise self.refuse(member, "goes through a link")
        return os.path.join(path, *steps[-1:])

    def check_links(self) -> None:
        """Every link that was made leads to somewhere inside."""
        for link in self.links:
            target = os.path.realpath(link)
            if os.path.commonpath([target, self.folder]) != self.folder:
                name = os.path.relpath(link, self.folder)
                raise self.refuse(name, f"is a link out of the folder, to {os.readlink(link)}")

    def take(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        """Extract one member of a tar file."""
        path = self.check(member.name)
        if not (member.isreg() or member.isdir() or member.issym() or member.islnk()):
            raise self.refuse(member.name, "is neither a file nor a folder nor a link")
        if member.islnk() and os.path.islink(self.check(member.linkname)):
            raise self.refuse(member.name, "is a hard link to a link")
        if member.issym():
            if os.path.isabs(member.linkname):
                raise self.refuse(member.name, f"is a link out of the folder, to {member.linkname}")
            self.links.append(path)
        elif os.path.islink(path):
            raise self.refuse(member.name, "would be written through a link")
        member.uname = member.gname = ""
        member.uid, member.gid = _owner()
        member.mode = 0o755 if member.isdir() else (0o644 | (member.mode & 0o111))
        options = {"filter": "fully_trusted"} if hasattr(tarfile, "fully_trusted_filter") else {}
        archive.extract(member, self.folder, **options)  # type: ignore[arg-type]


def _untar(path: str, room: _Room, compression: str | None) -> None:
    with tarfile.open(path, f"r:{compression[1:] if compression else ''}") as archive:  # type: ignore[call-overload]
        for member in archive:
            room.take(archive, member)
    room.check_links()


def _unzip(path: str, room: _Room, compression: str | None) -> None:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            room.check(name)
        archive.extractall(room.folder)


def _move(source: str, target: str) -> None:
    """What is in one folder goes to another, where folders grow together and files are replaced.

    Another process may do the same at the same time.
    """
    for name in os.listdir(source):
        old, new = os.path.join(source, name), os.path.join(target, name)
        there = os.path.isdir(new) and not os.path.islink(new)
        if not os.path.isdir(old) or os.path.islink(old):
            if there:
                shutil.rmtree(new)
            os.replace(old, new)
            continue
        if os.path.lexists(new) and not there:
            os.remove(new)
        try:
            os.rename(old, new)
        except OSError:  # there is such a folder, perhaps since a moment ago
            if not os.path.isdir(new):
                raise
            _move(old, new)


def unpack(path: str | os.PathLike[str], folder: str | os.PathLike[str]) -> None:
    """All members of a tar or zip file, which may be compressed, below a folder.

    Raises RuntimeError for a member that would get out of it; and what Python's readers raise for a damaged archive,
    with the file's name. The folder is as it was then.
    """
    suffix, archive, compression = kind_of(path)
    if archive is None:
        raise RuntimeError(f"{path}: {suffix} is not the suffix of an archive")
    os.makedirs(folder, exist_ok=True)
    room = tempfile.mkdtemp(prefix=".extracting-", dir=folder)
    try:
        with naming(path):
            reader = _untar if archive == ".tar" else _unzip
            reader(os.fspath(path), _Room(os.fspath(path), room), compression)
        _move(room, os.fspath(folder))
    finally:
        shutil.rmtree(room, ignore_errors=True)
