"""Layers of networks on the CPU: the shapes that the targets of the NumPy implementations are set for."""

from __future__ import annotations

from _goals import Goal
from _rows import Call, row

CPU = {"devices": ("cpu",)}


def _conv_inputs(make, grad):
    return make(32, 64, 32, 32, requires_grad=grad), make(64, 64, 3, 3, requires_grad=grad)


CONV = {"flops": 2 * 32 * 64 * 64 * 9 * 1024, "nbytes": 4 * (2 * 32 * 64 * 1024 + 64 * 64 * 9)}


@row("convolution", "3x3 (32,64,32,32)->64 forward", quick=True, goal=Goal(ratio=1.11), **CONV, **CPU)
def _conv(lib, make):
    x, w = _conv_inputs(make, False)
    return lambda: lib.nn.functional.conv2d(x, w, padding=1)


@row(
    "convolution",
    "3x3 (32,64,32,32)->64 forward and backward",
    flops=3 * CONV["flops"],
    nbytes=3 * CONV["nbytes"],
    goal=Goal(ratio=1.0),
    **CPU,
)
def _conv_both(lib, make):
    x, w = _conv_inputs(make, True)
    g = make(32, 64, 32, 32)

    def step():
        x.grad = w.grad = None
        lib.nn.functional.conv2d(x, w, padding=1).backward(g)

    return Call(step, lambda _: (x.grad, w.grad))


@row("convolution", "1x1 (32,64,32,32)->64 forward", flops=CONV["flops"] / 9, nbytes=CONV["nbytes"], **CPU)
def _pointwise_conv(lib, make):
    x, w = make(32, 64, 32, 32), make(64, 64, 1, 1)
    return lambda: lib.nn.functional.conv2d(x, w)


@row("convolution", "depthwise 3x3 (32,64,32,32) forward", nbytes=2 * 4 * 32 * 64 * 1024, **CPU)
def _depthwise(lib, make):
    x, w = make(32, 64, 32, 32), make(64, 1, 3, 3)
    return lambda: lib.nn.functional.conv2d(x, w, padding=1, groups=64)


@row(
    "pooling",
    "max 2x2 (32,64,32,32) forward",
    nbytes=1.25 * 4 * 32 * 64 * 1024,
    quick=True,
    goal=Goal(ratio=5.0),
    **CPU,
)
def _pool(lib, make):
    x = make(32, 64, 32, 32)
    return lambda: lib.nn.functional.max_pool2d(x, 2)


@row(
    "pooling",
    "max 2x2 (32,64,32,32) forward and backward",
    nbytes=2.5 * 4 * 32 * 64 * 1024,
    goal=Goal(ratio=2.5),
    **CPU,
)
def _pool_both(lib, make):
    x, g = make(32, 64, 32, 32, requires_grad=True), make(32, 64, 16, 16)

    def step():
        x.grad = None
        lib.nn.functional.max_pool2d(x, 2).backward(g)

    return Call(step, lambda _: x.grad)


ATTENTION = {"flops": 4 * 8 * 12 * 256 * 256 * 64, "nbytes": 4 * 4 * 8 * 12 * 256 * 64}
BACKWARD = {"flops": 3.5 * ATTENTION["flops"], "nbytes": 3 * ATTENTION["nbytes"]}


@row("attention", "(8,12,256,64) forward", quick=True, goal=Goal(ratio=1.0), **ATTENTION, **CPU)
def _attention(lib, make):
    q, k, v = (make(8, 12, 256, 64) for _ in range(3))
    return lambda: lib.nn.functional.scaled_dot_product_attention(q, k, v)


@row("attention", "(8,12,256,64) forward and backward", goal=Goal(ratio=1.0), **BACKWARD, **CPU)
def _attention_both(lib, make):
    q, k, v = (make(8, 12, 256, 64, requires_grad=True) for _ in range(3))
    g = make(8, 12, 256, 64)

    def step():
        q.grad = k.grad = v.grad = None
        lib.nn.functional.scaled_dot_product_attention(q, k, v).backward(g)

    return Call(step, lambda _: (q.grad, k.grad, v.grad))


@row(
    "recurrent",
    "LSTM T=64 B=32 H=256 forward",
    flops=2 * 64 * 32 * 8 * 256 * 256,
    goal=Goal(ratio=0.5),
    **CPU,
)
def _lstm(lib, make):
    layer, x = make.fill(lib.nn.LSTM(256, 256)), make(64, 32, 256)

    def step():
        with lib.no_grad():
            return layer(x)

    return step


# two layers of 256 units, 35 steps of 16 sequences: 16 · 256 · 1024 multiply-adds for input and state, thrice
TRAINING = {"flops": 3 * 2 * 2 * 35 * 2 * 16 * 256 * 1024}


def _training(kind):
    def build(lib, make):
        layer, x, g = (
            make.fill(getattr(lib.nn, kind)(256, 256, 2)),
            make(35, 16, 256, requires_grad=True),
            make(35, 16, 256),
        )

        def step():
            layer.zero_grad()
            x.grad = None
            layer(x)[0].backward(g)

        return Call(step, lambda _: [x.grad, *(p.grad for p in layer.parameters())])

    return build


row(
    "recurrent", "LSTM 2 x 256 T=35 B=16 training step", quick=True, goal=Goal(ratio=0.77), **TRAINING, **CPU
)(_training("LSTM"))
row(
    "recurrent",
    "GRU 2 x 256 T=35 B=16 training step",
    goal=Goal(ratio=0.77),
    flops=0.75 * TRAINING["flops"],
    **CPU,
)(_training("GRU"))
row(
    "recurrent",
    "RNN 2 x 256 T=35 B=16 training step",
    goal=Goal(ratio=0.77),
    flops=0.25 * TRAINING["flops"],
    **CPU,
)(_training("RNN"))


def _on_gpu(kind, units, train):
    def build(lib, make):
        x = make(128, 64, units, requires_grad=train)
        width = x.shape[-1]  # a rehearsal is smaller
        layer = make.fill(getattr(lib.nn, kind)(width, width))
        g = make.like(x)

        def forward():
            with lib.no_grad():
                return layer(x)

        def step():
            layer.zero_grad()
            x.grad = None
            layer(x)[0].backward(g)

        if not train:
            return forward
        return Call(step, lambda _: [x.grad, *(p.grad for p in layer.parameters())])

    return build


# 64 units fit into a multiprocessor and take one launch, 512 go step by step
for _kind, _gates in (("LSTM", 4), ("GRU", 3), ("RNN", 1)):
    for _units, _dtype in ((64, "float32"), (64, "bfloat16"), (512, "bfloat16")):
        for _train in (False, True):
            row(
                "recurrent",
                f"{_kind} T=128 B=64 H={_units} {'training step' if _train else 'forward'}",
                flops=(3 if _train else 1) * 2 * 128 * 64 * 2 * _gates * _units * _units,
                dtype=_dtype,
                devices=("cuda",),
                stage="both" if _train else "forward",
                quick=_kind == "LSTM" and _units == 64,
            )(_on_gpu(_kind, _units, _train))
