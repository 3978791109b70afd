"""The von Mises distribution."""

from __future__ import annotations

import math
from typing import Any

import tritonnn as torch
from tritonnn._tensor import Tensor
from tritonnn.distributions import constraints
from tritonnn.distributions.distribution import Distribution
from tritonnn.distributions.utils import Numbers, Shape, broadcast_all, lazy_property, uniform
from tritonnn.shape import Size

__all__ = ["VonMises"]

# Between these concentrations angles are proposed; below there is no direction to see, and above the numbers of the
# proposal round to each other, and the angles are normal with the variance 1 / concentration.
_LEAST, _MOST = 1e-30, 1e14


class VonMises(Distribution):
    """Angles around `loc`, with a density in proportion to exp(concentration cos(x - loc)).

    >>> import tritonnn as torch
    >>> d = torch.distributions.VonMises(torch.tensor([1.]), torch.tensor([4.]))
    >>> d.mean, d.log_prob(torch.tensor([1.]))
    (tensor([1.]), tensor([-0.2628]))
    """

    arg_constraints = {"loc": constraints.real, "concentration": constraints.positive}
    support = constraints.real
    has_rsample = False
    _expands = {"loc": 0, "concentration": 0}

    def __init__(self, loc: Numbers, concentration: Numbers, validate_args: bool | None = None) -> None:
        self.loc, self.concentration = broadcast_all(loc, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        # I0(k) = exp(k) i0e(k): the difference of large numbers is left to cos(x) - 1
        off = torch.cos(value - self.loc) - 1
        return self.concentration * off - math.log(2 * math.pi) - torch.special.i0e(self.concentration).log()

    @lazy_property
    def _proposal_r(self) -> Any:
        """The parameter of the wrapped Cauchy distribution that proposes angles, in double precision."""
        k = self.concentration.detach().double().clamp(min=_LEAST)
        tau = 1 + (1 + 4 * k**2).sqrt()
        rho = (tau - (2 * tau).sqrt()) / (2 * k)
        exact = (1 + rho**2) / (2 * rho)
        # where rho rounds to 0
        return torch.where(k < 1e-5, 1 / k + k, exact)

    def sample(self, sample_shape: Shape = Size()) -> Tensor:
        """By rejection from a wrapped Cauchy distribution.

        Source: D. J. Best and N. I. Fisher, "Efficient simulation of the von Mises distribution", 1979.
        """
        shape = self._extended_shape(sample_shape)
        with torch.no_grad():
            r, k = self._proposal_r.expand(shape), self.concentration.double().clamp(min=_LEAST).expand(shape)
            done = (k < _MOST).logical_not()  # NaN is done as well, and stays NaN
            x = torch.zeros(shape, dtype=torch.double, device=self.loc.device)
            if bool(done.any()):
                x = torch.where(done, torch.randn_like(x) / k.sqrt(), x)
            while not bool(done.all()):
                u = uniform((3, *shape), r)
                z = torch.cos(math.pi * u[0])
                f = (1 + r * z) / (r + z)
                c = k * (r - f)
                accepted = (c * (2 - c) - u[1] > 0) | ((c / u[1]).log() + 1 - c >= 0)
                drawn = (u[2] - 0.5).sign() * f.clamp(-1, 1).acos()
                x = torch.where(accepted & ~done, drawn, x)
                done = done | accepted
            angles = (x + math.pi + self.loc.double()) % (2 * math.pi) - math.pi
            return angles.to(self.loc.dtype)

    @property
    def mean(self) -> Tensor:
        """The mean direction."""
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @lazy_property
    def variance(self) -> Any:
        """The circular variance, 1 - I1(k) / I0(k)."""
        return 1 - torch.special.i1e(self.concentration) / torch.special.i0e(self.concentration)
