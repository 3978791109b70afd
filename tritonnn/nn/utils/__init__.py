"""Utilities for training: gradient clipping, parameters as vectors, sequences, ..."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tritonnn.nn.utils import parametrizations, parametrize, rnn, stateless
from tritonnn.nn.utils.clip_grad import (
    clip_grad_norm,
    clip_grad_norm_,
    clip_grad_value_,
    clip_grads_with_norm_,
    get_total_norm,
)
from tritonnn.nn.utils.convert_parameters import parameters_to_vector, vector_to_parameters
from tritonnn.nn.utils.fusion import (
    fuse_conv_bn_eval,
    fuse_conv_bn_weights,
    fuse_linear_bn_eval,
    fuse_linear_bn_weights,
)
from tritonnn.nn.utils.init import skip_init
from tritonnn.nn.utils.memory_format import (
    convert_conv2d_weight_memory_format,
    convert_conv3d_weight_memory_format,
)
from tritonnn.nn.utils.spectral_norm import remove_spectral_norm, spectral_norm
from tritonnn.nn.utils.weight_norm import remove_weight_norm, weight_norm

if not TYPE_CHECKING:  # it would let any name pass

    def __getattr__(name: str) -> Any:
        if name == "prune":  # there, but not until it is imported, as in PyTorch
            raise AttributeError(
                "torch.nn.utils.prune has to be imported: import torch.nn.utils.prune as prune"
            )
        raise AttributeError(f"tritonnn has no torch.nn.utils.{name}")
