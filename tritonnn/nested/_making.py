"""Nested tensors out of their components, out of padded tensors, and padded tensors out of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.nested._layouts import JaggedTensor, StridedNestedTensor, make_jagged, make_strided
from tritonnn.nested._structure import Ragged
from tritonnn.ops.creation.from_data import from_numpy
from tritonnn.ops.joining.joining import cat


def indices(places: Any, like: Tensor) -> Tensor:
    """Numbers of rows as a tensor where another one lies."""
    return from_numpy(np.ascontiguousarray(places, np.int64)).to(like.device)


def ragged_of(lengths: Sequence[int], like: Tensor) -> Ragged:
    """Components of these lengths, without holes."""
    return Ragged(indices(np.cumsum([0, *lengths]), like), None)


def jagged_of(parts: Sequence[Tensor], dim: int, ragged: Ragged | None = None) -> JaggedTensor:
    """A jagged tensor of components that differ in their dimension `dim` alone."""
    values = cat(list(parts), dim)
    return make_jagged(values, ragged or ragged_of([part.shape[dim] for part in parts], values), dim + 1)


def jagged_of_components(parts: Sequence[Tensor]) -> JaggedTensor:
    """The same, of components whose ragged dimension is found out: the first that differs, else the first.

    Raises:
        RuntimeError: there are none, they have no dimensions, or differ in more than one.
    """
    if not parts:
        raise RuntimeError("Cannot construct a nested tensor from an empty tensor list")
    first = parts[0]
    for name, kind in (("dtype", "dtype"), ("dim", "ndim"), ("device", "device")):
        if len({getattr(part, kind) for part in parts}) > 1:
            text = "be on the same device" if name == "device" else f"have the same {name}"
            raise RuntimeError(f"When constructing a nested tensor, all tensors in list must {text}")
    if first.ndim == 0:
        raise RuntimeError("Cannot construct a nested tensor from a list of zero-dim tensors")
    different = [d for d in range(first.ndim) if len({part.shape[d] for part in parts}) > 1]
    if len(different) > 1:
        raise RuntimeError(
            "Cannot represent given tensor list as a nested tensor with the jagged layout, which has a single ragged "
            f"dimension: the components differ in dimensions {different}, {[tuple(part.shape) for part in parts]}"
        )
    return jagged_of(parts, different[0] if different else 0)


def strided_of(parts: Sequence[Tensor], copied: bool = False) -> StridedNestedTensor:
    """A strided nested tensor of components, the first of which decides dtype and device."""
    for i, part in enumerate(parts):
        if part.ndim != parts[0].ndim:
            raise RuntimeError(
                "All Tensors given to nested_tensor must have the same dimension. Found dimension "
                f"{part.ndim} for Tensor at index {i} and dimension {parts[0].ndim} for Tensor at index 0."
            )
        if part.device is not parts[0].device:
            raise RuntimeError(
                f"Tensor on device {part.device} is not on the expected device {parts[0].device}!"
            )
    flat = [part.reshape(-1).to(parts[0].dtype) for part in parts]
    values = cat(flat) if flat else from_numpy(np.zeros(0, np.float32)).to(dtypes.get_default_dtype())
    return make_strided(values, [part.shape for part in parts], copied)


def like_components(nested: Any, parts: Sequence[Tensor]) -> Any:
    """Components of other values, as many and as long, in the layout of a nested tensor."""
    if isinstance(nested, JaggedTensor):
        return jagged_of(parts, nested._ragged_idx - 1, nested._ragged if is_tight(nested) else None)
    return strided_of(parts)


# ---- padding ----------------------------------------------------------------------------------------------------


def is_tight(nested: JaggedTensor) -> bool:
    """Whether all rows of the values belong to components, in order."""
    rows = nested._ragged.rows()
    return len(rows) == nested._entries.shape[nested._ragged_idx - 1] and bool(
        (rows == np.arange(len(rows))).all()
    )


def padded(nested: JaggedTensor, fill: Any, length: int | None = None) -> Tensor:
    """(B, ..., length, ...): each component, filled up or cut off along the ragged dimension."""
    starts, lengths = nested._ragged.bounds()
    length = int(lengths.max(initial=0)) if length is None else length
    kept = np.minimum(lengths, length)
    values = nested._entries.movedim(nested._ragged_idx - 1, 0)
    if not (is_tight(nested) and (kept == lengths).all()):
        rows = [np.arange(a, a + n) for a, n in zip(starts, kept, strict=True)]
        values = values.index_select(0, indices(np.concatenate([[], *rows]), values))
    whole = values.new_full((len(lengths) * length, *values.shape[1:]), fill)
    whole = whole.index_copy(0, indices(_places(kept, length), values), values)
    return whole.reshape(len(lengths), length, *values.shape[1:]).movedim(1, nested._ragged_idx)


def _places(lengths: np.ndarray, length: int) -> np.ndarray:
    """Where the rows of components lie among those of the padded tensor."""
    return np.concatenate([[], *(b * length + np.arange(n) for b, n in enumerate(lengths))])


def unpadded(dense: Tensor, nested: JaggedTensor) -> JaggedTensor:
    """The components that `padded` has put into a dense tensor (B, ..., length, ...)."""
    if not is_tight(nested):
        raise RuntimeError("a dense tensor cannot be cut into the components of a nested tensor with holes")
    dim = nested._ragged_idx
    rows = dense.movedim(dim, 1).flatten(0, 1)
    values = rows.index_select(0, indices(_places(nested._ragged.bounds()[1], dense.shape[dim]), dense))
    return make_jagged(values.movedim(0, dim - 1), nested._ragged, dim)


def padded_strided(nested: StridedNestedTensor, fill: Any, size: Sequence[int] | None) -> Tensor:
    """(B, largest extents): each component in the corner of a dense one.

    Raises:
        RuntimeError: a component does not fit into the size asked for.
    """
    sizes = nested._sizes
    largest = [max(extents) for extents in zip(*sizes, strict=True)] if sizes else []
    if size is not None:
        wanted = [len(sizes) if size[0] == -1 else size[0], *size[1:]]
        if len(wanted) != len(largest) + 1 or any(
            w < n for w, n in zip(wanted, [len(sizes), *largest], strict=True)
        ):
            raise RuntimeError(
                f"to_padded_tensor: output_size {list(size)} is less than the padded size "
                f"{[len(sizes), *largest]}. Truncation is not supported."
            )
        batch, largest = wanted[0], wanted[1:]
    else:
        batch = len(sizes)
    extents = [batch, *largest]
    strides = np.cumprod([1, *extents[:0:-1]])[::-1]
    places = [
        b * strides[0] + sum(
            np.arange(n).reshape(-1, *[1] * (len(shape) - d - 1)) * strides[d + 1] for d, n in enumerate(shape)
        )
        for b, shape in enumerate(sizes)
    ]  # fmt: skip
    whole = nested._entries.new_full((int(np.prod(extents)),), fill)
    where = indices(np.concatenate([[], *(np.ravel(place) for place in places)]), whole)
    return whole.index_copy(0, where, nested._entries).reshape(extents)
