"""Losses that are negative log-likelihoods of simple distributions; compositions of other ops."""

from __future__ import annotations

import math
from typing import Any

from tritonnn._levels import ever, readable
from tritonnn._tensor import Tensor
from tritonnn.errors import fail
from tritonnn.ops._arguments import tensors_only
from tritonnn.ops._definitions import losses as define
from tritonnn.ops._table import Bad, Sample, composite
from tritonnn.ops.creation.creation import full_like
from tritonnn.ops.elementwise.comparison import where
from tritonnn.ops.elementwise.elementwise import logical_not
from tritonnn.ops.loss.loss import reduced, resolve
from tritonnn.table import Make
from tritonnn.table.types import Number


def _positive(make: Make, *shape: int) -> Tensor:
    return make(*shape, positive=True)


@composite(
    api="functional",
    samples=lambda make: [Sample(make(3, 4), _positive(make, 3, 4)),
                          Sample(_positive(make, 3, 4), make(3, 4, low=0.2, high=5), False, True,
                          reduction="sum"),
                          Sample(make(3), _positive(make, 3), reduction="none")],
    errors=lambda make: [Bad(make(2), make(2), reduction="max", error=ValueError,
    match="max is not a valid")],
    reference=define.poisson_nll_loss,
)  # fmt: skip
def poisson_nll_loss(
    input: Tensor, target: Tensor, log_input: bool = True, full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8, reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """e^x - y x for logarithms x of Poisson means (`log_input`), else x - y log(x + eps).

    Args:
        input: the means or their logarithms.
        target: counts.
        log_input, eps: see the formula.
        full: add Stirling's approximation of log(y!), y log y - y + log(2 π y) / 2, where y > 1.
        size_average, reduce, reduction: as of `mse_loss`.

    >>> import tritonnn as torch
    >>> torch.nn.functional.poisson_nll_loss(torch.zeros(2), torch.tensor([1., 3.]))
    tensor(1.)
    """
    if not (isinstance(input, Tensor) and isinstance(target, Tensor)):
        tensors_only("poisson_nll_loss", input=input, target=target)
    reduction = resolve(reduction, size_average, reduce)
    loss = input.exp() - target * input if log_input else input - target * (input + eps).log()
    if full:
        more = logical_not(target <= 1)  # NaN is kept
        y = where(more, target, 1.0)
        stirling = y * y.log() - y + (y * (2 * math.pi)).log() * 0.5
        loss = loss + where(more, stirling, 0.0).to(loss.dtype)
    return reduced(loss, reduction)


def _spread_variance(input: Tensor, var: Any) -> Tensor:
    """The variance in a shape that broadcasts against the input.

    Raises:
        ValueError: it is negative, or has no such shape.
    """
    if isinstance(var, (int, float)):
        if var < 0:
            raise ValueError("gaussian_nll_loss: var has negative entry/entries")
        return full_like(input.detach(), float(var))
    if var.dtype.kind < 2:
        text = f"result type {input.dtype.name} can't be cast to the type {var.dtype.name} of var"
        raise fail("gaussian_nll_loss", text, hint="var.float()", input=input, var=var)
    if readable(var) and ever(var < 0):
        raise ValueError("gaussian_nll_loss: var has negative entry/entries")
    if var.shape == input.shape:
        return var
    if input.shape[:-1] == var.shape:
        return var.unsqueeze(-1)
    differ = [v for x, v in zip(input.shape, var.shape, strict=False) if x != v]
    if len(var.shape) == len(input.shape) and differ == [1]:
        return var
    raise ValueError(
        f"gaussian_nll_loss: var is of incorrect size: {list(var.shape)} for an input of {list(input.shape)}"
    )


@composite(
    api="functional",
    samples=lambda make: [Sample(make(3, 4), make(3, 4), _positive(make, 3, 4)),
                          Sample(make(3, 4), make(3, 4), _positive(make, 3), True, reduction="sum"),
                          Sample(make(3, 4), make(3, 4), 0.5, reduction="none")],
    errors=lambda make: [
        Bad(make(2), make(2), -1.0, error=ValueError, match="var has negative"),
        Bad(make(2, 3), make(2, 3), _positive(make, 4), error=ValueError, match="var is of incorrect size"),
        Bad(make(2), make(2), 1.0, reduction="max", error=ValueError, match="max is not a valid"),
    ],
    reference=define.gaussian_nll_loss,
)  # fmt: skip
def gaussian_nll_loss(
    input: Tensor, target: Tensor | Number, var: Tensor | float, full: bool = False, eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """(log v + (x - y)² / v) / 2 with v = max(var, eps) (Nix and Weigend 1994).

    Args:
        input: the means.
        target: observations; a number stands for all.
        var: variances: a number, or of the input's shape, that shape without its last dimension, or with one
            dimension of extent 1.
        full: add the constant log(2 π) / 2.
        eps: least variance; the gradient passes it as if it were not there.
        reduction: 'mean', 'sum' or 'none'.

    Raises:
        ValueError: a negative variance, one of another shape, or an unknown reduction.

    >>> import tritonnn as torch
    >>> torch.nn.functional.gaussian_nll_loss(torch.zeros(2), torch.tensor([0., 2.]), torch.ones(2))
    tensor(1.)
    """
    tensors_only("gaussian_nll_loss", input=input)
    variance = _spread_variance(input, var)
    reduction = resolve(reduction)
    constant = variance.detach()
    variance = where(constant < eps, variance - constant + eps, variance)
    loss = (variance.log() + (input - target) ** 2 / variance) * 0.5
    return reduced(loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)
