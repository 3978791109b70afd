"""Matrix products: square, tall, with a small inner extent, batched, transposed, and with a bias."""

from __future__ import annotations

from _entries import Entry, add
from _goals import Goal

SQUARE = {
    "cpu": [(1024, 1024, 1024), (512, 512, 512)],
    "small": [(1024, 1024, 1024)],
    "typical": [(4096, 4096, 4096)],
}
LARGE = {"huge": [(8192, 8192, 8192)]}
SHALLOW = {
    "cpu": [(2048, 2048, 32)],
    "small": [(1024, 1024, 64)],
    "typical": [(8192, 8192, 512), (8192, 8192, 64)],
    "huge": [(65536, 8192, 256)],
}
TALL = {"cpu": [(8192, 256, 64)], "typical": [(65536, 1024, 1024)], "huge": [(524288, 1024, 1024)]}
FLAT = {
    "cpu": [(1, 4096, 4096)],
    "small": [(1, 4096, 4096)],
    "typical": [(16, 8192, 8192), (256, 8192, 8192)],
}
DEEP = {"small": [(128, 128, 16384)], "typical": [(512, 512, 32768)]}
BATCHED = {
    "cpu": [(96, 256, 256, 64)],
    "small": [(16, 128, 128, 64)],
    "typical": [(64, 1024, 1024, 128)],
    "huge": [(384, 2048, 2048, 128)],
}
LINEAR = {
    "cpu": [(1024, 1024, 1024)],
    "small": [(256, 1024, 1024)],
    "typical": [(8192, 4096, 4096)],
    "huge": [(32768, 8192, 8192)],
}
GOOD = {"forward": Goal(ratio=0.95), "backward": Goal(ratio=0.95)}
LARGE_GOAL = {"forward": Goal(ratio=1.0), "backward": Goal(ratio=0.95)}
SHALLOW_GOAL = {"forward": Goal(ratio=0.9), "backward": Goal(ratio=0.9)}
CPU_GOAL = {"forward": Goal(ratio=1.0)}


def operations(m, n, k):
    """A product of m x k and k x n."""
    return 2 * m * n * k


def moved(w, m, n, k):
    """Both operands read and the result written, once each."""
    return w * (m * k + k * n + m * n)


def moved_back(w, m, n, k):
    """The result's gradient and both operands read, two gradients written."""
    return w * (m * n + 2 * (m * k + k * n))


def _product(name, sizes, goals, **options):
    return Entry(
        name,
        lambda lib, a, b: a @ b,
        lambda make, m, n, k: (make(m, k), make(k, n)),
        sizes,
        moved,
        moved_back,
        operations,
        lambda m, n, k: 2 * operations(m, n, k),
        grads=(0, 1),
        goals=goals,
        cpu_goals=CPU_GOAL,
        **options,
    )


HALF = {"dtypes": ("bfloat16", "float16")}
SQUARES = _product("square", SQUARE, GOOD, quick=True, **HALF)
add(
    "matmul",
    SQUARES,
    _product("square", LARGE, LARGE_GOAL, **HALF),
    _product("small K", SHALLOW, SHALLOW_GOAL, **HALF),
    _product("tall", TALL, {}, quick=True, **HALF),
    _product("few rows", FLAT, {}, **HALF),
    _product("large K, few tiles", DEEP, {}, **HALF),
)

# PyTorch knows two settings for float32, IEEE and tf32: 'high' is three tf32 products here and one there.
PRECISIONS = {"ieee": ("highest", {}), "tf32x3": ("high", {}), "tf32": ("medium", GOOD)}
for _name, (_setting, _goals) in PRECISIONS.items():
    _options = {"dtypes": ("float32",), "cpu_dtypes": (), "precision": _setting}
    add(
        "matmul",
        _product(f"square, {_name}", {**SQUARE, **LARGE}, _goals, quick=_name != "tf32x3", **_options),
        _product(f"small K, {_name}", SHALLOW, {}, **_options),
    )

add(
    "matmul",
    Entry(
        "batched",
        lambda lib, a, b: lib.bmm(a, b),
        lambda make, b, m, n, k: (make(b, m, k), make(b, k, n)),
        BATCHED,
        lambda w, b, m, n, k: b * moved(w, m, n, k),
        lambda w, b, m, n, k: b * moved_back(w, m, n, k),
        lambda b, m, n, k: b * operations(m, n, k),
        lambda b, m, n, k: 2 * b * operations(m, n, k),
        grads=(0, 1),
        quick=True,
        cpu_goals=CPU_GOAL,
    ),
    Entry(
        "linear with bias",
        lambda lib, x, w, b: lib.nn.functional.linear(x, w, b),
        lambda make, m, n, k: (make(m, k), make(n, k), make(n)),
        LINEAR,
        moved,
        moved_back,
        operations,
        lambda m, n, k: 2 * operations(m, n, k),
        grads=(0, 1, 2),
        quick=True,
        cpu_goals=CPU_GOAL,
    ),
    Entry(
        "of transposed operands",
        lambda lib, a, b: a.t() @ b.t(),
        lambda make, m, n, k: (make(k, m), make(n, k)),
        {"typical": [(4096, 4096, 4096)]},
        moved,
        None,
        operations,
        dtypes=("bfloat16", "float16"),
    ),
)
