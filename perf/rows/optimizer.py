"""Optimizer steps: one large parameter, the many sizes of a network, and very many small ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from _rows import row

SIZES = {
    "10 M in one": [10_000_000],
    "10 M in 100": [100_000] * 100,
    "200 of 256": [256] * 200,
}
# Values read and written per parameter: the parameter and its state twice, the gradient once.
OPTIMIZERS = {
    "SGD, momentum": (lambda lib, ps: lib.optim.SGD(ps, lr=1e-3, momentum=0.9), 5),
    "Adam": (lambda lib, ps: lib.optim.Adam(ps), 7),
    "AdamW": (lambda lib, ps: lib.optim.AdamW(ps), 7),
}


def _add(name: str, build: Callable[[Any, Any], Any], touched: int, label: str, sizes: list[int]) -> None:
    @row(
        "optimizer",
        f"{name}, {label}",
        nbytes=4 * touched * sum(sizes),
        quick=label == "10 M in 100",
        unit="host" if label == "200 of 256" else "device",
    )
    def setup(lib: Any, make: Any) -> Callable[[], Any]:
        params = [make(size) for size in sizes]
        for p in params:
            p.requires_grad_()
            p.grad = make(*p.shape)
        return build(lib, params).step


for _name, (_build, _touched) in OPTIMIZERS.items():
    for _label, _sizes in SIZES.items():
        _add(_name, _build, _touched, _label, _sizes)
