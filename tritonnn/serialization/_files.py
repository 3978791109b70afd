"""Writing files so that a failure leaves the old one."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from typing import IO, Any

PathLike = str | os.PathLike[str]


@contextlib.contextmanager
def atomic_path(path: PathLike) -> Iterator[str]:
    """Gives the name of a new file beside ``path`` that takes its place, whole and on the disk, at the end.

    Whatever goes wrong on the way (a full disk, an interrupt, an exception), ``path`` stays as it was and the
    new file is removed. A device or a pipe cannot be replaced: its own name is given then.

    Raises:
        OSError: the file could not be written; the message names it.

    Example:
        >>> import os, pathlib, tempfile
        >>> from tritonnn.serialization._files import atomic_path
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with atomic_path(os.path.join(folder, "a.txt")) as name:
        ...         _ = pathlib.Path(name).write_text("done")
        ...     os.listdir(folder)
        ['a.txt']
    """
    # Through a symbolic link the file it points to is replaced, not the link.
    target = os.path.realpath(os.fspath(path))
    mode = _mode(target)
    if mode is not None and not stat.S_ISREG(mode):
        yield target
        return
    folder, name = os.path.split(target)
    if not os.path.isdir(folder):
        raise FileNotFoundError(errno.ENOENT, f"cannot write '{target}': there is no folder '{folder}'")
    temporary = os.path.join(folder, f".{name}.{secrets.token_hex(4)}.tmp")
    try:
        # Made here, a new file has the permissions that any other would get; a library may give it others.
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        permissions = stat.S_IMODE(os.stat(temporary).st_mode if mode is None else mode)
        yield temporary
        os.chmod(temporary, permissions)
        _sync(temporary)
        os.replace(temporary, target)
        _sync(folder)
    except OSError as error:
        _remove(temporary)
        state = "does not exist" if mode is None else "is as it was before"
        raise type(error)(
            error.errno, f"cannot write '{target}': {error.strerror or error}; the file {state}"
        ) from error
    except BaseException:
        _remove(temporary)
        raise


@contextlib.contextmanager
def atomic_write(path: PathLike) -> Iterator[IO[bytes]]:
    """``atomic_path``, opened for writing bytes.

    Example:
        >>> import os, tempfile
        >>> from tritonnn.serialization._files import atomic_write
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with atomic_write(os.path.join(folder, "a.bin")) as file:
        ...         _ = file.write(b"abc")
        ...     os.path.getsize(os.path.join(folder, "a.bin"))
        3
    """
    with atomic_path(path) as name, open(name, "wb") as file:
        yield file


def _mode(path: str) -> int | None:
    try:
        return os.stat(path).st_mode
    except FileNotFoundError:
        return None


def _sync(path: str) -> None:
    """Waits until a file, or the entries of a folder, are on the disk."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        os.remove(path)


def is_path(f: Any) -> bool:
    """Whether ``f`` names a file, rather than being an open one."""
    return isinstance(f, (str, os.PathLike))
