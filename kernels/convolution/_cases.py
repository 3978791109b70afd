"""What the compile check compiles of convolution: every tile in use, for every element size."""

from __future__ import annotations

from triton import language as tl

from tritonnn.kernels.check.case import Case
from tritonnn.kernels.convolution import fold as _fold
from tritonnn.kernels.convolution._forward_cases import forward_cases
from tritonnn.kernels.convolution._weight_cases import weight_cases

_TYPES = {"bf16": tl.float32, "fp32": tl.float32, "fp64": tl.float64}
_GEOMETRY = "(i32 i32 i32)"


def cases() -> list[Case]:
    """One binary for every tile of the tables, and one of the other kernels for every element type."""
    entries = [*forward_cases(), *weight_cases()]
    for kind, compute in _TYPES.items():
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
