"""`torch._C._linalg`: where pickles that PyTorch wrote look for functions of `torch.linalg`."""

from __future__ import annotations

from typing import Any

import tritonnn


def __getattr__(name: str) -> Any:
    function = getattr(tritonnn.linalg, name.removeprefix("linalg_"), None) if name[:7] == "linalg_" else None
    if function is None:
        raise AttributeError(f"tritonnn has no torch._C._linalg.{name}")
    return function
