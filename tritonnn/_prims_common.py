"""Small questions about dtypes, shapes and strides that packages ask `torch._prims_common`."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.dtypes import dtype as DType
from tritonnn.shape import contiguous_strides

_LOW = (dtypes.float16, dtypes.bfloat16)
_REAL = {
    dtypes.complex128: dtypes.float64,
    dtypes.complex64: dtypes.float32,
    dtypes.complex32: dtypes.float16,
}


class ELEMENTWISE_TYPE_PROMOTION_KIND(Enum):
    """How the dtypes of an elementwise function's result and computation follow from those of its arguments."""

    DEFAULT, NO_OPMATH, INT_TO_FLOAT, ALWAYS_BOOL, COMPLEX_TO_FLOAT, BOOL_TO_LONG = (
        (0,),
        (1,),
        (2,),
        (3,),
        (4,),
        (5,),
    )


def is_boolean_dtype(dtype: DType) -> bool:
    """Whether it is bool."""
    return dtype is dtypes.bool_


def is_integer_dtype(dtype: DType) -> bool:
    """Whether its values are whole numbers, bool among them not.

    >>> import tritonnn as torch
    >>> torch._prims_common.is_integer_dtype(torch.uint8), torch._prims_common.is_integer_dtype(torch.bool)
    (True, False)
    """
    return not (is_boolean_dtype(dtype) or dtype.is_floating_point or dtype.is_complex)


def is_float_dtype(dtype: DType) -> bool:
    """Whether it is a floating one."""
    return dtype.is_floating_point


def is_complex_dtype(dtype: DType) -> bool:
    """Whether it is a complex one."""
    return dtype.is_complex


def is_grad_dtype(dtype: DType) -> bool:
    """Whether tensors of it can require grad."""
    return dtype.is_floating_point or dtype.is_complex


def is_low_precision_dtype(dtype: DType) -> bool:
    """Whether it is float16, bfloat16 or complex32."""
    return dtype in _LOW or dtype is dtypes.complex32


def corresponding_real_dtype(dtype: DType) -> DType:
    """The dtype of the parts of complex numbers.

    >>> import tritonnn as torch
    >>> torch._prims_common.corresponding_real_dtype(torch.complex64)
    torch.float32
    """
    return _REAL[dtype]


def corresponding_complex_dtype(dtype: DType) -> DType:
    """The dtype of complex numbers with parts of this one; bfloat16 has complex64."""
    return (
        dtypes.complex64 if dtype is dtypes.bfloat16 else {real: pair for pair, real in _REAL.items()}[dtype]
    )


def get_computation_dtype(dtype: DType) -> DType:
    """What is computed with: float32 for float16 and bfloat16."""
    return {**dict.fromkeys(_LOW, dtypes.float32), dtypes.complex32: dtypes.complex64}.get(dtype, dtype)


def dtype_to_type(dtype: DType) -> type:
    """The type of Python's numbers."""
    if is_boolean_dtype(dtype):
        return bool
    return complex if dtype.is_complex else float if dtype.is_floating_point else int


def type_to_dtype(typ: type) -> DType:
    """The dtype that a type of Python's numbers means."""
    if typ is complex:
        return corresponding_complex_dtype(dtypes.get_default_dtype())
    known = {bool: dtypes.bool_, int: dtypes.int64, float: dtypes.get_default_dtype()}
    if typ not in known:
        raise ValueError(f"Invalid type {typ}!")
    return known[typ]


def canonicalize_dim(rank: int, idx: int, wrap_scalar: bool = True) -> int:
    """A dimension counted from the front.

    Raises:
        IndexError: there is none such.

    >>> import tritonnn as torch
    >>> torch._prims_common.canonicalize_dim(3, -1)
    2
    """
    if rank < 0:
        raise IndexError(f"Rank cannot be negative but got {rank}")
    if rank == 0 and not wrap_scalar:
        raise IndexError(f"Dimension specified as {idx} but tensor has no dimensions")
    most = max(rank, 1)
    if not -most <= idx < most:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-most}, {most - 1}], but got {idx})"
        )
    return idx % most


def canonicalize_dims(rank: int, indices: Any, wrap_scalar: bool = True) -> Any:
    """Dimensions counted from the front; of one number, a number."""
    if isinstance(indices, Sequence):
        return tuple(canonicalize_dim(rank, index, wrap_scalar) for index in indices)
    return canonicalize_dim(rank, indices, wrap_scalar)


def make_contiguous_strides_for(shape: Sequence[int], row_major: bool = True) -> tuple[int, ...]:
    """The strides of a contiguous tensor; of matrices that lie by columns without `row_major`.

    >>> import tritonnn as torch
    >>> torch._prims_common.make_contiguous_strides_for((2, 3, 4))
    (12, 4, 1)
    """
    strides = tuple(contiguous_strides(tuple(shape)))
    if row_major or len(shape) < 2:
        return strides
    return (*strides[:-2], 1, max(shape[-2], 1))


def is_contiguous(a: Tensor, false_if_dde: bool = False) -> bool:
    """Whether a tensor lies in memory in the order of its elements."""
    return a.is_contiguous()


is_contiguous_or_false = is_contiguous


def is_same_shape(a: Sequence[int], b: Sequence[int]) -> bool:
    """Whether two shapes are one."""
    return tuple(a) == tuple(b)


def apply_perm(inp: Sequence[int], perm: Sequence[int]) -> list[int]:
    """The items in the order that a permutation says."""
    return [inp[place] for place in perm]


def invert_perm(perm: Sequence[int]) -> list[int]:
    """The permutation that takes one back."""
    return sorted(range(len(perm)), key=perm.__getitem__)


def is_valid_permutation(rank: int, perm: Any) -> bool:
    """Whether it has every number below the rank once."""
    return isinstance(perm, Sequence) and sorted(perm) == list(range(rank))


def reduction_dims(shape: Sequence[int], dims: Sequence[int] | None) -> tuple[int, ...]:
    """The dimensions to reduce, all for None, counted from the front; each once."""
    if dims is None:
        return tuple(range(len(shape)))
    counted = tuple(canonicalize_dim(len(shape), dim) for dim in dims)
    if len({*counted}) != len(counted):
        raise RuntimeError("duplicate value in the list of dims")
    return counted
