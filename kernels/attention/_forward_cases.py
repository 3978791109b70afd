"""What the compile check compiles of attention, forward."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from triton import language as tl

from tritonnn.kernels.attention._blocks import listed_attention_kernel
from tritonnn.kernels.attention._decode import merge_parts_kernel, part_kernel
from tritonnn.kernels.attention._forward import FROM_HOST, POINTERS, attention_kernel
from tritonnn.kernels.attention._specialised import specialised_attention_kernel
from tritonnn.kernels.check.case import ARCHITECTURES, Case, Work
from tritonnn.kernels.tables.attention import FORWARD, WIDEST, Tile, choose
from tritonnn.kernels.tables.attention_decode import decode_tile
from tritonnn.kernels.tables.attention_forward import Described, described, kind_of

_ROW = "(i32:16 i32:16 i32:16 i32=1)"
_POINTER = {"half": "*bf16", "single": "*fp32", "double": "*fp64"}


def _case(arch: str, kind: str, width: int, tile: Tile | Described, **options: Any) -> Case:
    pointer, masked = _POINTER[kind], options.get("MASK", 0)
    keys = pointer
    if isinstance(tile, Described):
        keys = f"tensordesc<bf16[1,1,{tile.keys},{width}]>"
    mask = ["None", "*i1", pointer][masked]
    limits = "(*i32 *i32 *i32)" if options.get("PACKED") else "None"
    saved = "*fp64" if kind == "double" else "*fp32"
    text = (
        f"{pointer} {saved} {pointer} {keys} {keys} {mask} {limits} {_ROW} {_ROW} {_ROW} {_ROW} "
        f"{_ROW if masked else '(i32 i32 i32 i32)'} i32 i32 i32 i32 i32 i32:16 i32:16 i32 i32 i32 fp64 fp64 i64 fp64 "
        "i64 i64 None"
    )
    constants = {
        "CAUSAL": False, "WINDOW": False, "SOFTCAP": False, "MASK": masked, "DROPOUT": False, "PACKED": False,
        "FOLD": masked != 2, "EVEN": True, "DESCRIBED": (FROM_HOST if isinstance(tile, Described) else POINTERS).value,
        "PRECISION": "ieee", "ACC": tl.float64 if kind == "double" else tl.float32, "BLOCK_M": tile.queries,
        "BLOCK_N": tile.keys, "BLOCK_D": width, "BLOCK_V": width, "INT64": False, **options,
    }  # fmt: skip
    way = f"{tile.queries}x{tile.keys} {tile.warps} described" if isinstance(tile, Described) else ""
    label = ",".join([kind, str(width), *[way] * bool(way), *[f"{k}={int(v)}" for k, v in options.items()]])
    # Tiles of float64 only suit the instructions of single warps; NVIDIA has none for float32 "ieee".
    none = kind == "single" and not arch.startswith("gfx")
    return Case(
        attention_kernel, text, constants, label=label, num_warps=tile.warps, num_stages=tile.stages,
        matrix="none" if none else "warp" if kind != "half" or tile is WIDEST else True, archs=(arch,),
        # a row of the widest heads is more than the registers of float32 products by multiply-adds hold
        spills=256 if tile is WIDEST else 24,
        work=_work(width) if kind == "half" and set(options) <= {"CAUSAL"} and tile is not WIDEST else None,
    )  # fmt: skip


def _work(width: int) -> Work:
    """Two products of 128 queries and 64 keys, whatever the kernel's own tile is."""
    return Work("128 x 64 of scores", flops=2 * 2 * 128 * 64 * width)


def _specialised(arch: str, width: int, tile: Described) -> Case:
    constants = {
        "ACC": tl.float32, "BLOCK_M": tile.queries, "BLOCK_N": tile.keys, "BLOCK_D": width, "BLOCK_V": width,
        "SPECIALIZE": True, "INT64": False,
    }  # fmt: skip
    return Case(
        specialised_attention_kernel,
        f"*bf16 *fp32 *bf16 *bf16 *bf16 {_ROW} {_ROW} {_ROW} {_ROW} i32 i32 i32 i32 i32:16 i32:16 fp64", constants,
        label=f"{width} {tile.queries}x{tile.keys}", num_warps=tile.warps, num_stages=tile.stages, matrix=True,
        specialize=True, archs=(arch,), work=_work(width),
    )  # fmt: skip


OPTIONS: tuple[dict[str, Any], ...] = (
    {"CAUSAL": True}, {"MASK": 1}, {"MASK": 2}, {"DROPOUT": True}, {"INT64": True}, {"EVEN": False},
    {"FOLD": False}, {"CAUSAL": True, "WINDOW": True}, {"SOFTCAP": True}, {"CAUSAL": True, "PACKED": True},
)  # fmt: skip


def _pointers(arch: str) -> Iterator[Case]:
    for width in (64, 128, 256, 512):
        yield _case(arch, "half", width, choose(arch, "half", width, FORWARD))
    for options in OPTIONS:
        yield _case(arch, "half", 64, choose(arch, "half", 64, FORWARD), **options)
    for width in (64, 128, 256):
        yield _case(arch, "single", width, choose(arch, "single", width, FORWARD))
    yield _case(arch, "double", 64, choose(arch, "double", 64, FORWARD))


def _described(arch: str) -> Iterator[Case]:
    for width in (64, 128, 256):
        for options in ({}, *OPTIONS):
            kind = kind_of(bool(options.get("MASK")), "DROPOUT" in options, "WINDOW" in options)
            for number, tile in enumerate(described(arch, kind, width)):
                if tile.specialize:
                    if not options:
                        yield _specialised(arch, width, tile)
                # the tiles that are only measured stand for the plain kernel and the causal one
                elif number == 0 or options in ({}, {"CAUSAL": True}) or kind in ("masked", "dropped"):
                    yield _case(arch, "half", width, tile, **options)


def _decode(arch: str, kind: str, width: int, rows: int, **options: Any) -> Case:
    pointer, masked, tile = _POINTER[kind], options.get("MASK", 0), decode_tile(arch, kind, width)
    constants = {
        "MASK": masked, "FOLD": masked != 2, "EVEN": True, "ACC": tl.float32, "PRECISION": "ieee", "BLOCK_M": rows,
        "BLOCK_N": tile.keys, "BLOCK_D": width, "BLOCK_V": width, "INT64": False, **options,
    }  # fmt: skip
    none = kind == "single" and not arch.startswith("gfx")
    return Case(
        part_kernel,
        f"*fp32 *fp32 {pointer} {pointer} {pointer} {['None', '*i1', pointer][masked]} {_ROW} {_ROW} {_ROW} "
        f"(i32:16 i32:16 i32:16 i32:16 i32=1) {_ROW if masked else '(i32 i32 i32 i32)'} i32 i32 i32 i32 i32 i32:16 "
        "i32:16 i32 i32:16 fp64",
        constants, label=",".join([kind, str(width), str(rows), *[f"{k}={int(v)}" for k, v in options.items()]]),
        num_warps=tile.warps, num_stages=tile.stages, matrix="none" if none else "warp", archs=(arch,), wide="loads",
        spills=24 if kind == "single" else 0,
    )  # fmt: skip


def _parts(arch: str) -> Iterator[Case]:
    for width in (64, 128, 256):
        for rows in (16, 64):
            yield _decode(arch, "half", width, rows)
    for options in ({"MASK": 1}, {"MASK": 2}, {"INT64": True}, {"EVEN": False}, {"FOLD": False}):
        yield _decode(arch, "half", 128, 16, **options)
    for width in (64, 128):
        yield _decode(arch, "single", width, 16)
    yield Case(
        merge_parts_kernel, f"*bf16 *fp32 *fp32 *fp32 {_ROW} i32 i32 i32 i32:16 i32", {"BLOCK_P": 16, "BLOCK_V": 128},
        num_warps=1, archs=(arch,),
    )  # fmt: skip


def _listed(arch: str, kind: str, width: int, tile: Tile | Described) -> Case:
    """Blocks of 128 queries and 128 keys, as block masks have them by default."""
    pointer, from_host = _POINTER[kind], isinstance(tile, Described)
    keys = f"tensordesc<bf16[1,1,{tile.keys},{width}]>" if from_host else pointer
    steps = "((i32 i32 i32=1) (i32 i32 i32 i32=1))"
    constants = {
        "ROWS": 128, "KEYS": 128, "WHOLE": True, "RAGGED": False, "FOLD": True, "EVEN": True, "DESCRIBED": from_host,
        "ACC": tl.float32, "PRECISION": "ieee", "BLOCK_M": tile.queries, "BLOCK_N": tile.keys, "BLOCK_D": width,
        "BLOCK_V": width, "INT64": False,
    }  # fmt: skip
    return Case(
        listed_attention_kernel,
        f"{pointer} *fp32 {pointer} {keys} {keys} *i1 (*i32 *i32) (*i32 *i32) {_ROW} {_ROW} {_ROW} {_ROW} {_ROW} "
        f"{steps} {steps} i32 i32 i32 i32 i32:16 i32:16 fp64",
        constants, label=f"{kind},{width} {tile.queries}x{tile.keys}{' described' * from_host}", num_warps=tile.warps,
        num_stages=tile.stages, matrix=True if kind == "half" else "none", archs=(arch,), spills=24,
    )  # fmt: skip


def _blocks(arch: str) -> Iterator[Case]:
    for width in (64, 128, 256):
        yield _listed(arch, "half", width, choose(arch, "half", width, FORWARD))
        for tile in described(arch, "masked", width)[:1]:
            yield _listed(arch, "half", width, tile)


def forward_cases() -> list[Case]:
    """Every tile of every architecture, plain, causal, masked, with dropout and with each option."""
    kinds = (_pointers, _described, _parts, _blocks)
    return [case for arch in ARCHITECTURES for kind in kinds for case in kind(arch)]
