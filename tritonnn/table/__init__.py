"""The op table as data: what an entry is. `ops/` fills it and `dispatch/` runs what is in it."""

from __future__ import annotations

from tritonnn.table.arguments import verify, verify_named
from tritonnn.table.between import stand_between
from tritonnn.table.entry import Bad, Entry, Make, Out, Perf, Sample
from tritonnn.table.op import MODULES, NAMESPACES, OPS, Op
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
from tritonnn.table.signature import OpSignature

__all__ = [
    "ALL_TYPES", "ANY", "BOOL", "FLOAT", "FLOATING", "FLOATING_AND_COMPLEX", "MODULES", "NAMESPACES", "NUMERIC", "OPS",
    "PROMOTE", "REAL", "Bad", "Entry", "Make", "Op", "OpSignature", "Out", "Perf", "Sample",
    "stand_between", "verify", "verify_named",
]  # fmt: skip
