"""torch.ao: quantisation and pruning. It imports; what needs no quantised tensors works, all else is refused."""

from __future__ import annotations

import importlib
from types import ModuleType

__all__ = ["nn", "ns", "pruning", "quantization"]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"tritonnn has no torch.ao.{name}")
