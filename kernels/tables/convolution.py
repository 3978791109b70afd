"""Tile sizes of convolutions by architecture and shape; the choice is a pure function."""

from __future__ import annotations

from typing import NamedTuple

from tritonnn.kernels.tables.reduction import power_of_2


class Tile(NamedTuple):
    """Positions by output channels that a program computes, and the depth of a step."""

    rows: int
    columns: int
    depth: int
    warps: int
    stages: int


# (most output channels a group, tile), the narrowest that fits is taken; by bytes an element. Shared memory holds
# stages * (rows + columns) * depth elements: 96 KB of the widest tile, whose depth halves as elements double.
FORWARD: dict[int, list[tuple[int, Tile]]] = {
    2: [
        (16, Tile(128, 16, 32, 4, 3)),
        (32, Tile(128, 32, 64, 4, 3)),
        (64, Tile(128, 64, 64, 4, 3)),
        (1 << 30, Tile(128, 128, 64, 8, 3)),
    ],
    4: [
        (16, Tile(128, 16, 32, 4, 3)),
        (32, Tile(128, 32, 32, 4, 3)),
        (64, Tile(128, 64, 32, 4, 3)),
        (1 << 30, Tile(128, 128, 32, 8, 3)),
    ],
    8: [(1 << 30, Tile(32, 32, 16, 4, 2))],
}
# The same where a step runs over (channel, tap) of few channels: every element has an address of its own.
FLAT: dict[int, list[tuple[int, Tile]]] = {
    2: [(16, Tile(64, 16, 32, 4, 3)), (32, Tile(64, 32, 32, 4, 3)), (1 << 30, Tile(64, 64, 32, 8, 3))],
    4: [(16, Tile(64, 16, 32, 4, 3)), (32, Tile(64, 32, 32, 4, 3)), (1 << 30, Tile(64, 64, 32, 8, 3))],
    8: [(1 << 30, Tile(32, 32, 32, 4, 2))],
}
# Its 64 KB of shared memory are two stages of the widest tile.
FEWER_STAGES = ("gfx942",)
# Few large blocks: the interpreter pays by the block operation.
INTERPRETED = Tile(128, 64, 64, 4, 1)
FEW_ROWS = 64


def choose_forward(rows: int, columns: int, depth: int, itemsize: int, arch: str, flat: bool = False) -> Tile:
    """The tile of a forward pass or an input gradient.

    Args:
        rows: output positions of the batch.
        columns: output channels a group.
        depth: input channels a group.
        itemsize: bytes of an input element.
        arch: as `architecture()` names it.
        flat: whether a step runs over channels and taps.
    """
    if arch == "interpreter":
        tile = INTERPRETED
    else:
        tile = next(t for most, t in (FLAT if flat else FORWARD)[itemsize] if columns <= most)
        if rows <= FEW_ROWS:
            tile = tile._replace(rows=min(tile.rows, FEW_ROWS))
    tile = _fewer_stages(tile, arch)
    if flat:
        return tile._replace(depth=32)
    # no deeper than the channels: the rest of a step would be zeros; tl.dot takes no less than 16
    return tile._replace(depth=min(tile.depth, max(16, power_of_2(depth))))


def _fewer_stages(tile: Tile, arch: str) -> Tile:
    return tile._replace(stages=min(tile.stages, 2)) if arch in FEWER_STAGES else tile
