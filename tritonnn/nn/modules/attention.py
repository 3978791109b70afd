"""MultiheadAttention."""

from __future__ import annotations

from typing import Any

from tritonnn._parameter import Parameter
from tritonnn._tensor import Tensor
from tritonnn.device import DeviceLike
from tritonnn.dtypes import dtype as DType
from tritonnn.nn import _multi_head, init
from tritonnn.nn.module import Module
from tritonnn.nn.modules.linear import NonDynamicallyQuantizableLinear
from tritonnn.ops.creation.creation import empty

__all__ = ["MultiheadAttention"]


class MultiheadAttention(Module):
    """concat(head_1, ..., head_h)·W_O with head = softmax(q·kᵀ/√head_dim)·v (Vaswani et al. 2017).

    Args:
        embed_dim: E of query and output; divisible by num_heads.
        num_heads: number of heads h.
        dropout: of the attention weights.
        bias: whether the projections have one.
        add_bias_kv: append a learned key and value.
        add_zero_attn: append a key and value of zeros.
        kdim, vdim: features of key and value where they differ from E.
        batch_first: whether batches are (N, L, E) instead of (L, N, E).
        device, dtype: of the parameters.

    >>> import tritonnn as torch
    >>> attention = torch.nn.MultiheadAttention(8, 2)
    >>> q, k = torch.ones(5, 3, 8), torch.ones(7, 3, 8)
    >>> output, weights = attention(q, k, k)
    >>> output.shape, weights.shape
    (torch.Size([5, 3, 8]), torch.Size([3, 5, 7]))
    """

    bias_k: Tensor | None
    bias_v: Tensor | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: DeviceLike | None = None,
        dtype: DType | None = None,
    ) -> None:
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(
                f"embed_dim and num_heads must be greater than 0, got embed_dim={embed_dim} and "
                f"num_heads={num_heads} instead"
            )
        super().__init__()
        self.embed_dim = embed_dim
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == embed_dim and self.vdim == embed_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.head_dim = embed_dim // num_heads
        if self.head_dim * num_heads != embed_dim:
            raise AssertionError("embed_dim must be divisible by num_heads")

        def parameter(*shape: int) -> Parameter:
            return Parameter(empty(shape, device=device, dtype=dtype))

        same = self._qkv_same_embed_dim
        self.register_parameter("in_proj_weight", parameter(3 * embed_dim, embed_dim) if same else None)
        self.register_parameter("q_proj_weight", None if same else parameter(embed_dim, embed_dim))
        self.register_parameter("k_proj_weight", None if same else parameter(embed_dim, self.kdim))
        self.register_parameter("v_proj_weight", None if same else parameter(embed_dim, self.vdim))
        self.register_parameter("in_proj_bias", parameter(3 * embed_dim) if bias else None)
        self.out_proj = NonDynamicallyQuantizableLinear(
            embed_dim, embed_dim, bias=bias, device=device, dtype=dtype
        )
        self.bias_k = parameter(1, 1, embed_dim) if add_bias_kv else None
        self.bias_v = parameter(1, 1, embed_dim) if add_bias_kv else None
        self.add_zero_attn = add_zero_attn
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.zeros_(self.in_proj_bias)
            init.zeros_(self.out_proj.bias)
        for bias in (self.bias_k, self.bias_v):
            if bias is not None:
                init.xavier_normal_(bias)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({"_qkv_same_embed_dim": True, **state})  # modules pickled before kdim existed

    def merge_masks(
        self, attn_mask: Tensor | None, key_padding_mask: Tensor | None, query: Tensor
    ) -> tuple[Tensor | None, int | None]:
        """One mask of both, and what it is: 1 of keys alone, 2 (N, num_heads, L, L); None and None of neither.

        Args:
            attn_mask: (L, L) or (N·num_heads, L, L). key_padding_mask: (N, L). query: (N, L, E).
        """
        if attn_mask is None:
            return key_padding_mask, None if key_padding_mask is None else 1
        batch, length, _ = query.shape
        merged: Any = attn_mask.view(batch if attn_mask.ndim == 3 else 1, -1, length, length)
        if attn_mask.ndim != 3:
            merged = merged.expand(batch, self.num_heads, -1, -1)
        if key_padding_mask is not None:
            merged = merged + key_padding_mask.view(batch, 1, 1, length).expand(-1, self.num_heads, -1, -1)
        return merged, 2

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Any, Any]:
        """Attend.

        Args:
            query, key, value: (L, N, E), (S, N, kdim), (S, N, vdim); with `batch_first` N comes first; or
                without N. Or one nested tensor, of layout torch.strided, in evaluation without gradients.
            key_padding_mask: (N, S); True hides a key, a float mask is added.
            need_weights: return the weights, too; without them the fused attention is used.
            attn_mask: (L, S) or (N·num_heads, L, S); True hides, a float mask is added.
            average_attn_weights: weights (N, L, S) averaged over the heads, else (N, num_heads, L, S).
            is_causal: says that attn_mask is the causal one.

        Returns:
            The output, shaped like query, and the weights or None.
        """
        if query.is_nested:
            from tritonnn.nn._nested_attention import nested_attention

            masks = attn_mask, key_padding_mask
            return nested_attention(self, query, key, value, masks, need_weights, average_attn_weights)
        swap = self.batch_first and query.ndim == 3
        if swap:
            # Inputs that are one tensor stay one, so that their projections share a product.
            moved = {id(x): x.transpose(1, 0) for x in (query, key, value)}
            query, key, value = moved[id(query)], moved[id(key)], moved[id(value)]
        output, weights = _multi_head.multi_head_attention_forward(
            query, key, value, self.embed_dim, self.num_heads, self.in_proj_weight, self.in_proj_bias,
            self.bias_k, self.bias_v, self.add_zero_attn, self.dropout, self.out_proj.weight,
            self.out_proj.bias,
            training=self.training, key_padding_mask=key_padding_mask, need_weights=need_weights,
            attn_mask=attn_mask,
            use_separate_proj_weight=not self._qkv_same_embed_dim, q_proj_weight=self.q_proj_weight,
            k_proj_weight=self.k_proj_weight, v_proj_weight=self.v_proj_weight,
            average_attn_weights=average_attn_weights, is_causal=is_causal,
        )  # fmt: skip
        return (output.transpose(1, 0) if swap else output), weights
