"""A file that says who works: one process gets it, the others wait until it is gone."""

from __future__ import annotations

import os
import time
import warnings

__all__ = ["FileBaton"]


class FileBaton:
    """A lock between processes.

    Args:
        lock_file_path: the file; it must not be there before.
        wait_seconds: between two looks.
        warn_after_seconds: warn once where the wait is longer.

    >>> import os, tempfile
    >>> from tritonnn.utils.file_baton import FileBaton
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     baton = FileBaton(os.path.join(folder, "lock"))
    ...     print(baton.try_acquire(), baton.try_acquire())
    ...     baton.release()
    True False
    """

    def __init__(
        self, lock_file_path: str, wait_seconds: float = 0.1, warn_after_seconds: float | None = None
    ) -> None:
        self.lock_file_path, self.wait_seconds = lock_file_path, wait_seconds
        self.warn_after_seconds = warn_after_seconds
        self.fd: int | None = None

    def try_acquire(self) -> bool:
        """Make the file; whether that was possible."""
        try:
            self.fd = os.open(self.lock_file_path, os.O_CREAT | os.O_EXCL)
        except FileExistsError:
            return False
        return True

    def wait(self) -> None:
        """Return when the file is gone."""
        start, warned = time.monotonic(), False
        while os.path.exists(self.lock_file_path):
            time.sleep(self.wait_seconds)
            late = self.warn_after_seconds is not None and time.monotonic() - start > self.warn_after_seconds
            if late and not warned:
                warned = True
                warnings.warn(
                    f"Waited on lock file {self.lock_file_path} for {self.warn_after_seconds} seconds"
                )

    def release(self) -> None:
        """Remove the file."""
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None
        os.remove(self.lock_file_path)
