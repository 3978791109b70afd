"""The marks that models for quantisation have: in floating point they do nothing. Quantising itself is not there."""

from __future__ import annotations

from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.nn.module import Module

__all__ = ["DeQuantStub", "QuantStub"]


class QuantStub(Module):
    """Where a model's input would be quantised; hands it on.

    >>> import tritonnn as torch
    >>> torch.ao.quantization.QuantStub()(torch.ones(2))
    tensor([1., 1.])

    Args:
        qconfig: how it would be; kept as `qconfig`.
    """

    def __init__(self, qconfig: Any = None) -> None:
        super().__init__()
        if qconfig:
            self.qconfig = qconfig

    def forward(self, x: Tensor) -> Tensor:
        return x


class DeQuantStub(Module):
    """Where a model's output would become floating point again; hands it on.

    Args:
        qconfig: how it would be; kept as `qconfig`.
    """

    def __init__(self, qconfig: Any = None) -> None:
        super().__init__()
        if qconfig:
            self.qconfig = qconfig

    def forward(self, x: Tensor) -> Tensor:
        return x


def __getattr__(name: str) -> object:
    raise AttributeError(f"tritonnn has no torch.ao.quantization.{name}: it has no quantised numbers")
