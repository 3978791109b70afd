"""Host time of ops on the GPU up to the return of the call: what launching costs, whatever is computed.

`perf/launch.py` measures the same ops without a GPU.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from _goals import Goal
from _rows import Call, row

FAMILY = "launch overhead"
GOAL = Goal(seconds=8e-6)


class Inputs:
    """Small tensors and a layer, each made once."""

    def __init__(self, lib: Any, make: Any) -> None:
        self.x, self.y, self.a = make(1000), make(1000), make(32, 32)
        self.recorded = make(1000, requires_grad=True)
        width = self.a.shape[1]
        self.layer = make.fill(lib.nn.Linear(width, width))
        self.half = make(512, 512, dtype="bfloat16")
        self.table, self.tokens = make(100, 32), make.int(64, low=0, high=100)
        self.classes = make.int(self.table.shape[0], low=0, high=32)
        self.heads, self.image = make(1, 2, 64, 32), make(1, 3, 16, 16)
        self.filters, self.scale = make(8, 3, 3, 3), make(width)


OPS: dict[str, Callable[[Any, Inputs], Any]] = {
    "empty": lambda lib, i: lib.empty(1000, device=i.x.device),
    "x + y": lambda lib, i: i.x + i.y,
    "x + 1.0": lambda lib, i: i.x + 1.0,
    "x.add_(y)": lambda lib, i: i.x.add_(i.y),
    "exp": lambda lib, i: lib.exp(i.x),
    "exp, graph recorded": lambda lib, i: lib.exp(i.recorded),
    "clone": lambda lib, i: i.x.clone(),
    "sum": lambda lib, i: i.x.sum(),
    "softmax": lambda lib, i: lib.softmax(i.x, 0),
    "a @ a": lambda lib, i: i.a @ i.a,
    "Linear": lambda lib, i: i.layer(i.a),
    "rand": lambda lib, i: lib.rand(1000, device=i.x.device),
    "dropout": lambda lib, i: lib.nn.functional.dropout(i.x, 0.5),
    "bf16 512 x 512 product": lambda lib, i: i.half @ i.half,
    "cat": lambda lib, i: lib.cat((i.x, i.y)),
    "argmax": lambda lib, i: i.a.argmax(1),
    "cumsum": lambda lib, i: i.a.cumsum(1),
    "layer_norm": lambda lib, i: lib.nn.functional.layer_norm(i.a, (i.a.shape[1],), i.scale, i.scale),
    "embedding": lambda lib, i: lib.nn.functional.embedding(i.tokens, i.table),
    "index_select": lambda lib, i: i.table.index_select(0, i.tokens),
    "masked_fill": lambda lib, i: i.a.masked_fill(i.a > 0, 0.0),
    "cross_entropy": lambda lib, i: lib.nn.functional.cross_entropy(i.table, i.classes),
    "attention": lambda lib, i: lib.nn.functional.scaled_dot_product_attention(i.heads, i.heads, i.heads),
    "conv2d": lambda lib, i: lib.nn.functional.conv2d(i.image, i.filters),
    "max_pool2d": lambda lib, i: lib.nn.functional.max_pool2d(i.image, 2),
}


#: What of a result can be compared where its values cannot.
COMPARED = {"empty": "shape", "rand": "moments", "dropout": "moments"}


def _add(name: str, op: Callable[[Any, Inputs], Any]) -> None:
    compare = COMPARED.get(name, "values")

    @row(FAMILY, name, unit="host", devices=("cuda",), quick=True, goal=GOAL, compare=compare)
    def setup(lib: Any, make: Any) -> Call:
        inputs = Inputs(lib, make)
        return Call(lambda: op(lib, inputs), changes=name == "x.add_(y)")


for _name, _op in OPS.items():
    _add(_name, _op)
