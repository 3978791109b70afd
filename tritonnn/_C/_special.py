"""`torch._C._special`: where pickles that PyTorch wrote look for functions of `torch.special`."""

from __future__ import annotations

from typing import Any

import tritonnn


def __getattr__(name: str) -> Any:
    function = (
        getattr(tritonnn.special, name.removeprefix("special_"), None) if name[:8] == "special_" else None
    )
    if function is None:
        raise AttributeError(f"tritonnn has no torch._C._special.{name}")
    return function
