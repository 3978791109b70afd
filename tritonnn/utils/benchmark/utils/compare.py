"""Measurements side by side in a table."""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable
from typing import Any

from tritonnn.utils.benchmark.utils.common import (
    Measurement,
    ordered_unique,
    select_unit,
    trim_sigfig,
    unit_to_english,
)

__all__ = ["Colorize", "Compare"]

_BEST, _GOOD, _BAD, _WORST, _END = (
    "\033[92m\033[1m",
    "\033[34m",
    "\033[2m\033[91m",
    "\033[31m\033[1m",
    "\033[0m" * 2,
)
_MUCH_OF_IT = 8  # characters of a warning behind a number


class Colorize(enum.Enum):
    """What the colours compare."""

    NONE = "none"
    COLUMNWISE = "columnwise"
    ROWWISE = "rowwise"


class Compare:
    """A table of measurements: a row for each sub-label, a column for each description.

    Args:
        results: measurements; those of one task count as one.

    >>> from tritonnn.utils.benchmark import Compare, Measurement, TaskSpec
    >>> def took(seconds, name):
    ...     return Measurement(1, [seconds], TaskSpec("f()", "pass", "", "f", "small", name))
    >>> print(str(Compare([took(1e-3, "old"), took(2e-3, "new")])).rstrip())
    [----------- f -----------]
                 |  old  |  new
    1 threads: ----------------
          small  |  1.0  |  2.0
    <BLANKLINE>
    Times are in milliseconds (ms).
    """

    def __init__(self, results: list[Measurement]) -> None:
        self._results: list[Measurement] = []
        self.extend_results(results)
        self._trims = self._warns = False
        self._colors = Colorize.NONE

    def __str__(self) -> str:
        groups: dict[str, list[Measurement]] = {}
        for result in Measurement.merge(self._results):
            groups.setdefault(result.label or result.stmt, []).append(result)
        return "\n".join(self._table(title, group) for title, group in groups.items())

    def extend_results(self, results: Iterable[Measurement]) -> None:
        """Add measurements.

        Raises:
            ValueError: there is something else among them.
        """
        results = list(results)
        for result in results:
            if not isinstance(result, Measurement):
                raise ValueError(f"Expected an instance of `Measurement`, got {type(result)} instead.")
        self._results.extend(results)

    def trim_significant_figures(self) -> None:
        """Show no more figures than mean something."""
        self._trims = True

    def colorize(self, rowwise: bool = False) -> None:
        """Colour the fastest and the slow of each column, or of each row."""
        self._colors = Colorize.ROWWISE if rowwise else Colorize.COLUMNWISE

    def highlight_warnings(self) -> None:
        """Say behind a number how much its times vary, where they do much."""
        self._warns = True

    def print(self) -> None:
        """Print the table."""
        print(self)

    def _table(self, title: str, results: list[Measurement]) -> str:
        names = ordered_unique(r.description or "" for r in results)
        keys = sorted(ordered_unique(_row(r) for r in results), key=lambda key: key[0])
        unit, scale = select_unit(min(r.median for r in results))
        cells: dict[tuple[Any, str], Measurement] = {(_row(r), r.description or ""): r for r in results}
        marks = {key: f"({key[1]})" if key[1] else "" for key in keys}
        left = max(len(marks[key]) for key in keys)
        texts = {key: (f"  {marks[key]:<{left}}  " if left else " " * 6) + key[2] for key in keys}
        first = max(len(text) for text in texts.values())
        columns = [self._column([cells.get((key, name)) for key in keys], name, scale) for name in names]
        colored = self._colored(keys, names, cells, columns)
        heads = [name.center(len(column[0])) for name, column in zip(names, columns, strict=True)]
        head = "  |  ".join([" " * first, *heads])
        width = len(head)
        lines = ["[" + f" {title} ".center(width - 2, "-") + "]", head]
        threads = None
        for i, key in enumerate(keys):
            if key[0] != threads:
                threads = key[0]
                lines.append(f"{threads} threads: ".ljust(width, "-"))
            lines.append("  |  ".join([texts[key].ljust(first), *[column[i] for column in colored]]))
        lines += ["", f"Times are in {unit_to_english(unit)}s ({unit}).", ""]
        if self._warns:
            lines.insert(-1, "(! XX%) Measurement has high variance, where XX is the IQR / median * 100.")
        return "\n".join(lines)

    def _column(self, results: list[Measurement | None], name: str, scale: float) -> list[str]:
        """The texts of a column, all of one width."""
        given = [r for r in results if r is not None]
        figures = [math.ceil(math.log10(r.median / scale)) for r in given]
        digits = 1
        if self._trims:
            digits = min(max(r.significant_figures - n, 0) for r, n in zip(given, figures, strict=True))
        room = max(figures) + digits + (1 if digits else 0)
        marked = _MUCH_OF_IT if self._warns and any(r.has_warnings for r in given) else 0
        texts = []
        for r in results:
            if r is None:
                texts.append("")
                continue
            value = r.median / scale
            value = trim_sigfig(value, r.significant_figures) if self._trims else value
            much = f" (! {r.iqr / r.median * 100:.0f}%)" if self._warns and r.has_warnings else ""
            texts.append(f"{value:>{room}.{digits}f}{much.ljust(marked)}")
        wide = max(len(text) for text in texts)
        return [text.rjust(wide).center(max(wide, len(name))) for text in texts]

    def _colored(
        self, keys: list, names: list[str], cells: dict, columns: list[list[str]]
    ) -> list[list[str]]:
        if self._colors is Colorize.NONE:
            return columns
        by_row = self._colors is Colorize.ROWWISE
        colored = []
        for name, column in zip(names, columns, strict=True):
            texts = []
            for key, text in zip(keys, column, strict=True):
                result = cells.get((key, name))
                rivals = (
                    [cells.get((key, n)) for n in names]
                    if by_row
                    else [cells.get((k, name)) for k in keys if k[0] == key[0]]
                )
                best = min((r.median for r in rivals if r is not None), default=0.0)
                color = "" if result is None else _color(result.median, best)
                texts.append(f"{color}{text}{_END}" if color else text)
            colored.append(texts)
        return colored


def _row(result: Measurement) -> tuple[int, str, str]:
    return result.num_threads, result.env or "", result.as_row_name


def _color(value: float, best: float) -> str:
    if value <= best * 1.01 or value <= best + 100e-9:
        return _BEST
    if value <= best * 1.1:
        return _GOOD
    if value >= best * 5:
        return _WORST
    return _BAD if value >= best * 2 else ""
