"""The one call path of every op: check, promote, allocate, run the backend's function, record the graph node."""

from __future__ import annotations

from tritonnn.dispatch._backend import run_backend
from tritonnn.dispatch._call import call, view
from tritonnn.dispatch._checks import check_float8
from tritonnn.dispatch._inplace import check_inplace, inplace, inplace_composite, rewrite_history, write
from tritonnn.dispatch._pointwise import pointwise, result_type
from tritonnn.dispatch._quiet import QUIET, quiet_reset, quiet_set
from tritonnn.dispatch._writing import allocate, copy_into, row_major, to_device, wrote

__all__ = [
    "QUIET", "allocate", "call", "check_float8", "check_inplace", "copy_into", "inplace", "inplace_composite",
    "pointwise", "quiet_reset", "quiet_set", "result_type", "rewrite_history", "row_major", "run_backend", "to_device",
    "view", "write", "wrote",
]  # fmt: skip
