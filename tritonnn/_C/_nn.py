"""`torch._C._nn`: functions of `torch.nn.functional` by the names of the operators behind them."""

from __future__ import annotations

from typing import Any

from tritonnn.nn import functional
from tritonnn.nn._convert import _parse_to as _parse_to

_CALLED = {
    "log_sigmoid": "logsigmoid", "max_pool2d_with_indices": "max_pool2d_with_indices",
    "max_pool3d_with_indices": "max_pool3d_with_indices", "cross_entropy_loss": "cross_entropy",
}  # fmt: skip
_SAME = frozenset((
    "adaptive_avg_pool2d", "adaptive_avg_pool3d", "avg_pool2d", "avg_pool3d", "elu", "elu_", "gelu", "glu",
    "hardsigmoid", "hardswish", "hardtanh", "hardtanh_", "leaky_relu", "leaky_relu_", "linear", "mish", "one_hot",
    "pad", "relu6", "scaled_dot_product_attention", "silu", "softplus", "softshrink",
))  # fmt: skip


def flatten_dense_tensors(tensors: Any) -> Any:
    """The elements of tensors, one after another."""
    from tritonnn._utils import _flatten_dense_tensors

    return _flatten_dense_tensors(tensors)


def unflatten_dense_tensors(flat: Any, tensors: Any) -> Any:
    """The parts of a flat tensor, shaped as the tensors."""
    from tritonnn._utils import _unflatten_dense_tensors

    return _unflatten_dense_tensors(flat, tensors)


def __getattr__(name: str) -> Any:
    if name in _SAME or name in _CALLED:
        return getattr(functional, _CALLED.get(name, name))
    raise AttributeError(f"tritonnn has no torch._C._nn.{name}")
