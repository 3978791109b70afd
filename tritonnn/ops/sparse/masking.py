"""The elements of a tensor at the places of a sparse one."""

from __future__ import annotations

from typing import Any

from tritonnn._compressed import CompressedTensor
from tritonnn._sparse import HINT, Sparse, SparseTensor, with_values
from tritonnn._tensor import Tensor
from tritonnn.ops._table import attach
from tritonnn.ops.joining.joining import cat
from tritonnn.ops.sorting.searching import searchsorted
from tritonnn.ops.sparse._forms import sparse_form
from tritonnn.ops.sparse.arithmetic import coalesce, flat_places
from tritonnn.ops.sparse.conversion import _in_blocks, batches, to_coo
from tritonnn.ops.sparse.conversion import flat_places as places_of


def found(key: Tensor, among: Tensor) -> tuple[Tensor, Tensor]:
    """Where each key stands among sorted, distinct ones, and whether it does."""
    if not len(among):
        return key.new_zeros(len(key)), key != key
    at = searchsorted(among, key).clamp(0, len(among) - 1)
    return at, among[at] == key


def taken_at(other: Tensor, mask: Sparse) -> Tensor:
    """The values of `other`, dense or sparse, at the places of `mask`, in the order in which they stand there."""
    if isinstance(other, Sparse):
        return _of_sparse(other, mask)
    if isinstance(mask, SparseTensor):
        dims = len(mask._places)
        if not dims:
            return other.expand(mask._nnz(), *other._shape)
        return other[tuple(mask._places)]
    assert isinstance(mask, CompressedTensor)
    batch, block = mask._batch_dims, mask._block
    if block is None:
        flat = other.reshape(batches(mask), *other._shape[batch:])
    else:
        flat = _in_blocks(other, batch, block)
    return flat[places_of(mask)].reshape(mask._entries._shape)


def _coo(tensor: Sparse) -> SparseTensor:
    if isinstance(tensor, SparseTensor):
        return tensor
    assert isinstance(tensor, CompressedTensor)
    return to_coo(tensor)


def _of_sparse(other: Sparse, mask: Sparse) -> Tensor:
    if isinstance(mask, CompressedTensor) and (mask._block is not None or mask._batch_dims):
        return taken_at(other.to_dense(), mask)
    single, wanted = coalesce(_coo(other)), _coo(mask)
    if len(single._places) != len(wanted._places):
        return taken_at(other.to_dense(), mask)
    at, there = found(flat_places(wanted), flat_places(single))
    values = single._entries
    if not len(values):  # one that all places show, and none has
        values = cat([values, values.new_zeros(1, *values._shape[1:])])
    there = there.reshape(-1, *[1] * (len(values._shape) - 1))
    return values[at].masked_fill(~there, 0)


def sparse_mask(self: Tensor, mask: Tensor) -> Any:
    """The elements at the places of a sparse tensor, as one of its layout.

    Raises:
        RuntimeError: the shapes differ, the mask is dense, or it is of another sparse layout than a sparse tensor.

    >>> import tritonnn as torch
    >>> torch.ones(2, 2).sparse_mask(torch.eye(2).to_sparse()).values()
    tensor([1., 1.])
    """
    if not isinstance(mask, Tensor):
        raise TypeError(
            f"sparse_mask(): argument 'mask' (position 1) must be Tensor, not {type(mask).__name__}"
        )
    if not isinstance(mask, Sparse):
        raise RuntimeError("sparse_mask(): the mask must be a sparse tensor, got a dense one")
    if self._shape != mask._shape:
        raise RuntimeError(
            f"sparse_mask(): operands have incompatible sizes; self has size {list(self._shape)} but mask has size "
            f"{list(mask._shape)}"
        )
    if self is mask:
        return self
    if isinstance(self, CompressedTensor) and isinstance(mask, CompressedTensor):
        return _both_have(self, mask)
    if isinstance(self, CompressedTensor):
        raise RuntimeError(
            "sparse_mask_sparse_compressed expects mask to have sparse compressed layout, got Sparse"
        )
    return with_values(mask, taken_at(self, mask))


def _both_have(self: CompressedTensor, mask: CompressedTensor) -> CompressedTensor:
    """The elements of a compressed tensor at the places that another has as well."""
    if mask._block is not None or self._block is not None:
        raise NotImplementedError(f"sparse_mask of {self._layout} by another tensor {HINT}")
    from tritonnn.ops.creation.creation import ones_like

    return self * with_values(mask, ones_like(mask._entries.detach(), dtype=self._dtype))


attach(sparse_mask=sparse_mask)
sparse_form("sparse_mask", of="coo compressed")(sparse_mask)
