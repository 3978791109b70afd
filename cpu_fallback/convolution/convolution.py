"""Convolutions in 1 to 3 dimensions, their gradients, and im2col / col2im."""

from __future__ import annotations

import numpy as np

from tritonnn.cpu_fallback.common.windows import Array, Ints, Padded, Window, compute_dtype, patches
from tritonnn.cpu_fallback.convolution._correlate import correlate, correlate_weight, fold, scatter
from tritonnn.cpu_fallback.convolution._depthwise import depthwise, depthwise_scatter, depthwise_weight

# Above this many outputs an input channel, matrix products beat the tap loop.
DEPTHWISE_MULTIPLIER = 4


def convolution(
    out: Array,
    input: Array,
    weight: Array,
    bias: Array | None,
    stride: Ints,
    padding: Ints,
    dilation: Ints,
    transposed: bool,
    output_padding: Ints,
    groups: int,
) -> None:
    """Convolution, or with `transposed` its transpose; the size of `out` tells `output_padding`."""
    if out.size == 0:
        return
    if input.size == 0:
        out[...] = 0 if bias is None else bias.reshape(-1, *(1,) * (out.ndim - 2))
        return
    dtype = compute_dtype(out.dtype)
    window = Window.of(weight.shape[2:], stride, padding, dilation)
    single = _is_depthwise(weight, groups)
    if input.ndim == 3:
        # one dimension as two, the first of size 1: the ways below all have two at least
        out, input, weight = (a[:, :, None] for a in (out, input, weight))
        window = window.flat()
    if single:
        (depthwise_scatter if transposed else depthwise)(out, input, weight, bias, window, dtype)
    else:
        (scatter if transposed else correlate)(out, input, weight, bias, window, groups, dtype)


def convolution_relu(
    out: Array,
    input: Array,
    weight: Array,
    bias: Array | None,
    z: Array | None,
    alpha: float,
    stride: Ints,
    padding: Ints,
    dilation: Ints,
    groups: int,
) -> None:
    """relu(convolution + bias + alpha z)."""
    dtype = compute_dtype(out.dtype)
    # sums of half precision are rounded once
    total = out if dtype == out.dtype else np.empty(out.shape, dtype)
    if total is not out:
        input, weight = input.astype(dtype), weight.astype(dtype)
        bias = None if bias is None else bias.astype(dtype)
    convolution(total, input, weight, bias, stride, padding, dilation, False, stride, groups)
    if z is not None:
        total += z.astype(dtype, copy=False) * dtype.type(alpha)
    np.maximum(total, 0, out=total)
    if total is not out:
        out[...] = total


def convolution_weight_grad(
    out: Array,
    grad: Array,
    input: Array,
    kernel_size: Ints,
    stride: Ints,
    padding: Ints,
    dilation: Ints,
    groups: int,
) -> None:
    """Gradient of `convolution` (not transposed) with respect to its weight."""
    if out.size == 0:
        return
    if grad.size == 0 or input.size == 0:
        out.fill(0)
        return
    dtype, window = compute_dtype(out.dtype), Window.of(kernel_size, stride, padding, dilation)
    single = _is_depthwise(out, groups)
    if input.ndim == 3:
        out, grad, input = (a[:, :, None] for a in (out, grad, input))
        window = window.flat()
    if single:
        depthwise_weight(out, grad, input, window, dtype)
    else:
        correlate_weight(out, grad, input, window, groups, dtype)


def _is_depthwise(weight: Array, groups: int) -> bool:
    few = weight.shape[0] <= groups * DEPTHWISE_MULTIPLIER
    # The weight gradient sums by vecdot, which conjugates complex operands.
    return weight.shape[1] == 1 and groups > 1 and few and weight.dtype.kind != "c"


def im2col(out: Array, input: Array, kernel_size: Ints, dilation: Ints, padding: Ints, stride: Ints) -> None:
    """Windows of (N, C, H, W) as columns: out is (N, C * kh * kw, windows)."""
    if out.size == 0:
        return
    window = Window.of(kernel_size, stride, padding, dilation)
    sizes = _sizes(input.shape[2:], window)
    region = Padded(input.shape[2:], window.start, window.reach(sizes), input.dtype)
    np.copyto(out, patches(region(input), 2, sizes, window).reshape(out.shape))


def col2im(
    out: Array,
    input: Array,
    output_size: Ints,
    kernel_size: Ints,
    dilation: Ints,
    padding: Ints,
    stride: Ints,
) -> None:
    """Sum columns (N, C * kh * kw, windows) back into the (N, C, H, W) they were cut from."""
    if out.size == 0:
        return
    window = Window.of(kernel_size, stride, padding, dilation)
    columns = input.reshape(*out.shape[:2], *kernel_size, *_sizes(output_size, window))
    dtype = compute_dtype(out.dtype)
    total = out if out.dtype == dtype else np.empty(out.shape, dtype)
    fold(total, columns, window)
    if total is not out:
        np.copyto(out, total, casting="unsafe")


def _sizes(sizes: Ints, window: Window) -> Ints:
    """How many windows fit into padded `sizes`."""
    return tuple((i - 2 * b - d * (k - 1) - 1) // s + 1 for i, k, b, s, d in zip(sizes, *window))
