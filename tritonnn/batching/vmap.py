"""`vmap`: a function of one sample as a function of a batch of them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeAlias

from tritonnn._levels import Batched, Level, batched, within
from tritonnn._tensor import Tensor
from tritonnn.batching.values import front, materialized, moved
from tritonnn.ops.joining.joining import cat
from tritonnn.ops.shape.parts import slice_dim
from tritonnn.utils._pytree import tree_flatten, tree_unflatten
from tritonnn.utils._pytree._walk import _broadcast_to_and_flatten

# A number, or a structure of numbers like that of the arguments or results.
Dims: TypeAlias = "int | tuple[Any, ...] | list[Any] | dict[Any, Any] | None"
RANDOMNESS = ("error", "different", "same")


def vmap(
    func: Callable[..., Any], in_dims: Dims = 0, out_dims: Dims = 0, randomness: str = "error", *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:  # fmt: skip
    """`func` as a function of batches: its operations are applied to all samples at once.

    Args:
        func: a function of tensors, in nested tuples, lists and dicts, that returns such ones.
        in_dims: which dimension of each positional input counts the samples, None where it is the same for all: a
            number, or a structure of numbers like that of the inputs.
        out_dims: where the samples go in each output; None for what must be the same for all.
        randomness: what random functions within do: 'error', 'different' numbers for each sample, or the 'same'.
        chunk_size: how many samples to compute at a time; all of them by default.

    Raises:
        ValueError: dimensions that do not fit the inputs or outputs, no tensor to map over, sizes that differ.
        RuntimeError: an unknown randomness, and within what depends on the values of one sample, such as `.item()`.

    >>> import tritonnn as torch
    >>> x, y = torch.arange(6).view(2, 3), torch.ones(3, dtype=torch.int64)
    >>> torch.vmap(torch.dot, in_dims=(0, None))(x, y)
    tensor([ 3, 12])
    """
    if randomness not in RANDOMNESS:
        raise RuntimeError(
            f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}"
        )
    if not (chunk_size is None or chunk_size > 0):
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")

    @functools.wraps(func)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return _map(func, in_dims, out_dims, randomness, chunk_size, args, kwargs)

    return wrapped


def _map(
    func: Callable, in_dims: Any, out_dims: Any, randomness: str, chunk_size: int | None, args: tuple, kwargs: dict
) -> Any:  # fmt: skip
    size, dims, leaves, spec = inputs_of(func, in_dims, args)
    if chunk_size is not None and size > chunk_size:
        return _in_chunks(func, (dims, leaves, spec, size), out_dims, randomness, chunk_size, kwargs)
    with within(size, randomness) as level:
        given = [_sample(leaf, dim, level) for leaf, dim in zip(leaves, dims, strict=True)]
        outputs = func(*tree_unflatten(given, spec), **kwargs)
    return outputs_of(func, outputs, out_dims, level)


def name_of(func: Callable) -> str:
    """What a function is called."""
    return getattr(func, "__name__", None) or repr(func)


# ---- inputs -------------------------------------------------------------------------------------------------


def inputs_of(func: Callable, in_dims: Any, args: tuple) -> tuple[int, list[Any], list[Any], Any]:
    """The samples, and of the leaves of the inputs their dimension of samples, themselves, and their structure."""
    call = f"vmap({name_of(func)}, in_dims={in_dims}, ...)(<inputs>)"
    if not isinstance(in_dims, (int, tuple)):
        raise ValueError(
            f"{call}: expected `in_dims` to be int or a (potentially nested) tuple matching the structure of inputs, "
            f"got: {type(in_dims)}."
        )
    if not args:
        raise ValueError(
            f"vmap({name_of(func)})(<inputs>): got no inputs. Maybe you forgot to add inputs, or you are trying to "
            "vmap over a function with no inputs. The latter is unsupported."
        )
    leaves, spec = tree_flatten(args)
    dims = _broadcast_to_and_flatten(in_dims, spec)
    if dims is None:
        raise ValueError(
            f"{call}: in_dims is not compatible with the structure of `inputs`. in_dims has structure "
            f"{tree_flatten(in_dims)[1]} but inputs has structure {spec}."
        )
    checked = [_checked(call, leaf, dim) for leaf, dim in zip(leaves, dims, strict=True)]
    sizes = [leaf.shape[dim] for leaf, dim in zip(leaves, checked, strict=True) if dim is not None]
    if not sizes:
        raise ValueError("vmap: Expected at least one Tensor to vmap over")
    if any([size != sizes[0] for size in sizes]):
        raise ValueError(
            "vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
            f"{sizes} for the mapped dimension"
        )
    return sizes[0], checked, leaves, spec


def _checked(call: str, leaf: Any, dim: Any) -> int | None:
    """A dimension of samples, counted from the first."""
    if dim is None:
        return None
    if dim.__class__ is bool:
        raise TypeError(f"{call}: in_dim must be int, not bool")
    if not isinstance(dim, int):
        raise ValueError(
            f"{call}: Got in_dim={dim} for an input but in_dim must be either an integer dimension or None."
        )
    if not isinstance(leaf, Tensor):
        raise ValueError(
            f"{call}: Got in_dim={dim} for an input but the input is of type {type(leaf)}. We cannot vmap over "
            "non-Tensor arguments, please use None as the respective in_dim"
        )
    if leaf.is_nested:
        raise NotImplementedError(
            f"{call}: is not implemented for nested tensors. Hint: a loop over .unbind()"
        )
    rank = leaf.dim()
    if not -rank <= dim < rank:
        raise ValueError(
            f"{call}: Got in_dim={dim} for some input, but that input is a Tensor of dimensionality {rank} so "
            f"expected in_dim to satisfy -{rank} <= in_dim < {rank}."
        )
    return dim % rank


def _sample(leaf: Any, dim: int | None, level: Level) -> Any:
    return leaf if dim is None else batched(moved(leaf, dim, 0), level.number)


# ---- outputs ------------------------------------------------------------------------------------------------


def outputs_of(func: Callable, outputs: Any, out_dims: Any, level: Level) -> Any:
    """What `func` returned, with the samples of a level in the places asked for."""
    leaves, spec = tree_flatten(outputs)
    dims = _places(func, out_dims, outputs, spec)
    moved_out = [_output(func, leaf, dim, level) for leaf, dim in zip(leaves, dims, strict=True)]
    return tree_unflatten(moved_out, spec)


def _places(func: Callable, out_dims: Any, outputs: Any, spec: Any) -> list[Any]:
    name = name_of(func)
    if isinstance(outputs, Tensor):
        if isinstance(out_dims, int) or out_dims is None:
            return [out_dims]
        if isinstance(out_dims, tuple) and len(out_dims) == 1:
            return [out_dims[0]]
        dims = None
    else:
        dims = _broadcast_to_and_flatten(out_dims, spec)
    if dims is None:
        raise ValueError(
            f"vmap({name}, ..., out_dims={out_dims})(<inputs>): out_dims is not compatible with the structure of "
            f"`outputs`. out_dims has structure {tree_flatten(out_dims)[1]} but outputs has structure {spec}."
        )
    if not all([dim is None or isinstance(dim, int) for dim in dims]):
        raise ValueError(
            f"vmap({name}, ..., out_dims={out_dims}): `out_dims` must be an int, None or a python collection of ints "
            "representing where in the outputs the vmapped dimension should appear."
        )
    return dims


def _output(func: Callable, leaf: Any, dim: int | None, level: Level) -> Any:
    name = name_of(func)
    if dim is None:
        if leaf.__class__ is Batched and leaf.level == level.number:
            raise ValueError(
                f"vmap({name}, ...): `{name}` can not return a BatchedTensor when out_dim is None"
            )
        return leaf
    if not isinstance(leaf, Tensor):
        raise ValueError(
            f"vmap({name}, ...): `{name}` must only return Tensors, got type {type(leaf)}. Did you mean to set "
            "out_dims= to None for output?"
        )
    assert level.size is not None
    if leaf.__class__ is Batched:
        value = materialized(leaf, level.number, level.size)
    else:
        value = front(leaf, False, level.size)
    rank = value.dim()
    if not -rank <= dim < rank:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-rank}, {rank - 1}], but got {dim})"
        )
    return moved(value, 0, dim % rank)


# ---- in chunks ----------------------------------------------------------------------------------------------


def _in_chunks(
    func: Callable, inputs: tuple, out_dims: Any, randomness: str, chunk_size: int, kwargs: dict
) -> Any:
    dims, leaves, spec, size = inputs
    columns: list[list[Tensor]] = []
    places: list[Any] = []
    out_spec: Any = None
    for start in range(0, size, chunk_size):
        count = min(chunk_size, size - start)
        part = [
            leaf if dim is None else slice_dim(leaf, dim, start, count, 1)
            for leaf, dim in zip(leaves, dims, strict=True)
        ]
        with within(count, randomness) as level:
            given = [_sample(leaf, dim, level) for leaf, dim in zip(part, dims, strict=True)]
            outputs = func(*tree_unflatten(given, spec), **kwargs)
        results, out_spec = tree_flatten(outputs_of(func, outputs, out_dims, level))
        places = _places(func, out_dims, outputs, out_spec)
        columns = columns or [[] for _ in results]
        for column, result in zip(columns, results, strict=True):
            column.append(result)
    joined = [
        column[0] if dim is None else cat(column, dim) for column, dim in zip(columns, places, strict=True)
    ]
    return tree_unflatten(joined, out_spec)
