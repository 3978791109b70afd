"""Arguments and sizes of sliding windows, for convolution and pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tritonnn.errors import Invalid
from tritonnn.table.types import Ints


def is_int(value: Any) -> bool:
    """Whether it counts as a whole number where PyTorch asks for one."""
    return hasattr(value, "__index__") and not isinstance(value, bool)


def as_ints(name: str, value: Any, n: int) -> Ints | None:
    """`value` as n whole numbers, one standing for all; None where it has another number of them.

    Raises:
        TypeError: it is, or contains, something else.
    """
    if is_int(value):
        return (int(value),) * n
    wanted = f"argument '{name}' must be tuple of ints"
    if not isinstance(value, (tuple, list)):
        raise Invalid(f"{wanted}, not {type(value).__name__}", kind=TypeError)
    for place, item in enumerate(value):
        if not is_int(item):
            item_type = type(item).__name__
            raise Invalid(f"{wanted}, but found element of type {item_type} at pos {place}", kind=TypeError)
    if len(value) == 1:
        return (int(value[0]),) * n
    return tuple([int(item) for item in value]) if len(value) == n else None


def window_count(
    size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool = False
) -> int:
    """How many windows fit into a padded dimension.

    With `ceil_mode` the last may reach past the end, but must start inside the input or the padding before.
    """
    room = size + 2 * padding - dilation * (kernel - 1) - 1
    if not ceil_mode:
        return room // stride + 1
    count = -(-room // stride) + 1
    return count - 1 if (count - 1) * stride >= size + padding else count


def joined(sizes: Sequence[int]) -> str:
    """Such as '5 x 7'."""
    return " x ".join(map(str, sizes))
