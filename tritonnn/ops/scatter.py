"""Writing elements by index or mask: scatter, index_add, index_copy, index_fill, masked_fill, put.

Each returns a new tensor; the in-place methods write into the tensor itself. Where indices repeat, additions
happen in one fixed order and the last of several writes stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tritonnn import dispatch, dtypes
from tritonnn.errors import Invalid, fail
from tritonnn.ops._table import ANY, NUMERIC, Bad, Out, Sample, composite, expose, primitive
from tritonnn.ops.comparison import where
from tritonnn.ops.creation import full, zeros
from tritonnn.ops.indexing import check_index, indexed_shape, long_index, zeros_of
from tritonnn.ops.joining import cat
from tritonnn.ops.shape import slice_backward, slice_dim
from tritonnn.shape import Size, broadcast_shapes, wrap_dim
from tritonnn.tensor import Tensor

Tensors = Sequence[Tensor]
Number = Any
_WRITE = dict(dtypes=ANY, inplace=True, aliasing=True)


def _same_dtype(op: str, input: Tensor, src: Tensor, name: str = "src") -> None:
    if src.dtype is not input.dtype:
        raise Invalid(
            f"{op}(): Expected self.dtype to be equal to {name}.dtype, got {input.dtype.name} and {src.dtype.name}"
        )


def _from_index(g: Tensor, src_shape: Size, dim: int, index: Tensor) -> Tensor:
    """The gradient of a source of which only the part as large as the index was read."""
    got = g.gather(dim, index)
    for d, (extent, read) in enumerate(zip(src_shape, index.shape, strict=True)):
        if read != extent:
            shape = (*got.shape[:d], extent, *got.shape[d + 1 :])
            got = slice_backward(got, Size(shape), d, 0, read, 1)
    return got


def _scatter_samples(make: Any) -> list[Sample]:
    return [
        Sample(make(3, 4), 0, _distinct(make, (2, 4), 0, 3), make(2, 4)),
        Sample(make(3, 4), 1, _distinct(make, (3, 2), 1, 4), make(3, 4)),
        Sample(make(()), 0, make.int((), high=1), make(())),
        Sample(make(3), 0, make.int(0), make(0)),
    ]


def _distinct(make: Any, shape: tuple[int, ...], dim: int, size: int) -> Tensor:
    """Indices below `size` that do not repeat along `dim`."""
    keys = make.int(*shape[:dim], size, *shape[dim + 1 :], high=1000)
    return slice_dim(keys.argsort(dim), dim, 0, shape[dim], 1)


def _repeated(make: Any) -> list[Sample]:
    return [
        Sample(make(3, 4), 0, make.int(6, 4, high=3), make(6, 4)),
        Sample(make(3, 4), 1, make.int(3, 9, high=4), make(4, 9)),
        Sample(make(()), 0, make.int((), high=1), make(())), Sample(make(3), 0, make.int(0), make(0)),
    ]  # fmt: skip


def _scatter_errors(make: Any) -> list[Bad]:
    return [
        Bad(
            make(3, 4),
            0,
            make.int(1, 2, low=5, high=6),
            make(3, 4),
            match="index 5 is out of bounds for dimension 0",
        ),
        Bad(make(3, 4), 0, make.int(4, 2, high=3), make(3, 4), match="no larger size than src"),
        Bad(
            make(3, 4), 0, make.int(1, 2, high=3), make(1, 2, dtype=dtypes.int32), match="equal to src.dtype"
        ),
        Bad(make(3, 4), 0, make(1, 2, dtype=dtypes.float32), make(1, 2), match="Expected dtype int32/int64"),
    ]


@primitive(
    **_WRITE, samples=_scatter_samples, errors=_scatter_errors,
    grad={"input": lambda g, dim, index: scatter_value(g, dim, index, 0),
          "src": lambda g, src_shape, dim, index: _from_index(g, src_shape, dim, index)},
)  # fmt: skip
def scatter_src(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Any:
    """The input with `out[index[i][j]][j] = src[i][j]` for dim 0, likewise for the others."""
    dim, index = check_index("scatter", input, dim, index, src)
    _same_dtype("scatter", input, src)
    return Out(input.shape, input.dtype), (input, dim, index, src)


@primitive(
    **_WRITE,
    samples=lambda make: [Sample(make(3, 4), 0, make.int(2, 4, high=3), 2), Sample(make(3), 0, make.int(0), 1)],
    grad={"input": lambda g, dim, index: scatter_value(g, dim, index, 0)},
    errors=lambda make: [Bad(make(3), 0, make.int(2, low=3, high=4), 1, match="index 3 is out of bounds")],
)  # fmt: skip
def scatter_value(input: Tensor, dim: int, index: Tensor, value: Any) -> Any:
    """The input with one value at the positions the indices name."""
    dim, index = check_index("scatter", input, dim, index)
    return Out(input.shape, input.dtype), (input, dim, index, as_number(input.dtype, value))


def as_number(dtype: dtypes.dtype, value: Any) -> Any:
    """A Python number, or a one-element tensor's, in the category of a dtype.

    Raises:
        RuntimeError: a complex number for a real dtype.
    """
    if isinstance(value, Tensor):
        value = value.item()
    if isinstance(value, complex) and dtype.kind < 3:
        if value.imag:
            raise Invalid(f"value cannot be converted to type {dtype.name} without overflow")
        value = value.real
    return value if dtype.kind == 3 else (bool, int, float)[dtype.kind](value)


_REDUCE = {"add": "sum", "multiply": "prod"}


def _scatter(in_place: bool, input: Tensor, dim: int, index: Tensor, src: Any, value: Any, reduce: str |
None, out: Any) -> Tensor:  # fmt: skip
    if (src is None) == (value is None):
        raise TypeError("scatter() takes either src or value")
    src = value if src is None else src
    op, args = scatter_value.op, (input, dim, index, src)  # type: ignore[attr-defined]
    if reduce is not None:
        if reduce not in _REDUCE:
            raise fail("scatter", "reduce argument must be either add or multiply.", input=input)
        if not isinstance(src, Tensor):
            src = full((), src, dtype=input.dtype, device=input.device).expand(index.shape)
        op, args = scatter_reduce.op, (input, dim, index, src, _REDUCE[reduce], True)  # type: ignore[attr-defined]
    elif isinstance(src, Tensor):
        op = scatter_src.op  # type: ignore[attr-defined]
    return dispatch.inplace(op, args) if in_place else dispatch.call(op, args, out)


@composite(
    api="torch tensor", dtypes=ANY, errors=_scatter_errors,
    samples=lambda make: [
        *_scatter_samples(make), Sample(make(3, 4), 0, make.int(2, 4, high=3), 1.5 if make.dtype.kind > 1 else 1),
    ],
)  # fmt: skip
def scatter(
    input: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None, reduce: str | None = None,
    out: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """The input with elements of `src` (a tensor or a number) at positions along `dim` that `index` names.

    Args:
        index: int64 or int32; `out[index[i][j]][j] = src[i][j]` for dim 0, likewise for the others.
        value: a number, instead of `src`.
        reduce: 'add' or 'multiply' instead of replacing.

    >>> import tritonnn as torch
    >>> torch.zeros(2, 4).scatter(1, torch.tensor([[2], [3]]), 1.5)
    tensor([[0.0000, 0.0000, 1.5000, 0.0000],
            [0.0000, 0.0000, 0.0000, 1.5000]])
    """
    return _scatter(False, input, dim, index, src, value, reduce, out)


@expose("tensor")
def scatter_(
    self: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None, reduce: str | None = None
) -> Tensor:
    """In-place version of `scatter`."""
    return _scatter(True, self, dim, index, src, value, reduce, None)


@primitive(
    api="torch tensor", **_WRITE, samples=_repeated, errors=_scatter_errors,
    grad={"src": lambda g, src_shape, dim, index: _from_index(g, src_shape, dim, index), "input": lambda g: g},
)  # fmt: skip
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Any:
    """The input with `src[i][j]` added at `[index[i][j]][j]` for dim 0, likewise for the others.

    >>> import tritonnn as torch
    >>> torch.zeros(3).scatter_add(0, torch.tensor([0, 2, 2]), torch.tensor([1., 2., 3.]))
    tensor([1., 0., 5.])
    """
    dim, index = check_index("scatter_add", input, dim, index, src)
    _same_dtype("scatter_add", input, src)
    return Out(input.shape, input.dtype), (input, dim, index, src)


def _scatter_reduce_grad(
    g: Tensor,
    input: Tensor,
    dim: int,
    index: Tensor,
    src: Tensor,
    reduce: str,
    include_self: bool,
    result: Tensor,
) -> tuple:
    """Gradients of input and src: the derivative of each reduction, spread evenly over ties of amax and amin."""
    count = slice_to(src, index.shape)
    if reduce == "sum":
        to_input, to_src = g, g.gather(dim, index)
    elif reduce == "mean":
        n = (result.new_ones if include_self else result.new_zeros)(result.shape)
        n = n.scatter_add(dim, index, count.new_ones(count.shape))
        to_input = g / n.masked_fill(n == 0, 1)
        to_src = to_input.gather(dim, index)
    elif reduce == "prod":
        to_input, to_src = _product_grads(g, input, dim, index, count, include_self, result)
    else:
        ours = (input == result).to(g.dtype)
        theirs = (count == result.gather(dim, index)).to(g.dtype)
        ties = (ours if include_self else ours * 0).scatter_add(dim, index, theirs)
        share = g / ties.masked_fill(ties == 0, 1)
        to_input, to_src = ours * share, theirs * share.gather(dim, index)
    if not include_self:
        to_input = scatter_value(g, dim, index, 0)
    return to_input, _widened(to_src, src.shape)


def slice_to(src: Tensor, shape: Size) -> Tensor:
    """The leading part of a tensor that is as large as `shape`; a view."""
    for d, extent in enumerate(shape):
        if src.shape[d] != extent:
            src = slice_dim(src, d, 0, extent, 1)
    return src


def _widened(g: Tensor, shape: Size) -> Tensor:
    for d, extent in enumerate(shape):
        if g.shape[d] != extent:
            g = slice_backward(g, Size((*g.shape[:d], extent, *g.shape[d + 1 :])), d, 0, g.shape[d], 1)
    return g


def _product_grads(
    g: Tensor, input: Tensor, dim: int, index: Tensor, src: Tensor, include_self: bool, result: Tensor
) -> tuple:
    """Product over the others: divide where nothing is zero, leave the one zero out where there is just one."""
    one = input.masked_fill(input == 0, 1)
    without = scatter_reduce(one, dim, index, src, "prod", include_self)
    to_input = g * without / one
    zero = src == 0
    many = (
        zeros(input.shape, dtype=g.dtype, device=g.device)
        .scatter_add(dim, index, zero.to(g.dtype))
        .gather(dim, index)
    )
    single = zero.logical_and(many == 1)
    rest = scatter_reduce(input, dim, index, src.masked_fill(single, 1), "prod", include_self)
    plain = (g * result).gather(dim, index) / src.masked_fill(zero, 1)
    return to_input, where(single, (g * rest).gather(dim, index), plain)


@primitive(
    api="torch tensor", dtypes=NUMERIC, inplace=True,
    backward=lambda g, input, dim, index, src, reduce, include_self, result: (
        *_insert(_scatter_reduce_grad(g, input, dim, index, src, reduce, include_self, result)), None, None),
    samples=lambda make: [
        Sample(s.args[0], s.args[1], s.args[2], s.args[3], reduce, include_self=include)
        for reduce in ("sum", "prod", "mean", "amax", "amin") for include in (True, False) for s in _repeated(make)[:1]
    ] + [Sample(make(()), 0, make.int((), high=1), make(()), "sum")],
    errors=lambda make: [
        Bad(make(3), 0, make.int(2, high=3), make(2), "foo", match="either sum, prod, mean, amax or amin, got foo"),
        *[Bad(*b.args, "sum", error=b.error, match=b.match) for b in _scatter_errors(make)],
    ],
)  # fmt: skip
def scatter_reduce(
    input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, include_self: bool = True
) -> Any:
    """Combine the source elements that land on one position by sum, prod, mean, amax or amin.

    Args:
        include_self: the input's element takes part; otherwise it only stays where nothing lands.

    >>> import tritonnn as torch
    >>> index, src = torch.tensor([0, 0, 1]), torch.tensor([1., 3., 2.])
    >>> torch.zeros(2).scatter_reduce(0, index, src, "mean", include_self=False)
    tensor([2., 2.])
    """
    if reduce not in ("sum", "prod", "mean", "amax", "amin"):
        raise Invalid(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}")
    dim, index = check_index("scatter_reduce", input, dim, index, src)
    _same_dtype("scatter_reduce", input, src)
    return Out(input.shape, input.dtype), (input, dim, index, src, reduce, bool(include_self))


def _insert(pair: tuple) -> tuple:
    return pair[0], None, None, pair[1]


# ---- along one dimension, by a vector of indices ---------------------------------------------------------


def _vector(op: str, input: Tensor, dim: int, index: Tensor) -> tuple[int, Tensor]:
    dim, index = wrap_dim(dim, len(input.shape)), long_index(op, index)
    if len(index.shape) > 1:
        raise Invalid(
            f"{op}_(): Index should have dimension 1 or 0 (got {len(index.shape)})", kind=IndexError
        )
    return dim, index


def _matching_source(
    op: str, input: Tensor, dim: int, index: Tensor, source: Tensor, kind: type[Exception]
) -> None:
    _same_dtype(op, input, source, "source")
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


def _along_samples(make: Any) -> list[Sample]:
    return [
        Sample(make(3, 4), 0, make.int(5, high=3), make(5, 4)), Sample(make(3, 4), 1, make.int(2, high=4), make(3, 2)),
        Sample(make(2, 3, 4), -2, make.int(5, high=3), make(2, 5, 4)), Sample(make(3), 0, make.int(0), make(0)),
        Sample(make(()), 0, make.int(1, high=1), make(())),
    ]  # fmt: skip


def _copy_samples(make: Any) -> list[Sample]:
    return [
        Sample(make(3, 4), 0, _distinct(make, (2,), 0, 3), make(2, 4)),
        Sample(make(3, 4), 1, _distinct(make, (3,), 0, 4), make(3, 3)), Sample(make(3), 0, make.int(0), make(0)),
    ]  # fmt: skip


def _along_errors(kind: type[Exception], count_kind: type[Exception]) -> Any:
    return lambda make: [
        Bad(make(3, 4), 0, make.int(2, low=5, high=6), make(2, 4), error=kind, match="index 5 is out of bounds for dim"),
        Bad(make(3, 4), 0, make.int(2, high=3), make(3, 4), error=count_kind, match=r"Number of indices \(2\)"),
        Bad(make(3, 4), 0, make.int(3, high=3), make(3, 2), match="source tensor shape must match"),
    ]  # fmt: skip


@primitive(
    api="torch tensor", **_WRITE, samples=_along_samples, errors=_along_errors(RuntimeError, RuntimeError),
    grad={"input": lambda g: g,
          "source": lambda g, source_shape, dim, index,
          alpha: _times(g.index_select(dim, index), alpha).reshape(source_shape)},
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
    return Out(input.shape, input.dtype), (input, dim, index, source, alpha)


def _times(g: Tensor, alpha: Any) -> Tensor:
    return g if alpha == 1 else g * alpha


@primitive(
    api="torch tensor", **_WRITE, samples=_copy_samples, errors=_along_errors(IndexError, IndexError),
    grad={"input": lambda g, dim, index: index_fill(g, dim, index, 0),
          "source": lambda g, source_shape, dim, index: g.index_select(dim, index).reshape(source_shape)},
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
    if value.device is not input.device or value.dtype is not input.dtype:
        value = value.to(input.device, input.dtype)
    return value


@primitive(
    api="torch tensor", **_WRITE,
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
)  # fmt: skip
def index_fill(input: Tensor, dim: int, index: Tensor, value: Tensor | Number) -> Any:
    """The input with one value in the entries of `dim` that the indices name.

    >>> import tritonnn as torch
    >>> torch.zeros(3).index_fill(0, torch.tensor([0, 2]), -1)
    tensor([-1.,  0., -1.])
    """
    dim, index = _vector("index_fill", input, dim, index)
    return Out(input.shape, input.dtype), (input, dim, index, _zero_dim("index_fill", input, value))


@composite(
    api="torch tensor", dtypes=NUMERIC, inplace=True,
    samples=lambda make: [
        Sample(make(3, 4), 0, make.int(5, high=3), make(5, 4), r) for r in ("prod", "mean", "amax", "amin")
    ],
)  # fmt: skip
def index_reduce(
    input: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """Combine `source[k]` into entry `index[k]` of `dim` by prod, mean, amax or amin."""
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
    return scatter_reduce(input, dim, column.expand(source.shape), source, reduce, include_self)


# ---- by mask ----------------------------------------------------------------------------------------------


def _bool_mask(op: str, mask: Tensor) -> Tensor:
    if mask.dtype is dtypes.uint8:  # masks of older programs
        return mask.to(dtypes.bool_)
    if mask.dtype is not dtypes.bool_:
        raise Invalid(f"{op}_ only supports boolean masks, but got mask with dtype {mask.dtype.name}")
    return mask


@primitive(
    api="torch tensor", **_WRITE,
    grad={"input": lambda g, mask: masked_fill(g, mask, 0),
          "value": lambda g, mask: masked_fill(g, mask.logical_not(), 0).sum()},
    samples=lambda make: [
        Sample(make(3, 4), make.bool(3, 4), 2), Sample(make(3, 4), make.bool(4), make(())),
        Sample(make(4), make.bool(3, 1), 1), Sample(make(()), make.bool(()), 1), Sample(make(0, 3), make.bool(3), 1),
    ],
    errors=lambda make: [
        Bad(make(3), make(3, dtype=dtypes.float32), 1, match="only supports boolean masks"),
        Bad(make(3), make.bool(3), make(3), match="0-dimensional value tensor"),
        Bad(make(3), make.bool(2), 1, match="must match the size"),
    ],
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
    api="torch tensor", **_WRITE,
    grad={"input": lambda g, mask: masked_fill(g, mask, 0),
          "source": lambda g, mask, source_shape: _scattered_back(g, mask, source_shape)},
    samples=lambda make: [
        Sample(make(3, 4), make.bool(3, 4), make(3, 4)), Sample(make(3, 4), make.bool(4), make(20)),
        Sample(make(0), make.bool(0), make(0)),
    ],
    errors=lambda make: [
        Bad(make(4), make(4, dtype=dtypes.float32), make(4), match="only supports boolean masks"),
        Bad(make(3), make.bool(3).logical_or(True), make(2), match="elements of source < number of ones in mask"),
        Bad(make(3), make.bool(3), make(3, dtype=dtypes.int32), match="expected self and source to have same dtypes"),
    ],
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


Tensor.masked_copy_ = Tensor.masked_scatter_  # type: ignore[attr-defined]


# ---- by position or by several indices --------------------------------------------------------------------


@primitive(
    api="torch tensor", **_WRITE,
    grad={"input": lambda g, index, accumulate, source_shape: g if accumulate else put(
              g, index, zeros_of(g, source_shape), False),
          "source": lambda g, index, source_shape: g.take(index).reshape(source_shape)},
    samples=lambda make: [
        Sample(make(3, 4), make.int(2, 3, low=-12, high=12), make(2, 3), True),
        Sample(make(3, 4), _distinct(make, (5,), 0, 12), make(5)), Sample(make(3), make.int(0), make(0)),
    ],
    errors=lambda make: [
        Bad(make(2, 2), make.int(2, low=9, high=10), make(2), error=IndexError, match="out of range"),
        Bad(make(2, 2), make.int(2), make(3), match="same number of elements"),
        Bad(make(2, 2), make.int(2), make(2, dtype=dtypes.int32), match="equal to source.dtype"),
    ],
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
    _same_dtype("put", input, source, "source")
    if index.numel() != source.numel():
        raise Invalid(
            f"put(): Expected source and index to have the same number of elements, but got source.numel() = "
            f"{source.numel()}, index.numel() = {index.numel()}"
        )
    return Out(input.shape, input.dtype), (input, index, source, bool(accumulate))


@primitive(
    **_WRITE,
    grad={"input": lambda g, indices, dims, accumulate: g if accumulate else put_at(
              g, indices, zeros_of(g, Size(())), dims, False),
          "values": lambda g, indices, dims: g.index_at(indices, dims)},
    samples=lambda make: [
        Sample(make(3, 4), [make.int(2, 2, high=3)], make(2, 2, 4), (0,), True),
        Sample(make(3, 4), [_distinct(make, (2,), 0, 4)], make(3, 1), (1,), False),
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
    return Out(input.shape, input.dtype)


Tensor.put_at = put_at  # type: ignore[attr-defined]
