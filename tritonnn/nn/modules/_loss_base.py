"""What losses share."""

from __future__ import annotations

from tritonnn._tensor import Tensor
from tritonnn.nn._reduction import resolve
from tritonnn.nn.module import Module


class _Loss(Module):
    """Keeps `reduction`: 'none', 'mean' or 'sum'; the older size_average and reduce override it."""

    reduction: str

    def __init__(
        self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
    ) -> None:
        super().__init__()
        self.reduction = resolve(reduction, size_average, reduce)


class _WeightedLoss(_Loss):
    """A loss with a weight per class (or element) as a buffer."""

    weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)
