"""The op table as data: what an entry is. `ops/` fills it and `dispatch/` runs what is in it."""

from __future__ import annotations

from tritonnn.table.entry import Bad, Entry, Out, Perf, Sample
from tritonnn.table.op import NAMESPACES, OPS, Op
from tritonnn.table.rules import (
    ALL_TYPES,
    ANY,
    BOOL,
    FLOAT,
    FLOATING,
    FLOATING_AND_COMPLEX,
    NUMERIC,
    PROMOTE,
    REAL,
)

__all__ = [
    "ALL_TYPES", "ANY", "BOOL", "FLOAT", "FLOATING", "FLOATING_AND_COMPLEX", "NAMESPACES", "NUMERIC", "OPS", "PROMOTE",
    "REAL", "Bad", "Entry", "Op", "Out", "Perf", "Sample",
]  # fmt: skip
