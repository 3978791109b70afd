"""`torch.sparse`: what there is for sparse tensors. They are made by `torch.sparse_coo_tensor` and `Tensor.to_sparse`,
and by layers such as `nn.Embedding(..., sparse=True)` as gradients of their tables.
"""

from __future__ import annotations

from tritonnn._sparse import SparseTensor

__all__ = ["SparseTensor"]
