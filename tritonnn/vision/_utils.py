"""Small helpers that several parts of `tritonnn.vision` use."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import TypeVar

__all__ = ["StrEnum", "StrEnumMeta", "sequence_to_str"]

T = TypeVar("T", bound=enum.Enum)


class StrEnumMeta(enum.EnumMeta):
    """Adds `from_str` to an enumeration, which finds a member by its name."""

    auto = enum.auto

    def from_str(self: type[T], member: str) -> T:  # type: ignore[misc]
        """The member of that name.

        Raises ValueError where there is none.
        """
        try:
            return self[member]
        except KeyError:
            raise ValueError(f"Unknown value '{member}' for {self.__name__}.") from None


class StrEnum(enum.Enum, metaclass=StrEnumMeta):
    """An enumeration whose members are found by their names."""


def sequence_to_str(seq: Sequence[object], separate_last: str = "") -> str:
    """The items in quotation marks and with commas, for messages: "'a', 'b', and 'c'" with 'and ' before the last."""
    quoted = [f"'{item}'" for item in seq]
    if len(quoted) < 2:
        return "".join(quoted)
    comma = "" if separate_last and len(quoted) == 2 else ","
    return f"{', '.join(quoted[:-1])}{comma} {separate_last}{quoted[-1]}"
