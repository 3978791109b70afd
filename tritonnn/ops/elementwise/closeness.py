"""Whether tensors are equal, or close to it."""

from __future__ import annotations

import numpy as np

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import fail
from tritonnn.ops._table import ANY, Bad, Sample, composite
from tritonnn.ops.elementwise import elementwise as ew
from tritonnn.ops.elementwise.comparison import eq, le, ne
from tritonnn.ops.elementwise.logic import logical_and, logical_or
from tritonnn.table import Make


def _close(make: Make) -> list[Sample]:
    x = make(3, 4)
    return [
        Sample(x, make(3, 4)),
        Sample(x, x.clone()),
        Sample(x, make(4), 0.5, 0.1),
        Sample(x, make(()), rtol=0, atol=0),
    ]


def _close_errors(make: Make) -> list[Bad]:
    return [
        Bad(make(2), make(2, dtype=dtypes.float16), match="did not match float16"),
        Bad(make(2), make(2), rtol=-1, match="must be greater than or equal to zero"),
        Bad(make(2), make(2), atol=-1, match="must be greater than or equal to zero"),
        Bad(make(2), make(3), match="must match the size"),
        Bad(make(2), 1.0, error=TypeError, match="'other' .*must be Tensor, not float"),
    ]


@composite(
    api="torch tensor", dtypes=ANY, samples=_close, errors=_close_errors,
    reference=lambda input, other, rtol, atol: np.abs(input - other) <= atol + rtol * np.abs(other),
)  # fmt: skip
def isclose(
    input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> Tensor:
    """|input - other| <= atol + rtol * |other|, or both the same infinity (or both NaN with `equal_nan`).

    Raises:
        RuntimeError: the dtypes differ, or a tolerance is negative or NaN.

    >>> import tritonnn as torch
    >>> torch.isclose(torch.tensor([1., 2.]), torch.tensor([1. + 1e-7, 2.1]))
    tensor([ True, False])
    """
    if input.dtype is not other.dtype:
        raise fail(
            "isclose", f"{input.dtype.name} did not match {other.dtype.name}", input=input, other=other
        )
    for name, tolerance in (("rtol", rtol), ("atol", atol)):
        if not tolerance >= 0:  # NaN neither
            raise fail("isclose", f"{name} must be greater than or equal to zero, but got {tolerance}")
    close = eq(input, other)
    if equal_nan and input.dtype.kind >= 2:
        close = logical_or(close, logical_and(ne(input, input), ne(other, other)))
    if rtol == 0 and atol == 0:
        return close
    if input.dtype.kind < 2:
        input, other = input.to(dtypes.float64), other.to(dtypes.float64)
    distance = ew.abs(input - other)
    return logical_or(close, logical_and(ew.isfinite(distance), le(distance, ew.abs(other) * rtol + atol)))


@composite(
    api="torch tensor", dtypes=ANY, samples=_close, errors=_close_errors,
    reference=lambda input, other, rtol, atol: (np.abs(input - other) <= atol + rtol * np.abs(other)).all(),
)  # fmt: skip
def allclose(
    input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> bool:
    """Whether all elements are close; see `isclose`.

    >>> import tritonnn as torch
    >>> torch.allclose(torch.tensor([1.]), torch.tensor([1. + 1e-7]))
    True
    """
    return bool(isclose(input.detach(), other.detach(), rtol, atol, equal_nan).all())


@composite(
    api="torch tensor", dtypes=ANY,
    samples=lambda make: [*_close(make)[:2], Sample(make(3), make(1)), Sample(make(0), make(0))],
    errors=lambda make: [Bad(make(2), 1, error=TypeError, match="'other' .*must be Tensor, not int")],
    reference=lambda input, other: np.array_equal(input, other),
)  # fmt: skip
def equal(input: Tensor, other: Tensor) -> bool:
    """Whether both have the same shape and equal elements.

    >>> import tritonnn as torch
    >>> torch.equal(torch.tensor([1, 2]), torch.tensor([1, 2]))
    True
    """
    if input.shape != other.shape:
        return False
    return bool(eq(input, other).all())
