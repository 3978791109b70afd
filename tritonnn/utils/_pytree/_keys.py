"""Where a leaf stands in a tree: a path of keys, each of which says how its child is reached."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol


class KeyEntry(Protocol):
    """One step of a path."""

    def __hash__(self) -> int: ...
    def __eq__(self, other: object) -> bool: ...
    def __str__(self) -> str: ...
    def get(self, parent: object) -> Any:
        """The child of `parent` that the key stands for."""


@dataclass(frozen=True)
class SequenceKey:
    """A place in a sequence: `[0]`."""

    idx: int

    def __str__(self) -> str:
        return f"[{self.idx!r}]"

    def get(self, sequence: Any) -> Any:
        """The item at the place."""
        return sequence[self.idx]


@dataclass(frozen=True)
class MappingKey:
    """A key of a mapping: `['weight']`."""

    key: Any

    def __str__(self) -> str:
        return f"[{self.key!r}]"

    def get(self, mapping: Any) -> Any:
        """The value of the key."""
        return mapping[self.key]


@dataclass(frozen=True)
class GetAttrKey:
    """The name of an attribute: `.weight`."""

    name: str

    def __str__(self) -> str:
        return f".{self.name}"

    def get(self, obj: object) -> Any:
        """The attribute of the name."""
        return getattr(obj, self.name)


KeyPath = tuple[KeyEntry, ...]


def keystr(kp: KeyPath) -> str:
    """A path as Python would write it.

    >>> from tritonnn.utils import _pytree as pytree
    >>> pytree.keystr((pytree.MappingKey("layers"), pytree.SequenceKey(0), pytree.GetAttrKey("weight")))
    "['layers'][0].weight"
    """
    return "".join([str(key) for key in kp])


def key_get(obj: object, kp: Iterable[KeyEntry]) -> Any:
    """What stands in an object at the end of a path.

    >>> from tritonnn.utils import _pytree as pytree
    >>> pytree.key_get({"a": [1, 2]}, (pytree.MappingKey("a"), pytree.SequenceKey(1)))
    2
    """
    for key in kp:
        obj = key.get(obj)
    return obj
