"""multi_head_attention_forward: projections, masks and attention of `nn.MultiheadAttention`, as a
function.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.dtypes import bool_
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import explained
from tritonnn.nn import functional as F
from tritonnn.ops.creation.creation import zeros, zeros_like
from tritonnn.ops.joining.joining import cat

# The exception type that PyTorch raises for shapes that do not fit together here.
_error = explained(AssertionError)


def canonical_mask(
    mask: Tensor | None, name: str, other: DType | None, other_name: str, dtype: DType | None
) -> Any:
    """A mask to be added: bool masks become 0 and -inf; float masks stay.

    `other` is the dtype of a second mask, with which it should agree.
    """
    if mask is None:
        return None
    floating = mask.is_floating_point()
    if mask.dtype is not bool_ and not floating:
        raise _error(f"only bool and floating types of {name} are supported, got {mask.dtype}")
    if other is not None and other is not mask.dtype:
        warnings.warn(
            f"Support for mismatched {name} and {other_name} is deprecated. Use same type for both instead."
        )
    return mask if floating else zeros_like(mask, dtype=dtype).masked_fill(mask, float("-inf"))


def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Any, Any]:
    """Attention of several heads with input and output projections (Vaswani et al. 2017).

    Args:
        query, key, value: (L, N, E), (S, N, E_k), (S, N, E_v), or all without N.
        embed_dim_to_check: E.
        num_heads: divides E.
        in_proj_weight, in_proj_bias: (3E, E) and (3E): the projections of query, key and value, stacked.
        bias_k, bias_v: (1, 1, E), appended to the keys and values.
        add_zero_attn: append a key and value of zeros.
        dropout_p: dropout of the attention weights, in training.
        out_proj_weight, out_proj_bias: (E, E) and (E).
        key_padding_mask: (N, S); True (or -inf) hides a key.
        need_weights: return the weights, too.
        attn_mask: (L, S) or (N·num_heads, L, S); True hides, a float mask is added.
        use_separate_proj_weight: take q_proj_weight, k_proj_weight and v_proj_weight instead of
            in_proj_weight.
        static_k, static_v: (N·num_heads, S, E/num_heads), in place of the projected ones.
        average_attn_weights: mean of the weights over the heads.
        is_causal: says that attn_mask is the causal one.

    Returns:
        Output (L, N, E), and the weights (N, L, S), or (N, num_heads, L, S), or None.

    >>> import tritonnn as torch
    >>> import tritonnn.nn.functional as F
    >>> x, layer = torch.randn(5, 2, 4), torch.nn.MultiheadAttention(4, 2)
    >>> out, weights = F.multi_head_attention_forward(
    ...     x, x, x, 4, 2, layer.in_proj_weight, layer.in_proj_bias, None, None, False, 0.0,
    ...     layer.out_proj.weight, layer.out_proj.bias,
    ... )
    >>> out.shape, weights.shape
    (torch.Size([5, 2, 4]), torch.Size([2, 5, 5]))
    """
    _check_shapes(query, key, value, key_padding_mask, attn_mask, num_heads)
    batched = query.ndim == 3
    if not batched:
        query, key, value = query.unsqueeze(1), key.unsqueeze(1), value.unsqueeze(1)
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    length, batch, embed_dim = query.shape
    if embed_dim != embed_dim_to_check:
        raise _error(f"was expecting embedding dimension of {embed_dim_to_check}, but got {embed_dim}")
    if embed_dim % num_heads:
        raise _error(f"embed_dim {embed_dim} not divisible by num_heads {num_heads}")
    head_dim = embed_dim // num_heads

    key_padding_mask = canonical_mask(
        key_padding_mask, "key_padding_mask", getattr(attn_mask, "dtype", None), "attn_mask", query.dtype
    )
    if is_causal and attn_mask is None:
        raise explained(RuntimeError)(
            "Need attn_mask if specifying the is_causal hint. You may use the Transformer module method "
            "`generate_square_subsequent_mask` to create this mask."
        )
    if is_causal and key_padding_mask is None and not need_weights:
        attn_mask = None  # the attention op makes its own
    else:
        attn_mask = canonical_mask(attn_mask, "attn_mask", None, "", query.dtype)
        is_causal = False
    attn_mask = _check_mask(attn_mask, batch * num_heads, length, key.shape[0])

    q, k, v = _project(
        query, key, value, in_proj_weight, in_proj_bias,
        (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else None,
    )  # fmt: skip
    if (bias_k is None) != (bias_v is None):
        raise _error("bias_k and bias_v must be given together")
    appended = 0
    if bias_k is not None and bias_v is not None:
        if static_k is not None or static_v is not None:
            raise _error("bias cannot be added to static key or value.")
        k = cat([k, bias_k.repeat(1, batch, 1)])
        v = cat([v, bias_v.repeat(1, batch, 1)])
        appended += 1
    q = _heads(q, batch * num_heads, head_dim)
    k = _heads(k, batch * num_heads, head_dim) if static_k is None else _check_static(static_k, q, "static_k")
    v = _heads(v, batch * num_heads, head_dim) if static_v is None else _check_static(static_v, q, "static_v")
    if add_zero_attn:
        row = zeros((batch * num_heads, 1, head_dim), dtype=k.dtype, device=k.device)
        k, v = cat([k, row], 1), cat([v, row], 1)
        appended += 1
    mask = _merge(attn_mask, key_padding_mask, appended, batch, num_heads, k.shape[1])
    dropout_p = dropout_p if training else 0.0

    weights = None
    if need_weights:
        output, weights = _explicit_attention(q, k, v, mask, dropout_p)
        weights = weights.view(batch, num_heads, length, k.shape[1])
        weights = weights.mean(1) if average_attn_weights else weights
        output = output.transpose(0, 1).reshape(length * batch, embed_dim)
    else:
        if mask is not None:
            mask = (
                mask.unsqueeze(0)
                if mask.shape[0] == 1
                else mask.view(batch, num_heads, mask.shape[1], k.shape[1])
            )
        q, k, v = (t.view(batch, num_heads, t.shape[1], head_dim) for t in (q, k, v))
        output = F.scaled_dot_product_attention(q, k, v, mask, dropout_p, is_causal)
        output = output.permute(2, 0, 1, 3).reshape(length * batch, embed_dim)
    output = F.linear(output, out_proj_weight, out_proj_bias).view(length, batch, out_proj_weight.shape[0])
    if not batched:
        output = output.squeeze(1)
        weights = None if weights is None else weights.squeeze(0)
    return output, weights


def _check_shapes(
    query: Tensor, key: Tensor, value: Tensor, padding: Tensor | None, mask: Tensor | None, num_heads: int
) -> None:
    dims = query.ndim
    if dims not in (2, 3):
        raise _error(f"query should be unbatched 2D or batched 3D tensor but received {dims}-D query tensor")
    kind = f"batched ({dims}-D)" if dims == 3 else f"unbatched ({dims}-D)"
    if key.ndim != dims or value.ndim != dims:
        raise _error(
            f"For {kind} `query`, expected `key` and `value` to be {dims}-D but found {key.ndim}-D and "
            f"{value.ndim}-D tensors respectively"
        )
    if padding is not None and padding.ndim != dims - 1:
        raise _error(
            f"For {kind} `query`, expected `key_padding_mask` to be `None` or {dims - 1}-D but found "
            f"{padding.ndim}-D tensor instead"
        )
    if mask is not None and mask.ndim not in (2, 3):
        raise _error(
            f"For {kind} `query`, expected `attn_mask` to be `None`, 2-D or 3-D but found {mask.ndim}-D "
            "tensor instead"
        )
    if mask is not None and dims == 2 and mask.ndim == 3:
        expected = (num_heads, query.shape[0], key.shape[0])
        if mask.shape != expected:
            raise _error(f"Expected `attn_mask` shape to be {expected} but got {mask.shape}")


def _check_mask(mask: Tensor | None, heads: int, length: int, source: int) -> Any:
    """The mask with three dimensions."""
    if mask is None:
        return None
    expected = (length, source) if mask.ndim == 2 else (heads, length, source)
    if mask.shape != expected:
        raise explained(RuntimeError)(
            f"The shape of the {mask.ndim}D attn_mask is {mask.shape}, but should be {expected}."
        )
    return mask.unsqueeze(0) if mask.ndim == 2 else mask


def _check_static(given: Tensor, q: Tensor, name: str) -> Any:
    if given.shape[0] != q.shape[0] or given.shape[2] != q.shape[2]:
        raise _error(
            f"expecting {name} of shape ({q.shape[0]}, S, {q.shape[2]}), but got {tuple(given.shape)}"
        )
    return given


def _project(query: Tensor, key: Tensor, value: Tensor, weight: Any, bias: Any, separate: Any) -> Any:
    """Query, key and value through their projections; equal inputs share one product."""
    if separate is not None:
        if key.shape[:2] != value.shape[:2]:
            raise _error(
                f"key's sequence and batch dims {key.shape[:2]} do not match value's {value.shape[:2]}"
            )
        biases = (None, None, None) if bias is None else bias.chunk(3)
        return [F.linear(x, w, b) for x, w, b in zip((query, key, value), separate, biases)]
    if key.shape != value.shape:
        raise _error(f"key shape {key.shape} does not match value shape {value.shape}")
    dim = query.shape[-1]
    if key is value and query is key:
        return F.linear(query, weight, bias).chunk(3, -1)
    if key is value:
        w_q, w_kv = weight.split([dim, 2 * dim])
        b_q, b_kv = (None, None) if bias is None else bias.split([dim, 2 * dim])
        return (F.linear(query, w_q, b_q), *F.linear(key, w_kv, b_kv).chunk(2, -1))
    biases = (None, None, None) if bias is None else bias.chunk(3)
    return [F.linear(x, w, b) for x, w, b in zip((query, key, value), weight.chunk(3), biases)]


def _heads(x: Tensor, count: int, head_dim: int) -> Any:
    """(T, N, E) -> (N·heads, T, head_dim)."""
    return x.reshape(x.shape[0], count, head_dim).transpose(0, 1)


def _merge(
    attn_mask: Tensor | None, padding: Tensor | None, appended: int, batch: int, num_heads: int, source: int
) -> Any:
    """Both masks as one, of (1 or N·heads, L or 1, S); keys that were appended are seen by all."""
    if attn_mask is not None and appended:
        attn_mask = F.pad(attn_mask, (0, appended))
    if padding is None:
        return attn_mask
    if appended:
        padding = F.pad(padding, (0, appended))
    for dim, extent in enumerate((batch, source)):
        if padding.shape[dim] != extent:
            raise _error(
                f"Expected key_padded_mask.shape[{dim}] to be {extent}, but got {padding.shape[dim]}"
            )
    padding = padding.view(batch, 1, 1, source).expand(-1, num_heads, -1, -1)
    padding = padding.reshape(batch * num_heads, 1, source)
    return padding if attn_mask is None else attn_mask + padding


def _explicit_attention(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, dropout_p: float
) -> tuple[Any, Any]:
    scores = (q * math.sqrt(1.0 / q.shape[-1])).bmm(k.transpose(-2, -1))
    if mask is not None:
        scores = scores + mask
    weights = F.softmax(scores, dim=-1)
    if dropout_p > 0.0:
        weights = F.dropout(weights, dropout_p)
    return weights.bmm(v), weights
