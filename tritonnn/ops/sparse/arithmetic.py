"""Sums of sparse tensors, their dense form, and the one in which every index stands once."""

from __future__ import annotations

import math

from tritonnn import dispatch
from tritonnn._sparse import Sparse, SparseTensor, make_sparse, with_values
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
from tritonnn.recording.grad_mode import state
from tritonnn.table.arguments import is_number
from tritonnn.table.types import Number, Operand

# ---- its forms ------------------------------------------------------------------------------------------


def flat_places(tensor: SparseTensor) -> Tensor:
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


def distinct(tensor: SparseTensor) -> tuple[Tensor, Tensor]:
    """To which of the distinct indices each entry belongs, and those indices, sorted."""
    flat, groups = flat_places(tensor).unique(return_inverse=True)
    places = tensor._places.new_empty(len(tensor._places), len(flat))
    for dim in reversed(range(len(places))):
        extent = tensor._shape[dim]
        places[dim].copy_(flat % extent)
        flat = flat.floor_divide(extent)
    return groups, places


@sparse_form("coalesce")
def coalesce(input: SparseTensor) -> SparseTensor:
    """Sorted indices, each once, with the sums of their values; itself where it is so already.

    The order of summation is that in which the values stand: the same on every run and device.
    """
    if input._coalesced:
        return input
    if input._nnz() < 2:
        return make_sparse(input._places, input._entries, input._shape, True)
    groups, places = distinct(input)
    return make_sparse(places, _sums(input._entries, groups, places._shape[1]), input._shape, True)


def wants_whole(input: Sparse, dtype: DType | None, masked_grad: bool | None) -> bool:
    """Whether the gradient of `to_dense` has elements at places that the sparse tensor has not.

    Raises:
        RuntimeError: another type is asked for.
        NotImplementedError: it is asked of a computed tensor: values go back to where it has values.
    """
    if dtype is not None:
        raise RuntimeError(
            "to_dense: dtype argument is not supported by sparse_to_dense. Hint: .to(dtype) comes after"
        )
    if masked_grad is not False or not input.requires_grad or not state.enabled or _has_all(input):
        return False
    if not input._leaf:
        raise NotImplementedError(
            "to_dense: masked_grad=False of a computed sparse tensor that has not all places is not implemented: its "
            "gradient is that of its values. Hint: masked_grad=True, or .to_dense(masked_grad=False) of the leaf"
        )
    return True


def _has_all(input: Sparse) -> bool:
    """Whether a tensor has a value at every place."""
    if isinstance(input, SparseTensor):
        extents = input._shape[: len(input._places)]
        return input._nnz() >= math.prod(extents) and coalesce(input)._nnz() == math.prod(extents)
    return input._entries.numel() == math.prod(input._shape)


@sparse_form("to_dense")
def to_dense(input: SparseTensor, dtype: DType | None = None, *, masked_grad: bool | None = None) -> Tensor:
    """All elements, with zeros where there is no index."""
    if wants_whole(input, dtype, masked_grad):
        from tritonnn.ops.sparse.leaves import whole

        return whole(input)
    single = coalesce(input)
    values = single._entries
    dense = zeros(input._shape, dtype=values.dtype, device=values.device)
    if not len(single._places):
        return values.sum(0).to(values.dtype) if len(values) else dense
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
        return dense.add_(values.sum(0).to(values.dtype)) if len(values) else dense
    places = tuple(single._places)  # each once, so that reading and writing are in any order
    return dense.index_put_(places, dense[places] + values)


@sparse_form("add", "__add__")
def add(input: Operand, other: Operand, *, alpha: Number = 1) -> Tensor:
    """input + alpha * other of two sparse tensors: sparse; of a dense and a sparse one: dense."""
    _check_number("add", alpha)
    if not isinstance(other, SparseTensor):
        raise RuntimeError("add(sparse, dense) is not supported. Use add(dense, sparse) instead.")
    if isinstance(input, SparseTensor):
        return _joined("add", input, other, alpha)
    if not isinstance(input, Tensor):
        raise RuntimeError("add(sparse, dense) is not supported. Use add(dense, sparse) instead.")
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
