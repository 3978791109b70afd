"""A formula over arrays as a list of NumPy calls that write into memory at hand.

The formula is called with symbols for the arrays, which note what is done with them. What was noted is ordered
into a program: the calls in the order of the text, without those that no result needs, each writing where what
lies there is needed no more. So a formula is written as a formula, and runs without temporaries.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
#: a function and its operands: k >= 0 is an array, or the result of call k minus the number of arrays; k < 0 is
#: number -1 - k
Call = tuple[Callable[..., Any], tuple[int, ...]]


def _choose(a: Array, condition: Array, b: Any, out: Array) -> None:
    # the choice first: `out` may be the memory of an operand
    np.copyto(out, np.where(condition, a, b))


def _sign(x: Array, out: Array) -> None:
    np.sign(x, out=out)
    # as in the kernels, where NaN is neither above nor below 0
    np.copyto(out, 0, where=np.isnan(out))


def _maximum(a: Array, b: Any, out: Array) -> None:
    np.maximum(a, b, out=out)


def _minimum(a: Array, b: Any, out: Array) -> None:
    np.minimum(a, b, out=out)


def _unary(function: Callable[..., Any]) -> Callable[[Symbol], Symbol]:
    """What a symbol does where an array calls `function`."""

    def call(self: Symbol) -> Symbol:
        return Symbol(self.tape, self.tape.note((function, (self.place,))))

    return call


def _binary(function: Callable[..., Any], swapped: bool = False) -> Callable[[Symbol, Any], Symbol]:
    def call(self: Symbol, other: Any) -> Symbol:
        tape = self.tape
        place = other.place if type(other) is Symbol else tape.number(other)
        return Symbol(tape, tape.note((function, (place, self.place) if swapped else (self.place, place))))

    return call


class Symbol:
    """An array of a formula: an argument, or a function's result. It has the methods of a Tensor."""

    __slots__ = ("place", "tape")

    def __init__(self, tape: Tape, place: int) -> None:
        self.tape, self.place = tape, place

    def __bool__(self) -> bool:
        raise TypeError("a formula is one for all elements: write a.where(condition, b) for a choice")

    __add__, __radd__ = _binary(np.add), _binary(np.add, swapped=True)
    __sub__, __rsub__ = _binary(np.subtract), _binary(np.subtract, swapped=True)
    __mul__, __rmul__ = _binary(np.multiply), _binary(np.multiply, swapped=True)
    __truediv__, __rtruediv__ = _binary(np.divide), _binary(np.divide, swapped=True)
    __gt__, __lt__ = _binary(np.greater), _binary(np.less)
    __neg__, abs, sign, sqrt = _unary(np.negative), _unary(np.abs), _unary(_sign), _unary(np.sqrt)
    maximum, minimum = _binary(_maximum), _binary(_minimum)

    def where(self, condition: Symbol, other: Symbol) -> Symbol:
        return Symbol(self.tape, self.tape.note((_choose, (self.place, condition.place, other.place))))

    def clamp(self, min: float, max: float) -> Symbol:
        return self.maximum(min).minimum(max)

    def detach(self) -> Symbol:
        return self


class Tape:
    """What is done with `arrays` arrays, and the numbers that it is done with."""

    __slots__ = ("arrays", "calls", "numbers")

    def __init__(self, arrays: int) -> None:
        self.arrays = arrays
        self.calls: list[Call] = []
        self.numbers: list[float] = []

    def number(self, value: float) -> int:
        """The place of a number."""
        self.numbers.append(float(value))
        return -len(self.numbers)

    def note(self, call: Call) -> int:
        """The place of a call's result."""
        self.calls.append(call)
        return self.arrays + len(self.calls) - 1


class Program:
    """A formula made ready to run.

    Args:
        formula: takes a symbol for each array and returns the new values of those that change.
        arrays: number of arrays.
        written: which arrays the formula's results replace, in their order; the others are never written.

    Attributes:
        scratch: how many arrays of scratch memory it needs.
    """

    def __init__(
        self, formula: Callable[..., Sequence[Symbol]], arrays: int, written: tuple[int, ...]
    ) -> None:
        tape = Tape(arrays)
        results: dict[int, int] = {}
        values = formula(*[Symbol(tape, place) for place in range(arrays)])
        for target, value in zip(written, values, strict=True):
            place = value.place
            if place == target:
                continue  # it stays as it is
            if place < arrays or place in results.values():  # an argument, or wanted twice: a copy of it
                place = tape.note((np.positive, (place,)))
            results[target] = place
        self.scratch, self.calls = _ordered(arrays, tuple(tape.calls), tuple(results.items()))
        self.numbers = tape.numbers[::-1]  # they are counted from the end

    def __call__(self, arrays: Sequence[Array], scratch: Sequence[Array]) -> None:
        """Replace the arrays' values."""
        memory = [*arrays, *scratch[: self.scratch], *self.numbers]
        for function, pick in self.calls:
            function(*pick(memory))


@lru_cache(maxsize=256)
def _ordered(
    arrays: int, calls: tuple[Call, ...], results: tuple[tuple[int, int], ...]
) -> tuple[int, list[tuple[Callable[..., Any], Any]]]:
    """Number of scratch arrays, and each call with what picks its operands and place out of the memory.

    A call writes where its result belongs, if that is free by then; else over an operand that is needed no more,
    which is in the cache; else into scratch memory. What is kept to the end never lies in another's array.
    """
    targets = {place: target for target, place in results}
    last = _last_uses(arrays, calls, targets)
    lies = {k: k for k in range(arrays)}  # in which memory: of an array, or scratch
    free = {target for target, _ in results if target not in last}
    scratch, program = 0, []
    for i, (function, operands) in enumerate(calls, arrays):
        if i not in last:
            continue
        # what this call reads for the last time; arrays that the formula does not replace are never written
        ended = [lies[k] for k in operands if k >= 0 and last[k] == i]
        ended = [place for place in ended if place >= arrays or place in targets.values()]
        free.update(ended)
        spare = [place for place in (*ended, *sorted(free)) if place >= arrays]
        choices = [targets[i], *spare] if i in targets else [*ended, *spare]
        place = next((place for place in choices if place in free), arrays + scratch)
        scratch = max(scratch, place - arrays + 1)
        free.discard(place)
        lies[i] = place
        memory = [*[lies[k] if k >= 0 else k for k in operands], place]
        program.append((function, itemgetter(*memory)))
    for place, target in targets.items():
        if lies[place] != target:
            program.append((np.positive, itemgetter(lies[place], target)))
    return scratch, program


def _last_uses(arrays: int, calls: tuple[Call, ...], targets: dict[int, int]) -> dict[int, int]:
    """The last call that needs each array and each result; what is missing is not needed at all."""
    last = dict.fromkeys(targets, arrays + len(calls))
    for i in range(arrays + len(calls) - 1, arrays - 1, -1):
        if i in last:
            for k in calls[i - arrays][1]:
                if k >= 0:
                    last.setdefault(k, i)
    return last
