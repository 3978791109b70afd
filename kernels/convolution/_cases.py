"""What the compile check compiles of convolution: every tile in use, for every element size."""

from __future__ import annotations

from typing import Any

import triton
from triton import language as tl

from tritonnn.kernels.check.case import ARCHITECTURES, Case
from tritonnn.kernels.convolution import _weight_cases
from tritonnn.kernels.convolution import fold as _fold
from tritonnn.kernels.convolution._correlate import correlate_kernel
from tritonnn.kernels.tables.convolution import (
    FEW_ROWS,
    FLAT,
    FORWARD,
    Tile,
    choose_forward,
)

# Triton 3.6 fails to compile products of float64 for gfx942; of the later ones 3.9 is known to do it.
FLOAT64_ON_942 = tuple(int(part) for part in triton.__version__.split(".")[:2]) >= (3, 9)
_TYPES = {"bf16": (2, tl.float32, "ieee"), "fp32": (4, tl.float32, "tf32"), "fp64": (8, tl.float64, "ieee")}
_GEOMETRY = "(i32 i32 i32)"
_STRIDES = "(i32 i32 i32 i32 i32)"
_PACKED = "(i32:16 i32=1 i32:16 i32:16 i32:16)"
_PLANES = "(i32:16 i32:16 i32:16 i32:16 i32=1)"


def _tile(tile: Tile) -> dict[str, Any]:
    return {"BLOCK_M": tile.rows, "BLOCK_N": tile.columns, "BLOCK_K": tile.depth}


def _forward(kind: str, tile: Tile, flat: bool, last: bool, archs: tuple[str, ...] = ARCHITECTURES) -> Case:
    _, compute, precision = _TYPES[kind]
    pointers = f"*{kind} *{kind} *{kind} *{kind} i32=1 i32"
    if flat:
        x, taps = f"{_GEOMETRY} {_STRIDES}", "(i32 i32 i32 i32 i32 i32=1) i32 i32"
    else:
        x, taps = f"{_GEOMETRY} {_PACKED}", "(i32:16 i32:16 i32=1 i32:16 i32:16 i32:16) i32:16 i32:16"
    shapes = f"{_GEOMETRY} {_PACKED if last else _PLANES} {x} {taps}"
    constants = {
        "KD": 1, "KH": 3, "KW": 3, **_tile(tile), "FLAT": flat, "OUT_LAST": last,
        "PRECISION": precision, "COMPUTE": compute, "INT64": False,
    }  # fmt: skip
    shape, way = f"{tile.rows}x{tile.columns}x{tile.depth}", "flat" if flat else "taps"
    return Case(
        correlate_kernel, f"{pointers} {shapes} {_GEOMETRY} {_GEOMETRY} {_GEOMETRY}", constants,
        label=f"{kind}-{shape}-{way}-{'nhwc' if last else 'nchw'}",
        num_warps=tile.warps, num_stages=tile.stages, matrix=True if tile.rows >= 64 else "warp", archs=archs,
        spills=16 if kind == "fp64" else 8,  # between the taps
    )  # fmt: skip


def _forward_tiles(size: int) -> list[tuple[bool, Tile, tuple[str, ...]]]:
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


def cases() -> list[Case]:
    """One binary for every tile of the tables, and one of the other kernels for every element type."""
    entries = []
    for kind, (size, compute, _) in _TYPES.items():
        supported = set(ARCHITECTURES) - ({"gfx942"} if size == 8 and not FLOAT64_ON_942 else set())
        for flat, tile, archs in _forward_tiles(size):
            archs = tuple([arch for arch in archs if arch in supported])
            entries += [_forward(kind, tile, flat, last, archs) for last in (False, True)]
        pairs = "(i32 i32) (i32 i32) (i32 i32)"
        entries.append(
            Case(
                _fold.im2col_kernel,
                f"*{kind} *{kind} i32 {_GEOMETRY} {_GEOMETRY} (i32 i32) (i32 i32 i32 i32) {pairs}",
                {"KH": 3, "KW": 3, "BLOCK": 512, "INT64": False},
                label=kind,
            )
        )
        entries.append(
            Case(
                _fold.col2im_kernel,
                f"*{kind} *{kind} i32 {_GEOMETRY} (i32 i32 i32 i32) (i32 i32) {_GEOMETRY} {pairs}",
                {"KH": 3, "KW": 3, "SUM": compute, "BLOCK": 512, "INT64": False},
                label=kind,
            )
        )
    return entries + _weight_cases.cases()
