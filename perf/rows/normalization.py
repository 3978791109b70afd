"""Layer, RMS, group and batch normalisation, forward and backward."""

from __future__ import annotations

from _entries import Entry, add
from _goals import Goal

ROWS = {
    "cpu": [(4096, 1024)],
    "small": [(512, 768)],
    "typical": [(16384, 4096)],
    "huge": [(65536, 8192)],
}
IMAGES = {"small": [(8, 64, 14, 14)], "typical": [(64, 256, 56, 56)], "huge": [(256, 256, 56, 56)]}
GROUPED = {"small": [(2, 64, 16, 16)], "typical": [(32, 256, 64, 64)], "huge": [(64, 512, 64, 64)]}
BY_ROW = {"forward": Goal(ratio=1.3, roof=0.85), "backward": Goal(ratio=1.3, roof=0.75)}
BATCH = {"forward": Goal(ratio=1.0), "backward": Goal(ratio=1.0)}


def _layer_norm(lib, x, w, b):
    return lib.nn.functional.layer_norm(x, (x.shape[-1],), w, b)


def _rms_norm(lib, x, w):
    return lib.nn.functional.rms_norm(x, (x.shape[-1],), w)


def _group_norm(lib, x, w, b):
    return lib.nn.functional.group_norm(x, min(32, x.shape[1]), w, b)


def _batch_norm(lib, x, w, b, mean, var):
    return lib.nn.functional.batch_norm(x, mean, var, w, b, training=True)


def _batch_norm_eval(lib, x, w, b, mean, var):
    return lib.nn.functional.batch_norm(x, mean, var, w, b, training=False)


def _statistics(make, channels):
    full = {"dtype": "float32"}
    mean, var = make(channels, **full), make(channels, low=0.5, **full)
    return make(channels, **full), make(channels, **full), mean, var


def _planes(make, n, c, h, w):
    return make(n, c, h, w), *_statistics(make, c)


def _channels_last(make, n, c, h, w):
    x = make(n, c, h, w).contiguous(memory_format=make.lib.channels_last)
    return x, *_statistics(make, c)


def images(count):
    """Bytes of `count` passes over all elements."""
    return lambda width, n, c, h, w: count * width * n * c * h * w


add(
    "normalization",
    Entry(
        "layer norm", _layer_norm, lambda make, m, n: (make(m, n), make(n), make(n)), ROWS,
        lambda w, m, n: w * (2 * m * n + 2 * n), lambda w, m, n: w * (3 * m * n + 3 * n), grads=(0, 1, 2),
        goals=BY_ROW, cpu_goals={"forward": Goal(ratio=0.33), "both": Goal(ratio=0.33)}, quick=True,
    ),
    Entry(
        "rms norm", _rms_norm, lambda make, m, n: (make(m, n), make(n)), {**ROWS, "cpu": []},
        lambda w, m, n: w * (2 * m * n + n), lambda w, m, n: w * (3 * m * n + 2 * n), grads=(0, 1),
        goals=BY_ROW,
    ),
    Entry(
        "group norm, 32 groups", _group_norm, lambda make, n, c, h, w: (make(n, c, h, w), make(c), make(c)),
        GROUPED, images(2), images(3), grads=(0, 1, 2), quick=True,
    ),
    # The statistics of a channel need all of it before any of it can be scaled: one more pass than a row's.
    Entry(
        "batch norm, training, NCHW", _batch_norm, _planes, {**IMAGES, "cpu": [(32, 64, 32, 32)]}, images(3),
        images(5), grads=(0, 1, 2), goals=BATCH, cpu_goals={"forward": Goal(ratio=1.67)}, quick=True,
    ),
    Entry(
        "batch norm, training, channels last", _batch_norm, _channels_last, IMAGES, images(3), images(5),
        grads=(0, 1, 2), goals=BATCH,
    ),
    Entry(
        "batch norm, inference, NCHW", _batch_norm_eval, _planes, IMAGES, images(2), goals=BATCH,
    ),
)  # fmt: skip
