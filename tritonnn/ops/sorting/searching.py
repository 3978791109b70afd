"""Where values belong in sorted sequences: searchsorted and bucketize."""

from __future__ import annotations

from typing import Any

from tritonnn import dispatch, dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid
from tritonnn.ops._arguments import ordered
from tritonnn.ops._definitions import indexing as define
from tritonnn.ops._table import REAL, Bad, Out, Sample, composite, primitive
from tritonnn.ops.creation.from_data import tensor
from tritonnn.table.types import Number


@primitive(
    dtypes=REAL, rule_only=("out_int32",),
    samples=lambda make: [
        Sample(make(5).sort()[0], make(2, 3), None, False, False),
        Sample(make(2, 5).sort()[0], make(2, 3), None, True, True),
        Sample(make.int(5).to(make.dtype), make(()), make.int(5, low=0, high=1), False, False),
    ],
)  # fmt: skip
def search(
    sorted_sequence: Tensor, input: Tensor, sorter: Tensor | None, right: bool, out_int32: bool
) -> Any:
    """Where each value would be inserted into the sequences of the last dimension."""
    if input.dtype is not sorted_sequence.dtype:
        raise Invalid(
            "boundary tensor and input value tensor should have same dtype, but got boundary tensor dtype "
            f"{sorted_sequence.dtype.name} and input value tensor dtype {input.dtype.name}"
        )
    ordered(sorted_sequence, "searchsorted")
    if not sorted_sequence.shape:
        raise Invalid("boundaries tensor should have positive dimension, but got 0 dimension")
    rows = sorted_sequence.shape[:-1]
    if rows and (len(input.shape) != len(sorted_sequence.shape) or input.shape[:-1] != rows):
        raise Invalid(
            "boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries tensor and input value "
            f"tensor must match, but we got boundaries tensor {list(sorted_sequence.shape)} and input value tensor "
            f"{list(input.shape)}"
        )
    if sorter is not None and (sorter.shape != sorted_sequence.shape or sorter.dtype is not dtypes.int64):
        raise Invalid("boundary and sorter must have the same size, and sorter be an int64 tensor")
    return Out(input.shape, dtypes.int32 if out_int32 else dtypes.int64)


def _right(op: str, right: bool, side: str | None) -> bool:
    if side not in (None, "left", "right"):
        raise RuntimeError(f"{op}: side can only be 'left' or 'right' but got {side}")
    if side == "left" and right:
        raise RuntimeError(
            f"{op}: side and right can't be set to opposites, got side of left while right was True"
        )
    return right or side == "right"


def _alike(sequence: Tensor, input: Any) -> tuple[Tensor, Tensor]:
    """The sequence and the values, a number too, in the type that both are promoted to."""
    if not isinstance(input, Tensor):
        whole = isinstance(input, int) and sequence.dtype.kind < 2
        kind = dtypes.int64 if whole else dispatch.result_type(sequence, input)
        input = tensor(input, dtype=kind, device=sequence.device)
    if input.dtype is not sequence.dtype:
        common = dtypes.promote_types(sequence.dtype, input.dtype)
        return sequence.to(common), input.to(common)
    return sequence, input


@composite(
    api="torch", dtypes=REAL,
    samples=lambda make: [
        Sample(make(5).sort()[0], make(2, 3)), Sample(make(2, 5).sort()[0], make(2, 3), right=True),
        Sample(make(5).sort()[0], 1),
        Sample(make(4, low=1, high=1.5).sort()[0], make(3, low=1, high=1.5), side="right"),
        Sample(tensor([3, 1, 2], dtype=make.dtype, device=make.device), make(2, 3),
               sorter=tensor([1, 2, 0], device=make.device)),
    ],
    errors=lambda make: [
        Bad(make(3, 4), make(2, 2), match="first N-1 dimensions"),
        Bad(make(3), make(2), side="up", match="side can only"),
    ],
    reference=define.searchsorted,
)  # fmt: skip
def searchsorted(
    sorted_sequence: Tensor, input: Tensor | Number, *, out_int32: bool = False, right: bool = False,
    side: str | None = None, sorter: Tensor | None = None, out: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Where each value of `input` would be inserted into a sorted sequence to keep it sorted.

    Args:
        sorted_sequence: one sequence, or one per row with the leading dimensions of `input`.
        right: behind equal elements instead of before them (side='right' says the same).
        sorter: the permutation that sorts a sequence which is not sorted.

    >>> import tritonnn as torch
    >>> torch.searchsorted(torch.tensor([1, 3, 5]), torch.tensor([3, 6]))
    tensor([1, 3])
    """
    after = _right("torch.searchsorted()", right, side)
    sequence, value = _alike(sorted_sequence, input)
    return search(sequence.detach(), value.detach(), sorter, after, out_int32, out=out)


@composite(
    api="torch", dtypes=REAL,
    samples=lambda make: [Sample(make(2, 3), make(5).sort()[0]), Sample(0, make(5).sort()[0])],
    errors=lambda make: [Bad(make(3), make(2, 2), match="boundaries tensor must be 1 dimension")],
    reference=define.bucketize,
)  # fmt: skip
def bucketize(
    input: Tensor | Number,
    boundaries: Tensor,
    *,
    out_int32: bool = False,
    right: bool = False,
    out: Tensor | None = None,
) -> Tensor:
    """The bucket of each value between sorted boundaries.

    >>> import tritonnn as torch
    >>> torch.bucketize(torch.tensor([3, 6, 9]), torch.tensor([1, 3, 5, 7, 9]))
    tensor([1, 3, 4])
    """
    if len(boundaries.shape) != 1:
        raise RuntimeError(
            f"bucketize(): boundaries tensor must be 1 dimension, but got dim({len(boundaries.shape)})"
        )
    boundaries, value = _alike(boundaries, input)
    return search(boundaries.detach(), value.detach(), None, right, out_int32, out=out)
