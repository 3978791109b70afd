"""The chi-squared distribution."""

from __future__ import annotations

from tritonnn._tensor import Tensor
from tritonnn.distributions import constraints
from tritonnn.distributions.gamma import Gamma
from tritonnn.distributions.utils import Numbers

__all__ = ["Chi2"]


class Chi2(Gamma):
    """The sum of squares of `df` standard normal variables: Gamma(df / 2, 1 / 2).

    >>> import tritonnn as torch
    >>> torch.distributions.Chi2(torch.tensor([3.])).mean
    tensor([3.])
    """

    arg_constraints = {"df": constraints.positive}
    _expands = {"concentration": 0, "rate": 0}

    def __init__(self, df: Numbers, validate_args: bool | None = None) -> None:
        super().__init__(0.5 * df, 0.5, validate_args=validate_args)

    @property
    def df(self) -> Tensor:
        """Degrees of freedom."""
        return self.concentration * 2
