"""Attention of MViT: over tokens of a video whose queries, keys and values are pooled first."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import tritonnn as torch
from tritonnn import Tensor, fx, nn
from tritonnn.nn import functional as F

Layer = Callable[..., nn.Module]
#: frames, height, width
Size = tuple[int, int, int]


def _prod(s: Sequence[int]) -> int:
    return math.prod(s)


def _unsqueeze(x: Tensor, target_dim: int, expand_dim: int) -> tuple[Tensor, int]:
    """With an extent of 1 put in where a dimension is missing; and how many there were."""
    tensor_dim = x.dim()
    if tensor_dim == target_dim - 1:
        x = x.unsqueeze(expand_dim)
    elif tensor_dim != target_dim:
        raise ValueError(f"Unsupported input dimension {x.shape}")
    return x, tensor_dim


def _squeeze(x: Tensor, target_dim: int, expand_dim: int, tensor_dim: int) -> Tensor:
    """What `_unsqueeze` has put in is taken out."""
    return x.squeeze(expand_dim) if tensor_dim == target_dim - 1 else x


fx.wrap("_unsqueeze")
fx.wrap("_squeeze")


class Pool(nn.Module):
    """Pools tokens of a video, which the first token is not one of, and normalises.

    Args:
        pool: of (batch, channels, frames, height, width).
        norm: None for none.
        activation: None for none.
        norm_before_pool: whether the video is normalised first, instead of the tokens afterwards.
    """

    def __init__(
        self,
        pool: nn.Module,
        norm: nn.Module | None,
        activation: nn.Module | None = None,
        norm_before_pool: bool = False,
    ) -> None:
        super().__init__()
        self.pool = pool
        layers = [layer for layer in (norm, activation) if layer is not None]
        self.norm_act = nn.Sequential(*layers) if layers else None
        self.norm_before_pool = norm_before_pool

    def forward(self, x: Tensor, thw: Size) -> tuple[Tensor, Size]:
        """Tokens (batch, [heads,] 1 + frames * height * width, channels) and the size of their video, pooled."""
        x, tensor_dim = _unsqueeze(x, 4, 1)
        class_token, x = torch.tensor_split(x, (1,), dim=2)
        x = x.transpose(2, 3)
        b, n, c = x.shape[:3]
        x = x.reshape((b * n, c, *thw)).contiguous()
        if self.norm_before_pool and self.norm_act is not None:
            x = self.norm_act(x)
        x = self.pool(x)
        t, h, w = x.shape[2:]
        x = x.reshape(b, n, c, -1).transpose(2, 3)
        x = torch.cat((class_token, x), dim=2)
        if not self.norm_before_pool and self.norm_act is not None:
            x = self.norm_act(x)
        return _squeeze(x, 4, 1, tensor_dim), (t, h, w)


def _interpolate(embedding: Tensor, d: int) -> Tensor:
    """(length, channels) resampled to (d, channels)."""
    if embedding.shape[0] == d:
        return embedding
    return F.interpolate(embedding.permute(1, 0).unsqueeze(0), size=d, mode="linear").squeeze(0).permute(1, 0)


def _relative(embedding: Tensor, queries: int, keys: int) -> Tensor:
    """The embedding of the distance of each query from each key on one axis: (queries, keys, channels)."""
    embedding = _interpolate(embedding, 2 * max(queries, keys) - 1)
    query = torch.arange(queries, device=embedding.device)[:, None] * max(keys / queries, 1.0)
    key = (torch.arange(keys, device=embedding.device)[None, :] + (1.0 - keys)) * max(queries / keys, 1.0)
    return embedding[(query - key).long()]


def _add_rel_pos(
    attn: Tensor,
    q: Tensor,
    q_thw: Size,
    k_thw: Size,
    rel_pos_h: Tensor,
    rel_pos_w: Tensor,
    rel_pos_t: Tensor,
) -> Tensor:
    """Scores, and those of the queries for the distances on the three axes added; not for the first token."""
    b, heads, _, dim = q.shape
    video = q[:, :, 1:].reshape(b, heads, *q_thw, dim)
    t = torch.einsum("bythwc,tkc->bythwk", video, _relative(rel_pos_t, q_thw[0], k_thw[0]))
    h = torch.einsum("bythwc,hkc->bythwk", video, _relative(rel_pos_h, q_thw[1], k_thw[1]))
    w = torch.einsum("bythwc,wkc->bythwk", video, _relative(rel_pos_w, q_thw[2], k_thw[2]))
    scores = t[..., :, None, None] + (h[..., None, :, None] + w[..., None, None, :])
    # Added as a whole, not in place to a part: then the way back needs no copy of the part's base.
    return attn + F.pad(scores.reshape(b, heads, _prod(q_thw), _prod(k_thw)), (1, 0, 1, 0))


def _add_shortcut(x: Tensor, shortcut: Tensor, residual_with_cls_embed: bool) -> Tensor:
    """x + shortcut, but for the first token unless told otherwise."""
    if residual_with_cls_embed:
        return x + shortcut
    return x + F.pad(shortcut[:, :, 1:, :], (0, 0, 1, 0))


fx.wrap("_add_rel_pos")
fx.wrap("_add_shortcut")


class MultiscaleAttention(nn.Module):
    """Multi-head self-attention whose queries, keys and values are pooled; with fewer queries there are fewer tokens.

    Args:
        input_size: frames, height and width of the video that the tokens are of.
        embed_dim: channels of the input.
        output_dim: channels of the output.
        num_heads: of attention.
        kernel_q: of the pooling of queries; empty for none.
        kernel_kv: the same of keys and values.
        stride_q: of the pooling of queries.
        stride_kv: the same of keys and values.
        residual_pool: whether the pooled queries are added to the result.
        residual_with_cls_embed: whether the first one as well.
        rel_pos_embed: whether scores depend on distances, by weights that are learned.
        dropout: of the result.
        norm_layer: of what was pooled.
    """

    def __init__(
        self,
        input_size: list[int],
        embed_dim: int,
        output_dim: int,
        num_heads: int,
        kernel_q: list[int],
        kernel_kv: list[int],
        stride_q: list[int],
        stride_kv: list[int],
        residual_pool: bool,
        residual_with_cls_embed: bool,
        rel_pos_embed: bool,
        dropout: float = 0.0,
        norm_layer: Layer = nn.LayerNorm,
    ) -> None:
        super().__init__()
        self.embed_dim = embed_dim
        self.output_dim = output_dim
        self.num_heads = num_heads
        self.head_dim = output_dim // num_heads
        self.scaler = 1.0 / math.sqrt(self.head_dim)
        self.residual_pool = residual_pool
        self.residual_with_cls_embed = residual_with_cls_embed
        self.qkv = nn.Linear(embed_dim, 3 * output_dim)
        self.project = nn.Sequential(nn.Linear(output_dim, output_dim))
        if dropout > 0.0:
            self.project.append(nn.Dropout(dropout, inplace=True))
        self.pool_q = self._pool(kernel_q, stride_q, norm_layer)
        self.pool_k = self._pool(kernel_kv, stride_kv, norm_layer)
        self.pool_v = self._pool(kernel_kv, stride_kv, norm_layer)
        self.rel_pos_h = self.rel_pos_w = self.rel_pos_t = None
        if rel_pos_embed:
            size = max(input_size[1:])
            queries, keys = (size // stride[1] if stride else size for stride in (stride_q, stride_kv))
            self.rel_pos_h = self._embedding(2 * max(queries, keys) - 1)
            self.rel_pos_w = self._embedding(2 * max(queries, keys) - 1)
            self.rel_pos_t = self._embedding(2 * input_size[0] - 1)

    def _pool(self, kernel: list[int], stride: list[int], norm_layer: Layer) -> Pool | None:
        if _prod(kernel) <= 1 and _prod(stride) <= 1:
            return None
        padding = tuple(extent // 2 for extent in kernel)
        conv = nn.Conv3d(
            self.head_dim,
            self.head_dim,
            tuple(kernel),
            tuple(stride),
            padding,
            groups=self.head_dim,
            bias=False,
        )
        return Pool(conv, norm_layer(self.head_dim))

    def _embedding(self, length: int) -> nn.Parameter:
        embedding = nn.Parameter(torch.zeros(length, self.head_dim))
        nn.init.trunc_normal_(embedding, std=0.02)
        return embedding

    def forward(self, x: Tensor, thw: Size) -> tuple[Tensor, Size]:
        """Tokens (batch, 1 + frames * height * width, channels) and the size of their video; the same, pooled."""
        b, n, _ = x.shape
        qkv = self.qkv(x).reshape(b, n, 3, self.num_heads, self.head_dim).transpose(1, 3)
        q, k, v = qkv.unbind(dim=2)
        k_thw = thw
        if self.pool_k is not None:
            k, k_thw = self.pool_k(k, thw)
        if self.pool_v is not None:
            v = self.pool_v(v, thw)[0]
        if self.pool_q is not None:
            q, thw = self.pool_q(q, thw)
        attn = torch.matmul(self.scaler * q, k.transpose(2, 3))
        if self.rel_pos_h is not None and self.rel_pos_w is not None and self.rel_pos_t is not None:
            attn = _add_rel_pos(attn, q, thw, k_thw, self.rel_pos_h, self.rel_pos_w, self.rel_pos_t)
        x = torch.matmul(attn.softmax(dim=-1), v)
        if self.residual_pool:
            x = _add_shortcut(x, q, self.residual_with_cls_embed)
        x = x.transpose(1, 2).reshape(b, -1, self.output_dim)
        return self.project(x), thw
