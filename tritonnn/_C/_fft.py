"""`torch._C._fft`: where pickles that PyTorch wrote look for functions of `torch.fft`."""

from __future__ import annotations

from typing import Any

import tritonnn


def __getattr__(name: str) -> Any:
    function = getattr(tritonnn.fft, name.removeprefix("fft_"), None) if name[:4] == "fft_" else None
    if function is None:
        raise AttributeError(f"tritonnn has no torch._C._fft.{name}")
    return function
