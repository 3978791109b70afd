"""Reductions of consecutive segments of a dimension."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import fail
from tritonnn.ops._table import FLOATING, Bad, Sample, composite
from tritonnn.ops.creation.ranges import arange
from tritonnn.ops.elementwise.comparison import where
from tritonnn.ops.scatter.scatter import scatter_reduce
from tritonnn.ops.sorting.searching import searchsorted
from tritonnn.table import Make
from tritonnn.table.types import Count, Number

_KINDS = {"sum": "sum", "mean": "sum", "max": "amax", "min": "amin", "prod": "prod"}
_NEUTRAL = {"sum": 0.0, "mean": 0.0, "max": -math.inf, "min": math.inf, "prod": 1.0}
_LENGTHS = (dtypes.int64, dtypes.int32)


def _definition(
    data: np.ndarray, reduce: str, lengths: Any, offsets: Any, axis: int, initial: float | None
) -> Any:
    combine: Any = {"max": np.maximum, "min": np.minimum, "prod": np.multiply}.get(reduce, np.add)
    ends = np.cumsum(lengths, -1) if offsets is None else offsets[..., 1:]
    starts = ends - lengths if offsets is None else offsets[..., :-1]
    out = np.empty((*data.shape[:axis], starts.shape[-1], *data.shape[axis + 1 :]))
    for place in np.ndindex(starts.shape):
        row = data[place[:-1]][starts[place] : ends[place]]
        total = np.full(row.shape[1:], _NEUTRAL[reduce] if initial is None else initial)
        for element in row:
            total = combine(total, element)
        if reduce == "mean":
            total = total / len(row) if len(row) else total if initial is not None else total * math.nan
        out[place] = total
    return out


def _of(make: Make, values: Any) -> Tensor:
    from tritonnn.ops.creation.from_data import tensor

    return tensor(values).to(make.device)


def _samples(make: Make) -> list[Sample]:
    uneven, rows = _of(make, [3, 1, 2]), _of(make, [[1, 2], [3, 0]])
    return [
        *[Sample(make(6, 2), kind, lengths=uneven) for kind in _KINDS],
        *[Sample(make(6), kind, lengths=_of(make, [4, 2]), initial=0.5) for kind in _KINDS],
        *[Sample(make(2, 3, 2), kind, lengths=rows, axis=1, initial=1) for kind in _KINDS],
        Sample(make(5), "sum", offsets=_of(make, [0, 2, 5])), Sample(make(5), "max", lengths=_of(make, [5])),
        Sample(make(2, 4), "mean", offsets=_of(make, [[0, 1, 4], [0, 2, 4]]), axis=1),
    ]  # fmt: skip


def _errors(make: Make) -> list[Bad]:
    good = _of(make, [1, 3])
    return [
        Bad(make(4), "median", lengths=good, match="reduce argument must be either sum, mean, max, min or prod"),
        Bad(make(4), "sum", match="Either lengths or offsets must be defined"),
        Bad(make(4), "sum", indices=good, match="indices based reduction is not supported"),
        Bad(make(4), "sum", lengths=_of(make, [1, 2]), match=r"sum to data.size\(0\)"),
        Bad(make(4), "sum", lengths=_of(make, [-1, 5]), match="negative"),
        Bad(make(4, 2), "sum", lengths=good, axis=1, match="Expected axis to be the last dimension of lengths"),
        Bad(make(()), "sum", lengths=_of(make, [1]), match="as many dimensions as lengths"),
        Bad(make(2, 4), "sum", lengths=_of(make, [[1, 3]]), axis=1, match="sizes of data before axis"),
        Bad(make(4), "sum", lengths=make(2), error=NotImplementedError, match="int64 or int32"),
        Bad(
            make.int(4, dtype=dtypes.int64), "sum", lengths=good, error=NotImplementedError,
            match="not implemented for int64",
        ),
    ]  # fmt: skip


def _check(data: Tensor, reduce: str, given: Tensor, indices: Any, axis: int) -> None:
    def refuse(text: str, kind: type[Exception] = RuntimeError) -> Exception:
        return fail("segment_reduce", text, kind=kind, data=data, lengths=given)

    if indices is not None:
        raise refuse("indices based reduction is not supported yet.")
    if reduce not in _KINDS:
        raise refuse(f"reduce argument must be either sum, mean, max, min or prod, got {reduce}")
    if not isinstance(given, Tensor):
        raise refuse("Either lengths or offsets must be defined.")
    if axis != len(given.shape) - 1:
        raise refuse(f"Expected axis to be the last dimension of lengths but got {axis}.")
    if len(data.shape) < len(given.shape):
        raise refuse("data must have at least as many dimensions as lengths")
    if data.shape[:axis] != given.shape[:axis]:
        raise refuse("the sizes of data before axis must be those of lengths")
    if given.dtype not in _LENGTHS:
        raise refuse(
            f"lengths and offsets must be int64 or int32, not {given.dtype.name}", NotImplementedError
        )
    if not data.dtype.is_floating_point:
        raise refuse(f"not implemented for {data.dtype.name}", NotImplementedError)


def _counted(data: Tensor, lengths: Tensor, axis: int) -> Tensor:
    """Lengths that are good: none is negative, and they fill the axis."""
    if bool((lengths < 0).any()):
        raise fail("segment_reduce", "lengths contains negative value!", lengths=lengths)
    if bool((lengths.sum(-1) != data.shape[axis]).any()):
        raise fail(
            "segment_reduce", f"Expected all rows of lengths along axis to sum to data.size({axis}) when !unsafe.",
            data=data, lengths=lengths,
        )  # fmt: skip
    return lengths


@composite(api="torch", dtypes=FLOATING, samples=_samples, errors=_errors, reference=_definition)
def segment_reduce(
    data: Tensor, reduce: str, *, lengths: Tensor | None = None, indices: Tensor | None = None,
    offsets: Tensor | None = None, axis: Count = 0, unsafe: bool = False, initial: Number | None = None,
) -> Tensor:  # fmt: skip
    """The sum, mean, maximum, minimum or product of each of consecutive segments of dimension `axis`.

    Args:
        data: floating.
        reduce: 'sum', 'mean', 'max', 'min' or 'prod'.
        lengths: those of the segments, for each row of the dimensions before `axis`: its last dimension is `axis`.
        indices: not supported, as in PyTorch.
        offsets: instead of lengths where the segments start, and at the end where the last one ends.
        unsafe: whether lengths that are negative, or do not fill the axis, are not looked for.
        initial: what each reduction begins with, and what an empty segment gives; default: 0, 1 for 'prod', ∓inf for
            'max' and 'min', and NaN for the mean of nothing.

    >>> import tritonnn as torch
    >>> torch.segment_reduce(torch.tensor([1., 2., 3., 4.]), "sum", lengths=torch.tensor([1, 3]))
    tensor([1., 9.])
    """
    given: Any = lengths if offsets is None else offsets
    _check(data, reduce, given, indices, axis)
    given = given.to(dtypes.int64)
    if offsets is None:
        ends = (given if unsafe else _counted(data, given, axis)).cumsum(-1)
        starts = ends - given
    else:
        starts, ends = given.narrow(-1, 0, given.shape[-1] - 1), given.narrow(-1, 1, given.shape[-1] - 1)
    segments, length = ends.shape[-1], data.shape[axis]
    places = arange(length, device=data.device).expand((*given.shape[:-1], length)).contiguous()
    numbers = searchsorted(ends.contiguous(), places, right=True)
    if segments:  # what lies before the first segment belongs to none, as what lies behind the last
        numbers = where(places < starts.narrow(-1, 0, 1), segments, numbers)
    rest = len(data.shape) - len(given.shape)
    index = numbers.reshape((*numbers.shape, *[1] * rest)).expand(data.shape)
    start = _NEUTRAL[reduce] if initial is None or reduce in ("max", "min") else initial
    shape = (*data.shape[:axis], segments + 1, *data.shape[axis + 1 :])
    neutral = data.detach().new_full(shape, _NEUTRAL[reduce])
    result = scatter_reduce(neutral, axis, index, data, _KINDS[reduce], include_self=False).narrow(
        axis, 0, segments
    )
    counts = (ends - starts).reshape((*ends.shape, *[1] * rest))
    return _finished(result, reduce, start, initial, counts)


def _finished(result: Tensor, reduce: str, start: Any, initial: Any, counts: Tensor) -> Tensor:
    if reduce == "prod":
        return result if initial is None else result * start
    if reduce in ("max", "min"):
        if initial is None:
            return result
        return where(result < initial if reduce == "max" else result > initial, float(initial), result)
    if initial is not None:
        result = result + start
    if reduce == "sum":
        return result
    divisor = counts if initial is None else counts.clamp(1, None)
    return result / divisor.to(result.dtype)


_segment_reduce = segment_reduce  # by which name other libraries have it
