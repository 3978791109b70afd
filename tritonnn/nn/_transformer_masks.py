"""Masks of the transformer's stacks: whether one is causal, and which positions are padding and left out.

Padded positions are left out where PyTorch's inference goes through nested tensors. It computes the unpadded positions
alone there, and gives 0 for the others; here all positions are computed, behind the mask that hides the padding, and
the padded ones set to 0.
"""

from __future__ import annotations

from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.device import DeviceLike
from tritonnn.dtypes import dtype as DType
from tritonnn.dtypes import get_default_dtype
from tritonnn.nn.module import Module
from tritonnn.ops.creation.creation import full
from tritonnn.ops.creation.ranges import arange
from tritonnn.recording.grad_mode import is_grad_enabled


def _generate_square_subsequent_mask(
    sz: int, device: DeviceLike | None = None, dtype: DType | None = None
) -> Any:
    dtype = get_default_dtype() if dtype is None else dtype
    return full((sz, sz), float("-inf"), dtype=dtype, device=device).triu(1)


def _is_causal(mask: Tensor | None, hint: bool | None, size: int | None) -> bool:
    """Whether a mask is the causal one: the hint where there is one, else by comparison."""
    if hint is not None or mask is None:
        return bool(hint)
    extent = mask.shape[-2] if size is None else size
    if mask.shape != (extent, extent):
        return False
    return bool((mask == _generate_square_subsequent_mask(extent, mask.device, mask.dtype)).all())


def _sequence_length(x: Tensor, batch_first: bool) -> int:
    return x.shape[1 if batch_first and x.ndim == 3 else 0]


def leaves_out_padding(layer: Module) -> bool:
    """Whether PyTorch's fused layer takes one with these settings, which the nested path needs."""
    attention = layer.self_attn
    return bool(
        not layer.norm_first
        and attention.batch_first
        and attention._qkv_same_embed_dim
        and attention.in_proj_bias is not None
        and layer.activation_relu_or_gelu
        and layer.norm1.eps == layer.norm2.eps
        and attention.num_heads % 2 == 0
    )


def padding(encoder: Module, src: Tensor, mask: Tensor | None, key_padding_mask: Tensor | None) -> Any:
    """The positions (N, S) to leave out of the batch `src`; None where all are computed.

    A sequence is as long as its unpadded positions are many, and begins at position 0.
    """
    if key_padding_mask is None or mask is not None or not encoder.use_nested_tensor or src.ndim != 3:
        return None
    if encoder.layers[0].training or not _inference(src, encoder.layers[0]):
        return None
    kept = key_padding_mask.logical_not()
    after_the_end = arange(kept.shape[1], device=kept.device) >= kept.sum(1, keepdim=True)
    if encoder.mask_check and bool((kept == after_the_end).any()):
        return None
    return after_the_end


def _inference(src: Tensor, layer: Module) -> bool:
    return not (is_grad_enabled() and (src.requires_grad or any(p.requires_grad for p in layer.parameters())))
