"""The matrix products in the compile check: every configuration of every table on its architecture."""

from __future__ import annotations

from functools import partial
from typing import Any

from triton import language as tl

from tritonnn.kernels.activation import gelu_erf
from tritonnn.kernels.check.case import Case, tiles
from tritonnn.kernels.device.float8 import instructions
from tritonnn.kernels.linalg import _kernels as _gemm
from tritonnn.kernels.linalg._plan import SUMMED_EXACTLY, described
from tritonnn.kernels.tables.gemm import LEAN, TABLE, Gemm

_TYPES = {"half": ("bf16", tl.float32), "tf32": ("fp32", tl.float32), "ieee": ("fp32", tl.float32),
          "fp64": ("fp64", tl.float64), "fp8": ("fp8e4nv", tl.float32)}  # fmt: skip

# What `epilogue` does: its constants, and the types of the extra arguments (`{}`: of the result).
BIAS = ("bias", {"ADD": 1, "AFFINE": False, "SCALED": 0, "EPILOGUE": None}, "*{}")
MATRIX = ("matrix", {"ADD": 2, "AFFINE": True, "SCALED": 0, "EPILOGUE": None}, "*{}")
GELU = ("gelu", {"ADD": 1, "AFFINE": True, "SCALED": 0, "EPILOGUE": gelu_erf}, "*{}")
SCALES = ("scales", {"ADD": 1, "AFFINE": False, "SCALED": 1, "EPILOGUE": None}, "*{} *fp32 *fp32")


def _case(arch: str, kind: str, config: Gemm, across: bool = True, finishing: Any = BIAS) -> Case:
    """A configuration of the table; `across`: b lies in memory as (k, n)."""
    family = kind.partition(" ")[0]
    element, acc = _TYPES[family]
    result = "bf16" if family == "fp8" else element
    bits = "e4m3" if family == "fp8" and not instructions(arch) else ""
    if bits:
        element = "u8"
    how, finish, extras = finishing
    options = {
        "BLOCK_M": config.m, "BLOCK_N": config.n, "BLOCK_K": config.k, "GROUP": config.group, "ACC": acc,
        "PRECISION": "tf32" if kind == "tf32" else "ieee", **finish,
        "IMPRECISE": min(config.k, SUMMED_EXACTLY) if kind == "fp8 exact" else None,
    }  # fmt: skip
    ends = extras.format(result)
    pointers = f"*{element} *{element} *{result} ({ends})"
    # Short tiles use the matrix instructions of a single warp, and float32 by multiply-adds uses none on
    # NVIDIA.
    full = config.m >= (64 if arch == "sm_90" else 128) or not arch.startswith(("sm_9", "sm_10"))
    matrix: bool | str = True
    if not arch.startswith("gfx"):
        matrix = "none" if family == "ieee" else (full and family != "fp64") or "warp"
    label = (
        f"{kind},{config.m}x{config.n}x{config.k},{config.warps}w{',specialize' if config.specialize else ''}"
    )
    label += ("" if across else ",b^T") + ("" if finishing is BIAS else f",{how}")
    counted = tiles("fp8" if family == "fp8" and not bits else "half" if family == "fp8" else family)
    case = partial(Case, label=label, num_warps=config.warps, num_stages=config.stages, matrix=matrix,
                   spills=config.spills, archs=(arch,),
                   work=counted if matrix != "none" and finishing in (BIAS, SCALES) else None)  # fmt: skip
    tail = "i32:16 i32=1 i32=1 i32=1"
    if config.persistent:
        b_tile = (config.k, config.n) if across else (config.n, config.k)
        boxes = ((element, config.m, config.k), (element, *b_tile), (result, config.m, config.n))
        sides, rows = " ".join(f"tensordesc<{kind}[{m},{n}]>" for kind, m, n in boxes), "None None None"
        on_host = described(config, arch)
        if not on_host:
            sides, rows = f"*{element} *{element} *{result}", "i32:16 i32:16 i32:16"
        return case(
            _gemm.persistent_gemm_kernel, f"{sides} ({ends}) i32:16 i32:16 i32:16 {rows} {tail} fp64 fp64",
            {**options, "A_ACROSS": False, "B_ACROSS": across, "SPECIALIZE": config.specialize,
             "DESCRIBED": on_host},
            specialize=config.specialize,
        )  # fmt: skip
    b = "i32:16 i32=1" if across else "i32=1 i32:16"
    batch = "(i32=1) (i32:16) (i32:16) (i32:16) (i32:16)"
    return case(
        _gemm.gemm_kernel,
        f"{pointers} {batch} i32:16 i32:16 i32:16 i32:16 i32:16 i32=1 {b} i32:16 i32=1 {tail} i32:16 fp64 fp64",
        {**options, "A_BITS": bits, "B_BITS": bits, "EVEN_K": True, "INT64": False},
    )  # fmt: skip


def COMPILE() -> list[Case]:
    """Every configuration, b as (k, n), for float8 as (n, k); half precision as both, and more epilogues."""
    cases = []
    for arch in ("sm_80", "sm_90", "sm_100", "gfx942"):
        for kind, configs in TABLE[arch].items():
            if kind.startswith("fp8"):
                cases += [_case(arch, kind, config, False, SCALES) for config in configs]
                continue
            cases += [_case(arch, kind, config) for config in configs]
            if kind == "half":
                cases += [_case(arch, kind, config, across=False) for config in configs]
                cases += [
                    _case(arch, kind, config, True, end)
                    for config in configs if config.m * config.n <= LEAN * config.warps for end in (MATRIX,
                    GELU)
                ]  # fmt: skip
        cases.append(_case(arch, "tf32", TABLE[arch]["tf32"][0], True, MATRIX))
    return cases + _others()


def _others() -> list[Case]:
    """The kernels without configurations."""
    batch, strides = "(i32=1) (i32:16) (i32:16) (i32:16) (i32:16)", "i32:16 i32=1 i32:16 i32=1 i32:16 i32=1"
    size = "i32:16 i32:16 i32:16"
    whole = {"BLOCK_M": 32, "BLOCK_N": 32, "ACC": tl.int64}
    sums = "*bf16 *fp32 ({}) (i32=1) (i32:16) (i32:16) i32:16 i32:16 i32 i32:16 i32=1 i32:16 i32=1 i32=1 i32=1 i32:16"
    parts = {"ACC": tl.float32, "BLOCK_M": 8, "BLOCK_N": 128, "INT64": False}
    return [
        Case(_gemm.gemm_loop_kernel, f"*i64 *i64 *i64 () {batch} {size} {strides} i32=1 i32=1 i64 i64",
             {**whole, "ADD": 0, "AFFINE": False}, label="i64"),
        Case(_gemm.gemm_loop_kernel, f"*i64 *i64 *i64 (*i64) {batch} {size} {strides} i32:16 i32=1 i64 i64",
             {**whole, "ADD": 2, "AFFINE": True}, label="i64,matrix"),
        *[Case(_gemm.sum_parts_kernel, f"{sums.format(extras.format('bf16'))} fp64 fp64", {**parts, **finish},
               label=f"bf16,{how}", wide="loads") for how, finish, extras in (BIAS, MATRIX, GELU, SCALES)],
    ]  # fmt: skip
