"""Writing slices by a vector of indices, and elements by mask, position or several indices.

Each returns a new tensor; the in-place methods write into the tensor itself.
"""

from __future__ import annotations

from typing import Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.device import CPU
from tritonnn.errors import Invalid, fail
from tritonnn.memory_format import strides_as
from tritonnn.ops._arguments import real_factor
from tritonnn.ops._definitions import writing as definitions
from tritonnn.ops._numbers import as_number
from tritonnn.ops._table import NUMERIC, Bad, Out, Sample, attach, composite, named, primitive
from tritonnn.ops.creation.creation import zeros
from tritonnn.ops.indexing.gradients import zeros_of
from tritonnn.ops.indexing.indexing import indexed_shape, long_index
from tritonnn.ops.joining.joining import cat
from tritonnn.ops.scatter._expanded import fill_expanded, mask_expanded, put_expanded
from tritonnn.ops.scatter.scatter import WRITE, distinct, same_dtype, scatter_reduce
from tritonnn.shape import Size, broadcast_shapes, wrap_dim
from tritonnn.table import Make
from tritonnn.table.types import Number, Tensors

# ---- along one dimension, by a vector of indices ---------------------------------------------------------


def _vector(op: str, input: Tensor, dim: int, index: Tensor) -> tuple[int, Tensor]:
    dim, index = wrap_dim(dim, len(input.shape)), long_index(op, index)
    if len(index.shape) > 1:
        text = f"{op}_(): Index should have dimension 1 or 0 (got {len(index.shape)})"
        raise Invalid(text, kind=IndexError)
    return dim, index


def _matching_source(
    op: str, input: Tensor, dim: int, index: Tensor, source: Tensor, kind: type[Exception]
) -> None:
    same_dtype(op, input, source, "source")
    count = source.shape[dim] if len(source.shape) > dim else source.numel()
    if index.numel() != count:
        raise Invalid(
            f"{op}_(): Number of indices ({index.numel()}) should be equal to source.size(dim): ({count}), for dim: "
            f"{dim}",
            kind=kind,
        )
    ours, theirs = list(input.shape), list(source.shape)
    if ours and theirs:
        ours[dim : dim + 1], theirs[dim : dim + 1] = [], []
    if ours != theirs and (input.shape and source.shape):
        raise Invalid(
            "source tensor shape must match self tensor shape, excluding the specified dimension. Got self.shape = "
            f"{list(input.shape)} source.shape = {list(source.shape)}"
        )


def _along_samples(make: Make) -> list[Sample]:
    return [
        Sample(make(3, 4), 0, make.int(5, high=3), make(5, 4)), Sample(make(3, 4), 1, make.int(2, high=4), make(3, 2)),
        Sample(make(2, 3, 4), -2, make.int(5, high=3), make(2, 5, 4)), Sample(make(3), 0, make.int(0), make(0)),
        Sample(make(()), 0, make.int(1, high=1), make(())),
    ]  # fmt: skip


def _copy_samples(make: Make) -> list[Sample]:
    return [
        Sample(make(3, 4), 0, distinct(make, (2,), 0, 3), make(2, 4)),
        Sample(make(3, 4), 1, distinct(make, (3,), 0, 4), make(3, 3)), Sample(make(3), 0, make.int(0), make(0)),
    ]  # fmt: skip


def _along_errors(kind: type[Exception], count_kind: type[Exception]) -> Any:
    return lambda make: [
        Bad(make(3, 4), 0, make.int(2, low=5, high=6), make(2, 4), error=kind, match="index 5 is out of bounds"),
        Bad(make(3, 4), 0, make.int(2, high=3), make(3, 4), error=count_kind, match=r"Number of indices \(2\)"),
        Bad(make(3, 4), 0, make.int(3, high=3), make(3, 2), match="source tensor shape must match"),
    ]  # fmt: skip


@primitive(
    api="torch tensor", **WRITE, samples=_along_samples, errors=_along_errors(RuntimeError, RuntimeError),
    grad={"input": lambda g: g,
          "source": lambda g, source_shape, dim, index,
          alpha: _times(g.index_select(dim, index), alpha).reshape(source_shape)},
    reference=definitions.index_add,
)  # fmt: skip
def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Any = 1) -> Any:
    """The input with `alpha * source[k]` added to entry `index[k]` of `dim`; repeated indices add up.

    >>> import tritonnn as torch
    >>> torch.ones(3).index_add(0, torch.tensor([0, 2, 0]), torch.tensor([1., 2., 3.]))
    tensor([5., 1., 3.])
    """
    dim, index = _vector("index_add", input, dim, index)
    _matching_source("index_add", input, dim, index, source, RuntimeError)
    if input.dtype.kind < 2 and isinstance(alpha, float):
        raise Invalid("For integral input tensors, argument alpha must not be a floating point number.")
    real_factor("alpha", alpha, input.dtype)
    if input.dtype.kind and alpha != 1:
        alpha = as_number(input.dtype, alpha)
    return Out(input.shape, input.dtype), (input, dim, index, source, alpha)


def _times(g: Tensor, alpha: Any) -> Tensor:
    return g if alpha == 1 else g * alpha


@primitive(
    api="torch tensor", **WRITE, samples=_copy_samples, errors=_along_errors(IndexError, IndexError),
    grad={"input": lambda g, dim, index: index_fill(g, dim, index, 0),
          "source": lambda g, source_shape, dim, index: g.index_select(dim, index).reshape(source_shape)},
    reference=definitions.index_copy,
)  # fmt: skip
def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Any:
    """The input with `source[k]` in place of entry `index[k]` of `dim`.

    >>> import tritonnn as torch
    >>> torch.zeros(3).index_copy(0, torch.tensor([2, 0]), torch.tensor([5., 6.]))
    tensor([6., 0., 5.])
    """
    dim, index = _vector("index_copy", input, dim, index)
    _matching_source("index_copy", input, dim, index, source, IndexError)
    return Out(input.shape, input.dtype), (input, dim, index, source)


def _zero_dim(op: str, input: Tensor, value: Any) -> Any:
    """A number, or a 0-d tensor of the input's dtype."""
    if not isinstance(value, Tensor):
        return as_number(input.dtype, value)
    if value.shape:
        raise Invalid(
            f"{op}_ only supports a 0-dimensional value tensor, but got tensor with {len(value.shape)} dimension(s)."
        )
    if value.dtype is not input.dtype and value.device is CPU:
        as_number(input.dtype, value)  # refuses what it cannot hold; on a GPU that would mean waiting for it
    if value.device is not input.device or value.dtype is not input.dtype:
        value = value.to(input.device, input.dtype)
    return value


@primitive(
    api="torch tensor", overlapping=fill_expanded, **WRITE,
    grad={"input": lambda g, dim, index: index_fill(g, dim, index, 0),
          "value": lambda g, dim, index: g.index_select(dim, index.unique()).sum()},
    samples=lambda make: [
        Sample(make(3, 4), 0, make.int(2, low=-3, high=3), 2), Sample(make(3, 4), 1, make.int(3, high=4), make(())),
        Sample(make(3), 0, make.int(0), 1),
    ],
    errors=lambda make: [
        Bad(make(3), 0, make.int(2, low=3, high=4), 1, error=IndexError, match="index 3 is out of bounds"),
        Bad(make(3), 0, make.int(2, high=3), make(2), match="0-dimensional value tensor"),
    ],
    reference=definitions.index_fill,
)  # fmt: skip
def index_fill(input: Tensor, dim: int, index: Tensor, value: Tensor | Number) -> Any:
    """The input with one value in the entries of `dim` that the indices name.

    >>> import tritonnn as torch
    >>> torch.zeros(3).index_fill(0, torch.tensor([0, 2]), -1)
    tensor([-1.,  0., -1.])
    """
    dim, index = _vector("index_fill", input, dim, index)
    out = Out(input.shape, input.dtype, strides=strides_as(input))
    return out, (input, dim, index, _zero_dim("index_fill", input, value))


@composite(
    api="torch tensor", out=True, dtypes=NUMERIC, inplace=True,
    samples=lambda make: [
        Sample(make(3, 4), 0, make.int(5, high=3), make(5, 4), r) for r in ("prod", "mean", "amax", "amin")
    ],
    reference=definitions.index_reduce,
    errors=lambda make: [
        Bad(make(3), 0, make.int(2), make(2), "sum", match="must be either prod, mean, amax or amin, got sum"),
        Bad(make(3, 4), 0, make.int(2, 2), make(2, 4), "amax", error=IndexError, match="dimension 1 or 0"),
        Bad(make(3, 4), 0, make.int(2), make(3, 4), "amax", match=r"Number of indices \(2\)"),
        Bad(make(3, 4), 0, make.int(2, low=3), make(2, 4), "amax", error=IndexError,
            match="index_reduce: index 3 is out of bounds"),
    ],
)  # fmt: skip
def index_reduce(
    input: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """Combine `source[k]` into entry `index[k]` of `dim` by prod, mean, amax or amin.

    >>> import tritonnn as torch
    >>> torch.ones(3).index_reduce(0, torch.tensor([0, 0, 2]), torch.tensor([2., 5., 7.]), "amax")
    tensor([5., 1., 7.])
    """
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise fail(
            "index_reduce",
            f"reduce argument must be either prod, mean, amax or amin, got {reduce}.",
            input=input,
        )
    try:
        dim, index = _vector("index_reduce", input, dim, index)
        _matching_source("index_reduce", input, dim, index, source, RuntimeError)
    except Invalid as invalid:
        raise fail(
            "index_reduce", str(invalid), kind=invalid.kind, input=input, index=index, source=source
        ) from None
    column = index.reshape([-1 if d == dim else 1 for d in range(len(input.shape))])
    try:
        return scatter_reduce(input, dim, column.expand(source.shape), source, reduce, include_self)
    except RuntimeError as error:
        if "is out of bounds" not in str(error):
            raise
        raise IndexError(str(error).replace("scatter_reduce", "index_reduce")) from None


# ---- by mask ----------------------------------------------------------------------------------------------


def _bool_mask(op: str, mask: Tensor) -> Tensor:
    if mask.dtype is not dtypes.bool_:
        raise Invalid(f"{op}_ only supports boolean masks, but got mask with dtype {mask.dtype.name}")
    return mask


@primitive(
    api="torch tensor", overlapping=mask_expanded, **WRITE,
    grad={"input": lambda g, mask: masked_fill(g, mask, 0),
          "value": lambda g, mask: masked_fill(g, mask.logical_not(), 0).sum()},
    samples=lambda make: [
        Sample(make(3, 4), make.bool(3, 4), 2), Sample(make(3, 4), make.bool(4), make(())),
        Sample(make(4), make.bool(3, 1), 1), Sample(make(()), make.bool(()), 1), Sample(make(0, 3), make.bool(3), 1),
    ],
    errors=lambda make: [
        Bad(make(3), make(3, dtype=dtypes.float32), 1, match="only supports boolean masks"),
        Bad(make(3), make(3, dtype=dtypes.uint8), 1, match="only supports boolean masks"),
        Bad(make(3), make.bool(3), make(3), match="0-dimensional value tensor"),
        Bad(make(3), make.bool(2), 1, match="must match the size"),
    ],
    reference=definitions.masked_fill,
)  # fmt: skip
def masked_fill(input: Tensor, mask: Tensor, value: Tensor | Number) -> Any:
    """The input with one value where the mask (broadcast to it) holds.

    >>> import tritonnn as torch
    >>> torch.tensor([1., 2.]).masked_fill(torch.tensor([True, False]), -1)
    tensor([-1.,  2.])
    """
    mask = _bool_mask("masked_fill", mask)
    shape = broadcast_shapes(input.shape, mask.shape)
    return Out(shape, input.dtype), (input, mask, _zero_dim("masked_fill", input, value))


def _scattered_back(g: Tensor, mask: Tensor, source_shape: Size) -> Tensor:
    """The gradient of a source whose leading elements went, in order, where the mask holds."""
    picked = g.masked_select(mask)
    missing = Size(source_shape).numel() - picked.shape[0]
    return cat([picked, zeros(missing, dtype=g.dtype, device=g.device)]).reshape(source_shape)


@primitive(
    api="torch tensor", **WRITE,
    grad={"input": lambda g, mask: masked_fill(g, mask, 0),
          "source": lambda g, mask, source_shape: _scattered_back(g, mask, source_shape)},
    samples=lambda make: [
        Sample(make(3, 4), make.bool(3, 4), make(3, 4)), Sample(make(3, 4), make.bool(4), make(20)),
        Sample(make(0), make.bool(0), make(0)),
    ],
    errors=lambda make: [
        Bad(make(4), make(4, dtype=dtypes.float32), make(4), match="only supports boolean masks"),
        Bad(make(3), make.bool(3).fill_(True), make(2), match="elements of source < number of ones in mask"),
        Bad(make(3), make.bool(3), make(3, dtype=dtypes.int32), match="expected self and source to have same dtypes"),
    ],
    reference=definitions.masked_scatter,
)  # fmt: skip
def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Any:
    """The input with the source's elements, in order, where the mask (broadcast to it) holds.

    >>> import tritonnn as torch
    >>> torch.zeros(3).masked_scatter(torch.tensor([True, False, True]), torch.tensor([1., 2.]))
    tensor([1., 0., 2.])
    """
    if source.dtype is not input.dtype:
        raise Invalid(
            f"masked_scatter: expected self and source to have same dtypes but got {input.dtype.name} and "
            f"{source.dtype.name}"
        )
    mask = _bool_mask("masked_scatter", mask)
    return Out(broadcast_shapes(input.shape, mask.shape), input.dtype), (input, mask, source)


def _masked_copy_(self: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """Older name of `masked_scatter_`."""
    return self.masked_scatter_(mask, source)


attach(masked_copy_=named("masked_copy_", _masked_copy_))


# ---- by position or by several indices --------------------------------------------------------------------


@primitive(
    api="torch tensor", **WRITE,
    grad={"input": lambda g, index, accumulate, source_shape: g if accumulate else put(
              g, index, zeros_of(g, source_shape), False),
          "source": lambda g, index, source_shape: g.take(index).reshape(source_shape)},
    samples=lambda make: [
        Sample(make(3, 4), make.int(2, 3, low=-12, high=12), make(2, 3), True),
        Sample(make(3, 4), distinct(make, (5,), 0, 12), make(5)), Sample(make(3), make.int(0), make(0)),
    ],
    errors=lambda make: [
        Bad(make(2, 2), make.int(2, low=9, high=10), make(2), error=IndexError, match="out of range"),
        Bad(make(2, 2), make.int(2), make(3), error=IndexError, match="same number of elements"),
        Bad(make(2, 2), make.int(2), make(2, dtype=dtypes.int32), match="equal to source.dtype"),
    ],
    reference=definitions.put,
)  # fmt: skip
def put(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Any:
    """The input with the source's elements at positions of the flattened tensor, or added there.

    >>> import tritonnn as torch
    >>> torch.zeros(2, 2).put(torch.tensor([0, -1]), torch.tensor([1., 2.]))
    tensor([[1., 0.],
            [0., 2.]])
    """
    if index.dtype is not dtypes.int64:
        raise Invalid(f"put(): Expected a long tensor for index, but got {index.dtype.name}")
    same_dtype("put", input, source, "source")
    if index.numel() != source.numel():
        raise Invalid(
            f"put(): Expected source and index to have the same number of elements, but got source.numel() = "
            f"{source.numel()}, index.numel() = {index.numel()}",
            kind=IndexError,
        )
    out = Out(input.shape, input.dtype, strides=strides_as(input))
    return out, (input, index, source, bool(accumulate))


@primitive(
    float8=True, overlapping=put_expanded,
    **WRITE,
    grad={"input": lambda g, indices, dims, accumulate: g if accumulate else put_at(
              g, indices, zeros_of(g, Size(())), dims, False),
          "values": lambda g, indices, dims: g.index_at(indices, dims)},
    samples=lambda make: [
        Sample(make(3, 4), [make.int(2, 2, high=3)], make(2, 2, 4), (0,), True),
        Sample(make(3, 4), [distinct(make, (2,), 0, 4)], make(3, 1), (1,), False),
        Sample(make(2, 3, 4), [make.int(2, 1, high=2), make.int(3, low=-4, high=4)], make(()), (0, 2), True),
        Sample(make(2, 3, 4), [make.int(4, high=3), make.int(4, high=4)], make(2, 4), (1, 2), True),
        Sample(make(3), [make.int(0)], make(1), (0,), True),
    ],
    errors=lambda make: [
        Bad(make(3, 4), [make.int(2, low=5, high=6)], make(()), (0,), False, error=IndexError,
            match="index 5 is out of bounds for dimension 0 with size 3"),
        Bad(make(3, 4), [make.int(2, high=3)], make(3), (0,), False, match="cannot be broadcast to indexing result"),
        Bad(make(3), [make.int(2, high=3)], make((), dtype=dtypes.int32), (0,), False,
            match="source and destination dtypes match"),
    ],
)  # fmt: skip
def put_at(input: Tensor, indices: Tensors, values: Tensor, dims: tuple[int, ...], accumulate: bool) -> Any:
    """The input with values at the positions that advanced indexing of `dims` names, or added there."""
    if values.dtype is not input.dtype:
        raise Invalid(
            f"Index put requires the source and destination dtypes match, got {input.dtype.name} for the destination "
            f"and {values.dtype.name} for the source."
        )
    shape = indexed_shape(input.shape, indices, dims)
    try:
        fits = broadcast_shapes(values.shape, shape) == shape
    except Invalid:
        fits = False
    if not fits:
        raise Invalid(
            f"shape mismatch: value tensor of shape {list(values.shape)} cannot be broadcast to indexing result of "
            f"shape {list(shape)}"
        )
    return Out(input.shape, input.dtype, strides=strides_as(input))


attach(put_at=put_at)
