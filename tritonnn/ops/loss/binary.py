"""Losses of two classes: binary cross-entropy of probabilities and of scores."""

from __future__ import annotations

from typing import Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import fail
from tritonnn.ops._definitions import class_loss as definitions
from tritonnn.ops._fused import TYPE_NAMES, only_floating, refuse_gradient
from tritonnn.ops._table import Bad, Sample, composite, primitive
from tritonnn.ops.activation.smooth import logsigmoid
from tritonnn.ops.loss.loss import reduced_out, resolve, share_of
from tritonnn.table import Make

FACTORS = ("weight", "pos_weight")


def _bce_input_grad(g: Tensor, x: Tensor, y: Tensor, weight: Tensor | None, reduction: str) -> Tensor:
    grad = (x - y) / ((1 - x) * x).clamp(1e-12) * share_of(g, x.shape, reduction)
    return grad if weight is None else grad * weight


def _bce_target_grad(g: Tensor, x: Tensor, weight: Tensor | None, reduction: str) -> Tensor:
    grad = ((1 - x).log() - x.log()) * share_of(g, x.shape, reduction)
    return grad if weight is None else grad * weight


def _probabilities(make: Make, *shape: int) -> Tensor:
    return make(*shape, low=0.05, high=0.95)


@primitive(
    public="binary_cross_entropy",
    samples=lambda make: [
        Sample(_probabilities(make, 3, 4), _probabilities(make, 3, 4), None, "mean"),
        Sample(_probabilities(make, 3, 4), _probabilities(make, 3, 4), make(3, 4), "none").constant("weight"),
        Sample(_probabilities(make, 2, 700), _probabilities(make, 2, 700), None, "sum"),
    ],
    grad={"input": lambda g, input, target, weight, reduction: _bce_input_grad(g, input, target, weight,
    reduction),
          "target": lambda g, input, weight, reduction: _bce_target_grad(g, input, weight, reduction)},
)  # fmt: skip
def bce_reduced(input: Tensor, target: Tensor, weight: Tensor | None, reduction: str) -> Any:
    """Cross-entropy of probabilities and probabilities of true, reduced."""
    only_floating(input)
    refuse_gradient("weight", weight)
    return reduced_out(input, target, reduction)


def _same_size(op: str, input: Tensor, target: Tensor, text: str) -> None:
    if input.shape != target.shape:
        raise ValueError(f"{op}: {text}")


def _bce_samples(make: Make) -> list[Sample]:
    x, y = _probabilities(make, 3, 4), _probabilities(make, 3, 4)
    return [
        Sample(x, y), Sample(x, y, make(4), reduction="sum").constant("weight"), Sample(x, y, reduction="none"),
    ]  # fmt: skip


@composite(
    api="functional", samples=_bce_samples,
    errors=lambda make: [
        Bad(make(2, 2), make(2, 3), error=ValueError, match="different to the input size"),
        Bad(make(2), make.int(2), match="Found dtype Long but expected"),
        Bad(_probabilities(make, 2), _probabilities(make, 2), make(2).requires_grad_(),
            match="not differentiable with respect to argument 'weight'"),
        Bad(make(2), make(2), reduction="max", error=ValueError, match="not a valid value for reduction"),
    ],
    reference=definitions.binary_cross_entropy,
)  # fmt: skip
def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """-w (y log x + (1 - y) log(1 - x)) of probabilities; the logarithms are not let below -100.

    Args:
        input: probabilities, in [0, 1].
        target: of the same shape and dtype.
        weight: factors that broadcast to it; they get no gradient.
        size_average, reduce, reduction: as of `mse_loss`.

    Raises:
        ValueError: shapes that differ, or an unknown reduction.
        RuntimeError: an element of the input or the target outside [0, 1] (on the CPU; NaN on the GPU), dtypes that
            differ, or a weight that requires grad.

    >>> import tritonnn as torch
    >>> torch.nn.functional.binary_cross_entropy(torch.tensor([0.5]), torch.tensor([1.]))
    tensor(0.6931)
    """
    reduction = resolve(reduction, size_average, reduce)
    _same_size(
        "binary_cross_entropy", input, target,
        f"Using a target size ({target.shape}) that is different to the input size ({input.shape}) is "
        "deprecated. Please ensure they have the same size.",
    )  # fmt: skip
    if target.dtype is not input.dtype:
        raise fail(
            "binary_cross_entropy", f"Found dtype {TYPE_NAMES.get(target.dtype)} but expected "
            f"{TYPE_NAMES.get(input.dtype)}", input=input, target=target,
        )  # fmt: skip
    if weight is not None:
        weight = weight.to(input.dtype).expand(input.shape)
    return bce_reduced(input, target, weight, reduction)


def _logits_input_grad(
    g: Tensor, x: Tensor, y: Tensor, weight: Tensor | None, pos_weight: Tensor | None, reduction: str
) -> Tensor:
    grad = x.sigmoid() - y if pos_weight is None else 1 - y - _positive(y, pos_weight) * (-x).sigmoid()
    grad = grad * share_of(g, x.shape, reduction)
    return grad if weight is None else grad * weight


def _positive(y: Tensor, pos_weight: Tensor) -> Tensor:
    return (pos_weight - 1) * y + 1


def log1p_exp_minus(x: Tensor) -> Tensor:
    """log(1 + exp(-x))."""
    return -logsigmoid(x)  # one op, whose derivative is right at 0 too


def _logits_target_grad(g: Tensor, x: Tensor, weight: Any, pos_weight: Any, reduction: str) -> Tensor:
    grad = -x if pos_weight is None else (pos_weight - 1) * log1p_exp_minus(x) - x
    grad = grad * share_of(g, x.shape, reduction)
    return grad if weight is None else grad * weight


@primitive(
    public="binary_cross_entropy_with_logits",
    samples=lambda make: [
        Sample(make(3, 4), _probabilities(make, 3, 4), None, None, "mean"),
        Sample(make(3, 4), _probabilities(make, 3, 4), make(3, 4), make(3, 4), "none").constant(*FACTORS),
        Sample(make(2, 700), _probabilities(make, 2, 700), None, make(2, 700), "sum").constant(*FACTORS),
        Sample(make(3, low=-200, high=200), _probabilities(make, 3), make(3), None, "sum").constant(*FACTORS),
    ],
    grad={"input": lambda g, input, target, weight, pos_weight, reduction: _logits_input_grad(
              g, input, target, weight, pos_weight, reduction),
          "target": lambda g, input, weight, pos_weight, reduction: _logits_target_grad(
              g, input, weight, pos_weight, reduction)},
)  # fmt: skip
def bce_with_logits_reduced(
    input: Tensor, target: Tensor, weight: Tensor | None, pos_weight: Tensor | None, reduction: str
) -> Any:
    """Cross-entropy of sigmoid(x) and probabilities of true, reduced."""
    only_floating(input)
    for name, factors in zip(FACTORS, (weight, pos_weight), strict=True):
        refuse_gradient(name, factors)
    return reduced_out(input, target, reduction)


@composite(
    api="functional",
    samples=lambda make: [
        Sample(make(3, 4), _probabilities(make, 3, 4)),
        Sample(make(3, 4), _probabilities(make, 3, 4), make(4)).constant(*FACTORS),
        Sample(make(3, 4), _probabilities(make, 3, 4), reduction="sum", pos_weight=make(4, positive=True)).constant(
            *FACTORS),
    ],
    errors=lambda make: [
        Bad(make(2, 2), make(2, 3), error=ValueError, match="must be the same as input size"),
        Bad(make(2), make(2), reduction="max", error=ValueError, match="not a valid value for reduction"),
        Bad(make(2, 3), make(2, 3), pos_weight=make(2), match="pos_weight"),
        Bad(make(2), make.int(2), match="result type (Float|Double) can't be cast to the desired output type Long"),
        Bad(make(2), make(2), pos_weight=make(2).requires_grad_(),
            match="not differentiable with respect to argument 'pos_weight'"),
    ],
    reference=definitions.binary_cross_entropy_with_logits,
)  # fmt: skip
def binary_cross_entropy_with_logits(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean", pos_weight: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """`binary_cross_entropy` of sigmoid(x), stable for scores of any size.

    Args:
        input: scores.
        target: of the same shape, in [0, 1]; the loss has its dtype.
        weight: factors that broadcast to it; they get no gradient.
        size_average, reduce, reduction: as of `mse_loss`.
        pos_weight: factors of the terms y log(sigmoid(x)), which broadcast to the input; they get no gradient.

    Raises:
        ValueError: shapes that differ, or an unknown reduction.
        RuntimeError: weights that do not broadcast or require grad, or a target that is not floating.

    >>> import tritonnn as torch
    >>> torch.nn.functional.binary_cross_entropy_with_logits(torch.zeros(2), torch.ones(2))
    tensor(0.6931)
    """
    op = "binary_cross_entropy_with_logits"
    reduction = resolve(reduction, size_average, reduce)
    _same_size(
        op, input, target, f"Target size ({target.shape}) must be the same as input size ({input.shape})"
    )
    if input.dtype.kind < 2:
        text = f"not implemented for {TYPE_NAMES.get(input.dtype, input.dtype.name)}"
        raise fail(op, text, kind=NotImplementedError, hint="input.float()", input=input, target=target)
    if not target.dtype.is_floating_point:
        kinds = [TYPE_NAMES.get(t.dtype, t.dtype.name) for t in (input, target)]
        message = f"result type {kinds[0]} can't be cast to the desired output type {kinds[1]}"
        raise fail(op, message, hint="target.to(input.dtype)", input=input, target=target)
    common = input.dtype
    for tensor in (target, weight, pos_weight):
        if tensor is not None and tensor.dtype.is_floating_point:
            common = dtypes.promote_types(common, tensor.dtype)
    factors: list[Tensor | None] = []
    for name, tensor in (("weight", weight), ("pos_weight", pos_weight)):
        if tensor is not None:
            try:
                tensor = tensor.to(common).expand(input.shape)
            except RuntimeError:
                raise fail(
                    op,
                    f"{name} does not broadcast to the input",
                    input=input,
                    **dict[str, Any]({name: tensor}),
                ) from None
        factors.append(tensor)
    weights, positive = factors
    loss = bce_with_logits_reduced(input.to(common), target.to(common), weights, positive, reduction)
    return loss.to(target.dtype)
