"""Convolutions and transposed convolutions over 1, 2 and 3 spatial dimensions."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tritonnn._parameter import Parameter
from tritonnn._tensor import Tensor
from tritonnn.device import DeviceLike
from tritonnn.dtypes import dtype as DType
from tritonnn.nn import functional as F
from tritonnn.nn import init
from tritonnn.nn.module import Module
from tritonnn.nn.modules.utils import _ntuple, _reverse_repeat_tuple
from tritonnn.ops.creation.creation import empty
from tritonnn.table.types import IntOrInts

__all__ = ["Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"]

_PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class _ConvNd(Module):
    """What convolutions share: arguments, checks, parameters, repr. `_dims` is the number of spatial
    dimensions.
    """

    _dims: int
    in_channels: int
    out_channels: int
    kernel_size: tuple[int, ...]
    weight: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: IntOrInts,
        stride: IntOrInts,
        padding: IntOrInts | str,
        dilation: IntOrInts,
        transposed: bool,
        output_padding: IntOrInts,
        groups: int,
        bias: bool,
        padding_mode: str,
        device: DeviceLike | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        _check_channels(in_channels, out_channels, groups)
        to_tuple = _ntuple(self._dims)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = to_tuple(kernel_size)
        self.stride = to_tuple(stride)
        self.padding = padding if isinstance(padding, str) else to_tuple(padding)
        self.dilation = to_tuple(dilation)
        self.transposed = transposed
        self.output_padding = to_tuple(output_padding)
        self.groups = groups
        self.padding_mode = padding_mode
        _check_padding(self.padding, self.stride, padding_mode)
        self._reversed_padding_repeated_twice = _both_sides(self.padding, self.kernel_size, self.dilation)
        if transposed:
            shape = (in_channels, out_channels // groups, *self.kernel_size)
        else:
            shape = (out_channels, in_channels // groups, *self.kernel_size)
        self.weight = Parameter(empty(shape, device=device, dtype=dtype))
        self.register_parameter(
            "bias", Parameter(empty(out_channels, device=device, dtype=dtype)) if bias else None
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew, uniform in ±1/√fan_in."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in = init._calculate_fan_in_and_fan_out(self.weight)[0]
            if fan_in != 0:
                bound = 1 / math.sqrt(fan_in)
                init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(input, self.weight, self.bias)

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        conv = getattr(F, f"conv{self._dims}d")
        if self.padding_mode != "zeros":
            input = F.pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode)
            return conv(input, weight, bias, self.stride, 0, self.dilation, self.groups)
        return conv(input, weight, bias, self.stride, self.padding, self.dilation, self.groups)

    def extra_repr(self) -> str:
        text = (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        )
        if self.padding != (0,) * len(self.kernel_size):
            text += f", padding={self.padding}"
        if self.dilation != (1,) * len(self.kernel_size):
            text += f", dilation={self.dilation}"
        if self.output_padding != (0,) * len(self.kernel_size):
            text += f", output_padding={self.output_padding}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        if self.padding_mode != "zeros":
            text += f", padding_mode={self.padding_mode}"
        return text


def _check_channels(in_channels: int, out_channels: int, groups: int) -> None:
    if groups <= 0:
        raise ValueError("groups must be a positive integer")
    if in_channels % groups != 0:
        raise ValueError("in_channels must be divisible by groups")
    if out_channels % groups != 0:
        raise ValueError("out_channels must be divisible by groups")


def _check_padding(padding: IntOrInts | str, stride: tuple[int, ...], padding_mode: str) -> None:
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise ValueError(f"Invalid padding string {padding!r}, should be one of {{'same', 'valid'}}")
        if padding == "same" and any(step != 1 for step in stride):
            raise ValueError("padding='same' is not supported for strided convolutions")
    if padding_mode not in _PADDING_MODES:
        raise ValueError(
            f"padding_mode must be one of {set(_PADDING_MODES)}, but got padding_mode='{padding_mode}'"
        )


def _both_sides(
    padding: IntOrInts | str, kernel_size: tuple[int, ...], dilation: tuple[int, ...]
) -> list[int]:
    """Padding in the order of `F.pad`: last dimension first, left and right."""
    if not isinstance(padding, str):
        return list(_reverse_repeat_tuple(padding, 2))
    if padding == "valid":
        return [0] * (2 * len(kernel_size))
    sides: list[int] = []
    for extent, step in zip(reversed(kernel_size), reversed(dilation)):
        total = step * (extent - 1)
        sides += [total // 2, total - total // 2]
    return sides


class _Conv(_ConvNd):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: IntOrInts,
        stride: IntOrInts = 1,
        padding: IntOrInts | str = 0,
        dilation: IntOrInts = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: DeviceLike | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, False, 0, groups, bias,
            padding_mode,
            device, dtype,
        )  # fmt: skip


class Conv1d(_Conv):
    """Cross-correlation of (N, C, L) with learned kernels.

    Args:
        in_channels, out_channels: channels of input and output; both divisible by `groups`.
        kernel_size, stride, padding, dilation: an int, or one per spatial dimension; padding also 'same',
            'valid'.
        groups: input channels are split so that output channels see 1/groups of them.
        bias: whether an offset per output channel is added.
        padding_mode: 'zeros', 'reflect', 'replicate' or 'circular'.
        device, dtype: of the parameters.

    Shapes: input (N, in_channels, L) or without N; output length ⌊(L + 2·padding - dilation·(kernel_size-1)
        - 1)/
    stride⌋ + 1; weight (out_channels, in_channels/groups, kernel_size). Both parameters start uniform in
    ±√(groups/
    (in_channels·kernel_size)).

    >>> import tritonnn as torch
    >>> torch.nn.Conv1d(16, 33, 3, stride=2)(torch.ones(20, 16, 50)).shape
    torch.Size([20, 33, 24])
    """

    _dims = 1


class Conv2d(_Conv):
    """Cross-correlation of (N, C, H, W) with learned kernels; arguments as of `Conv1d`.

    >>> import tritonnn as torch
    >>> torch.nn.Conv2d(1, 6, (3, 5), padding=(1, 2))(torch.ones(2, 1, 8, 8)).shape
    torch.Size([2, 6, 8, 8])
    """

    _dims = 2


class Conv3d(_Conv):
    """Cross-correlation of (N, C, D, H, W) with learned kernels; arguments as of `Conv1d`.

    >>> import tritonnn as torch
    >>> torch.nn.Conv3d(1, 2, 3, stride=2)(torch.ones(1, 1, 5, 7, 9)).shape
    torch.Size([1, 2, 2, 3, 4])
    """

    _dims = 3


class _ConvTransposeNd(_ConvNd):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: IntOrInts,
        stride: IntOrInts = 1,
        padding: IntOrInts | str = 0,
        output_padding: IntOrInts = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: IntOrInts = 1,
        padding_mode: str = "zeros",
        device: DeviceLike | None = None,
        dtype: DType | None = None,
    ) -> None:
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, True, output_padding, groups,
            bias,
            padding_mode, device, dtype,
        )  # fmt: skip

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """Upsample `input`; `output_size` picks one of the sizes that a convolution would have reduced to
        it.
        """
        output_padding = (
            self.output_padding if output_size is None else self._output_padding(input, output_size)
        )
        conv = getattr(F, f"conv_transpose{self._dims}d")
        return conv(
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            output_padding,
            self.groups,
            self.dilation,
        )

    def _output_padding(self, input: Tensor, output_size: Sequence[int]) -> list[int]:
        dims = self._dims
        leading = 2 if input.ndim == dims + 2 else 1
        wanted = list(output_size)[leading:] if len(output_size) == leading + dims else list(output_size)
        if len(wanted) != dims:
            raise ValueError(
                f"ConvTranspose{dims}D: for {input.ndim}D input, output_size must have {dims} or "
                f"{leading + dims} elements (got {len(output_size)})"
            )
        low = [
            (extent - 1) * stride - 2 * padding + dilation * (kernel - 1) + 1
            for extent, stride, padding, dilation, kernel in zip(
                input.shape[leading:], self.stride, self.padding, self.dilation, self.kernel_size
            )
        ]
        high = [size + stride - 1 for size, stride in zip(low, self.stride)]
        if not all(a <= size <= b for a, size, b in zip(low, wanted, high)):
            raise ValueError(
                f"requested an output size of {wanted}, but valid sizes range from {low} to {high} "
                f"(for an input of {input.shape[2:]})"
            )
        return [size - a for size, a in zip(wanted, low)]


class ConvTranspose1d(_ConvTransposeNd):
    """The gradient of `Conv1d` with respect to its input, as a layer (sometimes called deconvolution).

    Args:
        in_channels, out_channels, kernel_size, stride, padding, groups, bias, dilation: of the `Conv1d` that
            this
            one undoes the shape of.
        output_padding: added to one side of the output; below stride or dilation.
        device, dtype: of the parameters.

    Shapes: output length (L-1)·stride - 2·padding + dilation·(kernel_size-1) + output_padding + 1; weight
    (in_channels, out_channels/groups, kernel_size).

    >>> import tritonnn as torch
    >>> torch.nn.ConvTranspose1d(4, 6, 3, stride=2)(torch.ones(1, 4, 10)).shape
    torch.Size([1, 6, 21])
    """

    _dims = 1


class ConvTranspose2d(_ConvTransposeNd):
    """The gradient of `Conv2d` with respect to its input, as a layer; arguments as of `ConvTranspose1d`.

    >>> import tritonnn as torch
    >>> up = torch.nn.ConvTranspose2d(16, 8, 3, stride=2, padding=1)
    >>> up(torch.ones(1, 16, 6, 6), output_size=(12, 12)).shape
    torch.Size([1, 8, 12, 12])
    """

    _dims = 2


class ConvTranspose3d(_ConvTransposeNd):
    """The gradient of `Conv3d` with respect to its input, as a layer; arguments as of `ConvTranspose1d`.

    >>> import tritonnn as torch
    >>> torch.nn.ConvTranspose3d(4, 2, 3, stride=2)(torch.ones(1, 4, 2, 3, 4)).shape
    torch.Size([1, 2, 5, 7, 9])
    """

    _dims = 3
