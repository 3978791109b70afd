"""The elements below the moved taps of a convolution, and the gradients of where the taps are.

Lanes are places of the result, so that offsets are read and columns written together; a program has one tap of one
group of channels, works out where that tap is once, and reads CHANNELS channels there. The gradients of a tap's place
and of its mask are sums over all channels of its group, in one program and in their order. The gradient of the input
scatters: it is made by sorted sums (`tritonnn/ops/vision/_deform_formula.py`).
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.buffer import Buffer
from tritonnn.kernels.check.case import Case
from tritonnn.kernels.device.pointwise import COMPUTE, convert
from tritonnn.kernels.device.strided import folded, second_program, wide
from tritonnn.kernels.launch.launch import launch, needs_int64
from tritonnn.kernels.launch.replay import replayed
from tritonnn.kernels.tables.vision import DEFORM_BLOCK, deform_channels

Ints = tuple[int, ...]


@triton.jit
def _place(offset, mask, places, one, taps, sizes, kernel, stride, padding, dilation, strides, mask_strides,
           COMPUTE: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr):  # fmt: skip
    """Image, row and column of each lane in the result, where its tap is, its mask, and which lanes there are.

    `one` is the number of the tap among those of all groups.
    """
    p = wide(tl.program_id(0), INT64) * BLOCK + tl.arange(0, BLOCK)
    there = p < places
    group, tap = one // taps, one % taps
    n, row, column = p // (sizes[0] * sizes[1]), p // sizes[1] % sizes[0], p % sizes[1]
    at = offset + n * strides[0] + row * strides[2] + column * strides[3]
    at += wide(2 * one, INT64) * strides[1]
    y = convert(tl.load(at, mask=there, other=0), COMPUTE)
    x = convert(tl.load(at + strides[1], mask=there, other=0), COMPUTE)
    # whole numbers first, so that one rounding is left
    y += (row * stride[0] + (tap // kernel[1] * dilation[0] - padding[0])).to(COMPUTE)
    x += (column * stride[1] + (tap % kernel[1] * dilation[1] - padding[1])).to(COMPUTE)
    weight = tl.full((BLOCK,), 1.0, COMPUTE)
    if mask is not None:
        at = mask + n * mask_strides[0] + row * mask_strides[2] + column * mask_strides[3]
        weight = convert(tl.load(at + wide(one, INT64) * mask_strides[1], mask=there, other=0), COMPUTE)
    return n, row, column, group, tap, y, x, weight, there


@triton.jit
def _line(at, size):
    """The elements before and behind a coordinate, whether they exist, and the weight of the latter."""
    low = tl.floor(at)
    first = (low >= 0.0) & (low <= size - 1.0)
    second = (low >= -1.0) & (low <= size - 2.0)
    # a place outside is not read; it may be too far out for a whole number
    element = tl.where((low >= -1.0) & (low <= size * 1.0), low, 0.0).to(tl.int32)
    return element, first, second, at - low


@triton.jit
def deform_columns_kernel(
    out, input, offset, mask, places, depth, all_taps, taps, height, width, sizes, kernel, stride, padding, dilation,
    out_strides, in_strides, strides, mask_strides,
    COMPUTE: tl.constexpr, BLOCK: tl.constexpr, CHANNELS: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """out[c * taps + t, n, place] = mask * the input's channel c, interpolated where tap t of its group is moved to."""
    one, part = second_program(False) % all_taps, second_program(False) // all_taps
    n, row, column, group, tap, y, x, weight, there = _place(
        offset, mask, places, one, taps, sizes, kernel, stride, padding, dilation, strides, mask_strides,
        COMPUTE, BLOCK, INT64,
    )  # fmt: skip
    top, upper, lower, down = _line(y, height)
    left, before, behind, across = _line(x, width)
    here = input + n * in_strides[0] + wide(top, INT64) * in_strides[2] + wide(left, INT64) * in_strides[3]
    out += n * out_strides[1] + row * out_strides[2] + column * out_strides[3]
    for i in tl.static_range(CHANNELS):
        local = part * CHANNELS + i
        exists = there & (local + row * 0 < depth)
        channel = group * depth + local
        plane = here + wide(channel, INT64) * in_strides[1]
        a = convert(tl.load(plane, mask=exists & upper & before, other=0), COMPUTE)
        b = convert(tl.load(plane + in_strides[3], mask=exists & upper & behind, other=0), COMPUTE)
        c = convert(tl.load(plane + in_strides[2], mask=exists & lower & before, other=0), COMPUTE)
        d = convert(
            tl.load(plane + in_strides[2] + in_strides[3], mask=exists & lower & behind, other=0), COMPUTE
        )
        value = (1.0 - down) * ((1.0 - across) * a + across * b) + down * ((1.0 - across) * c + across * d)
        target = out + wide(channel * taps + tap, INT64) * out_strides[0]
        tl.store(target, convert(value * weight, out.dtype.element_ty), mask=exists)


@triton.jit
def deform_places_kernel(
    offset_grad, mask_grad, grad, input, offset, mask, places, depth, all_taps, taps, height, width, sizes, kernel,
    stride, padding, dilation, out_strides, masked_strides, grad_strides, in_strides, strides, mask_strides,
    COMPUTE: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """The sums over channels of grad times the derivatives of what a tap reads, by its place and by its mask."""
    one, part = second_program(False) % all_taps, second_program(False) // all_taps
    n, row, column, group, tap, y, x, weight, there = _place(
        offset, mask, places, one, taps, sizes, kernel, stride, padding, dilation, strides, mask_strides,
        COMPUTE, BLOCK, INT64,
    )  # fmt: skip
    there &= row * 0 + part == 0
    top, upper, lower, down = _line(y, height)
    left, before, behind, across = _line(x, width)
    here = input + n * in_strides[0] + wide(top, INT64) * in_strides[2] + wide(left, INT64) * in_strides[3]
    grad += n * grad_strides[1] + row * grad_strides[2] + column * grad_strides[3]
    downward = tl.zeros((BLOCK,), COMPUTE)
    sideward, masked = downward, downward
    for local in range(depth):
        channel = group * depth + local
        plane = here + wide(channel, INT64) * in_strides[1]
        a = convert(tl.load(plane, mask=there & upper & before, other=0), COMPUTE)
        b = convert(tl.load(plane + in_strides[3], mask=there & upper & behind, other=0), COMPUTE)
        c = convert(tl.load(plane + in_strides[2], mask=there & lower & before, other=0), COMPUTE)
        d = convert(
            tl.load(plane + in_strides[2] + in_strides[3], mask=there & lower & behind, other=0), COMPUTE
        )
        g = convert(
            tl.load(grad + wide(channel * taps + tap, INT64) * grad_strides[0], mask=there, other=0), COMPUTE
        )
        above, below = (1.0 - across) * a + across * b, (1.0 - across) * c + across * d
        downward += g * (below - above)
        sideward += g * ((1.0 - down) * (b - a) + down * (d - c))
        masked += g * ((1.0 - down) * above + down * below)
    offset_grad += n * out_strides[0] + row * out_strides[2] + column * out_strides[3]
    offset_grad += wide(2 * one, INT64) * out_strides[1]
    tl.store(offset_grad, convert(downward * weight, offset_grad.dtype.element_ty), mask=there)
    tl.store(
        offset_grad + out_strides[1], convert(sideward * weight, offset_grad.dtype.element_ty), mask=there
    )
    if mask is not None:
        mask_grad += n * masked_strides[0] + row * masked_strides[2] + column * masked_strides[3]
        mask_grad += wide(one, INT64) * masked_strides[1]
        tl.store(mask_grad, convert(masked, mask_grad.dtype.element_ty), mask=there)


@replayed
def deform_columns(
    out: Buffer, input: Buffer, offset: Buffer, mask: Buffer | None, kernel_size: Ints, stride: Ints, padding: Ints,
    dilation: Ints, offset_groups: int,
) -> None:  # fmt: skip
    """Of each channel and tap the input where the tap is moved to, times the mask."""
    if not out.numel:
        return
    depth, taps = input.shape[1] // offset_groups, kernel_size[0] * kernel_size[1]
    places = out.numel // out.shape[0]
    channels = deform_channels(depth)
    all_taps = offset_groups * taps
    launch(
        deform_columns_kernel, folded(-(-places // DEFORM_BLOCK), all_taps * -(-depth // channels)), out, input, offset,
        mask, places, depth, all_taps, taps, *input.shape[2:], out.shape[2:],
        kernel_size, stride, padding, dilation, out.strides, input.strides, offset.strides,
        offset.strides if mask is None else mask.strides, COMPUTE=COMPUTE[input.dtype], BLOCK=DEFORM_BLOCK,
        CHANNELS=channels, INT64=needs_int64(out, input, offset, mask),
    )  # fmt: skip


@replayed
def deform_columns_backward(
    offset_grad: Buffer, mask_grad: Buffer, grad: Buffer, input: Buffer, offset: Buffer, mask: Buffer | None,
    kernel_size: Ints, stride: Ints, padding: Ints, dilation: Ints, offset_groups: int,
) -> None:  # fmt: skip
    """The gradients of `deform_columns` for offset and mask."""
    if not offset_grad.numel:
        return
    depth, taps = input.shape[1] // offset_groups, kernel_size[0] * kernel_size[1]
    places = input.shape[0] * offset.shape[2] * offset.shape[3]
    all_taps = offset_groups * taps
    masks = offset_grad if mask is None else mask_grad
    launch(
        deform_places_kernel, folded(-(-places // DEFORM_BLOCK), all_taps), offset_grad, masks, grad, input,
        offset, mask, places, depth, all_taps, taps, *input.shape[2:], offset.shape[2:], kernel_size, stride, padding,
        dilation, offset_grad.strides, masks.strides, grad.strides, input.strides, offset.strides,
        offset.strides if mask is None else mask.strides, COMPUTE=COMPUTE[input.dtype], BLOCK=DEFORM_BLOCK,
        INT64=needs_int64(offset_grad, mask_grad, grad, input, offset, mask),
    )  # fmt: skip


def _cases(kind: str, compute: tl.dtype, masked: bool, channels: int = 8) -> list[Case]:
    four, pair, mask = "(i32 i32 i32 i32=1)", "(i32 i32)", f"*{kind}" if masked else "None"
    how = f"i32 i32 i32 i32 i32 i32 {pair} {pair} (i32=1 i32=1) {pair} (i32=1 i32=1)"
    constants = {"COMPUTE": compute, "BLOCK": DEFORM_BLOCK, "INT64": False}
    label = f"{kind}{',mask' * masked}"
    return [
        Case(
            deform_columns_kernel, f"*{kind} *{kind} *{kind} {mask} {how} {four} {four} {four} {four}",
            {**constants, "CHANNELS": channels}, label=f"{label},{channels}",
        ),
        Case(
            deform_places_kernel,
            f"*{kind} *{kind} *{kind} *{kind} *{kind} {mask} {how} {four} {four} {four} {four} {four} {four}",
            constants, label=label,
        ),
    ]  # fmt: skip


COMPILE = [
    *_cases("fp32", tl.float32, False),
    *[case for channels in (1, 2, 4) for case in _cases("fp32", tl.float32, True, channels)[:1]],
    *_cases("fp32", tl.float32, True),
    *_cases("bf16", tl.float32, True),
    *_cases("fp64", tl.float64, True),
]
