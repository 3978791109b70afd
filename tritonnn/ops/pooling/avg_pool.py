"""Average and power-average pooling, over windows and adaptive bins."""

from __future__ import annotations

from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.errors import fail
from tritonnn.ops._definitions import windows as definitions
from tritonnn.ops._table import Bad, Sample, composite, made
from tritonnn.ops._windows import as_ints, joined
from tritonnn.ops.pooling._checks import adaptive_errors, adaptive_size, pool_errors, pooling_window
from tritonnn.ops.pooling.max_pool import max_pool1d, max_pool2d, max_pool3d
from tritonnn.ops.pooling.pooling import AVERAGED, adaptive_avg_pool, avg_pool
from tritonnn.recording.preserving import preserve
from tritonnn.table import Make
from tritonnn.table.types import IntOrInts, Ints, OptionalSize


def _adaptive(input: Tensor, output_size: Ints) -> Tensor:
    result = adaptive_avg_pool(input, output_size)
    # the mean of all, of which PyTorch saves nothing
    return preserve(result, "input") if set(output_size) == {1} else result


def _avg_pool(
    name: str,
    n: int,
    input: Tensor,
    kernel_size: IntOrInts,
    stride: IntOrInts | None,
    padding: IntOrInts,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None = None,
) -> Tensor:
    window = pooling_window(name, n, input, kernel_size, stride, padding, 1, ceil_mode, AVERAGED)
    if divisor_override == 0:
        raise fail(name, "divisor must be not zero, got divisor_override=0", input=input)
    if n == 3 and any(i < k for i, k in zip(input.shape[-3:], window[0])):
        sizes = f"({joined(input.shape[-3:])}) smaller than kernel size ({joined(window[0])})"
        raise fail(name, f"input image {sizes}", input=input)
    return avg_pool(input, *window[:3], bool(ceil_mode), bool(count_include_pad), divisor_override)


@composite(
    api="torch functional",
    dtypes=AVERAGED,
    errors=pool_errors(1),
    samples=lambda make: [
        Sample(make(2, 3, 7), 3, 2, 1),
        Sample(make(3, 8), 2),
        Sample(make(1, 3, 8), 3, 2, 1, True, False),
        Sample(make(0, 3, 7), 2),
    ],
    reference=definitions.avg_pool1d,
)
def avg_pool1d(
    input: Tensor,
    kernel_size: IntOrInts,
    stride: IntOrInts | None = None,
    padding: IntOrInts = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """Mean of every window along one dimension: (N, C, L) or (C, L).

    Args:
        stride: step between windows, by default `kernel_size`.
        ceil_mode: also take windows that reach past the end.
        count_include_pad: whether the zeros of the padding count in the mean.

    >>> import tritonnn as torch
    >>> torch.avg_pool1d(torch.tensor([[1., 2., 3., 4., 5., 6., 7.]]), 3, 2)
    tensor([[2., 4., 6.]])
    """
    rest = (stride, padding, ceil_mode, count_include_pad)
    return _avg_pool("avg_pool1d", 1, input, kernel_size, *rest)


def _divisor_errors(n: int) -> Any:
    def errors(make: Make) -> list[Bad]:
        zero = Bad(make(1, 1, *[4] * n), 2, divisor_override=0, match="divisor must be not zero")
        return [*pool_errors(n)(make), zero]

    return errors


@composite(
    api="functional",
    out=True,
    dtypes=AVERAGED,
    errors=_divisor_errors(2),
    samples=lambda make: [
        Sample(make(2, 3, 6, 7), 2),
        Sample(make(2, 5, 6), (3, 2), (2, 1), (1, 1)),
        Sample(make(2, 3, 5, 6), 3, 2, 1, True, False),
        Sample(make(1, 2, 4, 5), 2, 1, divisor_override=3),
        Sample(make(0, 3, 4, 4), 2),
    ],
    reference=made(definitions.avg_pool, 2),
)
def avg_pool2d(
    input: Tensor,
    kernel_size: IntOrInts,
    stride: IntOrInts | None = None,
    padding: IntOrInts = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Mean of every window over two dimensions, (N, C, H, W) or (C, H, W); see `avg_pool1d`.

    Args:
        divisor_override: what sums are divided by instead of the size of the window.

    >>> import tritonnn as torch
    >>> torch.nn.functional.avg_pool2d(torch.arange(16.).view(1, 1, 4, 4), 2)
    tensor([[[[ 2.5000,  4.5000],
              [10.5000, 12.5000]]]])
    """
    rest = (stride, padding, ceil_mode, count_include_pad, divisor_override)
    return _avg_pool("avg_pool2d", 2, input, kernel_size, *rest)


@composite(
    api="functional",
    out=True,
    dtypes=AVERAGED,
    errors=lambda make: [
        *_divisor_errors(3)(make),
        Bad(make(1, 1, 2, 4, 4), 3, padding=1, match="smaller than kernel size"),
    ],
    samples=lambda make: [
        Sample(make(1, 2, 4, 3, 5), 2),
        Sample(make(2, 3, 4, 3), (2, 3, 1), 1, (1, 1, 0), True, False),
    ],
    reference=made(definitions.avg_pool, 3),
)
def avg_pool3d(
    input: Tensor,
    kernel_size: IntOrInts,
    stride: IntOrInts | None = None,
    padding: IntOrInts = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Mean of every window over three dimensions, (N, C, D, H, W) or (C, D, H, W); see `avg_pool2d`.

    >>> import tritonnn as torch
    >>> torch.nn.functional.avg_pool3d(torch.arange(8.).view(1, 2, 2, 2), 2)
    tensor([[[[3.5000]]]])
    """
    rest = (stride, padding, ceil_mode, count_include_pad, divisor_override)
    return _avg_pool("avg_pool3d", 3, input, kernel_size, *rest)


# ---- adaptive -------------------------------------------------------------------------------------------


@composite(
    api="torch functional",
    errors=adaptive_errors(1),
    samples=lambda make: [Sample(make(2, 3, 7), 3), Sample(make(3, 6), 2), Sample(make(0, 3, 6), 2)],
    reference=made(definitions.adaptive_avg_pool, 1),
)
def adaptive_avg_pool1d(input: Tensor, output_size: IntOrInts) -> Tensor:
    """Mean over `output_size` bins of (N, C, L) or (C, L).

    Bin i holds the positions from ⌊i·L / size⌋ to ⌈(i + 1)·L / size⌉ - 1; bins may share positions.

    >>> import tritonnn as torch
    >>> torch.adaptive_avg_pool1d(torch.tensor([[1., 5., 3., 3., 4.]]), 2)
    tensor([[3.0000, 3.3333]])
    """
    return _adaptive(input, adaptive_size("adaptive_avg_pool1d", 1, input, output_size))


@composite(
    api="functional",
    errors=adaptive_errors(2),
    samples=lambda make: [
        Sample(make(2, 3, 5, 7), (3, 2)),
        Sample(make(3, 4, 6), 1),
        Sample(make(1, 2, 4, 5), (None, 3)),
    ],
    reference=made(definitions.adaptive_avg_pool, 2),
)
def adaptive_avg_pool2d(input: Tensor, output_size: OptionalSize) -> Tensor:
    """Mean over a grid of bins of (N, C, H, W) or (C, H, W); None keeps a dimension.

    See `adaptive_avg_pool1d`.

    >>> import tritonnn as torch
    >>> torch.nn.functional.adaptive_avg_pool2d(torch.arange(12.).view(1, 3, 4), (1, 2))
    tensor([[[4.5000, 6.5000]]])
    """
    return _adaptive(input, adaptive_size("adaptive_avg_pool2d", 2, input, output_size))


@composite(
    api="functional",
    errors=adaptive_errors(3),
    samples=lambda make: [Sample(make(1, 2, 3, 5, 4), (2, 3, 2)), Sample(make(2, 4, 3, 2), (2, None, 1))],
    reference=made(definitions.adaptive_avg_pool, 3),
)
def adaptive_avg_pool3d(input: Tensor, output_size: OptionalSize) -> Tensor:
    """Mean over a grid of bins of (N, C, D, H, W) or (C, D, H, W); see `adaptive_avg_pool2d`.

    >>> import tritonnn as torch
    >>> torch.nn.functional.adaptive_avg_pool3d(torch.arange(8.).view(1, 2, 2, 2), 1)
    tensor([[[[3.5000]]]])
    """
    return _adaptive(input, adaptive_size("adaptive_avg_pool3d", 3, input, output_size))


# ---- power average --------------------------------------------------------------------------------------


def _lp_pool(
    name: str,
    n: int,
    input: Tensor,
    norm_type: float,
    kernel_size: IntOrInts,
    stride: IntOrInts | None,
    ceil_mode: bool,
) -> Tensor:
    if norm_type in (float("inf"), -float("inf")):
        pool: Any = (max_pool1d, max_pool2d, max_pool3d)[n - 1]
        if norm_type > 0:
            return pool(input.abs(), kernel_size, stride, 0, 1, ceil_mode)
        return -pool(-input.abs(), kernel_size, stride, 0, 1, ceil_mode)
    if norm_type == 0:
        raise fail(name, "norm_type must not be 0", kind=ZeroDivisionError, input=input)
    mean = _avg_pool(name, n, input.pow(norm_type), kernel_size, stride, 0, ceil_mode, True)
    count = 1
    for extent in as_ints("kernel_size", kernel_size, n) or ():
        count *= extent
    # relu makes the gradient 0, and not infinite, where the sum is 0.
    return (mean.sign() * mean.abs().relu() * count).pow(1.0 / norm_type)


@composite(
    api="functional",
    samples=lambda make: [
        Sample(make(2, 3, 7), 2, 3, 2),
        Sample(make(3, 8, positive=True), 3.0, 2, ceil_mode=True),
        Sample(make(2, 3, 6), float("inf"), 2),
    ],
    errors=lambda make: [Bad(make(1, 1, 4), 2, 5, match="Output size is too small")],
    reference=made(definitions.lp_pool, 1),
)
def lp_pool1d(
    input: Tensor,
    norm_type: float,
    kernel_size: IntOrInts,
    stride: IntOrInts | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """p-norm of every window along one dimension: (Σ x^p)^(1/p) with p = `norm_type`.

    Its gradient is 0 where the sum is 0.

    >>> import tritonnn as torch
    >>> torch.nn.functional.lp_pool1d(torch.tensor([[3., 4., 6., 8.]]), 2, 2)
    tensor([[ 5., 10.]])
    """
    return _lp_pool("lp_pool1d", 1, input, norm_type, kernel_size, stride, ceil_mode)


@composite(
    api="functional",
    samples=lambda make: [
        Sample(make(2, 3, 5, 6), 2, (2, 3), 1),
        Sample(make(3, 5, 5, positive=True), 1.5, 2, ceil_mode=True),
        Sample(make(1, 2, 4, 4), -float("inf"), 2),
    ],
    errors=lambda make: [Bad(make(4), 2, 2, match="Expected 3D or 4D")],
    reference=made(definitions.lp_pool, 2),
)
def lp_pool2d(
    input: Tensor,
    norm_type: float,
    kernel_size: IntOrInts,
    stride: IntOrInts | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """p-norm of every window over two dimensions; see `lp_pool1d`.

    >>> import tritonnn as torch
    >>> torch.nn.functional.lp_pool2d(torch.ones(1, 1, 2, 2), 2, 2)
    tensor([[[[2.]]]])
    """
    return _lp_pool("lp_pool2d", 2, input, norm_type, kernel_size, stride, ceil_mode)


@composite(
    api="functional",
    samples=lambda make: [Sample(make(1, 2, 3, 4, 3), 2, 2, 1)],
    errors=lambda make: [Bad(make(4), 2, 2, match="Expected 4D or 5D")],
    reference=made(definitions.lp_pool, 3),
)
def lp_pool3d(
    input: Tensor,
    norm_type: float,
    kernel_size: IntOrInts,
    stride: IntOrInts | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """p-norm of every window over three dimensions; see `lp_pool1d`.

    >>> import tritonnn as torch
    >>> torch.nn.functional.lp_pool3d(torch.ones(1, 1, 2, 2, 1), 2, (2, 2, 1))
    tensor([[[[[2.]]]]])
    """
    return _lp_pool("lp_pool3d", 3, input, norm_type, kernel_size, stride, ceil_mode)
