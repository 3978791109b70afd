"""Windows: factors that fade a signal in and out."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.device import DeviceLike
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import fail
from tritonnn.memory_format import layout as Layout
from tritonnn.memory_format import strided
from tritonnn.ops._table import FLOATING, Bad, Sample, composite
from tritonnn.ops.creation.creation import _finish
from tritonnn.ops.creation.ranges import arange
from tritonnn.ops.elementwise.elementwise import cos, sqrt
from tritonnn.ops.elementwise.special import i0
from tritonnn.table import Make

Options = tuple[DType | None, Layout | None, DeviceLike | None, bool, bool]


def _window(
    op: str, length: int, periodic: bool, shape: Callable[[Tensor], Tensor], options: Options
) -> Tensor:
    """`shape` of the places from 0 to 1; a periodic window is the start of one that is longer by one.

    Computed in float64 and rounded once.
    """
    dtype, layout, device, pin_memory, requires_grad = options
    dtype = dtype or dtypes.get_default_dtype()
    if layout not in (None, strided):
        raise fail(op, f"is not implemented for sparse types, got layout={layout}")
    if dtype.is_complex:
        raise fail(op, f"not implemented for {dtype.name}", kind=NotImplementedError)
    if not dtype.is_floating_point:
        raise fail(op, f"expects floating point dtypes, got {dtype.name}")
    if length < 0:
        raise fail(op, f"requires non-negative window_length, got window_length={length}")
    places = arange(length, dtype=dtypes.float64, device=device)
    values = places + 1 if length == 1 else shape(places / max(length - 1 + periodic, 1))
    return _finish(values.to(dtype), requires_grad, pin_memory, layout)


def _samples(*rest: tuple) -> Callable[[Make], list[Sample]]:
    lengths = [(6,), (5, False), (1,), (0,), (2, False), *rest]
    return lambda make: [Sample(*given, dtype=make.dtype, device=make.device) for given in lengths]


def _errors(make: Make) -> list[Bad]:
    return [
        Bad(-1, match="requires non-negative window_length, got window_length=-1"),
        Bad(3, dtype=dtypes.int64, match="expects floating point dtypes, got int64"),
        Bad(3, dtype=dtypes.complex64, error=NotImplementedError, match="not implemented for complex64"),
        Bad(2.5, error=TypeError, match="must be int, not float"),
    ]


def _defined(shape: Callable[..., Any]) -> Callable[..., Any]:
    """The definition: the numbers one by one, of `shape(k, last, *rest)`."""

    def numbers(length: int, periodic: bool, *rest: float) -> Any:
        last = length - 1 + periodic
        return np.array([1.0 if length == 1 else shape(k, last, *rest) for k in range(length)], float)

    return numbers


_hann = _defined(lambda k, last: math.sin(math.pi * k / last) ** 2)
_hamming = _defined(lambda k, last, alpha, beta: alpha - beta * math.cos(2 * math.pi * k / last))
_blackman = _defined(
    lambda k, last: 0.42 - 0.5 * math.cos(2 * math.pi * k / last) + 0.08 * math.cos(4 * math.pi * k / last)
)
_bartlett = _defined(lambda k, last: min(2 * k, 2 * (last - k)) / last)
_kaiser = _defined(
    lambda k, last, beta: np.i0(beta * math.sqrt(max(0, 1 - (2 * k / last - 1) ** 2))) / np.i0(beta)
)


@composite(
    api="torch", dtypes=FLOATING, samples=_samples(), errors=_errors,
    reference=lambda window_length, periodic: _hann(window_length, periodic),
)  # fmt: skip
def hann_window(
    window_length: int, periodic: bool = True, *, dtype: DType | None = None, layout: Layout | None = None,
    device: DeviceLike | None = None, pin_memory: bool = False, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """(1 - cos(2 pi k / n)) / 2.

    Args:
        window_length: how many numbers.
        periodic: n is `window_length`, for spectra; else it is one less, and the window symmetric.

    Raises:
        RuntimeError: a negative length, or a dtype that is not floating.

    >>> import tritonnn as torch
    >>> torch.hann_window(4)
    tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """
    options = (dtype, layout, device, pin_memory, requires_grad)
    return _window(
        "hann_window", window_length, periodic, lambda t: 0.5 - 0.5 * cos(t * (2 * math.pi)), options
    )


@composite(
    api="torch", dtypes=FLOATING, samples=_samples((6, True, 0.6), (6, False, 0.6, 0.3)), errors=_errors,
    reference=lambda window_length, periodic, alpha, beta: _hamming(window_length, periodic, alpha, beta),
)  # fmt: skip
def hamming_window(
    window_length: int, periodic: bool = True, alpha: float = 0.54, beta: float = 0.46, *, dtype: DType | None = None,
    layout: Layout | None = None, device: DeviceLike | None = None, pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """alpha - beta cos(2 pi k / n).

    Args:
        window_length: how many numbers.
        periodic: n is `window_length`, for spectra; else it is one less, and the window symmetric.
        alpha: the mean.
        beta: the swing.

    Raises:
        RuntimeError: a negative length, or a dtype that is not floating.

    >>> import tritonnn as torch
    >>> torch.hamming_window(4)
    tensor([0.0800, 0.5400, 1.0000, 0.5400])
    """
    options = (dtype, layout, device, pin_memory, requires_grad)
    return _window(
        "hamming_window", window_length, periodic, lambda t: alpha - beta * cos(t * (2 * math.pi)), options
    )


@composite(
    api="torch", dtypes=FLOATING, samples=_samples(), errors=_errors,
    reference=lambda window_length, periodic: _blackman(window_length, periodic),
)  # fmt: skip
def blackman_window(
    window_length: int, periodic: bool = True, *, dtype: DType | None = None, layout: Layout | None = None,
    device: DeviceLike | None = None, pin_memory: bool = False, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """0.42 - 0.5 cos(2 pi k / n) + 0.08 cos(4 pi k / n).

    Args:
        window_length: how many numbers.
        periodic: n is `window_length`, for spectra; else it is one less, and the window symmetric.

    Raises:
        RuntimeError: a negative length, or a dtype that is not floating.

    >>> import tritonnn as torch
    >>> torch.blackman_window(5, periodic=False)
    tensor([0.0000, 0.3400, 1.0000, 0.3400, 0.0000])
    """

    def shape(t: Tensor) -> Tensor:
        # with c = cos(2 pi t), 0.08 cos(4 pi t) is 0.16 c^2 - 0.08: a product that is 0 at the ends
        c = cos(t * (2 * math.pi))
        return (1 - c) * (0.34 - 0.16 * c)

    return _window(
        "blackman_window", window_length, periodic, shape, (dtype, layout, device, pin_memory, requires_grad)
    )


@composite(
    api="torch", dtypes=FLOATING, samples=_samples(), errors=_errors,
    reference=lambda window_length, periodic: _bartlett(window_length, periodic),
)  # fmt: skip
def bartlett_window(
    window_length: int, periodic: bool = True, *, dtype: DType | None = None, layout: Layout | None = None,
    device: DeviceLike | None = None, pin_memory: bool = False, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """1 - |2 k / n - 1|: a triangle.

    Args:
        window_length: how many numbers.
        periodic: n is `window_length`, for spectra; else it is one less, and the window symmetric.

    Raises:
        RuntimeError: a negative length, or a dtype that is not floating.

    >>> import tritonnn as torch
    >>> torch.bartlett_window(4)
    tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """
    options = (dtype, layout, device, pin_memory, requires_grad)
    return _window("bartlett_window", window_length, periodic, lambda t: 1 - abs(t * 2 - 1), options)


@composite(
    api="torch", dtypes=FLOATING, samples=_samples((6, True, 3.0), (6, False, 0.0)), errors=_errors,
    reference=lambda window_length, periodic, beta: _kaiser(window_length, periodic, beta),
)  # fmt: skip
def kaiser_window(
    window_length: int, periodic: bool = True, beta: float = 12.0, *, dtype: DType | None = None,
    layout: Layout | None = None, device: DeviceLike | None = None, pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """i0(beta sqrt(1 - (2 k / n - 1)^2)) / i0(beta).

    Args:
        window_length: how many numbers.
        periodic: n is `window_length`, for spectra; else it is one less, and the window symmetric.
        beta: how narrow it is.

    Raises:
        RuntimeError: a negative length, or a dtype that is not floating.

    >>> import tritonnn as torch
    >>> torch.kaiser_window(4, beta=3.)
    tensor([0.2049, 0.7269, 1.0000, 0.7269])
    """

    def shape(t: Tensor) -> Tensor:
        # 1 - (2 t - 1)^2, which rounding would make negative at the end
        height = i0(sqrt(t * (1 - t)) * (2 * beta))
        return height / i0(t.new_full((), beta))

    return _window(
        "kaiser_window", window_length, periodic, shape, (dtype, layout, device, pin_memory, requires_grad)
    )
