"""What the compile check compiles of attention."""

from __future__ import annotations

from typing import Any

from triton import language as tl

from tritonnn.kernels.attention._backward import delta_kernel, keys_backward_kernel, queries_backward_kernel
from tritonnn.kernels.attention._forward import attention_kernel
from tritonnn.kernels.check.case import ARCHITECTURES, Case, Work
from tritonnn.kernels.tables.attention import FOR_KEYS, FOR_QUERIES, FORWARD, WIDEST, choose

ROWS = 32  # queries of a program of `delta_kernel`
_ROW = "(i32:16 i32:16 i32:16 i32=1)"
_SCALARS = "i32 i32 i32 i32 i32:16 i32:16 fp64 i64 fp64 i64 i64 None"


def _case(kernel: Any, stage: int, arch: str, kind: str, width: int, **options: Any) -> Case:
    pointer = {"half": "*bf16", "single": "*fp32", "double": "*fp64"}[kind]
    saved = "*fp64" if kind == "double" else "*fp32"
    tile = choose(arch, kind, width, stage)
    masked = options.get("MASK", 0)
    mask = {0: "None", 1: "*i1", 2: pointer}[masked]
    mask_strides = _ROW if masked else "(i32 i32 i32 i32)"
    if stage == FORWARD:
        text = f"{pointer} {saved} {pointer} {pointer} {pointer} {mask} {_ROW} {_ROW} {_ROW} {_ROW} {mask_strides}"
    else:
        grads, rows = (2, 6) if stage == FOR_KEYS else (1, 5)
        text = " ".join([pointer] * (grads + 4) + [mask, saved, saved] + [_ROW] * rows + [mask_strides])
    constants = {
        "CAUSAL": False, "MASK": masked, "DROPOUT": False, "PRECISION": "ieee", "INT64": False,
        "ACC": tl.float64 if kind == "double" else tl.float32, "BLOCK_M": tile.queries, "BLOCK_N": tile.keys,
        "BLOCK_D": width, "BLOCK_V": width, **options,
    }  # fmt: skip
    label = ",".join([kind, str(width), *[f"{k}={int(v)}" for k, v in options.items()]])
    # Wide heads' tiles and float64 only suit the instructions of single warps; NVIDIA has none for float32
    # "ieee".
    small = (stage == FOR_KEYS and width > 128) or kind != "half" or tile is WIDEST
    none = kind == "single" and not arch.startswith("gfx")
    return Case(
        kernel, f"{text} {_SCALARS}", constants, label=label, num_warps=tile.warps, num_stages=tile.stages,
        matrix="none" if none else "warp" if small else True, archs=(arch,),
        # a row of the widest heads is more than the registers of float32 products by multiply-adds hold
        spills=256 if tile is WIDEST else 64 if stage == FOR_KEYS else 24,
        work=_work(stage, width) if kind == "half" else None,
    )  # fmt: skip


def _work(stage: int, width: int) -> Work:
    """Two products of the forward, four of the keys' gradients, three of the queries'."""
    products, queries = {FORWARD: (2, 128), FOR_KEYS: (4, 64), FOR_QUERIES: (3, 64)}[stage]
    return Work(f"{queries} x 64 of scores", flops=2 * products * queries * 64 * width)


def forward_cases() -> list[Case]:
    """Every tile of every architecture, plain, causal, masked and with dropout."""
    return [case for arch in ARCHITECTURES for case in _of(attention_kernel, FORWARD, arch)]


def backward_cases() -> list[Case]:
    """The same of the kernels of the gradients."""
    cases = []
    for arch in ARCHITECTURES:
        cases += _of(keys_backward_kernel, FOR_KEYS, arch) + _of(queries_backward_kernel, FOR_QUERIES, arch)
    strides = f"{_ROW} {_ROW}"
    cases.append(Case(delta_kernel, f"*fp32 *bf16 *bf16 {strides} i32 i32 i32:16", {
        "ACC": tl.float32, "BLOCK_M": ROWS, "BLOCK_V": 128, "INT64": False}))  # fmt: skip
    return cases


def _of(kernel: Any, stage: int, arch: str) -> list[Case]:
    cases = [_case(kernel, stage, arch, "half", width) for width in (64, 128, 256, 512)]
    cases += [_case(kernel, stage, arch, "half", 64, CAUSAL=True)]
    cases += [_case(kernel, stage, arch, "half", 64, MASK=kind) for kind in (1, 2)]
    cases += [_case(kernel, stage, arch, "half", 64, DROPOUT=True)]
    cases += [_case(kernel, stage, arch, "half", 64, INT64=True)]
    cases += [_case(kernel, stage, arch, "single", width) for width in (64, 128, 256)]
    return [*cases, _case(kernel, stage, arch, "double", 64)]
