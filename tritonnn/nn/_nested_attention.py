"""Self-attention of nested batches, which `MultiheadAttention` computes in evaluation."""

from __future__ import annotations

import math
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.nested._making import strided_of
from tritonnn.nn import functional as F
from tritonnn.nn.module import Module
from tritonnn.recording.grad_mode import is_grad_enabled


def nested_attention(
    module: Module, query: Any, key: Tensor, value: Tensor, masks: tuple, need_weights: bool, average: bool
) -> tuple[Any, Any]:
    """Output, nested as query, and the weights (N, L, L) or (N, num_heads, L, L), 0 where there are no positions.

    Raises:
        AssertionError: other than self-attention without masks and gradients in evaluation.
    """
    if why := _refusal(module, query, key, value, masks):
        raise AssertionError(f"MultiheadAttention does not take a nested tensor here: {why}")
    projected = F.linear(query, module.in_proj_weight, module.in_proj_bias)
    outputs, weights = [], []
    for part in projected.unbind():
        q, k, v = (
            part.reshape(part.shape[0], 3, module.num_heads, module.head_dim).permute(1, 2, 0, 3).unbind(0)
        )
        if need_weights:
            weights.append((q @ k.mT / math.sqrt(module.head_dim)).softmax(-1))
            output = weights[-1] @ v
        else:
            output = F.scaled_dot_product_attention(q.unsqueeze(0), k.unsqueeze(0), v.unsqueeze(0)).squeeze(0)
        outputs.append(output.transpose(0, 1).flatten(1))
    result = module.out_proj(strided_of(outputs))
    if not need_weights:
        return result, None
    padded = strided_of(weights).to_padded_tensor(0.0)
    return result, padded.mean(1) if average else padded


def _refusal(module: Module, query: Any, key: Tensor, value: Tensor, masks: tuple) -> str:
    """Why a nested batch is not taken, or nothing."""
    tensors = (
        query,
        module.in_proj_weight,
        module.in_proj_bias,
        module.out_proj.weight,
        module.out_proj.bias,
    )
    reasons = {
        "of layout torch.strided alone": hasattr(query, "_ragged"),
        "query, key and value must be one tensor": not (query is key and key is value),
        "its components must be of 2 dimensions": query.dim() != 3,
        "in evaluation alone, call .eval()": module.training,
        "masks are not supported": any(mask is not None for mask in masks),
        "batch_first must be True": not module.batch_first,
        "num_heads must be even": module.num_heads % 2 == 1,
        "bias, and kdim and vdim of embed_dim, are needed": module.in_proj_bias is None,
        "add_bias_kv and add_zero_attn are not supported": module.bias_k is not None or module.add_zero_attn,
        "not where gradients are recorded, use torch.no_grad()": is_grad_enabled()
        and any(tensor is not None and tensor.requires_grad for tensor in tensors),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")
