"""Moving elements: strided copies with cast, and writing into a slice."""

from __future__ import annotations

import numpy as np

from tritonnn.cpu_fallback.common.narrow import FLOAT8, from_float8, pairs, to_float8, to_pairs
from tritonnn.dtypes import pairs_as_complex


def copy(out: np.ndarray, input: np.ndarray) -> None:
    """out = input, broadcast and cast: floats truncate to integers, complex numbers drop the imaginary part, though
    not for bool."""
    if out.dtype is not input.dtype and out.dtype != input.dtype:
        input = from_float8(input, out.dtype)
        if pairs(out.dtype):
            return to_pairs(input, out)
        if pairs(input.dtype):
            input = pairs_as_complex(input)
        if input.dtype.kind == "c" and out.dtype.kind not in "bc":
            input = input.real
        if out.itemsize == 1 and out.dtype in FLOAT8:
            input = to_float8(input, out.dtype)
    np.copyto(out, input, casting="unsafe")


def slice_backward(
    out: np.ndarray, grad: np.ndarray, input_shape: tuple, dim: int, start: int, length: int, step: int
) -> None:
    """Zeros with `grad` written into `length` elements of `dim` from `start`, every `step`-th."""
    out.fill(0)
    where = [slice(None)] * out.ndim
    where[dim] = slice(start, start + length * step, step) if length else slice(0, 0)
    target = out[tuple(where)]
    np.copyto(target[(slice(None),) * dim + (slice(0, length),)], grad)
