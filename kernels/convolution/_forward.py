"""How one convolution, or one phase of a transposed one, is carried out.

In this order, the first that can: as a matrix product where windows are single positions (`kernels/linalg`); by
`depthwise_kernel` where a group has one channel; by `patches_kernel` through tensor descriptors where windows move
by one position; by `correlate_kernel` through addresses, which can everything.
"""

from __future__ import annotations

from collections.abc import Callable

from triton import language as tl

from tritonnn import dtypes
from tritonnn.buffer import Buffer
from tritonnn.kernels.convolution._correlate import correlate_kernel
from tritonnn.kernels.convolution._described import padded_copy, patches_convolution, suits_patches
from tritonnn.kernels.convolution._geometry import (
    Finish,
    Window,
    channels_last,
    one_stride,
    packed,
    precision,
)
from tritonnn.kernels.convolution._product import product_of, run_product
from tritonnn.kernels.convolution.depthwise import depthwise
from tritonnn.kernels.launch.autotune import pick
from tritonnn.kernels.launch.launch import architecture, launch, needs_int64
from tritonnn.kernels.tables.convolution import Tile, choose_forward, forward_candidates
from tritonnn.shape import numel

# Fewer input channels than this and the taps share the inner index with them.
FLAT_DEPTH = 16
VECTOR_BYTES = 16  # of the widest access


def correlate(out: Buffer, x: Buffer, weight: Buffer, window: Window, groups: int, finish: Finish) -> None:
    """out[n, c, o] = finish(sum over (i, t) of w[c, i, t] * x[n, i, start + o * stride + t * dilation]).

    `weight`, w, is (groups, channels out, channels in, taps in three dimensions).
    """
    if weight.shape[2] == 1 and groups > 1 and one_stride(weight):
        depthwise(out, x, weight, window, finish)
        return
    if groups == 1 and weight.shape[2]:
        whole = weight.as_strided(weight.shape[1:], weight.strides[1:])
        product = product_of(out, x, whole, window, finish)
        if product is not None:
            run_product(product)
            return
        if suits_patches(out, x, whole, window):
            patches_convolution(out, x, whole, window, finish)
            return
    _by_addresses(out, x, weight, window, groups, finish)


def _compute(out: Buffer) -> tl.dtype:
    return tl.float64 if out.dtype is dtypes.float64 else tl.float32


def in_vectors(buffer: Buffer, channels_at: int, count: int) -> bool:
    """Whether so many channels are one access of 4 to 16 bytes wherever a position starts."""
    size = count * buffer.dtype.itemsize
    if count & (count - 1) or not 4 <= size <= VECTOR_BYTES:
        return False
    others = [s for d, s in enumerate(buffer.strides) if d != channels_at]
    # strides of dimensions of one element lead nowhere, but are promised to be multiples as well
    return buffer.strides[channels_at] == 1 and not any(s % count for s in others) and buffer.ptr % size == 0


def _flat_operands(x: Buffer, weight: Buffer, groups: int) -> tuple[Buffer, Buffer, int]:
    """x and the weight of few channels, in a layout with vectors of them where that pays, and the vectors' length."""
    depth, itemsize = weight.shape[2], x.dtype.itemsize
    if in_vectors(x, 1, depth) and in_vectors(weight, 2, depth):
        return x, weight, depth
    # of one or two channels most of a vector would be zeros; those of groups have no room between them
    if groups > 1 or not 2 < depth <= VECTOR_BYTES // itemsize:
        return x, weight, 1
    room = 4 if depth <= 4 else 8
    if depth != room or not in_vectors(x, 1, room):
        x = padded_copy(x, 1, room, zeros=True)
    whole = padded_copy(weight.as_strided(weight.shape[1:], weight.strides[1:]), 1, room, zeros=True)
    return x, whole.as_strided((1, *whole.shape), (0, *whole.strides)), room


def _by_addresses(
    out: Buffer, x: Buffer, weight: Buffer, window: Window, groups: int, finish: Finish
) -> None:
    kernel, rows = weight.shape[3:], out.shape[0] * numel(out.shape[2:])
    flat, wide = weight.shape[2] < FLAT_DEPTH and numel(kernel) > 1, 1
    if flat:
        x, weight, wide = _flat_operands(x, weight, groups)
    else:
        # loads go along channels: with another dimension innermost every element is an access of its own
        x = packed(x)
        if x.dtype.itemsize != 2 or (weight.strides[1] != 1 and weight.shape[1] > 1):
            weight = packed(weight, 2)
    channels, depth = weight.shape[1:3]
    residual = finish.residual

    def build(tile: Tile) -> Callable[[], None]:
        return lambda: launch(
            correlate_kernel, (-(-rows // tile.rows) * -(-channels // tile.columns), groups),
            out, x, weight, finish.bias, residual, finish.bias_stride, rows, tuple(out.shape[2:]), out.strides,
            (residual or out).strides, tuple(x.shape[2:]), x.strides, weight.strides, channels, depth, *window,
            finish.alpha,
            KD=kernel[0], KH=kernel[1], KW=kernel[2], CHANNELS=depth if flat else None, VECTOR=wide,
            BLOCK_M=tile.rows, BLOCK_N=tile.columns, BLOCK_K=tile.depth, EVEN_K=flat or depth % tile.depth == 0,
            OUT_LAST=channels_last(out), EPILOGUE=finish.epilogue, PRECISION=precision(x),
            COMPUTE=_compute(out), INT64=needs_int64(out, x, weight, residual, finish.bias), num_warps=tile.warps,
            num_stages=tile.stages,
        )  # fmt: skip

    run = depth * kernel[2] if flat else depth
    problem = (rows, channels, run, x.dtype.itemsize, architecture(), flat)
    tiles = forward_candidates(*problem)
    kind = (*problem, *kernel, *window.stride, groups, channels_last(out), wide)
    build(pick(correlate_kernel, kind, choose_forward(*problem), tiles, build))()
