"""Causal masks of queries and keys of different numbers, for `scaled_dot_product_attention`."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from tritonnn import dtypes
from tritonnn._overriding import _disabled_torch_function_impl
from tritonnn._tensor import Tensor
from tritonnn.device import DeviceLike
from tritonnn.errors import warn
from tritonnn.ops.creation.creation import ones

__all__ = ["CausalBias", "CausalVariant", "causal_lower_right", "causal_upper_left"]


class CausalVariant(IntEnum):
    """Where the diagonal begins: query 0 sees key 0 alone, or the last query sees the last key as its last."""

    UPPER_LEFT = 1
    LOWER_RIGHT = 2


class CausalBias(Tensor):
    """A mask, True where a key is seen, that `scaled_dot_product_attention` takes as `attn_mask` on any device.

    Where it is the mask of `is_causal`, the fused kernel skips what is not seen, and the mask is not read.

    Args:
        variant: where the diagonal begins.
        seq_len_q, seq_len_kv: numbers of queries and keys.

    Raises:
        AssertionError: the variant is no CausalVariant.

    >>> import tritonnn as torch
    >>> from tritonnn.nn.attention.bias import causal_lower_right
    >>> causal_lower_right(2, 3)
    tensor([[ True,  True, False],
            [ True,  True,  True]])
    """

    variant: CausalVariant
    seq_len_q: int
    seq_len_kv: int
    __torch_function__ = _disabled_torch_function_impl

    def __new__(cls, variant: CausalVariant, seq_len_q: int, seq_len_kv: int) -> CausalBias:
        if not isinstance(variant, CausalVariant):
            raise AssertionError(f"variant must be a CausalVariant, got {type(variant).__name__}")
        if variant is CausalVariant.LOWER_RIGHT and seq_len_q > seq_len_kv:
            warn(
                "Lower right causal bias: with seq_len_q > seq_len_kv the first queries see no key, and give zeros"
            )
        bias: Any = _mask(variant, seq_len_q, seq_len_kv, "cpu")
        bias.__class__ = cls
        bias.variant, bias.seq_len_q, bias.seq_len_kv = variant, seq_len_q, seq_len_kv
        return bias

    def _materialize(self, device: DeviceLike | None = None) -> Tensor:
        """A plain tensor of the mask's values."""
        return _mask(self.variant, self.seq_len_q, self.seq_len_kv, device)

    def _in_attention(self, query: Tensor, key: Tensor, is_causal: bool) -> tuple[Tensor | None, bool]:
        """What stands for this mask: another mask, and whether `is_causal`."""
        if is_causal:
            raise ValueError("CausalBias should not be used with causal=True")
        sizes = (self.seq_len_q, self.seq_len_kv)
        if sizes != (query.shape[-2], key.shape[-2]):
            raise RuntimeError(
                f"CausalBias is for {sizes[0]} queries and {sizes[1]} keys, but query has {query.shape[-2]} and key "
                f"{key.shape[-2]} positions"
            )
        if self.variant is CausalVariant.UPPER_LEFT or sizes[0] == sizes[1]:
            return None, True
        return self._materialize(query.device), False

    def __repr__(self) -> str:
        return repr(self._materialize())


def _mask(variant: CausalVariant, queries: int, keys: int, device: DeviceLike | None) -> Tensor:
    diagonal = 0 if variant is CausalVariant.UPPER_LEFT else keys - queries
    full: Any = ones((queries, keys), dtype=dtypes.bool_, device=device)
    return full.tril(diagonal)


def _sizes(name: str, size: tuple[int, ...]) -> tuple[int, int]:
    if len(size) != 2:
        raise AssertionError(f"{name} only supports 2D tensors, got {len(size)} sizes")
    return size


def causal_upper_left(*size: int) -> CausalBias:
    """A mask by which query i sees keys up to i.

    >>> from tritonnn.nn.attention.bias import causal_upper_left
    >>> causal_upper_left(2, 3)
    tensor([[ True, False, False],
            [ True,  True, False]])
    """
    return CausalBias(CausalVariant.UPPER_LEFT, *_sizes("causal_upper_left", size))


def causal_lower_right(*size: int) -> CausalBias:
    """A mask by which the last query sees all keys, and each before it one less; see `CausalBias`."""
    return CausalBias(CausalVariant.LOWER_RIGHT, *_sizes("causal_lower_right", size))
