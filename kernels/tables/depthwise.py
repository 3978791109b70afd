"""Tiles of depthwise convolutions; the choice is a pure function."""

from __future__ import annotations

from typing import NamedTuple

from tritonnn.kernels.tables.reduction import power_of_2


class DepthwiseTile(NamedTuple):
    """A patch of positions (of one image and depth) by channels, what a program computes at a time."""

    height: int
    width: int
    channels: int
    warps: int = 4


# Elements of a tile. The gradient of the weight keeps as many sums for each tap: eight a thread.
OUTPUTS = 4096
SUMS = 1024
PLANES = 1024  # outputs where planes are contiguous: two bytes an access, more threads share their latency
MOST_CHANNELS = 64  # side by side: 128 bytes of 16-bit elements
MOST_TAPS = 9  # whose sums a program keeps at a time
MOST_UNROLLED = 49  # taps of forward; of more the rows are a loop
SPLIT_STEPS = 4  # fewest tiles of a part


def choose_depthwise(
    channels: int, height: int, width: int, last: bool, gradient: bool, arch: str
) -> DepthwiseTile:
    """The tile of a depthwise convolution, or of the gradient of its weight.

    Args:
        channels: output channels. height, width: of an output plane.
        last: whether channels are innermost in memory; else width is.
        gradient: whether it is the weight's.

    >>> choose_depthwise(96, 56, 56, True, False, "sm_90")
    DepthwiseTile(height=8, width=8, channels=64, warps=4)
    >>> choose_depthwise(96, 56, 56, False, False, "sm_90")
    DepthwiseTile(height=16, width=64, channels=1, warps=4)
    """
    elements = SUMS if gradient else OUTPUTS if last else PLANES
    side = min(MOST_CHANNELS if last else 1, power_of_2(channels))
    positions = elements // side
    if last:
        # squares: what taps read besides their own is smallest
        wide = min(power_of_2(width), 1 << (positions.bit_length() // 2))
        high = min(power_of_2(height), positions // wide)
    else:
        wide = min(power_of_2(width), positions)
        high = min(power_of_2(height), positions // wide)
        # small planes: several of them
        side = min(power_of_2(channels), elements // (wide * high))
    return DepthwiseTile(high, wide, side)


def depthwise_candidates(
    channels: int, height: int, width: int, last: bool, gradient: bool, arch: str
) -> list[DepthwiseTile]:
    """Tiles to be measured, half, as large as and twice what is chosen; arguments as of `choose_depthwise`."""
    tile = choose_depthwise(channels, height, width, last, gradient, arch)
    others = [tile, tile._replace(warps=8), tile._replace(height=2 * tile.height)]
    if tile.height > 1:
        others.append(tile._replace(height=tile.height // 2))
    return others


def choose_parts(tiles: int, programs: int, processors: int) -> int:
    """Into how many parts the tiles of positions are split, where `programs` work on each."""
    return max(1, min(8 * processors // max(1, programs), tiles // SPLIT_STEPS))
