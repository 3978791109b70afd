"""Tensors as what writers take, and what both writers refuse."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from tritonnn._tensor import Tensor


def plain(value: Any) -> Any:
    """Tensors as NumPy arrays, also in lists, tuples and dicts; all else as it is."""
    if isinstance(value, Tensor):
        value = value.detach().cpu().resolve_conj().resolve_neg()
        narrow = value.is_floating_point() and value.dtype.itemsize < 4
        return (value.float() if narrow else value).numpy()
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if type(value) in (list, tuple):
        return type(value)(plain(each) for each in value)
    return value


def number(value: Any) -> float:
    """One number.

    Raises:
        ValueError: not one.
    """
    array = np.asarray(plain(value))
    if array.size != 1:
        raise ValueError(f"add_scalar: expected one number, got {array.size} of shape {array.shape}")
    return float(array.reshape(()))


def refuse_graph(model: Any) -> NoReturn:
    """Graphs of models are written by PyTorch's tracer."""
    raise RuntimeError(
        f"add_graph: tritonnn has no TorchScript, by whose tracer a graph of {type(model).__name__} would be drawn. "
        "Hint: torch.utils.summary prints a model's layers, torch.profiler what it calls"
    )
