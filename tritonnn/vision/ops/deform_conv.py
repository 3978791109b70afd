"""Convolutions whose taps are moved."""

from __future__ import annotations

import math

import tritonnn as torch
from tritonnn import Tensor, nn
from tritonnn.nn import init
from tritonnn.nn.modules.utils import _pair
from tritonnn.vision.ops._utils import pair


def deform_conv2d(
    input: Tensor,
    offset: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int] = (0, 0),
    dilation: tuple[int, int] = (1, 1),
    mask: Tensor | None = None,
) -> Tensor:
    """A convolution whose taps are moved by offsets, and weighted by a mask, at each place of the result.

    Args:
        input: (N, C, H, W).
        offset: (N, 2 * groups * kH * kW, oH, oW): of each tap down and across, for each of so many groups of channels.
        weight: (O, C / groups, kH, kW).
        bias: (O,).
        stride: elements between places, one number or two.
        padding: zeros around the input.
        dilation: elements between taps.
        mask: (N, groups * kH * kW, oH, oW).

    Returns (N, O, oH, oW). Between elements the input is interpolated; outside it is 0.

    >>> import tritonnn as torch
    >>> x, down = torch.arange(9.0).reshape(1, 1, 3, 3), torch.tensor([0.5, 0.0]).reshape(1, 2, 1, 1)
    >>> torch.vision.ops.deform_conv2d(x, down.expand(1, 2, 3, 3), torch.ones(1, 1, 1, 1))
    tensor([[[[1.5000, 2.5000, 3.5000],
              [4.5000, 5.5000, 6.5000],
              [3.0000, 3.5000, 4.0000]]]])

    Raises RuntimeError for shapes that do not fit. Source: https://arxiv.org/abs/1703.06211, 1811.11168 with a mask.
    """
    taps = weight.shape[-2] * weight.shape[-1]
    offset_groups = offset.shape[1] // (2 * taps) if taps else 0
    if offset_groups == 0:
        raise RuntimeError(
            "the shape of the offset tensor at dimension 1 is not valid. It should be a multiple of 2 * weight.size[2] "
            f"* weight.size[3].\nGot offset.shape[1]={offset.shape[1]}, while 2 * weight.size[2] * "
            f"weight.size[3]={2 * taps}"
        )
    return torch.ops.torchvision.deform_conv2d(
        input, weight, offset,
        input.new_zeros((input.shape[0], 1)) if mask is None else mask,
        input.new_zeros(weight.shape[0]) if bias is None else bias,
        *pair("stride", stride), *pair("padding", padding), *pair("dilation", dilation),
        input.shape[1] // weight.shape[1], offset_groups,
        mask is not None,
    )  # fmt: skip


class DeformConv2d(nn.Module):
    """`deform_conv2d` as a layer, with a weight and a bias.

    >>> import tritonnn as torch
    >>> torch.vision.ops.DeformConv2d(4, 6, 3, padding=1)
    DeformConv2d(4, 6, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))

    Raises ValueError where groups do not divide the channels.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if in_channels % groups != 0:
            raise ValueError("in_channels must be divisible by groups")
        if out_channels % groups != 0:
            raise ValueError("out_channels must be divisible by groups")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = _pair(kernel_size)
        self.stride = _pair(stride)
        self.padding = _pair(padding)
        self.dilation = _pair(dilation)
        self.groups = groups
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels // groups, *self.kernel_size))
        if bias:
            self.bias = nn.Parameter(torch.empty(out_channels))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew, as those of a convolution."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(init._calculate_fan_in_and_fan_out(self.weight)[0])
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Tensor, offset: Tensor, mask: Tensor | None = None) -> Tensor:
        """The convolution with taps moved by `offset` and weighted by `mask`."""
        return deform_conv2d(
            input,
            offset,
            self.weight,
            self.bias,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            mask=mask,
        )

    def __repr__(self) -> str:
        text = (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        )
        text += f", padding={self.padding}" if self.padding != (0, 0) else ""
        text += f", dilation={self.dilation}" if self.dilation != (1, 1) else ""
        text += f", groups={self.groups}" if self.groups != 1 else ""
        return f"{type(self).__name__}({text}{', bias=False' if self.bias is None else ''})"
