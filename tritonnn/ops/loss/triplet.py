"""Losses of triplets: an anchor, a positive and a negative example; compositions of other ops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.errors import fail
from tritonnn.ops._arguments import tensors_only
from tritonnn.ops._definitions import losses as define
from tritonnn.ops._table import Bad, Sample, composite
from tritonnn.ops.loss.loss import reduced, resolve
from tritonnn.ops.loss.margin import _reduction_error


@composite(
    api="functional",
    samples=lambda make: [Sample(make(3, 4), make(3, 4), make(3, 4)),
                          Sample(make(3, 4), make(3, 4), make(3, 4), 2.0, swap=True, reduction="none")],
    errors=lambda make: [
        _reduction_error(make, 3),
        Bad(make(2, 3), make(2, 3), make(3), match="same number of dimensions"),
        Bad(make(2, 3), make(2, 3), make(2, 3), margin=-1.0, error=ValueError,
        match="margin must be greater than 0"),
    ], reference=define.triplet_margin_loss,
)  # fmt: skip
def triplet_margin_loss(
    anchor: Tensor, positive: Tensor, negative: Tensor, margin: float = 1.0, p: float = 2, eps: float = 1e-6,
    swap: bool = False, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """max(0, d(anchor, positive) - d(anchor, negative) + margin) with the p-norm distance (Schroff et al.
    2015).

    Args:
        anchor, positive, negative: (N, D) or (D).
        margin: see the formula; positive.
        p, eps: as of `pairwise_distance`.
        swap: take d(positive, negative) where it is less than d(anchor, negative) (Balntas et al. 2016).
        size_average, reduce, reduction: as of `mse_loss`.

    Raises:
        RuntimeError: different numbers of dimensions.
        ValueError: a margin that is not positive, or an unknown reduction.

    >>> import tritonnn as torch
    >>> a = torch.tensor([[0., 0.]])
    >>> torch.nn.functional.triplet_margin_loss(a, a + 1, a + 2)
    tensor(0.)
    """
    reduction = resolve(reduction, size_average, reduce)

    from tritonnn.ops.loss.distance import pairwise_distance

    def distance(x: Tensor, y: Tensor) -> Tensor:
        return pairwise_distance(x, y, p, eps)

    return _triplet("triplet_margin_loss", anchor, positive, negative, distance, margin, swap, reduction)


def _triplet(
    op: str, anchor: Tensor, positive: Tensor, negative: Tensor, distance: Callable, margin: float,
    swap: bool,
    reduction: str,
) -> Tensor:  # fmt: skip
    tensors_only(op, anchor=anchor, positive=positive, negative=negative)
    if not callable(distance):
        raise TypeError(
            f"{op}(): argument 'distance_function' must be a function, not {type(distance).__name__}"
        )
    if margin <= 0:
        raise ValueError(f"{op}: margin must be greater than 0, got {margin}")
    if not len(anchor.shape) == len(positive.shape) == len(negative.shape):
        raise fail(
            op,
            "The anchor, positive, and negative tensors are expected to have the same number of dimensions",
            anchor=anchor, positive=positive, negative=negative,
        )  # fmt: skip
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = far.minimum(distance(positive, negative))
    return reduced((margin + near - far).clamp(0.0), reduction)


@composite(
    api="functional",
    samples=lambda make: [Sample(make(3, 4), make(3, 4), make(3, 4)),
                          Sample(make(3, 4), make(3, 4), make(3, 4), margin=2.0, swap=True, reduction="sum",
                                 distance_function=lambda x, y: (x - y).abs().sum(-1))],
    errors=lambda make: [
        _reduction_error(make, 3),
        Bad(make(2, 3), make(2, 3), make(2, 3), margin=-1.0, error=ValueError,
        match="margin must be greater than 0"),
    ], reference=define.triplet_margin_with_distance_loss,
)  # fmt: skip
def triplet_margin_with_distance_loss(
    anchor: Tensor, positive: Tensor, negative: Tensor, *,
    distance_function: Callable[[Tensor, Tensor], Any] | None = None, margin: float = 1.0, swap: bool = False,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """`triplet_margin_loss` with any distance (`pairwise_distance` by default).

    >>> import tritonnn as torch
    >>> a = torch.tensor([[0., 0.]])
    >>> far = lambda x, y: (x - y).abs().sum(-1)
    >>> torch.nn.functional.triplet_margin_with_distance_loss(a, a + 1, a, distance_function=far)
    tensor(3.)
    """
    reduction = resolve(reduction)
    if distance_function is None:
        from tritonnn.ops.loss.distance import pairwise_distance

        distance_function = pairwise_distance
    return _triplet(
        "triplet_margin_with_distance_loss", anchor, positive, negative,
        distance_function,
        margin, swap, reduction,
    )  # fmt: skip
