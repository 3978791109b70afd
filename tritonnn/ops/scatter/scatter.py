"""Writing elements by index or mask: scatter, index_add, index_copy, index_fill, masked_fill, put.

Each returns a new tensor; the in-place methods write into the tensor itself. Where indices repeat, additions
happen in one fixed order and the last of several writes stays.
"""

from __future__ import annotations

from typing import Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.dtypes import counting_dtype
from tritonnn.errors import Invalid, fail
from tritonnn.ops._definitions import indexing as define
from tritonnn.ops._numbers import as_number
from tritonnn.ops._table import ANY, NUMERIC, Bad, Out, Sample, called, composite, expose, primitive, written
from tritonnn.ops.creation.creation import full, zeros
from tritonnn.ops.elementwise.comparison import where
from tritonnn.ops.indexing.indexing import check_index
from tritonnn.ops.reduction.reduction import over_count
from tritonnn.ops.shape.parts import slice_backward, slice_dim
from tritonnn.shape import Size
from tritonnn.table import Make
from tritonnn.table.arguments import is_number
from tritonnn.table.types import Number

WRITE = dict(dtypes=ANY, inplace=True, aliasing=True)


def same_dtype(op: str, input: Tensor, src: Tensor, name: str = "src") -> None:
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


def _scatter_samples(make: Make) -> list[Sample]:
    return [
        Sample(make(3, 4), 0, distinct(make, (2, 4), 0, 3), make(2, 4)),
        Sample(make(3, 4), 1, distinct(make, (3, 2), 1, 4), make(3, 4)),
        Sample(make(()), 0, make.int((), high=1), make(())),
        Sample(make(3), 0, make.int(0), make(0)),
    ]


def distinct(make: Make, shape: tuple[int, ...], dim: int, size: int) -> Tensor:
    """Indices below `size` that do not repeat along `dim`."""
    keys = make.int(*shape[:dim], size, *shape[dim + 1 :], high=1000)
    return slice_dim(keys.argsort(dim), dim, 0, shape[dim], 1)


def _repeated(make: Make) -> list[Sample]:
    return [
        Sample(make(3, 4), 0, make.int(6, 4, high=3), make(6, 4)),
        Sample(make(3, 4), 1, make.int(3, 9, high=4), make(4, 9)),
        Sample(make(()), 0, make.int((), high=1), make(())), Sample(make(3), 0, make.int(0), make(0)),
    ]  # fmt: skip


def _scatter_errors(make: Make) -> list[Bad]:
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
    **WRITE, samples=_scatter_samples, errors=_scatter_errors,
    grad={"input": lambda g, dim, index: scatter_value(g, dim, index, 0),
          "src": lambda g, src_shape, dim, index: _from_index(g, src_shape, dim, index)},
)  # fmt: skip
def scatter_src(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Any:
    """The input with `out[index[i][j]][j] = src[i][j]` for dim 0, likewise for the others."""
    dim, index = check_index("scatter", input, dim, index, src)
    same_dtype("scatter", input, src)
    return Out(input.shape, input.dtype), (input, dim, index, src)


@primitive(
    **WRITE, public="scatter",
    samples=lambda make: [Sample(make(3, 4), 0, make.int(2, 4, high=3), 2), Sample(make(3), 0, make.int(0), 1)],
    grad={"input": lambda g, dim, index: scatter_value(g, dim, index, 0)},
    errors=lambda make: [Bad(make(3), 0, make.int(2, low=3, high=4), 1, match="index 3 is out of bounds")],
)  # fmt: skip
def scatter_value(input: Tensor, dim: int, index: Tensor, value: Any) -> Any:
    """The input with one value at the positions the indices name."""
    dim, index = check_index("scatter", input, dim, index)
    return Out(input.shape, input.dtype), (input, dim, index, as_number(input.dtype, value))


_REDUCE = {"add": "sum", "multiply": "prod"}


def _scatter(
    in_place: bool,
    input: Tensor,
    dim: int,
    index: Tensor,
    src: Any,
    value: Number | None,
    reduce: str | None,
    out: Tensor | None,
) -> Tensor:
    if (src is None) == (value is None):
        raise TypeError("scatter() takes either src or value")
    src = value if src is None else src
    op = scatter_value.op
    args: tuple = (input, dim, index, src)
    if not isinstance(src, Tensor) and not is_number(src):
        raise TypeError(f"scatter(): argument 'src' must be Tensor or Number, not {type(src).__name__}")
    if reduce is not None:
        if not isinstance(reduce, str):
            raise TypeError(f"scatter(): argument 'reduce' must be str, not {type(reduce).__name__}")
        if reduce not in _REDUCE:
            raise fail("scatter", "reduce argument must be either add or multiply.", input=input)
        if not isinstance(src, Tensor):
            src = full((), src, dtype=input.dtype, device=input.device).expand(index.shape)
        op, args = scatter_reduce.op, (input, dim, index, src, _REDUCE[reduce], True)
    elif isinstance(src, Tensor):
        op = scatter_src.op
    return written(op, args) if in_place else called(op, args, out)


@composite(
    api="torch tensor", dtypes=ANY, errors=_scatter_errors,
    samples=lambda make: [
        *_scatter_samples(make), Sample(make(3, 4), 0, make.int(2, 4, high=3), 1.5 if make.dtype.kind > 1 else 1),
    ],
    reference=define.scatter,
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
    self: Tensor,
    dim: int,
    index: Tensor,
    src: Tensor | Number | None = None,
    *,
    value: Number | None = None,
    reduce: str | None = None,
) -> Tensor:
    """In-place version of `scatter`."""
    return _scatter(True, self, dim, index, src, value, reduce, None)


@primitive(
    api="torch tensor", **WRITE, samples=_repeated, errors=_scatter_errors,
    grad={"src": lambda g, src_shape, dim, index: _from_index(g, src_shape, dim, index), "input": lambda g: g},
    reference=define.scatter_add,
)  # fmt: skip
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Any:
    """The input with `src[i][j]` added at `[index[i][j]][j]` for dim 0, likewise for the others.

    >>> import tritonnn as torch
    >>> torch.zeros(3).scatter_add(0, torch.tensor([0, 2, 2]), torch.tensor([1., 2., 3.]))
    tensor([1., 0., 5.])
    """
    dim, index = check_index("scatter_add", input, dim, index, src)
    same_dtype("scatter_add", input, src)
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
    counted = counting_dtype(g.dtype)
    if reduce == "sum":
        to_input, to_src = g, g.gather(dim, index)
    elif reduce == "mean":
        n = (result.new_ones if include_self else result.new_zeros)(result.shape, dtype=counted)
        n = n.scatter_add(dim, index, count.new_ones(count.shape, dtype=n.dtype))
        to_input = over_count(g, n.masked_fill(n == 0, 1))
        to_src = to_input.gather(dim, index)
    elif reduce == "prod":
        to_input, to_src = _product_grads(g, input, dim, index, count, include_self, result)
    else:
        ours = (input == result).to(counted)
        theirs = (count == result.gather(dim, index)).to(ours.dtype)
        ties = (ours if include_self else ours * 0).scatter_add(dim, index, theirs)
        # nothing equals a NaN: its gradient is 0 / 0, as of amax
        share = over_count(g, ties.masked_fill((ties == 0).logical_and(result == result), 1))
        ours, theirs = ours.to(g.dtype), theirs.to(g.dtype)
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
        zeros(input.shape, dtype=counting_dtype(g.dtype), device=g.device)
        .scatter_add(dim, index, zero.to(counting_dtype(g.dtype)))
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
    reference=define.scatter_reduce,
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
    same_dtype("scatter_reduce", input, src)
    return Out(input.shape, input.dtype), (input, dim, index, src, reduce, bool(include_self))


def _insert(pair: tuple) -> tuple:
    return pair[0], None, None, pair[1]
