"""Shapes, strides and types as the kernels of convolution take them."""

from __future__ import annotations

from typing import Any, NamedTuple

from triton import language as tl

from tritonnn import dtypes
from tritonnn.buffer import Buffer
from tritonnn.kernels.device.moving import copy
from tritonnn.kernels.device.strided import permute
from tritonnn.kernels.launch.launch import empty

Ints = tuple[int, ...]
TRITON = {dtypes.float32: tl.float32, dtypes.float64: tl.float64}
SUPPORTED = (dtypes.float16, dtypes.bfloat16, dtypes.float32, dtypes.float64)


class Window(NamedTuple):
    """Where output `o` and tap `t` meet in each of three dimensions: start + o * stride + t * dilation."""

    start: Ints
    stride: Ints
    dilation: Ints


class Finish(NamedTuple):
    """What is done with the sums: epilogue(sums + bias + alpha residual).

    Attributes:
        bias: (channels out,).
        residual: of the output's shape.
        epilogue: a scalar `@triton.jit` function.
    """

    bias: Buffer | None = None
    residual: Buffer | None = None
    alpha: float = 1.0
    epilogue: Any = None

    @property
    def bias_stride(self) -> int:
        """Distance of the biases of neighbouring channels."""
        return 0 if self.bias is None else self.bias.strides[0]


def check_dtype(name: str, out: Buffer) -> None:
    if out.dtype not in SUPPORTED:
        known = ", ".join(d.name for d in SUPPORTED)
        raise NotImplementedError(f"{name} has no GPU kernel for {out.dtype.name}, only for {known}")


def precision(x: Buffer) -> str:
    from tritonnn.precision import convolution_precision

    return convolution_precision() if x.dtype is dtypes.float32 else "ieee"


def window_of(stride: Ints, padding: Ints, dilation: Ints) -> Window:
    lead = 3 - len(stride)
    start = (0,) * lead + tuple([-p for p in padding])
    return Window(start, (1,) * lead + tuple(stride), (1,) * lead + tuple(dilation))


def spatial(buffer: Buffer) -> Buffer:
    """(batch, channels, *spatial) with leading spatial dimensions of size 1, three in all."""
    lead = 5 - len(buffer.shape)
    shape = (*buffer.shape[:2], *(1,) * lead, *buffer.shape[2:])
    return buffer.as_strided(shape, (*buffer.strides[:2], *(0,) * lead, *buffer.strides[2:]))


def grouped(weight: Buffer, groups: int) -> Buffer:
    """The first dimension split into (groups, channels a group)."""
    each = weight.shape[0] // groups
    shape, strides = (groups, each, *weight.shape[1:]), (each * weight.strides[0], *weight.strides)
    return weight.as_strided(shape, strides)


def one_stride(weight: Buffer) -> bool:
    """Whether (groups, multiplier) count channels at one distance."""
    return weight.shape[1] == 1 or weight.strides[0] == weight.shape[1] * weight.strides[1]


def merged_channels(weight: Buffer) -> Ints:
    """Strides of (channel out, taps...) of a depthwise weight (groups, multiplier, 1, taps...)."""
    channel_stride = weight.strides[1] if weight.shape[1] > 1 else weight.strides[0]
    return (channel_stride, *weight.strides[3:])


def packed(buffer: Buffer, axis: int = 1) -> Buffer:
    """The buffer with the channels at `axis` innermost in memory, copied where they are not."""
    if buffer.shape[axis] == 1 or buffer.strides[axis] == 1 or buffer.numel == 0:
        return buffer
    order = (*[d for d in range(buffer.ndim) if d != axis], axis)
    copied = empty(tuple([buffer.shape[d] for d in order]), buffer.dtype, buffer)
    copy(copied, permute(buffer, order))
    inverse = [order.index(d) for d in range(buffer.ndim)]
    return permute(copied, tuple(inverse))


def channels_last(buffer: Buffer) -> bool:
    return buffer.strides[1] == 1 and buffer.shape[1] > 1
