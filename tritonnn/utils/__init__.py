"""Data loading, checkpointing and other helpers; submodules are imported when first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_SUBMODULES = frozenset((
    "_pytree", "_python_dispatch", "checkpoint", "data", "deterministic", "dlpack", "flop_counter", "hooks",
    "module_tracker", "safetensors",
))  # fmt: skip
_FUNCTIONS = {"summary": "_summary"}


if TYPE_CHECKING:  # where `__getattr__` would let any name pass
    from tritonnn.utils import (
        _python_dispatch,
        _pytree,
        checkpoint,
        data,
        deterministic,
        dlpack,
        flop_counter,
        hooks,
        module_tracker,
        safetensors,
    )
    from tritonnn.utils._summary import summary
else:

    def __getattr__(name: str) -> Any:
        if name in _SUBMODULES:
            return importlib.import_module(f"{__name__}.{name}")
        if name in _FUNCTIONS:
            return getattr(importlib.import_module(f"{__name__}.{_FUNCTIONS[name]}"), name)
        raise AttributeError(f"tritonnn has no torch.utils.{name}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_SUBMODULES, *_FUNCTIONS})
