"""What programs take from `torch._C`: the protocol by which calls are taken over, and names of functions in graphs."""

from __future__ import annotations

from types import SimpleNamespace

from tritonnn._overriding import (
    DisableTorchFunction,
    DisableTorchFunctionSubclass,
    _disabled_torch_function_impl,
)
from tritonnn._subclass_dispatch import DisableTorchDispatch as _DisableTorchDispatch
from tritonnn._subclass_dispatch import _disabled_torch_dispatch_impl
from tritonnn._tensor import Tensor
from tritonnn.device import get_default_device
from tritonnn.nn import functional
from tritonnn.nn._convert import _parse_to
from tritonnn.random import Generator

_TensorMeta = type(Tensor)


def _log_api_usage_once(event: str) -> None:
    """Nothing, as in PyTorch where nobody has asked to be told which libraries are used."""


def _get_default_device() -> str:
    """The type of the default device."""
    return get_default_device().type


__all__ = [
    "DisableTorchFunction", "DisableTorchFunctionSubclass", "Generator", "_DisableTorchDispatch",
    "_TensorMeta", "_get_default_device", "_log_api_usage_once",
    "_disabled_torch_dispatch_impl", "_disabled_torch_function_impl",
]  # fmt: skip


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
    _parse_to=_parse_to,
)  # fmt: skip


def __getattr__(name: str) -> object:
    if name == "PyTorchFileReader":
        from tritonnn.serialization._reader import PyTorchFileReader

        return PyTorchFileReader
    raise AttributeError(f"tritonnn has no torch._C.{name}")
