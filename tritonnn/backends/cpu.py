"""The processor."""

from __future__ import annotations

__all__ = ["get_cpu_capability"]


def get_cpu_capability() -> str:
    """The widest vector instructions that NumPy uses here: 'AVX512', 'AVX2', 'DEFAULT', or those of other processors.

    >>> import tritonnn as torch
    >>> isinstance(torch.backends.cpu.get_cpu_capability(), str)
    True
    """
    from numpy._core._multiarray_umath import __cpu_features__ as features

    wanted = {"AVX512": "AVX512F", "AVX2": "AVX2", "VSX": "VSX", "SVE256": "SVE", "ZVECTOR": "VX"}
    return next((name for name, feature in wanted.items() if features.get(feature)), "DEFAULT")
