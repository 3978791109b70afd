"""Elementwise ops: contiguous, broadcast, strided, of mixed types, and in place."""

from __future__ import annotations

from _rows import row

SIZES = {"cpu": (4096, 1024), "cuda": (16384, 8192)}
WIDTH = {"float32": 4, "bfloat16": 2}


def _both(name, reads, dtype="float32", quick=False):
    """Register a row on both devices; `reads` full-size operands are read and one is written."""

    def add(setup):
        for device, (m, n) in SIZES.items():
            nbytes = (reads + 1) * m * n * WIDTH[dtype]
            row("pointwise", f"{name} {m}x{n}", nbytes=nbytes, dtype=dtype, devices=(device,), quick=quick)(
                setup
            )
        return setup

    return add


@_both("add", 2, quick=True)
@_both("add", 2, dtype="bfloat16")
def _add(lib, make):
    m, n = SIZES[make.device]
    x, y = make(m, n), make(m, n)
    return lambda: x + y


@_both("add a row", 1)
def _broadcast_row(lib, make):
    m, n = SIZES[make.device]
    x, y = make(m, n), make(n)
    return lambda: x + y


@_both("add a column", 1)
def _broadcast_column(lib, make):
    m, n = SIZES[make.device]
    x, y = make(m, n), make(m, 1)
    return lambda: x + y


@_both("add a transposed", 2)
def _transposed(lib, make):
    m, n = SIZES[make.device]
    x, y = make(m, n), make(n, m).t()
    return lambda: x + y


@_both("exp of every second column", 1)
def _strided(lib, make):
    m, n = SIZES[make.device]
    x = make(m, 2 * n)[:, ::2]
    return lambda: lib.exp(x)


@_both("float32 times int32", 2)
def _mixed(lib, make):
    m, n = SIZES[make.device]
    x, y = make(m, n), make.int(m, n, dtype="int32")
    return lambda: x * y


@_both("add in place", 2)
def _inplace(lib, make):
    m, n = SIZES[make.device]
    x, y = make(m, n), make(m, n)
    return lambda: x.add_(y)


@_both("relu", 1, quick=True)
def _relu(lib, make):
    x = make(*SIZES[make.device])
    return lambda: lib.relu(x)


@_both("gelu erf", 1, quick=True)
@_both("gelu erf", 1, dtype="bfloat16")
def _gelu(lib, make):
    x = make(*SIZES[make.device])
    return lambda: lib.nn.functional.gelu(x)


@_both("gelu tanh", 1)
def _gelu_tanh(lib, make):
    x = make(*SIZES[make.device])
    return lambda: lib.nn.functional.gelu(x, approximate="tanh")


@_both("exp", 1)
def _exp(lib, make):
    x = make(*SIZES[make.device])
    return lambda: lib.exp(x)


@_both("tanh", 1)
def _tanh(lib, make):
    x = make(*SIZES[make.device])
    return lambda: lib.tanh(x)


@_both("where", 2)
def _where(lib, make):
    m, n = SIZES[make.device]
    condition, x, y = make.bool(m, n), make(m, n), make(m, n)
    return lambda: lib.where(condition, x, y)


@_both("chain of five", 2)
def _chain(lib, make):
    m, n = SIZES[make.device]
    x, y = make(m, n), make(m, n)
    return lambda: lib.tanh((x * y + x) * 0.5) - y
