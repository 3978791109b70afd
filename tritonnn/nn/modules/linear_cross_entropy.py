"""A linear layer and the cross-entropy of its scores in one module."""

from __future__ import annotations

import math

from tritonnn._tensor import Tensor
from tritonnn.device import DeviceLike
from tritonnn.dtypes import dtype as DType
from tritonnn.nn import functional as F
from tritonnn.nn.modules._loss_base import _WeightedLoss
from tritonnn.nn.modules.linear import Linear
from tritonnn.ops.loss._chunking import LinearCrossEntropyOptions

__all__ = ["LinearCrossEntropyLoss", "LinearCrossEntropyOptions"]


class LinearCrossEntropyLoss(_WeightedLoss):
    """Cross-entropy of a linear layer's scores, which are never in memory all at once.

    Args:
        in_features: D, extent of the last dimension of the input.
        num_classes: C.
        out_features: further dimensions (d1, ...) of the layer's result.
        bias: whether the layer has one.
        device, dtype: of the layer's parameters.
        reduction: 'mean', 'sum' or 'none'.
        weight: one per class; 'mean' divides by the sum of the weights used.
        ignore_index: targets of this value count nothing; by default -100.
        label_smoothing: share of the target that is spread over all classes, 0 to 1.
        options: see `LinearCrossEntropyOptions`.

    Shapes: input (N, D), or (D) without out_features; target classes (N, d1, ...) or (), or probabilities
        (N, C, d1, ...) or (C). The parameter is `linear.weight`, (C·d1·..., D).

    Raises:
        RuntimeError: a weight that is not (C), smoothing outside [0, 1], or what `F.linear_cross_entropy` refuses.

    >>> import tritonnn as torch
    >>> loss = torch.nn.LinearCrossEntropyLoss(8, 100)
    >>> loss(torch.zeros(4, 8), torch.tensor([1, 2, 3, 4]))
    tensor(4.6052, grad_fn=<LinearCrossEntropyBackward0>)
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        out_features: tuple[int, ...] = (),
        bias: bool = False,
        device: DeviceLike | None = None,
        dtype: DType | None = None,
        reduction: str = "mean",
        weight: Tensor | None = None,
        ignore_index: int | None = None,
        label_smoothing: float = 0.0,
        options: LinearCrossEntropyOptions | None = None,
    ) -> None:
        if weight is not None and tuple(weight.shape) != (num_classes,):
            raise RuntimeError(f"expected weight shape to be ({num_classes},), got {tuple(weight.shape)}")
        if not 0 <= label_smoothing <= 1:
            raise RuntimeError(f"expected label_smoothing to be in range [0, 1], got {label_smoothing}")
        super().__init__(weight, None, None, reduction)
        self.num_classes = num_classes
        self.out_features = out_features
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing
        self.linear = Linear(
            in_features, num_classes * math.prod(out_features), bias=bias, device=device, dtype=dtype
        )
        self.options = options

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        weight, bias = self.linear.weight, self.linear.bias
        if self.out_features:
            shape = (self.num_classes, *self.out_features)
            weight = weight.reshape(*shape, self.linear.in_features)
            bias = None if bias is None else bias.reshape(shape)
        return F.linear_cross_entropy(
            input, weight, target, linear_bias=bias, weight=self.weight, reduction=self.reduction,
            ignore_index=self.ignore_index, label_smoothing=self.label_smoothing, options=self.options,
        )  # fmt: skip

    def extra_repr(self) -> str:
        return (
            f"in_features={self.linear.in_features}, num_classes={self.num_classes}, "
            f"out_features={self.out_features}, bias={self.linear.bias is not None}, reduction={self.reduction}, "
            f"ignore_index={self.ignore_index}, label_smoothing={self.label_smoothing}, options={self.options}"
        )
