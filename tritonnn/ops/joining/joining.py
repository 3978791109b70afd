"""Joining and splitting: cat, stack, split, chunk, and what they are built into."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from tritonnn import dtypes
from tritonnn import shape as shapes
from tritonnn._tensor import Tensor
from tritonnn.dispatch import result_type
from tritonnn.errors import Invalid, fail
from tritonnn.memory_format import contiguous_format, format_of
from tritonnn.ops._arguments import not_a_tensor
from tritonnn.ops._definitions import shape as define
from tritonnn.ops._table import ANY, Bad, Out, Sample, composite, primitive
from tritonnn.ops.shape.parts import select_dim, slice_dim, split_by_sizes, split_evenly, unbind_dim
from tritonnn.ops.shape.shape import expand_as_size, unsqueeze, view_as_size, view_or_copy
from tritonnn.shape import Size, wrap_dim
from tritonnn.table.types import IntOrInts, Tensors


@primitive(
    float8=True,
    api="torch", alias=("concat", "concatenate"), dtypes=ANY,
    grad={"tensors": lambda g, tensors_shape, dim: _cat_grad(g, tensors_shape, dim)},
    samples=lambda make: [Sample([make(2, 3), make(1, 3)]), Sample([make(2, 3), make(2, 1), make(2, 2)], -1),
                          Sample([make(3)]), Sample([make(0), make(2, 3), make(2, 3)], 1)],
    errors=lambda make: [Bad([], error=ValueError, match="non-empty list"),
                         Bad(make(2), error=TypeError, match="Tensor"), Bad([make(2, 3), make(2, 2)], match="must"),
                         Bad([make(()), make(2)], match="zero-dimensional"),
                         Bad([make(2), make(2, 2)], match="same number of dimensions")],
    reference=define.cat,
)  # fmt: skip
def cat(tensors: Tensors, dim: int = 0) -> Any:
    """The tensors one after another along `dim`; their other extents must agree.

    >>> import tritonnn as torch
    >>> torch.cat([torch.zeros(1, 2), torch.ones(1, 2)])
    tensor([[0., 0.],
            [1., 1.]])
    """
    if not len(tensors):
        raise Invalid("expected a non-empty list of Tensors", kind=ValueError)
    if dim.__class__ is not int:
        dim = int(dim)
    # A legacy that programs rely on: empty 1-d tensors are left out whatever the rank of the others.
    first = next((t for t in tensors if t.shape != (0,)), tensors[0])
    if not first.shape:
        raise Invalid(
            "zero-dimensional tensor (at position 0) cannot be concatenated", hint="use torch.stack"
        )
    dim = 0 if first.shape == (0,) else wrap_dim(dim, len(first.shape))  # of nothing but those any will do
    wanted = tuple(first.shape)
    before, after, rank = wanted[:dim], wanted[dim + 1 :], len(wanted)
    total, common, mixed = 0, first.dtype, False
    for i, tensor in enumerate(tensors):
        sizes = tuple(tensor.shape)
        mixed = mixed or tensor.dtype is not common
        if sizes != wanted:
            if sizes == (0,) and rank != 1:
                continue
            if len(sizes) != rank or sizes[:dim] != before or sizes[dim + 1 :] != after:
                raise _unlike(first, tensor, i, dim)
        total += sizes[dim]
    if mixed:
        common = result_type(*tensors)
    shape = (*before, total, *after)
    format = format_of(first)
    if format is contiguous_format or not all(format_of(t) is format or t.shape == (0,) for t in tensors):
        return Out(shape, common), (list(tensors), dim)
    return Out(shape, common, strides=format.strides(shape)), (list(tensors), dim)


def _unlike(first: Tensor, tensor: Tensor, i: int, dim: int) -> Invalid:
    """Why a tensor can not be joined to the first one."""
    if len(tensor.shape) != len(first.shape):
        if not tensor.shape:
            return Invalid(
                f"zero-dimensional tensor (at position {i}) cannot be concatenated", hint="use torch.stack"
            )
        return Invalid(
            f"Tensors must have same number of dimensions: got {len(first.shape)} and {len(tensor.shape)} "
            f"(position {i})"
        )
    pairs = enumerate(zip(tensor.shape, first.shape, strict=True))
    d, (have, wanted) = next((d, pair) for d, pair in pairs if pair[0] != pair[1] and d != dim)
    return Invalid(
        f"Sizes of tensors must match except in dimension {dim}. Expected size {wanted} but got size {have} "
        f"for tensor number {i} in the list (dimension {d})."
    )


def _cat_grad(g: Tensor, tensors_shape: list[Size], dim: int) -> list[Tensor]:
    grads, start = [], 0
    for shape in tensors_shape:
        if shape == (0,) and len(g.shape) != 1:
            grads.append(slice_dim(view_or_copy(g, (-1,)), 0, 0, 0, 1))
            continue
        grads.append(slice_dim(g, dim, start, shape[dim], 1))
        start += shape[dim]
    return grads


@primitive(
    float8=True,
    public="stack", dtypes=ANY,
    grad={"tensors": lambda g, tensors_shape, dim: [select_dim(g, dim, i) for i in range(len(tensors_shape))]},
    samples=lambda make: [Sample([make(2, 3), make(2, 3)], 1), Sample([make(2), make(2)], 1), Sample([make(())], 0)],
)  # fmt: skip
def stack_contiguous(tensors: Tensors, dim: int) -> Any:
    """The row-major tensors, all of one shape, along a new dimension `dim`."""
    shape = tuple(tensors[0].shape)
    common = tensors[0].dtype
    if any([tensor.dtype is not common for tensor in tensors]):
        common = result_type(*tensors)
    return Out((*shape[:dim], len(tensors), *shape[dim:]), common)


@composite(
    api="torch", dtypes=ANY,
    samples=lambda make: [Sample([make(2, 3), make(2, 3)]), Sample([make(2), make(2)], -1), Sample([make(())])],
    errors=lambda make: [Bad([make(2), make(3)], match="equal size"), Bad([], match="non-empty")],
    reference=lambda tensors, dim: np.stack(tensors, dim),
)  # fmt: skip
def stack(tensors: Tensors, dim: int = 0, *, out: Tensor | None = None) -> Tensor:
    """The tensors, all of one shape, along a new dimension `dim`.

    >>> import tritonnn as torch
    >>> torch.stack([torch.tensor([1, 2]), torch.tensor([3, 4])])
    tensor([[1, 2],
            [3, 4]])
    """
    tensors = list(tensors)
    if not tensors:
        raise fail("stack", "expects a non-empty TensorList")
    for i, tensor in enumerate(tensors):
        if not isinstance(tensor, Tensor):
            got = type(tensor).__name__
            raise TypeError(f"stack(): expected Tensor as element {i} in argument 'tensors', but got {got}")
    first = tensors[0].shape
    at = wrap_dim(dim, len(first) + 1)
    for i, tensor in enumerate(tensors):
        if tensor.shape != first:
            raise fail(
                "stack",
                f"expects each tensor to be equal size, but got {list(first)} at entry 0 and {list(tensor.shape)} at "
                f"entry {i}",
            )
    row_major = (None, shapes.contiguous_strides(tensors[0].shape))
    if all(
        [tensor._stride in row_major for tensor in tensors]
    ):  # else the strides tell how the result is to lie
        return stack_contiguous(tensors, at) if out is None else stack_contiguous(tensors, at, out=out)
    shape = tensors[0].shape
    if out is None and at < len(shape):  # joined along what stands there, the result keeps the memory format
        return view_as_size(cat(tensors, at), Size((*shape[:at], len(tensors), *shape[at:])))
    rows = [unsqueeze(tensor, at) for tensor in tensors]
    return cat(rows, at) if out is None else cat(rows, at, out=out)


def _needs_dimension(op: str, tensor: Tensor) -> None:
    if not tensor.shape:
        raise fail(op, "expects at least a 1-dimensional tensor", input=tensor)


@composite(
    api="torch tensor",
    dtypes=ANY,
    samples=lambda make: [Sample(make(5, 3), 2), Sample(make(5, 3), [1, 4]), Sample(make(2, 6), 4, 1)],
    errors=lambda make: [
        Bad(make(5), [1, 2], match="to sum exactly to 5"),
        Bad(make(()), 1, match="expects at least a 1-dimensional tensor"),
    ],
    reference=define.split,
    keywords={"split_size": "split_size_or_sections"},
)
def split(tensor: Tensor, split_size_or_sections: IntOrInts, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of consecutive parts along `dim`: of one size (the last may be smaller), or of the listed sizes.

    >>> import tritonnn as torch
    >>> torch.arange(5).split(2)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    """
    _needs_dimension("split", tensor)
    dim = wrap_dim(dim, len(tensor.shape))
    extent = tensor.shape[dim]
    sections = split_size_or_sections
    if isinstance(sections, int):
        if sections < 0 or (sections == 0 and extent):
            raise fail(
                "split",
                f"expects split_size be non-negative (positive for a dimension of {extent}), got {sections}",
            )
        count = max(-(-extent // sections), 1) if sections else 1
        lengths = [min(sections, extent - i * sections) for i in range(count)]
        return split_evenly(tensor, dim, lengths)
    if sum(sections) != extent or min(sections, default=0) < 0:
        raise fail(
            "split_with_sizes",
            f"expects split_sizes to sum exactly to {extent} (input tensor's size at dimension {dim}), but got "
            f"split_sizes={list(sections)}",
        )
    return split_by_sizes(tensor, dim, [*sections])


NAMED_SPLIT = split


@composite(
    api="torch tensor",
    dtypes=ANY,
    samples=lambda make: [Sample(make(5, 3), [1, 4])],
    reference=define.split_with_sizes,
    errors=lambda make: [
        Bad(make(5), [1, 2], match="to sum exactly to 5"),
        Bad(make(5), [-1, 6], match="to sum exactly to 5"),
        Bad(make(5), [5], 1, error=IndexError, match="Dimension out of range"),
    ],
)
def split_with_sizes(input: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Views of consecutive parts of the listed sizes, which add up to the extent, along `dim`.

    >>> import tritonnn as torch
    >>> torch.split_with_sizes(torch.arange(5), [2, 3])
    (tensor([0, 1]), tensor([2, 3, 4]))
    """
    _needs_dimension("split_with_sizes", input)
    wrap_dim(dim, len(input.shape))
    return split(input, list(split_sizes), dim)


@composite(
    api="torch tensor",
    dtypes=ANY,
    samples=lambda make: [Sample(make(5, 3), 2), Sample(make(2, 6), 4, 1)],
    reference=define.chunk,
    errors=lambda make: [
        Bad(make(5), 0, match="`chunks` to be greater than 0"),
        Bad(make(()), 2, match="at least a 1-dimensional"),
        Bad(make(5), 2, 1, error=IndexError, match="Dimension out of range"),
    ],
)
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most `chunks` views of equal size along `dim` (the last may be smaller).

    >>> import tritonnn as torch
    >>> [len(part) for part in torch.arange(5).chunk(3)]
    [2, 2, 1]
    """
    if chunks <= 0:
        raise fail("chunk", f"expects `chunks` to be greater than 0, got: {chunks}")
    _needs_dimension("chunk", input)
    extent = input.shape[wrap_dim(dim, len(input.shape))]
    if extent == 0:
        return split(input, [0] * chunks, dim)
    return split(input, -(-extent // chunks), dim)


@composite(
    api="torch tensor",
    dtypes=ANY,
    samples=lambda make: [Sample(make(5, 3), 2), Sample(make(5, 3), (1, -1)), Sample(make(2, 3), (2, 1, 9), -1)],
    reference=define.tensor_split,
    keywords=dict.fromkeys(("indices", "sections", "tensor_indices_or_sections"), "indices_or_sections"),
    errors=lambda make: [
        Bad(make(5), 0, match="must be larger than 0, got 0"),
        Bad(make(()), 2, match="at least a 1-dimensional"),
        Bad(make(5), make.int(1, dtype=dtypes.int32), match="to be of int64"),
        Bad(make(5), 2, 1, error=IndexError, match="Dimension out of range"),
    ],
)  # fmt: skip
def tensor_split(input: Tensor, indices_or_sections: IntOrInts | Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Views along `dim`: so many parts of nearly equal size, or parts that begin at the listed indices.

    >>> import tritonnn as torch
    >>> torch.tensor_split(torch.arange(5), 3)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    """
    _needs_dimension("tensor_split", input)
    if isinstance(indices_or_sections, Tensor) and (
        indices_or_sections.dtype is not dtypes.int64 or len(indices_or_sections.shape) > 1
    ):
        raise fail(
            "tensor_split",
            "expected tensor_indices_or_sections to be of int64 and to have 0 or 1 dimensions",
            tensor_indices_or_sections=indices_or_sections,
        )
    dim = wrap_dim(dim, len(input.shape))
    extent = input.shape[dim]
    spec: Any = indices_or_sections
    if isinstance(spec, (Tensor, np.ndarray, np.generic)):
        spec = spec.tolist()
    if isinstance(spec, int):
        if spec <= 0:
            raise fail("tensor_split", f"number of sections must be larger than 0, got {spec}")
        small, larger = divmod(extent, spec)
        spec = list(accumulate([small + 1] * larger + [small] * (spec - larger - 1)))
    bounds = [min(max(i + extent if i < 0 else i, 0), extent) for i in spec]
    edges = list(zip([0, *bounds], [*bounds, extent], strict=True))
    return tuple(slice_dim(input, dim, start, max(stop - start, 0), 1) for start, stop in edges)


@composite(
    api="torch tensor",
    dtypes=ANY,
    samples=lambda make: [Sample(make(3, 2)), Sample(make(3, 2), 1)],
    reference=define.unbind,
    errors=lambda make: [
        Bad(make(()), error=IndexError, match="tensor has no dimensions"),
        Bad(make(5), 1, error=IndexError, match="Dimension out of range"),
    ],
)
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """The slices along `dim`, as views without it.

    >>> import tritonnn as torch
    >>> torch.tensor([[1, 2], [3, 4]]).unbind()
    (tensor([1, 2]), tensor([3, 4]))
    """
    if not input.shape:
        raise IndexError("unbind(): Dimension specified as 0 but tensor has no dimensions")
    dim = wrap_dim(dim, len(input.shape))
    return unbind_dim(input, dim)


@composite(
    api="torch",
    dtypes=ANY,
    samples=lambda make: [Sample(make(3), make(2)), Sample(make(3), make(2), make(()), indexing="xy")],
    reference=define.meshgrid,
    errors=lambda make: [
        Bad(make(3), indexing="yx", match='indexing must be one of "xy" or "ij"'),
        Bad(make(3), make(2, 2), match="Expected 0D or 1D tensor"),
        Bad([], match="non-empty TensorList"),
        Bad(make(3), make(2, dtype=dtypes.complex128), match="the same dtype"),
    ],
)
def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Tensor, ...]:
    """Coordinates of a grid: the i-th result has the i-th vector along its i-th dimension.

    Args:
        tensors: vectors or 0-d tensors of one dtype.
        indexing: 'ij', or 'xy' with the first two dimensions exchanged.

    >>> import tritonnn as torch
    >>> rows, columns = torch.meshgrid(torch.tensor([1, 2]), torch.tensor([3, 4]), indexing="ij")
    >>> rows
    tensor([[1, 1],
            [2, 2]])
    """
    vectors = list(tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors)
    indexing = "ij" if indexing is None else indexing
    if indexing not in ("ij", "xy"):
        raise fail("meshgrid", f'indexing must be one of "xy" or "ij", but received: {indexing}')
    if not vectors:
        raise fail("meshgrid", "expects a non-empty TensorList")
    for vector in vectors:
        if not isinstance(vector, Tensor):
            raise not_a_tensor("meshgrid", "tensors", vector)
    for vector in vectors:
        if len(vector.shape) > 1:
            reason = f"Expected 0D or 1D tensor in the tensor list but got {len(vector.shape)}D"
            raise fail("meshgrid", reason)
        if vector.dtype is not vectors[0].dtype:
            raise fail("meshgrid", "expects all tensors to have the same dtype")
    swap = indexing == "xy" and len(vectors) > 1
    if swap:
        vectors[0], vectors[1] = vectors[1], vectors[0]
    shape = tuple(v.numel() for v in vectors)
    columns = [view_or_copy(v, (-1,) + (1,) * (len(vectors) - i - 1)) for i, v in enumerate(vectors)]
    grids = [expand_as_size(column, shape) for column in columns]
    if swap:
        grids[0], grids[1] = grids[1], grids[0]
    return tuple(grids)
