"""The negative of numbers."""

from __future__ import annotations

import numpy as np

from tritonnn.cpu_fallback.common.pointwise import Array


def neg(out: Array, input: Array) -> None:
    """-x, also where both have steps, some of which (16 bytes of float32) `np.negative` of NumPy 2.4 takes wrong."""
    if out.flags.c_contiguous:
        np.negative(input, out=out)
    else:
        out[...] = np.negative(input)
