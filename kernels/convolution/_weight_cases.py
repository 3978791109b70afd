"""What the compile check compiles of weight gradients and depthwise convolutions: every tile in use."""

from __future__ import annotations

from triton import language as tl

from tritonnn.kernels.check.case import ARCHITECTURES, Case, tiles
from tritonnn.kernels.convolution._depthwise import depthwise_kernel, depthwise_weight_kernel
from tritonnn.kernels.convolution._forward_cases import FLOAT64_ON_942
from tritonnn.kernels.convolution._reduce import sum_splits_kernel
from tritonnn.kernels.convolution._weight import weight_kernel
from tritonnn.kernels.convolution._weight_boxes import weight_boxes_kernel
from tritonnn.kernels.tables.convolution import FEWER_STAGES, Tile
from tritonnn.kernels.tables.convolution_weight import BOXES, WEIGHT, Patch, choose_patch, has_boxes
from tritonnn.kernels.tables.depthwise import DepthwiseTile, choose_depthwise

_MATH = {"bf16": "half", "fp32": "tf32"}
_TYPES = {"bf16": (2, tl.float32, "ieee"), "fp32": (4, tl.float32, "tf32"), "fp64": (8, tl.float64, "ieee")}
_THREE = "(i32 i32 i32)"
_ONES = "(i32=1 i32=1 i32=1)"
_PLANE = "(i32=1 i32 i32)"  # of two dimensions
_PART = "(i32:16 i32:16 i32:16 i32=1 i32:16 i32:16 i32:16)"


def _patch(positions: int) -> Patch:
    patch = choose_patch(positions, (32, 1, 64, 64), (True, True, True), True)
    assert patch is not None
    return patch


def _by_address(
    kind: str, tile: Tile, archs: tuple[str, ...], one_tap: bool = True, even: bool = False, unit: int = 0
) -> Case:
    size, compute, precision = _TYPES[kind]
    out = "fp64" if kind == "fp64" else "fp32"
    images, _, height, width = _patch(tile.depth)
    constants = {
        "KD": 1, "KH": 3, "KW": 3, "IMAGES": images, "HEIGHT": height, "WIDTH": width, "BLOCK_M": tile.rows,
        "BLOCK_N": tile.columns, "DY_UNIT": 16 // size, "X_UNIT": unit or 16 // size, "ONE_TAP": one_tap, "EVEN": even,
        "PRECISION": precision, "COMPUTE": compute, "INT64": False,
    }  # fmt: skip
    strides = "(i32 i32 i32 i32)"
    label = f"{kind}-{tile.rows}x{tile.columns}x{tile.depth}-{'tap' if one_tap else 'taps'}"
    return Case(
        weight_kernel,
        f"*{out} *{kind} *{kind} i32 {_THREE} {strides} {_THREE} {strides} {_PART} i32 i32 i32 {_PLANE} i32 i32 "
        f"{_THREE} {_THREE} {_THREE}",
        constants, label=label + ("-even" if even else "") + (f"-unit{unit}" if unit else ""),
        num_warps=tile.warps, num_stages=tile.stages, matrix=True if tile.rows >= 64 else "warp", archs=archs,
        spills=64, work=tiles(_MATH[kind]) if kind in _MATH else None,
    )  # fmt: skip


def _by_boxes(tile: Tile, archs: tuple[str, ...], rank: int = 4) -> Case:
    images, depth, height, width = patch = _patch(tile.depth)
    box = ",".join(map(str, patch if rank == 5 else (images, height, width)))
    constants = {
        "RANK": rank, "IMAGES": images, "DEPTH": depth, "HEIGHT": height, "WIDTH": width, "BLOCK_M": tile.rows,
        "BLOCK_N": tile.columns, "INT64": False,
    }  # fmt: skip
    return Case(
        weight_boxes_kernel,
        f"*fp32 tensordesc<bf16[{box},{tile.rows}]> tensordesc<bf16[{box},{tile.columns}]> {_PART} i32:16 i32:16 "
        f"i32=1 {_PLANE} i32 i32 {_PLANE} {_THREE} {_ONES}",
        constants, label=f"bf16-{tile.rows}x{tile.columns}x{tile.depth}-{rank}d", num_warps=tile.warps,
        num_stages=tile.stages, matrix=True, archs=archs, work=tiles(),
    )  # fmt: skip


def _depthwise(kind: str, last: bool) -> list[Case]:
    size, compute, _ = _TYPES[kind]
    unit = 16 // size if last else 1
    strides = f"(i32 i32 i32 {'i32 i32=1' if last else 'i32=1 i32'})"
    label = f"{kind}-{'nhwc' if last else 'nchw'}"
    wide = "loads" if last else ""

    def tile(gradient: bool) -> DepthwiseTile:
        return choose_depthwise(256, 56, 56, last, gradient, size)

    def constants(t: DepthwiseTile) -> dict[str, object]:
        return {"KD": 1, "KH": 3, "KW": 3, "STRIDE": 1, "DILATION": 1, "ROWS": t.rows, "HEIGHT": t.height,
                "WIDTH": t.width, "CHANNELS": t.channels, "X_UNIT": unit, "COMPUTE": compute,
                "INT64": False}  # fmt: skip

    # where channels are innermost, large problems have the weight copied that way
    taps = "(i32=1 i32 i32 i32)" if last else "(i32 i32 i32 i32=1)"
    pointer, ends = f"*{kind}", f"i32 i32=1 {_THREE} {_ONES} {_ONES}"
    return [
        Case(
            depthwise_kernel,
            f"{pointer} {pointer} {pointer} {pointer} None i32=1 {_THREE} {_PLANE} {strides} {strides} {_THREE} "
            f"{strides} {taps} {ends} fp64",
            {**constants(tile(False)), "OUT_UNIT": unit, "W_UNIT": unit, "EPILOGUE": None}, label=label,
            num_warps=tile(False).warps,
            wide="both" if last else "",
        ),
        Case(
            depthwise_weight_kernel,
            f"*{'fp64' if kind == 'fp64' else 'fp32'} {pointer} {pointer} {_THREE} {_PLANE} i32 i32 {strides} "
            f"{_THREE} {strides} {ends}",
            {**constants(tile(True)), "DY_UNIT": unit, "TAPS_H": 3, "TAPS_W": 3}, label=label,
            num_warps=tile(True).warps, wide=wide,
        ),
    ]  # fmt: skip


def _fewer(tile: Tile, arch: str) -> Tile:
    return tile._replace(stages=min(tile.stages, 2)) if arch in FEWER_STAGES else tile


def _with_archs(table: list[tuple[Tile, float]], archs: list[str]) -> list[tuple[Tile, tuple[str, ...]]]:
    """The tiles of a table as architectures take them."""
    uses: dict[Tile, list[str]] = {}
    for tile, _ in table:
        for arch in archs:
            uses.setdefault(_fewer(tile, arch), []).append(arch)
    return [(tile, tuple(taken)) for tile, taken in uses.items()]


def weight_cases() -> list[Case]:
    """One binary for every tile of the tables, and one of the other kernels for every element type and layout."""
    entries = []
    for kind, (size, compute, _) in _TYPES.items():
        archs = [a for a in ARCHITECTURES if size < 8 or a != "gfx942" or FLOAT64_ON_942]
        for tile, taken in _with_archs(WEIGHT[size], archs):
            entries.append(_by_address(kind, tile, taken))
            entries.append(_by_address(kind, tile, taken, even=True))
            entries.append(_by_address(kind, tile, taken, one_tap=False))
        for last in (True, False):
            entries += _depthwise(kind, last)
        out = "fp64" if kind == "fp64" else "fp32"
        entries.append(
            Case(
                sum_splits_kernel, f"*{kind} *{out} i32 i32 (i32 i32 i32 i32 i32) (i32 i32 i32 i32 i32)",
                {"PARTS": 32, "BLOCK": 64, "COMPUTE": compute, "INT64": False}, label=kind,
                spills=16 if kind == "fp64" else 0,
            )
        )  # fmt: skip
    # channels that no access of more than one element can take
    entries.append(_by_address("bf16", WEIGHT[2][3][0], ("sm_80", "sm_90"), one_tap=False, unit=1))
    described = [arch for arch in ARCHITECTURES if has_boxes(arch, 2)]
    for tile, taken in _with_archs(BOXES, described):
        entries.append(_by_boxes(tile, taken))
    entries.append(_by_boxes(BOXES[0][0], tuple(described), rank=5))
    return entries
