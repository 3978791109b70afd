"""Softmax, log-softmax and their gradients, for rows from short to long."""

from __future__ import annotations

from _entries import Entry, add
from _goals import Goal

SIZES = {
    "cpu": [(4096, 1024), (65536, 64)],
    "small": [(1024, 128)],
    "typical": [(16384, 4096), (1 << 18, 256)],
    "huge": [(4096, 32768), (4096, 131072)],
}
GOALS = {"forward": Goal(ratio=1.3, roof=0.85), "backward": Goal(ratio=1.3, roof=0.75)}


def _of(name, function, **options):
    return Entry(
        name,
        lambda lib, x: getattr(lib, function)(x, -1),
        lambda make, m, n: (make(m, n),),
        SIZES,
        lambda w, m, n: 2 * w * m * n,
        lambda w, m, n: 3 * w * m * n,  # the result and its gradient are read
        goals=GOALS,
        **options,
    )


add(
    "softmax",
    _of("softmax", "softmax", quick=True, cpu_goals={"forward": Goal(ratio=0.59)}),
    _of("log_softmax", "log_softmax"),
)
