"""NumPy arrays as the buffers that kernels take; the simulated device reads and writes them in place."""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn.buffer import Buffer
from tritonnn.device import device
from tritonnn.dtypes import from_numpy_dtype


def buffer(array: np.ndarray) -> Buffer:
    """A Buffer over the array's own memory, with its strides."""
    strides = tuple(s // array.itemsize for s in array.strides)
    return Buffer(
        array.ctypes.data, array.shape, strides, from_numpy_dtype(array.dtype), device("cuda", 0), array
    )


def run(function: Any, out: np.ndarray, *args: Any, **options: Any) -> np.ndarray:
    """Fill `out` with rubbish, call `function(out, *args)` with arrays as buffers, and return it."""
    out[...] = np.nan if out.dtype.kind in "fc" else 77  # what is not written shows
    arrays = [np.asarray(a) if isinstance(a, np.generic) else a for a in args]
    function(buffer(out), *[buffer(a) if isinstance(a, np.ndarray) else a for a in arrays], **options)
    return out


def strided(array: np.ndarray) -> np.ndarray:
    """The same values with gaps between them, in reversed order of dimensions."""
    array = np.asarray(array)
    gaps = np.zeros(tuple(2 * n + 1 for n in reversed(array.shape)), array.dtype)
    view = gaps.T[(*[slice(1, 2 * n + 1, 2) for n in array.shape], ...)]
    view[...] = array
    return view
