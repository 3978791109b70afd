"""Covariance and correlation of variables, one a row."""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import fail, warn
from tritonnn.ops._table import Bad, Sample, composite
from tritonnn.ops.linalg.products import matmul
from tritonnn.table import Make

_TYPES = (*dtypes.INTEGRAL, *dtypes.FLOATING, *dtypes.COMPLEX)


def _samples(make: Make) -> list[Sample]:
    return [Sample(make(3, 5)), Sample(make(6)), Sample(make(2, 4))]


def _weight(name: str, weight: Tensor | None, count: int, whole: bool, input: Tensor) -> None:
    if weight is None:
        return
    said: dict[str, Any] = {"input": input, name: weight}
    if len(weight.shape) > 1:
        text = f"expected {name} to have one or fewer dimensions but got {name} with {len(weight.shape)} dimensions"
        raise fail("cov", text, **said)
    if whole and (weight.dtype.kind != 1):
        raise fail(
            "cov",
            f"expected {name} to have integral dtype but got {name} with {weight.dtype.name} dtype",
            **said,
        )
    if not whole and not weight.dtype.is_floating_point:
        text = f"expected {name} to have floating point dtype but got {name} with {weight.dtype.name} dtype"
        raise fail("cov", text, **said)
    if weight.numel() != count:
        text = f"expected {name} to have the same numel as there are observations in the input but got"
        raise fail("cov", f"{text} {weight.numel()} != {count}", **said)
    if count and bool((weight < 0).any()):
        raise fail("cov", f"{name} cannot be negative", **said)


@composite(
    api="torch tensor", dtypes=_TYPES,
    samples=lambda make: [
        *_samples(make), Sample(make(2, 4), correction=0), Sample(make(2, 4), fweights=make.int(4, low=1, high=3)),
    ],
    errors=lambda make: [
        Bad(make(1, 2, 3), match="expected input to have two or fewer dimensions"),
        Bad(make.bool(2), match="bool dtype is not supported"),
        Bad(make(2, 3), fweights=make.int(2), match="same numel as there are observations"),
    ],
    reference=lambda input, correction, fweights: np.cov(input, ddof=correction, fweights=fweights),
)  # fmt: skip
def cov(
    input: Tensor, *, correction: int = 1, fweights: Tensor | None = None, aweights: Tensor | None = None
) -> Tensor:
    """The covariance matrix of variables (rows) by their observations (columns).

    Args:
        input: a matrix, or one variable, whose variance is returned.
        correction: what is subtracted from the number of observations.
        fweights: how often each observation was made.
        aweights: how much each observation counts.

    Raises:
        RuntimeError: more dimensions, truth values, or weights that are not one for each observation.

    >>> import tritonnn as torch
    >>> torch.cov(torch.tensor([[0., 1., 2.], [2., 1., 0.]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    if len(input.shape) > 2:
        text = f"expected input to have two or fewer dimensions but got an input with {len(input.shape)} dimensions"
        raise fail("cov", text, input=input)
    if input.dtype is dtypes.bool_:
        raise fail("cov", "bool dtype is not supported for input", input=input)
    rows = input if len(input.shape) == 2 else input.reshape(1, -1)
    count = rows.shape[1]
    _weight("fweights", fweights, count, True, input)
    _weight("aweights", aweights, count, False, input)
    weight = fweights if aweights is None else aweights if fweights is None else fweights * aweights
    if weight is not None:
        weight = weight.reshape(-1)
    total: Any = weight.sum() if weight is not None else None
    if total is not None and float(total.detach()) == 0:
        raise fail("cov", "weights sum to zero, can't be normalized", input=input)
    # before the mean, so that whole numbers become fractions
    rows = rows if rows.dtype.kind > 1 else rows.to(dtypes.get_default_dtype())
    mean = rows.mean(1, True) if weight is None else (rows * weight).sum(1, True) / total
    rows = rows - mean
    weighted = rows if weight is None else rows * weight
    if total is None:
        freedom = rows.new_full((), float(count - correction), dtype=rows.dtype.to_real())
    elif aweights is None or correction == 0:
        freedom = total - correction
    else:
        freedom = total - correction * (weight * aweights.reshape(-1)).sum() / total  # type: ignore[operator]
    if float(freedom.detach()) <= 0:
        warn(
            "cov(): degrees of freedom is <= 0. Correction should be strictly less than the number of observations."
        )
        freedom = freedom.clamp(0)
    result = matmul(rows, weighted.t().conj()) / freedom
    return result if len(input.shape) == 2 and input.shape[0] != 1 else result.squeeze()


@composite(
    api="torch tensor", dtypes=_TYPES, samples=_samples,
    errors=lambda make: [Bad(make(1, 2, 3), match="expected input to have two or fewer dimensions")],
    reference=lambda input: np.corrcoef(input),
)  # fmt: skip
def corrcoef(input: Tensor) -> Tensor:
    """Pearson's correlation of variables (rows) by their observations (columns).

    Raises:
        RuntimeError: more than two dimensions.

    >>> import tritonnn as torch
    >>> torch.corrcoef(torch.tensor([[0., 1., 2.], [2., 1., 0.]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    if len(input.shape) > 2:
        text = f"expected input to have two or fewer dimensions but got an input with {len(input.shape)} dimensions"
        raise fail("corrcoef", text, input=input)
    c = cov(input)
    if not c.shape:
        return c / c
    deviation = c.diagonal().sqrt()
    if c.dtype.is_complex:
        from tritonnn.ops.elementwise.derived import complex as joined

        c = c / deviation.unsqueeze(1) / deviation.unsqueeze(0)
        return joined(c.real.clamp(-1, 1), c.imag.clamp(-1, 1))
    return (c / deviation.unsqueeze(1) / deviation.unsqueeze(0)).clamp(-1, 1)
