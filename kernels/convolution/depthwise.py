"""Depthwise convolutions, and the gradients of their weights; the kernels are in `_depthwise.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tritonnn import dtypes
from tritonnn.buffer import Buffer
from tritonnn.kernels.convolution._depthwise import depthwise_kernel, depthwise_weight_kernel
from tritonnn.kernels.convolution._geometry import (
    TRITON,
    Finish,
    Ints,
    Window,
    channels_last,
    merged_channels,
    packed,
)
from tritonnn.kernels.convolution._weight_plan import reduce, unit_of
from tritonnn.kernels.device.strided import permute
from tritonnn.kernels.launch.autotune import pick
from tritonnn.kernels.launch.launch import architecture, empty, launch, multiprocessors, needs_int64
from tritonnn.kernels.tables import depthwise as tables
from tritonnn.kernels.tables.depthwise import DepthwiseTile, choose_depthwise, choose_parts, choose_taps
from tritonnn.shape import numel


def depthwise(out: Buffer, x: Buffer, weight: Buffer, window: Window, finish: Finish) -> None:
    """`correlate` of a weight (groups, channels out, 1, taps...) whose channels lie at one distance."""
    if not out.numel:
        return
    residual = finish.residual
    last = channels_last(out) and channels_last(x) and (residual is None or channels_last(residual))
    kernel, multiplier, channels = weight.shape[3:], weight.shape[1], out.shape[1]
    channel, *taps = merged_channels(weight)
    weight = weight.as_strided((channels, 1, *kernel), (channel, 0, *taps))
    out_unit, x_unit, w_unit = 1, 1, 1
    if last:
        out_unit = min(unit_of(out, channels), unit_of(residual or out, channels))
        if out.numel >= tables.WORTH_PACKING:
            weight = packed(weight, 0)
            w_unit = _channels_unit(weight)
        if multiplier == 1:
            x_unit = unit_of(x, channels)
    w_strides = (weight.strides[0], *[s // w_unit for s in weight.strides[2:]])

    def run(tile: DepthwiseTile) -> None:
        patches = _patches(out, tile)
        programs = out.shape[0] * numel(patches) * -(-channels // tile.channels)
        launch(
            depthwise_kernel, (programs,), out, x, weight, finish.bias, residual, finish.bias_stride,
            tuple(out.shape[2:]), patches, _strides(out, out_unit), _strides(residual or out, out_unit),
            tuple(x.shape[2:]), _strides(x, x_unit), w_strides, channels // out_unit, multiplier, *window,
            finish.alpha,
            KD=kernel[0], KH=kernel[1], KW=kernel[2], OUT_UNIT=out_unit, X_UNIT=x_unit, W_UNIT=w_unit,
            EPILOGUE=finish.epilogue, **_constants(out, tile, window),
            INT64=needs_int64(out, x, weight, residual), num_warps=tile.warps,
        )  # fmt: skip

    run(_tile(depthwise_kernel, out, kernel, window, last, False, run))


def depthwise_weight(out: Buffer, grad: Buffer, x: Buffer, window: Window) -> None:
    """`convolution_weight_grad` with one input channel a group; `grad` is not empty."""
    last = channels_last(grad) and channels_last(x)
    kernel, channels = out.shape[2:], out.shape[0]
    multiplier = channels // x.shape[1]
    unit = unit_of(grad, channels) if last else 1
    x_unit = unit_of(x, channels) if last and multiplier == 1 else 1
    high, wide = choose_taps(*kernel[1:])
    groups = kernel[0] * -(-kernel[1] // high) * -(-kernel[2] // wide)

    def run(tile: DepthwiseTile) -> None:
        patches = _patches(grad, tile)
        total = grad.shape[0] * numel(patches)
        programs = -(-channels // tile.channels) * groups
        each = -(-total // choose_parts(total, programs, multiprocessors(out)))
        # parts in the accumulator's type: half precision would round every one of them
        sum_type = dtypes.float64 if out.dtype is dtypes.float64 else dtypes.float32
        partial = empty((-(-total // each), *kernel, channels, 1), sum_type, out)
        launch(
            depthwise_weight_kernel, (programs, partial.shape[0]), partial, grad, x, tuple(grad.shape[2:]),
            patches, total, each, _strides(grad, unit), tuple(x.shape[2:]), _strides(x, x_unit),
            channels // unit, multiplier, *window,
            KD=kernel[0], KH=kernel[1], KW=kernel[2], TAPS_H=high, TAPS_W=wide, DY_UNIT=unit, X_UNIT=x_unit,
            **_constants(out, tile, window), INT64=needs_int64(partial, grad, x), num_warps=tile.warps,
        )  # fmt: skip
        reduce(out, permute(partial, (0, 4, 5, 1, 2, 3)))

    run(_tile(depthwise_weight_kernel, grad, kernel, window, last, True, run))


def _tile(
    kernel: Any, out: Buffer, taps: Ints, window: Window, last: bool, gradient: bool,
    run: Callable[[DepthwiseTile], None],
) -> DepthwiseTile:  # fmt: skip
    """The measured tile, or the chosen one."""
    shape = (out.shape[1], *out.shape[3:], last, gradient, out.dtype.itemsize)
    problem = (str(out.dtype), architecture(), out.shape[0], *shape, *taps, *window.stride, *window.dilation)
    candidates = tables.depthwise_candidates(*shape)
    return pick(kernel, problem, choose_depthwise(*shape), candidates, lambda tile: lambda: run(tile))


def _constants(out: Buffer, tile: DepthwiseTile, window: Window) -> dict[str, Any]:
    return {
        "STRIDE": window.stride[1], "DILATION": window.dilation[1], "ROWS": tile.rows, "HEIGHT": tile.height,
        "WIDTH": tile.width, "CHANNELS": tile.channels,
        "COMPUTE": TRITON[dtypes.float64 if out.dtype is dtypes.float64 else dtypes.float32],
    }  # fmt: skip


def _channels_unit(weight: Buffer) -> int:
    """What one access can take of a weight (channels, 1, taps...) with channels innermost."""
    unit = 16 // weight.dtype.itemsize if not weight.ptr % 16 else 1
    while any(s % unit for n, s in zip(weight.shape[1:], weight.strides[1:], strict=True) if n > 1):
        unit //= 2
    return unit


def _strides(x: Buffer, unit: int) -> Ints:
    """Strides of (batch, spatial..., channel), all but the last in units."""
    inner = [0 if x.shape[d] == 1 else x.strides[d] // unit for d in (0, 2, 3, 4)]
    return (*inner, x.strides[1] if x.shape[1] > 1 else 0)


def _patches(out: Buffer, tile: DepthwiseTile) -> Ints:
    d, h, w = out.shape[2:]
    return d, -(-h // (tile.height * tile.rows)), -(-w // tile.width)
