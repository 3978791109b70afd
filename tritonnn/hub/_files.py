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
from typing import Any
from urllib.parse import urlparse
from urllib.request import Request, urlopen

HASH_REGEX = re.compile(r"-([a-f0-9]*)\.")
READ_DATA_CHUNK = 128 * 1024
_SCHEMES = ("file", "http", "https")


def request(url: str) -> Any:
    """The opened URL.

    Raises:
        ValueError: a scheme that is neither a file's nor HTTP's.
        urllib.error.URLError: it cannot be reached.
    """
    if urlparse(url).scheme not in _SCHEMES:
        raise ValueError(f"torch.hub: expected a URL of file, http or https, but got {url!r}")
    return urlopen(Request(url, headers={"User-Agent": "torch.hub"}))


class _Line:
    """Progress as one line of stderr, where tqdm is not installed."""

    def __init__(self, total: int | None) -> None:
        self.total, self.done, self.shown = total, 0, 0.0

    def update(self, count: int) -> None:
        self.done += count
        now = time.monotonic()
        if now - self.shown > 0.1 or self.done == self.total:
            self.shown = now
            part = f" of {self.total / 2**20:.1f} MiB ({self.done / self.total:.0%})" if self.total else ""
            sys.stderr.write(f"\r{self.done / 2**20:.1f}{part}")
            sys.stderr.flush()

    def close(self) -> None:
        sys.stderr.write("\n")


@contextmanager
def _progress(total: int | None, wanted: bool) -> Iterator[Callable[[int], Any]]:
    """What to tell of each block that has arrived."""
    if not wanted:
        yield lambda count: None
        return
    try:
        from tqdm import tqdm
    except ImportError:
        bar: Any = _Line(total)
    else:
        bar = tqdm(total=total, unit="B", unit_scale=True, unit_divisor=1024)
    try:
        yield bar.update
    finally:
        bar.close()


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
    part = f"{dst}.{uuid.uuid4().hex}.partial"
    try:
        with request(url) as source, open(part, "wb") as target:
            length = source.headers.get("Content-Length")
            total = int(length) if length else None
            count, digest = _copy(source, target, total, progress)
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
