"""Video Swin transformers (https://arxiv.org/abs/2106.13230): attention within windows of space and time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import tritonnn as torch
from tritonnn import Tensor, fx, nn
from tritonnn.nn import functional as F
from tritonnn.vision.models import _windows
from tritonnn.vision.models._api import WeightsEnum, register_model
from tritonnn.vision.models._patch_merging import PatchMerging
from tritonnn.vision.models._swin_stages import initialise, stages
from tritonnn.vision.models._utils import classifier, handle_legacy_interface
from tritonnn.vision.models.swin_transformer import SwinTransformerBlock

__all__ = [
    "Swin3D_B_Weights", "Swin3D_S_Weights", "Swin3D_T_Weights", "SwinTransformer3d", "swin3d_b", "swin3d_s",
    "swin3d_t",
]  # fmt: skip

Layer = Callable[..., nn.Module]


def _get_window_and_shift_size(
    shift_size: list[int], size_dhw: list[int], window_size: list[int]
) -> tuple[list[int], list[int]]:
    """Windows no larger than the video; on an axis where one window is all, it is not shifted."""
    window = [min(inner, size) for inner, size in zip(window_size, size_dhw)]
    shift = [0 if size <= inner else step for step, size, inner in zip(shift_size, size_dhw, window_size)]
    return window, shift


def _get_relative_position_bias(
    relative_position_bias_table: Tensor, relative_position_index: Tensor, window_size: list[int]
) -> Tensor:
    """(1, heads, tokens, tokens), of the first tokens of the window that the table is for."""
    tokens = window_size[0] * window_size[1] * window_size[2]
    return _windows.looked_up(relative_position_bias_table, relative_position_index[:tokens, :tokens])


def _compute_pad_size_3d(
    size_dhw: tuple[int, int, int], patch_size: tuple[int, int, int]
) -> tuple[int, int, int]:
    """What is missing to whole patches."""
    depth, height, width = ((patch - size % patch) % patch for size, patch in zip(size_dhw, patch_size))
    return depth, height, width


def shifted_window_attention_3d(
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
    training: bool = True,
) -> Tensor:
    """Attention within windows of (N, T, H, W, C), which lie `shift_size` further on.

    Args:
        input: padded to whole windows, and the result is cut.
        qkv_weight: (3 C, C).
        proj_weight: (C, C).
        relative_position_bias: (1, heads, tokens of a window, the same), added to the scores.
        window_size: frames, height and width.
        num_heads: of attention.
        shift_size: on the three axes.
        attention_dropout: of the weights.
        dropout: of the result.
        qkv_bias: (3 C,).
        proj_bias: (C,).
        training: whether anything is dropped.
    """
    return _windows.attention(
        input, qkv_weight, proj_weight, relative_position_bias, window_size, num_heads, shift_size, attention_dropout,
        dropout, qkv_bias, proj_bias, None, training,
    )  # fmt: skip


fx.wrap("_get_window_and_shift_size")
fx.wrap("_get_relative_position_bias")
fx.wrap("_compute_pad_size_3d")
fx.wrap("shifted_window_attention_3d")


class ShiftedWindowAttention3d(nn.Module):
    """`shifted_window_attention_3d` with its weights; the bias of a pair of tokens depends on their distance."""

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
        if len(window_size) != 3 or len(shift_size) != 3:
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
        frames, height, width = self.window_size
        distances = (2 * frames - 1) * (2 * height - 1) * (2 * width - 1)
        self.relative_position_bias_table = nn.Parameter(torch.zeros(distances, self.num_heads))
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)

    def define_relative_position_index(self) -> None:
        """The row of each pair of tokens."""
        self.register_buffer("relative_position_index", _windows.bias_index(self.window_size))

    def get_relative_position_bias(self, window_size: list[int]) -> Tensor:
        """(1, heads, tokens, tokens)."""
        return _get_relative_position_bias(
            self.relative_position_bias_table, self.relative_position_index, window_size
        )

    def forward(self, x: Tensor) -> Tensor:
        _, t, h, w, _ = x.shape
        window, shift = _get_window_and_shift_size(self.shift_size, [t, h, w], self.window_size)
        bias = self.get_relative_position_bias(window)
        return shifted_window_attention_3d(
            x, self.qkv.weight, self.proj.weight, bias, window, self.num_heads, shift_size=shift,
            attention_dropout=self.attention_dropout, dropout=self.dropout, qkv_bias=self.qkv.bias,
            proj_bias=self.proj.bias, training=self.training,
        )  # fmt: skip


class PatchEmbed3d(nn.Module):
    """Patches of a video as tokens: (N, C, T, H, W) to (N, T, H, W, C), padded to whole ones."""

    def __init__(
        self,
        patch_size: list[int],
        in_channels: int = 3,
        embed_dim: int = 96,
        norm_layer: Layer | None = None,
    ) -> None:
        super().__init__()
        frames, height, width = patch_size
        self.tuple_patch_size = (frames, height, width)
        self.proj = nn.Conv3d(
            in_channels, embed_dim, kernel_size=self.tuple_patch_size, stride=self.tuple_patch_size
        )
        self.norm = nn.Identity() if norm_layer is None else norm_layer(embed_dim)

    def forward(self, x: Tensor) -> Tensor:
        _, _, t, h, w = x.size()
        missing = _compute_pad_size_3d((t, h, w), self.tuple_patch_size)
        x = F.pad(x, (0, missing[2], 0, missing[1], 0, missing[0]))
        x = self.proj(x)
        x = x.permute(0, 2, 3, 4, 1)
        return self.norm(x)


class SwinTransformer3d(nn.Module):
    """Patches as tokens, stages of blocks with a step down between them, and a linear classifier of the mean token.

    Args:
        patch_size: frames, height and width of a patch.
        embed_dim: channels of the first stage; each has twice as many as the one before.
        depths: the number of blocks of each stage.
        num_heads: of attention in each.
        window_size: frames, height and width of a window; every other block's are shifted by half.
        mlp_ratio: of the features within MLPs.
        dropout: of tokens, and behind attention and MLPs.
        attention_dropout: of attention's weights.
        stochastic_depth_prob: of the last block to be left out in training; it grows linearly with depth.
        num_classes: how many scores there are.
        norm_layer: called with the number of channels; LayerNorm where it is None.
        block: makes a block; `SwinTransformerBlock` where it is None.
        downsample_layer: makes the step between stages.
        patch_embed: makes tokens; `PatchEmbed3d` where it is None.

    >>> import tritonnn as torch
    >>> net = SwinTransformer3d([2, 4, 4], 8, [2, 1], [2, 4], [2, 3, 3], num_classes=10)
    >>> net(torch.zeros(1, 3, 4, 24, 20)).shape
    torch.Size([1, 10])
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
        num_classes: int = 400,
        norm_layer: Layer | None = None,
        block: Layer | None = None,
        downsample_layer: Layer = PatchMerging,
        patch_embed: Layer | None = None,
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        norm_layer = partial(nn.LayerNorm, eps=1e-5) if norm_layer is None else norm_layer
        block = partial(SwinTransformerBlock, attn_layer=ShiftedWindowAttention3d) if block is None else block
        patch_embed = PatchEmbed3d if patch_embed is None else patch_embed
        make = partial(
            block,
            mlp_ratio=mlp_ratio,
            dropout=dropout,
            attention_dropout=attention_dropout,
            norm_layer=norm_layer,
        )
        self.patch_embed = patch_embed(patch_size=patch_size, embed_dim=embed_dim, norm_layer=norm_layer)
        self.pos_drop = nn.Dropout(p=dropout)
        self.features = nn.Sequential(
            *stages(
                make,
                embed_dim,
                depths,
                num_heads,
                window_size,
                stochastic_depth_prob,
                downsample_layer,
                norm_layer,
            )
        )
        self.num_features = embed_dim * 2 ** (len(depths) - 1)
        self.norm = norm_layer(self.num_features)
        self.avgpool = nn.AdaptiveAvgPool3d(1)
        self.head = nn.Linear(self.num_features, num_classes)
        self.apply(initialise)

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(self.pos_drop(self.patch_embed(x)))
        x = self.norm(x).permute(0, 4, 1, 2, 3)
        x = torch.flatten(self.avgpool(x), 1)
        return self.head(x)


def _swin_transformer3d(
    weights: WeightsEnum | None,
    progress: bool,
    kwargs: dict[str, Any],
    embed_dim: int,
    depths: list[int],
    num_heads: list[int],
) -> SwinTransformer3d:
    config = dict(
        patch_size=[2, 4, 4], embed_dim=embed_dim, depths=depths, num_heads=num_heads, window_size=[8, 7, 7],
        stochastic_depth_prob=0.1, **kwargs,
    )  # fmt: skip
    return classifier(SwinTransformer3d, weights, progress, config)


class Swin3D_T_Weights(WeightsEnum, data="video.swin_transformer"):
    """Weights of `swin3d_t`."""


class Swin3D_S_Weights(WeightsEnum, data="video.swin_transformer"):
    """Weights of `swin3d_s`."""


class Swin3D_B_Weights(WeightsEnum, data="video.swin_transformer"):
    """Weights of `swin3d_b`."""


@register_model()
@handle_legacy_interface(weights=("pretrained", Swin3D_T_Weights.KINETICS400_V1))
def swin3d_t(
    *, weights: Swin3D_T_Weights | None = None, progress: bool = True, **kwargs: Any
) -> SwinTransformer3d:
    """Video Swin transformer, tiny."""
    weights = Swin3D_T_Weights.verify(weights)
    return _swin_transformer3d(weights, progress, kwargs, 96, [2, 2, 6, 2], [3, 6, 12, 24])


@register_model()
@handle_legacy_interface(weights=("pretrained", Swin3D_S_Weights.KINETICS400_V1))
def swin3d_s(
    *, weights: Swin3D_S_Weights | None = None, progress: bool = True, **kwargs: Any
) -> SwinTransformer3d:
    """Video Swin transformer, small."""
    weights = Swin3D_S_Weights.verify(weights)
    return _swin_transformer3d(weights, progress, kwargs, 96, [2, 2, 18, 2], [3, 6, 12, 24])


@register_model()
@handle_legacy_interface(weights=("pretrained", Swin3D_B_Weights.KINETICS400_V1))
def swin3d_b(
    *, weights: Swin3D_B_Weights | None = None, progress: bool = True, **kwargs: Any
) -> SwinTransformer3d:
    """Video Swin transformer, base."""
    weights = Swin3D_B_Weights.verify(weights)
    return _swin_transformer3d(weights, progress, kwargs, 128, [2, 2, 18, 2], [4, 8, 16, 32])
