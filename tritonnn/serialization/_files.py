"""Writing files so that a failure leaves the old one."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import re
import secrets
import stat
from collections.abc import Iterator
from typing import IO, Any

try:
    import fcntl
except ImportError:  # Windows: what a killed process leaves behind stays
    fcntl = None  # type: ignore[assignment]

PathLike = str | os.PathLike[str]
# With the rest of its name a temporary file must stay within the 255 bytes that file systems allow.
_LONGEST = 200


@contextlib.contextmanager
def atomic_write(path: PathLike) -> Iterator[IO[bytes]]:
    """Opens a new file that takes the place of ``path``, whole and on the disk, at the end.

    Whatever goes wrong on the way (a full disk, an interrupt, an exception), ``path`` stays as it was and the
    new file is removed. A process that is killed cannot remove its own: the next write to ``path`` does. A
    device or a pipe is never replaced: it is written to.

    Raises:
        OSError: the file could not be written; the message names it.

    Example:
        >>> import os, tempfile
        >>> from tritonnn.serialization._files import atomic_write
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with atomic_write(os.path.join(folder, "a.bin")) as file:
        ...         _ = file.write(b"abc")
        ...     os.listdir(folder), os.path.getsize(os.path.join(folder, "a.bin"))
        (['a.bin'], 3)
    """
    # Through a symbolic link the file it points to is replaced, not the link.
    target = os.path.realpath(os.fspath(path))
    mode = _mode(target)
    if mode is not None and not stat.S_ISREG(mode):
        with open(target, "wb") as device:
            yield device
        return
    folder, name = os.path.split(target)
    if not os.path.isdir(folder):
        raise FileNotFoundError(errno.ENOENT, f"cannot write '{target}': there is no folder '{folder}'")
    state = "does not exist" if mode is None else "is as it was before"
    temporary = None
    try:
        _clean(folder, name)
        temporary, file = _create(folder, name)
        with file:
            yield file
            file.flush()
            if mode is not None:
                os.chmod(temporary, stat.S_IMODE(mode))
            os.fsync(file.fileno())
            if (
                fcntl is None
            ):  # Windows does not rename an open file; elsewhere it stays locked until it has its name
                file.close()
            os.replace(temporary, target)
        temporary, state = None, "is written, but perhaps not yet in the folder on the disk"
        _sync(folder)
    except OSError as error:
        _remove(temporary)
        raise type(error)(
            error.errno, f"cannot write '{target}': {error.strerror or error}; the file {state}"
        ) from error
    except BaseException:
        _remove(temporary)
        raise


class WholeWrites:
    """A program's file object whose `write` writes everything: a raw one, as a pipe or a nearly full disk, a part.

    >>> import io
    >>> from tritonnn.serialization._files import WholeWrites
    >>> file = io.BytesIO()
    >>> WholeWrites(file).write(b"abc")
    3
    """

    def __init__(self, file: Any) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def flush(self) -> None:
        """Does so where the file object can."""
        getattr(self._file, "flush", lambda: None)()

    def write(self, data: Any) -> int:
        """All of it, in as many parts as it takes.

        Raises:
            BlockingIOError, OSError: the file object takes no more.
        """
        wanted = memoryview(data).nbytes
        done = self._file.write(data)
        if done is None and isinstance(self._file, io.RawIOBase):
            raise BlockingIOError(errno.EAGAIN, "save: the file object would have to wait to be written to")
        while isinstance(done, int) and done < wanted:
            more = self._file.write(memoryview(data).cast("B")[done:])
            if not more:
                raise OSError(errno.EIO, f"save: the file object takes no more than {done} of {wanted} bytes")
            done += more
        return wanted


def refuse_devices(path: PathLike, what: str) -> None:
    """For files of a format that is read by place, not from front to back.

    Raises:
        OSError: ``path`` is there and is no plain file.
    """
    mode = _mode(os.path.realpath(os.fspath(path)))
    if mode is None or stat.S_ISREG(mode):
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, f"{what}: '{os.fspath(path)}' is a folder")
    raise OSError(errno.EINVAL, f"{what}: '{os.fspath(path)}' is a device or a pipe, not a file")


def _stem(name: str) -> str:
    """What the temporary files of a name begin with."""
    raw = os.fsencode(name)
    return f".{name}." if len(raw) <= _LONGEST else f".{hashlib.sha256(raw).hexdigest()[:32]}."


def _create(folder: str, name: str) -> tuple[str, IO[bytes]]:
    """A new file, locked for as long as it is open: that is how others see that its writer lives."""
    while True:
        path = os.path.join(folder, f"{_stem(name)}{secrets.token_hex(4)}.tmp")
        # Made here, a new file has the permissions that any other would get.
        file = os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666), "wb")
        if fcntl is None:
            return path, file
        with contextlib.suppress(
            OSError
        ):  # a file system without locks: nobody can take it for abandoned either
            fcntl.flock(file, fcntl.LOCK_EX)
        # Another process may have cleaned it away before it was locked.
        try:
            if os.path.samestat(os.stat(path), os.fstat(file.fileno())):
                return path, file
        except FileNotFoundError:
            pass
        file.close()


def _clean(folder: str, name: str) -> None:
    """Removes the temporary files of this name whose writers are gone."""
    if fcntl is None:
        return
    pattern = re.compile(re.escape(_stem(name)) + r"[0-9a-f]{8}\.tmp")
    with contextlib.suppress(OSError):  # a folder that may be written but not listed
        for left in filter(pattern.fullmatch, os.listdir(folder)):
            path = os.path.join(folder, left)
            with (
                contextlib.suppress(OSError),
                open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file,
            ):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails while its writer lives
                os.remove(path)


def _mode(path: str) -> int | None:
    try:
        return os.stat(path).st_mode
    except FileNotFoundError:
        return None


def _sync(path: str) -> None:
    """Waits until the entries of a folder are on the disk."""
    if fcntl is None:  # Windows opens no folders
        return
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _remove(path: str | None) -> None:
    if path is not None:
        with contextlib.suppress(OSError):
            os.remove(path)


def is_path(f: Any) -> bool:
    """Whether ``f`` names a file, rather than being an open one."""
    return isinstance(f, (str, os.PathLike))
