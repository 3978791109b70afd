"""Vision transformers (https://arxiv.org/abs/2010.11929): a transformer's encoder over the patches of a picture."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import tritonnn as torch
from tritonnn import Tensor, nn
from tritonnn.nn import functional as F
from tritonnn.vision.models._api import WeightsEnum, register_model
from tritonnn.vision.models._utils import _ovewrite_named_param, classifier, handle_legacy_interface
from tritonnn.vision.ops.misc import MLP, Conv2dNormActivation

__all__ = [
    "VisionTransformer", "ViT_B_16_Weights", "ViT_B_32_Weights", "ViT_L_16_Weights", "ViT_L_32_Weights",
    "ViT_H_14_Weights", "vit_b_16", "vit_b_32", "vit_l_16", "vit_l_32", "vit_h_14",
]  # fmt: skip

Layer = Callable[..., nn.Module]


class ConvStemConfig(NamedTuple):
    """A convolution of a stem that stands in the place of the cut into patches (https://arxiv.org/abs/2106.14881)."""

    out_channels: int
    kernel_size: int
    stride: int
    norm_layer: Layer = nn.BatchNorm2d
    activation_layer: Layer = nn.ReLU


class MLPBlock(MLP):
    """Two linear layers with GELU between them."""

    _version = 2

    def __init__(self, in_dim: int, mlp_dim: int, dropout: float) -> None:
        super().__init__(in_dim, [mlp_dim, in_dim], activation_layer=nn.GELU, inplace=None, dropout=dropout)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.normal_(module.bias, std=1e-6)

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any], *rest: Any
    ) -> None:
        version = local_metadata.get("version")
        if version is None or version < 2:  # the layers had names, before they were those of MLP
            for older, layer in (("linear_1", 0), ("linear_2", 3)):
                for kind in ("weight", "bias"):
                    key = f"{prefix}{older}.{kind}"
                    if key in state_dict:
                        state_dict[f"{prefix}{layer}.{kind}"] = state_dict.pop(key)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)


class EncoderBlock(nn.Module):
    """Attention and an MLP, each behind a normalisation and added to what it is given."""

    def __init__(
        self,
        num_heads: int,
        hidden_dim: int,
        mlp_dim: int,
        dropout: float,
        attention_dropout: float,
        norm_layer: Layer = partial(nn.LayerNorm, eps=1e-6),
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.ln_1 = norm_layer(hidden_dim)
        self.self_attention = nn.MultiheadAttention(
            hidden_dim, num_heads, dropout=attention_dropout, batch_first=True
        )
        self.dropout = nn.Dropout(dropout)
        self.ln_2 = norm_layer(hidden_dim)
        self.mlp = MLPBlock(hidden_dim, mlp_dim, dropout)

    def forward(self, input: Tensor) -> Tensor:
        torch._assert(input.dim() == 3, f"Expected (batch_size, seq_length, hidden_dim) got {input.shape}")
        x = self.ln_1(input)
        x, _ = self.self_attention(x, x, x, need_weights=False)
        x = self.dropout(x)
        x = x + input
        return x + self.mlp(self.ln_2(x))


class Encoder(nn.Module):
    """Learned positions, blocks, and a normalisation at the end."""

    def __init__(
        self,
        seq_length: int,
        num_layers: int,
        num_heads: int,
        hidden_dim: int,
        mlp_dim: int,
        dropout: float,
        attention_dropout: float,
        norm_layer: Layer = partial(nn.LayerNorm, eps=1e-6),
    ) -> None:
        super().__init__()
        self.pos_embedding = nn.Parameter(torch.empty(1, seq_length, hidden_dim).normal_(std=0.02))
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.Sequential()
        for i in range(num_layers):
            block = EncoderBlock(num_heads, hidden_dim, mlp_dim, dropout, attention_dropout, norm_layer)
            self.layers.add_module(f"encoder_layer_{i}", block)
        self.ln = norm_layer(hidden_dim)

    def forward(self, input: Tensor) -> Tensor:
        torch._assert(input.dim() == 3, f"Expected (batch_size, seq_length, hidden_dim) got {input.shape}")
        input = input + self.pos_embedding
        return self.ln(self.layers(self.dropout(input)))


class VisionTransformer(nn.Module):
    """Patches become tokens; a token that is learned joins them, and what it has become is classified."""

    def __init__(
        self,
        image_size: int,
        patch_size: int,
        num_layers: int,
        num_heads: int,
        hidden_dim: int,
        mlp_dim: int,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        num_classes: int = 1000,
        representation_size: int | None = None,
        norm_layer: Layer = partial(nn.LayerNorm, eps=1e-6),
        conv_stem_configs: list[ConvStemConfig] | None = None,
    ) -> None:
        super().__init__()
        torch._assert(image_size % patch_size == 0, "Input shape indivisible by patch size!")
        self.image_size = image_size
        self.patch_size = patch_size
        self.hidden_dim = hidden_dim
        self.mlp_dim = mlp_dim
        self.attention_dropout = attention_dropout
        self.dropout = dropout
        self.num_classes = num_classes
        self.representation_size = representation_size
        self.norm_layer = norm_layer
        if conv_stem_configs is None:
            self.conv_proj: nn.Module = _patches(patch_size, hidden_dim)
        else:
            self.conv_proj = _stem(conv_stem_configs, hidden_dim)
        self.seq_length = (image_size // patch_size) ** 2 + 1  # the class token
        self.class_token = nn.Parameter(torch.zeros(1, 1, hidden_dim))
        self.encoder = Encoder(
            self.seq_length,
            num_layers,
            num_heads,
            hidden_dim,
            mlp_dim,
            dropout,
            attention_dropout,
            norm_layer,
        )
        self.heads = _heads(hidden_dim, representation_size, num_classes)

    def _process_input(self, x: Tensor) -> Tensor:
        """(batch, 3, height, width) to (batch, patches, hidden)."""
        n, _, h, w = x.shape
        torch._assert(h == self.image_size, f"Wrong image height! Expected {self.image_size} but got {h}!")
        torch._assert(w == self.image_size, f"Wrong image width! Expected {self.image_size} but got {w}!")
        n_h, n_w = h // self.patch_size, w // self.patch_size
        x = self.conv_proj(x)
        return x.reshape(n, self.hidden_dim, n_h * n_w).permute(0, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self._process_input(x)
        n = x.shape[0]
        class_token = self.class_token.expand(n, -1, -1)
        x = torch.cat([class_token, x], dim=1)
        x = self.encoder(x)
        return self.heads(x[:, 0])


def _patches(patch_size: int, hidden_dim: int) -> nn.Conv2d:
    proj = nn.Conv2d(3, hidden_dim, kernel_size=patch_size, stride=patch_size)
    nn.init.trunc_normal_(proj.weight, std=math.sqrt(1 / (3 * patch_size**2)))
    nn.init.zeros_(proj.bias)
    return proj


def _stem(configs: list[ConvStemConfig], hidden_dim: int) -> nn.Sequential:
    stem = nn.Sequential()
    channels = 3
    for i, config in enumerate(configs):
        conv = Conv2dNormActivation(
            channels,
            config.out_channels,
            kernel_size=config.kernel_size,
            stride=config.stride,
            norm_layer=config.norm_layer,
            activation_layer=config.activation_layer,
        )
        stem.add_module(f"conv_bn_relu_{i}", conv)
        channels = config.out_channels
    last = nn.Conv2d(channels, hidden_dim, kernel_size=1)
    nn.init.normal_(last.weight, mean=0.0, std=math.sqrt(2.0 / hidden_dim))
    nn.init.zeros_(last.bias)
    stem.add_module("conv_last", last)
    return stem


def _heads(hidden_dim: int, representation_size: int | None, num_classes: int) -> nn.Sequential:
    heads: OrderedDict[str, nn.Module] = OrderedDict()
    if representation_size is not None:
        pre_logits = nn.Linear(hidden_dim, representation_size)
        nn.init.trunc_normal_(pre_logits.weight, std=math.sqrt(1 / hidden_dim))
        nn.init.zeros_(pre_logits.bias)
        heads.update(pre_logits=pre_logits, act=nn.Tanh())
        hidden_dim = representation_size
    heads["head"] = head = nn.Linear(hidden_dim, num_classes)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    return nn.Sequential(heads)


def _vision_transformer(
    weights: WeightsEnum | None,
    progress: bool,
    kwargs: dict[str, Any],
    *,
    patch_size: int,
    num_layers: int,
    num_heads: int,
    hidden_dim: int,
    mlp_dim: int,
) -> VisionTransformer:
    if weights is not None:
        _ovewrite_named_param(kwargs, "image_size", weights.meta["min_size"][0])
    image_size = kwargs.pop("image_size", 224)
    config = dict(
        image_size=image_size, patch_size=patch_size, num_layers=num_layers, num_heads=num_heads,
        hidden_dim=hidden_dim, mlp_dim=mlp_dim, **kwargs,
    )  # fmt: skip
    return classifier(VisionTransformer, weights, progress, config)


def interpolate_embeddings(
    image_size: int,
    patch_size: int,
    model_state: OrderedDict[str, Tensor],
    interpolation_mode: str = "bicubic",
    reset_heads: bool = False,
) -> OrderedDict[str, Tensor]:
    """Make weights fit another size of picture, or of patches: the learned positions are resampled.

    Args:
        image_size: of the new network.
        patch_size: of the new network.
        model_state: weights; its positions are replaced in place.
        interpolation_mode: of `nn.functional.interpolate`.
        reset_heads: whether what is returned lacks the weights of the heads, where positions are resampled.

    Raises ValueError where the positions are not those of one square picture.
    """
    embedding = model_state["encoder.pos_embedding"]
    n, length, hidden = embedding.shape
    if n != 1:
        raise ValueError(f"Unexpected position embedding shape: {embedding.shape}")
    new_side = image_size // patch_size
    if new_side**2 + 1 == length:
        return model_state
    patches = length - 1
    side = math.isqrt(patches)
    if side * side != patches:
        raise ValueError(
            f"seq_length is not a perfect square! Instead got seq_length_1d * seq_length_1d = {side * side} "
            f"and seq_length = {patches}"
        )
    token, grid = embedding[:, :1, :], embedding[:, 1:, :]
    grid = grid.permute(0, 2, 1).reshape(1, hidden, side, side)
    grid = F.interpolate(grid, size=new_side, mode=interpolation_mode, align_corners=True)
    grid = grid.reshape(1, hidden, new_side**2).permute(0, 2, 1)
    model_state["encoder.pos_embedding"] = torch.cat([token, grid], dim=1)
    if reset_heads:
        kept = ((key, value) for key, value in model_state.items() if not key.startswith("heads"))
        return OrderedDict(kept)
    return model_state


class ViT_B_16_Weights(WeightsEnum, data="vision_transformer"): ...


class ViT_B_32_Weights(WeightsEnum, data="vision_transformer"): ...


class ViT_L_16_Weights(WeightsEnum, data="vision_transformer"): ...


class ViT_L_32_Weights(WeightsEnum, data="vision_transformer"): ...


class ViT_H_14_Weights(WeightsEnum, data="vision_transformer"): ...


@register_model()
@handle_legacy_interface(weights=("pretrained", ViT_B_16_Weights.IMAGENET1K_V1))
def vit_b_16(
    *, weights: ViT_B_16_Weights | None = None, progress: bool = True, **kwargs: Any
) -> VisionTransformer:
    """ViT base, patches of 16x16."""
    return _vision_transformer(
        ViT_B_16_Weights.verify(weights),
        progress,
        kwargs,
        patch_size=16,
        num_layers=12,
        num_heads=12,
        hidden_dim=768,
        mlp_dim=3072,
    )


@register_model()
@handle_legacy_interface(weights=("pretrained", ViT_B_32_Weights.IMAGENET1K_V1))
def vit_b_32(
    *, weights: ViT_B_32_Weights | None = None, progress: bool = True, **kwargs: Any
) -> VisionTransformer:
    """ViT base, patches of 32x32."""
    return _vision_transformer(
        ViT_B_32_Weights.verify(weights),
        progress,
        kwargs,
        patch_size=32,
        num_layers=12,
        num_heads=12,
        hidden_dim=768,
        mlp_dim=3072,
    )


@register_model()
@handle_legacy_interface(weights=("pretrained", ViT_L_16_Weights.IMAGENET1K_V1))
def vit_l_16(
    *, weights: ViT_L_16_Weights | None = None, progress: bool = True, **kwargs: Any
) -> VisionTransformer:
    """ViT large, patches of 16x16."""
    return _vision_transformer(
        ViT_L_16_Weights.verify(weights),
        progress,
        kwargs,
        patch_size=16,
        num_layers=24,
        num_heads=16,
        hidden_dim=1024,
        mlp_dim=4096,
    )


@register_model()
@handle_legacy_interface(weights=("pretrained", ViT_L_32_Weights.IMAGENET1K_V1))
def vit_l_32(
    *, weights: ViT_L_32_Weights | None = None, progress: bool = True, **kwargs: Any
) -> VisionTransformer:
    """ViT large, patches of 32x32."""
    return _vision_transformer(
        ViT_L_32_Weights.verify(weights),
        progress,
        kwargs,
        patch_size=32,
        num_layers=24,
        num_heads=16,
        hidden_dim=1024,
        mlp_dim=4096,
    )


@register_model()
@handle_legacy_interface(weights=("pretrained", None))
def vit_h_14(
    *, weights: ViT_H_14_Weights | None = None, progress: bool = True, **kwargs: Any
) -> VisionTransformer:
    """ViT huge, patches of 14x14."""
    return _vision_transformer(
        ViT_H_14_Weights.verify(weights),
        progress,
        kwargs,
        patch_size=14,
        num_layers=32,
        num_heads=16,
        hidden_dim=1280,
        mlp_dim=5120,
    )
