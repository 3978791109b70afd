"""Central differences of functions of tensors, whose numbers, complex ones as pairs, are flat arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from tritonnn._tensor import Tensor, host_array
from tritonnn.recording.grad_mode import no_grad


class GradcheckError(RuntimeError):
    """The analytical and the numerical Jacobian differ."""


class How(NamedTuple):
    """What a check is made with."""

    eps: float
    atol: float
    rtol: float
    nondet: float
    dtypes: bool
    batched: bool
    fast: bool
    backward: bool
    forward: bool
    batched_forward: bool


def tensors_of(value: object) -> tuple[Tensor, ...]:
    items = value if isinstance(value, (tuple, list)) else (value,)
    return tuple(item for item in items if isinstance(item, Tensor))


def values_of(tensor: Tensor) -> np.ndarray:
    """The values as a flat array of float64, complex numbers as pairs."""
    values = host_array(tensor.detach()).reshape(-1)
    complex_ = values.dtype.kind == "c"
    return values.astype(np.complex128).view(np.float64) if complex_ else values.astype(np.float64)


def tensor_of(values: np.ndarray, like: Tensor) -> Tensor:
    """The reverse of `values_of`."""
    from tritonnn.ops.creation.from_data import tensor

    flat = values.view(np.complex128) if like.dtype.is_complex else values
    return tensor(flat.reshape(tuple(like.shape)), dtype=like.dtype, device=like.device)


def moved_by(
    function: Callable, inputs: Sequence[Any], which: Tensor, direction: np.ndarray, eps: float
) -> list:
    """The central difference of every output as one input moves along a direction."""
    where = which.data  # writes through it are outside the graph and not counted
    before = values_of(which)
    moved = []
    try:
        for sign in (1, -1):
            where.copy_(tensor_of(before + sign * eps * direction, which))
            with no_grad():
                moved.append([values_of(out) for out in tensors_of(function(*inputs))])
    finally:
        where.copy_(tensor_of(before, which))
    return [(up - down) / (2 * eps) for up, down in zip(*moved, strict=True)]
