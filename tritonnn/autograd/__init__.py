"""Reverse-mode differentiation of what was run."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tritonnn.autograd.anomaly import (
    detect_anomaly,
    is_anomaly_check_nan_enabled,
    is_anomaly_enabled,
    set_detect_anomaly,
)
from tritonnn.autograd.api import backward, grad
from tritonnn.recording.grad_mode import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    set_grad_enabled,
    set_multithreading_enabled,
)
from tritonnn.recording.reverse_mode import no_grad

_SUBMODULES = frozenset((
    "functional", "forward_ad", "gradcheck", "function", "grad_mode", "graph", "variable", "anomaly_mode", "profiler",
    "profiler_util",
))  # fmt: skip
_LAZY = {
    "Function": "function", "FunctionCtx": "function", "NestedIOFunction": "function", "Variable": "variable",
    "once_differentiable": "function", "gradgradcheck": "gradcheck", "GradcheckError": "gradcheck",
}  # fmt: skip


if TYPE_CHECKING:  # where `__getattr__` would let any name pass
    from tritonnn.autograd import anomaly
    from tritonnn.autograd import forward_ad as forward_ad
    from tritonnn.autograd import function as function
    from tritonnn.autograd import functional as functional
    from tritonnn.autograd import grad_mode as grad_mode
    from tritonnn.autograd import gradcheck as gradcheck
    from tritonnn.autograd import graph as graph
    from tritonnn.autograd import variable as variable
    from tritonnn.autograd.function import Function as Function
    from tritonnn.autograd.function import FunctionCtx as FunctionCtx
    from tritonnn.autograd.function import NestedIOFunction as NestedIOFunction
    from tritonnn.autograd.function import once_differentiable as once_differentiable
    from tritonnn.autograd.gradcheck import GradcheckError as GradcheckError
    from tritonnn.autograd.gradcheck import gradgradcheck as gradgradcheck
    from tritonnn.autograd.variable import Variable as Variable

    anomaly_mode = anomaly
    profiler: Any  # these two stand above, and see all of autograd
    profiler_util: Any
else:

    def __getattr__(name: str) -> Any:
        if name in _SUBMODULES:
            module = "anomaly" if name == "anomaly_mode" else name
            return importlib.import_module(f"tritonnn.autograd.{module}")
        if name in _LAZY:
            value = getattr(importlib.import_module(f"tritonnn.autograd.{_LAZY[name]}"), name)
            globals()[name] = value
            return value
        raise AttributeError(f"tritonnn has no torch.autograd.{name}")


__all__ = [
    "backward", "detect_anomaly", "enable_grad", "grad", "inference_mode", "is_anomaly_check_nan_enabled",
    "is_anomaly_enabled", "is_grad_enabled",
    "is_inference_mode_enabled", "no_grad", "set_detect_anomaly", "set_grad_enabled",
    "set_multithreading_enabled",
]  # fmt: skip
