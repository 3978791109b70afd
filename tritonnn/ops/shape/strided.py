"""Views of any geometry over a storage, and what writing into views means for their base."""

from __future__ import annotations

from collections.abc import Sequence

from tritonnn import dtypes
from tritonnn import shape as shapes
from tritonnn._tensor import Tensor
from tritonnn.device import DeviceLike
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import Invalid, fail
from tritonnn.ops._arguments import tensors_only
from tritonnn.ops._definitions import shape as define
from tritonnn.ops._table import ANY, Bad, Out, Sample, composite, primitive, view
from tritonnn.ops.shape.shape import expand_as_size, view_as_size, view_or_copy
from tritonnn.recording.graph import register_view_ops
from tritonnn.shape import Size
from tritonnn.table.types import Count, Geometry


@view(
    grad={"input": lambda g, input_geometry, input_dtype, size, stride, storage_offset: _as_strided_grad(
        g, input_geometry, input_dtype, (size, stride, storage_offset))},
    samples=lambda make: [Sample(make(4, 3), (2, 2), (3, 1)), Sample(make(6), (2, 3), (2, 1), 0)],
    errors=lambda make: [Bad(make(4), (5,), (1,), match="out of bounds")],
    dtypes=ANY,
    reference=define.as_strided,
)  # fmt: skip
def as_strided(
    input: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: Count | None = None
) -> Geometry:
    """The storage of `input` seen with any size, stride and offset (in elements).

    >>> import tritonnn as torch
    >>> torch.as_strided(torch.arange(4.), (3, 2), (1, 1))
    tensor([[0., 1.],
            [1., 2.],
            [2., 3.]])
    """
    offset = input._offset if storage_offset is None else storage_offset
    shapes.check_geometry(size, stride, offset, input.dtype.itemsize, input._storage.nbytes)
    return Size(size), tuple(stride), offset


def _as_strided_grad(g: Tensor, geometry: tuple, dtype: DType, seen: tuple) -> Tensor:
    """The gradient of a strided view, added up at the elements of the tensor it looks into."""
    from tritonnn.ops.creation.creation import zeros
    from tritonnn.ops.elementwise.derived import view_as_complex, view_as_real

    if (
        g.dtype.is_complex is not dtype.is_complex
    ):  # a view of the real numbers of a complex tensor, or the reverse
        if dtype.is_complex:
            return view_as_complex(_as_strided_grad(g, _in_real(*geometry), g.dtype, seen))
        return _as_strided_grad(view_as_real(g.resolve_conj()), geometry, dtype, _in_real(*seen))
    memory = _Memory(geometry, seen, g.device)
    total = zeros((memory.extent,), dtype=g.dtype, device=g.device).index_add(
        0, memory.seen, view_or_copy(g, (-1,))
    )
    if (counts := memory.counts()) is not None:  # elements of one place share what it gets
        total = total / counts.to(g.dtype)
    return memory.own_elements(total)


def _in_real(size: Sequence[int], stride: Sequence[int], offset: int | None) -> tuple:
    """A geometry of complex numbers as that of their real and imaginary parts."""
    return (*size, 2), (*[2 * step for step in stride], 1), None if offset is None else 2 * offset


class _Memory:
    """The memory that a tensor and a strided view lie in, from the lowest of their elements to the highest.

    Either may have elements where the other has none: a view may leave the tensor that it was taken of.

    Attributes:
        extent: how many elements lie there.
        seen: the places of the view's elements, in row-major order.
    """

    def __init__(self, geometry: tuple, seen: tuple, device: DeviceLike | None) -> None:
        (size, stride, offset), (self.shape, self.stride, own) = seen, geometry
        offset = own if offset is None else offset
        inside = shapes.extent_in_elements(self.shape, self.stride)
        end = max(own + inside, offset + shapes.extent_in_elements(size, stride))
        low = min(own, offset)
        self.extent, self.start, self.device = end - low, own - low, device
        self.seen = _places(size, stride, offset - low, device)
        self.whole = self.extent == inside and shapes.is_contiguous(self.shape, self.stride)

    def own(self) -> Tensor:
        """The places of the tensor's elements."""
        return _places(self.shape, self.stride, self.start, self.device)

    def own_elements(self, memory: Tensor) -> Tensor:
        """The tensor's elements of what lies there."""
        return view_as_size(memory if self.whole else memory.index_select(0, self.own()), self.shape)

    def filled(self, values: Tensor) -> Tensor:
        """The memory with the tensor's elements, and zeros between them."""
        from tritonnn.ops.creation.creation import zeros

        flat = view_or_copy(values, (-1,))
        if self.whole:
            return flat
        return zeros((self.extent,), dtype=values.dtype, device=values.device).index_copy(0, self.own(), flat)

    def counts(self) -> Tensor | None:
        """How many of the tensor's elements lie at each place, at least 1; None where there is one at most."""
        if not any(step == 0 and extent > 1 for step, extent in zip(self.stride, self.shape, strict=True)):
            return None
        from tritonnn.ops.creation.creation import zeros

        own = self.own()
        counts = zeros((self.extent,), dtype=dtypes.int64, device=self.device)
        return counts.index_add(0, own, zeros(own.shape, dtype=dtypes.int64, device=self.device) + 1).clamp(
            min=1
        )


def _places(size: Sequence[int], stride: Sequence[int], offset: int, device: DeviceLike | None) -> Tensor:
    """Positions in the storage of a strided view's elements, in row-major order."""
    from tritonnn.ops.creation.creation import full
    from tritonnn.ops.creation.ranges import arange

    total = full((), offset, dtype=dtypes.int64, device=device)
    for dim, (extent, step) in enumerate(zip(size, stride, strict=True)):
        total = total + view_as_size(arange(extent, device=device) * step, (-1, *[1] * (len(size) - dim - 1)))
    return view_or_copy(expand_as_size(total, tuple(size)), (-1,))


@primitive(
    float8=True,
    grad={"input": lambda g, src_dtype, input_geometry, size, stride, storage_offset: _unwritten(
              g, src_dtype, input_geometry, (size, stride, storage_offset)),
          "src": lambda g, src_dtype, input_geometry, size, stride, storage_offset: _gather_strided(
              g, src_dtype, input_geometry, (size, stride, storage_offset))},
    dtypes=ANY, recorded=True,
)  # fmt: skip
def view_written(
    input: Tensor, src: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int
) -> Out:
    """History of a base whose view was written in place; recorded, never run."""
    return Out(input.shape, input.dtype)


def _unwritten(g: Tensor, written: DType, geometry: tuple, seen: tuple) -> Tensor:
    """What reaches the old base: everything but the written elements."""
    from tritonnn.ops.elementwise.derived import view_as_complex, view_as_real

    if g.dtype.is_complex is not written.is_complex:
        if g.dtype.is_complex:
            return view_as_complex(
                _unwritten(view_as_real(g.resolve_conj()), written, _in_real(*geometry), seen)
            )
        return _unwritten(g, g.dtype, geometry, _in_real(*seen))
    memory = _Memory(geometry, seen, g.device)
    return memory.own_elements(memory.filled(g).index_fill(0, memory.seen, 0))


def _gather_strided(g: Tensor, written: DType, geometry: tuple, seen: tuple) -> Tensor:
    """What reaches the written value."""
    from tritonnn.ops.elementwise.derived import view_as_complex, view_as_real

    if g.dtype.is_complex is not written.is_complex:
        if g.dtype.is_complex:
            return _gather_strided(view_as_real(g.resolve_conj()), written, _in_real(*geometry), seen)
        return view_as_complex(_gather_strided(g, g.dtype, geometry, _in_real(*seen)))
    memory = _Memory(geometry, seen, g.device)
    return view_as_size(memory.filled(g).index_select(0, memory.seen), Size(seen[0]))


@composite(
    api="torch tensor",
    dtypes=ANY,
    samples=lambda make: [Sample(make(4, 3), make(2, 2), (2, 2), (3, 1))],
    reference=define.as_strided_scatter,
    errors=lambda make: [
        Bad(make(4), make(5), (5,), (1,), match="out of bounds"),
        Bad(make(4), make(3), (2,), (1,), match="expected src to have a size equal"),
        Bad(make(4), make(2), (2,), (1, 1), match="mismatch in length of strides"),
        Bad(make(4), make(2), (2,), (-1,), match="Negative strides are not supported"),
    ],
)
def as_strided_scatter(
    input: Tensor,
    src: Tensor,
    size: Sequence[int],
    stride: Sequence[int],
    storage_offset: Count | None = None,
) -> Tensor:
    """A copy of `input` with `src` written into its strided view.

    >>> import tritonnn as torch
    >>> torch.as_strided_scatter(torch.zeros(2, 2), torch.ones(2), (2,), (3,))
    tensor([[1., 0.],
            [0., 1.]])
    """
    if not (isinstance(input, Tensor) and isinstance(src, Tensor)):
        tensors_only("as_strided_scatter", input=input, src=src)
    geometry = (input.shape, input.stride(), input._offset)
    try:
        as_strided.op.rule(input, size, stride, storage_offset)
    except Invalid as invalid:
        raise fail("as_strided_scatter", str(invalid), input=input) from None
    if tuple(src.shape) != tuple(size):
        raise fail(
            "as_strided_scatter",
            f"expected src to have a size equal to the slice of self. src size = {list(src.shape)}, slice size = "
            f"{list(size)}",
            src=src,
        )
    memory = _Memory(geometry, (size, stride, storage_offset), input.device)
    return memory.own_elements(memory.filled(input).index_copy(0, memory.seen, view_or_copy(src, (-1,))))


register_view_ops(as_strided.op, view_written.op)
