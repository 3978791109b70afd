"""Refusing indices that are out of bounds, with the text the CPU gives."""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn import config, dtypes
from tritonnn.buffer import Buffer
from tritonnn.errors import explained
from tritonnn.kernels.check.case import Case
from tritonnn.kernels.device.strided import fill, merged, offset_of, positions, read
from tritonnn.kernels.launch.launch import INTERPRET, empty, launch, needs_int64

BLOCK = 512


@triton.jit
def bounds_kernel(flag, index, n, low, size, shape, strides, BLOCK: tl.constexpr, INT64: tl.constexpr):
    """flag = the smallest position whose index is outside [low, size)."""
    i = positions(BLOCK, INT64)
    mask = i < n
    j = tl.load(index + offset_of(i, shape, strides), mask=mask, other=0).to(tl.int64)
    wrong = mask & ((j < low) | (j >= size))
    # a minimum, unlike a sum, does not depend on the order of atomics: the first wrong index is named
    # (i * 0 makes a pointer for every lane of the one flag)
    tl.atomic_min(flag + i * 0, i.to(tl.int64), mask=wrong)


def check_bounds(
    op: str, index: Buffer, dim: int, size: int, kind: type[Exception], *, wrap: bool = False
) -> None:
    """Raise `kind` naming the first index outside [0, size), or outside [-size, size) with `wrap`.

    Waits for the device, so it is done as `index_errors.py` says; while a graph is captured nothing can be
    read back. Where nothing is checked, kernels read NaN or 0 there and write nothing.
    """
    if not (INTERPRET or config.CHECK_INDICES):
        return
    from tritonnn.runtime.interface import runtime

    n = index.numel
    if not n or runtime().is_capturing():
        return
    # every byte 0x7F: an int64 beyond all positions, so that a minimum replaces it
    flag = fill(empty((1,), dtypes.int64, index), 0x7F)
    shape, strides = merged(index.shape, index.strides)
    launch(
        bounds_kernel, (-(-n // BLOCK),), flag, index, n, -size if wrap else 0, size, shape, strides,
        BLOCK=BLOCK, INT64=needs_int64(index),
    )  # fmt: skip
    position = int(read(flag)[0])
    if position < n:
        offset = 0
        for extent, stride in zip(reversed(index.shape), reversed(index.strides), strict=True):
            offset += position % extent * stride
            position //= extent
        bad = read(index.as_strided((1,), (1,), offset))[0]
        raise explained(kind)(f"{op}: index {bad} is out of bounds for dimension {dim} with size {size}")


COMPILE = [
    Case(bounds_kernel, "*i64 *i64 i32 i32 i32 (i32) (i32=1)", {"BLOCK": BLOCK, "INT64": False}),
]
