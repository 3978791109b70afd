"""Utilities for training: gradient clipping, parameters as vectors, sequences, ..."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tritonnn.nn.utils import parametrizations as parametrizations
from tritonnn.nn.utils import parametrize as parametrize
from tritonnn.nn.utils import rnn as rnn
from tritonnn.nn.utils import stateless as stateless
from tritonnn.nn.utils.clip_grad import clip_grad_norm as clip_grad_norm
from tritonnn.nn.utils.clip_grad import clip_grad_norm_ as clip_grad_norm_
from tritonnn.nn.utils.clip_grad import clip_grad_value_ as clip_grad_value_
from tritonnn.nn.utils.clip_grad import clip_grads_with_norm_ as clip_grads_with_norm_
from tritonnn.nn.utils.clip_grad import get_total_norm as get_total_norm
from tritonnn.nn.utils.convert_parameters import parameters_to_vector as parameters_to_vector
from tritonnn.nn.utils.convert_parameters import vector_to_parameters as vector_to_parameters
from tritonnn.nn.utils.fusion import fuse_conv_bn_eval as fuse_conv_bn_eval
from tritonnn.nn.utils.fusion import fuse_conv_bn_weights as fuse_conv_bn_weights
from tritonnn.nn.utils.fusion import fuse_linear_bn_eval as fuse_linear_bn_eval
from tritonnn.nn.utils.fusion import fuse_linear_bn_weights as fuse_linear_bn_weights
from tritonnn.nn.utils.init import skip_init as skip_init
from tritonnn.nn.utils.memory_format import (
    convert_conv2d_weight_memory_format as convert_conv2d_weight_memory_format,
)
from tritonnn.nn.utils.memory_format import (
    convert_conv3d_weight_memory_format as convert_conv3d_weight_memory_format,
)
from tritonnn.nn.utils.spectral_norm import remove_spectral_norm as remove_spectral_norm
from tritonnn.nn.utils.spectral_norm import spectral_norm as spectral_norm
from tritonnn.nn.utils.weight_norm import remove_weight_norm as remove_weight_norm
from tritonnn.nn.utils.weight_norm import weight_norm as weight_norm

if not TYPE_CHECKING:  # it would let any name pass

    def __getattr__(name: str) -> Any:
        if name == "prune":  # there, but not until it is imported, as in PyTorch
            raise AttributeError(
                "torch.nn.utils.prune has to be imported: import torch.nn.utils.prune as prune"
            )
        raise AttributeError(f"tritonnn has no torch.nn.utils.{name}")
