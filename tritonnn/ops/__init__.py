"""Every op. Importing this package fills the op table and attaches the methods of Tensor.

Families of functions alone, which neither methods nor other families need, are imported later: when a name is asked for
that is not there, by `tritonnn.nn.functional`, which names what it takes from them, or by `whole`.

What programs call `torch.ops`, operators by namespace, is in `_namespaces.py`.
"""

from __future__ import annotations

import gc
import importlib
from collections.abc import Iterable

from tritonnn._families import modules, public_names

FAMILIES = tuple(public_names(__path__))
LATER = (
    "attention", "convolution", "loss", "normalization", "optimizer", "pooling", "recurrent", "resampling",
    "vision",
)  # fmt: skip


def _read(families: Iterable[str]) -> None:
    """Import families without the cycle collector: what they make stays, and goes to its oldest generation unseen.

    To look through it again and again would take a fifth of the import.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        for family in families:
            modules(importlib.import_module(f"{__name__}.{family}"))
    finally:
        if collecting:
            if not gc.get_freeze_count():  # what others froze would be released with it
                gc.freeze()
                gc.unfreeze()
            gc.enable()


_read([family for family in FAMILIES if family not in LATER])
_is_whole = False


def whole() -> None:
    """Import what is not there yet: for those who look through the op table."""
    global _is_whole
    if not _is_whole:
        _read(LATER)
        _is_whole = True
