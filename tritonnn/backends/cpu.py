"""The processor."""

from __future__ import annotations

__all__ = ["get_cpu_capability"]


def get_cpu_capability() -> str:
    """The widest vector instructions that NumPy uses here: 'AVX512', 'AVX2', 'DEFAULT', or those of other processors.

    >>> import tritonnn as torch
    >>> isinstance(torch.backends.cpu.get_cpu_capability(), str)
    True
    """
    import numpy

    features = vars(vars(numpy._core)["_multiarray_umath"])["__cpu_features__"]  # type: ignore[attr-defined]

    wanted = {"AVX512": "AVX512F", "AVX2": "AVX2", "VSX": "VSX", "SVE256": "SVE", "ZVECTOR": "VX"}
    return next((name for name, feature in wanted.items() if features.get(feature)), "DEFAULT")
