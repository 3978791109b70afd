"""Depthwise convolutions, and the gradients of their weights; the kernels are in `_depthwise.py`."""

from __future__ import annotations

from typing import Any

from tritonnn import dtypes
from tritonnn.buffer import Buffer
from tritonnn.kernels.convolution._depthwise import depthwise_kernel, depthwise_weight_kernel
from tritonnn.kernels.convolution._geometry import TRITON, Ints, Window, channels_last, merged_channels
from tritonnn.kernels.convolution._weight_plan import reduce, unit_of
from tritonnn.kernels.device.strided import permute
from tritonnn.kernels.launch.autotune import pick
from tritonnn.kernels.launch.launch import architecture, empty, launch, multiprocessors, needs_int64
from tritonnn.kernels.tables.depthwise import (
    MOST_TAPS,
    MOST_UNROLLED,
    DepthwiseTile,
    choose_depthwise,
    choose_parts,
    depthwise_candidates,
)
from tritonnn.shape import numel


def depthwise(out: Buffer, x: Buffer, weight: Buffer, bias: Buffer | None, window: Window) -> None:
    """`correlate` of a weight (groups, channels out, 1, taps...) whose channels lie at one distance."""
    if not out.numel:
        return
    last = channels_last(out) and channels_last(x)
    kernel, sizes = weight.shape[3:], tuple(out.shape[2:])
    multiplier = weight.shape[1]
    out_unit, x_unit = _units(out, x, multiplier, last)
    shared = dict(KD=kernel[0], KH=kernel[1], KW=kernel[2], OUT_UNIT=out_unit, X_UNIT=x_unit,
                  UNROLL=numel(kernel) <= MOST_UNROLLED, COMPUTE=TRITON[_sum_type(out)],
                  INT64=needs_int64(out, x, weight))  # fmt: skip

    def run(tile: DepthwiseTile) -> None:
        patches = _patches(sizes, tile)
        programs = out.shape[0] * numel(patches) * -(-out.shape[1] // tile.channels)
        launch(
            depthwise_kernel, (programs,), out, x, weight, bias, 0 if bias is None else bias.strides[0], sizes,
            patches, _strides(out, out_unit), tuple(x.shape[2:]), _strides(x, x_unit), merged_channels(weight),
            out.shape[1] // out_unit, multiplier, *window,
            HEIGHT=tile.height, WIDTH=tile.width, CHANNELS=tile.channels, num_warps=tile.warps, **shared,
        )  # fmt: skip

    run(_tile(depthwise_kernel, out, kernel, window, last, False, run))


def depthwise_weight(out: Buffer, grad: Buffer, x: Buffer, window: Window) -> None:
    """`convolution_weight_grad` with one input channel a group; `grad` is not empty."""
    last = channels_last(grad) and channels_last(x)
    kernel, sizes, channels = out.shape[2:], tuple(grad.shape[2:]), out.shape[0]
    multiplier = channels // x.shape[1]
    unit, x_unit = _units(grad, x, multiplier, last)
    # as few groups of taps as there must be, of one size
    groups = -(-numel(kernel) // MOST_TAPS)
    taps = -(-numel(kernel) // groups)

    def run(tile: DepthwiseTile) -> None:
        patches = _patches(sizes, tile)
        total = grad.shape[0] * numel(patches)
        programs = -(-channels // tile.channels) * groups
        each = -(-total // choose_parts(total, programs, multiprocessors(out)))
        # parts in the accumulator's type: half precision would round every one of them
        partial = empty((-(-total // each), *kernel, channels, 1), _sum_type(out), out)
        launch(
            depthwise_weight_kernel, (programs, partial.shape[0]), partial, grad, x, sizes, patches, total, each,
            _strides(grad, unit), tuple(x.shape[2:]), _strides(x, x_unit), channels // unit, multiplier, *window,
            KD=kernel[0], KH=kernel[1], KW=kernel[2], TAPS=taps, HEIGHT=tile.height, WIDTH=tile.width,
            CHANNELS=tile.channels, DY_UNIT=unit, X_UNIT=x_unit, COMPUTE=TRITON[partial.dtype],
            INT64=needs_int64(partial, grad, x), num_warps=tile.warps,
        )  # fmt: skip
        reduce(out, permute(partial, (0, 4, 5, 1, 2, 3)))

    run(_tile(depthwise_weight_kernel, grad, kernel, window, last, True, run))


def _tile(
    kernel: Any, out: Buffer, taps: Ints, window: Window, last: bool, gradient: bool, run: Any
) -> DepthwiseTile:
    """The measured tile, or the chosen one."""
    shape = (out.shape[1], *out.shape[3:], last, gradient, architecture())
    problem = (str(out.dtype), out.shape[0], *shape[:-1], *taps, *window.stride, *window.dilation)
    return pick(
        kernel,
        problem,
        choose_depthwise(*shape),
        depthwise_candidates(*shape),
        lambda tile: lambda: run(tile),
    )


def _sum_type(out: Buffer) -> Any:
    return dtypes.float64 if out.dtype is dtypes.float64 else dtypes.float32


def _units(out: Buffer, x: Buffer, multiplier: int, last: bool) -> tuple[int, int]:
    """Elements that one access can take of each; several outputs of a channel read its input one by one."""
    if not last:
        return 1, 1
    return unit_of(out, out.shape[1]), unit_of(x, x.shape[1]) if multiplier == 1 else 1


def _strides(x: Buffer, unit: int) -> Ints:
    """Strides of (batch, spatial..., channel), all but the last in units."""
    inner = [0 if x.shape[d] == 1 else x.strides[d] // unit for d in (0, 2, 3, 4)]
    return (*inner, x.strides[1] if x.shape[1] > 1 else 0)


def _patches(sizes: Ints, tile: DepthwiseTile) -> Ints:
    return sizes[0], -(-sizes[1] // tile.height), -(-sizes[2] // tile.width)
