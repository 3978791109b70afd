"""torch.func: modules as functions of their parameters.

>>> import tritonnn as torch
>>> layer = torch.nn.Linear(2, 1)
>>> torch.func.functional_call(layer, {"weight": torch.ones(1, 2), "bias": torch.zeros(1)}, torch.ones(2))
tensor([2.])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tritonnn.nn.module import Module
from tritonnn.nn.modules.batchnorm import _BatchNorm
from tritonnn.nn.utils.stateless import call
from tritonnn.ops.joining.joining import stack

__all__ = ["functional_call", "replace_all_batch_norm_modules_", "stack_module_state"]


def functional_call(
    module: Module, parameter_and_buffer_dicts: dict[str, Any] | Sequence[dict[str, Any]], args: object = None,
    kwargs: dict[str, Any] | None = None, *, tie_weights: bool = True, strict: bool = False,
) -> Any:  # fmt: skip
    """Call a module with other tensors in place of parameters and buffers; gradients go to those.

    Args:
        module: to call; it is afterwards what it was.
        parameter_and_buffer_dicts: tensors by dotted name, or several such dictionaries. A buffer that forward
            exchanges is exchanged in there.
        args: the tuple of positional arguments, or the only one.
        kwargs: keyword arguments.
        tie_weights: let a tensor stand for all names of the one that it replaces.
        strict: refuse names that the module lacks, and ask for all that it has.

    Raises:
        ValueError: a name in two dictionaries, or two values for one tied tensor. RuntimeError: names, with `strict`.
    """
    given = parameter_and_buffer_dicts
    if isinstance(given, dict):
        tensors = given
    elif isinstance(given, Sequence):
        if not all(isinstance(part, dict) for part in given):
            raise ValueError("Expected all elements of parameter_and_buffer_dicts to be dictionaries")
        tensors = {name: tensor for part in given for name, tensor in part.items()}
        names = [name for part in given for name in part]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(
                f"{repeated} appeared in multiple dictionaries; behavior of functional call is ambiguous"
            )
    else:
        raise ValueError(
            f"Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got {type(given)}"
        )
    return call(module, tensors, args, kwargs, tie_weights=tie_weights, strict=strict)


def stack_module_state(models: Sequence[Module]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parameters and the buffers of several modules of one class, stacked by name along a new first dimension.

    Raises:
        RuntimeError: there are none, or their classes, modes, shapes or `requires_grad` differ.

    >>> import tritonnn as torch
    >>> params, buffers = torch.func.stack_module_state([torch.nn.Linear(3, 2) for _ in range(5)])
    >>> params["weight"].shape, buffers
    (torch.Size([5, 2, 3]), {})
    """
    if len(models) == 0:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if any(model.training != models[0].training for model in models):
        raise RuntimeError("stack_module_state: Expected all models to have the same training/eval mode.")
    if any(type(model) is not type(models[0]) for model in models):
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")
    params = _stacked([dict(model.named_parameters()) for model in models])
    return params, _stacked([dict(model.named_buffers()) for model in models])


def _stacked(states: list[dict[str, Any]]) -> dict[str, Any]:
    result = {}
    for name, first in states[0].items():
        tensors = [state[name] for state in states]
        if any(tensor.requires_grad != first.requires_grad for tensor in tensors):
            raise RuntimeError(f"Expected {name} from each model to have the same .requires_grad")
        result[name] = stack(tensors).detach().requires_grad_(first.requires_grad)
    return result


def replace_all_batch_norm_modules_(root: Module) -> Module:
    """Let every batch norm of a module use the statistics of its batch alone, which transforms can follow.

    Returns:
        the module, which is changed in place: its batch norms keep no running statistics.

    >>> import tritonnn as torch
    >>> torch.func.replace_all_batch_norm_modules_(torch.nn.BatchNorm1d(2)).running_mean is None
    True
    """
    for module in root.modules():
        if isinstance(module, _BatchNorm) and module.track_running_stats:
            module.running_mean = module.running_var = module.num_batches_tracked = None
            module.track_running_stats = False
    return root
