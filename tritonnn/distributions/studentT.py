"""Student's t distribution."""

from __future__ import annotations

import math

import tritonnn as torch
from tritonnn._tensor import Tensor
from tritonnn.distributions import constraints
from tritonnn.distributions.chi2 import Chi2
from tritonnn.distributions.distribution import Distribution
from tritonnn.distributions.utils import Numbers, Shape, broadcast_all, standard_normal
from tritonnn.shape import Size

__all__ = ["StudentT"]


class StudentT(Distribution):
    """Student's t of `df` degrees of freedom, moved by `loc` and stretched by `scale`.

    >>> import tritonnn as torch
    >>> d = torch.distributions.StudentT(torch.tensor([1., 2., 4.]))
    >>> d.mean, d.variance
    (tensor([nan, 0., 0.]), tensor([nan, inf, 2.]))
    """

    arg_constraints = {"df": constraints.positive, "loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True
    _expands = {"df": 0, "loc": 0, "scale": 0}

    def __init__(
        self, df: Numbers, loc: Numbers = 0.0, scale: Numbers = 1.0, validate_args: bool | None = None
    ) -> None:
        self.df, self.loc, self.scale = broadcast_all(df, loc, scale)
        super().__init__(self.df.size(), validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.loc.masked_fill(self.df <= 1, float("nan"))

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        # df / (df - 2) above 2, infinite down to 1, and none below
        above = (self.df - 2).masked_fill(self.df <= 2, float("nan"))
        variance = self.scale.pow(2) * self.df / above
        variance = variance.masked_fill((self.df <= 2) & (self.df > 1), float("inf"))
        return variance.masked_fill(self.df <= 1, float("nan"))

    def rsample(self, sample_shape: Shape = Size()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        chi2 = Chi2(self.df, validate_args=False).rsample(sample_shape)
        return self.loc + self.scale * standard_normal(shape, self.df) * torch.rsqrt(chi2 / self.df)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        off = (value - self.loc) / self.scale
        return -0.5 * (self.df + 1.0) * torch.log1p(off**2.0 / self.df) - self._log_normalizer()

    def _log_normalizer(self) -> Tensor:
        return (
            self.scale.log()
            + 0.5 * self.df.log()
            + 0.5 * math.log(math.pi)
            + torch.lgamma(0.5 * self.df)
            - torch.lgamma(0.5 * (self.df + 1.0))
        )

    def entropy(self) -> Tensor:
        half = 0.5 * (self.df + 1)
        return self._log_normalizer() + half * (torch.digamma(half) - torch.digamma(0.5 * self.df))
