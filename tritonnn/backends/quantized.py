"""Quantized arithmetic, of which tritonnn has none: the only engine is 'none'."""

from __future__ import annotations

import types

from tritonnn.backends._switches import install, switch

engine: str
supported_engines = ["none"]


def _supported(value: str) -> str:
    if value not in supported_engines:
        raise RuntimeError(f"quantized engine {value} is not supported: tritonnn has no quantized arithmetic")
    return value


class _Quantized(types.ModuleType):
    engine = switch("engine", "none", _supported)


install(__name__, _Quantized)
