"""What programs take from `torch._C` of the protocol by which calls are taken over."""

from __future__ import annotations

from tritonnn._overriding import (
    DisableTorchFunction,
    DisableTorchFunctionSubclass,
    _disabled_torch_function_impl,
)
from tritonnn.random import Generator

__all__ = [
    "DisableTorchFunction",
    "DisableTorchFunctionSubclass",
    "Generator",
    "_disabled_torch_function_impl",
]


def __getattr__(name: str) -> object:
    raise AttributeError(f"tritonnn has no torch._C.{name}")
