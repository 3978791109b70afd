"""Looking rows of a table up, and adding gradients to them: many different rows, and few that repeat."""

from __future__ import annotations

from _entries import Entry, add
from _goals import Goal

# tokens, rows of the table, features
SIZES = {
    "cpu": [(16384, 50000, 256)],
    "small": [(512, 1000, 64)],
    "typical": [(16384, 50304, 1024), (16384, 100, 1024)],
    "huge": [(131072, 131072, 4096)],
}

add(
    "embedding",
    Entry(
        "embedding",
        lambda lib, weight, index: lib.nn.functional.embedding(index, weight),
        lambda make, t, v, d: (make(v, d), make.int(t, low=0, high=v)),
        SIZES,
        lambda w, t, v, d: w * (min(t, v) + t) * d + 8 * t,
        lambda w, t, v, d: w * (t + v) * d + 8 * t,
        quick=True,
        goals={"forward": Goal(ratio=1.0), "backward": Goal(ratio=1.0)},
        cpu_goals={"both": Goal(ratio=2.0)},
    ),
)
