"""The largest, the smallest and the next numbers of NumPy's types, found out once for each."""

from __future__ import annotations

import math
from functools import cache

import ml_dtypes
import numpy as np

__all__ = ["of_floats", "of_integers"]


@cache
def of_floats(kind: np.dtype) -> dict[str, float]:
    """What `finfo` tells of a type.

    >>> of_floats(np.dtype(np.float16))["max"]
    65504.0
    """
    info = ml_dtypes.finfo(kind)
    limits = {name: float(getattr(info, name)) for name in ("eps", "max", "min", "tiny")}
    if kind == ml_dtypes.float8_e5m2fnuz:
        limits["eps"] = 0.125  # what PyTorch gives, though the next number after 1 is 1.25
    limits["smallest_normal"] = limits["tiny"]
    limits["resolution"] = float(f"1e-{int(info.nmant * math.log10(2))}")
    return limits


@cache
def of_integers(kind: np.dtype) -> dict[str, int]:
    """What `iinfo` tells of a type.

    >>> of_integers(np.dtype(np.int8))
    {'max': 127, 'min': -128}
    """
    info = np.iinfo(kind)
    return {"max": int(info.max), "min": int(info.min)}
