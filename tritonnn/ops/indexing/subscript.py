"""Subscripts: `x[...]` and `x[...] = value`, with integers, slices, None, Ellipsis, masks and index tensors.

Integers, slices, None and Ellipsis make views. Index tensors, masks and lists then read or write the view by
index; the dimensions they give stand where the indexed ones were if those are neighbours, else in front.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn import dispatch, dtypes
from tritonnn._levels import Batched
from tritonnn._overriding import MODES, TENSORS, overloading, overridable, overridden
from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid, fail, warn
from tritonnn.ops._numbers import as_number
from tritonnn.ops._table import ANY, Bad, Sample, attach, composite, written
from tritonnn.ops.creation.creation import full
from tritonnn.ops.creation.from_data import tensor
from tritonnn.ops.indexing.indexing import index_at, masked_select, nonzero_rows
from tritonnn.ops.scatter.index_write import masked_fill, put_at
from tritonnn.ops.shape.parts import select_dim, slice_dim
from tritonnn.ops.shape.shape import is_expandable_to, unsqueeze, view_as_size
from tritonnn.shape import Size

MASKS = (dtypes.bool_, dtypes.uint8)
_NUMBERS = (bool, int, float, complex, np.number, np.bool_)
_PARTS = (Tensor, list, tuple, range, slice, np.ndarray)
_INTEGERS = (dtypes.int8, dtypes.int16, dtypes.int32)


class Parsed:
    """A subscript taken apart: the view that its basic parts make, and the tensors that index the view."""

    __slots__ = ("dims", "indices", "mask", "view")

    def __init__(self, view: Tensor) -> None:
        self.view = view
        self.indices: list[Tensor] = []
        self.dims: list[int] = []
        self.mask: Tensor | None = None  # the one index, where it is a mask of the whole view


def parse(source: Tensor, key: Any) -> Parsed:
    if isinstance(key, list) and _means_tuple(key):
        warn(
            "a list that holds sequences, tensors, slices, None or Ellipsis indexes as a tuple of them does: write "
            "x[tuple(seq)] instead of x[seq]. Later versions will read such a list as one tensor of indices."
        )
        key = tuple(key)
    items = [_item(item) for item in (key if isinstance(key, tuple) else (key,))]
    used = 0
    for item in items:
        used += _consumes(item)
    if used > len(source.shape):
        if not source.shape and len(items) == 1 and isinstance(items[0], int):
            raise IndexError(
                "invalid index of a 0-dim tensor. Use `tensor.item()` in Python to convert a 0-dim tensor to a number"
            )
        raise IndexError(f"too many indices for tensor of dimension {len(source.shape)}")
    parsed = Parsed(source)
    dim = real = 0  # dimension of the view, and of the source for messages
    seen_ellipsis = False
    for item in items:
        if item is Ellipsis:
            if seen_ellipsis:
                raise IndexError("an index can only have a single ellipsis ('...')")
            seen_ellipsis = True
            dim += len(source.shape) - used
            real += len(source.shape) - used
            continue
        dim = _step(parsed, item, dim, real)
        real += _consumes(item)
    if len(items) == 1 and len(parsed.indices) == 1 and parsed.indices[0].dtype in MASKS:
        parsed.mask = parsed.indices[0]
    return parsed


def _means_tuple(key: list) -> bool:
    """Whether a list gives one index per dimension, which holds for short ones whose parts are no mere numbers."""
    return len(key) < 32 and any(
        [isinstance(part, _PARTS) or part is None or part is Ellipsis for part in key]
    )


def _item(item: Any) -> Any:
    """One part of a subscript as int, bool, slice, None, Ellipsis or a Tensor of indices."""
    kind = item.__class__
    if kind is int or kind is slice or item is None or item is Ellipsis or kind is bool:
        return item
    if isinstance(item, Tensor):
        if not item.shape and item.dtype not in MASKS:
            if item.dtype.kind >= 2:
                raise _no_index(item.dtype)
            if item.__class__ is not Batched:  # which has a place for each sample
                return int(item.item())
        return item
    if isinstance(item, np.bool_):
        return bool(item)
    if isinstance(item, (float, complex, np.floating, str, bytes)) or item is NotImplemented:
        raise _wrong(item)
    if isinstance(item, np.ndarray) and not item.shape:
        return _item(item.item())
    if isinstance(item, (list, tuple, range, np.ndarray)):
        return _from_sequence(item)
    try:
        return item.__index__()
    except (AttributeError, TypeError):
        raise _wrong(item) from None


def _wrong(item: Any) -> Exception:
    kind = type(item).__name__
    text = "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices "
    if isinstance(item, (str, bytes)):
        return TypeError(f"new(): invalid data type '{kind}': {text}(got {kind})")
    return IndexError(f"{text}(got {kind})")


def _no_index(dtype: dtypes.dtype) -> IndexError:
    return IndexError(f"tensors used as indices must be long, int, byte or bool tensors, got {dtype.name}")


def _from_sequence(item: Any) -> Tensor:
    if isinstance(item, np.ndarray):
        # An array of nothing is float64 unless told otherwise; unsigned numbers index only from an array.
        if (item.size == 0 and item.dtype.kind == "f") or (item.dtype.kind == "u" and item.itemsize > 1):
            item = item.astype(np.int64)
    elif len(item) == 0:
        return tensor([], dtype=dtypes.int64)
    if not isinstance(item, np.ndarray):
        for part in item:
            if isinstance(part, (str, bytes)):
                raise _wrong(part)
    try:
        return tensor(list(item) if isinstance(item, range) else item)
    except TypeError:
        raise _wrong(item) from None


def _consumes(item: Any) -> int:
    """Dimensions of the source that a part uses up."""
    if item is None or item is Ellipsis or item.__class__ is bool:
        return 0
    return len(item.shape) if isinstance(item, Tensor) and item.dtype in MASKS else 1


def _step(parsed: Parsed, item: Any, dim: int, real: int) -> int:
    """Apply one part at dimension `dim` of the view; returns the dimension for the next."""
    view = parsed.view
    if item.__class__ is int:
        extent = view.shape[dim]
        if not -extent <= item < extent:
            if not -(1 << 63) <= item < 1 << 63:
                raise ValueError(f"Overflow when unpacking long long: index {item}")
            raise IndexError(f"index {item} is out of bounds for dimension {real} with size {extent}")
        parsed.view = select_dim(view, dim, item % extent)
        return dim
    if item.__class__ is slice:
        parsed.view = _sliced(view, dim, item)
        return dim + 1
    if item is None:
        parsed.view = unsqueeze(view, dim)
        return dim + 1
    if item.__class__ is bool or (not item.shape and item.dtype in MASKS):
        chosen = bool(item)
        parsed.view = unsqueeze(view, dim)
        parsed.indices.append(full((int(chosen),), 0, dtype=dtypes.int64, device=view.device))
        parsed.dims.append(dim)
        return dim + 1
    parsed.indices.append(item)
    parsed.dims.append(dim)
    return dim + (len(item.shape) if item.dtype in MASKS else 1)


def _sliced(view: Tensor, dim: int, item: slice) -> Tensor:
    if item.start is None and item.stop is None and item.step is None:
        return view
    extent = view.shape[dim]
    try:
        step = 1 if item.step is None else item.step.__index__()
        if step <= 0:
            raise ValueError("step must be greater than zero")
        start, stop, step = item.indices(extent)
    except (AttributeError, TypeError):
        raise TypeError("slice indices must be integers or None or have an __index__ method") from None
    length = max(0, (stop - start + step - 1) // step)
    if length == extent and step == 1:
        return view
    return slice_dim(view, dim, start, length, step)


def index_tensors(parsed: Parsed, shape: Size) -> tuple[list[Tensor], tuple[int, ...]]:
    """The index tensors as int64 on the view's device, masks replaced by the indices of their true elements."""
    indices: list[Tensor] = []
    dims: list[int] = []
    device = parsed.view.device
    for item, dim in zip(parsed.indices, parsed.dims, strict=True):
        if item.device is not device:
            if item.device.type != "cpu":
                raise RuntimeError(
                    f"indices should be either on cpu or on the same device as the indexed tensor ({device})"
                )
            item = item.to(device)
        if item.dtype in MASKS:
            _check_mask(item, shape, dim)
            indices += nonzero_rows(item).unbind(1)
            dims += range(dim, dim + len(item.shape))
            continue
        if item.dtype in _INTEGERS:
            item = item.to(dtypes.int64)
        elif item.dtype is not dtypes.int64:
            raise _no_index(item.dtype)
        indices.append(item)
        dims.append(dim)
    return indices, tuple(dims)


def _check_mask(mask: Tensor, shape: Size, dim: int) -> None:
    if mask.dtype is dtypes.uint8:
        warn("indexing with dtype torch.uint8 is now deprecated, please use a dtype torch.bool instead.")
    for d, extent in enumerate(mask.shape):
        if shape[dim + d] != extent:
            raise IndexError(
                f"The shape of the mask {list(mask.shape)} at index {d} does not match the shape of the indexed tensor "
                f"{list(shape)} at index {dim + d}"
            )


def _whole_mask(parsed: Parsed) -> Tensor | None:
    """The mask over all elements of the view, where the subscript is just that."""
    mask = parsed.mask
    if mask is None or mask.shape != parsed.view.shape or mask.dtype is not dtypes.bool_:
        return None
    if parsed.view.dtype in dtypes.UNSIGNED:  # which are indexed, but not selected from
        return None
    return mask if mask.device is parsed.view.device else mask.to(parsed.view.device)


@composite(
    dtypes=ANY,
    samples=lambda make: [
        Sample(make(3, 4), 1), Sample(make(3, 4), (slice(None), 2)), Sample(make(3, 4), (Ellipsis, slice(1, None, 2))),
        Sample(make(3, 4), None), Sample(make(3, 4), [0, 2]), Sample(make(3, 4), (slice(1, 3), [0, -1, 1])),
        Sample(make(2, 3, 4), ([0, 1], slice(None), [1, 2])), Sample(make(3, 4), make.bool(3, 4)),
        Sample(make(3, 4), (make.bool(3), 1)), Sample(make(3, 4), (make.int(2, 2, high=3), make.int(2, high=4))),
        Sample(make(3, 4), True), Sample(make(3), slice(0, 0)),
    ],
    errors=lambda make: [
        Bad(make(3, 4), 5, error=IndexError, match="index 5 is out of bounds for dimension 0 with size 3"),
        Bad(make(3, 4), (0, 0, 0), error=IndexError, match="too many indices for tensor of dimension 2"),
        Bad(make(3, 4), 1.5, error=IndexError, match=r"valid indices \(got float\)"),
        Bad(make(3, 4), [0, 5], error=IndexError, match="index 5 is out of bounds for dimension 0 with size 3"),
        Bad(make(3, 4), (slice(None), make.bool(3)), error=IndexError, match=r"shape of the mask \[3\] at index 0"),
        Bad(make(3), slice(None, None, -1), error=ValueError, match="step must be greater than zero"),
        Bad(make(3, 4), ([0, 1], [0, 1, 2]), error=IndexError, match="could not be broadcast together"),
        Bad(make(()), 0, error=IndexError, match="invalid index of a 0-dim tensor"),
        Bad(make(3), make(2, dtype=dtypes.float32), error=IndexError, match="must be long, int, byte or bool"),
    ],
)  # fmt: skip
def getitem(input: Tensor, key: Any) -> Tensor:
    """`input[key]`: a view for integers, slices, None and Ellipsis; a copy where tensors, masks or lists index.

    >>> import tritonnn as torch
    >>> x = torch.tensor([[1, 2, 3], [4, 5, 6]])
    >>> x[1, ::2], x[:, [0, 0]].shape, x[x > 4]
    (tensor([4, 6]), torch.Size([2, 2]), tensor([5, 6]))
    """
    if key.__class__ is int and input.__class__ in TENSORS and not MODES:
        shape = input._shape
        if shape:
            extent = shape[0]
            if -extent <= key < extent:
                return select_dim(input, 0, key % extent)
    elif (found := overloading((input, key))) is not None:
        return overridden(getitem, found, (input, key), {})
    parsed = parse(input, key)
    view = parsed.view
    if not parsed.indices:
        return view_as_size(view, view.shape) if view is input else view
    mask = _whole_mask(parsed)
    if mask is not None:
        return masked_select(view, mask)
    indices, dims = index_tensors(parsed, view.shape)
    return index_at(view, indices, dims)


def setitem(input: Tensor, key: Any, value: Any) -> None:
    """`input[key] = value`: the value, a number or a tensor, is cast and broadcast to what the key names.

    >>> import tritonnn as torch
    >>> x = torch.zeros(2, 3)
    >>> x[:, 1] = torch.tensor([1., 2.])
    >>> x[x > 1] = -1
    >>> x
    tensor([[ 0.,  1.,  0.],
            [ 0., -1.,  0.]])
    """
    if not isinstance(value, Tensor) and not isinstance(value, _NUMBERS):
        raise TypeError(f"can't assign a {type(value).__name__} to a torch.{input.dtype.name} tensor")
    parsed = parse(input, key)
    view = parsed.view
    if not isinstance(value, Tensor):
        try:
            value = as_number(input.dtype, value, strict=False)
        except Invalid as invalid:
            raise fail("setitem", str(invalid), kind=invalid.kind, input=input) from None
    if not parsed.indices:
        _assign(view, value)
        return
    mask = _whole_mask(parsed)
    if mask is not None and not (isinstance(value, Tensor) and value.shape):
        written(masked_fill.op, (view, mask, value))
        return
    indices, dims = index_tensors(parsed, view.shape)
    if not isinstance(value, Tensor):
        value = full((), value, dtype=view.dtype, device=view.device)
    elif value.device is not view.device and not value.shape:
        value = value.to(view.device)
    ndim = len(view.shape) - len(dims) + max(len(item.shape) for item in indices)
    value = _without_leading_ones(value, ndim)
    written(put_at.op, (view, indices, value, dims, False))


def _assign(view: Tensor, value: Any) -> None:
    if not isinstance(value, Tensor):
        dispatch.check_inplace(put_at.op, view)  # `fill_` would take what repeats its elements
        view.fill_(value)
        return
    value = _without_leading_ones(value, len(view.shape))
    if not is_expandable_to(value.shape, view.shape):
        raise fail(
            "setitem",
            f"The expanded size of the tensor {list(view.shape)} must match the existing size {list(value.shape)}",
            hint="the value is broadcast to what the subscript names", value=value,
        )  # fmt: skip
    view.copy_(value)


def _without_leading_ones(value: Tensor, ndim: int) -> Tensor:
    """A value of more dimensions than its target, with leading dimensions of extent 1 left out."""
    while len(value.shape) > ndim and value.shape[0] == 1:
        value = select_dim(value, 0, 0)
    return value


getitem.overridable = True  # type: ignore[attr-defined]
attach(__getitem__=getitem)


def _delitem(self: Tensor, key: Any) -> None:
    raise TypeError("Tensor does not support deleting items")


attach(__setitem__=overridable(setitem), __delitem__=_delitem)
