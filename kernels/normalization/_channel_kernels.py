"""The kernels of batch and group normalisation, over inputs of any layout; `batch_norm.py` launches them.

The input is seen as statistics x elements behind each (channels x batch and positions, or groups x channels and
positions), and as planes x positions where it is read and written element by element; dimensions are merged
where all operands allow it. Statistics come from Welford's recurrence in every element of a tile; few long
sums are shared by several programs, whose partial results a second launch combines in a fixed order.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.device import math as _math
from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.reduce import tile_columns, tile_rows
from tritonnn.kernels.device.strided import offset_of, wide
from tritonnn.kernels.launch.launch import fp64


@triton.jit
def finish_moments_kernel(
    mean, rstd, running_mean, running_var, parts, mean_step, var_step, kept, width, reduced, chunk, splits,
    momentum: fp64, eps: fp64, ACC: tl.constexpr, BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr,
):  # fmt: skip
    """Mean and 1 / standard deviation from the chunks' moments; running statistics move where they are given.

    Args:
        running_mean, running_var: with elements `mean_step` and `var_step` apart, or None.
        parts: (split, 2, kept * width) means and sums of squared deviations of `chunk` of `reduced` elements, of
        which `width` neighbours make one result.
        momentum: weight of the new statistics in the running ones.
    """
    i = tl.program_id(0) * BLOCK_K + tl.arange(0, BLOCK_K)
    c = tl.arange(0, BLOCK_R)
    present = i < kept
    split = c // width
    mask = present[:, None] & (split < splits)[None, :]
    source = (
        parts + split.to(tl.int64)[None, :] * 2 * kept * width + (i[:, None] * width + (c % width)[None, :])
    )
    means = tl.load(source, mask=mask, other=0.0)
    squares = tl.load(source + kept.to(tl.int64) * width, mask=mask, other=0.0)
    seen = tl.maximum(tl.minimum(reduced - split * chunk, chunk), 0).to(ACC)[None, :]
    count = tl.full((BLOCK_K,), reduced, ACC) * width
    centre = tl.sum(means * seen, axis=1) / count
    apart = means - centre[:, None]
    total = tl.sum(tl.where(mask, squares + apart * apart * seen, 0.0), axis=1)
    tl.store(mean + i, centre, mask=present)
    tl.store(rstd + i, 1.0 / _math.sqrt(total / count + eps.to(ACC)), mask=present)
    weight = momentum.to(ACC)
    if running_mean is not None:
        old = convert(tl.load(running_mean + i * mean_step, mask=present), ACC)
        new = convert(old * (1.0 - weight) + centre * weight, running_mean.dtype.element_ty)
        tl.store(running_mean + i * mean_step, new, mask=present)
    if running_var is not None:
        old = convert(tl.load(running_var + i * var_step, mask=present), ACC)
        sample = total / (count - 1.0)
        new = convert(old * (1.0 - weight) + sample * weight, running_var.dtype.element_ty)
        tl.store(running_var + i * var_step, new, mask=present)


@triton.jit
def use_running_kernel(
    mean, rstd, running_mean, running_var, mean_step, var_step, kept, eps: fp64,
    ACC: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Mean and 1 / standard deviation from the running statistics."""
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = i < kept
    tl.store(mean + i, convert(tl.load(running_mean + i * mean_step, mask=mask), ACC), mask=mask)
    variance = convert(tl.load(running_var + i * var_step, mask=mask, other=1.0), ACC)
    tl.store(rstd + i, 1.0 / _math.sqrt(variance + eps.to(ACC)), mask=mask)


@triton.jit
def _tile(kept, reduced, BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr, INT64: tl.constexpr):
    """Indices of the planes and positions of this program's tile."""
    columns = tl.cdiv(reduced, BLOCK_R)
    pid = tl.program_id(0)
    if INT64:
        pid = pid.to(tl.int64)
    i = (pid // columns) * BLOCK_K + tl.arange(0, BLOCK_K)
    j = (pid % columns) * BLOCK_R + tl.arange(0, BLOCK_R)
    return i, j, (i < kept)[:, None] & (j < reduced)[None, :]


@triton.jit
def normalise_kernel(
    out, inp, mean, rstd, weight, bias, kept_shape, kept_in, kept_out, kept_weight, stat_shape, kept_stat,
    red_shape, red_in, red_out, kept, reduced,
    ACC: tl.constexpr, BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """out = (x - mean) * rstd * weight + bias.

    Args:
        kept_shape: extents of the planes' dimensions; kept_in, kept_out, kept_weight: their strides in input,
        output, weight and bias. stat_shape, kept_stat: the same planes as the statistics see them, so that
        channels stay neighbours where groups of them share one. red_shape: extents of the positions.
    """
    i, j, mask = _tile(kept, reduced, BLOCK_K, BLOCK_R, INT64)
    present = i < kept
    at = offset_of(i, stat_shape, kept_stat)
    scale = tl.load(rstd + at, mask=present, other=0.0)
    centre = tl.load(mean + at, mask=present, other=0.0)
    at = offset_of(i, kept_shape, kept_weight)
    if weight is not None:
        scale = scale * convert(tl.load(weight + at, mask=present, other=0.0), ACC)
    offset = offset_of(i, kept_shape, kept_in)[:, None] + offset_of(j, red_shape, red_in)[None, :]
    x = convert(tl.load(inp + offset, mask=mask, other=0.0), ACC)
    y = (x - centre[:, None]) * scale[:, None]
    if bias is not None:
        y = y + convert(tl.load(bias + at, mask=present, other=0.0), ACC)[:, None]
    offset = offset_of(i, kept_shape, kept_out)[:, None] + offset_of(j, red_shape, red_out)[None, :]
    tl.store(out + offset, convert(y, out.dtype.element_ty), mask=mask)


@triton.jit
def sums_kernel(
    parts, grad, inp, mean, kept_shape, kept_grad, kept_in, stat_shape, kept_stat, red_shape, red_grad, red_in,
    kept, reduced, chunk, ACC: tl.constexpr, BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """parts[chunk, 2, i] = sums of g and of g (x - mean) over this program's chunk."""
    i = tile_rows(BLOCK_K, INT64)
    present = i < kept
    grads = grad + offset_of(i, kept_shape, kept_grad)[:, None]
    source = inp + offset_of(i, kept_shape, kept_in)[:, None]
    centre = tl.load(mean + offset_of(i, stat_shape, kept_stat), mask=present, other=0.0)[:, None]
    first = wide(tl.program_id(1), INT64) * chunk
    total = tl.zeros((BLOCK_K, BLOCK_R), ACC)
    products = tl.zeros((BLOCK_K, BLOCK_R), ACC)
    for start in range(first, tl.minimum(first + chunk, reduced), BLOCK_R):
        j = tile_columns(start, BLOCK_R, INT64)
        mask = present[:, None] & (j < reduced)[None, :] & (j < first + chunk)[None, :]
        g = convert(tl.load(grads + offset_of(j, red_shape, red_grad)[None, :], mask=mask, other=0.0), ACC)
        x = convert(tl.load(source + offset_of(j, red_shape, red_in)[None, :], mask=mask, other=0.0), ACC)
        total += g
        products += tl.where(mask, g * (x - centre), 0.0)
    target = parts + tl.program_id(1).to(tl.int64) * 2 * kept + i
    tl.store(target, tl.sum(total, axis=1), mask=present)
    tl.store(target + kept, tl.sum(products, axis=1), mask=present)


@triton.jit
def _load_sums(parts, i, mask, kept, splits):
    """The two sums of every i, over the chunks."""
    source = parts + i
    total = tl.load(source, mask=mask, other=0.0)
    products = tl.load(source + kept, mask=mask, other=0.0)
    for _ in range(1, splits):
        source += 2 * kept
        total += tl.load(source, mask=mask, other=0.0)
        products += tl.load(source + kept, mask=mask, other=0.0)
    return total, products


@triton.jit
def finish_batch_kernel(
    grad_weight, grad_bias, slope, level, parts, rstd, weight, kept, reduced, splits,
    WANT_WEIGHT: tl.constexpr, WANT_BIAS: tl.constexpr, ACC: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Gradients of weight and bias, and what the input's gradient subtracts: (x - mean) * slope + level."""
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = i < kept
    total, products = _load_sums(parts, i, mask, kept, splits)
    r = tl.load(rstd + i, mask=mask, other=0.0)
    if WANT_WEIGHT:
        tl.store(grad_weight + i, convert(products * r, grad_weight.dtype.element_ty), mask=mask)
    if WANT_BIAS:
        tl.store(grad_bias + i, convert(total, grad_bias.dtype.element_ty), mask=mask)
    scale = r / tl.full((BLOCK,), reduced, ACC)
    if weight is not None:
        scale = scale * convert(tl.load(weight + i, mask=mask, other=0.0), ACC)
    tl.store(slope + i, products * scale * r * r, mask=mask)
    tl.store(level + i, total * scale, mask=mask)


@triton.jit
def finish_group_kernel(
    slope, level, parts, rstd, weight, groups, width, planes, splits, count,
    ACC: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """What the input's gradient subtracts in group normalisation; a program for each group of a sample.

    Args:
        groups: of a sample; width: channels of a group; planes: channels of all samples; count: elements of a
        group.
    """
    row = tl.program_id(0)
    first = (row % groups) * width
    total = tl.zeros((BLOCK,), ACC)
    products = tl.zeros((BLOCK,), ACC)
    for start in range(0, width, BLOCK):
        c = start + tl.arange(0, BLOCK)
        mask = c < width
        more, product = _load_sums(parts, row.to(tl.int64) * width + c, mask, planes, splits)
        if weight is not None:
            w = convert(tl.load(weight + first + c, mask=mask, other=0.0), ACC)
            more = more * w
            product = product * w
        total += more
        products += product
    r = tl.load(rstd + row + tl.zeros((1,), tl.int32))
    scale = r / tl.full((1,), count, ACC)
    tl.store(slope + row + tl.zeros((1,), tl.int32), tl.sum(products, axis=0) * scale * r * r)
    tl.store(level + row + tl.zeros((1,), tl.int32), tl.sum(total, axis=0) * scale)


@triton.jit
def group_affine_kernel(
    grad_weight, grad_bias, parts, rstd, batch, channels, groups, width, splits,
    WANT_WEIGHT: tl.constexpr, WANT_BIAS: tl.constexpr, ACC: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Gradients of weight and bias of group normalisation: sums over the samples."""
    c = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = c < channels
    for_weight = tl.zeros((BLOCK,), ACC)
    for_bias = tl.zeros((BLOCK,), ACC)
    for n in range(0, batch):
        at = c.to(tl.int64) + n * channels
        total, products = _load_sums(parts, at, mask, batch.to(tl.int64) * channels, splits)
        for_bias += total
        for_weight += products * tl.load(rstd + n * groups + c // width, mask=mask, other=0.0)
    if WANT_WEIGHT:
        tl.store(grad_weight + c, convert(for_weight, grad_weight.dtype.element_ty), mask=mask)
    if WANT_BIAS:
        tl.store(grad_bias + c, convert(for_bias, grad_bias.dtype.element_ty), mask=mask)


@triton.jit
def gradient_kernel(
    grad_input, grad, inp, mean, rstd, slope, level, weight, kept_shape, kept_grad, kept_in, kept_out,
    kept_weight, stat_shape, kept_stat, red_shape, red_grad, red_in, red_out, kept, reduced,
    CENTRED: tl.constexpr, ACC: tl.constexpr, BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """gx = weight * rstd * g - ((x - mean) * slope + level); only the first term where not CENTRED."""
    i, j, mask = _tile(kept, reduced, BLOCK_K, BLOCK_R, INT64)
    present = i < kept
    at = offset_of(i, stat_shape, kept_stat)
    scale = tl.load(rstd + at, mask=present, other=0.0)
    if weight is not None:
        w = tl.load(weight + offset_of(i, kept_shape, kept_weight), mask=present, other=0.0)
        scale = scale * convert(w, ACC)
    offset = offset_of(i, kept_shape, kept_grad)[:, None] + offset_of(j, red_shape, red_grad)[None, :]
    gx = convert(tl.load(grad + offset, mask=mask, other=0.0), ACC) * scale[:, None]
    if CENTRED:
        offset = offset_of(i, kept_shape, kept_in)[:, None] + offset_of(j, red_shape, red_in)[None, :]
        x = convert(tl.load(inp + offset, mask=mask, other=0.0), ACC)
        centre = tl.load(mean + at, mask=present, other=0.0)
        steep = tl.load(slope + at, mask=present, other=0.0)
        gx = gx - (x - centre[:, None]) * steep[:, None]
        gx = gx - tl.load(level + at, mask=present, other=0.0)[:, None]
    offset = offset_of(i, kept_shape, kept_out)[:, None] + offset_of(j, red_shape, red_out)[None, :]
    tl.store(grad_input + offset, convert(gx, grad_input.dtype.element_ty), mask=mask)
