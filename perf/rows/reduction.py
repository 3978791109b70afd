"""Sums, extrema and scans: over everything, over rows, over columns, over several dimensions."""

from __future__ import annotations

from _entries import Entry, add

SIZES = {
    "cpu": [(4096, 1024)],
    "small": [(256, 1024)],
    "typical": [(8192, 8192)],
    "huge": [(32768, 16384)],
}
OUTER = {"cpu": [(64, 64, 1024)], "small": [(16, 16, 1024)], "typical": [(128, 64, 8192)],
         "huge": [(512, 64, 16384)]}  # fmt: skip
# Gradients that need more than the incoming one: x is read, its gradient is written.
READ, READ_WRITE, WRITE = (
    lambda w, m, n: w * m * n,
    lambda w, m, n: 2 * w * m * n,
    lambda w, m, n: w * m * n,
)


def _picked(dim):
    """The values at indices: which of several equal ones an index names is not said."""
    return lambda lib, index, x: lib.gather(x, dim, index.unsqueeze(dim))


def _sorted(lib, gradients):
    """Rows of gradients in order: which of several equal values gets one is not said."""
    return lib.sort(gradients[0], -1)[0]


def _of(name, call, forward=READ, backward=None, **options):
    return Entry(name, call, lambda make, m, n: (make(m, n),), SIZES, forward, backward, **options)


add(
    "reduction",
    _of("sum of all", lambda lib, x: lib.sum(x), quick=True),
    _of("sum of rows", lambda lib, x: lib.sum(x, -1), quick=True, cpu_dtypes=("float32", "bfloat16")),
    _of("sum of columns", lambda lib, x: lib.sum(x, 0), quick=True),
    Entry(
        "sum of the outer and inner dimension",
        lambda lib, x: lib.sum(x, (0, 2)),
        lambda make, a, b, c: (make(a, b, c),),
        OUTER,
        lambda w, a, b, c: w * (a * b * c + b),
    ),
    _of("mean of rows", lambda lib, x: lib.mean(x, -1), backward=WRITE),
    _of(
        "max of rows, with indices", lambda lib, x: tuple(lib.max(x, -1)), backward=WRITE,
        look=lambda lib, found, x: (found[0], _picked(-1)(lib, found[1], x)), look_back=_sorted,
    ),
    _of("argmax of rows", lambda lib, x: lib.argmax(x, -1), quick=True, look=_picked(-1)),
    _of("argmax of columns", lambda lib, x: lib.argmax(x, 0), look=_picked(0)),
    _of("var of rows", lambda lib, x: lib.var(x, -1), backward=READ_WRITE),
    _of("norm of all", lambda lib, x: lib.norm(x), backward=READ_WRITE),
    _of("logsumexp of rows", lambda lib, x: lib.logsumexp(x, -1), backward=READ_WRITE),
    _of("cumsum along rows", lambda lib, x: lib.cumsum(x, -1), READ_WRITE, READ_WRITE, quick=True),
    _of("cumsum along columns", lambda lib, x: lib.cumsum(x, 0), READ_WRITE, READ_WRITE),
)  # fmt: skip
