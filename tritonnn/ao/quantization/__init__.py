"""torch.ao.quantization: stubs and the fusion of layers work with floats; making quantised models is refused."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

from tritonnn._refusals import QUANTIZED
from tritonnn.ao.quantization.fake_quantize import *
from tritonnn.ao.quantization.fuse_modules import *
from tritonnn.ao.quantization.observer import *
from tritonnn.ao.quantization.qconfig import *
from tritonnn.ao.quantization.qconfig_mapping import *
from tritonnn.ao.quantization.quantization_mappings import *
from tritonnn.ao.quantization.quantize import *
from tritonnn.ao.quantization.quantize_fx import *
from tritonnn.ao.quantization.quantize_jit import *
from tritonnn.ao.quantization.stubs import *

_PARTS = (
    "fake_quantize", "fuse_modules", "observer", "qconfig", "qconfig_mapping", "quantization_mappings", "quantize",
    "quantize_fx", "quantize_jit", "stubs",
)  # fmt: skip
__all__ = [name for part in _PARTS for name in sys.modules[f"{__name__}.{part}"].__all__]


def default_eval_fn(model: Callable[[Any], Any], calib_data: Iterable[tuple[Any, Any]]) -> None:
    """Run a model on the inputs of a list of (input, target)."""
    for data, _ in calib_data:
        model(data)


def __getattr__(name: str) -> object:
    raise AttributeError(f"tritonnn has no torch.ao.quantization.{name}: {QUANTIZED}")
