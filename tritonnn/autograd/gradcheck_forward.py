"""Checking forward mode against central differences: the part of `gradcheck` that `check_forward_ad` asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tritonnn._tensor import Tensor
from tritonnn.autograd.differences import GradcheckError, How, moved_by, tensor_of, values_of
from tritonnn.autograd.forward_ad import dual_level, make_dual, unpack_dual
from tritonnn.autograd.tracked import zeros_as
from tritonnn.batching.vmap import vmap
from tritonnn.ops.joining.joining import stack


def tangents(func: Callable, inputs: Sequence[Any], which: Tensor, direction: Tensor) -> tuple[Tensor, ...]:
    """The derivatives of all outputs along a direction of one input."""
    with dual_level():
        dual = make_dual(which, direction)
        returned = func(*[dual if value is which else value for value in inputs])
        outputs = returned if isinstance(returned, (tuple, list)) else (returned,)
        pairs = [unpack_dual(out) for out in outputs if isinstance(out, Tensor)]
    return tuple([zeros_as(p.primal) if p.tangent is None else p.tangent.detach() for p in pairs])


def along(func: Callable, inputs: Sequence[Any], which: Tensor, directions: Sequence[Tensor]) -> list[tuple]:
    """The same along several directions at once."""
    rows = vmap(lambda direction: tangents(func, inputs, which, direction))(stack(directions))
    return [tuple([column[i] for column in rows]) for i in range(len(directions))]


def first_difference(
    found: Sequence[np.ndarray],
    expected: Sequence[np.ndarray],
    places: Sequence[int],
    atol: float,
    rtol: float,
) -> tuple[int, int] | None:
    """The output, and the element in it, where two derivatives differ first."""
    for k in places:
        off = np.abs(found[k] - expected[k])
        wrong = ~(off <= atol + rtol * np.abs(expected[k]))
        if wrong.any():
            return k, int(wrong.nonzero()[0][0])
    return None


def check_forward(
    func: Callable, inputs: Sequence[Any], tensor: Tensor, places: list[int], how: How, j: int
) -> None:
    """Derivatives along every direction of one input, or in the fast mode along a random one."""
    size = values_of(tensor).size
    rows = np.random.default_rng(0).standard_normal((1, size)) if how.fast else np.eye(size)
    directions = [tensor_of(row, tensor) for row in rows]
    found = [tangents(func, inputs, tensor, direction) for direction in directions]
    for row, along_row in zip(rows, found, strict=True):
        expected = moved_by(func, inputs, tensor, row, how.eps)
        values = [values_of(tangent) for tangent in along_row]
        place = first_difference(values, expected, places, how.atol, how.rtol)
        if place is not None:
            k, element = place
            raise GradcheckError(
                f"Jacobian computed with forward mode mismatch for output {k} with respect to input {j}, element "
                f"{element} of the output: numerical {expected[k][element]:g}, analytical {values[k][element]:g}"
            )
    if how.batched_forward and directions:
        _check_batched_forward(func, inputs, tensor, directions, found, places, how)


def _check_batched_forward(
    func: Callable, inputs: Sequence[Any], tensor: Tensor, directions: list[Tensor], found: list, places: list[int],
    how: How,
) -> None:  # fmt: skip
    try:
        together = along(func, inputs, tensor, directions)
    except RuntimeError as error:
        raise GradcheckError(f"While computing batched gradients, got: {error}") from error
    for one, other in zip(together, found, strict=True):
        values, expected = [[values_of(tangent) for tangent in row] for row in (one, other)]
        if first_difference(values, expected, places, how.atol, how.rtol) is not None:
            raise GradcheckError(
                "While computing batched gradients in forward mode, got a result that differs from the one alone"
            )
