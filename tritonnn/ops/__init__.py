"""Every op. Importing this package fills the op table and attaches the methods of Tensor.

A name that is no module of it is a namespace of operators, as `torch.ops` has them: see `_namespaces.py`.
"""

from __future__ import annotations

import importlib
from typing import Any

from tritonnn._families import modules, public_names

FAMILIES = tuple(public_names(__path__))

for family in FAMILIES:
    modules(importlib.import_module(f"{__name__}.{family}"))


def __getattr__(name: str) -> Any:
    if name.startswith("_"):  # perhaps a module that is not imported yet
        raise AttributeError(f"tritonnn has no torch.ops.{name}")
    return importlib.import_module(f"{__name__}._namespaces").namespace(name)
