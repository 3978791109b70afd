"""What the compile check compiles of convolutions and their input gradients: every tile in use."""

from __future__ import annotations

from typing import Any

import triton
from triton import language as tl

from tritonnn.kernels.activation import relu
from tritonnn.kernels.check.case import ARCHITECTURES, Case
from tritonnn.kernels.convolution._correlate import correlate_kernel
from tritonnn.kernels.convolution._patches import patches_kernel
from tritonnn.kernels.tables.convolution import (
    FEW_ROWS,
    FLAT,
    FORWARD,
    PATCHES,
    Tile,
    choose_forward,
    choose_patch,
    has_patches,
    patches_candidates,
)

# Triton 3.6 fails to compile products of float64 for gfx942; of the later ones 3.9 is known to do it.
FLOAT64_ON_942 = tuple(int(part) for part in triton.__version__.split(".")[:2]) >= (3, 9)
_TYPES = {"bf16": (2, tl.float32, "ieee"), "fp32": (4, tl.float32, "tf32"), "fp64": (8, tl.float64, "ieee")}
_GEOMETRY = "(i32 i32 i32)"
_PACKED = "(i32:16 i32=1 i32:16 i32:16 i32:16)"
_PLANES = "(i32:16 i32:16 i32:16 i32:16 i32=1)"


def _by_addresses(kind: str, tile: Tile, flat: bool, last: bool, archs: tuple[str, ...]) -> Case:
    """FLAT: 3 channels as 4, whose strides are no multiples of 16."""
    size, compute, precision = _TYPES[kind]
    out = _PACKED if last else _PLANES
    if flat:
        x, taps = "(i32 i32=1 i32 i32 i32)", "(i32 i32 i32=1 i32 i32 i32) i32:16 i32"
    else:
        x, taps = _PACKED, "(i32:16 i32:16 i32=1 i32:16 i32:16 i32:16) i32:16 i32:16"
    signature = (
        f"*{kind} *{kind} *{kind} *{kind} None i32=1 i32 {_GEOMETRY} {out} {out} {_GEOMETRY} {x} {taps} "
        f"{_GEOMETRY} {_GEOMETRY} {_GEOMETRY} fp64"
    )
    constants = {
        "KD": 1, "KH": 3, "KW": 3, "CHANNELS": 4 if flat else None,
        "VECTOR": 4 if flat and size <= 4 else 1, "BLOCK_M": tile.rows, "BLOCK_N": tile.columns,
        "BLOCK_K": tile.depth, "EVEN_K": True, "OUT_LAST": last, "EPILOGUE": None, "PRECISION": precision,
        "COMPUTE": compute, "INT64": False,
    }  # fmt: skip
    shape, way = f"{tile.rows}x{tile.columns}x{tile.depth}", "flat" if flat else "taps"
    return Case(
        correlate_kernel, signature, constants, label=f"{kind}-{shape}-{way}-{'nhwc' if last else 'nchw'}",
        num_warps=tile.warps, num_stages=tile.stages, matrix=True if tile.rows >= 64 else "warp", archs=archs,
        spills=16 if kind == "fp64" else 8,  # between the taps
    )  # fmt: skip


def _by_patches(kind: str, tile: Tile, way: str = "forward", rank: int = 4) -> Case:
    """Through descriptors; `way`: 'forward', 'gradient' of the input, 'fused' with what follows, 'nchw'."""
    size = (32, 8 if rank == 5 else 1, 28, 28)
    patch = choose_patch(tile.rows, size)

    def box(*extents: int) -> str:
        kept = extents if rank == 5 else extents[:1] + extents[2:]
        return f"tensordesc<{kind}[{','.join(map(str, kept))}]>"

    across = way == "gradient"
    weight = box(tile.depth, 1, 1, 1, tile.columns) if across else box(tile.columns, 1, 1, 1, tile.depth)
    result = f"*{kind}" if way == "nchw" else box(*patch, tile.columns)
    signature = (
        f"{box(*patch, tile.depth)} {weight} {result} {result if way == 'fused' else None} *{kind} i32=1 i32:16 "
        f"i32:16 (i32 i32 i32 i32) {_GEOMETRY} {_PLANES if way == 'nchw' else _PACKED} "
        f"{_PLANES if way == 'nchw' else _PACKED} {_GEOMETRY} (i32=1 i32=1 i32=1) fp64"
    )
    constants: dict[str, Any] = {
        "KD": 3 if rank == 5 else 1, "KH": 3, "KW": 3, "IMAGES": patch[0], "DEPTH": patch[1],
        "HEIGHT": patch[2], "WIDTH": patch[3], "BLOCK_N": tile.columns, "BLOCK_K": tile.depth, "RANK": rank,
        "ACROSS": across, "TURNED": across, "DESCRIBED": way != "nchw", "OUT_LAST": way != "nchw",
        "EPILOGUE": relu if way == "fused" else None, "PRECISION": _TYPES[kind][2], "INT64": False,
    }  # fmt: skip
    shape = f"{tile.rows}x{tile.columns}x{tile.depth}"
    return Case(
        patches_kernel, signature, constants, label=f"{kind}-{shape}-{way}{'-3d' if rank == 5 else ''}",
        num_warps=tile.warps, num_stages=tile.stages, matrix=True,
        spills=64 if way == "fused" else 8,  # sums, residual and result of a tile meet once, after the loop
        archs=tuple([arch for arch in ARCHITECTURES if has_patches(arch)]),
    )  # fmt: skip


def _address_tiles(size: int) -> list[tuple[bool, Tile, tuple[str, ...]]]:
    """Everything the chooser returns for elements of `size` bytes: flat, tile, architectures."""
    uses: dict[tuple[bool, Tile], list[str]] = {}
    for flat, table in ((False, FORWARD), (True, FLAT)):
        for most, _ in table[size]:
            for rows in (FEW_ROWS, 1 << 20):
                for depth in (16, 32, 64):
                    for arch in ARCHITECTURES:
                        tile = choose_forward(rows, most, depth, size, arch, flat)
                        archs = uses.setdefault((flat, tile), [])
                        archs += [arch] if arch not in archs else []
    return [(flat, tile, tuple(archs)) for (flat, tile), archs in uses.items()]


def _patch_tiles(size: int) -> list[Tile]:
    """Every tile with every depth of a step, the widest ones first."""
    tiles: dict[Tile, None] = {}
    for depth in (64, 32, 16):
        tiles |= dict.fromkeys(patches_candidates((32, 1, 28, 28), 256, depth, size, "sm_90", 132))
    return sorted(tiles, reverse=True)


def forward_cases() -> list[Case]:
    """One binary for every tile of the tables in every way it is used."""
    entries = []
    for kind, (size, _, _) in _TYPES.items():
        supported = set(ARCHITECTURES) - ({"gfx942"} if size == 8 and not FLOAT64_ON_942 else set())
        for flat, tile, archs in _address_tiles(size):
            archs = tuple([arch for arch in archs if arch in supported])
            entries += [_by_addresses(kind, tile, flat, last, archs) for last in (False, True)]
        if size in PATCHES:
            tiles = _patch_tiles(size)
            entries += [_by_patches(kind, tile) for tile in tiles]
            deepest = [tile for tile in tiles if tile.depth * size == 128]
            ways = ("gradient", "fused", "nchw") if size == 2 else ("nchw",)
            entries += [_by_patches(kind, tile, way) for tile in deepest for way in ways]
            entries.append(_by_patches(kind, deepest[0], rank=5))
    return entries
