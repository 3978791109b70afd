"""Nested tensors in files: the parts that they are made of again, in PyTorch's form."""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.nested._layouts import JaggedTensor, StridedNestedTensor, make_jagged, make_strided
from tritonnn.nested._making import indices
from tritonnn.nested._structure import Ragged
from tritonnn.nested._tensor import NestedTensor
from tritonnn.shape import contiguous_strides, numel

_PARTS = {"values", "offsets", "lengths", "_ragged_idx", "_metadata_cache", "requires_grad"}


def reduced(nested: NestedTensor) -> tuple:
    """The function and the arguments that make an equal tensor."""
    if isinstance(nested, JaggedTensor):
        ragged = nested._ragged
        return rebuild_jagged, ({
            "values": nested._entries.detach(), "offsets": ragged.offsets, "lengths": ragged.lengths,
            "_ragged_idx": nested._ragged_idx, "_metadata_cache": {}, "requires_grad": nested.requires_grad,
        },)  # fmt: skip
    assert isinstance(nested, StridedNestedTensor)
    sizes = nested._sizes
    shape = (len(sizes), nested.dim() - 1)
    flat = nested._entries.detach()
    strides = [contiguous_strides(size) for size in sizes]
    first = np.cumsum([0, *map(numel, sizes)])[:-1]
    parts = [indices(np.array(rows).reshape(shape), flat) for rows in (sizes, strides)]
    return rebuild_strided, (flat.requires_grad_(nested.requires_grad), *parts, indices(first, flat))


def rebuild_jagged(parts: Any) -> JaggedTensor:
    """A jagged tensor of its values, offsets, lengths and ragged dimension.

    Raises:
        RuntimeError: they do not fit each other.
    """
    wrong = RuntimeError("load: the parts of a nested tensor do not fit each other: the file is corrupted")
    if type(parts) is not dict or not {"values", "offsets"} <= parts.keys() <= _PARTS:
        raise wrong
    values, offsets, lengths = parts["values"], parts["offsets"], parts.get("lengths")
    dim, grad = parts.get("_ragged_idx", 1), parts.get("requires_grad", False)
    numbers = [offsets] if lengths is None else [offsets, lengths]
    if (
        type(values) is not Tensor
        or type(dim) is not int
        or type(grad) is not bool
        or not 1 <= dim <= values.dim()
    ):
        raise wrong
    for part in numbers:
        if type(part) is not Tensor or part.dim() != 1 or part.dtype not in (dtypes.int64, dtypes.int32):
            raise wrong
        if part.device is not values.device:
            raise wrong
    if not len(offsets) or (lengths is not None and len(lengths) != len(offsets) - 1):
        raise wrong
    ragged = Ragged(offsets.detach(), None if lengths is None else lengths.detach())
    if values.device.type != "meta":
        starts, counts = ragged.bounds()
        if (starts + counts > values.shape[dim - 1]).any():
            raise wrong
    made = make_jagged(values.detach(), ragged, dim)
    return made.requires_grad_() if grad else made


def rebuild_strided(values: Any, sizes: Any, strides: Any, offsets: Any) -> StridedNestedTensor:
    """A strided nested tensor of flat values and the geometry of each component, which may be any.

    Raises:
        RuntimeError: they do not fit each other, or a component reaches beyond the values.
    """
    wrong = RuntimeError("load: the parts of a nested tensor do not fit each other: the file is corrupted")
    for part, ndim in ((values, 1), (sizes, 2), (strides, 2), (offsets, 1)):
        if (
            type(part) is not Tensor
            or part.dim() != ndim
            or (part is not values and part.dtype is not dtypes.int64)
        ):
            raise wrong
    if sizes.shape != strides.shape or offsets.shape[0] != sizes.shape[0]:
        raise wrong
    extents, steps, first = sizes.tolist(), strides.tolist(), offsets.tolist()
    flat, grad = values.detach(), values.requires_grad
    if (
        any(n < 0 for row in (*extents, *steps, first) for n in row)
        or sum(map(numel, extents)) > flat.numel()
    ):
        raise wrong
    places = np.cumsum([0, *map(numel, extents)])
    if places[-1] != flat.numel() or first != places[:-1].tolist() or any(
        not _row_major(size, step) for size, step in zip(extents, steps, strict=True)
    ):  # fmt: skip
        parts = [flat.as_strided(*geometry) for geometry in zip(extents, steps, first, strict=True)]
        flat = flat[:0].reshape(0) if not parts else _joined(parts)
    made = make_strided(flat, extents)
    return made.requires_grad_() if grad else made


def _row_major(size: list[int], step: list[int]) -> bool:
    wanted = contiguous_strides(size)
    return all(n == 1 or a == b for n, a, b in zip(size, step, wanted, strict=True)) or not numel(size)


def _joined(parts: list[Tensor]) -> Tensor:
    from tritonnn.ops.joining.joining import cat

    return cat([part.reshape(-1) for part in parts])
