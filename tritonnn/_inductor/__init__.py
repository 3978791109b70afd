"""The settings and options of PyTorch's compiler, which programs set and ask for."""

from __future__ import annotations

from tritonnn._inductor import config
from tritonnn._inductor._options import list_mode_options, list_options

__all__ = ["config", "list_mode_options", "list_options"]
