"""Maximum and average pooling in 1 to 3 dimensions, over sliding windows and over bins.

The kernels are in `_kernels.py` and `_adaptive_kernels.py`.
"""

from __future__ import annotations

from typing import Any

from tritonnn import dtypes
from tritonnn.buffer import Buffer
from tritonnn.kernels.device.pointwise import COMPUTE
from tritonnn.kernels.launch.launch import empty, launch, needs_int64
from tritonnn.kernels.launch.replay import replayed
from tritonnn.kernels.pooling import _adaptive_kernels as _adaptive_pool
from tritonnn.kernels.pooling import _kernels as _pool
from tritonnn.kernels.pooling._cases import cases
from tritonnn.shape import is_dense, numel

Ints = tuple[int, ...]
BLOCK = 256


@replayed
def max_pool(
    out: Buffer,
    input: Buffer,
    kernel_size: Ints,
    stride: Ints,
    padding: Ints,
    dilation: Ints,
    ceil_mode: bool,
) -> None:
    """Maximum of every window; the size of `out` tells `ceil_mode`."""
    _maxima(out, None, input, kernel_size, stride, padding, dilation)


@replayed
def max_pool_with_indices(
    values: Buffer,
    indices: Buffer,
    input: Buffer,
    kernel_size: Ints,
    stride: Ints,
    padding: Ints,
    dilation: Ints,
    ceil_mode: bool,
) -> None:
    """Maximum of every window, and its flat position in its plane."""
    _maxima(values, indices, input, kernel_size, stride, padding, dilation)


@replayed
def max_pool_backward(
    out: Buffer,
    grad: Buffer,
    input: Buffer,
    result: Buffer,
    kernel_size: Ints,
    stride: Ints,
    padding: Ints,
    dilation: Ints,
    ceil_mode: bool,
) -> None:
    """Gradient of `max_pool`: each window gives its gradient to the position that holds its maximum."""
    # positions again instead of kept from forward; 32 bits number the positions of a plane
    indices = empty(grad.shape, dtypes.int32, grad)
    if is_dense(grad.shape, grad.strides):
        indices = indices.as_strided(grad.shape, grad.strides)
    _maxima(None, indices, input, kernel_size, stride, padding, dilation)
    _gather(out, grad, indices, kernel_size, stride, padding, dilation)


@replayed
def max_pool_with_indices_backward(
    out: Buffer,
    grad: Buffer,
    indices: Buffer,
    input_size: Ints,
    kernel_size: Ints,
    stride: Ints,
    padding: Ints,
    dilation: Ints,
) -> None:
    """Gradient of `max_pool_with_indices`: sums of `grad` by index."""
    _gather(out, grad, indices, kernel_size, stride, padding, dilation)


def _maxima(
    values: Buffer | None,
    indices: Buffer | None,
    input: Buffer,
    kernel_size: Ints,
    stride: Ints,
    padding: Ints,
    dilation: Ints,
) -> None:
    n = len(kernel_size)
    shaped = values if values is not None else indices
    assert shaped is not None
    v, i = (None if b is None else _planes(b, n) for b in (values, indices))
    x, target = _planes(input, n), _planes(shaped, n)
    grid, walk = _walk(target)
    launch(
        _pool.max_pool_kernel, grid, v, i, x, shaped.numel, *_sizes(target), _strides(v), _strides(i),
        tuple(x.shape[2:]), x.strides, *_window(n, stride, padding, dilation),
        **_taps(kernel_size), COMPUTE=COMPUTE[input.dtype], **walk, INT64=needs_int64(v, i, x),
    )  # fmt: skip


def _gather(
    out: Buffer,
    grad: Buffer,
    indices: Buffer,
    kernel_size: Ints,
    stride: Ints,
    padding: Ints,
    dilation: Ints,
) -> None:
    n = len(kernel_size)
    o, g, i = (_planes(b, n) for b in (out, grad, indices))
    grid, walk = _walk(o)
    launch(
        _pool.max_pool_gather_kernel, grid, o, g, i, out.numel, *_sizes(o), o.strides, tuple(g.shape[2:]),
        g.strides, i.strides, *_window(n, stride, padding, dilation),
        **_taps(kernel_size), SUM=COMPUTE[out.dtype], **walk, INT64=needs_int64(o, g, i),
    )  # fmt: skip


@replayed
def avg_pool(
    out: Buffer,
    input: Buffer,
    kernel_size: Ints,
    stride: Ints,
    padding: Ints,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> None:
    """Mean of every window; the size of `out` tells `ceil_mode`."""
    _average(
        _pool.avg_pool_kernel, out, input, kernel_size, stride, padding, count_include_pad, divisor_override
    )


@replayed
def avg_pool_backward(
    out: Buffer,
    grad: Buffer,
    input_size: Ints,
    kernel_size: Ints,
    stride: Ints,
    padding: Ints,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> None:
    """Gradient of `avg_pool`: each window spreads its share evenly."""
    _average(
        _pool.avg_pool_gather_kernel, out, grad, kernel_size, stride, padding, count_include_pad,
        divisor_override,
    )  # fmt: skip


def _average(
    kernel: Any, out: Buffer, source: Buffer, kernel_size: Ints, stride: Ints, padding: Ints,
    count_include_pad: bool, divisor_override: int | None,
) -> None:  # fmt: skip
    """Launch the kernel of `avg_pool` or of its gradient: they take the same arguments."""
    n = len(kernel_size)
    o, x = _planes(out, n), _planes(source, n)
    start, step, _ = _window(n, stride, padding, (1,) * n)
    grid, walk = _walk(o)
    launch(
        kernel, grid, o, x, out.numel, *_sizes(o), o.strides, tuple(x.shape[2:]), x.strides, start, step,
        divisor_override or 1, **_taps(kernel_size), COUNT_PADDING=count_include_pad,
        OVERRIDE=divisor_override is not None, SUM=COMPUTE[out.dtype], **walk, INT64=needs_int64(o, x),
    )  # fmt: skip


# ---- bins -----------------------------------------------------------------------------------------------


@replayed
def adaptive_avg_pool(out: Buffer, input: Buffer, output_size: Ints) -> None:
    """Mean of every bin."""
    n = len(output_size)
    if numel(output_size) == 1:  # few results of long sums: a reduction
        from tritonnn.kernels.reduction import mean

        dims = tuple(range(input.ndim - n, input.ndim))
        mean(out, input, dims, True, out.dtype)
        return
    o, x = _planes(out, n), _planes(input, n)
    grid, walk = _walk(o)
    launch(
        _adaptive_pool.adaptive_avg_kernel, grid, o, x, out.numel, *_sizes(o), o.strides, tuple(x.shape[2:]),
        x.strides, _longest(x.shape[2:], o.shape[2:]),
        SUM=COMPUTE[out.dtype], **walk, INT64=needs_int64(o, x),
    )  # fmt: skip


@replayed
def adaptive_avg_pool_backward(out: Buffer, grad: Buffer, input_size: Ints) -> None:
    """Gradient of `adaptive_avg_pool`: each bin spreads its share evenly."""
    _gather_bins(out, grad, None, len(input_size))


@replayed
def adaptive_max_pool(values: Buffer, indices: Buffer, input: Buffer, output_size: Ints) -> None:
    """Maximum of every bin, and its flat position in its plane."""
    n = len(output_size)
    v, i, x = _planes(values, n), _planes(indices, n), _planes(input, n)
    grid, walk = _walk(v)
    launch(
        _adaptive_pool.adaptive_max_kernel, grid, v, i, x, values.numel, *_sizes(v), v.strides, i.strides,
        tuple(x.shape[2:]), x.strides, _longest(x.shape[2:], v.shape[2:]),
        COMPUTE=COMPUTE[input.dtype], **walk, INT64=needs_int64(v, i, x),
    )  # fmt: skip


@replayed
def adaptive_max_pool_backward(out: Buffer, grad: Buffer, indices: Buffer, input_size: Ints) -> None:
    """Gradient of `adaptive_max_pool`: sums of `grad` by index."""
    _gather_bins(out, grad, indices, len(input_size))


def _gather_bins(out: Buffer, grad: Buffer, indices: Buffer | None, n: int) -> None:
    o, g, i = _planes(out, n), _planes(grad, n), None if indices is None else _planes(indices, n)
    grid, walk = _walk(o)
    launch(
        _adaptive_pool.adaptive_gather_kernel, grid, o, g, i, out.numel, *_sizes(o), o.strides,
        tuple(g.shape[2:]), g.strides, _strides(i), _longest(g.shape[2:], o.shape[2:]),
        SUM=COMPUTE[out.dtype], **walk, INT64=needs_int64(o, g, i),
    )  # fmt: skip


def _longest(sizes: Ints, parts: Ints) -> Ints:
    """The largest extent of a bin where `sizes` are divided into `parts`; with both swapped, how many overlap."""
    return tuple(
        [max((-(-(i + 1) * s // p) - i * s // p for i in range(p)), default=0) for s, p in zip(sizes, parts)]
    )


@replayed
def fractional_max_pool(
    values: Buffer, indices: Buffer, input: Buffer, kernel_size: Ints, output_size: Ints, samples: Buffer
) -> None:
    """Maximum of windows whose starts are spread at random: `samples` (N, C, n) is uniform in [0, 1)."""
    n = len(kernel_size)
    v, i, x = _planes(values, n), _planes(indices, n), _planes(input, n)
    launch(
        _adaptive_pool.fractional_max_kernel, _grid(v), v, i, x, samples, values.numel, *_sizes(v), v.strides,
        i.strides, tuple(x.shape[2:]), x.strides, samples.strides, *_steps(x.shape[2:], kernel_size, v.shape[2:]),
        **_taps(kernel_size), PLANAR=n == 2, COMPUTE=COMPUTE[input.dtype], BLOCK=BLOCK,
        INT64=needs_int64(v, i, x),
    )  # fmt: skip


@replayed
def fractional_max_pool_backward(
    out: Buffer, grad: Buffer, indices: Buffer, input_size: Ints, kernel_size: Ints, samples: Buffer
) -> None:
    """Gradient of `fractional_max_pool`: sums of `grad` by index."""
    n = len(kernel_size)
    o, g, i = (_planes(b, n) for b in (out, grad, indices))
    launch(
        _adaptive_pool.fractional_gather_kernel, _grid(o), o, g, i, out.numel, *_sizes(o), o.strides,
        tuple(g.shape[2:]), g.strides, i.strides, *_steps(o.shape[2:], kernel_size, g.shape[2:]),
        **_taps(kernel_size), SUM=COMPUTE[out.dtype], BLOCK=BLOCK, INT64=needs_int64(o, g, i),
    )  # fmt: skip


def _steps(sizes: Ints, kernel_size: Ints, parts: Ints) -> tuple[float, ...]:
    """Mean distance of windows; that of a single window only has to be too large to reach a second."""
    kernel = (*(1,) * (3 - len(kernel_size)), *kernel_size)
    return tuple([(s - k) / (p - 1) if p > 1 else float(s + 1) for s, k, p in zip(sizes, kernel, parts)])


# ---- geometry -------------------------------------------------------------------------------------------


def _planes(buffer: Buffer, n: int) -> Buffer:
    """(..., *spatial) as (batch, channels, *spatial) with three spatial dimensions, the leading ones of size 1."""
    split, lead = buffer.ndim - n, 3 - n
    before, strides = buffer.shape[:split], buffer.strides[:split]
    shape = (*(1,) * (2 - split), *before, *(1,) * lead, *buffer.shape[split:])
    steps = (*(0,) * (2 - split), *strides, *(0,) * lead, *buffer.strides[split:])
    return buffer.as_strided(shape, steps)


def _window(n: int, stride: Ints, padding: Ints, dilation: Ints) -> tuple[Ints, Ints, Ints]:
    """Start, stride and dilation in three dimensions."""
    lead = 3 - n
    start = (0,) * lead + tuple([-p for p in padding])
    return start, (1,) * lead + tuple(stride), (1,) * lead + tuple(dilation)


def _taps(kernel_size: Ints) -> dict[str, int]:
    depth, height, width = (*(1,) * (3 - len(kernel_size)), *kernel_size)
    return {"KD": depth, "KH": height, "KW": width}


def _sizes(planes: Any) -> tuple[int, Ints]:
    """Channels and spatial sizes."""
    return planes.shape[1], tuple(planes.shape[2:])


def _strides(planes: Buffer | None) -> Ints:
    return (0,) * 5 if planes is None else planes.strides


def _walk(planes: Any) -> tuple[Ints, dict[str, Any]]:
    """The grid over the positions of an output, in which order they are taken and how many by a program.

    Along channels that lie last a thread reads and writes 16 bytes.
    """
    last = planes.shape[1] > 1 and planes.strides[1] == 1
    block = max(BLOCK, 128 * 16 // planes.dtype.itemsize) if last else BLOCK
    return _grid(planes, block), {"LAST": last, "BLOCK": block}


def _grid(planes: Any, block: int = BLOCK) -> Ints:
    return (-(-planes.numel // block),)


COMPILE = cases
