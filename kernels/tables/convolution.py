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


Sizes = tuple[int, ...]  # batch, depth, height and width, or extents along them
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
# The same where a step runs over (tap, channel) of few channels, in accesses of up to 16 bytes.
FLAT: dict[int, list[tuple[int, Tile]]] = {
    2: [(16, Tile(128, 16, 32, 8, 3)), (32, Tile(128, 32, 32, 8, 3)), (1 << 30, Tile(128, 64, 32, 8, 3))],
    4: [(16, Tile(128, 16, 32, 8, 3)), (32, Tile(128, 32, 32, 8, 3)), (1 << 30, Tile(128, 64, 32, 8, 3))],
    8: [(1 << 30, Tile(32, 32, 32, 4, 2))],
}
# With tensor descriptors: 128 bytes of channels a step (what the copy engine swizzles), by bytes an element; with the
# share of the peak that a full machine of such tiles reaches, to rank them.
PATCHES: dict[int, list[tuple[Tile, float]]] = {
    2: [
        (Tile(128, 256, 64, 8, 3), 1.00), (Tile(128, 128, 64, 4, 4), 0.92), (Tile(128, 64, 64, 4, 4), 0.72),
        (Tile(128, 32, 64, 4, 4), 0.42),
    ],
    4: [(Tile(128, 128, 32, 4, 4), 1.00), (Tile(128, 64, 32, 4, 4), 0.80), (Tile(128, 32, 32, 4, 4), 0.45)],
}  # fmt: skip
PATCHES_INTERPRETED = Tile(64, 64, 64, 4, 1)
# 64 KB of shared memory are two stages of the widest tile.
FEWER_STAGES = ("gfx942",)
# Few large blocks: the interpreter pays by the block operation.
INTERPRETED = Tile(128, 64, 64, 4, 1)
FEW_ROWS = 64


def choose_forward(rows: int, columns: int, depth: int, itemsize: int, arch: str, flat: bool = False) -> Tile:
    """The tile of a forward pass or an input gradient.

    Args:
        rows: output positions of the batch.
        columns: output channels a group.
        depth: input channels a group; where flat, times the kernel's width.
        itemsize: bytes of an input element.
        arch: as `architecture()` names it.
        flat: whether a step runs over channels and taps.
    """
    if arch == "interpreter":
        tile = INTERPRETED
    else:
        tile = next(t for most, t in (FLAT if flat else FORWARD)[itemsize] if columns <= most)
        if rows <= FEW_ROWS and not flat:
            tile = tile._replace(rows=min(tile.rows, FEW_ROWS))
    tile = _fewer_stages(tile, arch)
    # no deeper than the channels: the rest of a step would be zeros; tl.dot takes no less than 16
    return tile._replace(depth=min(tile.depth, max(16, power_of_2(depth))))


def forward_candidates(
    rows: int, columns: int, depth: int, itemsize: int, arch: str, flat: bool = False
) -> list[Tile]:
    """Tiles to be measured, as wide as what is chosen or half as wide; arguments as of `choose_forward`."""
    widths = [columns, columns // 2] if columns > 16 else [columns]
    return [choose_forward(rows, width, depth, itemsize, arch, flat) for width in widths]


def has_patches(arch: str) -> bool:
    """Whether the hardware copies boxes of a tensor (TMA) and multiplies them where they land."""
    return arch == "interpreter" or arch == "sm_90" or arch.startswith("sm_10")


def choose_patch(rows: int, sizes: Sizes) -> Sizes:
    """Extents (images, depth, height, width), powers of 2 whose product is `rows`, of the patches of an output.

    The fewest patches cover it; among those the inputs of one tap and the next overlap most in the squarest, and
    the widest has the longest rows in memory.

    Args:
        rows: positions of a patch.
        sizes: batch, depth, height and width of the output.

    >>> choose_patch(128, (32, 1, 56, 56))
    (1, 1, 16, 8)
    >>> choose_patch(128, (32, 1, 7, 7))
    (16, 1, 1, 8)
    """
    exponent = rows.bit_length() - 1
    patches = [
        (rows >> (d + h + w), 1 << d, 1 << h, 1 << w)
        for d in range(exponent + 1) for h in range(exponent + 1 - d) for w in range(exponent + 1 - d - h)
        if (sizes[1] > 1 or d == 0)
    ]  # fmt: skip

    def cost(patch: Sizes) -> tuple[int, int, int]:
        count = 1
        for size, extent in zip(sizes, patch, strict=True):
            count *= -(-size // extent)
        images, d, h, w = patch
        # of a kernel that reaches one further on both sides
        return (
            count,
            images * (d + 2 * (sizes[1] > 1)) * (h + 2 * (sizes[2] > 1)) * (w + 2 * (sizes[3] > 1)),
            -w,
        )

    return min(patches, key=cost)


def choose_patches(sizes: Sizes, columns: int, depth: int, itemsize: int, arch: str, processors: int) -> Tile:
    """The tile of a convolution through tensor descriptors.

    Args:
        sizes: batch, depth, height and width of the output.
        columns: output channels. depth: input channels. itemsize: bytes of an element.
        processors: multiprocessors to keep busy.
    """
    return patches_candidates(sizes, columns, depth, itemsize, arch, processors)[0]


def patches_candidates(
    sizes: Sizes, columns: int, depth: int, itemsize: int, arch: str, processors: int
) -> list[Tile]:
    """The tiles of `choose_patches`, best first."""
    if arch == "interpreter":
        return [PATCHES_INTERPRETED._replace(depth=_patch_depth(PATCHES_INTERPRETED.depth, depth))]

    def cost(entry: tuple[Tile, float]) -> float:
        tile, efficiency = entry
        count = -(-columns // tile.columns)
        for size, extent in zip(sizes, choose_patch(tile.rows, sizes), strict=True):
            count *= -(-size // extent)
        # small tiles share a multiprocessor, so the last round is finer than one tile each
        together = max(1, 128 * 128 // (tile.rows * tile.columns))
        rounds = -(-count // (processors * together)) * together if count > processors else 1
        return rounds * tile.columns / efficiency

    ranked = sorted(PATCHES[itemsize], key=cost)
    return [tile._replace(depth=_patch_depth(tile.depth, depth)) for tile, _ in ranked]


def _patch_depth(most: int, depth: int) -> int:
    """Channels a step: no more than there are, and half as many where that leaves out a half-empty step."""
    step = min(most, max(16, power_of_2(depth)))
    half = step // 2
    return half if half >= 16 and -(-depth // half) % 2 and depth < 4 * step else step


def _fewer_stages(tile: Tile, arch: str) -> Tile:
    return tile._replace(stages=min(tile.stages, 2)) if arch in FEWER_STAGES else tile
