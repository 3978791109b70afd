"""What stands between dispatch and the backends' functions: a look from outside, and the check of determinism."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tritonnn import determinism

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


def passed(op: Op, device_type: str, function: Callable) -> Callable:
    """The function that is called for a backend's: itself in most cases."""
    why = op.options.get("nondeterministic")
    if why and device_type == "cuda":
        function = _checked(op.public_name, why, function)
    return function if hook is None else hook(op, device_type, function)


def _checked(name: str, why: str, function: Callable) -> Callable:
    @functools.wraps(function)
    def run(*args: Any, **options: Any) -> Any:
        determinism.check(name, why)
        return function(*args, **options)

    return run
