"""What is computed with jagged tensors along the ragged dimension, and products with matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.nested._forms import replaced, rule
from tritonnn.nested._jagged import JAGGED, bound, function, without_holes, wrapped
from tritonnn.nested._layouts import JaggedTensor, make_jagged
from tritonnn.nested._making import indices, is_tight, jagged_of, padded, unpadded
from tritonnn.ops.joining.joining import stack

# ---- reductions -----------------------------------------------------------------------------------------------------

_LOWEST = ("amax", "max", "argmax")
_HIGHEST = ("amin", "min", "argmin")
_ONE = ("prod", "argmax", "argmin", "max", "min")  # they take one dimension


def _identity(name: str, dtype: Any) -> Any:
    """What changes no result where it is added to the elements."""
    if name not in _LOWEST and name not in _HIGHEST:
        return name in ("prod", "all")
    low = name in _LOWEST
    if dtype.is_floating_point:
        return float("-inf") if low else float("inf")
    return not low if dtype is dtypes.bool_ else (dtypes.iinfo(dtype).min if low else dtypes.iinfo(dtype).max)


def _reduced_ragged(func: Callable, nested: JaggedTensor, keepdim: bool, options: dict[str, Any]) -> Any:
    """Every component reduced along its own length."""
    name = func.__name__
    without_holes(name, nested)
    dim, entries = nested._ragged_idx, nested._entries
    if name == "mean" and not (options.get("dtype") or entries.dtype).kind >= 2:
        return func(entries)  # refuses
    whole = padded(nested, _identity(name, entries.dtype), max(nested._max_seqlen, 1))
    if name == "mean":
        total = whole.sum(dim, keepdim, **options)
        counts = indices(nested._ragged.bounds()[1], total)
        return total / counts.reshape(-1, *[1] * (total.dim() - 1))
    result = func(whole, dim, keepdim=keepdim, **options)
    if name in ("amax", "amin", "max", "min") and nested._min_seqlen == 0:
        least = (
            dtypes.finfo(entries.dtype) if entries.dtype.is_floating_point else dtypes.iinfo(entries.dtype)
        )
        empty = indices(nested._ragged.bounds()[1], whole) == 0
        extreme = least.min if name in _LOWEST else least.max
        found = result[0] if isinstance(result, tuple) else result
        found = found.masked_fill(empty.reshape(-1, *[1] * (found.dim() - 1)), extreme)
        return type(result)((found, *result[1:])) if isinstance(result, tuple) else found
    return result


@rule("sum", "mean", "amax", "amin", "prod", "all", "any", "argmax", "argmin", of=JAGGED)
def _reduce(func: Callable, *args: Any, **kwargs: Any) -> Any:
    given = bound(func, args, kwargs)
    nested, dim, keepdim = given.pop("input"), given.pop("dim"), given.pop("keepdim")
    given.pop("out", None)
    return _reduced(func, nested, dim, keepdim, given)


def _reduced(func: Callable, nested: JaggedTensor, dim: Any, keepdim: bool, options: dict[str, Any]) -> Any:
    name, ragged = func.__name__, nested._ragged_idx
    if name in _ONE and not (dim is None or isinstance(dim, int)):
        raise TypeError(f"{name}(): argument 'dim' must be int, not {type(dim).__name__}")
    dims = [wrapped(nested, d) for d in ([dim] if isinstance(dim, int) else dim or ())]
    entries = nested._entries
    if not dims or (0 in dims and ragged in dims):
        values = entries
        if not is_tight(nested):
            values = entries.index_select(ragged - 1, indices(nested._ragged.rows(), entries))
        if not dims:
            return func(values, **options)
        inner = sorted({d - 1 for d in dims if d})
        result = func(values, inner, keepdim=keepdim, **options)
        return result.unsqueeze(0) if keepdim else result
    if 0 in dims:
        raise RuntimeError(
            f"{name}(): reducing along the batch dimension but not the ragged dimension is not supported for nested "
            "tensors"
        )
    if ragged in dims:
        if len(dims) > 1:
            kind = AssertionError if name == "mean" else RuntimeError
            raise kind(
                f"{name}(): reducing along a ragged and non-batch dimension is not supported for nested tensors"
            )
        return _reduced_ragged(func, nested, keepdim, options)
    inner = [d - 1 for d in dims]
    result = func(entries, inner if len(inner) > 1 else inner[0], keepdim=keepdim, **options)
    moved = 0 if keepdim else sum(d < ragged for d in dims)
    return replaced(result, lambda t: make_jagged(t, nested._ragged, ragged - moved))


@rule("max", "min", of=JAGGED)
def _extremes(func: Callable, input: Any, dim: Any = None, keepdim: bool = False, other: Any = None) -> Any:
    other = dim if isinstance(dim, Tensor) else other
    if other is not None:
        return function("maximum" if func.__name__ == "max" else "minimum")(input, other)
    return _reduced(func, input, dim, keepdim, {})


@rule("softmax", of=JAGGED)
def _softmax(func: Callable, *args: Any, **kwargs: Any) -> Any:
    given = bound(func, args, kwargs)
    nested, dim = given.pop("input"), given.pop("dim")
    given.pop("out", None)
    if dim is None or wrapped(nested, dim) == 0:
        raise RuntimeError(
            "softmax(): not supported when reducing across the batch dimension for nested tensors"
        )
    dim = wrapped(nested, dim)
    if dim != nested._ragged_idx:
        return nested._with(func(nested._entries, dim - 1, **given))
    without_holes("softmax", nested)
    if not nested._entries.numel():
        return nested._with(func(nested._entries, nested._ragged_idx - 1, **given))
    # What an empty component is filled up with alone is cut off again.
    whole = padded(nested, float("-inf"))
    return unpadded(func(whole, dim, **given), nested)


# ---- products and layers ---------------------------------------------------------------------------------------------


@rule("linear", of=JAGGED)
def _linear(func: Callable, input: Any, weight: Tensor, bias: Tensor | None = None) -> Any:
    if (
        not isinstance(input, JaggedTensor)
        or isinstance(weight, JaggedTensor)
        or isinstance(bias, JaggedTensor)
    ):
        raise ValueError("linear: only the input may be a nested tensor")
    if input._ragged.lengths is not None:
        raise ValueError("linear: expected a nested tensor without holes. Hint: .contiguous() has none")
    _check_last("linear", input, 1)
    return input._with(func(input._entries, weight, bias))


def _check_last(name: str, input: JaggedTensor, count: int) -> None:
    if input._ragged_idx >= input.dim() - count:
        raise RuntimeError(
            f"{name}(): the last {count} dimensions of a nested tensor of shape {tuple(input.shape)} have the ragged "
            "one among them"
        )


@rule("layer_norm", "rms_norm", of=JAGGED)
def _normalized(func: Callable, input: Any, normalized_shape: Any, *args: Any, **kwargs: Any) -> Any:
    _check_last(func.__name__, input, 1 if isinstance(normalized_shape, int) else len(normalized_shape))
    return input._with(func(input._entries, normalized_shape, *args, **kwargs))


@rule("matmul", "bmm", "__matmul__", of=JAGGED)
def _matmul(func: Callable, a: Any, b: Any) -> Any:
    last = a.dim() - 1
    if isinstance(a, JaggedTensor) and a._ragged_idx != last and not isinstance(b, JaggedTensor):
        if b.dim() <= 2 and func.__name__ != "bmm":
            return a._with(func(a._entries, b))
        if b.dim() == a.dim() and a._ragged_idx == last - 1 and b.shape[0] == a._batch():
            without_holes(func.__name__, a)
            product = function("matmul")
            parts = [product(x, y) for x, y in zip(a._components(), b.unbind(0), strict=True)]
            return jagged_of(parts, a._ragged_idx - 1, a._ragged if is_tight(a) else None)
    elif isinstance(a, JaggedTensor) and isinstance(b, JaggedTensor) and a._ragged.extent == b._ragged.extent:
        if a._ragged_idx == last and b._ragged_idx == b.dim() - 2 and a.dim() == b.dim():
            product = function("matmul")
            return stack([product(x, y) for x, y in zip(a._components(), b._components(), strict=True)])
    raise RuntimeError(
        f"{func.__name__}(): not supported between tensors of shapes {tuple(a.shape)} and {tuple(b.shape)}"
    )
