"""Reading and writing where indices say: gather, scatter, index_select, index_add, masks."""

from __future__ import annotations

from _entries import Entry, add

# rows, columns
SIZES = {"small": [(256, 1024)], "typical": [(8192, 4096)], "huge": [(32768, 8192)]}
# rows, columns, rows that are picked
PICKED = {"small": [(1000, 64, 512)], "typical": [(65536, 1024, 65536)], "huge": [(262144, 2048, 131072)]}
INDEX = 8  # bytes


def _rows_picked(make, m, n, t):
    return make(m, n), make.int(t, low=0, high=m)


def _columns(make, m, n):
    return make(m, n), make.int(m, n, low=0, high=n)


def _masked(make, m, n):
    return make(m, n), make.bool(m, n)


def _indexed(count):
    """Bytes of `count` full-size operands and an index for each element."""
    return lambda w, m, n: (count * w + INDEX) * m * n


def _to_rows(w, m, n, t):
    """t rows read where they lie, t rows written."""
    return w * 2 * t * n + INDEX * t


def _add_to_rows(w, m, n, t):
    """A table written, t rows of gradient read."""
    return w * (m + t) * n + INDEX * t


add(
    "indexing",
    Entry(
        "gather along rows",
        lambda lib, x, index: lib.gather(x, 1, index),
        _columns,
        SIZES,
        _indexed(2),
        _indexed(2),
        quick=True,
    ),
    Entry(
        "scatter along rows",
        lambda lib, x, index, source: x.scatter(1, index, source),
        # no place twice: which value stays there is not said
        lambda make, m, n: (make(m, n), make.distinct(m, n), make(m, n)),
        SIZES,
        _indexed(3),
        _indexed(3),  # one gradient with zeros, one gathered
        grads=(0, 2),
        quick=True,
    ),
    Entry(
        "scatter_add along rows",
        lambda lib, x, index, source: x.scatter_add(1, index, source),
        lambda make, m, n: (*_columns(make, m, n), make(m, n)),
        SIZES,
        _indexed(3),
    ),
    Entry(
        "index_select",
        lambda lib, x, index: lib.index_select(x, 0, index),
        _rows_picked,
        PICKED,
        _to_rows,
        _add_to_rows,
        quick=True,
    ),
    Entry("x[index]", lambda lib, x, index: x[index], _rows_picked, PICKED, _to_rows, _add_to_rows),
    Entry(
        "index_add",
        lambda lib, x, index, source: lib.index_add(x, 0, index, source),
        lambda make, m, n, t: (*_rows_picked(make, m, n, t), make(t, n)),
        PICKED,
        lambda w, m, n, t: w * (2 * m + t) * n + INDEX * t,
        _to_rows,
        grads=(2,),
        quick=True,
    ),
    Entry(
        "masked_fill",
        lambda lib, x, mask: x.masked_fill(mask, 0.5),
        _masked,
        SIZES,
        lambda w, m, n: (2 * w + 1) * m * n,
        lambda w, m, n: (2 * w + 1) * m * n,
        quick=True,
    ),
    Entry(
        "masked_select",
        lambda lib, x, mask: lib.masked_select(x, mask),
        _masked,
        SIZES,
        lambda w, m, n: (1.5 * w + 1) * m * n,  # half of the elements are chosen
        compiled=False,
    ),
)
