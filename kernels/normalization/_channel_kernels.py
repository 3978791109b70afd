"""The kernels of batch and group normalisation, over inputs of any layout; `batch_norm.py` launches them.

The input is seen as statistics x elements behind each (channels x batch and positions, or groups x
channels and positions), and as planes x positions where it is read and written element by element;
dimensions are merged where all operands allow it.

Forward: `moments_kernel` (of `device/reduce.py`) runs Welford's recurrence in every element of a tile, one
read for mean and variance without the cancellation of mean(x^2) - mean^2. Few long sums are split over
programs; `finish_moments_kernel` combines their moments in a fixed order (Chan et al.):

    mean = sum(n_k mean_k) / n,   M2 = sum(M2_k + n_k (mean_k - mean)^2)

and moves the running statistics. `normalise_kernel` is then elementwise: a second read of x, which batch
statistics need in any case.

Backward, with c1 and c2 per statistic: dx = w rstd dy - ((x - mean) c1 + c2).
`sums_kernel` makes sum(dy) and sum(dy (x - mean)) of every channel in one read, `finish_batch_kernel` or
`finish_group_kernel` turn them into dw, db, c1 and c2, `gradient_kernel` is elementwise.

Source: Welford, 1962; Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm", 1979.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.device import math as _math
from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.strided import offset_of, offsets_from, positions, wide
from tritonnn.kernels.launch.launch import fp64


@triton.jit
def finish_moments_kernel(
    mean_ptr, rstd_ptr, running_mean_ptr, running_var_ptr, partial_ptr, stride_running_mean,
    stride_running_var, kept, width, reduced, split_size, splits,
    momentum: fp64, eps: fp64, ACC: tl.constexpr, BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr,
):  # fmt: skip
    """Mean and 1 / standard deviation from the parts' moments; running statistics move where they are given.

    Args:
        running_mean_ptr, running_var_ptr: with elements `stride_running_mean` and `stride_running_var` apart,
        or None.
        partial_ptr: (split, 2, kept * width) means and sums of squared deviations (M2) of `split_size` of
        `reduced` elements, of which `width` neighbours make one result.
        momentum: weight of the new statistics in the running ones.
    """
    offs = tl.program_id(0) * BLOCK_K + tl.arange(0, BLOCK_K)
    lanes = tl.arange(0, BLOCK_R)
    mask = offs < kept
    # lanes are (split, neighbour): those of all neighbours join one result
    split = lanes // width
    mask_2d = mask[:, None] & (split < splits)[None, :]
    partial_ptrs = (
        partial_ptr + split.to(tl.int64)[None, :] * 2 * kept * width
        + (offs[:, None] * width + (lanes % width)[None, :])
    )  # fmt: skip
    means = tl.load(partial_ptrs, mask=mask_2d, other=0.0)
    m2 = tl.load(partial_ptrs + kept.to(tl.int64) * width, mask=mask_2d, other=0.0)
    # the last part may be short, and a part behind it empty: it must not count
    counts = tl.maximum(tl.minimum(reduced - split * split_size, split_size), 0).to(ACC)[None, :]
    n = tl.full((BLOCK_K,), reduced, ACC) * width
    mean = tl.sum(means * counts, axis=1) / n
    delta = means - mean[:, None]
    var_sum = tl.sum(tl.where(mask_2d, m2 + delta * delta * counts, 0.0), axis=1)
    tl.store(mean_ptr + offs, mean, mask=mask)
    tl.store(rstd_ptr + offs, 1.0 / _math.sqrt(var_sum / n + eps.to(ACC)), mask=mask)
    weight = momentum.to(ACC)
    if running_mean_ptr is not None:
        old = convert(tl.load(running_mean_ptr + offs * stride_running_mean, mask=mask), ACC)
        new = convert(old * (1.0 - weight) + mean * weight, running_mean_ptr.dtype.element_ty)
        tl.store(running_mean_ptr + offs * stride_running_mean, new, mask=mask)
    if running_var_ptr is not None:
        old = convert(tl.load(running_var_ptr + offs * stride_running_var, mask=mask), ACC)
        # as in PyTorch: running variances are unbiased, the one that normalises is not
        unbiased_var = var_sum / (n - 1.0)
        new = convert(old * (1.0 - weight) + unbiased_var * weight, running_var_ptr.dtype.element_ty)
        tl.store(running_var_ptr + offs * stride_running_var, new, mask=mask)


@triton.jit
def use_running_kernel(
    mean_ptr, rstd_ptr, running_mean_ptr, running_var_ptr, stride_running_mean, stride_running_var, kept,
    eps: fp64,
    ACC: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Mean and 1 / standard deviation from the running statistics."""
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offs < kept
    tl.store(
        mean_ptr + offs, convert(tl.load(running_mean_ptr + offs * stride_running_mean, mask=mask), ACC),
        mask=mask,
    )  # fmt: skip
    # 1: any number with a root, for lanes that store nothing
    var = convert(tl.load(running_var_ptr + offs * stride_running_var, mask=mask, other=1.0), ACC)
    tl.store(rstd_ptr + offs, 1.0 / _math.sqrt(var + eps.to(ACC)), mask=mask)


@triton.jit
def _tile(kept, reduced, BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr, INT64: tl.constexpr):
    """Indices of the planes and positions of this program's tile."""
    num_pid_r = tl.cdiv(reduced, BLOCK_R)
    pid = tl.program_id(0)
    if INT64:
        pid = pid.to(tl.int64)
    offs_k = (pid // num_pid_r) * BLOCK_K + tl.arange(0, BLOCK_K)
    offs_r = (pid % num_pid_r) * BLOCK_R + tl.arange(0, BLOCK_R)
    return offs_k, offs_r, (offs_k < kept)[:, None] & (offs_r < reduced)[None, :]


@triton.jit
def normalise_kernel(
    y_ptr, x_ptr, mean_ptr, rstd_ptr, w_ptr, b_ptr, kept_shape, kept_in, kept_out, kept_weight, stat_shape,
    kept_stat, red_shape, red_in, red_out, kept, reduced,
    ACC: tl.constexpr, BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """y = (x - mean) * rstd * weight + bias.

    Args:
        kept_shape: extents of the planes' dimensions; kept_in, kept_out, kept_weight: their strides in input,
        output, weight and bias. stat_shape, kept_stat: the same planes as the statistics see them, so that
        channels stay neighbours where groups of them share one. red_shape: extents of the positions.
    """
    offs_k, offs_r, mask = _tile(kept, reduced, BLOCK_K, BLOCK_R, INT64)
    mask_k = offs_k < kept
    offset = offset_of(offs_k, stat_shape, kept_stat)
    scale = tl.load(rstd_ptr + offset, mask=mask_k, other=0.0)
    mean = tl.load(mean_ptr + offset, mask=mask_k, other=0.0)
    offset = offset_of(offs_k, kept_shape, kept_weight)
    if w_ptr is not None:
        # per plane, so that an element costs one product
        scale = scale * convert(tl.load(w_ptr + offset, mask=mask_k, other=0.0), ACC)
    offsets = offset_of(offs_k, kept_shape, kept_in)[:, None] + offset_of(offs_r, red_shape, red_in)[None, :]
    x = convert(tl.load(x_ptr + offsets, mask=mask, other=0.0), ACC)
    y = (x - mean[:, None]) * scale[:, None]
    if b_ptr is not None:
        y = y + convert(tl.load(b_ptr + offset, mask=mask_k, other=0.0), ACC)[:, None]
    offsets = (
        offset_of(offs_k, kept_shape, kept_out)[:, None] + offset_of(offs_r, red_shape, red_out)[None, :]
    )
    tl.store(y_ptr + offsets, convert(y, y_ptr.dtype.element_ty), mask=mask)


@triton.jit
def sums_kernel(
    partial_ptr, dy_ptr, x_ptr, mean_ptr, kept_shape, kept_dy, kept_x, stat_shape, kept_stat, red_shape,
    red_dy, red_x,
    kept, reduced, split_size, ACC: tl.constexpr, BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr,
    INT64: tl.constexpr,
):  # fmt: skip
    """partial[split, 2, i] = sums of dy and of dy (x - mean) over this program's part."""
    offs_k = positions(BLOCK_K, INT64)
    mask_k = offs_k < kept
    dy_ptrs = dy_ptr + offset_of(offs_k, kept_shape, kept_dy)[:, None]
    x_ptrs = x_ptr + offset_of(offs_k, kept_shape, kept_x)[:, None]
    mean = tl.load(mean_ptr + offset_of(offs_k, stat_shape, kept_stat), mask=mask_k, other=0.0)[:, None]
    first = wide(tl.program_id(1), INT64) * split_size
    acc_dy = tl.zeros((BLOCK_K, BLOCK_R), ACC)
    acc_dy_x = tl.zeros((BLOCK_K, BLOCK_R), ACC)
    for start in range(first, tl.minimum(first + split_size, reduced), BLOCK_R):
        offs_r = offsets_from(start, BLOCK_R, INT64)
        mask = mask_k[:, None] & (offs_r < reduced)[None, :] & (offs_r < first + split_size)[None, :]
        dy = convert(
            tl.load(dy_ptrs + offset_of(offs_r, red_shape, red_dy)[None, :], mask=mask, other=0.0), ACC
        )
        x = convert(tl.load(x_ptrs + offset_of(offs_r, red_shape, red_x)[None, :], mask=mask, other=0.0), ACC)
        acc_dy += dy
        # the mean is taken off before the product: sum(dy x) - mean sum(dy) would cancel
        acc_dy_x += tl.where(mask, dy * (x - mean), 0.0)
    partial_ptrs = partial_ptr + tl.program_id(1).to(tl.int64) * 2 * kept + offs_k
    tl.store(partial_ptrs, tl.sum(acc_dy, axis=1), mask=mask_k)
    tl.store(partial_ptrs + kept, tl.sum(acc_dy_x, axis=1), mask=mask_k)


@triton.jit
def _load_sums(partial_ptr, offs, mask, kept, splits):
    """The two sums of every channel, over the parts, always in the same order."""
    partial_ptrs = partial_ptr + offs
    sum_dy = tl.load(partial_ptrs, mask=mask, other=0.0)
    sum_dy_x = tl.load(partial_ptrs + kept, mask=mask, other=0.0)
    for _ in range(1, splits):
        partial_ptrs += 2 * kept
        sum_dy += tl.load(partial_ptrs, mask=mask, other=0.0)
        sum_dy_x += tl.load(partial_ptrs + kept, mask=mask, other=0.0)
    return sum_dy, sum_dy_x


@triton.jit
def finish_batch_kernel(
    dw_ptr, db_ptr, c1_ptr, c2_ptr, partial_ptr, rstd_ptr, w_ptr, kept, reduced, splits,
    WANT_WEIGHT: tl.constexpr, WANT_BIAS: tl.constexpr, ACC: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Gradients of weight and bias, and what dx subtracts: (x - mean) * c1 + c2."""
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offs < kept
    sum_dy, sum_dy_x = _load_sums(partial_ptr, offs, mask, kept, splits)
    rstd = tl.load(rstd_ptr + offs, mask=mask, other=0.0)
    if WANT_WEIGHT:
        tl.store(dw_ptr + offs, convert(sum_dy_x * rstd, dw_ptr.dtype.element_ty), mask=mask)
    if WANT_BIAS:
        tl.store(db_ptr + offs, convert(sum_dy, db_ptr.dtype.element_ty), mask=mask)
    scale = rstd / tl.full((BLOCK,), reduced, ACC)
    if w_ptr is not None:
        scale = scale * convert(tl.load(w_ptr + offs, mask=mask, other=0.0), ACC)
    # c1 = w rstd^3 sum(dy (x - mean)) / n,  c2 = w rstd sum(dy) / n
    tl.store(c1_ptr + offs, sum_dy_x * scale * rstd * rstd, mask=mask)
    tl.store(c2_ptr + offs, sum_dy * scale, mask=mask)


@triton.jit
def finish_group_kernel(
    c1_ptr, c2_ptr, partial_ptr, rstd_ptr, w_ptr, groups, width, planes, splits, n,
    ACC: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """What dx subtracts in group normalisation; a program for each group of a sample.

    Args:
        groups: of a sample; width: channels of a group; planes: channels of all samples; n: elements of a
        group.
    """
    row = tl.program_id(0)
    first_channel = (row % groups) * width
    acc_dy = tl.zeros((BLOCK,), ACC)
    acc_dy_x = tl.zeros((BLOCK,), ACC)
    for start in range(0, width, BLOCK):
        offs_c = start + tl.arange(0, BLOCK)
        mask = offs_c < width
        sum_dy, sum_dy_x = _load_sums(partial_ptr, row.to(tl.int64) * width + offs_c, mask, planes, splits)
        if w_ptr is not None:
            w = convert(tl.load(w_ptr + first_channel + offs_c, mask=mask, other=0.0), ACC)
            # channels of a group share the statistics but not the weights: weighted before they are added up
            sum_dy = sum_dy * w
            sum_dy_x = sum_dy_x * w
        acc_dy += sum_dy
        acc_dy_x += sum_dy_x
    rstd = tl.load(rstd_ptr + row + tl.zeros((1,), tl.int32))
    scale = rstd / tl.full((1,), n, ACC)
    tl.store(c1_ptr + row + tl.zeros((1,), tl.int32), tl.sum(acc_dy_x, axis=0) * scale * rstd * rstd)
    tl.store(c2_ptr + row + tl.zeros((1,), tl.int32), tl.sum(acc_dy, axis=0) * scale)


@triton.jit
def group_affine_kernel(
    dw_ptr, db_ptr, partial_ptr, rstd_ptr, batch, channels, groups, width, splits,
    WANT_WEIGHT: tl.constexpr, WANT_BIAS: tl.constexpr, ACC: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Gradients of weight and bias of group normalisation: sums over the samples."""
    offs_c = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offs_c < channels
    acc_dw = tl.zeros((BLOCK,), ACC)
    acc_db = tl.zeros((BLOCK,), ACC)
    for n in range(0, batch):
        offsets = offs_c.to(tl.int64) + n * channels
        sum_dy, sum_dy_x = _load_sums(partial_ptr, offsets, mask, batch.to(tl.int64) * channels, splits)
        acc_db += sum_dy
        # rstd is a sample's: it stays inside the sum over them
        acc_dw += sum_dy_x * tl.load(rstd_ptr + n * groups + offs_c // width, mask=mask, other=0.0)
    if WANT_WEIGHT:
        tl.store(dw_ptr + offs_c, convert(acc_dw, dw_ptr.dtype.element_ty), mask=mask)
    if WANT_BIAS:
        tl.store(db_ptr + offs_c, convert(acc_db, db_ptr.dtype.element_ty), mask=mask)


@triton.jit
def gradient_kernel(
    dx_ptr, dy_ptr, x_ptr, mean_ptr, rstd_ptr, c1_ptr, c2_ptr, w_ptr, kept_shape, kept_dy, kept_x, kept_dx,
    kept_weight, stat_shape, kept_stat, red_shape, red_dy, red_x, red_dx, kept, reduced,
    CENTRED: tl.constexpr, ACC: tl.constexpr, BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr,
    INT64: tl.constexpr,
):  # fmt: skip
    """dx = weight * rstd * dy - ((x - mean) * c1 + c2); only the first term where not CENTRED."""
    offs_k, offs_r, mask = _tile(kept, reduced, BLOCK_K, BLOCK_R, INT64)
    mask_k = offs_k < kept
    stat_offset = offset_of(offs_k, stat_shape, kept_stat)
    scale = tl.load(rstd_ptr + stat_offset, mask=mask_k, other=0.0)
    if w_ptr is not None:
        w = tl.load(w_ptr + offset_of(offs_k, kept_shape, kept_weight), mask=mask_k, other=0.0)
        scale = scale * convert(w, ACC)
    offset = offset_of(offs_k, kept_shape, kept_dy)[:, None] + offset_of(offs_r, red_shape, red_dy)[None, :]
    dx = convert(tl.load(dy_ptr + offset, mask=mask, other=0.0), ACC) * scale[:, None]
    # running statistics do not depend on x: in evaluation there is only the first term
    if CENTRED:
        offset = offset_of(offs_k, kept_shape, kept_x)[:, None] + offset_of(offs_r, red_shape, red_x)[None, :]
        x = convert(tl.load(x_ptr + offset, mask=mask, other=0.0), ACC)
        mean = tl.load(mean_ptr + stat_offset, mask=mask_k, other=0.0)
        c1 = tl.load(c1_ptr + stat_offset, mask=mask_k, other=0.0)
        dx = dx - (x - mean[:, None]) * c1[:, None]
        dx = dx - tl.load(c2_ptr + stat_offset, mask=mask_k, other=0.0)[:, None]
    offset = offset_of(offs_k, kept_shape, kept_dx)[:, None] + offset_of(offs_r, red_shape, red_dx)[None, :]
    tl.store(dx_ptr + offset, convert(dx, dx_ptr.dtype.element_ty), mask=mask)
