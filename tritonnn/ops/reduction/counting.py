"""Counting: bincount, histc, one_hot, isin."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tritonnn import dtypes
from tritonnn._levels import Batched, copied_for, every
from tritonnn._tensor import Tensor
from tritonnn.errors import fail
from tritonnn.ops._arguments import tensors_only, whole_number
from tritonnn.ops._table import FLOATING, NUMERIC, Bad, Out, Sample, composite, primitive
from tritonnn.ops.creation.creation import ones, zeros
from tritonnn.ops.creation.from_data import tensor
from tritonnn.ops.sorting.searching import search
from tritonnn.recording.graph import record_refusal
from tritonnn.table.formulas import no_derivative
from tritonnn.table.types import Count, Number


@composite(
    api="torch tensor", dtypes=(dtypes.int64, dtypes.int32, dtypes.uint8),
    samples=lambda make: [
        Sample(make(7, low=0, high=4)), Sample(make(7, low=0, high=4), make(7, dtype=dtypes.float64)),
        Sample(make(3, low=0, high=2), minlength=9), Sample(make(0)),
    ],
    errors=lambda make: [
        Bad(make.int(2, 2), match="1-d non-negative integral"),
        Bad(make.int(2, low=-2, high=-1), match="1-d non-negative"),
        Bad(make.int(2), make(3, dtype=dtypes.float32), match="weights should be 1-d and have the same length"),
        Bad(make.int(2), minlength=-1, match="minlength should be >= 0"),
    ],
    reference=lambda input, weights, minlength: np.bincount(input, weights, minlength),
)  # fmt: skip
def bincount(input: Tensor, weights: Tensor | None = None, minlength: Count = 0) -> Tensor:
    """How often each number from 0 on occurs, or the sum of its weights.

    Args:
        input: a vector of non-negative integers.
        minlength: the result has at least so many entries.

    >>> import tritonnn as torch
    >>> torch.bincount(torch.tensor([0, 3, 0, 1]))
    tensor([2, 1, 0, 1])
    """
    if minlength < 0:
        raise fail("bincount", "minlength should be >= 0", input=input)
    if input.dtype.kind != 1:
        raise fail(
            "bincount", f"not implemented for {input.dtype.name}", kind=NotImplementedError, input=input
        )
    count = input.numel()
    if len(input.shape) != 1 or (count and int(input.min()) < 0):
        raise fail("bincount", "bincount only supports 1-d non-negative integral inputs.", input=input)
    if weights is not None and weights.shape != input.shape:
        raise fail(
            "bincount",
            "weights should be 1-d and have the same length as input",
            input=input,
            weights=weights,
        )
    size = max(minlength, int(input.max()) + 1 if count else 0)
    given = weights
    if weights is None or not count:
        weights = ones(count, dtype=dtypes.int64, device=input.device)
    elif weights.dtype is not dtypes.float32:
        weights = weights.to(dtypes.float64)
    total = zeros(size, dtype=weights.dtype, device=input.device)
    result = total.index_add(0, input.to(dtypes.int64), weights.detach())
    record_refusal(bincount_of.op, (input, given), (result,))
    return result


@primitive(public="bincount", recorded=True, grad={"weights": no_derivative("bincount")})
def bincount_of(input: Tensor, weights: Tensor | None) -> Any:
    """History of weighted counts, which have no derivative; recorded, never run."""
    return Out((), dtypes.float64)


@composite(
    api="torch tensor", out=True, dtypes=FLOATING,
    samples=lambda make: [
        Sample(make(20), 5), Sample(make(4, 5), 4, min=-1, max=1), Sample(make(3).new_ones(3), 2), Sample(make(0), 3),
    ],
    errors=lambda make: [
        Bad(make(3), 0, match="bins must be > 0"),
        Bad(make(3), 1.5, error=TypeError, match="'bins' .*must be int"),
        Bad(make(3), 4, 3, 1, match="max must be larger than min"),
        Bad(make(3) / 0, 4, match="is not finite"),
    ],
    reference=lambda input, bins, min, max: np.histogram(input, bins, (min, max) if min < max else None)[0],
)  # fmt: skip
def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """Counts of the elements in equal bins from `min` to `max` (0 and 0: the range of the data); others are ignored.

    >>> import tritonnn as torch
    >>> torch.histc(torch.tensor([1., 2., 1.]), bins=4, min=0, max=3)
    tensor([0., 2., 1., 0.])
    """
    whole_number("histc", "bins", bins)
    if not input.dtype.is_floating_point:
        raise fail("histc", f"not implemented for {input.dtype.name}", kind=NotImplementedError, input=input)
    if bins <= 0:
        raise fail("histc", f"bins must be > 0, but got {bins}", input=input)
    values = input.detach().reshape(-1)
    low, high = float(min), float(max)
    if low == high and values.numel():
        low, high = float(values.min()), float(values.max())
    if not (abs(low) < float("inf") and abs(high) < float("inf")):
        raise fail("histc", f"range of [{low}, {high}] is not finite", input=input)
    if low == high:
        low, high = low - 1, high + 1
    if low > high:
        raise fail("histc", "max must be larger than min", input=input)
    inside = values.masked_select((values >= low).logical_and(values <= high))
    place = ((inside - low) * (bins / (high - low))).to(dtypes.int64).clamp(0, bins - 1)
    return bincount(place, minlength=bins).to(input.dtype)


@composite(
    api="functional", dtypes=(dtypes.int64,),
    samples=lambda make: [
        Sample(make(3, 2, low=0, high=4)), Sample(make(4, low=0, high=2), 5), Sample(make(()).abs(), 3),
    ],
    errors=lambda make: [
        Bad(make.int(2, low=3, high=4), 3, match="Class values must be smaller than num_classes"),
        Bad(make.int(2, low=-1, high=0), match="Class values must be non-negative"),
        Bad(make(2, dtype=dtypes.float32), match="only applicable to index tensor"),
        Bad(make.int(0), match="Can not infer total number of classes"),
    ],
    reference=lambda input, num_classes: np.eye(num_classes if num_classes > 0 else input.max() + 1)[input],
    keywords={"tensor": "input"},
)  # fmt: skip
def one_hot(input: Tensor, num_classes: int = -1) -> Tensor:
    """Vectors of zeros with a one at the class, along a new last dimension.

    Args:
        input: int64 classes from 0 on; also by the name `tensor`.
        num_classes: -1: one more than the largest class.

    >>> import tritonnn as torch, tritonnn.nn.functional as F
    >>> F.one_hot(torch.tensor([0, 2]))
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    if input.dtype is not dtypes.int64:
        raise fail("one_hot", "one_hot is only applicable to index tensor of type LongTensor.", input=input)
    if input.__class__ is Batched and num_classes == -1:
        text = "When vmap-ing torch.nn.functional.one_hot, please provide an explicit positive num_classes argument."
        raise fail("one_hot", text, input=input)
    if input.numel() == 0:
        if num_classes <= 0:
            raise fail("one_hot", "Can not infer total number of classes from empty tensor.", input=input)
        return zeros((*input.shape, num_classes), dtype=dtypes.int64, device=input.device)
    if int(every(input).min()) < 0:
        raise fail("one_hot", "Class values must be non-negative.", input=input)
    largest = int(every(input).max())
    if num_classes == -1:
        num_classes = largest + 1
    elif largest >= num_classes:
        raise fail("one_hot", "Class values must be smaller than num_classes.", input=input)
    result = zeros((*input.shape, num_classes), dtype=dtypes.int64, device=input.device)
    return copied_for(result, input).scatter_(-1, input.unsqueeze(-1), 1)


@composite(
    api="torch", out=True, dtypes=NUMERIC,
    samples=lambda make: [Sample(make.int(3, 4).to(make.dtype), make.int(2).to(make.dtype)),
                          Sample(make.int(5).to(make.dtype), 1, invert=True), Sample(make(3), make(0))],
    reference=lambda elements, test_elements, invert: np.isin(elements, test_elements, invert=invert),
    keywords={"element": "elements", "test_element": "test_elements"},
    errors=lambda make: [
        Bad(make(2), "a", error=TypeError, match="str"), Bad(1, 2, error=TypeError, match="Tensor"),
    ],
)  # fmt: skip
def isin(
    elements: Tensor | Number,
    test_elements: Tensor | Number,
    *,
    assume_unique: bool = False,
    invert: bool = False,
) -> Tensor:
    """Whether each element is one of the test elements.

    Args:
        assume_unique: neither argument repeats an element; the result is the same either way.
        invert: whether it is none of them.

    >>> import tritonnn as torch
    >>> torch.isin(torch.tensor([1, 2, 3]), torch.tensor([2, 3]))
    tensor([False,  True,  True])
    """
    like: Any = elements if isinstance(elements, Tensor) else test_elements
    tensors_only("isin", test_elements=like)
    sought = elements if isinstance(elements, Tensor) else tensor(elements, device=like.device)
    tests = test_elements if isinstance(test_elements, Tensor) else tensor(test_elements, device=like.device)
    kind = dtypes.promote_types(sought.dtype, tests.dtype)
    sought, tests = sought.detach().to(kind), tests.detach().to(kind).reshape(-1)
    if tests.numel() == 0:
        is_member = zeros(sought.shape, dtype=dtypes.bool_, device=sought.device)
    else:
        ordered = tests.sort()[0]
        # NaN comes last, where the search takes it for the largest number; it equals nothing when it is compared
        sorted_ = ordered.masked_fill(ordered != ordered, math.inf) if kind.is_floating_point else ordered
        place = search(sorted_, sought, None, False, False).clamp(0, tests.numel() - 1)
        is_member = ordered.take(place) == sought
    return is_member.logical_not() if invert else is_member
