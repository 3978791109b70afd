"""Look-ups in a table whose gradient is a sparse tensor: of the rows that were looked up, and of nothing else."""

from __future__ import annotations

from typing import Any

from tritonnn import dtypes
from tritonnn._sparse import make_sparse
from tritonnn._tensor import Tensor
from tritonnn.errors import fail
from tritonnn.ops._table import Op, Out, primitive
from tritonnn.recording.grad_mode import state
from tritonnn.recording.graph import edge_of, record
from tritonnn.shape import Size


def _rows_grad(
    rows: Tensor, shape: tuple[int, ...], indices: Tensor, padding_idx: int | None, scale_grad_by_freq: bool
) -> Tensor:
    """The table's gradient as the rows that were looked up, each as often as it was, without the padding's."""
    if scale_grad_by_freq:
        raise fail("embedding_backward", "scale_grad_by_freq not supported with sparse gradients")
    rows = rows.reshape(indices.numel(), shape[1])
    indices = indices.reshape(-1).to(dtypes.int64, copy=True)  # which the program may write to later
    if padding_idx is not None:
        kept = (indices != padding_idx).nonzero().reshape(-1)
        rows, indices = rows.index_select(0, kept), indices.index_select(0, kept)
    return make_sparse(indices.unsqueeze(0), rows, Size(shape), False)


def _bags_grad(
    g: Tensor, shape: tuple[int, ...], indices: Tensor, per_sample_weights: Tensor | None, mode: str,
    padding_idx: int | None, scale_grad_by_freq: bool, offset2bag: Tensor, bag_size: Tensor,
) -> Tensor:  # fmt: skip
    from tritonnn.ops.embedding import weighted_rows

    rows = weighted_rows(g, mode, per_sample_weights, offset2bag, bag_size)
    return _rows_grad(rows, shape, indices, padding_idx, scale_grad_by_freq)


def _weights_grad(
    g: Tensor, weight: Tensor, indices: Tensor, mode: str, offset2bag: Tensor, bag_size: Tensor
) -> Tensor:
    from tritonnn.ops.embedding import embedding_lookup, rows_of_bags

    rows = rows_of_bags(g, mode, offset2bag, bag_size)
    return (rows * embedding_lookup(weight, indices, None, False)).sum(1)


@primitive(
    public="embedding", recorded=True,
    grad={"weight": lambda g, weight_shape, indices, padding_idx, scale_grad_by_freq: _rows_grad(
        g, weight_shape, indices, padding_idx, scale_grad_by_freq)},
)  # fmt: skip
def embedding_sparsely(
    weight: Tensor, indices: Tensor, padding_idx: int | None, scale_grad_by_freq: bool
) -> Any:
    """`embedding_lookup` with a sparse gradient; recorded, never run."""
    return Out((*indices.shape, weight.shape[1]), weight.dtype)


@primitive(
    public="embedding_bag", recorded=True,
    grad={
        "weight": lambda g, weight_shape, indices, per_sample_weights, mode, padding_idx, scale_grad_by_freq,
        offset2bag, bag_size: _bags_grad(
            g, weight_shape, indices, per_sample_weights, mode, padding_idx, scale_grad_by_freq, offset2bag, bag_size),
        "per_sample_weights": lambda g, weight, indices, mode, offset2bag, bag_size: _weights_grad(
            g, weight, indices, mode, offset2bag, bag_size),
    },
)  # fmt: skip
def embedding_bag_sparsely(
    weight: Tensor, indices: Tensor, per_sample_weights: Tensor | None, offset2bag: Tensor, bag_size: Tensor,
    mode: str, padding_idx: int | None, scale_grad_by_freq: bool,
) -> Any:  # fmt: skip
    """`embedding_bag_lookup` with a sparse gradient; recorded, never run."""
    return Out((bag_size.shape[0], weight.shape[1]), weight.dtype)


def _recorded(op: Op, args: tuple, result: Tensor) -> Tensor:
    """A result that was computed without recording, as what `op` gives of `args`."""
    edges = [None if args[i] is None else edge_of(args[i]) for i in op.tensor_slots]
    if state.enabled and any(edge is not None for edge in edges):
        record(op, args, (result,), edges)
    return result


def looked_up(weight: Tensor, indices: Tensor, padding_idx: int | None, scale_grad_by_freq: bool) -> Tensor:
    """The rows of a table that the indices name, as what has a sparse gradient for the table."""
    from tritonnn.ops.embedding import embedding_lookup

    args = weight, indices, padding_idx, scale_grad_by_freq
    return _recorded(embedding_sparsely.op, args, embedding_lookup(weight.detach(), *args[1:]))


def bags_looked_up(
    weight: Tensor, indices: Tensor, offsets: Tensor, per_sample_weights: Tensor | None, mode: str,
    padding_idx: int | None, scale_grad_by_freq: bool, include_last_offset: bool,
) -> Tensor:  # fmt: skip
    """The reduced rows of bags, as what has a sparse gradient for the table."""
    from tritonnn.ops.embedding import embedding_bag_lookup

    weights = None if per_sample_weights is None else per_sample_weights.detach()
    result, bag_of, sizes, _ = embedding_bag_lookup(
        weight.detach(), indices, offsets, weights, mode, padding_idx, scale_grad_by_freq, include_last_offset
    )
    args = weight, indices, per_sample_weights, bag_of, sizes, mode, padding_idx, scale_grad_by_freq
    return _recorded(embedding_bag_sparsely.op, args, result)
