"""Losses for regression and classification; those of pairs, triplets and margins stand in `margin_loss.py`.

Every loss takes `reduction`: 'mean' (of all elements or samples), 'sum' or 'none'. The older arguments
`size_average`
and `reduce` override it.
"""

from __future__ import annotations

from collections.abc import Sequence

from tritonnn._tensor import Tensor
from tritonnn.nn import functional as F
from tritonnn.nn.modules._loss_base import _Loss, _WeightedLoss
from tritonnn.nn.modules.margin_loss import (
    CosineEmbeddingLoss,
    HingeEmbeddingLoss,
    MarginRankingLoss,
    MultiLabelMarginLoss,
    MultiMarginLoss,
    SoftMarginLoss,
    TripletMarginLoss,
    TripletMarginWithDistanceLoss,
)

__all__ = [
    "L1Loss", "NLLLoss", "NLLLoss2d", "PoissonNLLLoss", "GaussianNLLLoss", "KLDivLoss", "MSELoss", "BCELoss",
    "BCEWithLogitsLoss", "SmoothL1Loss", "HuberLoss", "CrossEntropyLoss", "MultiLabelSoftMarginLoss",
    "CTCLoss",
    "CosineEmbeddingLoss", "HingeEmbeddingLoss", "MarginRankingLoss", "MultiLabelMarginLoss",
    "MultiMarginLoss",
    "SoftMarginLoss", "TripletMarginLoss", "TripletMarginWithDistanceLoss",
]  # fmt: skip


class L1Loss(_Loss):
    """|x - y|.

    >>> import tritonnn as torch
    >>> torch.nn.L1Loss()(torch.tensor([1., 2.]), torch.tensor([3., 4.]))
    tensor(2.)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.l1_loss(input, target, reduction=self.reduction)


class MSELoss(_Loss):
    """(x - y)².

    >>> import tritonnn as torch
    >>> torch.nn.MSELoss()(torch.tensor([1., 2.]), torch.tensor([3., 4.]))
    tensor(4.)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.mse_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(_Loss):
    """0.5·d²/beta where |d| < beta, else |d| - 0.5·beta, with d = x - y (Girshick 2015).

    Args:
        beta: where the parabola becomes a line; 0 is L1Loss.

    >>> import tritonnn as torch
    >>> torch.nn.SmoothL1Loss(reduction="none")(torch.tensor([0.5, 3.]), torch.zeros(2))
    tensor([0.1250, 2.5000])
    """

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        beta: float = 1.0,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.beta = beta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(_Loss):
    """0.5·d² where |d| ≤ delta, else delta·(|d| - 0.5·delta), with d = x - y (Huber 1964).

    >>> import tritonnn as torch
    >>> torch.nn.HuberLoss(reduction="none", delta=2.)(torch.tensor([1., 3.]), torch.zeros(2))
    tensor([0.5000, 4.0000])
    """

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        if not isinstance(delta, (float, int)):
            raise TypeError(f"delta must be a float or int, got: {type(delta)}")
        super().__init__(reduction=reduction)
        self.delta = delta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.huber_loss(input, target, reduction=self.reduction, delta=self.delta)


class NLLLoss(_WeightedLoss):
    """-weight[y]·x[y] for log-probabilities x.

    Args:
        weight: one per class; 'mean' divides by the sum of the weights used.
        ignore_index: targets of this value count nothing.

    Shapes: x (N, C), (C) or (N, C, d1, ...); y class indices (N), () or (N, d1, ...).

    >>> import tritonnn as torch
    >>> torch.nn.NLLLoss()(torch.tensor([[-1., -2.]]), torch.tensor([1]))
    tensor(2.)
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.nll_loss(
            input, target, weight=self.weight, ignore_index=self.ignore_index, reduction=self.reduction
        )


class NLLLoss2d(NLLLoss):
    """Older name of `NLLLoss` for (N, C, H, W).

    >>> import tritonnn as torch
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     loss = torch.nn.NLLLoss2d()
    >>> loss(torch.zeros(1, 3, 2, 2).log_softmax(1), torch.zeros(1, 2, 2, dtype=torch.long))
    tensor(1.0986)
    """


class CrossEntropyLoss(_WeightedLoss):
    """-log softmax(x)[y] of raw scores x; `NLLLoss` of their log_softmax.

    Args:
        weight: one per class; 'mean' divides by the sum of the weights used.
        ignore_index: targets of this value count nothing.
        label_smoothing: share of the target that is spread over all classes, 0 to 1.

    Shapes: x (N, C), (C) or (N, C, d1, ...); y class indices (N), () or (N, d1, ...), or probabilities
        shaped like x.

    >>> import tritonnn as torch
    >>> torch.nn.CrossEntropyLoss()(torch.tensor([[0.1, 0.8, 0.1]]), torch.tensor([1]))
    tensor(0.6897)
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(
            input, target, weight=self.weight, ignore_index=self.ignore_index, reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )  # fmt: skip


class PoissonNLLLoss(_Loss):
    """e^x - y·x for the logarithm x of a Poisson mean (log_input), else x - y·log(x + eps).

    Args:
        log_input: whether x is the logarithm of the mean.
        full: add Stirling's approximation y·log y - y + 0.5·log(2πy) of log y! for y > 1.
        eps: keeps log away from 0.

    >>> import tritonnn as torch
    >>> torch.nn.PoissonNLLLoss()(torch.tensor([0.]), torch.tensor([2.]))
    tensor(1.)
    """

    def __init__(
        self,
        log_input: bool = True,
        full: bool = False,
        size_average: bool | None = None,
        eps: float = 1e-8,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.log_input = log_input
        self.full = full
        self.eps = eps

    def forward(self, log_input: Tensor, target: Tensor) -> Tensor:
        return F.poisson_nll_loss(
            log_input,
            target,
            log_input=self.log_input,
            full=self.full,
            eps=self.eps,
            reduction=self.reduction,
        )


class GaussianNLLLoss(_Loss):
    """0.5·(log v + (x - y)²/v) with v = max(var, eps) (Nix and Weigend 1994).

    Args:
        full: add the constant 0.5·log 2π.
        eps: smallest variance.

    >>> import tritonnn as torch
    >>> torch.nn.GaussianNLLLoss()(torch.tensor([1.]), torch.tensor([3.]), torch.tensor([1.]))
    tensor(2.)
    """

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(None, None, reduction)
        self.full = full
        self.eps = eps

    def forward(self, input: Tensor, target: Tensor, var: Tensor | float) -> Tensor:
        return F.gaussian_nll_loss(input, target, var, full=self.full, eps=self.eps, reduction=self.reduction)


class KLDivLoss(_Loss):
    """y·(log y - x) for log-probabilities x.

    Args:
        reduction: 'batchmean' (divide by the batch: the divergence itself) besides the usual ones.
        log_target: whether y is given as logarithm.
        weight: accepted as None only; older versions listed it without using it.

    >>> import tritonnn as torch
    >>> x, y = torch.tensor([[0.5, 0.5]]).log(), torch.tensor([[0.25, 0.75]])
    >>> torch.nn.KLDivLoss(reduction="batchmean")(x, y)
    tensor(0.1308)
    """

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        log_target: bool = False,
        *,
        weight: None = None,
    ) -> None:
        if weight is not None:
            raise ValueError("KLDivLoss has no weight; scale the target instead")
        super().__init__(size_average, reduce, reduction)
        self.log_target = log_target

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)


class BCELoss(_WeightedLoss):
    """-weight·(y·log x + (1-y)·log(1-x)) for probabilities x, the logarithms not below -100.

    >>> import tritonnn as torch
    >>> torch.nn.BCELoss()(torch.tensor([0.5]), torch.tensor([1.]))
    tensor(0.6931)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy(input, target, weight=self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(_Loss):
    """`BCELoss` of sigmoid(x), without overflow.

    Args:
        weight: factor of each element.
        pos_weight: factor of the positive term, per class.

    >>> import tritonnn as torch
    >>> torch.nn.BCEWithLogitsLoss()(torch.tensor([0.]), torch.tensor([1.]))
    tensor(0.6931)
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        pos_weight: Tensor | None = None,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(
            input, target, self.weight, pos_weight=self.pos_weight, reduction=self.reduction
        )


class MultiLabelSoftMarginLoss(_WeightedLoss):
    """-mean over classes of weight·(y·log sigmoid(x) + (1-y)·log sigmoid(-x)).

    >>> import tritonnn as torch
    >>> torch.nn.MultiLabelSoftMarginLoss()(torch.zeros(1, 3), torch.ones(1, 3))
    tensor(0.6931)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multilabel_soft_margin_loss(input, target, weight=self.weight, reduction=self.reduction)


class CTCLoss(_Loss):
    """-log of the total probability of all alignments that spell the target (Graves et al. 2006).

    Args:
        blank: the class that spells nothing.
        reduction: 'mean' divides each loss by its target's length before averaging.
        zero_infinity: 0 instead of infinity where the input is too short for the target.

    Shapes: log-probabilities (T, N, C) or (T, C), targets (N, S) or all of them in one dimension, lengths
        (N).

    >>> import tritonnn as torch
    >>> p = torch.tensor([[[0.4, 0.6]], [[0.7, 0.3]]]).log()
    >>> torch.nn.CTCLoss()(p, torch.tensor([[1]]), torch.tensor([2]), torch.tensor([1]))
    tensor(0.3285)
    """

    def __init__(self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False) -> None:
        super().__init__(reduction=reduction)
        self.blank = blank
        self.zero_infinity = zero_infinity

    def forward(
        self,
        log_probs: Tensor,
        targets: Tensor,
        input_lengths: Tensor | Sequence[int],
        target_lengths: Tensor | Sequence[int],
    ) -> Tensor:
        return F.ctc_loss(
            log_probs, targets, input_lengths, target_lengths, self.blank, self.reduction, self.zero_infinity
        )
