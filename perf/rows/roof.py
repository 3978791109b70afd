"""The roofs: what copying memory and multiplying matrices reach on this machine, in this run."""

from __future__ import annotations

from _rows import Call, row

COPY = {"cpu": 1 << 25, "cuda": 1 << 29}  # elements: 128 MB and 2 GB, beyond any cache
# dtype, setting of float32, extent, and whether the short report has it
GEMM = [
    ("float32", "highest", 4096, True),
    ("float32", "medium", 8192, True),
    ("bfloat16", "highest", 8192, True),
    ("float16", "highest", 8192, False),
]


def _copy(lib, make):
    x = make(COPY[make.device])
    y = lib.empty_like(x)
    if make.device == "cuda" and lib.__name__ == "tritonnn":
        from tritonnn.runtime.interface import runtime  # the driver's own copy is the roof, not our kernel

        device = runtime()
        return Call(lambda: device.copy_device(y.data_ptr(), x.data_ptr(), x.numel() * 4, 0, 0), lambda _: y)
    return lambda: y.copy_(x)


def _gemm(size):
    def setup(lib, make):
        a, b = make(size, size), make(size, size)
        return lambda: a @ b

    return setup


row("roof", "copy 128 MB", nbytes=2 * 4 * COPY["cpu"], devices=("cpu",), quick=True)(_copy)
row("roof", "copy 2 GB", nbytes=2 * 4 * COPY["cuda"], devices=("cuda",), quick=True)(_copy)
row("roof", "gemm 1024", flops=2 * 1024**3, devices=("cpu",), quick=True)(_gemm(1024))
for _dtype, _precision, _size, _quick in GEMM:
    _name = f"gemm {_size}" + (", tf32" if _precision == "medium" else "")
    row("roof", _name, flops=2 * _size**3, dtype=_dtype, precision=_precision, devices=("cuda",),
        quick=_quick)(_gemm(_size))  # fmt: skip
