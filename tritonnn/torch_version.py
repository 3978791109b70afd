"""The version as text that compares as versions do."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from tritonnn.version import __version__ as _text

__all__ = ["TorchVersion"]

_PARTS = re.compile(
    r"^v?(\d+(?:\.\d+)*)[._-]?(?:(a|b|c|rc|alpha|beta|pre)[._-]?(\d*))?(\.?dev\d*)?(\.?post\d*)?(\+.*)?$"
)


def _key(text: str) -> tuple[Any, ...] | None:
    """What a version is ordered by; None for text that is none."""
    match = _PARTS.match(text.strip().lower())
    if match is None:
        return None
    release = [int(part) for part in match[1].split(".")]
    while len(release) > 1 and not release[-1]:
        release.pop()
    before = (match[2][0] if match[2] else "", int(match[3] or 0))
    final = not match[2] and not match[4]
    development = int(re.sub(r"\D", "", match[4]) or 0) if match[4] else -1
    stage = 0 if match[4] and not match[2] else 1 if not final else 2
    return tuple(release), stage, before, development, bool(match[5]), match[6] or ""


class TorchVersion(str):
    """A version as text, which compares with text and tuples as versions do.

    >>> import tritonnn as torch
    >>> TorchVersion("1.10.0") > "1.9", TorchVersion("1.10.0") >= (1, 10)
    (True, True)
    """

    __slots__ = ()

    def _compared(self, other: object) -> int | None:
        """-1, 0 or 1 as this is below, equal to or above the other; None where one is no version."""
        if isinstance(other, Iterable) and not isinstance(other, str):
            other = ".".join(str(part) for part in other)
        if not isinstance(other, str):
            raise ValueError(f"TorchVersion: {other!r} is no version: expected text or a tuple")
        mine, theirs = _key(str(self)), _key(str(other))
        if mine is None or theirs is None:
            return None
        return (mine > theirs) - (mine < theirs)

    def __lt__(self, other: object) -> bool:
        order = self._compared(other)
        return str.__lt__(self, str(other)) if order is None else order < 0

    def __le__(self, other: object) -> bool:
        order = self._compared(other)
        return str.__le__(self, str(other)) if order is None else order <= 0

    def __gt__(self, other: object) -> bool:
        order = self._compared(other)
        return str.__gt__(self, str(other)) if order is None else order > 0

    def __ge__(self, other: object) -> bool:
        order = self._compared(other)
        return str.__ge__(self, str(other)) if order is None else order >= 0

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (str, tuple, list)):
            return NotImplemented
        order = self._compared(other)
        return str.__eq__(self, other) if order is None else order == 0

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__


__version__ = TorchVersion(_text)
