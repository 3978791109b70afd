"""Layers of quantised tensors, refused; `FloatFunctional` computes with floats, as before a model is converted."""

from __future__ import annotations

import importlib
from types import ModuleType

from tritonnn._refusals import QUANTIZED, refused
from tritonnn.ao.nn.quantized.functional_modules import FloatFunctional, FXFloatFunctional

_REFUSED = refused(
    "torch.ao.nn.quantized",
    QUANTIZED,
    classes="BatchNorm2d BatchNorm3d Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d DeQuantize "
    "Dropout ELU Embedding EmbeddingBag GroupNorm Hardswish InstanceNorm1d InstanceNorm2d InstanceNorm3d LSTM "
    "LayerNorm LeakyReLU Linear MultiheadAttention PReLU QFunctional Quantize ReLU6 Sigmoid Softmax",
)
globals().update(_REFUSED)
__all__ = ["FXFloatFunctional", "FloatFunctional", *_REFUSED]


def __getattr__(name: str) -> ModuleType:
    if name in ("dynamic", "functional"):
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"tritonnn has no torch.ao.nn.quantized.{name}")
