"""Pooling over windows: max, average, power, and the inverse of max pooling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.nn import functional as F
from tritonnn.nn.module import Module
from tritonnn.nn.modules.utils import _ntuple
from tritonnn.table.types import IntOrInts

__all__ = [
    "MaxPool1d", "MaxPool2d", "MaxPool3d", "MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d",
    "AvgPool1d", "AvgPool2d", "AvgPool3d",
    "LPPool1d", "LPPool2d", "LPPool3d",
]  # fmt: skip


class _Pool(Module):
    _shown: tuple[str, ...] = ("kernel_size", "stride", "padding")

    def extra_repr(self) -> str:
        return ", ".join([f"{name}={getattr(self, name)}" for name in self._shown])


class _MaxPoolNd(_Pool):
    _shown = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
    _function: Callable[..., Any]

    def __init__(
        self,
        kernel_size: IntOrInts,
        stride: IntOrInts | None = None,
        padding: IntOrInts = 0,
        dilation: IntOrInts = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Any:
        return self._function(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            self.ceil_mode,
            self.return_indices,
        )


class MaxPool1d(_MaxPoolNd):
    """Maximum over windows of (N, C, L) or (C, L).

    Args:
        kernel_size: extent of the window.
        stride: step between windows; None: kernel_size.
        padding: implicit -inf on both sides, at most half the kernel.
        dilation: step between the elements of a window.
        return_indices: also return where the maxima were, for `MaxUnpool1d`.
        ceil_mode: round the output length up.

    Shapes: output length ⌊(L + 2·padding - dilation·(kernel_size-1) - 1)/stride⌋ + 1.

    >>> import tritonnn as torch
    >>> torch.nn.MaxPool1d(2)(torch.tensor([[1., 3., 2., 0.]]))
    tensor([[3., 2.]])
    """

    _function = staticmethod(F.max_pool1d)


class MaxPool2d(_MaxPoolNd):
    """Maximum over windows of (N, C, H, W) or (C, H, W); arguments as of `MaxPool1d`, each an int or a pair.

    >>> import tritonnn as torch
    >>> torch.nn.MaxPool2d(3, stride=2)(torch.ones(1, 4, 50, 32)).shape
    torch.Size([1, 4, 24, 15])
    """

    _function = staticmethod(F.max_pool2d)


class MaxPool3d(_MaxPoolNd):
    """Maximum over windows of (N, C, D, H, W) or (C, D, H, W); arguments as of `MaxPool1d`, ints or triples.

    >>> import tritonnn as torch
    >>> torch.nn.MaxPool3d(3, stride=2)(torch.ones(1, 2, 7, 9, 11)).shape
    torch.Size([1, 2, 3, 4, 5])
    """

    _function = staticmethod(F.max_pool3d)


class _MaxUnpoolNd(_Pool):
    _dims: int
    _function: Callable[..., Any]

    def __init__(
        self, kernel_size: IntOrInts, stride: IntOrInts | None = None, padding: IntOrInts = 0
    ) -> None:
        super().__init__()
        to_tuple = _ntuple(self._dims)
        self.kernel_size = to_tuple(kernel_size)
        self.stride = self.kernel_size if stride is None else to_tuple(stride)
        self.padding = to_tuple(padding)

    def forward(self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        return self._function(input, indices, self.kernel_size, self.stride, self.padding, output_size)


class MaxUnpool1d(_MaxUnpoolNd):
    """Puts the maxima of `MaxPool1d` back to their places, zeros elsewhere.

    Args:
        kernel_size, stride, padding: of the pooling.

    Shapes: forward(input, indices, output_size=None); output_size picks among the lengths the pooling may
        have had.

    >>> import tritonnn as torch
    >>> pool = torch.nn.MaxPool1d(2, return_indices=True)
    >>> torch.nn.MaxUnpool1d(2)(*pool(torch.tensor([[[1., 3., 2., 0.]]])))
    tensor([[[0., 3., 2., 0.]]])
    """

    _dims = 1
    _function = staticmethod(F.max_unpool1d)


class MaxUnpool2d(_MaxUnpoolNd):
    """Puts the maxima of `MaxPool2d` back to their places; arguments as of `MaxUnpool1d`.

    >>> import tritonnn as torch
    >>> pool = torch.nn.MaxPool2d(2, return_indices=True)
    >>> torch.nn.MaxUnpool2d(2)(*pool(torch.tensor([[[[1., 2.], [3., 4.]]]])))
    tensor([[[[0., 0.],
              [0., 4.]]]])
    """

    _dims = 2
    _function = staticmethod(F.max_unpool2d)


class MaxUnpool3d(_MaxUnpoolNd):
    """Puts the maxima of `MaxPool3d` back to their places; arguments as of `MaxUnpool1d`.

    >>> import tritonnn as torch
    >>> pool = torch.nn.MaxPool3d(2, return_indices=True)
    >>> torch.nn.MaxUnpool3d(2)(*pool(torch.ones(1, 1, 4, 4, 4))).shape
    torch.Size([1, 1, 4, 4, 4])
    """

    _dims = 3
    _function = staticmethod(F.max_unpool3d)


class AvgPool1d(_Pool):
    """Mean over windows of (N, C, L) or (C, L).

    Args:
        kernel_size: extent of the window.
        stride: step between windows; None: kernel_size.
        padding: implicit zeros on both sides, at most half the kernel.
        ceil_mode: round the output length up.
        count_include_pad: whether the padding counts in the divisor.

    >>> import tritonnn as torch
    >>> torch.nn.AvgPool1d(3, stride=2)(torch.tensor([[1., 2., 3., 4., 5., 6., 7.]]))
    tensor([[2., 4., 6.]])
    """

    def __init__(
        self,
        kernel_size: IntOrInts,
        stride: IntOrInts | None = None,
        padding: IntOrInts = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        single = _ntuple(1)
        self.kernel_size = single(kernel_size)
        self.stride = self.kernel_size if stride is None else single(stride)
        self.padding = single(padding)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool1d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad
        )


class _AvgPoolNd(_Pool):
    _function: Callable[..., Any]

    def __init__(
        self,
        kernel_size: IntOrInts,
        stride: IntOrInts | None = None,
        padding: IntOrInts = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        return self._function(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad,
            self.divisor_override,
        )  # fmt: skip


class AvgPool2d(_AvgPoolNd):
    """Mean over windows of (N, C, H, W) or (C, H, W); arguments as of `AvgPool1d`, each an int or a pair.

    Args:
        divisor_override: divides the sums instead of the number of elements.

    >>> import tritonnn as torch
    >>> torch.nn.AvgPool2d((3, 2), stride=(2, 1))(torch.ones(1, 4, 50, 32)).shape
    torch.Size([1, 4, 24, 31])
    """

    _function = staticmethod(F.avg_pool2d)


class AvgPool3d(_AvgPoolNd):
    """Mean over windows of (N, C, D, H, W) or (C, D, H, W); arguments as of `AvgPool2d`, ints or triples.

    >>> import tritonnn as torch
    >>> torch.nn.AvgPool3d(3, stride=2)(torch.ones(1, 2, 7, 9, 11)).shape
    torch.Size([1, 2, 3, 4, 5])
    """

    _function = staticmethod(F.avg_pool3d)


class _LPPoolNd(_Pool):
    _shown = ("norm_type", "kernel_size", "stride", "ceil_mode")
    _function: Callable[..., Any]

    def __init__(
        self,
        norm_type: float,
        kernel_size: IntOrInts,
        stride: IntOrInts | None = None,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Tensor:
        return self._function(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)


class LPPool1d(_LPPoolNd):
    """(Σ x^p)^(1/p) over windows of (N, C, L) or (C, L).

    Args:
        norm_type: the power p; 1 gives the sum.
        kernel_size: extent of the window.
        stride: step between windows; None: kernel_size.
        ceil_mode: round the output length up.

    >>> import tritonnn as torch
    >>> torch.nn.LPPool1d(2, 2)(torch.tensor([[[3., 4.]]]))
    tensor([[[5.]]])
    """

    _function = staticmethod(F.lp_pool1d)


class LPPool2d(_LPPoolNd):
    """(Σ x^p)^(1/p) over windows of (N, C, H, W) or (C, H, W); arguments as of `LPPool1d`.

    >>> import tritonnn as torch
    >>> torch.nn.LPPool2d(2, 3, stride=2)(torch.ones(1, 4, 50, 32)).shape
    torch.Size([1, 4, 24, 15])
    """

    _function = staticmethod(F.lp_pool2d)


class LPPool3d(_LPPoolNd):
    """(Σ x^p)^(1/p) over windows of (N, C, D, H, W) or (C, D, H, W); arguments as of `LPPool1d`.

    >>> import tritonnn as torch
    >>> torch.nn.LPPool3d(2, 3, stride=2)(torch.ones(1, 2, 7, 9, 11)).shape
    torch.Size([1, 2, 3, 4, 5])
    """

    _function = staticmethod(F.lp_pool3d)
