"""Matrices of matrices: block_diag; covariances and correlations."""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import fail
from tritonnn.ops._table import ANY, FLOATING, Bad, Sample, composite
from tritonnn.ops.creation.creation import zeros
from tritonnn.ops.elementwise.elementwise import conjugate
from tritonnn.ops.joining.joining import cat
from tritonnn.ops.linalg.linalg import matmul


def _blocks(*tensors: Any) -> Any:
    """The definition of block_diag in NumPy."""
    matrices = [np.atleast_2d(t) for t in tensors]
    result = np.zeros([sum(m.shape[d] for m in matrices) for d in (0, 1)], np.result_type(*matrices))
    row = column = 0
    for matrix in matrices:
        result[row : row + matrix.shape[0], column : column + matrix.shape[1]] = matrix
        row, column = row + matrix.shape[0], column + matrix.shape[1]
    return result


@composite(
    api="torch", dtypes=ANY, reference=_blocks,
    samples=lambda make: [Sample(make(2, 3), make(1, 2), make(3)), Sample(make(()), make(2, 2)), Sample(make(2, 2))],
    errors=lambda make: [
        Bad(make(2, 2, 2), match="must have 2 or fewer dimensions"),
        Bad(make(2), 1, error=TypeError, match="must be Tensor, not int"),
    ],
)  # fmt: skip
def block_diag(*tensors: Tensor) -> Tensor:
    """A matrix with the tensors along its diagonal and zeros elsewhere; a vector is a row.

    >>> import tritonnn as torch
    >>> torch.block_diag(torch.tensor([[1, 2]]), torch.tensor([3]))
    tensor([[1, 2, 0],
            [0, 0, 3]])
    """
    for number, tensor in enumerate(tensors):
        if not isinstance(tensor, Tensor):
            raise TypeError(f"block_diag(): argument 'tensors' must be Tensor, not {type(tensor).__name__}")
        if len(tensor.shape) > 2:
            text = f"Input tensors must have 2 or fewer dimensions. Input {number} has {len(tensor.shape)} dimensions"
            raise fail("block_diag", text, tensor=tensor)
    matrices = [t if len(t.shape) == 2 else t.reshape(1, -1) for t in tensors]
    if not matrices:
        return zeros((1, 0))
    width, before, rows = sum(m.shape[1] for m in matrices), 0, []
    for m in matrices:
        height, after = m.shape[0], width - before - m.shape[1]
        left, right = (zeros((height, n), dtype=m.dtype, device=m.device) for n in (before, after))
        rows.append(cat([left, m, right], 1))
        before += m.shape[1]
    return cat(rows, 0)


def _weights(name: str, count: int, weights: Tensor | None, whole: bool) -> None:
    """Refuse what cannot weight `count` observations."""
    if weights is None:
        return
    kind = "integral" if whole else "floating point"
    if len(weights.shape) > 1:
        raise fail("cov", f"expected {name} to have one or fewer dimensions but got {len(weights.shape)}")
    if (weights.dtype.kind in (0, 1)) is not whole or weights.dtype.kind == 0 or weights.dtype.kind == 3:
        raise fail("cov", f"expected {name} to have {kind} dtype but got {weights.dtype.name}")
    if weights.numel() != count:
        text = f"expected {name} to have the same numel as there are observations in the input"
        raise fail("cov", f"{text} but got {weights.numel()} != {count}")
    if weights.numel() and not bool(weights.min() >= 0):  # NaN among them
        raise fail("cov", f"{name} cannot be negative")


def _cov(input: Any, correction: int, fweights: Any, aweights: Any) -> Any:
    return np.cov(np.atleast_2d(input), ddof=correction, fweights=fweights, aweights=aweights)


@composite(
    api="torch tensor", dtypes=FLOATING, reference=_cov,
    samples=lambda make: [
        Sample(make(3, 6)), Sample(make(5)), Sample(make(2, 5), correction=0),
        Sample(make(2, 4), fweights=make.int(4, low=1, high=4), aweights=make(4, positive=True)).constant("fweights"),
    ],
    errors=lambda make: [
        Bad(make(2, 2, 2), match="to have two or fewer dimensions"),
        Bad(make(2, 3), fweights=make(3), match="fweights to have integral dtype"),
        Bad(make(2, 3), fweights=make.int(2), match="same numel"), Bad("a", error=TypeError, match="must be Tensor"),
    ],
)  # fmt: skip
def cov(
    input: Tensor, *, correction: int = 1, fweights: Tensor | None = None, aweights: Tensor | None = None
) -> Tensor:
    """The covariances of variables, which are the rows of `input`; its columns are observations.

    Args:
        correction: what is taken off the number of observations.
        fweights: how often each observation was made.
        aweights: how much each observation counts.

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
    x = input if len(input.shape) == 2 else input.reshape(1, -1)
    count = x.shape[1]
    _weights("fweights", count, fweights, True)
    _weights("aweights", count, aweights, False)
    weights = fweights
    if aweights is not None:
        weights = aweights if fweights is None else fweights * aweights
    if weights is None:
        total: Any = count
        mean = x.sum(1, True) / count
        norm: Any = total - correction
    else:
        total = weights.sum()
        mean = (x * weights).sum(1, True) / total
        squares = total if aweights is None else (weights * aweights).sum() / total
        norm = total - correction * (1 if aweights is None else squares)
    norm = max(norm, 0) if not isinstance(norm, Tensor) else norm.clamp(min=0)
    x = x - mean
    result = matmul(x, conjugate(x if weights is None else x * weights).t()) / norm
    return result.squeeze()


@composite(
    api="torch tensor", dtypes=FLOATING, reference=lambda input: np.corrcoef(input),
    samples=lambda make: [Sample(make(3, 6)), Sample(make(5))],
    errors=lambda make: [
        Bad(make(2, 2, 2), match="to have two or fewer dimensions"), Bad("a", error=TypeError, match="must be Tensor"),
    ],
)  # fmt: skip
def corrcoef(input: Tensor) -> Tensor:
    """Pearson's correlations of the rows of `input`.

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
    variances = c.diagonal()
    deviations = (variances.real if c.dtype.is_complex else variances).sqrt()
    c = c / deviations.unsqueeze(1) / deviations.unsqueeze(0)
    if c.dtype.is_complex:
        from tritonnn.ops.elementwise.derived import complex as joined

        return joined(c.real.clamp(-1, 1), c.imag.clamp(-1, 1))
    return c.clamp(-1, 1)
