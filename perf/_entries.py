"""Entries: one operation each, from which come its rows of every size and dtype, forward and backward.

An entry says what is called, on which inputs, and what a call must move and compute at least, as formulas of
the width of an element in bytes and of the shape:

    add("softmax", Entry("softmax", lambda lib, x: lib.softmax(x, -1), lambda make, m, n: (make(m, n),),
                         sizes, forward=lambda w, m, n: 2 * w * m * n, backward=lambda w, m, n: 3 * w * m * n))
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import _rows
from _goals import Goal
from _rows import Call

WIDTH = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2}
DTYPES = ("bfloat16", "float32", "float16")
STAGES = {"forward": "", "backward": " backward", "both": " forward and backward"}
#: Sizes that goals are for: a smaller call is bound by its launch.
GOAL_SIZES = ("typical", "huge")
Count = Callable[..., float]
Sizes = dict[str, list[tuple[int, ...]]]


@dataclass(frozen=True)
class Entry:
    """One operation.

    Attributes:
        name: what tells its rows from others of the family.
        call: `call(lib, *inputs)`; of several results the first is what gradients are taken of.
        inputs: `inputs(make, *shape)` returns the tensors.
        sizes: 'small', 'typical', 'huge' (GPU) and 'cpu' -> shapes.
        forward: bytes the forward call must read and write: `forward(width, *shape)`.
        backward: the same for the backward call alone; None: no rows for it.
        flops: `flops(*shape)` of the forward call, where arithmetic is what counts.
        backward_flops: and of the backward call.
        grads: which inputs get a gradient.
        dtypes: element types on the GPU; on the CPU `cpu_dtypes`.
        quick: whether the short report has it, in its typical sizes and the first dtype.
        both: whether forward and backward are measured together, too; on the CPU they always are.
        only: the one stage that is measured, if not all are.
        apart: whether backward is measured alone, too: not where forward does what a peer's backward does.
        peer: what the other libraries call, where they need another call.
        compiled: whether torch.compile can take it.
        precision: the setting of `set_float32_matmul_precision`.
        goals: stage -> goal of the GPU's typical and huge sizes.
        cpu_goals: stage -> goal of the CPU's rows.
        look: `look(lib, result, *inputs)` gives what of a forward call's result is compared, where the result itself
            may rightly differ: indices of equal values.
        look_back: `look_back(lib, gradients)`: the same of the gradients.
        compare: see `_rows.Row`.
        changes: whether the call changes its first input.
    """

    name: str
    call: Callable[..., Any]
    inputs: Callable[..., tuple]
    sizes: Sizes
    forward: Count
    backward: Count | None = None
    flops: Count | None = None
    backward_flops: Count | None = None
    grads: tuple[int, ...] = (0,)
    dtypes: tuple[str, ...] = DTYPES
    cpu_dtypes: tuple[str, ...] = ("float32",)
    quick: bool = False
    both: bool = False
    only: str = ""
    apart: bool = True
    peer: Callable[..., Any] | None = None
    compiled: bool = True
    precision: str = "highest"
    goals: dict[str, Goal] = field(default_factory=dict)
    cpu_goals: dict[str, Goal] = field(default_factory=dict)
    look: Callable[..., Any] | None = None
    look_back: Callable[..., Any] | None = None
    compare: str = "values"
    changes: bool = False

    def counts(self, stage: str, dtype: str, shape: tuple[int, ...]) -> tuple[float, float]:
        """(operations, bytes) of a call."""
        width = WIDTH[dtype]
        flops, nbytes = [self.flops], [self.forward]
        if stage == "backward":
            flops, nbytes = [self.backward_flops], [self.backward]
        elif stage == "both":
            flops, nbytes = [self.flops, self.backward_flops], [self.forward, self.backward]
        return sum(f(*shape) for f in flops if f), sum(b(width, *shape) for b in nbytes if b)

    def stages(self, device: str) -> list[str]:
        """What is measured on a device."""
        if self.only:
            return [self.only]
        if self.backward is None:
            return ["forward"]
        if device == "cpu":
            return ["forward", "both"]
        return ["forward", *(["backward"] if self.apart else []), *(["both"] if self.both else [])]

    def variant(self, **changes: Any) -> Entry:
        """The entry with some fields replaced."""
        return replace(self, **changes)


def add(family: str, *entries: Entry) -> None:
    """Put all rows of entries into the report."""
    for entry in entries:
        for size, shapes in entry.sizes.items():
            device = "cpu" if size == "cpu" else "cuda"
            for dtype in entry.cpu_dtypes if device == "cpu" else entry.dtypes:
                for shape in shapes:
                    for stage in entry.stages(device):
                        _rows.add(_row(family, entry, size, device, dtype, shape, stage))


def _row(
    family: str, entry: Entry, size: str, device: str, dtype: str, shape: tuple[int, ...], stage: str
) -> _rows.Row:
    flops, nbytes = entry.counts(stage, dtype, shape)
    if device == "cpu":
        goal, quick = entry.cpu_goals.get(stage), entry.quick and dtype == entry.cpu_dtypes[0]
    else:
        goal = entry.goals.get(stage) if size in GOAL_SIZES else None
        quick = (entry.quick or goal is not None) and size == "typical" and dtype == entry.dtypes[0]
    return _rows.Row(
        family, f"{entry.name} {'x'.join(map(str, shape))}{STAGES[stage]}", _setup(entry, stage, shape),
        flops=flops, nbytes=nbytes, dtype=dtype, devices=(device,), quick=quick,
        size=size if device == "cuda" else "", stage=stage, precision=entry.precision,
        compiled=entry.compiled, goal=goal, compare=entry.compare,
    )  # fmt: skip


def _setup(entry: Entry, stage: str, shape: tuple[int, ...]) -> Callable[[Any, Any], Callable[[], Any]]:
    def setup(lib: Any, make: Any) -> Callable[[], Any]:
        inputs = entry.inputs(make, *shape)
        call = entry.call if entry.peer is None or lib.__name__ == "tritonnn" else entry.peer

        def function(*tensors: Any) -> Any:
            return call(lib, *tensors)

        def look(result: Any) -> Any:
            return entry.look(lib, result, *inputs) if entry.look else result

        def look_back(gradients: Any) -> Any:
            return entry.look_back(lib, gradients) if entry.look_back else gradients

        program = make.program(function)
        if stage == "forward":
            return Call(lambda: program(*inputs), look, entry.changes)
        wanted = [inputs[i].requires_grad_() for i in entry.grads]
        kept = [_first(program(*inputs))]
        g, gradients = make.like(kept[0]), lib.autograd.grad
        if stage == "backward":
            return Call(lambda: gradients(kept[0], wanted, g, retain_graph=True), look_back)
        kept.clear()  # it would hold what a first call saved
        return Call(lambda: gradients(_first(program(*inputs)), wanted, g), look_back)

    return setup


def _first(result: Any) -> Any:
    return result[0] if isinstance(result, tuple) else result
