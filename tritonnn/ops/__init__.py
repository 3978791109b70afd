"""Every op. Importing this package fills the op table and attaches the methods of Tensor.

What programs call `torch.ops`, operators by namespace, is in `_namespaces.py`.
"""

from __future__ import annotations

import gc
import importlib

from tritonnn._families import modules, public_names

FAMILIES = tuple(public_names(__path__))

_collecting = gc.isenabled()
gc.disable()  # what is made here stays: to look through it again and again takes a tenth of the import
try:
    for family in FAMILIES:
        modules(importlib.import_module(f"{__name__}.{family}"))
finally:
    if _collecting:
        gc.enable()
