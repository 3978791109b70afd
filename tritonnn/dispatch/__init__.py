"""The one call path of every op: check, promote, allocate, run the backend's function, record the graph node."""

from __future__ import annotations

from tritonnn.dispatch._answered import alias, answered
from tritonnn.dispatch._autocast import (
    autocast,
    cast,
    follow_no_policy,
    follow_policy,
    lower_precision,
    switch,
    without_autocast,
)
from tritonnn.dispatch._call import call, check_out_arguments, view, views
from tritonnn.dispatch._checks import check_float8, check_limited
from tritonnn.dispatch._inplace import check_inplace, inplace, inplace_composite, write
from tritonnn.dispatch._overlap import check_shared, is_expanded, refuse_expanded, refuse_partial_overlap
from tritonnn.dispatch._pointwise import pointwise, result_type
from tritonnn.dispatch._quiet import QUIET, quiet_reset, quiet_set
from tritonnn.dispatch._watch import ON, TableCall, answer_below, around, enter, leave, watch
from tritonnn.dispatch._writing import (
    allocate,
    before_write,
    check_dtype,
    check_out,
    copy_into,
    deliver,
    register_copy,
    resize_out,
    row_major,
    run_into,
    to_device,
    wrote,
)

__all__ = [
    "ON", "QUIET", "TableCall", "alias", "allocate", "answer_below", "answered", "around", "autocast",
    "before_write", "call", "cast", "check_dtype", "check_float8", "check_inplace", "check_limited", "check_out",
    "check_shared", "copy_into", "deliver", "enter", "follow_no_policy", "follow_policy", "inplace",
    "inplace_composite", "is_expanded", "leave", "lower_precision", "pointwise", "quiet_reset", "quiet_set",
    "refuse_expanded", "refuse_partial_overlap", "register_copy", "resize_out", "result_type", "row_major",
    "run_into", "switch", "to_device", "view", "views", "watch", "without_autocast", "write", "wrote",
]  # fmt: skip
