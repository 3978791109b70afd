"""What is computed with nested tensors of layout torch.strided: with all values at once, or component by component."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.dtypes import dtype as DType
from tritonnn.nested._attention import attention
from tritonnn.nested._forms import rule
from tritonnn.nested._layouts import StridedNestedTensor, make_strided
from tritonnn.nested._making import strided_of
from tritonnn.shape import numel, wrap_dim

STRIDED = (StridedNestedTensor,)


def aligned(operand: Tensor, first: StridedNestedTensor) -> Tensor:
    """An operand of an elementwise function as one of the values of `first`: nested of the same shapes, or a number."""
    if isinstance(operand, StridedNestedTensor):
        if operand._sizes != first._sizes:
            raise RuntimeError(
                "an elementwise function does not support broadcasting when given nested tensors of layout "
                f"torch.strided: components of shapes {list(first._sizes)} and {list(operand._sizes)}"
            )
        return operand._entries
    if operand.dim():
        raise RuntimeError(
            f"Expected both self and other to be nested, but got a dense tensor of shape {tuple(operand.shape)}"
        )
    return operand


def _wrapped(nested: StridedNestedTensor, dim: int, more: int = 0) -> int:
    return wrap_dim(dim, nested.dim() + more)


def _inner(name: str, nested: StridedNestedTensor, dim: int, more: int = 0) -> int:
    """The dimension of each component; refused is the batch."""
    dim = _wrapped(nested, dim, more)
    if dim == 0:
        raise RuntimeError(f"{name}(): not supported for nested tensors on dim=0")
    return dim - 1


def _by_component(nested: StridedNestedTensor, call: Callable[[Tensor], Tensor], copied: bool = False) -> Any:
    return strided_of([call(part) for part in nested._components()], copied)


def _rows(name: str, nested: StridedNestedTensor, call: Callable[[Tensor], Tensor], count: int = 1) -> Any:
    """A function of the last `count` dimensions, which all components share, of all rows at once."""
    last = {size[len(size) - count :] for size in nested._sizes}
    if len(last) > 1 or nested.dim() <= count:
        raise RuntimeError(
            f"{name}(): the last {count} dimensions of nested tensors must be the same for all components, got "
            f"{sorted(last)}"
        )
    extents = last.pop() if last else (0,) * count
    leading = [size[: len(size) - count] for size in nested._sizes]
    rows = call(nested._entries.reshape(sum(map(numel, leading)), *extents))
    return make_strided(rows.reshape(-1), [(*size, *rows.shape[1:]) for size in leading])


# ---- layers and products ---------------------------------------------------------------------------------


@rule("linear", of=STRIDED)
def _linear(func: Callable, input: Any, weight: Tensor, bias: Tensor | None = None) -> Any:
    if not isinstance(input, StridedNestedTensor):
        raise RuntimeError("linear: only the input may be a nested tensor")
    return _rows("linear", input, lambda rows: func(rows, weight, bias))


@rule("layer_norm", of=STRIDED)
def _layer_norm(
    func: Callable, input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    if weight is None or bias is None:
        raise ValueError("layer_norm: nested tensors of layout torch.strided require weight and bias")
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    return _rows("layer_norm", input, lambda rows: func(rows, shape, weight, bias, eps), len(shape))


@rule("embedding", "one_hot", of=STRIDED)
def _embedding(func: Callable, input: StridedNestedTensor, *args: Any, **kwargs: Any) -> Any:
    rows = func(input._entries, *args, **kwargs)
    return make_strided(rows.reshape(-1), [(*size, *rows.shape[1:]) for size in input._sizes])


@rule("softmax", "log_softmax", of=STRIDED)
def _softmax(
    func: Callable, input: StridedNestedTensor, dim: int | None = None, *args: Any, **kwargs: Any
) -> Any:
    if dim is None:
        raise RuntimeError(f"{func.__name__}(): nested tensors need a dimension")
    inner = _inner(func.__name__, input, dim)
    return _by_component(input, lambda part: func(part, inner, *args, **kwargs))


@rule("matmul", "bmm", "__matmul__", of=STRIDED)
def _matmul(func: Callable, a: Any, b: Any) -> Any:
    name = func.__name__
    if isinstance(a, StridedNestedTensor) and not isinstance(b, StridedNestedTensor):
        if name != "bmm" and a.dim() > 3 and b.dim() == 2:
            return _rows(name, a, lambda rows: func(rows, b))
        if name == "bmm" and b.dim() == 3:
            b = strided_of(b.unbind(0))
    if not (isinstance(a, StridedNestedTensor) and isinstance(b, StridedNestedTensor)):
        raise RuntimeError(f"{name}: Expected both to be nested tensors, but got one that is not")
    if (
        a._batch() != b._batch()
        or min(a.dim(), b.dim()) < 3
        or (name == "bmm" and (a.dim(), b.dim()) != (3, 3))
    ):
        raise RuntimeError(
            f"{name}: expected nested tensors of as many matrices, got {a._batch()} components of {a.dim() - 1} "
            f"dimensions and {b._batch()} of {b.dim() - 1}"
        )
    return strided_of([x.matmul(y) for x, y in zip(a._components(), b._components(), strict=True)])


rule("scaled_dot_product_attention", of=STRIDED)(attention)


# ---- shapes ----------------------------------------------------------------------------------------------


@rule("transpose", "swapaxes", "swapdims", of=STRIDED)
def _transpose(func: Callable, input: StridedNestedTensor, dim0: int, dim1: int) -> Any:
    a, b = (_inner("transpose", input, dim) for dim in (dim0, dim1))
    return _by_component(input, lambda part: part.transpose(a, b), copied=True)


@rule("mT", of=STRIDED)
def _matrix_transpose(func: Callable, input: StridedNestedTensor) -> Any:
    return _transpose(func, input, -2, -1)


@rule("unsqueeze", of=STRIDED)
def _unsqueeze(func: Callable, input: StridedNestedTensor, dim: int) -> Any:
    inner = _inner("unsqueeze", input, dim, 1)
    return make_strided(input._entries, [(*s[:inner], 1, *s[inner:]) for s in input._sizes])


@rule("squeeze", of=STRIDED)
def _squeeze(func: Callable, input: StridedNestedTensor, dim: int | None = None) -> Any:
    if not isinstance(dim, int):
        raise RuntimeError("squeeze(): nested tensors are squeezed along one given dimension")
    inner = _inner("squeeze", input, dim)
    if any(size[inner] != 1 for size in input._sizes):
        return input
    return make_strided(input._entries, [(*s[:inner], *s[inner + 1 :]) for s in input._sizes])


@rule("select", of=STRIDED)
def _select(func: Callable, input: StridedNestedTensor, dim: int, index: int) -> Any:
    if _wrapped(input, dim) == 0:
        return _component(input, index)
    inner = _inner("select", input, dim)
    return _by_component(input, lambda part: part.select(inner, index), copied=True)


def _component(input: StridedNestedTensor, index: Any) -> Tensor:
    count = input._batch()
    if not -count <= index < count:
        raise IndexError(f"index {index} is out of bounds for dimension 0 with size {count}")
    return input._components()[index]


@rule("narrow", of=STRIDED)
def _narrow(func: Callable, input: StridedNestedTensor, dim: int, start: int, length: int) -> Any:
    if _wrapped(input, dim):
        raise RuntimeError(f"narrow(): only dim=0 supported for nested tensors, but got: {dim}")
    first = start + input._batch() if start < 0 else start
    if not 0 <= first <= first + length <= input._batch():
        raise RuntimeError(
            f"narrow(): start {start} and length {length} reach beyond the {input._batch()} components"
        )
    before = sum(map(numel, input._sizes[:first]))
    sizes = input._sizes[first : first + length]
    return make_strided(input._entries.narrow(0, before, sum(map(numel, sizes))), sizes)


@rule("chunk", of=STRIDED)
def _chunk(func: Callable, input: StridedNestedTensor, chunks: int, dim: int = 0) -> Any:
    extent = _last("chunk", input, dim)
    if chunks < 1 or extent % chunks:
        raise RuntimeError(
            f"chunk(): the last extent of nested tensors must be divisible, got {extent} in {chunks}"
        )
    return _parted(input, [extent // chunks] * chunks)


@rule("split", "split_with_sizes", of=STRIDED)
def _split(func: Callable, *args: Any, **kwargs: Any) -> Any:
    given = inspect.signature(func).bind(*args, **kwargs)
    given.apply_defaults()
    input, sizes, dim = given.args
    if isinstance(sizes, int):
        raise NotImplementedError(
            "split into equal parts is not implemented for nested tensors. Hint: give their sizes"
        )
    extent = _last("split", input, dim)
    if sum(sizes) != extent:
        raise RuntimeError(f"split(): sizes {list(sizes)} do not add up to the last extent, {extent}")
    return _parted(input, sizes)


def _last(name: str, input: StridedNestedTensor, dim: int) -> int:
    if _wrapped(input, dim) != input.dim() - 1 or input.dim() < 2:
        raise RuntimeError(f"{name}(): only the last dimension of nested tensors is supported, got dim={dim}")
    return input.size(-1)


def _parted(input: StridedNestedTensor, sizes: Sequence[int]) -> tuple:
    parts = [part.split(list(sizes), -1) for part in input._components()]
    return tuple([strided_of([part[i] for part in parts], copied=True) for i in range(len(sizes))])


@rule("view", "reshape", of=STRIDED)
def _view(func: Callable, input: StridedNestedTensor, *size: Any, **named: Any) -> Any:
    sizes = size or (named.get("size", named.get("shape")),)
    if isinstance(sizes[0], DType) or "dtype" in named:
        raise NotImplementedError("view as another dtype is not implemented for nested tensors")
    sizes = sizes[0] if len(sizes) == 1 and not isinstance(sizes[0], int) else sizes
    if sizes[0] not in (-1, input._batch()):
        raise RuntimeError(
            f"{func.__name__}(): nested tensors keep their batch of {input._batch()}, got {list(sizes)}"
        )
    shapes = []
    for have in input._sizes:  # -1 where there is a dimension keeps its extent
        wanted = [have[d] if n == -1 and d < len(have) else n for d, n in enumerate(sizes[1:])]
        rest = numel([n for n in wanted if n != -1])
        wanted = [numel(have) // rest if n == -1 and rest else n for n in wanted]
        if numel(wanted) != numel(have):
            raise RuntimeError(f"shape '{list(sizes)}' is invalid for a component of shape {have}")
        shapes.append(wanted)
    return make_strided(input._entries, shapes, input._copied)


@rule("reshape_as", of=STRIDED)
def _reshape_as(func: Callable, input: StridedNestedTensor, other: StridedNestedTensor) -> Any:
    if list(map(numel, input._sizes)) != list(map(numel, other._sizes)):
        raise RuntimeError("reshape_as(): components differ in their numbers of elements")
    return make_strided(input._entries, other._sizes, input._copied)


@rule("cat", "concat", "concatenate", of=STRIDED)
def _cat(func: Callable, tensors: Sequence[Any], dim: int = 0) -> Any:
    if not all(isinstance(tensor, StridedNestedTensor) for tensor in tensors):
        raise RuntimeError("cat(): expected each tensor in given list to be nested")
    first = tensors[0]
    if _wrapped(first, dim) == 0:
        values = func([tensor._entries for tensor in tensors])
        return make_strided(values, [size for tensor in tensors for size in tensor._sizes])
    if len({tensor._batch() for tensor in tensors}) > 1:
        raise RuntimeError("cat(): nested tensors must have as many components")
    inner = _inner("cat", first, dim)
    return strided_of([func(parts, inner) for parts in zip(*(t._components() for t in tensors), strict=True)])


@rule("__getitem__", of=STRIDED)
def _item(func: Callable, input: StridedNestedTensor, index: Any) -> Any:
    items = index if isinstance(index, tuple) else (index,)
    if items and items[0] is None:
        raise RuntimeError("unsqueeze(): not supported for nested tensors on dim=0")
    if items and isinstance(items[0], int):
        part = _component(input, items[0])
        return part[items[1:]] if len(items) > 1 else part
    if items and items[0] is Ellipsis and all(item is None or isinstance(item, int) for item in items[1:]):
        if sum(item is not None for item in items[1:]) < input.dim():
            return _by_component(input, lambda part: part[items], copied=True)
    raise NotImplementedError(
        "indexing with slices and tensors is not implemented for nested tensors of layout torch.strided"
    )


# ---- the rest --------------------------------------------------------------------------------------------


@rule("sum", of=STRIDED)
def _sum(
    func: Callable, input: StridedNestedTensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> Any:
    if dim is None:
        raise NotImplementedError(
            "sum of all elements is not implemented for nested tensors of layout torch.strided"
        )
    dims = [dim] if isinstance(dim, int) else list(dim)
    if len(dims) != 1 or _wrapped(input, dims[0]) != input.dim() - 1 or not keepdim:
        raise RuntimeError(
            "sum(): nested tensors of layout torch.strided can only be reduced along their last dimension, with "
            f"keepdim=True, got dim={dim}, keepdim={keepdim}"
        )
    return _by_component(input, lambda part: func(part, -1, True, dtype=dtype))


@rule("all", of=STRIDED)
def _all(func: Callable, input: StridedNestedTensor, dim: Any = None, keepdim: bool = False) -> Any:
    if not isinstance(dim, int):
        raise NotImplementedError(
            "all is not implemented for nested tensors of layout torch.strided but along one dimension"
        )
    inner = _inner("all", input, dim)
    return _by_component(input, lambda part: func(part, inner, keepdim))


@rule("copy_", of=STRIDED)
def _copy(func: Callable, self: Any, src: Any, non_blocking: bool = False) -> Any:
    if not isinstance(self, StridedNestedTensor) or not isinstance(src, StridedNestedTensor):
        raise RuntimeError("copy_(): copies between dense and nested tensors are not supported")
    self._entries.copy_(aligned(src, self), non_blocking)
    return self


@rule("new_tensor", of=STRIDED)
def _new_tensor(func: Callable, self: StridedNestedTensor, *args: Any, **kwargs: Any) -> Any:
    return func(self._entries, *args, **kwargs)
