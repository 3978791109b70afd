"""Fetching one file: whole and checked, or not at all."""

from __future__ import annotations

import hashlib
import os
import re
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlparse
from urllib.request import Request, urlopen

HASH_REGEX = re.compile(r"-([a-f0-9]*)\.")
READ_DATA_CHUNK = 128 * 1024
_SCHEMES = ("file", "http", "https")


def request(url: str, **headers: str) -> Any:
    """The opened URL, asked for with further headers.

    Raises:
        ValueError: a scheme that is neither a file's nor HTTP's.
        urllib.error.URLError: it cannot be reached.
    """
    if urlparse(url).scheme not in _SCHEMES:
        raise ValueError(f"torch.hub: expected a URL of file, http or https, but got {url!r}")
    return urlopen(Request(url, headers={"User-Agent": "torch.hub", **headers}))


@contextmanager
def reaching(url: str, place: str) -> Iterator[None]:
    """Where a URL is asked for: an error names it, and the place where a copy of what it names is looked for.

    Args:
        place: 'the file at /a/b', for the message.
    """
    hint = f"{url} cannot be fetched. What it names can also be put there by hand, as {place}"
    try:
        yield
    except HTTPError as error:
        error.msg = f"{error.msg}: {hint}"
        raise
    except URLError as error:
        raise URLError(f"{error.reason}: {hint}") from error


class _Line:
    """Progress as one line of stderr, where tqdm is not installed: what torch.hub needs of its class."""

    def __init__(
        self,
        total: int | None = None,
        disable: bool = False,
        unit: str | None = None,
        unit_scale: bool | float | None = None,
        unit_divisor: int | None = None,
    ) -> None:
        self.total, self.disable, self.done, self.shown = total, disable, 0, 0.0

    def __enter__(self) -> _Line:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def set_description(self, text: str) -> None:
        """Say what it is that takes so long."""
        if not self.disable:
            sys.stderr.write(f"{text}\n")

    def update(self, count: int) -> None:
        """Another `count` bytes have arrived."""
        self.done += count
        now = time.monotonic()
        if self.disable:
            return
        if now - self.shown > 0.1 or self.done == self.total:
            self.shown = now
            part = f" of {self.total / 2**20:.1f} MiB ({self.done / self.total:.0%})" if self.total else ""
            sys.stderr.write(f"\r{self.done / 2**20:.1f}{part}")
            sys.stderr.flush()

    def close(self) -> None:
        """Nothing comes any more."""
        if not self.disable:
            sys.stderr.write("\n")


def progress_bar() -> Any:
    """tqdm's class, or the one line above where tqdm is not installed."""
    try:
        from tqdm import tqdm
    except ImportError:
        return _Line
    return tqdm


@contextmanager
def _progress(total: int | None, wanted: bool) -> Iterator[Callable[[int], Any]]:
    """What to tell of each block that has arrived."""
    if not wanted:
        yield lambda count: None
        return
    with progress_bar()(total=total, unit="B", unit_scale=True, unit_divisor=1024) as bar:
        yield bar.update


def _copy(source: Any, target: Any, total: int | None, progress: bool) -> tuple[int, str]:
    """The bytes of one file to another: how many there were, and their SHA-256."""
    sha, count = hashlib.sha256(), 0
    with _progress(total, progress) as tell:
        while block := source.read(READ_DATA_CHUNK):
            target.write(block)
            sha.update(block)
            count += len(block)
            tell(len(block))
    return count, sha.hexdigest()


def download_url_to_file(url: str, dst: str, hash_prefix: str | None = None, progress: bool = True) -> None:
    """Download what a URL names to a file, which is there only when it is whole.

    Args:
        url: of file, http or https.
        dst: the path; what stands there is replaced.
        hash_prefix: what the SHA-256 must begin with, in hexadecimal digits.
        progress: show on stderr how far it is.

    Raises:
        RuntimeError: another hash, or fewer bytes than were announced; `dst` stays as it was.
        urllib.error.URLError: it cannot be reached, or is not there.

    >>> import os, pathlib, tempfile
    >>> import tritonnn as torch
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     source = pathlib.Path(folder, "a.bin")
    ...     _ = source.write_bytes(b"abc")
    ...     torch.hub.download_url_to_file(source.as_uri(), os.path.join(folder, "b.bin"), "ba7816bf", progress=False)
    ...     pathlib.Path(folder, "b.bin").read_bytes()
    b'abc'
    """
    dst = os.path.expanduser(dst)
    fetch(url, dst, hash_prefix, progress, f"the file {dst}")


def fetch(url: str, dst: str, hash_prefix: str | None, progress: bool, place: str) -> None:
    """`download_url_to_file`, where an error names another place to put a copy at."""
    part = f"{dst}.{uuid.uuid4().hex}.partial"
    try:
        with reaching(url, place):
            opened = request(url)
        with opened as source, open(part, "wb") as target:
            length = source.headers.get("Content-Length")
            total = int(length) if length else None
            try:
                count, digest = _copy(source, target, total, progress)
            except HTTPException as error:
                raise RuntimeError(f"{url}: the download ended early: {error!r}") from error
        if total is not None and count != total:
            raise RuntimeError(f"{url}: the download ended after {count} of {total} bytes")
        if hash_prefix is not None and digest[: len(hash_prefix)] != hash_prefix:
            raise RuntimeError(
                f'{url}: invalid hash value (expected "{hash_prefix}", got "{digest}"); nothing is kept'
            )
        os.replace(part, dst)
    finally:
        if os.path.exists(part):
            os.remove(part)
