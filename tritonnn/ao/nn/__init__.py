"""Layers of quantised models: the fused ones compute with floats as PyTorch's do, quantised ones are refused."""

from __future__ import annotations

import importlib
from types import ModuleType

__all__ = ["intrinsic", "qat", "quantizable", "quantized"]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"tritonnn has no torch.ao.nn.{name}")
