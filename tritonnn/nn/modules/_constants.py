"""`__constants__` of layers: which attributes do not change once a layer is made, for programs that add to the list."""

from __future__ import annotations

import sys

#: file -> class -> names
_CONSTANTS: dict[str, dict[str, str]] = {
    "activation": {
        "CELU": "alpha inplace",
        "ELU": "alpha inplace",
        "GELU": "approximate",
        "GLU": "dim",
        "Hardshrink": "lambd",
        "Hardsigmoid": "inplace",
        "Hardswish": "inplace",
        "Hardtanh": "min_val max_val inplace",
        "LeakyReLU": "inplace negative_slope",
        "LogSoftmax": "dim",
        "Mish": "inplace",
        "MultiheadAttention": "batch_first",
        "PReLU": "num_parameters",
        "RReLU": "lower upper inplace",
        "ReLU": "inplace",
        "SELU": "inplace",
        "SiLU": "inplace",
        "Softmax": "dim",
        "Softmin": "dim",
        "Softplus": "beta threshold",
        "Softshrink": "lambd",
        "Threshold": "threshold value inplace",
    },
    "batchnorm": {
        "_NormBase": "track_running_stats momentum eps num_features affine",
    },
    "channelshuffle": {
        "ChannelShuffle": "groups",
    },
    "conv": {
        "_ConvNd": "stride padding dilation groups padding_mode output_padding in_channels out_channels kernel_size",
    },
    "distance": {
        "CosineSimilarity": "dim eps",
        "PairwiseDistance": "norm eps keepdim",
    },
    "dropout": {
        "_DropoutNd": "p inplace",
    },
    "flatten": {
        "Flatten": "start_dim end_dim",
        "Unflatten": "dim unflattened_size",
    },
    "fold": {
        "Fold": "output_size kernel_size dilation padding stride",
        "Unfold": "kernel_size dilation padding stride",
    },
    "linear": {
        "Bilinear": "in1_features in2_features out_features",
        "Linear": "in_features out_features",
    },
    "loss": {
        "BCELoss": "reduction",
        "CTCLoss": "blank reduction",
        "CosineEmbeddingLoss": "margin reduction",
        "CrossEntropyLoss": "ignore_index reduction label_smoothing",
        "GaussianNLLLoss": "full eps reduction",
        "HingeEmbeddingLoss": "margin reduction",
        "HuberLoss": "reduction delta",
        "KLDivLoss": "reduction",
        "L1Loss": "reduction",
        "LinearCrossEntropyLoss": "num_classes out_features reduction ignore_index label_smoothing",
        "MSELoss": "reduction",
        "MarginRankingLoss": "margin reduction",
        "MultiLabelMarginLoss": "reduction",
        "MultiLabelSoftMarginLoss": "reduction",
        "MultiMarginLoss": "p margin reduction",
        "NLLLoss": "ignore_index reduction",
        "PoissonNLLLoss": "log_input full eps reduction",
        "SmoothL1Loss": "reduction",
        "SoftMarginLoss": "reduction",
        "TripletMarginLoss": "margin p eps swap reduction",
        "TripletMarginWithDistanceLoss": "margin swap reduction",
    },
    "normalization": {
        "GroupNorm": "num_groups num_channels eps affine",
        "LayerNorm": "normalized_shape eps elementwise_affine",
        "LocalResponseNorm": "size alpha beta k",
        "RMSNorm": "normalized_shape eps elementwise_affine",
    },
    "padding": {
        "ConstantPad2d": "padding value",
        "ReflectionPad1d": "padding",
        "ReflectionPad2d": "padding",
        "ReflectionPad3d": "padding",
        "ReplicationPad1d": "padding",
        "ReplicationPad2d": "padding",
        "ReplicationPad3d": "padding",
        "_CircularPadNd": "padding",
        "_ConstantPadNd": "padding value",
    },
    "pixelshuffle": {
        "PixelShuffle": "upscale_factor",
        "PixelUnshuffle": "downscale_factor",
    },
    "pooling": {
        "AdaptiveAvgPool1d": "output_size",
        "AdaptiveAvgPool2d": "output_size",
        "AdaptiveAvgPool3d": "output_size",
        "AdaptiveMaxPool1d": "output_size return_indices",
        "AdaptiveMaxPool2d": "output_size return_indices",
        "AdaptiveMaxPool3d": "output_size return_indices",
        "AvgPool1d": "kernel_size stride padding ceil_mode count_include_pad",
        "AvgPool2d": "kernel_size stride padding ceil_mode count_include_pad divisor_override",
        "AvgPool3d": "kernel_size stride padding ceil_mode count_include_pad divisor_override",
        "FractionalMaxPool2d": "kernel_size return_indices output_size output_ratio",
        "FractionalMaxPool3d": "kernel_size return_indices output_size output_ratio",
        "_AvgPoolNd": "kernel_size stride padding ceil_mode count_include_pad",
        "_LPPoolNd": "norm_type kernel_size stride ceil_mode",
        "_MaxPoolNd": "kernel_size stride padding dilation return_indices ceil_mode",
    },
    "rnn": {
        "RNNBase": "mode input_size hidden_size num_layers bias batch_first dropout bidirectional proj_size",
        "RNNCell": "input_size hidden_size bias nonlinearity",
        "RNNCellBase": "input_size hidden_size bias",
    },
    "sparse": {
        "Embedding": "num_embeddings embedding_dim padding_idx max_norm norm_type scale_grad_by_freq sparse",
        "EmbeddingBag": "num_embeddings embedding_dim max_norm norm_type "
        "scale_grad_by_freq mode sparse include_last_offset padding_idx",
    },
    "transformer": {
        "TransformerDecoder": "norm",
        "TransformerDecoderLayer": "norm_first",
        "TransformerEncoder": "norm",
        "TransformerEncoderLayer": "norm_first",
    },
    "upsampling": {
        "Upsample": "size scale_factor mode align_corners name recompute_scale_factor",
    },
}


def set_constants() -> None:
    """Give each class its list, which is its own."""
    for file, classes in _CONSTANTS.items():
        module = sys.modules[f"tritonnn.nn.modules.{file}"]
        for name, names in classes.items():
            getattr(module, name).__constants__ = names.split()
