"""Attention of few queries to many keys: when, with which tiles, and in how many parts. Nothing of it is measured."""

from __future__ import annotations

from tritonnn.kernels.tables.attention import Tile

MOST_QUERIES = 16
FEWEST_KEYS = 256  # below, one program walks over all keys as fast as two launches go
LEAST_PART = 256  # keys that a program is worth
MOST_PARTS = 128
WAVES = 2  # programs a multiprocessor: one loads while another computes

# By width of a head. What is loaded ahead is `stages` tiles of keys and of values, of which two programs share a
# multiprocessor's memory.
_NVIDIA = {64: Tile(16, 128, 4, 3), 128: Tile(16, 64, 4, 3), 256: Tile(16, 32, 4, 3)}
_AMD = {64: Tile(16, 64, 4, 2), 128: Tile(16, 32, 4, 2), 256: Tile(16, 16, 4, 2)}
_SINGLE = {64: Tile(16, 32, 4, 2), 128: Tile(16, 16, 4, 2)}
_INTERPRETER = {256: Tile(16, 32, 4, 1)}
WIDEST = 256


def few_queries(kind: str, queries: int, keys: int, width: int) -> bool:
    """Whether keys are taken in parts, and shared heads as rows of one tile.

    Args:
        kind: 'half', 'single' or 'double'.
        width: features of a head, a power of 2.
    """
    widest = {"half": WIDEST, "single": 128, "double": 0}[kind]
    return queries <= MOST_QUERIES and keys >= FEWEST_KEYS and width <= widest


def decode_tile(architecture: str, kind: str, width: int) -> Tile:
    """Keys, warps and stages; rows are `decode_rows`."""
    table = (
        _INTERPRETER if architecture == "interpreter" else _SINGLE if kind == "single"
        else _AMD if architecture.startswith("gfx") else _NVIDIA
    )  # fmt: skip
    return next(tile for most, tile in table.items() if width <= most)


def decode_rows(rows: int) -> int:
    """Rows of a tile, for queries times heads that share keys."""
    return min(64, max(16, 1 << (rows - 1).bit_length()))


def part_size(programs: int, keys: int, tile_keys: int, multiprocessors: int) -> int:
    """Keys of a part: whole tiles, so many that the parts fill the multiprocessors.

    Args:
        programs: without parts: batches times heads of keys times blocks of rows.
        keys: of a head.
        tile_keys: keys of a tile.
    """
    parts = max(1, min(WAVES * multiprocessors // programs, keys // LEAST_PART, MOST_PARTS))
    return -(-keys // (parts * tile_keys)) * tile_keys
