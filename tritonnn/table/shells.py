"""What takes bytes that have a name and stand for no numbers: `bits8`, `uint1` to `int7`, `float4_e2m1fn_x2`.

PyTorch views, moves and saves them, some of the names not even that.
"""

from __future__ import annotations

from tritonnn.dtypes import FEW_BITS, SHELLS, dtype, float4_e2m1fn_x2

_MOVING = frozenset(["cat", "stack_contiguous", "embedding_lookup", "where", "roll"])
_COPYING = frozenset(
    ["to_copy", "copy_values", "copied_over", "filled_over", "view_written", "slice_backward"]
)
_COMPARING = frozenset(["eq", "ne", "isnan"])


def takes_shell(op: str, kind: dtype) -> bool:
    """Whether the entry of a name takes elements of a type, which is such a one."""
    if kind not in SHELLS:
        return False
    if op in _MOVING:
        return True
    if op in _COPYING:
        return kind not in FEW_BITS
    return op in _COMPARING and kind is float4_e2m1fn_x2
