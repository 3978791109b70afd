"""What is computed with jagged tensors: with their values, whose dimensions are the tensor's own but for the batch."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from tritonnn._tensor import Tensor
from tritonnn.dtypes import dtype as DType
from tritonnn.nested._attention import attention
from tritonnn.nested._forms import replaced, rule
from tritonnn.nested._layouts import JaggedTensor, make_jagged
from tritonnn.nested._making import indices, unpadded
from tritonnn.nested._structure import NestedInt, Ragged
from tritonnn.shape import numel, wrap_dim

JAGGED = (JaggedTensor,)


def wrapped(nested: JaggedTensor, dim: int, more: int = 0) -> int:
    return wrap_dim(dim, nested.dim() + more)


def _inner(name: str, nested: JaggedTensor, dim: int) -> int:
    """The dimension of the values that `dim` is; refused are the batch and the ragged one."""
    dim = wrapped(nested, dim)
    if dim == 0:
        raise RuntimeError(f"{name}(): not supported for nested tensors on dim=0")
    if dim == nested._ragged_idx:
        raise RuntimeError(f"{name}(): not supported for nested tensors on the ragged dimension {dim}")
    return dim - 1


def without_holes(name: str, nested: JaggedTensor) -> JaggedTensor:
    if nested._ragged.lengths is not None:
        raise RuntimeError(
            f"{name}(): not supported for nested tensors with holes. Hint: .contiguous() has none"
        )
    return nested


def bound(func: Callable, args: tuple, kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a call by name, the first as 'input'."""
    call = inspect.signature(func).bind(*args, **kwargs)
    call.apply_defaults()
    return dict(call.arguments)


# ---- elementwise -------------------------------------------------------------------------------------------------


def aligned(operand: Tensor, first: JaggedTensor) -> Tensor:
    """An operand of an elementwise function as one of the values of `first`."""
    if isinstance(operand, JaggedTensor):
        same = operand._ragged.extent == first._ragged.extent
        if not same or operand.dim() != first.dim() or operand._ragged_idx != first._ragged_idx:
            raise _unequal(first, operand)
        return operand._entries
    ndim, total = operand.dim(), first.dim()
    if ndim > total:
        raise NotImplementedError(
            f"a dense tensor of shape {tuple(operand.shape)} has more dimensions than the nested tensor of shape "
            f"{tuple(first.shape)} that it is to be broadcast to"
        )
    ragged = first._ragged_idx - (total - ndim)  # where the ragged dimension is in the dense tensor
    if ndim < total:
        if ragged >= 0 and operand.shape[ragged] != 1:
            raise _unequal(first, operand)
        return operand
    batch, extent = operand.shape[0], operand.shape[ragged]
    if batch not in (1, first._batch()):
        raise _unequal(first, operand)
    if extent == 1:
        if batch == 1:
            return operand.squeeze(0)
        if first._ragged.lengths is not None:
            raise _unequal(first, operand)
        counts = indices(first._ragged.bounds()[1], operand)
        return operand.squeeze(ragged).repeat_interleave(counts, 0).movedim(0, ragged - 1)
    if extent != first._max_seqlen:
        raise _unequal(first, operand)
    whole = operand.expand(first._batch(), *operand.shape[1:])
    return unpadded(whole, first)._entries


def _unequal(first: Tensor, other: Tensor) -> Exception:
    return RuntimeError(
        f"cannot call an elementwise function with tensors of shapes {tuple(first.shape)} and {tuple(other.shape)}: "
        "nested operands must share their offsets, dense ones broadcast"
    )


# ---- one dimension, which is neither the batch nor the ragged one --------------------------------------------------


def _along(
    func: Callable, name: str, nested: JaggedTensor, dim: int, call: Callable[[Tensor, int], Any]
) -> Any:
    """`call(values, dim)`; results with more or fewer dimensions at `dim` have the ragged one moved."""
    inner = _inner(name, nested, dim)
    values = nested._entries

    def nest(result: Tensor) -> JaggedTensor:
        moved = result.dim() - values.dim() if inner < nested._ragged_idx - 1 else 0
        return make_jagged(result, nested._ragged, nested._ragged_idx + moved)

    return replaced(call(values, inner), nest)


@rule("split", "split_with_sizes", "narrow", "select", "unflatten", "log_softmax", "squeeze", of=JAGGED)
def _with_dim(func: Callable, *args: Any, **kwargs: Any) -> Any:
    given = bound(func, args, kwargs)
    first, dim = next(iter(given)), given["dim"]
    nested = given[first]
    name = func.__name__
    if name == "select" and dim is not None and wrapped(nested, dim) == 0:
        return nested._components()[given["index"]]
    if name == "squeeze":
        if not isinstance(dim, int):
            raise NotImplementedError("squeeze is not implemented for nested tensors without a dimension")
    if name == "unflatten" and wrapped(nested, dim) == nested._ragged_idx:
        raise RuntimeError(f"unflatten: the ragged extent {nested._ragged.extent} is no product of sizes")
    return _along(func, name, nested, dim, lambda v, d: func(**{**given, first: v, "dim": d}))


@rule("chunk", of=JAGGED)
def _chunk(func: Callable, input: JaggedTensor, chunks: int, dim: int = 0) -> Any:
    if input._ragged.lengths is not None:
        raise ValueError("chunk: expected a nested tensor without holes. Hint: .contiguous() has none")
    if wrapped(input, dim):
        return _along(func, "chunk", input, dim, lambda v, d: func(v, chunks, d))
    if chunks < 1:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    starts, lengths = (part.tolist() for part in input._ragged.bounds())
    step = max(-(-len(starts) // chunks), 1)
    parts = []
    for a in range(0, len(starts), step):
        b = min(a + step, len(starts))
        stop = starts[b - 1] + lengths[b - 1]
        offsets = input._ragged.offsets[a : b + 1] - starts[a]
        values = input._entries.narrow(input._ragged_idx - 1, starts[a], stop - starts[a])
        parts.append(make_jagged(values, Ragged(offsets, None), input._ragged_idx))
    return tuple(parts)


@rule("unsqueeze", of=JAGGED)
def _unsqueeze(func: Callable, input: JaggedTensor, dim: int) -> Any:
    dim = wrapped(input, dim, 1)
    if dim == 0:
        raise RuntimeError("unsqueeze(): not supported for nested tensors on dim=0")
    return make_jagged(
        func(input._entries, dim - 1), input._ragged, input._ragged_idx + (dim <= input._ragged_idx)
    )


@rule("flatten", of=JAGGED)
def _flatten(func: Callable, input: JaggedTensor, start_dim: int = 0, end_dim: int = -1) -> Any:
    first, last = wrapped(input, start_dim), wrapped(input, end_dim)
    if first == last:
        return input
    if first == 0:
        raise RuntimeError("flatten(): not supported for nested tensors on dim=0")
    if first <= input._ragged_idx <= last:
        raise RuntimeError("flatten(): not supported for nested tensors on the ragged dimension")
    return _along(func, "flatten", input, first, lambda v, d: func(v, d, last - 1))


@rule("cat", "concat", "concatenate", "stack", of=JAGGED)
def _joined(func: Callable, tensors: Sequence[Any], dim: int = 0) -> Any:
    name, first = func.__name__, tensors[0]
    if not all(isinstance(tensor, JaggedTensor) for tensor in tensors):
        raise RuntimeError(f"{name}(): expected each tensor in given list to be nested")
    if name == "stack":  # a dimension more
        return _joined(
            function("cat"), [_unsqueeze(function("unsqueeze"), t, _new_dim(t, dim)) for t in tensors], dim
        )
    inner = _inner(name, first, dim)
    lengths = [tuple(map(tuple, tensor._ragged.bounds())) for tensor in tensors]
    if len({tensor._ragged_idx for tensor in tensors}) > 1 or len(set(lengths)) > 1:
        raise RuntimeError(f"{name}(): nested tensors to be joined must have components of the same lengths")
    return first._with(func([tensor._entries for tensor in tensors], inner))


def _new_dim(nested: JaggedTensor, dim: int) -> int:
    dim = wrapped(nested, dim, 1)
    if dim in (0, nested._ragged_idx):
        place = "dim=0" if dim == 0 else "the ragged dimension"
        raise RuntimeError(f"stack(): not supported for nested tensors on {place}")
    return dim


def function(name: str) -> Any:
    from tritonnn.table import NAMESPACES

    return NAMESPACES["torch"][name]


# ---- order and extents of dimensions --------------------------------------------------------------------------------


@rule("transpose", "swapaxes", "swapdims", of=JAGGED)
def _transpose(func: Callable, input: JaggedTensor, dim0: int, dim1: int) -> Any:
    order = list(range(input.dim()))
    a, b = wrapped(input, dim0), wrapped(input, dim1)
    order[a], order[b] = b, a
    return _permuted("transpose", input, order)


@rule("permute", of=JAGGED)
def _permute(func: Callable, input: JaggedTensor, *dims: Any) -> Any:
    given = dims[0] if len(dims) == 1 and not isinstance(dims[0], int) else dims
    order = [wrapped(input, dim) for dim in given]
    if sorted(order) != list(range(input.dim())):
        raise RuntimeError(
            f"permute: dims {list(given)} are not those of a tensor of {input.dim()} dimensions"
        )
    return _permuted("permute", input, order)


def _permuted(name: str, input: JaggedTensor, order: list[int]) -> JaggedTensor:
    if order[0] != 0:
        raise ValueError(f"{name} is not supported on the batch dimension of jagged tensors")
    values = input._entries.permute([dim - 1 for dim in order[1:]])
    return make_jagged(values, input._ragged, order.index(input._ragged_idx))


@rule("mT", of=JAGGED)
def _matrix_transpose(func: Callable, input: JaggedTensor) -> Any:
    return _transpose(func, input, -2, -1)


@rule("T", of=JAGGED)
def _all_transposed(func: Callable, input: JaggedTensor) -> Any:
    return _permuted("T", input, list(range(input.dim()))[::-1])


def _split_sizes(name: str, nested: JaggedTensor, size: Any) -> tuple[list[int], list[int]]:
    """What a size says of the dimensions before and after the ragged one."""
    sizes: Any = list(size[0]) if len(size) == 1 and not isinstance(size[0], (int, NestedInt)) else list(size)
    wrong = RuntimeError(
        f"{name}(): cannot give a nested tensor of shape {tuple(nested.shape)} the sizes {sizes}: the first must "
        "be the batch, and one the ragged extent"
    )
    ragged = [d for d, n in enumerate(sizes) if isinstance(n, NestedInt)]
    if not ragged:
        ragged = [d for d, n in enumerate(sizes) if d and n == -1]
    if len(ragged) != 1 or sizes[0] not in (-1, nested._batch()):
        raise wrong
    found = sizes[ragged[0]]
    if isinstance(found, NestedInt) and found != nested._ragged.extent:
        raise wrong
    return sizes[1 : ragged[0]], sizes[ragged[0] + 1 :]


@rule("view", "reshape", of=JAGGED)
def _view(func: Callable, input: JaggedTensor, *size: Any, **named: Any) -> Any:
    if "dtype" in named or (size and isinstance(size[0], DType)):
        raise NotImplementedError("view as another dtype is not implemented for nested tensors")
    before, after = _split_sizes(func.__name__, input, size or (named.get("size", named.get("shape")),))
    extents = list(input._entries.shape)
    place = input._ragged_idx - 1
    sizes: list[int] = []
    for wanted, given in ((before, extents[:place]), (after, extents[place + 1 :])):
        known = numel([n for n in wanted if n != -1])
        filled = [numel(given) // known if n == -1 and known else n for n in wanted]
        if numel(filled) != numel(given) or wanted.count(-1) > 1:
            raise RuntimeError(
                f"{func.__name__}(): extents {given} beside the ragged dimension cannot become {wanted}"
            )
        sizes += filled if wanted is after else [*filled, extents[place]]
    return make_jagged(func(input._entries, sizes), input._ragged, len(before) + 1)


@rule("view_as", "reshape_as", of=JAGGED)
def _view_as(func: Callable, input: JaggedTensor, other: JaggedTensor) -> Any:
    return _view(function("reshape"), input, other.shape)


@rule("expand", of=JAGGED)
def _expand(func: Callable, input: JaggedTensor, *size: Any, **named: object) -> Any:
    sizes: Any = size[0] if len(size) == 1 and not isinstance(size[0], (int, NestedInt)) else size
    known = list(input.shape)
    if len(sizes) != len(known) or any(
        n != -1 and n != known[d] for d, n in enumerate(sizes) if d in (0, input._ragged_idx)
    ):
        raise RuntimeError(
            f"expand(): cannot expand a nested tensor of shape {tuple(known)} to {list(sizes)}"
        )
    inner = [-1 if d == input._ragged_idx else n for d, n in enumerate(sizes) if d]
    return input._with(input._entries.expand(inner))


@rule("expand_as", of=JAGGED)
def _expand_as(func: Callable, input: JaggedTensor, other: JaggedTensor) -> Any:
    return _expand(func, input, other.shape)


@rule("__getitem__", of=JAGGED)
def _item(func: Callable, input: JaggedTensor, index: Any) -> Any:
    items = index if isinstance(index, tuple) else (index,)
    if any(isinstance(item, (Tensor, list)) for item in items):
        raise NotImplementedError("indexing with tensors is not implemented for nested tensors")
    if not items or items[0] is None or isinstance(items[0], slice):
        what = "slice()" if items and items[0] is not None else "unsqueeze()"
        raise RuntimeError(f"{what}: not supported for nested tensors on dim=0")
    if items[0] is Ellipsis:
        rest = items[1:]
        used = sum(item is not None for item in rest)
        if input.dim() - used <= input._ragged_idx:
            raise RuntimeError(
                "indexing: behind the ellipsis only dimensions after the ragged one can be indexed in nested tensors"
            )
        return input._with(input._entries[items])
    part = input._components()[items[0]]
    return part[items[1:]] if len(items) > 1 else part


# ---- the rest ----


rule("scaled_dot_product_attention", of=JAGGED)(attention)


@rule("copy_", of=JAGGED)
def _copy(func: Callable, self: Any, src: Any, non_blocking: bool = False) -> Any:
    if not isinstance(self, JaggedTensor) or not isinstance(src, JaggedTensor):
        raise ValueError("copy_(): copies between dense and nested tensors are not supported")
    if self._ragged_idx != src._ragged_idx or not all(
        (a == b).all() for a, b in zip(self._ragged.bounds(), src._ragged.bounds(), strict=True)
    ):
        raise RuntimeError(
            f"copy_(): expected components of the shapes of {tuple(self.shape)}, got other ones"
        )
    self._entries.copy_(src._entries, non_blocking)
    return self


@rule("new_empty", "new_zeros", "new_ones", "new_full", of=JAGGED)
def _new(func: Callable, self: JaggedTensor, *args: object, **kwargs: object) -> NoReturn:
    raise RuntimeError(f"{func.__name__}() is not supported for nested tensors. Hint: .values() is dense")


@rule("new_tensor", of=JAGGED)
def _new_tensor(func: Callable, self: JaggedTensor, *args: Any, **kwargs: Any) -> Any:
    return func(self._entries, *args, **kwargs)
