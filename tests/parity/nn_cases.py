"""Layers to compare with PyTorch: how each is built from either library's `nn`, and what it is called with."""

from __future__ import annotations

from typing import Any

import numpy as np
from nn_inputs import Case, index, positive, x

LINEAR = [
    Case("Identity", lambda nn: nn.Identity(5, unused=1), (x(2, 3),)),
    Case("Linear", lambda nn: nn.Linear(3, 4), (x(2, 3),)),
    Case("Linear_1d", lambda nn: nn.Linear(3, 4), (x(3),)),
    Case("Linear_4d", lambda nn: nn.Linear(3, 4), (x(2, 1, 5, 3),)),
    Case("Linear_nobias", lambda nn: nn.Linear(3, 4, bias=False), (x(2, 3),)),
    Case("Linear_empty", lambda nn: nn.Linear(3, 4), (x(0, 3),)),
    Case("Bilinear", lambda nn: nn.Bilinear(2, 3, 4), (x(5, 2), x(5, 3))),
    Case("LazyLinear", lambda nn: nn.LazyLinear(4), (x(2, 3),)),
    Case("Flatten", lambda nn: nn.Flatten(), (x(2, 3, 4),)),
    Case("Unflatten", lambda nn: nn.Unflatten(1, (2, -1)), (x(2, 6),)),
    Case("Sequential", lambda nn: nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)), (x(5, 3),)),
]

CONVOLUTION = [
    Case("Conv1d", lambda nn: nn.Conv1d(4, 6, 3, stride=2, padding=1), (x(2, 4, 9),)),
    Case("Conv1d_unbatched", lambda nn: nn.Conv1d(4, 6, 3), (x(4, 9),)),
    Case("Conv1d_same", lambda nn: nn.Conv1d(2, 3, 4, padding="same", dilation=2), (x(2, 2, 9),)),
    Case("Conv2d", lambda nn: nn.Conv2d(3, 6, (3, 5), stride=(2, 1), padding=(1, 2)), (x(2, 3, 8, 7),)),
    Case("Conv2d_groups", lambda nn: nn.Conv2d(4, 6, 3, groups=2, dilation=2, bias=False), (x(2, 4, 7, 7),)),
    Case("Conv2d_depthwise", lambda nn: nn.Conv2d(4, 8, 3, groups=4), (x(2, 4, 5, 5),)),
    Case("Conv2d_valid", lambda nn: nn.Conv2d(1, 1, 3, padding="valid"), (x(1, 1, 5, 5),)),
    Case(
        "Conv2d_reflect", lambda nn: nn.Conv2d(2, 2, 3, padding=1, padding_mode="reflect"), (x(1, 2, 5, 5),)
    ),
    Case(
        "Conv2d_circular", lambda nn: nn.Conv2d(2, 2, 3, padding=2, padding_mode="circular"), (x(1, 2, 5, 5),)
    ),
    Case(
        "Conv2d_replicate",
        lambda nn: nn.Conv2d(2, 2, 3, padding="same", padding_mode="replicate"),
        (x(1, 2, 5, 5),),
    ),
    Case("Conv3d", lambda nn: nn.Conv3d(2, 3, (1, 2, 3), padding=(0, 1, 1)), (x(2, 2, 3, 4, 5),)),
    Case(
        "ConvTranspose1d",
        lambda nn: nn.ConvTranspose1d(4, 6, 3, stride=2, padding=1, output_padding=1),
        (x(2, 4, 5),),
    ),
    Case("ConvTranspose2d", lambda nn: nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2), (x(2, 4, 4, 3),)),
    Case(
        "ConvTranspose2d_size",
        lambda nn: nn.ConvTranspose2d(2, 2, 3, stride=2, padding=1),
        (x(1, 2, 4, 4), [8, 7]),
    ),
    Case(
        "ConvTranspose3d", lambda nn: nn.ConvTranspose3d(2, 3, 2, dilation=2, bias=False), (x(1, 2, 3, 3, 3),)
    ),
    Case("LazyConv2d", lambda nn: nn.LazyConv2d(4, 3, padding=1), (x(2, 3, 5, 5),)),
    Case("LazyConvTranspose1d", lambda nn: nn.LazyConvTranspose1d(4, 3, 2), (x(2, 3, 5),)),
    Case("Fold", lambda nn: nn.Fold((4, 5), (2, 2)), (x(1, 12, 12),)),
    Case("Unfold", lambda nn: nn.Unfold((2, 3), dilation=1, padding=1, stride=2), (x(2, 5, 6, 7),)),
]

POOLING = [
    Case("MaxPool1d", lambda nn: nn.MaxPool1d(3, 2, 1), (x(2, 3, 9),)),
    Case("MaxPool2d", lambda nn: nn.MaxPool2d((3, 2), stride=(2, 1), ceil_mode=True), (x(2, 3, 8, 7),)),
    Case("MaxPool2d_dilated", lambda nn: nn.MaxPool2d(2, 1, dilation=2), (x(2, 3, 6, 6),)),
    Case("MaxPool3d", lambda nn: nn.MaxPool3d(2), (x(1, 2, 4, 5, 6),)),
    Case("MaxPool2d_indices", lambda nn: nn.MaxPool2d(2, return_indices=True), (x(1, 2, 4, 6),)),
    Case("MaxUnpool2d", lambda nn: nn.MaxUnpool2d(2), (x(1, 1, 2, 2), np.array([[[[5, 7], [13, 15]]]]))),
    Case("MaxUnpool1d", lambda nn: nn.MaxUnpool1d(2), (x(1, 1, 3), np.array([[[0, 3, 5]]]), [7])),
    Case("AvgPool1d", lambda nn: nn.AvgPool1d(3, 2, 1), (x(2, 3, 9),)),
    Case("AvgPool2d", lambda nn: nn.AvgPool2d(3, 2, 1, count_include_pad=False), (x(2, 3, 8, 7),)),
    Case(
        "AvgPool2d_divisor", lambda nn: nn.AvgPool2d(2, divisor_override=3, ceil_mode=True), (x(2, 3, 5, 5),)
    ),
    Case("AvgPool3d", lambda nn: nn.AvgPool3d(2, 1), (x(1, 2, 3, 4, 5),)),
    Case("LPPool1d", lambda nn: nn.LPPool1d(2, 3, 2), (x(2, 3, 9),)),
    Case("LPPool2d", lambda nn: nn.LPPool2d(1.5, 2), (positive(2, 3, 6, 6),)),
    Case("LPPool3d", lambda nn: nn.LPPool3d(2, 2), (x(1, 2, 4, 4, 4),)),
    Case("AdaptiveMaxPool1d", lambda nn: nn.AdaptiveMaxPool1d(5), (x(2, 3, 8),)),
    Case("AdaptiveMaxPool2d", lambda nn: nn.AdaptiveMaxPool2d((None, 3)), (x(2, 3, 5, 7),)),
    Case("AdaptiveMaxPool3d", lambda nn: nn.AdaptiveMaxPool3d(2), (x(1, 2, 5, 4, 3),)),
    Case("AdaptiveAvgPool1d", lambda nn: nn.AdaptiveAvgPool1d(5), (x(2, 3, 8),)),
    Case("AdaptiveAvgPool2d", lambda nn: nn.AdaptiveAvgPool2d((3, None)), (x(2, 3, 5, 7),)),
    Case("AdaptiveAvgPool2d_1", lambda nn: nn.AdaptiveAvgPool2d(1), (x(2, 3, 5, 7),)),
    Case("AdaptiveAvgPool3d", lambda nn: nn.AdaptiveAvgPool3d(2), (x(1, 2, 5, 4, 3),)),
]

PADDING = [
    Case("ConstantPad1d", lambda nn: nn.ConstantPad1d((3, 1), 3.5), (x(2, 3, 4),)),
    Case("ConstantPad2d", lambda nn: nn.ConstantPad2d(2, -1.0), (x(2, 3, 4),)),
    Case("ConstantPad3d", lambda nn: nn.ConstantPad3d(1, 0.5), (x(1, 2, 2, 3, 4),)),
    Case("ZeroPad1d", lambda nn: nn.ZeroPad1d(1), (x(2, 3, 4),)),
    Case("ZeroPad2d", lambda nn: nn.ZeroPad2d((1, 0, -1, 2)), (x(2, 3, 4, 5),)),
    Case("ZeroPad3d", lambda nn: nn.ZeroPad3d(1), (x(2, 3, 2, 2, 2),)),
    Case("ReflectionPad1d", lambda nn: nn.ReflectionPad1d((3, 1)), (x(2, 3, 4),)),
    Case("ReflectionPad2d", lambda nn: nn.ReflectionPad2d((1, 1, 2, 0)), (x(1, 2, 3, 3),)),
    Case("ReflectionPad3d", lambda nn: nn.ReflectionPad3d(1), (x(1, 2, 3, 3, 3),)),
    Case("ReplicationPad1d", lambda nn: nn.ReplicationPad1d(2), (x(2, 3, 4),)),
    Case("ReplicationPad2d", lambda nn: nn.ReplicationPad2d(1), (x(1, 2, 3, 3),)),
    Case("ReplicationPad3d", lambda nn: nn.ReplicationPad3d((1, 0, 2, 1, 0, 1)), (x(1, 2, 3, 3, 3),)),
    Case("CircularPad1d", lambda nn: nn.CircularPad1d((2, 1)), (x(1, 2, 4),)),
    Case("CircularPad2d", lambda nn: nn.CircularPad2d(1), (x(1, 2, 3, 3),)),
    Case("CircularPad3d", lambda nn: nn.CircularPad3d(1), (x(1, 2, 3, 3, 3),)),
]

ACTIVATION = [
    Case("Threshold", lambda nn: nn.Threshold(0.1, 20.0), (x(3, 4),)),
    Case("ReLU", lambda nn: nn.ReLU(), (x(3, 4),)),
    Case("RReLU", lambda nn: nn.RReLU(0.1, 0.3), (x(3, 4),), False),
    Case("Hardtanh", lambda nn: nn.Hardtanh(-0.5, 0.7), (x(3, 4),)),
    Case("Hardtanh_old_names", lambda nn: nn.Hardtanh(min_value=-0.5, max_value=0.5), (x(3, 4),)),
    Case("ReLU6", lambda nn: nn.ReLU6(), (x(3, 4) * 6,)),
    Case("Sigmoid", lambda nn: nn.Sigmoid(), (x(3, 4),)),
    Case("Hardsigmoid", lambda nn: nn.Hardsigmoid(), (x(3, 4) * 3,)),
    Case("Tanh", lambda nn: nn.Tanh(), (x(3, 4),)),
    Case("SiLU", lambda nn: nn.SiLU(), (x(3, 4),)),
    Case("Mish", lambda nn: nn.Mish(), (x(3, 4),)),
    Case("Hardswish", lambda nn: nn.Hardswish(), (x(3, 4) * 3,)),
    Case("ELU", lambda nn: nn.ELU(0.7), (x(3, 4),)),
    Case("CELU", lambda nn: nn.CELU(2.0), (x(3, 4),)),
    Case("SELU", lambda nn: nn.SELU(), (x(3, 4),)),
    Case("GLU", lambda nn: nn.GLU(1), (x(3, 4),)),
    Case("GELU", lambda nn: nn.GELU(), (x(3, 4),)),
    Case("GELU_tanh", lambda nn: nn.GELU(approximate="tanh"), (x(3, 4),)),
    Case("Hardshrink", lambda nn: nn.Hardshrink(0.4), (x(3, 4),)),
    Case("LeakyReLU", lambda nn: nn.LeakyReLU(0.2), (x(3, 4),)),
    Case("LogSigmoid", lambda nn: nn.LogSigmoid(), (x(3, 4),)),
    Case("Softplus", lambda nn: nn.Softplus(2, 1), (x(3, 4),)),
    Case("Softshrink", lambda nn: nn.Softshrink(0.4), (x(3, 4),)),
    Case("PReLU", lambda nn: nn.PReLU(), (x(3, 4),)),
    Case("PReLU_channels", lambda nn: nn.PReLU(3, init=0.1), (x(2, 3, 4),)),
    Case("Softsign", lambda nn: nn.Softsign(), (x(3, 4),)),
    Case("Tanhshrink", lambda nn: nn.Tanhshrink(), (x(3, 4),)),
    Case("Softmin", lambda nn: nn.Softmin(1), (x(3, 4),)),
    Case("Softmax", lambda nn: nn.Softmax(-1), (x(3, 4),)),
    Case("Softmax2d", lambda nn: nn.Softmax2d(), (x(2, 3, 4, 5),)),
    Case("LogSoftmax", lambda nn: nn.LogSoftmax(0), (x(3, 4),)),
    Case("Dropout", lambda nn: nn.Dropout(0.3), (x(3, 4),), False),
    Case("Dropout1d", lambda nn: nn.Dropout1d(0.3), (x(3, 4, 5),), False),
    Case("Dropout2d", lambda nn: nn.Dropout2d(0.3, inplace=False), (x(3, 4, 5, 6),), False),
    Case("Dropout3d", lambda nn: nn.Dropout3d(0.3), (x(3, 4, 2, 2, 2),), False),
    Case("AlphaDropout", lambda nn: nn.AlphaDropout(0.3), (x(3, 4),), False),
    Case("FeatureAlphaDropout", lambda nn: nn.FeatureAlphaDropout(0.3), (x(3, 4, 2, 2, 2),), False),
]

NORMALIZATION = [
    Case("BatchNorm1d", lambda nn: nn.BatchNorm1d(4), (x(5, 4),)),
    Case("BatchNorm1d_3d", lambda nn: nn.BatchNorm1d(4, momentum=None), (x(5, 4, 3),)),
    Case("BatchNorm1d_nobias", lambda nn: nn.BatchNorm1d(4, bias=False), (x(5, 4),)),
    Case("BatchNorm2d", lambda nn: nn.BatchNorm2d(3, eps=1e-3, momentum=0.3), (x(4, 3, 5, 2),)),
    Case("BatchNorm2d_untracked", lambda nn: nn.BatchNorm2d(3, track_running_stats=False), (x(4, 3, 5, 2),)),
    Case("BatchNorm3d", lambda nn: nn.BatchNorm3d(2, affine=False), (x(3, 2, 2, 3, 4),)),
    Case("LazyBatchNorm1d", lambda nn: nn.LazyBatchNorm1d(), (x(5, 4),)),
    Case("LazyBatchNorm2d", lambda nn: nn.LazyBatchNorm2d(affine=False), (x(5, 4, 2, 2),)),
    Case("InstanceNorm1d", lambda nn: nn.InstanceNorm1d(3), (x(2, 3, 5),)),
    Case(
        "InstanceNorm2d",
        lambda nn: nn.InstanceNorm2d(3, affine=True, track_running_stats=True),
        (x(2, 3, 4, 5),),
    ),
    Case("InstanceNorm2d_unbatched", lambda nn: nn.InstanceNorm2d(3), (x(3, 4, 5),)),
    Case("InstanceNorm3d", lambda nn: nn.InstanceNorm3d(3), (x(2, 3, 2, 2, 2),)),
    Case("LazyInstanceNorm1d", lambda nn: nn.LazyInstanceNorm1d(), (x(2, 3, 5),)),
    Case("LayerNorm", lambda nn: nn.LayerNorm(4), (x(2, 3, 4),)),
    Case("LayerNorm_2d", lambda nn: nn.LayerNorm([3, 4], eps=1e-3, bias=False), (x(2, 3, 4),)),
    Case("LayerNorm_plain", lambda nn: nn.LayerNorm((4,), elementwise_affine=False), (x(2, 3, 4),)),
    Case("RMSNorm", lambda nn: nn.RMSNorm(4), (x(2, 3, 4),)),
    Case("RMSNorm_eps", lambda nn: nn.RMSNorm((3, 4), eps=1e-2, elementwise_affine=False), (x(2, 3, 4),)),
    Case("GroupNorm", lambda nn: nn.GroupNorm(2, 4), (x(3, 4, 5),)),
    Case("GroupNorm_nobias", lambda nn: nn.GroupNorm(4, 4, bias=False), (x(3, 4, 5, 2),)),
    Case("LocalResponseNorm", lambda nn: nn.LocalResponseNorm(3, alpha=0.1), (x(2, 5, 4, 4),)),
    Case("LocalResponseNorm_even", lambda nn: nn.LocalResponseNorm(2, alpha=0.1, k=2.0), (x(2, 5, 4),)),
]

SPARSE_AND_VISION = [
    Case("Embedding", lambda nn: nn.Embedding(6, 3, padding_idx=2), (index(6, 2, 4),)),
    Case("Embedding_scaled", lambda nn: nn.Embedding(6, 3, scale_grad_by_freq=True), (index(3, 7),)),
    Case("Embedding_max_norm", lambda nn: nn.Embedding(6, 3, max_norm=0.5, padding_idx=-1), (index(6, 5),)),
    Case(
        "EmbeddingBag_sum",
        lambda nn: nn.EmbeddingBag(6, 3, mode="sum"),
        (index(6, 7), np.array([0, 2, 2, 5])),
    ),
    Case("EmbeddingBag_mean", lambda nn: nn.EmbeddingBag(6, 3), (index(6, 4, 3),)),
    Case("EmbeddingBag_max", lambda nn: nn.EmbeddingBag(6, 3, mode="max"), (index(6, 7), np.array([0, 3]))),
    Case(
        "EmbeddingBag_padding", lambda nn: nn.EmbeddingBag(6, 3, mode="sum", padding_idx=1), (index(3, 4, 3),)
    ),
    Case("PixelShuffle", lambda nn: nn.PixelShuffle(2), (x(1, 8, 2, 3),)),
    Case("PixelUnshuffle", lambda nn: nn.PixelUnshuffle(2), (x(1, 2, 4, 6),)),
    Case("ChannelShuffle", lambda nn: nn.ChannelShuffle(2), (x(1, 4, 2, 2),)),
    Case("Upsample_nearest", lambda nn: nn.Upsample(scale_factor=2), (x(1, 2, 3, 4),)),
    Case("Upsample_size", lambda nn: nn.Upsample(size=(5, 3)), (x(1, 2, 3, 4),)),
    Case("Upsample_linear", lambda nn: nn.Upsample(scale_factor=1.7, mode="linear"), (x(1, 2, 5),)),
    Case("Upsample_bilinear", lambda nn: nn.Upsample(scale_factor=2, mode="bilinear"), (x(1, 2, 3, 4),)),
    Case(
        "Upsample_corners",
        lambda nn: nn.Upsample(size=7, mode="bilinear", align_corners=True),
        (x(1, 2, 3, 4),),
    ),
    Case("Upsample_bicubic", lambda nn: nn.Upsample(scale_factor=2, mode="bicubic"), (x(1, 2, 3, 4),)),
    Case("Upsample_trilinear", lambda nn: nn.Upsample(scale_factor=2, mode="trilinear"), (x(1, 2, 2, 3, 2),)),
    Case("UpsamplingNearest2d", lambda nn: nn.UpsamplingNearest2d(scale_factor=2), (x(1, 2, 3, 4),)),
    Case("UpsamplingBilinear2d", lambda nn: nn.UpsamplingBilinear2d(size=5), (x(1, 2, 3, 4),)),
    Case("CosineSimilarity", lambda nn: nn.CosineSimilarity(dim=1), (x(3, 4), x(3, 4))),
    Case("PairwiseDistance", lambda nn: nn.PairwiseDistance(p=1.5, keepdim=True), (x(3, 4), x(3, 4))),
]

ATTENTION = [
    Case("MultiheadAttention", lambda nn: nn.MultiheadAttention(8, 2), (x(5, 3, 8), x(7, 3, 8), x(7, 3, 8))),
    Case(
        "MultiheadAttention_self",
        lambda nn: Self(nn, nn.MultiheadAttention(8, 2, batch_first=True)),
        (x(3, 5, 8),),
    ),
    Case(
        "MultiheadAttention_kv",
        lambda nn: nn.MultiheadAttention(
            8, 2, kdim=3, vdim=5, add_bias_kv=True, add_zero_attn=True, bias=False
        ),
        (x(4, 2, 8), x(6, 2, 3), x(6, 2, 5)),
    ),
    Case(
        "MultiheadAttention_masked",
        lambda nn: nn.MultiheadAttention(4, 2),
        (
            x(2, 2, 4),
            x(3, 2, 4),
            x(3, 2, 4),
            np.array([[False, True, False], [False] * 3]),
            True,
            np.array([[False, False, True], [False] * 3]),
            False,
        ),
    ),
    Case("TransformerEncoderLayer", lambda nn: nn.TransformerEncoderLayer(8, 2, 16, 0.0), (x(5, 3, 8),)),
    Case(
        "TransformerEncoderLayer_first",
        lambda nn: nn.TransformerEncoderLayer(
            8, 2, 16, 0.0, "gelu", batch_first=True, norm_first=True, bias=False
        ),
        (x(3, 5, 8),),
    ),
    Case(
        "TransformerDecoderLayer",
        lambda nn: nn.TransformerDecoderLayer(8, 2, 16, 0.0),
        (x(4, 3, 8), x(5, 3, 8)),
    ),
    Case(
        "TransformerEncoder",
        lambda nn: nn.TransformerEncoder(
            nn.TransformerEncoderLayer(8, 2, 16, 0.0), 2, nn.LayerNorm(8), False
        ),
        (x(5, 3, 8),),
    ),
    Case("Transformer", lambda nn: nn.Transformer(8, 2, 1, 1, 16, 0.0), (x(5, 3, 8), x(4, 3, 8))),
    Case(
        "AdaptiveLogSoftmaxWithLoss",
        lambda nn: nn.AdaptiveLogSoftmaxWithLoss(8, 12, [3, 7], 2.0),
        (x(6, 8), index(12, 6)),
    ),
]


def Self(nn: Any, attention: Any) -> Any:
    """A module that attends from its input to itself without asking for the weights."""

    class SelfAttention(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = attention

        def forward(self, x):
            return self.attention(x, x, x, need_weights=False)[0]

    return SelfAttention()


LAYERS = [
    *LINEAR, *CONVOLUTION, *POOLING, *PADDING, *ACTIVATION, *NORMALIZATION, *SPARSE_AND_VISION, *ATTENTION,
]  # fmt: skip
