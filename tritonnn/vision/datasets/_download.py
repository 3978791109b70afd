"""Fetching a file: whole and checked, or not at all; what an earlier attempt has left is carried on with.

While it arrives the file is called `NAME.part`. A part is only carried on with where that can be relied on: the whole
is checked by its MD5, or the server says that its file is still the one that the part is of.
"""

from __future__ import annotations

import errno
import http.client
import os
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urljoin, urlparse

from tritonnn.vision.datasets._checks import calculate_md5
from tritonnn.vision.datasets._progress import progress

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["USER_AGENT", "Page", "fetch", "opened"]

USER_AGENT = "tritonnn/vision"
ATTEMPTS, PAUSE, TIMEOUT = 4, 1.0, 60.0  # the pause in seconds grows with each attempt
CHUNK = 1 << 17
_SCHEMES = ("file", "http", "https")
_AGAIN = (408, 429, 500, 502, 503, 504)  # HTTP's answers that another attempt may change


class Page(RuntimeError):
    """The server answered with a web page where a file was asked for."""


class Cut(OSError):
    """A connection that ended before the file did."""


class _Stay(urllib.request.HTTPRedirectHandler):
    """Leaves it to the caller to follow."""

    def redirect_request(self, *request: object) -> None:
        return None


_opener = urllib.request.build_opener(_Stay)


def opened(url: str, headers: dict[str, str], hops: int) -> Any:
    """The answer to a request, after at most `hops` redirections.

    Raises:
        ValueError: a scheme that is neither a file's nor HTTP's.
        RecursionError: more redirections.
        urllib.error.URLError: it cannot be reached, or HTTP's refusal.
    """
    first = url
    for _ in range(hops + 1):
        if urlparse(url).scheme not in _SCHEMES:
            raise ValueError(f"expected a URL of file, http or https, but got {url!r}")
        try:
            return _opener.open(urllib.request.Request(url, headers=headers), timeout=TIMEOUT)
        except HTTPError as error:
            target = error.headers.get("Location")
            if error.code not in (301, 302, 303, 307, 308) or not target:
                raise
            error.close()
            target = urljoin(url, target)
            if urlparse(target).scheme == "file":
                raise ValueError(f"{url} redirects to the local file {target}: refused") from None
            url = target
    raise RecursionError(f"Request to {first} exceeded {hops} redirects. The last redirect points to {url}.")


class Partial:
    """A file that has not arrived as a whole, open at its end.

    `version` is what the server called the file when the part was sent in this process; None where it did not, or
    where the part is of an earlier process.
    """

    def __init__(self, file: IO[bytes], path: str) -> None:
        self.file, self.path = file, path
        self.version: str | None = None

    @property
    def size(self) -> int:
        """How much there is of it."""
        return self.file.seek(0, os.SEEK_END)

    def clear(self) -> None:
        """Begin anew."""
        self.file.seek(0)
        self.file.truncate()


def _lock(file: IO[bytes]) -> None:
    """Wait until no other process has the file; where the file system knows no locks, processes do not wait."""
    if fcntl is None:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
            file.close()
            raise


def _stands_at(file: IO[bytes], name: str) -> bool:
    """Whether a name is still this file's: another process may have moved it, or begun anew."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(name))
    except FileNotFoundError:
        return False


@contextmanager
def _partial(path: str) -> Iterator[Partial]:
    """The part of a file, for this process alone: the others that download the same wait here.

    It is gone afterwards where it is empty.
    """
    name = f"{path}.part"
    while True:
        file = open(name, "ab+")  # noqa: SIM115 (closed below)
        _lock(file)
        if _stands_at(file, name):
            break
        file.close()
    try:
        yield Partial(file, name)
    finally:  # as long as it has the lock it removes nothing of another process
        if not file.closed:
            file.flush()
            if os.fstat(file.fileno()).st_size == 0 and _stands_at(file, name):
                if fcntl is None:
                    file.close()  # Windows removes no open file
                os.remove(name)
            file.close()


def _version(answer: HTTPResponse) -> str | None:
    """What tells whether a server's file is still the same one."""
    tag = answer.headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else answer.headers.get("Last-Modified")


def _total(answer: HTTPResponse, start: int) -> int | None:
    """The bytes that the whole file has, as far as the server tells."""
    length = answer.headers.get("Content-Length")
    return start + int(length) if length and length.isdigit() else None


def _start(answer: HTTPResponse) -> int:
    """Where in the file an answer's bytes begin."""
    if getattr(answer, "status", None) != 206:
        return 0
    unit, _, rest = answer.headers.get("Content-Range", "").partition(" ")
    begin = rest.partition("-")[0]
    if unit != "bytes" or not begin.isdigit():
        raise Cut(f"the server's Content-Range is {answer.headers.get('Content-Range')!r}")
    return int(begin)


def _receive(url: str, part: Partial, hops: int, pages: bool) -> None:
    """Append what is missing of a file; all of it where the server does not hand out parts.

    Raises Cut where less has arrived than was announced.
    """
    size = part.size
    headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
    if size:
        headers["Range"] = f"bytes={size}-"
        if part.version:
            headers["If-Range"] = part.version
    with opened(url, headers, hops) as answer:
        if not pages and answer.headers.get_content_type() == "text/html":
            raise Page(f"{url} answers with a web page instead of the file")
        start = _start(answer)
        if start != size:
            if start:
                raise Cut(f"asked for byte {size} and what follows, the server sent byte {start}")
            part.clear()
        part.version = _version(answer)
        total, done = _total(answer, start), start
        with progress(total, done) as tell:
            try:
                while block := answer.read(CHUNK):
                    part.file.write(block)
                    done += len(block)
                    tell(len(block))
            except http.client.HTTPException as error:
                raise Cut(f"the connection ended after {done} bytes") from error
        if total is not None and done != total:
            raise Cut(f"the connection ended after {done} of {total} bytes")


def _again(error: Exception) -> bool:
    """Whether another attempt may end better."""
    if isinstance(error, HTTPError):
        return error.code in _AGAIN
    if isinstance(error, URLError):
        return isinstance(error.reason, (ConnectionError, TimeoutError))
    return isinstance(error, (Cut, ConnectionError, TimeoutError, http.client.HTTPException))


def _arrive(url: str, part: Partial, md5: str | None, hops: int, pages: bool) -> None:
    """Bring a part to its end, in several attempts."""
    for attempt in range(1, ATTEMPTS + 1):
        if md5 is None and not part.version:
            part.clear()  # nothing could tell that the two pieces belong together
        try:
            _receive(url, part, hops, pages)
            return
        except Exception as error:
            nothing_behind = isinstance(error, HTTPError) and error.code == 416
            if nothing_behind and md5 is not None and part.size:
                return
            if nothing_behind:
                part.clear()
            if attempt == ATTEMPTS or not (nothing_behind or _again(error)):
                if md5 is None:
                    part.clear()
                raise
        time.sleep(PAUSE * attempt)


def fetch(url: str, path: str, md5: str | None = None, hops: int = 3, pages: bool = True) -> None:
    """Download a file; it stands at `path` when it is whole and has its MD5, and not before.

    Args:
        url: of file, http or https.
        path: where it is put; what stands there is replaced.
        md5: of the whole, in hexadecimal digits; None: not checked.
        hops: redirections that are followed.
        pages: a web page is a file like others; False: it is an error.

    Raises:
        RuntimeError: another MD5; `path` stays as it was.
        urllib.error.URLError, OSError: it could not be fetched; the part stays for the next attempt.
    """
    before = os.path.isfile(path)
    with _partial(path) as part:
        if os.path.isfile(path) and (calculate_md5(path) == md5 if md5 else not before):
            return  # another process was quicker
        left = part.size
        while True:
            _arrive(url, part, md5, hops, pages)
            part.file.flush()
            found = calculate_md5(part.path) if md5 is not None else None
            if found == md5:
                break
            size = part.size
            part.clear()
            if not left:
                raise RuntimeError(
                    f"File not found or corrupted: {url} gave {size} bytes with the MD5 {found}, expected {md5}; "
                    f"{path} is not written"
                )
            left = 0  # what was there before may have been at fault: once more from the beginning
        if fcntl is None:
            part.file.close()  # Windows renames no open file
        os.replace(part.path, path)
