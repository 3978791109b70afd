"""Losses with the reduction as a number: 0 for none, 1 for the mean, 2 for the sum."""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.ops._definitions import class_loss, losses
from tritonnn.ops._table import Bad, Sample, composite
from tritonnn.ops.loss.binary import binary_cross_entropy_with_logits
from tritonnn.ops.loss.cross_entropy import kl_div
from tritonnn.ops.loss.ctc import ctc_loss
from tritonnn.ops.loss.likelihood import poisson_nll_loss
from tritonnn.ops.loss.margin import cosine_embedding_loss, hinge_embedding_loss, margin_ranking_loss
from tritonnn.ops.loss.triplet import triplet_margin_loss
from tritonnn.table import Make
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


def _not_a_word(*arguments: Any, **options: Any) -> Bad:
    text = "argument 'reduction' .*must be int, not str"
    return Bad(*arguments, **options, reduction="sum", error=TypeError, match=text)


def _signs(make: Make, *shape: int) -> Tensor:
    """1 and -1."""
    return make.int(*shape, low=0, high=2) * 2 - 1


@composite(
    api="torch", public="hinge_embedding_loss",
    samples=lambda make: [
        Sample(make(3, 4), _signs(make, 3, 4)), Sample(make(3, 4), _signs(make, 4), 0.5, 1),
        Sample(make(3, 4), _signs(make, 3, 4), 2.0, reduction=2),
    ],
    errors=lambda make: [_not_a_word(make(2), make(2))],
    reference=lambda input, target, margin, reduction: losses.hinge_embedding_loss(
        input, target, margin, _word(reduction)),
)  # fmt: skip
def aten_hinge_embedding_loss(
    input: Tensor, target: Tensor, margin: float = 1.0, reduction: Count = 0
) -> Tensor:
    """`torch.nn.functional.hinge_embedding_loss` with the reduction as a number; by default nothing is reduced.

    >>> import tritonnn as torch
    >>> torch.hinge_embedding_loss(torch.tensor([0.5, 0.25]), torch.tensor([1, -1]))
    tensor([0.5000, 0.7500])
    """
    return hinge_embedding_loss(input, target, margin, reduction=_word(reduction))


@composite(
    api="torch", public="margin_ranking_loss",
    samples=lambda make: [
        Sample(make(3, 4), make(3, 4), _signs(make, 3, 4)), Sample(make(5), make(5), _signs(make, 5), 0.5, 1),
        Sample(make(5), make(5), _signs(make, 5), reduction=2),
    ],
    errors=lambda make: [_not_a_word(make(2), make(2), make(2))],
    reference=lambda input1, input2, target, margin, reduction: losses.margin_ranking_loss(
        input1, input2, target, margin, _word(reduction)),
)  # fmt: skip
def aten_margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: Count = 0
) -> Tensor:
    """`torch.nn.functional.margin_ranking_loss` with the reduction as a number; by default nothing is reduced.

    >>> import tritonnn as torch
    >>> one = torch.ones(1)
    >>> torch.margin_ranking_loss(one, 3 * one, one)
    tensor([2.])
    """
    return margin_ranking_loss(input1, input2, target, margin, reduction=_word(reduction))


@composite(
    api="torch", public="cosine_embedding_loss",
    samples=lambda make: [
        Sample(make(3, 4), make(3, 4), _signs(make, 3)), Sample(make(3, 4), make(3, 4), _signs(make, 3), 0.25, 1),
        Sample(make(3, 4), make(3, 4), _signs(make, 3), reduction=2),
    ],
    errors=lambda make: [_not_a_word(make(2, 3), make(2, 3), make(2))],
    reference=lambda input1, input2, target, margin, reduction: losses.cosine_embedding_loss(
        input1, input2, target, margin, _word(reduction)),
)  # fmt: skip
def aten_cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: Count = 0
) -> Tensor:
    """`torch.nn.functional.cosine_embedding_loss` with the reduction as a number; by default nothing is reduced.

    >>> import tritonnn as torch
    >>> torch.cosine_embedding_loss(torch.ones(1, 2), torch.ones(1, 2), torch.tensor([-1]))
    tensor([1.])
    """
    return cosine_embedding_loss(input1, input2, target, margin, reduction=_word(reduction))


@composite(
    api="torch", public="triplet_margin_loss",
    samples=lambda make: [
        Sample(make(3, 4), make(3, 4), make(3, 4)), Sample(make(3, 4), make(3, 4), make(3, 4), 0.5, 2, 1e-6, True, 1),
        Sample(make(3, 4), make(3, 4), make(3, 4), reduction=2),
    ],
    errors=lambda make: [_not_a_word(make(2, 3), make(2, 3), make(2, 3))],
    reference=lambda anchor, positive, negative, margin, p, eps, swap, reduction: losses.triplet_margin_loss(
        anchor, positive, negative, margin, p, eps, swap, _word(reduction)),
)  # fmt: skip
def aten_triplet_margin_loss(
    anchor: Tensor, positive: Tensor, negative: Tensor, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6,
    swap: bool = False, reduction: Count = 0,
) -> Tensor:  # fmt: skip
    """`torch.nn.functional.triplet_margin_loss` with the reduction as a number; by default nothing is reduced.

    >>> import tritonnn as torch
    >>> a = torch.tensor([[0., 0.]])
    >>> torch.triplet_margin_loss(a, a + 1, a + 2)
    tensor([0.])
    """
    return triplet_margin_loss(anchor, positive, negative, margin, p, eps, swap, reduction=_word(reduction))


@composite(
    api="torch", public="binary_cross_entropy_with_logits",
    samples=lambda make: [
        Sample(make(3, 4), make(3, 4, low=0, high=1)),
        Sample(make(3, 4), make(3, 4, low=0, high=1), make(4, positive=True), make(4, positive=True), 1).constant(
            "weight", "pos_weight"),
        Sample(make(3), make(3, low=0, high=1), reduction=2),
    ],
    errors=lambda make: [_not_a_word(make(2), make(2))],
    reference=lambda input, target, weight, pos_weight, reduction: class_loss.binary_cross_entropy_with_logits(
        input, target, weight, pos_weight, _word(reduction)),
)  # fmt: skip
def aten_binary_cross_entropy_with_logits(
    input: Tensor, target: Tensor, weight: Tensor | None = None, pos_weight: Tensor | None = None,
    reduction: Count = 0,
) -> Tensor:  # fmt: skip
    """`torch.nn.functional.binary_cross_entropy_with_logits` with the reduction as a number; by default nothing is
    reduced.

    >>> import tritonnn as torch
    >>> torch.binary_cross_entropy_with_logits(torch.zeros(2), torch.ones(2))
    tensor([0.6931, 0.6931])
    """
    return binary_cross_entropy_with_logits(
        input, target, weight, reduction=_word(reduction), pos_weight=pos_weight
    )


@composite(
    api="torch", public="ctc_loss", dtypes=(dtypes.float32, dtypes.float64),
    samples=lambda make: [
        Sample(make(6, 2, 4), make.int(2, 3, low=1, high=4), (6, 5), (3, 2)),
        Sample(make(6, 2, 4), make.int(5, low=1, high=4), (6, 5), (3, 2), 0, 1),
        Sample(make(5, 4), make.int(2, low=0, high=3), (5,), (2,), 3, 2, True),
    ],
    errors=lambda make: [_not_a_word(make(6, 2, 4), make.int(2, 3, low=1), (6, 6), (3, 2))],
    reference=lambda log_probs, targets, input_lengths, target_lengths, blank, reduction, zero_infinity: (
        class_loss.ctc_loss(
            log_probs, targets, input_lengths, target_lengths, blank, _word(reduction), zero_infinity)),
)  # fmt: skip
def aten_ctc_loss(
    log_probs: Tensor, targets: Tensor, input_lengths: Any, target_lengths: Any, blank: Count = 0,
    reduction: Count = 0, zero_infinity: bool = False,
) -> Tensor:  # fmt: skip
    """`torch.nn.functional.ctc_loss` with the reduction as a number; by default nothing is reduced.

    >>> import tritonnn as torch
    >>> p = torch.tensor([[[0.4, 0.6]], [[0.7, 0.3]]]).log()
    >>> torch.ctc_loss(p, torch.tensor([[1]]), (2,), (1,))
    tensor([0.3285])
    """
    return ctc_loss(log_probs, targets, input_lengths, target_lengths, blank, _word(reduction), zero_infinity)
