"""Sequences packed step by step: which rows a step has, and where the state before each row stands.

A batch of sequences is one matrix of rows, those of the first step before those of the second. `sizes` are the numbers
of sequences that reach each step; they never increase, so that the sequences of a step are the first ones of the step
before. A batch without packing has equal sizes.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

Sizes = tuple[int, ...]


class Run(NamedTuple):
    """Neighbouring rows whose states before them are neighbours as well.

    Attributes:
        recorded: whether these are rows of the recorded states; else of the initial ones.
        start: the first of them there.
        rows: how many.
    """

    recorded: bool
    start: int
    rows: int


@lru_cache(1024)
def steps(sizes: Sizes, reverse: bool) -> tuple[tuple[int, int], ...]:
    """(first row, number of rows) of each step, in the order in which a recurrence takes them."""
    low, places = 0, []
    for count in sizes:
        places.append((low, count))
        low += count
    return tuple(places[::-1] if reverse else places)


@lru_cache(1024)
def spans(sizes: Sizes, reverse: bool) -> tuple[tuple[int, int, int], ...]:
    """(first row, rows of a step, number of steps) of neighbouring steps of equal sizes, in the order of `steps`.

    >>> spans((3, 3, 2, 1, 1), False)
    ((0, 3, 2), (6, 2, 1), (8, 1, 2))
    """
    found, low = [], 0
    for count, same in groupby(sizes):
        length = len(list(same))
        found.append((low, count, length))
        low += count * length
    return tuple(found[::-1] if reverse else found)


@lru_cache(1024)
def before(sizes: Sizes, reverse: bool) -> tuple[Run, ...]:
    """Where the state before each row stands: runs that, one after another, are all rows in their order."""
    runs = []
    last = (0, 0)
    for low, count in steps(sizes, reverse):
        # backwards more sequences join at every step; those begin with their initial state
        known = min(count, last[1])
        runs += [(low, Run(True, last[0], known)), (low + known, Run(False, known, count - known))]
        last = (low, count)
    merged: list[Run] = []
    for _, run in sorted(run for run in runs if run[1].rows):
        end = merged[-1] if merged else None
        if end is not None and end.recorded == run.recorded and end.start + end.rows == run.start:
            merged[-1] = end._replace(rows=end.rows + run.rows)
        else:
            merged.append(run)
    return tuple(merged)
