"""Losses of regression, and what all losses share."""

from __future__ import annotations

from typing import Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid, fail, warn
from tritonnn.memory_format import kept
from tritonnn.ops._definitions import losses as define
from tritonnn.ops._fused import only_floating
from tritonnn.ops._table import Bad, Out, Sample, composite, primitive
from tritonnn.shape import broadcast_shapes, numel
from tritonnn.table import Make

REDUCTIONS = ("none", "mean", "sum")


# ---- what all losses share --------------------------------------------------------------------------------


def resolve(reduction: str, size_average: bool | None = None, reduce: bool | None = None) -> str:
    """The reduction, or what the older arguments mean where they are given.

    Raises:
        ValueError: a reduction that is none.
    """
    if size_average is not None or reduce is not None:
        reduction = "none" if reduce is False else "sum" if size_average is False else "mean"
        warn(f"size_average and reduce args will be deprecated, please use reduction='{reduction}' instead.")
    if reduction not in REDUCTIONS:
        raise ValueError(f"{reduction} is not a valid value for reduction: use 'none', 'mean' or 'sum'")
    return reduction


def reduced(loss: Tensor, reduction: str) -> Tensor:
    """Elementwise losses reduced."""
    if reduction == "none":
        return loss
    return loss.mean() if reduction == "mean" else loss.sum()


def paired(op: str, input: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Input and target broadcast against each other, with a warning where that was needed, in one dtype."""
    for name, tensor in (("input", input), ("target", target)):
        if not isinstance(tensor, Tensor):
            raise TypeError(f"{op}(): argument '{name}' must be Tensor, not {type(tensor).__name__}")
    if input.shape != target.shape:
        warn(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}). "
            "This will likely lead to incorrect results due to broadcasting. Please ensure they have "
            "the same size."
        )
        try:
            shape = broadcast_shapes(input.shape, target.shape)
        except Invalid as invalid:
            raise fail(op, str(invalid), input=input, target=target) from None
        input, target = input.expand(shape), target.expand(shape)
    if input.dtype is not target.dtype:
        common = dtypes.promote_types(input.dtype, target.dtype)
        input, target = input.to(common), target.to(common)
    return input, target


def of_input(op: str, loss: Tensor, input: Tensor) -> Tensor:
    """Losses in the input's dtype, which has to take them."""
    if loss.dtype is input.dtype:
        return loss
    if not dtypes.can_cast(loss.dtype, input.dtype):
        text = f"result type {loss.dtype.name} can't be cast to the desired output type {input.dtype.name}"
        raise fail(op, text, hint="input.to(target.dtype)", input=input)
    return loss.to(input.dtype)


def reduced_out(input: Tensor, target: Tensor, reduction: str) -> Out:
    if reduction != "none":
        return Out((), input.dtype)
    return Out(input.shape, input.dtype, strides=kept(input.shape, (input, target)))


def share_of(g: Tensor, shape: Any, reduction: str) -> Tensor:
    """The gradient that every element's loss receives."""
    return g / max(numel(shape), 1) if reduction == "mean" else g


def _weighted(loss: Tensor, weight: Tensor, input: Tensor, reduction: str, by_weight: bool) -> Tensor:
    """Losses times weights of the input's shape; the mean divides by the weights' sum or by the number."""
    if weight.shape != input.shape:
        raise ValueError(
            f"Weights and input must have the same size, got {list(weight.shape)} and {list(input.shape)}."
        )
    loss = loss * weight
    if reduction == "mean" and by_weight:
        return loss.sum() / weight.sum()
    return reduced(loss, reduction)


def _pair_samples(make: Make) -> list[Sample]:
    return [
        Sample(make(3, 4), make(3, 4), "mean"), Sample(make(3, 4), make(3, 4), "none"),
        Sample(make(2, 700), make(2, 700), "sum"), Sample(make(()), make(()), "mean"),
    ]  # fmt: skip


def _call_samples(make: Make) -> list[Sample]:
    return [
        Sample(make(3, 4), make(3, 4)), Sample(make(3, 4), make(3, 4), reduction="sum"),
        Sample(make(2, 3), make(2, 3), reduction="none"), Sample(make(2, 3), make(3)),
    ]  # fmt: skip


def _weighted_samples(make: Make) -> list[Sample]:
    return [
        *_call_samples(make), Sample(make(3, 4), make(3, 4), weight=make(3, 4, positive=True)),
        Sample(make(3, 4), make(3, 4), weight=make(3, 4, positive=True), reduction="sum"),
    ]  # fmt: skip


def _call_errors(make: Make) -> list[Bad]:
    return [
        Bad(make(2, 3), make(2, 3), reduction="max", error=ValueError,
        match="not a valid value for reduction"),
        Bad(make(2, 3), make(2, 2), match="must match the size"),
    ]  # fmt: skip


def _weight_errors(make: Make) -> list[Bad]:
    wrong = Bad(make(2, 3), make(2, 3), weight=make(3), error=ValueError, match="Weights and input must have")
    return [*_call_errors(make), wrong]


# ---- regression -----------------------------------------------------------------------------------------


@primitive(
    public="mse_loss",
    samples=_pair_samples,
    grad={"input": lambda g, input, target, reduction: _mse_grad(g, input, target, reduction),
          "target": lambda g, input, target, reduction: _mse_grad(g, target, input, reduction)},
)  # fmt: skip
def mse_reduced(input: Tensor, target: Tensor, reduction: str) -> Any:
    """(x - y)², reduced."""
    only_floating(input)
    return reduced_out(input, target, reduction)


def _mse_grad(g: Tensor, x: Tensor, y: Tensor, reduction: str) -> Tensor:
    return (x - y) * (share_of(g, x.shape, reduction) * 2)


@primitive(
    public="l1_loss",
    samples=_pair_samples, preserved=("input", "target"),
    grad={"input": lambda g, input, target, reduction: (input - target).sign() * share_of(g, input.shape,
    reduction),
          "target": lambda g, input, target, reduction: (target - input).sign() * share_of(g, input.shape,
          reduction)},
)  # fmt: skip
def l1_reduced(input: Tensor, target: Tensor, reduction: str) -> Any:
    """|x - y|, reduced."""
    only_floating(input)
    return reduced_out(input, target, reduction)


def _bounded_grad(g: Tensor, x: Tensor, y: Tensor, reduction: str, bound: float, scale: float) -> Tensor:
    if bound == 0:
        return (x - y).sign() * share_of(g, x.shape, reduction)
    return (x - y).clamp(-bound, bound) * (share_of(g, x.shape, reduction) * scale)


@primitive(
    public="smooth_l1_loss",
    samples=lambda make: [Sample(*s.args, beta) for s in _pair_samples(make) for beta in (1.0, 0.3, 0.0)],
    grad={"input": lambda g, input, target, reduction, beta: _bounded_grad(
              g, input, target, reduction, beta, 1 / (beta or 1)),
          "target": lambda g, input, target, reduction, beta: _bounded_grad(
              g, target, input, reduction, beta, 1 / (beta or 1))},
)  # fmt: skip
def smooth_l1_reduced(input: Tensor, target: Tensor, reduction: str, beta: float) -> Any:
    """|x - y| with a parabola below beta, reduced."""
    only_floating(input)
    return reduced_out(input, target, reduction), (input, target, reduction, float(beta))


@primitive(
    public="huber_loss",
    samples=lambda make: [Sample(*s.args, delta) for s in _pair_samples(make) for delta in (1.0, 0.3)],
    grad={"input": lambda g, input, target, reduction, delta: _bounded_grad(g, input, target, reduction,
    delta, 1.0),
          "target": lambda g, input, target, reduction, delta: _bounded_grad(g, target, input, reduction,
          delta, 1.0)},
)  # fmt: skip
def huber_reduced(input: Tensor, target: Tensor, reduction: str, delta: float) -> Any:
    """A parabola that continues as a line from delta on, reduced."""
    only_floating(input)
    return reduced_out(input, target, reduction), (input, target, reduction, float(delta))


@composite(api="functional", samples=_weighted_samples, errors=_weight_errors, reference=define.mse_loss)
def mse_loss(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean", weight: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """(x - y)²: the mean over all elements, their sum, or none of them.

    Args:
        input, target: of the same shape (others broadcast, with a warning).
        size_average, reduce: of older programs; they override `reduction`, with a warning.
        reduction: 'mean', 'sum' or 'none'.
        weight: factors of the losses, shaped as the input; the mean then divides by their sum.

    Raises:
        ValueError: an unknown reduction, or a weight of another shape.
        RuntimeError: shapes that do not broadcast.

    >>> import tritonnn as torch
    >>> torch.nn.functional.mse_loss(torch.tensor([1., 2.]), torch.tensor([1., 4.]))
    tensor(2.)
    """
    reduction = resolve(reduction, size_average, reduce)
    x, y = paired("mse_loss", input, target)
    if weight is not None:
        return _weighted((x - y).square(), weight, input, reduction, True)
    return mse_reduced(x, y, reduction)


@composite(api="functional", samples=_weighted_samples, errors=_weight_errors, reference=define.l1_loss)
def l1_loss(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean", weight: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """|x - y|; arguments and errors as of `mse_loss`.

    >>> import tritonnn as torch
    >>> torch.nn.functional.l1_loss(torch.tensor([1., 2.]), torch.tensor([1., 4.]), reduction="sum")
    tensor(2.)
    """
    reduction = resolve(reduction, size_average, reduce)
    x, y = paired("l1_loss", input, target)
    if not x.dtype.is_floating_point or dtypes.bool_ in (input.dtype, target.dtype):
        loss = (input - target).abs()  # which says why it takes no bools
        return reduced(loss, reduction) if weight is None else _weighted(loss, weight, input, reduction, True)
    if weight is not None:
        return _weighted(l1_reduced(x, y, "none"), weight, input, reduction, True)
    if reduction == "none":  # which keeps the difference alone, so that both may be written
        return (x - y).abs()
    return l1_reduced(x, y, reduction)


@composite(
    api="functional", samples=lambda make: [*_call_samples(make), Sample(make(3, 4), make(3, 4), beta=0.3)],
    errors=lambda make: [*_call_errors(make), Bad(make(2), make(2), beta=-1.0,
    match="negative values for beta")],
    reference=define.smooth_l1_loss,
)  # fmt: skip
def smooth_l1_loss(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean", beta: float = 1.0,
) -> Tensor:  # fmt: skip
    """(x - y)² / (2 beta) where |x - y| < beta, else |x - y| - beta / 2 (Girshick, "Fast R-CNN", 2015).

    Arguments and errors as of `mse_loss`; `beta` must not be negative, and 0 gives `l1_loss`.

    >>> import tritonnn as torch
    >>> torch.nn.functional.smooth_l1_loss(torch.tensor([0.5, 2.]), torch.zeros(2), reduction="none")
    tensor([0.1250, 1.5000])
    """
    reduction = resolve(reduction, size_average, reduce)
    x, y = paired("smooth_l1_loss", input, target)
    if not beta >= 0:  # NaN neither
        raise RuntimeError(f"smooth_l1_loss does not support negative values for beta, got {beta}")
    return smooth_l1_reduced(x, y, reduction, beta)


@composite(
    api="functional", samples=_weighted_samples,
    errors=lambda make: [*_weight_errors(make), Bad(make(2), make(2), delta=0.0,
    match="non-positive values for delta")],
    reference=define.huber_loss,
)  # fmt: skip
def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """(x - y)² / 2 where |x - y| < delta, else delta (|x - y| - delta / 2) (Huber 1964).

    Arguments and errors as of `mse_loss`; `delta` must be positive, a weighted mean divides by the number of
    elements, and the loss has the input's dtype.

    >>> import tritonnn as torch
    >>> torch.nn.functional.huber_loss(torch.tensor([0.5, 3.]), torch.zeros(2), reduction="none", delta=2.0)
    tensor([0.1250, 4.0000])
    """
    reduction = resolve(reduction)
    x, y = paired("huber_loss", input, target)
    if not delta > 0:  # NaN neither
        raise RuntimeError(f"huber_loss does not support non-positive values for delta, got {delta}")
    if not dtypes.can_cast(x.dtype, input.dtype):
        of_input("huber_loss", x, input)
    if weight is not None:
        loss = of_input("huber_loss", huber_reduced(x, y, "none", delta), input)
        return _weighted(loss, weight, input, reduction, False)
    return of_input("huber_loss", huber_reduced(x, y, reduction, delta), input)
