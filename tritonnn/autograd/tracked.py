"""Inputs that a transform differentiates by, and gradients of what is computed from them.

Everything is recorded behind `vmap`: the graph is of batches. So an input is first made one that is the same for all
samples but has a gradient for each (`whole`), and the samples of a result, which do not know of each other, are
differentiated together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tritonnn._levels import Batched, Level, batching
from tritonnn._tensor import Tensor, set_requires_grad
from tritonnn.autograd.engine import Run
from tritonnn.batching.values import levels_of, parts, whole
from tritonnn.batching.vmap import vmap
from tritonnn.memory import let_write
from tritonnn.ops.creation.creation import zeros
from tritonnn.recording.grad_mode import enable_grad, state
from tritonnn.recording.graph import edge_of


class Tracked:
    """One tensor that is differentiated by.

    Attributes:
        sample: what the function is given.
        place: what is recorded: the batch of all levels.

    Args:
        writable: let the sample be written in place, which is then seen in the tensor, and its derivative is that of
            what was written.
    """

    def __init__(
        self, tensor: Tensor, levels: tuple[Level, ...] | None = None, writable: bool = False
    ) -> None:
        if tensor.dtype.kind < 2:
            raise RuntimeError("only Tensors of floating point dtype can require gradients")
        self.levels = batching() if levels is None else levels
        batch = whole(tensor, self.levels)
        if batch._storage.version < 0:  # views of what was made in inference mode are not recorded
            batch = batch.clone()
        self.fresh = not batch.requires_grad
        self.place = set_requires_grad(batch.detach(), True) if self.fresh else batch.view_as(batch)
        given = self.place
        if writable and self.fresh:
            with enable_grad():
                given = given.view_as(given)
            given._base = None  # no view of a leaf, which could not be written
        self.sample = parts(given, self.levels)


def let_inputs(tracked: Iterable[Tracked]) -> None:
    """Let the innermost transform write what it was given, where that is no leaf, or not recorded."""
    let_write([item.place._storage for item in tracked if item.fresh])


def apart(tangent: Tensor, primals: Sequence[Tensor]) -> Tensor:
    """A tangent in memory that no write into the primals changes."""
    storages = [levels_of(primal)[1]._storage for primal in primals]
    shared = levels_of(tangent)[1]._storage
    return tangent.clone() if any([shared is storage for storage in storages]) else tangent


class Result:
    """One tensor that is differentiated, with the levels that its batch has."""

    def __init__(self, tensor: Tensor) -> None:
        self.levels, self.place = levels_of(tensor)
        self.shape, self.dtype = tensor.shape, tensor.dtype

    def aligned(self, grad: Tensor) -> Tensor:
        """A gradient of a sample as one of the batch."""
        return whole(grad, self.levels)


def gradients(
    results: Sequence[Result], grads: Sequence[Tensor], inputs: Sequence[Tracked], keep: bool, create: bool
) -> list[Tensor | None]:
    """The gradients of inputs, as of samples; None of those that nothing depends on."""
    roots, seeds = [], []
    for result, seed in zip(results, grads, strict=True):
        edge = edge_of(result.place)
        if edge is not None:
            roots.append(edge)
            seeds.append(result.aligned(seed))
    wanted = [edge_of(item.place) for item in inputs]
    found = run(roots, seeds, wanted, keep, create)
    return [
        None if value is None else parts(value, item.levels)
        for value, item in zip(found, inputs, strict=True)
    ]


def run(roots: list, seeds: list, wanted: list, keep: bool, create: bool) -> list[Tensor | None]:
    """The gradients at edges."""
    if not roots:
        return [None] * len(wanted)
    # Recorded passes run formulas of many ops, which all have rules; others run fused ones, which have none.
    create = create or any([seed.__class__ is Batched for seed in seeds])
    one_pass = Run(keep or create, create, [edge for edge in wanted if edge is not None], accumulate=False)
    one_pass(roots, seeds)
    return [None if edge is None else one_pass.captured.get((id(edge[0]), edge[1])) for edge in wanted]


def reaches_others(tensors: Iterable[Tensor], own: Iterable[Tensor]) -> bool:
    """Whether the history of tensors goes back to a leaf that is none of one's own."""
    known = {id(tensor) for tensor in own}
    stack = [edge for tensor in tensors if (edge := edge_of(levels_of(tensor)[1])) is not None]
    seen = set()
    while stack:
        node, _ = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, Tensor):
            if id(node) not in known:
                return True
            continue
        stack += [edge for edge in node.edges if edge is not None]
    return False


def cut(tensor: Tensor, own: Iterable[Tensor], keep: bool) -> Tensor:
    """A result that leaves a transform: without history, unless there is one to leaves other than the transform's."""
    if not tensor.requires_grad:
        return tensor
    return tensor if keep and reaches_others((tensor,), own) else tensor.detach()


def zeros_as(tensor: Tensor) -> Tensor:
    """Zeros of a sample."""
    return zeros(tensor.shape, dtype=tensor.dtype, device=tensor.device)


def is_recording() -> bool:
    """Whether something outside may want to differentiate a result."""
    return state.enabled


def batched_gradients(
    grad: Callable, outputs: Any, inputs: Any, batches: tuple, create: bool, unused: Any, fill: bool
) -> tuple:
    """The gradients for every sample of gradients to start from, in one pass; None of those that nothing depends on."""
    missing: list[bool] = []

    def one(*seeds: Tensor) -> Any:
        found = grad(outputs, inputs, seeds, True, True, True, unused, False, fill)
        missing[:] = [value is None for value in found]
        return tuple([value for value in found if value is not None])

    rest = iter(vmap(one)(*batches))
    return tuple([None if gone else _finished(next(rest), create) for gone in missing])


def _finished(value: Tensor, create: bool) -> Tensor:
    return value if create else value.detach()
