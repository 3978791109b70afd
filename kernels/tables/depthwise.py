"""Tiles of depthwise convolutions; the choice is a pure function."""

from __future__ import annotations

from typing import NamedTuple

from tritonnn.kernels.tables.reduction import power_of_2


class DepthwiseTile(NamedTuple):
    """A patch of positions (of one image and depth) by channels, what a program computes at a time.

    Attributes:
        rows: outputs of a thread, one below the other.
        height: of the patch, in so many rows. width: of the patch.
    """

    rows: int
    height: int
    width: int
    channels: int
    warps: int = 4


# Elements of a row of all threads: what follows is times `rows`. Eight channels a thread where those are innermost, an
# access of 16 bytes of a 16-bit type; else four positions, of which an access takes one.
LAST = 1024
PLANES = 512
GRADIENT_PLANES = 256  # what its sums leave room for
MOST_CHANNELS = 64  # side by side: 128 bytes of 16-bit elements
ROWS = 4
GRADIENT_ROWS = (4, 7, 5, 3, 2)  # one that divides the height; the first is the cheapest for its registers
MOST_TAPS = 9  # whose sums a program keeps: eight registers each
FEWEST_TILES = 4  # of a part: its sums are written to the workspace, and read again
PROGRAMS = 8  # to aim at, a multiprocessor
# Outputs from which the weight is copied with channels innermost: a launch, and an access for eight channels after it.
WORTH_PACKING = 1 << 22


def choose_depthwise(
    channels: int, height: int, width: int, last: bool, gradient: bool, itemsize: int
) -> DepthwiseTile:
    """The tile of a depthwise convolution, or of the gradient of its weight.

    Args:
        channels: output channels. height, width: of an output plane.
        last: whether channels are innermost in memory; else width is.
        gradient: whether it is the weight's.
        itemsize: bytes of an element.

    >>> choose_depthwise(96, 56, 56, True, False, 2)
    DepthwiseTile(rows=4, height=1, width=16, channels=64, warps=4)
    >>> choose_depthwise(96, 7, 7, False, True, 2)
    DepthwiseTile(rows=7, height=1, width=8, channels=32, warps=4)
    """
    rows = min(ROWS, height)
    if gradient:
        rows = next((r for r in GRADIENT_ROWS if height % r == 0), 1)
    elements = LAST if last else GRADIENT_PLANES if gradient else PLANES
    elements //= 2 if itemsize == 8 else 1
    columns = -(-height // rows)
    if last:
        side = min(MOST_CHANNELS, power_of_2(channels))
        wide = min(power_of_2(width), elements // side)
        high = min(power_of_2(columns), elements // side // wide)
        # few positions: more channels
        side = min(power_of_2(channels), elements // (wide * high))
    else:
        wide = min(power_of_2(width), elements)
        high = min(power_of_2(columns), elements // wide)
        # small planes: several of them
        side = min(power_of_2(channels), elements // (wide * high))
    return DepthwiseTile(rows, high, wide, side)


def depthwise_candidates(
    channels: int, height: int, width: int, last: bool, gradient: bool, itemsize: int
) -> list[DepthwiseTile]:
    """Tiles to be measured; arguments as of `choose_depthwise`."""
    tile = choose_depthwise(channels, height, width, last, gradient, itemsize)
    rows = [r for r in (1, 2, 4, 8) if height % r == 0 or (r < height and not gradient)]
    found = [tile, *[tile._replace(rows=r) for r in rows]]
    if tile.width > 1:
        found.append(tile._replace(width=tile.width // 2, height=2 * tile.height))
    return [*found, tile._replace(width=2 * tile.width, warps=8)]


def choose_taps(height: int, width: int) -> tuple[int, int]:
    """Height and width of the taps that a program of the weight's gradient sums: as few programs as there must be.

    >>> [choose_taps(k, k) for k in (1, 3, 5, 7, 31)]
    [(1, 1), (3, 3), (5, 1), (7, 1), (8, 1)]
    """
    high = -(-height // -(-height // MOST_TAPS))
    most = max(1, MOST_TAPS // high)
    return high, -(-width // -(-width // most))


def choose_parts(tiles: int, programs: int, processors: int) -> int:
    """Into how many parts the tiles of positions are split, where `programs` work on each."""
    return max(1, min(PROGRAMS * processors // max(1, programs), tiles // FEWEST_TILES))
