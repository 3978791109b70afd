"""Matrix products: square, tall, with a small inner extent, batched, transposed, and with a bias."""

from __future__ import annotations

from _rows import row

CPU = [(1024, 1024, 1024), (512, 512, 512), (8192, 256, 64), (2048, 2048, 32), (1, 4096, 4096)]
GPU = [(8192, 8192, 8192), (4096, 4096, 4096), (2048, 2048, 2048), (65536, 1024, 256), (8192, 8192, 64),
       (256, 8192, 8192), (16, 8192, 8192), (512, 512, 32768)]  # fmt: skip


def _add(device, m, n, k, dtype, quick=False):
    width = 4 if dtype == "float32" else 2
    counts = {"flops": 2 * m * n * k, "nbytes": width * (m * k + k * n + m * n)}

    @row("matmul", f"{m}x{n}x{k}", dtype=dtype, devices=(device,), quick=quick, **counts)
    def setup(lib, make):
        a, b = make(m, k), make(k, n)
        return lambda: a @ b


for _shape in CPU:
    _add("cpu", *_shape, "float32", quick=_shape[0] == 1024)
for _shape in GPU:
    _add("cuda", *_shape, "bfloat16", quick=_shape[0] == 4096)
for _shape in GPU[1:3]:
    _add("cuda", *_shape, "float16")
    _add("cuda", *_shape, "float32")


def _batched(device, b, m, n, k, dtype):
    width = 4 if dtype == "float32" else 2

    counts = {"flops": 2 * b * m * n * k, "nbytes": width * b * (m * k + k * n + m * n)}

    @row("matmul", f"batch {b} of {m}x{n}x{k}", dtype=dtype, devices=(device,), **counts)
    def setup(lib, make):
        x, y = make(b, m, k), make(b, k, n)
        return lambda: lib.bmm(x, y)


_batched("cpu", 96, 256, 256, 64, "float32")
_batched("cuda", 384, 1024, 1024, 64, "bfloat16")
_batched("cuda", 64, 2048, 2048, 128, "bfloat16")


def _linear(device, m, n, k, dtype):
    width = 4 if dtype == "float32" else 2

    size = width * (m * k + k * n + m * n)
    name, where = f"linear with bias {m}x{n}x{k}", {"dtype": dtype, "devices": (device,)}

    @row("matmul", name, flops=2 * m * n * k, nbytes=size, quick=True, **where)
    def forward(lib, make):
        x, w, b = make(m, k), make(n, k), make(n)
        return lambda: lib.nn.functional.linear(x, w, b)

    @row("matmul", f"{name} forward and backward", flops=6 * m * n * k, nbytes=3 * size, **where)
    def both(lib, make):
        x, w, b = (make(*shape, requires_grad=True) for shape in ((m, k), (n, k), (n,)))
        g = make(m, n)

        def step():
            x.grad = w.grad = b.grad = None
            lib.nn.functional.linear(x, w, b).backward(g)

        return step


_linear("cpu", 1024, 1024, 1024, "float32")
_linear("cuda", 8192, 4096, 4096, "bfloat16")
