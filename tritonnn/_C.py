"""What programs take from `torch._C` of the protocol by which calls are taken over."""

from __future__ import annotations

from tritonnn._overriding import (
    DisableTorchFunction,
    DisableTorchFunctionSubclass,
    _disabled_torch_function_impl,
)
from tritonnn._subclass_dispatch import DisableTorchDispatch as _DisableTorchDispatch
from tritonnn._subclass_dispatch import _disabled_torch_dispatch_impl
from tritonnn.random import Generator

__all__ = [
    "DisableTorchFunction", "DisableTorchFunctionSubclass", "Generator", "_DisableTorchDispatch",
    "_disabled_torch_dispatch_impl", "_disabled_torch_function_impl",
]  # fmt: skip


def __getattr__(name: str) -> object:
    raise AttributeError(f"tritonnn has no torch._C.{name}")
