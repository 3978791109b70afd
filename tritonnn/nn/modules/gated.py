"""Activations that multiply their input by a gate of it."""

from __future__ import annotations

from tritonnn._tensor import Tensor
from tritonnn.nn import functional as F
from tritonnn.nn.module import Module

__all__ = ["SiLU", "Mish", "Hardswish", "GLU", "GELU"]


class _InPlace(Module):
    """An activation that may compute into its input's memory; `inplace` is shown where it is set."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def _options(self) -> str:
        return ""

    def extra_repr(self) -> str:
        return ", ".join(part for part in (self._options(), "inplace=True" if self.inplace else "") if part)


class SiLU(_InPlace):
    """x · sigmoid(x), also called swish.

    >>> import tritonnn as torch
    >>> torch.nn.SiLU()(torch.tensor([0., 1.]))
    tensor([0.0000, 0.7311])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.silu(input, self.inplace)


class Mish(_InPlace):
    """x · tanh(softplus(x)) (Misra 2019).

    >>> import tritonnn as torch
    >>> torch.nn.Mish()(torch.tensor([0., 1.]))
    tensor([0.0000, 0.8651])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.mish(input, self.inplace)


class Hardswish(Module):
    """x · hardsigmoid(x) (Howard et al. 2019).

    >>> import tritonnn as torch
    >>> torch.nn.Hardswish()(torch.tensor([-4., 0., 4.]))
    tensor([-0., 0., 4.])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.hardswish(input, self.inplace)


class GLU(Module):
    """a · sigmoid(b), where a and b are the halves of the input along `dim` (Dauphin et al. 2016).

    >>> import tritonnn as torch
    >>> torch.nn.GLU()(torch.tensor([3., 0.]))
    tensor([1.5000])
    """

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        return F.glu(input, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class GELU(Module):
    """x·Φ(x) with the normal distribution function Φ, or with approximate='tanh' its tanh form.

    >>> import tritonnn as torch
    >>> torch.nn.GELU()(torch.tensor([-1., 1.]))
    tensor([-0.1587,  0.8413])
    """

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        return F.gelu(input, approximate=self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"
