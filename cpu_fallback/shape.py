"""Moving elements: strided copies with cast, and writing into a slice."""

from __future__ import annotations

import ml_dtypes
import numpy as np

E4M3 = np.dtype(ml_dtypes.float8_e4m3fn)


def copy(out: np.ndarray, input: np.ndarray) -> None:
    """out = input, broadcast and cast: floats truncate to integers, complex numbers drop the imaginary part, though
    not for bool."""
    if input.dtype.kind == "c" and out.dtype.kind not in "bc":
        input = input.real
    # this type has no infinity: what is too large becomes the largest
    if out.itemsize == 1 and out.dtype == E4M3 and input.dtype != E4M3:
        input = np.clip(input.astype(np.float32), -448, 448)
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
