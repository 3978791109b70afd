"""Views that keep every element: broadcast, reshaped, permuted, with dimensions more or less."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tritonnn import dtypes
from tritonnn import shape as shapes
from tritonnn._levels import Batched, batched, below
from tritonnn._tensor import Tensor
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import Invalid, warn
from tritonnn.ops._arguments import tensors_only
from tritonnn.ops._definitions import shape as define
from tritonnn.ops._table import ANY, Bad, Sample, attach, composite, named, view
from tritonnn.shape import Size, infer_view_size, wrap_dim
from tritonnn.table.types import Dims, Geometry, IntOrInts


@view(
    public="expand",
    grad={"input": lambda g, size, input_shape: g.sum_to_size(input_shape)},
    samples=lambda make: [Sample(make(3, 1), (3, 4)), Sample(make(3), (2, -1)), Sample(make(()), (2,))],
    errors=lambda make: [Bad(make(3), (4,), match="must match the existing size")],
    dtypes=ANY, api="",
)  # fmt: skip
def expand_as_size(input: Tensor, size: Sequence[int]) -> Geometry:
    """`input` broadcast to `size` without copying; -1 keeps an extent."""
    shape = input._shape
    lead = len(size) - len(shape)
    if lead < 0:
        raise Invalid(
            f"expand({list(shape)}, size={list(size)}): the number of sizes provided ({len(size)}) must be "
            f"greater or equal to the number of dimensions in the tensor ({len(shape)})"
        )
    target = []
    for position, extent in enumerate(size):
        have = shape[position - lead] if position >= lead else None
        if extent == -1:
            if have is None:
                raise Invalid(f"expand: -1 at dimension {position} has no existing size to keep")
            extent = have
        elif extent < 0:
            raise Invalid(f"expand: negative size {extent} at dimension {position}")
        elif have not in (None, 1, extent):
            raise Invalid(
                f"The expanded size of the tensor ({extent}) must match the existing size ({have}) at non-singleton "
                f"dimension {position}.  Target sizes: {list(size)}.  Tensor sizes: {list(shape)}"
            )
        target.append(extent)
    return Size(target), shapes.expanded_strides(shape, input.stride(), target), input._offset


@composite(
    api="tensor",
    dtypes=ANY,
    samples=lambda make: [Sample(make(3, 1), 3, 4), Sample(make(3, 1), (2, 3, 4))],
    reference=define.expand,
    errors=lambda make: [
        Bad(make(3), 4, match="must match the existing size"),
        Bad(make(2, 3), 3, match="must be greater or equal"),
        Bad(make(3), -2, 3, match="negative size"),
    ],
)
def expand(
    input: Tensor, *sizes: int | Sequence[int], size: Sequence[int] | None = None, implicit: bool = False
) -> Tensor:
    """`input` broadcast to a larger size without copying (stride 0); -1 keeps an extent.

    >>> import tritonnn as torch
    >>> torch.tensor([[1], [2]]).expand(2, 3)
    tensor([[1, 1, 1],
            [2, 2, 2]])
    """
    return expand_as_size(input, shapes.as_size(sizes or shapes.by_name("expand", "size", size), "expand"))


@composite(
    api="tensor",
    dtypes=ANY,
    samples=lambda make: [Sample(make(3, 1), make(3, 4))],
    reference=lambda input, other: np.broadcast_to(input, other.shape),
    errors=lambda make: [
        Bad(make(2, 3), make(4, 4), match="must match the existing size"),
        Bad(make(2), (2,), error=TypeError, match="must be Tensor, not tuple"),
    ],
)
def expand_as(input: Tensor, other: Tensor) -> Tensor:
    """`input` broadcast to the shape of `other`."""
    if not isinstance(other, Tensor):
        raise TypeError(f"expand_as(): argument 'other' must be Tensor, not {type(other).__name__}")
    return expand_as_size(input, other.shape)


@composite(
    api="torch", dtypes=ANY,
    samples=lambda make: [Sample(make(3, 1), (3, 4))],
    reference=lambda input, size: np.broadcast_to(input, size),
    errors=lambda make: [Bad(make(2, 3), (4, 4), match="must match the existing size")],
)  # fmt: skip
def broadcast_to(input: Tensor, size: Sequence[int]) -> Tensor:
    """`input` broadcast to `size`.

    Raises:
        RuntimeError: the shape does not broadcast to it.

    >>> import tritonnn as torch
    >>> torch.broadcast_to(torch.tensor([1, 2]), (2, 2))
    tensor([[1, 2],
            [1, 2]])
    """
    return expand_as_size(input, tuple(size))


def _broadcast_to(self: Tensor, *sizes: int | Sequence[int], size: Sequence[int] | None = None) -> Tensor:
    """`broadcast_to` as a method, which takes the size in line too."""
    given = sizes or shapes.by_name("broadcast_to", "size", size)
    return expand_as_size(self, shapes.as_size(given, "broadcast_to"))


attach(broadcast_to=named("broadcast_to", _broadcast_to))


@view(
    public="view",
    grad={"input": lambda g, input_shape: view_or_copy(g, input_shape)},
    samples=lambda make: [Sample(make(2, 6), (3, 4)), Sample(make(2, 6), (-1,)), Sample(make(()), (1, 1))],
    errors=lambda make: [Bad(make(2, 3), (4, 2), match="is invalid for input of size 6"),
                         Bad(make(2, 3), (-1, -1), match="only one dimension can be inferred")],
    dtypes=ANY, api="",
)  # fmt: skip
def view_as_size(input: Tensor, size: Sequence[int]) -> Geometry:
    """The same memory as another shape of as many elements; one extent may be -1."""
    target = infer_view_size(size, input.numel())
    if input._stride is None:
        return target, shapes.contiguous_strides(target), input._offset
    strides = shapes.view_strides(input.shape, input._stride, target)
    if strides is None:
        raise Invalid(
            "view size is not compatible with input tensor's size and stride (at least one dimension spans across "
            "two contiguous subspaces). Use .reshape(...) instead."
        )
    return target, strides, input._offset


def view_or_copy(input: Tensor, size: Sequence[int]) -> Tensor:
    """`reshape`: a view where the strides allow it, else a copy."""
    if input._stride is not None:
        target = infer_view_size(size, input.numel())
        if shapes.view_strides(input.shape, input._stride, target) is None:
            input = input.contiguous()
    return view_as_size(input, size)


def _view(
    self: Tensor,
    *sizes: int | Sequence[int] | DType,
    size: Sequence[int] | None = None,
    dtype: DType | None = None,
) -> Tensor:
    """The same memory as another shape (one extent may be -1), or with another dtype.

    >>> import tritonnn as torch
    >>> torch.arange(6).view(2, -1)
    tensor([[0, 1, 2],
            [3, 4, 5]])
    """
    if dtype is not None:
        return view_dtype(self, dtype)
    if len(sizes) == 1 and isinstance(sizes[0], (DType, type)):
        return view_dtype(self, sizes[0])
    return view_as_size(self, shapes.as_size(sizes or shapes.by_name("view", "size", size), "view"))


def view_dtype(input: Tensor, dtype: dtypes.dtype) -> Tensor:
    """The same bytes as another dtype; the last extent scales with the element size."""
    from tritonnn._tensor import make_view

    dtype = dtypes.as_dtype(dtype, "view", "'dtype'")
    old, new = input.dtype.itemsize, dtype.itemsize
    if input.__class__ is Batched and (input.shape or old == new):
        with below(input.level):
            return batched(view_dtype(input.value, dtype), input.level)
    size, stride, offset = list(input.shape), list(input.stride()), input._offset
    if old != new:
        if not size:
            raise RuntimeError(
                f"self.dim() cannot be 0 to view {input.dtype} as {dtype} (different element sizes)"
            )
        if stride[-1] != 1:
            raise RuntimeError(
                f"self.stride(-1) must be 1 to view {input.dtype} as {dtype} (different element sizes), but got "
                f"{stride[-1]}"
            )
        lengths = [size[-1], *stride[:-1], offset]
        if any(length * old % new for length in lengths):
            raise RuntimeError(
                f"view of {input.dtype} as {dtype}: size(-1), strides and storage offset must be divisible by "
                f"{new // old}, got {lengths}"
            )
        size[-1] = size[-1] * old // new
        stride = [s * old // new for s in stride[:-1]] + [1]
        offset = offset * old // new
    return make_view(input, Size(size), tuple(stride), offset, dtype)


def _reshape(self: Tensor, *sizes: int | Sequence[int], shape: Sequence[int] | None = None) -> Tensor:
    """`reshape` as a method, which takes the shape in line too."""
    given = sizes or shapes.by_name("reshape", "shape", shape)
    return view_or_copy(self, shapes.as_size(given, "reshape", "shape"))


def _view_as(self: Tensor, other: Tensor) -> Tensor:
    """`view` with the shape of another tensor."""
    tensors_only("view_as", other=other)
    return view_as_size(self, other.shape)


def _reshape_as(self: Tensor, other: Tensor) -> Tensor:
    """`reshape` with the shape of another tensor."""
    tensors_only("reshape_as", other=other)
    return view_or_copy(self, other.shape)


attach(view=named("view", _view), view_as=named("view_as", _view_as))
attach(reshape=named("reshape", _reshape), reshape_as=named("reshape_as", _reshape_as))


@composite(
    api="torch", dtypes=ANY,
    samples=lambda make: [Sample(make(2, 6), (3, 4)), Sample(make(4, 3).transpose(0, 1), (-1,))],
    errors=lambda make: [Bad(make(2, 3), (4, 2), match="is invalid for input of size 6")],
    reference=lambda input, shape: np.reshape(input, shape),
)  # fmt: skip
def reshape(input: Tensor, shape: Sequence[int]) -> Tensor:
    """`input` as another shape of as many elements; a view where the strides allow it, else a copy.

    >>> import tritonnn as torch
    >>> torch.reshape(torch.arange(4), (2, 2))
    tensor([[0, 1],
            [2, 3]])
    """
    return view_or_copy(input, shapes.as_size((shape,)))


@view(
    grad={"input": lambda g, dim0, dim1: transpose(g, dim0, dim1)},
    samples=lambda make: [Sample(make(2, 3, 4), 0, -1), Sample(make(()), 0, 0)],
    errors=lambda make: [Bad(make(2, 3), 0, 2, error=IndexError, match="Dimension out of range")],
    dtypes=ANY, reference=define.transpose,
)  # fmt: skip
def transpose(input: Tensor, dim0: int, dim1: int) -> Geometry:
    """`input` with two dimensions exchanged.

    >>> import tritonnn as torch
    >>> torch.zeros(2, 3).transpose(0, 1).shape
    torch.Size([3, 2])
    """
    size, stride = list(input._shape), list(input.stride())
    ndim = len(size)
    first, second = wrap_dim(dim0, ndim), wrap_dim(dim1, ndim)
    if ndim:
        size[first], size[second] = size[second], size[first]
        stride[first], stride[second] = stride[second], stride[first]
    return size, stride, input._offset


@view(
    public="permute",
    grad={"input": lambda g, dims: permute_dims(g, _inverse(dims))},
    samples=lambda make: [Sample(make(2, 3, 4), (2, 0, 1)), Sample(make(2, 3), (-1, 0))],
    errors=lambda make: [Bad(make(2, 3), (0, 0), match="repeated"), Bad(make(2, 3), (0,), match="number of dim")],
    api="", dtypes=ANY,
)  # fmt: skip
def permute_dims(input: Tensor, dims: Sequence[int]) -> Geometry:
    """`input` with its dimensions in another order."""
    ndim = len(input.shape)
    if len(dims) != ndim:
        raise Invalid(
            f"permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired "
            f"ordering of dimensions i.e. input.dim() = {ndim} is not equal to len(dims) = {len(dims)}"
        )
    order = [wrap_dim(d, ndim) for d in dims]
    if len(set(order)) != ndim:
        raise Invalid(f"permute(): repeated dims are not allowed, got {list(dims)}")
    stride = input.stride()
    return [input.shape[d] for d in order], [stride[d] for d in order], input._offset


def _inverse(dims: Sequence[int]) -> tuple[int, ...]:
    order = [d % len(dims) for d in dims]
    return tuple(order.index(d) for d in range(len(dims)))


@composite(
    api="torch",
    dtypes=ANY,
    samples=lambda make: [Sample(make(2, 3, 4), (2, 0, 1))],
    reference=lambda input, dims: np.transpose(input, dims),
    errors=lambda make: [
        Bad(make(2, 3), (0, 0), match="repeated dims"),
        Bad(make(2, 3), (0,), match="number of dimensions"),
        Bad(make(2, 3), (0, 2), error=IndexError, match="Dimension out of range"),
    ],
)
def permute(input: Tensor, dims: Sequence[int]) -> Tensor:
    """`input` with its dimensions in the order `dims`.

    >>> import tritonnn as torch
    >>> torch.permute(torch.zeros(2, 3, 4), (2, 0, 1)).shape
    torch.Size([4, 2, 3])
    """
    return permute_dims(input, tuple(dims))


def _permute(self: Tensor, *order: int | Sequence[int], dims: Sequence[int] | None = None) -> Tensor:
    """`permute` as a method, which takes the dimensions in line too."""
    given = order or shapes.by_name("permute", "dims", dims)
    return permute_dims(self, shapes.as_size(given, "permute", "dims"))


attach(permute=named("permute", _permute))


@composite(
    api="torch tensor",
    dtypes=ANY,
    samples=lambda make: [Sample(make(2, 3, 4), 0, 2), Sample(make(2, 3, 4), (0, 1), (2, 0))],
    alias=("moveaxis",),
    reference=lambda input, source, destination: np.moveaxis(input, source, destination),
    errors=lambda make: [
        Bad(make(2, 3), 0, 2, error=IndexError, match="Dimension out of range"),
        Bad(make(2, 3), (0, 1), (0,), match="the same number of dims"),
        Bad(make(2, 3), (0, 0), (0, 1), match="repeated dim in"),
    ],
)
def movedim(input: Tensor, source: IntOrInts, destination: IntOrInts) -> Tensor:
    """`input` with dimensions `source` moved to the positions `destination`.

    >>> import tritonnn as torch
    >>> torch.movedim(torch.ones(2, 3, 4), 0, -1).shape
    torch.Size([3, 4, 2])
    """
    ndim = len(input.shape)
    sources = [wrap_dim(d, ndim) for d in ((source,) if isinstance(source, int) else source)]
    targets = [wrap_dim(d, ndim) for d in ((destination,) if isinstance(destination, int) else destination)]
    if len(sources) != len(targets):
        raise RuntimeError(
            f"movedim: Invalid source or destination dims: source ({source} dims) should contain the same number of "
            f"dims as destination ({destination} dims)"
        )
    if len(set(sources)) != len(sources) or len(set(targets)) != len(targets):
        raise RuntimeError(f"movedim: repeated dim in `source` ({source}) or `destination` ({destination})")
    if not ndim:
        return permute_dims(input, ())
    order: list[int | None] = [None] * ndim
    for at, dim in zip(targets, sources, strict=True):
        order[at] = dim
    rest = iter([d for d in range(ndim) if d not in sources])
    return permute_dims(input, tuple(next(rest) if d is None else d for d in order))


@composite(
    api="torch tensor",
    dtypes=ANY,
    samples=lambda make: [Sample(make(2, 3)), Sample(make(3)), Sample(make(()))],
    errors=lambda make: [Bad(make(2, 3, 4), match="<= 2 dimensions")],
    reference=lambda input: input.T,
)
def t(input: Tensor) -> Tensor:
    """The transpose of a matrix; a vector or 0-d tensor as it is.

    >>> import tritonnn as torch
    >>> torch.tensor([[1, 2]]).t()
    tensor([[1],
            [2]])
    """
    if len(input.shape) > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {len(input.shape)}D")
    return transpose(input, 0, 1) if len(input.shape) == 2 else view_as_size(input, input.shape)


@view(
    grad={"input": lambda g, dim: squeeze_dims(g, (dim,))},
    samples=lambda make: [Sample(make(2, 3), 0), Sample(make(2, 3), -1), Sample(make(()), 0)],
    errors=lambda make: [Bad(make(2), 3, error=IndexError, match="Dimension out of range")], dtypes=ANY,
    reference=lambda input, dim: np.expand_dims(input, dim),
)  # fmt: skip
def unsqueeze(input: Tensor, dim: int) -> Geometry:
    """`input` with a dimension of extent 1 inserted at `dim`.

    >>> import tritonnn as torch
    >>> torch.zeros(2, 3).unsqueeze(1).shape
    torch.Size([2, 1, 3])
    """
    size, stride = list(input._shape), list(input.stride())
    at = wrap_dim(dim, len(size) + 1)
    step = size[at] * stride[at] if at < len(size) else 1
    size.insert(at, 1)
    stride.insert(at, step)
    return size, stride, input._offset


@view(
    public="squeeze",
    grad={"input": lambda g, input_shape: view_or_copy(g, input_shape)},
    samples=lambda make: [Sample(make(2, 1, 3, 1), (1, 3)), Sample(make(2, 1), (0,))],
    api="", dtypes=ANY,
)  # fmt: skip
def squeeze_dims(input: Tensor, dims: Sequence[int]) -> Geometry:
    """`input` without those of `dims` whose extent is 1."""
    gone = {wrap_dim(d, len(input.shape)) for d in dims}
    if len(gone) != len(dims):
        raise Invalid(f"a dim appears multiple times in the list of dims {list(dims)}")
    keep = [d for d, extent in enumerate(input.shape) if extent != 1 or d not in gone]
    stride = input.stride()
    return [input.shape[d] for d in keep], [stride[d] for d in keep], input._offset


@composite(
    api="torch tensor",
    dtypes=ANY,
    samples=lambda make: [
        Sample(make(2, 1, 3, 1)),
        Sample(make(2, 1, 3), 1),
        Sample(make(2, 1, 3, 1), (1, 3)),
    ],
    errors=lambda make: [Bad(make(2, 1), 2, error=IndexError, match="Dimension out of range")],
    reference=define.squeeze,
)
def squeeze(input: Tensor, dim: Dims = None) -> Tensor:
    """`input` without dimensions of extent 1: all of them, or those among `dim`.

    >>> import tritonnn as torch
    >>> torch.zeros(2, 1, 3, 1).squeeze().shape
    torch.Size([2, 3])
    """
    return squeeze_dims(input, tuple(range(len(input.shape))) if dim is None else shapes.as_dims(dim))


@composite(
    api="tensor",
    dtypes=ANY,
    samples=lambda make: [Sample(make(2, 3, 4), (1, 1, 4)), Sample(make(3, 4), (4,))],
    reference=define.sum_to_size,
    errors=lambda make: [
        Bad(make(2, 3), (2,), match="is not expandable to size"),
        Bad(make(3), 2, 3, match="is not expandable to"),
    ],
)
def sum_to_size(input: Tensor, *sizes: int | Sequence[int], size: Sequence[int] | None = None) -> Tensor:
    """`input` summed over the dimensions along which `size` would broadcast to it.

    >>> import tritonnn as torch
    >>> torch.ones(2, 3).sum_to_size(1, 3)
    tensor([[2., 2., 2.]])
    """
    target = shapes.as_size(sizes or shapes.by_name("sum_to_size", "size", size), "sum_to_size")
    if not is_expandable_to(target, input.shape):
        raise RuntimeError(f"size {{{list(target)}}} is not expandable to size {{{list(input.shape)}}}.")
    if not target:
        return input.sum()  # also of one element, of whose truth values that is a count
    lead = len(input.shape) - len(target)
    dims = [*range(lead), *[lead + d for d, n in enumerate(target) if n == 1 and input.shape[lead + d] != 1]]
    if not dims:
        return input
    total = input.sum(dims, keepdim=True)
    return view_as_size(total, target) if lead else total


def is_expandable_to(shape: Sequence[int], target: Sequence[int]) -> bool:
    """Whether `shape` broadcasts to `target`."""
    if len(shape) > len(target):
        return False
    pairs = zip(reversed(shape), reversed(target), strict=False)
    return all(extent in (1, wanted) for extent, wanted in pairs)


def _checked_dim(name: str, dim: int, input: Tensor) -> int:
    try:
        return wrap_dim(dim, len(input.shape))
    except Invalid as invalid:
        raise IndexError(f"{name}: {invalid}") from None


@composite(
    api="torch tensor",
    dtypes=ANY,
    samples=lambda make: [Sample(make(2, 3, 4)), Sample(make(2, 3, 4), 1), Sample(make(()))],
    errors=lambda make: [Bad(make(2, 3), 1, 0, match="start_dim cannot come after end_dim")],
    reference=define.flatten,
)
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """`input` with the dimensions from `start_dim` to `end_dim` made one.

    >>> import tritonnn as torch
    >>> torch.zeros(2, 3, 4).flatten(1).shape
    torch.Size([2, 12])
    """
    ndim = len(input.shape)
    start, end = _checked_dim("flatten", start_dim, input), _checked_dim("flatten", end_dim, input)
    if start > end:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if ndim == 0:
        return view_as_size(input, (1,))
    if start == end:
        return input
    middle = shapes.numel(input.shape[start : end + 1])
    return view_or_copy(input, (*input.shape[:start], middle, *input.shape[end + 1 :]))


@composite(
    api="torch tensor",
    dtypes=ANY,
    samples=lambda make: [Sample(make(2, 6), 1, (2, 3)), Sample(make(2, 6), 1, (-1, 2))],
    reference=define.unflatten,
    errors=lambda make: [
        Bad(make(2, 6), 1, (4, 2), match="don't multiply up to the size of dim 1"),
        Bad(make(2, 6), 2, (4, 2), error=IndexError, match="Dimension out of range"),
    ],
)
def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """`input` with dimension `dim` split into `sizes` (one may be -1).

    >>> import tritonnn as torch
    >>> torch.unflatten(torch.ones(2, 6), 1, (2, -1)).shape
    torch.Size([2, 2, 3])
    """
    dim = _checked_dim("unflatten", dim, input)
    if not input.shape:
        raise Invalid("expects input to have a dimension, but it has none")
    try:
        inner = infer_view_size(tuple(sizes), input.shape[dim])
    except Invalid:
        raise RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {dim} ({input.shape[dim]}) "
            "in the input tensor"
        ) from None
    return view_or_copy(input, (*input.shape[:dim], *inner, *input.shape[dim + 1 :]))


def seen_once(input: Tensor) -> Tensor:
    """A view of an expanded tensor with extent 1 where it repeats its elements."""
    for dim, (stride, extent) in enumerate(zip(input.stride(), input.shape, strict=True)):
        if stride == 0 and extent > 1:
            input = input.narrow(dim, 0, 1)
    return input


def _reversed(self: Tensor) -> Tensor:
    """The dimensions in reverse order."""
    return permute_dims(self, tuple(range(len(self.shape)))[::-1])


def _turned(self: Tensor, name: str, instead: str) -> Tensor:
    """The last two dimensions exchanged, as the property or method `tensor.name` does."""
    ndim = len(self.shape)
    if ndim == 0:
        warn(f"{name} is deprecated on 0-D tensors. {instead}")
        return self
    if ndim == 1 or (ndim > 2 and name == "tensor.H"):
        kinds = "matrices (2-D tensors)" if name == "tensor.H" else "matrices or batches of matrices"
        batch = " For batches of matrices, consider using tensor.mH" if ndim > 2 else ""
        raise RuntimeError(f"{name} is only supported on {kinds}. Got {ndim}-D tensor.{batch}")
    return transpose(self, -2, -1)


_CONJ = "Consider using x.conj()."


def _matrices(self: Tensor) -> Tensor:
    """The last two dimensions exchanged."""
    return _turned(self, "tensor.mT", "This function is the identity in these cases.")


def _adjoint(self: Tensor) -> Tensor:
    """A matrix transposed and conjugated."""
    return _turned(self, "tensor.H", _CONJ).conj()


def _adjoint_matrices(self: Tensor) -> Tensor:
    """The last two dimensions exchanged, conjugated."""
    return _turned(self, "tensor.mH", _CONJ).conj()


attach(T=property(_reversed), mT=property(_matrices))
attach(H=property(_adjoint), mH=property(_adjoint_matrices))


@composite(
    api="torch tensor", dtypes=ANY, samples=lambda make: [Sample(make(2, 3)), Sample(make(2, 3, 4))],
    reference=lambda input: np.conj(np.swapaxes(input, -2, -1)),
    errors=lambda make: [Bad(make(2), match="only supported on matrices or batches of matrices. Got 1-D tensor")],
)  # fmt: skip
def adjoint(input: Tensor) -> Tensor:
    """The last two dimensions exchanged, conjugated.

    >>> import tritonnn as torch
    >>> torch.adjoint(torch.tensor([[1 + 2j], [3j]]))
    tensor([[1.-2.j, 0.-3.j]])
    """
    return _turned(input, "tensor.adjoint()", _CONJ).conj()
