"""Softmax and its gradient, for rows from short to long."""

from __future__ import annotations

from _rows import row

SHAPES = {
    "cpu": [(4096, 1024), (65536, 64)],
    "cuda": [(1 << 18, 256), (16384, 4096), (2048, 32768), (512, 131072)],
}


def _add(device, m, n, dtype):
    width = 4 if dtype == "float32" else 2

    @row(
        "softmax",
        f"forward {m}x{n}",
        nbytes=2 * m * n * width,
        dtype=dtype,
        devices=(device,),
        quick=n in (1024, 4096),
    )
    def forward(lib, make):
        x = make(m, n)
        return lambda: lib.softmax(x, -1)

    @row("softmax", f"forward and backward {m}x{n}", nbytes=5 * m * n * width, dtype=dtype, devices=(device,))
    def both(lib, make):
        x, g = make(m, n, requires_grad=True), make(m, n)

        def step():
            x.grad = None
            lib.softmax(x, -1).backward(g)

        return step


for _device, _shapes in SHAPES.items():
    for _m, _n in _shapes:
        _add(_device, _m, _n, "float32")
for _m, _n in SHAPES["cuda"]:
    _add("cuda", _m, _n, "bfloat16")


@row("softmax", "log_softmax 4096x1024", nbytes=2 * 4 * 4096 * 1024, devices=("cpu",))
def _log(lib, make):
    x = make(4096, 1024)
    return lambda: lib.log_softmax(x, -1)
