"""Batch and group normalisation: how their inputs are seen and launched; the kernels are in `_channel_kernels.py`."""

from __future__ import annotations

from typing import Any, NamedTuple

from triton import language as tl

from tritonnn.buffer import Buffer
from tritonnn.dtypes import float64
from tritonnn.kernels.check.case import Case
from tritonnn.kernels.device.moving import fill
from tritonnn.kernels.device.reduce import moments_kernel
from tritonnn.kernels.device.strided import contiguous_or_none
from tritonnn.kernels.launch.launch import empty, launch, multiprocessors, needs_int64
from tritonnn.kernels.launch.replay import replayed
from tritonnn.kernels.normalization._channel_kernels import (
    finish_batch_kernel,
    finish_group_kernel,
    finish_moments_kernel,
    gradient_kernel,
    group_affine_kernel,
    normalise_kernel,
    sums_kernel,
    use_running_kernel,
)
from tritonnn.kernels.tables.reduction import choose_reduction, merge, power_of_2
from tritonnn.shape import numel

TILE = 2048  # elements of an elementwise tile: 16 a thread of 4 warps
MOST_PARTS = 4096  # that one program puts together to a mean and a variance


class _Grouped(NamedTuple):
    """An input as dimensions of planes and of positions.

    Attributes:
        planes: extents (N, G, C / G); one group of one channel each for batch normalisation.
        stat: strides of the statistics along them; weight: those of weight and bias.
        positions: extents of the other dimensions.
    """

    planes: tuple[int, int, int]
    stat: tuple[int, int, int]
    weight: tuple[int, int, int]
    positions: tuple[int, ...]

    def strides(self, buffer: Buffer) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """A buffer's strides along planes and positions."""
        batch, channel, *rest = buffer.strides
        return (batch, channel * self.planes[2], channel), tuple(rest)


def _grouped(input: Buffer, groups: int | None) -> _Grouped:
    """`groups` of a sample, or None for the statistics of the whole batch."""
    batch, channels, *positions = input.shape
    if groups is None:
        return _Grouped((batch, channels, 1), (0, 1, 0), (0, 1, 0), tuple(positions))
    width = channels // groups
    return _Grouped((batch, groups, width), (groups, 1, 0), (0, width, 1), tuple(positions))


def _blocks(planes: int, positions: int, along: bool) -> tuple[int, int]:
    """Planes and positions of a tile; `along`: positions are neighbours in memory, else planes are."""
    if along:
        block_r = min(TILE, power_of_2(positions))
        return max(1, min(TILE // block_r, power_of_2(planes))), block_r
    block_k = min(128, power_of_2(planes))
    return block_k, max(1, min(TILE // block_k, power_of_2(positions)))


def _elementwise(
    kernel: Any, view: _Grouped, buffers: tuple[Buffer, ...], args: tuple, acc: Any, **constants: Any
) -> None:
    """Launch a kernel over planes x positions of `buffers` (the last one is written)."""
    strides = [view.strides(b) for b in buffers]
    sides = [*zip(view.planes, *[s[0] for s in strides], view.weight, view.stat, strict=True)]
    kept, stat = _kept(sorted(sides, key=lambda side: -abs(side[1])))
    red_shape, *red = merge([*zip(view.positions, *[s[1] for s in strides], strict=True)], len(buffers) + 1)
    planes, positions = numel(kept[0]), numel(red_shape)
    block_k, block_r = _blocks(planes, positions, abs(red[0][-1]) <= abs(kept[1][-1]) or planes == 1)
    launch(
        kernel, (-(-planes // block_k) * -(-positions // block_r),), *args, *kept, *stat, red_shape, *red,
        planes, positions, ACC=acc, BLOCK_K=block_k, BLOCK_R=block_r, INT64=needs_int64(*buffers),
        num_warps=4, **constants,
    )  # fmt: skip


def _kept(sides: list[tuple[int, ...]]) -> tuple[tuple, tuple]:
    """Merged extents and strides of planes: for the operands, and for the statistics, whose strides come last."""
    width = len(sides[0]) - 1
    return merge([s[:-1] for s in sides], width, sort=False), merge(
        [(s[0], s[-1]) for s in sides], 2, sort=False
    )


def _acc(saved: Buffer) -> Any:
    return tl.float64 if saved.dtype is float64 else tl.float32


def _moments(
    mean: Buffer, rstd: Buffer, input: Buffer, kept: list, red: list, eps: float, width: int = 1,
    running: tuple = (None, None), momentum: float = 0.0,
) -> None:  # fmt: skip
    """Fill in the statistics over `red` dimensions, given as (extent, stride), of `width` neighbours of `kept` each."""
    kept_shape, kept_in = merge(kept, 2, sort=False)
    red_shape, red_in = merge(red, 2)
    results, elements = numel(kept_shape), numel(red_shape)
    along = abs(red_in[-1]) <= abs(kept_in[-1]) or results == 1
    tile = choose_reduction(results, elements, along, multiprocessors(input), MOST_PARTS // width)
    partials = empty((tile.splits, 2, results), mean.dtype, input)
    launch(
        moments_kernel, (-(-results // tile.kept), tile.splits), partials, partials, input, kept_shape,
        kept_in, kept_in, red_shape, red_in, results, elements, tile.chunk, 1.0, ACC=_acc(mean), PARTS=True,
        BLOCK_K=tile.kept,
        BLOCK_R=tile.reduced, INT64=needs_int64(input) or elements + tile.chunk >= 2**31,
        num_warps=tile.warps,
    )  # fmt: skip
    running_strides = [1 if b is None else b.strides[0] for b in running]
    count, lanes = results // width, power_of_2(tile.splits * width)
    block = max(1, min(64, power_of_2(count), 2 * MOST_PARTS // lanes))
    launch(
        finish_moments_kernel, (-(-count // block),), mean, rstd, *running, partials, *running_strides,
        count, width, elements, tile.chunk, tile.splits, float(momentum), float(eps), ACC=_acc(mean),
        BLOCK_K=block, BLOCK_R=lanes,
        num_warps=8 if block * lanes > MOST_PARTS else 4,
    )  # fmt: skip


def _sums(grad: Buffer, input: Buffer, mean: Buffer, kept: list, red: list) -> tuple[Buffer, int]:
    """(chunk, 2, kept) sums of g and g (x - mean); dimensions as (extent, stride of grad, of input[, of mean])."""
    kept_dims, stat = _kept(kept)
    red_shape, *red_strides = merge(red, 3)
    results, elements = numel(kept_dims[0]), numel(red_shape)
    along = abs(red_strides[1][-1]) <= abs(kept_dims[2][-1]) or results == 1
    tile = choose_reduction(results, elements, along, multiprocessors(input))
    block = max(1, tile.reduced // 2)
    partials = empty((tile.splits, 2, results), mean.dtype, input)
    launch(
        sums_kernel, (-(-results // tile.kept), tile.splits), partials, grad, input, mean, *kept_dims, *stat,
        red_shape, *red_strides, results, elements, tile.chunk, ACC=_acc(mean), BLOCK_K=tile.kept,
        BLOCK_R=block,
        INT64=needs_int64(grad, input) or elements + tile.chunk >= 2**31, num_warps=tile.warps,
    )  # fmt: skip
    return partials, tile.splits


@replayed
def native_batch_norm(
    out: Buffer, mean: Buffer, rstd: Buffer, input: Buffer, weight: Buffer | None, bias: Buffer | None,
    running_mean: Buffer | None, running_var: Buffer | None, training: bool, momentum: float, eps: float,
) -> None:  # fmt: skip
    """Normalise by the batch's statistics (training; moves the running ones) or by the running ones."""
    channels = input.shape[1]
    if training:
        sides = list(zip(input.shape, input.strides, strict=True))
        running = (running_mean, running_var)
        _moments(mean, rstd, input, [sides[1]], [sides[0], *sides[2:]], eps, 1, running, momentum)
    else:
        assert running_mean is not None and running_var is not None
        launch(
            use_running_kernel, (-(-channels // 256),), mean, rstd, running_mean, running_var,
            running_mean.strides[0], running_var.strides[0], channels, float(eps), ACC=_acc(mean), BLOCK=256,
        )  # fmt: skip
    _normalise(out, input, mean, rstd, weight, bias, None)


def _normalise(
    out: Buffer, input: Buffer, mean: Buffer, rstd: Buffer, weight: Buffer | None, bias: Buffer | None,
    groups: int | None,
) -> None:  # fmt: skip
    args = (out, input, mean, rstd, contiguous_or_none(weight), contiguous_or_none(bias))
    _elementwise(normalise_kernel, _grouped(input, groups), (input, out), args, _acc(mean))


@replayed
def native_batch_norm_backward(
    grad_input: Buffer, grad_weight: Buffer, grad_bias: Buffer, grad: Buffer, input: Buffer,
    weight: Buffer | None, mean: Buffer, rstd: Buffer, training: bool, output_mask: tuple[bool, bool, bool],
) -> None:  # fmt: skip
    """Gradients of batch normalisation that `output_mask` asks for."""
    channels = input.shape[1]
    sides = list(zip(input.shape, grad.strides, input.strides, strict=True))
    partials, splits = _sums(grad, input, mean, [(*sides[1], 1)], [sides[0], *sides[2:]])
    terms = empty((2, channels), mean.dtype, input)
    c1, c2 = terms.as_strided((channels,), (1,)), terms.as_strided((channels,), (1,), channels)
    w = contiguous_or_none(weight)
    launch(
        finish_batch_kernel, (-(-channels // 128),), grad_weight, grad_bias, c1, c2, partials, rstd, w,
        channels, max(numel(input.shape) // max(channels, 1), 1), splits, WANT_WEIGHT=output_mask[1],
        WANT_BIAS=output_mask[2], ACC=_acc(mean), BLOCK=128,
    )  # fmt: skip
    if output_mask[0]:
        _gradient(grad_input, grad, input, mean, rstd, c1, c2, w, None, training)


def _gradient(
    grad_input: Buffer, grad: Buffer, input: Buffer, mean: Buffer, rstd: Buffer, c1: Buffer, c2: Buffer,
    weight: Buffer | None, groups: int | None, centred: bool,
) -> None:  # fmt: skip
    args = (grad_input, grad, input, mean, rstd, c1, c2, weight)
    view = _grouped(input, groups)
    _elementwise(gradient_kernel, view, (grad, input, grad_input), args, _acc(mean), CENTRED=centred)


@replayed
def native_group_norm(
    out: Buffer, mean: Buffer, rstd: Buffer, input: Buffer, num_groups: int, weight: Buffer | None,
    bias: Buffer | None, eps: float,
) -> None:  # fmt: skip
    """Normalise each sample's groups of channels."""
    if input.numel == 0:
        fill(mean, 0.0)
        fill(rstd, 1.0 / eps**0.5)
        return
    view = _grouped(input, num_groups)
    planes, positions = view.strides(input)
    sides = list(zip(view.planes, planes, strict=True))
    red = list(zip(view.positions, positions, strict=True))
    if len(red) and planes[2] < min(positions) and view.planes[2] <= MOST_PARTS:
        # Channels are neighbours: sums along them would jump from group to group.
        _moments(mean, rstd, input, sides, red, eps, view.planes[2])
    else:
        _moments(mean, rstd, input, sides[:2], [sides[2], *red], eps)
    _normalise(out, input, mean, rstd, weight, bias, num_groups)


@replayed
def native_group_norm_backward(
    grad_input: Buffer, grad_weight: Buffer, grad_bias: Buffer, grad: Buffer, input: Buffer, num_groups: int,
    mean: Buffer, rstd: Buffer, weight: Buffer | None, output_mask: tuple[bool, bool, bool],
) -> None:  # fmt: skip
    """Gradients of group normalisation that `output_mask` asks for."""
    batch, channels = input.shape[:2]
    if input.numel == 0:
        for needed, grad_out in zip(output_mask, (grad_input, grad_weight, grad_bias), strict=True):
            if needed and grad_out.numel:
                fill(grad_out, 0.0)
        return
    view = _grouped(input, num_groups)
    width = view.planes[2]
    grad_strides, input_strides = view.strides(grad), view.strides(input)
    kept = list(zip(view.planes, grad_strides[0], input_strides[0], view.stat, strict=True))
    red = list(zip(view.positions, grad_strides[1], input_strides[1], strict=True))
    partials, splits = _sums(grad, input, mean, kept, red)
    w, acc = contiguous_or_none(weight), _acc(mean)
    if output_mask[1] or output_mask[2]:
        launch(
            group_affine_kernel, (-(-channels // 64),), grad_weight, grad_bias, partials, rstd, batch,
            channels, num_groups, width, splits, WANT_WEIGHT=output_mask[1], WANT_BIAS=output_mask[2],
            ACC=acc, BLOCK=64,
            num_warps=2,
        )  # fmt: skip
    if output_mask[0]:
        rows = batch * num_groups
        terms = empty((2, rows), mean.dtype, input)
        c1, c2 = terms.as_strided((rows,), (1,)), terms.as_strided((rows,), (1,), rows)
        launch(
            finish_group_kernel, (rows,), c1, c2, partials, rstd, w, num_groups, width, batch * channels,
            splits, width * numel(view.positions), ACC=acc, BLOCK=min(256, power_of_2(width)), num_warps=1,
        )  # fmt: skip
        _gradient(grad_input, grad, input, mean, rstd, c1, c2, w, num_groups, True)


def cases() -> list[Case]:
    """NCHW and channels-last, of sizes that are multiples of 16, in bf16 and fp32."""
    entries = []
    constants = {"ACC": tl.float32, "INT64": False}
    channels, elements = 256, 32 * 56 * 56
    for kind in ("bf16", "fp32"):
        entries.append(_group_case(kind))
        for layout in ("planes", "channels_last"):
            along = layout == "planes"
            c, r = ("i32:16", "i32=1") if along else ("i32=1", "i32:16")
            k, r, two, shape = f"(i32:16 {c})", f"({r})", "(i32:16 i32=1)", "(i32:16 i32:16)"
            stat = f"{two} {shape} {two}"
            block_k, block_r = _blocks(channels, 56 * 56, along)
            blocks = {"BLOCK_K": block_k, "BLOCK_R": block_r}
            sizes = "i32:16 i32:16"
            tile = choose_reduction(channels, elements, along, 132)
            long, steps = ("(i32:16 i32:16)", "(i32:16 i32=1)") if along else ("(i32:16)", "(i32:16)")
            entries += [
                Case(normalise_kernel, f"*{kind} *{kind} *fp32 *fp32 *{kind} *{kind} {shape} {k} {k} {stat} "
                     f"(i32:16) {r} {r} {sizes}", {**constants, **blocks}, label=f"{kind},{layout}",
                     wide="both"),
                Case(gradient_kernel,
                f"*{kind} *{kind} *{kind} *fp32 *fp32 *fp32 *fp32 *{kind} {shape} {k} {k} {k} "
                     f"{stat} (i32:16) {r} {r} {r} {sizes}", {**constants, **blocks, "CENTRED": True},
                     label=f"{kind},{layout}", wide="both"),
                Case(sums_kernel, f"*fp32 *{kind} *{kind} *fp32 (i32:16) ({c}) ({c}) (i32:16) (i32=1) {long} "
                     f"{steps} {steps} {sizes} i32:16", {**constants, "BLOCK_K": tile.kept,
                     "BLOCK_R": tile.reduced // 2},
                     label=f"{kind},{layout}", num_warps=tile.warps, wide="loads"),
                Case(moments_kernel,
                f"*fp32 *fp32 *{kind} (i32:16) ({c}) ({c}) {long} {steps} {sizes} i32:16 fp64",
                     {**constants, "PARTS": True, "BLOCK_K": tile.kept, "BLOCK_R": tile.reduced},
                     label=f"{kind},{layout},parts", num_warps=tile.warps, wide="loads"),
            ]  # fmt: skip
    wants = {"WANT_WEIGHT": True, "WANT_BIAS": True, "ACC": tl.float32}
    entries += [
        Case(finish_moments_kernel,
        "*fp32 *fp32 *fp32 *fp32 *fp32 i32=1 i32=1 i32 i32=1 i32 i32:16 i32 fp64 fp64",
             {"ACC": tl.float32, "BLOCK_K": 64, "BLOCK_R": 8}),
        Case(finish_moments_kernel,
        "*fp32 *fp32 None None *fp32 i32=1 i32=1 i32 i32 i32 i32:16 i32 fp64 fp64",
             {"ACC": tl.float32, "BLOCK_K": 8, "BLOCK_R": 1024}, label="groups", num_warps=8),
        Case(use_running_kernel, "*fp32 *fp32 *fp32 *fp32 i32=1 i32=1 i32 fp64", {"ACC": tl.float32,
        "BLOCK": 256}), Case(finish_batch_kernel, "*fp32 *fp32 *fp32 *fp32 *fp32 *fp32 *fp32 i32 i32 i32",
        {**wants, "BLOCK": 128}), Case(finish_group_kernel,
        "*fp32 *fp32 *fp32 *fp32 *fp32 i32 i32 i32 i32 i32",
             {"ACC": tl.float32, "BLOCK": 32}, num_warps=1),
        Case(group_affine_kernel, "*fp32 *fp32 *fp32 *fp32 i32 i32 i32 i32 i32", {**wants, "BLOCK": 64},
        num_warps=2),
    ]  # fmt: skip
    return entries


def _group_case(kind: str) -> Case:
    """Channels-last groups of 10 channels: wide accesses although statistics change within them."""
    block_k, block_r = _blocks(320, 64 * 64, False)
    k, two = "(i32:16 i32=1)", "(i32:16 i32:16)"
    return Case(
        normalise_kernel,
        f"*{kind} *{kind} *fp32 *fp32 *{kind} *{kind} {two} {k} {k} {k} (i32:16 i32) (i32=1 i32:16) "
        "(i32:16) (i32:16) (i32:16) i32:16 i32:16", {"ACC": tl.float32, "INT64": False, "BLOCK_K": block_k,
        "BLOCK_R": block_r}, label=f"{kind},groups", wide="both",
    )  # fmt: skip
