"""The frequencies of a transform, and the order in which they stand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.device import DeviceLike
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import fail
from tritonnn.memory_format import layout as Layout
from tritonnn.ops._table import ANY, Bad, Sample, composite
from tritonnn.ops.creation._outputs import counted_into
from tritonnn.ops.creation.creation import _finish
from tritonnn.ops.creation.ranges import arange
from tritonnn.ops.joining.joining import cat
from tritonnn.ops.joining.repeating import roll
from tritonnn.table import Make

_FLOATS = (dtypes.float32, dtypes.float64)


def _type(op: str, count: int, dtype: DType | None, out: Tensor | None) -> DType:
    if dtype is None:
        dtype = out.dtype if out is not None else dtypes.get_default_dtype()
    if dtype.kind < 2:
        raise fail(op, f"requires a floating point or complex dtype, got {dtype.name}")
    if count < 0:
        raise fail(op, f"Trying to create tensor with negative dimension {count}: [{count}]")
    return dtype


def _samples(make: Make) -> list[Sample]:
    return [Sample(n, d, dtype=make.dtype, device=make.device) for n, d in ((5, 1.0), (4, 0.25), (1, 2.0))]


def _errors(make: Make) -> list[Bad]:
    return [
        Bad(4, dtype=dtypes.int64, match="requires a floating point or complex dtype"),
        Bad(-5, match="negative dimension -"),
        Bad(4.5, error=TypeError, match="must be int, not float"),
    ]


@composite(
    api="fft", dtypes=_FLOATS, samples=_samples, errors=_errors,
    reference=lambda n, d: np.array([k if 2 * k < n else k - n for k in range(n)]) / (n * d),
)  # fmt: skip
def fftfreq(
    n: int, d: float = 1.0, *, out: Tensor | None = None, dtype: DType | None = None, layout: Layout | None = None,
    device: DeviceLike | None = None, requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """The frequencies of `fft`: first 0 and the positive ones, then the negative ones.

    Args:
        n: the length of the signal.
        d: the distance of its samples.

    Raises:
        RuntimeError: a length below 0, or a dtype of whole numbers.

    >>> import tritonnn as torch
    >>> torch.fft.fftfreq(4)
    tensor([ 0.0000,  0.2500, -0.5000, -0.2500])
    """
    dtype = _type("fftfreq", n, dtype, out)
    device = out.device if out is not None else device
    half = (n + 1) // 2
    parts = [arange(0, half, dtype=dtype, device=device), arange(-(n // 2), 0, dtype=dtype, device=device)]
    values = cat(parts) * (1 / (n * d) if n * d else float("inf"))
    return _finish(counted_into(out, values), requires_grad, pin_memory, layout)


@composite(
    api="fft", dtypes=_FLOATS, samples=_samples, errors=_errors,
    reference=lambda n, d: np.arange(n // 2 + 1) / (n * d),
)  # fmt: skip
def rfftfreq(
    n: int, d: float = 1.0, *, out: Tensor | None = None, dtype: DType | None = None, layout: Layout | None = None,
    device: DeviceLike | None = None, requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """The frequencies of `rfft`: those that are not negative.

    Args:
        n: the length of the signal.
        d: the distance of its samples.

    Raises:
        RuntimeError: a length below 0, or a dtype of whole numbers.

    >>> import tritonnn as torch
    >>> torch.fft.rfftfreq(4)
    tensor([0.0000, 0.2500, 0.5000])
    """
    dtype = _type("rfftfreq", n // 2 + 1, dtype, out)
    device = out.device if out is not None else device
    counts = arange(0, n // 2 + 1, dtype=dtype, device=device)
    values = counts * (1 / (n * d) if n * d else float("inf"))
    return _finish(counted_into(out, values), requires_grad, pin_memory, layout)


def _shift_samples(make: Make) -> list[Sample]:
    return [Sample(make(5)), Sample(make(4, 3)), Sample(make(2, 3, 4), (0, -1)), Sample(make(3, 4), 1)]


def _shift_errors(make: Make) -> list[Bad]:
    return [
        Bad("a", error=TypeError, match="must be Tensor, not str"),
        Bad(make(3), 1, error=IndexError, match="Dimension out of range"),
    ]


def _rolled(input: Tensor, dim: int | Sequence[int] | None, up: int) -> Tensor:
    dims = range(len(input.shape)) if dim is None else (dim,) if isinstance(dim, int) else dim
    for d in dims:
        input.size(d)  # which knows the dimension, or refuses it
    if not len(dims):
        return input.clone()
    return roll(input, [(input.size(d) + up) // 2 for d in dims], [*dims])


@composite(
    api="fft", dtypes=ANY, samples=_shift_samples, errors=_shift_errors,
    reference=lambda input, dim: np.fft.fftshift(input, dim),
)  # fmt: skip
def fftshift(input: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """The frequencies in rising order, 0 in the middle.

    >>> import tritonnn as torch
    >>> torch.fft.fftshift(torch.fft.fftfreq(4))
    tensor([-0.5000, -0.2500,  0.0000,  0.2500])
    """
    return _rolled(input, dim, 0)


@composite(
    api="fft", dtypes=ANY, samples=_shift_samples, errors=_shift_errors,
    reference=lambda input, dim: np.fft.ifftshift(input, dim),
)  # fmt: skip
def ifftshift(input: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """What `fftshift` was made of.

    >>> import tritonnn as torch
    >>> torch.fft.ifftshift(torch.tensor([-0.5, -0.25, 0., 0.25]))
    tensor([ 0.0000,  0.2500, -0.5000, -0.2500])
    """
    return _rolled(input, dim, 1)
