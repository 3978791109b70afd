"""Tiles of the gradient of a convolution's weight, and into how many parts its sum is split; pure functions.

A tile is output channels by input channels of one tap, or by (tap, channel) where channels are few; its depth are
positions of the batch, a patch of them a step. The model only ranks: `autotune` measures.
"""

from __future__ import annotations

from typing import NamedTuple

from tritonnn.kernels.tables.convolution import FEWER_STAGES, Tile, has_patches
from tritonnn.kernels.tables.gemm import LARGEST_SPLIT

Patch = tuple[int, int, int, int]


class WeightChoice(NamedTuple):
    """A tile, the programs that share one tile's sum, and whether operands come through tensor descriptors."""

    tile: Tile
    splits: int
    boxes: bool = False


# By bytes an element; with the share of the peak that a full machine of such tiles reaches, to rank them.
WEIGHT: dict[int, list[tuple[Tile, float]]] = {
    2: [
        (Tile(128, 128, 64, 8, 3), 1.00), (Tile(128, 64, 64, 4, 3), 0.85), (Tile(64, 128, 64, 4, 3), 0.80),
        (Tile(64, 64, 64, 4, 3), 0.60), (Tile(32, 64, 64, 4, 3), 0.36), (Tile(64, 32, 64, 4, 3), 0.36),
        (Tile(16, 64, 64, 4, 3), 0.24),
    ],
    4: [
        (Tile(128, 64, 32, 8, 3), 1.00), (Tile(64, 64, 32, 4, 3), 0.90), (Tile(32, 64, 32, 4, 3), 0.55),
        (Tile(64, 32, 32, 4, 3), 0.55), (Tile(16, 64, 32, 4, 3), 0.35),
    ],
    8: [(Tile(32, 32, 16, 4, 2), 1.00)],
}  # fmt: skip
# Through tensor descriptors, for elements of 2 bytes. A program of four warps issues the fewest instructions a tile;
# what loads is one thread's work, whatever the warps.
BOXES: list[tuple[Tile, float]] = [
    (Tile(128, 256, 64, 8, 3), 1.00), (Tile(64, 256, 64, 4, 3), 0.85), (Tile(128, 128, 64, 4, 3), 0.90),
    (Tile(128, 64, 64, 4, 4), 0.72), (Tile(64, 128, 64, 4, 4), 0.72), (Tile(64, 64, 64, 4, 5), 0.52),
]  # fmt: skip
# Few large blocks: the interpreter pays by the block operation.
INTERPRETED = Tile(64, 32, 64, 4, 1)
SHARED = {"sm_80": 166912, "gfx942": 65536}  # bytes of a multiprocessor; of the others as sm_90
LARGER_SHARED = 232448
START = 8  # steps that filling the pipeline and writing the tile cost
FEWEST_STEPS = 4  # of a part: its sums are written to the workspace, and read again
FEW_CHANNELS = 16  # no more than these and the columns of a tile run over (tap, channel)
PRODUCT = 128  # rows and columns of a product's larger tiles
# Patches through descriptors, which may have to end where the output does, are taken up to this many times as many.
WASTE = 1.15


def has_boxes(arch: str, itemsize: int) -> bool:
    """Whether the hardware copies boxes of a tensor (TMA) and multiplies them where they land, channels innermost."""
    return itemsize == 2 and has_patches(arch)


def weight_candidates(
    rows: int, channels: int, taps: int, positions: int, itemsize: int, arch: str, processors: int, groups: int,
    boxes: bool = False, count: int = 8,
) -> list[WeightChoice]:  # fmt: skip
    """How a weight gradient can be computed, best by the model first.

    Args:
        rows: output channels a group. channels: input channels a group.
        taps: of the kernel; of one phase where phases are launched apart.
        positions: of the output, in the batch.
        itemsize: bytes of an element. processors: multiprocessors to keep busy.
        boxes: whether the operands come through tensor descriptors.
        count: of how many choices.
    """
    table = BOXES if boxes else WEIGHT[itemsize]
    if arch == "interpreter":
        table = [(INTERPRETED, 1.0)]
    costs: dict[WeightChoice, float] = {}
    for tile, efficiency in table:
        tile = tile._replace(stages=min(tile.stages, 2)) if arch in FEWER_STAGES else tile
        tiles = groups * -(-rows // tile.rows) * columns_of(channels, taps, tile)
        steps = max(1, -(-positions // tile.depth))
        together = max(1, min(4, SHARED.get(arch, LARGER_SHARED) // shared_bytes(tile, itemsize)))
        for splits in _splits(tiles, steps, processors * together):
            rounds = -(-tiles * splits // (processors * together))
            # time of the slowest multiprocessor, in multiply-adds at the tile's efficiency
            cost = (
                1.0
                * rounds
                * together
                * (-(-steps // splits) + START)
                * tile.rows
                * tile.columns
                * tile.depth
            )
            cost /= efficiency
            if splits > 1:  # parts are written, and read again
                cost += 4.0 * groups * rows * channels * taps * splits * 64 / processors
            costs[WeightChoice(tile, splits, boxes)] = cost
    return sorted(costs, key=costs.__getitem__)[:count]


def _splits(tiles: int, steps: int, slots: int) -> list[int]:
    """Numbers of parts worth a thought: up to two rounds of all multiprocessors, of no fewer steps than the fewest."""
    most = max(1, min(2 * slots // max(1, tiles), steps // FEWEST_STEPS))
    full = max(1, min(most, slots // max(1, tiles)))
    return sorted({1, max(1, full // 2), full, most})


def is_one_tap(channels: int, taps: int) -> bool:
    """Whether the columns of a tile are channels of one tap."""
    return taps == 1 or channels > FEW_CHANNELS


def columns_of(channels: int, taps: int, tile: Tile) -> int:
    """Tiles side by side."""
    if is_one_tap(channels, taps):
        return taps * -(-channels // tile.columns)
    return -(-channels * taps // tile.columns)


def shared_bytes(tile: Tile, itemsize: int) -> int:
    """Shared memory of a program."""
    return tile.stages * tile.depth * (tile.rows + tile.columns) * itemsize


def is_product(rows: int, columns: int, processors: int) -> bool:
    """Whether a product of matrices, whose inner dimension is split at most so far, keeps the machine busy."""
    return -(-rows // PRODUCT) * -(-columns // PRODUCT) * LARGEST_SPLIT >= processors


def choose_patch(
    positions: int, sizes: tuple[int, int, int, int], ends: tuple[bool, bool, bool], deep: bool
) -> Patch | None:
    """Extents (images, depth, height, width), powers of 2 whose product is `positions`, of the patches of an output.

    The fewest patches cover it; of those the widest, then the highest. None where no patches end as they should.

    Args:
        positions: of a patch.
        sizes: batch, depth, height and width of the output.
        ends: whether patches must end where the output does, in depth, height and width.
        deep: whether a patch may have a depth.

    >>> choose_patch(64, (32, 1, 56, 56), (True, True, True), True)
    (1, 1, 8, 8)
    >>> choose_patch(64, (32, 1, 14, 14), (True, True, True), True)
    (16, 1, 2, 2)
    >>> choose_patch(64, (1, 1, 7, 9), (False, False, False), False)
    (1, 1, 4, 16)
    """
    powers = [1 << k for k in range(positions.bit_length())]
    patches = [
        (positions // (d * h * w), d, h, w)
        for d in (powers if deep and sizes[1] > 1 else [1]) for h in powers for w in powers
        if d * h * w <= positions
    ]  # fmt: skip
    fitting = [p for p in patches if not any(end and n % e for end, n, e in zip(ends, sizes[1:], p[1:]))]
    return min(fitting, key=lambda p: (patches_of(sizes, p), -p[3], -p[2]), default=None)


def patches_of(sizes: tuple[int, int, int, int], patch: Patch) -> int:
    """How many patches cover an output."""
    count = 1
    for size, extent in zip(sizes, patch, strict=True):
        count *= -(-size // extent)
    return count
