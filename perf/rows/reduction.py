"""Sums, extrema and scans: over everything, over rows, over columns."""

from __future__ import annotations

from _rows import row

SIZES = {"cpu": (4096, 1024), "cuda": (16384, 8192)}

ROWS = {
    "sum of all": lambda lib, x: lib.sum(x),
    "sum of rows": lambda lib, x: lib.sum(x, -1),
    "sum of columns": lambda lib, x: lib.sum(x, 0),
    "mean of rows": lambda lib, x: lib.mean(x, -1),
    "max of rows, with indices": lambda lib, x: lib.max(x, -1),
    "argmax of rows": lambda lib, x: lib.argmax(x, -1),
    "var of rows": lambda lib, x: lib.var(x, -1),
    "norm of all": lambda lib, x: lib.norm(x),
    "logsumexp of rows": lambda lib, x: lib.logsumexp(x, -1),
    "cumsum along rows": lambda lib, x: lib.cumsum(x, -1),
}


def _add(name, function, device, dtype="float32", quick=False):
    m, n = SIZES[device]
    nbytes = m * n * (4 if dtype == "float32" else 2) * (2 if "cumsum" in name else 1)

    @row("reduction", f"{name} {m}x{n}", nbytes=nbytes, dtype=dtype, devices=(device,), quick=quick)
    def setup(lib, make):
        x = make(m, n)
        return lambda: function(lib, x)


for _device in SIZES:
    for _name, _function in ROWS.items():
        _add(_name, _function, _device, quick=_name in ("sum of all", "sum of rows"))
    _add("sum of rows", ROWS["sum of rows"], _device, "bfloat16")
