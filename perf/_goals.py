"""Goals as data beside the rows, and the verdict on each: met, missed and by how much, or not measured."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

WORDS = {
    "ratio": "time of PyTorch / time of tritonnn",
    "roof": "share of the roof",
    "memory": "peak memory / PyTorch's",
    "seconds": "host time of a call",
}
AT_MOST = ("memory", "seconds")


@dataclass(frozen=True)
class Goal:
    """What a row should reach; None where nothing is asked.

    Attributes:
        ratio: time of PyTorch eager divided by time of tritonnn, at least.
        roof: share of the roof measured in the same run, at least.
        memory: peak memory of the call divided by PyTorch eager's, at most.
        seconds: time of a call, at most.
    """

    ratio: float | None = None
    roof: float | None = None
    memory: float | None = None
    seconds: float | None = None

    def as_dict(self) -> dict[str, float]:
        """What is asked, by name."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Verdict:
    """One figure of a row against what was asked. `figure` is None where it was not measured."""

    kind: str
    wanted: float
    figure: float | None

    @property
    def met(self) -> bool | None:
        """None where there is no figure."""
        if self.figure is None:
            return None
        return self.figure <= self.wanted if self.kind in AT_MOST else self.figure >= self.wanted

    @property
    def short(self) -> float:
        """By which part of the goal the figure misses it; 0 where it is met or was not measured."""
        if self.figure is None or self.met:
            return 0.0
        return abs(self.figure - self.wanted) / self.wanted

    def asked(self) -> str:
        """The goal, for reading."""
        return f"{'≤' if self.kind in AT_MOST else '≥'} {number(self.kind, self.wanted)}"

    def text(self) -> str:
        """The figure and the goal, for reading."""
        if self.figure is None:
            return f"{self.kind} not measured ({self.asked()})"
        text = f"{self.kind} {number(self.kind, self.figure)} ({self.asked()})"
        return text if self.met else f"{text}, missed by {self.short:.0%}"


def number(kind: str, value: float) -> str:
    """A figure of a kind, for reading."""
    if kind == "roof":
        return f"{value:.0%}"
    return f"{value * 1e6:.3g} µs" if kind == "seconds" else f"{value:.3g}"


def verdicts(goal: dict[str, float], figures: dict[str, float | None]) -> list[Verdict]:
    """Every figure that the goal asks for, in the order of WORDS."""
    return [Verdict(kind, goal[kind], figures.get(kind)) for kind in WORDS if kind in goal]


def standing(figures: list[Verdict]) -> str:
    """'missed' where any figure misses, else 'not measured' where one is absent, else 'met'; '' without a
    goal."""
    if not figures:
        return ""
    if any(v.met is False for v in figures):
        return "missed"
    return "not measured" if any(v.met is None for v in figures) else "met"


def summary(rows: list[tuple[str, list[Verdict]]]) -> list[tuple[str, str, str]]:
    """(standing, label, figures) of every row with a goal: the missed ones first, the worst of them on top.

    Args:
        rows: labels and verdicts.
    """
    order = {"missed": 0, "met": 1, "not measured": 2}
    lines: list[tuple[Any, tuple[str, str, str]]] = []
    for label, figures in rows:
        if figures:
            stands = standing(figures)
            worst = max(v.short for v in figures)
            lines.append(((order[stands], -worst), (stands, label, "; ".join(v.text() for v in figures))))
    return [line for _, line in sorted(lines, key=lambda item: item[0])]
