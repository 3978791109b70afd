"""Making tensors of numbers that are counted or evenly spaced."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tritonnn import dispatch, dtypes
from tritonnn._tensor import Tensor
from tritonnn.device import DeviceLike, resolve
from tritonnn.device import device as Device
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import fail
from tritonnn.memory_format import layout as Layout
from tritonnn.ops._table import NUMERIC, Bad, Out, Sample, composite, primitive
from tritonnn.ops.creation._outputs import agreed, counted_into
from tritonnn.ops.creation.creation import _finish
from tritonnn.table import Make
from tritonnn.table.types import Number


@primitive(dtypes=NUMERIC)
def arange_fill(start: Any, step: Any, count: int, dtype: DType, device: Device) -> Out:
    """start + i * step for i < count."""
    dispatch.check_float8(arange_fill.op, dtype)
    return Out((count,), dtype, device)


def _as_type(numbers: Any, dtype: DType) -> Any:
    """Of a definition: rounded towards 0 where the dtype is whole."""
    return np.trunc(numbers) if dtype.kind < 2 else numbers


def _counted(start: Any, end: Any, step: Any) -> Any:
    """The definition of arange."""
    start, end = (0, start) if end is None else (start, end)
    values: list[float] = []
    while (start + len(values) * step - end) * step < 0:
        values.append(start + len(values) * step)
    return np.array(values, float)


@composite(
    api="torch", dtypes=NUMERIC, reference=_counted,
    samples=lambda make: [
        Sample(*bounds, dtype=make.dtype, device=make.device)
        for bounds in ((5,), (1, 7), (1, 8, 3), (8, 1, -3), (3, 3), (0, 2, 0.5))[: 5 + (make.dtype.kind > 1)]
    ],
    errors=lambda make: [
        Bad(5, 1, match="inconsistent with step sign"), Bad(0, 1, 0, match="step must be nonzero"),
        Bad(float("inf"), match="unsupported range"), Bad(1j, match="expected real numbers"),
        Bad(5, dtype=dtypes.bool_, error=NotImplementedError, match="not implemented for bool"),
        Bad(5, dtype=dtypes.complex64, error=NotImplementedError, match="not implemented for complex64"),
    ],
)  # fmt: skip
def arange(
    start: Number | None = None, end: Number | None = None, step: Number = 1, *, out: Tensor | None = None,
    dtype: DType | None = None, layout: Layout | None = None, device: DeviceLike | None = None,
    requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """start, start + step, ... below `end`; integers where all three are.

    >>> import tritonnn as torch
    >>> torch.arange(1, 7, 2)
    tensor([1, 3, 5])
    """
    if start is None and end is None:
        raise TypeError("arange() missing required argument 'end'")
    for value in (start, end, step):
        if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
            raise fail("arange", f"int too big to convert: {value}", kind=OverflowError)
    if start is None or end is None:
        start, end = 0, start if end is None else end
    assert start is not None and end is not None
    if isinstance(start, complex) or isinstance(end, complex) or isinstance(step, complex):
        raise fail("arange", f"expected real numbers, but got {start}, {end} and {step}")
    if dtype is not None and dtype not in NUMERIC and dtype not in dtypes.FLOAT8:
        raise fail("arange", f"not implemented for {dtype.name}", kind=NotImplementedError)
    agreed("arange", out, dtype)
    kind = dtype if dtype is not None or out is None else out.dtype
    if kind is dtypes.int64 and all(math.isfinite(v) for v in (start, end, step)):
        whole_step = int(step)
        if step and not whole_step:
            raise fail("arange", f"step must be nonzero, got {step} for {kind.name}", kind=ValueError)
        start, end, step = int(start), int(end), whole_step  # counted in the type itself
    if step == 0 or step != step:
        raise fail("arange", f"step must be nonzero, got {step}")
    if not (math.isfinite(start) and math.isfinite(end)):
        raise fail("arange", f"unsupported range: {start} -> {end}")
    if (end - start) * step < 0:
        bounds = f"{start} to {end} by {step}"
        raise fail("arange", f"upper bound and lower bound inconsistent with step sign: {bounds}")
    whole = all(isinstance(v, int) for v in (start, end, step))
    if whole:
        count = max(0, -(-(end - start) // step))
    else:
        count = max(0, math.ceil((end - start) / step))
    if kind is not None and kind.kind == 1:  # counted as given, and then whole
        start, step = int(start), int(step)
    dtype = dtype or (out.dtype if out is not None else dtypes.int64 if whole else dtypes.get_default_dtype())
    values = dispatch.call(
        arange_fill.op, (start, step, count, dtype, out.device if out is not None else resolve(device))
    )
    return _finish(counted_into(out, values), requires_grad, pin_memory, layout)


@primitive(dtypes=NUMERIC)
def linspace_fill(start: Any, end: Any, steps: int, base: float | None, dtype: DType, device: Device) -> Out:
    """`steps` numbers from start to end, evenly spaced; as exponents of `base` where it is given."""
    dispatch.check_limited(linspace_fill.op, dtype)
    return Out((steps,), dtype, device)


def _spaced(
    start: Any, end: Any, steps: int, base: float | None, out: Any, dtype: DType | None,
    device: DeviceLike | None,
) -> Tensor:  # fmt: skip
    op = "linspace" if base is None else "logspace"
    for name, value in (("start", start), ("end", end)):
        if isinstance(value, Tensor) and value.shape:
            text = (
                f"only supports 0-dimensional start and end tensors, but got {name} with {len(value.shape)}"
            )
            raise fail(op, f"{text} dimension(s)", **dict[str, Any]({name: value}))
    start, end = (v.item() if isinstance(v, Tensor) else v for v in (start, end))
    for value in (start, end):
        if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
            raise fail(op, f"int too big to convert: {value}", kind=OverflowError)
    agreed(op, out, dtype)
    if steps < 0:
        raise fail(op, f"number of steps must be non-negative, got {steps}")
    if isinstance(start, complex) or isinstance(end, complex):
        return counted_into(out, _spaced_complex(start, end, steps, base, dtype, device))
    if dtype is dtypes.bool_:
        raise fail(op, "not implemented for bool", kind=NotImplementedError)
    dtype = dtype or (out.dtype if out is not None else dtypes.get_default_dtype())
    if dtype.kind == 1 and math.isfinite(start) and math.isfinite(end):
        start, end = int(start), int(end)  # the ends are of the type; the steps between them are not
    values = dispatch.call(
        linspace_fill.op, (start, end, steps, base, dtype, out.device if out is not None else resolve(device))
    )
    return counted_into(out, values)


def _spaced_complex(
    start: complex,
    end: complex,
    steps: int,
    base: float | None,
    dtype: DType | None,
    device: DeviceLike | None,
) -> Tensor:
    """Real and imaginary parts evenly spaced."""
    from tritonnn.ops.elementwise.derived import complex as joined

    if dtype is not None and not dtype.is_complex:
        name = "logspace" if base else "linspace"
        raise fail(name, f"inferred dtype complex64 can't be safely cast to passed dtype {dtype.name}")
    part = dtype.to_real() if dtype is not None else dtypes.get_default_dtype()
    ends = [(complex(v).real, complex(v).imag) for v in (start, end)]
    real, imag = (
        _spaced(low, high, steps, None, None, part, device) for low, high in zip(*ends, strict=True)
    )
    values = joined(real, imag)
    return values if base is None else base**values


def _spaced_samples(make: Make) -> list[Sample]:
    at = {"dtype": make.dtype, "device": make.device}
    return [Sample(start, end, n, **at) for start, end, n in ((0, 10, 6), (-3, 4, 1), (8, 2, 4), (0, 1, 0))]


def _spaced_errors(make: Make) -> list[Bad]:
    return [
        Bad(0, 1, -1, match="number of steps must be non-negative"),
        Bad(0, 1, 2.5, error=TypeError, match="'steps' .*must be int, not float"),
        Bad(0, 1, 3, dtype=dtypes.bool_, error=NotImplementedError, match="not implemented for bool"),
        Bad(0, 1j, 3, dtype=dtypes.float32, match="can't be safely cast"),
    ]


@composite(
    api="torch", dtypes=NUMERIC, samples=_spaced_samples, errors=_spaced_errors,
    reference=lambda start, end, steps, dtype: _as_type(np.linspace(start, end, steps), dtype),
)  # fmt: skip
def linspace(
    start: Tensor | Number, end: Tensor | Number, steps: int, *, out: Tensor | None = None,
    dtype: DType | None = None, layout: Layout | None = None, device: DeviceLike | None = None,
    requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """`steps` numbers from start to end, both included.

    >>> import tritonnn as torch
    >>> torch.linspace(0, 1, 5)
    tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
    """
    values = _spaced(start, end, steps, None, out, dtype, device)
    return _finish(values, requires_grad, pin_memory, layout)


@composite(
    api="torch", dtypes=NUMERIC, errors=_spaced_errors,
    samples=lambda make: [Sample(*s.args[:2], s.args[2], 2.0, **s.kwargs) for s in _spaced_samples(make)],
    reference=lambda start, end, steps, base, dtype: _as_type(base ** np.linspace(start, end, steps), dtype),
)  # fmt: skip
def logspace(
    start: Tensor | Number, end: Tensor | Number, steps: int, base: float = 10.0, *,
    out: Tensor | None = None, dtype: DType | None = None, layout: Layout | None = None,
    device: DeviceLike | None = None, requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """`steps` numbers from base**start to base**end, evenly spaced in the exponent.

    >>> import tritonnn as torch
    >>> torch.logspace(0, 2, 3)
    tensor([  1.,  10., 100.])
    """
    values = _spaced(start, end, steps, base, out, dtype, device)
    return _finish(values, requires_grad, pin_memory, layout)
