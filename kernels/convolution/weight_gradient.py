"""Gradients of the weights of convolutions; the kernels are in `_weight.py` and `_depthwise.py`."""

from __future__ import annotations

from functools import partial

from tritonnn import dtypes
from tritonnn.buffer import Buffer
from tritonnn.kernels.convolution._complex import complex_weight_grad
from tritonnn.kernels.convolution._depthwise import depthwise_weight_kernel
from tritonnn.kernels.convolution._geometry import (
    DEPTHWISE_BLOCK,
    TRITON,
    Ints,
    Window,
    check_dtype,
    packed,
    precision,
    spatial,
    window_of,
)
from tritonnn.kernels.convolution._weight import reduce_kernel, weight_kernel
from tritonnn.kernels.launch.launch import architecture, empty, launch, multiprocessors, needs_int64
from tritonnn.kernels.launch.replay import replayed
from tritonnn.kernels.tables.convolution import choose_weight
from tritonnn.shape import numel


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
    check_dtype("convolution_weight_grad", out)
    window = window_of(stride, padding, dilation)
    out, grad, x = spatial(out), spatial(grad), spatial(input)
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
    grad, x = packed(grad), packed(x)
    compute = dtypes.float64 if out.dtype is dtypes.float64 else dtypes.float32
    if splits == 1:
        # one part writes the gradient itself, in its own dtype and layout: no workspace, no second launch
        target, strides = out, (0, channels * out.strides[0], *out.strides)
    else:
        target = empty((splits, *out.shape), compute, out)
        strides = (target.strides[0], channels * target.strides[1], *target.strides[1:])
    tiles = -(-channels // tile.rows) * -(-(depth * taps) // tile.columns)
    launch(
        weight_kernel, (tiles, splits, groups), target, grad, x, rows, tuple(grad.shape[2:]),
        grad.strides, tuple(x.shape[2:]), x.strides, strides, channels, depth, split_k_size, *window,
        KD=kernel[0], KH=kernel[1], KW=kernel[2], BLOCK_M=tile.rows, BLOCK_N=tile.columns, BLOCK_K=tile.depth,
        ONE_TAP=depth % tile.columns == 0, PRECISION=precision(x),
        COMPUTE=TRITON[compute], INT64=needs_int64(target, grad, x), num_warps=tile.warps,
        num_stages=tile.stages,
    )  # fmt: skip
    if splits > 1:
        _reduce(out, target, splits)


def _reduce(out: Buffer, partial: Buffer, splits: int) -> None:
    launch(
        reduce_kernel, (-(-out.numel // 512),), out, partial, out.numel, splits, tuple(out.shape),
        out.strides,
        BLOCK=512, COMPUTE=TRITON[partial.dtype], INT64=needs_int64(out, partial),
    )  # fmt: skip


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
        depthwise_weight_kernel, (channels, taps, splits), partial, grad, x, rows,
        tuple(grad.shape[2:]), grad.strides, tuple(x.shape[2:]), x.strides, channels, channels // x.shape[1],
        split_k_size, *window,
        KH=kernel[1], KW=kernel[2], BLOCK=DEPTHWISE_BLOCK, COMPUTE=TRITON[compute],
        INT64=needs_int64(grad, x),
    )  # fmt: skip
    _reduce(out, partial, splits)
