"""Host time of single small ops, each without and with the graph recorded: what `perf/overhead.py` shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from _rows import row

PLAIN, RECORDED = "", ", graph recorded"

# Name -> function of (library, x (8, 8), y (8, 8), v (8,)); x and y require grad where the graph is recorded.
OPS: dict[str, Callable[[Any, Any, Any, Any], Any]] = {
    "x + y": lambda lib, x, y, v: x + y,
    "x * y": lambda lib, x, y, v: x * y,
    "x * 2.0": lambda lib, x, y, v: x * 2.0,
    "x + v (broadcast)": lambda lib, x, y, v: x + v,
    "exp": lambda lib, x, y, v: lib.exp(x),
    "relu": lambda lib, x, y, v: lib.relu(x),
    "sum": lambda lib, x, y, v: x.sum(),
    "sum of rows": lambda lib, x, y, v: x.sum(1),
    "mean": lambda lib, x, y, v: x.mean(),
    "matmul": lambda lib, x, y, v: x @ y,
    "linear": lambda lib, x, y, v: lib.nn.functional.linear(x, y, v),
    "softmax": lambda lib, x, y, v: lib.softmax(x, -1),
    "view": lambda lib, x, y, v: x.view(4, 16),
    "transpose": lambda lib, x, y, v: x.transpose(0, 1),
    "x[2]": lambda lib, x, y, v: x[2],
    "reshape": lambda lib, x, y, v: x.reshape(-1),
}


def _add(name: str, op: Callable[[Any, Any, Any, Any], Any], recorded: bool) -> None:
    @row("small op", name + (RECORDED if recorded else PLAIN), unit="host")
    def setup(lib: Any, make: Any) -> Callable[[], Any]:
        x, y = make(8, 8, requires_grad=recorded), make(8, 8, requires_grad=recorded)
        v = make(8)
        return lambda: op(lib, x, y, v)


for _name, _op in OPS.items():
    for _recorded in (False, True):
        _add(_name, _op, _recorded)
