"""Losses with the reduction as a number: 0 for none, 1 for the mean, 2 for the sum."""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn._tensor import Tensor
from tritonnn.ops._definitions import class_loss, losses
from tritonnn.ops._table import Bad, Sample, composite
from tritonnn.ops.loss.cross_entropy import kl_div
from tritonnn.ops.loss.likelihood import poisson_nll_loss
from tritonnn.table.types import Count

_WORDS = {1: "mean", 2: "sum"}


def _word(reduction: int) -> str:
    return _WORDS.get(int(reduction), "none")


def _kl_definition(input: np.ndarray, target: np.ndarray, reduction: int, log_target: bool) -> Any:
    return class_loss.kl_div(input, target, _word(reduction), log_target)


@composite(
    api="torch", public="kl_div", reference=_kl_definition,
    samples=lambda make: [
        Sample(make(3, 4), make(3, 4, positive=True)), Sample(make(3, 4), make(3, 4, positive=True), 1),
        Sample(make(3, 4), make(3, 4), 2, log_target=True),
        Sample(make(3), make(3, positive=True), 0),
    ],
    errors=lambda make: [
        Bad(make(2), make(3), match="must match the size|broadcast"),
        Bad(make(2), make(2), "sum", error=TypeError, match="argument 'reduction' .* must be int, not str"),
    ],
)  # fmt: skip
def aten_kl_div(input: Tensor, target: Tensor, reduction: Count = 0, *, log_target: bool = False) -> Tensor:
    """`torch.nn.functional.kl_div` with the reduction as a number; by default nothing is reduced.

    >>> import tritonnn as torch
    >>> torch.kl_div(torch.zeros(2), torch.tensor([1., 1.]), 2)
    tensor(0.)
    """
    from tritonnn.ops.joining.repeating import broadcast_tensors

    input, target = broadcast_tensors(input, target)
    return kl_div(input, target, reduction=_word(reduction), log_target=log_target)


def _poisson_definition(
    input: Any, target: Any, log_input: bool, full: bool, eps: float, reduction: int
) -> Any:
    return losses.poisson_nll_loss(input, target, log_input, full, eps, _word(reduction))


@composite(
    api="torch", public="poisson_nll_loss", reference=_poisson_definition,
    samples=lambda make: [
        Sample(make(3, 4), make(3, 4, positive=True), True, False, 1e-8, 1),
        Sample(make(3, 4, positive=True), make(3, 4, low=0.2, high=5), False, True, 1e-8, 2),
        Sample(make(3), make(3, positive=True), True, False, 1e-8, 0),
    ],
    errors=lambda make: [
        Bad(make(2), make(3), True, False, 1e-8, 1, match="must match the size|broadcast"),
        Bad(make(2), make(2), True, False, 1e-8, "sum", error=TypeError, match="must be int, not str"),
    ],
)  # fmt: skip
def aten_poisson_nll_loss(
    input: Tensor, target: Tensor, log_input: bool, full: bool, eps: float, reduction: Count
) -> Tensor:
    """`torch.nn.functional.poisson_nll_loss` with the reduction as a number.

    >>> import tritonnn as torch
    >>> torch.poisson_nll_loss(torch.zeros(2), torch.tensor([1., 3.]), True, False, 1e-8, 1)
    tensor(1.)
    """
    return poisson_nll_loss(input, target, log_input, full, eps=eps, reduction=_word(reduction))
