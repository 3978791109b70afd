"""Sparse tensor types of older programs, on the GPU."""

from __future__ import annotations

from tritonnn.sparse._legacy import KINDS, sparse_type

__all__ = [f"{kind}Tensor" for kind in KINDS]
globals().update({f"{kind}Tensor": sparse_type(kind, "cuda") for kind in KINDS})
