"""Rows of a table by index, and reductions of bags of rows."""

from __future__ import annotations

from typing import Any

from tritonnn import dtypes
from tritonnn._levels import HOOKS, lacks
from tritonnn._tensor import Tensor
from tritonnn.dtypes import counting_dtype
from tritonnn.errors import Invalid, fail, warn
from tritonnn.ops._definitions import layers as definitions
from tritonnn.ops._table import Bad, Out, Sample, composite, primitive
from tritonnn.ops.reduction.reduction import over_count
from tritonnn.ops.sparse.embedding import bags_looked_up, looked_up
from tritonnn.recording.grad_mode import no_grad
from tritonnn.table import Make
from tritonnn.table.types import Count

INDICES = (dtypes.int64, dtypes.int32)


def _check_indices(indices: Tensor, name: str = "input") -> None:
    if indices.dtype not in INDICES:
        raise Invalid(
            f"Expected tensor for argument '{name}' to have one of the following scalar types: Long, Int; "
            f"but got {indices.dtype.name} instead",
            hint="convert the indices with .long()",
        )


def _padding(op: str, padding_idx: int | None, weight: Tensor) -> int | None:
    """A negative padding index counts from the end of the table."""
    if padding_idx is None:
        return None
    rows = weight.shape[0]
    if not -rows <= padding_idx < rows:
        raise AssertionError(
            f"{op}: Padding_idx must be within num_embeddings: got {padding_idx} for {rows} rows"
        )
    return padding_idx + rows if padding_idx < 0 else padding_idx


# A padding index and scaling by frequency give what is no derivative: they are tested by hand.
def _lookup_samples(make: Make) -> list[Sample]:
    return [
        Sample(make(4, 3), make.int(2, 5), None, False), Sample(make(4, 3), make.int(7), None, False),
        Sample(make(4, 20), make.int(()), None, False), Sample(make(4, 3), make.int(0), None, False),
        Sample(make(4, 2), make.int(200), None, False),
    ]  # fmt: skip


@primitive(
    float8=True,
    public="embedding",
    samples=_lookup_samples,
    grad={"weight": lambda g, weight_shape, indices, padding_idx, scale_grad_by_freq: embedding_backward(
        g, indices, weight_shape[0], padding_idx, scale_grad_by_freq)},
)  # fmt: skip
def embedding_lookup(
    weight: Tensor, indices: Tensor, padding_idx: int | None, scale_grad_by_freq: bool
) -> Any:
    """The rows of `weight` (rows, width) that the indices name: (*indices.shape, width)."""
    if len(weight.shape) != 2:
        raise Invalid(f"'weight' must be 2-D, got {len(weight.shape)}-D")
    _check_indices(indices)
    return Out((*indices.shape, weight.shape[1]), weight.dtype)


@primitive(
    grad={"grad": lambda g, indices, padding_idx, scale_grad_by_freq: _lookup_again(
        g, indices, padding_idx, scale_grad_by_freq)},
    samples=lambda make: [Sample(make(2, 5, 3), make.int(2, 5), 4, None, False),
                          Sample(make(7, 3), make.int(7), 4, 1, True)],
)  # fmt: skip
def embedding_backward(
    grad: Tensor, indices: Tensor, num_weights: int, padding_idx: int | None, scale_grad_by_freq: bool
) -> Any:
    """Sum of the rows of `grad` by index, nothing for `padding_idx`; mean with `scale_grad_by_freq`."""
    return Out((num_weights, grad.shape[-1]), grad.dtype)


def _lookup_again(g: Tensor, indices: Tensor, padding_idx: int | None, scale_grad_by_freq: bool) -> Tensor:
    """The transpose of `embedding_backward`."""
    if scale_grad_by_freq:
        ones = g.detach().new_ones((*indices.shape, 1), dtype=counting_dtype(g.dtype))
        counts = embedding_backward(ones, indices, g.shape[0], None, False)
        g = over_count(g, counts.clamp_min(1.0))
    if padding_idx is not None:
        from tritonnn.ops.creation.ranges import arange

        g = g * (arange(g.shape[0], device=g.device) != padding_idx).to(g.dtype).unsqueeze(1)
    return embedding_lookup(g, indices, None, False)


def _renorm(op: str, weight: Tensor, indices: Tensor, max_norm: float, norm_type: float | None) -> None:
    """Scale the rows that are looked up down to `max_norm`, in place."""
    if norm_type is None:
        raise fail(op, "norm_type must be float, not NoneType", kind=TypeError, weight=weight)
    if lacks(weight, indices):
        raise RuntimeError(HOOKS["unbatched"]("aten::embedding_renorm_"))
    with no_grad():
        used = indices.reshape(-1).unique()
        rows = weight.detach().index_select(0, used)
        norms = rows.norm(norm_type, 1, True)
        scale = (max_norm / (norms + 1e-7)).masked_fill(norms <= max_norm, 1.0)
        weight.detach().index_copy_(0, used, rows * scale)


def _embedding_samples(make: Make) -> list[Sample]:
    return [Sample(make.int(2, 5), make(4, 3)), Sample(make.int(7, dtype=dtypes.int32), make(4, 3))]


def _embedding_errors(make: Make) -> list[Bad]:
    return [
        Bad(make(3), make(4, 2), match="Long, Int"), Bad(make.int(3), make(4), match=r"'weight' .*must be 2-D"),
        Bad(make.int(3), make(4, 2), 4, error=AssertionError,
        match="Padding_idx must be within num_embeddings"),
    ]  # fmt: skip


@composite(
    api="functional",
    public="embedding",
    samples=_embedding_samples,
    errors=_embedding_errors,
    reference=lambda input, weight: weight[input],
)
def functional_embedding(
    input: Tensor, weight: Tensor, padding_idx: Count | None = None, max_norm: float | None = None,
    norm_type: float | None = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False,
) -> Tensor:  # fmt: skip
    """weight[input]: one row of the table for every index.

    Args:
        input: indices, int64 or int32, of any shape.
        weight: the table (rows, width).
        padding_idx: the row that gets no gradient.
        max_norm: rows that are looked up are first scaled down, in place, to this norm.
        norm_type: the p of that norm; may be None without `max_norm`.
        scale_grad_by_freq: divide a row's gradient by how often it was looked up.
        sparse: whether the gradient of `weight` is a sparse tensor of the rows that were looked up.

    Returns:
        (*input.shape, width).

    Raises:
        IndexError: an index has no row.
        RuntimeError: indices that are no integers, a weight that is no matrix.

    >>> import tritonnn as torch
    >>> torch.nn.functional.embedding(torch.tensor([1, 1, 0]), torch.tensor([[1., 2.], [3., 4.]]))
    tensor([[3., 4.],
            [3., 4.],
            [1., 2.]])
    """
    padding_idx = _padding("embedding", padding_idx, weight)
    if max_norm is not None:
        _renorm("embedding", weight, input, max_norm, norm_type)
    look_up = looked_up if sparse else embedding_lookup
    return look_up(weight, input, padding_idx, bool(scale_grad_by_freq))


@composite(
    api="torch", samples=lambda make: [Sample(make(4, 3), make.int(2, 5))],
    reference=lambda weight, indices: weight[indices],
    errors=lambda make: [
        Bad(make(4), make.int(2), match="'weight' .*must be 2-D"),
        Bad(make(4, 3), make(2), match="Long, Int"),
    ],
)  # fmt: skip
def embedding(
    weight: Tensor, indices: Tensor, padding_idx: Count = -1, scale_grad_by_freq: bool = False, sparse: bool = False
) -> Tensor:  # fmt: skip
    """`torch.nn.functional.embedding` with the table first; a padding index of -1 is none.

    >>> import tritonnn as torch
    >>> torch.embedding(torch.tensor([[1., 2.], [3., 4.]]), torch.tensor([1, 0, 1]))
    tensor([[3., 4.],
            [1., 2.],
            [3., 4.]])
    """
    look_up, padding = looked_up if sparse else embedding_lookup, None if padding_idx == -1 else padding_idx
    return look_up(weight, indices, padding, bool(scale_grad_by_freq))


# ---- bags -----------------------------------------------------------------------------------------------


def rows_of_bags(g: Tensor, mode: str, offset2bag: Tensor, bag_size: Tensor) -> Tensor:
    """What every index receives of its bag's gradient."""
    counted = (offset2bag >= 0).to(g.dtype).unsqueeze(1)
    if mode == "mean":
        g = over_count(g, bag_size.clamp(1, None).unsqueeze(1))
    return (
        g.index_select(0, offset2bag.clamp(0, None)) * counted if g.shape[0] else g.new_zeros((0, g.shape[1]))
    )


def weighted_rows(
    g: Tensor, mode: str, per_sample_weights: Tensor | None, offset2bag: Tensor, bag_size: Tensor
) -> Tensor:
    rows = rows_of_bags(g, mode, offset2bag, bag_size)
    return rows if per_sample_weights is None else rows * per_sample_weights.unsqueeze(1)


def _table_grad(
    g: Tensor, shape: tuple[int, ...], indices: Tensor, per_sample_weights: Tensor | None, mode: str,
    padding_idx: int | None, scale_grad_by_freq: bool, offset2bag: Tensor, bag_size: Tensor, max_indices: Tensor,
) -> Tensor:  # fmt: skip
    if mode == "max":
        filled = (max_indices >= 0).to(g.dtype)
        return g.new_zeros(shape).scatter_add(0, max_indices.clamp(0, None), g * filled)
    rows = weighted_rows(g, mode, per_sample_weights, offset2bag, bag_size)
    return embedding_backward(rows, indices, shape[0], padding_idx, scale_grad_by_freq)


@primitive(
    public="embedding_bag",
    results=("result", "offset2bag", "bag_size", "max_indices"),
    non_differentiable=("offset2bag", "bag_size", "max_indices"),
    samples=lambda make: [
        Sample(make(4, 3), make.int(7), _offsets(make, 0, 2, 2, 5), None, "sum", None, False, False),
        Sample(make(4, 3), make.int(7), _offsets(make, 0, 3, 7), None, "mean", None, False, True),
        Sample(make(4, 3), make.int(7), _offsets(make, 0, 4), None, "max", None, False, False),
        Sample(make(4, 3), make.int(7), _offsets(make, 0, 4), make(7), "sum", 2, False, False),
    ],
    grad={
        "weight": lambda g, weight_shape, indices, per_sample_weights, mode, padding_idx, scale_grad_by_freq,
        offset2bag, bag_size, max_indices: _table_grad(
            g, weight_shape, indices, per_sample_weights, mode, padding_idx, scale_grad_by_freq, offset2bag,
            bag_size, max_indices),
        "per_sample_weights": lambda g, weight, indices, mode, offset2bag, bag_size: (
            rows_of_bags(g, mode, offset2bag, bag_size) * embedding_lookup(weight, indices, None, False)).sum(1),
    },
)  # fmt: skip
def embedding_bag_lookup(
    weight: Tensor, indices: Tensor, offsets: Tensor, per_sample_weights: Tensor | None, mode: str,
    padding_idx: int | None, scale_grad_by_freq: bool, include_last_offset: bool,
) -> Any:  # fmt: skip
    """The reduced rows of every bag, the bag of every index, the sizes, and where the maxima are."""
    bags = offsets.shape[0] - bool(include_last_offset)
    width = weight.shape[1]
    return (
        Out((bags, width), weight.dtype), Out(indices.shape, dtypes.int64), Out((bags,), dtypes.int64),
        Out((bags, width) if mode == "max" else (0,), dtypes.int64),
    )  # fmt: skip


def _offsets(make: Make, *values: int) -> Tensor:
    from tritonnn.ops.creation.from_data import tensor

    return tensor(list(values)).to(make.device)


def _check_bags(
    input: Tensor, weight: Tensor, offsets: Tensor | None, mode: str, per_sample_weights: Tensor | None,
    scale_grad_by_freq: bool,
) -> None:  # fmt: skip
    tensors: dict[str, Any] = {"input": input, "weight": weight}

    def refuse(message: str, kind: type[Exception] = ValueError) -> Exception:
        return fail("embedding_bag", message, kind=kind, **tensors)

    if mode not in ("sum", "mean", "max"):
        raise refuse(f"mode has to be one of sum, mean or max, got {mode!r}")
    if len(weight.shape) != 2:
        raise refuse(f"weight has to be a 2D Tensor, but got Tensor of dimension {len(weight.shape)}")
    if input.dtype not in INDICES:
        raise refuse(
            "Expected input to have one of the following scalar types: Long, Int; but got "
            f"{input.dtype.name}",
            RuntimeError,
        )
    if per_sample_weights is not None:
        if per_sample_weights.shape != input.shape:
            raise refuse(
                "If per_sample_weights is not None, then it must have the same shape as the input "
                f"({list(input.shape)}), got {list(per_sample_weights.shape)}"
            )
        if mode != "sum":
            raise refuse(
                "per_sample_weights was not None. per_sample_weights is only supported for mode='sum' (got "
                f"mode='{mode}')",
                NotImplementedError,
            )
    if mode == "max" and scale_grad_by_freq:
        raise refuse("max mode does not support scaling the gradient by the frequency")
    if len(input.shape) == 2:
        if offsets is not None:
            raise refuse(
                "if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed "
                "length sequences"
            )
    elif len(input.shape) != 1:
        raise refuse(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {len(input.shape)}")
    elif offsets is None:
        raise refuse("offsets has to be a 1D Tensor but got None")
    elif len(offsets.shape) != 1:
        raise refuse(f"offsets has to be a 1D Tensor, but got Tensor of dimension {len(offsets.shape)}")
    elif offsets.dtype not in INDICES:
        raise refuse("Expected offsets to be Long or Int", RuntimeError)


def _bag_samples(make: Make) -> list[Sample]:
    return [
        Sample(make.int(3, 4), make(4, 3)), Sample(make.int(7), make(4, 3), _offsets(make, 0, 2, 2),
        mode="sum"),
        Sample(make.int(2, 3), make(4, 3), mode="sum", per_sample_weights=make(2, 3)),
        Sample(make.int(7), make(4, 3), _offsets(make, 0, 3, 7), mode="max", include_last_offset=True,
        padding_idx=0),
    ]  # fmt: skip


def _bag_errors(make: Make) -> list[Bad]:
    table = make(4, 3)
    return [
        Bad(make.int(5), table, error=ValueError, match="offsets has to be a 1D Tensor"),
        Bad(make.int(2, 2), table, _offsets(make, 0), error=ValueError, match="offsets has to be None"),
        Bad(make.int(2, 2), table, mode="min", error=ValueError, match="mode has to be one of"),
        Bad(make.int(2, 2), table, per_sample_weights=make(2, 2), error=NotImplementedError,
        match="only supported for"),
        Bad(make.int(2, 2), table, per_sample_weights=make(2), mode="sum", error=ValueError,
        match="same shape"),
        Bad(make(2, 2), table, match="Long, Int"),
    ]  # fmt: skip


@composite(
    api="functional",
    public="embedding_bag",
    samples=_bag_samples,
    errors=_bag_errors,
    reference=definitions.embedding_bag,
)
def functional_embedding_bag(
    input: Tensor, weight: Tensor, offsets: Tensor | None = None, max_norm: float | None = None,
    norm_type: float | None = 2, scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False,
    per_sample_weights: Tensor | None = None, include_last_offset: bool = False,
    padding_idx: Count | None = None,
) -> Tensor:  # fmt: skip
    """Sum, mean or maximum of the table's rows of each bag of indices, without the rows in memory.

    Args:
        input: (B, length) for bags of one length, or (N) with `offsets`.
        weight: the table (rows, width).
        offsets: where each bag starts in `input`; the first is 0.
        max_norm, norm_type, scale_grad_by_freq, sparse: as of `embedding`.
        mode: 'sum', 'mean' or 'max'.
        per_sample_weights: factors of the rows, shaped as `input`; only for 'sum'.
        include_last_offset: `offsets` ends with the end of the last bag.
        padding_idx: indices of this value do not count and get no gradient.

    Returns:
        (B, width); empty bags give zeros.

    Raises:
        IndexError: an index has no row.
        ValueError: shapes or a mode that do not fit.

    >>> import tritonnn as torch
    >>> table = torch.tensor([[1., 2.], [3., 4.]])
    >>> torch.nn.functional.embedding_bag(torch.tensor([0, 1, 1]), table, torch.tensor([0, 1]), mode="sum")
    tensor([[1., 2.],
            [6., 8.]])
    """
    if input.dtype.is_floating_point and weight.dtype in INDICES:
        warn(
            "Argument order of nn.functional.embedding_bag was changed. Usage `embedding_bag(weight, input, "
            "...)` is deprecated, and should now be `embedding_bag(input, weight, ...)`."
        )
        input, weight = weight, input
    _check_bags(input, weight, offsets, mode, per_sample_weights, scale_grad_by_freq)
    if mode == "max" and sparse:
        raise fail(
            "embedding_bag", "max mode does not support sparse weights", kind=ValueError, weight=weight
        )
    padding_idx = _padding("embedding_bag", padding_idx, weight)
    if max_norm is not None:
        _renorm("embedding_bag", weight, input, max_norm, norm_type)
    if len(input.shape) == 2:
        from tritonnn.ops.creation.ranges import arange

        batch, length = input.shape
        offsets = (
            arange(0, batch * length, max(length, 1), device=input.device)
            if length
            else input.new_zeros(batch)
        )
        input = input.reshape(-1)
        if per_sample_weights is not None:
            per_sample_weights = per_sample_weights.reshape(-1)
        include_last_offset = False
    assert offsets is not None  # `_check_bags` refused rows of indices without
    rest = mode, padding_idx, bool(scale_grad_by_freq)
    if not sparse:
        return embedding_bag_lookup(
            weight, input, offsets, per_sample_weights, *rest, bool(include_last_offset)
        )[0]
    return bags_looked_up(weight, input, offsets, per_sample_weights, *rest, bool(include_last_offset))
