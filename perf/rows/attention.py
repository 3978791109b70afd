"""Attention and convolution on the GPU."""

from __future__ import annotations

from _entries import Entry, add

# batch, heads, length, width
ATTENTION = {
    "small": [(2, 8, 256, 64)],
    "typical": [(4, 16, 4096, 128), (4, 16, 4096, 64)],
    "huge": [(1, 16, 16384, 128)],
}
# images, channels, height, width; as many output channels, 3x3 kernels
IMAGES = {"small": [(4, 64, 28, 28)], "typical": [(32, 256, 56, 56)], "huge": [(128, 256, 56, 56)]}


def _of(name, causal):
    def operations(b, h, n, d):
        return 4 * b * h * n * n * d * (0.5 if causal else 1)

    return Entry(
        name,
        lambda lib, q, k, v: lib.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal),
        lambda make, b, h, n, d: tuple(make(b, h, n, d) for _ in range(3)),
        ATTENTION,
        lambda w, b, h, n, d: 4 * w * b * h * n * d,
        lambda w, b, h, n, d: 8 * w * b * h * n * d,
        operations,
        lambda b, h, n, d: 2.5 * operations(b, h, n, d),  # the scores are computed again
        grads=(0, 1, 2),
        quick=not causal,
    )


def _last(make, tensor):
    return tensor.contiguous(memory_format=make.lib.channels_last)


def _multiplied(n, c, h, w):
    return 2 * n * c * c * 9 * h * w


add("attention", _of("full", False), _of("causal", True))
add(
    "convolution",
    Entry(
        "3x3, channels last",
        lambda lib, x, w: lib.nn.functional.conv2d(x, w, padding=1),
        lambda make, n, c, h, w: (_last(make, make(n, c, h, w)), _last(make, make(c, c, 3, 3))),
        IMAGES,
        lambda width, n, c, h, w: width * (2 * n * c * h * w + 9 * c * c),
        lambda width, n, c, h, w: width * (3 * n * c * h * w + 2 * 9 * c * c),
        _multiplied,
        lambda n, c, h, w: 2 * _multiplied(n, c, h, w),
        grads=(0, 1),
        quick=True,
    ),
)
