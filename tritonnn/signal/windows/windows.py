"""Windows by their length and whether they are symmetric."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.device import DeviceLike
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import fail
from tritonnn.memory_format import layout as Layout
from tritonnn.memory_format import strided
from tritonnn.ops.creation.ranges import arange
from tritonnn.ops.elementwise.elementwise import cos, exp, sin, sqrt
from tritonnn.ops.elementwise.special import i0

Options = tuple[DType | None, Layout, DeviceLike | None, bool]


def _window(
    op: str, M: int, sym: bool, shape: Callable[[Tensor, int], Tensor], options: Options, alone: float = 1.0
) -> Tensor:
    """`shape(k, last)` of the places 0, ... M - 1; a window that is not symmetric is the start of a longer one.

    Computed in float64 and rounded once. `alone` is the window of one number.
    """
    dtype, layout, device, requires_grad = options
    dtype = dtype or dtypes.get_default_dtype()
    if not isinstance(M, int):
        raise TypeError(f"{op}(): argument 'M' (position 1) must be int, not {type(M).__name__}")
    if M < 0:
        raise fail(op, f"requires non-negative window length, got M={M}", kind=ValueError)
    if layout is not strided:
        raise fail(op, f"is implemented for strided tensors only, got: {layout}", kind=ValueError)
    if dtype not in (dtypes.float32, dtypes.float64):
        raise fail(op, f"expects float32 or float64 dtypes, got: {dtype.name}", kind=ValueError)
    places = arange(M, dtype=dtypes.float64, device=device)
    values = places + alone if M == 1 else shape(places, max(M - 1 if sym else M, 1))
    values = values.to(dtype)
    return values.requires_grad_() if requires_grad else values


def general_cosine(
    M: int, *, a: Iterable[float], sym: bool = True, dtype: DType | None = None, layout: Layout = strided,
    device: DeviceLike | None = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """a[0] - a[1] cos(x) + a[2] cos(2 x) - ..., x from 0 to 2 pi.

    Args:
        M: how many numbers.
        a: the coefficients.
        sym: whether it is symmetric; else it is the start of a symmetric one that is longer by one.

    Raises:
        ValueError: a negative length, a dtype but float32 and float64, or `a` that is not allowed.

    >>> import tritonnn as torch
    >>> torch.signal.windows.general_cosine(3, a=[0.5, 0.5])
    tensor([0., 1., 0.])
    """
    if not isinstance(a, Iterable):
        raise TypeError(f"general_cosine(): Coefficients must be a list/tuple, not {type(a).__name__}")
    factors = [*a]
    if not factors:
        raise fail("general_cosine", "Coefficients cannot be empty", kind=ValueError)

    def shape(k: Tensor, last: int) -> Tensor:
        total = k * 0 + factors[0]
        for i, factor in enumerate(factors[1:], 1):
            total = total + cos(k * (2 * math.pi * i / last)) * (factor if i % 2 == 0 else -factor)
        return total

    return _window("general_cosine", M, sym, shape, (dtype, layout, device, requires_grad))


def general_hamming(
    M: int, *, alpha: float = 0.54, sym: bool = True, dtype: DType | None = None, layout: Layout = strided,
    device: DeviceLike | None = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """alpha - (1 - alpha) cos(x), x from 0 to 2 pi.

    Args:
        M: how many numbers.
        alpha: the mean.
        sym: whether it is symmetric; else it is the start of a symmetric one that is longer by one.

    Raises:
        ValueError: a negative length, a dtype but float32 and float64.

    >>> import tritonnn as torch
    >>> torch.signal.windows.general_hamming(3, alpha=0.6)
    tensor([0.2000, 1.0000, 0.2000])
    """
    options: dict[str, Any] = {
        "dtype": dtype,
        "layout": layout,
        "device": device,
        "requires_grad": requires_grad,
    }
    return general_cosine(M, a=[alpha, 1.0 - alpha], sym=sym, **options)


def hamming(
    M: int, *, sym: bool = True, dtype: DType | None = None, layout: Layout = strided,
    device: DeviceLike | None = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """0.54 - 0.46 cos(x), x from 0 to 2 pi.

    Args:
        M: how many numbers.
        sym: whether it is symmetric; else it is the start of a symmetric one that is longer by one.

    Raises:
        ValueError: a negative length, a dtype but float32 and float64.

    >>> import tritonnn as torch
    >>> torch.signal.windows.hamming(3)
    tensor([0.0800, 1.0000, 0.0800])
    """
    options: dict[str, Any] = {
        "dtype": dtype,
        "layout": layout,
        "device": device,
        "requires_grad": requires_grad,
    }
    return general_cosine(M, a=[0.54, 0.46], sym=sym, **options)


def hann(
    M: int, *, sym: bool = True, dtype: DType | None = None, layout: Layout = strided,
    device: DeviceLike | None = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """(1 - cos(x)) / 2, x from 0 to 2 pi.

    Args:
        M: how many numbers.
        sym: whether it is symmetric; else it is the start of a symmetric one that is longer by one.

    Raises:
        ValueError: a negative length, a dtype but float32 and float64.

    >>> import tritonnn as torch
    >>> torch.signal.windows.hann(3)
    tensor([0., 1., 0.])
    """
    options: dict[str, Any] = {
        "dtype": dtype,
        "layout": layout,
        "device": device,
        "requires_grad": requires_grad,
    }
    return general_cosine(M, a=[0.5, 0.5], sym=sym, **options)


def blackman(
    M: int, *, sym: bool = True, dtype: DType | None = None, layout: Layout = strided,
    device: DeviceLike | None = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """0.42 - 0.5 cos(x) + 0.08 cos(2 x), x from 0 to 2 pi.

    Args:
        M: how many numbers.
        sym: whether it is symmetric; else it is the start of a symmetric one that is longer by one.

    Raises:
        ValueError: a negative length, a dtype but float32 and float64.

    >>> import tritonnn as torch
    >>> torch.signal.windows.blackman(5)[2]
    tensor(1.)
    """
    options: dict[str, Any] = {
        "dtype": dtype,
        "layout": layout,
        "device": device,
        "requires_grad": requires_grad,
    }
    return general_cosine(M, a=[0.42, 0.5, 0.08], sym=sym, **options)


def nuttall(
    M: int, *, sym: bool = True, dtype: DType | None = None, layout: Layout = strided,
    device: DeviceLike | None = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """0.3635819 - 0.4891775 cos(x) + 0.1365995 cos(2 x) - 0.0106411 cos(3 x), x from 0 to 2 pi.

    Args:
        M: how many numbers.
        sym: whether it is symmetric; else it is the start of a symmetric one that is longer by one.

    Raises:
        ValueError: a negative length, a dtype but float32 and float64.

    >>> import tritonnn as torch
    >>> torch.signal.windows.nuttall(5)[2]
    tensor(1.)
    """
    options: dict[str, Any] = {
        "dtype": dtype,
        "layout": layout,
        "device": device,
        "requires_grad": requires_grad,
    }
    return general_cosine(M, a=[0.3635819, 0.4891775, 0.1365995, 0.0106411], sym=sym, **options)


def bartlett(
    M: int, *, sym: bool = True, dtype: DType | None = None, layout: Layout = strided,
    device: DeviceLike | None = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """1 - |2 k / n - 1|: a triangle.

    Args:
        M: how many numbers.
        sym: whether it is symmetric; else it is the start of a symmetric one that is longer by one.

    Raises:
        ValueError: a negative length, a dtype but float32 and float64.

    >>> import tritonnn as torch
    >>> torch.signal.windows.bartlett(3)
    tensor([0., 1., 0.])
    """
    options = (dtype, layout, device, requires_grad)
    return _window("bartlett", M, sym, lambda k, last: 1 - abs(k * (2 / last) - 1), options)


def cosine(
    M: int, *, sym: bool = True, dtype: DType | None = None, layout: Layout = strided,
    device: DeviceLike | None = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """sin(pi (k + 0.5) / n) of n numbers.

    Args:
        M: how many numbers.
        sym: whether it is symmetric; else it is the start of a symmetric one that is longer by one.

    Raises:
        ValueError: a negative length, a dtype but float32 and float64.

    >>> import tritonnn as torch
    >>> torch.signal.windows.cosine(3)
    tensor([0.5000, 1.0000, 0.5000])
    """
    options = (dtype, layout, device, requires_grad)
    return _window("cosine", M, sym, lambda k, last: sin((k + 0.5) * (math.pi / (last + 1))), options)


def exponential(
    M: int, *, center: float | None = None, tau: float = 1.0,
    sym: bool = True, dtype: DType | None = None, layout: Layout = strided,
    device: DeviceLike | None = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """exp(-|k - center| / tau).

    Args:
        M: how many numbers.
        center: where it is 1; by default the middle, as symmetric windows have it.
        tau: the distance over which it falls by e.
        sym: whether it is symmetric; else it is the start of a symmetric one that is longer by one.

    Raises:
        ValueError: a negative length, a dtype but float32 and float64, or `center` that is not allowed.

    >>> import tritonnn as torch
    >>> torch.signal.windows.exponential(3)
    tensor([0.3679, 1.0000, 0.3679])
    """
    if tau <= 0:
        raise fail("exponential", f"Tau must be positive, got: {tau} instead.", kind=ValueError)
    if sym and center is not None:
        raise fail("exponential", f"Center must be None for symmetric windows, got {center}", kind=ValueError)
    options = (dtype, layout, device, requires_grad)
    alone = 1.0 if center is None else math.exp(-abs(center) / tau)
    return _window(
        "exponential", M, sym, lambda k, last: exp(-abs(k - (last / 2 if center is None else center)) / tau), options,
        alone,
    )  # fmt: skip


def gaussian(
    M: int, *, std: float = 1.0, sym: bool = True, dtype: DType | None = None, layout: Layout = strided,
    device: DeviceLike | None = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """exp(-(k - middle)^2 / (2 std^2)).

    Args:
        M: how many numbers.
        std: the standard deviation.
        sym: whether it is symmetric; else it is the start of a symmetric one that is longer by one.

    Raises:
        ValueError: a negative length, a dtype but float32 and float64, or `std` that is not allowed.

    >>> import tritonnn as torch
    >>> torch.signal.windows.gaussian(3)
    tensor([0.6065, 1.0000, 0.6065])
    """
    if std <= 0:
        raise fail("gaussian", f"Standard deviation must be positive, got: {std} instead.", kind=ValueError)
    options = (dtype, layout, device, requires_grad)
    return _window("gaussian", M, sym, lambda k, last: exp(((k - last / 2) / std) ** 2 * -0.5), options)


def kaiser(
    M: int, *, beta: float = 12.0, sym: bool = True, dtype: DType | None = None, layout: Layout = strided,
    device: DeviceLike | None = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """i0(beta sqrt(1 - (2 k / n - 1)^2)) / i0(beta).

    Args:
        M: how many numbers.
        beta: how narrow it is.
        sym: whether it is symmetric; else it is the start of a symmetric one that is longer by one.

    Raises:
        ValueError: a negative length, a dtype but float32 and float64, or `beta` that is not allowed.

    >>> import tritonnn as torch
    >>> torch.signal.windows.kaiser(3, beta=3.)
    tensor([0.2049, 1.0000, 0.2049])
    """
    if beta < 0:
        raise fail("kaiser", f"beta must be non-negative, got: {beta} instead.", kind=ValueError)

    def shape(k: Tensor, last: int) -> Tensor:
        # 1 - (2 k / n - 1)^2, which rounding would make negative at the end
        height = i0(sqrt(k * (last - k)) * (2 * beta / last))
        return height / i0(k.new_full((), beta))

    return _window("kaiser", M, sym, shape, (dtype, layout, device, requires_grad))
