"""A place for the settings of PyTorch's compiler: see `config.py`."""

from __future__ import annotations

from tritonnn._inductor import config

__all__ = ["config"]
