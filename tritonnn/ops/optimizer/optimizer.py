"""Optimizer steps over lists of parameters: one call updates all of them and their state, in place."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.device import device as Device
from tritonnn.dtypes import float32
from tritonnn.errors import Invalid
from tritonnn.ops._table import FLOATING_AND_COMPLEX, writing

Tensors = list[Tensor]


def _check_lists(params: Tensors, **others: Tensors) -> None:
    """Every list has an entry of the parameter's shape for each parameter."""
    for name, tensors in others.items():
        if len(tensors) != len(params):
            raise Invalid(f"{name} has {len(tensors)} tensors for {len(params)} params")
        for i, (p, t) in enumerate(zip(params, tensors, strict=True)):
            if t._shape != p._shape:
                raise Invalid(f"{name}[{i}] has shape {tuple(t.shape)} but params[{i}] has {tuple(p.shape)}")


def _check_one(name: str, tensor: Tensor | None) -> None:
    if tensor is not None and (tensor.numel() != 1 or tensor.dtype is not float32):
        shape = tuple(tensor.shape)
        raise Invalid(f"{name} must be one number of float32, got shape {shape} and {tensor.dtype.name}")


@writing()
def advance_steps(steps: Tensors, found_inf: Tensor | None = None) -> Tensors:
    """Add one to each count of steps, unless `found_inf` is not 0: that step is left out.

    >>> import tritonnn as torch
    >>> from tritonnn.ops.optimizer.optimizer import advance_steps
    >>> count = torch.zeros(())
    >>> advance_steps([count])
    >>> count
    tensor(1.)
    >>> advance_steps([count], torch.ones(()))
    >>> count
    tensor(1.)
    """
    _check_one("found_inf", found_inf)
    return steps


@writing(dtypes=FLOATING_AND_COMPLEX)
def elementwise_step(
    params: Tensors,
    grads: Tensors,
    states: Tensors,
    steps: Tensors,
    formula: Callable[..., Any],
    kept: tuple[str, ...],
    options: dict[str, Any],
    grad_scale: Tensor | None = None,
    found_inf: Tensor | None = None,
) -> Tensors:
    """One step of an optimizer that updates each element for itself, for many parameters.

    Args:
        params: what to update; of complex ones the views as real numbers.
        grads: their gradients.
        states: what is kept of the elements: the first state of every parameter, then the second, ...
        steps: the number of this step for every parameter, on its device; empty where it is among the options.
        formula: `formula(p, g, **states, **options)` gives the new values of the parameter and of its states. On
            the CPU it is what runs; on the GPU it is the kernel function of the same name.
        kept: names of the states.
        options: numbers and flags that the formula takes.
        grad_scale: what the gradients were scaled by, one element of float32: they are unscaled in place first.
        found_inf: one element of float32; where it is not 0 everything stays as it is.

    Raises:
        RuntimeError: lists of different length, or tensors of different shape or device.

    >>> import tritonnn as torch
    >>> from tritonnn.ops.optimizer.optimizer import elementwise_step
    >>> p, m = torch.ones(1), torch.zeros(1)
    >>> heavy_ball = lambda p, g, m, lr: (p - (m * 0.5 + g) * lr, m * 0.5 + g)
    >>> elementwise_step([p], [torch.ones(1)], [m], [], heavy_ball, ("m",), {"lr": 0.25})
    >>> p, m
    (tensor([0.7500]), tensor([1.]))
    """
    _check_lists(params, grads=grads)
    if len(states) != len(kept) * len(params):
        raise Invalid(
            f"states has {len(states)} tensors: expected {len(kept)} for each of {len(params)} params"
        )
    for i, name in enumerate(kept):
        _check_lists(params, **{name: states[i * len(params) : (i + 1) * len(params)]})
    if steps and len(steps) != len(params):
        raise Invalid(f"steps has {len(steps)} tensors for {len(params)} params")
    _check_one("grad_scale", grad_scale)
    _check_one("found_inf", found_inf)
    return [*params, *states] if grad_scale is None else [*params, *grads, *states]


def has_kernel(formula: Callable[..., Any], device: Device) -> bool:
    """Whether `elementwise_step` runs the formula on the device: on a GPU it takes a kernel function of its name."""
    if device.type != "cuda":
        return True
    backend = elementwise_step.op.implementation("cuda")
    return formula.__name__.removesuffix("_formula") in sys.modules[backend.__module__].FORMULAS
