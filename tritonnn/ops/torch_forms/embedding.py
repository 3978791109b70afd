"""Bags of rows with all that is known of them, and rows scaled down to a norm in place."""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn import dispatch
from tritonnn._tensor import Tensor
from tritonnn.errors import fail
from tritonnn.ops import embedding
from tritonnn.ops._definitions import layers
from tritonnn.ops._table import Bad, Sample, composite, expose
from tritonnn.ops.embedding import embedding_bag_lookup
from tritonnn.ops.sparse.embedding import bags_looked_up
from tritonnn.table import Make
from tritonnn.table.types import Count

_MODES = ("sum", "mean", "max")


def _definition(
    weight: np.ndarray, indices: np.ndarray, offsets: np.ndarray, mode: int, per_sample_weights: Any,
    include_last_offset: bool, padding_idx: int | None,
) -> Any:  # fmt: skip
    rows = layers.embedding_bag(
        indices, weight, offsets, _MODES[mode], per_sample_weights, include_last_offset, padding_idx
    )
    starts = offsets[:-1] if include_last_offset else offsets
    bags = np.array([np.flatnonzero(starts <= i)[-1] for i in range(len(indices))])
    bags_of_no_padding = [bag for bag, index in zip(bags, indices, strict=True) if index != padding_idx]
    sizes = np.bincount(np.array(bags_of_no_padding, int), minlength=len(starts))
    maxima = np.zeros(0, int) if mode < 2 else np.empty(rows.shape, int)
    for place in np.ndindex(maxima.shape if mode == 2 else (0,)):
        own = [index for index, bag in zip(indices, bags, strict=True) if bag == place[0]]
        maxima[place] = own[int(np.argmax(weight[own, place[1]]))] if own else -1
    return rows, bags, sizes, maxima


def _samples(make: Make) -> list[Sample]:
    from tritonnn.ops.creation.from_data import tensor

    first, ends = tensor([0, 2, 2]).to(make.device), tensor([0, 3, 7]).to(make.device)
    return [
        Sample(make(4, 3), make.int(7), first), Sample(make(4, 3), make.int(7), first, False, 1),
        Sample(make(4, 3), make.int(7), ends, False, 0, False, make(7), True),
        Sample(make(4, 3), make.int(7), ends, False, 2, False, None, True),
    ]  # fmt: skip


@composite(
    api="torch", public="embedding_bag", samples=_samples,
    reference=_definition,
    errors=lambda make: [
        Bad(make(4, 3), make.int(2), make.int(1), False, 3, match="`mode` must be sum, mean, or max"),
        Bad(make(4), make.int(2), make.int(1), error=ValueError, match="weight has to be a 2D Tensor"),
    ],
)  # fmt: skip
def aten_embedding_bag(
    weight: Tensor, indices: Tensor, offsets: Tensor, scale_grad_by_freq: bool = False, mode: Count = 0,
    sparse: bool = False, per_sample_weights: Tensor | None = None, include_last_offset: bool = False,
    padding_idx: Count | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """`torch.nn.functional.embedding_bag` with the table first and the mode as a number: 0 sum, 1 mean, 2 max.

    Returns:
        The reduced rows; the bag of each index, the number of indices in each bag, and the rows that the maxima come
        from, where PyTorch fills in what its way of computing needs.

    >>> import tritonnn as torch
    >>> table = torch.tensor([[1., 2.], [3., 4.]])
    >>> torch.embedding_bag(table, torch.tensor([0, 1, 1]), torch.tensor([0, 1]))[0]
    tensor([[1., 2.],
            [6., 8.]])
    """
    if not 0 <= mode < len(_MODES):
        raise fail("embedding_bag", f"`mode` must be sum, mean, or max: 0, 1 or 2, got {mode}", weight=weight)
    word = _MODES[mode]
    embedding._check_bags(indices, weight, offsets, word, per_sample_weights, scale_grad_by_freq)
    padding_idx = embedding._padding("embedding_bag", padding_idx, weight)
    args = weight, indices, offsets, per_sample_weights, word, padding_idx, bool(scale_grad_by_freq)
    rows, bags, sizes, maxima = embedding_bag_lookup(*args, bool(include_last_offset))
    if sparse:
        rows = bags_looked_up(*args, bool(include_last_offset))
    return rows, bags, sizes, maxima


@expose("torch")
def embedding_renorm_(input: Tensor, indices: Tensor, max_norm: float, norm_type: float) -> Tensor:
    """Scale the rows of `input` that `indices` name down to a norm of `max_norm`, in place.

    >>> import tritonnn as torch
    >>> torch.embedding_renorm_(torch.tensor([[3., 4.], [6., 8.]]), torch.tensor([1]), 5.0, 2.0)
    tensor([[3., 4.],
            [3., 4.]])
    """
    if len(input.shape) != 2:
        raise fail(
            "embedding_renorm_", f"Expected 2-dimensional tensor, but got {len(input.shape)}-dimensional tensor",
            input=input,
        )  # fmt: skip
    if indices.dtype not in embedding.INDICES:
        raise fail("embedding_renorm_", "Expected indices of Long or Int", input=input, indices=indices)
    dispatch.before_write(input)
    embedding._renorm("embedding_renorm_", input, indices, max_norm, norm_type)
    return input
