"""Convolutions and their gradients; the kernels are in `_kernels.py`.

Forward, the transposed convolution (which is also the gradient of the input) and the gradient of the weight
are one kernel each, for any stride, padding, dilation and groups. The matrix kernels read channels in
vectors: operands whose channels are not the innermost dimension are copied to such a layout first (tensors in
the channels_last memory format are not). Depthwise convolutions have kernels of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import product
from math import gcd
from typing import NamedTuple

from triton import language as tl

from tritonnn import dtypes
from tritonnn.buffer import Buffer
from tritonnn.kernels.convolution import _kernels as _conv
from tritonnn.kernels.convolution._cases import cases
from tritonnn.kernels.convolution._complex import complex_convolution, complex_weight_grad
from tritonnn.kernels.device.moving import copy
from tritonnn.kernels.device.strided import permute
from tritonnn.kernels.launch.launch import architecture, empty, launch, multiprocessors, needs_int64
from tritonnn.kernels.launch.replay import replayed
from tritonnn.kernels.tables.convolution import choose_forward, choose_weight
from tritonnn.shape import numel

Ints = tuple[int, ...]
# Fewer input channels than this and the taps share the inner index with them.
FLAT_DEPTH = 16
DEPTHWISE_BLOCK = 256  # positions of a program: 2 a thread of 4 warps


class Window(NamedTuple):
    """Where output `o` and tap `t` meet in each of three dimensions: start + o * stride + t * dilation."""

    start: Ints
    stride: Ints
    dilation: Ints


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
    _check_dtype("convolution", out)
    window = _window(stride, padding, dilation)
    out, input, weight = _spatial(out), _spatial(input), _spatial(weight)
    if not transposed:
        correlate(out, input, _grouped(weight, groups), bias, window, groups)
        return
    weight_t = _grouped(weight, groups)
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


@replayed
def convolution_weight_grad(
    out: Buffer,
    grad: Buffer,
    input: Buffer,
    kernel_size: Ints,
    stride: Ints,
    padding: Ints,
    dilation: Ints,
    groups: int,
) -> None:
    """Gradient of `convolution` (not transposed) with respect to its weight."""
    run = partial(complex_weight_grad, _weight_grad) if out.dtype.is_complex else _weight_grad
    run(out, grad, input, kernel_size, stride, padding, dilation, groups)


def _weight_grad(
    out: Buffer, grad: Buffer, input: Buffer, kernel_size: Ints, stride: Ints, padding: Ints, dilation: Ints,
    groups: int,
) -> None:  # fmt: skip
    _check_dtype("convolution_weight_grad", out)
    window = _window(stride, padding, dilation)
    out, grad, x = _spatial(out), _spatial(grad), _spatial(input)
    kernel, rows = out.shape[2:], grad.shape[0] * numel(grad.shape[2:])
    if out.shape[1] == 1 and groups > 1:
        _depthwise_weight(out, grad, x, window)
        return
    channels, depth, taps = out.shape[0] // groups, out.shape[1], numel(kernel)
    size, processors = x.dtype.itemsize, multiprocessors(out)
    tile, splits = choose_weight(channels, depth * taps, rows, size, architecture(), processors, groups)
    num_blocks_k = -(-rows // tile.depth)
    # whole steps, so that no part starts inside one; then only the parts that have something
    split_k_size = max(1, -(-num_blocks_k // splits)) * tile.depth
    splits = max(1, -(-rows // split_k_size))
    grad, x = _packed(grad), _packed(x)
    compute = dtypes.float64 if out.dtype is dtypes.float64 else dtypes.float32
    if splits == 1:
        # one part writes the gradient itself, in its own dtype and layout: no workspace, no second launch
        target, strides = out, (0, channels * out.strides[0], *out.strides)
    else:
        target = empty((splits, *out.shape), compute, out)
        strides = (target.strides[0], channels * target.strides[1], *target.strides[1:])
    tiles = -(-channels // tile.rows) * -(-(depth * taps) // tile.columns)
    launch(
        _conv.weight_kernel, (tiles, splits, groups), target, grad, x, rows, tuple(grad.shape[2:]),
        grad.strides, tuple(x.shape[2:]), x.strides, strides, channels, depth, split_k_size, *window,
        KD=kernel[0], KH=kernel[1], KW=kernel[2], BLOCK_M=tile.rows, BLOCK_N=tile.columns, BLOCK_K=tile.depth,
        ONE_TAP=depth % tile.columns == 0, PRECISION=_precision(x),
        COMPUTE=_TRITON[compute], INT64=needs_int64(target, grad, x), num_warps=tile.warps,
        num_stages=tile.stages,
    )  # fmt: skip
    if splits > 1:
        _reduce(out, target, splits)


def _reduce(out: Buffer, partial: Buffer, splits: int) -> None:
    launch(
        _conv.reduce_kernel, (-(-out.numel // 512),), out, partial, out.numel, splits, tuple(out.shape),
        out.strides,
        BLOCK=512, COMPUTE=_TRITON[partial.dtype], INT64=needs_int64(out, partial),
    )  # fmt: skip


# ---- forward --------------------------------------------------------------------------------------------

_TRITON = {dtypes.float32: tl.float32, dtypes.float64: tl.float64}
_SUPPORTED = (dtypes.float16, dtypes.bfloat16, dtypes.float32, dtypes.float64)


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
    if depth == 1 and groups > 1 and _one_stride(weight):
        rows = numel(out.shape[2:])
        launch(
            _conv.depthwise_kernel, (-(-rows // DEPTHWISE_BLOCK), out.shape[0] * out.shape[1]),
            out, x, weight, bias, bias_stride, rows, tuple(out.shape[2:]), out.strides, tuple(x.shape[2:]),
            x.strides, _merged_channels(weight), out.shape[1], channels, *window,
            KD=kernel[0], KH=kernel[1], KW=kernel[2], BLOCK=DEPTHWISE_BLOCK, COMPUTE=compute, INT64=int64,
        )  # fmt: skip
        return
    rows = out.shape[0] * numel(out.shape[2:])
    flat = depth < FLAT_DEPTH and numel(kernel) > 1
    tile = choose_forward(rows, channels, depth, x.dtype.itemsize, architecture(), flat)
    if not flat:
        # loads go along channels: with another dimension innermost every element is an access of its own
        x, weight = _packed(x), _packed(weight, 2)
    launch(
        _conv.correlate_kernel, (-(-rows // tile.rows) * -(-channels // tile.columns), groups),
        out, x, weight, bias, bias_stride, rows, tuple(out.shape[2:]), out.strides, tuple(x.shape[2:]),
        x.strides, weight.strides, channels, depth, *window,
        KD=kernel[0], KH=kernel[1], KW=kernel[2], BLOCK_M=tile.rows, BLOCK_N=tile.columns,
        BLOCK_K=tile.depth, FLAT=flat, OUT_LAST=_channels_last(out),
        PRECISION=_precision(x), COMPUTE=compute, INT64=int64, num_warps=tile.warps, num_stages=tile.stages,
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


# ---- weight gradient ------------------------------------------------------------------------------------


def _depthwise_weight(out: Buffer, grad: Buffer, x: Buffer, window: Window) -> None:
    channels, kernel = out.shape[0], out.shape[2:]
    rows, taps = grad.shape[0] * numel(grad.shape[2:]), numel(out.shape[2:])
    # enough programs for four a multiprocessor, but at least four blocks of positions each
    programs, blocks = channels * taps, rows // DEPTHWISE_BLOCK
    max_splits = max(1, min(4 * multiprocessors(out) // max(1, programs), blocks // 4))
    split_k_size = max(1, -(-rows // (max_splits * DEPTHWISE_BLOCK))) * DEPTHWISE_BLOCK
    splits = max(1, -(-rows // split_k_size))
    compute = dtypes.float64 if out.dtype is dtypes.float64 else dtypes.float32
    # parts in the accumulator's type: half precision would round every one of them
    partial = empty((splits, *out.shape), compute, out)
    launch(
        _conv.depthwise_weight_kernel, (channels, taps, splits), partial, grad, x, rows,
        tuple(grad.shape[2:]), grad.strides, tuple(x.shape[2:]), x.strides, channels, channels // x.shape[1],
        split_k_size, *window,
        KH=kernel[1], KW=kernel[2], BLOCK=DEPTHWISE_BLOCK, COMPUTE=_TRITON[compute],
        INT64=needs_int64(grad, x),
    )  # fmt: skip
    _reduce(out, partial, splits)


# ---- geometry -------------------------------------------------------------------------------------------


def _check_dtype(name: str, out: Buffer) -> None:
    if out.dtype not in _SUPPORTED:
        known = ", ".join(d.name for d in _SUPPORTED)
        raise NotImplementedError(f"{name} has no GPU kernel for {out.dtype.name}, only for {known}")


def _precision(x: Buffer) -> str:
    from tritonnn.precision import convolution_precision

    return convolution_precision() if x.dtype is dtypes.float32 else "ieee"


def _window(stride: Ints, padding: Ints, dilation: Ints) -> Window:
    lead = 3 - len(stride)
    start = (0,) * lead + tuple([-p for p in padding])
    return Window(start, (1,) * lead + tuple(stride), (1,) * lead + tuple(dilation))


def _spatial(buffer: Buffer) -> Buffer:
    """(batch, channels, *spatial) with leading spatial dimensions of size 1, three in all."""
    lead = 5 - len(buffer.shape)
    shape = (*buffer.shape[:2], *(1,) * lead, *buffer.shape[2:])
    return buffer.as_strided(shape, (*buffer.strides[:2], *(0,) * lead, *buffer.strides[2:]))


def _grouped(weight: Buffer, groups: int) -> Buffer:
    """The first dimension split into (groups, channels a group)."""
    each = weight.shape[0] // groups
    shape, strides = (groups, each, *weight.shape[1:]), (each * weight.strides[0], *weight.strides)
    return weight.as_strided(shape, strides)


def _one_stride(weight: Buffer) -> bool:
    """Whether (groups, multiplier) count channels at one distance."""
    return weight.shape[1] == 1 or weight.strides[0] == weight.shape[1] * weight.strides[1]


def _merged_channels(weight: Buffer) -> Ints:
    """Strides of (channel out, taps...) of a depthwise weight (groups, multiplier, 1, taps...)."""
    channel_stride = weight.strides[1] if weight.shape[1] > 1 else weight.strides[0]
    return (channel_stride, *weight.strides[3:])


def _packed(buffer: Buffer, axis: int = 1) -> Buffer:
    """The buffer with the channels at `axis` innermost in memory, copied where they are not."""
    if buffer.shape[axis] == 1 or buffer.strides[axis] == 1 or buffer.numel == 0:
        return buffer
    order = (*[d for d in range(buffer.ndim) if d != axis], axis)
    packed = empty(tuple([buffer.shape[d] for d in order]), buffer.dtype, buffer)
    copy(packed, permute(buffer, order))
    inverse = [order.index(d) for d in range(buffer.ndim)]
    return permute(packed, tuple(inverse))


def _channels_last(buffer: Buffer) -> bool:
    return buffer.strides[1] == 1 and buffer.shape[1] > 1


COMPILE = cases
