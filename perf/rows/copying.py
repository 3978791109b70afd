"""Moving data: copies, transposing copies, joining, padding."""

from __future__ import annotations

from _entries import Entry, add
from _goals import Goal

SIZES = {"small": [(256, 1024)], "typical": [(8192, 8192)], "huge": [(32768, 16384)]}
IMAGES = {"small": [(8, 64, 14, 14)], "typical": [(64, 256, 56, 56)], "huge": [(256, 256, 56, 56)]}
GOALS = {stage: Goal(ratio=1.0, roof=0.9) for stage in ("forward", "backward")}


def _twice(w, *shape):
    """Read and written once."""
    count = 1
    for extent in shape:
        count *= extent
    return 2 * w * count


def _one(make, *shape):
    return (make(*shape),)


def _quarters(make, m, n):
    return tuple(make(max(1, m // 4), n) for _ in range(4))


def _columns(make, m, n):
    return tuple(make(m, max(1, n // 4)) for _ in range(4))


def _of(name, call, inputs=_one, sizes=SIZES, backward=None, **options):
    return Entry(name, call, inputs, sizes, _twice, backward, goals=GOALS, **options)


add(
    "copying",
    _of("clone", lambda lib, x: x.clone(), compiled=False),
    _of("transposing copy", lambda lib, x: x.t().contiguous()),
    _of(
        "NCHW to NHWC",
        lambda lib, x: x.permute(0, 2, 3, 1).contiguous(),
        sizes=IMAGES,
    ),
    _of(
        "every second row",
        lambda lib, x: x[::2].contiguous(),
        lambda make, m, n: (make(2 * m, n),),
    ),
    _of("cat of four along rows", lambda lib, *x: lib.cat(x, 0), _quarters),
    _of("cat of four along columns", lambda lib, *x: lib.cat(x, 1), _columns),
    _of("stack of four", lambda lib, *x: lib.stack(x, 0), _quarters),
    _of("pad by one", lambda lib, x: lib.nn.functional.pad(x, (1, 1, 1, 1)), backward=_twice),
    _of("flip", lambda lib, x: lib.flip(x, (1,)), backward=_twice),
)
