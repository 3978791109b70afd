"""NumPy implementations, one file per op family; imported as `tritonnn.cpu_fallback`.

An op named `foo` of family `fam` runs the function `foo` of `cpu_fallback/fam.py`; it is also the
reference that the Triton kernel of the same name is tested against. Outputs come first (preallocated), then
all arguments of the op's schema; tensors arrive as ndarrays of any strides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tritonnn._families import OWN, find, place
from tritonnn.cpu_fallback.common.narrow import pairs
from tritonnn.dtypes import pairs_as_complex


def implementation(family: str, name: str, package: str = OWN) -> Callable[..., Any]:
    """The function that runs op `name` of `family` on the CPU; of another package that in its own `cpu_fallback`.

    Raises:
        NotImplementedError: there is none; the message names the file and the function to add.
    """
    backend = f"{package}.cpu_fallback"
    function = find(backend, family, name)
    if function is None:
        raise NotImplementedError(f"{name} has no CPU implementation: add {name} to {place(backend, family)}")
    return function


def cast(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """The values in another type: floats truncate to integers, complex numbers drop their imaginary part."""
    if pairs(array.dtype):
        array = pairs_as_complex(array)
    if array.dtype.kind == "c" and dtype.kind != "c":
        array = array.real
    return array.astype(dtype)
