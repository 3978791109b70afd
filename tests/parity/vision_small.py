"""Small networks of the families that have no small member, built of either library's classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch as reference
from vision_weights import values

import tritonnn as torch

Package = Any  # `models` of either library


def alike(build: Callable[[Package], Any], theirs: Package, ours: Package) -> tuple[Any, Any]:
    """What `build` makes of each library's models, with equal weights; buffers are left as each has computed them."""
    wanted, got = build(theirs), build(ours)
    state = {key: values(key, tuple(value.shape)) for key, value in wanted.named_parameters()}
    for library, model in ((reference, wanted), (torch, got)):
        with library.no_grad():
            for key, parameter in model.named_parameters():
                parameter.copy_(library.from_numpy(state[key].copy()))
    return wanted, got


def efficientnet(m: Package) -> Any:
    conf, fused = m.efficientnet.MBConvConfig, m.efficientnet.FusedMBConvConfig
    stages = [
        fused(1, 3, 1, 8, 8, 2), fused(4, 3, 2, 8, 16, 2), conf(1, 3, 1, 16, 16, 1),
        conf(4, 5, 2, 16, 16, 2, width_mult=1.5, depth_mult=1.1),
    ]  # fmt: skip
    stages[-1].input_channels = 16
    return m.EfficientNet(stages, dropout=0.0, stochastic_depth_prob=0.0, num_classes=5, last_channel=32)


def regnet(se_ratio: float | None) -> Callable[[Package], Any]:
    def build(m: Package) -> Any:
        params = m.regnet.BlockParams([1, 2], [16, 24], [8, 12], [1.0, 0.5], [2, 2], se_ratio)
        return m.RegNet(params, num_classes=5, stem_width=8)

    return build


def convnext(m: Package) -> Any:
    conf = m.convnext.CNBlockConfig
    return m.ConvNeXt([conf(8, 16, 2), conf(16, None, 1)], layer_scale=0.5, num_classes=5)


def vit(**options: Any) -> Callable[[Package], Any]:
    return lambda m: m.VisionTransformer(
        image_size=16,
        patch_size=4,
        num_layers=2,
        num_heads=2,
        hidden_dim=8,
        mlp_dim=16,
        num_classes=5,
        **options,
    )


def vit_with_stem(m: Package) -> Any:
    conf = m.vision_transformer.ConvStemConfig
    stem = [conf(4, 3, 2), conf(8, 3, 2)]
    return vit(representation_size=6, conv_stem_configs=stem)(m)


def swin(v2: bool) -> Callable[[Package], Any]:
    def build(m: Package) -> Any:
        home = m.swin_transformer
        options: dict[str, Any] = {}
        if v2:
            options = {"block": home.SwinTransformerBlockV2, "downsample_layer": home.PatchMergingV2}
        return m.SwinTransformer(
            [2, 2], 8, [2, 2], [2, 4], [3, 4], stochastic_depth_prob=0.0, num_classes=5, **options
        )

    return build


def maxvit(m: Package) -> Any:
    return m.MaxVit((32, 32), 8, 2, [8, 16], [2, 1], 4, 0.0, num_classes=5)


def mvit(v2: bool, cls: bool = False) -> Callable[[Package], Any]:
    def build(m: Package) -> Any:
        conf, k, once = m.video.mvit.MSBlockConfig, [3, 3, 3], [1, 1, 1]
        if v2:
            blocks = [
                conf(1, 8, 8, k, k, once, [1, 4, 4]), conf(2, 8, 16, k, k, [1, 2, 2], [1, 2, 2]),
                conf(2, 16, 16, k, k, once, [1, 2, 2]),
            ]  # fmt: skip
        else:
            blocks = [
                conf(1, 8, 16, [], k, [], [1, 4, 4]), conf(2, 16, 16, k, k, [1, 2, 2], [1, 2, 2]),
                conf(2, 16, 16, [], [], [], []),
            ]  # fmt: skip
        return m.video.MViT(
            (32, 32), 4, blocks, residual_pool=v2, residual_with_cls_embed=cls, rel_pos_embed=v2,
            proj_after_attn=v2, dropout=0.0, num_classes=5,
        )  # fmt: skip

    return build


def swin3d(m: Package) -> Any:
    return m.video.SwinTransformer3d(
        [2, 4, 4], 8, [2, 2], [2, 4], [2, 3, 3], stochastic_depth_prob=0.0, num_classes=5
    )


def bottleneck_video(m: Package) -> Any:
    home = m.video.resnet
    makers = [home.Conv3DSimple, home.Conv3DNoTemporal, home.Conv2Plus1D, home.Conv3DNoTemporal]
    return m.video.VideoResNet(home.Bottleneck, makers, [1, 1, 1, 1], home.BasicStem, num_classes=5)


#: name -> what builds it, and the shape of its input
SMALL: dict[str, tuple[Callable[[Package], Any], tuple[int, ...]]] = {
    "efficientnet": (efficientnet, (2, 3, 24, 20)),
    "regnet x": (regnet(None), (2, 3, 24, 20)),
    "regnet y": (regnet(0.25), (2, 3, 24, 20)),
    "convnext": (convnext, (2, 3, 24, 20)),
    "vit": (vit(), (2, 3, 16, 16)),
    "vit with stem": (vit_with_stem, (2, 3, 16, 16)),
    "swin": (swin(False), (2, 3, 18, 14)),
    "swin v2": (swin(True), (2, 3, 18, 14)),
    "maxvit": (maxvit, (2, 3, 32, 32)),
    "bottlenecks": (bottleneck_video, (2, 3, 4, 16, 12)),
    "mvit": (mvit(False), (2, 3, 4, 32, 32)),
    "mvit v2": (mvit(True), (2, 3, 4, 32, 32)),
    "mvit v2 with all tokens": (mvit(True, True), (2, 3, 4, 32, 32)),
    "swin3d": (swin3d, (2, 3, 5, 26, 20)),
    "swin3d of one window in time": (swin3d, (1, 3, 2, 26, 12)),
}
