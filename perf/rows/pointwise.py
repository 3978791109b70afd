"""Elementwise ops: contiguous, broadcast, strided, of mixed types, cast, and in place."""

from __future__ import annotations

from _entries import Entry, add
from _goals import Goal

SIZES = {
    "cpu": [(4096, 1024)],
    "small": [(256, 1024)],
    "typical": [(8192, 8192)],
    "huge": [(32768, 16384)],
}
GOALS = {stage: Goal(ratio=1.0, roof=0.9) for stage in ("forward", "backward")}
HALF = ("bfloat16", "float16")


def elements(count):
    """Bytes of `count` full-size operands, read or written."""
    return lambda w, m, n: count * w * m * n


def _one(make, m, n):
    return (make(m, n),)


def _two(make, m, n):
    return make(m, n), make(m, n)


def _unary(name, call, backward=3, **options):
    """One full-size operand; `backward` counts those that the backward call reads and writes."""
    count = None if backward is None else elements(backward)
    return Entry(name, call, _one, SIZES, elements(2), count, goals=GOALS, **options)


def _binary(name, call, inputs=_two, forward=None, backward=None, **options):
    return Entry(name, call, inputs, SIZES, forward or elements(3), backward, goals=GOALS, **options)


ADD = _binary("add", lambda lib, x, y: x + y, quick=True, cpu_dtypes=("float32", "bfloat16"))

add(
    "pointwise",
    ADD,
    # g, x and y are read, two gradients written
    _binary("mul", lambda lib, x, y: x * y, backward=elements(5), grads=(0, 1)),
    _binary(
        "add a row",
        lambda lib, x, y: x + y,
        lambda make, m, n: (make(m, n), make(n)),
        lambda w, m, n: w * (2 * m * n + n),
        lambda w, m, n: w * (m * n + n),  # the sum over rows; the other gradient is g itself
        grads=(1,),
        quick=True,
    ),
    _binary(
        "add a column",
        lambda lib, x, y: x + y,
        lambda make, m, n: (make(m, n), make(m, 1)),
        lambda w, m, n: w * (2 * m * n + m),
        lambda w, m, n: w * (m * n + m),
        grads=(1,),
    ),
    _binary("add a transposed", lambda lib, x, y: x + y.t(), lambda make, m, n: (make(m, n), make(n, m))),
    Entry(
        "exp of every second column",  # whole sectors of memory move, so twice what is used is read
        lambda lib, x: lib.exp(x[:, ::2]),
        lambda make, m, n: (make(m, n),),
        {**SIZES, "cpu": [(4096, 2048)]},
        lambda w, m, n: 1.5 * w * m * n,
        goals=GOALS,
        quick=True,
    ),
    _binary(
        "times int32",
        lambda lib, x, y: x * y,
        lambda make, m, n: (make(m, n), make.int(m, n, dtype="int32")),
        lambda w, m, n: (2 * w + 4) * m * n,
        quick=True,
    ),
    _binary(
        "add float32",
        lambda lib, x, y: x + y,
        lambda make, m, n: (make(m, n), make(m, n, dtype="float32")),
        lambda w, m, n: (w + 8) * m * n,
        dtypes=HALF,
        cpu_dtypes=(),
    ),
    _binary(
        "where",
        lambda lib, x, y, c: lib.where(c, x, y),
        lambda make, m, n: (make(m, n), make(m, n), make.bool(m, n)),
        lambda w, m, n: (3 * w + 1) * m * n,
        lambda w, m, n: (3 * w + 1) * m * n,
        grads=(0, 1),
    ),
    Entry(
        "add in place",
        lambda lib, x, y: x.add_(y),
        _two,
        SIZES,
        elements(3),
        goals=GOALS,
        compiled=False,
        changes=True,
    ),
    _unary("relu", lambda lib, x: lib.relu(x), cpu_goals={"forward": Goal(ratio=0.91)}),
    _unary(
        "gelu erf",
        lambda lib, x: lib.nn.functional.gelu(x),
        quick=True,
        cpu_dtypes=("float32", "bfloat16"),
        cpu_goals={"forward": Goal(ratio=0.33)},
    ),
    _unary(
        "gelu tanh",
        lambda lib, x: lib.nn.functional.gelu(x, approximate="tanh"),
        cpu_goals={"forward": Goal(ratio=1.43)},
    ),
    _unary("silu", lambda lib, x: lib.nn.functional.silu(x)),
    _unary("exp", lambda lib, x: lib.exp(x), backward=None),
    _unary("tanh", lambda lib, x: lib.tanh(x)),
    # One pass if fused; without a compiler each of the five ops is a pass of its own.
    Entry("chain of five", lambda lib, x, y: lib.tanh((x * y + x) * 0.5) - y, _two, SIZES, elements(3)),
)


def _cast(kind, width, **options):
    def both(w, m, n):
        return (w + width) * m * n

    def call(lib, x):
        return x.to(getattr(lib, kind))

    return Entry(f"cast to {kind}", call, _one, {**SIZES, "cpu": []}, both, both, goals=GOALS, **options)


add(
    "pointwise",
    _cast("float32", 4, dtypes=HALF, quick=True),
    _cast("bfloat16", 2, dtypes=("float32",)),
)
