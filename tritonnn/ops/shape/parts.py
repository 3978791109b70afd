"""Views of a part of a tensor: slices, diagonals and windows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid, fail
from tritonnn.ops._definitions import shape as define
from tritonnn.ops._table import ANY, Bad, Out, Sample, composite, primitive, view, views
from tritonnn.ops.shape.shape import _checked_dim, unsqueeze
from tritonnn.shape import Size, wrap_dim
from tritonnn.table.types import Count, Geometry


@view(
    public="slice",
    grad={"input": lambda g, input_shape, dim, start, length, step: slice_backward(
        g, input_shape, dim, start, length, step)},
    samples=lambda make: [Sample(make(5, 3), 0, 1, 2, 2), Sample(make(5, 3), 1, 0, 3, 1)],
    api="", dtypes=ANY,
)  # fmt: skip
def slice_dim(input: Tensor, dim: int, start: int, length: int, step: int) -> Geometry:
    """`length` elements of dimension `dim` from `start`, every `step`-th (all normalised)."""
    size, stride = list(input.shape), list(input.stride())
    offset = input._offset + start * stride[dim]
    size[dim] = length
    stride[dim] *= step
    return size, stride, offset


@primitive(
    float8=True,
    grad={"grad": lambda g, dim, start, length, step: slice_dim(g, dim, start, length, step)},
    samples=lambda make: [Sample(make(2, 3), (5, 3), 0, 1, 2, 2)], dtypes=ANY,
)  # fmt: skip
def slice_backward(grad: Tensor, input_shape: Size, dim: int, start: int, length: int, step: int) -> Out:
    """Zeros of `input_shape` with `grad` written into a slice."""
    return Out(input_shape, grad.dtype)


@view(
    public="select",
    grad={"input": lambda g, input_shape, dim, index: slice_backward(
        unsqueeze(g, dim), input_shape, dim, index, 1, 1)},
    samples=lambda make: [Sample(make(5, 3), 0, 1), Sample(make(5, 3), 1, 2)],
    api="", dtypes=ANY,
)  # fmt: skip
def select_dim(input: Tensor, dim: int, index: int) -> Geometry:
    """The slice at `index` of dimension `dim`, without that dimension (both normalised)."""
    size, stride = list(input._shape), list(input.stride())
    offset = input._offset + index * stride[dim]
    return size[:dim] + size[dim + 1 :], stride[:dim] + stride[dim + 1 :], offset


def _sections(input: Tensor, dim: int, lengths: Sequence[int]) -> list[Geometry]:
    size, stride = list(input.shape), input.stride()
    geometries: list[Geometry] = []
    start = 0
    for length in lengths:
        size[dim] = length
        geometries.append((tuple(size), stride, input._offset + start * stride[dim]))
        start += length
    return geometries


def _joined(gs: tuple, shape: Size, dim: int, lengths: Sequence[int]) -> Tensor:
    """The gradients of consecutive parts as that of the whole; zeros where there is none."""
    from tritonnn.ops.creation.creation import zeros
    from tritonnn.ops.joining.joining import cat

    given = next(g for g in gs if g is not None)
    filled = [
        zeros((*shape[:dim], length, *shape[dim + 1 :]), dtype=given.dtype, device=given.device)
        if g is None
        else g
        for g, length in zip(gs, lengths, strict=True)
    ]
    return cat(filled, dim)


@views(
    grad={"input": lambda gs, input_shape, dim, lengths: _joined(gs, input_shape, dim, lengths)}, dtypes=ANY
)
def split_evenly(input: Tensor, dim: int, lengths: Sequence[int]) -> list[Geometry]:
    """Consecutive parts of `dim` (normalised), all of one length but the last."""
    return _sections(input, dim, lengths)


@views(
    grad={"input": lambda gs, input_shape, dim, lengths: _joined(gs, input_shape, dim, lengths)}, dtypes=ANY
)
def split_by_sizes(input: Tensor, dim: int, lengths: Sequence[int]) -> list[Geometry]:
    """Consecutive parts of `dim` (normalised) of given lengths."""
    return _sections(input, dim, lengths)


def _stacked(gs: tuple, shape: Size, dim: int) -> Tensor:
    from tritonnn.ops.creation.creation import zeros_like
    from tritonnn.ops.joining.joining import stack

    given = next(g for g in gs if g is not None)
    return stack([zeros_like(given) if g is None else g for g in gs], dim)


@views(grad={"input": lambda gs, input_shape, dim: _stacked(gs, input_shape, dim)}, dtypes=ANY)
def unbind_dim(input: Tensor, dim: int) -> list[Geometry]:
    """The slices of `dim` (normalised), without it."""
    size, stride = input.shape, input.stride()
    kept_size, kept_stride = (*size[:dim], *size[dim + 1 :]), (*stride[:dim], *stride[dim + 1 :])
    return [(kept_size, kept_stride, input._offset + i * stride[dim]) for i in range(size[dim])]


@composite(
    api="torch tensor",
    dtypes=ANY,
    samples=lambda make: [Sample(make(5, 3), 0, -1), Sample(make(5, 3), -1, 1)],
    errors=lambda make: [Bad(make(5), 0, 5, error=IndexError, match="index 5 out of range")],
    reference=lambda input, dim, index: np.take(input, index, dim),
)
def select(input: Tensor, dim: int, index: Count) -> Tensor:
    """The slice at `index` of dimension `dim`; a view without that dimension.

    >>> import tritonnn as torch
    >>> torch.tensor([[1, 2], [3, 4]]).select(1, 0)
    tensor([1, 3])
    """
    if not input.shape:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    dim, index = _checked_dim("select", dim, input), int(index)
    extent = input.shape[dim]
    if not -extent <= index < extent:
        if not -(1 << 63) <= index < 1 << 63:
            raise ValueError(f"select(): Overflow when unpacking long long: argument 'index' is {index}")
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(input.shape)} at dimension {dim}"
        )
    return select_dim(input, dim, index % extent)


@composite(
    api="torch tensor",
    dtypes=ANY,
    samples=lambda make: [Sample(make(5, 3), 0, 1, 3), Sample(make(5, 3), 1, -2, 2)],
    errors=lambda make: [Bad(make(5), 0, 3, 3, match="exceeds dimension size")],
    reference=define.narrow,
)
def narrow(input: Tensor, dim: int, start: int | Tensor, length: Count) -> Tensor:
    """`length` elements of dimension `dim` from `start`; a view.

    >>> import tritonnn as torch
    >>> torch.arange(5).narrow(0, 1, 3)
    tensor([1, 2, 3])
    """
    if not input.shape:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    if isinstance(start, Tensor):
        if start.shape or start.dtype.kind != 1:
            raise fail("narrow", "start must be an 0-dim integral Tensor.", input=input, start=start)
        start = int(start)
    dim = _checked_dim("narrow", dim, input)
    extent = input.shape[dim]
    if length < 0:
        raise RuntimeError(f"narrow(): length must be non-negative, got {length}")
    if not -extent <= start <= extent:
        raise IndexError(f"narrow: start {start} is out of range [{-extent}, {extent}]")
    start = start + extent if start < 0 else start
    if start + length > extent:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({extent}).")
    return slice_dim(input, dim, start, length, 1)


@view(
    grad={"input": lambda g, input_shape, offset, dim1, dim2: diagonal_backward(g, input_shape, offset, dim1, dim2)},
    samples=lambda make: [Sample(make(3, 4)), Sample(make(3, 4), 1), Sample(make(2, 3, 4), -1, 0, 2)],
    errors=lambda make: [Bad(make(3, 3), 0, 1, 1, match="cannot be identical")], dtypes=ANY,
    reference=lambda input, offset, dim1, dim2: np.diagonal(input, offset, dim1, dim2),
)  # fmt: skip
def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Geometry:
    """The diagonals of the planes (dim1, dim2), as a last dimension; a view.

    >>> import tritonnn as torch
    >>> torch.tensor([[1, 2], [3, 4]]).diagonal()
    tensor([1, 4])
    """
    ndim = len(input.shape)
    first, second = wrap_dim(dim1, ndim), wrap_dim(dim2, ndim)
    if first == second:
        raise Invalid(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    size, stride = list(input.shape), list(input.stride())
    if offset >= 0:
        length = max(min(size[first], size[second] - offset), 0)
        start = offset * stride[second]
    else:
        length = max(min(size[first] + offset, size[second]), 0)
        start = -offset * stride[first]
    keep = [d for d in range(ndim) if d not in (first, second)]
    where = input._offset + (start if length else 0)
    return (
        [size[d] for d in keep] + [length],
        [stride[d] for d in keep] + [stride[first] + stride[second]],
        where,
    )


def diagonal_backward(g: Tensor, input_shape: Size, offset: int, dim1: int, dim2: int) -> Tensor:
    """Zeros of `input_shape` with `g` on the diagonals."""
    grad = g.new_zeros(input_shape)
    diagonal(grad, offset, dim1, dim2).copy_(g)
    return grad


@view(
    grad={"input": lambda g, input_shape, dimension, size, step: _unfold_grad(g, input_shape, dimension, size, step)},
    samples=lambda make: [Sample(make(7), 0, 3, 2), Sample(make(2, 6), 1, 2, 2), Sample(make(2, 6), 1, 3, 1)],
    errors=lambda make: [Bad(make(4), 0, 5, 1, match="maximum size for tensor at dimension 0 is 4")],
    api="tensor", dtypes=ANY,
    reference=define.unfold,
)  # fmt: skip
def unfold(input: Tensor, dimension: int, size: int, step: int) -> Geometry:
    """Windows of `size` elements, `step` apart, along a dimension, as a new last dimension; a view.

    >>> import tritonnn as torch
    >>> torch.arange(5).unfold(0, 2, 2)
    tensor([[0, 1],
            [2, 3]])
    """
    dim = wrap_dim(dimension, len(input.shape))
    extent = input.shape[dim] if input.shape else 1
    if size < 0 or size > extent:
        raise Invalid(f"maximum size for tensor at dimension {dim} is {extent} but size is {size}")
    if step <= 0:
        raise Invalid(f"step is {step} but must be > 0")
    shape, stride = list(input.shape), list(input.stride())
    if not shape:
        return (size,), (1,), input._offset
    last = stride[dim]
    shape[dim], stride[dim] = (extent - size) // step + 1, stride[dim] * step
    return [*shape, size], [*stride, last], input._offset


def _unfold_grad(g: Tensor, input_shape: Size, dimension: int, size: int, step: int) -> Tensor:

    if not input_shape:
        return g.sum()
    dim = dimension % len(input_shape)
    if not size:
        return g.new_zeros(input_shape)
    return overlap_added(g, dim, step, input_shape[dim])


def overlap_added(windows: Tensor, dim: int, step: int, length: int) -> Tensor:
    """The sum of windows (along the last dimension), `step` apart along `dim`, of which `length` places are kept.

    Parts of `step` places of all windows lie side by side: there is one sum for each part, not for each place.
    """
    from tritonnn.ops.padding import constant_pad_nd

    def along(before: int, after: int) -> list[int]:
        return [0, 0] * (len(windows.shape) - 2 - dim) + [before, after]

    parts = -(-windows.shape[-1] // step)
    windows = constant_pad_nd(windows, [0, parts * step - windows.shape[-1]])
    total = None
    for k in range(parts):
        part = narrow(windows, -1, k * step, step).movedim(-1, dim + 1).flatten(dim, dim + 1)
        part = constant_pad_nd(part, along(k * step, (parts - 1 - k) * step))
        total = part if total is None else total + part
    assert total is not None
    return constant_pad_nd(total, along(0, length - total.shape[dim]))
