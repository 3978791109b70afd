"""Losses to compare with PyTorch, in every reduction."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from nn_inputs import Case, Fixed, index, positive, signs, x


def behind_log_softmax(nn: Any, loss: Any) -> Any:
    """A loss of log-probabilities as one of scores."""

    class OfScores(nn.Module):
        def __init__(self):
            super().__init__()
            self.loss = loss

        def forward(self, scores, *rest):
            return self.loss(nn.functional.log_softmax(scores, -1), *rest)

    return OfScores()


def weighted(nn: Any) -> Any:
    """CLASS_WEIGHT as a tensor of the library that `nn` belongs to."""
    return sys.modules[nn.__name__.partition(".")[0]].tensor(CLASS_WEIGHT)


def _reductions(name: str, build: Callable[[Any, str], Any], *inputs: Any) -> list[Case]:
    return [
        Case(f"{name}_{how}", lambda nn, how=how: build(nn, how), inputs) for how in ("mean", "sum", "none")
    ]


CLASS_WEIGHT = [0.5, 1.0, 2.0, 1.5]
LOSSES = [
    *_reductions("L1Loss", lambda nn, how: nn.L1Loss(reduction=how), x(3, 4), x(3, 4)),
    *_reductions("MSELoss", lambda nn, how: nn.MSELoss(reduction=how), x(3, 4), x(3, 4)),
    *_reductions("SmoothL1Loss", lambda nn, how: nn.SmoothL1Loss(reduction=how, beta=0.5), x(3, 4), x(3, 4)),
    *_reductions("HuberLoss", lambda nn, how: nn.HuberLoss(reduction=how, delta=0.5), x(3, 4), x(3, 4)),
    *_reductions("NLLLoss", lambda nn, how: nn.NLLLoss(reduction=how), x(5, 4), index(4, 5)),
    *_reductions(
        "NLLLoss_2d",
        lambda nn, how: nn.NLLLoss(reduction=how, ignore_index=1),
        x(2, 4, 3, 3),
        index(4, 2, 3, 3),
    ),
    *_reductions(
        "CrossEntropyLoss", lambda nn, how: nn.CrossEntropyLoss(reduction=how), x(5, 4), index(4, 5)
    ),
    *_reductions(
        "CrossEntropyLoss_smooth",
        lambda nn, how: nn.CrossEntropyLoss(weighted(nn), reduction=how, label_smoothing=0.2),
        x(5, 4),
        index(4, 5),
    ),
    *_reductions(
        "CrossEntropyLoss_probabilities",
        lambda nn, how: nn.CrossEntropyLoss(reduction=how),
        x(5, 4),
        positive(5, 4),
    ),
    *_reductions(
        "CrossEntropyLoss_nd", lambda nn, how: nn.CrossEntropyLoss(reduction=how), x(2, 4, 3), index(4, 2, 3)
    ),
    *_reductions(
        "PoissonNLLLoss",
        lambda nn, how: nn.PoissonNLLLoss(full=True, reduction=how),
        x(3, 4),
        positive(3, 4) * 5,
    ),
    *_reductions(
        "GaussianNLLLoss",
        lambda nn, how: nn.GaussianNLLLoss(full=True, reduction=how),
        x(3, 4),
        x(3, 4),
        positive(3, 4),
    ),
    *_reductions("KLDivLoss", lambda nn, how: nn.KLDivLoss(reduction=how), x(3, 4), positive(3, 4)),
    Case(
        "KLDivLoss_batchmean",
        lambda nn: nn.KLDivLoss(reduction="batchmean", log_target=True),
        (x(3, 4), x(3, 4)),
    ),
    *_reductions("BCELoss", lambda nn, how: nn.BCELoss(reduction=how), positive(3, 4), positive(3, 4)),
    *_reductions(
        "BCEWithLogitsLoss",
        lambda nn, how: nn.BCEWithLogitsLoss(reduction=how, pos_weight=weighted(nn)),
        x(3, 4),
        positive(3, 4),
    ),
    *_reductions(
        "HingeEmbeddingLoss", lambda nn, how: nn.HingeEmbeddingLoss(reduction=how), x(3, 4), signs(3, 4)
    ),
    *_reductions("SoftMarginLoss", lambda nn, how: nn.SoftMarginLoss(reduction=how), x(3, 4), signs(3, 4)),
    *_reductions(
        "CosineEmbeddingLoss",
        lambda nn, how: nn.CosineEmbeddingLoss(0.1, reduction=how),
        x(3, 4),
        x(3, 4),
        signs(3),
    ),
    *_reductions(
        "MarginRankingLoss", lambda nn, how: nn.MarginRankingLoss(0.1, reduction=how), x(5), x(5), signs(5)
    ),
    *_reductions(
        "MultiLabelMarginLoss",
        lambda nn, how: nn.MultiLabelMarginLoss(reduction=how),
        x(2, 4),
        np.array([[3, 0, -1, 1], [1, -1, 0, 2]]),
    ),
    *_reductions(
        "MultiMarginLoss",
        lambda nn, how: nn.MultiMarginLoss(p=2, weight=weighted(nn), reduction=how),
        x(3, 4),
        index(4, 3),
    ),
    *_reductions(
        "MultiLabelSoftMarginLoss",
        lambda nn, how: nn.MultiLabelSoftMarginLoss(reduction=how),
        x(3, 4),
        positive(3, 4).round().view(Fixed),
    ),
    *_reductions(
        "TripletMarginLoss",
        lambda nn, how: nn.TripletMarginLoss(swap=True, reduction=how),
        x(3, 4),
        x(3, 4),
        x(3, 4),
    ),
    *_reductions(
        "TripletMarginWithDistanceLoss",
        lambda nn, how: nn.TripletMarginWithDistanceLoss(reduction=how),
        x(3, 4),
        x(3, 4),
        x(3, 4),
    ),
    *_reductions(
        "LinearCrossEntropyLoss",
        lambda nn, how: nn.LinearCrossEntropyLoss(3, 4, bias=True, reduction=how),
        x(6, 3),
        index(4, 6),
    ),
    *_reductions(
        "LinearCrossEntropyLoss_chunks",
        lambda nn, how: nn.LinearCrossEntropyLoss(
            3,
            4,
            weight=weighted(nn),
            reduction=how,
            ignore_index=1,
            label_smoothing=0.2,
            options=nn.LinearCrossEntropyOptions(batch_chunk_size=4),
        ),
        x(6, 3),
        index(4, 6),
    ),
    *_reductions(
        "LinearCrossEntropyLoss_nd",
        lambda nn, how: nn.LinearCrossEntropyLoss(3, 4, out_features=(2, 5), bias=True, reduction=how),
        x(6, 3),
        index(4, 6, 2, 5),
    ),
    *_reductions(
        "LinearCrossEntropyLoss_probabilities",
        lambda nn, how: nn.LinearCrossEntropyLoss(3, 4, reduction=how),
        x(6, 3),
        positive(6, 4),
    ),
    *_reductions(
        "CTCLoss",
        lambda nn, how: behind_log_softmax(nn, nn.CTCLoss(reduction=how)),
        x(7, 2, 4),
        index(3, 2, 3) + 1,
        np.array([7, 6]),
        np.array([3, 2]),
    ),
]
