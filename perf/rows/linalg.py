"""Factorizations and equations of many small matrices, and of one that runs through the host."""

from __future__ import annotations

from _entries import Entry, add

SIZES = {
    "cpu": [(1000, 4), (100, 32)],
    "small": [(1000, 4), (100, 32)],
    "typical": [(1 << 18, 4), (1 << 14, 32)],
    "huge": [(1 << 22, 4), (1 << 18, 32)],
}
TYPES = dict(dtypes=("float32", "float64"))


def _positive(make, count, n):
    x = make(count, n, n)
    return ((x @ x.mT) + n * x.new_ones(x.shape[-1]).diag(),)


def _regular(make, count, n):
    x = make(count, n, n)
    return (x + 3 * n**0.5 * x.new_ones(x.shape[-1]).diag(),)


def _equations(make, count, n):
    return (*_regular(make, count, n), make(count, n, 1))


def _one_and_one(w, count, n):
    return 2 * w * count * n * n  # read, and written


def _one(w, count, n):
    return w * count * n * n


add(
    "linalg",
    Entry(
        "cholesky_ex", lambda lib, x: tuple(lib.linalg.cholesky_ex(x)), _positive, SIZES, _one_and_one,
        flops=lambda count, n: count * n**3 / 3, quick=True, **TYPES,
    ),
    Entry(
        "inv_ex", lambda lib, x: tuple(lib.linalg.inv_ex(x)), _regular, SIZES, _one_and_one,
        flops=lambda count, n: count * 2 * n**3, quick=True, **TYPES,
    ),
    Entry(
        "solve_ex of a vector", lambda lib, a, b: tuple(lib.linalg.solve_ex(a, b)), _equations, SIZES, _one,
        flops=lambda count, n: count * (2 * n**3 / 3 + 2 * n * n), **TYPES,
    ),
    Entry(
        "solve_triangular of a vector", lambda lib, a, b: lib.linalg.solve_triangular(a, b, upper=True), _equations,
        SIZES, lambda w, count, n: w * count * (n * (n + 1) / 2 + 2 * n), **TYPES,
    ),
    Entry(
        "slogdet", lambda lib, x: tuple(lib.linalg.slogdet(x)), _regular, SIZES, _one,
        flops=lambda count, n: count * 2 * n**3 / 3, **TYPES,
    ),
    Entry(
        "cholesky of one, through the host", lambda lib, x: lib.linalg.cholesky(x), _positive,
        {"typical": [(1, 256)]}, _one_and_one, flops=lambda count, n: count * n**3 / 3, dtypes=("float32",),
    ),
)  # fmt: skip
