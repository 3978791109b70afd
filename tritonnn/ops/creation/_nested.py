"""Nested sequences that tensors are made of: what they hold, and what is wrong with those that are no block."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def leaves(data: Any) -> Iterator[Any]:
    """What nested sequences hold."""
    for item in data if isinstance(data, (list, tuple)) else (data,):
        if isinstance(item, (list, tuple)):
            yield from leaves(item)
        else:
            yield item


def gather_classes(data: Any, kinds: set[type]) -> None:
    """The classes of everything in nested sequences, which are looked at as wholes."""
    classes = set(map(type, data))
    kinds |= classes
    if any(issubclass(kind, (list, tuple)) for kind in classes):
        for part in data:
            if isinstance(part, (list, tuple)):
                gather_classes(part, kinds)


def irregular(data: Any) -> Exception | None:
    """What is wrong with sequences that are no block of numbers: the first ones say which shape it would be."""
    sizes, first = [], data
    while isinstance(first, (list, tuple)):
        sizes.append(len(first))
        if not first:
            break
        first = first[0]

    def wrong(value: Any, dim: int) -> Exception | None:
        if not isinstance(value, (list, tuple)):
            if dim == len(sizes):
                return None
            return TypeError(
                f"tensor(): not a sequence: a {type(value).__name__} among sequences at dim {dim}"
            )
        if dim == len(sizes):
            text = f"'{type(value).__name__}' object cannot be interpreted as a number"
            return TypeError(f"tensor(): {text}, as those beside it at dim {dim - 1} are")
        if len(value) != sizes[dim]:
            text = f"expected sequence of length {sizes[dim]} at dim {dim} (got {len(value)})"
            return ValueError(f"tensor(): {text}")
        return next((error for item in value if (error := wrong(item, dim + 1)) is not None), None)

    return wrong(data, 0)
