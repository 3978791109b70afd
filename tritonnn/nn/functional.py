"""torch.nn.functional: the stateless versions of the layers.

The functions are the ops that the table in `tritonnn/ops` publishes here; each is documented where it is defined.

>>> import tritonnn.nn.functional as F
>>> import tritonnn as torch
>>> F.relu(torch.tensor([-1., 2.]))
tensor([0., 2.])
"""

from __future__ import annotations

import importlib
from typing import Any

# ---- written by `python -m tritonnn.ops stubs` --------------------
from tritonnn.ops.activation.activation import (
    celu_,
    elu_,
    glu,
    hardshrink,
    hardtanh_,
    leaky_relu_,
    prelu,
    relu_,
    rrelu,
    rrelu_,
    selu_,
    softshrink,
    threshold_,
)
from tritonnn.ops.activation.activation import functional_celu as celu
from tritonnn.ops.activation.activation import functional_elu as elu
from tritonnn.ops.activation.activation import functional_hardtanh as hardtanh
from tritonnn.ops.activation.activation import functional_leaky_relu as leaky_relu
from tritonnn.ops.activation.activation import functional_relu as relu
from tritonnn.ops.activation.activation import functional_relu6 as relu6
from tritonnn.ops.activation.activation import functional_selu as selu
from tritonnn.ops.activation.activation import functional_threshold as threshold
from tritonnn.ops.activation.smooth import functional_hardsigmoid as hardsigmoid
from tritonnn.ops.activation.smooth import functional_hardswish as hardswish
from tritonnn.ops.activation.smooth import functional_mish as mish
from tritonnn.ops.activation.smooth import functional_silu as silu
from tritonnn.ops.activation.smooth import gelu, logsigmoid, softplus, softsign, tanhshrink
from tritonnn.ops.attention import scaled_dot_product_attention
from tritonnn.ops.convolution.conv_transpose import conv_transpose1d, conv_transpose2d, conv_transpose3d
from tritonnn.ops.convolution.convolution import conv1d, conv2d, conv3d, conv_tbc
from tritonnn.ops.convolution.fold import fold
from tritonnn.ops.convolution.fold import functional_unfold as unfold
from tritonnn.ops.elementwise.elementwise import sigmoid, tanh
from tritonnn.ops.embedding import functional_embedding as embedding
from tritonnn.ops.embedding import functional_embedding_bag as embedding_bag
from tritonnn.ops.linalg.linalg import linear
from tritonnn.ops.linalg.products import bilinear
from tritonnn.ops.linalg.scaled import ScalingType, SwizzleType, scaled_mm
from tritonnn.ops.loss.binary import binary_cross_entropy, binary_cross_entropy_with_logits
from tritonnn.ops.loss.cross_entropy import cross_entropy, kl_div
from tritonnn.ops.loss.cross_entropy import functional_nll_loss as nll_loss
from tritonnn.ops.loss.ctc import ctc_loss
from tritonnn.ops.loss.distance import cosine_similarity, normalize, pairwise_distance, pdist
from tritonnn.ops.loss.likelihood import gaussian_nll_loss, poisson_nll_loss
from tritonnn.ops.loss.linear_cross_entropy import linear_cross_entropy
from tritonnn.ops.loss.loss import huber_loss, l1_loss, mse_loss, smooth_l1_loss
from tritonnn.ops.loss.margin import (
    cosine_embedding_loss,
    hinge_embedding_loss,
    margin_ranking_loss,
    multi_margin_loss,
    multilabel_margin_loss,
    multilabel_soft_margin_loss,
    soft_margin_loss,
)
from tritonnn.ops.loss.triplet import triplet_margin_loss, triplet_margin_with_distance_loss
from tritonnn.ops.normalization.batch_norm import functional_batch_norm as batch_norm
from tritonnn.ops.normalization.batch_norm import functional_instance_norm as instance_norm
from tritonnn.ops.normalization.batch_norm import local_response_norm
from tritonnn.ops.normalization.normalization import functional_group_norm as group_norm
from tritonnn.ops.normalization.normalization import functional_layer_norm as layer_norm
from tritonnn.ops.normalization.normalization import rms_norm
from tritonnn.ops.padding import pad
from tritonnn.ops.pooling.avg_pool import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
    lp_pool1d,
    lp_pool2d,
    lp_pool3d,
)
from tritonnn.ops.pooling.max_pool import (
    adaptive_max_pool1d,
    adaptive_max_pool1d_with_indices,
    adaptive_max_pool2d,
    adaptive_max_pool2d_with_indices,
    adaptive_max_pool3d,
    adaptive_max_pool3d_with_indices,
    fractional_max_pool2d,
    fractional_max_pool2d_with_indices,
    fractional_max_pool3d,
    fractional_max_pool3d_with_indices,
    max_pool1d,
    max_pool1d_with_indices,
    max_pool2d,
    max_pool2d_with_indices,
    max_pool3d,
    max_pool3d_with_indices,
)
from tritonnn.ops.pooling.max_unpool import max_unpool1d, max_unpool2d, max_unpool3d
from tritonnn.ops.random.dropout import (
    alpha_dropout,
    dropout,
    dropout1d,
    dropout2d,
    dropout3d,
    feature_alpha_dropout,
)
from tritonnn.ops.reduction.counting import one_hot
from tritonnn.ops.resampling.grid_sample import affine_grid, grid_sample
from tritonnn.ops.resampling.interpolate import interpolate, upsample, upsample_bilinear, upsample_nearest
from tritonnn.ops.shape.rearrange import channel_shuffle, pixel_shuffle, pixel_unshuffle
from tritonnn.ops.shape.rearrange import channel_shuffle as native_channel_shuffle
from tritonnn.ops.softmax import functional_log_softmax as log_softmax
from tritonnn.ops.softmax import functional_softmax as softmax
from tritonnn.ops.softmax import gumbel_softmax, softmin

__all__ = [
    "ScalingType",
    "SwizzleType",
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool1d_with_indices",
    "adaptive_max_pool2d",
    "adaptive_max_pool2d_with_indices",
    "adaptive_max_pool3d",
    "adaptive_max_pool3d_with_indices",
    "affine_grid",
    "alpha_dropout",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "batch_norm",
    "bilinear",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "celu",
    "celu_",
    "channel_shuffle",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_tbc",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "cosine_embedding_loss",
    "cosine_similarity",
    "cross_entropy",
    "ctc_loss",
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "elu",
    "elu_",
    "embedding",
    "embedding_bag",
    "feature_alpha_dropout",
    "fold",
    "fractional_max_pool2d",
    "fractional_max_pool2d_with_indices",
    "fractional_max_pool3d",
    "fractional_max_pool3d_with_indices",
    "gaussian_nll_loss",
    "gelu",
    "glu",
    "grid_sample",
    "group_norm",
    "gumbel_softmax",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "hardtanh_",
    "hinge_embedding_loss",
    "huber_loss",
    "instance_norm",
    "interpolate",
    "kl_div",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "leaky_relu_",
    "linear",
    "linear_cross_entropy",
    "local_response_norm",
    "log_softmax",
    "logsigmoid",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "margin_ranking_loss",
    "max_pool1d",
    "max_pool1d_with_indices",
    "max_pool2d",
    "max_pool2d_with_indices",
    "max_pool3d",
    "max_pool3d_with_indices",
    "max_unpool1d",
    "max_unpool2d",
    "max_unpool3d",
    "mish",
    "mse_loss",
    "multi_head_attention_forward",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "native_channel_shuffle",
    "nll_loss",
    "normalize",
    "one_hot",
    "pad",
    "pairwise_distance",
    "pdist",
    "pixel_shuffle",
    "pixel_unshuffle",
    "poisson_nll_loss",
    "prelu",
    "relu",
    "relu6",
    "relu_",
    "rms_norm",
    "rrelu",
    "rrelu_",
    "scaled_dot_product_attention",
    "scaled_mm",
    "selu",
    "selu_",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "soft_margin_loss",
    "softmax",
    "softmin",
    "softplus",
    "softshrink",
    "softsign",
    "tanh",
    "tanhshrink",
    "threshold",
    "threshold_",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
    "unfold",
    "upsample",
    "upsample_bilinear",
    "upsample_nearest",
]

# ---- written by `python -m tritonnn.ops stubs` --------------------

_LAZY = {"multi_head_attention_forward": "tritonnn.nn._multi_head"}  # is built on this module
#: as that, and PyTorch's own business, but other packages take them
_PRIVATE = (
    "_canonical_mask",
    "_in_projection",
    "_in_projection_packed",
    "_none_or_dtype",
    "_verify_batch_size",
)


def __getattr__(name: str) -> Any:
    if name == "_Reduction":
        return importlib.import_module("tritonnn.nn._reduction")
    if name in _LAZY or name in _PRIVATE:
        home = importlib.import_module(_LAZY.get(name, "tritonnn.nn._private"))
        globals()[name] = function = getattr(home, name)
        return function
    from tritonnn.ops import whole
    from tritonnn.table import NAMESPACES

    whole()
    if name in NAMESPACES["functional"]:
        raise AttributeError(f"torch.nn.functional.{name} has an entry but no import here: run `make format`")
    raise AttributeError(f"tritonnn has no torch.nn.functional.{name}")
