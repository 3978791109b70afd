"""Sums, norms and softmax of sparse tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tritonnn._compressed import CompressedTensor
from tritonnn._sparse import HINT, Sparse, SparseTensor, make_sparse, with_values
from tritonnn._tensor import Tensor
from tritonnn.dtypes import dtype as DType
from tritonnn.dtypes import int64
from tritonnn.errors import fail
from tritonnn.ops.creation.creation import zeros
from tritonnn.ops.joining.joining import stack
from tritonnn.ops.sparse._forms import need_tensors, sparse_form
from tritonnn.ops.sparse.arithmetic import coalesce, flat_places
from tritonnn.shape import Size, as_size, broadcast_shapes, wrap_dim
from tritonnn.table.types import Dims

BOTH = "coo compressed"


def _dims(op: str, dim: Dims, count: int) -> list[int]:
    """The dimensions to reduce; none named: all."""
    if dim is None or (isinstance(dim, (tuple, list)) and not dim):
        return list(range(count))
    wrapped = [wrap_dim(d, count) for d in (dim if isinstance(dim, (tuple, list)) else (dim,))]
    for d in wrapped:
        if wrapped.count(d) > 1:
            raise RuntimeError(f"{op}: dim {d} appears multiple times in the list of dims")
    return wrapped


def summed(op: str, input: SparseTensor, dim: Dims, keepdim: bool, dtype: DType | None) -> Tensor:
    """The sum over dimensions: sparse while sparse ones are left, else dense."""
    count, sparse = len(input._shape), len(input._places)
    dims = _dims(op, dim, count)
    values = input._entries if dtype is None else input._entries.to(dtype)
    if (
        dtype is None
        and (op == "sum" or len(dims) == count)
        and not (kept := values._dtype).is_floating_point
    ):
        values = values if kept.is_complex else values.to(int64)  # sums of integers
    if dim is None and dtype is None:
        total = values.sum()
        return total.reshape([1] * count) if keepdim else total
    kind = values._dtype
    dense = [d - sparse + 1 for d in dims if d >= sparse]
    if dense:
        values = values.sum(dense, keepdim=keepdim).to(kind)
    gone = [d for d in dims if d < sparse]
    left = [d for d in range(sparse) if d not in gone]
    if not left:
        total = values.sum(0)
        total = total if dtype is None and dim is None else total.to(kind)
        return total.reshape([*[1] * sparse, *total._shape]) if keepdim else total
    shape = [1 if d in dims else n for d, n in enumerate(input._shape) if keepdim or d not in dims]
    if not gone:
        return make_sparse(input._places, values, Size(shape), input._coalesced)
    bare = make_sparse(
        stack([input._places[d] for d in left]), values,
        Size([input._shape[d] for d in left] + list(values._shape[1:])), False,
    )  # fmt: skip
    single = coalesce(bare)
    if not keepdim:
        return single
    rows = iter(single._places.unbind(0))
    zero = single._places[0] * 0
    places = stack([zero if d in gone else next(rows) for d in range(sparse)])
    return make_sparse(places, single._entries, Size(shape), False)


@sparse_form("sum")
def _sum(
    input: SparseTensor, dim: Dims = None, keepdim: bool = False, *, dtype: DType | None = None
) -> Tensor:
    return summed("sum", input, dim, keepdim, dtype)


@sparse_form("sum", of="compressed")
def _sum_compressed(
    input: CompressedTensor, dim: Dims = None, keepdim: bool = False, *, dtype: DType | None = None
) -> Tensor:
    if dim is None:
        return input._entries.sum(dtype=dtype)
    _dims("sum", dim, len(input._shape))
    if not keepdim:
        raise RuntimeError("reduction operations on CSR tensors with keepdim=False is unsupported")
    from tritonnn.ops.sparse.conversion import coo_to_compressed, recompress, to_coo

    total = summed("sum", to_coo(recompress(input, input._layout, None)), dim, True, dtype)
    if input._block is not None or not isinstance(total, SparseTensor):
        return _unsupported(input)
    return coo_to_compressed(total, input._layout, None, input._starts._dtype)


def _unsupported(input: CompressedTensor) -> Tensor:
    raise NotImplementedError(f"sum over dimensions of {input._layout} {HINT}")


@sparse_form("sum_to_size", of=BOTH)
def _sum_to_size(self: Sparse, *size: Any) -> Tensor:
    """The sum over the dimensions that a shape has not, or has once."""
    shape, mine = Size(as_size(size, "sum_to_size")), self._shape
    if shape == mine:
        return self
    if len(shape) > len(mine) or broadcast_shapes(shape, mine) != mine:
        raise RuntimeError(f"size {{{list(shape)}}} is not expandable to size {{{list(mine)}}}.")
    new = len(mine) - len(shape)
    dims = [d for d in range(len(mine)) if d < new or (shape[d - new] == 1 and mine[d] != 1)]
    total = self.sum(dims, keepdim=True)
    for _ in range(new):
        total = total.select(0, 0)
    return total


@sparse_form("any")
def _any(input: SparseTensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    if dim is not None:
        raise NotImplementedError(f"any of a dimension {HINT}")
    return coalesce(input)._entries.any()


@sparse_form("norm")
def _norm(
    input: SparseTensor,
    p: float | str | None = "fro",
    dim: Dims = None,
    keepdim: bool = False,
    dtype: DType | None = None,
) -> Tensor:
    if dim is not None and sorted(_dims("norm", dim, len(input._shape))) != list(range(len(input._shape))):
        raise RuntimeError(
            "norm_sparse currently only supports full reductions, so 'dim' must either be empty or contain all "
            "dimensions of the input"
        )
    if isinstance(p, Tensor) and not p._shape and not isinstance(p, Sparse):
        p = p.item()
    if isinstance(p, (Tensor, bool, list, tuple)):
        raise TypeError(f"norm(): argument 'p' must be a number or 'fro', not {type(p).__name__}")
    values = coalesce(input)._entries.reshape(-1)
    return values.norm(2 if p == "fro" or p is None else p, dtype=dtype)


# ---- softmax ------------------------------------------------------------------------------------------------


def _check_softmax(op: str, input: Tensor, dim: int, dtype: DType | None) -> SparseTensor:
    need_tensors(f"sparse.{op}", input=input)
    if not isinstance(input, SparseTensor):
        raise NotImplementedError(f"{op}: expected a tensor of layout torch.sparse_coo, got {input.layout}")
    if not isinstance(dim, int):
        raise TypeError(f"{op}(): argument 'dim' (position 2) must be int, not {type(dim).__name__}")
    values = input._entries if dtype is None else input._entries.to(dtype)
    if not values._dtype.is_floating_point:
        words = f'"softmax" not implemented for {values._dtype.name}'
        raise fail(op, words, kind=NotImplementedError, input=input)
    return coalesce(make_sparse(input._places, values, input._shape, input._coalesced))


def _softened(op: str, log: bool) -> Callable[..., Tensor]:
    def over(input: Tensor, dim: int, *, dtype: DType | None = None) -> Tensor:
        single = _check_softmax(op, input, dim, dtype)
        dim = wrap_dim(dim, len(single._shape))
        sparse, values = len(single._places), single._entries
        if dim >= sparse:
            along = dim - sparse + 1
            return with_values(single, values.log_softmax(along) if log else values.softmax(along))
        if not len(values):
            return single
        others = [d for d in range(sparse) if d != dim]
        groups = _groups(single, others)
        count = int(groups.max()) + 1
        flat = values.reshape(len(values), -1)
        index = groups.unsqueeze(1).expand(flat._shape)
        low = zeros(count, flat._shape[1], dtype=flat._dtype, device=flat._device)
        highest = low.scatter_reduce(0, index, flat.detach(), "amax", include_self=False)
        shifted = flat - highest[groups]
        total = low.index_add(0, groups, shifted.exp())
        result = shifted - total.log()[groups] if log else shifted.exp() / total[groups]
        return with_values(single, result.reshape(values._shape))

    over.__name__ = over.__qualname__ = op
    which = "Its logarithm" if log else "exp of each element over the sum of these"
    over.__doc__ = f"""{which} along a dimension, of the elements that are there: others count as minus infinity.

    Args:
        input: of layout torch.sparse_coo.
        dim: along which dimension.
        dtype: to compute in.

    >>> import tritonnn as torch
    >>> torch.sparse.{op}(torch.tensor([[0., 2.], [3., 3.]]).to_sparse(), 1).values()
    {"tensor([ 0.0000, -0.6931, -0.6931])" if log else "tensor([1.0000, 0.5000, 0.5000])"}
    """
    return over


def _groups(single: SparseTensor, dims: list[int]) -> Tensor:
    """A number for each entry, the same for those that differ in other dimensions alone."""
    if not dims:
        return single._places[0] * 0
    rest = make_sparse(
        stack([single._places[d] for d in dims]),
        single._entries,
        Size([single._shape[d] for d in dims]),
        False,
    )
    return flat_places(rest).unique(return_inverse=True)[1]


softmax = _softened("softmax", False)
log_softmax = _softened("log_softmax", True)


def sparse_sum(input: Tensor, dim: Dims = None, dtype: DType | None = None) -> Tensor:
    """The sum over dimensions of a sparse tensor: sparse while sparse dimensions are left, else dense.

    Args:
        input: of layout torch.sparse_coo.
        dim: which dimensions (all).
        dtype: to add up in.

    >>> import tritonnn as torch
    >>> torch.sparse.sum(torch.tensor([[0., 2.], [3., 3.]]).to_sparse(), 0).to_dense()
    tensor([3., 5.])
    """
    need_tensors("sparse.sum", input=input)
    if not isinstance(input, SparseTensor):
        kind = "Strided" if not isinstance(input, Sparse) else input._layout_name()
        error = RuntimeError if dim is None else NotImplementedError
        _dims("sum", dim, len(input._shape))
        raise error(f"sum: coalesce expected sparse coordinate tensor layout but got {kind}")
    return summed("sparse.sum", coalesce(input), dim, False, dtype)
