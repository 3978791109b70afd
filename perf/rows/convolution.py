"""Convolutions on the GPU: one shape in many forms, and those of ResNet-50, each gradient on its own."""

from __future__ import annotations

from _entries import Entry, add
from _goals import Goal

# images, channels, height, width; as many output channels, 3x3 kernels
IMAGES = {"small": [(4, 64, 28, 28)], "typical": [(32, 256, 56, 56)], "huge": [(128, 256, 56, 56)]}
# images, channels, output channels, side, stride
RESNET_3X3 = [
    (64, 64, 64, 56, 1), (64, 128, 128, 56, 2), (64, 128, 128, 28, 1), (64, 256, 256, 28, 2),
    (64, 256, 256, 14, 1), (64, 512, 512, 14, 2), (64, 512, 512, 7, 1),
]  # fmt: skip
RESNET_1X1 = [(64, 64, 256, 56, 1), (64, 256, 64, 56, 1), (64, 256, 512, 56, 2), (64, 2048, 512, 7, 1)]
RESNET_STEM = [(64, 3, 64, 224, 2)]


def _last(make, tensor):
    return tensor.contiguous(memory_format=make.lib.channels_last)


def _multiplied(n, c, h, w):
    return 2 * n * c * c * 9 * h * w


def _square(name, inputs, **options):
    return Entry(
        name,
        lambda lib, x, w: lib.nn.functional.conv2d(x, w, padding=1),
        inputs,
        IMAGES,
        lambda width, n, c, h, w: width * (2 * n * c * h * w + 9 * c * c),
        lambda width, n, c, h, w: width * (3 * n * c * h * w + 2 * 9 * c * c),
        _multiplied,
        lambda n, c, h, w: 2 * _multiplied(n, c, h, w),
        grads=(0, 1),
        **options,
    )


DEPTHWISE = Entry(
    "depthwise 3x3, channels last",
    lambda lib, x, w: lib.nn.functional.conv2d(x, w, padding=1, groups=x.shape[1]),
    lambda make, n, c, h, w: (_last(make, make(n, c, h, w)), make(c, 1, 3, 3)),
    IMAGES,
    lambda width, n, c, h, w: width * (2 * n * c * h * w + 9 * c),
    lambda width, n, c, h, w: width * (3 * n * c * h * w + 2 * 9 * c),
    grads=(0, 1),
    goals={"forward": Goal(ratio=2.0), "backward": Goal(ratio=2.0)},
)


def _of_resnet(size, shapes, goal):
    """The same convolutions forward, for the gradient of the data, and for that of the weights."""

    def work(n, c, k, side, stride):
        return 2 * n * (side // stride) ** 2 * c * k * size * size

    def moved(width, n, c, k, side, stride):
        return width * (n * c * side**2 + n * k * (side // stride) ** 2 + c * k * size**2)

    def convolved(lib, x, w, stride):
        return lib.nn.functional.conv2d(x, w, stride=stride, padding=w.shape[-1] // 2)

    def inputs(make, n, c, k, side, stride):
        return _last(make, make(n, c, side, side)), _last(make, make(k, c, size, size)), stride

    forward = Entry(
        f"{size}x{size} of ResNet-50", convolved, inputs, {"typical": shapes}, moved, None, work,
        dtypes=("bfloat16",), quick=True, goals={"forward": goal} if goal else {},
    )  # fmt: skip
    back = {
        "backward": moved,
        "backward_flops": work,
        "only": "backward",
        "goals": {"backward": goal} if goal else {},
    }
    data = forward.variant(name=f"{forward.name}, data", grads=(0,), **back)
    return forward, data, forward.variant(name=f"{forward.name}, weights", grads=(1,), **back)


add(
    "convolution",
    _square(
        "3x3, channels last",
        lambda make, n, c, h, w: (_last(make, make(n, c, h, w)), _last(make, make(c, c, 3, 3))),
        quick=True,
    ),
    _square("3x3, NCHW", lambda make, n, c, h, w: (make(n, c, h, w), make(c, c, 3, 3))),
    DEPTHWISE,
    *_of_resnet(3, RESNET_3X3, Goal(ratio=1.0)),
    *_of_resnet(1, RESNET_1X1, None),
    *_of_resnet(7, RESNET_STEM, None),
)
