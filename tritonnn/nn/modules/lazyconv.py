"""Convolutions that learn their number of input channels from the first input."""

from __future__ import annotations

from typing import Any

from tritonnn._parameter import UninitializedParameter, is_lazy
from tritonnn._tensor import Tensor
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
from tritonnn.nn.modules.lazy import LazyModuleMixin

__all__ = [
    "LazyConv1d",
    "LazyConv2d",
    "LazyConv3d",
    "LazyConvTranspose1d",
    "LazyConvTranspose2d",
    "LazyConvTranspose3d",
]


class _LazyConv(LazyModuleMixin):
    """Learns `in_channels` from the first input; constructor arguments are those of the ordinary class after
    it.
    """

    def __init__(self, out_channels: int, kernel_size: Any, *args: Any, **kwargs: Any) -> None:
        kwargs = {**_named(self._bias_position, args), **kwargs}
        bias = kwargs.pop("bias", True)
        device, dtype = kwargs.get("device"), kwargs.get("dtype")
        super().__init__(0, 0, kernel_size, bias=False, **kwargs)
        layer: Any = self
        layer.out_channels = out_channels
        layer.weight = UninitializedParameter(device=device, dtype=dtype)
        if bias:
            layer.bias = UninitializedParameter(device=device, dtype=dtype)

    # Names of the positional arguments after kernel_size.
    _bias_position: tuple[str, ...] = (
        "stride", "padding", "dilation", "groups", "bias", "padding_mode", "device", "dtype",
    )  # fmt: skip

    def reset_parameters(self) -> None:
        layer: Any = self
        if not self.has_uninitialized_params() and layer.in_channels != 0:
            super().reset_parameters()  # type: ignore[misc]

    def initialize_parameters(self, input: Tensor, *args: Any, **kwargs: Any) -> None:
        layer: Any = self
        if layer.in_channels == 0:
            layer.in_channels = self._in_channels(input)
            _check_channels(layer.in_channels, layer.out_channels, layer.groups)
        if not self.has_uninitialized_params():  # loaded
            return
        if layer.transposed:
            shape = (layer.in_channels, layer.out_channels // layer.groups, *layer.kernel_size)
        else:
            shape = (layer.out_channels, layer.in_channels // layer.groups, *layer.kernel_size)
        layer.weight.materialize(shape)
        if is_lazy(layer.bias):
            layer.bias.materialize((layer.out_channels,))
        self.reset_parameters()

    def _in_channels(self, input: Tensor) -> int:
        layer: Any = self
        if input.ndim not in (layer._dims + 1, layer._dims + 2):
            raise explained(RuntimeError)(
                f"Expected {layer._dims + 1}D (unbatched) or {layer._dims + 2}D (batched) input to "
                f"{type(self).__name__}, but got input of size: {input.shape}"
            )
        return input.shape[-layer._dims - 1]


def _named(names: tuple[str, ...], args: tuple) -> dict[str, Any]:
    if len(args) > len(names):
        raise TypeError(f"at most {len(names) + 2} positional arguments are taken, got {len(args) + 2}")
    return dict(zip(names, args))


class _LazyConvTranspose(_LazyConv):
    _bias_position = (
        "stride", "padding", "output_padding", "groups", "bias", "dilation", "padding_mode", "device",
        "dtype",
    )  # fmt: skip


class LazyConv1d(_LazyConv, Conv1d):
    """A Conv1d that learns `in_channels` from its first input; the other arguments as of `Conv1d`."""

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
    """A Conv3d that learns `in_channels` from its first input; the other arguments as of `Conv3d`."""

    cls_to_become = Conv3d


class LazyConvTranspose1d(_LazyConvTranspose, ConvTranspose1d):
    """A ConvTranspose1d that learns `in_channels` from its first input."""

    cls_to_become = ConvTranspose1d


class LazyConvTranspose2d(_LazyConvTranspose, ConvTranspose2d):
    """A ConvTranspose2d that learns `in_channels` from its first input."""

    cls_to_become = ConvTranspose2d


class LazyConvTranspose3d(_LazyConvTranspose, ConvTranspose3d):
    """A ConvTranspose3d that learns `in_channels` from its first input."""

    cls_to_become = ConvTranspose3d
