"""Shapes, strides and dimensions: pure arithmetic, no memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from operator import index
from typing import Any, SupportsIndex, overload

from tritonnn.errors import Invalid


class Size(tuple[int, ...]):
    """A tensor's shape: a tuple of ints with `numel()`.

    >>> import tritonnn as torch
    >>> torch.zeros(2, 3).size()
    torch.Size([2, 3])
    >>> torch.Size([2, 3]).numel()
    6
    """

    __slots__ = ()

    def numel(self) -> int:
        """Number of elements of a tensor of this shape."""
        return numel(self)

    def __repr__(self) -> str:
        return f"torch.Size([{', '.join(map(str, self))}])"

    @overload
    def __getitem__(self, index: SupportsIndex) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> Size: ...
    def __getitem__(self, index: Any) -> Any:
        item = tuple.__getitem__(self, index)
        return Size(item) if index.__class__ is slice else item

    def __add__(self, other: tuple) -> Size:
        return Size(tuple.__add__(self, tuple(other)))

    def __radd__(self, other: tuple) -> Size:
        if not isinstance(other, tuple):  # `a_list += size` stays a list
            return NotImplemented
        return Size(tuple(other) + tuple(self))

    def __mul__(self, count: SupportsIndex) -> Size:
        return Size(tuple.__mul__(self, count))

    __rmul__ = __mul__

    def __reduce__(self) -> tuple:
        return Size, (tuple(self),)


SCALAR = Size(())


def numel(shape: Iterable[int]) -> int:
    """Product of the extents."""
    count = 1
    for extent in shape:
        count *= extent
    return count


def contiguous_strides(shape: Sequence[int]) -> tuple[int, ...]:
    """Row-major strides, in elements; extents of 0 count as 1, as PyTorch reports them."""
    strides, step = [], 1
    for extent in (*shape,)[::-1]:  # a Size is slow to index
        strides.append(step)
        step *= extent if extent > 1 else 1
    return tuple(strides[::-1])


def is_contiguous(shape: Sequence[int], strides: Sequence[int]) -> bool:
    """Whether the strides are row-major without gaps (dimensions of extent 1 may have any stride)."""
    expected = 1
    for extent, stride in zip(reversed(shape), reversed(strides), strict=True):
        if extent == 0:
            return True
        if extent != 1:
            if stride != expected:
                return numel(shape) == 0
            expected *= extent
    return True


def is_dense(shape: Sequence[int], strides: Sequence[int]) -> bool:
    """Whether the elements lie without gaps and overlaps, in any order."""
    order = sorted((d for d in range(len(shape)) if shape[d] != 1), key=lambda d: -strides[d])
    return is_contiguous([shape[d] for d in order], [strides[d] for d in order])


def wrap_dim(dim: int, ndim: int) -> int:
    """`dim` counted from the front; a 0-d tensor takes 0 and -1 as PyTorch does.

    Raises:
        IndexError: `dim` is outside [-ndim, ndim - 1].
    """
    limit = ndim or 1
    if -limit <= dim < limit:
        return dim + limit if dim < 0 else dim
    raise Invalid(
        f"Dimension out of range (expected to be in range of [{-limit}, {limit - 1}], but got {dim})",
        kind=IndexError,
    )


def as_dims(dim: Any) -> tuple[int, ...]:
    """Dimensions given as an integer, of whatever type, or as a sequence of them."""
    if dim.__class__ is int:
        return (dim,)
    try:
        return (index(dim),)
    except TypeError:
        pass
    try:
        return tuple([index(d) for d in dim])
    except TypeError:
        raise Invalid(f"argument 'dim' must be int or tuple of ints, not {dim!r}", kind=TypeError) from None


def wrap_dims(dim: int | Sequence[int] | None, ndim: int) -> tuple[int, ...]:
    """Several dimensions counted from the front, sorted; None or () mean all of them.

    Raises:
        IndexError: a dimension is out of range.
        RuntimeError: a dimension appears twice.
    """
    if dim is None:
        return tuple(range(ndim))
    if dim.__class__ is int:
        return (wrap_dim(dim, ndim),) if ndim else _check_0d(dim)
    given = as_dims(dim)
    if not ndim and len(given) == 1:
        return _check_0d(given[0])
    dims = sorted(wrap_dim(d, ndim) for d in given)
    if not dims:
        return tuple(range(ndim))
    for first, second in pairwise(dims):
        if first == second:
            raise Invalid(f"dim {first} appears multiple times in the list of dims")
    return tuple(dims) if ndim else ()


def _check_0d(dim: int) -> tuple[int, ...]:
    wrap_dim(dim, 0)
    return ()


def broadcast_shapes(*shapes: Sequence[int]) -> Size:
    """The shape that all shapes broadcast to.

    Raises:
        RuntimeError: two extents differ and neither is 1.

    >>> import tritonnn as torch
    >>> torch.broadcast_shapes((3, 1), (4,))
    torch.Size([3, 4])
    """
    if shapes and shapes.count(shapes[0]) == len(shapes) and shapes[0].__class__ is Size:
        return shapes[0]
    try:
        ndim = max(map(len, shapes), default=0)
    except TypeError:
        return broadcast_shapes(*[_as_shape(shape) for shape in shapes])
    result = [1] * ndim
    for shape in shapes:
        lead = ndim - len(shape)
        for position, extent in enumerate(shape, lead):
            have = result[position]
            if extent != have:
                if have == 1:
                    result[position] = extent
                elif extent != 1:
                    raise Invalid(
                        f"The size of tensor a ({have}) must match the size of tensor b ({extent}) "
                        f"at non-singleton dimension {position}",
                        hint="broadcasting aligns shapes from the right; extents must be equal or 1",
                    )
    for extent in result:
        if extent.__class__ is not int or extent < 0 or extent >> 63:
            _refuse_extent(extent)
    return Size(result)


def _refuse_extent(extent: Any) -> None:
    """Refuse what is no extent of a shape to broadcast; members of an IntEnum and the like pass."""
    if not hasattr(extent, "__index__"):
        raise Invalid(f"broadcast_shapes: expected ints, got {type(extent).__name__}", kind=TypeError)
    if index(extent) < 0:
        text = f"broadcast_shapes: Attempting to broadcast a dimension with negative length: {extent}"
        raise Invalid(text, kind=ValueError)
    if index(extent) >> 63:
        raise Invalid(f"broadcast_shapes: Overflow when unpacking long long: {extent}", kind=ValueError)


def _as_shape(shape: Any) -> tuple[int, ...]:
    """A shape, or the one of one dimension that an integer stands for."""
    if isinstance(shape, (tuple, list)):
        return tuple(shape)
    if isinstance(shape, int):
        return (shape,)
    raise Invalid(f"broadcast_shapes: shapes should be ints or tuples or lists of ints, got {shape}")


def expanded_strides(shape: Sequence[int], strides: Sequence[int], target: Sequence[int]) -> tuple[int, ...]:
    """Strides that show `shape` as `target`: 0 along broadcast dimensions."""
    lead = len(target) - len(shape)
    aligned = [
        0 if extent == 1 and wanted != 1 else stride
        for extent, stride, wanted in zip(shape, strides, target[lead:], strict=True)
    ]
    for extent in reversed(target[:lead] if shape else ()):
        # a new dimension of one element steps over all that follow, as PyTorch has it
        inner = len(target) - len(aligned)
        follow = target[inner] * aligned[0] if aligned else 1
        aligned.insert(0, follow if extent == 1 else 0)
    return tuple(aligned) if shape else (0,) * lead


def infer_view_size(shape: Sequence[int], count: int) -> Size:
    """`shape` with its one -1 replaced so that it holds `count` elements.

    Raises:
        RuntimeError: the shape has two -1, another negative extent, or does not hold `count` elements.
    """
    unknown = -1
    known = 1
    for position, extent in enumerate(shape):
        if extent == -1:
            if unknown >= 0:
                raise Invalid("only one dimension can be inferred")
            unknown = position
        elif extent < 0:
            raise Invalid(f"invalid shape dimension {extent}")
        else:
            known *= extent
    if unknown < 0:
        if known != count:
            raise Invalid(f"shape '{list(shape)}' is invalid for input of size {count}")
        return Size(shape)
    if known == 0:
        if count == 0:
            raise Invalid(
                f"cannot reshape tensor of 0 elements into shape {list(shape)} because the unspecified "
                "dimension size -1 can be any value and is ambiguous"
            )
        raise Invalid(f"shape '{list(shape)}' is invalid for input of size {count}")
    if count % known:
        raise Invalid(f"shape '{list(shape)}' is invalid for input of size {count}")
    return Size((*shape[:unknown], count // known, *shape[unknown + 1 :]))


def view_strides(
    shape: Sequence[int], strides: Sequence[int], target: Sequence[int]
) -> tuple[int, ...] | None:
    """Strides of the same memory seen as `target` (same number of elements), or None where a copy is needed."""
    if numel(shape) == 0:
        return contiguous_strides(target)
    result: list[int] = []
    view_d = len(target) - 1
    chunk_base = strides[-1] if strides else 1
    chunk = view_count = 1
    for d in range(len(shape) - 1, -1, -1):
        chunk *= shape[d]
        ends = d == 0 or (shape[d - 1] != 1 and strides[d - 1] != chunk * chunk_base)
        if not ends:
            continue
        while view_d >= 0 and (view_count < chunk or target[view_d] == 1):
            result.append(view_count * chunk_base)
            view_count *= target[view_d]
            view_d -= 1
        if view_count != chunk:
            return None
        if d > 0:
            chunk_base = strides[d - 1]
            chunk = view_count = 1
    while view_d >= 0:  # only extents of 1 are left (a 0-d tensor seen with more dimensions)
        result.append(view_count * chunk_base)
        view_d -= 1
    return tuple(reversed(result))


def extent_in_elements(shape: Sequence[int], strides: Sequence[int]) -> int:
    """Elements from the first to the last one touched, inclusive; 0 for an empty shape."""
    if numel(shape) == 0:
        return 0
    return 1 + sum((extent - 1) * stride for extent, stride in zip(shape, strides, strict=True))


def check_geometry(
    size: Sequence[int], stride: Sequence[int], offset: int, itemsize: int, nbytes: int
) -> None:
    """Refuse sizes, strides and an offset (in elements) that reach beyond a storage.

    Raises:
        RuntimeError: they do, or one is negative.
    """
    if len(size) != len(stride):
        raise Invalid(f"mismatch in length of strides and shape: {len(stride)} strides, {len(size)} sizes")
    if min(size, default=0) < 0:
        raise Invalid(f"negative dimensions are not allowed, got sizes: {list(size)}")
    if min(stride, default=0) < 0:
        raise Invalid(f"Negative strides are not supported at the moment, got strides: {list(stride)}")
    if offset < 0:
        raise Invalid(f"Tensor: invalid storage offset {offset}")
    need = (offset + extent_in_elements(size, stride)) * itemsize if numel(size) else 0
    if need > nbytes:
        raise Invalid(
            f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {offset}, and itemsize {itemsize} "
            f"requiring a storage size of {need} are out of bounds for storage of size {nbytes}"
        )


def by_name(op: str, name: str, value: Any) -> tuple:
    """What `size=` gives to an op that was given no numbers in line.

    Raises:
        TypeError: nothing, or one number.
    """
    if value is None:
        raise TypeError(f'{op}() missing 1 required positional argument: "{name}"')
    if hasattr(value, "__index__"):
        raise TypeError(f"{op}(): argument '{name}' must be tuple of ints, not {type(value).__name__}")
    return (value,)


def _no_ints(op: str, name: str, problem: str) -> TypeError:
    call = f"{op}(): " if op else ""
    return TypeError(f"{call}argument '{name}' (position 1) must be tuple of ints, {problem}")


def as_size(args: Sequence, op: str = "", name: str = "size") -> tuple[int, ...]:
    """The shape in `f(2, 3)`, `f((2, 3))`, `f([2, 3])` or `f(torch.Size([2, 3]))`.

    Raises:
        TypeError: an extent is not an integer; it names the op and its argument.
    """
    if len(args) == 1 and not isinstance(args[0], int) and hasattr(args[0], "__iter__"):
        if hasattr(args[0], "shape"):  # a tensor or an array, which stands for one extent
            if numel(args[0].shape) != 1:
                raise _no_ints(op, name, f"not {type(args[0]).__name__}")
        else:
            args = args[0]
        if isinstance(args, (str, bytes, dict)):
            raise _no_ints(op, name, f"not {type(args).__name__}")
    extents: list[int] = []
    for extent in args:
        if extent.__class__ is not int:
            try:
                if isinstance(extent, bool):
                    raise TypeError
                extent = extent.__index__()
            except (AttributeError, TypeError):
                problem = f"but found element of type {type(extent).__name__} at pos {len(extents)}"
                raise _no_ints(op, name, problem) from None
        extents.append(extent)
    return tuple(extents)
