"""Layers of networks on the GPU."""

from __future__ import annotations

from _rows import row

M, N = 16384, 4096
NORMS = {
    "layer norm": lambda f, x, w, b: f.layer_norm(x, (x.shape[-1],), w, b),
    "rms norm": lambda f, x, w, b: f.rms_norm(x, (x.shape[-1],), w),
}


def _norm(name, function, dtype):
    width = 4 if dtype == "float32" else 2
    where = {"dtype": dtype, "devices": ("cuda",)}

    @row("normalization", f"{name} ({M},{N}) forward", nbytes=2 * width * M * N, quick=True, **where)
    def forward(lib, make):
        x, w, b = make(M, N), make(N), make(N)
        return lambda: function(lib.nn.functional, x, w, b)

    @row("normalization", f"{name} ({M},{N}) forward and backward", nbytes=5 * width * M * N, **where)
    def both(lib, make):
        x, w, b = (make(*shape, requires_grad=True) for shape in ((M, N), (N,), (N,)))
        g = make(M, N)

        def step():
            x.grad = w.grad = b.grad = None
            function(lib.nn.functional, x, w, b).backward(g)

        return step


for _name, _function in NORMS.items():
    for _dtype in ("float32", "bfloat16"):
        _norm(_name, _function, _dtype)

IMAGES = 128 * 256 * 56 * 56


@row(
    "normalization", "batch norm, training (128,256,56,56) forward", nbytes=3 * 4 * IMAGES, devices=("cuda",)
)
def _batch_norm(lib, make):
    x, w, b = make(128, 256, 56, 56), make(256), make(256)
    mean, var = make(256), make(256, low=0.5)
    return lambda: lib.nn.functional.batch_norm(x, mean, var, w, b, training=True)


@row(
    "loss", "cross entropy (8192,32000) forward and backward", nbytes=3 * 4 * 8192 * 32000, devices=("cuda",)
)
def _cross_entropy(lib, make):
    x, target = (
        make(8192, 32000, requires_grad=True),
        make.int(8192, low=0, high=min(32000, make.cap or 32000)),
    )

    def step():
        x.grad = None
        lib.nn.functional.cross_entropy(x, target).backward()

    return step


def _attention(causal, heads=16, length=4096, width=128, batch=4):
    work = 4 * batch * heads * length * length * width * (0.5 if causal else 1)
    nbytes = 4 * 2 * batch * heads * length * width
    name = f"({batch},{heads},{length},{width}) {'causal' if causal else 'full'}"
    where = {"dtype": "bfloat16", "devices": ("cuda",)}

    @row("attention", f"{name} forward", flops=work, nbytes=nbytes, quick=not causal, **where)
    def forward(lib, make):
        q, k, v = (make(batch, heads, length, width) for _ in range(3))
        return lambda: lib.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal)

    @row("attention", f"{name} forward and backward", flops=3.5 * work, nbytes=3 * nbytes, **where)
    def both(lib, make):
        q, k, v = (make(batch, heads, length, width, requires_grad=True) for _ in range(3))
        g = make(batch, heads, length, width)

        def step():
            q.grad = k.grad = v.grad = None
            lib.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal).backward(g)

        return step


_attention(False)
_attention(True)


@row("convolution", "3x3 (32,256,56,56)->256 forward", flops=2 * 32 * 256 * 256 * 9 * 3136, dtype="bfloat16",
     nbytes=2 * (2 * 32 * 256 * 3136 + 256 * 256 * 9), devices=("cuda",))  # fmt: skip
def _conv(lib, make):
    x = make(32, 256, 56, 56).contiguous(memory_format=lib.channels_last)
    w = make(256, 256, 3, 3).contiguous(memory_format=lib.channels_last)
    return lambda: lib.nn.functional.conv2d(x, w, padding=1)


@row("optimizer", "AdamW, 100 M parameters", nbytes=7 * 4 * 100_000_000, devices=("cuda",))
def _adamw(lib, make):
    parameters = [lib.nn.Parameter(make(2500, 4000)) for _ in range(10)]
    for p in parameters:
        p.grad = make(*p.shape)
    return lib.optim.AdamW(parameters, lr=1e-3).step
