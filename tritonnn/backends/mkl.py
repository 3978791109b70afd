"""Intel's MKL, which NumPy may have been built with but tritonnn does not call itself."""

from __future__ import annotations


def is_available() -> bool:
    """False: matrix products on the CPU go through the BLAS that NumPy was built with."""
    return False
