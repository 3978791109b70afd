"""Jacobians with all rows, or all columns, in one pass."""

from __future__ import annotations

from types import SimpleNamespace

from tritonnn._tensor import Tensor
from tritonnn.autograd.api import grad
from tritonnn.autograd.directions import Pushing, basis
from tritonnn.autograd.tracked import batched_gradients, zeros_as
from tritonnn.batching.vmap import vmap
from tritonnn.ops.creation.creation import zeros

Blocks = list[tuple[Tensor, ...]]


def by_rows(outputs: tuple[Tensor, ...], leaves: tuple[Tensor, ...], create: bool) -> Blocks:
    """Of each output the block for each input, from one pass backward."""
    seeds = basis(list(outputs))
    pairs = [(o, seed) for o, seed in zip(outputs, seeds, strict=True) if o.requires_grad]
    total = sum([o.numel() for o in outputs])
    rows: tuple = (None,) * len(leaves)
    if pairs and total:
        starts, weights = [o for o, _ in pairs], tuple([seed for _, seed in pairs])
        rows = batched_gradients(grad, starts, leaves, weights, create, True, False)
    full = [
        zeros((total, *leaf.shape), dtype=leaf.dtype, device=leaf.device) if row is None else row
        for row, leaf in zip(rows, leaves, strict=True)
    ]
    blocks, start = [], 0
    for output in outputs:
        stop = start + output.numel()
        blocks.append(tuple([row[start:stop].reshape((*output.shape, *row.shape[1:])) for row in full]))
        start = stop
    return blocks


def by_columns(outputs: tuple[Tensor, ...], leaves: tuple[Tensor, ...], create: bool) -> Blocks:
    """The same from derivatives along all elements of the inputs at once."""
    tracked: list = [SimpleNamespace(place=leaf, levels=(), fresh=True) for leaf in leaves]
    pushing = Pushing(outputs, tracked)

    def along(*tangents: Tensor) -> tuple[Tensor, ...]:
        found = pushing.along(tangents, create)
        return tuple([zeros_as(o) if v is None else v for v, o in zip(found, outputs, strict=True)])

    columns = vmap(along)(*basis(list(leaves)))
    blocks = []
    for column in columns:
        block, start = [], 0
        for leaf in leaves:
            stop = start + leaf.numel()
            part = column[start:stop].movedim(0, -1)
            block.append(part.reshape((*column.shape[1:], *leaf.shape)))
            start = stop
        blocks.append(tuple(block))
    return blocks
