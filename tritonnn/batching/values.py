"""Batches in front of samples: put there, taken away, and brought into line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tritonnn._levels import Batched, Level, batched, levels_in
from tritonnn._tensor import Tensor
from tritonnn.ops.shape.shape import expand_as_size, permute_dims, transpose, unsqueeze, view_as_size


def front(value: Tensor, is_batched: bool, size: int) -> Tensor:
    """The batch of a tensor, which is its first dimension; of one that is the same for all samples its repetition."""
    return value if is_batched else expand_as_size(unsqueeze(value, 0), (size, *value._shape))


def raised(value: Tensor, rank: int) -> Tensor:
    """A batch whose samples have `rank` dimensions, the new ones in front of theirs."""
    missing = rank + 1 - len(value._shape)
    if missing <= 0:
        return value
    return view_as_size(value, (value._shape[0], *(1,) * missing, *value._shape[1:]))


def moved(value: Tensor, source: int, target: int) -> Tensor:
    """One dimension at another place; the others keep their order."""
    order = list(range(len(value._shape)))
    order.insert(target, order.pop(source))
    return permute_dims(value, tuple(order)) if source != target else value


def materialized(tensor: Tensor, number: int, size: int) -> Tensor:
    """A tensor with the samples of a level as its first dimension; levels inside of that one stay."""
    if tensor.__class__ is not Batched or tensor.level < number:
        return front(tensor, False, size)
    if tensor.level == number:
        return tensor.value
    return batched(transpose(materialized(tensor.value, number, size), 0, 1), tensor.level)


def sampled(tensor: Tensor, number: int) -> Tensor:
    """The inverse: the first dimension as the samples of a level."""
    if tensor.__class__ is Batched and tensor.level > number:
        return batched(sampled(transpose(tensor.value, 0, 1), number), tensor.level)
    return batched(tensor, number)


def spread(tensor: Tensor, others: Iterable[Any]) -> Tensor:
    """The tensor with samples of every level that one of the others has samples of."""
    known = levels_in(tensor)
    for other in others:
        for level in levels_of(other)[0] if isinstance(other, Tensor) else ():
            if level.number not in known:
                known.add(level.number)
                assert level.size is not None
                tensor = sampled(materialized(tensor, level.number, level.size), level.number)
    return tensor


def whole(tensor: Tensor, levels: Sequence[Level]) -> Tensor:
    """A tensor with the samples of all the levels as its first dimensions, those of the outermost first."""
    for level in reversed(levels):
        assert level.size is not None
        tensor = materialized(tensor, level.number, level.size)
    return tensor


def parts(tensor: Tensor, levels: Iterable[Level]) -> Tensor:
    """The inverse of `whole`."""
    for level in levels:
        tensor = sampled(tensor, level.number)
    return tensor


def levels_of(tensor: Tensor) -> tuple[tuple[Level, ...], Tensor]:
    """The levels of a batched tensor, outermost first, and the tensor behind them all."""
    levels = []
    while tensor.__class__ is Batched:
        levels.append(Level(tensor.level, tensor.value._shape[0]))
        tensor = tensor.value
    return tuple(reversed(levels)), tensor


def mapped(value: Any, change: Any) -> Any:
    """A result with every tensor in it changed; named tuples stay what they are."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, (tuple, list)):
        items = [mapped(item, change) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    return value
