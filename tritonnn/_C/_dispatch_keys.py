"""The layers a call goes through in PyTorch that programs name: here, the kinds of autocast."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Any

from tritonnn.amp import autocast

__all__ = ["DispatchKey", "DispatchKeySet", "_ExcludeDispatchKeyGuard"]


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
