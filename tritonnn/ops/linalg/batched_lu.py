"""Earlier names of the LU factorization of batches of matrices."""

from __future__ import annotations

from typing import Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.ops._table import Bad, Sample, composite
from tritonnn.ops.linalg import _matrices as m
from tritonnn.ops.linalg.lu import compact_lu, factored, lu_by_rows, lu_unpack, unpacked
from tritonnn.ops.linalg.lu_solve import lu_solve, of_factors

_LU = dict(
    api="torch tensor",
    dtypes=m.DECOMPOSED,
    samples=lambda make: [Sample(make(2, 3, 3))],
    errors=lambda make: [
        Bad(make(3), match="A must have at least 2 dimensions"),
        Bad(make(3, 3), pivot=False, match="LU without pivoting"),
    ],
)


@composite(**_LU, reference=lambda A: lu_by_rows(A)[:2])
def btrifact(A: Tensor, *, pivot: bool = True) -> tuple[Tensor, ...]:
    """`torch.lu`.

    >>> import tritonnn as torch
    >>> torch.btrifact(torch.tensor([[[2., 1.], [4., 4.]]]))[0].tolist()
    [[[4.0, 4.0], [0.5, -1.0]]]
    """
    return compact_lu(A, pivot)


@composite(**_LU, reference=lambda A: lu_by_rows(A))
def btrifact_with_info(A: Tensor, *, pivot: bool = True) -> tuple[Tensor, ...]:
    """`torch.lu` with `get_infos=True`.

    >>> import tritonnn as torch
    >>> torch.btrifact_with_info(torch.zeros(1, 2, 2))[2]
    tensor([1], dtype=torch.int32)
    """
    return compact_lu(A, pivot, True)


@composite(
    api="torch tensor",
    dtypes=m.DECOMPOSED,
    samples=lambda make: [
        Sample(make(2, 3, 2), *factored(make, 2, 3, 3)), Sample(make(2, 3), *factored(make, 2, 3, 3)),
    ],
    errors=lambda make: [
        Bad(make(2, 2, 3), make(2, 3, 3), make.int(2, 3, dtype=dtypes.int32), match="Incompatible shapes of A and B"),
    ],
    reference=lambda input, LU_data, LU_pivots: (
        of_factors(LU_data, LU_pivots, input)
        if input.ndim == LU_data.ndim
        else of_factors(LU_data, LU_pivots, input[..., None])[..., 0]
    ),
)  # fmt: skip
def btrisolve(input: Tensor, LU_data: Tensor, LU_pivots: Tensor) -> Tensor:
    """`torch.lu_solve`, of matrices or of one vector for each matrix.

    >>> import tritonnn as torch
    >>> factors = torch.btrifact(torch.tensor([[[2., 1.], [4., 4.]]]))
    >>> torch.btrisolve(torch.tensor([[3., 8.]]), *factors).tolist()
    [[1.0, 1.0]]
    """
    if len(input.shape) == len(LU_data.shape) - 1:
        return lu_solve(input.unsqueeze(-1), LU_data, LU_pivots).squeeze(-1)
    return lu_solve(input, LU_data, LU_pivots)


@composite(
    api="torch",
    dtypes=m.DECOMPOSED,
    samples=lambda make: [Sample(*factored(make, 2, 3, 3))],
    errors=lambda make: [Bad(make(3, 3), make(3), match="LU_pivots is expected to be")],
    reference=lambda LU_data, LU_pivots: unpacked(LU_data, LU_pivots),
)
def btriunpack(
    LU_data: Tensor, LU_pivots: Tensor, unpack_data: bool = True, unpack_pivots: bool = True
) -> tuple[Any, ...]:
    """`torch.lu_unpack`.

    >>> import tritonnn as torch
    >>> P, L, U = torch.btriunpack(*torch.btrifact(torch.tensor([[[2., 1.], [4., 4.]]])))
    >>> (P @ L @ U).tolist()
    [[[2.0, 1.0], [4.0, 4.0]]]
    """
    return lu_unpack(LU_data, LU_pivots, unpack_data, unpack_pivots)
