"""Networks of both libraries with the same weights, made without filling them twice.

Both are built on the meta device, so that nothing is computed, and are then given arrays that both look at.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import torch as reference

import tritonnn as torch

LENGTH = 1 << 17
NUMBERS = np.random.default_rng(5).standard_normal(LENGTH).astype(np.float32)


def values(key: str, shape: tuple[int, ...]) -> np.ndarray:
    """What a tensor of a state_dict may be filled with, so that activations neither vanish nor explode.

    Large ones are windows on few numbers: a file of them is small as well.
    """
    if key.endswith("num_batches_tracked"):
        return np.zeros(shape, np.int64)
    if key.endswith("running_var"):
        return 1 + 0.1 * np.resize(NUMBERS, shape) ** 2
    if len(shape) < 2:
        return np.resize(NUMBERS, shape) * np.float32(0.1) + np.float32(key.endswith("weight"))
    scaled = NUMBERS * np.float32((2 / np.prod(shape[1:])) ** 0.5)
    if np.prod(shape) < LENGTH:
        return np.resize(scaled, shape)
    steps = [min(3 + axis, (LENGTH - 1) // (len(shape) * size)) * 4 for axis, size in enumerate(shape)]
    return np.ndarray(shape, np.float32, buffer=scaled, strides=steps)


def state_of(model: Any) -> OrderedDict[str, np.ndarray]:
    """Arrays for all of a network's state_dict."""
    return OrderedDict((key, values(key, tuple(value.shape))) for key, value in model.state_dict().items())


def give(model: Any, state: OrderedDict[str, np.ndarray], library: Any) -> Any:
    """The network on the meta device, with these arrays in it."""
    tensors: Any = OrderedDict((key, tensor_of(value, library)) for key, value in state.items())
    tensors._metadata = model.state_dict()._metadata
    model.load_state_dict(tensors, assign=True)
    return model


def tensor_of(array: np.ndarray, library: Any) -> Any:
    """The tensor of an array; of a window on few numbers one that has only these as its storage."""
    if isinstance(array.base, np.ndarray) and not array.flags.c_contiguous:
        steps = [step // array.itemsize for step in array.strides]
        return library.from_numpy(array.base).as_strided(array.shape, steps)
    return library.from_numpy(np.ascontiguousarray(array))


def twins(build: Callable[[Any], Any], theirs: Any, ours: Any) -> tuple[Any, Any]:
    """What `build` makes of each library's `models`, with equal weights.

    Args:
        build: called with either package of models.
        theirs: torchvision's.
        ours: the other.
    """
    with reference.device("meta"):
        wanted = build(theirs)
    with torch.device("meta"):
        got = build(ours)
    state = state_of(wanted)
    return give(wanted, state, reference), give(got, state, torch)


def pictures(count: int, size: int, channels: int = 3) -> np.ndarray:
    """Random pictures, normalised as for a network."""
    return np.random.default_rng(7).standard_normal((count, channels, size, size)).astype(np.float32)


def assert_near(got: Any, wanted: Any, share: float = 2e-5) -> None:
    """No number is further off than a share of the largest."""
    got, wanted = np.asarray(got.detach()), wanted.detach().numpy()
    assert got.shape == wanted.shape
    assert np.isfinite(wanted).all()
    assert np.abs(got - wanted).max() <= share * np.abs(wanted).max()
