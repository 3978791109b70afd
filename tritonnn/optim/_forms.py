"""Optimizers as functions over lists: `torch.optim.adam.adam(params, grads, exp_avgs, ..., lr=..., ...)`."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.optim.optimizer import Optimizer

#: options of the functions that are a pair of the class's
_PAIRS = {
    "beta1": "betas", "beta2": "betas", "etaminus": "etas", "etaplus": "etas", "step_size_min": "step_sizes",
    "step_size_max": "step_sizes",
}  # fmt: skip
#: what the lists themselves say already
_TOLD = ("has_complex", "has_sparse_grad")
_SCALING = ("grad_scale", "found_inf")


def functional(
    name: str,
    optimizer: Callable[..., Optimizer],
    lists: dict[str, str | None],
    flags: dict[str, Any],
    options: str,
) -> Callable[..., None]:
    """One step of an optimizer, given everything that it would keep.

    Args:
        name: that of the function.
        optimizer: its class.
        lists: its first arguments, one element per parameter: the parameters, their gradients, and what the states of
            these names are.
        flags: what may follow by position, with defaults.
        options: names of what has to be given by keyword.
    """
    kinds = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    parameters = [inspect.Parameter(key, kinds[0]) for key in lists]
    parameters += [inspect.Parameter(key, kinds[0], default=value) for key, value in flags.items()]
    parameters += [inspect.Parameter(key, kinds[1]) for key in options.split()]
    signature = inspect.Signature(parameters)

    def step(*args: Any, **kwargs: Any) -> None:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{name}() {error}") from None
        bound.apply_defaults()
        given = dict(bound.arguments)
        params, grads, *kept = (given.pop(key) for key in lists)
        states: dict[str, Any] = dict(zip([str(state) for state in lists.values()][2:], kept, strict=True))
        if "step" in states and not all(isinstance(count, Tensor) for count in states["step"]):
            raise RuntimeError(f"{name}: `state_steps` must be a list of tensors of one element")
        if params:
            _step(optimizer, list(params), grads, states, given)

    step.__name__ = step.__qualname__ = name
    step.__doc__ = (
        f"One step of `torch.optim.{getattr(optimizer, '__name__', name)}` from lists of what it keeps."
    )
    step.__signature__ = signature  # type: ignore[attr-defined]
    return step


def _step(
    optimizer: Callable[..., Optimizer],
    params: list[Any],
    grads: Any,
    states: dict[str, Any],
    options: dict[str, Any],
) -> None:
    scaling = {key: options.pop(key) for key in _SCALING if key in options}
    taken: dict[str, Any] = {}
    for key, value in options.items():
        if key in _PAIRS:
            taken[_PAIRS[key]] = (*taken.get(_PAIRS[key], ()), value)
        elif key not in _TOLD:
            taken[key] = value
    if taken.get("foreach") is None and taken.get("fused") is None:
        taken["foreach"] = False  # as PyTorch chooses for plain tensors
    # without a graph the step is on an alias, whose gradient is not the parameter's
    own = params if taken.get("differentiable") else [p.detach() for p in params]
    run = optimizer(own, **taken)
    for p, *values in zip(own, *[_padded(kept, len(own)) for kept in states.values()], strict=True):
        found = {key: value for key, value in zip(states, values, strict=True) if value is not None}
        if found:
            run.state[p] = found
    for key, value in scaling.items():
        setattr(run, key, value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of gradients of what is no leaf
        before = [p.grad for p in own]
        for p, grad in zip(own, grads, strict=True):
            p.grad = grad
        try:
            run.step()
        finally:
            for p, grad in zip(own, before, strict=True):
                p.grad = grad
    for key, kept in states.items():
        for i, p in enumerate(own[: len(kept)]):
            new = run.state[p].get(key)
            if new is not None and new is not kept[i]:
                kept[i] = new


def _padded(kept: Any, count: int) -> list[Any]:
    return [*kept, *[None] * (count - len(kept))]
