"""Doubles of nvmath.bindings.cufft, cusolverDn and cublas that compute with NumPy on the simulated device's memory.

Each function has the C signature that the binding's docstring states (test_nvidia_bindings.py compares them), looks at
the type of every argument and at the bounds of all memory, and does what NVIDIA's documentation says: matrices by
columns with leading dimensions, factors in place, exchanges of rows from 1, codes in device memory. What a library may
write over is written over with NaN.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from fake_nvmath import cublas, cufft, cusolverDn
from fake_nvmath._binding import LibraryError


def bindings() -> Any:
    """In the place of what `tritonnn.kernels.libraries._loading` loads."""
    return SimpleNamespace(cufft=cufft, cusolverDn=cusolverDn, cublas=cublas, errors=(LibraryError,))
