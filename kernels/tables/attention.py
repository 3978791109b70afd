"""Tiles of the attention kernels: a table per architecture and kind of number, and the choice from it."""

from __future__ import annotations

from typing import NamedTuple


class Tile(NamedTuple):
    """Queries by keys of a tile, warps, and depth of the software pipeline."""

    queries: int
    keys: int
    warps: int
    stages: int


# By width of a head (the wider of query and value, rounded up): forward, backward for keys, backward for
# queries. A thread of forward holds queries * width / (32 warps) sums and queries * keys / (32 warps) scores: at
# a width of 128 these are 64 and 32 of its 255 registers, at 256 the sums alone are 128, and the keys halve. The
# keys' kernel holds two sums, of dk and dv.
Table = dict[int, tuple[Tile, Tile, Tile]]

_HALF_90: Table = {
    64: (Tile(128, 64, 8, 3), Tile(64, 128, 8, 2), Tile(128, 64, 8, 2)),
    128: (Tile(128, 64, 8, 3), Tile(32, 128, 8, 2), Tile(128, 64, 8, 2)),
    256: (Tile(128, 32, 8, 2), Tile(32, 32, 8, 1), Tile(64, 32, 8, 2)),
}
_HALF_100: Table = {
    64: (Tile(128, 64, 8, 3), Tile(64, 64, 8, 1), Tile(128, 64, 8, 2)),
    128: (Tile(128, 64, 8, 3), Tile(32, 64, 8, 1), Tile(64, 64, 8, 2)),
    256: (Tile(128, 32, 8, 2), Tile(32, 32, 8, 1), Tile(64, 32, 8, 2)),
}
_HALF_80: Table = {
    64: (Tile(128, 64, 8, 3), Tile(32, 64, 4, 2), Tile(64, 32, 4, 2)),
    128: (Tile(128, 32, 8, 3), Tile(32, 64, 8, 2), Tile(64, 64, 8, 2)),
    256: (Tile(64, 32, 8, 2), Tile(32, 32, 8, 1), Tile(32, 32, 8, 1)),
}
# A pipeline of two stages makes the AMD compiler give up on masks and dropout in the keys' kernel.
_HALF_942: Table = {
    64: (Tile(128, 64, 8, 1), Tile(32, 64, 4, 1), Tile(64, 32, 4, 1)),
    128: (Tile(128, 32, 4, 1), Tile(16, 64, 4, 1), Tile(64, 32, 4, 1)),
    256: (Tile(64, 16, 4, 1), Tile(16, 32, 4, 1), Tile(32, 16, 4, 1)),
}
_SINGLE: Table = {
    64: (Tile(64, 32, 8, 2), Tile(32, 32, 8, 1), Tile(32, 32, 8, 1)),
    128: (Tile(32, 16, 4, 1), Tile(16, 32, 8, 1), Tile(16, 16, 8, 1)),
}
_SMALL: Table = {
    128: (Tile(16, 16, 4, 1), Tile(16, 16, 4, 1), Tile(16, 16, 4, 1)),
}
# Small tiles, so that short sequences already take several steps.
_INTERPRETER: Table = {64: (Tile(16, 32, 4, 1), Tile(16, 32, 4, 1), Tile(32, 16, 4, 1))}

TABLES: dict[tuple[str, str], Table] = {
    ("sm_90", "half"): _HALF_90,
    ("sm_100", "half"): _HALF_100,
    ("sm_80", "half"): _HALF_80,
    ("gfx942", "half"): _HALF_942,
    ("gfx942", "single"): {64: (Tile(32, 32, 4, 1),) * 3},
    ("interpreter", "half"): _INTERPRETER,
    ("interpreter", "single"): _INTERPRETER,
    ("interpreter", "double"): _INTERPRETER,
}
_DEFAULT = {"half": _HALF_80, "single": _SINGLE, "double": _SMALL}

WIDEST = Tile(16, 16, 8, 1)  # of heads wider than any in the table

FORWARD, FOR_KEYS, FOR_QUERIES = 0, 1, 2


def choose(architecture: str, kind: str, width: int, stage: int) -> Tile:
    """The tile of a kernel.

    Args:
        architecture: as `architecture()` of `launch/launch.py` names it.
        kind: 'half' (16 bits), 'single' or 'double'.
        width: features of a head, a power of 2.
        stage: FORWARD, FOR_KEYS or FOR_QUERIES.
    """
    table = TABLES.get((architecture, kind), _DEFAULT[kind])
    for most, tiles in table.items():
        if width <= most:
            return tiles[stage]
    return WIDEST


# ---- backward

# Tiles of walks that come through descriptors and have neither mask nor dropout nor cap: for keys, for queries. With
# two sums the keys' kernel uses all registers at a width of 128: what a mask or dropout needs beside does not fit, nor
# do the addresses of pointers; `choose` has smaller tiles for these. At a width of 64 two programs of 4 warps share a
# multiprocessor, and one's products go on during the other's exponentials.
_PLAIN: dict[str, dict[int, tuple[Tile, Tile]]] = {
    "sm_90": {
        64: (Tile(64, 64, 4, 2), Tile(128, 128, 8, 2)),
        128: (Tile(64, 128, 8, 2), Tile(128, 128, 8, 2)),
        256: (Tile(32, 32, 8, 1), Tile(128, 32, 8, 2)),
    },
    "sm_100": {
        64: (Tile(64, 128, 8, 2), Tile(128, 128, 8, 2)),
        128: (Tile(64, 128, 8, 1), Tile(128, 64, 8, 2)),
    },
}


# For keys where pointers come on top of the limits of a window or of packed sequences.
_LIMITED: dict[str, dict[int, Tile]] = {"sm_90": {64: Tile(32, 128, 8, 2)}}


def choose_backward(
    architecture: str, kind: str, width: int, stage: int, plain: bool, limited: bool = False
) -> Tile:
    """The tile of a kernel of the gradients: as `choose`, but for walks that are `plain`, and others `limited`."""
    if plain and kind == "half":
        for most, tiles in _PLAIN.get(architecture, {}).items():
            if width <= most:
                return tiles[stage - FOR_KEYS]
    elif limited and kind == "half" and stage == FOR_KEYS:
        for most, tile in _LIMITED.get(architecture, {}).items():
            if width <= most:
                return tile
    return choose(architecture, kind, width, stage)


MOST_QUERIES = 128  # of any tile of backward: what the rows of a head are padded to
_CACHE = 1 << 24  # bytes of the second-level cache, or less, that the operands of heads at work should fit in


def rows_of_delta(width: int) -> int:
    """Queries of a program of `delta_kernel` for a head of `width` values: 32 elements a thread of 4 warps."""
    return min(max(4096 // width, 16), MOST_QUERIES)


def heads_together(causal: bool, heads: int, bytes_of_head: int) -> int:
    """How many heads' programs start block by block: as many as share the cache where blocks differ in length."""
    return max(1, min(heads, _CACHE // max(bytes_of_head, 1))) if causal else 1
