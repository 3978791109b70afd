"""The order of bytes that files are taken to have which do not say it: those of PyTorch before version 2.1."""

from __future__ import annotations

import sys
from enum import Enum


class LoadEndianness(Enum):
    """This machine's, or a fixed one."""

    NATIVE, LITTLE, BIG = 1, 2, 3


_order: LoadEndianness | None = None


def get_default_load_endianness() -> LoadEndianness | None:
    """What `set_default_load_endianness` was given; None is the order of little-endian machines.

    >>> import tritonnn as torch
    >>> torch.serialization.get_default_load_endianness()
    """
    return _order


def set_default_load_endianness(endianness: LoadEndianness | None) -> None:
    """Take files that do not say their order of bytes to have this one.

    Raises:
        TypeError: neither an order nor None.

    >>> import tritonnn as torch
    >>> torch.serialization.set_default_load_endianness(None)
    """
    global _order
    if not (endianness is None or isinstance(endianness, LoadEndianness)):
        raise TypeError("Invalid argument type in function set_default_load_endianness")
    _order = endianness


def assumed() -> str:
    """'little' or 'big'."""
    if _order is LoadEndianness.NATIVE:
        return sys.byteorder
    return "big" if _order is LoadEndianness.BIG else "little"
