"""Losses: those of all elements, reduced sample by sample."""

from __future__ import annotations

from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.batching.calls import Call, again, composed, rule
from tritonnn.batching.values import front, raised
from tritonnn.ops.joining.joining import stack
from tritonnn.ops.loss.cross_entropy import nll_loss
from tritonnn.ops.reduction.norms import vector_norm
from tritonnn.ops.shape.shape import view_as_size, view_or_copy
from tritonnn.ops.softmax import log_softmax

_PAIRS = (
    "mse_reduced",
    "l1_reduced",
    "smooth_l1_reduced",
    "huber_reduced",
    "bce_reduced",
    "bce_with_logits_reduced",
)


@rule(*_PAIRS)
def pairs(c: Call) -> Any:
    """Of two tensors: the losses of all elements, then the reduction."""
    args = list(c.args)
    rank = max([c.rank(i) for i in c.tensors])
    for i in c.tensors:
        args[i] = raised(front(args[i], c.flags[i], c.size), rank)
    place = c.op.places["reduction"]
    reduction, args[place] = args[place], "none"
    losses = again(c.op, args)
    return _reduced(losses, reduction)


def _reduced(losses: Tensor, reduction: str) -> Tensor:
    if reduction == "none":
        return losses
    flat = view_or_copy(losses, (losses._shape[0], -1 if losses.numel() else 0))
    return flat.sum(1) if reduction == "sum" else flat.mean(1)


@composed("foreach_norms")
def norms(tensors: Any, ord: float) -> Tensor:
    """The norms of several tensors, one by one."""
    return stack([vector_norm(view_or_copy(t, (-1 if t.numel() else 0,)), ord) for t in tensors])


@rule("nll_loss")
def classes(c: Call) -> Any:
    """Of classes: one call for all samples without a reduction, then that."""
    x, target, weight, ignore_index, reduction = c.args
    if c.flags[2]:
        return _weighted_by_sample(c)
    x, target = front(x, c.flags[0], c.size), front(target, c.flags[1], c.size)
    shape = tuple(target._shape[1:])
    if len(x._shape) == 2:
        shape = ()
        target = view_or_copy(target, (c.size,))
    else:
        x = view_or_copy(x, (x._shape[0] * x._shape[1], *x._shape[2:]))
        target = view_or_copy(target, (target._shape[0] * target._shape[1], *target._shape[2:]))
    losses = nll_loss(x, target, weight, ignore_index, "none")[0]
    counted = (target != ignore_index).to(x.dtype)
    if weight is not None:
        counted = weight[target.clamp(0, weight.shape[0] - 1).long()] * counted
    total = view_or_copy(counted, (c.size, -1)).sum(1)
    losses = view_as_size(losses, (c.size, *shape))
    if reduction == "none":
        return losses, total
    result = view_or_copy(losses, (c.size, -1)).sum(1)
    return (result / total if reduction == "mean" else result), total


def _weighted_by_sample(c: Call) -> Any:
    rows = [
        again(c.op, [_row(value, flag, i) for value, flag in zip(c.args, c.flags)]) for i in range(c.size)
    ]
    return stack([row[0] for row in rows]), stack([row[1] for row in rows])


def _row(value: Any, flag: bool, i: int) -> Any:
    return value[i] if flag else value


@composed("fused_cross_entropy")
def cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, smoothing: float, reduction: str
) -> Any:
    """nll_loss of log_softmax; with smoothing a part of it for every class."""
    dim = 1 if len(input._shape) > 1 else 0
    logs = log_softmax(input, dim)
    result, total = nll_loss(logs, target, weight, ignore_index, reduction)
    if not smoothing:
        return result, None, None, total
    count = logs._shape[dim]
    if weight is not None:
        logs = logs * view_as_size(weight, (count, *(1,) * (len(logs._shape) - 1 - dim)))
    if len(target._shape) != len(logs._shape) - 1:
        target = view_as_size(target, ())
    each = (-logs.sum(dim)).masked_fill(target == ignore_index, 0.0)
    smooth = each if reduction == "none" else each.sum()
    smooth = smooth / total if reduction == "mean" else smooth
    return (1 - smoothing) * result + smoothing / count * smooth, None, None, total
