"""Reading elements by index or mask: gather, index_select, take, masked_select, nonzero, triangles, searches.

Subscripts (`x[...]`) are in `subscript.py`, writes by index in `scatter.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tritonnn import dispatch, dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid, fail
from tritonnn.memory_format import kept_strides
from tritonnn.ops._arguments import tensors_only
from tritonnn.ops._definitions import indexing as define
from tritonnn.ops._table import ANY, Bad, Out, Sample, attach, composite, primitive
from tritonnn.ops.creation.creation import zeros
from tritonnn.ops.indexing.gradients import gathered_grad, zeros_of
from tritonnn.ops.shape.shape import transpose
from tritonnn.shape import Size, broadcast_shapes, wrap_dim
from tritonnn.table import Make
from tritonnn.table.types import Tensors


def long_index(op: str, index: Tensor) -> Tensor:
    """An index tensor as int64; anything but int32 and int64 is refused."""
    if index.dtype is dtypes.int64:
        return index
    if index.dtype is dtypes.int32:
        return index.to(dtypes.int64)
    raise Invalid(f"{op}(): Expected dtype int32/int64 for index, got {index.dtype.name}")


def check_index(
    op: str, input: Tensor, dim: int, index: Tensor, src: Tensor | None = None
) -> tuple[int, Tensor]:
    """The wrapped dimension and the int64 index of gather and scatter, their shapes checked."""
    dim = wrap_dim(dim, len(input.shape))
    index = long_index(op, index)
    if index.numel() == 0:
        return dim, index
    shapes = [input.shape or Size((1,)), index.shape or Size((1,))]
    if len(shapes[0]) != len(shapes[1]):
        raise Invalid(
            "Index tensor must have the same number of dimensions as input tensor: "
            f"index has {len(index.shape)}, input has {len(input.shape)}"
        )
    fits = all(i <= n for d, (n, i) in enumerate(zip(*shapes, strict=True)) if d != dim)
    if src is None:
        if not fits:
            raise Invalid(
                f"Size does not match: expected index {list(index.shape)} to be no larger than self "
                f"{list(input.shape)} apart from dimension {dim}"
            )
        return dim, index
    given = src.shape or Size((1,))
    if len(given) != len(shapes[0]):
        raise Invalid("Index tensor must have the same number of dimensions as src tensor")
    if not fits or not all(i <= n for n, i in zip(given, shapes[1], strict=True)):
        raise Invalid(
            f"Expected index {list(index.shape)} to be no larger than self {list(input.shape)} apart from dimension "
            f"{dim} and to be no larger size than src {list(src.shape)}"
        )
    return dim, index


@primitive(
    api="torch tensor", dtypes=ANY, rule_only=("sparse_grad",),
    grad={"input": lambda g, input_shape, dim, index, sparse_grad: gathered_grad(
        g, input_shape, dim, index, sparse_grad)},
    samples=lambda make: [
        Sample(make(3, 4), 1, make.int(3, 2, high=4)), Sample(make(3, 4), 0, make.int(5, 2, high=3)),
        Sample(make(2, 3, 4), -2, make.int(2, 5, 4, high=3)), Sample(make(()), 0, make.int((), high=1)),
        Sample(make(3), 0, make.int(0)),
    ],
    errors=lambda make: [
        Bad(make(3, 4), 0, make.int(1, 2, low=5, high=6), match="index 5 is out of bounds for dimension 0 with size 3"),
        Bad(make(3, 4), 0, make.int(1, 2, low=-1, high=0), match="index -1 is out of bounds"),
        Bad(make(3, 4), 2, make.int(1, 2), error=IndexError, match="Dimension out of range"),
        Bad(make(3, 4), 0, make.int(1, 9, high=1), match="no larger than self"),
        Bad(make(3, 4), 0, make.int(3, high=1), match="same number of dimensions"),
        Bad(make(3, 4), 0, make(1, 1, dtype=dtypes.float32), match="Expected dtype int32/int64"),
    ],
    reference=define.gather,
)  # fmt: skip
def gather(input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Any:
    """The elements along `dim` that `index` names: `out[i][j] = input[index[i][j]][j]` for dim 0.

    Args:
        index: int64 or int32, of as many dimensions as `input`, no larger than it apart from `dim`.
        sparse_grad: whether the gradient of `input` is a sparse tensor, of the elements that were read.

    >>> import tritonnn as torch
    >>> torch.gather(torch.tensor([[1, 2], [3, 4]]), 1, torch.tensor([[0, 0], [1, 0]]))
    tensor([[1, 1],
            [4, 3]])
    """
    if not index.numel() and index.dtype.kind < 2:
        index = index.to(dtypes.int64)  # nothing is looked up, whatever the type
    dim, index = check_index("gather", input, dim, index)
    return Out(index.shape, input.dtype), (input, dim, index, sparse_grad)


@composite(
    api="torch tensor", dtypes=ANY,
    samples=lambda make: [
        Sample(make(3, 4), make.int(3, 1, high=4), 1), Sample(make(3, 4), make.int(1, 4, high=3), 0),
        Sample(make(3, 4), make.int(5, high=12)), Sample(make(1, 4), make.int(3, 2, high=4), -1),
    ],
    errors=lambda make: [Bad(make(3, 4), make.int(1, 2), 0, match="must match the size of tensor b")],
    reference=define.take_along_dim,
)  # fmt: skip
def take_along_dim(
    input: Tensor, indices: Tensor, dim: int | None = None, *, out: Tensor | None = None
) -> Tensor:
    """`gather` with `input` and `indices` broadcast against each other; of the flattened input without `dim`.

    >>> import tritonnn as torch
    >>> x = torch.tensor([[10, 30, 20], [60, 40, 50]])
    >>> torch.take_along_dim(x, torch.argmax(x, 1, keepdim=True), 1)
    tensor([[30],
            [60]])
    """
    if not (isinstance(input, Tensor) and isinstance(indices, Tensor)):
        tensors_only("take_along_dim", input=input, indices=indices)
    if indices.dtype is not dtypes.int64:
        raise fail(
            "take_along_dim",
            f"torch.take_along_dim(): dtype of indices should be Long but got {indices.dtype.name}",
            input=input,
            indices=indices,
        )
    extent = (
        input.numel()
        if dim is None
        else input.shape[dim]
        if -len(input.shape) <= dim < len(input.shape)
        else 0
    )
    indices = indices + (indices < 0) * extent  # negative ones count from the end
    if dim is None:
        return gather(input.reshape(-1), 0, indices.reshape(-1), out=out)
    try:
        dim = wrap_dim(dim, len(input.shape))
        if len(input.shape) != len(indices.shape):
            raise Invalid(
                "torch.take_along_dim(): input and indices should have the same number of dimensions, but got "
                f"{len(input.shape)} dimensions for input, and {len(indices.shape)} dimensions for indices"
            )
        ours, theirs = list(input.shape), list(indices.shape)
        ours[dim], theirs[dim] = 1, 1
        common = list(broadcast_shapes(ours, theirs))
    except Invalid as invalid:
        raise fail("take_along_dim", str(invalid), kind=invalid.kind, input=input, indices=indices) from None
    wide = (*common[:dim], input.shape[dim], *common[dim + 1 :])
    places = (*common[:dim], indices.shape[dim], *common[dim + 1 :])
    return gather(input.expand(wide), dim, indices.expand(places), out=out)


@primitive(
    float8=True,
    api="torch tensor", dtypes=ANY,
    grad={"input": lambda g, input_shape, dim, index: zeros_of(g, input_shape).index_add(dim, index, g)},
    samples=lambda make: [
        Sample(make(3, 4), 0, make.int(5, high=3)), Sample(make(3, 4), 1, make.int(2, high=4)),
        Sample(make(2, 3, 4), -2, make.int(5, high=3)), Sample(make(3), 0, make.int((), high=3)),
        Sample(make(3, 4), 0, make.int(0)), Sample(make(()), 0, make.int(1, high=1)),
    ],
    errors=lambda make: [
        Bad(make(3, 4), 0, make.int(2, low=5, high=6), error=IndexError, match="index out of range in self: index 5"),
        Bad(make(3, 4), 0, make.int(1, 2), error=IndexError, match="Index is supposed to be a vector"),
        Bad(make(()), 0, make.int(2, high=1), match=r"can have only 1 value, got 2 value\(s\)"),
        Bad(make(3, 4), 0, make(2, dtype=dtypes.float32), match="Expected dtype int32/int64"),
    ],
    reference=define.index_select,
)  # fmt: skip
def index_select(input: Tensor, dim: int, index: Tensor) -> Any:
    """A new tensor with the entries of `dim` that a vector of indices names.

    >>> import tritonnn as torch
    >>> torch.index_select(torch.tensor([[1, 2], [3, 4]]), 0, torch.tensor([1, 1]))
    tensor([[3, 4],
            [3, 4]])
    """
    dim, index = wrap_dim(dim, len(input.shape)), long_index("index_select", index)
    if len(index.shape) > 1:
        raise Invalid("index_select(): Index is supposed to be a vector", kind=IndexError)
    if not input.shape:
        if index.numel() != 1:
            raise Invalid(
                f"index_select(): Index to scalar can have only 1 value, got {index.numel()} value(s)"
            )
        return Out((), input.dtype), (input, dim, index)
    shape = (*input.shape[:dim], index.numel(), *input.shape[dim + 1 :])
    return Out(shape, input.dtype), (input, dim, index)


@primitive(
    api="torch tensor", dtypes=ANY,
    grad={"input": lambda g, input_shape, index: zeros_of(g, input_shape).put(index, g, True)},
    samples=lambda make: [
        Sample(make(3, 4), make.int(2, 3, low=-12, high=12)), Sample(make(3), make.int((), high=3)),
        Sample(make(3), make.int(0)),
    ],
    errors=lambda make: [
        Bad(make(2, 2), make.int(2, low=9, high=10), error=IndexError, match="out of range"),
        Bad(make(2, 2), make(2, dtype=dtypes.float32), match="Expected a long tensor for index"),
    ],
    reference=lambda input, index: input.ravel()[index],
)  # fmt: skip
def take(input: Tensor, index: Tensor) -> Any:
    """The elements of the flattened input at the given positions; negative ones count from the end.

    >>> import tritonnn as torch
    >>> torch.take(torch.tensor([[4, 3], [6, 7]]), torch.tensor([0, -1]))
    tensor([4, 7])
    """
    if index.dtype is not dtypes.int64:
        raise Invalid(f"take(): Expected a long tensor for index, but got {index.dtype.name}")
    if index.numel() and not input.numel():
        raise Invalid("take(): tried to take from an empty tensor", kind=IndexError)
    return Out(index.shape, input.dtype)


def indexed_shape(shape: Size, indices: Sequence[Tensor], dims: Sequence[int]) -> tuple[int, ...]:
    """The shape of an array whose `dims` are indexed by tensors that broadcast against each other.

    The index dimensions take the place of the indexed ones if those are neighbours, else they stand in front.
    """
    for index, dim in zip(indices, dims, strict=True):
        if shape[dim] == 0 and index.numel():
            raise Invalid("index is out of bounds for dimension with size 0", kind=IndexError)
    try:
        common = broadcast_shapes(*[t.shape for t in indices])
    except Invalid:
        given = ", ".join(str(list(t.shape)) for t in indices)
        raise Invalid(
            f"shape mismatch: indexing tensors could not be broadcast together with shapes {given}",
            kind=IndexError,
        ) from None
    kept = [extent for d, extent in enumerate(shape) if d not in dims]
    at = dims[0] if dims[-1] - dims[0] + 1 == len(dims) else 0
    return (*kept[:at], *common, *kept[at:])


def _index_at_samples(make: Make) -> list[Sample]:
    return [
        Sample(make(3, 4), [make.int(2, 2, high=3)], (0,)),
        Sample(make(3, 4), [make.int(5, low=-4, high=4)], (1,)),
        Sample(make(2, 3, 4), [make.int(2, 1, high=2), make.int(3, high=4)], (0, 2)),
        Sample(make(2, 3, 4), [make.int(2, 1, high=3), make.int(3, high=4)], (1, 2)),
        Sample(make(3), [make.int(0)], (0,)),
    ]


@primitive(
    float8=True,
    dtypes=ANY, samples=_index_at_samples,
    grad={"input": lambda g, input_shape, indices, dims: zeros_of(g, input_shape).put_at(indices, g, dims, True)},
    errors=lambda make: [
        Bad(make(3, 4), [make.int(2, low=5, high=6)], (0,), error=IndexError,
            match="index 5 is out of bounds for dimension 0 with size 3"),
        Bad(make(3, 4), [make.int(2, high=3), make.int(3, high=3)], (0, 1), error=IndexError,
            match="could not be broadcast together"),
    ],
)  # fmt: skip
def index_at(input: Tensor, indices: Tensors, dims: tuple[int, ...]) -> Any:
    """Advanced indexing of `dims` (ascending) by int64 tensors that broadcast against each other."""
    shape = indexed_shape(input.shape, indices, dims)
    return Out(shape, input.dtype, strides=_indexed_strides(shape, input, indices, dims))


def _indexed_strides(
    shape: tuple[int, ...], input: Tensor, indices: Sequence[Tensor], dims: Sequence[int]
) -> tuple[int, ...] | None:
    """The order of the dimensions that are kept is the input's, of those of the indices that of the indices."""
    if input._stride is None and all([index._stride is None for index in indices]):
        return None
    strides = [stride for d, stride in enumerate(input.stride()) if d not in dims]
    at, new = dims[0] if dims[-1] - dims[0] + 1 == len(dims) else 0, len(shape) - len(strides)
    behind = len(strides) - at
    source = (shape, (*strides[:at], *(0,) * new, *strides[at:]))
    places = [((*t.shape, *(1,) * behind), (*t.stride(), *(0,) * behind)) for t in indices]
    return kept_strides(shape, (source, *places))


attach(index_at=index_at)


@primitive(
    float8=True,
    api="torch tensor", dtypes=ANY, alloc=True,
    grad={"input": lambda g, input_shape, mask: zeros_of(
        g, broadcast_shapes(input_shape, mask.shape)).masked_scatter(mask, g)},
    samples=lambda make: [
        Sample(make(3, 4), make.bool(3, 4)), Sample(make(3, 4), make.bool(4)), Sample(make(4), make.bool(3, 1)),
        Sample(make(0, 3), make.bool(0, 3)), Sample(make(()), make.bool(())),
    ],
    errors=lambda make: [
        Bad(make(3), make(3, dtype=dtypes.float32), match="expected BoolTensor for mask"),
        Bad(make(3), make(3, dtype=dtypes.uint8), match="expected BoolTensor for mask"),
        Bad(make(3), make.bool(2), match="must match the size"),
    ],
    reference=define.masked_select,
)  # fmt: skip
def masked_select(input: Tensor, mask: Tensor) -> Any:
    """A vector of the elements where the mask holds; both broadcast.

    >>> import tritonnn as torch
    >>> x = torch.tensor([1., -2., 3.])
    >>> x.masked_select(x > 0)
    tensor([1., 3.])
    """
    if mask.dtype is not dtypes.bool_:
        raise Invalid(f"masked_select: expected BoolTensor for mask, got {mask.dtype.name}")
    broadcast_shapes(input.shape, mask.shape)
    return Out((0,), input.dtype), (input, mask)


@primitive(
    dtypes=ANY, alloc=True, samples=lambda make: [Sample(make.bool(3, 4)), Sample(make(5)), Sample(make(()))]
)
def nonzero_coordinates(input: Tensor) -> Any:
    """(ndim, n) int64 indices of the elements that are not zero, in row-major order."""
    return Out((len(input.shape), 0), dtypes.int64)


def nonzero_rows(input: Tensor) -> Tensor:
    """(n, ndim) indices of the elements that are not zero; those of one dimension lie together, as in PyTorch."""
    rows = transpose(nonzero_coordinates(input.detach()), 0, 1)
    return rows if rows.shape[0] else rows.as_strided(rows.shape, (1, 0))


@composite(
    api="torch tensor",
    dtypes=ANY,
    samples=lambda make: [Sample(make.bool(3, 4)), Sample(make.bool(5), as_tuple=True)],
    reference=define.nonzero,
    errors=lambda make: [
        Bad([1], error=TypeError, match="must be Tensor, not list"),
        Bad(make(2, 3), out=make(2, dtype=dtypes.float32), match="to have scalar type Long"),
    ],
)
def nonzero(input: Tensor, *, out: Tensor | None = None, as_tuple: bool = False) -> Any:
    """The indices of the elements that are not zero, in row-major order.

    Args:
        as_tuple: one vector per dimension, to index with, instead of an (n, ndim) tensor.

    >>> import tritonnn as torch
    >>> torch.nonzero(torch.tensor([0, 3, 0, 1]))
    tensor([[1],
            [3]])
    """
    _check_tensor("nonzero", input)
    if out is not None and out.dtype is not dtypes.int64:
        raise fail(
            "nonzero", f"Expected out tensor to have scalar type Long but got {out.dtype.name}", out=out
        )
    rows = nonzero_rows(input)
    if out is not None:
        rows = dispatch.deliver("nonzero", out, rows)
    if not as_tuple:
        return rows
    if not input.shape:
        return (zeros(rows.shape[:1], dtype=dtypes.int64, device=input.device),)
    return rows.unbind(1)


@composite(
    api="torch tensor",
    dtypes=ANY,
    samples=lambda make: [Sample(make.bool(3, 4))],
    reference=define.argwhere,
    errors=lambda make: [Bad([1], error=TypeError, match="must be Tensor, not list")],
)
def argwhere(input: Tensor) -> Tensor:
    """The (n, ndim) indices of the elements that are not zero.

    >>> import tritonnn as torch
    >>> torch.argwhere(torch.tensor([[0, 1], [2, 0]]))
    tensor([[0, 1],
            [1, 0]])
    """
    _check_tensor("argwhere", input)
    return nonzero_rows(input)


def _check_tensor(op: str, input: Any) -> None:
    if not isinstance(input, Tensor):
        raise TypeError(f"{op}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
