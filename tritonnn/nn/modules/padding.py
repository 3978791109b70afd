"""Padding layers: constant, zero, reflection, replication, circular."""

from __future__ import annotations

from tritonnn._tensor import Tensor
from tritonnn.errors import explained
from tritonnn.nn import functional as F
from tritonnn.nn.module import Module
from tritonnn.nn.modules.utils import _ntuple
from tritonnn.table.types import IntOrInts

__all__ = [
    "CircularPad1d", "CircularPad2d", "CircularPad3d",
    "ConstantPad1d", "ConstantPad2d", "ConstantPad3d",
    "ReflectionPad1d", "ReflectionPad2d", "ReflectionPad3d",
    "ReplicationPad1d", "ReplicationPad2d", "ReplicationPad3d",
    "ZeroPad1d", "ZeroPad2d", "ZeroPad3d",
]  # fmt: skip


class _PadNd(Module):
    """`_dims` spatial dimensions; padding is one int for all sides, or (left, right, top, bottom, front,
    back).
    """

    _dims: int
    _mode: str

    def __init__(self, padding: IntOrInts) -> None:
        super().__init__()
        self.padding = _ntuple(2 * self._dims)(padding)

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self._mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ConstantPadNd(_PadNd):
    value: float

    def __init__(self, padding: IntOrInts, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPadNd):
    """A border of one value on (N, C, L) or (C, L).

    Args:
        padding: an int, or (left, right).
        value: what the border is filled with.

    >>> import tritonnn as torch
    >>> torch.nn.ConstantPad1d((3, 1), 3.5)(torch.tensor([[1., 2.]]))
    tensor([[3.5000, 3.5000, 3.5000, 1.0000, 2.0000, 3.5000]])
    """

    _dims = 1


class ConstantPad2d(_ConstantPadNd):
    """A border of one value; padding an int, or (left, right, top, bottom).

    >>> import tritonnn as torch
    >>> torch.nn.ConstantPad2d((3, 0, 2, 1), 3.5)(torch.ones(1, 2, 2)).shape
    torch.Size([1, 5, 5])
    """

    _dims = 2


class ConstantPad3d(_ConstantPadNd):
    """A border of one value; padding an int, or (left, right, top, bottom, front, back).

    >>> import tritonnn as torch
    >>> torch.nn.ConstantPad3d((3, 3, 6, 6, 0, 1), 3.5)(torch.ones(1, 3, 10, 20, 30)).shape
    torch.Size([1, 3, 11, 32, 36])
    """

    _dims = 3


class _ZeroPadNd(_ConstantPadNd):
    def __init__(self, padding: IntOrInts) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad1d(_ZeroPadNd):
    """A border of zeros; padding an int, or (left, right).

    >>> import tritonnn as torch
    >>> torch.nn.ZeroPad1d(1)(torch.ones(1, 2))
    tensor([[0., 1., 1., 0.]])
    """

    _dims = 1


class ZeroPad2d(_ZeroPadNd):
    """A border of zeros; padding an int, or (left, right, top, bottom).

    >>> import tritonnn as torch
    >>> torch.nn.ZeroPad2d((1, 1, 2, 0))(torch.ones(1, 1, 3, 3)).shape
    torch.Size([1, 1, 5, 5])
    """

    _dims = 2


class ZeroPad3d(_ZeroPadNd):
    """A border of zeros; padding an int, or (left, right, top, bottom, front, back).

    >>> import tritonnn as torch
    >>> torch.nn.ZeroPad3d(1)(torch.ones(1, 2, 3, 4)).shape
    torch.Size([1, 4, 5, 6])
    """

    _dims = 3


class ReflectionPad1d(_PadNd):
    """A border that mirrors the input without repeating the edge; padding an int, or (left, right).

    >>> import tritonnn as torch
    >>> torch.nn.ReflectionPad1d(2)(torch.tensor([[0., 1., 2., 3.]]))
    tensor([[2., 1., 0., 1., 2., 3., 2., 1.]])
    """

    _dims = 1
    _mode = "reflect"


class ReflectionPad2d(_PadNd):
    """A mirrored border; padding an int, or (left, right, top, bottom).

    >>> import tritonnn as torch
    >>> torch.nn.ReflectionPad2d((1, 1, 2, 0))(torch.ones(1, 1, 3, 3)).shape
    torch.Size([1, 1, 5, 5])
    """

    _dims = 2
    _mode = "reflect"


class ReflectionPad3d(_PadNd):
    """A mirrored border; padding an int, or (left, right, top, bottom, front, back).

    >>> import tritonnn as torch
    >>> torch.nn.ReflectionPad3d(1)(torch.ones(1, 1, 2, 2, 2)).shape
    torch.Size([1, 1, 4, 4, 4])
    """

    _dims = 3
    _mode = "reflect"


class ReplicationPad1d(_PadNd):
    """A border that repeats the edge; padding an int, or (left, right).

    >>> import tritonnn as torch
    >>> torch.nn.ReplicationPad1d((3, 1))(torch.tensor([[0., 1., 2.]]))
    tensor([[0., 0., 0., 0., 1., 2., 2.]])
    """

    _dims = 1
    _mode = "replicate"


class ReplicationPad2d(_PadNd):
    """A border that repeats the edge; padding an int, or (left, right, top, bottom).

    >>> import tritonnn as torch
    >>> torch.nn.ReplicationPad2d(2)(torch.ones(1, 1, 3, 3)).shape
    torch.Size([1, 1, 7, 7])
    """

    _dims = 2
    _mode = "replicate"


class ReplicationPad3d(_PadNd):
    """A border that repeats the edge; padding an int, or (left, right, top, bottom, front, back).

    >>> import tritonnn as torch
    >>> torch.nn.ReplicationPad3d(3)(torch.ones(1, 3, 8, 10, 12)).shape
    torch.Size([1, 3, 14, 16, 18])
    """

    _dims = 3
    _mode = "replicate"


class _CircularPadNd(_PadNd):
    _mode = "circular"

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim not in (self._dims + 1, self._dims + 2):
            raise explained(ValueError)(
                f"expected {self._dims + 1}D or {self._dims + 2}D input (got {input.ndim}D input)"
            )
        return super().forward(input)


class CircularPad1d(_CircularPadNd):
    """A border taken from the opposite side; padding an int, or (left, right).

    >>> import tritonnn as torch
    >>> torch.nn.CircularPad1d(1)(torch.tensor([[0., 1., 2.]]))
    tensor([[2., 0., 1., 2., 0.]])
    """

    _dims = 1


class CircularPad2d(_CircularPadNd):
    """A border taken from the opposite side; padding an int, or (left, right, top, bottom).

    >>> import tritonnn as torch
    >>> torch.nn.CircularPad2d(1)(torch.ones(1, 1, 3, 3)).shape
    torch.Size([1, 1, 5, 5])
    """

    _dims = 2


class CircularPad3d(_CircularPadNd):
    """A border taken from the opposite side; padding an int, or (left, right, top, bottom, front, back).

    >>> import tritonnn as torch
    >>> torch.nn.CircularPad3d(1)(torch.ones(1, 1, 2, 2, 2)).shape
    torch.Size([1, 1, 4, 4, 4])
    """

    _dims = 3
