"""Every op. Importing this package fills the op table and attaches the methods of Tensor."""

from __future__ import annotations

import importlib

from tritonnn._families import modules, public_names

FAMILIES = tuple(public_names(__path__))

for family in FAMILIES:
    modules(importlib.import_module(f"{__name__}.{family}"))
