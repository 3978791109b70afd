"""Copies with elements reversed, moved, turned or repeated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tritonnn import dtypes
from tritonnn import shape as shapes
from tritonnn._tensor import Tensor
from tritonnn.errors import fail
from tritonnn.memory_format import contiguous_format, strides_as
from tritonnn.ops._arguments import dimension, not_a_tensor
from tritonnn.ops._definitions import shape as define
from tritonnn.ops._table import ANY, Bad, Out, Sample, attach, composite, named, own, primitive
from tritonnn.ops.joining.joining import cat
from tritonnn.ops.shape.parts import split_by_sizes
from tritonnn.ops.shape.shape import expand_as_size, permute_dims, unsqueeze, view_as_size, view_or_copy
from tritonnn.shape import as_dims, wrap_dim
from tritonnn.table.types import Dims, IntOrInts


@primitive(
    float8=True,
    api="torch", dtypes=ANY, grad={"input": lambda g, dims: flip(g, dims)},
    samples=lambda make: [Sample(make(2, 3), (0,)), Sample(make(2, 3, 2), (0, -1)), Sample(make(3), ())],
    errors=lambda make: [Bad(make(2), (1,), error=IndexError, match="Dimension out of range"),
                         Bad(make(2, 2), (0, 0), match="appears multiple times")],
    reference=lambda input, dims: np.flip(input, dims),
)  # fmt: skip
def flip(input: Tensor, dims: Sequence[int]) -> Any:
    """A copy with the order of elements reversed along `dims`.

    >>> import tritonnn as torch
    >>> torch.flip(torch.arange(3), (0,))
    tensor([2, 1, 0])
    """
    order = as_dims(dims)
    wrapped = shapes.wrap_dims(order, len(input.shape)) if order else ()
    return Out(input.shape, input.dtype, strides=strides_as(input)), (input, wrapped)


def _flip(self: Tensor, *order: int | Sequence[int], dims: Sequence[int] | None = None) -> Tensor:
    """`flip` as a method, which takes the dimensions in line too."""
    return flip(self, shapes.as_size(order or shapes.by_name("flip", "dims", dims), "flip", "dims"))


attach(flip=named("flip", _flip))


@composite(
    api="torch tensor",
    dtypes=ANY,
    samples=lambda make: [Sample(make(2, 3))],
    reference=lambda input: np.fliplr(input),
    errors=lambda make: [Bad(make(2), match="Input must be >= 2-d")],
)
def fliplr(input: Tensor) -> Tensor:
    """A copy with the columns in reverse order.

    Raises:
        RuntimeError: fewer than 2 dimensions.

    >>> import tritonnn as torch
    >>> torch.fliplr(torch.tensor([[1, 2], [3, 4]]))
    tensor([[2, 1],
            [4, 3]])
    """
    if len(input.shape) < 2:
        raise fail("fliplr", "Input must be >= 2-d.", input=input)
    return flip(input, (1,))


@composite(
    api="torch tensor",
    dtypes=ANY,
    samples=lambda make: [Sample(make(2, 3))],
    reference=lambda input: np.flipud(input),
    errors=lambda make: [Bad(make(()), match="Input must be >= 1-d")],
)
def flipud(input: Tensor) -> Tensor:
    """A copy with the rows in reverse order.

    Raises:
        RuntimeError: no dimension.

    >>> import tritonnn as torch
    >>> torch.flipud(torch.tensor([[1, 2], [3, 4]]))
    tensor([[3, 4],
            [1, 2]])
    """
    if not input.shape:
        raise fail("flipud", "Input must be >= 1-d.", input=input)
    return flip(input, (0,))


@composite(
    api="torch tensor",
    dtypes=ANY,
    samples=lambda make: [Sample(make(5), 2), Sample(make(2, 3), (1, -1), (0, 1)), Sample(make(2, 3), 2)],
    errors=lambda make: [Bad(make(2, 2), (1, 2), 0, match="shifts and dimensions must align")],
    reference=lambda input, shifts, dims: np.roll(input, shifts, dims),
)
def roll(input: Tensor, shifts: IntOrInts, dims: Dims = None) -> Tensor:
    """A copy with elements moved along `dims`, those leaving the end entering at the start.

    >>> import tritonnn as torch
    >>> torch.arange(4).roll(1)
    tensor([3, 0, 1, 2])
    """
    shifts = (shifts,) if isinstance(shifts, int) else tuple(shifts)
    dims = None if dims is None else as_dims(dims)
    if not dims:
        if len(shifts) != 1:
            raise fail("roll", f"`shifts` must have one element when no `dims` are given, got {shifts}")
        return view_as_size(roll(view_or_copy(input, (-1,)), shifts, (0,)), input.shape)
    if len(shifts) != len(dims):
        raise fail("roll", f"shifts and dimensions must align. shifts: {len(shifts)}, dims:{len(dims)}")
    if not input.numel():
        return input.clone()  # along whatever dimensions
    rolled = input
    for shift, dim in zip(shifts, dims, strict=True):
        dim = dimension("roll", input, dim)
        extent = input.shape[dim]
        if extent and (at := shift % extent):
            stays, wraps = split_by_sizes(
                rolled, dim, (extent - at, at)
            )  # on the way back they are joined at once
            rolled = cat([wraps, stays], dim)
    return input.clone(memory_format=contiguous_format) if rolled is input else rolled.contiguous()


@composite(
    api="torch tensor",
    dtypes=ANY,
    samples=lambda make: [Sample(make(2, 3)), Sample(make(2, 3), 2), Sample(make(2, 3, 4), -1, (1, 2))],
    reference=lambda input, k, dims: np.rot90(input, k, dims),
    errors=lambda make: [
        Bad(make(2), match="expected total dims >= 2"),
        Bad(make(2, 2), 1, (0,), match="total rotation dims == 2"),
        Bad(make(2, 2), 1, (0, -2), match="rotation dims to be different"),
        Bad(make(2, 2), 1, (0, 2), error=IndexError, match="Dimension out of range"),
        Bad(make(2, 2), 1.5, error=TypeError, match="'k' .*must be int, not float"),
    ],
)
def rot90(input: Tensor, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    """A copy turned by k right angles in the plane `dims`, from the first towards the second.

    >>> import tritonnn as torch
    >>> torch.rot90(torch.tensor([[1, 2], [3, 4]]))
    tensor([[2, 4],
            [1, 3]])
    """
    if len(dims) != 2:
        raise fail("rot90", f"expected total rotation dims == 2, but got dims = {len(dims)}", input=input)
    if len(input.shape) < 2:
        raise fail("rot90", f"expected total dims >= 2, but got total dims = {len(input.shape)}", input=input)
    first, second = (wrap_dim(d, len(input.shape)) for d in dims)
    if first == second:
        raise fail("rot90", f"expected rotation dims to be different, but got {tuple(dims)}", input=input)
    order = list(range(len(input.shape)))
    order[first], order[second] = second, first
    k %= 4
    if k == 0:
        return input.clone(memory_format=contiguous_format)
    if k == 2:
        return flip(input, (first, second))
    if k == 1:
        return permute_dims(flip(input, (second,)), tuple(order))
    return flip(permute_dims(input, tuple(order)), (second,))


def _repeat(self: Tensor, *counts: int | Sequence[int], repeats: Sequence[int] | None = None) -> Tensor:
    """A copy tiled `repeats[d]` times along each dimension; extra leading numbers add dimensions.

    >>> import tritonnn as torch
    >>> torch.tensor([1, 2]).repeat(2, 2)
    tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]])
    """
    counts = shapes.as_size(counts or shapes.by_name("repeat", "repeats", repeats), "repeat", "repeats")
    lead = len(counts) - len(self.shape)
    if lead < 0:
        raise fail(
            "repeat",
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor",
            input=self,
        )
    if min(counts, default=0) < 0:
        raise fail("repeat", f"Trying to create tensor with negative dimension: {list(counts)}")
    shape = (1,) * lead + tuple(self.shape)
    split_shape = [n for pair in zip([1] * len(shape), shape, strict=True) for n in pair]
    wide_shape = [n for pair in zip(counts, shape, strict=True) for n in pair]
    wide = expand_as_size(view_or_copy(self, split_shape), tuple(wide_shape))
    wide = wide.clone(memory_format=contiguous_format)
    return own(view_as_size(wide, tuple(c * n for c, n in zip(counts, shape, strict=True))), (self,))


attach(repeat=named("repeat", _repeat))


@composite(
    api="torch",
    dtypes=ANY,
    samples=lambda make: [Sample(make(2, 3), (2,)), Sample(make(2), (2, 2))],
    reference=define.tile,
    errors=lambda make: [Bad(make(2), (-1,), match="negative dimension")],
)
def tile(input: Tensor, dims: Sequence[int]) -> Tensor:
    """A copy tiled along each dimension; fewer numbers than dimensions count from the last.

    >>> import tritonnn as torch
    >>> torch.tile(torch.tensor([1, 2]), (2,))
    tensor([1, 2, 1, 2])
    """
    dims = shapes.as_size((dims,), "tile", "dims")
    return _repeat(input, (1,) * (len(input.shape) - len(dims)) + tuple(dims))


def _tile(self: Tensor, *counts: int | Sequence[int], dims: Sequence[int] | None = None) -> Tensor:
    """`tile` as a method, which takes the numbers in line too."""
    return tile(self, shapes.as_size(counts or shapes.by_name("tile", "dims", dims), "tile", "dims"))


attach(tile=named("tile", _tile))


def _equally_often(input: Tensor, repeats: int, dim: int) -> Tensor:
    """Each position of `dim` so often, row-major."""
    before, extent, after = input.shape[:dim], input.shape[dim], input.shape[dim + 1 :]
    wide = expand_as_size(unsqueeze(input, dim + 1), (*before, extent, repeats, *after))
    return view_or_copy(wide.clone(memory_format=contiguous_format), (*before, extent * repeats, *after))


def _counts(repeats: Any, input: Tensor, dim: int) -> list[int]:
    """How often each position of `dim` is repeated."""
    from tritonnn.ops.creation.from_data import as_tensor

    extent = input.shape[dim]
    counts = view_or_copy(as_tensor(repeats, device=input.device), (-1,))
    if counts.dtype not in (dtypes.int64, dtypes.int32) and counts.numel():
        text = f"repeats must be of int64 or int32; not implemented for {counts.dtype.name}"
        raise fail("repeat_interleave", text, kind=NotImplementedError, repeats=counts)
    counts = expand_as_size(counts, (extent,)) if counts.shape[0] == 1 else counts
    if counts.shape[0] != extent:
        raise fail(
            "repeat_interleave",
            f"repeats must have the same size as input along dim {dim}: {counts.shape[0]} != {extent}",
        )
    given = counts.tolist()
    if min(given, default=0) < 0:
        raise fail("repeat_interleave", f"repeats can not be negative, got {min(given)}", repeats=counts)
    return given


@composite(
    api="torch tensor",
    dtypes=ANY,
    samples=lambda make: [
        Sample(make(2, 3), 2),
        Sample(make(2, 3), 2, dim=1),
        Sample(make(3, 2), make.int(3), dim=0),
    ],
    errors=lambda make: [Bad(make(2), -1, match="negative")],
    reference=define.repeat_interleave,
)
def repeat_interleave(
    input: Tensor | None = None,
    repeats: IntOrInts | Tensor | None = None,
    dim: int | None = None,
    *,
    output_size: int | None = None,
) -> Tensor:
    """A copy with each element repeated in place: `repeats` times, or as often as its entry there says.

    Given `repeats` alone, a tensor, it repeats the positions 0, 1, ...

    >>> import tritonnn as torch
    >>> torch.tensor([1, 2]).repeat_interleave(2)
    tensor([1, 1, 2, 2])
    """
    from tritonnn.ops.creation.from_data import as_tensor
    from tritonnn.ops.creation.ranges import arange

    if input is None or repeats is None:
        counts = repeats = input if repeats is None else repeats
        if not isinstance(counts, Tensor):
            raise not_a_tensor("repeat_interleave", "repeats", counts)
        if len(counts.shape) != 1:
            raise fail("repeat_interleave", "only accept 1D vector as repeat", repeats=counts)
        input = arange(counts.shape[0], device=counts.device)
    if dim is None:
        input, dim = view_or_copy(input, (-1,)), 0
    dim = wrap_dim(dim, len(input.shape))
    extent = input.shape[dim]
    if isinstance(repeats, int):
        if repeats < 0:
            raise fail("repeat_interleave", f"repeats can not be negative, got {repeats}")
        if output_size is not None and output_size != extent * repeats:
            raise fail(
                "repeat_interleave",
                f"allocated size does not match required size: {output_size} != {extent * repeats}",
            )
        return _equally_often(input, repeats, dim)
    given = _counts(repeats, input, dim)
    try:
        numbers = np.repeat(np.arange(extent), given)
    except (ValueError, MemoryError):
        reason = f"can't allocate memory for {sum(given)} indices"
        raise fail("repeat_interleave", reason, repeats=repeats) from None
    if output_size is not None and output_size != len(numbers):
        raise fail(
            "repeat_interleave",
            f"allocated size does not match required size: {output_size} != {len(numbers)}",
        )
    index = (
        as_tensor(numbers, dtype=dtypes.int64, device=input.device)
        if numbers.size
        else arange(0, device=input.device)
    )
    return input.index_select(dim, index)


@composite(
    api="torch", dtypes=ANY, samples=lambda make: [Sample(make(3, 1), make(2))],
    reference=lambda *tensors: tuple(np.broadcast_arrays(*tensors)),
    errors=lambda make: [Bad(make(3), make(2), match="must match the size")],
)  # fmt: skip
def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """The tensors broadcast to their common shape, as views.

    Raises:
        RuntimeError: shapes that do not broadcast.

    >>> import tritonnn as torch
    >>> a, b = torch.broadcast_tensors(torch.ones(3, 1), torch.ones(2))
    >>> a.shape, b.shape
    (torch.Size([3, 2]), torch.Size([3, 2]))
    """
    items = list(tensors)
    for item in items:
        if not isinstance(item, Tensor):
            raise not_a_tensor("broadcast_tensors", "tensors", item)
    shape = shapes.broadcast_shapes(*[t.shape for t in items])
    return tuple(expand_as_size(t, shape) for t in items)
