"""What a file may ask for: memory and time in proportion to its own bytes."""

from __future__ import annotations

import pickle
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Iterable
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.shape import Size

# Bytes of memory, or eighths of steps of work, that a file may ask for in all beyond what its own bytes build.
FREE = 1 << 24
PER_BYTE = 16
NESTING = 1000
# Keys of one dict or set with the same hash; honest ones have two at most, of -1 and -2.
COLLISIONS = 64

_FROZEN = frozenset({tuple, frozenset, Size, slice})
_CONTAINERS = frozenset({*_FROZEN, list, dict, set, OrderedDict, defaultdict, Counter})
_MODULUS = (1 << 61) - 1  # Python's hash of an integer is its remainder


class WrongArgument(TypeError):
    """The fault is that of the caller of `load`, not of the file."""


def brief(value: Any) -> str:
    """A value in an error message: text and small numbers as they are, of all else the type. A repr may be endless."""
    kind = type(value)
    if kind is str or kind is bytes:
        return repr(value[:80])
    if kind is int and value.bit_length() < 128:
        return str(value)
    if isinstance(value, type):
        return f"{value.__name__:.80}"
    return f"a {kind.__name__:.80}"


class Budget:
    """Counts down what a file of `size` bytes may still ask for."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.left = FREE + PER_BYTE * size

    def spend(self, amount: int, what: str) -> None:
        """Takes `amount` bytes for `what`.

        Raises:
            UnpicklingError: there is not as much left.
        """
        self.left -= amount
        if self.left < 0:
            raise pickle.UnpicklingError(
                f"{what} would take far more than {self.size} bytes of a file can hold"
            )


class Frozen:
    """How deep tuples and other hashable nests are, and how many steps their hash takes.

    Python hashes a tuple by recursion without a limit, and again each time: a deep one overflows the stack, and one
    that holds the same tuple twice, which does so in turn, takes for ever.
    """

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        # Of those that are not flat: (the object, so that its id stays taken; its depth; its weight).
        self._known: dict[int, tuple[Any, int, int]] = {}
        self._hashes: dict[int, tuple[Any, Counter[int]]] = {}

    def note(self, value: object, items: Iterable[object]) -> None:
        """Takes down a hashable nest that has just been made of `items`.

        Raises:
            UnpicklingError: it is nested too deep.
        """
        depth, weight, count = 1, 1, 0
        for item in items:
            count += 1
            if type(item) in _FROZEN:
                _, below, inside = self._known.get(id(item)) or (item, 1, 1 + _length(item))
                depth = max(depth, below + 1)
                weight += inside
            else:
                weight += _weight(item)
        if depth > NESTING:
            raise pickle.UnpicklingError(f"tuples are nested more than {NESTING} deep")
        if depth > 1 or weight != count + 1:
            self._known[id(value)] = (value, depth, weight)

    def keys(self, target: object, keys: Iterable[Any]) -> None:
        """Allows for the hashes of keys that are about to be put into a dict or set.

        Raises:
            UnpicklingError: they take too long, or too many are the same.
        """
        for key in keys:
            kind = type(key)
            if kind is int and -_MODULUS < key < _MODULUS:
                continue
            known = self._known.get(id(key)) if kind in _FROZEN else None
            weight = known[2] if known else 1 + _length(key) if kind in _FROZEN else _weight(key)
            self.budget.spend(8 * weight, "the hash of a key")
            if kind is str or kind is bytes:
                continue
            seen = self._hashes.setdefault(id(target), (target, Counter()))[1]
            digest = hash(key)
            seen[digest] += 1
            if seen[digest] > COLLISIONS:
                raise pickle.UnpicklingError(
                    f"more than {COLLISIONS} keys of a {type(target).__name__} have one hash"
                )


def _length(item: Any) -> int:
    return 3 if type(item) is slice else len(item)


def _weight(item: Any) -> int:
    """Steps of the hash, and of a comparison, of what is no nest."""
    kind = type(item)
    if kind is str or kind is bytes:
        return 1 + len(item) // 64
    return 1 + item.bit_length() // 64 if kind is int else 1


def check_nesting(root: object) -> None:
    """Walks through all that was loaded.

    Raises:
        UnpicklingError: it is nested so deep that printing or copying it would fail.
    """
    depths = {id(root): 0}  # 0 while the walk is inside: what holds itself adds nothing
    stack = [(root, _children(root))]
    below = [0]
    while stack:
        item, rest = stack[-1]
        if rest:
            child = rest.pop()
            known = depths.get(id(child))
            if known is None:
                depths[id(child)] = 0
                stack.append((child, _children(child)))
                below.append(0)
            else:
                below[-1] = max(below[-1], known)
            continue
        stack.pop()
        depth = depths[id(item)] = below.pop() + 1
        if depth > NESTING:
            raise pickle.UnpicklingError(f"containers are nested more than {NESTING} deep")
        if below:
            below[-1] = max(below[-1], depth)


def _children(item: Any) -> list[Any]:
    """The containers and tensors directly inside."""
    kind = type(item)
    inside: list[Any] = []
    if kind in _CONTAINERS:
        values = item.values() if isinstance(item, dict) else () if kind is slice else item
        inside = [value for value in values if type(value) in _CONTAINERS or isinstance(value, Tensor)]
    if kind is OrderedDict or isinstance(item, Tensor):
        inside += [value for value in vars(item).values() if type(value) in _CONTAINERS]
    return inside
