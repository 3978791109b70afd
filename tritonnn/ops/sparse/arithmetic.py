"""Sums and multiples of sparse tensors, their dense form, and the one in which every index stands once."""

from __future__ import annotations

import math

from tritonnn import dispatch
from tritonnn._sparse import HINT, SparseTensor, make_sparse, with_values
from tritonnn._tensor import Tensor
from tritonnn.dtypes import bool_, can_cast, int64
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import fail
from tritonnn.ops.creation.creation import zeros
from tritonnn.ops.elementwise.comparison import ne
from tritonnn.ops.embedding import embedding_backward
from tritonnn.ops.joining.joining import cat
from tritonnn.ops.scatter.index_put import index_put
from tritonnn.ops.sparse._forms import sparse_form
from tritonnn.recording.grad_mode import no_grad
from tritonnn.table.arguments import is_number
from tritonnn.table.types import Number, Operand

# ---- its forms ------------------------------------------------------------------------------------------


def _flat_places(tensor: SparseTensor) -> Tensor:
    """Each index as one number, in row-major order."""
    places, extents = tensor._places, tensor._shape[: len(tensor._places)]
    if math.prod(extents) >= 1 << 63:
        raise fail("coalesce", "the sparse dimensions have more places than 64 bits can count", input=tensor)
    flat = places.new_zeros(tensor._nnz())
    for row, extent in zip(places, extents, strict=True):
        flat = flat * extent + row
    return flat


def _sums(values: Tensor, groups: Tensor, count: int) -> Tensor:
    """The sum of the values of each group, always in the order in which they stand."""
    wide = values.reshape(len(values), math.prod(values.shape[1:]))
    if values.dtype is bool_:
        summed = ne(_sums(values.to(int64), groups, count), 0)
    elif values.dtype.is_floating_point:
        summed = embedding_backward(wide, groups, count, None, False)
    else:
        summed = wide.new_zeros(count, wide.shape[1]).index_add(0, groups, wide)
    return summed.reshape(count, *values.shape[1:])


@sparse_form("coalesce")
def coalesce(input: SparseTensor) -> SparseTensor:
    """Sorted indices, each once, with the sums of their values; itself where it is so already.

    The order of summation is that in which the values stand: the same on every run and device.
    """
    if input._coalesced:
        return input
    nnz = input._nnz()
    if nnz < 2:
        return make_sparse(input._places, input._entries, input._shape, True)
    flat, groups = _flat_places(input).unique(return_inverse=True)
    values = _sums(input._entries, groups, len(flat))
    places = input._places.new_empty(len(input._places), len(flat))
    for dim in reversed(range(len(places))):
        extent = input._shape[dim]
        places[dim].copy_(flat % extent)
        flat = flat.floor_divide(extent)
    return make_sparse(places, values, input._shape, True)


@sparse_form("to_dense")
def to_dense(input: SparseTensor, dtype: DType | None = None, *, masked_grad: bool | None = None) -> Tensor:
    """All elements, with zeros where there is no index."""
    if masked_grad is not None:
        raise NotImplementedError(
            "to_dense: masked_grad is not implemented: the gradient is that of the values"
        )
    single = coalesce(input)
    values = single._entries if dtype is None else single._entries.to(dtype)
    dense = zeros(input._shape, dtype=values.dtype, device=values.device)
    if not len(single._places):
        return dense + values.sum(0) if len(values) else dense
    return index_put(dense, tuple(single._places), values)


# ---- sums -----------------------------------------------------------------------------------------------


def _check_number(op: str, alpha: object) -> None:
    if not is_number(alpha):
        raise TypeError(f"{op}(): argument 'alpha' must be Number, not {type(alpha).__name__}")


def _joined(op: str, a: SparseTensor, b: SparseTensor, alpha: Number) -> SparseTensor:
    """The entries of both, one after the other: what stands twice adds up."""
    if a._shape != b._shape:
        raise fail(
            op,
            f"expected sizes of 'self' and 'other' to match, but {list(a._shape)} != {list(b._shape)}",
            input=a,
            other=b,
        )
    if len(a._places) != len(b._places):
        raise fail(
            op,
            f"expected 'self' and 'other' to have same density, but 'self' has {len(a._places)} sparse dimensions "
            f"while 'other' has {len(b._places)} sparse dimensions",
            input=a,
            other=b,
        )
    dtype = dispatch.result_type(a._entries, b._entries)
    scaled = b._entries if alpha == 1 else b._entries * alpha
    values = cat([a._entries.to(dtype), scaled.to(dtype)])
    result = make_sparse(cat([a._places, b._places], 1), values, a._shape, False)
    return coalesce(result) if a._coalesced and b._coalesced else result


def _into_dense(op: str, dense: Tensor, other: SparseTensor, alpha: Number) -> Tensor:
    """Add a sparse tensor to a dense one, in place; nothing but its rows is touched."""
    if dense._shape != other._shape:
        raise fail(
            op,
            f"expected 'self' and 'other' to have same size, but self has size {list(dense._shape)} while other has "
            f"size {list(other._shape)} (FYI: dense-sparse addition does not currently support broadcasting)",
            input=dense,
            other=other,
        )
    dtype = dispatch.result_type(dense, other._entries)
    if not can_cast(dtype, dense.dtype):
        raise fail(
            op, f"Can't convert result type {dtype!r} to output {dense.dtype!r}", input=dense, other=other
        )
    single = coalesce(other)
    values = single._entries.to(dtype)
    values = values if alpha == 1 else values * alpha
    if not len(single._places):
        return dense.add_(values.sum(0)) if len(values) else dense
    if single._nnz():
        places = tuple(single._places)  # each once, so that reading and writing are in any order
        dense.index_put_(places, dense[places] + values)
    return dense


@sparse_form("add", "__add__")
def add(input: Operand, other: Operand, *, alpha: Number = 1) -> Tensor:
    """input + alpha * other of two sparse tensors: sparse; of a dense and a sparse one: dense."""
    _check_number("add", alpha)
    if not isinstance(other, SparseTensor):
        raise RuntimeError("add(sparse, dense) is not supported. Use add(dense, sparse) instead.")
    if isinstance(input, SparseTensor):
        return _joined("add", input, other, alpha)
    if not isinstance(input, Tensor):
        raise NotImplementedError(f"add of a number and a sparse tensor {HINT}")
    dtype = dispatch.result_type(input, other._entries)
    copy = input.clone() if dtype is input.dtype else input.to(dtype)
    return _into_dense("add", copy, other, alpha)


@sparse_form("__radd__")
def _radd(other: Tensor, input: Operand) -> Tensor:
    return add(input, other)


@sparse_form("add_", "__iadd__")
def add_(input: Tensor, other: Operand, *, alpha: Number = 1) -> Tensor:
    """Add a sparse tensor, in place."""
    _check_number("add_", alpha)
    if not isinstance(other, SparseTensor):
        raise RuntimeError("add(sparse, dense) is not supported. Use add(dense, sparse) instead.")
    if not isinstance(input, SparseTensor):
        return _into_dense("add_", input, other, alpha)
    total = _joined("add_", input, other, alpha)
    if total.dtype is not input.dtype:
        if not can_cast(total.dtype, input.dtype):
            raise fail(
                "add_",
                f"result type {total.dtype.name} can't be cast to the desired output type {input.dtype.name}",
                input=input,
                other=other,
            )
        total = with_values(total, total._entries.to(input.dtype))
    return input._replace(total)


def _less(alpha: Number) -> Number:
    return -alpha if is_number(alpha) else alpha


@sparse_form("sub", "__sub__", "subtract")
def sub(input: Operand, other: Operand, *, alpha: Number = 1) -> Tensor:
    """input - alpha * other."""
    return add(input, other, alpha=_less(alpha))


@sparse_form("__rsub__")
def _rsub(other: Tensor, input: Operand) -> Tensor:
    return sub(input, other)


@sparse_form("sub_", "__isub__", "subtract_")
def sub_(input: Tensor, other: Operand, *, alpha: Number = 1) -> Tensor:
    """Subtract a sparse tensor, in place."""
    return add_(input, other, alpha=_less(alpha))


# ---- multiples ------------------------------------------------------------------------------------------


def _factor(op: str, value: object) -> Tensor | Number:
    """A number, or a dense tensor of no dimensions."""
    if is_number(value) or (isinstance(value, Tensor) and not value._shape and not value.is_sparse):
        return value  # type: ignore[return-value]
    raise NotImplementedError(f"{op} by something else than a number {HINT}")


@sparse_form("mul", "__mul__", "__rmul__", "multiply")
def mul(input: Operand, other: Operand) -> SparseTensor:
    """A sparse tensor times a number."""
    sparse, factor = (input, other) if isinstance(input, SparseTensor) else (other, input)
    assert isinstance(sparse, SparseTensor)
    return with_values(sparse, sparse._entries * _factor("mul", factor))


@sparse_form("div", "__truediv__", "divide", "true_divide")
def div(input: Operand, other: Operand, *, rounding_mode: str | None = None) -> SparseTensor:
    """A sparse tensor divided by a number."""
    if rounding_mode is not None or not isinstance(input, SparseTensor):
        raise NotImplementedError(f"this form of div {HINT}")
    if not input._coalesced and not input._entries.dtype.is_floating_point:
        input = coalesce(input)
    return with_values(input, input._entries / _factor("div", other))


@sparse_form("neg", "__neg__", "negative")
def neg(input: SparseTensor) -> SparseTensor:
    """The negative."""
    return with_values(input, -input._entries)


@sparse_form("mul_", "__imul__", "multiply_")
def mul_(input: Tensor, other: Operand) -> Tensor:
    """Multiply by a number, in place."""
    if not isinstance(input, SparseTensor):
        raise NotImplementedError(f"mul_ by a sparse tensor {HINT}")
    input._entries.mul_(_factor("mul_", other))
    return input._replace(input)


@sparse_form("div_", "__itruediv__", "divide_")
def div_(input: Tensor, other: Operand, *, rounding_mode: str | None = None) -> Tensor:
    """Divide by a number, in place."""
    if rounding_mode is not None or not isinstance(input, SparseTensor):
        raise NotImplementedError(f"this form of div_ {HINT}")
    input._entries.div_(_factor("div_", other))
    return input._replace(input)


@sparse_form("neg_", "negative_")
def neg_(input: SparseTensor) -> SparseTensor:
    """The negative, in place."""
    input._entries.neg_()
    return input._replace(input)


@sparse_form("zero_")
def zero_(input: SparseTensor) -> SparseTensor:
    """Remove every entry, in place."""
    with no_grad():
        empty = make_sparse(
            input._places.new_empty(len(input._places), 0),
            input._entries.new_empty(0, *input._entries.shape[1:]),
            input._shape,
            True,
        )
    return input._replace(empty)
