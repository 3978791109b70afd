"""Branches and loops as functions, `torch.cond` and `torch.while_loop`: run at once, as Python's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.utils import _pytree


def cond(
    pred: bool | int | float | Tensor, true_fn: Callable, false_fn: Callable, operands: tuple | list = ()
) -> Any:
    """`true_fn(*operands)` where `pred` is true, else `false_fn(*operands)`.

    Raises:
        RuntimeError: a predicate of several elements, or none; what is no function; operands that are no tensors.

    >>> import tritonnn as torch
    >>> torch.cond(torch.tensor(True), lambda x: x + 1, lambda x: x - 1, (torch.zeros(2),))
    tensor([1., 1.])
    """
    if not isinstance(pred, (bool, int, float, Tensor)):
        raise RuntimeError(f"cond: Expected pred to be bool or tensor, but got {pred}.")
    if isinstance(pred, Tensor) and pred.numel() != 1:
        raise RuntimeError(f"cond: Expected pred to be bool or single-element tensor, but got {pred}.")
    if not (callable(true_fn) and callable(false_fn)):
        raise RuntimeError("cond: Expect both branches to be callable.")
    _check_leaves("cond: Expect operands to be", operands, Tensor, "tensor")
    return true_fn(*operands) if pred else false_fn(*operands)


def while_loop(cond_fn: Callable, body_fn: Callable, carried_inputs: tuple | list) -> tuple:
    """The inputs after `body_fn`, which returns the next ones, was called as long as `cond_fn` of them is true.

    Raises:
        RuntimeError: what is no function; inputs that are neither tensors nor whole numbers; a condition that is no
            truth value; a body that returns another number of inputs.

    >>> import tritonnn as torch
    >>> torch.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, x * 2), (torch.tensor(0), torch.ones(1)))
    (tensor(3), tensor([8.]))
    """
    if not (callable(cond_fn) and callable(body_fn)):
        raise RuntimeError("while_loop: Expect cond_fn and body_fn to be callable.")
    _check_leaves("while_loop: Expect carried_inputs to be", carried_inputs, (Tensor, int), "tensor or int")
    values = tuple(carried_inputs)
    while _truth(cond_fn(*values)):
        result = body_fn(*values)
        result = (result,) if isinstance(result, Tensor) else result
        if not isinstance(result, (tuple, list)) or len(result) != len(values):
            raise RuntimeError(
                f"while_loop: body_fn should return as many values as there are carried_inputs, {len(values)}, "
                f"but got {result}"
            )
        values = tuple(result)
    return values


def _truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if not isinstance(value, Tensor) or value.dtype is not dtypes.bool_ or value.numel() != 1:
        raise RuntimeError(
            f"while_loop: cond_fn must return a boolean scalar tensor or a boolean but got {value}"
        )
    return bool(value)


def _check_leaves(start: str, values: Any, kinds: Any, names: str) -> None:
    if not isinstance(values, (tuple, list)) or not all(
        [isinstance(leaf, kinds) for leaf in _pytree.tree_leaves(values)]
    ):
        raise RuntimeError(
            f"{start} a tuple of possibly nested dict/list/tuple that only consists of {names} leaves, "
            f"but got {values}."
        )
