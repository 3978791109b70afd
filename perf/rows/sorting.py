"""Sorting, the largest elements, distinct ones, and the places of those that are not zero."""

from __future__ import annotations

from _entries import Entry, add

SIZES = {"small": [(256, 1024)], "typical": [(4096, 4096)], "huge": [(16384, 16384)]}
LONG = {"small": [(1 << 14,)], "typical": [(1 << 22,)], "huge": [(1 << 26,)]}


def _one(make, *shape):
    return (make(*shape),)


def _whole(make, n):
    return (make.int(n, low=0, high=max(2, n // 16)),)


def _values_twice(lib, found, x):
    """The values, and those at the indices: which of several equal ones an index names is not said."""
    return found[0], lib.gather(x, -1, found[1])


def _gradients(lib, gradients):
    """Rows of gradients in order: which of several equal values gets one is not said."""
    return lib.sort(gradients[0], -1)[0]


EQUAL = {"look": _values_twice, "look_back": _gradients}

add(
    "sorting",
    Entry(
        "sort rows", lambda lib, x: tuple(lib.sort(x, -1)), _one, SIZES,
        lambda w, m, n: (2 * w + 8) * m * n, lambda w, m, n: (2 * w + 8) * m * n, quick=True,
        **EQUAL,
    ),
    Entry(
        "argsort of one row", lambda lib, x: lib.argsort(x), _one, LONG, lambda w, n: (w + 8) * n,
        dtypes=("float32",), quick=True, look=lambda lib, index, x: x[index],
    ),
    Entry(
        "topk 8 of rows", lambda lib, x: tuple(lib.topk(x, min(8, x.shape[-1]))), _one, SIZES,
        lambda w, m, n: w * m * n + (w + 8) * 8 * m, lambda w, m, n: w * m * n + (w + 8) * 8 * m, quick=True,
        **EQUAL,
    ),
    Entry(
        "topk 64 of rows", lambda lib, x: tuple(lib.topk(x, min(64, x.shape[-1]))), _one, SIZES,
        lambda w, m, n: w * m * n + (w + 8) * 64 * m, **EQUAL,
    ),
    Entry(
        "unique of int64", lambda lib, x: lib.unique(x), _whole, LONG, lambda w, n: 8 * n + 8 * n / 16,
        dtypes=("float32",), compiled=False, quick=True,
    ),
    Entry(
        "nonzero of a mask", lambda lib, x: lib.nonzero(x), lambda make, n: (make.bool(n),), LONG,
        lambda w, n: n + 8 * n / 2, dtypes=("float32",), compiled=False, quick=True,
    ),
)  # fmt: skip
