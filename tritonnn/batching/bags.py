"""Bags of rows of a table, places in sorted sequences, and elements put in order where a mask holds."""

from __future__ import annotations

from typing import Any

from tritonnn._levels import ever
from tritonnn._tensor import Tensor
from tritonnn.batching.calls import Call, again, rule
from tritonnn.batching.indexing import _numbers
from tritonnn.batching.values import front, raised
from tritonnn.errors import fail
from tritonnn.ops.elementwise.comparison import where
from tritonnn.ops.indexing.indexing import gather
from tritonnn.ops.shape.parts import narrow
from tritonnn.ops.shape.shape import expand_as_size, view_as_size, view_or_copy
from tritonnn.shape import broadcast_shapes, numel


def _flat(value: Tensor, first: int = 1) -> Tensor:
    """The dimensions from one on as one."""
    return view_or_copy(value, (*value._shape[:first], numel(value._shape[first:])))


@rule("embedding_bag_lookup")
def bags(c: Call) -> Any:
    """The bags of all samples; tables of samples' own are one below another.

    A row of padding is never read, so that one number stands for that of all samples.
    """
    weight, indices, offsets, scales, mode, padding, by_frequency, last = c.args
    indices, offsets = front(indices, c.flags[1], c.size), front(offsets, c.flags[2], c.size)
    (_, count), (_, bags) = indices._shape, offsets._shape
    numbers = _numbers(c.size, 1, indices)
    places, rows = indices.long(), 0
    if c.flags[0] or by_frequency:
        weight = front(weight, c.flags[0], c.size)
        rows = weight._shape[1]
        weight = view_or_copy(weight, (c.size * rows, weight._shape[2]))
        moved = places + numbers * rows
        places = moved if padding is None else where(places == padding, padding, moved)
    scales = None if scales is None else _flat(front(scales, c.flags[3], c.size), 0)
    starts = offsets.long() + numbers * count
    given = (weight, _flat(places, 0), _flat(starts, 0), scales, mode, padding, by_frequency, False)
    result, bag, filled, maxima = again(c.op, given)
    result = view_as_size(result, (c.size, bags, result._shape[1]))
    bag, filled = view_as_size(bag, (c.size, count)), view_as_size(filled, (c.size, bags))
    bag = where(bag < 0, bag, bag - numbers * bags)
    if mode == "max":
        maxima = view_as_size(maxima, (c.size, bags, maxima._shape[1]))
        maxima = where(maxima < 0, maxima, maxima - _numbers(c.size, 2, maxima) * rows)
    else:
        maxima = maxima.new_empty((c.size, 0))
    if last:  # what begins at the last offset is no bag
        result, filled = [narrow(r, 1, 0, bags - 1) for r in (result, filled)]
        maxima = narrow(maxima, 1, 0, bags - 1) if mode == "max" else maxima
        bag = where(bag == bags - 1, -1, bag)
    return result, bag, filled, maxima


@rule("search")
def searched(c: Call) -> Any:
    """A sequence that is one for all samples takes values of any shape; of each sample's own it is a row."""
    sequence, values, sorter, *rest = c.args
    if not (c.flags[0] or c.flags[2]) and len(sequence._shape) == 1:
        return again(c.op, c.args)
    sequence, values = front(sequence, c.flags[0], c.size), front(values, c.flags[1], c.size)
    sorter = None if sorter is None else front(sorter, c.flags[2], c.size)
    shape = values._shape
    values = _flat(values) if len(sequence._shape) == 2 else values
    return view_as_size(again(c.op, (sequence, values, sorter, *rest)), tuple(shape))


@rule("masked_scatter")
def put_in_order(c: Call) -> Any:
    """Which element goes to a place is how many places the mask has before it."""
    value, mask, source = c.args
    rank = max(c.rank(0), c.rank(1))
    shape = broadcast_shapes(
        *[t._shape[1:] if f else t._shape for t, f in zip(c.args[:2], c.flags[:2], strict=True)]
    )
    value, mask = [
        expand_as_size(raised(front(t, f, c.size), rank), (c.size, *shape))
        for t, f in ((value, c.flags[0]), (mask, c.flags[1]))
    ]
    source, held = _flat(front(source, c.flags[2], c.size)), _flat(mask)
    count = source._shape[1]
    if ever(held.sum(1) > count):
        text = f"Number of elements of source < number of ones in mask: {count} in each sample"
        raise fail("masked_scatter", text, mask=mask, source=source)
    if not count:
        return value.clone()
    picked = gather(source, 1, (held.cumsum(1) - 1).clamp(0, count - 1))
    return where(mask, view_as_size(picked, (c.size, *shape)), value)
