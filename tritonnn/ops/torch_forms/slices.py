"""Slices with bounds as numbers: copied, and traced back to the whole; copies of a tensor itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn._tensor import Tensor
from tritonnn.errors import fail
from tritonnn.memory_format import contiguous_format
from tritonnn.ops._arguments import dimension
from tritonnn.ops._table import ANY, Bad, Sample, composite, expose
from tritonnn.ops.creation._outputs import same_into
from tritonnn.ops.shape.parts import slice_dim
from tritonnn.ops.shape.strided import as_strided
from tritonnn.table.types import Count


def _bounds(op: str, input: Tensor, dim: int, start: int | None, end: int | None, step: int) -> tuple:
    """Dimension, start, length and step of what Python's slice would take.

    Raises:
        IndexError: no dimension, or not that one.
        RuntimeError: a step that is not positive.
    """
    if not input.shape:
        raise fail(op, "slice() cannot be applied to a 0-dim tensor.", kind=IndexError, input=input)
    dim = dimension(op, input, dim)
    if step <= 0:
        raise fail(op, f"slice step must be positive, got {step}", input=input)
    taken = range(*slice(start, end, step).indices(input.shape[dim]))
    return dim, taken.start, len(taken), step


def _definition(input: np.ndarray, dim: int, start: Any, end: Any, step: int) -> Any:
    return input[(*[slice(None)] * dim, slice(start, end, step))]


@composite(
    api="torch", dtypes=ANY, reference=_definition,
    samples=lambda make: [
        Sample(make(4, 3)), Sample(make(4, 3), 0, 1, 3), Sample(make(4, 3), 1, 0, -1, 2), Sample(make(4, 3), 0, 3, 1),
    ],
    errors=lambda make: [
        Bad(make(4, 3), 2, error=IndexError, match="Dimension out of range"),
        Bad(make(4, 3), 0, 0, 2, -1, match="slice step must be positive"),
        Bad(make(()), error=IndexError, match="cannot be applied to a 0-dim tensor"),
    ],
)  # fmt: skip
def slice_copy(
    input: Tensor, dim: Count = 0, start: Count | None = None, end: Count | None = None, step: Count = 1
) -> Tensor:
    """input[start:end:step] along `dim`, with memory of its own.

    >>> import tritonnn as torch
    >>> torch.slice_copy(torch.arange(5), 0, 1, None, 2)
    tensor([1, 3])
    """
    taken = slice_dim(input, *_bounds("slice_copy", input, dim, start, end, step))
    return taken.clone(memory_format=contiguous_format)


@composite(
    api="torch", dtypes=ANY, samples=lambda make: [Sample(make(2, 3)), Sample(make(()))],
    errors=lambda make: [Bad(1, error=TypeError, match="must be Tensor, not int")],
    reference=lambda input: input,
)  # fmt: skip
def alias_copy(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """A copy: what `alias`, the same tensor once more, is with memory of its own.

    >>> import tritonnn as torch
    >>> torch.alias_copy(torch.tensor([1, 2]))
    tensor([1, 2])
    """
    return same_into("alias_copy", out, input.clone(memory_format=contiguous_format))


@composite(
    api="torch", dtypes=ANY, samples=lambda make: [Sample(make(2, 3))], no_derivative=True,
    errors=lambda make: [Bad(1, error=TypeError, match="must be Tensor, not int")],
    reference=lambda input: input,
)  # fmt: skip
def detach_copy(input: Tensor) -> Tensor:
    """A copy outside the graph. PyTorch's requires grad, and its backward raises.

    >>> import tritonnn as torch
    >>> torch.detach_copy(torch.ones(1, requires_grad=True)).requires_grad
    False
    """
    return input.detach().clone(memory_format=contiguous_format)


@expose("torch tensor")
def slice_inverse(
    input: Tensor, src: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Tensor:
    """What a slice is one of: the tensor of the geometry of `src` that has `input` at its slice, in the same memory.

    Args:
        input: a slice of a tensor like `src`, in its memory.
        src: says which shape and strides the whole has.
        dim, start, end, step: which slice it is.

    >>> import tritonnn as torch
    >>> x = torch.arange(6)
    >>> torch.slice_inverse(x[2:4], x, 0, 2, 4)
    tensor([0, 1, 2, 3, 4, 5])
    """
    _bounds("slice_inverse", src, dim, start, end, step)
    return as_strided(input, src.shape, src.stride(), src.storage_offset())
