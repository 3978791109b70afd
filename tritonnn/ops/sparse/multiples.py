"""Products, quotients and powers of sparse tensors, element by element."""

from __future__ import annotations

import math
from typing import Any

from tritonnn._compressed import BY_ROWS, CompressedTensor
from tritonnn._sparse import HINT, Sparse, SparseTensor, make_sparse, with_values
from tritonnn._tensor import Tensor
from tritonnn.dispatch import result_type
from tritonnn.dtypes import can_cast
from tritonnn.errors import fail
from tritonnn.memory_format import sparse_csr
from tritonnn.ops.creation.ranges import arange
from tritonnn.ops.joining.joining import stack
from tritonnn.ops.sparse._forms import sparse_form
from tritonnn.ops.sparse.arithmetic import add as add_coo
from tritonnn.ops.sparse.arithmetic import coalesce, flat_places
from tritonnn.ops.sparse.conversion import batches, compress, coo_to_compressed, flat_values
from tritonnn.ops.sparse.conversion import flat_places as places_of
from tritonnn.ops.sparse.masking import found, taken_at
from tritonnn.shape import Size, broadcast_shapes
from tritonnn.table.arguments import is_number
from tritonnn.table.types import Number, Operand

BOTH = "coo compressed"

# ---- compressed tensors by way of COO -----------------------------------------------------------------------


def as_entries(t: CompressedTensor) -> SparseTensor:
    """The values, or blocks, with their matrix, line and place, in the order of the layout."""
    number, row, column = places_of(t)
    pair = (row, column) if t._layout in BY_ROWS else (column, row)
    values = flat_values(t)
    batch, block = t._batch_dims, t._block or (1, 1)
    grid = t._shape[batch] // block[0], t._shape[batch + 1] // block[1]
    grid = grid if t._layout in BY_ROWS else grid[::-1]
    return make_sparse(stack([number, *pair]), values, Size((batches(t), *grid, *values._shape[1:])), True)


def from_entries(entries: Tensor, like: CompressedTensor) -> CompressedTensor:
    """The inverse of `as_entries`."""
    assert isinstance(entries, SparseTensor)
    number, line, place = coalesce(entries)._places
    row, column = (line, place) if like._layout in BY_ROWS else (place, line)
    count = batches(like)
    if count > 1 and bool((number.bincount(minlength=count) != len(number) // count).any()):
        raise RuntimeError("Expect the same number of specified elements per batch.")
    values = coalesce(entries)._entries
    return compress(
        number, row, column, values, like._shape, like._batch_dims, like._layout, like._starts._dtype
    )


def _alike(op: str, a: CompressedTensor, b: CompressedTensor) -> None:
    if a._shape != b._shape:
        raise fail(
            op, f"expected sizes of 'self' and 'other' to match, but {list(a._shape)} != {list(b._shape)}"
        )
    if a._layout is not b._layout or a._block != b._block:
        raise NotImplementedError(f"{op} of {a._layout} and {b._layout} {HINT}")


@sparse_form("add", "__add__", of="compressed")
def add(input: Operand, other: Operand, *, alpha: Number = 1) -> Tensor:
    """input + alpha * other, of one compressed layout; with a dense tensor, dense."""
    if not is_number(alpha):
        raise TypeError(f"add(): argument 'alpha' must be Number, not {type(alpha).__name__}")
    if isinstance(input, CompressedTensor) and isinstance(other, CompressedTensor):
        _alike("add", input, other)
        return from_entries(add_coo(as_entries(input), as_entries(other), alpha=alpha), input)
    sizes = [part._shape if isinstance(part, Tensor) else () for part in (input, other)]
    if sizes[0] != sizes[1] or isinstance(input, SparseTensor) or isinstance(other, SparseTensor):
        raise RuntimeError(
            f"add: expected 'self' and 'other' to have same size, but self has size {list(sizes[0])} while other has "
            f"size {list(sizes[1])} (FYI: op2-sparse addition does not currently support broadcasting)"
        )
    parts: tuple[Any, Any] = input, other
    dense = [part.to_dense() for part in parts]
    return dense[0].add(dense[1], alpha=alpha)


@sparse_form("__radd__", of="compressed")
def _radd(other: Tensor, input: Operand) -> Tensor:
    return add(input, other)


@sparse_form("add_", "__iadd__", of="compressed")
def add_(input: Tensor, other: Operand, *, alpha: Number = 1) -> Tensor:
    """Add in place."""
    total = add(input, other, alpha=alpha)
    if not isinstance(input, CompressedTensor):
        return input.copy_(total)
    if not isinstance(total, CompressedTensor):
        raise RuntimeError("add_: expected a sparse tensor to add to a sparse one, got a dense one")
    return input._replace(_fitting("add_", input, total))


def _fitting(op: str, input: Tensor, made: Sparse) -> Any:
    """A result in the type of the tensor that takes it."""
    if made._dtype is input._dtype:
        return made
    if not can_cast(made._dtype, input._dtype):
        raise fail(
            op,
            f"result type {made._dtype.name} can't be cast to the desired output type {input._dtype.name}",
            input=input,
        )
    return with_values(made, made._entries.to(input._dtype))


# ---- products -----------------------------------------------------------------------------------------------


def _is_factor(value: object) -> bool:
    """A number, or a dense tensor of no dimensions."""
    return is_number(value) or (
        isinstance(value, Tensor) and not value._shape and not isinstance(value, Sparse)
    )


def _common(a: SparseTensor, b: SparseTensor) -> SparseTensor:
    """The products at the indices that both have."""
    if a._shape != b._shape:
        raise fail(
            "mul", f"expected 'self' and 'other' to have same sizes, but {list(a._shape)} != {list(b._shape)}",
            input=a, other=b,
        )  # fmt: skip
    if len(a._places) != len(b._places):
        raise fail("mul", "expected 'self' and 'other' to have as many sparse dimensions", input=a, other=b)
    a, b = coalesce(a), coalesce(b)
    if a._places is b._places:
        return with_values(a, a._entries * b._entries)
    at, there = found(flat_places(a), flat_places(b))
    kept = there.nonzero().reshape(-1)
    values = a._entries[kept] * b._entries[at[kept]]
    return make_sparse(a._places[:, kept], values, a._shape, True)


@sparse_form("mul", "__mul__", "__rmul__", "multiply", of=BOTH)
def mul(input: Operand, other: Operand) -> Any:
    """The product: sparse where a factor is. Of a dense factor the elements at the places of the sparse one count."""
    if isinstance(input, Sparse) and isinstance(other, Sparse):
        if isinstance(input, SparseTensor) and isinstance(other, SparseTensor):
            return _common(input, other)
        if isinstance(input, CompressedTensor) and isinstance(other, CompressedTensor):
            _alike("mul", input, other)
            return from_entries(_common(as_entries(input), as_entries(other)), input)
        return _mixed(input, other)
    pair: tuple[Any, Any] = (input, other) if isinstance(input, Sparse) else (other, input)
    sparse, factor = pair
    if _is_factor(factor):
        return with_values(sparse, _typed(sparse, factor) * factor)
    if not isinstance(factor, Tensor):
        raise TypeError(
            f"mul(): argument 'other' (position 2) must be Tensor or Number, not {type(factor).__name__}"
        )
    if isinstance(sparse, SparseTensor):
        sparse = broadcast(sparse, broadcast_shapes(sparse._shape, factor._shape))
    return with_values(sparse, _factors(sparse, factor))


def _mixed(a: Sparse, b: Sparse) -> Sparse:
    """The product of a CSR matrix and one in COO layout: CSR.

    Raises:
        NotImplementedError: other layouts.
    """
    if not isinstance(a, CompressedTensor) or a._layout is not sparse_csr or not isinstance(b, SparseTensor):
        raise NotImplementedError(f"mul of {a.layout} and {b.layout} {HINT}")
    if len(b._places) != 2 or a._batch_dims or a._shape != b._shape:
        raise fail("mul", "expected a CSR matrix and one of the same shape in COO layout", input=a, other=b)
    return mul(a, coo_to_compressed(b, sparse_csr, None))


def broadcast(sparse: SparseTensor, shape: Size) -> SparseTensor:
    """Entries repeated along new sparse dimensions, and those of extent 1, as a product of this shape wants."""
    if sparse._shape == shape:
        return sparse
    count, dims = len(sparse._places), len(shape) - sparse.dense_dim()
    new = dims - count
    grown = [d for d in range(dims) if d < new or sparse._shape[d - new] != shape[d]]
    repeats = math.prod([shape[d] for d in grown])
    number = arange(repeats, device=sparse._device).repeat_interleave(sparse._nnz())
    rows: list[Any] = [None] * dims
    for d in reversed(grown):
        rows[d] = number % shape[d]
        number = number.floor_divide(shape[d])
    rows = [sparse._places[d - new].repeat(repeats) if row is None else row for d, row in enumerate(rows)]
    values = sparse._entries
    values = values.expand(repeats, *values._shape).flatten(0, 1).expand(-1, *shape[dims:])
    ordered = sparse._coalesced and grown == list(range(new))
    return make_sparse(stack(rows) if rows else sparse._places, values, shape, ordered)


def _factors(sparse: Sparse, dense: Tensor) -> Tensor:
    """The values times the elements of a dense tensor, which is broadcast, at their places."""
    if dense._shape != sparse._shape:
        if isinstance(sparse, CompressedTensor):
            raise fail(
                "mul",
                f"sparse_mask(): operands have incompatible sizes; self has size {list(dense._shape)} but mask has "
                f"size {list(sparse._shape)}",
            )
        dense = dense.expand(sparse._shape)
    there = taken_at(dense, sparse)
    return sparse._entries * there


@sparse_form("mul_", "__imul__", "multiply_", of=BOTH)
def mul_(input: Tensor, other: Operand) -> Tensor:
    """Multiply in place."""
    if not isinstance(input, Sparse):
        if isinstance(other, CompressedTensor):
            raise NotImplementedError(f"mul_ by a tensor of layout {other._layout} {HINT}")
        return input.copy_(mul(input, other).to_dense())
    made = _fitting("mul_", input, mul(input, other))
    if made._shape != input._shape:
        raise RuntimeError(
            f"mul_: output with shape {list(input._shape)} doesn't match the broadcast shape {list(made._shape)}"
        )
    if isinstance(made, SparseTensor) and not isinstance(other, Sparse):
        made = make_sparse(made._places, made._entries, made._shape, False)  # as PyTorch says
    return input._replace(made)


@sparse_form("ldexp_", of=BOTH)
def ldexp_(input: Any, other: Tensor) -> Any:
    """Multiply by powers of two, in place."""
    return mul_(input, 2.0**other)


# ---- quotients and powers -------------------------------------------------------------------------------------


def _divided(op: str, input: Operand, other: Any, rounding_mode: str | None) -> Any:
    if not isinstance(input, SparseTensor) or not _is_factor(other):
        shape = list(getattr(other, "_shape", ()))
        raise RuntimeError(
            f"Sparse division requires a scalar or zero-dim dense tensor divisor (got shape {shape} for divisor)"
        )
    if rounding_mode is not None:  # equal indices add up before what is not linear in them
        input = coalesce(input)
    return with_values(input, _typed(input, other).div(other, rounding_mode=rounding_mode))


def _typed(sparse: Sparse, factor: Any) -> Tensor:
    """The values in the type of the result: with a tensor of no dimensions a factor counts as much as the tensor."""
    values = sparse._entries
    if sparse._shape or not isinstance(factor, Tensor):
        return values
    return values.to(result_type(values.reshape(-1)[:0].sum(), factor))


@sparse_form("div", "__truediv__", "divide", "true_divide")
def div(input: Operand, other: Operand, *, rounding_mode: str | None = None) -> Any:
    """A sparse tensor divided by a number."""
    return _divided("div", input, other, rounding_mode)


@sparse_form("div_", "__itruediv__", "divide_", "true_divide_")
def div_(input: Tensor, other: Operand, *, rounding_mode: str | None = None) -> Any:
    """Divide by a number, in place."""
    if not isinstance(input, Sparse):
        raise NotImplementedError(f"div_ by a sparse tensor {HINT}")
    return input._replace(_fitting("div_", input, div(input, other, rounding_mode=rounding_mode)))


@sparse_form("floor_divide", "__floordiv__")
def floor_divide(input: Operand, other: Operand) -> Any:
    """The quotient by a number, rounded down."""
    return _divided("floor_divide", input, other, "floor")


@sparse_form("floor_divide_", "__ifloordiv__")
def floor_divide_(input: Tensor, other: Operand) -> Any:
    """Divide by a number and round down, in place."""
    if not isinstance(input, Sparse):
        raise NotImplementedError(f"floor_divide_ by a sparse tensor {HINT}")
    return input._replace(_fitting("floor_divide_", input, floor_divide(input, other)))


@sparse_form("pow", "__pow__")
def pow(input: Operand, exponent: Any) -> Any:
    """A power of every element that is there; the exponent is a number other than zero.

    Raises:
        RuntimeError: the exponent is zero: every element would become 1.
    """
    known = isinstance(input, SparseTensor) and is_number(exponent) and not isinstance(exponent, complex)
    if not known or exponent < 0:  # of a negative one the elements that are not there would be infinite
        raise NotImplementedError(
            f"pow with a tensor or a negative number as exponent, or of a compressed tensor, {HINT}"
        )
    if exponent == 0:
        raise RuntimeError(
            "pow: cannot raise to zeroth power on sparse tensor; it would make the result tensor dense"
        )
    single = coalesce(input)  # type: ignore[arg-type]
    return with_values(single, single._entries**exponent)
