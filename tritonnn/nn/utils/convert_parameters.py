"""Parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.ops.joining.joining import cat

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All parameters flattened and joined, in the order given.

    Raises TypeError where they lie on different devices.

    >>> import tritonnn as torch
    >>> torch.nn.utils.parameters_to_vector([torch.zeros(2, 2), torch.ones(1)])
    tensor([0., 0., 0., 0., 1.])
    """
    listed: list[Any] = list(parameters)
    _check_devices(listed)
    return cat([param.reshape(-1) for param in listed])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Make consecutive slices of `vec` the parameters' data; undoes `parameters_to_vector`."""
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {type(vec).__name__}")
    listed: list[Any] = list(parameters)
    _check_devices(listed)
    start = 0
    for param in listed:
        count = param.numel()
        param.data = vec[start : start + count].view_as(param).data
        start += count


def _check_devices(parameters: list[Any]) -> None:
    if any(param.device != parameters[0].device for param in parameters):
        raise TypeError("Found two parameters on different devices, this is currently not supported.")
