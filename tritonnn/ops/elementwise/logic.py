"""Logic and bits."""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.ops._table import ANY, BOOL, Sample, pointwise
from tritonnn.ops.elementwise.arithmetic import misfits, with_number
from tritonnn.ops.elementwise.elementwise import INTEGRAL_AND_BOOL
from tritonnn.table import Make
from tritonnn.table.types import Number


def ties(make: Make) -> list[Sample]:
    """Whole numbers, so that some are equal."""
    new = lambda *shape: make(*shape).round() if make.dtype.is_floating_point else make(*shape)
    return [
        Sample(new(3, 4), new(3, 4)),
        Sample(new(2, 3, 1), new(4)),
        Sample(new(3, 4), 1),
        Sample(new(3), new(())),
    ]


def _logical(make: Make) -> list[Sample]:
    return ties(make)[:2]


@pointwise(BOOL, dtypes=ANY, samples=_logical, errors=misfits, reference=np.logical_and)
def logical_and(input: Tensor, other: Tensor) -> Any:
    """Whether both are nonzero.

    >>> import tritonnn as torch
    >>> torch.logical_and(torch.tensor([1, 0]), torch.tensor([2, 2]))
    tensor([ True, False])
    """


@pointwise(BOOL, dtypes=ANY, samples=_logical, errors=misfits, reference=np.logical_or)
def logical_or(input: Tensor, other: Tensor) -> Any:
    """Whether either is nonzero.

    >>> import tritonnn as torch
    >>> torch.logical_or(torch.tensor([1, 0]), torch.tensor([0, 0]))
    tensor([ True, False])
    """


@pointwise(BOOL, dtypes=ANY, samples=_logical, errors=misfits, reference=np.logical_xor)
def logical_xor(input: Tensor, other: Tensor) -> Any:
    """Whether just one is nonzero.

    >>> import tritonnn as torch
    >>> torch.logical_xor(torch.tensor([1, 1]), torch.tensor([0, 1]))
    tensor([ True, False])
    """


def _bits(make: Make) -> list[Sample]:
    return with_number(make, 1, 0, 9)


@pointwise(dtypes=INTEGRAL_AND_BOOL, samples=_bits, errors=misfits, reference=np.bitwise_and)
def bitwise_and(input: Tensor | Number, other: Tensor | Number) -> Any:
    """The bits set in both.

    >>> import tritonnn as torch
    >>> torch.tensor([6, 3]) & 5
    tensor([4, 1])
    """


@pointwise(dtypes=INTEGRAL_AND_BOOL, samples=_bits, errors=misfits, reference=np.bitwise_or)
def bitwise_or(input: Tensor | Number, other: Tensor | Number) -> Any:
    """The bits set in either.

    >>> import tritonnn as torch
    >>> torch.tensor([6, 3]) | 5
    tensor([7, 7])
    """


@pointwise(dtypes=INTEGRAL_AND_BOOL, samples=_bits, errors=misfits, reference=np.bitwise_xor)
def bitwise_xor(input: Tensor | Number, other: Tensor | Number) -> Any:
    """The bits set in just one.

    >>> import tritonnn as torch
    >>> torch.tensor([6, 3]) ^ 5
    tensor([3, 6])
    """


@pointwise(
    dtypes=dtypes.INTEGRAL,
    samples=lambda make: with_number(make, 1, 0, 5),
    errors=misfits,
    reference=np.left_shift,
)
def bitwise_left_shift(input: Tensor | Number, other: Tensor | Number) -> Any:
    """The bits moved up by `other` places.

    >>> import tritonnn as torch
    >>> torch.tensor([1, 2]) << 3
    tensor([ 8, 16])
    """


@pointwise(
    dtypes=dtypes.INTEGRAL,
    samples=lambda make: with_number(make, 1, 0, 5),
    errors=misfits,
    reference=np.right_shift,
)
def bitwise_right_shift(input: Tensor | Number, other: Tensor | Number) -> Any:
    """The bits moved down by `other` places, keeping the sign.

    >>> import tritonnn as torch
    >>> torch.tensor([8, -8]) >> 2
    tensor([ 2, -2])
    """
