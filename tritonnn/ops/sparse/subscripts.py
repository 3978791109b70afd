"""Indexing sparse tensors: by integers, whole dimensions, `...` and None."""

from __future__ import annotations

from types import EllipsisType
from typing import Any

from tritonnn._compressed import CompressedTensor
from tritonnn._sparse import HINT, Sparse, SparseTensor, attach
from tritonnn._tensor import Tensor
from tritonnn.ops.sparse._forms import KINDS
from tritonnn.ops.sparse.shape import select, unsqueeze


def _item(self: Any, key: Any) -> Tensor:
    """s[0], s[:, 1], s[..., 0], s[None]; nothing else has the same parts, or some of them."""
    keys = [_plain(k) for k in (key if isinstance(key, tuple) else (key,))]
    taken = sum(k is not None and k is not Ellipsis for k in keys)
    if taken > len(self._shape):
        raise IndexError(f"too many indices for tensor of dimension {len(self._shape)}")
    if keys.count(Ellipsis) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    result: Any = self
    dim = 0
    for k in keys:
        if k is Ellipsis:
            dim += len(self._shape) - taken
        elif isinstance(k, slice):
            _check_whole(k, result._shape[dim], dim)
            dim += 1
        elif k is None:
            if isinstance(result, CompressedTensor):
                raise RuntimeError(f"indexing a tensor of layout {result._layout} by None {HINT}")
            result = unsqueeze(result, dim) if isinstance(result, SparseTensor) else result.unsqueeze(dim)
            dim += 1
        else:
            result = select(result, dim, k) if isinstance(result, Sparse) else result.select(dim, k)
    return result.detach() if result is self and not self.requires_grad else result


def _plain(key: Any) -> int | slice | EllipsisType | None:
    """A part of a key, an integer where it is one.

    Raises:
        IndexError: it is no index of tensors at all.
        NotImplementedError: it picks several elements.
    """
    if key is None or key is Ellipsis or isinstance(key, slice):
        return key
    if isinstance(key, Tensor) and key._dtype.kind > 1:
        raise IndexError(
            f"tensors used as indices must be long, int, byte or bool tensors, got {key._dtype.name}"
        )
    if isinstance(key, Tensor) and (key._shape or key._dtype.kind != 1):
        raise NotImplementedError(f"indexing by a tensor of shape {list(key._shape)} {_SEVERAL}")
    if isinstance(key, str):
        raise TypeError(f"new(): invalid data type 'str': {key!r} is no index of a sparse tensor")
    if isinstance(key, (bool, list)):
        raise NotImplementedError(f"indexing by {key!r} {_SEVERAL}")
    if not hasattr(key, "__index__"):
        raise IndexError(
            "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got "
            f"{type(key).__name__})"
        )
    return key.__index__()


_SEVERAL = "is not implemented for sparse tensors. Hint: .index_select(dim, index) takes several"


def _check_whole(part: slice, extent: int, dim: int) -> None:
    if part.indices(extent) != (0, extent, 1):
        raise NotImplementedError(
            f"indexing dimension {dim}, of {extent}, by a part of it is not implemented for sparse tensors. Hint: "
            ".narrow_copy(dim, start, length) copies it"
        )


def _refuse_item(self: Any, key: Any, value: Any) -> None:
    raise TypeError("Cannot assign to a sparse tensor: its elements are made with it, or by .to_sparse()")


def _length(self: Any) -> int:
    if not self._shape:
        raise TypeError("len() of a 0-d tensor")
    return self._shape[0]


for _cls in KINDS.values():
    attach("__getitem__", _item, _cls)
    attach("__setitem__", _refuse_item, _cls)
    attach("__len__", _length, _cls)
