"""Convolutions that learn their number of input channels from the first input."""

from __future__ import annotations

from typing import Any

from tritonnn._parameter import UninitializedParameter
from tritonnn._tensor import Tensor
from tritonnn.device import DeviceLike
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import explained
from tritonnn.nn.modules.conv import (
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
    _check_channels,
)
from tritonnn.nn.modules.lazy import LazyExtent
from tritonnn.table.types import IntOrInts

__all__ = [
    "LazyConv1d",
    "LazyConv2d",
    "LazyConv3d",
    "LazyConvTranspose1d",
    "LazyConvTranspose2d",
    "LazyConvTranspose3d",
]


class _LazyChannels(LazyExtent):
    """Learns `in_channels` from the first input; constructor arguments are those of the ordinary class after it."""

    _extent = "in_channels"

    def _leave_open(
        self, out_channels: int, bias: bool, device: DeviceLike | None, dtype: DType | None
    ) -> None:
        layer: Any = self
        layer.out_channels = out_channels
        layer.weight = UninitializedParameter(device=device, dtype=dtype)
        if bias:
            layer.bias = UninitializedParameter(device=device, dtype=dtype)

    def _learn(self, input: Tensor) -> int:
        layer: Any = self
        if input.ndim not in (layer._dims + 1, layer._dims + 2):
            raise explained(RuntimeError)(
                f"Expected {layer._dims + 1}D (unbatched) or {layer._dims + 2}D (batched) input to "
                f"{type(self).__name__}, but got input of size: {input.shape}"
            )
        in_channels = input.shape[-layer._dims - 1]
        _check_channels(in_channels, layer.out_channels, layer.groups)
        return in_channels

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        layer: Any = self
        first, second = layer.out_channels, layer.in_channels
        if layer.transposed:
            first, second = second, first
        weight = (first, second // layer.groups, *layer.kernel_size)
        return {"weight": weight, "bias": (layer.out_channels,)}


class _LazyConv(_LazyChannels):
    def __init__(
        self, out_channels: int, kernel_size: IntOrInts, stride: IntOrInts = 1, padding: str | IntOrInts = 0,
        dilation: IntOrInts = 1, groups: int = 1, bias: bool = True, padding_mode: str = "zeros",
        device: DeviceLike | None = None, dtype: DType | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            0, 0, kernel_size, stride, padding, dilation, groups, False, padding_mode, device, dtype
        )
        self._leave_open(out_channels, bias, device, dtype)


class _LazyConvTranspose(_LazyChannels):
    def __init__(
        self, out_channels: int, kernel_size: IntOrInts, stride: IntOrInts = 1, padding: IntOrInts = 0,
        output_padding: IntOrInts = 0, groups: int = 1, bias: bool = True, dilation: IntOrInts = 1,
        padding_mode: str = "zeros", device: DeviceLike | None = None, dtype: DType | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            0,
            0,
            kernel_size,
            stride,
            padding,
            output_padding,
            groups,
            False,
            dilation,
            padding_mode,
            device,
            dtype,
        )
        self._leave_open(out_channels, bias, device, dtype)


class LazyConv1d(_LazyConv, Conv1d):
    """A Conv1d that learns `in_channels` from its first input; the other arguments as of `Conv1d`.

    >>> import tritonnn as torch
    >>> layer = torch.nn.LazyConv1d(4, 3)
    >>> layer(torch.ones(2, 3, 5)).shape
    torch.Size([2, 4, 3])
    """

    cls_to_become = Conv1d


class LazyConv2d(_LazyConv, Conv2d):
    """A Conv2d that learns `in_channels` from its first input; the other arguments as of `Conv2d`.

    >>> import tritonnn as torch
    >>> layer = torch.nn.LazyConv2d(8, 3)
    >>> layer(torch.ones(1, 4, 5, 5)).shape, layer
    (torch.Size([1, 8, 3, 3]), Conv2d(4, 8, kernel_size=(3, 3), stride=(1, 1)))
    """

    cls_to_become = Conv2d


class LazyConv3d(_LazyConv, Conv3d):
    """A Conv3d that learns `in_channels` from its first input; the other arguments as of `Conv3d`.

    >>> import tritonnn as torch
    >>> layer = torch.nn.LazyConv3d(4, 3)
    >>> layer(torch.ones(2, 3, 5, 5, 5)).shape
    torch.Size([2, 4, 3, 3, 3])
    """

    cls_to_become = Conv3d


class LazyConvTranspose1d(_LazyConvTranspose, ConvTranspose1d):
    """A ConvTranspose1d that learns `in_channels` from its first input.

    >>> import tritonnn as torch
    >>> layer = torch.nn.LazyConvTranspose1d(4, 3)
    >>> layer(torch.ones(2, 3, 5)).shape
    torch.Size([2, 4, 7])
    """

    cls_to_become = ConvTranspose1d


class LazyConvTranspose2d(_LazyConvTranspose, ConvTranspose2d):
    """A ConvTranspose2d that learns `in_channels` from its first input.

    >>> import tritonnn as torch
    >>> layer = torch.nn.LazyConvTranspose2d(4, 3)
    >>> layer(torch.ones(2, 3, 5, 5)).shape
    torch.Size([2, 4, 7, 7])
    """

    cls_to_become = ConvTranspose2d


class LazyConvTranspose3d(_LazyConvTranspose, ConvTranspose3d):
    """A ConvTranspose3d that learns `in_channels` from its first input.

    >>> import tritonnn as torch
    >>> layer = torch.nn.LazyConvTranspose3d(4, 3)
    >>> layer(torch.ones(1, 3, 2, 2, 2)).shape
    torch.Size([1, 4, 4, 4, 4])
    """

    cls_to_become = ConvTranspose3d
