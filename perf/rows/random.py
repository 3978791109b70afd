"""Dropout, and filling tensors with random numbers."""

from __future__ import annotations

from _entries import Entry, add

SIZES = {"small": [(256, 1024)], "typical": [(8192, 8192)], "huge": [(32768, 16384)]}


def _one(make, m, n):
    return (make(m, n),)


def _write(w, m, n):
    return w * m * n


def _fill(name, call, **options):
    return Entry(name, call, _one, SIZES, _write, compiled=False, compare="moments", **options)


add(
    "random",
    Entry(
        "dropout",
        lambda lib, x: lib.nn.functional.dropout(x, 0.1, True),
        _one,
        SIZES,
        lambda w, m, n: 2 * w * m * n,
        lambda w, m, n: 2 * w * m * n,  # a mask that is kept costs a byte an element more
        quick=True,
        compare="moments",
    ),
    _fill("uniform_", lambda lib, x: x.uniform_(), quick=True),
    _fill("normal_", lambda lib, x: x.normal_(), quick=True),
    _fill("bernoulli_", lambda lib, x: x.bernoulli_(0.5)),
    _fill("rand", lambda lib, x: lib.rand(x.shape, device=x.device, dtype=x.dtype)),
    _fill("randn", lambda lib, x: lib.randn(x.shape, device=x.device, dtype=x.dtype)),
)
WHOLE = {"small": [(1 << 14,)], "typical": [(1 << 24,)], "huge": [(1 << 27,)]}
add(
    "random",
    Entry(
        "randint",
        lambda lib, x: lib.randint(0, 1000, x.shape, device=x.device),
        lambda make, n: (make(n),),
        WHOLE,
        lambda w, n: 8 * n,
        dtypes=("float32",),
        compiled=False,
        compare="moments",
    ),
    Entry(
        "randperm",
        lambda lib, x: lib.randperm(x.shape[0], device=x.device),
        lambda make, n: (make(n),),
        {"small": [(1 << 14,)], "typical": [(1 << 20,)], "huge": [(1 << 24,)]},
        lambda w, n: 8 * n,
        dtypes=("float32",),
        compiled=False,
        compare="moments",
    ),
)
