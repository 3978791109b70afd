"""Parts along a fixed dimension, and matrices in the corners of a larger one."""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn._tensor import Tensor
from tritonnn.errors import fail
from tritonnn.ops._table import ANY, Bad, Sample, composite
from tritonnn.ops.creation.creation import zeros
from tritonnn.ops.joining.joining import cat, tensor_split
from tritonnn.ops.padding import constant_pad_nd
from tritonnn.table import Make
from tritonnn.table.types import IntOrInts


def _split(op: str, input: Tensor, indices_or_sections: Any, least: int, dim: int) -> tuple[Tensor, ...]:
    rank = len(input.shape)
    if rank < least:
        text = f"torch.{op} requires a tensor with at least {least} dimension, but got a tensor with {rank} dimensions!"
        raise fail(op, text, input=input)
    if isinstance(indices_or_sections, int):
        if indices_or_sections <= 0:
            raise fail(
                op, f"number of sections must be larger than 0, got {indices_or_sections}", input=input
            )
        if input.shape[dim] % indices_or_sections:
            text = (
                f"torch.{op} attempted to split along dimension {dim}, but the size of the dimension "
                f"{input.shape[dim]} is not divisible by the split_size {indices_or_sections}!"
            )
            raise fail(op, text, input=input)
    return tensor_split(input, indices_or_sections, dim)


def _errors(least: int) -> Any:
    def errors(make: Make) -> list[Bad]:
        return [
            Bad(make(*[3] * (least - 1)), 3, match=f"requires a tensor with at least {least} dimension"),
            Bad(make(*[3] * least), 2, match="is not divisible by the split_size 2"),
            Bad(make(*[3] * least), 0, match="number of sections must be larger than 0"),
        ]

    return errors


_KEYWORDS = dict.fromkeys(("indices", "sections"), "indices_or_sections")


@composite(
    api="torch tensor", dtypes=ANY, errors=_errors(1), keywords=_KEYWORDS,
    samples=lambda make: [Sample(make(6), 3), Sample(make(2, 6), (1, 4)), Sample(make(2, 4), 2)],
    reference=lambda input, indices_or_sections: tuple(np.hsplit(input, indices_or_sections)),
)  # fmt: skip
def hsplit(input: Tensor, indices_or_sections: IntOrInts) -> tuple[Tensor, ...]:
    """Views of equal size, or that begin at the listed indices, along the second dimension (the first, if it is all).

    >>> import tritonnn as torch
    >>> torch.hsplit(torch.arange(4), 2)
    (tensor([0, 1]), tensor([2, 3]))
    """
    return _split("hsplit", input, indices_or_sections, 1, 0 if len(input.shape) == 1 else 1)


@composite(
    api="torch tensor", dtypes=ANY, errors=_errors(2), keywords=_KEYWORDS,
    samples=lambda make: [Sample(make(6, 2), 3), Sample(make(6, 2), (1, 4))],
    reference=lambda input, indices_or_sections: tuple(np.vsplit(input, indices_or_sections)),
)  # fmt: skip
def vsplit(input: Tensor, indices_or_sections: IntOrInts) -> tuple[Tensor, ...]:
    """Views of equal size, or that begin at the listed indices, along the first of at least two dimensions.

    >>> import tritonnn as torch
    >>> torch.vsplit(torch.tensor([[0, 1], [2, 3]]), 2)
    (tensor([[0, 1]]), tensor([[2, 3]]))
    """
    return _split("vsplit", input, indices_or_sections, 2, 0)


@composite(
    api="torch tensor", dtypes=ANY, errors=_errors(3), keywords=_KEYWORDS,
    samples=lambda make: [Sample(make(2, 1, 6), 3), Sample(make(1, 2, 6), (1, 4))],
    reference=lambda input, indices_or_sections: tuple(np.dsplit(input, indices_or_sections)),
)  # fmt: skip
def dsplit(input: Tensor, indices_or_sections: IntOrInts) -> tuple[Tensor, ...]:
    """Views of equal size, or that begin at the listed indices, along the third dimension.

    >>> import tritonnn as torch
    >>> torch.dsplit(torch.tensor([[[0, 1]]]), 2)
    (tensor([[[0]]]), tensor([[[1]]]))
    """
    return _split("dsplit", input, indices_or_sections, 3, 2)


def _corners(*tensors: Any) -> Any:
    """The definition of block_diag: each written where the one before ends."""
    parts = [np.atleast_2d(part) for part in tensors]
    shape = np.sum([part.shape for part in parts], axis=0)
    result = np.zeros(shape, np.result_type(*parts))
    row = column = 0
    for part in parts:
        result[row : row + part.shape[0], column : column + part.shape[1]] = part
        row, column = row + part.shape[0], column + part.shape[1]
    return result


@composite(
    api="torch", dtypes=ANY,
    samples=lambda make: [Sample(make(2, 3), make(1, 2), make(2)), Sample(make(())), Sample(make(2, 0), make(1, 1))],
    errors=lambda make: [Bad(make(2, 2), make(1, 1, 1), match="Input 1 has 3 dimensions")],
)  # fmt: skip
def block_diag(*tensors: Tensor) -> Tensor:
    """Matrices along the diagonal, zeros elsewhere; what has fewer dimensions is a row.

    >>> import tritonnn as torch
    >>> torch.block_diag(torch.tensor([[1, 2]]), torch.tensor([3]))
    tensor([[1, 2, 0],
            [0, 0, 3]])
    """
    rows: list[Tensor] = []
    for i, tensor in enumerate(tensors):
        if not isinstance(tensor, Tensor):
            kind = type(tensor).__name__
            raise TypeError(f"block_diag(): argument 'tensors' must be tuple of Tensors, but found {kind}")
        if len(tensor.shape) > 2:
            text = f"torch.block_diag: Input tensors must have 2 or fewer dimensions. Input {i} has {len(tensor.shape)}"
            raise fail("block_diag", f"{text} dimensions", tensor=tensor)
        rows.append(tensor.reshape(1, -1) if len(tensor.shape) < 2 else tensor)
    if not rows:
        return zeros(1, 0)
    total, before, parts = sum(row.shape[1] for row in rows), 0, []
    for row in rows:
        parts.append(constant_pad_nd(row, [before, total - before - row.shape[1]]))
        before += row.shape[1]
    return cat(parts)
