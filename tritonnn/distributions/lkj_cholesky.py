"""The LKJ distribution of Cholesky factors of correlation matrices."""

from __future__ import annotations

import math
from typing import Any

import tritonnn as torch
from tritonnn._tensor import Tensor
from tritonnn.distributions import constraints
from tritonnn.distributions.beta import Beta
from tritonnn.distributions.distribution import Distribution
from tritonnn.distributions.utils import Numbers, Shape, broadcast_all, standard_normal
from tritonnn.shape import Size

__all__ = ["LKJCholesky"]


class LKJCholesky(Distribution):
    """Cholesky factors of correlation matrices, whose density is that of the matrix, det ** (concentration - 1).

    Source: D. Lewandowski, D. Kurowicka and H. Joe, "Generating random correlation matrices based on vines and
    extended onion method", 2009: sampling by the onion method, section 3.2.

    Raises:
        ValueError: `dim` is below 2.

    >>> import tritonnn as torch
    >>> torch.distributions.LKJCholesky(2, 1.0).log_prob(torch.eye(2)).exp()
    tensor(0.5000)
    """

    arg_constraints = {"concentration": constraints.positive}
    support = constraints.corr_cholesky

    def __init__(self, dim: int, concentration: Numbers = 1.0, validate_args: bool | None = None) -> None:
        if dim < 2:
            raise ValueError(f"Expected dim to be an integer greater than or equal to 2. Found dim={dim}.")
        self.dim = dim
        (self.concentration,) = broadcast_all(concentration)
        # row i + 1 has the squared length Beta((i + 1) / 2, concentration + (dim - 2 - i) / 2) left of its diagonal
        row = torch.arange(dim - 1, dtype=self.concentration.dtype, device=self.concentration.device)
        rest = self.concentration.unsqueeze(-1) + 0.5 * (dim - 2)
        self._beta = Beta(0.5 + 0.5 * row, rest - 0.5 * row, validate_args=False)
        super().__init__(self.concentration.size(), (dim, dim), validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: Any = None) -> LKJCholesky:
        new = self._get_checked_instance(LKJCholesky, _instance)
        batch_shape = Size(batch_shape)
        new.dim = self.dim
        new.concentration = self.concentration.expand(batch_shape)
        new._beta = self._beta.expand((*batch_shape, self.dim - 1))
        super(LKJCholesky, new).__init__(batch_shape, self.event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    def sample(self, sample_shape: Shape = Size()) -> Tensor:
        with torch.no_grad():
            square = self._beta.sample(sample_shape).unsqueeze(-1)
            direction = standard_normal(self._extended_shape(sample_shape), self.concentration).tril(-1)[
                ..., 1:, :
            ]
            direction = direction / direction.norm(dim=-1, keepdim=True)
            rows = square.sqrt() * direction
            lower = torch.nn.functional.pad(rows, [0, 0, 1, 0])
            tiny = torch.finfo(lower.dtype).tiny
            return lower + (1 - (lower**2).sum(-1)).clamp(min=tiny).sqrt().diag_embed()

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        # diagonal element i of 1 ... n - 1 to the power 2 (concentration - 1) + n - 1 - i, by the Jacobian of L Lᵀ
        n = self.dim
        diagonal = value.diagonal(dim1=-1, dim2=-2)[..., 1:]
        order = torch.arange(2, n + 1, dtype=self.concentration.dtype, device=self.concentration.device)
        order = 2 * (self.concentration - 1).unsqueeze(-1) + n - order
        density = (order * diagonal.log()).sum(-1)
        # the normaliser, in terms of the multivariate gamma function
        alpha = self.concentration + 0.5 * (n - 1)
        normalizer = (
            0.5 * (n - 1) * math.log(math.pi)
            + torch.mvlgamma(alpha - 0.5, n - 1)
            - torch.lgamma(alpha) * (n - 1)
        )
        return density - normalizer
