"""Tiles of the operators on boxes and regions. Pure arithmetic."""

from __future__ import annotations

from typing import NamedTuple

from tritonnn.kernels.tables.reduction import power_of_2


def overlap_rows(itemsize: int) -> int:
    """Boxes that one program compares with 32 others: so few that the corners of all pairs fit in registers."""
    return 32 if itemsize == 8 else 128


def scan_warps(words: int) -> int:
    """Warps of the one program that goes through all boxes: each thread holds at most 8 words if possible.

    Few, since every block of 32 boxes ends in a reduction over all warps.
    """
    return max(1, min(16, words // 256))


class Tile(NamedTuple):
    """Bins by channels of a region that a program computes."""

    bins: int
    channels: int
    warps: int


class Gather(NamedTuple):
    """Elements of an image by channels that a program gathers gradients for."""

    rows: int
    columns: int
    channels: int
    warps: int


#: what is measured for the means of regions: 7 x 7 bins fill three quarters of 64, 14 x 14 three quarters of 256
ALIGN_CANDIDATES = (Tile(64, 16, 4), Tile(64, 4, 4), Tile(16, 64, 4), Tile(256, 4, 4), Tile(16, 16, 4))
#: what is measured for their gradient
GATHER_CANDIDATES = (Gather(8, 8, 32, 4), Gather(8, 8, 16, 4), Gather(4, 8, 64, 4), Gather(4, 4, 16, 4))


def choose_align(bins: int, channels: int, last: bool, double: bool) -> Tile:
    """The tile of a region: small ones for few bins and float64, channels together where they lie so in memory."""
    if double:
        return ALIGN_CANDIDATES[4] if bins <= 16 else ALIGN_CANDIDATES[1]
    if bins <= 16:
        return ALIGN_CANDIDATES[4] if channels <= 16 else ALIGN_CANDIDATES[2]
    if last:
        return ALIGN_CANDIDATES[2]
    return ALIGN_CANDIDATES[1] if channels <= 4 else ALIGN_CANDIDATES[0]


def choose_gather(channels: int, double: bool, places: bool = False) -> Gather:
    """The tile of elements: smaller ones where sums take twice the registers, or places are compared as well."""
    if double or channels <= 8:
        return GATHER_CANDIDATES[3]
    return GATHER_CANDIDATES[1 if places else 0]


#: places of a convolution's result that a program handles
DEFORM_BLOCK = 128


def deform_channels(depth: int) -> int:
    """Channels that a program reads at the place of a tap, of so many that move together."""
    return min(8, power_of_2(max(depth, 1)))
