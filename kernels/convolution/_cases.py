"""What the compile check compiles of convolution: every tile in use, for every element size."""

from __future__ import annotations

from typing import Any

from triton import language as tl

from tritonnn.kernels.check.case import ARCHITECTURES, Case, tiles
from tritonnn.kernels.convolution import fold as _fold
from tritonnn.kernels.convolution._depthwise import depthwise_kernel, depthwise_weight_kernel
from tritonnn.kernels.convolution._forward_cases import FLOAT64_ON_942, forward_cases
from tritonnn.kernels.convolution._weight import reduce_kernel, weight_kernel
from tritonnn.kernels.tables.convolution import WEIGHT, Tile, choose_weight

_TYPES = {"bf16": (2, tl.float32, "ieee"), "fp32": (4, tl.float32, "tf32"), "fp64": (8, tl.float64, "ieee")}
_MATH = {"bf16": "half", "fp32": "tf32"}
_GEOMETRY = "(i32 i32 i32)"
_STRIDES = "(i32 i32 i32 i32 i32)"
_PACKED = "(i32:16 i32=1 i32:16 i32:16 i32:16)"


def _tile(tile: Tile) -> dict[str, Any]:
    return {"BLOCK_M": tile.rows, "BLOCK_N": tile.columns, "BLOCK_K": tile.depth}


def _weight(kind: str, tile: Tile, one_tap: bool, archs: tuple[str, ...] = ARCHITECTURES) -> Case:
    _, compute, precision = _TYPES[kind]
    shapes = f"i32 {_GEOMETRY} {_PACKED} {_GEOMETRY} {_PACKED} (i32 i32 i32 i32 i32 i32 i32=1)"
    depth = "i32:16" if one_tap else "i32"
    constants = {
        "KD": 1, "KH": 3, "KW": 3, **_tile(tile), "ONE_TAP": one_tap, "PRECISION": precision,
        "COMPUTE": compute, "INT64": False,
    }  # fmt: skip
    out, geometry = "fp64" if kind == "fp64" else "fp32", f"{_GEOMETRY} {_GEOMETRY} {_GEOMETRY}"
    return Case(
        weight_kernel, f"*{out} *{kind} *{kind} {shapes} i32:16 {depth} i32:16 {geometry}", constants,
        label=f"{kind}-{tile.rows}x{tile.columns}x{tile.depth}-{'tap' if one_tap else 'taps'}",
        num_warps=tile.warps, num_stages=tile.stages, matrix=True if tile.rows >= 64 else "warp", spills=64,
        archs=archs, work=tiles(_MATH[kind]) if kind in _MATH else None,
    )  # fmt: skip


def _depthwise(kind: str) -> list[Case]:
    compute = _TYPES[kind][1]
    shared = f"i32 {_GEOMETRY} {_STRIDES} {_GEOMETRY} {_STRIDES}"
    geometry = f"{_GEOMETRY} {_GEOMETRY} {_GEOMETRY}"
    constants = {"KH": 3, "KW": 3, "BLOCK": 256, "COMPUTE": compute, "INT64": False}
    return [
        Case(
            depthwise_kernel,
            f"*{kind} *{kind} *{kind} *{kind} i32=1 {shared} (i32 i32 i32 i32) i32 i32 {geometry}",
            {"KD": 1, **constants},
            label=kind,
        ),
        Case(
            depthwise_weight_kernel,
            f"*{'fp64' if kind == 'fp64' else 'fp32'} *{kind} *{kind} {shared} i32 i32 i32 {geometry}",
            constants,
            label=kind,
        ),
    ]


def _weight_tiles(size: int) -> list[tuple[Tile, tuple[str, ...]]]:
    uses: dict[Tile, list[str]] = {}
    for most, _ in WEIGHT[size]:
        for arch in ARCHITECTURES:
            uses.setdefault(choose_weight(most, 576, 1 << 20, size, arch, 132, 1)[0], []).append(arch)
    return [(tile, tuple(archs)) for tile, archs in uses.items()]


def cases() -> list[Case]:
    """One binary for every tile of the tables, and one of the other kernels for every element type."""
    entries = forward_cases()
    for kind, (size, compute, _) in _TYPES.items():
        supported = set(ARCHITECTURES) - ({"gfx942"} if size == 8 and not FLOAT64_ON_942 else set())
        for tile, archs in _weight_tiles(size):
            archs = tuple([arch for arch in archs if arch in supported])
            entries += [_weight(kind, tile, one_tap, archs) for one_tap in (False, True)]
        entries += _depthwise(kind)
        entries.append(
            Case(
                reduce_kernel,
                f"*{kind} *{'fp64' if kind == 'fp64' else 'fp32'} i32 i32 {_STRIDES} {_STRIDES}",
                {"BLOCK": 512, "COMPUTE": compute, "INT64": False},
                label=kind,
            )
        )
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
    return entries
