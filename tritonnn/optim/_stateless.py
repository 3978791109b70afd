"""Steps of an optimizer on other parameters and another state than its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.optim.optimizer import Group, Optimizer, StateDict

__all__ = ["swap_in_optimizer_params_and_state"]

NAME = "swap_in_optimizer_params_and_state"


@contextmanager
def swap_in_optimizer_params_and_state(
    optimizer: Optimizer, swapin_parameters: dict[str, Tensor], swapin_optim_state: StateDict
) -> Iterator[None]:
    """Inside the block the optimizer has other parameters, options and state; after it what it had before.

    Args:
        optimizer: one that has a state, that is, has made a step.
        swapin_parameters: its parameters in the block, in the order of those that it has.
        swapin_optim_state: as `optimizer.state_dict()` gives it. Its tensors are used as they are, so that what a step
            writes into them stays there; entries that are added or replaced in the block are lost.

    Raises:
        RuntimeError: the optimizer has no state, or the state's groups, options or numbers of parameters are not those
            of the optimizer; it is as before then.

    Example:
        >>> import tritonnn as torch
        >>> w, other = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
        >>> optimizer = torch.optim.SGD([w], lr=0.5, momentum=0.5)
        >>> w.grad, other.grad = torch.ones(1), torch.ones(1)
        >>> optimizer.step()
        >>> with torch.optim.swap_in_optimizer_params_and_state(optimizer, {"w": other}, optimizer.state_dict()):
        ...     optimizer.step()
        >>> w.detach(), other.detach()
        (tensor([0.5000]), tensor([0.2500]))
    """
    groups, state = _prepared(optimizer, list(swapin_parameters.values()), swapin_optim_state)
    had, own = [dict(group) for group in optimizer.param_groups], optimizer.state
    try:
        for group, given in zip(optimizer.param_groups, groups, strict=True):
            group.update(given)
        optimizer.state = state
        yield
    finally:
        for group, before in zip(optimizer.param_groups, had, strict=False):
            group.clear()
            group.update(before)
        optimizer.state = own


def _prepared(
    optimizer: Optimizer, parameters: list[Tensor], given: Any
) -> tuple[list[Group], defaultdict[Tensor, Any]]:
    """The groups and the state of the block."""
    if not optimizer.state:
        raise RuntimeError(f"{NAME} requires an optimizer that has a state: make a step first")
    if not isinstance(given, dict):
        raise RuntimeError(f"{NAME}: swapin_optim_state must be a state_dict, got {type(given).__name__}")
    saved: Any = given.get("state")
    groups = given.get("param_groups")
    _check_state(saved)
    if not isinstance(groups, list):
        raise RuntimeError(f"{NAME}: the state's 'param_groups' must be a list, got {type(groups).__name__}")
    if len(groups) != len(optimizer.param_groups):
        raise RuntimeError(
            f"{NAME}: swapin_optim_state has {len(groups)} parameter groups where the optimizer has "
            f"{len(optimizer.param_groups)}"
        )
    swapped, state, known = [], defaultdict[Tensor, Any](dict), set()
    for i, (own, group) in enumerate(zip(optimizer.param_groups, groups, strict=True)):
        numbers = _numbers(i, own, group)
        params, parameters = parameters[: len(numbers)], parameters[len(numbers) :]
        if len(params) < len(numbers):
            raise RuntimeError(
                f"{NAME}: swapin_parameters ends {len(numbers) - len(params)} short of the parameters of group {i}"
            )
        swapped.append({**group, "params": params})
        known.update(numbers)
        for param, number in zip(params, numbers, strict=True):
            state[param] = dict(saved.get(number, {}))
    if unknown := [number for number in saved if number not in known]:
        raise RuntimeError(f"{NAME}: the state has entries of no parameter of its groups: {unknown}")
    return swapped, state


def _check_state(saved: Any) -> None:
    if not isinstance(saved, dict):
        raise RuntimeError(f"{NAME}: the state's 'state' must be a dict, got {type(saved).__name__}")
    for number, kept in saved.items():
        if isinstance(number, Tensor):
            raise RuntimeError(
                f"{NAME}: 'state' must be by numbers of parameters, as of state_dict(), not by Tensors"
            )
        if isinstance(number, int) and not isinstance(kept, dict):
            raise RuntimeError(
                f"{NAME}: the state of parameter {number} must be a dict, got {type(kept).__name__}"
            )


def _numbers(i: int, own: Group, group: Any) -> list[int]:
    """The numbers of a group's parameters."""
    if not isinstance(group, dict):
        raise RuntimeError(f"{NAME}: parameter group {i} must be a dict, got {type(group).__name__}")
    numbers = group.get("params")
    if not isinstance(numbers, list) or not all(isinstance(number, int) for number in numbers):
        raise RuntimeError(f"{NAME}: 'params' of group {i} must be a list of numbers, as of state_dict()")
    if len(numbers) != len(own["params"]):
        raise RuntimeError(
            f"{NAME}: group {i} has {len(numbers)} parameters where the optimizer's has {len(own['params'])}"
        )
    more, less = [name for name in group if name not in own], [name for name in own if name not in group]
    if more or less:
        raise RuntimeError(
            f"{NAME}: options of group {i} must be those of the optimizer's: unexpected {more}, missing {less}"
        )
    return numbers
