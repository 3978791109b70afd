"""Derivatives along directions of what was computed: forward-mode differentiation from the recorded graph.

The derivative along a direction is that of a vector-Jacobian product in the vector, along which it is linear: of
v(u) = uᵀJ the product with a tangent t is uᵀ(Jt), whose gradient in u is Jt.
"""

from __future__ import annotations

from collections.abc import Sequence

from tritonnn._levels import Level
from tritonnn._tensor import Tensor, set_requires_grad
from tritonnn.autograd.tracked import Result, Tracked, run
from tritonnn.batching.values import levels_of, materialized, moved, parts
from tritonnn.ops.creation.creation import zeros
from tritonnn.ops.shape.parts import diagonal
from tritonnn.recording.grad_mode import state
from tritonnn.recording.graph import edge_of


class Pushing:
    """Outputs whose derivatives along directions of the inputs can be asked for, any number of times.

    Args:
        outputs: computed from the samples of `tracked`.
    """

    def __init__(self, outputs: Sequence[Tensor], tracked: Sequence[Tracked]) -> None:
        self.outputs, self.tracked = outputs, tracked
        self.results = [Result(output) for output in outputs]
        self.vectors: list[Tensor | None] = []  # None of what is not differentiable
        for result in self.results:
            place = result.place
            if place.dtype.kind < 2:
                self.vectors.append(None)
                continue
            vector = zeros(place.shape, dtype=place.dtype, device=place.device)
            self.vectors.append(set_requires_grad(vector, True))
        #: leaves that nobody outside knows of
        self.own = [item.place for item in tracked if item.fresh] + [v for v in self.vectors if v is not None]
        pairs = zip(self.results, self.vectors, strict=True)
        roots = [(edge_of(result.place), v) for result, v in pairs if v is not None]
        roots = [(edge, v) for edge, v in roots if edge is not None]
        before, state.forward, state.unveiled = (state.forward, state.unveiled), True, True
        try:
            wanted = [edge_of(item.place) for item in tracked]
            self.products = run([edge for edge, _ in roots], [v for _, v in roots], wanted, True, True)
        finally:
            state.forward, state.unveiled = before

    def along(self, tangents: Sequence[Tensor], create: bool) -> list[Tensor | None]:
        """The derivatives of the outputs; None of one that depends on no input."""
        roots, seeds = [], []
        for product, item, tangent in zip(self.products, self.tracked, tangents, strict=True):
            edge = None if product is None else edge_of(product)
            if edge is not None:
                roots.append(edge)
                seeds.append(_aligned(tangent, item.levels))
        before, state.unveiled = state.unveiled, True
        try:
            found = run(roots, seeds, [None if v is None else edge_of(v) for v in self.vectors], True, create)
        finally:
            state.unveiled = before
        return [
            None if value is None else _own_samples(value, result.levels)
            for value, result in zip(found, self.results, strict=True)
        ]


def _aligned(tangent: Tensor, levels: tuple[Level, ...]) -> Tensor:
    for level in reversed(levels):
        assert level.size is not None
        tangent = materialized(tangent, level.number, level.size)
    return tangent


def _own_samples(value: Tensor, levels: tuple[Level, ...]) -> Tensor:
    """A derivative of a batch as of samples; of one along a direction of each sample, that of the sample alone."""
    mine = {level.number for level in levels}
    crossed = [level for level in levels_of(value)[0] if level.number in mine]
    for level in crossed:
        place = [known.number for known in levels].index(level.number)
        assert level.size is not None
        both = materialized(value, level.number, level.size)
        value = moved(diagonal(both, 0, 0, place + 1), -1 % (both.dim() - 1), place)
    return parts(value, levels)


def basis(tensors: list[Tensor]) -> list[Tensor]:
    """One direction for each element of any of the tensors: (elements, *shape) for each of them."""
    total = sum([t.numel() for t in tensors])
    start = 0
    found = []
    for t in tensors:
        count = t.numel()
        block = zeros((total, count), dtype=t.dtype, device=t.device)
        block[start : start + count].fill_diagonal_(1) if count else None
        found.append(block.view(total, *t.shape))
        start += count
    return found
