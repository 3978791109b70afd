"""The gradients of convolutions as functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.autograd.api import grad
from tritonnn.nn import functional as F
from tritonnn.recording.grad_mode import enable_grad, is_grad_enabled

IntOrInts = int | tuple[int, ...]

__all__ = ["conv1d_input", "conv1d_weight", "conv2d_input", "conv2d_weight", "conv3d_input", "conv3d_weight"]


def _of_input(name: str, convolution: Callable[..., Any]) -> Callable[..., Any]:
    def gradient(
        input_size: Sequence[int], weight: Tensor, grad_output: Tensor, stride: IntOrInts = 1,
        padding: IntOrInts | str = 0, dilation: IntOrInts = 1, groups: int = 1,
    ) -> Any:  # fmt: skip
        place: Any = grad_output
        place = place.new_zeros(tuple(input_size))
        return _gradient(
            place, lambda x: convolution(x, weight, None, stride, padding, dilation, groups), grad_output
        )

    gradient.__name__ = gradient.__qualname__ = f"{name}_input"
    gradient.__doc__ = f"""The gradient of `{name}` for its input.

    Args:
        input_size: shape of the input.
        weight: of the convolution.
        grad_output: gradient of the convolution's output.
        stride, padding, dilation, groups: of the convolution.
    """
    return gradient


def _of_weight(name: str, convolution: Callable[..., Any]) -> Callable[..., Any]:
    def gradient(
        input: Tensor, weight_size: Sequence[int], grad_output: Tensor, stride: IntOrInts = 1,
        padding: IntOrInts | str = 0, dilation: IntOrInts = 1, groups: int = 1,
    ) -> Any:  # fmt: skip
        place: Any = grad_output
        place = place.new_zeros(tuple(weight_size))
        return _gradient(
            place, lambda w: convolution(input, w, None, stride, padding, dilation, groups), grad_output
        )

    gradient.__name__ = gradient.__qualname__ = f"{name}_weight"
    gradient.__doc__ = f"""The gradient of `{name}` for its weight.

    Args:
        input: of the convolution.
        weight_size: shape of the weight.
        grad_output: gradient of the convolution's output.
        stride, padding, dilation, groups: of the convolution.
    """
    return gradient


def _gradient(place: Tensor, function: Callable[[Any], Any], grad_output: Tensor) -> Any:
    """That of a function linear in `place`, whose values therefore do not matter."""
    differentiable = is_grad_enabled()
    with enable_grad():
        output = function(place.requires_grad_())
        return grad(output, place, grad_output, create_graph=differentiable)[0]


conv1d_input = _of_input("conv1d", F.conv1d)
conv2d_input = _of_input("conv2d", F.conv2d)
conv3d_input = _of_input("conv3d", F.conv3d)
conv1d_weight = _of_weight("conv1d", F.conv1d)
conv2d_weight = _of_weight("conv2d", F.conv2d)
conv3d_weight = _of_weight("conv3d", F.conv3d)
