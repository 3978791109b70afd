"""How far a result may be from the exact one: twice the error that its precision has of its own.

The exact result is the float64 one of the same rounded inputs. The precision's own error at an element is the
largest of

- the distance of neighbouring numbers of the dtype there (`spacing`),
- what the float64 result changes by when every input is moved by one rounding of the dtype (`moved`), two standard
  deviations of it over random moves: sums whose terms cancel lose that much in whatever order they are added,
- the error of another computation in the same precision, where there is one: PyTorch's, or the NumPy twin's,
- where elements are sums, the root mean square of either over the result, for an element may have been lucky.

An error of a small element does not hide behind a large one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import ml_dtypes
import numpy as np

ALLOWED = 2  # times the own error


def spacing(exact: np.ndarray, dtype: Any) -> np.ndarray:
    """The distance of neighbouring numbers of `dtype` at each element of `exact`."""
    info = ml_dtypes.finfo(real(dtype))
    magnitude = np.abs(np.where(np.isfinite(exact), exact, 1.0))
    normal = np.maximum(magnitude, float(info.tiny))
    return np.ldexp(float(info.eps), np.frexp(normal)[1] - 1)


def real(dtype: Any) -> Any:
    """The NumPy dtype of the parts of a number."""
    return {"complex64": np.float32, "complex128": np.float64}.get(str(np.dtype(dtype)), dtype)


def moved(values: np.ndarray, dtype: Any, seed: Any) -> np.ndarray:
    """The values, each one rounding of `dtype` up or down; a whole step in float64, which has no half one."""
    info = ml_dtypes.finfo(real(dtype))
    half = float(info.eps) / (1 if info.bits == 64 else 2)
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], np.shape(values))
    with np.errstate(invalid="ignore", over="ignore"):
        return np.asarray(values * (1 + half * signs))


def parts(values: np.ndarray) -> np.ndarray:
    """Complex numbers as pairs, fractions in float64."""
    if values.dtype.kind == "c":
        values = np.stack([values.real, values.imag], -1)
    return values.astype(np.float64) if values.dtype.kind == "f" else values


def sizes(values: np.ndarray) -> np.ndarray:
    """What each part's error is measured against: the number's magnitude."""
    return np.abs(np.stack([values, values], -1) if values.dtype.kind == "c" else values)


def own_error(
    exact: np.ndarray, moves: Sequence[np.ndarray], others: Sequence[np.ndarray], dtype: Any, size: Any = None
) -> np.ndarray:
    """The precision's own error at each element.

    Args:
        exact: the float64 result.
        moves: results of moved inputs.
        others: results of other computations in the same precision.
        dtype: of the result.
        size: the magnitude that one rounding is a part of, where it is not that of `exact`.
    """
    error = spacing(exact if size is None else size, dtype)
    with np.errstate(invalid="ignore", over="ignore"):
        errors = [_finite(np.abs(other - exact)) for other in others]
        if moves:
            squares = np.mean([_finite((m - exact) ** 2) for m in moves], axis=0)
            errors.append(2 * np.sqrt(squares))
            errors += [np.sqrt(np.mean(f * f)) if f.size else f for f in (np.sqrt(squares), *errors[:-1])]
    return reduce(np.maximum, errors, error)


def _finite(differences: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(differences), differences, 0.0)


def first_beyond(got: np.ndarray, exact: np.ndarray, error: np.ndarray, factor: float = ALLOWED) -> str:
    """Which finite element is off by more than `factor` times its own error, in words; empty if none is."""
    with np.errstate(invalid="ignore", over="ignore"):
        off = np.abs(got - exact)
        beyond = np.isfinite(off) & (off > factor * error)
        if not beyond.any():
            return ""
        times = np.where(beyond, off / error, 0)
    place = tuple(int(i) for i in np.unravel_index(np.argmax(times), off.shape))
    return f"{got[place]} at {place}, exactly {exact[place]}: off by {times[place]:.1f} own errors"
