"""Convolutions and the gradients of their inputs; the kernels are in `_correlate.py` and `_depthwise.py`.

Forward, the transposed convolution (which is also the gradient of the input) and the gradient of the weight
are one kernel each, for any stride, padding, dilation and groups. The matrix kernels read channels in
vectors: operands whose channels are not the innermost dimension are copied to such a layout first (tensors in
the channels_last memory format are not). Depthwise convolutions have kernels of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import gcd
from typing import NamedTuple

from triton import language as tl

from tritonnn import dtypes
from tritonnn.buffer import Buffer
from tritonnn.kernels.convolution._cases import cases
from tritonnn.kernels.convolution._complex import complex_convolution
from tritonnn.kernels.convolution._correlate import correlate_kernel
from tritonnn.kernels.convolution._geometry import (
    Ints,
    Window,
    channels_last,
    check_dtype,
    grouped,
    one_stride,
    packed,
    precision,
    spatial,
    window_of,
)
from tritonnn.kernels.convolution.depthwise import depthwise
from tritonnn.kernels.device.strided import permute
from tritonnn.kernels.launch.launch import architecture, launch, needs_int64
from tritonnn.kernels.launch.replay import replayed
from tritonnn.kernels.tables.convolution import choose_forward
from tritonnn.shape import numel

# Fewer input channels than this and the taps share the inner index with them.
FLAT_DEPTH = 16


@replayed
def convolution(
    out: Buffer,
    input: Buffer,
    weight: Buffer,
    bias: Buffer | None,
    stride: Ints,
    padding: Ints,
    dilation: Ints,
    transposed: bool,
    output_padding: Ints,
    groups: int,
) -> None:
    """Convolution, or with `transposed` its transpose; the size of `out` tells `output_padding`."""
    if not out.numel:
        return
    if out.dtype.is_complex:
        return complex_convolution(
            _convolution, out, input, weight, bias, stride, padding, dilation, transposed, output_padding,
            groups,
        )  # fmt: skip
    _convolution(out, input, weight, bias, stride, padding, dilation, transposed, output_padding, groups)


def _convolution(
    out: Buffer,
    input: Buffer,
    weight: Buffer,
    bias: Buffer | None,
    stride: Ints,
    padding: Ints,
    dilation: Ints,
    transposed: bool,
    output_padding: Ints,
    groups: int,
) -> None:
    check_dtype("convolution", out)
    window = window_of(stride, padding, dilation)
    out, input, weight = spatial(out), spatial(input), spatial(weight)
    if not transposed:
        correlate(out, input, grouped(weight, groups), bias, window, groups)
        return
    weight_t = grouped(weight, groups)
    # the weight of a transposed convolution comes as (channels in, channels out, taps...)
    weight_t = permute(weight_t, (0, 2, 1, 3, 4, 5))
    for out_phase, w_phase, window_phase in _phases(out, weight_t, window):
        if w_phase is None:  # what no tap reaches is a convolution of nothing
            empty = input.as_strided((*input.shape[:2], 0, 0, 0), input.strides)
            correlate(
                out_phase, empty, weight_t.as_strided((*weight_t.shape[:3], 1, 1, 1), weight_t.strides), bias,
                window_phase, groups,
            )  # fmt: skip
        else:
            correlate(out_phase, input, w_phase, bias, window_phase, groups)


def correlate(
    out: Buffer, x: Buffer, weight: Buffer, bias: Buffer | None, window: Window, groups: int
) -> None:
    """out[n, c, o] = bias[c] + sum over (i, t) of w[c, i, t] * x[n, i, start + o * stride + t * dilation].

    `weight`, w, is (groups, channels out, channels in, taps in three dimensions).
    """
    channels, depth, kernel = weight.shape[1], weight.shape[2], weight.shape[3:]
    compute = tl.float64 if out.dtype is dtypes.float64 else tl.float32
    int64 = needs_int64(out, x, weight)
    bias_stride = 0 if bias is None else bias.strides[0]
    if depth == 1 and groups > 1 and one_stride(weight):
        return depthwise(out, x, weight, bias, window)
    rows = out.shape[0] * numel(out.shape[2:])
    flat = depth < FLAT_DEPTH and numel(kernel) > 1
    tile = choose_forward(rows, channels, depth, x.dtype.itemsize, architecture(), flat)
    if not flat:
        # loads go along channels: with another dimension innermost every element is an access of its own
        x, weight = packed(x), packed(weight, 2)
    launch(
        correlate_kernel, (-(-rows // tile.rows) * -(-channels // tile.columns), groups),
        out, x, weight, bias, bias_stride, rows, tuple(out.shape[2:]), out.strides, tuple(x.shape[2:]),
        x.strides, weight.strides, channels, depth, *window,
        KD=kernel[0], KH=kernel[1], KW=kernel[2], BLOCK_M=tile.rows, BLOCK_N=tile.columns,
        BLOCK_K=tile.depth, FLAT=flat, OUT_LAST=channels_last(out),
        PRECISION=precision(x), COMPUTE=compute, INT64=int64, num_warps=tile.warps, num_stages=tile.stages,
    )  # fmt: skip


def _phases(out: Buffer, weight: Buffer, window: Window) -> Iterator[tuple[Buffer, Buffer | None, Window]]:
    """A transposed convolution as plain ones of stride 1: every `stride`-th output uses the same taps.

    Output i of a dimension meets tap t where i - start - t * dilation is a multiple of the stride, at that
    multiple of the input. With i = first + stride * u these are the taps tap + step * v, and the input is
    u + shift - v * dilation / gcd: a correlation with the taps in reverse order.
    """
    choices = [
        [_phase(a, *axis) for a in range(min(axis[3], axis[0]))]
        for axis in zip(out.shape[2:], weight.shape[3:], *window)
    ]  # fmt: skip
    for phase in product(*choices):
        shape, strides, offset = list(out.shape), list(out.strides), 0
        w_shape, w_strides, w_offset = list(weight.shape), list(weight.strides), 0
        no_tap = any(axis.taps == 0 for axis in phase)
        for dim, axis in enumerate(phase):
            shape[2 + dim] = axis.size
            offset += axis.first * strides[2 + dim]
            strides[2 + dim] *= window.stride[dim]
            w_shape[3 + dim] = axis.taps
            w_offset += axis.last_tap * w_strides[3 + dim]
            w_strides[3 + dim] *= -axis.tap_step
        out_phase = out.as_strided(tuple(shape), tuple(strides), offset)
        w_phase = None if no_tap else weight.as_strided(tuple(w_shape), tuple(w_strides), w_offset)
        start, dilation = [tuple([getattr(axis, name) for axis in phase]) for name in ("start", "dilation")]
        yield out_phase, w_phase, Window(start, (1,) * 3, dilation)


class _Phase(NamedTuple):
    """The outputs first, first + stride, ... of one dimension, and the taps that reach them."""

    first: int
    size: int
    taps: int
    last_tap: int
    tap_step: int
    start: int
    dilation: int


def _phase(a: int, size: int, kernel: int, start: int, stride: int, dilation: int) -> _Phase:
    """The outputs a, a + stride, ... of one dimension."""
    # t and t + step land on the same phase, `spread` inputs apart
    common = gcd(stride, dilation)
    step, spread = stride // common, dilation // common
    tap = next((t for t in range(min(kernel, step)) if (a - start - t * dilation) % stride == 0), None)
    count = 0 if tap is None else -(-(kernel - tap) // step)
    if tap is None or count == 0:
        return _Phase(a, -(-(size - a) // stride), 0, 0, 1, 0, 1)
    shift = (a - start - tap * dilation) // stride
    last = tap + (count - 1) * step
    return _Phase(a, -(-(size - a) // stride), count, last, step, shift - (count - 1) * spread, spread)


COMPILE = cases
