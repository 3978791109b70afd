"""MViT (https://arxiv.org/abs/2104.11227, https://arxiv.org/abs/2112.01526): transformers for videos that pool."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import tritonnn as torch
from tritonnn import Tensor, fx, nn
from tritonnn.vision.models._api import WeightsEnum, register_model
from tritonnn.vision.models._utils import _ovewrite_named_param, classifier, handle_legacy_interface
from tritonnn.vision.models.video._mvit_attention import (
    MultiscaleAttention,
    Pool,
    Size,
    _prod,
    _unsqueeze,
)
from tritonnn.vision.ops.misc import MLP
from tritonnn.vision.ops.stochastic_depth import StochasticDepth

__all__ = ["MViT", "MViT_V1_B_Weights", "MViT_V2_S_Weights", "mvit_v1_b", "mvit_v2_s"]

Layer = Callable[..., nn.Module]
fx.wrap("_unsqueeze")


@dataclass
class MSBlockConfig:
    """A block: its heads, channels, and the pooling of queries and of keys and values (empty: none)."""

    num_heads: int
    input_channels: int
    output_channels: int
    kernel_q: list[int]
    kernel_kv: list[int]
    stride_q: list[int]
    stride_kv: list[int]


class MultiscaleBlock(nn.Module):
    """Attention and an MLP, each behind a normalisation and added to what it is given, which is pooled as queries are.

    Channels are changed by the attention (`proj_after_attn`) or by the MLP.
    """

    def __init__(
        self,
        input_size: list[int],
        cnf: MSBlockConfig,
        residual_pool: bool,
        residual_with_cls_embed: bool,
        rel_pos_embed: bool,
        proj_after_attn: bool,
        dropout: float = 0.0,
        stochastic_depth_prob: float = 0.0,
        norm_layer: Layer = nn.LayerNorm,
    ) -> None:
        super().__init__()
        self.proj_after_attn = proj_after_attn
        self.pool_skip = None
        if _prod(cnf.stride_q) > 1:
            kernel = [step + 1 if step > 1 else step for step in cnf.stride_q]
            padding = [extent // 2 for extent in kernel]
            self.pool_skip = Pool(nn.MaxPool3d(kernel, stride=cnf.stride_q, padding=padding), None)
        attn_dim = cnf.output_channels if proj_after_attn else cnf.input_channels
        self.norm1 = norm_layer(cnf.input_channels)
        self.norm2 = norm_layer(attn_dim)
        self.needs_transposal = isinstance(self.norm1, nn.BatchNorm1d)
        self.attn = MultiscaleAttention(
            input_size, cnf.input_channels, attn_dim, cnf.num_heads, cnf.kernel_q, cnf.kernel_kv, cnf.stride_q,
            cnf.stride_kv, residual_pool, residual_with_cls_embed, rel_pos_embed, dropout, norm_layer,
        )  # fmt: skip
        channels = [4 * attn_dim, cnf.output_channels]
        self.mlp = MLP(attn_dim, channels, activation_layer=nn.GELU, dropout=dropout, inplace=None)
        self.stochastic_depth = StochasticDepth(stochastic_depth_prob, "row")
        self.project = None
        if cnf.input_channels != cnf.output_channels:
            self.project = nn.Linear(cnf.input_channels, cnf.output_channels)

    def _normalised(self, norm: nn.Module, x: Tensor) -> Tensor:
        return norm(x.transpose(1, 2)).transpose(1, 2) if self.needs_transposal else norm(x)

    def forward(self, x: Tensor, thw: Size) -> tuple[Tensor, Size]:
        normalised = self._normalised(self.norm1, x)
        attended, new_thw = self.attn(normalised, thw)
        if self.project is not None and self.proj_after_attn:
            x = self.project(normalised)
        skipped = x if self.pool_skip is None else self.pool_skip(x, thw)[0]
        x = skipped + self.stochastic_depth(attended)
        normalised = self._normalised(self.norm2, x)
        if self.project is not None and not self.proj_after_attn:
            x = self.project(normalised)
        return x + self.stochastic_depth(self.mlp(normalised)), new_thw


class PositionalEncoding(nn.Module):
    """Puts a token that is learned in front, and adds learned positions unless they are relative ones of attention."""

    def __init__(
        self, embed_size: int, spatial_size: tuple[int, int], temporal_size: int, rel_pos_embed: bool
    ) -> None:
        super().__init__()
        self.spatial_size = spatial_size
        self.temporal_size = temporal_size
        self.class_token = nn.Parameter(torch.zeros(embed_size))
        self.spatial_pos = self.temporal_pos = self.class_pos = None
        if not rel_pos_embed:
            self.spatial_pos = nn.Parameter(torch.zeros(spatial_size[0] * spatial_size[1], embed_size))
            self.temporal_pos = nn.Parameter(torch.zeros(temporal_size, embed_size))
            self.class_pos = nn.Parameter(torch.zeros(embed_size))

    def forward(self, x: Tensor) -> Tensor:
        class_token = self.class_token.expand(x.size(0), -1).unsqueeze(1)
        x = torch.cat((class_token, x), dim=1)
        spatial, temporal, first = self.spatial_pos, self.temporal_pos, self.class_pos
        if spatial is not None and temporal is not None and first is not None:
            places, channels = spatial.shape
            positions = torch.repeat_interleave(temporal, places, dim=0)
            everywhere = spatial.unsqueeze(0).expand(self.temporal_size, -1, -1)
            positions = positions.add_(everywhere.reshape(-1, channels))
            x = x.add_(torch.cat((first.unsqueeze(0), positions), dim=0).unsqueeze(0))
        return x


class MViT(nn.Module):
    """Patches of a video as tokens, blocks that pool them to fewer and widen them, a classifier of the first token.

    Args:
        spatial_size: height and width of the video.
        temporal_size: its frames.
        block_setting: the blocks.
        residual_pool: whether pooled queries are added to what attention gives.
        residual_with_cls_embed: whether the first token's as well.
        rel_pos_embed: whether positions are relative ones of attention, not added to the tokens.
        proj_after_attn: whether attention changes the channels, not the MLP.
        dropout: before the classifier.
        attention_dropout: behind attention and MLPs.
        stochastic_depth_prob: of the last block to be left out in training; it grows linearly with depth.
        num_classes: how many scores there are.
        block: makes a block; `MultiscaleBlock` where it is None.
        norm_layer: called with the number of channels; LayerNorm where it is None.
        patch_embed_kernel: of the convolution that makes tokens.
        patch_embed_stride: the same.
        patch_embed_padding: the same.

    Raises ValueError where there are no blocks.
    """

    def __init__(
        self,
        spatial_size: tuple[int, int],
        temporal_size: int,
        block_setting: Sequence[MSBlockConfig],
        residual_pool: bool,
        residual_with_cls_embed: bool,
        rel_pos_embed: bool,
        proj_after_attn: bool,
        dropout: float = 0.5,
        attention_dropout: float = 0.0,
        stochastic_depth_prob: float = 0.0,
        num_classes: int = 400,
        block: Layer | None = None,
        norm_layer: Layer | None = None,
        patch_embed_kernel: tuple[int, int, int] = (3, 7, 7),
        patch_embed_stride: tuple[int, int, int] = (2, 4, 4),
        patch_embed_padding: tuple[int, int, int] = (1, 3, 3),
    ) -> None:
        super().__init__()
        if len(block_setting) == 0:
            raise ValueError("The configuration parameter can't be empty.")
        block = MultiscaleBlock if block is None else block
        norm_layer = partial(nn.LayerNorm, eps=1e-6) if norm_layer is None else norm_layer
        first, last = block_setting[0].input_channels, block_setting[-1].output_channels
        self.conv_proj = nn.Conv3d(3, first, patch_embed_kernel, patch_embed_stride, patch_embed_padding)
        size = _steps([temporal_size, *spatial_size], self.conv_proj.stride)
        self.pos_encoding = PositionalEncoding(first, (size[1], size[2]), size[0], rel_pos_embed)
        self.blocks = nn.ModuleList()
        for i, config in enumerate(block_setting):
            self.blocks.append(
                block(
                    input_size=size,
                    cnf=config,
                    residual_pool=residual_pool,
                    residual_with_cls_embed=residual_with_cls_embed,
                    rel_pos_embed=rel_pos_embed,
                    proj_after_attn=proj_after_attn,
                    dropout=attention_dropout,
                    stochastic_depth_prob=stochastic_depth_prob * i / (len(block_setting) - 1.0),
                    norm_layer=norm_layer,
                )
            )
            size = _steps(size, config.stride_q) if config.stride_q else size
        self.norm = norm_layer(last)
        self.head = nn.Sequential(nn.Dropout(dropout, inplace=True), nn.Linear(last, num_classes))
        self.apply(_initialise)

    def forward(self, x: Tensor) -> Tensor:
        x = _unsqueeze(x, 5, 2)[0]
        x = self.conv_proj(x)
        x = x.flatten(2).transpose(1, 2)
        x = self.pos_encoding(x)
        thw = (self.pos_encoding.temporal_size, *self.pos_encoding.spatial_size)
        for block in self.blocks:
            x, thw = block(x, thw)
        x = self.norm(x)
        return self.head(x[:, 0])


def _steps(size: Sequence[int], stride: Sequence[int]) -> list[int]:
    return [extent // step for extent, step in zip(size, stride)]


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.LayerNorm):
        module.reset_parameters()
    elif isinstance(module, PositionalEncoding):
        for parameter in module.parameters():
            nn.init.trunc_normal_(parameter, std=0.02)


def _mvit(
    weights: WeightsEnum | None,
    progress: bool,
    kwargs: dict[str, Any],
    blocks: list[MSBlockConfig],
    **fixed: bool,
) -> MViT:
    if weights is not None:
        _ovewrite_named_param(kwargs, "spatial_size", weights.meta["min_size"])
        _ovewrite_named_param(kwargs, "temporal_size", weights.meta["min_temporal_size"])
    defaults = {"spatial_size": (224, 224), "temporal_size": 16, "stochastic_depth_prob": 0.2}
    open_ones = {"rel_pos_embed": False, "proj_after_attn": False}
    config = dict(block_setting=blocks, **fixed, **{**defaults, **kwargs})
    return classifier(MViT, weights, progress, {**open_ones, **config})


#: strides of the pooling of keys and values, for each block
_STRIDES_KV = [8, 4, 4] + [2] * 11 + [1, 1]
_HEADS = [1, 2, 2] + [4] * 11 + [8, 8]


class MViT_V1_B_Weights(WeightsEnum, data="video.mvit"):
    """Weights of `mvit_v1_b`."""


class MViT_V2_S_Weights(WeightsEnum, data="video.mvit"):
    """Weights of `mvit_v2_s`."""


@register_model()
@handle_legacy_interface(weights=("pretrained", MViT_V1_B_Weights.KINETICS400_V1))
def mvit_v1_b(*, weights: MViT_V1_B_Weights | None = None, progress: bool = True, **kwargs: Any) -> MViT:
    """MViT, base: queries are pooled in three blocks, the MLPs before them widen."""
    wide = [96, 192, 192] + [384] * 11 + [768] * 3
    pooled = [i in (1, 3, 14) for i in range(16)]
    blocks = [
        MSBlockConfig(
            heads, channels, out, [3] * 3 if pool else [], [3] * 3, [1, 2, 2] if pool else [], [1, step, step]
        )
        for heads, channels, out, pool, step in zip(_HEADS, wide, wide[1:], pooled, _STRIDES_KV)
    ]
    weights = MViT_V1_B_Weights.verify(weights)
    return _mvit(weights, progress, kwargs, blocks, residual_pool=False, residual_with_cls_embed=False)


@register_model()
@handle_legacy_interface(weights=("pretrained", MViT_V2_S_Weights.KINETICS400_V1))
def mvit_v2_s(*, weights: MViT_V2_S_Weights | None = None, progress: bool = True, **kwargs: Any) -> MViT:
    """MViT v2, small: queries are pooled in all blocks, positions are relative."""
    wide = [96, 96, 192, 192] + [384] * 11 + [768] * 2
    steps = [2 if i in (1, 3, 14) else 1 for i in range(16)]
    blocks = [
        MSBlockConfig(heads, channels, out, [3] * 3, [3] * 3, [1, step, step], [1, step_kv, step_kv])
        for heads, channels, out, step, step_kv in zip(_HEADS, wide, wide[1:], steps, _STRIDES_KV)
    ]
    return _mvit(
        MViT_V2_S_Weights.verify(weights), progress, kwargs, blocks, residual_pool=True,
        residual_with_cls_embed=False, rel_pos_embed=True, proj_after_attn=True,
    )  # fmt: skip
