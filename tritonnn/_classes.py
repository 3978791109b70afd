"""`torch.classes` by the name of the module that PyTorch has it in."""

from __future__ import annotations

from tritonnn import classes

__all__ = ["classes"]
