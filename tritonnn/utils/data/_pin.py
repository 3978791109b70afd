"""Batches in page-locked memory, from which copies to the GPU run asynchronously."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.utils.data._collate import _like_mapping, _like_sequence


def pin_memory(data: Any) -> Any:
    """``data`` with its tensors in page-locked memory; objects of other types by their own ``pin_memory``."""
    if isinstance(data, Tensor) or hasattr(data, "pin_memory"):
        return data.pin_memory()
    if isinstance(data, (str, bytes)):
        return data
    if isinstance(data, Mapping):
        return _like_mapping(data, {key: pin_memory(value) for key, value in data.items()})
    if isinstance(data, Sequence):
        return _like_sequence(data, [pin_memory(value) for value in data])
    return data
