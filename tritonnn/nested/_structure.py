"""How long the components of a jagged tensor are: offsets and lengths, and the extent `j1` that stands for them."""

from __future__ import annotations

import itertools
import threading
import weakref
from typing import Any

import numpy as np

from tritonnn._symbolic import SymInt
from tritonnn._tensor import Tensor

_numbers = itertools.count(1)
_known: dict[int, tuple[weakref.ref, NestedInt]] = {}
_lock = threading.Lock()


class NestedInt(SymInt):
    """The extent of a ragged dimension, `j1`: equal only to itself, and at least 2 as far as comparisons can tell.

    Two tensors have the same where their offsets, or lengths, are one tensor.

    >>> import tritonnn as torch
    >>> x = torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged)
    >>> x.size(1) == (x + 1).size(1), x.size(1) == 3
    (True, False)
    """

    def __init__(self, number: int, factor: int = 1) -> None:
        self.number, self.factor = number, factor

    def __repr__(self) -> str:
        return f"j{self.number}" if self.factor == 1 else f"{self.factor}*j{self.number}"

    __str__ = __repr__

    def __hash__(self) -> int:
        return hash((self.number, self.factor))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, NestedInt) and (self.number, self.factor) == (other.number, other.factor)
        )  # fmt: skip

    def __bool__(self) -> bool:
        return True

    def __mul__(self, other: int) -> NestedInt:
        if type(other) is not int:
            return NotImplemented
        return NestedInt(self.number, self.factor * other)

    __rmul__ = __mul__

    def _at_least(self, other: Any) -> bool:
        """Whether it is at least a number: known up to 2, and of itself."""
        if self == other or (type(other) is int and other <= 2):
            return True
        raise ValueError(
            f"the relation of {self} and {other} is indeterminate: a ragged extent is no one number"
        )

    def __ge__(self, other: Any) -> bool:
        return self._at_least(other)

    def __lt__(self, other: Any) -> bool:
        return not self._at_least(other)

    def __gt__(self, other: Any) -> bool:
        return self != other and self._at_least(other + 1 if type(other) is int else other)

    def __le__(self, other: Any) -> bool:
        return not self > other


def _number_of(key: Tensor) -> NestedInt:
    """The extent that a tensor of offsets or lengths stands for."""
    with _lock:
        found = _known.get(id(key))
        return found[1] if found is not None and found[0]() is key else _named(key, NestedInt(next(_numbers)))


def _named(key: Tensor, extent: NestedInt) -> NestedInt:
    place = id(key)
    _known[place] = weakref.ref(key, lambda _: _known.pop(place, None)), extent
    return extent


class Ragged:
    """Where components lie along the ragged dimension: `offsets` (B + 1), and `lengths` (B) where there are holes."""

    __slots__ = ("_read", "extent", "lengths", "offsets")

    def __init__(self, offsets: Tensor, lengths: Tensor | None, extent: NestedInt | None = None) -> None:
        self.offsets, self.lengths = offsets, lengths
        key = offsets if lengths is None else lengths
        if extent is None:
            extent = _number_of(key)
        else:
            with _lock:
                extent = _named(key, extent)
        self.extent = extent
        self._read: Any = None

    @property
    def batch(self) -> int:
        """How many components there are."""
        return self.offsets._shape[0] - 1

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Where each component begins, and how long it is; read from the device once, and again after a write."""
        parts = (self.offsets,) if self.lengths is None else (self.offsets, self.lengths)
        versions = [part._storage.version for part in parts]
        if self._read is None or self._read[0] != versions:
            offsets = np.array(self.offsets.tolist(), np.int64)
            starts, lengths = offsets[:-1], offsets[1:] - offsets[:-1]
            if self.lengths is not None:
                lengths = np.array(self.lengths.tolist(), np.int64)
            if (lengths < 0).any() or (starts < 0).any():
                raise RuntimeError(f"nested tensor: offsets must rise from 0 on, got {offsets.tolist()}")
            self._read = versions, starts, lengths
        return self._read[1], self._read[2]

    def rows(self) -> np.ndarray:
        """The places along the ragged dimension that belong to components, one after another."""
        starts, lengths = self.bounds()
        return concatenated([np.arange(a, a + n) for a, n in zip(starts, lengths, strict=True)])

    def to(self, device: Any, non_blocking: bool = False) -> Ragged:
        """The same on another device, of the same extent."""
        if device is self.offsets._device:
            return self
        parts = [
            p if p is None else p.to(device, non_blocking=non_blocking) for p in (self.offsets, self.lengths)
        ]
        return Ragged(parts[0], parts[1], self.extent)  # type: ignore[arg-type]


def concatenated(parts: list[np.ndarray]) -> np.ndarray:
    """Indices one after another, also where there are none."""
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)
