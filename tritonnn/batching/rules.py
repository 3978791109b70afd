"""The rules of all ops, by what an op does with the dimensions of its operands."""

from __future__ import annotations

from typing import Any

from tritonnn._levels import batched, below
from tritonnn._tensor import Tensor
from tritonnn.batching import (  # noqa: F401  # register theirs
    bags,
    indexing,
    losses,
    matrices,
    networks,
    products,
    sequences,
)  # fmt: skip
from tritonnn.batching.calls import SIZED, Call, again, composed, in_shape, rule
from tritonnn.batching.values import front, mapped, moved, raised
from tritonnn.dispatch import result_type
from tritonnn.dtypes import get_default_dtype
from tritonnn.ops.conversion.conversion import copied
from tritonnn.ops.creation.ranges import arange
from tritonnn.ops.elementwise.comparison import where
from tritonnn.ops.shape.shape import expand_as_size, unsqueeze, view_as_size, view_or_copy
from tritonnn.shape import as_size, infer_view_size, numel
from tritonnn.table import Op

# ---- elementwise --------------------------------------------------------------------------------------------


@rule("pointwise", "matmul_nd")
def aligned(c: Call) -> Any:
    """Samples broadcast against each other, counted from their last dimension."""
    rank = max([c.rank(i) for i in c.tensors])
    args = _promoted(c)
    for i in c.tensors:
        if c.flags[i]:
            args[i] = raised(args[i], rank)
    return again(c.op, args)


@rule("masked_fill")
def filled(c: Call) -> Any:
    """One number where a mask holds; one of each sample's own is broadcast."""
    value, mask, number = c.args
    if not c.flags[2]:
        return aligned(c)
    rank = max(c.rank(0), c.rank(1))
    value, mask = [raised(t, rank) if f else t for t, f in ((value, c.flags[0]), (mask, c.flags[1]))]
    return where(mask, raised(number, rank).to(value.dtype), value)


def _promoted(c: Call) -> list[Any]:
    """The arguments, samples of no dimensions in the type that promotion, which counts dimensions, has for them."""
    op, args = c.op, list(c.args)
    scalars = [i for i in c.tensors if c.flags[i] and not c.rank(i)]
    if op.result_rule is None or not scalars:
        return args
    common = result_type(*[c.given[i] for i in op.promoting if c.given[i] is not None])
    for i in scalars:
        if i in op.promoting and args[i].dtype is not common:
            args[i] = args[i].to(common)
    return args


@rule(
    "alias",
    "view_as_real",
    "view_as_complex",
    "fill_values",
    "copy_values",
    "constant_pad_nd",
    "tril",
    "triu",
    "zeros_like",
    "ones_like",
    "full_like",
    "empty_like",
    "philox_poisson",
    "padded_part",
)
def straight(c: Call) -> Any:
    """What knows nothing of leading dimensions."""
    return again(c.op, c.args)


@rule("to_copy")
def converted(c: Call) -> Any:
    """Another dtype, device or order in memory; the batch lies in front of it."""
    value, dtype, device, _ = c.args
    return copied(value, dtype, device, None)


# ---- along dimensions ---------------------------------------------------------------------------------------

_ALL = "all"  # of an argument that names dimensions: none of them named means all
_REDUCED = (
    "sum", "mean", "count_nonzero", "amax", "amin", "max_dims", "min_dims", "prod_dims", "var_dims",
    "p_norm", "logsumexp_dims",
)  # fmt: skip
_KEPT = (
    "max_dim", "min_dim", "median_dim", "mode", "sort", "topk", "kthvalue", "softmax", "log_softmax",
    "softmax_backward", "log_softmax_backward", "cumsum", "cumprod", "logcumsumexp", "cummax", "cummin", "gather",
    "scatter_src", "scatter_value", "scatter_add", "scatter_reduce", "slice_dim", "split_evenly", "split_by_sizes",
    "any", "all",
)  # fmt: skip
_TRANSFORMS = ("fft_c2c", "fft_r2c", "fft_c2r")
#: name of an op -> the argument that names dimensions, and what none means
ALONG: dict[str, tuple[str, str]] = {
    **{name: ("dim", _ALL) for name in _REDUCED}, **{name: ("dim", "") for name in _KEPT},
    **{name: ("dims", "") for name in ("flip", *_TRANSFORMS)},
}  # fmt: skip


def _later(dim: Any) -> Any:
    """A dimension, or several, behind the batch."""
    if isinstance(dim, (tuple, list)):
        return tuple([_later(d) for d in dim])
    return dim + 1 if dim >= 0 else dim


@rule(*ALONG)
def along(c: Call) -> Any:
    """One or more named dimensions of a sample; samples of no dimensions are given one."""
    args = list(c.args)
    for i in c.tensors:
        args[i] = front(args[i], c.flags[i], c.size)
    flat = len(args[c.tensors[0]]._shape) == 1
    if flat:
        for i in c.tensors:
            args[i] = unsqueeze(args[i], 1) if len(args[i]._shape) == 1 else args[i]
    rank = len(args[c.tensors[0]]._shape) - 1
    name, default = ALONG[c.op.name]
    place = c.op.places[name]
    dim = args[place]
    if dim is None or (default == _ALL and dim == ()):
        args[place] = tuple(range(1, rank + 1))
    else:
        args[place] = (1 if isinstance(dim, int) else (1,)) if flat and dim != () else _later(dim)
    result = again(c.op, args)
    return in_shape(c, result) if flat else result


@rule("argmax", "argmin")
def position(c: Call) -> Any:
    """The place of an extreme, in the flattened sample where no dimension is named."""
    value, dim, keepdim = c.args
    rank = len(value._shape) - 1
    if dim is not None and rank:
        return again(c.op, (value, _later(dim), keepdim))
    flat = view_or_copy(value, (c.size, numel(value._shape[1:])))
    found = again(c.op, (flat, 1, False))
    return view_as_size(found, (c.size, *(1,) * rank)) if keepdim else found


# ---- views --------------------------------------------------------------------------------------------------


@rule("expand_as_size")
def expanded(c: Call) -> Any:
    """Broadcast to a size."""
    value, size = c.args
    return expand_as_size(raised(value, len(size)), (c.size, *size))


@rule("view_as_size")
def viewed(c: Call) -> Any:
    """Another shape of as many elements."""
    value, size = c.args
    target = infer_view_size(size, numel(value._shape[1:]))
    return view_as_size(value, (c.size, *target))


@rule(
    "transpose", "permute_dims", "unsqueeze", "squeeze_dims", "select_dim", "unbind_dim", "diagonal", "unfold"
)
def rearranged(c: Call) -> Any:
    """Dimensions exchanged, added, removed."""
    value, *rest = c.args
    rank = len(value._shape) - 1
    name = c.op.name
    if name == "permute_dims":
        return again(c.op, (value, (0, *[d % rank + 1 for d in rest[0]])))
    if name == "transpose" and not rank:
        return again(c.op, (value, 0, 0))
    if name == "unfold" and not rank:
        return again(c.op, (unsqueeze(value, 1), 1, *rest[1:]))[:, 0]
    if name == "diagonal":
        return again(c.op, (value, rest[0], _later(rest[1]), _later(rest[2])))
    if name == "squeeze_dims":
        return again(c.op, (value, _later(rest[0]) if rank else ()))
    if name == "transpose":
        return again(c.op, (value, _later(rest[0]), _later(rest[1])))
    return again(c.op, (value, _later(rest[0]), *rest[1:]))


@rule("as_strided")
def strided(c: Call) -> Any:
    """Any geometry over the memory of a sample; where none is said, its memory begins at its first element."""
    value, size, stride, offset = c.args
    return again(
        c.op,
        (value, (c.size, *size), (value.stride(0), *stride), value._offset if offset is None else offset),
    )


@rule("slice_backward")
def unsliced(c: Call) -> Any:
    """Zeros with a part written."""
    grad, shape, dim, *rest = c.args
    return again(c.op, (grad, (c.size, *shape), dim + 1, *rest))


@rule("cat", "stack_contiguous")
def joined(c: Call) -> Any:
    """Several tensors, side by side."""
    tensors = [front(t, f, c.size) for t, f in zip(c.args[0], c.flags[0], strict=True)]
    if c.op.name == "cat" and all([len(t._shape) > 1 for t in tensors]):
        # an empty vector is left out, as it may stand among tensors of any shape
        ranks = {len(t._shape) for t in tensors}
        if len(ranks) > 1:
            tensors = [t for t in tensors if len(t._shape) != 2 or t._shape[1]]
    return again(c.op, (tensors, _later(c.args[1])))


# ---- by folding the batch into the samples' own ---------------------------------------------------------------


def folded(value: Tensor) -> Tensor:
    """The batch and the first dimension of the samples as one."""
    return view_or_copy(value, (value._shape[0] * value._shape[1], *value._shape[2:]))


def unfolded(value: Tensor, size: int) -> Tensor:
    """The inverse of `folded`."""
    return view_as_size(value, (size, value._shape[0] // max(size, 1), *value._shape[1:]))


_POOLS = (
    "max_pool", "max_pool_backward", "max_pool_with_indices", "max_pool_with_indices_backward", "adaptive_max_pool",
    "adaptive_max_pool_backward", "avg_pool", "avg_pool_backward", "adaptive_avg_pool", "adaptive_avg_pool_backward",
    "fractional_max_pool", "fractional_max_pool_backward",
)  # fmt: skip
#: names of ops of (N, C, ...), or (C, ...), the rank of what is unbatched counted from a list argument's length
_IMAGES = ("im2col", "col2im", "grid_sampler", "grid_gradient", "attention_backward")


@rule(*_POOLS, *_IMAGES)
def images(c: Call) -> Any:
    """Samples that are batches themselves: all of them are one batch."""
    args = list(c.args)
    if c.op.name.startswith("fractional"):
        return _fractional(c)
    for i in c.tensors:
        args[i] = folded(front(args[i], c.flags[i], c.size))
    return mapped(again(c.op, args), lambda value: unfolded(value, c.size))


@rule("deform_columns")
def moved_taps(c: Call) -> Any:
    """Samples that are batches themselves, whose results have their images second."""
    args = list(c.args)
    for i in c.tensors:
        args[i] = folded(front(args[i], c.flags[i], c.size))
    columns = again(c.op, args)
    shape = columns._shape
    return moved(view_as_size(columns, (shape[0], c.size, shape[1] // max(c.size, 1), *shape[2:])), 1, 0)


def _fractional(c: Call) -> Any:
    """Images without a batch of their own have random samples (1, C, n) all the same."""
    args = list(c.args)
    alone = c.rank(0) == len(c.args[c.op.places["kernel_size"]]) + 1
    for i in c.tensors:
        value = front(args[i], c.flags[i], c.size)
        args[i] = value if alone and c.op.names[i] != "samples" else folded(value)
    result = again(c.op, args)
    return result if alone else mapped(result, lambda value: unfolded(value, c.size))


# ---- numbers between samples' own -----------------------------------------------------------------------------


@composed("linspace")
def spaced(
    start: Any, end: Any, steps: int, out: object, dtype: Any, layout: object, device: Any, *options: object
) -> Tensor:
    """Evenly spaced numbers, from either end to the middle."""
    dtype = dtype or get_default_dtype()
    start, end = [value.to(dtype) if isinstance(value, Tensor) else value for value in (start, end)]
    numbers = arange(steps, dtype=dtype, device=device)
    step = (end - start) / max(steps - 1, 1)
    rising, falling = start + step * numbers, end - step * (steps - 1 - numbers)
    return where(numbers < (steps + 1) // 2, rising, falling).to(dtype)


@composed("logspace")
def logarithmic(
    start: Any,
    end: Any,
    steps: int,
    base: float,
    out: object,
    dtype: Any,
    layout: Any,
    device: Any,
    *options: object,
) -> Tensor:
    """The same of exponents."""
    return base ** spaced(start, end, steps, None, dtype, layout, device)


# ---- others like it -----------------------------------------------------------------------------------------


def _sized(op: Op, args: tuple, kwargs: dict[str, Any], level: int) -> Any:
    """`x.new_zeros(2, 3)` and its like: the same of the batch."""
    sample, *sizes = args
    options = dict(kwargs)
    rest: list[Any] = []
    if op.name == "new_full":
        size, *rest = sizes if sizes else [options.pop("size")]
    else:
        size = sizes if sizes else options.pop("size")
    shape = as_size(size if op.name != "new_full" else (size,), op.name)
    with below(level):
        value = sample.value
        made = getattr(value, op.name)((value._shape[0], *shape), *rest, **options)
    return batched(made, level)


SIZED.update(dict.fromkeys(("new_empty", "new_zeros", "new_ones", "new_full"), _sized))
