"""Swin transformers (https://arxiv.org/abs/2103.14030, https://arxiv.org/abs/2111.09883): attention within windows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import tritonnn as torch
from tritonnn import Tensor, fx, nn
from tritonnn.vision.models import _windows
from tritonnn.vision.models._api import WeightsEnum, register_model
from tritonnn.vision.models._patch_merging import PatchMerging, PatchMergingV2
from tritonnn.vision.models._swin_stages import initialise, stages
from tritonnn.vision.models._utils import classifier, handle_legacy_interface
from tritonnn.vision.ops.misc import MLP, Permute
from tritonnn.vision.ops.stochastic_depth import StochasticDepth

__all__ = [
    "SwinTransformer", "Swin_T_Weights", "Swin_S_Weights", "Swin_B_Weights", "Swin_V2_T_Weights",
    "Swin_V2_S_Weights", "Swin_V2_B_Weights", "swin_t", "swin_s", "swin_b", "swin_v2_t", "swin_v2_s",
    "swin_v2_b",
]  # fmt: skip

Layer = Callable[..., nn.Module]


def _get_relative_position_bias(
    relative_position_bias_table: Tensor, relative_position_index: Tensor, window_size: list[int]
) -> Tensor:
    """(1, heads, tokens, tokens)."""
    tokens = window_size[0] * window_size[1]
    return _windows.looked_up(relative_position_bias_table, relative_position_index.view(tokens, tokens))


fx.wrap("_get_relative_position_bias")


def shifted_window_attention(
    input: Tensor,
    qkv_weight: Tensor,
    proj_weight: Tensor,
    relative_position_bias: Tensor,
    window_size: list[int],
    num_heads: int,
    shift_size: list[int],
    attention_dropout: float = 0.0,
    dropout: float = 0.0,
    qkv_bias: Tensor | None = None,
    proj_bias: Tensor | None = None,
    logit_scale: Tensor | None = None,
    training: bool = True,
) -> Tensor:
    """Attention within windows of (N, H, W, C), which lie `shift_size` further on.

    Args:
        input: padded to whole windows, and the result is cut.
        qkv_weight: (3 C, C).
        proj_weight: (C, C).
        relative_position_bias: (1, heads, tokens of a window, the same), added to the scores.
        window_size: height and width.
        num_heads: of attention.
        shift_size: 0 is taken where the window is as large as the picture.
        attention_dropout: of the weights.
        dropout: of the result.
        qkv_bias: (3 C,).
        proj_bias: (C,).
        logit_scale: (heads, 1, 1): scores are cosines times its exponential, and keys have no bias.
        training: whether anything is dropped.
    """
    shift = [
        0 if inner >= size else step for size, inner, step in zip(input.shape[1:3], window_size, shift_size)
    ]
    return _windows.attention(
        input, qkv_weight, proj_weight, relative_position_bias, window_size, num_heads, shift, attention_dropout,
        dropout, qkv_bias, proj_bias, logit_scale, training,
    )  # fmt: skip


fx.wrap("shifted_window_attention")


class ShiftedWindowAttention(nn.Module):
    """`shifted_window_attention` with its weights; the bias of a pair of tokens depends on their distance."""

    relative_position_bias_table: nn.Parameter
    relative_position_index: Tensor

    def __init__(
        self,
        dim: int,
        window_size: list[int],
        shift_size: list[int],
        num_heads: int,
        qkv_bias: bool = True,
        proj_bias: bool = True,
        attention_dropout: float = 0.0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if len(window_size) != 2 or len(shift_size) != 2:
            raise ValueError("window_size and shift_size must be of length 2")
        self.window_size = window_size
        self.shift_size = shift_size
        self.num_heads = num_heads
        self.attention_dropout = attention_dropout
        self.dropout = dropout
        self.qkv = nn.Linear(dim, 3 * dim, bias=qkv_bias)
        self.proj = nn.Linear(dim, dim, bias=proj_bias)
        self.define_relative_position_bias_table()
        self.define_relative_position_index()

    def define_relative_position_bias_table(self) -> None:
        """A row for each distance, a column for each head."""
        height, width = self.window_size
        table = torch.zeros((2 * height - 1) * (2 * width - 1), self.num_heads)
        self.relative_position_bias_table = nn.Parameter(table)
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)

    def define_relative_position_index(self) -> None:
        """The row of each pair of tokens."""
        self.register_buffer("relative_position_index", _windows.bias_index(self.window_size).flatten())

    def get_relative_position_bias(self) -> Tensor:
        """(1, heads, tokens, tokens)."""
        return _get_relative_position_bias(
            self.relative_position_bias_table, self.relative_position_index, self.window_size
        )

    def forward(self, x: Tensor) -> Tensor:
        return self._attention(x, self.get_relative_position_bias())

    def _attention(self, x: Tensor, bias: Tensor, *more: str) -> Tensor:
        return shifted_window_attention(
            x, self.qkv.weight, self.proj.weight, bias, self.window_size, self.num_heads, shift_size=self.shift_size,
            attention_dropout=self.attention_dropout, dropout=self.dropout, qkv_bias=self.qkv.bias,
            proj_bias=self.proj.bias, training=self.training,
            **{name: getattr(self, name) for name in more},
        )  # fmt: skip


class ShiftedWindowAttentionV2(ShiftedWindowAttention):
    """With cosines as scores, and a small network that computes the bias from the logarithm of the distance."""

    relative_coords_table: Tensor

    def __init__(
        self,
        dim: int,
        window_size: list[int],
        shift_size: list[int],
        num_heads: int,
        qkv_bias: bool = True,
        proj_bias: bool = True,
        attention_dropout: float = 0.0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(
            dim, window_size, shift_size, num_heads, qkv_bias, proj_bias, attention_dropout, dropout
        )
        self.logit_scale = nn.Parameter(torch.log(10 * torch.ones((num_heads, 1, 1))))
        self.cpb_mlp = nn.Sequential(
            nn.Linear(2, 512, bias=True), nn.ReLU(inplace=True), nn.Linear(512, num_heads, bias=False)
        )
        if qkv_bias:
            with torch.no_grad():
                self.qkv.bias[dim : 2 * dim].zero_()

    def define_relative_position_bias_table(self) -> None:
        """Each distance, scaled to -8 ... 8, its logarithm taken and scaled to -1 ... 1."""
        axes = [
            torch.arange(1 - inner, inner, dtype=torch.float32) / (inner - 1) for inner in self.window_size
        ]
        table = 8 * torch.stack(torch.meshgrid(axes, indexing="ij"), dim=-1).unsqueeze(0)
        table = torch.sign(table) * torch.log2(torch.abs(table) + 1.0) / 3.0
        self.register_buffer("relative_coords_table", table)

    def get_relative_position_bias(self) -> Tensor:
        """(1, heads, tokens, tokens), between 0 and 16."""
        table = self.cpb_mlp(self.relative_coords_table).view(-1, self.num_heads)
        bias = _get_relative_position_bias(table, self.relative_position_index, self.window_size)
        return 16 * torch.sigmoid(bias)

    def forward(self, x: Tensor) -> Tensor:
        return self._attention(x, self.get_relative_position_bias(), "logit_scale")


class SwinTransformerBlock(nn.Module):
    """Attention and an MLP, each behind a normalisation and added to what it is given."""

    def __init__(
        self,
        dim: int,
        num_heads: int,
        window_size: list[int],
        shift_size: list[int],
        mlp_ratio: float = 4.0,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        stochastic_depth_prob: float = 0.0,
        norm_layer: Layer = nn.LayerNorm,
        attn_layer: Layer = ShiftedWindowAttention,
    ) -> None:
        super().__init__()
        self.norm1 = norm_layer(dim)
        self.attn = attn_layer(
            dim, window_size, shift_size, num_heads, attention_dropout=attention_dropout, dropout=dropout
        )
        self.stochastic_depth = StochasticDepth(stochastic_depth_prob, "row")
        self.norm2 = norm_layer(dim)
        self.mlp = MLP(
            dim, [int(dim * mlp_ratio), dim], activation_layer=nn.GELU, inplace=None, dropout=dropout
        )
        for module in self.mlp.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.normal_(module.bias, std=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.stochastic_depth(self.attn(self.norm1(x)))
        return x + self.stochastic_depth(self.mlp(self.norm2(x)))


class SwinTransformerBlockV2(SwinTransformerBlock):
    """The same, normalised before it is added."""

    def __init__(
        self,
        dim: int,
        num_heads: int,
        window_size: list[int],
        shift_size: list[int],
        mlp_ratio: float = 4.0,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        stochastic_depth_prob: float = 0.0,
        norm_layer: Layer = nn.LayerNorm,
        attn_layer: Layer = ShiftedWindowAttentionV2,
    ) -> None:
        super().__init__(
            dim, num_heads, window_size, shift_size, mlp_ratio, dropout, attention_dropout, stochastic_depth_prob,
            norm_layer, attn_layer,
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.stochastic_depth(self.norm1(self.attn(x)))
        return x + self.stochastic_depth(self.norm2(self.mlp(x)))


class SwinTransformer(nn.Module):
    """Patches as tokens, stages of blocks with a step down between them, and a linear classifier of the mean token.

    Blocks are left out in training with a probability that grows linearly with depth up to `stochastic_depth_prob`.
    """

    def __init__(
        self,
        patch_size: list[int],
        embed_dim: int,
        depths: list[int],
        num_heads: list[int],
        window_size: list[int],
        mlp_ratio: float = 4.0,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        stochastic_depth_prob: float = 0.1,
        num_classes: int = 1000,
        norm_layer: Layer | None = None,
        block: Layer | None = None,
        downsample_layer: Layer = PatchMerging,
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        norm_layer = partial(nn.LayerNorm, eps=1e-5) if norm_layer is None else norm_layer
        block = SwinTransformerBlock if block is None else block
        patches = nn.Conv2d(3, embed_dim, kernel_size=tuple(patch_size), stride=tuple(patch_size))
        make = partial(
            block,
            mlp_ratio=mlp_ratio,
            dropout=dropout,
            attention_dropout=attention_dropout,
            norm_layer=norm_layer,
        )
        self.features = nn.Sequential(
            nn.Sequential(patches, Permute([0, 2, 3, 1]), norm_layer(embed_dim)),
            *stages(
                make,
                embed_dim,
                depths,
                num_heads,
                window_size,
                stochastic_depth_prob,
                downsample_layer,
                norm_layer,
            ),
        )
        channels = embed_dim * 2 ** (len(depths) - 1)
        self.norm = norm_layer(channels)
        self.permute = Permute([0, 3, 1, 2])
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten(1)
        self.head = nn.Linear(channels, num_classes)
        self.apply(initialise)

    def forward(self, x: Tensor) -> Tensor:
        x = self.permute(self.norm(self.features(x)))
        return self.head(self.flatten(self.avgpool(x)))


#: channels of the first stage, blocks and heads of each
_T = (96, (2, 2, 6, 2), (3, 6, 12, 24))
_S = (96, (2, 2, 18, 2), (3, 6, 12, 24))
_B = (128, (2, 2, 18, 2), (4, 8, 16, 32))


def _swin_transformer(
    shape: tuple[int, tuple[int, ...], tuple[int, ...]],
    window: int,
    stochastic_depth_prob: float,
    weights: WeightsEnum | None,
    progress: bool,
    **kwargs: Any,
) -> SwinTransformer:
    embed_dim, depths, num_heads = shape
    config = dict(
        patch_size=[4, 4], embed_dim=embed_dim, depths=list(depths), num_heads=list(num_heads),
        window_size=[window, window], stochastic_depth_prob=stochastic_depth_prob, **kwargs,
    )  # fmt: skip
    return classifier(SwinTransformer, weights, progress, config)


_swin_transformer_v2 = partial(
    _swin_transformer, block=SwinTransformerBlockV2, downsample_layer=PatchMergingV2
)


class Swin_T_Weights(WeightsEnum, data="swin_transformer"): ...


class Swin_S_Weights(WeightsEnum, data="swin_transformer"): ...


class Swin_B_Weights(WeightsEnum, data="swin_transformer"): ...


class Swin_V2_T_Weights(WeightsEnum, data="swin_transformer"): ...


class Swin_V2_S_Weights(WeightsEnum, data="swin_transformer"): ...


class Swin_V2_B_Weights(WeightsEnum, data="swin_transformer"): ...


@register_model()
@handle_legacy_interface(weights=("pretrained", Swin_T_Weights.IMAGENET1K_V1))
def swin_t(*, weights: Swin_T_Weights | None = None, progress: bool = True, **kwargs: Any) -> SwinTransformer:
    """Swin transformer, tiny."""
    return _swin_transformer(_T, 7, 0.2, Swin_T_Weights.verify(weights), progress, **kwargs)


@register_model()
@handle_legacy_interface(weights=("pretrained", Swin_S_Weights.IMAGENET1K_V1))
def swin_s(*, weights: Swin_S_Weights | None = None, progress: bool = True, **kwargs: Any) -> SwinTransformer:
    """Swin transformer, small."""
    return _swin_transformer(_S, 7, 0.3, Swin_S_Weights.verify(weights), progress, **kwargs)


@register_model()
@handle_legacy_interface(weights=("pretrained", Swin_B_Weights.IMAGENET1K_V1))
def swin_b(*, weights: Swin_B_Weights | None = None, progress: bool = True, **kwargs: Any) -> SwinTransformer:
    """Swin transformer, base."""
    return _swin_transformer(_B, 7, 0.5, Swin_B_Weights.verify(weights), progress, **kwargs)


@register_model()
@handle_legacy_interface(weights=("pretrained", Swin_V2_T_Weights.IMAGENET1K_V1))
def swin_v2_t(
    *, weights: Swin_V2_T_Weights | None = None, progress: bool = True, **kwargs: Any
) -> SwinTransformer:
    """Swin transformer V2, tiny."""
    return _swin_transformer_v2(_T, 8, 0.2, Swin_V2_T_Weights.verify(weights), progress, **kwargs)


@register_model()
@handle_legacy_interface(weights=("pretrained", Swin_V2_S_Weights.IMAGENET1K_V1))
def swin_v2_s(
    *, weights: Swin_V2_S_Weights | None = None, progress: bool = True, **kwargs: Any
) -> SwinTransformer:
    """Swin transformer V2, small."""
    return _swin_transformer_v2(_S, 8, 0.3, Swin_V2_S_Weights.verify(weights), progress, **kwargs)


@register_model()
@handle_legacy_interface(weights=("pretrained", Swin_V2_B_Weights.IMAGENET1K_V1))
def swin_v2_b(
    *, weights: Swin_V2_B_Weights | None = None, progress: bool = True, **kwargs: Any
) -> SwinTransformer:
    """Swin transformer V2, base."""
    return _swin_transformer_v2(_B, 8, 0.5, Swin_V2_B_Weights.verify(weights), progress, **kwargs)
