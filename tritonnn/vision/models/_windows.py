"""Attention within the windows of a grid of tokens of any rank: what Swin transformers of all ranks share.

A grid is (batch, *sizes, channels). The windows of shifted attention lie half a window further on; there the grid
wraps around, and a mask keeps tokens apart that are no neighbours.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import tritonnn as torch
from tritonnn import Tensor
from tritonnn.nn import functional as F

#: added to the scores of tokens that are no neighbours
APART = -100.0


def split(x: Tensor, window: Sequence[int]) -> Tensor:
    """(batch, *sizes, channels) to (batch, windows, tokens of a window, channels)."""
    batch, *sizes, channels = x.shape
    rank = len(sizes)
    fold = [extent for size, inner in zip(sizes, window) for extent in (size // inner, inner)]
    x = x.reshape(batch, *fold, channels)
    x = x.permute(0, *range(1, 2 * rank, 2), *range(2, 2 * rank + 1, 2), 2 * rank + 1)
    return x.reshape(batch, -1, math.prod(window), channels)


def join(x: Tensor, window: Sequence[int], sizes: Sequence[int]) -> Tensor:
    """What `split` has split: (batch, *sizes, channels)."""
    rank = len(sizes)
    counts = [size // inner for size, inner in zip(sizes, window)]
    x = x.reshape(-1, *counts, *window, x.shape[-1])
    x = x.permute(0, *itertools.chain(*((1 + i, 1 + rank + i) for i in range(rank))), 2 * rank + 1)
    return x.reshape(x.shape[0], *sizes, x.shape[-1])


def neighbours(x: Tensor, sizes: Sequence[int], window: Sequence[int], shift: Sequence[int]) -> Tensor:
    """0 for pairs of tokens of a shifted window that are neighbours, `APART` for others: (windows, tokens, tokens).

    Of the dtype and on the device of x.
    """
    region = torch.zeros((1, *sizes, 1), dtype=torch.int64, device=x.device)
    for axis, (size, inner, step) in enumerate(zip(sizes, window, shift)):
        place = torch.arange(size, device=x.device)
        part = (place >= size - inner).long() + (
            place >= size - step
        ).long()  # what wraps around is the last one
        region = region * 3 + part.reshape(1, *(size if i == axis else 1 for i in range(len(sizes))), 1)
    regions = split(region, window).reshape(-1, math.prod(window))
    apart = regions.unsqueeze(1) != regions.unsqueeze(2)
    return torch.zeros(apart.shape, dtype=x.dtype, device=x.device).masked_fill(apart, APART)


def attention(
    x: Tensor,
    qkv_weight: Tensor,
    proj_weight: Tensor,
    bias: Tensor,
    window: Sequence[int],
    num_heads: int,
    shift: Sequence[int],
    attention_dropout: float,
    dropout: float,
    qkv_bias: Tensor | None,
    proj_bias: Tensor | None,
    logit_scale: Tensor | None,
    training: bool,
) -> Tensor:
    """Multi-head self-attention within windows that are shifted against the grid.

    Args:
        x: a grid; it is padded by zeros to whole windows, and the result is cut.
        bias: (1, heads, tokens, tokens), added to the scores.
        logit_scale: given, scores are cosines times its exponential (at most 100), and keys have no bias.
    """
    axes, sizes = tuple(range(1, x.dim() - 1)), x.shape[1:-1]
    padded = [size + -size % inner for size, inner in zip(sizes, window)]
    grid = _padded(x, padded)
    shifted = any(shift)
    if shifted:
        grid = torch.roll(grid, [-step for step in shift], axes)
        bias = bias + neighbours(x, padded, window, shift).unsqueeze(1)  # one bias for each window
    tokens = split(grid, window)
    batch, windows, length, channels = tokens.shape
    if logit_scale is not None and qkv_bias is not None:
        third = qkv_bias.shape[0] // 3
        qkv_bias = torch.cat([qkv_bias[:third], torch.zeros_like(qkv_bias[:third]), qkv_bias[2 * third :]])
    qkv = F.linear(tokens, qkv_weight, qkv_bias)
    qkv = qkv.reshape(batch, windows, length, 3, num_heads, channels // num_heads).permute(3, 0, 1, 4, 2, 5)
    weights = F.softmax(_scores(qkv[0], qkv[1], logit_scale) + bias, dim=-1)
    weights = F.dropout(weights, attention_dropout, training)
    tokens = (weights @ qkv[2]).transpose(2, 3).reshape(batch, windows, length, channels)
    tokens = F.dropout(F.linear(tokens, proj_weight, proj_bias), dropout, training)
    grid = join(tokens, window, padded)
    if shifted:
        grid = torch.roll(grid, list(shift), axes)
    return grid[(slice(None), *map(slice, sizes))].contiguous()


def _scores(query: Tensor, key: Tensor, logit_scale: Tensor | None) -> Tensor:
    if logit_scale is None:
        return (query * query.shape[-1] ** -0.5) @ key.transpose(-2, -1)
    cosines = F.normalize(query, dim=-1) @ F.normalize(key, dim=-1).transpose(-2, -1)
    return cosines * torch.clamp(logit_scale, max=math.log(100.0)).exp()


def _padded(x: Tensor, sizes: Sequence[int]) -> Tensor:
    """With zeros behind each axis of the grid, so that it has these sizes."""
    missing = [wanted - size for wanted, size in zip(sizes, x.shape[1:-1])]
    if not any(missing):
        return x
    return F.pad(x, [0, 0, *(extent for count in reversed(missing) for extent in (0, count))])


def offsets(window: Sequence[int]) -> Tensor:
    """For each pair of tokens of a window the distance on each axis, from 0: (tokens, tokens, axes)."""
    axes = torch.meshgrid([torch.arange(inner) for inner in window], indexing="ij")
    places = torch.stack([axis.flatten() for axis in axes], dim=-1)
    return places.unsqueeze(1) - places.unsqueeze(0) + torch.tensor([inner - 1 for inner in window])


def bias_index(window: Sequence[int]) -> Tensor:
    """For each pair of tokens of a window the row of the bias's table that their distance has."""
    index = torch.zeros((), dtype=torch.int64)
    for inner, distance in zip(window, offsets(window).unbind(dim=-1)):
        index = index * (2 * inner - 1) + distance
    return index


def looked_up(table: Tensor, index: Tensor) -> Tensor:
    """The rows of a bias's table for the pairs that index names: (1, heads, tokens, tokens)."""
    return table[index].permute(2, 0, 1).unsqueeze(0)
