"""The pointwise kernel in the compile check: every walk, and helpers for the families of scalar functions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import triton
from triton import language as tl

from tritonnn.kernels.check.case import Case
from tritonnn.kernels.device.pointwise import pointwise_kernel
from tritonnn.kernels.tables.pointwise import FLAT, LINEAR, TILE, Geometry, choose_walk, flat_block


def case(
    function: Any, kind: str = "fp32", walk: str = "flat", operands: int | None = None, numbers: int = 0,
    compute: Any = None, out: str = "", tile: tuple[int, int, int] | None = None, **promises: Any,
) -> Case:  # fmt: skip
    """A scalar function in the pointwise kernel, for the compile check.

    Args:
        function: the scalar function.
        kind: type of its tensor operands, in Triton's words.
        walk: 'flat', 'odd' (a size that is no multiple of 16), 'bias' (rows), 'transpose' or 'linear'.
        operands: how many it takes; by default all its parameters.
        numbers: how many of them, at the end, are Python numbers.
        compute: the Triton type it computes in; by default float32 or `kind`.
        out: type of the result; by default `kind`.
        tile: rows, columns and warps of 'bias' and 'transpose' where they are not the usual ones.
    """
    operands = len(function.arg_names) if operands is None else operands
    tensors = operands - numbers
    flat = walk in ("flat", "odd")
    size = "i32" if walk == "odd" else "i32:16"
    row = "(i32=1)" if flat else "(i32:16 i32=1)"
    side = {"bias": "(i32 i32=1)", "transpose": "(i32=1 i32:16)"}.get(walk, row)
    shape = f"({size})" if flat else "(i32:16 i32:16)"
    strides = " ".join([row] * (tensors - 1) + [side] * min(1, tensors))
    along = [1 if flat else 3] * tensors
    if walk == "bias":
        along[-1] = 2
    mode, block = (FLAT, flat_block(_WIDTH[kind])) if flat else (LINEAR, 1024)
    rows, warps = 1, 4
    if walk in ("bias", "transpose"):
        mode, (rows, block, warps) = TILE, tile or ((4, 256, 4) if walk == "bias" else (64, 64, 8))
    return Case(
        pointwise_kernel,
        f"*{out or kind} ({' '.join([f'*{kind}'] * tensors)}) {shape} {row} ({strides}) {size} i64 i64 i64 i64",
        {
            "FN": function, "ORDER": (*range(tensors), *(-1 - k for k in range(numbers))), "MODE": mode,
            "ALONG": tuple(along), "COMPUTE": compute or _COMPUTE_BY_NAME[kind], "BLOCK_M": rows,
            "BLOCK_N": block, "INT64": False, "RAGGED": walk == "odd",
        },
        label=f"{function.__name__},{kind},{walk}{',' + out if out else ''}{f',{rows}x{block}' if tile else ''}",
        num_warps=warps, **promises,
    )  # fmt: skip


_COMPUTE_BY_NAME = {
    "fp32": tl.float32, "fp16": tl.float32, "bf16": tl.float32, "fp64": tl.float64, "i1": tl.int8, "u8": tl.uint8,
    "i8": tl.int8, "i16": tl.int16, "i32": tl.int32, "i64": tl.int64,
}  # fmt: skip
_WIDTH = {"fp64": 8, "i64": 8, "fp32": 4, "i32": 4, "fp16": 2, "bf16": 2, "i16": 2, "i1": 1, "u8": 1, "i8": 1,
          "fp8e4nv": 1, "fp8e5": 1}  # fmt: skip


def scalar_cases(
    module: Any, integers: Sequence[str] = (), spills: dict[str, int] | None = None, public: bool = False
) -> list[Case]:
    """Every scalar function of a module on float32, or int32 for those named in `integers`.

    Args:
        spills: bytes of local memory to accept, by name.
        public: only of functions that ops are, not of their parts.
    """
    accepted = spills or {}
    unread = "_one"  # the only function that does not look at its operand
    return [
        case(
            function,
            "i32" if name in integers else "fp32",
            spills=accepted.get(name, 0),
            wide="stores" if name == unread else "both",
        )
        for name, function in vars(module).items()
        if isinstance(function, triton.JITFunction) and not (public and name.startswith("_"))
    ]


def COMPILE() -> list[Case]:
    """Every walk of the identity with the accesses it must compile to; `elementwise.py` has those of a product."""
    from tritonnn.kernels.device.math import either, identity

    cases = [case(identity, kind, wide="both") for kind in ("u8", "i16", "i32", "i64")]
    cases += [case(identity, kind, "transpose", wide="both") for kind in ("i16", "i32")]
    cases += [case(identity, a, out=b, wide="both") for a, b in (("fp32", "bf16"), ("bf16", "fp32"))]
    # a bool is a byte: the 16 bytes are those of the operand
    cases += [case(identity, "fp32", out="i1", wide="loads"), case(identity, "i64", out="fp16", wide="both")]
    cases.append(case(identity, "fp32", "flat", operands=1, numbers=1, wide="stores"))
    cases += [case(either, kind, "linear", out="i1") for kind in ("fp32", "fp64")]
    return cases + _tiles() + _float8_cases()


def _tiles() -> list[Case]:
    """A copy by every tile that `choose_walk` has for rows and for transpositions."""
    from tritonnn.kernels.device.math import identity

    cases = []
    for kind in ("fp32", "i16"):
        tiles: dict[tuple[str, tuple[int, int, int]], None] = {}
        for rows, columns in product([1 << k for k in range(12)], repeat=2):
            for walk, strides in (("bias", (columns * 2, 1)), ("transpose", (1, rows))):
                geometry = Geometry((rows, columns), ((columns * 2, 1), strides))
                way = choose_walk(geometry, _WIDTH[kind])[1]
                if way.mode == TILE and (kind == "fp32" or walk == "bias"):
                    tiles[walk, (way.block_m, way.block_n, way.warps)] = None
        cases += [case(identity, kind, walk, tile=tile) for walk, tile in tiles]
    return cases


def _float8_cases() -> list[Case]:
    """Conversions of float8: by instructions where there are some, by integers everywhere."""
    from tritonnn.kernels.device import float8 as _float8
    from tritonnn.kernels.device.math import identity

    native = ("sm_90", "sm_100")
    cases = []
    for kind in ("fp8e4nv", "fp8e5"):
        cases += [case(identity, width, out=kind, wide="loads", archs=native) for width in ("fp32", "bf16")]
        cases.append(case(identity, kind, compute=tl.float32, out="bf16", wide="both", archs=native))
    cases += [case(function, "fp32", out="u8", wide="loads") for function in _float8.ENCODERS.values()]
    cases += [case(function, "u8", out="bf16", wide="both") for function in _float8.DECODERS.values()]
    return cases
