"""Written by `python -m tritonnn.ops stubs`, from the op table."""

from typing import Any

from tritonnn._methods import Qr
from tritonnn._tensor import Tensor
from tritonnn.dtypes import dtype as DType
from tritonnn.table.types import Dims, Number

def solve_triangular(
    A: Tensor,
    B: Tensor,
    *,
    upper: bool,
    left: bool = True,
    unitriangular: bool = False,
    out: Tensor | None = None,
) -> Tensor: ...
def cholesky(A: Tensor, *, upper: bool = False, out: Tensor | None = None) -> Tensor: ...
def cholesky_ex(
    A: Tensor, *, upper: bool = False, check_errors: bool = False, out: tuple[Tensor, ...] | None = None
) -> tuple[Tensor, Tensor]: ...
def qr(A: Tensor, mode: str = "reduced", *, out: tuple[Tensor, ...] | None = None) -> Qr: ...
def inv(A: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def inv_ex(
    A: Tensor, *, check_errors: bool = False, out: tuple[Tensor, ...] | None = None
) -> tuple[Tensor, Tensor]: ...
def multi_dot(tensors: Any, *, out: Tensor | None = None) -> Tensor: ...
def vector_norm(
    input: Tensor,
    ord: Number = 2,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: DType | None = None,
    out: Tensor | None = None,
) -> Tensor: ...
