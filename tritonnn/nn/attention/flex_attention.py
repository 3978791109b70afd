"""Attention with functions of the program's own for scores and masks."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypedDict

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.device import DeviceLike
from tritonnn.nn.attention._block_mask import (
    DEFAULT_BLOCK,
    BlockMask,
    MaskMod,
    and_masks,
    noop_mask,
    or_masks,
    ordered,
    pair,
    refuse_orders,
)
from tritonnn.nn.attention._positions import Sizes, everywhere
from tritonnn.ops.attention import attention_blocks, scaled_dot_product_attention
from tritonnn.ops.creation.from_data import tensor as make_tensor
from tritonnn.recording.grad_mode import is_grad_enabled

__all__ = [
    "AuxOutput", "AuxRequest", "BlockMask", "FlexKernelOptions", "and_masks", "create_block_mask", "create_mask",
    "flex_attention", "noop_mask", "or_masks",
]  # fmt: skip

_DEFAULT_SPARSE_BLOCK_SIZE = DEFAULT_BLOCK
ScoreMod = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]


class FlexKernelOptions(TypedDict, total=False):
    """How PyTorch's kernels are tuned; results do not depend on it, and here nothing is tuned by hand."""

    num_warps: int
    num_stages: int
    BLOCK_M: int
    BLOCK_N: int
    BLOCK_M1: int
    BLOCK_N1: int
    BLOCK_M2: int
    BLOCK_N2: int
    PRESCALE_QK: bool
    ROWS_GUARANTEED_SAFE: bool
    BLOCKS_ARE_CONTIGUOUS: bool
    WRITE_DQ: bool
    FORCE_USE_FLEX_ATTENTION: bool
    USE_TMA: bool
    kpack: int
    matrix_instr_nonkdim: int
    waves_per_eu: int
    BACKEND: str


class AuxRequest(NamedTuple):
    """What `flex_attention` returns beside its result: logarithms of sums, and the largest scores, of each query."""

    lse: bool = False
    max_scores: bool = False


class AuxOutput(NamedTuple):
    """What an `AuxRequest` asked for, None for the rest."""

    lse: Tensor | None = None
    max_scores: Tensor | None = None


def create_mask(
    mod_fn: ScoreMod | MaskMod,
    B: int | None,
    H: int | None,
    Q_LEN: int,
    KV_LEN: int,
    device: DeviceLike | None = None,
) -> Tensor:
    """What a function says for all positions, as a tensor (B, H, Q_LEN, KV_LEN).

    Args:
        mod_fn: `(b, h, q_idx, kv_idx) -> bool`, or `(score, b, h, q_idx, kv_idx) -> score`, of which a mask is where
            a score of 0 does not become -inf. It is called once, with all positions (see `flex_attention`).
        B, H: batches and heads; None is 1.
        device: of the positions; by default the GPU where there is one.

    >>> import tritonnn as torch
    >>> from tritonnn.nn.attention.flex_attention import create_mask
    >>> create_mask(lambda b, h, q_idx, kv_idx: q_idx >= kv_idx, None, None, 2, 3, device="cpu")
    tensor([[[[ True, False, False],
              [ True,  True, False]]]])
    """
    sizes = (B or 1, H or 1, Q_LEN, KV_LEN)
    place = _default(device)
    if _takes_score(mod_fn):
        score = make_tensor(0.0, device=place).expand(sizes)
        return everywhere("mod_fn", mod_fn, score, sizes, place) != -math.inf
    return everywhere("mod_fn", mod_fn, None, sizes, place)


def _default(device: DeviceLike | None) -> Any:
    from tritonnn.cuda import is_available

    if device is not None:
        return device
    return "cuda" if is_available() else "cpu"


def _takes_score(function: Any) -> bool:
    """Whether a function takes a score before the four positions."""
    import inspect

    if not callable(function):
        raise TypeError(f"{function!r} is not a callable object")
    parameters = inspect.signature(function).parameters.values()
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    count = sum(p.kind in kinds and p.default is inspect.Parameter.empty for p in parameters)
    if count not in (4, 5):
        raise AssertionError(f"Expected 4 or 5 positional args, got {count}")
    return count == 5


def create_block_mask(
    mask_mod: MaskMod, B: int | None, H: int | None, Q_LEN: int, KV_LEN: int, device: DeviceLike | None = None,
    BLOCK_SIZE: int | tuple[int, int] = DEFAULT_BLOCK, _compile: bool = False, separate_full_blocks: bool = True,
    compute_dq_write_order: bool = False, dq_kv_order: bool = True,
) -> BlockMask:  # fmt: skip
    """The blocks in which a mask lets queries see keys.

    Args:
        mask_mod: `(b, h, q_idx, kv_idx) -> bool`: whether a query sees a key. It is called once, with all positions.
        B, H: batches and heads that the mask differs for; None is 1, and holds for all.
        device: by default the GPU where there is one.
        BLOCK_SIZE: queries and keys of a block.
        _compile: of older programs; the result is the same.
        separate_full_blocks: whether blocks in which all is seen are listed by themselves.
        compute_dq_write_order: must be False. dq_kv_order: only says in which order that would be.

    >>> import tritonnn as torch
    >>> from tritonnn.nn.attention.flex_attention import create_block_mask
    >>> mask = create_block_mask(lambda b, h, q, k: q >= k, None, None, 256, 256, device="cpu")
    >>> mask.kv_num_blocks.tolist(), mask.full_kv_num_blocks.tolist(), mask.sparsity()
    ([[[1, 1]]], [[[0, 1]]], 25.0)
    """
    if _takes_score(mask_mod):
        raise AssertionError(f"create_block_mask requires a mask_mod function! Got {mask_mod}")
    refuse_orders(True if compute_dq_write_order else None)
    mask = create_mask(mask_mod, B, H, Q_LEN, KV_LEN, device)
    if mask.dtype is not dtypes.bool_:
        raise AssertionError(f"create_block_mask: mask_mod must give torch.bool, got {mask.dtype}")
    rows, columns = pair(BLOCK_SIZE)
    count = (-(-Q_LEN // rows), -(-KV_LEN // columns))
    padded: Any = mask.new_zeros((*mask.shape[:2], count[0] * rows, count[1] * columns), dtype=dtypes.bool_)
    padded[..., :Q_LEN, :KV_LEN] = mask
    seen = padded.reshape(*mask.shape[:2], count[0], rows, count[1], columns).sum((3, 5))
    full = (seen == rows * columns).to(dtypes.int32) if separate_full_blocks else None
    some = (seen > 0).to(dtypes.int32)
    partial = ordered(some if full is None else some - full)
    whole: tuple[Any, Any] = (None, None) if full is None else ordered(full)
    return BlockMask.from_kv_blocks(
        partial[0], partial[1], whole[0], whole[1], BLOCK_SIZE=(rows, columns), mask_mod=mask_mod,
        seq_lengths=(Q_LEN, KV_LEN),
    )  # fmt: skip


# ---- attention ------------------------------------------------------------------------------------------------


def _check_types(block_mask: Any, kernel_options: Any, return_aux: Any, **tensors: Any) -> None:
    for name, tensor in tensors.items():
        if not isinstance(tensor, Tensor):
            raise TypeError(f"flex_attention: {name} must be a Tensor, got {type(tensor).__name__}")
    wanted = {"block_mask": (block_mask, BlockMask), "kernel_options": (kernel_options, dict)}
    wanted["return_aux"] = (return_aux, AuxRequest)
    for name, (value, kind) in wanted.items():
        if value is not None and not isinstance(value, kind):
            raise TypeError(f"flex_attention: {name} must be {kind.__name__}, got {type(value).__name__}")


def _check(query: Tensor, key: Tensor, value: Tensor, block_mask: BlockMask | None, gqa: bool) -> None:
    shapes = [tuple(t.shape) for t in (query, key, value)]
    if any(len(shape) != 4 for shape in shapes):
        raise NotImplementedError(f"NYI: query, key, and value must be 4D tensors, got {shapes}")
    (batch, heads, _, width), (key_batch, key_heads, keys, key_width), other = shapes
    if not query.dtype is key.dtype is value.dtype or not query.dtype.is_floating_point:
        kinds = ", ".join(t.dtype.name for t in (query, key, value))
        raise ValueError(f"Expected query, key, and value to have the same floating dtype, but got {kinds}")
    if width != key_width:
        text = f"Expect query and key/value to have the same embedding dimension but got E={width} and E={key_width}."
        raise ValueError(text)
    if other[:3] != (key_batch, key_heads, keys):
        raise RuntimeError(
            f"key and value must agree but in their last dimension, got {shapes[1]} and {other}"
        )
    if batch != key_batch and (block_mask is None or key_batch != 1):
        raise ValueError(
            "Expect query and key/value to have the same batch size, or non-none block_mask and a batch of 1 of "
            f"key/value, but got block_mask={None if block_mask is None else block_mask.shape}, Bq={batch}, and "
            f"Bkv={key_batch}."
        )
    if heads != key_heads and not gqa:
        raise ValueError(
            f"Expect query and key/value to have the same number of heads but got Hq={heads} and Hkv={key_heads}. "
            "Try setting enable_gqa=True for GQA."
        )
    if key_heads == 0 or heads % key_heads:
        raise ValueError(
            "Expect number of query heads to be a multiple of kv heads for GQA but got "
            f"Hq={heads} and Hkv={key_heads}."
        )


def _visible(mask: BlockMask, sizes: Sizes, device: Any) -> Tensor:
    """(B, H, Q, K), or with 1 in place of B and H: what the blocks and the function let see."""
    batch, heads, queries, keys = sizes
    dense: Any = mask.to_dense()
    if mask.seq_lengths != (queries, keys):
        raise ValueError(
            f"block_mask was created for block_mask.shape={mask.shape} but got q_len={queries} and kv_len={keys}. "
            "Create a block mask of these lengths, or crop it by block_mask._adjust(q_len, kv_len)"
        )
    lead = (1,) * (4 - len(dense.shape)) + tuple(dense.shape[:-2])
    reach = [n * size for n, size in zip(dense.shape[-2:], mask.BLOCK_SIZE, strict=True)]
    if (
        len(lead) > 2
        or lead[0] not in (1, batch)
        or lead[1] not in (1, heads)
        or reach[0] < queries
        or reach[1] < keys
    ):
        raise ValueError(
            f"block_mask of {tuple(dense.shape)} blocks of {mask.BLOCK_SIZE} does not fit scores of {sizes}"
        )

    def elements(blocks: Any) -> Any:
        wide = blocks.bool().reshape(*lead, *blocks.shape[-2:]).repeat_interleave(mask.BLOCK_SIZE[0], -2)
        return wide.repeat_interleave(mask.BLOCK_SIZE[1], -1)[..., :queries, :keys]

    seen = everywhere("mask_mod", mask.mask_mod, None, (*lead, queries, keys), device)
    if seen.dtype is not dtypes.bool_:
        raise RuntimeError(f"flex_attention: mask_mod must give a boolean tensor, got {seen.dtype}")
    full = mask.full_dense()
    return elements(dense) & (seen if full is None else seen | elements(full))


def flex_attention(
    query: Tensor, key: Tensor, value: Tensor, score_mod: ScoreMod | None = None, block_mask: BlockMask | None = None,
    scale: float | None = None, enable_gqa: bool = False, return_lse: bool = False,
    kernel_options: FlexKernelOptions | None = None, *, return_aux: AuxRequest | None = None,
) -> Any:  # fmt: skip
    """softmax(score_mod(q kᵀ · scale)) v, over the keys that a block mask lets see (Dong et al. 2024).

    Functions are written for one position and called once with all of them: numbers of batches, heads, queries and
    keys come as tensors of shapes (B, 1, 1, 1), (1, H, 1, 1), (1, 1, Q, 1) and (1, 1, 1, K). So captured tensors are
    looked up in one step (`bias[h, q_idx - kv_idx]`, `document[q_idx] == document[kv_idx]`), and get gradients. The
    first call is compared with calls for single positions; a function that gives other values there is refused.

    Args:
        query: (B, H, Q, E). key: (B, H, K, E). value: (B, H, K, Ev); with a block mask, they may have one batch.
        score_mod: `(score, b, h, q_idx, kv_idx) -> score`, after scaling. With it, all scores are in memory.
        block_mask: see `create_block_mask`; a query that sees no key gives zeros.
        scale: 1 / √E by default.
        enable_gqa: key and value may have fewer heads, a divisor of the query's.
        return_lse: also return log Σ exp(score) of each query, (B, H, Q); -inf where no key is seen.
        kernel_options: tuning of PyTorch's kernels: a dict, in which nothing changes a result.
        return_aux: what to return beside the result, as an `AuxOutput`.

    Raises:
        ValueError: shapes, heads, dtypes, or lengths of the mask that do not fit. RuntimeError: a function that does
        not work with all positions at once, or a mask that is not boolean. TypeError: a function that does not take
        these arguments, or another argument of a wrong type.

    >>> import tritonnn as torch
    >>> from tritonnn.nn.attention.flex_attention import flex_attention
    >>> q = k = v = torch.eye(2).view(1, 1, 2, 2)
    >>> flex_attention(q, k, v, lambda score, b, h, q_idx, kv_idx: score - 8 * (q_idx - kv_idx).abs())
    tensor([[[[9.9983e-01, 1.6538e-04],
              [1.6538e-04, 9.9983e-01]]]])
    """
    _check_types(block_mask, kernel_options, return_aux, query=query, key=key, value=value)
    _check(query, key, value, block_mask, enable_gqa)
    if return_lse and return_aux is not None:
        raise ValueError("Cannot specify both return_lse and return_aux: use return_aux=AuxRequest(lse=True)")
    batch, heads, queries, width = query.shape
    sizes: Sizes = (batch, heads, queries, key.shape[2])
    seen = None if block_mask is None else _visible(block_mask, sizes, query.device)
    wanted = AuxRequest(lse=True) if return_lse else return_aux
    if scale is None:
        scale = 1 / math.sqrt(width) if width else 1.0
    if score_mod is None and (wanted is None or not any(wanted)):
        recorded = is_grad_enabled() and any(t.requires_grad for t in (query, key, value))
        if block_mask is None or seen is None or recorded:
            result = scaled_dot_product_attention(query, key, value, seen, scale=scale, enable_gqa=enable_gqa)
        else:
            result = _listed(query, key, value, block_mask, seen, float(scale))
        aux = AuxOutput()
    else:
        result, aux = _composed(query, key, value, score_mod, seen, float(scale), sizes)
    if wanted is None:
        return result
    if return_lse:
        return result, aux.lse
    return result, AuxOutput(*[part if asked else None for part, asked in zip(aux, wanted, strict=True)])


def _listed(query: Tensor, key: Tensor, value: Tensor, mask: BlockMask, seen: Tensor, scale: float) -> Tensor:
    """Attention that passes over the blocks that nobody sees, and has no masks where all is seen."""
    batch = query.shape[0]

    def by_head(lists: Tensor | None, rank: int) -> Any:
        return None if lists is None else lists.reshape(*(1,) * (rank - lists.ndim), *lists.shape)

    key, value = (x.expand(batch, *x.shape[1:]) for x in (key, value))
    return attention_blocks(
        query, key, value, by_head(seen, 4), by_head(mask.kv_num_blocks, 3), by_head(mask.kv_indices, 4),
        by_head(mask.full_kv_num_blocks, 3), by_head(mask.full_kv_indices, 4), *mask.BLOCK_SIZE, scale,
    )[0]  # fmt: skip


def _composed(
    query: Tensor, key: Tensor, value: Tensor, score_mod: ScoreMod | None, seen: Tensor | None, scale: float,
    sizes: Sizes,
) -> tuple[Tensor, AuxOutput]:  # fmt: skip
    """Attention with all scores in memory, in float32 at least."""
    kind = query.dtype if query.dtype is dtypes.float64 else dtypes.float32
    group = sizes[1] // key.shape[1]
    k, v = (x if group == 1 else x.repeat_interleave(group, 1) for x in (key, value))
    scores: Any = (query @ k.transpose(-2, -1)).to(kind) * scale
    if score_mod is not None:
        scores = everywhere("score_mod", score_mod, scores, sizes, query.device).to(kind)
    if seen is not None:
        scores = scores.masked_fill(seen.logical_not(), -math.inf)
    blind = (scores.detach() == -math.inf).all(-1, True)  # of such rows softmax and its gradient would be NaN
    scores = scores.masked_fill(blind, 0.0)
    blind_rows = blind.squeeze(-1)
    lse = scores.logsumexp(-1).masked_fill(blind_rows, -math.inf)
    largest = scores.detach().amax(-1).masked_fill(blind_rows, -math.inf)
    weights = scores.softmax(-1).masked_fill(blind, 0.0)
    return weights.to(query.dtype) @ v, AuxOutput(lse, largest)
