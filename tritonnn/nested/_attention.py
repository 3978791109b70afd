"""Attention of nested tensors: each component attends within itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tritonnn.nested._making import like_components
from tritonnn.nested._tensor import NestedTensor


def attention(
    func: Callable, query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0,
    is_causal: bool = False, scale: float | None = None, enable_gqa: bool = False,
) -> Any:  # fmt: skip
    """`scaled_dot_product_attention` (B, heads, length, E), the lengths ragged, a call for each component."""
    given = (query, key, value)
    if not all(isinstance(tensor, NestedTensor) for tensor in given):
        nested = [isinstance(tensor, NestedTensor) for tensor in given]
        raise ValueError(
            "scaled_dot_product_attention: Expected query, key, and value to be nested tensors, but got "
            f"query.is_nested: {nested[0]}, key.is_nested: {nested[1]}, value.is_nested: {nested[2]}"
        )
    if attn_mask is not None:
        kind = ValueError if hasattr(query, "_ragged") else RuntimeError
        raise kind("scaled_dot_product_attention: masks are not supported with nested tensors")
    if len({tensor._batch() for tensor in given}) > 1 or len({tensor.dim() for tensor in given}) > 1:
        raise RuntimeError(
            "scaled_dot_product_attention: expected nested tensors of as many components, of as many dimensions, got "
            f"{[tensor._batch() for tensor in given]} components of {[tensor.dim() - 1 for tensor in given]} dimensions"
        )
    if not query._batch():
        return query
    parts = [
        func(
            q.unsqueeze(0), k.unsqueeze(0), v.unsqueeze(0), None, dropout_p, is_causal, scale, enable_gqa
        ).squeeze(0)
        for q, k, v in zip(*(tensor._components() for tensor in given), strict=True)
    ]
    return like_components(query, parts)
