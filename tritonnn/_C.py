"""What programs take from `torch._C`: the protocol by which calls are taken over, and names of functions in graphs."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from types import SimpleNamespace
from typing import Any

from tritonnn._overriding import (
    DisableTorchFunction,
    DisableTorchFunctionSubclass,
    _disabled_torch_function_impl,
)
from tritonnn._subclass_dispatch import DisableTorchDispatch as _DisableTorchDispatch
from tritonnn._subclass_dispatch import _disabled_torch_dispatch_impl
from tritonnn._tensor import Tensor
from tritonnn.amp import autocast
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


class DispatchKey(Enum):
    """The kinds of autocast, by PyTorch's names of the layers a call goes through; there are no other layers here."""

    AutocastCPU = "cpu"
    AutocastCUDA = "cuda"
    AutocastXPU = "xpu"


class DispatchKeySet:
    """Several of them."""

    def __init__(self, key: DispatchKey | Iterable[DispatchKey]) -> None:
        self.keys = frozenset([key] if isinstance(key, DispatchKey) else key)

    def __or__(self, other: DispatchKeySet) -> DispatchKeySet:
        return DispatchKeySet(self.keys | other.keys)

    def has(self, key: DispatchKey) -> bool:
        """Whether a key is one of them."""
        return key in self.keys


class _ExcludeDispatchKeyGuard:
    """A block without these kinds of autocast."""

    def __init__(self, keys: DispatchKeySet) -> None:
        self._blocks = [autocast(key.value, enabled=False) for key in keys.keys if key.value != "xpu"]

    def __enter__(self) -> None:
        for block in self._blocks:
            block.__enter__()

    def __exit__(self, *exc_info: Any) -> None:
        for block in reversed(self._blocks):
            block.__exit__(*exc_info)


def _get_tracing_state() -> None:
    """What TorchScript is recording: nothing."""


def __getattr__(name: str) -> object:
    if name == "PyTorchFileReader":
        from tritonnn.serialization._reader import PyTorchFileReader

        return PyTorchFileReader
    raise AttributeError(f"tritonnn has no torch._C.{name}")
