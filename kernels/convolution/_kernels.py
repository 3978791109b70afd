"""Convolution as an implicit matrix product: the columns are never written to memory.

- `correlate_kernel`: out = columns(x) @ weight, positions by output channels. The taps are the outer loop and
  the input channels the inner one, so that what lies outside the input is one mask a tap; with few input
  channels (FLAT) both are one index that is taken apart. The transpose in the input is the same product with
  the kernel turned around, once for every phase of the stride.
- `weight_kernel`: the sum over the batch of outer products, split over programs (`reduce_kernel` adds up
  what they leave in a workspace: the order of additions is fixed).
- `depthwise_kernel`, `depthwise_weight_kernel`: one channel a group has no inner product to build a matrix
  product from.

All work on three spatial dimensions; 1-d and 2-d data have leading ones of size 1. Accumulation is in float32
(float64 for float64).
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.strided import wide


@triton.jit
def _position(m, sizes):
    """The batch and the spatial indices of a row-major position."""
    w = m % sizes[2]
    m = m // sizes[2]
    h = m % sizes[1]
    m = m // sizes[1]
    return m // sizes[0], m % sizes[0], h, w


@triton.jit
def _inside(d, h, w, sizes):
    return (d >= 0) & (d < sizes[0]) & (h >= 0) & (h < sizes[1]) & (w >= 0) & (w < sizes[2])


@triton.jit
def _product(a, b, acc, PRECISION: tl.constexpr):
    if acc.dtype == tl.float64:
        return tl.dot(a, b, acc, out_dtype=tl.float64)
    else:
        return tl.dot(a, b, acc, input_precision=PRECISION)


@triton.jit
def _store_planes(planes, tile, first, channels, step, live, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    """Store positions by channels where positions are neighbours in memory.

    Columns go one part after the other: the addresses of all elements would not fit into registers.
    """
    if COLUMNS > 16:
        left, right = tile.reshape(ROWS, 2, COLUMNS // 2).permute(0, 2, 1).split()
        _store_planes(planes, left, first, channels, step, live, ROWS, COLUMNS // 2)
        _store_planes(planes, right, first + COLUMNS // 2, channels, step, live, ROWS, COLUMNS // 2)
    else:
        c = first + tl.arange(0, COLUMNS)
        mask = live[None, :] & (c < channels)[:, None]
        tl.store(planes[None, :] + (c * step)[:, None], tile.trans(), mask=mask)


@triton.jit
def correlate_kernel(
    out, x, weight, bias, bias_stride, rows, sizes, out_strides, x_sizes, x_strides, w_strides, channels, depth,
    start, stride, dilation,
    KD: tl.constexpr, KH: tl.constexpr, KW: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr, FLAT: tl.constexpr, OUT_LAST: tl.constexpr,
    PRECISION: tl.constexpr, COMPUTE: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """out[n, c, o] = bias[c] + sum over (i, t) of weight[c, i, t] * x[n, i, start + o * stride + t * dilation].

    Args:
        rows: output positions, batch * spatial sizes.
        sizes, x_sizes: spatial sizes of the output and of the input.
        out_strides, x_strides: strides of (batch, channel, spatial...).
        w_strides: strides of (group, channel out, channel in, taps...).
        channels, depth: output and input channels a group.
        OUT_LAST: whether channels are the output's innermost dimension in memory (else the last spatial one).
    """
    tiles = tl.cdiv(channels, BLOCK_N)
    pid = wide(tl.program_id(0), INT64)
    group = tl.program_id(1)
    m = (pid // tiles) * BLOCK_M + tl.arange(0, BLOCK_M)
    c = (pid % tiles) * BLOCK_N + tl.arange(0, BLOCK_N)
    if INT64:
        m, c, group = m.to(tl.int64), c.to(tl.int64), group.to(tl.int64)
    n, od, oh, ow = _position(m, sizes)
    id, ih, iw = od * stride[0] + start[0], oh * stride[1] + start[1], ow * stride[2] + start[2]
    source = x + n * x_strides[0] + group * depth * x_strides[1]
    source += id * x_strides[2] + ih * x_strides[3] + iw * x_strides[4]
    factors = weight + group * w_strides[0] + c * w_strides[1]
    live, wanted = m < rows, c < channels
    acc = tl.zeros((BLOCK_M, BLOCK_N), COMPUTE)
    TAPS: tl.constexpr = KD * KH * KW
    if FLAT:
        for k0 in range(0, depth * TAPS, BLOCK_K):
            k = wide(k0 + tl.arange(0, BLOCK_K), INT64)
            i, tap = k // TAPS, k % TAPS
            kd, kh, kw = tap // (KH * KW), tap // KW % KH, tap % KW
            d, h, w = kd * dilation[0], kh * dilation[1], kw * dilation[2]
            valid = k < depth * TAPS
            seen = _inside(
                id[:, None] + d[None, :], ih[:, None] + h[None, :], iw[:, None] + w[None, :], x_sizes
            )
            step = i * x_strides[1] + d * x_strides[2] + h * x_strides[3] + w * x_strides[4]
            a = tl.load(source[:, None] + step[None, :], mask=seen & live[:, None] & valid[None, :], other=0)
            reach = i * w_strides[2] + kd * w_strides[3] + kh * w_strides[4] + kw * w_strides[5]
            b = tl.load(factors[None, :] + reach[:, None], mask=valid[:, None] & wanted[None, :], other=0)
            acc = _product(a, b, acc, PRECISION)
    else:
        blocks = tl.cdiv(depth, BLOCK_K)
        for step in range(0, TAPS * blocks):
            tap = wide(step // blocks, INT64)
            i = (step % blocks) * BLOCK_K + tl.arange(0, BLOCK_K)
            if INT64:
                i = i.to(tl.int64)
            kd, kh, kw = tap // (KH * KW), tap // KW % KH, tap % KW
            d, h, w = kd * dilation[0], kh * dilation[1], kw * dilation[2]
            seen = live & _inside(id + d, ih + h, iw + w, x_sizes)
            shift = d * x_strides[2] + h * x_strides[3] + w * x_strides[4]
            valid = i < depth
            place = source[:, None] + (i * x_strides[1] + shift)[None, :]
            a = tl.load(place, mask=seen[:, None] & valid[None, :], other=0)
            reach = i * w_strides[2] + kd * w_strides[3] + kh * w_strides[4] + kw * w_strides[5]
            b = tl.load(factors[None, :] + reach[:, None], mask=valid[:, None] & wanted[None, :], other=0)
            acc = _product(a, b, acc, PRECISION)
    if bias is not None:
        acc += tl.load(bias + (group * channels + c) * bias_stride, mask=wanted, other=0).to(COMPUTE)[None, :]
    result = convert(acc, out.dtype.element_ty)
    place = n * out_strides[0] + od * out_strides[2] + oh * out_strides[3] + ow * out_strides[4]
    if OUT_LAST:
        across = (group * channels + c) * out_strides[1]
        tl.store(out + place[:, None] + across[None, :], result, mask=live[:, None] & wanted[None, :])
    else:
        planes = out + group * channels * out_strides[1] + place
        _store_planes(planes, result, pid % tiles * BLOCK_N, channels, out_strides[1], live, BLOCK_M, BLOCK_N)


@triton.jit
def weight_kernel(
    out, grad, x, rows, sizes, grad_strides, x_sizes, x_strides, out_strides, channels, depth, chunk,
    start, stride, dilation,
    KD: tl.constexpr, KH: tl.constexpr, KW: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr, ONE_TAP: tl.constexpr, PRECISION: tl.constexpr, COMPUTE: tl.constexpr,
    INT64: tl.constexpr,
):  # fmt: skip
    """out[split, group, c, i, t] = sum over a chunk of positions of grad[n, c, o] * x[n, i, position(o, t)].

    Args:
        rows, sizes: positions of `grad` and its spatial sizes.
        out_strides: strides of (split, group, channel out, channel in, taps...).
        channels, depth: output and input channels a group.
        chunk: positions a program adds up.
        ONE_TAP: all columns of a tile belong to one tap: BLOCK_N divides `depth`.
    """
    TAPS: tl.constexpr = KD * KH * KW
    tiles = tl.cdiv(channels, BLOCK_M)
    pid = tl.program_id(0)
    split = tl.program_id(1)
    group = tl.program_id(2)
    c = (pid % tiles) * BLOCK_M + tl.arange(0, BLOCK_M)
    j = (pid // tiles) * BLOCK_N
    if INT64:
        c, j, group, split = c.to(tl.int64), j.to(tl.int64), group.to(tl.int64), split.to(tl.int64)
    if ONE_TAP:
        tap = j // depth
        i = j % depth + tl.arange(0, BLOCK_N)
        valid = i < depth
    else:
        j = j + tl.arange(0, BLOCK_N)
        i, tap = j % depth, j // depth
        valid = j < depth * TAPS
    wanted = c < channels
    kd, kh, kw = tap // (KH * KW), tap // KW % KH, tap % KW
    d, h, w = kd * dilation[0], kh * dilation[1], kw * dilation[2]
    upstream = grad + (group * channels + c) * grad_strides[1]
    source = x + (group * depth + i) * x_strides[1] + d * x_strides[2] + h * x_strides[3] + w * x_strides[4]
    acc = tl.zeros((BLOCK_M, BLOCK_N), COMPUTE)
    first = split * chunk
    for m0 in range(first, first + chunk, BLOCK_K):
        m = m0 + tl.arange(0, BLOCK_K)
        n, od, oh, ow = _position(m, sizes)
        id, ih, iw = od * stride[0] + start[0], oh * stride[1] + start[1], ow * stride[2] + start[2]
        live = (m < rows) & (m < first + chunk)
        place = n * grad_strides[0] + od * grad_strides[2] + oh * grad_strides[3] + ow * grad_strides[4]
        a = tl.load(upstream[None, :] + place[:, None], mask=live[:, None] & wanted[None, :], other=0)
        base = n * x_strides[0] + id * x_strides[2] + ih * x_strides[3] + iw * x_strides[4]
        if ONE_TAP:
            seen = _inside(id + d, ih + h, iw + w, x_sizes)[:, None]
        else:
            seen = _inside(
                id[:, None] + d[None, :], ih[:, None] + h[None, :], iw[:, None] + w[None, :], x_sizes
            )
        b = tl.load(source[None, :] + base[:, None], mask=seen & live[:, None] & valid[None, :], other=0)
        acc = _product(a.trans(), b, acc, PRECISION)
    across = i * out_strides[3] + kd * out_strides[4] + kh * out_strides[5] + kw * out_strides[6]
    target = out + split * out_strides[0] + group * out_strides[1] + c * out_strides[2]
    result = convert(acc, out.dtype.element_ty)
    tl.store(target[:, None] + across[None, :], result, mask=wanted[:, None] & valid[None, :])


@triton.jit
def reduce_kernel(
    out, partial, count, splits, sizes, out_strides,
    BLOCK: tl.constexpr, COMPUTE: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """out = sum of `splits` contiguous partial results; `sizes` and `out_strides` are five-dimensional."""
    pid = tl.program_id(0)
    if INT64:
        pid = pid.to(tl.int64)
    j = pid * BLOCK + tl.arange(0, BLOCK)
    mask = j < count
    acc = tl.zeros((BLOCK,), COMPUTE)
    for _ in range(splits):
        acc += tl.load(partial + j, mask=mask, other=0)
        partial += count
    w, rest = j % sizes[4], j // sizes[4]
    h, rest = rest % sizes[3], rest // sizes[3]
    d, rest = rest % sizes[2], rest // sizes[2]
    place = (rest // sizes[1]) * out_strides[0] + (rest % sizes[1]) * out_strides[1]
    place += d * out_strides[2] + h * out_strides[3] + w * out_strides[4]
    tl.store(out + place, convert(acc, out.dtype.element_ty), mask=mask)


@triton.jit
def depthwise_kernel(
    out, x, weight, bias, bias_stride, rows, sizes, out_strides, x_sizes, x_strides, w_strides, channels, multiplier,
    start, stride, dilation,
    KD: tl.constexpr, KH: tl.constexpr, KW: tl.constexpr, BLOCK: tl.constexpr, COMPUTE: tl.constexpr,
    INT64: tl.constexpr,
):  # fmt: skip
    """`correlate_kernel` with one input channel a group, and `multiplier` output channels.

    Args:
        rows: positions of one output plane.
        channels: output channels.
        w_strides: strides of (channel out, taps...).
    """
    plane = tl.program_id(1)
    m = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    if INT64:
        plane, m = plane.to(tl.int64), m.to(tl.int64)
    n, c = plane // channels, plane % channels
    _, od, oh, ow = _position(m, sizes)
    id, ih, iw = od * stride[0] + start[0], oh * stride[1] + start[1], ow * stride[2] + start[2]
    source = x + n * x_strides[0] + (c // multiplier) * x_strides[1]
    source += id * x_strides[2] + ih * x_strides[3] + iw * x_strides[4]
    live = m < rows
    acc = tl.zeros((BLOCK,), COMPUTE)
    for kd in range(KD):
        for kh in range(KH):
            for kw in range(KW):
                td, th, tw = wide(kd, INT64), wide(kh, INT64), wide(kw, INT64)
                d, h, w = td * dilation[0], th * dilation[1], tw * dilation[2]
                seen = live & _inside(id + d, ih + h, iw + w, x_sizes)
                step = d * x_strides[2] + h * x_strides[3] + w * x_strides[4]
                value = tl.load(source + step, mask=seen, other=0).to(COMPUTE)
                reach = c * w_strides[0] + td * w_strides[1] + th * w_strides[2] + tw * w_strides[3]
                acc += value * tl.load(weight + reach).to(COMPUTE)
    if bias is not None:
        acc += tl.load(bias + c * bias_stride).to(COMPUTE)
    place = n * out_strides[0] + c * out_strides[1]
    place += od * out_strides[2] + oh * out_strides[3] + ow * out_strides[4]
    tl.store(out + place, convert(acc, out.dtype.element_ty), mask=live)


@triton.jit
def depthwise_weight_kernel(
    out, grad, x, rows, sizes, grad_strides, x_sizes, x_strides, channels, multiplier, chunk,
    start, stride, dilation,
    KH: tl.constexpr, KW: tl.constexpr, BLOCK: tl.constexpr, COMPUTE: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """out[split, c, t] = sum over a chunk of positions of grad[n, c, o] * x[n, c // multiplier, position(o, t)].

    The grid is (channels, taps, splits); `out` is contiguous; `rows` counts the positions of the whole batch.
    """
    c = tl.program_id(0)
    tap = tl.program_id(1)
    split = tl.program_id(2)
    if INT64:
        c, tap, split = c.to(tl.int64), tap.to(tl.int64), split.to(tl.int64)
    kd, kh, kw = tap // (KH * KW), tap // KW % KH, tap % KW
    d, h, w = kd * dilation[0] + start[0], kh * dilation[1] + start[1], kw * dilation[2] + start[2]
    first = split * chunk
    acc = tl.zeros((BLOCK,), COMPUTE)
    for m0 in range(first, first + chunk, BLOCK):
        m = m0 + tl.arange(0, BLOCK)
        if INT64:
            m = m.to(tl.int64)
        n, od, oh, ow = _position(m, sizes)
        id, ih, iw = od * stride[0] + d, oh * stride[1] + h, ow * stride[2] + w
        live = (m < rows) & (m < first + chunk)
        place = n * grad_strides[0] + c * grad_strides[1]
        place += od * grad_strides[2] + oh * grad_strides[3] + ow * grad_strides[4]
        reach = n * x_strides[0] + (c // multiplier) * x_strides[1]
        reach += id * x_strides[2] + ih * x_strides[3] + iw * x_strides[4]
        value = tl.load(x + reach, mask=live & _inside(id, ih, iw, x_sizes), other=0).to(COMPUTE)
        acc += value * tl.load(grad + place, mask=live, other=0).to(COMPUTE)
    total = tl.sum(acc, 0)
    tl.store(out + (split * channels + c) * tl.num_programs(1) + tap, total)
