"""Convolutions and the gradients of their inputs; `_forward.py` says by which kernels.

Any stride, padding, dilation and groups. The transposed convolution (which is also the gradient of the input) is
a plain one of stride 1 for each phase of the stride. The matrix kernels read channels in vectors: operands whose
channels are not the innermost dimension are copied to such a layout first (tensors in the channels_last memory
format are not), unless the convolution is a plain product.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import gcd
from typing import NamedTuple

from tritonnn.buffer import Buffer
from tritonnn.kernels.activation import relu
from tritonnn.kernels.convolution._cases import cases
from tritonnn.kernels.convolution._complex import complex_convolution
from tritonnn.kernels.convolution._forward import correlate
from tritonnn.kernels.convolution._geometry import (
    Finish,
    Ints,
    Window,
    check_dtype,
    grouped,
    spatial,
    window_of,
)
from tritonnn.kernels.device.moving import fill
from tritonnn.kernels.device.strided import permute
from tritonnn.kernels.launch.replay import replayed


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
    window, finish = window_of(stride, padding, dilation), Finish(bias)
    out, input, weight = spatial(out), spatial(input), spatial(weight)
    if not transposed:
        correlate(out, input, grouped(weight, groups), window, groups, finish)
        return
    weight_t = grouped(weight, groups)
    # the weight of a transposed convolution comes as (channels in, channels out, taps...)
    weight_t = permute(weight_t, (0, 2, 1, 3, 4, 5))
    phases = list(_phases(out, weight_t, window))
    if bias is None and any(w_phase is None for _, w_phase, _ in phases):
        # what no tap reaches: all at once, instead of a launch for each such phase
        fill(out, 0)
        phases = [phase for phase in phases if phase[1] is not None]
    for out_phase, w_phase, window_phase in phases:
        x = input
        if w_phase is None:  # a convolution of nothing
            x = x.as_strided((x.shape[0], 0, 0, 0, 0), x.strides)
            w_phase = weight_t.as_strided((*weight_t.shape[:2], 0, 1, 1, 1), weight_t.strides)
        correlate(out_phase, x, w_phase, window_phase, groups, finish)


@replayed
def convolution_relu(
    out: Buffer,
    input: Buffer,
    weight: Buffer,
    bias: Buffer | None,
    z: Buffer | None,
    alpha: float,
    stride: Ints,
    padding: Ints,
    dilation: Ints,
    groups: int,
) -> None:
    """relu(convolution + bias + alpha z), of real numbers."""
    if not out.numel:
        return
    check_dtype("convolution_relu", out)
    finish = Finish(bias, None if z is None else spatial(z), alpha, relu)
    weight = grouped(spatial(weight), groups)
    correlate(spatial(out), spatial(input), weight, window_of(stride, padding, dilation), groups, finish)


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
