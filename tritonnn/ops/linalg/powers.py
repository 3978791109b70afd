"""Powers and exponentials of matrices.

The exponential: N. Higham, "The scaling and squaring method for the matrix exponential revisited", 2005; its gradient:
I. Najfeld and T. Havel, "Derivatives of the matrix exponential and their computation", 1995.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import LinAlgError
from tritonnn.ops._table import Bad, Out, Sample, composite, primitive
from tritonnn.ops.joining.joining import cat
from tritonnn.ops.linalg import _matrices as m
from tritonnn.ops.linalg.inverse import inv


def _exp_grad(g: Tensor, A: Tensor) -> Tensor:
    """The upper right block of the exponential of [[A^H, g], [0, A^H]].

    It is linear in g, which is made small first: a large one would have the whole halved more often than A needs.
    """
    n, H = A.shape[-1], m.adjoint(A)
    if not n:
        return g
    size = g.detach().abs().amax((-2, -1), True)
    size = size.masked_fill(size == 0, 1)
    rows = cat([cat([H, g / size], -1), cat([H * 0, H], -1)], -2)
    return exponential(rows)[..., :n, n:] * size


_SAMPLES = lambda make: [Sample(make(3, 3)), Sample(make(2, 3, 3) * 4), Sample(make(2, 0, 0))]


@primitive(host="LAPACK", public="matrix_exp", dtypes=m.DECOMPOSED, grad={"A": _exp_grad}, samples=_SAMPLES)
def exponential(A: Tensor) -> Any:
    """e^A of matrices."""
    m.square(A)
    m.floating(A)
    return Out(A.shape, A.dtype)


def _by_series(A: np.ndarray) -> Any:
    """The definition in NumPy: the power series."""
    term = result = np.broadcast_to(np.eye(A.shape[-1], dtype=A.dtype), A.shape)
    for k in range(1, 120):
        term = term @ A / k
        result = result + term
    return result


def _exponential(A: Tensor) -> Tensor:
    """Half precision as well, computed in float32."""
    if A.dtype in (dtypes.float16, dtypes.bfloat16):
        return exponential(A.float()).to(A.dtype)
    return exponential(A)


_EXP = dict(
    dtypes=(dtypes.float16, dtypes.bfloat16, *m.DECOMPOSED),
    samples=_SAMPLES,
    errors=lambda make: [
        Bad(make(3), match="A must have at least 2 dimensions"),
        Bad(make(3, 2), match="batches of square matrices, but they are 3 by 2"),
        Bad(make.int(3, 3), match="Expected a floating point or complex tensor"),
    ],
)


@composite(**_EXP, api="linalg", public="matrix_exp", reference=lambda input: _by_series(input))
def linalg_matrix_exp(input: Tensor) -> Tensor:
    """The exponential of a square matrix, the sum of A^k / k!.

    Args:
        input: (*, n, n).

    Raises:
        RuntimeError: no square matrices.

    >>> import tritonnn as torch
    >>> torch.linalg.matrix_exp(torch.zeros(2, 2)).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    return _exponential(input)


@composite(**_EXP, api="torch tensor", reference=lambda input: _by_series(input))
def matrix_exp(input: Tensor) -> Tensor:
    """`linalg.matrix_exp`.

    >>> import tritonnn as torch
    >>> torch.matrix_exp(torch.zeros(2, 2)).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    return _exponential(input)


def _power(A: Tensor, n: int) -> Tensor:
    m.square(A)
    if n < 0:
        m.floating(A)
        A, n = inv(A), -n
    if n == 0:
        return m.zeros_of(A) + m.eye_like(A)
    if n == 3:
        return m.product(A, A, A)
    result, square = None, A
    while n:
        n, odd = divmod(n, 2)
        if odd:
            result = square if result is None else m.product(result, square)
        if n:
            square = m.product(square, square)
    assert result is not None
    return result.clone() if result is A else result


_POWER = dict(
    out=True,
    dtypes=m.DECOMPOSED,
    samples=lambda make: [
        Sample(m.regular(make, 3), 0),
        Sample(m.regular(make, 3), 1),
        Sample(m.regular(make, 2, 3), 3),
        Sample(m.regular(make, 3), 6),
        Sample(m.regular(make, 3), -2),
    ],
    errors=lambda make: [
        Bad(make(3), 2, match="A must have at least 2 dimensions"),
        Bad(make(3, 2), 2, match="batches of square matrices"),
        Bad(make(2, 2) * 0, -1, error=LinAlgError, match="singular"),
        Bad(make(2, 2), 1.5, error=TypeError, match="must be int, not float"),
    ],
)


@composite(
    **_POWER, api="linalg", public="matrix_power", reference=lambda input, n: np.linalg.matrix_power(input, n)
)
def linalg_matrix_power(input: Tensor, n: int) -> Tensor:
    """The n-th power of a square matrix; of a negative n that of its inverse.

    Args:
        input: (*, n, n).
        n: a whole number.

    Raises:
        LinAlgError: a negative power of a singular matrix.

    >>> import tritonnn as torch
    >>> torch.linalg.matrix_power(torch.tensor([[1., 1.], [0., 1.]]), 5).tolist()
    [[1.0, 5.0], [0.0, 1.0]]
    """
    return _power(input, n)


@composite(**_POWER, api="torch tensor", reference=lambda input, n: np.linalg.matrix_power(input, n))
def matrix_power(input: Tensor, n: int) -> Tensor:
    """`linalg.matrix_power`.

    >>> import tritonnn as torch
    >>> torch.matrix_power(torch.tensor([[1., 1.], [0., 1.]]), 5).tolist()
    [[1.0, 5.0], [0.0, 1.0]]
    """
    return _power(input, n)
