"""Optimizer steps over lists of parameters: one call updates all of them and their state, in place."""

from __future__ import annotations

from itertools import chain

from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid
from tritonnn.ops._table import FLOATING_AND_COMPLEX, writing

Tensors = list[Tensor]


def _check_lists(params: Tensors, **others: Tensors) -> None:
    """Every list has an entry of the parameter's shape for each parameter."""
    for name, tensors in others.items():
        if len(tensors) != len(params):
            raise Invalid(f"{name} has {len(tensors)} tensors for {len(params)} params")
        for i, (p, t) in enumerate(zip(params, tensors, strict=True)):
            if t.shape != p.shape:
                raise Invalid(f"{name}[{i}] has shape {tuple(t.shape)} but params[{i}] has {tuple(p.shape)}")


@writing()
def advance_steps(steps: Tensors) -> Tensors:
    """Add one to each count of steps.

    >>> import tritonnn as torch
    >>> from tritonnn.ops.optimizer.optimizer import advance_steps
    >>> count = torch.zeros(())
    >>> advance_steps([count])
    >>> count
    tensor(1.)
    """
    return steps


@writing(dtypes=FLOATING_AND_COMPLEX)
def sgd_step(
    params: Tensors,
    grads: Tensors,
    momentum_buffers: Tensors,
    lr: float,
    weight_decay: float,
    momentum: float,
    dampening: float,
    nesterov: bool,
    maximize: bool,
    fresh: bool,
) -> Tensors:
    """One step of SGD for many parameters.

    Args:
        params: what to update.
        grads: their gradients.
        momentum_buffers: their buffers, or an empty list where there is no momentum.
        lr, weight_decay, momentum, dampening, nesterov, maximize: as of `torch.optim.SGD`.
        fresh: the buffers hold nothing yet.

    Raises:
        RuntimeError: lists of different length, or tensors of different shape or device.

    >>> import tritonnn as torch
    >>> from tritonnn.ops.optimizer.optimizer import sgd_step
    >>> p = torch.ones(2)
    >>> sgd_step([p], [torch.ones(2)], [], 0.5, 0.0, 0.0, 0.0, False, False, False)
    >>> p
    tensor([0.5000, 0.5000])
    """
    _check_lists(params, grads=grads)
    if momentum_buffers:
        _check_lists(params, momentum_buffers=momentum_buffers)
    return [*params, *momentum_buffers]


@writing(dtypes=FLOATING_AND_COMPLEX)
def adam_step(
    params: Tensors,
    grads: Tensors,
    exp_avgs: Tensors,
    exp_avg_sqs: Tensors,
    max_exp_avg_sqs: Tensors,
    steps: Tensors,
    step: float,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    decoupled: bool,
    maximize: bool,
) -> Tensors:
    """One step of Adam or AdamW for many parameters.

    Args:
        params: what to update; of complex ones the views as real numbers.
        grads: their gradients.
        exp_avgs, exp_avg_sqs: their first and second moments.
        max_exp_avg_sqs: the largest second moments with AMSGrad, otherwise an empty list.
        steps: the number of this step for every parameter, on its device; where they are empty,
        step: the number of this step.
        lr, beta1, beta2, eps, weight_decay, maximize: as of `torch.optim.Adam`.
        decoupled: decay the parameter instead of the gradient.

    Raises:
        RuntimeError: lists of different length, or tensors of different shape or device.

    >>> import tritonnn as torch
    >>> from tritonnn.ops.optimizer.optimizer import adam_step
    >>> p, m, v = torch.ones(1), torch.zeros(1), torch.zeros(1)
    >>> adam_step([p], [torch.ones(1)], [m], [v], [], [], 1.0, 0.5, 0.9, 0.999, 1e-8, 0.0, False, False)
    >>> p
    tensor([0.5000])
    """
    _check_lists(params, grads=grads, exp_avgs=exp_avgs, exp_avg_sqs=exp_avg_sqs)
    if max_exp_avg_sqs:
        _check_lists(params, max_exp_avg_sqs=max_exp_avg_sqs)
    if steps and len(steps) != len(params):
        raise Invalid(f"steps has {len(steps)} tensors for {len(params)} params")
    return list(chain(params, exp_avgs, exp_avg_sqs, max_exp_avg_sqs))
