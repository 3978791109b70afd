"""Tiles of attention's forward kernels whose keys and values come through tensor descriptors, and the way of a call.

What has no entry here goes through pointers, with the tiles of `attention.py`. Nothing of it is measured yet: the
first tile of an entry issues the fewest instructions per 128 queries x 64 keys on sm_90 of those that do not spill,
and the others are what `autotune` measures beside it. Specialised warps are among these and never first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tritonnn.kernels.tables.attention import FORWARD, Tile, choose


class Described(NamedTuple):
    """A tile read through descriptors: of the host, or of the kernel where warps are specialised."""

    queries: int
    keys: int
    warps: int
    stages: int
    specialize: bool = False


# Specialised, one warp loads and two groups of four warps, each of half the queries, compute.
_WIDE_TILES = (
    Described(128, 128, 8, 2), Described(128, 64, 8, 3), Described(64, 128, 4, 2),
    Described(128, 128, 4, 2, specialize=True),
)  # fmt: skip
# Masks and dropout's words lie in registers beside the scores: half as many of these.
_NARROW_TILES = (Described(128, 64, 8, 2), Described(64, 64, 4, 2))
_WIDEST = (Described(128, 64, 8, 2), Described(128, 32, 8, 2))

PLAIN, WINDOWED, MASKED, DROPPED = "plain", "windowed", "masked", "dropped"

Table = dict[str, dict[int, tuple[Described, ...]]]
_TABLE: Table = {
    PLAIN: {64: _WIDE_TILES, 128: _WIDE_TILES, 256: _WIDEST},
    WINDOWED: {64: _WIDE_TILES[:3], 128: _WIDE_TILES[:3], 256: _WIDEST[1:]},
    MASKED: {64: _NARROW_TILES, 128: _NARROW_TILES, 256: (Described(128, 32, 8, 2),)},
    DROPPED: {64: _NARROW_TILES, 128: _NARROW_TILES, 256: (Described(128, 32, 8, 2),)},
}
# As small as the simulated device's other tiles.
_SMALL: Table = {
    kind: {256: (Described(16, 32, 4, 1), Described(16, 16, 4, 1, specialize=True))} for kind in _TABLE
}

# Specialised, the warps that scale the sums spill at a width of 128.
_BLACKWELL: Table = {**_TABLE, PLAIN: {64: _WIDE_TILES, 128: _WIDE_TILES[:3], 256: _WIDEST}}
DESCRIBED: dict[str, Table] = {"sm_90": _TABLE, "sm_100": _BLACKWELL, "interpreter": _SMALL}

CACHE = 32 << 20  # bytes of keys and values that a second-level cache holds beside other things


def kind_of(masked: bool, dropout: bool, window: bool) -> str:
    """The entry of a call: by what takes the most registers."""
    return DROPPED if dropout else MASKED if masked else WINDOWED if window else PLAIN


def described(arch: str, kind: str, width: int) -> tuple[Described, ...]:
    """The tiles for 16-bit operands that descriptors can read, the best known first; none where there are none.

    Args:
        arch: as `architecture()` of `launch/launch.py` names it.
        kind: PLAIN, WINDOWED, MASKED or DROPPED.
        width: features of a head, a power of 2.
    """
    for most, tiles in DESCRIBED.get(arch, {}).get(kind, {}).items():
        if width <= most:
            return tiles
    return ()


def ways(
    arch: str, number: str, kind: str, width: int, describable: bool, unmasked_keys: int | None
) -> Sequence[Described | Tile]:
    """All ways of a call that may be measured, the one to take unmeasured first.

    Args:
        number: 'half', 'single' or 'double'.
        describable: whether descriptors can read keys, values and queries.
        unmasked_keys: number of keys where every query sees all of them, for specialised warps take whole tiles only.
    """
    tiles = described(arch, kind, width) if describable and number == "half" else ()
    usable = [
        tile for tile in tiles
        if not tile.specialize or (unmasked_keys is not None and unmasked_keys % tile.keys == 0)
    ]  # fmt: skip
    return usable or [choose(arch, number, width, FORWARD)]


def section(heads: int, group: int, nbytes: int) -> int:
    """Query heads whose causal blocks go through the grid together, so that the cache holds their keys and values.

    Args:
        heads: of all batches. group: of these share a head of keys.
        nbytes: keys and values of a head.
    """
    return min(heads, max(1, CACHE // max(1, nbytes)) * group)
