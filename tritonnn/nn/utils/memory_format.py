"""The weights of convolutions in another memory format."""

from __future__ import annotations

from typing import Any

from tritonnn.memory_format import memory_format as MemoryFormat
from tritonnn.nn.module import Module
from tritonnn.nn.modules.conv import Conv2d, Conv3d, ConvTranspose2d, ConvTranspose3d

__all__ = ["convert_conv2d_weight_memory_format", "convert_conv3d_weight_memory_format"]


def convert_conv2d_weight_memory_format(module: Module, memory_format: MemoryFormat) -> Any:
    """Lay the weights of all two-dimensional convolutions in `module` out in a memory format; returns it.

    >>> import tritonnn as torch
    >>> conv = torch.nn.Conv2d(2, 3, 5)
    >>> torch.nn.utils.convert_conv2d_weight_memory_format(conv, torch.channels_last).weight.stride()
    (50, 1, 10, 2)
    """
    return _convert(module, (Conv2d, ConvTranspose2d), memory_format)


def convert_conv3d_weight_memory_format(module: Module, memory_format: MemoryFormat) -> Any:
    """Lay the weights of all three-dimensional convolutions in `module` out in a memory format; returns it.

    >>> import tritonnn as torch
    >>> conv = torch.nn.Conv3d(2, 3, 1)
    >>> torch.nn.utils.convert_conv3d_weight_memory_format(conv, torch.channels_last_3d).weight.shape
    torch.Size([3, 2, 1, 1, 1])
    """
    return _convert(module, (Conv3d, ConvTranspose3d), memory_format)


def _convert(module: Module, kinds: tuple[type, ...], memory_format: MemoryFormat) -> Module:
    for layer in module.modules():
        if isinstance(layer, kinds):
            weight: Any = layer.weight
            weight.data = weight.detach().clone().contiguous(memory_format=memory_format)
    return module
