"""Losses made of margins; compositions of other ops. Those of triplets are in `triplet_loss.py`."""

from __future__ import annotations

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid, fail
from tritonnn.ops._arguments import tensors_only
from tritonnn.ops._definitions import losses as define
from tritonnn.ops._fused import check_class_weight
from tritonnn.ops._table import Bad, Sample, composite
from tritonnn.ops.elementwise.comparison import where
from tritonnn.ops.loss.binary import log1p_exp_minus
from tritonnn.ops.loss.loss import of_input, reduced, resolve
from tritonnn.table import Make
from tritonnn.table.types import Number


def _positive(make: Make, *shape: int) -> Tensor:
    return make(*shape, positive=True)


def _signs(make: Make, *shape: int) -> Tensor:
    """1 and -1."""
    return make.int(*shape, low=0, high=2) * 2 - 1


def _reduction_error(make: Make, count: int) -> Bad:
    inputs = [make(2, 3) for _ in range(count)]
    return Bad(*inputs, reduction="max", error=ValueError, match="max is not a valid value for reduction")


@composite(
    api="functional",
    samples=lambda make: [Sample(make(3, 4), _signs(make, 3, 4)), Sample(make(3, 4), _signs(make, 4), 0.5,
    reduction="sum")],
    errors=lambda make: [_reduction_error(make, 2)], reference=define.hinge_embedding_loss,
)  # fmt: skip
def hinge_embedding_loss(
    input: Tensor, target: Tensor, margin: float = 1.0, size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """x where the target is 1, max(0, margin - x) where it is -1, of distances x.

    >>> import tritonnn as torch
    >>> x, target = torch.tensor([0.5, 0.25]), torch.tensor([1, -1])
    >>> torch.nn.functional.hinge_embedding_loss(x, target, reduction="none")
    tensor([0.5000, 0.7500])
    """
    reduction = resolve(reduction, size_average, reduce)
    if input.dtype.kind < 2:  # whole numbers stay so
        margin = int(margin)
    apart = where(target != 1, (margin - input).clamp(0), 0)
    return reduced(apart + where(target != -1, input, 0), reduction)


@composite(
    api="functional",
    samples=lambda make: [Sample(make(5), make(5), _signs(make, 5)),
                          Sample(make(2, 3), make(2, 3), _signs(make, 2, 3), 0.5, reduction="none")],
    errors=lambda make: [_reduction_error(make, 3),
                         Bad(make(4, 3), make(4, 3), make(4),
                         match="All input tensors should have same dimension")],
    reference=define.margin_ranking_loss,
)  # fmt: skip
def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """max(0, -y (x1 - x2) + margin): y = 1 asks for x1 above x2, y = -1 for the reverse.

    >>> import tritonnn as torch
    >>> one = torch.ones(1)
    >>> torch.nn.functional.margin_ranking_loss(one, 3 * one, one)
    tensor(2.)
    """
    if not (isinstance(input1, Tensor) and isinstance(input2, Tensor) and isinstance(target, Tensor)):
        tensors_only("margin_ranking_loss", input1=input1, input2=input2, target=target)
    reduction = resolve(reduction, size_average, reduce)
    if not len(input1.shape) == len(input2.shape) == len(target.shape):
        raise fail(
            "margin_ranking_loss", "All input tensors should have same dimension", input1=input1,
            input2=input2,
            target=target,
        )  # fmt: skip
    return reduced((-target * (input1 - input2) + margin).clamp(0.0), reduction)


@composite(
    api="functional",
    samples=lambda make: [Sample(make(4, 3), make(4, 3), _signs(make, 4), 0.2),
                          Sample(make(3), make(3), _signs(make), reduction="none")],
    errors=lambda make: [_reduction_error(make, 3),
                         Bad(make(4, 3), make(4, 3), make(4, 1), match="multi-target not supported")],
    reference=define.cosine_embedding_loss,
)  # fmt: skip
def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """1 - cos(x1, x2) where the target is 1, max(0, cos(x1, x2) - margin) where it is -1.

    Args:
        input1, input2: (N, D) or (D).
        target: (N) or (): 1 or -1.
        margin: see the formula; from -1 to 1.
        size_average, reduce, reduction: as of `mse_loss`.

    >>> import tritonnn as torch
    >>> x = torch.tensor([[1., 0.]])
    >>> torch.nn.functional.cosine_embedding_loss(x, x, torch.tensor([-1]))
    tensor(1.)
    """
    if not (isinstance(input1, Tensor) and isinstance(input2, Tensor) and isinstance(target, Tensor)):
        tensors_only("cosine_embedding_loss", input1=input1, input2=input2, target=target)
    reduction = resolve(reduction, size_average, reduce)
    if (
        len(target.shape) > 1
        or len(input1.shape) != len(target.shape) + 1
        or len(input2.shape) != len(input1.shape)
    ):
        raise fail(
            "cosine_embedding_loss", "0D or 1D target tensor expected, "
            "multi-target not supported: the inputs must have one dimension more "
            "than the target", input1=input1, input2=input2, target=target,
        )  # fmt: skip
    tiny = 1e-12
    squares = ((input1 * input1).sum(-1) + tiny) * ((input2 * input2).sum(-1) + tiny)
    cosine = (input1 * input2).sum(-1) / squares.sqrt()
    apart = where(target == -1, (cosine - margin).clamp(0.0), 0.0)
    return reduced(where(target == 1, 1 - cosine, 0.0) + apart, reduction)


@composite(
    api="functional", samples=lambda make: [Sample(make(3, 4), _signs(make, 3, 4)), Sample(make(3, 4),
    _signs(make, 4), reduction="sum")],
    errors=lambda make: [_reduction_error(make, 2)], reference=define.soft_margin_loss,
)  # fmt: skip
def soft_margin_loss(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean"
) -> Tensor:  # fmt: skip
    """log(1 + exp(-y x)) of scores x and targets y of 1 and -1, in the dtype of the scores.

    >>> import tritonnn as torch
    >>> torch.nn.functional.soft_margin_loss(torch.zeros(2), torch.ones(2))
    tensor(0.6931)
    """
    reduction = resolve(reduction, size_average, reduce)
    loss = of_input("soft_margin_loss", log1p_exp_minus(target * input), input)
    if loss.shape != input.shape:
        text = f"output with shape {list(input.shape)} doesn't match the broadcast shape {list(loss.shape)}"
        raise fail("soft_margin_loss", text, input=input, target=target)
    return reduced(loss, reduction)


def _batch_of_scores(op: str, input: Tensor, target: Tensor, per_class: bool) -> tuple[Tensor, Tensor]:
    """(N, C) scores and targets of (N), or (N, C) with `per_class`; one sample may come without the N."""
    if not (isinstance(input, Tensor) and isinstance(target, Tensor)):
        tensors_only(op, input=input, target=target)
    wanted = tuple(input.shape) if per_class else tuple(input.shape[:-1])
    fits = tuple(target.shape) == wanted
    if (
        len(input.shape) < 2 and len(target.shape) < 2
    ):  # one sample, whose number of classes or target may be 1
        fits = target.numel() == (input.numel() if per_class else 1)
    if len(input.shape) > 2 or not fits:
        raise fail(
            op,
            f"inconsistent target size: expected {list(wanted)} for an input of size {list(input.shape)}, "
            f"got {list(target.shape)}", input=input, target=target,
        )  # fmt: skip
    if target.dtype is not dtypes.int64:
        raise fail(op, f"expected scalar type Long but found {target.dtype.name}", input=input, target=target)
    classes = input.shape[-1] if input.shape else 1
    return input.reshape(-1, classes), target.reshape(-1, classes) if per_class else target.reshape(-1)


@composite(
    api="functional",
    samples=lambda make: [Sample(make(4, 5), make.int(4, high=5)), Sample(make(5), make.int((), high=5), 2,
    0.5),
                          Sample(make(4, 5), make.int(4, high=5), weight=_positive(make, 5),
                          reduction="none").constant("weight")],
    errors=lambda make: [
        Bad(make(4, 3), make.int(2), match="inconsistent target size"),
        Bad(make(4, 3), make.int(4, high=3), 3, error=ValueError, match="only p == 1 and p == 2 supported"),
        Bad(make(4, 3), make.int(4, high=3), weight=make(2), match="inconsistent weight size, expected 3"),
        Bad(make(4, 3), make(4), match="expected scalar type Long"),
        Bad(make(4, 3), make.int(4, high=3), weight=make(3).half(),
            match="expected scalar type (Float|Double) but found Half"),
        Bad(make(4, 3), make.int(4, high=3), weight=make(3).requires_grad_(),
            match="not differentiable with respect to argument 'weight'"),
    ], reference=define.multi_margin_loss,
)  # fmt: skip
def multi_margin_loss(
    input: Tensor, target: Tensor, p: Number = 1, margin: float = 1.0, weight: Tensor | None = None,
    size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """Σ_j≠y w[y] max(0, margin - x[y] + x[j])^p / C of scores x and classes y.

    Args:
        input: (N, C) or (C).
        target: classes, (N) or ().
        p: 1 or 2.
        margin: see the formula.
        weight: a factor per class (C), of the input's dtype; it gets no gradient.
        size_average, reduce, reduction: as of `mse_loss`.

    Raises:
        RuntimeError: a target that is no class; shapes or dtypes that do not fit; a weight that requires grad.
        ValueError: another p, or an unknown reduction.

    >>> import tritonnn as torch
    >>> torch.nn.functional.multi_margin_loss(torch.tensor([[1., 0.5]]), torch.tensor([0]))
    tensor(0.2500)
    """
    reduction = resolve(reduction, size_average, reduce)
    if p not in (1, 2):
        raise ValueError(f"multi_margin_loss: only p == 1 and p == 2 supported, got {p}")
    if weight is not None and len(weight.shape) != 1:
        raise fail("multi_margin_loss", "weight must be one-dimensional", kind=ValueError, weight=weight)
    x, y = _batch_of_scores("multi_margin_loss", input, target, False)
    classes = x.shape[1]
    try:
        if weight is not None and tuple(weight.shape) != (classes,):
            raise Invalid(f"inconsistent weight size, expected {classes} but got {list(weight.shape)}")
        check_class_weight(weight, input)
    except Invalid as invalid:
        raise fail("multi_margin_loss", str(invalid), hint=invalid.hint, input=input, weight=weight) from None
    places = y.unsqueeze(1)
    terms = _positive_part(margin - x.gather(1, places) + x)
    if p == 2:
        terms = terms * terms
    if weight is not None:
        terms = terms * weight.index_select(0, y).unsqueeze(1)
    loss = terms.scatter(1, places, 0.0).sum(1) / classes
    return reduced(loss.reshape(target.shape), reduction)


@composite(
    api="functional",
    samples=lambda make: [Sample(make(3, 4), _labels(make)), Sample(make(4), _labels(make)[1]),
                          Sample(make(3, 4), _labels(make), reduction="none")],
    errors=lambda make: [Bad(make(4, 3), make.int(4, 2), match="inconsistent target size"),
                         Bad(make(4, 3), make(4, 3), match="expected scalar type Long")],
    reference=define.multilabel_margin_loss,
)  # fmt: skip
def multilabel_margin_loss(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean"
) -> Tensor:  # fmt: skip
    """Σ_y Σ_j max(0, 1 - x[y] + x[j]) / C over the sample's classes y and the other classes j.

    Args:
        input: scores, (N, C) or (C).
        target: the classes of each sample, then -1: (N, C) or (C).
        size_average, reduce, reduction: as of `mse_loss`.

    Raises:
        RuntimeError: a target that is no class; shapes or dtypes that do not fit.

    >>> import tritonnn as torch
    >>> torch.nn.functional.multilabel_margin_loss(torch.tensor([[0.5, 0.25]]), torch.tensor([[0, -1]]))
    tensor(0.3750)
    """
    reduction = resolve(reduction, size_average, reduce)
    x, y = _batch_of_scores("multilabel_margin_loss", input, target, True)
    named = (y == -1).cumsum(1) == 0
    places = where(named, y, 0)
    counts = named.to(x.dtype)
    member = x.detach().new_zeros(x.shape).scatter_add(1, places, counts) > 0
    terms = _positive_part(1 - x.gather(1, places).unsqueeze(2) + x.unsqueeze(1))
    pairs = named.unsqueeze(2) & member.logical_not().unsqueeze(1)
    loss = where(pairs, terms, 0.0).sum((1, 2)) / x.shape[1]
    return reduced(loss.reshape(input.shape[:-1]), reduction)


def _positive_part(terms: Tensor) -> Tensor:
    """max(0, terms) with 0 for NaN, which PyTorch's comparison leaves out."""
    return where(terms > 0, terms, 0.0)


def _labels(make: Make) -> Tensor:
    from tritonnn.ops.creation.from_data import tensor

    return tensor([[0, 3, -1, 1], [2, -1, 0, 0], [-1, 1, 2, 3]]).to(make.device)


@composite(
    api="functional",
    samples=lambda make: [Sample(make(3, 4), make(3, 4, low=0, high=1)),
                          Sample(make(3, 4), make(3, 4, low=0, high=1), _positive(make, 4),
                          reduction="none")],
    errors=lambda make: [_reduction_error(make, 2)], reference=define.multilabel_soft_margin_loss,
)  # fmt: skip
def multilabel_soft_margin_loss(
    input: Tensor, target: Tensor | Number, weight: Tensor | Number | None = None,
    size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """Binary cross-entropy of scores, averaged over the classes of every sample.

    Args:
        input: (N, C) or (C).
        target: of the same shape, in [0, 1]; a number stands for all.
        weight: a factor per class, or one number.
        size_average, reduce, reduction: as of `mse_loss`, over the samples.

    >>> import tritonnn as torch
    >>> torch.nn.functional.multilabel_soft_margin_loss(torch.zeros(1, 2), torch.ones(1, 2))
    tensor(0.6931)
    """
    tensors_only("multilabel_soft_margin_loss", input=input)
    if input.dtype.kind < 2:
        text = f"not implemented for {input.dtype.name}"
        raise fail("multilabel_soft_margin_loss", text, kind=NotImplementedError, input=input)
    if not input.shape:
        text = "input needs a dimension of classes, but it has no dimensions"
        raise fail("multilabel_soft_margin_loss", text, kind=IndexError, input=input)
    reduction = resolve(reduction, size_average, reduce)
    loss = log1p_exp_minus(input) + (1 - target) * input
    if weight is not None:
        loss = loss * weight
    return reduced(loss.mean(-1), reduction)
