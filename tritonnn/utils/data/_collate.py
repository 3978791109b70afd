"""From samples to batches."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

import tritonnn
from tritonnn._tensor import Tensor
from tritonnn.utils.data import _shared

__all__ = ["collate", "default_collate", "default_collate_fn_map", "default_convert"]

CollateMap = dict[type | tuple[type, ...], Callable[..., Any]]

_UNKNOWN = "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {}"


def default_convert(data: Any) -> Any:
    """NumPy arrays and numbers become tensors, inside of containers as well; everything else stays.

    Example:
        >>> import numpy as np
        >>> from tritonnn.utils.data import default_convert
        >>> default_convert({"x": np.array([1, 2]), "name": "a"})
        {'x': tensor([1, 2]), 'name': 'a'}
    """
    if isinstance(data, (Tensor, str, bytes)):
        return data
    if isinstance(data, np.ndarray):
        return data if data.dtype.kind in "SUO" else tritonnn.as_tensor(data)
    if isinstance(data, np.generic):
        return tritonnn.as_tensor(data)
    if isinstance(data, Mapping):
        return _like_mapping(data, {key: default_convert(value) for key, value in data.items()})
    if isinstance(data, Sequence):
        return _like_sequence(data, [default_convert(value) for value in data])
    return data


def default_collate(batch: Sequence[Any]) -> Any:
    """Puts the samples of a batch together: one more dimension in front.

    Tensors and arrays are stacked; numbers become a tensor (float64 or int64); strings stay a list; of
    mappings, named tuples and sequences the parts are collated.

    Args:
        batch: samples of one structure.

    Raises:
        RuntimeError: sequences of different length, or tensors of different shape.
        TypeError: something that cannot be put into a tensor.

    Example:
        >>> from tritonnn.utils.data import default_collate
        >>> default_collate([(1, "a"), (2, "b")])
        [tensor([1, 2]), ('a', 'b')]
    """
    return collate(batch, collate_fn_map=default_collate_fn_map)


def collate(batch: Sequence[Any], *, collate_fn_map: CollateMap | None = None) -> Any:
    """``default_collate`` with own functions for some types: ``{type: f(batch, collate_fn_map=...)}``.

    Example:
        >>> from tritonnn.utils.data._collate import collate
        >>> collate([1, 2, 3], collate_fn_map={int: lambda batch, collate_fn_map: sum(batch)})
        6
    """
    first = batch[0]
    for kind, function in (collate_fn_map or {}).items():
        if isinstance(first, kind):
            return function(batch, collate_fn_map=collate_fn_map)
    if isinstance(first, Mapping):
        columns = {key: collate([d[key] for d in batch], collate_fn_map=collate_fn_map) for key in first}
        return _like_mapping(first, columns)
    if isinstance(first, Sequence):
        if any(len(sample) != len(first) for sample in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        rows = [collate(samples, collate_fn_map=collate_fn_map) for samples in zip(*batch, strict=True)]
        return _like_sequence(first, rows)
    raise TypeError(_UNKNOWN.format(type(first)))


def _like_mapping(model: Mapping, values: dict) -> Any:
    """``values`` in the type of ``model``, or a dict where that type cannot be built from one."""
    try:
        if isinstance(model, MutableMapping):
            # A copy keeps what the type holds besides its items, such as a default factory.
            clone = copy.copy(model)
            clone.update(values)
            return clone
        return type(model)(values)  # type: ignore[call-arg]
    except TypeError:
        return values


def _like_sequence(model: Sequence, values: list) -> Any:
    """``values`` in the type of ``model``; a plain tuple gives a list, as it always has."""
    if isinstance(model, tuple):
        return type(model)(*values) if hasattr(model, "_fields") else values
    try:
        if isinstance(model, MutableSequence):
            clone = copy.copy(model)
            for i, value in enumerate(values):
                clone[i] = value
            return clone
        return type(model)(values)  # type: ignore[call-arg]
    except TypeError:
        return values


def _stack(batch: Iterable[Tensor], *, collate_fn_map: CollateMap | None = None) -> Tensor:
    tensors = list(batch)
    room = _shared.room_for(tensors)
    return tritonnn.stack(tensors, 0) if room is None else tritonnn.stack(tensors, 0, out=room)


def _stack_arrays(batch: Sequence[np.ndarray], *, collate_fn_map: CollateMap | None = None) -> Tensor:
    if batch[0].dtype.kind in "SUO":
        raise TypeError(_UNKNOWN.format(batch[0].dtype))
    return collate([tritonnn.as_tensor(array) for array in batch], collate_fn_map=collate_fn_map)


def _array_scalars(batch: Sequence[Any], *, collate_fn_map: CollateMap | None = None) -> Tensor:
    return tritonnn.as_tensor(np.asarray(batch))


def _floats(batch: Sequence[float], *, collate_fn_map: CollateMap | None = None) -> Tensor:
    return tritonnn.tensor(batch, dtype=tritonnn.float64)


def _integers(batch: Sequence[int], *, collate_fn_map: CollateMap | None = None) -> Tensor:
    return tritonnn.tensor(batch)


def _unchanged(batch: Sequence[Any], *, collate_fn_map: CollateMap | None = None) -> Sequence[Any]:
    return batch


default_collate_fn_map: CollateMap = {
    Tensor: _stack,
    np.ndarray: _stack_arrays,
    (np.bool_, np.number, np.object_): _array_scalars,
    float: _floats,
    int: _integers,
    str: _unchanged,
    bytes: _unchanged,
}
