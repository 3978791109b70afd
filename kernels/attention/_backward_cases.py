"""What the compile check compiles of attention's gradients."""

from __future__ import annotations

from typing import Any

from triton import language as tl

from tritonnn.kernels.attention._backward import delta_kernel
from tritonnn.kernels.attention._backward_keys import keys_backward_kernel
from tritonnn.kernels.attention._backward_queries import queries_backward_kernel
from tritonnn.kernels.attention._layout import WIDEST_DESCRIBED, describes
from tritonnn.kernels.check.case import ARCHITECTURES, Case, Work
from tritonnn.kernels.tables.attention import FOR_KEYS, FOR_QUERIES, WIDEST, choose_backward, rows_of_delta

_ROW = "(i32:16 i32:16 i32:16 i32=1)"
_NONE = "(i32 i32 i32 i32)"
# heads, group, lengths, widths, padded, all_heads, together, window, scale, cap, dropout, place in the stream
_SCALARS = "i32 {} i32 i32 i32:16 i32:16 i32:16 i32 i32 i32 i32 fp64 fp64 i64 fp64 i64 i64 None"


def _case(
    stage: int, arch: str, kind: str, width: int, described: bool, grouped: bool = False, **options: Any
) -> Case:
    element = {"half": "bf16", "single": "fp32", "double": "fp64"}[kind]
    saved = "*fp64" if kind == "double" else "*fp32"
    masked = options.get("MASK", 0)
    plain = described and not (masked or "DROPOUT" in options or "SOFTCAP" in options)
    tile = choose_backward(arch, kind, width, stage, plain, "WINDOW" in options or "PACKED" in options)
    mask = {0: "None", 1: "*i1", 2: f"*{element}"}[masked]
    mask_strides = _ROW if masked else _NONE
    step = tile.queries if stage == FOR_KEYS else tile.keys
    walked = f"tensordesc<{element}[1,1,{step},{width}]>" if described else f"*{element}"
    strides = _NONE if described else _ROW
    firsts = "*i32 *i32" if "PACKED" in options else "None None"
    if stage == FOR_KEYS:
        kernel: Any = keys_backward_kernel
        text = (
            f"*{element} *{element} {walked} {walked} *{element} *{element} {mask} {saved} {saved} {firsts}"
        )
        text += f" {_ROW} {_ROW} {strides} {strides} {_ROW} {_ROW} {mask_strides}"
    else:
        kernel = queries_backward_kernel
        text = f"*{element} *{element} *{element} {walked} {walked} {mask} {saved} {saved} {firsts}"
        text += f" {_ROW} {_ROW} {_ROW} {strides} {strides} {mask_strides}"
    constants = {
        "CAUSAL": False, "WINDOW": False, "SOFTCAP": False, "MASK": masked, "DROPOUT": False, "PACKED": False,
        "DESCRIBED": described, "PRECISION": "ieee", "INT64": False,
        "ACC": tl.float64 if kind == "double" else tl.float32,
        "BLOCK_M": tile.queries, "BLOCK_N": tile.keys, "BLOCK_D": width, "BLOCK_V": width, **options,
    }  # fmt: skip
    road = ["pointers"] if describes(arch) and kind == "half" and not described else []
    road += ["grouped"] if grouped else []
    label = ",".join([kind, str(width), *road, *[f"{k}={int(v)}" for k, v in options.items()]])
    # Wide heads' tiles and float64 only suit the instructions of single warps; NVIDIA has none for float32 "ieee".
    small = (stage == FOR_KEYS and width > 128) or kind != "half" or tile is WIDEST
    none = kind == "single" and not arch.startswith("gfx")
    return Case(
        kernel, f"{text} {_SCALARS.format('i32' if grouped else 'i32=1')}", constants, label=label,
        num_warps=tile.warps, num_stages=tile.stages,
        matrix="none" if none else "warp" if small else True, archs=(arch,),
        spills=_spills(stage, arch, described, tile is WIDEST),
        work=_work(stage, width) if kind == "half" and set(options) <= {"CAUSAL"} and tile is not WIDEST else None,
    )  # fmt: skip


def _work(stage: int, width: int) -> Work:
    """Four products for the keys' gradients, three for the queries', of 64 queries and 64 keys."""
    products = 4 if stage == FOR_KEYS else 3
    return Work("64 x 64 of scores", flops=2 * products * 64 * 64 * width)


def _spills(stage: int, arch: str, described: bool, widest: bool) -> int:
    """Bytes accepted."""
    if widest:  # a row of its heads is more than the registers of float32 products by multiply-adds hold
        return 256
    if stage == FOR_KEYS:  # two sums fill the registers; pointers, and where windows end, come on top
        return 208 if arch == "sm_90" and not described else 168
    return 24


def backward_cases() -> list[Case]:
    """Every tile of every architecture, plain, causal, masked and with dropout."""
    cases = []
    for arch in ARCHITECTURES:
        for stage in (FOR_KEYS, FOR_QUERIES):
            cases += _of(stage, arch)
    strides = f"{_ROW} {_ROW}"
    for width in (64, 128):
        cases.append(Case(delta_kernel, f"*fp32 *fp32 *fp32 *bf16 *bf16 {strides} i32 i32 i32:16 i32:16", {
            "ACC": tl.float32, "BLOCK_M": rows_of_delta(width), "BLOCK_V": width, "INT64": False,
        }, wide="loads"))  # fmt: skip
    return cases


def _of(stage: int, arch: str) -> list[Case]:
    cases = []
    for described in (True, False) if describes(arch) else (False,):
        widths = (64, 128, 256) if described else (64, 128, 256, 512)
        cases += [
            _case(stage, arch, "half", width, described and width <= WIDEST_DESCRIBED) for width in widths
        ]
        for options in (
            {"CAUSAL": True}, {"WINDOW": True}, {"SOFTCAP": True}, {"MASK": 1}, {"MASK": 2}, {"DROPOUT": True},
            {"INT64": True},
        ):  # fmt: skip
            cases.append(_case(stage, arch, "half", 64, described, **options))
        cases += [_case(stage, arch, "half", 128, described, CAUSAL=True)]
        cases += [_case(stage, arch, "half", width, described, True, CAUSAL=True) for width in (64, 128)]
    cases += [
        _case(stage, arch, "half", 64, False, PACKED=True),
        _case(stage, arch, "half", 64, False, PACKED=True, WINDOW=True),
    ]
    cases += [_case(stage, arch, "single", width, False) for width in (64, 128, 256)]
    return [*cases, _case(stage, arch, "double", 64, False)]
