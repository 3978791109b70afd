"""What stands between dispatch and the backends' functions while calls are looked at from outside."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tritonnn.table.op import Op

# (op, device type, function) -> the function that is called in its place; None where each is called as it is.
hook: Callable[[Op, str, Callable], Callable] | None = None


def stand_between(new: Callable[[Op, str, Callable], Callable] | None) -> None:
    """Have every backend function pass through `new` before it is called; None calls them as they are.

    Nothing is asked at a call: an op keeps the function that it calls, and forgets it here.
    """
    global hook
    hook = new
    from tritonnn.table.op import OPS

    for op in OPS.values():
        op.cpu = op.gpu = None
