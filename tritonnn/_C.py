"""What programs take from `torch._C`: the protocol by which calls are taken over, and names of functions in graphs."""

from __future__ import annotations

from types import SimpleNamespace

from tritonnn._overriding import (
    DisableTorchFunction,
    DisableTorchFunctionSubclass,
    _disabled_torch_function_impl,
)
from tritonnn.nn import functional
from tritonnn.random import Generator

__all__ = [
    "DisableTorchFunction",
    "DisableTorchFunctionSubclass",
    "Generator",
    "_disabled_torch_function_impl",
]


#: the functions that graphs call by these names
_nn = SimpleNamespace(
    **{
        name: getattr(functional, name)
        for name in (
            "avg_pool2d", "avg_pool3d", "elu_", "gelu", "hardtanh_", "leaky_relu_", "linear", "one_hot",
            "scaled_dot_product_attention", "softplus",
        )
    },
    log_sigmoid=functional.logsigmoid,
)  # fmt: skip


def __getattr__(name: str) -> object:
    raise AttributeError(f"tritonnn has no torch._C.{name}")
