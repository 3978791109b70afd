"""Making tensors of numbers that are counted or evenly spaced."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tritonnn import dispatch, dtypes
from tritonnn._tensor import Tensor
from tritonnn.device import device as Device
from tritonnn.device import resolve
from tritonnn.dtypes import dtype as DType
from tritonnn.ops._table import NUMERIC, Out, primitive
from tritonnn.ops.creation.creation import _copy_out, _finish, _public


@primitive(dtypes=NUMERIC)
def arange_fill(start: Any, step: Any, count: int, dtype: DType, device: Device) -> Out:
    """start + i * step for i < count."""
    dispatch.check_float8(arange_fill.op, dtype)
    return Out((count,), dtype, device)


@_public
def arange(
    start: Any, end: Any = None, step: Any = 1, *, out: Tensor | None = None, dtype: DType | None = None,
    layout: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """start, start + step, ... below `end`; integers where all three are.

    >>> import tritonnn as torch
    >>> torch.arange(1, 7, 2)
    tensor([1, 3, 5])
    """
    if end is None:
        start, end = 0, start
    start, end, step = (v.item() if isinstance(v, (Tensor, np.generic)) else v for v in (start, end, step))
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if not (math.isfinite(start) and math.isfinite(end)):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if (end - start) * step < 0:
        raise RuntimeError(
            f"upper bound and lower bound inconsistent with step sign: {start} to {end} by {step}"
        )
    whole = all(isinstance(v, int) for v in (start, end, step))
    if whole:
        count = max(0, -(-(end - start) // step))
    else:
        count = max(0, math.ceil((end - start) / step))
    dtype = dtype or (out.dtype if out is not None else dtypes.int64 if whole else dtypes.get_default_dtype())
    made = dispatch.call(
        arange_fill.op, (start, step, count, dtype, out.device if out is not None else resolve(device))
    )
    return _finish(_copy_out(out, made), requires_grad, pin_memory, layout)


@primitive(dtypes=NUMERIC)
def linspace_fill(start: Any, end: Any, steps: int, base: float | None, dtype: DType, device: Device) -> Out:
    """`steps` numbers from start to end, evenly spaced; as exponents of `base` where it is given."""
    dispatch.check_float8(linspace_fill.op, dtype)
    return Out((steps,), dtype, device)


def _spaced(
    start: Any, end: Any, steps: int, base: float | None, out: Any, dtype: Any, device: Any
) -> Tensor:
    start, end = (v.item() if isinstance(v, Tensor) else v for v in (start, end))
    if not isinstance(steps, int):
        steps = int(steps)
    if steps < 0:
        raise RuntimeError(f"number of steps must be non-negative, got {steps}")
    dtype = dtype or (out.dtype if out is not None else dtypes.get_default_dtype())
    made = dispatch.call(
        linspace_fill.op, (start, end, steps, base, dtype, out.device if out is not None else resolve(device))
    )
    return _copy_out(out, made)


@_public
def linspace(
    start: Any, end: Any, steps: int = 100, *, out: Tensor | None = None, dtype: DType | None = None,
    layout: Any = None, device: Any = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """`steps` numbers from start to end, both included.

    >>> import tritonnn as torch
    >>> torch.linspace(0, 1, 5)
    tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
    """
    return _finish(_spaced(start, end, steps, None, out, dtype, device), requires_grad, layout=layout)


@_public
def logspace(
    start: Any, end: Any, steps: int = 100, base: float = 10.0, *, out: Tensor | None = None,
    dtype: DType | None = None, layout: Any = None, device: Any = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """`steps` numbers from base**start to base**end, evenly spaced in the exponent."""
    return _finish(_spaced(start, end, steps, base, out, dtype, device), requires_grad, layout=layout)
