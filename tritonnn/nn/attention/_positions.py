"""Functions of one position, called with all positions at once."""

from __future__ import annotations

import inspect
from typing import Any
from weakref import WeakKeyDictionary

from tritonnn._tensor import Tensor
from tritonnn.ops.creation.from_data import tensor as make_tensor
from tritonnn.ops.creation.ranges import arange
from tritonnn.recording.grad_mode import no_grad

Sizes = tuple[int, int, int, int]

#: function -> the sizes it has been compared for
_compared: WeakKeyDictionary[Any, set[Sizes]] = WeakKeyDictionary()


def everywhere(name: str, function: Any, score: Tensor | None, sizes: Sizes, device: Any) -> Tensor:
    """The values of a function of one score and one position for all of them.

    It is called once, with numbers of batches, heads, queries and keys of shapes (B, 1, 1, 1), (1, H, 1, 1),
    (1, 1, Q, 1) and (1, 1, 1, K), so what works elementwise, and what looks up tensors, gives all values at once.
    """
    positions = [
        arange(extent, device=device).reshape([extent if d == at else 1 for d in range(4)])
        for at, extent in enumerate(sizes)
    ]
    _check_function(name, function, 4 if score is None else 5)
    try:
        result = function(*(() if score is None else (score,)), *positions)
    except IndexError as error:  # as of table[h][q_idx], whose second index meets what the first one left
        raise IndexError(f"{name}: {error}; {_ADVICE}") from error
    if not isinstance(result, Tensor):
        raise ValueError(f"{name} must only return Tensors, got type {type(result)}")
    shape = tuple(result.shape)
    if len(shape) > 4 or any(a not in (1, b) for a, b in zip(reversed(shape), reversed(sizes), strict=False)):
        raise RuntimeError(f"{name} gives a tensor of shape {shape} for positions of shapes "
                           f"{[tuple(p.shape) for p in positions]}: {_ADVICE}")  # fmt: skip
    if score is not None and result.is_complex():
        raise RuntimeError(f"{name}: scores must be real, got {result.dtype}")
    result = result.expand(sizes)
    _compare(name, function, score, result, sizes)
    return result


def _check_function(name: str, function: object, count: int) -> None:
    """Refuse what cannot be called with so many tensors, before it is called."""
    takes = "(b, h, q_idx, kv_idx)" if count == 4 else "(score, b, h, q_idx, kv_idx)"
    if not callable(function):
        raise TypeError(f"{name} must be a function of {takes}, got {type(function).__name__}")
    try:
        signature = inspect.signature(function)
    except ValueError:  # a builtin that does not say what it takes
        return
    try:
        signature.bind(*[None] * count)
    except TypeError as error:
        raise TypeError(
            f"{name} must be a function of {takes}, but {function!r} takes {signature}: {error}"
        ) from error


_ADVICE = (
    "it is called with all positions at once, so tensors must be looked up in one step, as in table[h, q_idx], and "
    "sums be taken over their own dimensions, as in .sum(-1)"
)


def _compare(name: str, function: Any, score: Tensor | None, result: Tensor, sizes: Sizes) -> None:
    """Hold the first call of a function, for all positions, to calls for single ones."""
    from tritonnn.cuda import is_current_stream_capturing

    try:
        known = _compared.setdefault(function, set())
    except TypeError:  # an object that cannot be referred to weakly, or not be hashed
        known = set()
    waits = result.device.type == "cuda" and is_current_stream_capturing()  # where nothing may be read back
    if sizes in known or not all(sizes) or waits:
        return
    last = tuple(extent - 1 for extent in sizes)
    places = {(0, 0, 0, 0), last, (0, last[1], last[2], 0), (last[0], 0, 0, last[3])}
    with no_grad():
        for place in sorted(places):
            numbers = [make_tensor(number, device=result.device) for number in place]
            alone = function(*(() if score is None else (score[place],)), *numbers)
            together = result[place]
            if alone.shape or not bool(alone.isclose(together.to(alone.dtype), 1e-3, 1e-5, equal_nan=True)):
                raise RuntimeError(
                    f"{name} gives other values for all positions than for a single one: {_ADVICE}"
                )
    known.add(sizes)
