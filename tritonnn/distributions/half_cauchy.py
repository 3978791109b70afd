"""The half-Cauchy distribution."""

from __future__ import annotations

import math
from typing import Any

import tritonnn as torch
from tritonnn._tensor import Tensor
from tritonnn.distributions._half import Half
from tritonnn.distributions.cauchy import Cauchy
from tritonnn.distributions.utils import Numbers, Shape

__all__ = ["HalfCauchy"]


class HalfCauchy(Half):
    """|x| of x that is Cauchy around 0 with `scale`; its mean is infinite.

    >>> import tritonnn as torch
    >>> torch.distributions.HalfCauchy(torch.tensor([1.])).cdf(torch.tensor([1.]))
    tensor([0.5000])
    """

    _base = Cauchy

    def __init__(self, scale: Numbers, validate_args: bool | None = None) -> None:
        super().__init__(scale, validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: Any = None) -> Any:
        return super().expand(batch_shape, self._get_checked_instance(HalfCauchy, _instance))

    @property
    def mean(self) -> Tensor:
        return torch.full_like(self.scale, math.inf)

    @property
    def variance(self) -> Tensor:
        return self.base_dist.variance

    def log_prob(self, value: Any) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        like = self.base_dist.scale
        return super().log_prob(torch.as_tensor(value, dtype=like.dtype, device=like.device))
