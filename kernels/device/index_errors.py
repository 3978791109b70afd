"""Indices out of range: found by the kernel that uses them, raised where it was launched.

Raising means waiting for the device, so it is done on the simulated device, and on a GPU where
TRITONNN_CHECK_INDICES asks for it; elsewhere kernels make NaN of what such an index would have read.
"""

from __future__ import annotations

from typing import Any

import triton
from triton import language as tl

from tritonnn import config, dtypes
from tritonnn.buffer import Buffer
from tritonnn.kernels.device.strided import fill, read
from tritonnn.kernels.launch.launch import INTERPRET, empty


def watch(like: Buffer) -> Buffer | None:
    """A place for the first wrong position, or None where nobody will look."""
    if not (INTERPRET or config.CHECK_INDICES):
        return None
    from tritonnn.runtime.interface import runtime

    if runtime().is_capturing():
        return None
    # every byte 0x7F: an int64 beyond all positions, so that a minimum replaces it
    return fill(empty((1,), dtypes.int64, like), 0x7F)


@triton.jit
def report(flag, position, wrong):
    """Note the positions where `wrong` is true."""
    if flag is not None:
        # a minimum does not depend on the order of atomics: the error names the first position
        tl.atomic_min(flag + position * 0, position.to(tl.int64), mask=wrong)


def wrong(flag: Buffer | None, index: Buffer) -> tuple[int, Any] | None:
    """The first wrong row-major position and the value of `index` there."""
    if flag is None:
        return None
    position = int(read(flag)[0])
    if position >= index.numel:
        return None
    offset, rest = 0, position
    for extent, stride in zip(reversed(index.shape), reversed(index.strides), strict=True):
        offset += rest % extent * stride
        rest //= extent
    return position, read(index.as_strided((1,), (1,), offset))[0].item()
