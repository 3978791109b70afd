"""How far something long is, on stderr: through tqdm where that is installed, else as lines."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["progress"]


class _Line:
    """One line, written anew at most ten times a second."""

    def __init__(self, total: int | None, done: int, unit: str) -> None:
        self.total, self.done, self.unit, self.shown = total, done, unit, 0.0

    def _text(self) -> str:
        scale, name = (2**20, "MiB") if self.unit == "B" else (1, self.unit)
        digits = 1 if scale > 1 else 0
        part = f" of {self.total / scale:.{digits}f}" if self.total else ""
        share = f" ({self.done / self.total:.0%})" if self.total else ""
        return f"{self.done / scale:.{digits}f}{part} {name}{share}"

    def update(self, count: int) -> None:
        self.done += count
        now = time.monotonic()
        if now - self.shown > 0.1 or self.done == self.total:
            self.shown = now
            sys.stderr.write(f"\r{self._text()}")
            sys.stderr.flush()

    def close(self) -> None:
        sys.stderr.write("\n")


@contextmanager
def progress(total: int | None, done: int = 0, unit: str = "B") -> Iterator[Callable[[int], Any]]:
    """A function to call with how much has been done since the last call.

    Args:
        total: all that there is to do; None where nobody knows.
        done: what was done before.
        unit: "B" for bytes, or the name of what is counted.
    """
    try:
        from tqdm import tqdm
    except ImportError:
        bar: Any = _Line(total, done, unit)
    else:
        bar = tqdm(total=total, initial=done, unit=unit, unit_scale=unit == "B", unit_divisor=1024)
    try:
        yield bar.update
    finally:
        bar.close()
