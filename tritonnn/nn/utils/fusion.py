"""A batch normalisation in evaluation folded into the layer before it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

from tritonnn._parameter import Parameter
from tritonnn._tensor import Tensor
from tritonnn.nn.module import Module
from tritonnn.ops.creation.creation import ones_like, zeros_like

__all__ = ["fuse_conv_bn_eval", "fuse_conv_bn_weights", "fuse_linear_bn_eval", "fuse_linear_bn_weights"]


def fuse_conv_bn_eval(conv: Module, bn: Module, transpose: bool = False) -> Any:
    """A copy of a convolution that computes bn(conv(x)); both must be in evaluation.

    Args:
        conv: the convolution.
        bn: batch normalisation with running statistics.
        transpose: whether it is a transposed one.

    >>> import tritonnn as torch
    >>> conv, bn = torch.nn.Conv2d(1, 2, 3).eval(), torch.nn.BatchNorm2d(2).eval()
    >>> x = torch.randn(1, 1, 4, 4)
    >>> torch.allclose(torch.nn.utils.fuse_conv_bn_eval(conv, bn)(x), bn(conv(x)), atol=1e-6)
    True
    """
    return _fused(conv, bn, partial(fuse_conv_bn_weights, transpose=transpose))


def fuse_linear_bn_eval(linear: Module, bn: Module) -> Any:
    """A copy of a linear layer that computes bn(linear(x)); both must be in evaluation.

    Args:
        linear: the layer.
        bn: batch normalisation with running statistics, of as many features or of one.

    >>> import tritonnn as torch
    >>> linear, bn = torch.nn.Linear(3, 2).eval(), torch.nn.BatchNorm1d(2).eval()
    >>> x = torch.randn(4, 3)
    >>> torch.allclose(torch.nn.utils.fuse_linear_bn_eval(linear, bn)(x), bn(linear(x)), atol=1e-6)
    True
    """
    out, features = linear.out_features, bn.num_features
    assert features in (out, 1), (
        "To fuse, linear.out_features == bn.num_features or bn.num_features == 1, got "
        f"linear.out_features={out} and bn.num_features={features}"
    )
    return _fused(linear, bn, fuse_linear_bn_weights)


def _fused(layer: Module, bn: Module, fuse: Callable[..., tuple[Parameter, Parameter]]) -> Any:
    assert not (layer.training or bn.training), "Fusion only for eval!"
    fused = copy.deepcopy(layer)
    assert bn.running_mean is not None and bn.running_var is not None, (
        "bn.running_mean and bn.running_var must not be None"
    )
    fused.weight, fused.bias = fuse(
        fused.weight, fused.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias
    )
    return fused


def fuse_conv_bn_weights(
    conv_w: Tensor, conv_b: Tensor | None, bn_rm: Tensor, bn_rv: Tensor, bn_eps: float, bn_w: Tensor | None,
    bn_b: Tensor | None, transpose: bool = False,
) -> tuple[Parameter, Parameter]:  # fmt: skip
    """Weight and bias of a convolution with the normalisation of its output folded in.

    Args:
        conv_w, conv_b: of the convolution; no bias counts as 0.
        bn_rm, bn_rv: running mean and variance.
        bn_eps: added to the variance.
        bn_w, bn_b: of the normalisation; None count as 1 and 0.
        transpose: whether the output channels are the weight's dimension 1, as in transposed convolutions.
    """
    bn_w = ones_like(bn_rm) if bn_w is None else bn_w
    bn_b = zeros_like(bn_rm) if bn_b is None else bn_b
    shape = [1] * conv_w.ndim
    shape[1 if transpose else 0] = -1
    return _folded(conv_w, conv_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, shape)


def fuse_linear_bn_weights(
    linear_w: Tensor, linear_b: Tensor | None, bn_rm: Tensor, bn_rv: Tensor, bn_eps: float, bn_w: Tensor,
    bn_b: Tensor,
) -> tuple[Parameter, Parameter]:  # fmt: skip
    """Weight and bias of a linear layer with the normalisation of its output folded in; arguments as above."""
    return _folded(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, [-1, 1])


def _folded(
    weight: Tensor,
    bias: Tensor | None,
    mean: Tensor,
    variance: Tensor,
    eps: float,
    gain: Tensor,
    shift: Tensor,
    shape: list[int],
) -> tuple[Parameter, Parameter]:
    bias = zeros_like(mean) if bias is None else bias
    scale = gain * (variance + eps).rsqrt()
    new_weight = (weight * scale.reshape(shape)).to(weight.dtype)
    new_bias = ((bias - mean) * scale + shift).to(bias.dtype)
    return Parameter(new_weight, weight.requires_grad), Parameter(new_bias, bias.requires_grad)
