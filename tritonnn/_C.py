"""What programs take from `torch._C` of the protocol by which calls are taken over."""

from __future__ import annotations

from tritonnn._overriding import (
    DisableTorchFunction,
    DisableTorchFunctionSubclass,
    _disabled_torch_function_impl,
)
from tritonnn._subclass_dispatch import DisableTorchDispatch as _DisableTorchDispatch
from tritonnn._subclass_dispatch import _disabled_torch_dispatch_impl
from tritonnn._tensor import Tensor
from tritonnn.device import get_default_device
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


def __getattr__(name: str) -> object:
    if name == "PyTorchFileReader":
        from tritonnn.serialization._reader import PyTorchFileReader

        return PyTorchFileReader
    raise AttributeError(f"tritonnn has no torch._C.{name}")
