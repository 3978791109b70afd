"""Helpers that optimizers of other packages take from PyTorch's base module, under its names."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import tritonnn
from tritonnn._parameter import Parameter
from tritonnn._tensor import Tensor

_foreach_supported_types = [Tensor, Parameter]
_params_doc = "params: parameters, named parameters, or dicts of parameter groups."
_foreach_doc = (
    "foreach (bool, optional): None or True updates all parameters of a group in one call, False one by one."
)
_fused_doc = "fused (bool, optional): whether the step is one kernel."
_capturable_doc = (
    "capturable (bool, optional): keep the count of steps on the device and never read it on the host."
)
_differentiable_doc = "differentiable (bool, optional): let autograd record the step."
_maximize_doc = "maximize (bool, optional): ascend instead of descend."


def _use_grad_for_differentiable(func: Callable[..., Any]) -> Callable[..., Any]:
    """A `step` that autograd records where the optimizer's `differentiable` says so, and else not."""

    @functools.wraps(func)
    def step(self: Any, *args: Any, **kwargs: Any) -> Any:
        with tritonnn.set_grad_enabled(bool(self.defaults["differentiable"])):
            return func(self, *args, **kwargs)

    return step


def _default_to_fused_or_foreach(
    params: list[Tensor], differentiable: bool, use_fused: bool = False
) -> tuple[bool, bool]:
    """Whether a step over these is best fused, or in one call for all: on the GPU, and of plain tensors."""
    if differentiable:
        return False, False
    given = [p for p in params if p is not None]
    plain = all(type(p) in _foreach_supported_types for p in given)
    fused = use_fused and plain and all(p.is_floating_point() for p in given)
    return fused, not fused and plain and all(p.is_cuda for p in given)


def _get_value(x: Any) -> Any:
    return x.item() if isinstance(x, Tensor) else x


def _to_scalar(x: Any) -> Any:
    """A tensor of one element without dimensions; a number as it is."""
    return x.squeeze() if isinstance(x, Tensor) and x.dim() else x


def _stack_if_compiling(x: Any) -> Any:
    return x  # nothing is compiled here


def _view_as_real(params: list[Any], *state_and_grads: list[Any]) -> None:
    """Replace complex tensors by pairs of real numbers in all lists, where the parameter is complex."""
    for i, p in enumerate(params):
        if p.is_complex():
            for tensors in (params, *state_and_grads):
                tensors[i] = tritonnn.view_as_real(tensors[i])


def _get_scalar_dtype(is_fused: bool | None = None) -> Any:
    """The type of counts of steps."""
    wide = not is_fused and tritonnn.get_default_dtype() is tritonnn.float64
    return tritonnn.float64 if wide else tritonnn.float32


def _get_foreach_kernels_supported_devices() -> list[str]:
    return ["cuda"]


def _get_capturable_supported_devices(supports_xla: bool = True) -> list[str]:
    return ["cuda"]  # with or without XLA, whose tensors there are not


def _disable_dynamo_if_unsupported(single_tensor_fn: Callable[..., Any] | None = None) -> Callable[..., Any]:
    return lambda func: func  # nothing is compiled here


__all__ = [
    "_capturable_doc", "_default_to_fused_or_foreach", "_differentiable_doc", "_disable_dynamo_if_unsupported",
    "_foreach_doc", "_foreach_supported_types", "_fused_doc", "_get_capturable_supported_devices",
    "_get_foreach_kernels_supported_devices", "_get_scalar_dtype", "_get_value", "_maximize_doc", "_params_doc",
    "_stack_if_compiling", "_to_scalar", "_use_grad_for_differentiable", "_view_as_real",
]  # fmt: skip
