"""Every op. Importing this package fills the op table and attaches the methods of Tensor.

A name that is no module of it is a namespace of operators, as `torch.ops` has them: see `_namespaces.py`.
"""

from __future__ import annotations

import gc
import importlib
from typing import Any

from tritonnn._families import modules, public_names

FAMILIES = tuple(public_names(__path__))

_collecting = gc.isenabled()
gc.disable()  # what is made here stays: to look through it again and again takes a fifth of the import
try:
    for family in FAMILIES:
        modules(importlib.import_module(f"{__name__}.{family}"))
finally:
    if _collecting:
        if (
            not gc.get_freeze_count()
        ):  # nothing was frozen by others: so all there is becomes old, unlooked at
            gc.freeze()
            gc.unfreeze()
        gc.enable()


def __getattr__(name: str) -> Any:
    if name.startswith("_"):  # perhaps a module that is not imported yet
        raise AttributeError(f"tritonnn has no torch.ops.{name}")
    return importlib.import_module(f"{__name__}._namespaces").namespace(name)
