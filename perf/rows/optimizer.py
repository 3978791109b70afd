"""Optimizer steps and clipping: one large parameter, the tensors of a network, and very many small ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from _entries import DTYPES, WIDTH
from _goals import Goal
from _rows import Call, row

# 25 blocks of 12 tensors, as in a transformer: four square matrices, two wide ones, six vectors.
SQUARE, WIDE, VECTOR = 1 << 20, 1 << 22, 1 << 10


def _blocks(scale: float) -> list[int]:
    block = [SQUARE] * 4 + [WIDE] * 2 + [VECTOR] * 6
    return [int(n * scale) for n in block] * 25


CPU = {"10 M in one": [10_000_000], "10 M in 100": [100_000] * 100, "200 of 256": [256] * 200}
GPU = {
    ("small", "300 of 256"): [256] * 300,
    ("typical", "300 M in 300"): _blocks(1.0),
    ("huge", "1,200 M in 300"): _blocks(4.0),
}
SHOWN = 24  # parameters whose values are compared
# Values read and written per parameter: the parameter and its state twice, the gradient once.
OPTIMIZERS: dict[str, tuple[Callable[[Any, Any], Any], int]] = {
    "SGD": (lambda lib, ps: lib.optim.SGD(ps, lr=1e-3), 3),
    "SGD, momentum": (lambda lib, ps: lib.optim.SGD(ps, lr=1e-3, momentum=0.9), 5),
    "Adam": (lambda lib, ps: lib.optim.Adam(ps), 7),
    "AdamW": (lambda lib, ps: lib.optim.AdamW(ps), 7),
    "AdamW, fused": (lambda lib, ps: lib.optim.AdamW(ps, fused=True), 7),
}


def _parameters(make: Any, sizes: list[int]) -> list[Any]:
    params = [make(size) for size in (sizes[: make.cap] if make.cap else sizes)]
    for p in params:
        p.requires_grad_()
        p.grad = make(*p.shape)
    return params


def _step(name: str, label: str, sizes: list[int], **options: Any) -> None:
    build, touched = OPTIMIZERS[name]
    nbytes = WIDTH[options.get("dtype", "float32")] * touched * sum(sizes)

    @row("optimizer", f"{name}, {label}", nbytes=nbytes, **options)
    def setup(lib: Any, make: Any) -> Callable[[], Any]:
        params = _parameters(make, sizes)
        step = build(lib, params).step
        return Call(step, lambda _: [p.detach() for p in params[:SHOWN]], changes=True)


def _clip(label: str, sizes: list[int], **options: Any) -> None:
    nbytes = WIDTH[options["dtype"]] * 3 * sum(sizes)  # read for the norm, read and written to be scaled

    @row("optimizer", f"clip_grad_norm_, {label}", nbytes=nbytes, **options)
    def setup(lib: Any, make: Any) -> Callable[[], Any]:
        params = _parameters(make, sizes)
        look = lambda norm: [norm, *(p.grad for p in params[:SHOWN])]
        return Call(lambda: lib.nn.utils.clip_grad_norm_(params, 1.0), look, changes=True)


for _name in ("SGD, momentum", "Adam", "AdamW"):
    for _label, _sizes in CPU.items():
        _goal = Goal(ratio=1.0) if _name == "Adam" and _label.startswith("10 M") else None
        _unit = "host" if _label == "200 of 256" else "device"
        _step(_name, _label, _sizes, devices=("cpu",), unit=_unit, quick=_label == "10 M in 100", goal=_goal)

for (_size, _label), _sizes in GPU.items():
    for _dtype in DTYPES:
        _typical = _size == "typical" and _dtype == "float32"
        _where = {"devices": ("cuda",), "dtype": _dtype, "size": _size}
        for _name in OPTIMIZERS:
            _goal = Goal(ratio=1.2) if _name == "AdamW, fused" and _size != "small" else None
            _step(_name, _label, _sizes, quick=_typical and _name != "Adam", goal=_goal, **_where)
        _clip(_label, _sizes, quick=_typical, **_where)
