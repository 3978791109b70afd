"""Every op. Importing this package fills the op table and attaches the methods of Tensor."""

from __future__ import annotations

import importlib
import pkgutil

from tritonnn._families import modules

FAMILIES = tuple(
    sorted(info.name for info in pkgutil.iter_modules(__path__) if not info.name.startswith("_"))
)

for family in FAMILIES:
    modules(importlib.import_module(f"{__name__}.{family}"))
