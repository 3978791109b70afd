"""Sampling of images and volumes at given places: grid_sample forward, and the gradient of the places.

A grid value g of -1 to 1 names a coordinate between the first and the last element (ALIGN: between their centres;
else between their outer edges). A sample is a sum over taps, neighbours of the coordinate c, the product of one weight
per dimension each; with t = c - floor(c):

    nearest   1 tap:   at the nearest element, halves to the even one
    bilinear  2 taps:  at floor(c) 1 - t, after it t
    bicubic   4 taps:  Keys' cubic convolution with a = -0.75 at t + 1, t, 1 - t and 2 - t

PADDING moves what lies outside: ZEROS drops taps, BORDER clips to the nearest element, REFLECTION folds at the edges
and then clips; for bicubic the taps are moved, else the coordinate.

Lanes are places, a program handles CHANNELS channels of them: coordinates are computed once for these, and neighbouring
places of a smooth grid read neighbouring elements. The gradient of the input scatters, which would need atomics whose
order changes the sums: `sampling_taps` gives positions and weights instead, and index_add adds them in a fixed order.

Source: Jaderberg et al., "Spatial Transformer Networks", arXiv:1506.02025; Keys, "Cubic convolution interpolation for
digital image processing", IEEE Trans. ASSP 29 (1981).
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.buffer import Buffer
from tritonnn.kernels.check.case import Case
from tritonnn.kernels.device.math import fmod, rint
from tritonnn.kernels.device.pointwise import COMPUTE, convert
from tritonnn.kernels.device.strided import folded, positions, second_program, wide
from tritonnn.kernels.launch.launch import launch, needs_int64
from tritonnn.kernels.launch.replay import replayed

BILINEAR, NEAREST, BICUBIC = (tl.constexpr(i) for i in range(3))
ZEROS, BORDER, REFLECTION = (tl.constexpr(i) for i in range(3))
#: taps per dimension of each mode
TAPS = (2, 1, 4)
BLOCK, CHANNELS = 256, 16


@triton.jit
def _moved(c, size, PADDING: tl.constexpr, ALIGN: tl.constexpr):
    """A coordinate as the padding moves it, and the derivative of that: 1, -1 where folded back, 0 where clipped."""
    slope = c * 0 + 1.0
    if PADDING == REFLECTION:
        low = 0.0 if ALIGN else -0.5
        span = (size - 1.0) if ALIGN else size * 1.0
        distance = tl.abs(c - low)
        span = tl.maximum(span, 1.0)  # of one element with ALIGN: the clip below gives 0
        flips = tl.floor(distance / span)
        rest = fmod(distance, span)
        even = flips % 2.0 == 0.0
        slope = tl.where(even == (c >= low), 1.0, -1.0).to(c.dtype)
        c = tl.where(even, rest + low, span - rest + low)
    if PADDING != ZEROS:
        last = size - 1.0
        slope = tl.where((c > 0.0) & (c < last), slope, 0.0).to(c.dtype)
        # written so that NaN becomes 0
        c = tl.where(c > 0.0, tl.where(c < last, c, last), 0.0).to(c.dtype)
    return c, slope


@triton.jit
def _coordinate(g, size, MODE: tl.constexpr, PADDING: tl.constexpr, ALIGN: tl.constexpr):
    """The coordinate that a grid value names, and its derivative."""
    if ALIGN:
        scale = (size - 1.0) / 2.0
        c = (g + 1.0) / 2.0 * (size - 1.0)
    else:
        scale = size / 2.0
        c = ((g + 1.0) * size - 1.0) / 2.0
    slope = c * 0 + scale
    if MODE != BICUBIC:
        c, turned = _moved(c, size, PADDING, ALIGN)
        slope = turned * scale
        # NaN and what no index reaches lie outside
        c = tl.where(tl.abs(c) < 2147483648.0, c, -100.0).to(c.dtype)
    return c, slope


@triton.jit
def _near(x):
    """Keys' kernel within 1."""
    return (1.25 * x - 2.25) * x * x + 1.0


@triton.jit
def _far(x):
    """Keys' kernel from 1 to 2."""
    return ((-0.75 * x + 3.75) * x - 6.0) * x + 3.0


@triton.jit
def _near_slope(x):
    return (3.75 * x - 4.5) * x


@triton.jit
def _far_slope(x):
    return (-2.25 * x + 7.5) * x - 6.0


@triton.jit
def _tap(c, size, i: tl.constexpr, MODE: tl.constexpr, PADDING: tl.constexpr, ALIGN: tl.constexpr):
    """Of tap i along one dimension: its element, whether there is one, its weight and the weight's derivative in c."""
    if MODE == NEAREST:
        p = rint(c)
        weight, slope = c * 0 + 1.0, c * 0
    elif MODE == BILINEAR:
        p = tl.floor(c)
        t = c - p
        p += i
        weight = t if i == 1 else 1.0 - t
        slope = c * 0 + (1.0 if i == 1 else -1.0)
    else:
        p = tl.floor(c)
        t = c - p
        p += i - 1.0
        if i == 0:
            weight, slope = _far(t + 1.0), _far_slope(t + 1.0)
        elif i == 1:
            weight, slope = _near(t), _near_slope(t)
        elif i == 2:
            weight, slope = _near(1.0 - t), -_near_slope(1.0 - t)
        else:
            weight, slope = _far(2.0 - t), -_far_slope(2.0 - t)
        p, _ = _moved(p, size, PADDING, ALIGN)
    inside = (p >= 0.0) & (p <= size - 1.0)
    return tl.where(inside, p, 0.0).to(tl.int32), inside, weight, slope


@triton.jit
def _places(i, sizes):
    """Batch, depth, row and column of a row-major position of the result."""
    w, i = i % sizes[2], i // sizes[2]
    h, i = i % sizes[1], i // sizes[1]
    return i // sizes[0], i % sizes[0], h, w


@triton.jit
def _grid_value(grid_ptrs, d: tl.constexpr, strides, mask, COMPUTE: tl.constexpr):
    return convert(tl.load(grid_ptrs + d * strides[4], mask=mask, other=0), COMPUTE)


@triton.jit
def _coordinates(
    grid, grid_strides, numel, sizes, in_sizes,
    NDIM: tl.constexpr, MODE: tl.constexpr, PADDING: tl.constexpr, ALIGN: tl.constexpr, COMPUTE: tl.constexpr,
    BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """The places of a program: number and mask, batch, depth, row and column; x, y and z that the grid has there, and
    their derivatives in its values. z is 0 of an image."""
    i = positions(BLOCK, INT64)
    mask = i < numel
    n, d, h, w = _places(i, sizes)
    grid += n * grid_strides[0] + d * grid_strides[1] + h * grid_strides[2] + w * grid_strides[3]
    gx = _grid_value(grid, 0, grid_strides, mask, COMPUTE)
    gy = _grid_value(grid, 1, grid_strides, mask, COMPUTE)
    x, x_slope = _coordinate(gx, in_sizes[2], MODE, PADDING, ALIGN)
    y, y_slope = _coordinate(gy, in_sizes[1], MODE, PADDING, ALIGN)
    if NDIM == 3:
        gz = _grid_value(grid, 2, grid_strides, mask, COMPUTE)
        z, z_slope = _coordinate(gz, in_sizes[0], MODE, PADDING, ALIGN)
    else:
        z, z_slope = x * 0, x * 0
    return i, mask, n, d, h, w, x, y, z, x_slope, y_slope, z_slope


@triton.jit
def _element(z, y, x, strides, INT64: tl.constexpr):
    """The offset of an element in its plane."""
    return wide(z, INT64) * strides[2] + wide(y, INT64) * strides[3] + wide(x, INT64) * strides[4]


@triton.jit
def _taps(
    k: tl.constexpr, x, y, z, in_sizes, T: tl.constexpr, NDIM: tl.constexpr, MODE: tl.constexpr, PADDING: tl.constexpr,
    ALIGN: tl.constexpr,
):  # fmt: skip
    """Of tap k of T per dimension: element, whether there is one, and weights and their slopes per dimension."""
    px, in_x, wx, sx = _tap(x, in_sizes[2], k % T, MODE, PADDING, ALIGN)
    py, in_y, wy, sy = _tap(y, in_sizes[1], k // T % T, MODE, PADDING, ALIGN)
    inside = in_x & in_y
    if NDIM == 3:
        pz, in_z, wz, sz = _tap(z, in_sizes[0], k // (T * T), MODE, PADDING, ALIGN)
        inside = inside & in_z
    else:
        pz, wz, sz = px * 0, x * 0 + 1.0, x * 0
    return px, py, pz, inside, wx, wy, wz, sx, sy, sz


@triton.jit
def sample_kernel(
    out, input, grid, numel, channels, sizes, out_strides, in_sizes, in_strides, grid_strides,
    T: tl.constexpr, NDIM: tl.constexpr, MODE: tl.constexpr, PADDING: tl.constexpr, ALIGN: tl.constexpr,
    COMPUTE: tl.constexpr, CHANNELS: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """out[n, c, place] = sum over taps k of weight_k * input[n, c, element_k]."""
    _, mask, n, d, h, w, x, y, z, _, _, _ = _coordinates(
        grid, grid_strides, numel, sizes, in_sizes, NDIM, MODE, PADDING, ALIGN, COMPUTE, BLOCK, INT64
    )
    out += n * out_strides[0] + d * out_strides[2] + h * out_strides[3] + w * out_strides[4]
    input += n * in_strides[0]
    first = second_program(INT64) * CHANNELS
    for c in range(first, tl.minimum(first + CHANNELS, channels)):
        acc = tl.zeros((BLOCK,), COMPUTE)
        plane = wide(c, INT64) * in_strides[1]
        for k in tl.static_range(T * T * T if NDIM == 3 else T * T):
            px, py, pz, inside, wx, wy, wz, _, _, _ = _taps(
                k, x, y, z, in_sizes, T, NDIM, MODE, PADDING, ALIGN
            )
            element = _element(pz, py, px, in_strides, INT64)
            value = convert(tl.load(input + plane + element, mask=mask & inside, other=0), COMPUTE)
            acc += wx * wy * wz * value
        tl.store(out + wide(c, INT64) * out_strides[1], convert(acc, out.dtype.element_ty), mask=mask)


@triton.jit
def grid_gradient_kernel(
    out, dy, input, grid, numel, channels, sizes, dy_strides, in_sizes, in_strides, grid_strides, out_strides,
    T: tl.constexpr, NDIM: tl.constexpr, MODE: tl.constexpr, PADDING: tl.constexpr, ALIGN: tl.constexpr,
    COMPUTE: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """out[n, place, d] = slope_d * sum over c, k of dy[n, c, place] * dweight_k/dc_d * input[n, c, element_k]."""
    _, mask, n, d, h, w, x, y, z, x_slope, y_slope, z_slope = _coordinates(
        grid, grid_strides, numel, sizes, in_sizes, NDIM, MODE, PADDING, ALIGN, COMPUTE, BLOCK, INT64
    )
    dy += n * dy_strides[0] + d * dy_strides[2] + h * dy_strides[3] + w * dy_strides[4]
    input += n * in_strides[0]
    gx, gy, gz = tl.zeros((BLOCK,), COMPUTE), tl.zeros((BLOCK,), COMPUTE), tl.zeros((BLOCK,), COMPUTE)
    for c in range(channels):
        g = convert(tl.load(dy + wide(c, INT64) * dy_strides[1], mask=mask, other=0), COMPUTE)
        plane = wide(c, INT64) * in_strides[1]
        for k in tl.static_range(T * T * T if NDIM == 3 else T * T):
            px, py, pz, inside, wx, wy, wz, sx, sy, sz = _taps(
                k, x, y, z, in_sizes, T, NDIM, MODE, PADDING, ALIGN
            )
            element = _element(pz, py, px, in_strides, INT64)
            value = g * convert(tl.load(input + plane + element, mask=mask & inside, other=0), COMPUTE)
            gx += sx * wy * wz * value
            gy += wx * sy * wz * value
            gz += wx * wy * sz * value
    out += n * out_strides[0] + d * out_strides[1] + h * out_strides[2] + w * out_strides[3]
    tl.store(out, convert(gx * x_slope, out.dtype.element_ty), mask=mask)
    tl.store(out + out_strides[4], convert(gy * y_slope, out.dtype.element_ty), mask=mask)
    if NDIM == 3:
        tl.store(out + 2 * out_strides[4], convert(gz * z_slope, out.dtype.element_ty), mask=mask)


@triton.jit
def taps_kernel(
    elements, weights, grid, numel, sizes, in_sizes, grid_strides,
    T: tl.constexpr, NDIM: tl.constexpr, MODE: tl.constexpr, PADDING: tl.constexpr, ALIGN: tl.constexpr,
    COMPUTE: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """elements[k, place], weights[k, place] of every tap k; a tap outside is element 0 of its image with weight 0."""
    i, mask, n, _, _, _, x, y, z, _, _, _ = _coordinates(
        grid, grid_strides, numel, sizes, in_sizes, NDIM, MODE, PADDING, ALIGN, COMPUTE, BLOCK, INT64
    )
    for k in tl.static_range(T * T * T if NDIM == 3 else T * T):
        px, py, pz, inside, wx, wy, wz, _, _, _ = _taps(k, x, y, z, in_sizes, T, NDIM, MODE, PADDING, ALIGN)
        element = ((n.to(tl.int64) * in_sizes[0] + pz) * in_sizes[1] + py) * in_sizes[2] + px
        tl.store(elements + i, element, mask=mask)
        weight = tl.where(inside, wx * wy * wz, 0.0)
        tl.store(weights + i, convert(weight, weights.dtype.element_ty), mask=mask)
        elements += numel
        weights += numel


def _volume(buffer: Buffer) -> Buffer:
    """An image (N, C, H, W) as a volume of depth 1."""
    if buffer.ndim == 5:
        return buffer
    (n, c, *plane), (sn, sc, *steps) = buffer.shape, buffer.strides
    return buffer.as_strided((n, c, 1, *plane), (sn, sc, 0, *steps))


def _volume_grid(grid: Buffer) -> Buffer:
    """A grid (N, H, W, 2) with a depth of 1."""
    if grid.ndim == 5:
        return grid
    (n, *rest), (sn, *steps) = grid.shape, grid.strides
    return grid.as_strided((n, 1, *rest), (sn, 0, *steps))


@replayed
def grid_sampler(
    out: Buffer, input: Buffer, grid: Buffer, interpolation_mode: int, padding_mode: int, align_corners: bool
) -> None:
    """The input at the places that the grid names."""
    ndim = grid.ndim - 2
    o, x, g = _volume(out), _volume(input), _volume_grid(grid)
    places, channels = o.numel // max(o.shape[1], 1), o.shape[1]
    if not o.numel:
        return
    launch(
        sample_kernel, folded(-(-places // BLOCK), -(-channels // CHANNELS)), o, x, g, places, channels, o.shape[2:],
        o.strides, x.shape[2:], x.strides, g.strides,
        T=TAPS[interpolation_mode], NDIM=ndim, MODE=interpolation_mode, PADDING=padding_mode, ALIGN=align_corners,
        COMPUTE=COMPUTE[input.dtype], CHANNELS=CHANNELS, BLOCK=BLOCK, INT64=needs_int64(o, x, g),
    )  # fmt: skip


@replayed
def grid_gradient(
    out: Buffer, grad: Buffer, input: Buffer, grid: Buffer, interpolation_mode: int, padding_mode: int,
    align_corners: bool,
) -> None:  # fmt: skip
    """The gradient of `grid_sampler` for the grid."""
    ndim = grid.ndim - 2
    result, dy, x, g = _volume_grid(out), _volume(grad), _volume(input), _volume_grid(grid)
    places = out.numel // ndim
    if not places:
        return
    launch(
        grid_gradient_kernel, (-(-places // BLOCK),), result, dy, x, g, places, dy.shape[1], dy.shape[2:], dy.strides,
        x.shape[2:], x.strides, g.strides, result.strides,
        T=TAPS[interpolation_mode], NDIM=ndim, MODE=interpolation_mode, PADDING=padding_mode, ALIGN=align_corners,
        COMPUTE=COMPUTE[input.dtype], BLOCK=BLOCK, INT64=needs_int64(result, dy, x, g),
    )  # fmt: skip


@replayed
def sampling_taps(
    elements: Buffer, weights: Buffer, grid: Buffer, sizes: tuple[int, ...], interpolation_mode: int,
    padding_mode: int, align_corners: bool,
) -> None:  # fmt: skip
    """Positions and weights of the elements that `grid_sampler` reads."""
    ndim = grid.ndim - 2
    g = _volume_grid(grid)
    places = grid.numel // ndim
    if not places:
        return
    launch(
        taps_kernel, (-(-places // BLOCK),), elements, weights, g, places, g.shape[1:4], (1, *sizes)[-3:], g.strides,
        T=TAPS[interpolation_mode], NDIM=ndim, MODE=interpolation_mode, PADDING=padding_mode, ALIGN=align_corners,
        COMPUTE=COMPUTE[grid.dtype], BLOCK=BLOCK, INT64=needs_int64(elements, weights, g),
    )  # fmt: skip


_THREE = "(i32 i32 i32)"
_FIVE = "(i32 i32 i32 i32 i32=1)"


def _cases(kind: str, compute: tl.dtype, ndim: int, mode: int, padding: int) -> list[Case]:
    constants = {
        "T": TAPS[mode], "NDIM": ndim, "MODE": mode, "PADDING": padding, "ALIGN": False, "COMPUTE": compute,
        "BLOCK": BLOCK, "INT64": False,
    }  # fmt: skip
    label = f"{kind}-{ndim}d-{mode}-{padding}"
    images = f"{_THREE} {_FIVE} {_THREE} {_FIVE} {_FIVE}"
    return [
        Case(
            sample_kernel, f"*{kind} *{kind} *{kind} i32 i32 {images}", {**constants, "CHANNELS": CHANNELS},
            label=label,
        ),
        Case(
            grid_gradient_kernel, f"*{kind} *{kind} *{kind} *{kind} i32 i32 {images} {_FIVE}", constants, label=label,
        ),
        Case(taps_kernel, f"*i64 *{kind} *{kind} i32 {_THREE} {_THREE} {_FIVE}", constants, label=label),
    ]  # fmt: skip


COMPILE = [
    *_cases("fp32", tl.float32, 2, 0, 0),
    *_cases("fp32", tl.float32, 2, 1, 1),
    *_cases("fp32", tl.float32, 2, 2, 2),
    *_cases("fp32", tl.float32, 3, 0, 2),
    *_cases("bf16", tl.float32, 2, 0, 1),
    *_cases("fp64", tl.float64, 2, 0, 0),
]
