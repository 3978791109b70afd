"""Whether results of tritonnn are those of PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch as reference

import tritonnn as torch

# Relative and absolute; the database's samples lie between -9 and 9.
TOLERANCES = {
    "float64": (1e-7, 1e-7), "complex128": (1e-7, 1e-7), "float32": (1e-4, 2e-5), "complex64": (1e-4, 2e-5),
    "bfloat16": (2e-2, 2e-2), "float16": (2e-3, 2e-3),
}  # fmt: skip


def flat(value: Any) -> list:
    """The tensors and plain values that a result is made of, in order."""
    if isinstance(value, (list, tuple)):
        return [item for part in value for item in flat(part)]
    if isinstance(value, dict):
        return [item for part in value.values() for item in flat(part)]
    return [value]


def array(value: Any) -> np.ndarray:
    """The numbers of a tensor of either library."""
    value = value.detach()
    if value.layout not in (reference.strided, torch.strided):
        value = value.to_dense()
    if isinstance(value, reference.Tensor):
        value = value.clone()  # of what has no memory too
    value = value.resolve_conj().resolve_neg()
    if value.dtype.is_floating_point and value.dtype.itemsize < 4:
        value = value.float()
    if value.dtype in (reference.complex32, torch.complex32):
        value = value.cfloat()
    return value.numpy()


def differs(got: Any, wanted: Any, values: bool = True) -> tuple[str, str] | None:
    """The kind of the first difference, and what it is; None where there is none.

    Args:
        values: False where they are drawn: then only shapes and dtypes are looked at.
    """
    got, wanted = flat(got), flat(wanted)
    if len(got) != len(wanted):
        return "value", f"{len(got)} results instead of {len(wanted)}"
    for i, (one, other) in enumerate(zip(got, wanted)):
        found = _differs(one, other, values)
        if found is not None:
            return found[0], f"result {i}: {found[1]}" if len(got) > 1 else found[1]
    return None


def _differs(got: Any, wanted: Any, values: bool) -> tuple[str, str] | None:
    if not isinstance(wanted, reference.Tensor):
        return _plain_differs(got, wanted, values)
    if not isinstance(got, torch.Tensor):
        return "value", f"{type(got).__name__} instead of a tensor"
    if str(got.dtype) != str(wanted.dtype):
        return "dtype", f"{got.dtype} instead of {wanted.dtype}"
    if tuple(got.shape) != tuple(wanted.shape):
        return "value", f"shape {tuple(got.shape)} instead of {tuple(wanted.shape)}"
    if not values:
        return None
    one, other = array(got), array(wanted)
    rtol, atol = TOLERANCES.get(str(wanted.dtype).removeprefix("torch."), (0, 0))
    if wanted.dtype.itemsize == 2 and wanted.dtype.is_floating_point:  # PyTorch rounds between its steps
        atol = max(atol, atol * float(np.max(np.abs(other), where=np.isfinite(other), initial=0)))
    right = np.isclose(one, other, rtol, atol, equal_nan=True)
    if right.all():
        return None
    place = tuple(int(i) for i in np.argwhere(~right)[0])
    return "value", f"{one[place]} instead of {other[place]} at {place} of {tuple(one.shape)}"


def _plain_differs(got: Any, wanted: Any, values: bool) -> tuple[str, str] | None:
    if isinstance(wanted, (reference.dtype, reference.device, reference.layout)):
        same = str(got) == str(wanted)
    elif isinstance(wanted, (bool, int, float, complex)):
        same = type(got) is type(wanted) and (not values or bool(np.isclose(got, wanted, 1e-5, 1e-6, True)))
    else:
        same = type(got).__name__ == type(wanted).__name__ and (wanted is None or str(got) == str(wanted))
    return None if same else ("value", f"{got!r} instead of {wanted!r}")
