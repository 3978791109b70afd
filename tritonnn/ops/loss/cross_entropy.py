"""Losses of one class among many: negative log-likelihood, cross-entropy, Kullback-Leibler divergence."""

from __future__ import annotations

from typing import Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid, fail, warn
from tritonnn.ops._arguments import dimension
from tritonnn.ops._definitions import class_loss as definitions
from tritonnn.ops._fused import TYPE_NAMES, check_class_weight, no_slope, only_floating, statistics_dtype
from tritonnn.ops._table import Bad, Out, Sample, composite, primitive
from tritonnn.ops.loss.loss import reduced, resolve
from tritonnn.ops.softmax import log_softmax, softmax, softmax_backward
from tritonnn.shape import numel
from tritonnn.table import Make
from tritonnn.table.types import Count


def check_classes(input: Tensor | Out, target: Tensor, weight: Tensor | None) -> None:
    """Refuse what does not fit: input (C), (N, C) or (N, C, *), target (), (N) or (N, *), weight (C)."""
    scores, labels = tuple(input.shape), tuple(target.shape)
    rank = len(scores)
    if rank == 0:
        raise Invalid("Expected 1 or more dimensions (got 0)", kind=ValueError)
    if rank > 1 and labels and scores[0] != labels[0]:
        text = f"Expected input batch_size ({scores[0]}) to match target batch_size ({labels[0]})."
        raise Invalid(text, kind=ValueError)
    if rank == 1 == len(labels) and labels[0] != 1:
        raise Invalid(
            f"For 1D input, 1D target must have size 1, but got target size: {labels[0]}",
            kind=ValueError,
        )
    wanted = (*scores[:1], *scores[2:]) if rank > 1 else ()
    if labels != wanted and not (rank == 1 and labels == (1,)):
        if rank <= 2:
            raise Invalid(
                f"0D or 1D target tensor expected, multi-target not supported: got a target of shape "
                f"{list(labels)} for an input of shape {list(scores)}",
                hint="class probabilities must be floating and shaped as the input",
            )
        raise Invalid(f"Expected target size {list(wanted)}, got {list(labels)}")
    if target.dtype is not dtypes.int64 and target.dtype is not dtypes.uint8:
        kind = TYPE_NAMES.get(target.dtype, target.dtype.name)
        raise Invalid(
            f"expected target dtype to be Long or Byte, but got {kind}", hint="convert with .long()"
        )
    classes = scores[1 if rank > 1 else 0]
    if weight is not None and weight.shape != (classes,):
        raise Invalid(
            f"weight tensor should be defined either for all {classes} classes or no classes but got weight "
            f"tensor of shape: {list(weight.shape)}"
        )
    check_class_weight(weight, input)


def _per_sample(input: Tensor) -> tuple[int, ...]:
    sizes = tuple(input.shape)
    return (*sizes[:1], *sizes[2:]) if len(sizes) > 1 else ()


def _loss_shape(input: Tensor, reduction: str) -> tuple[int, ...]:
    return _per_sample(input) if reduction == "none" else ()


# ---- negative log-likelihood ------------------------------------------------------------------------------


def _class_samples(make: Make, *tail: Any) -> list[Sample]:
    return [
        Sample(make(4, 5), make.int(4, high=5), None, *tail, "mean"),
        Sample(make(4, 5), make.int(4, high=5), make(5, positive=True), *tail, "none").constant("weight"),
        Sample(make(2, 5, 3), make.int(2, 3, high=5), make(5, positive=True), *tail, "mean").constant("weight"),
        Sample(make(5), make.int((), high=5), None, *tail, "sum"),
        Sample(make(2, 30, 4, 5), make.int(2, 4, 5, high=30), None, *tail, "sum"),
        Sample(make(3, 700), make.int(3, high=700), None, *tail, "mean"),
    ]  # fmt: skip


@primitive(
    results=("result", "total_weight"), non_differentiable=("total_weight",),
    samples=lambda make: _class_samples(make, 1),
    grad={"input": lambda g, input, target, weight, ignore_index, reduction, total_weight: no_slope(nll_loss_backward(
        g, target, weight, total_weight, tuple(input.shape), ignore_index, reduction), input)},
)  # fmt: skip
def nll_loss(
    input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: Count, reduction: str
) -> Any:
    """-w[y] x[y] of every sample, and the sum of the weights w[y] that a mean divides by."""
    only_floating(input)
    check_classes(input, target, weight)
    out = Out(_loss_shape(input, reduction), input.dtype)
    outs = (out, Out((), statistics_dtype(input.dtype)))
    return outs, (input, target, weight, int(ignore_index), reduction)


@primitive(
    grad={"grad": lambda g, target, weight, ignore_index, reduction: nll_loss(
        g, target, weight, ignore_index, reduction)[0]},
)  # fmt: skip
def nll_loss_backward(
    grad: Tensor, target: Tensor, weight: Tensor | None, total_weight: Tensor, shape: tuple[int, ...],
    ignore_index: int, reduction: str,
) -> Any:  # fmt: skip
    """-w[y] at every sample's class times what its loss receives; linear, so nll_loss is its transpose."""
    return Out(shape, grad.dtype)


def _class_errors(make: Make) -> list[Bad]:
    y = make.int(4, high=3)
    return [
        Bad(make(4, 3), make.int(3), error=ValueError,
        match=r"input batch_size \(4\) to match target batch_size \(3\)"),
        Bad(make(4, 3), make.int(4, 2), match="multi-target not supported"),
        Bad(make(4, 3, 2), make.int(4, 3), match=r"Expected target size \[4, 2\], got \[4, 3\]"),
        Bad(make(4, 3), y, make(4), match="weight tensor should be defined either for all 3 classes"),
        Bad(make(4, 3), y, make(3).half(), match="expected scalar type (Float|Double) but found Half"),
        Bad(make(4, 3), y, make(3).requires_grad_(), match="not differentiable with respect to argument 'weight'"),
        Bad(make(4, 3), make.int(4, dtype=dtypes.int32),
        match="expected target dtype to be Long or Byte, but got Int"),
        Bad(make(4, 3), y, reduction="max", error=ValueError, match="max is not a valid value for reduction"),
        Bad(make(4, 3), y + 3, error=IndexError, match=r"Target [345] is out of bounds.*3 classes"),
    ]  # fmt: skip


def _class_calls(make: Make) -> list[Sample]:
    y = make.int(6, high=5)
    return [
        Sample(make(6, 5), y),
        Sample(make(6, 5), y, make(5, positive=True), reduction="sum").constant("weight"),
        Sample(make(6, 5), y, ignore_index=2, reduction="none"),
        Sample(make(2, 5, 3, 4), make.int(2, 3, 4, high=5), make(5, positive=True), ignore_index=1).constant(
            "weight"),
        Sample(make(2, 3, 4, 5, 6), make.int(2, 4, 5, 6, high=3)),
    ]  # fmt: skip


@composite(
    api="functional",
    public="nll_loss",
    samples=_class_calls,
    errors=_class_errors,
    reference=definitions.nll_loss,
)
def functional_nll_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: bool | None = None,
    ignore_index: int = -100, reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """-w[y] x[y] of log-probabilities x, such as `log_softmax` gives.

    Args:
        input: (C), (N, C) or (N, C, *).
        target: classes, (), (N) or (N, *), int64 or uint8.
        weight: a factor per class (C), of the input's dtype; it gets no gradient. The mean divides by the sum of
            those of the targets.
        size_average, reduce, reduction: as of `mse_loss`.
        ignore_index: samples of this target count nothing.

    Raises:
        IndexError: a target is no class.
        ValueError: batch sizes that differ, or an unknown reduction.
        RuntimeError: other shapes or dtypes that do not fit, or a weight that requires grad.

    >>> import tritonnn as torch
    >>> torch.nn.functional.nll_loss(torch.tensor([[-1., -2.]]), torch.tensor([1]))
    tensor(2.)
    """
    reduction = resolve(reduction, size_average, reduce)
    one = len(input.shape) == 1 and target.shape == (1,)
    return nll_loss(input, target[0] if one else target, weight, ignore_index, reduction)[0]


# ---- cross-entropy ----------------------------------------------------------------------------------------


@primitive(
    public="cross_entropy",
    results=("result", "shift", "sumexp", "total_weight"), own_form=("shift", "sumexp"),
    non_differentiable=("shift", "sumexp", "total_weight"), preserved=("input",),
    grad={"input": lambda g, input, target, weight, ignore_index, label_smoothing, reduction, shift, sumexp,
          total_weight: fused_cross_entropy_backward(
              g, input, target, weight, shift, sumexp, total_weight, ignore_index, label_smoothing,
              reduction)},
)  # fmt: skip
def fused_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, label_smoothing: float,
    reduction: str,
) -> Any:  # fmt: skip
    """nll_loss of log_softmax, and for backward shift and Σ exp(x - shift) of every sample, Σ w[y]."""
    only_floating(input)
    check_classes(input, target, weight)
    kind = statistics_dtype(input.dtype)
    rows = Out(_per_sample(input), kind)
    outs = (Out(_loss_shape(input, reduction), input.dtype), rows, rows, Out((), kind))
    return outs, (input, target, weight, int(ignore_index), float(label_smoothing), reduction)


@primitive(
    grad={"grad": lambda g, grad, input, target, weight, shift, sumexp, total_weight, ignore_index,
    label_smoothing,
          reduction: _slope(g, grad, input, target, weight, shift, sumexp, total_weight, ignore_index,
                            label_smoothing, reduction),
          "input": lambda g, grad, input, target, weight, total_weight, ignore_index, label_smoothing,
          reduction:
          _curvature(g, grad, input, target, weight, total_weight, ignore_index, label_smoothing, reduction)},
)  # fmt: skip
def fused_cross_entropy_backward(
    grad: Tensor, input: Tensor, target: Tensor, weight: Tensor | None, shift: Tensor, sumexp: Tensor,
    total_weight: Tensor, ignore_index: int, label_smoothing: float, reduction: str,
) -> Any:  # fmt: skip
    """The gradient with respect to the scores: softmax(x) a - onehot(y) b - w d with a, b, d of each sample."""
    return Out(input.shape, input.dtype)


def _slope(
    g: Tensor, grad: Tensor, input: Tensor, target: Tensor, weight: Tensor | None, shift: Tensor,
    sumexp: Tensor,
    total_weight: Tensor, ignore_index: int, label_smoothing: float, reduction: str,
) -> Tensor:  # fmt: skip
    """The gradient with respect to `grad`, in which backward is linear."""
    unit = fused_cross_entropy_backward(
        grad.detach().new_ones(grad.shape), input, target, weight, shift, sumexp, total_weight, ignore_index,
        label_smoothing, reduction,
    )  # fmt: skip
    product = g * unit
    return product.sum() if reduction != "none" else product.sum(1 if len(input.shape) > 1 else 0)


def _curvature(
    g: Tensor, grad: Tensor, input: Tensor, target: Tensor, weight: Tensor | None, total_weight: Tensor,
    ignore_index: int, label_smoothing: float, reduction: str,
) -> Tensor:  # fmt: skip
    """The gradient with respect to the scores: softmax's own, scaled by the number `a` of every sample."""
    dim = 1 if len(input.shape) > 1 else dimension("cross_entropy", input, 0)
    classes = input.shape[dim]
    ignored = target == ignore_index
    counted = ignored.logical_not().to(input.dtype)
    if weight is None:
        scale = counted
    else:
        places = target.long().masked_fill(ignored, 0)
        picked = weight.index_select(0, places.reshape(-1)).reshape(target.shape)
        smooth = weight.sum() * (label_smoothing / classes)
        scale = counted * ((1 - label_smoothing) * picked + smooth)
    if reduction == "mean":
        grad = grad / total_weight.to(grad.dtype)
    scale = (scale * grad).masked_fill(ignored, 0)  # where all are ignored, grad is NaN
    scale = scale.reshape(_per_sample(input)).unsqueeze(dim)
    return softmax_backward(g * scale, softmax(input, dim), dim)


def _probability_loss(
    input: Tensor, target: Tensor, weight: Tensor | None, label_smoothing: float, reduction: str
) -> Tensor:
    """Cross-entropy with a distribution over the classes for every sample."""
    dim = 1 if len(input.shape) > 1 else 0
    classes = input.shape[dim]
    if label_smoothing:
        target = target * (1 - label_smoothing) + label_smoothing / max(classes, 1)
    terms = log_softmax(input, dim) * target
    if weight is not None:
        if tuple(weight.shape) != (classes,):
            raise fail(
                "cross_entropy", f"weight tensor should be defined either for all {classes} classes or no classes "
                f"but got weight tensor of shape: {list(weight.shape)}", input=input, weight=weight,
            )  # fmt: skip
        terms = terms * weight.view(-1, *[1] * (len(input.shape) - dim - 1))
    if reduction == "none":
        return -terms.sum(dim)
    total = -terms.sum()
    return total / (numel(_per_sample(input)) if classes else 0) if reduction == "mean" else total


@composite(
    api="functional",
    samples=lambda make: [
        *_class_calls(make),
        Sample(make(4, 5), make.int(4, high=5), make(5, positive=True), label_smoothing=0.1).constant("weight"),
        Sample(make(3, 700), make.int(3, high=700), label_smoothing=0.1, reduction="sum"),
        Sample(make(2, 30, 4, 5, low=-90, high=90), make.int(2, 4, 5, high=30), reduction="none"),
        Sample(make(5), make.int((), high=5)),
        Sample(make(4, 5), make(4, 5, positive=True), make(5, positive=True), label_smoothing=0.1),
        Sample(make(2, 5, 3), make(2, 5, 3, positive=True), reduction="none"),
    ],
    errors=lambda make: [
        *_class_errors(make), Bad(make(2, 3), make.int(2), label_smoothing=2.0,
        match="between 0.0 and 1.0. Got: 2"),
        Bad(make(2, 3), make(2, 3, positive=True), ignore_index=1, match="ignore_index is not supported"),
        Bad(make(5), make.int(4), error=ValueError, match="1D target must have size 1, but got target size: 4"),
        Bad(make(2, 3), make.int(2, 3),
        match="Expected floating point type for target with class probabilities"),
    ],
    reference=definitions.cross_entropy,
)  # fmt: skip
def cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: bool | None = None,
    ignore_index: Count = -100, reduce: bool | None = None, reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:  # fmt: skip
    """-log softmax(x)[y] of scores x, or -Σ p log softmax(x) of class probabilities p.

    Args:
        input: scores, (C), (N, C) or (N, C, *).
        target: classes, (), (N) or (N, *), int64 or uint8; or probabilities, floating and shaped as the
            input.
        weight: a factor per class (C), with classes of the input's dtype and without a gradient. A mean over classes
            divides by the sum of those of the targets, a mean over probabilities by the number of samples.
        size_average, reduce, reduction: as of `mse_loss`.
        ignore_index: samples of this target count nothing.
        label_smoothing: share of the target that is spread evenly over all classes (Szegedy et al. 2016).

    Raises:
        IndexError: a target is no class.
        ValueError: batch sizes that differ, or an unknown reduction.
        RuntimeError: other shapes or dtypes that do not fit, smoothing outside [0, 1], or with classes a weight that
            requires grad.

    >>> import tritonnn as torch
    >>> torch.nn.functional.cross_entropy(torch.zeros(2, 4), torch.tensor([0, 3]))
    tensor(1.3863)
    """
    reduction = resolve(reduction, size_average, reduce)
    if not 0.0 <= label_smoothing <= 1.0:
        raise fail("cross_entropy", f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing:g}")
    if not isinstance(target, Tensor) or not isinstance(input, Tensor):
        name, value = ("target", target) if isinstance(input, Tensor) else ("input", input)
        raise TypeError(f"cross_entropy(): argument '{name}' must be Tensor, not {type(value).__name__}")
    if target.shape == input.shape:
        if not target.dtype.is_floating_point:
            raise fail(
                "cross_entropy", "Expected floating point type for target with class probabilities, got "
                f"{TYPE_NAMES.get(target.dtype, target.dtype.name)}", input=input, target=target,
            )  # fmt: skip
        if ignore_index >= 0:
            raise fail(
                "cross_entropy", "ignore_index is not supported for floating point target", target=target
            )
        if not input.shape:
            raise fail("cross_entropy", "input has no dimension of classes", kind=IndexError, input=input)
        return _probability_loss(input, target, weight, label_smoothing, reduction)
    return fused_cross_entropy(input, target, weight, ignore_index, label_smoothing, reduction)[0]


# ---- Kullback-Leibler divergence --------------------------------------------------------------------------


@composite(
    api="functional",
    samples=lambda make: [
        Sample(make(3, 4), make(3, 4, positive=True), reduction="sum"), Sample(make(3, 4), make(3, 4),
        log_target=True),
        Sample(make(3, 4), make(4, positive=True), reduction="batchmean"),
        Sample(make(3, 4), make(3, 4, positive=True), reduction="none"),
    ],
    errors=lambda make: [
        Bad(make(2, 3), make(2, 3), reduction="max", error=ValueError,
        match="not a valid value for reduction"),
        Bad(make(2, 3), make(2, 2), match="must match the size"),
    ],
    reference=definitions.kl_div,
)  # fmt: skip
def kl_div(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean", log_target: bool = False,
) -> Tensor:  # fmt: skip
    """y (log y - x) of log-probabilities x and probabilities y (Kullback and Leibler 1951).

    Args:
        input: log-probabilities.
        target: probabilities, or their logarithms with `log_target`; broadcasts.
        size_average, reduce: as of `mse_loss`. log_target: the target is given as logarithms.
        reduction: 'batchmean' (the sum divided by the first extent: the divergence by its definition), 'sum',
            'none', or 'mean' over all elements, with a warning.

    Raises:
        ValueError: an unknown reduction. RuntimeError: shapes that do not broadcast, integers.

    >>> import tritonnn as torch
    >>> half = torch.tensor([[0.5, 0.5]])
    >>> torch.nn.functional.kl_div(half.log(), half, reduction="batchmean")
    tensor(0.)
    """
    if input.dtype.kind < 2 or target.dtype.kind < 2:
        raise fail("kl_div", "integral inputs are not supported", hint=".float()", input=input, target=target)
    batchmean = reduction == "batchmean" and size_average is None and reduce is None
    if reduction == "mean" and size_average is None and reduce is None:
        warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size. "
            "'batchmean' divides only by the batch size, and aligns with the KL div math definition. 'mean' will be "
            "changed to behave the same as 'batchmean' in the next major release."
        )
    reduction = "sum" if batchmean else resolve(reduction, size_average, reduce)
    if log_target:
        loss = target.exp() * (target - input)
    else:
        loss = target.xlogy(target) - target * input
    result = reduced(loss, reduction)
    return result / input.shape[0] if batchmean and input.shape else result
