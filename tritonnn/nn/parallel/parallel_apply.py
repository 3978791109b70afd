"""Modules with an input each."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.nn.module import Module

__all__ = ["get_a_var", "parallel_apply"]


def get_a_var(obj: Any) -> Tensor | None:
    """The first tensor in a nest of lists, tuples and dicts."""
    if isinstance(obj, Tensor):
        return obj
    inside = obj.values() if isinstance(obj, dict) else obj if isinstance(obj, (list, tuple)) else ()
    return next((found for found in map(get_a_var, inside) if found is not None), None)


def parallel_apply(
    modules: Sequence[Module],
    inputs: Sequence[Any],
    kwargs_tup: Sequence[dict[str, Any]] | None = None,
    devices: Sequence[Any] | None = None,
) -> list[Any]:
    """What each module gives for its input. Calls only queue work on a GPU, so those of several run side by side.

    Args:
        modules, inputs: of one length; an input that is no tuple is the only argument.
        kwargs_tup: keyword arguments for each.
        devices: the GPU that is current for each; that of its input for None.

    >>> import tritonnn as torch
    >>> torch.nn.parallel.parallel_apply([torch.nn.ReLU(), torch.nn.Tanh()], [torch.ones(1), torch.zeros(1)])
    [tensor([1.]), tensor([0.])]
    """
    given, places = kwargs_tup or [{}] * len(modules), devices or [None] * len(modules)
    if not len(modules) == len(inputs) == len(given) == len(places):
        raise AssertionError(
            f"The number of modules {len(modules)}, inputs {len(inputs)}, kwargs {len(given)} and devices "
            f"{len(places)} must be equal"
        )
    outputs = []
    for module, values, kwargs, place in zip(modules, inputs, given, places):
        args = tuple(values) if isinstance(values, (list, tuple)) else (values,)
        with _on(get_a_var(args) if place is None else place):
            outputs.append(module(*args, **kwargs))
    return outputs


def _on(place: Any) -> Any:
    """A block in which a GPU is current: that of a tensor, or one that is named."""
    if place is None or (isinstance(place, Tensor) and not place.is_cuda):
        return nullcontext()
    from tritonnn import cuda

    return cuda.device(place.get_device() if isinstance(place, Tensor) else place)
