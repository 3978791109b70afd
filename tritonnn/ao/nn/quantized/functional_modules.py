"""Sums, products and the like as a module, so that a place in a model has its own when it is quantised."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import tritonnn
from tritonnn import nn
from tritonnn._tensor import Tensor

__all__ = ["FXFloatFunctional", "FloatFunctional"]


class FXFloatFunctional(nn.Module):
    """Operations on floats, by the names that quantised models have them under.

    >>> import tritonnn as torch
    >>> torch.ao.nn.quantized.FloatFunctional().add_relu(torch.tensor([1.0, -3.0]), torch.tensor([1.0, 1.0]))
    tensor([2., 0.])
    """

    def forward(self, x: object) -> NoReturn:
        """Refused: one of the operations is to be called."""
        raise RuntimeError(
            f"{type(self).__name__} is not intended to use the 'forward': call add, mul, cat, ..."
        )

    def _observed(self, x: Tensor) -> Tensor:
        return x

    def add(self, x: Tensor, y: Tensor) -> Tensor:
        """x + y"""
        return self._observed(tritonnn.add(x, y))

    def add_scalar(self, x: Tensor, y: float) -> Tensor:
        """x + y; of a number no range is observed."""
        return tritonnn.add(x, y)

    def mul(self, x: Tensor, y: Tensor) -> Tensor:
        """x * y"""
        return self._observed(tritonnn.mul(x, y))

    def mul_scalar(self, x: Tensor, y: float) -> Tensor:
        """x * y; of a number no range is observed."""
        return tritonnn.mul(x, y)

    def cat(self, x: Sequence[Tensor], dim: int = 0) -> Tensor:
        """The tensors one after another."""
        return self._observed(tritonnn.cat(x, dim=dim))

    def add_relu(self, x: Tensor, y: Tensor) -> Tensor:
        """relu(x + y)"""
        return self._observed(tritonnn.relu(tritonnn.add(x, y)))

    def matmul(self, x: Tensor, y: Tensor) -> Tensor:
        """x @ y"""
        return self._observed(tritonnn.matmul(x, y))


class FloatFunctional(FXFloatFunctional):
    """Operations on floats with a place for an observer, `activation_post_process`, which is an Identity."""

    def __init__(self) -> None:
        super().__init__()
        self.activation_post_process = nn.Identity()

    def _observed(self, x: Tensor) -> Tensor:
        return self.activation_post_process(x)
