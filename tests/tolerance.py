"""How far a result may be from the exact one: twice the error that its precision has of its own.

The exact result is the float64 one of the same rounded inputs. The precision's own error at an element is the
largest of

- the distance of neighbouring numbers of the dtype there (`spacing`),
- what the float64 result changes by when every input is moved by one rounding of the dtype (`moved`): sums of
  terms that cancel lose that much in whatever order they are added,
- the error of another computation in the same precision, where there is one: PyTorch's, or the NumPy twin's.

All of it elementwise: an error of a small element does not hide behind a large one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ml_dtypes
import numpy as np

ALLOWED = 2  # times the own error


def spacing(exact: np.ndarray, dtype: Any) -> np.ndarray:
    """The distance of neighbouring numbers of `dtype` at each element of `exact`."""
    info = ml_dtypes.finfo(real(dtype))
    magnitude = np.abs(np.where(np.isfinite(exact), exact, 1.0))
    normal = np.maximum(magnitude, float(info.tiny))
    return np.exp2(np.floor(np.log2(normal))) * float(info.eps)


def real(dtype: Any) -> Any:
    """The NumPy dtype of the parts of a number."""
    return {"complex64": np.float32, "complex128": np.float64}.get(str(np.dtype(dtype)), dtype)


def moved(values: np.ndarray, dtype: Any, seed: int) -> np.ndarray:
    """The values, each one rounding of `dtype` up or down."""
    half = float(ml_dtypes.finfo(real(dtype)).eps) / 2
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], np.shape(values))
    with np.errstate(invalid="ignore", over="ignore"):
        return np.asarray(values * (1 + half * signs))


def own_error(exact: np.ndarray, others: Sequence[np.ndarray], dtype: Any, size: np.ndarray | None = None) -> np.ndarray:
    """The precision's own error at each element; `others` are results of moved inputs or of the same precision."""
    error = spacing(exact if size is None else size, dtype)
    with np.errstate(invalid="ignore", over="ignore"):
        for other in others:
            difference = np.abs(np.asarray(other) - exact)
            error = np.maximum(error, np.where(np.isfinite(difference), difference, 0.0))
    return error


def first_beyond(got: np.ndarray, exact: np.ndarray, error: np.ndarray, factor: float = ALLOWED) -> str:
    """Which finite element is off by more than `factor` times its own error, in words; empty if none is."""
    with np.errstate(invalid="ignore", over="ignore"):
        off = np.abs(got - exact)
        beyond = np.isfinite(off) & (off > factor * error)
    if not beyond.any():
        return ""
    place = tuple(int(i) for i in np.unravel_index(np.argmax(np.where(beyond, off / error, 0)), off.shape))
    return f"{got[place]} at {place}, exactly {exact[place]}: off by {off[place] / error[place]:.1f} own errors"
