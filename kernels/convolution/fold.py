"""im2col and col2im: every output element gathers what belongs to it, so no two programs write one place.

col2im, im2col's gradient, adds up overlapping windows. A program per column element would have to add with
atomics; a program per image element visits the KH KW windows that may contain it and sums in a fixed order.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.buffer import Buffer
from tritonnn.kernels.device.pointwise import COMPUTE, convert
from tritonnn.kernels.device.strided import positions
from tritonnn.kernels.launch.launch import launch, needs_int64
from tritonnn.kernels.launch.replay import replayed

Ints = tuple[int, ...]
BLOCK = 512


@triton.jit
def im2col_kernel(
    out_ptr, x_ptr, numel, sizes, out_strides, x_sizes, x_strides, start, stride, dilation,
    KH: tl.constexpr, KW: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """out[n, (c, kh, kw), (oh, ow)] = x[n, c, start + o * stride + k * dilation], zero outside.

    Args:
        numel: elements of `out`.
        sizes: channels, and the number of windows in both dimensions.
    """
    offs = positions(BLOCK, INT64)
    mask = offs < numel
    ow, rest = offs % sizes[2], offs // sizes[2]
    oh, rest = rest % sizes[1], rest // sizes[1]
    kw, rest = rest % KW, rest // KW
    kh, rest = rest % KH, rest // KH
    c, n = rest % sizes[0], rest // sizes[0]
    h = oh * stride[0] + kh * dilation[0] + start[0]
    w = ow * stride[1] + kw * dilation[1] + start[1]
    in_bounds = mask & (h >= 0) & (h < x_sizes[0]) & (w >= 0) & (w < x_sizes[1])
    x_ptrs = x_ptr + n * x_strides[0] + c * x_strides[1] + h * x_strides[2] + w * x_strides[3]
    offset = n * out_strides[0] + ((c * KH + kh) * KW + kw) * out_strides[1]
    offset += (oh * sizes[2] + ow) * out_strides[2]
    tl.store(out_ptr + offset, tl.load(x_ptrs, mask=in_bounds, other=0), mask=mask)


@triton.jit
def col2im_kernel(
    out_ptr, col_ptr, numel, sizes, out_strides, out_sizes, col_strides, start, stride, dilation,
    KH: tl.constexpr, KW: tl.constexpr, SUM: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """out[n, c, h, w] = sum of the columns' elements that `im2col` takes from there."""
    offs = positions(BLOCK, INT64)
    mask = offs < numel
    w, rest = offs % out_sizes[1], offs // out_sizes[1]
    h, rest = rest % out_sizes[0], rest // out_sizes[0]
    c, n = rest % sizes[0], rest // sizes[0]
    # up to KH KW windows overlap here: added in SUM (float32 for 16 bits), rounded once
    acc = tl.zeros((BLOCK,), SUM)
    for kh in range(KH):
        for kw in range(KW):
            # the window of which (kh, kw) is at (h, w), if the stride leaves one there
            dh, dw = h - start[0] - kh * dilation[0], w - start[1] - kw * dilation[1]
            oh, ow = dh // stride[0], dw // stride[1]
            in_bounds = mask & (dh >= 0) & (dw >= 0) & (oh * stride[0] == dh) & (ow * stride[1] == dw)
            in_bounds &= (oh < sizes[1]) & (ow < sizes[2])
            offset = (
                n * col_strides[0] + ((c * KH + kh) * KW + kw) * col_strides[1]
                + (oh * sizes[2] + ow) * col_strides[2]
            )  # fmt: skip
            acc += convert(tl.load(col_ptr + offset, mask=in_bounds, other=0), SUM)
    offset = n * out_strides[0] + c * out_strides[1] + h * out_strides[2] + w * out_strides[3]
    tl.store(out_ptr + offset, convert(acc, out_ptr.dtype.element_ty), mask=mask)


def _counts(sizes: Ints, kernel: Ints, dilation: Ints, padding: Ints, stride: Ints) -> Ints:
    each = zip(sizes, kernel, dilation, padding, stride, strict=True)
    return tuple([(i + 2 * p - d * (k - 1) - 1) // s + 1 for i, k, d, p, s in each])


@replayed
def im2col(
    out: Buffer, input: Buffer, kernel_size: Ints, dilation: Ints, padding: Ints, stride: Ints
) -> None:
    """Windows of (N, C, H, W) as columns: out is (N, C * kh * kw, windows)."""
    counts = _counts(input.shape[2:], kernel_size, dilation, padding, stride)
    launch(
        im2col_kernel, (-(-out.numel // BLOCK),), out, input, out.numel, (input.shape[1], *counts),
        out.strides, tuple(input.shape[2:]), input.strides, tuple([-p for p in padding]), stride, dilation,
        KH=kernel_size[0], KW=kernel_size[1], BLOCK=BLOCK, INT64=needs_int64(out, input),
    )  # fmt: skip


@replayed
def col2im(
    out: Buffer,
    input: Buffer,
    output_size: Ints,
    kernel_size: Ints,
    dilation: Ints,
    padding: Ints,
    stride: Ints,
) -> None:
    """Sum columns (N, C * kh * kw, windows) back into the (N, C, H, W) they were cut from."""
    counts = _counts(output_size, kernel_size, dilation, padding, stride)
    launch(
        col2im_kernel, (-(-out.numel // BLOCK),), out, input, out.numel, (out.shape[1], *counts), out.strides,
        tuple(output_size), input.strides, tuple([-p for p in padding]), stride, dilation,
        KH=kernel_size[0], KW=kernel_size[1], SUM=COMPUTE[out.dtype], BLOCK=BLOCK,
        INT64=needs_int64(out, input),
    )  # fmt: skip
