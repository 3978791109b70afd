"""The half-normal distribution."""

from __future__ import annotations

import math
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.distributions._half import Half
from tritonnn.distributions.normal import Normal
from tritonnn.distributions.utils import Numbers, Shape

__all__ = ["HalfNormal"]


class HalfNormal(Half):
    """|x| of x that is normal with mean 0 and standard deviation `scale`.

    >>> import tritonnn as torch
    >>> torch.distributions.HalfNormal(torch.tensor([1.])).mean
    tensor([0.7979])
    """

    _base = Normal

    def __init__(self, scale: Numbers, validate_args: bool | None = None) -> None:
        super().__init__(scale, validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: Any = None) -> Any:
        return super().expand(batch_shape, self._get_checked_instance(HalfNormal, _instance))

    @property
    def mean(self) -> Tensor:
        return self.scale * math.sqrt(2 / math.pi)

    @property
    def variance(self) -> Tensor:
        return self.scale.pow(2) * (1 - 2 / math.pi)
