"""`torch._VF`: the functions of `torch` by a name that PyTorch's own layers call them by."""

from __future__ import annotations

import sys
from collections.abc import Callable


def __getattr__(name: str) -> Callable:
    value = None if name.startswith("__") else getattr(sys.modules["tritonnn"], name, None)
    if not callable(value):
        raise AttributeError(f"tritonnn has no torch._VF.{name}")
    return value
